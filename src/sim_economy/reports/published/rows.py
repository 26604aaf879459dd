"""The rows the paper published, and how a run of ours compares with them, cell by cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from importlib import resources

from msgspec import Struct


class CellDifference(Struct, frozen=True):
    """A cell that is not the published one."""

    run_id: str
    column: str
    published: str
    ours: str


class Comparison(Struct, frozen=True, kw_only=True):
    """Our rows beside the published ones, as text: equal means to the last digit.

    Attributes:
        cells: Published measured cells, `run_id` left out.
        exact: Of these, cells that are equal.
        informative_columns: Columns that vary over the runs and repeat no earlier one.
        informative_cells: Cells in them.
        first_difference: In reading order; None where all are equal.
        summary_equal: Whether `summary.json` is equal byte for byte.
    """

    cells: int
    exact: int
    informative_columns: tuple[str, ...]
    informative_cells: int
    first_difference: CellDifference | None
    summary_equal: bool

    @property
    def holds(self) -> bool:
        """True if everything is equal."""
        return self.exact == self.cells and self.summary_equal


def published_text(name: str) -> str:
    """A published file: `run_metrics.csv` or `summary.json`."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def compare(metrics_csv: str, summary_json: str) -> Comparison:
    """Compare our two files with the published ones.

    Args:
        metrics_csv: The text of our `run_metrics.csv`.
        summary_json: The text of our `summary.json`.
    """
    published = _rows(published_text("run_metrics.csv"))
    ours = {row["run_id"]: row for row in _rows(metrics_csv)}
    columns = [column for column in published[0] if column != "run_id"]
    differences = [
        CellDifference(row["run_id"], column, row[column], found)
        for row in published
        for column in columns
        if (found := ours.get(row["run_id"], {}).get(column, "missing")) != row[column]
    ]
    informative = _informative(published, columns)
    cells = len(published) * len(columns)
    return Comparison(
        cells=cells,
        exact=cells - len(differences),
        informative_columns=informative,
        informative_cells=len(informative) * len(published),
        first_difference=differences[0] if differences else None,
        summary_equal=summary_json == published_text("summary.json"),
    )


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def _informative(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> tuple[str, ...]:
    seen: set[tuple[str, ...]] = set()
    informative = []
    for column in columns:
        values = tuple(row[column] for row in rows)
        if len(set(values)) > 1 and values not in seen:
            informative.append(column)
        seen.add(values)
    return tuple(informative)
