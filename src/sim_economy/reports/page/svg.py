"""A drawing inside a page: its colours are the page's, so that it is light or dark with it."""

from __future__ import annotations

import re
from typing import Final

from sim_economy.reports.colours import THEMED


def inline_svg(text: str, label: str, prefix: str) -> str:
    """An SVG file as an element of a page that has no style of its own.

    Args:
        label: What it shows, escaped as an attribute.
        prefix: Of its names, so that no two drawings of a page share one.
    """
    drawing = text[text.index("<svg") :].strip()
    head, rest = drawing.split(">", 1)
    view = re.search(r'viewBox="[^"]*"', head)
    assert view is not None, head
    rest = _SHEET.sub("", _METADATA.sub("", rest))
    used = set(_REFERENCE.findall(rest))
    rest = _NAME.sub(lambda found: f' id="{prefix}{found[1]}"' if found[1] in used else "", rest)
    rest = _REFERENCE.sub(lambda found: found[0].replace("#", f"#{prefix}", 1), rest)
    rest = _STYLE.sub(lambda found: _attributes(found[1]), rest)
    return f'<svg role="img" aria-label="{label}" {view[0]}>{rest}'


_METADATA: Final = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_SHEET: Final = re.compile(r"\s*<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>")
_NAME: Final = re.compile(r'\sid="([^"]*)"')
_REFERENCE: Final = re.compile(r'(?:href="|url\()#([^")]+)')
_STYLE: Final = re.compile(r'\sstyle="([^"]*)"')


def _attributes(style: str) -> str:
    """Declarations as presentation attributes, which a page without inline styles allows."""
    pairs = (part.partition(":") for part in style.split(";") if part.strip())
    return "".join(f' {name.strip()}="{_themed(value.strip())}"' for name, _, value in pairs)


def _themed(value: str) -> str:
    """A colour that the page knows by the name of its variable; any other value as it is."""
    return f"var(--{THEMED[value]})" if value in THEMED else value
