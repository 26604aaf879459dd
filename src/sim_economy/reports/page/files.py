"""The files of a report: its page, its Markdown, and each figure and table for other programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sim_economy.ledger.sidecars.run_folder import write_whole, writing_into
from sim_economy.reports.page.csv_text import figure_csv, table_csv
from sim_economy.reports.page.document import Figure, Report
from sim_economy.reports.page.html import html_page
from sim_economy.reports.page.markdown import csv_of, report_markdown


def write_files(
    folder: Path, stem: str, report: Report, further: Mapping[str, str] | None = None
) -> list[Path]:
    """Write `STEM.md`, `STEM.html` and the files of every figure and table into a folder.

    Args:
        further: Files that tables and sentences refer to, by path.

    Returns:
        What was written, the page last.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
        FolderError: The folder cannot be written.
    """
    page = html_page(report).encode()
    files = {f"{stem}.md": report_markdown(report).encode()}
    for figure in report.figures():
        files |= _figure_files(figure)
    for table in report.tables():
        if not table.csv:
            files[csv_of(table)] = table_csv(table).encode()
    files |= {name: text.encode() for name, text in (further or {}).items()}
    files[f"{stem}.html"] = page
    assert all(map(_NAME.fullmatch, files)), files.keys()
    with writing_into(folder):
        for name, content in files.items():
            write_whole(folder / name, content)
    return [folder / name for name in files]


_NAME: Final = re.compile(r"(?:[\w-]+/)*[\w-]+(?:\.[\w-]+)+", re.ASCII)
"""Of a file that lies in the report's folder and that a link finds as it is spelled."""


def _figure_files(figure: Figure) -> dict[str, bytes]:
    stem = f"figures/{figure.name}"
    return {
        f"{stem}.svg": figure.drawing.svg.encode(),
        f"{stem}.png": figure.drawing.png,
        figure.csv: figure_csv(figure).encode(),
    }
