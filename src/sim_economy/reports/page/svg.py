"""A drawing inside a page: its colours are the page's, so that it is light or dark with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree

from sim_economy.ledger.readers.plain_text import visible
from sim_economy.reports.drawings.colours import THEMED


def inline_svg(text: str, label: str, prefix: str) -> str:
    """An SVG file of this project as an element of a page that allows no inline style.

    Args:
        label: What it shows; plain text.
        prefix: Of its names, so that no two drawings of a page share one.
    """
    root = ElementTree.fromstring(visible(text))  # noqa: S314 - our own drawing, without entities
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in _LEFT_OUT:
                parent.remove(child)
    used = {name for element in root.iter() for name in _references(element)}
    for element in root.iter():
        _adapt(element, prefix, used)
    view = root.attrib["viewBox"]
    root.attrib = {
        "role": "img",
        "aria-label": visible(label),
        "viewBox": view,
        "width": f"{_SCALE * float(view.split()[2]):.0f}",
        "preserveAspectRatio": "xMinYMid",
    }
    return ElementTree.tostring(root, encoding="unicode")


_SCALE: Final = 1.3
"""Pixels of a page for a point of a drawing: its letters are then about as large as a table's."""

_LEFT_OUT: Final = frozenset({"metadata", "style", "title"})
_REFERENCE: Final = re.compile(r"(?<=^url\(#)[^)]+(?=\)$)")
_LONG_NUMBER: Final = re.compile(r"\d+\.\d{3,}")


def _local(name: str) -> str:
    """A name without its namespace, as HTML writes it."""
    return name.rpartition("}")[2]


def _references(element: ElementTree.Element) -> Iterator[str]:
    for name, value in element.attrib.items():
        yield from [value[1:]] if _local(name) == "href" else _REFERENCE.findall(value)


def _adapt(element: ElementTree.Element, prefix: str, used: set[str]) -> None:
    """Rename an element and its names, and write its style as attributes."""
    element.tag = _local(element.tag)
    element.tail = None
    if element.text and not element.text.strip():
        element.text = None
    attributes = {_local(name): value for name, value in element.attrib.items()}
    attributes |= _declarations(attributes.pop("style", ""))
    if attributes.get("id") not in used:
        attributes.pop("id", None)
    element.attrib = {
        name: _in_page(name, value, prefix) for name, value in sorted(attributes.items())
    }


def _declarations(style: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in style.split(";") if part.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _in_page(name: str, value: str, prefix: str) -> str:
    """A value of an attribute as it is in a page: names prefixed, colours themed, numbers short."""
    match name:
        case "id":
            return prefix + value
        case "href":
            return f"#{prefix}{value[1:]}"
        case "d" | "x" | "y":
            return _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.2f}", value).strip()
        case _ if value in THEMED:
            return f"var(--{THEMED[value]})"
        case _:
            return _REFERENCE.sub(lambda found: prefix + found[0], value)
