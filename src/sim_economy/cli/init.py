"""`init`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from sim_economy.cli.output import say
from sim_economy.core.errors import StoreError
from sim_economy.core.table_reader import described_parameters
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
@click.option("--models", is_flag=True, help="Add the tables for language models as agents.")
@click.option(
    "--usage",
    "log",
    type=click.Path(path_type=Path),
    help="Play this log of usage: a CSV or Parquet file of usage rows.",
)
@click.option(
    "--prices",
    type=click.Path(path_type=Path),
    help="With --usage: units from prices, a table (TOML) or LiteLLM's list (JSON).",
)
@click.option("--turn-length", default="1d", show_default=True, help="With --usage.")
@click.option("--timezone", default="UTC", show_default=True, help="With --usage.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(
    path: Path,
    origin: str,
    models: bool,
    log: Path | None,
    prices: Path | None,
    turn_length: str,
    timezone: str,
    force: bool,
) -> int:
    """Write a commented scenario file to PATH."""
    if prices is not None and log is None:
        raise click.UsageError("--prices needs --usage: the prices of the log's models are written")
    if log is None:
        text = _commented_text(path, origin, models=models)
    else:
        text = _text_of_log(path, log, prices, turn_length, timezone)
    command = "orchestrate" if models else "experiment"
    _write(path, text, force=force)
    say(f"wrote {path}; play it with `sim-economy {command} {path}`")
    return 0


def _text_of_log(
    path: Path, log: Path, prices: Path | None, turn_length: str, timezone: str
) -> str:
    """The file that plays a log of usage, in units of money where prices are given."""
    from sim_economy.orchestrator.price_weights import price_weights  # noqa: PLC0415
    from sim_economy.scenarios.usage_scenario import usage_scenario  # noqa: PLC0415

    try:
        return usage_scenario(
            log,
            path.parent,
            name=path.stem,
            turn_length=turn_length,
            timezone=timezone,
            weights=None if prices is None else partial(price_weights, prices),
        )
    except ValueError as error:
        raise click.UsageError(f"--turn-length or --timezone {error}") from None


def _commented_text(path: Path, origin: str, *, models: bool) -> str:
    """A shipped file with comments on what else it may say."""
    text = shipped_text(origin).replace(f'name = "{origin}"', f"name = {json.dumps(path.stem)}")
    if origin in PRESETS:
        usage = "\n".join(_USAGE)
        text = text.replace('source = "published"', f'{usage}\nsource = "published"')
        heading = (
            f'[world]\npreset = "{origin}"  # for every key left out\n'
            '# agent_ids = ["coder", "critic"]  # names of your own; then drop num_agents'
        )
        text = text.replace("\n[world]\n", f"\n{heading}\n")
        text = text.replace('policy = "published"', f'{_POPULATION}\npolicy = "published"')
    if models:
        if origin not in PRESETS:
            raise click.UsageError(f"--models starts from a preset: {' or '.join(PRESETS)}")
        text = text.replace(f'{_POPULATION}\npolicy = "published"\n', "")
        text = f"{text.rstrip()}\n\n{_models_tables()}"
    return text


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.UsageError(f"{path} exists already; name another file or use --force") from None
    except OSError as error:
        raise StoreError("ledger_unwritable", str(path), f"{error.strerror}") from None


def _models_tables() -> str:
    """The tables that say which models decide, every key with its meaning."""
    from sim_economy.orchestrator.settings import (  # noqa: PLC0415 - only these tables need it
        ModelSetting,
        RunLimits,
        TurnSettings,
    )

    small = {"provider": '"mock"'}
    return "\n".join(
        [
            "[orchestrator]",
            *_commented(TurnSettings, {}),
            *_commented(RunLimits, {}),
            "",
            "[models.small]                  # as many such tables as there are models",
            *_commented(ModelSetting, small),
            "",
            "[[population]]                  # who decides for whom; several tables for a mix",
            'model = "small"                 # or policy = "miner"',
            'agents = "rest"                 # or how many, or a list of their names',
            "# persona = ...                  # what the model is told about itself",
            "",
        ]
    )


def _commented(table: type[Struct], stated: Mapping[str, str]) -> list[str]:
    """A line for each key: those not stated as comments, with their defaults."""
    lines = []
    for key, (parameter, field) in described_parameters(table).items():
        value = stated.get(key) or as_toml(field.default)
        line = f"{key} = {value}" if key in stated else f"# {key} = {value}"
        lines.append(f"{line:<31} # {parameter.meaning}")
    return lines


def as_toml(default: Any) -> str:
    """A default as a file writes it; of one that a file cannot write, only a place for it."""
    match default:
        case bool():
            return str(default).lower()
        case int() | Decimal():
            return str(default)
        case str() if default:
            return json.dumps(default)
        case _:
            return "..."


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
