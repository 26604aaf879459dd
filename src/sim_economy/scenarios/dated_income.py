"""The `[income]` table of a file with its periods and dates as turns, as the rules take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from sim_economy.agents.usage_model import UsageSource
from sim_economy.core.table_reader import attempt


@runtime_checkable
class DatedTurns(Protocol):
    """A source of usage whose turns are civil periods."""

    def period_starts(self, period: str, turns: int) -> Sequence[int]:
        """The first turn that starts in each day, week or month of a run, ascending.

        Raises:
            ScenarioError: No such period, or one shorter than a turn.
        """

    def turn_of(self, date: str) -> int:
        """The turn that a date lies in.

        Raises:
            ScenarioError: It is no date, or lies in no turn.
        """


def dated_income(given: Any, usage: UsageSource | None, turns: int, problems: list[str]) -> Any:
    """The table with `period` as `period_starts`, and the `date` of a top-up as its `turn`.

    Args:
        usage: None where it could not be read; its own problems are reported then.
        turns: Of each run.
        problems: Gets everything that is wrong with periods and dates.
    """
    if not isinstance(given, Mapping):
        return given
    table = dict(given)
    if "period" in table:
        period = table.pop("period")
        table["period_starts"] = [1]
        if {"period_turns", "period_starts"} & given.keys():
            problems.append("income.period: set it or the turns of periods, not both")
        elif usage is not None:
            starts = _resolved(usage, "income.period", problems, "period_starts", period, turns)
            table["period_starts"] = list(starts or (1,))
    if isinstance(table.get("top_ups"), list):
        table["top_ups"] = [
            _dated(top_up, usage, f"income.top_ups[{index}]", problems)
            for index, top_up in enumerate(table["top_ups"])
        ]
    return table


def _dated(given: Any, usage: UsageSource | None, path: str, problems: list[str]) -> Any:
    """A top-up whose date is a turn."""
    if not isinstance(given, Mapping) or "date" not in given:
        return given
    table = {key: value for key, value in given.items() if key != "date"}
    if "turn" in given:
        problems.append(f"{path}: set turn or date, not both")
    elif usage is not None:
        turn = _resolved(usage, f"{path}.date", problems, "turn_of", str(given["date"]))
        table["turn"] = turn or 1
    return {"turn": 1, **table}


def _resolved(usage: UsageSource, path: str, problems: list[str], method: str, *given: Any) -> Any:
    if not isinstance(usage, DatedTurns):
        problems.append(f"{path}: needs usage with dated turns; set turns instead")
        return None
    return attempt(problems, f"{path}: ", getattr(usage, method), *given)
