"""The report of a log under tariffs: who runs dry and when, who pays, what would have sufficed.

Source: docs/spec/usage.md, section "What if".
"""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any, Final

from sim_economy.core.errors import needing
from sim_economy.ledger.readers.plain_text import markdown_text, visible, write_csv_rows
from sim_economy.ledger.sidecars.run_folder import folder_name, writing_into
from sim_economy.reports.drawings import whatif_figures as drawn
from sim_economy.reports.page.document import Block, Figure, KeyFigure, Report, Section, plain
from sim_economy.reports.page.files import write_files
from sim_economy.reports.tables import Table, Value
from sim_economy.reports.whatif_provenance import provenance
from sim_economy.reports.whatif_sentences import (
    BILLS_CSV,
    amount_cell,
    answer,
    dry_agents,
    linked,
    row_in,
    unit_of,
    with_less_use,
)
from sim_economy.runs.run_metrics import table_csv
from sim_economy.tariffs.bill_rows import AGENT, ALL, TEAM, BillRow, PlayedTariff, is_in_money
from sim_economy.tariffs.outlook import DAYS_AHEAD, REPLICATES
from sim_economy.tariffs.takeaways import (
    FOCUS_COLUMNS,
    focus_rows,
    has_focus_rows,
    kind_totals,
    usage_by_day,
)
from sim_economy.tariffs.tariff_comparison import TariffComparison
from sim_economy.usage.usage_form import KINDS

_TITLE: Final = "What if: "
REPORT_BEGINNING: Final = f"# {_TITLE}".encode()
"""What every `whatif.md` begins with."""
BY_DAY_CSV: Final = "usage_by_day.csv"
_PANELS_MAX: Final = 12
_ROWS_MAX: Final = 24


def write_whatif(folder: Path, found: TariffComparison) -> list[Path]:
    """Write `whatif.md`, `whatif.html`, figures, tables and the bills, the page last.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
        FolderError: The folder cannot be written.
    """
    with needing("the report", "report"):
        further = {
            BILLS_CSV: table_csv([row.plain for row in found.rows]),
            BY_DAY_CSV: table_csv([*usage_by_day(found.played)]),
            **_focus_files(found),
        }
        written = write_files(folder, "whatif", whatif_report(found), further)
        with writing_into(folder):
            for path in folder.glob("focus*.csv"):
                if path not in written:
                    path.unlink()  # a bill of an earlier question
        return written


def _focus_files(found: TariffComparison) -> dict[str, str]:
    """A bill of FOCUS for each tariff that has dates and money."""
    named = [own for own in found.played if has_focus_rows(own)]
    files = {}
    for own in named:
        text = StringIO()
        write_csv_rows(text, FOCUS_COLUMNS, focus_rows(own))
        stem = "focus" if len(found.played) == 1 else f"focus-{folder_name(own.name)}"
        files[f"{stem}.csv"] = text.getvalue()
    return files


def answer_text(found: TariffComparison) -> str:
    """The answer as plain text."""
    return plain(answer(found))


def whatif_report(found: TariffComparison) -> Report:
    """A log under tariffs, as a report."""
    limited = any(own.run.is_limited for own in found.played)
    evidence = [
        *([_who_runs_dry(found)] if limited else []),
        _who_pays(found),
        _what_for(found),
        _what_would_suffice(found),
        *([_next_month(found)] if any(own.chances for own in found.played) else []),
        Section(title="With less use", blocks=[with_less_use(found)]),
        Section(title="Every agent", blocks=[_bills(found, AGENT)]),
        Section(title="What to know", blocks=[_limits(found)]),
        Section(title="Take away", blocks=[_files(found)]),
    ]
    return Report(
        title=f"{_TITLE}{found.log.counted.path} under {', '.join(found.names)}",
        answer=answer(found),
        picture=_burn_down(found) if limited else _changes(found),
        key_figures=_key_figures(found, limited=limited),
        evidence=evidence,
        provenance=provenance(found),
    )


