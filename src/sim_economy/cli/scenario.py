"""`init` and `completion`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from sim_economy.agents.catalogue import (
    Offer,
    choices,
    offers,
    policy_class,
    policy_parameters,
)
from sim_economy.cli.output import print_json, print_table
from sim_economy.core.errors import ScenarioError, StoreError
from sim_economy.core.scenario import written
from sim_economy.experiments.treatment import SHIPPED, shipped_text
from sim_economy.session.presets import PRESETS


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


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def policies(name: str | None, as_json: bool) -> int:
    """List the policies that are shipped or installed; with NAME, one of them.

    Exits with 1 if one of them cannot be loaded.
    """
    known = offers()
    if name is not None:
        policy_class(name)
        known = {name: known[name]}
    listed = [_described(offer, len(same) > 1) for same in known.values() for offer in same]
    if as_json:
        print_json(listed)
    else:
        rows = [
            [offer["policy"], offer["distribution"], offer.get("problem") or offer["summary"]]
            for offer in listed
        ]
        print_table("policies", ("policy", "distribution", "what it does"), rows)
        parameters = [
            [offer["policy"], parameter["name"], parameter["default"], parameter["meaning"]]
            for offer in listed
            for parameter in offer["parameters"]
        ]
        if parameters:
            columns = ("policy", "parameter", "default", "meaning")
            print_table("their parameters", columns, parameters)
    return 1 if any("problem" in offer for offer in listed) else 0


def _described(offer: Offer, several: bool) -> dict[str, Any]:
    """One policy as plain values; with a `problem` where it cannot be used."""
    described: dict[str, Any] = {
        "policy": offer.name,
        "distribution": offer.distribution,
        "summary": "",
        "parameters": [],
    }
    try:
        found = policy_class(offer.name) if several else offer.load()
    except ScenarioError as error:
        return {**described, "problem": str(error)}
    described["summary"] = next(iter((found.__doc__ or "").strip().splitlines()), "")
    described["parameters"] = [
        {
            "name": name,
            "default": written(parameter, default),
            "kind": choices(parameter, default),
            "meaning": parameter.meaning,
        }
        for name, (parameter, default) in policy_parameters(found).items()
    ]
    return described


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
