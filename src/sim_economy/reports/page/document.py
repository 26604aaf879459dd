"""A report as content, whatever it becomes: a page, Markdown, a sentence in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from msgspec import Struct

from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.reports.drawings.drawing import Drawing
from sim_economy.reports.tables import Table


class Figure(Struct, frozen=True, kw_only=True):
    """A picture, with the numbers it shows.

    Attributes:
        name: Of its files, `figures/NAME.svg`, `.png` and `.csv`; letters, digits, `_` and `-`.
        caption: What it shows, in words that also stand for it where it cannot be seen; plain text.
        narrow: The same, drawn for the window of a phone, about 4.3 inches wide.
        rows: The numbers, one row of its CSV each.
    """

    name: str
    caption: str
    drawing: Drawing
    narrow: Drawing | None = None
    rows: Sequence[Mapping[str, Any]]

    @property
    def csv(self) -> str:
        """The file that holds its numbers."""
        return f"figures/{self.name}.csv"

    def __repr__(self) -> str:
        """What it shows."""
        return f"<Figure {self.name}: {self.caption}>"

    def _repr_svg_(self) -> str:
        """The drawing, for a notebook."""
        return self.drawing.svg


class KeyFigure(Struct, frozen=True, kw_only=True):
    """A number that matters, on the first screen.

    Attributes:
        value: As it is read, such as `9 of 12`; Markdown, so that it may link to its source.
        label: What it counts, in a few words; plain text.
        note: What else to know of it; Markdown.
    """

    value: str
    label: str
    note: str = ""


class Pieces(Struct, frozen=True):
    """HTML whose maker escaped what others wrote, in pieces; Markdown leaves it out."""

    html: Iterable[str]


Block: TypeAlias = str | Table | Figure | Pieces
"""A part of a section; a text is Markdown."""


class Section(Struct, frozen=True, kw_only=True):
    """Blocks under a heading.

    Attributes:
        title: Plain text; its anchor is made from it.
    """

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """The name by which a link finds it."""
        return re.sub(r"\W+", "-", self.title.lower()).strip("-") or "section"


class Report(Struct, frozen=True, kw_only=True):
    """A whole report.

    Attributes:
        title: What was asked of what; plain text.
        answer: One sentence with its number; Markdown.
        lead: What stands between the answer and the picture.
        picture: What shows the answer.
        key_figures: Three, no more.
        evidence: What supports the answer, what matters most first.
        provenance: Parameters, versions, seeds, heads: what nobody reads who does not doubt.
        script: JavaScript of the page, if it needs any.
        style: CSS of the page beside that of all.
        files: Whether its files lie beside it; a page that stands alone holds its CSV itself.
    """

    title: str
    answer: str
    picture: Figure | None
    key_figures: Sequence[KeyFigure]
    evidence: Sequence[Section]
    provenance: Sequence[Section]
    script: str = ""
    style: str = ""
    lead: Sequence[Block] = ()
    files: bool = True

    def tables(self) -> Iterator[Table]:
        """Every table, in order."""
        yield from (block for block in self._blocks() if isinstance(block, Table))

    def figures(self) -> Iterator[Figure]:
        """Every figure, in order."""
        if self.picture is not None:
            yield self.picture
        yield from (block for block in self._blocks() if isinstance(block, Figure))

    def _blocks(self) -> Iterator[Block]:
        yield from self.lead
        for section in (*self.evidence, *self.provenance):
            yield from section.blocks


def sourced(text: str, csv: str, *cells: str) -> str:
    """A number in a sentence that leads back to a cell of a CSV file; Markdown.

    Args:
        text: The number as it is read; plain text.
        csv: The file, from the report's folder.
        cells: Values that pick the row, from its first column on, then the cell's column; none
            where the number is how many rows the file has.
    """
    cell = "/".join(quote(each, safe="") for each in cells)
    return f"[{markdown_text(text)}]({quote(csv)}{f'#{cell}' if cells else ''})"


def plain(markdown: str) -> str:
    """Markdown of a sentence as the text that it shows."""
    return _INLINE.sub(_shown_inline, markdown)


_INLINE: Final = re.compile(
    r"`(?P<code>[^`]*)`|\\(?P<escaped>[!-/:-@\[-`{-~])|\[(?P<link>(?:\\.|[^\[\]\\])*)\]\([^()\s]*\)|\*\*"
)


def _shown_inline(found: re.Match[str]) -> str:
    if (link := found["link"]) is not None:
        return plain(link)
    return found["code"] or found["escaped"] or ""
