"""A scenario file to start from, of a log of usage."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from sim_economy.core.units import decimal_text
from sim_economy.usage.civil_time import parse_turn_length, parse_zone
from sim_economy.usage.counted_usage import CountedUsage
from sim_economy.usage.table_files import columns_of
from sim_economy.usage.unit_weights import UnitTable, least_per
from sim_economy.usage.usage_form import KINDS
from sim_economy.usage.usage_table import CivilTurns, read_counts

_GENESIS: Final = 100_000_000


def usage_scenario(
    path: Path,
    folder: Path,
    *,
    name: str,
    turn_length: str = "1d",
    timezone: str = "UTC",
    weights: Callable[[Iterable[str]], UnitTable] | None = None,
) -> str:
    """The text of a scenario file that plays a log again, one run with everybody idle.

    Args:
        folder: Of the scenario file; the log's path is written relative to it where it can be.
        weights: Gives the weights of the log's models; tokens of thinking and output when None.

    Raises:
        ValueError: There is no such turn length or time zone.
        ScenarioError: The log cannot be read, or a model has no price.
    """
    civil = CivilTurns(parse_turn_length(turn_length), parse_zone(timezone))
    dated = "time" in columns_of(path)
    counted = read_counts(path, civil if dated else None)
    dates = [f'turn_length = "{turn_length}"  # 10m, 1h, 1d, 1w, 1mo', f'timezone = "{timezone}"']
    shown = path.resolve()
    if shown.is_relative_to(folder.resolve()):
        shown = shown.relative_to(folder.resolve())
    return "\n".join(
        [
            "# Measured usage, played again.",
            f"name = {json.dumps(name)}",
            "runs = 1  # usage is measured, so that another run would be the same",
            'policy = "idle"  # nobody earns or trades; they use what the log says',
            "",
            "[usage]",
            'source = "trace"',
            f"path = {json.dumps(shown.as_posix())}",
            *(dates if dated else []),
            "",
            *_units(counted, weights),
            "",
            "[world]",
            'agent_ids = "from usage"',
            "interest_rate_per_turn = 0",
            *(_PRICED if weights else _UNPRICED),
            "",
        ]
    )


_PRICED = (
    "# Units are money already: a fee is what the prices say.",
    "base_inference_rate = 1",
    "thinking_layer_discount = 1",
    "commons_threshold_per_turn = 0",
    f"genesis_tokens_per_agent = {_GENESIS}  # what each agent may spend, in units",
)
_UNPRICED = ("# genesis_tokens_per_agent = ...  # what each agent may spend, in tokens",)


def _units(
    counted: CountedUsage, weights: Callable[[Iterable[str]], UnitTable] | None
) -> list[str]:
    if weights is None:
        stated = " ".join(f"{kind}," for kind in KINDS[:-1])
        return [f"# [usage.units]  # weights of {stated} output; of thinking and output alone now"]
    table = weights(counted.totals())
    per = least_per(counted, replace(table, per=1))
    lines = [
        "[usage.units]  # weights are prices of a million tokens",
        f"currency = {json.dumps(table.currency)}",
        f"per = {per}  # a unit is {'a millionth' if per == 1 else f'{per} millionths'} of it",
    ]
    for model, own in table.by_model.items():
        lines += ["", f"[usage.units.{json.dumps(model)}]"]
        lines += [f"{kind} = {decimal_text(getattr(own, kind), 6)}" for kind in KINDS]
    return lines
