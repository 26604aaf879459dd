"""One log under several tariffs: read once, played under each, with all that limits the answer.

Source: docs/spec/usage.md, Q1 to Q12.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Final

from sim_economy.core.errors import ScenarioError, needing
from sim_economy.core.income_config import EmptyRule, OverdraftRule
from sim_economy.tariffs.allowance_file import read_allowances
from sim_economy.tariffs.bill_rows import BillRow, PlayedTariff, with_changes
from sim_economy.tariffs.logged_turns import LoggedTurns, read_log
from sim_economy.tariffs.tariff import fitted, read_tariff
from sim_economy.tariffs.tariff_run import play_tariff


class TariffComparison:
    """A log under tariffs, the first of which the others are compared with."""

    def __init__(self, log: LoggedTurns, played: Sequence[PlayedTariff]) -> None:
        self.log = log
        self.played = played
        self.names = [own.name for own in played]

    @cached_property
    def rows(self) -> list[BillRow]:
        """A row for each tariff and agent, team, and all."""
        return with_changes(self.played)

    @property
    def is_dry(self) -> bool:
        """True if somebody runs dry under some tariff."""
        return any(own.run.bills.dry.any() for own in self.played if own.run.is_limited)

    @cached_property
    def warnings(self) -> list[str]:
        """Why the answer says less than it seems to, each once, with whose it is."""
        found: dict[str, list[str]] = {}
        for own in self.played:
            for text in (*own.run.warnings, *_of_income(own)):
                found.setdefault(text, []).append(own.name)
        said = [
            text if len(names) == len(self.played) else f"{', '.join(names)}: {text}"
            for text, names in found.items()
        ]
        return [*said, *self._of_all()]

    def _of_all(self) -> Iterator[str]:
        if not any(own.run.is_limited for own in self.played):
            yield "nobody has an allowance, so that nobody can run dry; give a file of them"
        prices = {own.run.tariff.token_price for own in self.played}
        file = self.played[0].allowances
        if file is not None and not file.currency and len(prices) > 1:
            yield (
                "allowances are in tokens, and a token is not worth the same under all tariffs; "
                "set currency in their file"
            )
        if len({own.run.tariff.currency for own in self.played}) > 1:
            yield "tariffs are not in one currency, so that fees are compared in tokens"


def _of_income(own: PlayedTariff) -> Iterator[str]:
    """The known limits of a tariff's rules of income, in words."""
    income = own.run.config.income
    if income is None:
        return
    if own.periods.partial:
        yield (
            f"partial periods of the log: {own.periods.partial}; they are granted in full, "
            "and left out where the grant that suffices is sought (set start and end of the log)"
        )
    if income.when_empty is EmptyRule.DEBT:
        if income.overdraft is OverdraftRule.FORGIVEN:
            yield "debt is forgiven as a period begins, so that nothing binds"
    elif own.run.bills.denied.any():
        yield ("what is refused is lost: demand is replayed, nobody waits or takes another model")
    if income.when_empty is EmptyRule.STOP and (own.run.bills.balances < 0).any():
        yield "under stop a turn that began is billed whole, so that balances end below zero"


_NEEDS: Final = "the bills of a log"


def compare_tariffs(
    usage: Path,
    tariffs: Sequence[Path],
    allowances: Path | None = None,
    *,
    turn_length: str = "1d",
    timezone: str = "UTC",
    start: str | None = None,
    end: str | None = None,
) -> TariffComparison:
    """Play a log under each tariff.

    Args:
        usage: Usage rows, as `sim-economy usage` writes them.
        tariffs: Files, at least one.
        start: A date in turn 1; that of the first row when None.
        end: The last date; that of the last row when None.

    Raises:
        ScenarioError: A file is wrong, or they do not go together.
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    if not tariffs:
        raise ScenarioError(["tariff: name at least one"])
    with needing(_NEEDS, "report"):
        log = read_log(usage, turn_length=turn_length, timezone=timezone, start=start, end=end)
        models = log.counted.totals()
        file = None if allowances is None else read_allowances(allowances)
        read = [read_tariff(path, models) for path in tariffs]
        _check_names([tariff.name for tariff in read])
        most = Decimal(0) if file is None else file.most
        fitting = [fitted(tariff, log.counted, most) for tariff in read]
        runs = [play_tariff(log, tariff, file) for tariff in fitting]
        return TariffComparison(log, [PlayedTariff(log, run, file) for run in runs])


def _check_names(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ScenarioError([f"tariff: two are named {twice[0]}; set name in one of the files"])