def _key_figures(found: TariffComparison, *, limited: bool) -> list[KeyFigure]:
    shown = found.played[:3]
    names = visible(" → ".join(own.name for own in shown))
    fees = " → ".join(
        linked(_short_amount(found, own), row_in(found, own, ALL), "fee") for own in shown
    )
    label = f"{unit_of(found)} collected: {names}"
    figures = [KeyFigure(value=fees, label=label, note=_logged_note(found))]
    if limited:
        dry = " → ".join(str(len(dry_agents(own))) for own in shown)
        value = f"{dry} of {len(found.log.names):,}"
        figures.insert(0, KeyFigure(value=value, label=f"agents run dry: {names}"))
    lower = " → ".join(_short_amount(found, own, own.less.fees_total) for own in shown)
    less = f"{unit_of(found)} with all use 10 % lower"
    if limited:
        lower = " → ".join(str(sum(map(bool, own.less.dry_turns))) for own in shown)
        less = "agents run dry with all use 10 % lower"
    return [*figures, KeyFigure(value=lower, label=f"{less}: {names}")]


def _short_amount(found: TariffComparison, own: PlayedTariff, tokens: int | None = None) -> str:
    """All fees, or other tokens, in the unit of the figures; whole from a hundred on."""
    tokens = own.run.fees_total if tokens is None else tokens
    (amount,) = _amounts(found, own, [tokens])
    return f"{amount:,.0f}" if amount >= 100 else str(amount_cell(found, own, tokens))


def _logged_note(found: TariffComparison) -> str:
    cost = row_in(found, found.played[0], ALL).logged_cost
    return "" if cost is None else f"the log itself says {cost:,.2f}, in its own currency"


def _amounts(found: TariffComparison, own: PlayedTariff, tokens: Iterable[int]) -> list[float]:
    """Tokens in the unit of the figures."""
    in_money = is_in_money([each.run for each in found.played])
    money = [own.run.tariff.money(int(each)) for each in tokens] if in_money else []
    return [float(each) for each in money if each is not None] or [float(each) for each in tokens]


def _panels(found: TariffComparison) -> dict[str, list[int]]:
    """Columns of each panel: teams that run dry first, then those that pay most; others as one."""
    teams, agents = found.log.teams, len(found.log.names)
    if len(teams) <= _PANELS_MAX:
        return teams
    dry = {index for own in found.played for index, turns in enumerate(own.dry_turns) if turns}
    fees = [max(own.run.asked_fees[index] for own in found.played) for index in range(agents)]

    def weight(team: str) -> tuple[bool, int, str]:
        own = teams[team]
        return not dry.intersection(own), -sum(fees[index] for index in own), team

    ordered = sorted(teams, key=weight)
    top, rest = ordered[: _PANELS_MAX - 1], ordered[_PANELS_MAX - 1 :]
    others = [index for team in rest for index in teams[team]]
    return {**{team: teams[team] for team in top}, f"{len(rest):,} others": others}


def _burn_down(found: TariffComparison) -> Figure:
    log = found.log
    panels: dict[str, dict[str, drawn.BurnDown]] = {}
    rows: list[dict[str, Any]] = []
    for team, columns in _panels(found).items():
        for own in found.played:
            if not own.run.is_limited:
                continue
            dry = [turns[0] for index in columns if (turns := own.dry_turns[index])]
            balances = own.run.bills.balances[:, columns].sum(axis=1)
            before = own.run.bills.held[0, columns].sum()
            amounts = _amounts(found, own, [before, *balances])
            line = drawn.BurnDown(amounts, min(dry, default=None))
            panels.setdefault(visible(team), {})[visible(own.name)] = line
            rows += [
                {"team": team, "tariff": own.name, "turn": turn, "date": log.label(turn),
                 "balance": int(balance), "dry": line.dry == turn}
                for turn, balance in enumerate(balances, 1)
            ]  # fmt: skip
    dates = [_short_date(found, turn) for turn in range(1, log.turns + 1)]
    what = "team" if log.has_teams else "agent"
    return Figure(
        name="burn_down",
        caption=f"What each {what} holds at the end of each turn, and the first turn in which one "
        "of its agents runs dry",
        drawing=drawn.burn_down(panels, dates, unit_of(found)),
        narrow=drawn.burn_down(panels, dates, unit_of(found), narrow=True),
        rows=rows,
    )


def _short_date(found: TariffComparison, turn: int) -> str:
    dates = found.log.dates
    if dates is None:
        return str(turn)
    begins = dates.begins(turn)
    return f"{begins.day} {begins:%b}"


def _level(found: TariffComparison) -> str:
    return TEAM if found.log.has_teams else AGENT


