"""The report of a comparison: who goes broke under which treatment, then what else differs.

Source: docs/spec/experiment.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Final

from sim_economy.ledger.readers.plain_text import markdown_text, visible
from sim_economy.reports.comparisons.comparison import (
    MetricDifference,
    TreatmentComparison,
    TreatmentRuns,
    compared,
    needing_extra,
    reservations,
)
from sim_economy.reports.comparisons.comparison_differences import (
    COMPARISON_CSV,
    amount,
    differences_section,
    in_units,
    in_words,
    linked,
)
from sim_economy.reports.comparisons.comparison_interventions import incidence_sections
from sim_economy.reports.comparisons.comparison_provenance import provenance
from sim_economy.reports.comparisons.comparison_tokens import (
    COLLECTORS_CSV,
    before_and_after,
    collected,
    tokens_section,
)
from sim_economy.reports.comparisons.insolvency import (
    AGENTS_CSV,
    TREATMENTS_CSV,
    answer,
    csv_text,
    insolvency_sentence,
    insolvency_table,
    outcome_rows,
    policies_table,
    shown_agents,
    treatments_table,
)
from sim_economy.reports.comparisons.metric_names import METRIC_NAMES
from sim_economy.reports.drawings import comparison_figures as drawn
from sim_economy.reports.page.document import (
    Figure,
    KeyFigure,
    Report,
    Section,
    plain,
    sourced,
)
from sim_economy.reports.page.files import write_files
from sim_economy.reports.published.later_section import later_section
from sim_economy.reports.society import reading_of_contracts
from sim_economy.reports.tables import Table
from sim_economy.runs.agent_outcomes import PLATFORM, AgentOutcome, by_first_turn
from sim_economy.runs.run_metrics import table_csv

_TITLE: Final = "Compared: "
REPORT_BEGINNING: Final = f"# {_TITLE}".encode()
"""What every `comparison.md` begins with."""

_SIDES_SHOWN: Final = 3


def write_comparison(
    folder: Path, sides: Sequence[TreatmentRuns], named: Sequence[str] = ()
) -> list[Path]:
    """Write `comparison.md`, its figures and tables, and `comparison.html`.

    Args:
        sides: At least two, with at least one run each.
        named: Metrics to be named before all others.

    Returns:
        What was written, the page last.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
        InputError: A metric is not known.
    """
    return write_compared(folder, compared(sides, named))


@needing_extra()
def write_compared(folder: Path, found: TreatmentComparison) -> list[Path]:
    """Write the report of what was compared, the page last."""
    further = {
        COMPARISON_CSV: table_csv(_difference_rows(found)),
        AGENTS_CSV: table_csv(outcome_rows(found.outcomes)),
        COLLECTORS_CSV: table_csv(found.collector_rows()),
    }
    return write_files(folder, "comparison", comparison_report(found), further)


def comparison_report(found: TreatmentComparison) -> Report:
    """What was compared, as a report."""
    later = later_section(found.sides)
    return Report(
        title=f"{_TITLE}{', '.join(side.name for side in found.sides)}",
        answer=answer(found.outcomes),
        picture=_picture(found),
        key_figures=[_broke_figure(found), _platform_figure(found), _difference_figure(found)],
        evidence=[
            _who_goes_broke(found),
            differences_section(found),
            before_and_after(found),
            collected(found),
            tokens_section(found),
            *incidence_sections(found),
            Section(title="Side by side", blocks=[means_table(found)]),
            _contracts(found),
            *([] if later is None else [later]),
        ],
        provenance=provenance(found.sides),
    )


def _difference_rows(found: TreatmentComparison) -> list[dict[str, Any]]:
    rows = []
    for row in found.differences:
        cells = row.plain
        rows.append(
            {
                "measure": cells.pop("measure"),
                "treatment": cells.pop("treatment"),
                "against": found.sides[0].name,
                "pairs": cells.pop("pairs"),
                "difference": cells.pop("mean"),
                "student_low": cells.pop("low"),
                "student_high": cells.pop("high"),
                **cells,
            }
        )
    return rows


def _picture(found: TreatmentComparison) -> Figure:
    shown = shown_agents(found.outcomes)
    firsts = {visible(name): _firsts(under, shown) for name, under in found.outcomes.items()}
    names = [*map(visible, shown)]
    turns = max(side.treatment.turns for side in found.sides)
    return Figure(
        name="insolvency",
        caption="The turn in which each agent goes broke, under each treatment"
        + (", the median of its runs" if any(len(side.runs) > 1 for side in found.sides) else ""),
        drawing=drawn.insolvency(firsts, names, turns),
        narrow=drawn.insolvency(firsts, names, turns, drawn.NARROW),
        rows=_picture_rows(found, shown),
    )


def _picture_rows(found: TreatmentComparison, shown: Sequence[str]) -> list[dict[str, Any]]:
    rows = [
        {
            "agent_id": own.agent_id,
            "treatment": name,
            "first_turn": own.first_turn,
            "goes_broke": own.goes_broke,
        }
        for name, under in found.outcomes.items()
        for own in under
    ]
    order = {agent_id: index for index, agent_id in enumerate(shown)}
    drawn_rows = [row for row in rows if row["agent_id"] in order]
    return sorted(drawn_rows, key=lambda row: order[str(row["agent_id"])])


def _chained(found: TreatmentComparison) -> list[TreatmentRuns]:
    """The treatments of a key figure: all of a few, else the first and where most go broke."""
    if len(found.sides) <= _SIDES_SHOWN:
        return [*found.sides]

    def share(side: TreatmentRuns) -> float:
        own = found.outcomes[side.name]
        return len(by_first_turn(own)) / len(own)

    return [found.sides[0], max(found.sides[1:], key=share)]


def _arrow(texts: Sequence[str]) -> str:
    return " \u2192 ".join(texts)


def _firsts(under: Sequence[AgentOutcome], shown: Sequence[str]) -> list[drawn.FirstTurn | None]:
    """When some agents go broke under a treatment; None for one that it does not have."""
    by_agent = {own.agent_id: own for own in under}
    return [
        drawn.FirstTurn(own.first_turn, own.goes_broke or not own.broke) if own else None
        for own in map(by_agent.get, shown)
    ]


def _broke_figure(found: TreatmentComparison) -> KeyFigure:
    sides = _chained(found)
    counts = []
    agents = [len(found.outcomes[side.name]) for side in sides]
    for side, of in zip(sides, agents, strict=True):
        broke = f"{len(by_first_turn(found.outcomes[side.name])):,}"
        text = sourced(broke, TREATMENTS_CSV, csv_text(side.name), "go broke")
        counts.append(text if len({*agents}) == 1 else f"{text} of {of:,}")
    total = f" of {agents[0]:,}" if len({*agents}) == 1 else ""
    return KeyFigure(value=f"{_arrow(counts)}{total}", label=f"agents go broke: {_names(sides)}")


def _platform_figure(found: TreatmentComparison) -> KeyFigure:
    sides = _chained(found)
    kept = []
    for side in sides:
        (rent,) = (own.tokens for own in found.collectors[side.name] if own.role == PLATFORM)
        kept.append(sourced(amount(rent), COLLECTORS_CSV, csv_text(side.name), PLATFORM, "tokens"))
    others = []
    for side in sides:
        most = found.collectors[side.name][0]
        if most.role != PLATFORM:
            number = sourced(
                amount(most.tokens), COLLECTORS_CSV, csv_text(side.name), most.role, "tokens"
            )
            others.append(f"Under {markdown_text(side.name)} {most.role} collect most: {number}.")
    return KeyFigure(
        value=_arrow(kept),
        label=f"tokens the platform keeps a run: {_names(sides)}",
        note=" ".join(others),
    )


def _difference_figure(found: TreatmentComparison) -> KeyFigure:
    """The first metric that was named, or else the largest difference, a clear one if any is."""
    known = [row for row in found.differences if row.mean is not None]
    row = next(_most_telling(found, known), None)
    if row is None:
        label = "clear differences" if known else "pairs of runs"
        reason = "" if known else "The treatments cannot be paired."
        return KeyFigure(value="0" if known else "none", label=label, note=reason)
    return KeyFigure(
        value=linked(row, in_units(row)),
        label=f"{METRIC_NAMES[row.column]}, {row.treatment} against {found.sides[0].name}",
        note=in_words(row),
    )


def _most_telling(
    found: TreatmentComparison, known: Sequence[MetricDifference]
) -> Iterator[MetricDifference]:
    """The metric that was named first, then clear differences, then those of a single pair."""
    yield from (row for row in known if found.named and row.column == found.named[0])
    by_effect = sorted(known, key=lambda row: -row.effect)
    yield from (row for row in by_effect if row.is_clear)
    yield from (row for row in by_effect if row.certainty == "one pair" and isfinite(row.effect))


def _names(sides: Sequence[TreatmentRuns]) -> str:
    return _arrow([side.name for side in sides])


def _who_goes_broke(found: TreatmentComparison) -> Section:
    table = insolvency_table(found.outcomes)
    agents = {each.agent_id for own in found.outcomes.values() for each in own}
    left = len(agents) - len(table.rows)
    more = f" {left:,} more agents are in [{AGENTS_CSV}]({AGENTS_CSV})." if left else ""
    several = any(len(side.runs) > 1 for side in found.sides)
    median = "; of several runs, the median of these turns in the runs where it is" * several
    definition = (
        "Broke is an agent from the first turn after which its balance is below zero"
        f"{median}.{more}"
    )
    notes = [f"- {markdown_text(text)}." for text in reservations(found.sides)]
    by_policy = policies_table(found.outcomes)
    return Section(
        title="Who goes broke, and when",
        blocks=[
            "\n".join(f"- {insolvency_sentence(*own)}" for own in found.outcomes.items()),
            *(["What to keep in mind:\n\n" + "\n".join(notes)] if notes else []),
            treatments_table(found.outcomes),
            *([] if by_policy is None else [by_policy]),
            table,
            definition,
        ],
    )


def means_table(found: TreatmentComparison) -> Table:
    """The mean of each metric over all runs of each treatment."""
    rows = [(METRIC_NAMES[column], *own.values()) for column, own in found.means().items()]
    columns = ("metric", *(side.name for side in found.sides))
    return Table("means", "Means over the runs", columns, tuple(rows))


def _contracts(found: TreatmentComparison) -> Section:
    lines = "\n".join(
        f"- **{markdown_text(side.name)}**: {reading_of_contracts(side.runs)}"
        for side in found.sides
    )
    return Section(title="Contracts", blocks=[lines])


def answer_text(found: TreatmentComparison) -> str:
    """The answer as plain text."""
    return plain(answer(found.outcomes))
