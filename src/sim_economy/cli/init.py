"""`init`."""

from __future__ import annotations

from pathlib import Path

import click

from sim_economy.core.errors import StoreError
from sim_economy.scenarios.presets import PRESETS
from sim_economy.scenarios.scenario import SHIPPED, shipped_text


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path("scenario.toml"))
@click.option(
    "--from",
    "--preset",
    "origin",
    type=click.Choice(SHIPPED),
    default="as-run",
    show_default=True,
    help="Start from a shipped one.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(path: Path, origin: str, force: bool) -> int:
    """Write a commented scenario file to PATH."""
    text = shipped_text(origin).replace(f'name = "{origin}"', f'name = "{path.stem}"')
    if origin in PRESETS:
        usage = "\n".join(_USAGE)
        text = text.replace('source = "published"', f'{usage}\nsource = "published"')
        heading = (
            f'[world]\npreset = "{origin}"  # for every key left out\n'
            '# agent_ids = ["coder", "critic"]  # names of your own; then drop num_agents'
        )
        text = text.replace("\n[world]\n", f"\n{heading}\n")
        text = text.replace('policy = "published"', f'{_POPULATION}\npolicy = "published"')
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.UsageError(f"{path} exists already; name another file or use --force") from None
    except OSError as error:
        raise StoreError("ledger_unwritable", str(path), f"{error.strerror}") from None
    click.echo(f"wrote {path}; play it with `sim-economy experiment {path}`")
    return 0


_POPULATION = (
    "# One policy for all, or `[[population]]` tables for a mix: see `sim-economy policies` and\n"
    "# `sim-economy init --from market`."
)
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
