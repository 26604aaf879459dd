"""The `[income]` table of a file with its periods and dates as turns, as the rules take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim_economy.agents.usage_model import UsageSource
from sim_economy.core.table_reader import attempt
from sim_economy.usage.civil_time import TurnCalendar, resolve_periods, turn_of_date
from sim_economy.usage.traced_usage import TracedUsage


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
    calendar = usage.calendar(turns) if isinstance(usage, TracedUsage) else None
    if "period" in table:
        period, starts = table.pop("period"), None
        if {"period_turns", "period_starts"} & given.keys():
            problems.append("income.period: set it or the turns of periods, not both")
        else:
            if usage is not None:
                starts = attempt(problems, "income.", resolve_periods, period, calendar, turns)
            table["period_starts"] = starts or [1]
    if isinstance(table.get("top_ups"), list):
        table["top_ups"] = [
            _dated(top_up, usage is not None, calendar, f"income.top_ups[{index}]", problems)
            for index, top_up in enumerate(table["top_ups"])
        ]
    return table


def _dated(
    given: Any, is_known: bool, calendar: TurnCalendar | None, path: str, problems: list[str]
) -> Any:
    """A top-up whose date is a turn.

    Args:
        is_known: Whether the usage could be read, so that its turns have dates or none.
    """
    if not isinstance(given, Mapping) or "date" not in given:
        return given
    table = {key: value for key, value in given.items() if key != "date"}
    turn = None
    if "turn" in given:
        problems.append(f"{path}: set turn or date, not both")
    elif is_known:
        turn = attempt(problems, f"{path}.", turn_of_date, str(given["date"]), calendar)
    return {"turn": turn or 1, **table}