def _of_level(found: TariffComparison, own: PlayedTariff, level: str) -> list[BillRow]:
    return [row for row in found.rows if (row.tariff, row.level) == (own.name, level)]


def _changes(found: TariffComparison) -> Figure | None:
    """The first and the second tariff side by side; None where there is one."""
    if len(found.played) < 2:
        return None
    first, other = found.played[:2]
    level = _level(found)
    pairs = []
    for old, new in zip(
        _of_level(found, first, level), _of_level(found, other, level), strict=True
    ):
        (before,), (after,) = _amounts(found, first, [old.fee]), _amounts(found, other, [new.fee])
        pairs.append(drawn.FeeChange(visible(old.agent or old.team), before, after))
    pairs.sort(key=lambda pair: (-(pair.other - pair.first), pair.name))
    shown = pairs
    if len(pairs) > _ROWS_MAX:
        half = _ROWS_MAX // 2
        rest = pairs[half:-half]
        middle = drawn.FeeChange(
            f"{len(rest):,} others", sum(own.first for own in rest), sum(own.other for own in rest)
        )
        shown = [*pairs[:half], middle, *pairs[-half:]]
    names = (visible(first.name), visible(other.name))
    return Figure(
        name="changes",
        caption=f"What each {level} pays under {first.name} and under {other.name}, sorted by "
        "change",
        drawing=drawn.fee_changes(shown, names, unit_of(found)),
        narrow=drawn.fee_changes(shown, names, unit_of(found), narrow=True),
        rows=[
            {"name": own.name, "tariff": tariff, "fee": fee}
            for own in pairs
            for tariff, fee in ((first.name, own.first), (other.name, own.other))
        ],
    )


def _who_runs_dry(found: TariffComparison) -> Section:
    rows = [
        (
            own.name,
            row.team,
            row.agent,
            row.first_dry_date,
            row.turns_dry,
            row.units_denied,
            amount_cell(found, own, row.lowest_balance or 0),
            row.next_dry_date or None,
        )
        for own in found.played
        for row in dry_agents(own)
    ]
    columns = (
        "tariff", "team", "agent", "runs dry", "turns dry", "units refused",
        f"lowest balance ({unit_of(found)})", "next at this rate",
    )  # fmt: skip
    intro = (
        "Dry in a turn: units were refused, or the fee was above what the balance held. A team is "
        "dry when one of its agents is. The last column goes on with the mean use of the last "
        "seven days and with the grants."
    )
    blocks: list[Block] = [intro]
    if rows:
        blocks.append(_filled(Table("dry_agents", "The agents that run dry", columns, tuple(rows))))
    else:
        blocks.append("Nobody runs dry under any of the tariffs.")
    return Section(title="Who runs dry, and when", blocks=blocks)


def _who_pays(found: TariffComparison) -> Section:
    blocks: list[Block] = []
    if any(own.run.is_limited for own in found.played) and (figure := _changes(found)):
        blocks.append(figure)
    return Section(title="Who pays what", blocks=[*blocks, _bills(found, _level(found))])


def _bills(found: TariffComparison, level: str) -> Table:
    """The bills of a level, a row for each tariff under one another."""
    columns = (
        "team", "agent", "tariff", "units asked", "billed", "refused", f"fee ({unit_of(found)})",
        "share (%)", "change (%)", "log's own cost", "runs dry",
    )  # fmt: skip
    rows: list[tuple[Value, ...]] = []
    by_tariff = [_of_level(found, own, level) for own in found.played]
    for each in zip(*by_tariff, strict=True):
        for own, row in zip(found.played, each, strict=True):
            rows.append(
                (
                    row.team,
                    row.agent or None,
                    row.tariff,
                    row.units_asked,
                    row.units_billed,
                    row.units_denied,
                    amount_cell(found, own, row.fee),
                    None if row.share_percent is None else f"{row.share_percent:.1f}",
                    None if row.change_percent is None else round(row.change_percent),
                    None if row.logged_cost is None else f"{row.logged_cost:.2f}",
                    row.first_dry_date or None,
                )
            )
    return _filled(Table(f"bills_{level}", f"Bills by {level}", columns, tuple(rows), BILLS_CSV))


def _filled(table: Table) -> Table:
    """A table without the columns in which nothing stands."""
    kept = [
        index
        for index in range(len(table.columns))
        if any(row[index] not in {None, ""} for row in table.rows)
    ]
    return Table(
        table.name,
        table.title,
        tuple(table.columns[index] for index in kept),
        tuple(tuple(row[index] for index in kept) for row in table.rows),
        table.csv,
    )


