"""`init` and `completion`."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import get_completion_class

from sim_economy.core.errors import StoreError
from sim_economy.session.presets import PRESETS, preset_text


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path("scenario.toml"))
@click.option(
    "--preset", type=click.Choice(PRESETS), default="as-run", show_default=True, help="Start from."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(path: Path, preset: str, force: bool) -> int:
    """Write a commented scenario file to PATH."""
    text = preset_text(preset).replace(f'name = "{preset}"', f'name = "{path.stem}"')
    usage = "\n".join(_USAGE)
    text = text.replace('source = "published"', f'{usage}\nsource = "published"')
    heading = (
        f'[world]\npreset = "{preset}"  # for every key left out\n'
        '# agent_ids = ["coder", "critic"]  # names of your own; then drop num_agents'
    )
    text = text.replace("\n[world]\n", f"\n{heading}\n")
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.UsageError(f"{path} exists already; name another file or use --force") from None
    except OSError as error:
        raise StoreError("ledger_unwritable", str(path), f"{error.strerror}") from None
    click.echo(f"wrote {path}; play it with `sim-economy experiment {path}`")
    return 0


_USAGE = (
    "# Where usage comes from. Besides the published draws:",
    "#   measured elsewhere: CSV or Parquet with columns turn, agent, thinking, output:",
    '#     source = "trace"',
    '#     path = "trace.csv"',
    "#     repeat = true      # start again when the trace ends",
    "#   drawn from named distributions (constant, uniform, exponential, lognormal):",
    '#     source = "distribution"',
    '#     thinking = { distribution = "lognormal", median = 180, sigma = 0.6 }',
    '#     output = { distribution = "uniform", low = 40, high = 280 }',
)


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> int:
    """Print the completion script for SHELL.

    Bash: eval "$(sim-economy completion bash)"
    """
    from sim_economy.cli import cli  # noqa: PLC0415

    script = get_completion_class(shell)
    assert script is not None, shell
    click.echo(script(cli, {}, "sim-economy", "_SIM_ECONOMY_COMPLETE").source())
    return 0
