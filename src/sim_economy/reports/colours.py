"""Colours of figures: the palette of Okabe and Ito, and as many more as are needed."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Final

INK: Final = "#1f2933"
MUTED: Final = "#616e7c"
GRID: Final = "#e4e7eb"
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
