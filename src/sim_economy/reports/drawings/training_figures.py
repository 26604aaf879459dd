"""Figures of training: plain arrays in, SVG and PNG out."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from sim_economy.reports.drawings.colours import BLUE, GREEN, INK, MUTED, ORANGE
from sim_economy.reports.drawings.comparison_figures import NARROW, WIDE
from sim_economy.reports.drawings.drawing import DASHES, Drawing, finished, styled, titled_axes


class LearningCurve(Struct, frozen=True, kw_only=True):
    """An objective by generation, `[generation]` each.

    Attributes:
        holdout: Of the middle of the candidates, on seeds that no generation saw.
        before: What was there before the training, on the same seeds.
    """

    best: Sequence[float]
    median: Sequence[float]
    mean: Sequence[float]
    holdout: Sequence[float]
    before: float


@styled()
def learning_curve(curve: LearningCurve, title: str, up: str, *, narrow: bool = False) -> Drawing:
    """Best, median and mean of each generation's candidates, and the hold-out seeds."""
    figure, axes = titled_axes(title, "generation", up, NARROW if narrow else WIDE, 4.4)
    if narrow:
        axes.title.set_fontsize(9)
    across = range(1, len(curve.best) + 1)
    marker = "o" if len(curve.best) <= 40 else ""
    lines = (
        (curve.best, GREEN, "best candidate", 1.2),
        (curve.median, ORANGE, "median candidate", 1.2),
        (curve.mean, MUTED, "mean of candidates", 1.2),
        (curve.holdout, BLUE, "policy so far, hold-out seeds", 2.2),
    )
    for values, colour, label, width in lines:
        axes.plot(
            across, values, color=colour, label=label, linewidth=width, marker=marker, markersize=3
        )
    axes.axhline(
        curve.before, color=INK, linestyle=DASHES, linewidth=1, label="before, hold-out seeds"
    )
    axes.locator_params(axis="x", integer=True)
    figure.legend(loc="outside lower center", ncols=1 if narrow else 3)
    return finished(figure, title)
