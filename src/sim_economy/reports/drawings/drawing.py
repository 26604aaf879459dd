"""What every figure is drawn with: one style, axes, numbers in words, and the bytes at the end."""

from __future__ import annotations

import io
import math
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.reports.drawings.colours import GRID, INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "sim-economy",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.w_pad": 0.1,
}
DASHES: Final = (0, (4, 2))
_POINTS_MAX: Final = 600
_DPI: Final = 144


class Drawing(Struct, frozen=True):
    """A figure as it was drawn.

    Attributes:
        png: Empty for a narrow drawing, which pages alone hold.
    """

    svg: str
    png: bytes


@contextmanager
def styled() -> Iterator[None]:
    """The style of this project, whatever the reader's settings are."""
    mpl = _matplotlib()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def _matplotlib() -> Any:
    """The library, also where the environment names a backend that is not installed here.

    A shell hands on the backend of its notebook, and the library refuses to be imported under one
    that it does not find; what is drawn here needs none.
    """
    if "matplotlib" in sys.modules or "MPLBACKEND" not in os.environ:
        return import_module("matplotlib")
    backend = os.environ.pop("MPLBACKEND")
    try:
        mpl = import_module("matplotlib")
    finally:
        os.environ["MPLBACKEND"] = backend
    with suppress(ValueError):
        mpl.rcParams["backend"] = backend
    return mpl


def empty_figure(width: float, height: float) -> Figure:
    """A white figure; its size is in inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    return Figure((width, height), layout="constrained", facecolor="white")


def titled_axes(
    title: str, across: str, up: str, width: float = 9, height: float = 4.6
) -> tuple[Figure, Axes]:
    """A figure of one panel, with its title and the names of its axes."""
    figure = empty_figure(width, height)
    axes = figure.subplots()
    axes.set_title(title, fontweight="bold")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.yaxis.set_major_formatter(grouped)
    if across == "turn":
        axes.locator_params(axis="x", integer=True)
    return figure, axes


def lying_bars(title: str, across: str, names: Sequence[str]) -> tuple[Figure, Axes]:
    """Axes for bars that have their names beside them, from below."""
    figure, axes = titled_axes(title, across, "", height=1.8 + 0.42 * len(names))
    axes.set_yticks(range(len(names)), names)
    axes.xaxis.set_major_formatter(grouped)
    axes.grid(visible=False, axis="y")
    return figure, axes


def finished(figure: Figure, description: str) -> Drawing:
    """A figure as SVG and PNG, without a date; one for narrow windows has no PNG of its own."""
    text, pixels = io.StringIO(), io.BytesIO()
    metadata: dict[str, Any] = {"Title": description, "Date": None, "Creator": None}
    with warnings.catch_warnings():
        # A script that our font lacks is drawn by the reader's fonts.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(text, format="svg", metadata=metadata)
        if figure.get_figwidth() > _NARROW_MAX:
            figure.set_layout_engine("none")  # as it was laid out for the SVG
            figure.savefig(pixels, format="png", dpi=_DPI, metadata={"Software": None})
    lines = text.getvalue().splitlines()
    return Drawing("\n".join(line.rstrip() for line in lines) + "\n", pixels.getvalue())


_NARROW_MAX: Final = 5
"""Inches of a figure for a window as wide as a hand, at most."""


def thinned(count: int, most: int = _POINTS_MAX) -> list[int]:
    """Positions from the first to the last, no more than a figure can show."""
    step = max(1, math.ceil((count - 1) / most))
    indices = list(range(0, count, step))
    return indices if indices[-1] == count - 1 else [*indices, count - 1]


def grouped(value: float, _anchor: object = None) -> str:
    """Whole numbers with thousands grouped; smaller ones as they are."""
    text = f"{value:,.0f}" if abs(value) >= 10 else f"{round(value, 1) + 0.0:g}"
    return text.replace("-", "\u2212")


def exact(value: float) -> str:
    """A value of an axis with every digit that it has, thousands grouped."""
    text = format(Decimal(f"{value:.10g}"), ",f")
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "\u2212")


def signed(value: float) -> str:
    """A number with its sign."""
    return ("+" if round(value) > 0 else "") + grouped(value)


def short(name: str, length: int = 28) -> str:
    """A name no longer than a figure has room for; the middle is left out."""
    if len(name) <= length:
        return name
    kept = length - 1
    return f"{name[: kept - kept // 3]}\u2026{name[-(kept // 3) :]}"
