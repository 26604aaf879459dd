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
SPARE: Final = (GREY, "#7b5ea7", "#52606d", "#bcccdc")
PALETTE: Final = (
    BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, *SPARE, "#8c564b",
)  # fmt: skip


def unlike(first: Sequence[str], used: Iterable[str] = ()) -> Iterator[str]:
    """Colours without end, none twice and none that is used: those given, then mixed ones."""
    yield from first
    seen = {*first, *used}
    for index in count():
        turn, ring = index * GOLDEN, index // 12
        mixed = colorsys.hls_to_rgb(turn % 1, 0.3 + 0.15 * (ring % 4), 0.65)
        colour = "#" + "".join(f"{round(255 * part):02x}" for part in mixed)
        if colour not in seen:
            seen.add(colour)
            yield colour


GOLDEN: Final = 0.6180339887
"""Of a turn of the colour wheel, by which neighbours lie far apart."""

_THEME: Final[Mapping[str, tuple[str, str]]] = {
    "paper": (PAPER, "#14181f"),
    "soft": (SOFT, "#1d232c"),
    "ink": (INK, "#e6e9ed"),
    "muted": (MUTED, "#a5b0bc"),
    "grid": (GRID, "#2b343f"),
    "line": (LINE, "#3b4653"),
    "link": ("#0067a3", "#6db8ea"),
    "blue": (BLUE, "#56a8e0"),
    "orange": (ORANGE, "#f0b433"),
    "green": (GREEN, "#3ecf9f"),
    "red": (RED, "#ff8a4c"),
    "purple": (PURPLE, "#e39cc4"),
    "sky": (SKY, "#3f8fc4"),
    "yellow": (YELLOW, "#f0e442"),
    "grey": (GREY, "#7d8894"),
}
"""Names of colours, each in the light and in the dark."""

THEMED: Final[Mapping[str, str]] = {light: name for name, (light, _) in _THEME.items()}
"""Names by the colour in the light, as figures are drawn."""


def theme_css() -> str:
    """The colours as CSS variables that follow the reader's preference; print is light."""
    light, dark = (
        " ".join(f"--{name}: {pair[index]};" for name, pair in _THEME.items()) for index in (0, 1)
    )
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    )
