"""Figures of agents over turns and runs: what they hold, when they are below zero."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from sim_economy.reports.drawings.colours import BLUE, GRID, INK, MUTED, ORANGE, RED, SKY
from sim_economy.reports.drawings.drawing import (
    DASHES,
    Drawing,
    empty_figure,
    finished,
    grouped,
    short,
    styled,
    thinned,
    titled_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS_MAX: Final = 16


@styled()
def balances(
    values: Sequence[Sequence[Sequence[float]]],
    names: Sequence[str],
    level: tuple[float, str] | None = None,
    *,
    groups: Mapping[str, Sequence[int]] | None = None,
    narrow: bool = False,
) -> Drawing:
    """Balances over turns, a panel with its own scale for each agent.

    With more agents than fit, a panel for each group of agents.

    Args:
        values: Tokens, `[run, turn, agent]`, from genesis on.
        names: `[agent]`.
        level: A balance to mark, and what to call it.
        groups: Indices of agents by the name of their group; all in one when None.
        narrow: For a window as wide as a hand.
    """
    if len(names) <= _PANELS_MAX:
        panels: Mapping[str, Sequence[int]] = {name: [at] for at, name in enumerate(names)}
    else:
        panels = _grouped_panels(names, groups)
    across = min(2 if narrow else 4, len(panels))
    down = math.ceil(len(panels) / across)
    figure = empty_figure(_NARROW if narrow else 9, 1.3 + (1.35 if narrow else 1.75) * down)
    axes = figure.subplots(down, across, sharex=True, squeeze=False).flat
    turns = thinned(len(values[0]))
    held = _quantiles(values, turns, panels)
    for index, panel in enumerate(axes):
        if index >= len(panels):
            panel.set_visible(False)
            continue
        name, agents = list(panels.items())[index]
        count = len(values) * len(agents)
        _balance_panel(panel, turns, held[name], count, level, labelled=index == 0)
        panel.set_title(short(name), fontsize=9, pad=4)
        if index + across >= len(panels):
            panel.set_xlabel("turn")
            panel.tick_params(labelbottom=True)
    title = "What agents hold" if len(panels) < len(names) else "What each agent holds"
    figure.suptitle(title, x=0.015, ha="left", fontsize=12, fontweight="bold")
    figure.legend(loc="outside lower center", ncols=1 if narrow else 4)
    figure.supylabel("balance (tokens)", fontsize=10)
    return finished(figure, "Balances over turns")


def _grouped_panels(
    names: Sequence[str], groups: Mapping[str, Sequence[int]] | None
) -> dict[str, Sequence[int]]:
    """Agents by their group where the groups fit, all in one otherwise."""
    if groups is None or len(groups) > _PANELS_MAX:
        return {f"all {len(names):,} agents": range(len(names))}
    return {
        f"{name} ({len(own):,} agents)" if len(own) > 1 else name: own
        for name, own in groups.items()
    }


def _quantiles(
    values: Sequence[Sequence[Sequence[float]]],
    turns: Sequence[int],
    panels: Mapping[str, Sequence[int]],
) -> dict[str, Sequence[Sequence[float]]]:
    """Balances that stand at some shares of all, `[share, turn]`, by panel."""
    from numpy import asarray, quantile  # noqa: PLC0415

    found: dict[str, list[Sequence[float]]] = {name: [] for name in panels}
    for turn in turns:
        held = asarray([run[turn] for run in values])
        for name, agents in panels.items():
            own = held[:, list(agents)]
            found[name].append(quantile(own, _SHARES, method="inverted_cdf").tolist())
    return {name: list(zip(*rows, strict=True)) for name, rows in found.items()}


_SHARES: Final = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)


def _balance_panel(
    panel: Axes,
    turns: Sequence[int],
    held: Sequence[Sequence[float]],
    values: int,
    level: tuple[float, str] | None,
    *,
    labelled: bool,
) -> None:
    """Bands and the median of balances; where there are many, without the outermost ones.

    One agent that holds far more than all others would else leave them no room.

    Args:
        held: `[share, turn]`, as `_SHARES` says.
        values: How many are behind each of them.
        labelled: Whether the legend takes its names from here.
    """
    least, fifth, lower, middle, upper, most, greatest = held
    outer = (least, greatest, "all") if values <= _FEW else (fifth, most, "nine in ten")
    bands = ((*outer, 0.3), (lower, upper, "the middle half", 0.5)) if values > 1 else ()
    for low, high, name, alpha in bands:
        label = name if labelled else None
        panel.fill_between(turns, low, high, color=SKY, alpha=alpha, linewidth=0, label=label)
    name = "median" if values > 1 else "balance"
    panel.plot(turns, middle, color=BLUE, linewidth=1.6, label=name if labelled else None)
    if values == 1:
        below = [min(balance, 0) for balance in middle]
        panel.fill_between(turns, below, color=RED, alpha=0.5, linewidth=0)
    panel.axhline(0, color=INK, linewidth=0.8)
    if level is not None:
        marked = level[1] if labelled else None
        panel.axhline(level[0], color=RED, linewidth=1, linestyle=DASHES, label=marked)
    panel.yaxis.set_major_formatter(grouped)
    panel.locator_params(axis="y", nbins=4)
    panel.locator_params(axis="x", integer=True, nbins=5)


_FEW: Final = 60
_NARROW: Final = 4.3
"""Inches of a figure for a window as wide as a hand."""


@styled()
def solvency(
    shares: Sequence[Sequence[float]],
    names: Sequence[str],
    ends: Sequence[str],
    *,
    end: str = "",
    parted: int = 0,
    narrow: bool = False,
) -> Drawing:
    """Who is below zero, and when: a row for each agent, a column for each turn.

    Args:
        shares: Of the runs, from 0 to 1, `[agent, turn]`.
        names: `[agent]`, from above.
        ends: What stands at the end of each row, `[agent]`.
        end: What they are.
        parted: Agents above a line that parts the rows; no line where it is 0.
        narrow: For a window as wide as a hand.
    """
    figure, axes = titled_axes(
        "Who is below zero, and when",
        "turn",
        "",
        width=_NARROW if narrow else 9,
        height=1.6 + 0.3 * len(names),
    )
    size = 8 if narrow else 9
    played = len(shares[0])
    turns = thinned(played, _COLUMNS_MAX)
    for above, own in enumerate(reversed(shares)):
        across, heights = _stepped(turns, [0.86 * own[turn] for turn in turns], played)
        axes.fill(across, [above + height for height in heights], color=RED, linewidth=0)
        axes.axhline(above, color=GRID, linewidth=0.8, zorder=0)
    if 0 < parted < len(names):
        axes.axhline(len(names) - parted - 0.07, color=MUTED, linewidth=0.9, linestyle=DASHES)
    axes.set_xlim(0.5, played + 0.5)
    axes.set_ylim(-0.15, len(names))
    heights = [above + 0.35 for above in range(len(names))]
    longest = 14 if narrow else 34
    axes.set_yticks(heights, [short(name, longest) for name in reversed(names)])
    right = axes.twinx()
    right.set_ylim(axes.get_ylim())
    right.set_yticks(heights, ends[::-1])
    right.set_title(end, loc="right", fontsize=size, color=MUTED, pad=4)
    for side in (axes, right):
        side.tick_params(axis="y", length=0, labelsize=size, labelcolor=INK)
        side.spines[["left", "right"]].set_visible(False)
        side.grid(visible=False, axis="y")
    axes.locator_params(axis="x", integer=True)
    return finished(figure, "The agents that are below zero, over turns")


def _stepped(
    turns: Sequence[int], heights: Sequence[float], played: int
) -> tuple[list[float], list[float]]:
    """The outline of bars that touch, from zero to zero, a corner only where the height changes."""
    edges = [*(turn + 0.5 for turn in turns), played + 0.5]
    across, up = [edges[0]], [0.0]
    for edge, height in zip(edges, [*heights, 0.0], strict=True):
        if height != up[-1]:
            across += [edge, edge]
            up += [up[-1], height]
    return [*across, edges[-1]], [*up, 0.0]


_COLUMNS_MAX: Final = 240


@styled()
def agreement(
    values: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, narrow: bool = False
) -> Drawing:
    """Two sets of values that should be the same: rings, and dots inside those that agree.

    Args:
        values: Published and played values, `[run]`, by the name of a metric.
        narrow: For a window as wide as a hand.
    """
    across = 2 if narrow else 3
    down = math.ceil(len(values) / across)
    figure = empty_figure(_NARROW if narrow else 9, 1 + (1.45 if narrow else 1.75) * down)
    panels = figure.subplots(down, across, sharex=True, squeeze=False).flat
    for index, panel in enumerate(panels):
        if index >= len(values):
            panel.set_visible(False)
            continue
        name, (published, played) = list(values.items())[index]
        panel.plot(
            range(1, len(published) + 1),
            published,
            "o",
            color=ORANGE,
            markerfacecolor="none",
            markersize=7,
            label="published" if index == 0 else None,
        )
        panel.plot(
            range(1, len(played) + 1),
            played,
            "o",
            color=BLUE,
            markersize=3,
            label="played here" if index == 0 else None,
        )
        panel.set_title(name, fontsize=9, pad=4)
        panel.yaxis.set_major_formatter(grouped)
        whole = all(map(float.is_integer, map(float, published)))
        panel.locator_params(axis="y", nbins=4, integer=whole)
        panel.locator_params(axis="x", integer=True, nbins=6)
        if index + across >= len(values):
            panel.set_xlabel("run")
            panel.tick_params(labelbottom=True)
    title = "Published values, and ours" if narrow else "Published values, and ours inside them"
    figure.suptitle(title, x=0.015, ha="left", fontsize=12, fontweight="bold")
    figure.legend(loc="outside lower center", ncols=2)
    return finished(figure, "Published values of each run, and the values played here")
