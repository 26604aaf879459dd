"""Figures: plain arrays in, SVG and PNG out, the same bytes for the same arrays."""

from __future__ import annotations

import io
import math
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import accumulate, cycle, pairwise, takewhile
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.reports.colours import (
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

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
_DASHES: Final = (0, (4, 2))
_PANELS_MAX: Final = 16
_POINTS_MAX: Final = 600


class Drawing(Struct, frozen=True):
    """A figure as it was drawn."""

    svg: str
    png: bytes


@contextmanager
def _styled() -> Iterator[None]:
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


@_styled()
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
    figure = _figure(_NARROW if narrow else 9, 1.3 + (1.35 if narrow else 1.75) * down)
    axes = figure.subplots(down, across, sharex=True, squeeze=False).flat
    turns = _thinned(len(values[0]))
    held = _quantiles(values, turns, panels)
    for index, panel in enumerate(axes):
        if index >= len(panels):
            panel.set_visible(False)
            continue
        name, agents = list(panels.items())[index]
        count = len(values) * len(agents)
        _balance_panel(panel, turns, held[name], count, level, labelled=index == 0)
        panel.set_title(name, fontsize=9, pad=4)
        if index + across >= len(panels):
            panel.set_xlabel("turn")
            panel.tick_params(labelbottom=True)
    title = "What agents hold" if len(panels) < len(names) else "What each agent holds"
    figure.suptitle(title, x=0.015, ha="left", fontsize=12, fontweight="bold")
    figure.legend(loc="outside lower center", ncols=1 if narrow else 4)
    figure.supylabel("balance (tokens)", fontsize=10)
    return _drawing(figure, "Balances over turns")


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
    panel.axhline(0, color=INK, linewidth=0.8)
    if level is not None:
        marked = level[1] if labelled else None
        panel.axhline(level[0], color=RED, linewidth=1, linestyle=_DASHES, label=marked)
    panel.yaxis.set_major_formatter(_grouped)
    panel.locator_params(axis="y", nbins=4)
    panel.locator_params(axis="x", integer=True, nbins=5)


_FEW: Final = 60
_NARROW: Final = 4.3
"""Inches of a figure for a window as wide as a hand."""


@_styled()
def solvency(
    shares: Sequence[Sequence[float]],
    names: Sequence[str],
    ends: Sequence[str],
    *,
    narrow: bool = False,
) -> Drawing:
    """Who is below zero, and when: a row for each agent, a column for each turn.

    Args:
        shares: Of the runs, from 0 to 1, `[agent, turn]`.
        names: `[agent]`, from above.
        ends: What stands at the end of each row, `[agent]`.
        narrow: For a window as wide as a hand.
    """
    figure, axes = _axes(
        "Who is below zero, and when",
        "turn",
        "",
        width=_NARROW if narrow else 9,
        height=1.6 + 0.3 * len(names),
    )
    size = 8 if narrow else 9
    played = len(shares[0])
    turns = _thinned(played, _COLUMNS_MAX)
    for above, own in enumerate(reversed(shares)):
        across, heights = _stepped(turns, [0.86 * own[turn] for turn in turns], played)
        axes.fill(across, [above + height for height in heights], color=RED, linewidth=0)
        axes.axhline(above, color=GRID, linewidth=0.8, zorder=0)
    axes.set_xlim(0.5, played + 0.5)
    axes.set_ylim(-0.15, len(names))
    places = [above + 0.35 for above in range(len(names))]
    axes.set_yticks(places, names[::-1])
    right = axes.twinx()
    right.set_ylim(axes.get_ylim())
    right.set_yticks(places, ends[::-1])
    for side in (axes, right):
        side.tick_params(axis="y", length=0, labelsize=size, labelcolor=INK)
        side.spines[["left", "right"]].set_visible(False)
        side.grid(visible=False, axis="y")
    axes.locator_params(axis="x", integer=True)
    return _drawing(figure, "The agents that are below zero, over turns")


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


@_styled()
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
    figure = _figure(_NARROW if narrow else 9, 1 + (1.45 if narrow else 1.75) * down)
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
        panel.yaxis.set_major_formatter(_grouped)
        panel.locator_params(axis="y", nbins=4)
        panel.locator_params(axis="x", integer=True, nbins=6)
        if index + across >= len(values):
            panel.set_xlabel("run")
            panel.tick_params(labelbottom=True)
    title = "Published values, and ours" if narrow else "Every published value, and ours inside it"
    figure.suptitle(title, x=0.015, ha="left", fontsize=12, fontweight="bold")
    figure.legend(loc="outside lower center", ncols=2)
    return _drawing(figure, "Published values of each run, and the values played here")


@_styled()
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
    figure, axes = _axes(
        "Fees agents paid, and what the platform kept", "turn", "tokens since genesis"
    )
    series = (
        (fees, BLUE, "fees paid by agents"),
        (returned, GREEN, "returned to agents"),
        (kept, RED, "kept by the platform (rent)"),
    )
    turns = _thinned(len(fees[0]))
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
            _grouped(end),
            (1, index),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontweight="bold",
        )
    return _drawing(figure, "Cumulative fees, tokens returned and platform rent over turns")


