"""The answer to "what if": who runs dry under which tariff, and who pays; Markdown sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sim_economy.ledger.readers.plain_numbers import MINUS
from sim_economy.ledger.readers.plain_text import csv_cell, markdown_text, visible
from sim_economy.reports.page.document import sourced
from sim_economy.tariffs.bill_rows import AGENT, ALL, TEAM, BillRow, PlayedTariff, is_in_money
from sim_economy.tariffs.tariff_comparison import TariffComparison
from sim_economy.tariffs.tariff_run import TariffRun

BILLS_CSV: Final = "whatif.csv"
_NAMED: Final = 2
_TOP: Final = 2
_MUCH: Final = 25
"""Percent that those who pay most must pay together to be named."""
_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def answer(found: TariffComparison) -> str:
    """Who runs dry under which tariff, and what each collects, in one sentence."""
    clauses = [*_dry_clauses(found), *_collected_clauses(found)]
    text = "; ".join(clauses)
    return f"{text[0].upper()}{text[1:]}."


def _dry_clauses(found: TariffComparison) -> list[str]:
    """A clause for each tariff under which somebody runs dry, then one for the others."""
    limited = [own for own in found.played if own.run.is_limited]
    dry = [own for own in limited if any(own.dry_turns)]
    never = [own for own in limited if own not in dry]
    clauses = [f"under {name_of(own)}, {_who_runs_dry(own)}" for own in dry]
    if never:
        names = _listed([name_of(own) for own in never], "or")
        clauses.append(f"under {names} nobody {'does' if dry else 'runs dry'}")
    return clauses


def name_of(own: PlayedTariff) -> str:
    """A tariff's name; Markdown."""
    return markdown_text(own.name)


def _who_runs_dry(own: PlayedTariff) -> str:
    rows = dry_agents(own)
    if len(rows) <= _NAMED:
        if len({row.first_dry_turn for row in rows}) < len(rows):
            names = _listed([markdown_text(row.agent) for row in rows], "and")
            return f"{names} run dry on {_first(rows[0], own)}"
        named = [f"{markdown_text(row.agent)} runs dry on {_first(row, own)}" for row in rows]
        return _listed(named, "and")
    first_row = rows[0]
    count = sourced(str(len(rows)), BILLS_CSV)
    return (
        f"{count} of {len(own.log.names)} agents run dry, {markdown_text(first_row.agent)} first, "
        f"on {_first(first_row, own)}"
    )


def dry_agents(own: PlayedTariff) -> list[BillRow]:
    """The agents that run dry, the earliest first."""
    rows = [row for row in own.rows if row.level == AGENT and row.first_dry_turn is not None]
    return sorted(rows, key=lambda row: (row.first_dry_turn or 0, row.team, row.agent))


def _first(row: BillRow, own: PlayedTariff) -> str:
    assert row.first_dry_turn is not None, row
    return linked(date_in_words(own, row.first_dry_turn), row, "first_dry_date")


def date_in_words(own: PlayedTariff, turn: int) -> str:
    """A turn's date; without its year where the log lies in one."""
    dates, text = own.log.dates, own.log.name(turn)
    if dates is None:
        return text
    year = dates.date_of(turn).year
    if {dates.date_of(1).year, dates.date_of(own.log.turns).year} == {year}:
        return text.replace(f" {year}", "", 1)
    return text


def linked(text: str, row: BillRow, column: str) -> str:
    """A number that leads to its cell of the bills."""
    cells = (row.tariff, row.level, row.team, row.agent)
    return sourced(text, BILLS_CSV, *(str(csv_cell(cell)) for cell in cells), column)


def _collected_clauses(found: TariffComparison) -> list[str]:
    """What the first tariff collects where it stands alone, else how the others differ from it."""
    first, *others = found.played
    if not others:
        row = row_in(found, first, ALL)
        return [f"{name_of(first)} collects {linked(fee_text(first.run), row, 'fee')}{_top(first)}"]
    clauses = [_difference(found, own) for own in others[:_SHOWN]]
    clauses[0] += _top(others[0])
    return clauses


