"""Whether the published experiment came out again, as the beginning of a report."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

from sim_economy.reports.drawings import agent_figures
from sim_economy.reports.page.document import Figure, KeyFigure, Section, sourced
from sim_economy.reports.published.findings import DISAGREEMENTS
from sim_economy.reports.published.rows import Comparison, published_text
from sim_economy.reports.tables import AGGREGATED, Table, Value
from sim_economy.runs.run_metrics import Row

_FILE: Final = "tables/verdict.csv"
_COMPARED: Final = "published cells compared"
_EQUAL: Final = "equal, to the last digit"
_INFORMATIVE: Final = "cells that carry information"


def answer(found: Comparison, rows: Sequence[Row]) -> str:
    """One sentence: whether the published rows came out again; Markdown."""
    cells = sourced(f"{found.cells}", _FILE, _COMPARED, "found")
    exact = sourced(f"{found.exact}", _FILE, _EQUAL, "found")
    if found.holds:
        return (
            f"Every one of the {cells} published cells came out again, to the last printed digit: "
            f"{len(rows)} runs, played from their seeds by an independent implementation."
        )
    return (
        f"These runs are not the published ones: {exact} of {cells} cells are equal"
        f"{'' if found.summary_equal else ', and the summary differs'}."
    )


def key_figures(found: Comparison) -> list[KeyFigure]:
    """The three numbers of a reproduction."""
    exact = sourced(f"{found.exact} of {found.cells}", _FILE, _EQUAL, "found")
    telling = sourced(f"{found.informative_cells}", _FILE, _INFORMATIVE, "found")
    summary = "is equal byte for byte" if found.summary_equal else "differs"
    columns = len(found.informative_columns)
    return [
        KeyFigure(
            value=exact,
            label="published cells are equal",
            note=f"as text, to the last printed digit; the published summary {summary}",
        ),
        KeyFigure(
            value=telling,
            label="of them carry information",
            note=f"{columns} columns vary over the runs and repeat no other; the rest does not",
        ),
        KeyFigure(
            value=sourced(f"{DISAGREEMENTS}", "tables/disagreements.csv"),
            label="statements of the paper's text that its own data contradict",
            note="each with the numbers, below",
        )
        if found.holds
        else KeyFigure(value="differs", label="from the published runs", note="see the verdict"),
    ]


def picture(rows: Sequence[Row]) -> Figure:
    """Published values of each run, and the values played here."""
    published = list(csv.DictReader(io.StringIO(published_text("run_metrics.csv"))))
    values = {
        AGGREGATED[column]: (
            [float(row[column]) for row in published],
            [float(row[column]) for row in rows],
        )
        for column in _DRAWN
    }
    written: list[dict[str, Any]] = [
        {"metric": name, "run": run, "published": ours, "played": theirs}
        for name, pair in values.items()
        for run, (ours, theirs) in enumerate(zip(*pair, strict=False), 1)
    ]
    return Figure(
        name="agreement",
        caption="Six of the metrics, by run: published values as rings, those played here inside",
        drawing=agent_figures.agreement(values),
        narrow=agent_figures.agreement(values, narrow=True),
        rows=written,
    )


_DRAWN: Final = (
    "token_supply_final",
    "fees_total",
    "turns_with_block",
    "mean_balance_final",
    "gini_wealth_shifted",
    "top1_wealth_shifted_share_final",
)


def section(found: Comparison) -> Section:
    """The comparison with the published rows, in numbers."""
    rows: list[tuple[Value, ...]] = [
        (_COMPARED, found.cells),
        (_EQUAL, found.exact),
        (_INFORMATIVE, found.informative_cells),
        ("summary.json", "equal byte for byte" if found.summary_equal else "differs"),
    ]
    if (first := found.first_difference) is not None:
        difference = f"run {first.run_id}, {first.column}: {first.published}, here {first.ours}"
        rows.append(("first difference", difference))
    note = (
        "The published rows ship with this package, and the runs were played anew from their "
        "seeds; each cell is compared as text. A cell carries information where its column varies "
        f"over the runs and repeats no earlier one; {len(found.informative_columns)} columns do."
    )
    table = Table("verdict", "Compared with the published rows", ("", "found"), tuple(rows))
    return Section(title="The verdict", blocks=(note, table))
