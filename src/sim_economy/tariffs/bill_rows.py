"""What became of each agent and team under each tariff, as rows of a table.

Source: docs/spec/usage.md, Q6 to Q9.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal, localcontext
from functools import cached_property
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict, replace

from sim_economy.tariffs.allowance_file import AllowanceFile
from sim_economy.tariffs.kind_split import KindFee, kind_fees
from sim_economy.tariffs.logged_turns import LoggedTurns
from sim_economy.tariffs.outlook import (
    Chance,
    Periods,
    chances,
    dry_ahead,
    sufficient_grants,
    whole_periods,
)
from sim_economy.tariffs.tariff_run import TariffRun

AGENT: Final = "agent"
TEAM: Final = "team"
ALL: Final = "all"


class BillRow(Struct, frozen=True, kw_only=True):
    """One line of `whatif.csv`.

    Attributes:
        level: `agent`, `team` or `all`.
        units_asked: Thinking after its discount, and output; free ones too.
        fee_money: In the tariff's currency; None where it has none.
        share_percent: Of all fees of the tariff, in percent.
        change_percent: From the first tariff, in percent; None of it, and where that fee is 0.
        logged_cost: What the log itself says was paid.
        first_dry_date: The turn's date, or its number.
        turns_dry: Turns in which it is dry; of a team, in which one of its agents is.
        lowest_balance: At the end of a turn; of a team, of the sum.
        next_dry_date: When it runs dry after the log at its present rate, within a year.
        periods_whole: Periods of grants that the log holds whole; `periods_partial` in part.
        sufficient_allowance: The least grant without a dry turn in whole periods.
    """

    tariff: str
    level: str
    team: str
    agent: str
    units_asked: int
    units_billed: int
    units_denied: int
    fee: int
    fee_money: Decimal | None
    currency: str
    share_percent: float | None
    change_percent: float | None = None
    logged_cost: Decimal | None
    first_dry_turn: int | None
    first_dry_date: str
    turns_dry: int
    lowest_balance: int | None
    next_dry_turn: int | None
    next_dry_date: str
    periods_whole: int
    periods_partial: int
    sufficient_allowance: int | None

    @property
    def plain(self) -> dict[str, Any]:
        """The row as it is written, under the names of its columns."""
        row = asdict(self)
        for key in ("fee_money", "logged_cost"):
            row[key] = None if row[key] is None else decimal_text(row[key])
        for key in ("share_percent", "change_percent"):
            row[key] = None if row[key] is None else round(row[key], 2)
        return row


def decimal_text(amount: Decimal) -> str:
    """An amount of money in full, without an exponent."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class PlayedTariff:
    """A tariff with what it comes to, for each agent and each team."""

    def __init__(self, log: LoggedTurns, run: TariffRun, allowances: AllowanceFile | None) -> None:
        self.log = log
        self.run = run
        self.allowances = allowances
        self.name = run.tariff.name

    @cached_property
    def periods(self) -> Periods:
        """Which periods of grants the log holds."""
        return whole_periods(self.log, self.run, self.allowances)

    @cached_property
    def sufficient(self) -> list[int] | None:
        """The least grant that would have sufficed, `[agent]`."""
        return sufficient_grants(self.run, self.periods)

    @cached_property
    def ahead(self) -> list[int | None]:
        """When each agent runs dry after the log, `[agent]`."""
        return dry_ahead(self.log, self.run)

    @cached_property
    def dry_turns(self) -> list[list[int]]:
        """The turns in which each agent is dry, `[agent]`."""
        return self.run.dry_turns

    @cached_property
    def kind_fees(self) -> list[KindFee]:
        """What each team pays for each day, model and kind of tokens."""
        return [*kind_fees(self.log, self.run)]

    @cached_property
    def chances(self) -> list[Chance] | None:
        """The chance of each team to run dry in the days after the log."""
        return chances(self.log, self.run)

    @cached_property
    def less(self) -> TariffRun:
        """The same with all use 10 % lower."""
        return self.run.with_less()

    @cached_property
    def rows(self) -> list[BillRow]:
        """A row for each agent, for each team, and for all."""
        log = self.log
        agents = [
            self._row(AGENT, log.agents[index].team, name, [index])
            for index, name in enumerate(log.names)
        ]
        teams = []
        if log.has_teams:
            teams = [self._row(TEAM, team, "", own) for team, own in log.teams.items()]
        return [*agents, *teams, self._row(ALL, "", "", [*range(len(agents))])]

    def row_of(self, level: str, name: str = "") -> BillRow:
        """The row of an agent, a team or all."""
        found = [row for row in self.rows if row.level == level]
        return next(row for row in found if name in {row.agent or row.team, ""} or level == ALL)

    def _row(self, level: str, team: str, agent: str, own: Sequence[int]) -> BillRow:
        run, bills = self.run, self.run.bills
        fee, total = _sum(bills.fees, own), run.fees_total
        dry = sorted({turn for index in own for turn in self.dry_turns[index]})
        ahead = min((turn for index in own if (turn := self.ahead[index])), default=None)
        sums = bills.balances[:, [*own]].sum(axis=1)
        return BillRow(
            tariff=self.name,
            level=level,
            team=team,
            agent=agent,
            units_asked=_sum(run.asked.units, own),
            units_billed=_sum(bills.billed, own),
            units_denied=_sum(bills.denied, own),
            fee=fee,
            fee_money=run.tariff.money(fee),
            currency=run.tariff.currency,
            share_percent=100 * fee / total if total else None,
            logged_cost=self._logged_cost(own),
            first_dry_turn=dry[0] if dry else None,
            first_dry_date=self.log.label(dry[0]) if dry else "",
            turns_dry=len(dry),
            lowest_balance=int(sums.min()) if run.is_limited else None,
            next_dry_turn=ahead,
            next_dry_date=self.log.label(ahead) if ahead else "",
            periods_whole=self.periods.whole,
            periods_partial=self.periods.partial,
            sufficient_allowance=(
                None if self.sufficient is None else sum(self.sufficient[index] for index in own)
            ),
        )

    def _logged_cost(self, own: Iterable[int]) -> Decimal | None:
        costs = self.log.costs
        if costs is None:
            return None
        agents = [self.log.agents[index] for index in own]
        with localcontext(Context(prec=100)):
            found = [costs[agent] for agent in agents if agent in costs]
            return sum(found, Decimal(0)) if found else None


def _sum(columns: Any, own: Sequence[int]) -> int:
    return sum(int(value) for value in columns[:, [*own]].sum(axis=0))


def with_changes(played: Sequence[PlayedTariff]) -> list[BillRow]:
    """The rows of all tariffs, each with its change from the first.

    Fees are compared in money where all are in one currency, else in tokens.
    """
    first, in_money = played[0], is_in_money([own.run for own in played])
    found = []
    for own in played:
        for row, base in zip(own.rows, first.rows, strict=True):
            old, new = (_compared(each, in_money=in_money) for each in (base, row))
            change = float(100 * (new - old) / old) if own is not first and old else None
            found.append(replace(row, change_percent=change))
    return found


def _compared(row: BillRow, *, in_money: bool) -> Decimal:
    return row.fee_money if in_money and row.fee_money is not None else Decimal(row.fee)


def is_in_money(runs: Sequence[TariffRun]) -> bool:
    """Test whether all tariffs are in one currency."""
    currencies = {run.tariff.currency for run in runs}
    return len(currencies) == 1 and "" not in currencies
