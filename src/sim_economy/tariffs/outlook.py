"""What lies beyond the log: grants that would have sufficed, dates ahead, chances of next month.

Source: docs/spec/usage.md, Q9 to Q11.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.income_config import EmptyRule, IncomeConfig
from sim_economy.core.randomness import draw_below, seed_key
from sim_economy.core.units import Millionths
from sim_economy.statistics.intervals import wilson_interval
from sim_economy.tariffs.allowance_file import AllowanceFile
from sim_economy.tariffs.column_billing import AskedUsage, GrantedIncome, billed_columns
from sim_economy.tariffs.logged_turns import LoggedTurns
from sim_economy.tariffs.tariff_run import TariffRun
from sim_economy.usage.civil_time import first_instant, resolve_periods, turn_calendar

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WEEK: Final = 7
_WEEK_SECONDS: Final = 7 * 86_400
DAYS_AHEAD: Final = 30
_DAYS_LEAST: Final = 7
REPLICATES: Final = 1000


class Periods(NamedTuple):
    """The periods of grants that lie in a log.

    Attributes:
        first: The first turn of those that are whole; 0 where none is.
        last: Their last turn.
        whole: How many they are.
        partial: How many of them the log has in part.
    """

    first: int
    last: int
    whole: int
    partial: int


def whole_periods(log: LoggedTurns, run: TariffRun, file: AllowanceFile | None) -> Periods:
    """The periods that the log holds from beginning to end; without any, the log is one."""
    income = run.config.income
    if income is None or not _has_periods(income):
        return Periods(1, log.turns, 1, 0)
    starts = [turn for turn in range(1, log.turns + 2) if income.period_in(turn)]
    within = sum(turn <= log.turns for turn in starts)
    if starts and file is not None and not _begins_whole(log, file):
        starts = starts[1:]
    whole = len(starts) - 1
    if whole < 1:
        return Periods(0, 0, 0, within)
    return Periods(starts[0], starts[-1] - 1, whole, within - whole)


def _has_periods(income: IncomeConfig) -> bool:
    return income.period_turns is not None or bool(income.period_starts)


def _begins_whole(log: LoggedTurns, file: AllowanceFile) -> bool:
    """Test whether turn 1 is the first of a period, not one in its midst."""
    calendar, period = log.dates, file.period
    if calendar is None or period is None:
        return True
    begins = calendar.bounds[0]
    around = turn_calendar(calendar.length, calendar.zone, begins - 1, begins)
    return 2 in resolve_periods(period, around, 2)


def sufficient_grants(run: TariffRun, periods: Periods) -> list[int] | None:
    """The least equal grant of each agent without a dry turn in whole periods, `[agent]`.

    Grants alone pay: what was held before, and top-ups, count for nothing. None where no period
    is whole.
    """
    import numpy as np  # noqa: PLC0415

    if not periods.whole:
        return None
    income = replace(run.config.income or IncomeConfig(), top_ups=())
    if not _has_periods(income):
        income = replace(income, period_starts=(1,))
    config = replace(run.config, income=income)
    asked = run.asked.during(periods.first, periods.last)
    agents = asked.units.shape[1]
    low = np.full(agents, -1, dtype=object)
    high = asked.fees.sum(axis=0).astype(object) + 1
    while (high - low > 1).any():
        middle = (low + high) // 2
        bills = billed_columns(
            asked, config, grants=middle, opening=[0] * agents, first_turn=periods.first
        )
        is_dry = bills.dry.any(axis=0) | (middle < 0)
        low, high = np.where(is_dry, middle, low), np.where(is_dry, high, middle)
    return [int(grant) for grant in high]


def dry_ahead(log: LoggedTurns, run: TariffRun) -> list[int | None]:
    """The turn after the log in which each agent runs dry at its present rate, `[agent]`.

    The rate is the mean of what it asked for in the last seven days, or seven turns without
    dates. Grants go on. None where it does not within a year.
    """
    import numpy as np  # noqa: PLC0415

    if not run.is_limited:
        return [None] * len(log.agents)
    recent = min(log.turns, _recent_turns(log))
    sums = run.asked.fees[-recent:].sum(axis=0).astype(object)
    steps = np.arange(1, log.ahead + 1, dtype=object)[:, None]
    # Whole tokens that come to the mean exactly, after any number of turns.
    fees = steps * sums // recent - (steps - 1) * sums // recent
    if int(fees.max(initial=0)) * log.ahead < 2**60:
        fees = fees.astype(np.int64)
    dry = _in_debt(run, fees, log.turns + 1)
    return [int(own.argmax()) + log.turns + 1 if own.any() else None for own in dry.T]


def _recent_turns(log: LoggedTurns) -> int:
    calendar = log.dates
    if calendar is None:
        return _WEEK
    return max(1, _WEEK_SECONDS // calendar.length.shortest_seconds)


def _in_debt(run: TariffRun, fees: NDArray[Any], first_turn: int) -> NDArray[Any]:
    """Dry turns of fees after the log; until the first one every `when_empty` is alike."""
    income = replace(run.config.income, when_empty=EmptyRule.DEBT)  # type: ignore[type-var]
    config = replace(run.config, income=income, interest_rate_per_turn=Millionths(0))
    asked = AskedUsage(units=fees, billable=fees, fees=fees)
    opening = [int(balance) for balance in run.bills.balances[-1]]
    return billed_columns(asked, config, opening=opening, first_turn=first_turn).dry


class Chance(Struct, frozen=True, kw_only=True):
    """How often a team runs dry in the days after the log, of many drawn months.

    Attributes:
        low: Of the interval of the drawing, 95 %.
    """

    team: str
    dry: int
    months: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The chance, from 0 to 1."""
        return self.dry / self.months


