"""Colours of pages and figures: the palette of Okabe and Ito, and as many more as are needed."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Final

PAPER: Final = "#ffffff"
SOFT: Final = "#f5f7fa"
INK: Final = "#1f2933"
MUTED: Final = "#616e7c"
GRID: Final = "#e4e7eb"
LINE: Final = "#cbd2d9"
BLUE: Final = "#0072b2"
ORANGE: Final = "#e69f00"
GREEN: Final = "#009e73"
RED: Final = "#d55e00"
PURPLE: Final = "#cc79a7"
SKY: Final = "#56b4e9"
YELLOW: Final = "#f0e442"
GREY: Final = "#9aa5b1"
VIOLET: Final = "#7b5ea7"
SLATE: Final = "#52606d"
MIST: Final = "#bcccdc"
BROWN: Final = "#8c564b"
SPARE: Final = (GREY, VIOLET, SLATE, MIST)
PALETTE: Final = (
    BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, *SPARE, BROWN,
)  # fmt: skip


def unlike(first: Sequence[str], used: Iterable[str] = ()) -> Iterator[str]:
    """Colours without end, none twice and none that is used: those given, then mixed ones."""
    yield from first
    seen = {*first, *used}
    for index in count():
        colour = _mixed(index)
        if colour not in seen:
            seen.add(colour)
            yield colour


def _mixed(index: int) -> str:
    """A colour far from its neighbours on the wheel, and light enough for a dark page."""
    lightness = 0.3 + 0.15 * (index // 12 % 4)
    while True:
        parts = colorsys.hls_to_rgb(index * GOLDEN % 1, lightness, 0.65)
        colour = "#" + "".join(f"{round(255 * part):02x}" for part in parts)
        if contrast(colour, _NIGHT) >= CONTRAST_MIN:
            return colour
        lightness += 0.05


GOLDEN: Final = 0.6180339887
"""Of a turn of the colour wheel, by which neighbours lie far apart."""

CONTRAST_MIN: Final = 3.0
"""Of a shape that says something, against its page.

Source: WCAG 2.2, 1.4.11.
"""

_NIGHT: Final = "#14181f"


def contrast(first: str, second: str) -> float:
    """The contrast of two colours, from 1 to 21.

    Source: WCAG 2.2, definition of contrast ratio.
    """
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


_THEME: Final[Mapping[str, tuple[str, str]]] = {
    "paper": (PAPER, _NIGHT),
    "soft": (SOFT, "#1d232c"),
    "ink": (INK, "#e6e9ed"),
    "muted": (MUTED, "#a5b0bc"),
    "grid": (GRID, "#2b343f"),
    "line": (LINE, "#3b4653"),
    "link": ("#0067a3", "#6db8ea"),
    "blue": (BLUE, "#4c9be8"),
    "orange": (ORANGE, "#f0b433"),
    "green": (GREEN, "#3ecf9f"),
    "red": (RED, "#ff8a4c"),
    "purple": (PURPLE, "#e39cc4"),
    "sky": (SKY, "#8ed1fc"),
    "yellow": (YELLOW, "#f0e442"),
    "grey": (GREY, GREY),
    "violet": (VIOLET, "#a68fd0"),
    "slate": (SLATE, "#6a7d90"),
    "mist": (MIST, "#d5e0ea"),
    "brown": (BROWN, "#c08a7d"),
}
"""Names of colours, each in the light and in the dark."""

THEMED: Final[Mapping[str, str]] = {light: name for name, (light, _) in _THEME.items()}
"""Names by the colour in the light, as figures are drawn."""


def theme_css() -> str:
    """The colours as CSS variables that follow the reader's preference; print is light."""
    light, dark = map(_variables, (0, 1))
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    )


def switched_theme_css() -> str:
    """The same, where a page's attribute `data-theme` goes before the reader's preference."""
    light, dark = map(_variables, (0, 1))
    return (
        f"{theme_css()}"
        f"@media screen {{ :root[data-theme=light] {{ color-scheme: light; {light} }} }}\n"
        f"@media screen {{ :root[data-theme=dark] {{ color-scheme: dark; {dark} }} }}\n"
    )


def _variables(index: int) -> str:
    """Every colour by its name, in the light (0) or in the dark (1)."""
    return " ".join(f"--{name}: {pair[index]};" for name, pair in _THEME.items())
