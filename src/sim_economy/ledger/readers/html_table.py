"""A table as a notebook shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sim_economy.ledger.readers.plain_text import html_text

_ROWS_MAX: Final = 60


def html_table(title: str, columns: Sequence[str], rows: Sequence[Iterable[Any]]) -> str:
    """Rows under a title as HTML, whatever the cells hold shown as text; the first 60 of many."""
    head = "".join(f"<th>{html_text(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{_shown(cell)}</td>' for cell in row)}</tr>"
        for row in rows[:_ROWS_MAX]
    )
    left = len(rows) - _ROWS_MAX
    more = f"<p>and {left} more</p>" if left > 0 else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<p><b>{html_text(title)}</b></p>{table}{more}"


def _shown(cell: Any) -> str:
    match cell:
        case None:
            return "-"
        case float() if not cell.is_integer():
            return f"{cell:.4g}"
        case bool() | str():
            return html_text(str(cell))
        case int() | float():
            return f"{int(cell):,}"
        case _:
            return html_text(str(cell))