@_styled()
def tokens(steps: Sequence[tuple[str, float]], start: str, end: str) -> Drawing:
    """The change of a supply, step by step.

    Args:
        steps: What each reason added, in tokens; the first is the supply at the start.
        start: What the first bar is called.
        end: What the last bar, the sum, is called.
    """
    figure, axes = _axes("Where the tokens went", "", "tokens agents own", height=4.8)
    (_, first), *changes = steps
    names = [start, *(name for name, _ in changes), end]
    levels = [*accumulate((amount for _, amount in steps), initial=0.0)]
    _waterfall_bar(axes, 0, (0.0, first), BLUE, _grouped(first))
    for index, (_, amount) in enumerate(changes, 1):
        colour = GREEN if amount >= 0 else RED
        ends = (levels[index], levels[index + 1])
        _waterfall_bar(axes, index, ends, colour, _signed(amount))
    _waterfall_bar(axes, len(steps), (0.0, levels[-1]), BLUE, _grouped(levels[-1]))
    for index, level in enumerate(levels[1:]):
        axes.plot([index + 0.34, index + 0.66], [level, level], color=MUTED, linewidth=0.9)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xticks(range(len(names)), [name.replace(" ", "\n") for name in names])
    axes.tick_params(axis="x", length=0, labelcolor=INK, labelsize=9)
    axes.grid(visible=False, axis="x")
    room = 0.09 * (max(levels) - min(levels) or 1)
    axes.set_ylim(min(levels) - room, max(levels) + room)
    return _drawing(figure, "Waterfall from the genesis supply to the final supply")


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


@_styled()
def lorenz(
    shares: Sequence[float], curves: Sequence[Sequence[float]], mean: Sequence[float]
) -> Drawing:
    """Lorenz curves of every run, their mean, and the line of equality.

    Args:
        shares: Of agents, poorest first, from 0 to 1.
        curves: Shares of wealth, `[run, point]`.
        mean: Over the runs, `[point]`.
    """
    figure, axes = _axes(
        "How unequal agents end (shifted wealth)",
        "share of agents, poorest first (%)",
        "share of wealth (%)",
        width=6.2,
        height=5.6,
    )
    points = _thinned(len(shares))
    percent = [100 * shares[point] for point in points]
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1, linestyle=_DASHES)
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
    return _drawing(figure, "Lorenz curves of final shifted wealth")


@_styled()
def actions(shares: Mapping[str, Sequence[float]]) -> Drawing:
    """The actions of agents as shares, turn by turn.

    Args:
        shares: From 0 to 1, `[turn]`, by action; they add up to at most 1 in every turn.
    """
    figure, axes = _axes("What agents choose", "turn", "share of agents (%)", height=4.4)
    played = len(next(iter(shares.values())))
    turns = _thinned(played)
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
    return _drawing(figure, "Share of agents that choose each action over turns")


@_styled()
def earnings(gains: Mapping[str, Mapping[str, float]]) -> Drawing:
    """Gains and losses of one agent of each policy, by reason.

    Args:
        gains: Tokens a run, by policy and group of reasons; below zero where lost.
    """
    names = list(gains)[::-1]
    figure, axes = _lying_bars("What one agent gains and loses a run", "tokens", names)
    groups = dict.fromkeys(group for own in gains.values() for group in own)
    for group, colour in zip(groups, unlike(PALETTE), strict=False):
        widths = [gains[name].get(group, 0.0) for name in names]
        starts = [_reach(gains[name], group, widths[index]) for index, name in enumerate(names)]
        axes.barh(range(len(names)), widths, 0.7, starts, color=colour, label=group)
    axes.axvline(0, color=INK, linewidth=0.8)
    figure.legend(loc="outside lower center", ncols=4)
    return _drawing(figure, "What one agent of each policy gains and loses a run")


