"""Figures of searches: plain arrays in, SVG and PNG out."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from sim_economy.reports.drawings.colours import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY
from sim_economy.reports.drawings.comparison_figures import NARROW, WIDE
from sim_economy.reports.drawings.drawing import (
    DASHES,
    Drawing,
    empty_figure,
    finished,
    grouped,
    styled,
)

_MARKS = ((ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"), (RED, "v"), (SKY, "P"))


class FrontPanel(Struct, frozen=True, kw_only=True):
    """Points in the plane of two objectives, as pairs of across and up.

    Attributes:
        tried: Every point, on the seeds of the search.
        front: The front on these seeds; the rest is in its order.
        holdout: The same points on fresh seeds.
        behaviours: The same points on fresh seeds under each further behaviour, by name.
    """

    tried: Sequence[tuple[float, float]]
    front: Sequence[tuple[float, float]]
    holdout: Sequence[tuple[float, float]]
    behaviours: dict[str, Sequence[tuple[float, float]]]


@styled()
def front_plane(
    panel: FrontPanel, title: str, across: str, up: str, *, narrow: bool = False
) -> Drawing:
    """The front on the seeds of the search, joined with itself on fresh ones and elsewhere."""
    figure = empty_figure(NARROW if narrow else WIDE, 4.8)
    axes = figure.subplots()
    axes.set_title(title, fontweight="bold", fontsize=9 if narrow else 12)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.xaxis.set_major_formatter(grouped)
    axes.yaxis.set_major_formatter(grouped)
    if panel.tried:
        axes.plot(
            *zip(*panel.tried, strict=True), linestyle="", marker=".", color=GREY, label="tried"
        )
    for own, fresh in zip(panel.front, panel.holdout, strict=True):
        axes.plot(*zip(own, fresh, strict=True), color=BLUE, linewidth=0.8, linestyle=DASHES)
    axes.plot(
        *zip(*panel.front, strict=True),
        linestyle="", marker="o", markerfacecolor="none", color=BLUE, label="front, as searched",
    )  # fmt: skip
    axes.plot(
        *zip(*panel.holdout, strict=True),
        linestyle="", marker="o", color=BLUE, label="front, fresh seeds",
    )  # fmt: skip
    for (name, points), (colour, shape) in zip(panel.behaviours.items(), _MARKS, strict=False):
        label = f"front, {name}, fresh seeds"
        axes.plot(*zip(*points, strict=True), linestyle="", marker=shape, color=colour, label=label)
    figure.legend(loc="outside lower center", ncols=1 if narrow else 3)
    return finished(figure, title)
