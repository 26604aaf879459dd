"""The numbers of a figure or a table as CSV."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from sim_economy.ledger.readers.plain_text import write_csv_rows
from sim_economy.reports.page.document import Figure
from sim_economy.reports.tables import Code, Table, Value


def figure_csv(figure: Figure) -> str:
    """The rows of a figure."""
    return _csv(list(figure.rows[0]) if figure.rows else [], figure.rows)


def table_csv(table: Table) -> str:
    """All rows of a table, under its columns."""
    rows = [dict(zip(table.columns, map(_bare, row), strict=True)) for row in table.rows]
    return _csv(table.columns, rows)


def _bare(value: Value) -> str | bool | int | float | None:
    return value.text if isinstance(value, Code) else value


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    write_csv_rows(text, columns, rows)
    return text.getvalue()