@_styled()
def contracts(counts: Sequence[tuple[str, Sequence[float]]], ends: Sequence[str]) -> Drawing:
    """Contracts of each kind, by how they ended.

    Args:
        counts: For each kind its name, and contracts a run, `[end]`.
        ends: Names, `[end]`.
    """
    names = [name for name, _ in counts][::-1]
    figure, axes = _lying_bars("How contracts ended", "contracts a run", names)
    starts = [0.0] * len(names)
    colours = (GREEN, RED, GREY, GRID)
    for index, (end, colour) in enumerate(zip(ends, colours, strict=True)):
        widths = [numbers[index] for _, numbers in counts][::-1]
        axes.barh(range(len(names)), widths, 0.7, starts, color=colour, label=end)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    figure.legend(loc="outside lower center", ncols=4)
    return _drawing(figure, "Contracts by kind and end")


@_styled()
def insolvency(
    firsts: Mapping[str, Sequence[float | None]], names: Sequence[str], turns: int
) -> Drawing:
    """The turn in which each agent goes broke, under each treatment.

    Args:
        firsts: Turns by treatment, `[agent]`; None for who never does.
        names: `[agent]`, drawn from above.
        turns: Of the runs.
    """
    figure, axes = _lying_bars("When who goes broke", "turn", names[::-1])
    never = turns * 1.06
    for (treatment, own), colour, marker in zip(
        firsts.items(), unlike(PALETTE), cycle(_MARKERS), strict=False
    ):
        across = [never if turn is None else turn for turn in own][::-1]
        axes.scatter(
            across, range(len(names)), 60, color=colour, marker=marker, label=treatment, zorder=3
        )
    axes.axvline(turns * 1.03, color=MUTED, linewidth=0.8, linestyle=_DASHES)
    axes.text(never, len(names) - 0.4, "never", color=MUTED, ha="center", va="bottom", fontsize=9)
    axes.set_xlim(0, turns * 1.1)
    axes.grid(visible=True, axis="y")
    figure.legend(loc="outside lower center", ncols=4)
    return _drawing(figure, "The turn in which each agent goes broke")


_MARKERS: Final = ("o", "s", "D", "^", "v")


def _lying_bars(title: str, across: str, names: Sequence[str]) -> tuple[Figure, Axes]:
    """Axes for bars that have their names beside them, from below."""
    figure, axes = _axes(title, across, "", height=1.8 + 0.42 * len(names))
    axes.set_yticks(range(len(names)), names)
    axes.xaxis.set_major_formatter(_grouped)
    axes.grid(visible=False, axis="y")
    return figure, axes


def _reach(own: Mapping[str, float], group: str, width: float) -> float:
    """The start of a group's bar: after those before it on its side of zero."""
    earlier = takewhile(lambda key: key != group, own)
    return math.fsum(own[key] for key in earlier if (own[key] < 0) == (width < 0))


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415

    return Figure((width, height), layout="constrained", facecolor="white")


def _axes(
    title: str, across: str, up: str, width: float = 9, height: float = 4.6
) -> tuple[Figure, Axes]:
    figure = _figure(width, height)
    axes = figure.subplots()
    axes.set_title(title, fontweight="bold")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.yaxis.set_major_formatter(_grouped)
    if across == "turn":
        axes.locator_params(axis="x", integer=True)
    return figure, axes


def _drawing(figure: Figure, description: str) -> Drawing:
    text = io.StringIO()
    metadata: dict[str, Any] = {"Title": description, "Date": None, "Creator": None}
    figure.savefig(text, format="svg", metadata=metadata)
    lines = text.getvalue().splitlines()
    pixels = io.BytesIO()
    figure.savefig(pixels, format="png", dpi=_DPI, metadata={"Software": None})
    return Drawing("\n".join(line.rstrip() for line in lines) + "\n", pixels.getvalue())


_DPI: Final = 144


def _thinned(count: int, most: int = _POINTS_MAX) -> list[int]:
    """Positions from the first to the last, no more than a figure can show."""
    step = max(1, math.ceil((count - 1) / most))
    indices = list(range(0, count, step))
    return indices if indices[-1] == count - 1 else [*indices, count - 1]


def _grouped(value: float, _anchor: object = None) -> str:
    """Whole numbers with thousands grouped; smaller ones as they are."""
    text = f"{value:,.0f}" if abs(value) >= 10 else f"{round(value, 1) + 0.0:g}"
    return text.replace("-", "\u2212")


def _signed(value: float) -> str:
    return ("+" if round(value) > 0 else "") + _grouped(value)


def _apart(heights: Sequence[float], axes: Axes) -> list[float]:
    """Places moved up where labels at them would lie on each other."""
    low, high = axes.get_ylim()
    gap = 0.055 * (high - low)
    moved = list(heights)
    ranked = sorted(range(len(moved)), key=heights.__getitem__)
    for below, above in pairwise(ranked):
        moved[above] = max(moved[above], moved[below] + gap)
    return moved
