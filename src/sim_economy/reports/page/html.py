"""A report as one HTML file that needs no other, loads nothing and runs no strange script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sim_economy.core.errors import ExtraMissingError
from sim_economy.ledger.readers.plain_text import html_text
from sim_economy.reports.drawings.colours import theme_css
from sim_economy.reports.page.csv_text import figure_csv, table_csv
from sim_economy.reports.page.document import Block, Figure, Pieces, Report, Section
from sim_economy.reports.page.markdown import ROWS_MAX, csv_of
from sim_economy.reports.page.svg import inline_svg
from sim_economy.reports.tables import Table, is_numeric, shown

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

BEGINNING: Final = b'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
"""What every page begins with."""


def page_pieces(report: Report) -> Iterator[str]:
    """The page in pieces, so that a long one need not be held whole.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    try:
        template = _environment().get_template("page.html.jinja")
    except ModuleNotFoundError as error:
        raise ExtraMissingError("a page", str(error.name), "report") from None
    style = theme_css() + _resource("base.css") + _resource("page.css") + report.style
    yield from template.generate(
        report=report,
        style=style,
        policy=_policy(style, report.script),
        anchors=_anchors([*report.evidence, *report.provenance]),
    )


def html_page(report: Report) -> str:
    """The whole page.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    return "".join(page_pieces(report))


def _policy(style: str, script: str) -> str:
    """What a browser may load and run: this style, this script, pictures that the page holds."""
    rules = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "img-src data:"]
    rules += [f"style-src '{_digest(style)}'"]
    rules += [f"script-src '{_digest(script)}'"] if script else []
    return "; ".join(rules)


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _anchors(sections: list[Section]) -> list[str]:
    """An anchor for each section, no two alike."""
    found: list[str] = []
    for section in sections:
        anchor, number = section.anchor, 1
        while anchor in {"evidence", "provenance", *found}:
            number += 1
            anchor = f"{section.anchor}-{number}"
        found.append(anchor)
    return found


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415
    from markdown_it import MarkdownIt  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def prose(text: str) -> Markup:
        html: str = markdown.render(text)
        return Markup(html.replace("<table>", _WIDE).replace("</table>", "</table></div>"))  # noqa: S704

    def inline(text: str) -> Markup:
        return Markup(markdown.renderInline(text))  # noqa: S704

    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "prose": prose,
        "inline": inline,
        "drawn": partial(_drawn, Markup),
        "held": partial(_held, Markup),
        "cell": lambda value: inline(shown(value)),
        "plain": lambda text: Markup(html_text(text)),  # noqa: S704
    }
    environment.globals |= {
        "kind_of": _kind,
        "csv_of": csv_of,
        "numeric_columns": _numeric,
        "rows_max": ROWS_MAX,
    }
    return environment


_SCROLLED: Final = 'role="region" tabindex="0"'
_WIDE: Final = f'<div class="wide" {_SCROLLED} aria-label="table"><table>'


def _kind(block: Block) -> str:
    match block:
        case Table():
            return "table"
        case Figure():
            return "figure"
        case Pieces():
            return "pieces"
        case _:
            return "prose"


def _numeric(table: Table) -> list[bool]:
    """Whether each column holds numbers alone."""
    return [is_numeric([row[index] for row in table.rows]) for index in range(len(table.columns))]


def _drawn(markup: Callable[[str], Markup], figure: Figure) -> Markup:
    """The drawing of a figure, and the one for narrow windows where there is one."""
    wide = inline_svg(figure.drawing.svg, figure.caption, f"{figure.name}.")
    if figure.narrow is None:
        return markup(f'<div class="drawing" {_SCROLLED} aria-label="figure">{wide}</div>')
    narrow = inline_svg(figure.narrow.svg, figure.caption, f"{figure.name}.narrow.")
    return markup(
        f'<div class="drawing in-wide">{wide}</div>\n<div class="drawing in-narrow">{narrow}</div>'
    )


def _held(markup: Callable[[str], Markup], block: Figure | Table) -> Markup:
    """A link to the block's CSV that holds it, for a page without files; none where it is long."""
    text = figure_csv(block) if isinstance(block, Figure) else table_csv(block)
    if len(text) > _HELD_MAX:
        return markup("")
    name = html_text(f"{block.name}.csv")
    link = f"data:text/csv;charset=utf-8,{quote(text)}"
    return markup(f'<a download="{name}" href="{link}">CSV</a>')


_HELD_MAX: Final = 200_000


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
