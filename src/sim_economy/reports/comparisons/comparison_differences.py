"""The differences of treatments from the first, in words, as a forest plot and as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_text, visible
from sim_economy.ledger.sidecars.run_folder import folder_name
from sim_economy.reports.comparisons.comparison import (
    MetricDifference,
    TreatmentComparison,
    TreatmentRuns,
    unpaired_sides,
)
from sim_economy.reports.comparisons.insolvency import csv_text
from sim_economy.reports.comparisons.metric_names import METRIC_NAMES, unit_of
from sim_economy.reports.drawings import comparison_figures as drawn
from sim_economy.reports.drawings.drawing import short
from sim_economy.reports.page.document import Block, Figure, Section, sourced
from sim_economy.reports.tables import Table, Value
from sim_economy.statistics.coverage import COVERAGE_MIN

_ALPHA: Final = 0.05
COMPARISON_CSV: Final = "comparison.csv"


def differences_section(found: TreatmentComparison) -> Section:
    """How each treatment differs from the first: a forest plot and a table each."""
    unpaired = unpaired_sides(found.sides)
    blocks: list[Block] = [f"{markdown_text(reason)}." for reason in unpaired.values()]
    first, *others = found.sides
    for side in others:
        rows = [row for row in found.against(side.name) if row.pairs]
        if rows:
            blocks += _against(found, side, rows)
        elif side.name not in unpaired:
            blocks.append(
                f"No run of {markdown_text(side.name)} has the seed of one of "
                f"{markdown_text(first.name)}, so nothing can be paired."
            )
    return Section(title="Differences", blocks=blocks)


def _against(
    found: TreatmentComparison, other: TreatmentRuns, rows: Sequence[MetricDifference]
) -> list[Block]:
    """How one treatment differs from the first: in words, as a forest plot, as a table."""
    first, drawn_rows = found.sides[0], shown_differences(found, rows)
    clear = sum(row.is_clear for row in rows)
    names = f"{markdown_text(other.name)} against {markdown_text(first.name)}"
    intro = f"**{names}**, {rows[0].pairs} pairs of runs with the same seed and the same usage."
    if rows[0].pairs > 1:
        intro += (
            f" {clear} of {len(rows)} differences leave zero out of their 95 % interval by "
            "Student's t; about one in twenty would do so if nothing differed."
            f"{_corrected(rows)}"
        )
    else:
        intro += " One pair says nothing of chance, so there are no intervals."
    said = [f"- {text}" for text in (_certain(rows), equal_text(rows), _uncovered(rows)) if text]
    return [
        intro,
        *(["\n".join(said)] if said else []),
        *([_forest(first, other, drawn_rows)] if drawn_rows else []),
        _difference_table(first, other, rows),
    ]


def _corrected(rows: Sequence[MetricDifference]) -> str:
    """How many differences are left by Holm's correction; empty where it could leave none."""
    tested = [row.p_holm for row in rows if row.p_holm is not None]
    if not tested or len(tested) * 2.0 ** (1 - rows[0].pairs) > _ALPHA:
        return ""
    left = sum(value <= _ALPHA for value in tested)
    return (
        f" By sign flips with Holm's correction {left} of the {len(tested)} that vary are left; if "
        "nothing differed, one such comparison in twenty would have any."
    )


def _uncovered(rows: Sequence[MetricDifference]) -> str:
    """The metrics whose pairs are like samples that intervals cover badly; empty for none."""
    low = [row for row in rows if row.coverage is not None and row.coverage < COVERAGE_MIN]
    if not low:
        return ""
    listed = ", ".join(
        f"{METRIC_NAMES[row.column]} {100 * (row.coverage or 0):.0f} %" for row in low
    )
    return (
        "Few pairs of a skewed shape: in samples like them an interval of 95 % holds the true mean "
        f"less often than it says: {listed}. More runs help."
    )


def _certain(rows: Sequence[MetricDifference]) -> str:
    listed = [
        f"{METRIC_NAMES[row.column]} {linked(row, in_units(row))} ({percent_text(row)})"
        for row in rows
        if row.certainty == "certain"
    ]
    return f"Certain, as all pairs differ alike: {', '.join(listed)}." if listed else ""


def shown_differences(
    found: TreatmentComparison, rows: Sequence[MetricDifference]
) -> list[MetricDifference]:
    """Differences without those that are none in any pair, unless the user named them."""
    return [row for row in rows if row.certainty != "equal" or row.column in found.named]