_SHOWN: Final = 3


def _difference(found: TariffComparison, own: PlayedTariff) -> str:
    row = row_in(found, own, ALL)
    if row.change_percent is None:
        return f"{name_of(own)} collects {linked(fee_text(own.run), row, 'fee')}"
    percent = round(abs(row.change_percent))
    if not percent:
        return f"{name_of(own)} collects about the same"
    more = "more" if row.change_percent > 0 else "less"
    return f"{name_of(own)} collects {linked(f'{percent} %', row, 'change_percent')} {more}"


def _top(own: PlayedTariff) -> str:
    """The share of the two teams that pay most, where there are more than two."""
    level = TEAM if own.log.has_teams else AGENT
    rows = [row for row in own.rows if row.level == level]
    top = sorted(rows, key=lambda row: (-row.fee, row.team, row.agent))[:_TOP]
    total = own.run.fees_total
    if len(rows) <= _TOP or not total:
        return ""
    percent = round(100 * sum(row.fee for row in top) / total)
    if percent < _MUCH:
        return ""
    names = _listed([markdown_text(row.agent or row.team) for row in top], "and")
    kind = "teams" if level == TEAM else "agents"
    return f", {percent} % of it from {_NUMBERS[len(top)]} {kind} ({names})"


def row_in(found: TariffComparison, own: PlayedTariff, level: str) -> BillRow:
    """The one row of a level, with its change from the first tariff."""
    return next(row for row in found.rows if (row.tariff, row.level) == (own.name, level))


def _listed(names: Sequence[str], last: str) -> str:
    *some, end = names
    return f"{', '.join(some)} {last} {end}" if some else end


def fee_text(run: TariffRun) -> str:
    """All fees of a tariff, in money where it has some."""
    return amount_text(run, run.fees_total)


def amount_text(run: TariffRun, tokens: int) -> str:
    """Tokens in money, or as tokens where a tariff has none."""
    money = run.tariff.money(tokens)
    if money is None:
        return f"{tokens:,} tokens".replace("-", MINUS)
    return f"{money:,.{_digits(run)}f} {run.tariff.currency}".replace("-", MINUS)


def _digits(run: TariffRun) -> int:
    """Decimals with which amounts of a tariff say something: six where all fees are tiny."""
    total = run.tariff.money(run.fees_total) or 0
    return 2 if total >= _CENTS else 6


_CENTS: Final = 10
"""Fees from which cents are enough."""


def unit_of(found: TariffComparison) -> str:
    """What amounts of all tariffs are in: their currency if it is one, else tokens."""
    runs = [own.run for own in found.played]
    return visible(runs[0].tariff.currency) if is_in_money(runs) else "tokens"


def amount_cell(found: TariffComparison, own: PlayedTariff, tokens: int) -> str | int:
    """Tokens in that unit, as a number of a table."""
    if not is_in_money([each.run for each in found.played]):
        return tokens
    digits = max(_digits(each.run) for each in found.played)
    return f"{own.run.tariff.money(tokens):.{digits}f}"


def with_less_use(found: TariffComparison) -> str:
    """The same with all use 10 % lower, in a sentence."""
    clauses = []
    for own in found.played:
        collected = f"{name_of(own)} would collect {markdown_text(fee_text(own.less))}"
        dry = f" and {_dry_then(own)}" if own.run.is_limited else ""
        clauses.append(collected + dry)
    return f"With all use 10 % lower, {'; '.join(clauses)}."


def _dry_then(own: PlayedTariff) -> str:
    """How many agents would run dry, beside how many do."""
    then, now = (sum(map(bool, run.dry_turns)) for run in (own.less, own.run))
    if not now:
        return "nobody would run dry"
    count = _NUMBERS[then] if then < len(_NUMBERS) else f"{then:,}"
    still = "still " if then == now else ""
    instead = "" if then == now else f" instead of {now:,}"
    return f"{count} agent{'' if then == 1 else 's'} would {still}run dry{instead}"