def chances(log: LoggedTurns, run: TariffRun) -> list[Chance] | None:
    """The chance that each team runs dry in the 30 days after the log.

    Whole days of the log are drawn again with replacement, all agents' together; weekdays are not
    told apart. None where the log has fewer than seven days, turns longer than a day, or nobody
    has an allowance.
    """
    days = whole_days(log)
    if not run.is_limited or days is None or len(days) < _DAYS_LEAST:
        return None
    import numpy as np  # noqa: PLC0415

    fees = np.array([run.asked.fees[first - 1 : last].sum(axis=0) for first, last in days])
    dry = _drawn_months(run, fees, _future_days(log))
    return [
        _chance(team, int(dry[:, columns].any(axis=1).sum()))
        for team, columns in {**log.teams, "": [*range(len(log.agents))]}.items()
    ]


def _chance(team: str, dry: int) -> Chance:
    low, high = wilson_interval(dry, REPLICATES)
    assert low is not None
    assert high is not None
    return Chance(team=team, dry=dry, months=REPLICATES, low=low, high=high)


def _drawn_months(run: TariffRun, fees: NDArray[Any], ahead: Sequence[range]) -> NDArray[Any]:
    """Whether each agent runs dry, `[month, agent]`."""
    import numpy as np  # noqa: PLC0415

    key = seed_key(0)
    drawn = np.array(
        [
            [
                draw_below(len(fees), key, month, "day of next month", day)
                for day in range(len(ahead))
            ]
            for month in range(1, REPLICATES + 1)
        ]
    )
    income = GrantedIncome.of(run.config, fees.shape[1])
    opening = [int(balance) for balance in run.bills.balances[-1]]
    balance = np.broadcast_to(income.as_numbers(opening), (REPLICATES, fees.shape[1]))
    dry = np.zeros(balance.shape, dtype=bool)
    for index, turns in enumerate(ahead):
        for turn in turns:
            balance = income.paid(balance, turn)
        due = fees[drawn[:, index]]
        dry |= (due > np.maximum(balance, 0)).astype(bool)
        balance = balance - due
    return dry


def whole_days(log: LoggedTurns) -> list[tuple[int, int]] | None:
    """The first and the last turn of each whole day; a turn is a day where it has no date."""
    calendar = log.dates
    if calendar is None:
        return [(turn, turn) for turn in range(1, log.turns + 1)]
    if not calendar.length.minutes and calendar.length.shortest_seconds > _WEEK_SECONDS // _WEEK:
        return None
    found = [
        (turns[0], turns[-1])
        for _, own in groupby(range(1, log.turns + 1), key=calendar.date_of)
        if (turns := [*own])
    ]
    zone = calendar.zone
    if first_instant(calendar.date_of(1), zone) != calendar.bounds[0]:
        found = found[1:]
    if found and calendar.date_of(log.turns + 1) == calendar.date_of(log.turns):
        found = found[:-1]
    return found


def _future_days(log: LoggedTurns) -> list[range]:
    """The turns of each of the 30 days after the log."""
    first = log.turns + 1
    calendar = log.dates
    if calendar is None:
        return [range(turn, turn + 1) for turn in range(first, first + DAYS_AHEAD)]
    by_day = groupby(range(first, log.turns + log.ahead + 1), key=calendar.date_of)
    starts = []
    for _, own in by_day:
        starts.append(next(own))
        if len(starts) > DAYS_AHEAD:
            break
    return [range(begins, ends) for begins, ends in pairwise(starts)]
