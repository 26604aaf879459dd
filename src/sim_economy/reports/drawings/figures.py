"""Figures: plain arrays in, SVG and PNG out, the same bytes for the same arrays."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise, takewhile
from typing import TYPE_CHECKING, Final

from sim_economy.reports.drawings.colours import (
    BLUE,
    GREEN,
    GREY,
    GRID,
    INK,
    MUTED,
    ORANGE,
    PALETTE,
    PURPLE,
    RED,
    SKY,
    SPARE,
    YELLOW,
    unlike,
)
from sim_economy.reports.drawings.drawing import (
    DASHES,
    Drawing,
    finished,
    grouped,
    lying_bars,
    signed,
    styled,
    thinned,
    titled_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACTION_COLOURS: Final[Mapping[str, str]] = {
    "mine": BLUE,
    "job": ORANGE,
    "stake": GREEN,
    "unstake": SKY,
    "burn": RED,
    "study": PURPLE,
    "transfer": YELLOW,
}
"""The palette of Okabe and Ito, distinguished by colour-blind readers too."""


@styled()
def rent(
    fees: Sequence[Sequence[float]],
    returned: Sequence[Sequence[float]],
    kept: Sequence[Sequence[float]],
) -> Drawing:
    """Fees paid so far, what came back to agents, and what the platform kept.

    Args:
        fees: Tokens so far, `[run, turn]`, from genesis on; so are the others.
        returned: Credits, relief, bonuses and dividends.
        kept: The platform's balance.
    """
    figure, axes = titled_axes(
        "Fees agents paid, and what the platform kept", "turn", "tokens since genesis"
    )
    series = (
        (fees, BLUE, "fees paid by agents"),
        (returned, GREEN, "returned to agents"),
        (kept, RED, "kept by the platform (rent)"),
    )
    turns = thinned(len(fees[0]))
    ends = []
    for table, colour, label in series:
        held = [[run[turn] for run in table] for turn in turns]
        means = [statistics.fmean(row) for row in held]
        least, greatest = [min(row) for row in held], [max(row) for row in held]
        axes.fill_between(turns, least, greatest, color=colour, alpha=0.2, linewidth=0)
        axes.plot(turns, means, color=colour, linewidth=2, label=label)
        ends.append((means[-1], colour))
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.margins(x=0.01)
    axes.legend(loc="upper left", title="mean; band: all runs", alignment="left")
    for index, (end, colour) in zip(_apart([end for end, _ in ends], axes), ends, strict=True):
        axes.annotate(
            grouped(end),
            (1, index),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontweight="bold",
        )
    return finished(figure, "Cumulative fees, tokens returned and platform rent over turns")


@styled()
def tokens(steps: Sequence[tuple[str, float]], start: str, end: str) -> Drawing:
    """The change of a supply, step by step.

    Args:
        steps: What each reason added, in tokens; the first is the supply at the start.
        start: What the first bar is called.
        end: What the last bar, the sum, is called.
    """
    figure, axes = titled_axes("Where the tokens went", "", "tokens agents own", height=4.8)
    (_, first), *changes = steps
    names = [start, *(name for name, _ in changes), end]
    levels = [*accumulate((amount for _, amount in steps), initial=0.0)]
    _waterfall_bar(axes, 0, (0.0, first), BLUE, grouped(first))
    for index, (_, amount) in enumerate(changes, 1):
        colour = GREEN if amount >= 0 else RED
        ends = (levels[index], levels[index + 1])
        _waterfall_bar(axes, index, ends, colour, signed(amount))
    _waterfall_bar(axes, len(steps), (0.0, levels[-1]), BLUE, grouped(levels[-1]))
    for index, level in enumerate(levels[1:]):
        axes.plot([index + 0.34, index + 0.66], [level, level], color=MUTED, linewidth=0.9)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xticks(range(len(names)), [name.replace(" ", "\n") for name in names])
    axes.tick_params(axis="x", length=0, labelcolor=INK, labelsize=9)
    axes.grid(visible=False, axis="x")
    room = 0.09 * (max(levels) - min(levels) or 1)
    axes.set_ylim(min(levels) - room, max(levels) + room)
    return finished(figure, "Waterfall from the genesis supply to the final supply")


def _waterfall_bar(
    axes: Axes, index: int, ends: tuple[float, float], colour: str, label: str
) -> None:
    """A bar from one level to the next, its label at the end of it."""
    low, high = ends
    axes.bar(index, high - low, bottom=low, color=colour, width=0.68)
    falls = high < low
    axes.annotate(
        label,
        (index, high),
        xytext=(0, -3 if falls else 3),
        textcoords="offset points",
        ha="center",
        va="top" if falls else "bottom",
        fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
    )


@styled()
def lorenz(
    shares: Sequence[float], curves: Sequence[Sequence[float]], mean: Sequence[float]
) -> Drawing:
    """Lorenz curves of every run, their mean, and the line of equality.

    Args:
        shares: Of agents, poorest first, from 0 to 1.
        curves: Shares of wealth, `[run, point]`.
        mean: Over the runs, `[point]`.
    """
    figure, axes = titled_axes(
        "How unequal agents end (shifted wealth)",
        "share of agents, poorest first (%)",
        "share of wealth (%)",
        width=6.2,
        height=5.6,
    )
    points = thinned(len(shares))
    percent = [100 * shares[point] for point in points]
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1, linestyle=DASHES)
    for index, curve in enumerate(curves):
        axes.plot(
            percent,
            [100 * curve[point] for point in points],
            color=SKY,
            linewidth=0.9,
            alpha=0.55,
            label="one run" if index == 0 else None,
        )
    middle = [100 * mean[point] for point in points]
    axes.plot(percent, middle, color=BLUE, linewidth=2.6, label="mean")
    axes.text(48, 51, "equality", color=MUTED, rotation=45, rotation_mode="anchor", va="bottom")
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.set_aspect("equal")
    axes.legend(loc="upper left")
    return finished(figure, "Lorenz curves of final shifted wealth")


@styled()
def actions(shares: Mapping[str, Sequence[float]]) -> Drawing:
    """The actions of agents as shares, turn by turn.

    Args:
        shares: From 0 to 1, `[turn]`, by action; they add up to at most 1 in every turn.
    """
    figure, axes = titled_axes("What agents choose", "turn", "share of agents (%)", height=4.4)
    played = len(next(iter(shares.values())))
    turns = thinned(played)
    edges = [turn + edge for turn in turns for edge in (0.5, 1.5)]
    edges[1::2] = [*edges[2::2], played + 0.5]
    stacked = {
        name: [100 * series[turn] for turn in turns for _ in range(2)]
        for name, series in shares.items()
    }
    spare = unlike(SPARE, _ACTION_COLOURS.values())
    axes.stackplot(
        edges,
        list(stacked.values()),
        labels=list(stacked),
        colors=[_ACTION_COLOURS.get(name) or next(spare) for name in stacked],
        linewidth=0,
    )
    axes.set_xlim(0.5, played + 0.5)
    axes.set_ylim(0, 100)
    axes.legend(reverse=True, loc="center left", bbox_to_anchor=(1.01, 0.5), labelcolor=INK)
    return finished(figure, "Share of agents that choose each action over turns")


@styled()
def earnings(gains: Mapping[str, Mapping[str, float]]) -> Drawing:
    """Gains and losses of one agent of each policy, by reason.

    Args:
        gains: Tokens a run, by policy and group of reasons; below zero where lost.
    """
    names = list(gains)[::-1]
    figure, axes = lying_bars("What one agent gains and loses a run", "tokens", names)
    groups = dict.fromkeys(group for own in gains.values() for group in own)
    for group, colour in zip(groups, unlike(PALETTE), strict=False):
        widths = [gains[name].get(group, 0.0) for name in names]
        starts = [_reach(gains[name], group, widths[index]) for index, name in enumerate(names)]
        axes.barh(range(len(names)), widths, 0.7, starts, color=colour, label=group)
    axes.axvline(0, color=INK, linewidth=0.8)
    figure.legend(loc="outside lower center", ncols=4)
    return finished(figure, "What one agent of each policy gains and loses a run")


@styled()
def contracts(counts: Sequence[tuple[str, Sequence[float]]], ends: Sequence[str]) -> Drawing:
    """Contracts of each kind, by how they ended.

    Args:
        counts: For each kind its name, and contracts a run, `[end]`.
        ends: Names, `[end]`.
    """
    names = [name for name, _ in counts][::-1]
    figure, axes = lying_bars("How contracts ended", "contracts a run", names)
    starts = [0.0] * len(names)
    colours = (GREEN, RED, GREY, GRID)
    for index, (end, colour) in enumerate(zip(ends, colours, strict=True)):
        widths = [numbers[index] for _, numbers in counts][::-1]
        axes.barh(range(len(names)), widths, 0.7, starts, color=colour, label=end)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    figure.legend(loc="outside lower center", ncols=4)
    return finished(figure, "Contracts by kind and end")


def _reach(own: Mapping[str, float], group: str, width: float) -> float:
    """The start of a group's bar: after those before it on its side of zero."""
    earlier = takewhile(lambda key: key != group, own)
    return math.fsum(own[key] for key in earlier if (own[key] < 0) == (width < 0))


def _apart(heights: Sequence[float], axes: Axes) -> list[float]:
    """Places moved up where labels at them would lie on each other."""
    low, high = axes.get_ylim()
    gap = 0.055 * (high - low)
    moved = list(heights)
    ranked = sorted(range(len(moved)), key=heights.__getitem__)
    for below, above in pairwise(ranked):
        moved[above] = max(moved[above], moved[below] + gap)
    return moved