def _what_for(found: TariffComparison) -> Section:
    totals = {own.name: kind_totals(own) for own in found.played}
    costs = [
        drawn.KindCosts(visible(own.name), _amounts(found, own, totals[own.name].values()))
        for own in found.played
    ]
    figure = Figure(
        name="costs_by_kind",
        caption="The fees of each tariff by kind of tokens",
        drawing=drawn.stacked_costs(costs, KINDS, unit_of(found)),
        narrow=drawn.stacked_costs(costs, KINDS, unit_of(found), narrow=True),
        rows=[{"tariff": name, **own} for name, own in totals.items()],
    )
    return Section(
        title="What the fees are for",
        blocks=[
            figure,
            _SHARED_OUT,
        ],
    )


_SHARED_OUT: Final = (
    "Each agent-turn's fee is shared out over models and kinds by their weight, in whole tokens "
    "that add up."
)


def _what_would_suffice(found: TariffComparison) -> Section:
    columns = ("team", "agent", *(f"under {visible(name)}" for name in found.names))
    rows = []
    for index, agent in enumerate(found.log.agents):
        cells = [
            None if own.sufficient is None else amount_cell(found, own, own.sufficient[index])
            for own in found.played
        ]
        rows.append((agent.team or None, found.log.names[index], *cells))
    span = "the whole log"
    first = found.played[0].periods
    if any(own.run.is_limited for own in found.played):
        span = "no whole period"
        if first.whole:
            periods = "one whole period" if first.whole == 1 else f"{first.whole:,} whole periods"
            begins, ends = found.log.name(first.first), found.log.name(first.last)
            span = f"{periods}, {begins} to {ends}"
    words = (
        f"The least equal grant with which an agent has no dry turn, over {span}; one token less "
        "is dry. Grants alone pay: what was held before, and top-ups, count for nothing."
    )
    title = f"The allowance that would just have sufficed ({unit_of(found)})"
    table = _filled(Table("sufficient", title, columns, tuple(rows)))
    return Section(title="What would have sufficed", blocks=[words, table])


def _next_month(found: TariffComparison) -> Section:
    rows = []
    for own in found.played:
        for chance in own.chances or ():
            interval = f"{100 * chance.low:.1f} to {100 * chance.high:.1f}"
            team = chance.team or "anybody"
            rows.append((own.name, team, f"{100 * chance.share:.1f}", interval))
    days = "days" if found.log.dates is not None else "turns"
    what = "team" if found.log.has_teams else "agent"
    words = (
        f"The chance that a {what} runs dry within {DAYS_AHEAD} {days} after the log: "
        f"{REPLICATES:,} months of whole days of the log, drawn again with replacement, all "
        "agents' together. The interval (Wilson, 95 %) is that of the drawing; it does not know "
        "whether next month is like this one, and weekdays are not told apart."
    )
    columns = ("tariff", what, "chance (%)", "interval (%)")
    table = Table("chances", "The chance to run dry", columns, tuple(rows))
    return Section(title="Next month", blocks=[words, table])


def _limits(found: TariffComparison) -> str:
    """Everything that makes the numbers say less than they seem to."""
    lines = [f"- {markdown_text(text)}." for text in found.warnings]
    lines.append(
        "- Demand is replayed: nobody waits for a new period, takes another model, or uses less "
        "because it costs more."
    )
    return "\n".join(lines)


def _files(found: TariffComparison) -> str:
    lines = [
        f"- [{BILLS_CSV}]({BILLS_CSV}): every tariff, agent and team",
        f"- [{BY_DAY_CSV}]({BY_DAY_CSV}): every team and day, idle days too",
    ]
    lines += [
        f"- [{name}]({name}): FOCUS 1.4, a row for each day, team, model and kind of tokens"
        for name in _focus_names(found)
    ]
    if len(lines) == 2:
        lines.append(
            "- no rows of FOCUS: they need dates, and a tariff with currency and token_price"
        )
    return "\n".join(lines)


def _focus_names(found: TariffComparison) -> list[str]:
    named = [own for own in found.played if has_focus_rows(own)]
    if len(found.played) == 1:
        return ["focus.csv"] if named else []
    return [f"focus-{folder_name(own.name)}.csv" for own in named]