def equal_text(rows: Sequence[MetricDifference]) -> str:
    """The metrics that are equal in every pair; empty if there are none."""
    listed = [METRIC_NAMES[row.column] for row in rows if row.certainty == "equal"]
    return f"Equal in every pair: {', '.join(listed)}." if listed else ""


def _forest(first: TreatmentRuns, other: TreatmentRuns, rows: Sequence[MetricDifference]) -> Figure:
    title = f"{short(visible(other.name))} against {short(visible(first.name))}"
    shown = [_forest_row(row) for row in rows]
    return Figure(
        name=f"differences-{folder_name(other.name)}",
        caption=f"Differences of {other.name} from {first.name}, in percent of the mean of "
        f"{first.name} and in units, with 95 % intervals",
        drawing=drawn.forest(shown, title),
        narrow=drawn.forest(shown, title, drawn.NARROW),
        rows=[row.plain for row in rows],
    )


def _forest_row(row: MetricDifference) -> drawn.ForestRow:
    assert row.mean is not None
    return drawn.ForestRow(
        name=METRIC_NAMES[row.column],
        percent=row.percent(row.mean) if row.mean else 0.0,
        low=row.percent(row.low),
        high=row.percent(row.high),
        text=f"{signed_amount(row.mean)}{_interval(row)}{unit_after(row)}",
        certainty=row.certainty,
        note=_note(row),
    )


def _interval(row: MetricDifference) -> str:
    if row.low is None or row.high is None or row.low == row.high:
        return ""
    return f" [{amount(row.low)}, {amount(row.high)}]"


def _note(row: MetricDifference) -> str:
    sure = f", {row.certainty}" if row.certainty in {"certain", "clear"} else ""
    return f"{percent_text(row)}{sure}"


def _difference_table(
    first: TreatmentRuns, other: TreatmentRuns, rows: Sequence[MetricDifference]
) -> Table:
    columns = (
        "metric", first.name, other.name, "difference", "95 % CI, low", "95 % CI, high",
        "in percent", "certainty",
    )  # fmt: skip
    cells: list[tuple[Value, ...]] = [
        (
            METRIC_NAMES[row.column],
            row.first,
            row.other,
            row.mean,
            row.low,
            row.high,
            percent_text(row),
            row.certainty,
        )
        for row in rows
    ]
    name = f"differences-{folder_name(other.name)}"
    title = f"{other.name} against {first.name}, means of the pairs"
    return Table(name, title, columns, tuple(cells), csv=COMPARISON_CSV)


def amount(value: float) -> str:
    """A number as it is read in a sentence: as many digits as its size needs."""
    size = abs(value)
    if float(value).is_integer() or size >= 100:
        return number(value, 0)
    if size >= 1:
        return number(value, 1 if size >= 10 else 2)
    return number(value, min(6, max(3, 1 - math.floor(math.log10(size)))))


def signed_amount(value: float) -> str:
    """The same with its sign."""
    return f"+{amount(value)}" if value > 0 else amount(value)


def in_units(row: MetricDifference) -> str:
    """A difference with its sign and unit."""
    assert row.mean is not None
    return f"{signed_amount(row.mean)}{unit_after(row)}"


def unit_after(row: MetricDifference) -> str:
    """The unit of a difference as it follows the number; of one, in the singular."""
    unit = unit_of(row.column)
    is_one = row.mean is not None and abs(row.mean) == 1
    return f" {unit.removesuffix('s') if is_one else unit}" if unit else ""


def linked(row: MetricDifference, text: str) -> str:
    """A text of a difference that leads to its cell; Markdown."""
    return sourced(text, COMPARISON_CSV, row.column, csv_text(row.treatment), "difference")


def percent_text(row: MetricDifference) -> str:
    """A difference in percent; from zero, in words; a dash where there is none."""
    if row.mean is None or row.other is None:
        return "-"
    percent = row.percent(row.mean)
    if percent is None:
        return f"from 0 to {amount(row.other)}" if row.mean else "0 %"
    return f"{signed_amount(percent)} %" if row.mean else "0 %"


def in_words(row: MetricDifference) -> str:
    """A difference in percent, and how sure it is."""
    if row.low is None or row.high is None:
        return f"{percent_text(row)}; one pair of runs, so no interval"
    if row.low == row.high:
        alike = "certain: " if row.mean else ""
        return f"{percent_text(row)}; {alike}all {row.pairs} pairs differ alike"
    return (
        f"{percent_text(row)}; 95 % interval {amount(row.low)} to {amount(row.high)}, "
        f"{row.pairs} pairs, {row.certainty}"
    )
