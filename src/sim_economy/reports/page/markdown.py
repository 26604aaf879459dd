"""A report as Markdown, in the order of its page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.reports.page.document import Block, Figure, KeyFigure, Pieces, Report
from sim_economy.reports.tables import Table, table_markdown

ROWS_MAX: Final = 100
"""Rows of a table that a report shows; its file has all."""


def report_markdown(report: Report) -> str:
    """The report as Markdown that needs the folder of its files."""
    return "\n\n".join(_parts(report)) + "\n"


def _parts(report: Report) -> Iterator[str]:
    yield f"# {markdown_text(report.title)}"
    # Bold within bold would end it.
    yield f"**{report.answer.replace('**', '')}**"
    yield from filter(None, map(_block, report.lead))
    if report.picture is not None:
        yield _block(report.picture)
    yield "\n".join(map(_key_figure, report.key_figures))
    for section in (*report.evidence, *report.provenance):
        yield f"## {markdown_text(section.title)}"
        yield from filter(None, map(_block, section.blocks))


def _key_figure(figure: KeyFigure) -> str:
    note = f": {figure.note}" if figure.note else ""
    return f"- **{figure.value}** {markdown_text(figure.label)}{note}"


def _block(block: Block) -> str:
    match block:
        case Table():
            left = len(block.rows) - ROWS_MAX
            more = f" The first {ROWS_MAX} of {len(block.rows):,}." if left > 0 else ""
            shown = table_markdown(replace(block, rows=block.rows[:ROWS_MAX])).strip()
            return f"{shown}\n\n[CSV]({csv_of(block)}){more}"
        case Figure():
            links = f"[SVG](figures/{block.name}.svg), [PNG](figures/{block.name}.png)"
            return (
                f"![{markdown_text(block.caption)}](figures/{block.name}.svg)\n\n"
                f"{links}, [CSV]({block.csv})"
            )
        case Pieces():
            return ""
        case _:
            return block.strip()


def csv_of(table: Table) -> str:
    """The file that holds the numbers of a table, from the report's folder."""
    return table.csv or f"tables/{table.name}.csv"
