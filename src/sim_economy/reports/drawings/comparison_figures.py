"""Figures of a comparison: plain arrays in, SVG and PNG out, the same bytes for the same arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle, pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from sim_economy.reports.drawings.colours import (
    BLUE,
    GREEN,
    GREY,
    GRID,
    INK,
    MUTED,
    PALETTE,
    PAPER,
    RED,
    unlike,
)
from sim_economy.reports.drawings.drawing import (
    DASHES,
    Drawing,
    empty_figure,
    finished,
    grouped,
    short,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure

WIDE: Final = 9.0
NARROW: Final = 4.3
"""Widths of figures, in inches: on a page, and in the hand."""

_HALF: Final = (WIDE + NARROW) / 2
_MARKERS: Final = ("o", "s", "D", "^", "v")
_ROWS_TALL: Final = 6.3
"""Inches that the rows of a figure may take, however many they are."""


Entry: TypeAlias = "tuple[Artist | BarContainer, str]"
"""A mark of a legend, and what it means."""


class FirstTurn(Struct, frozen=True):
    """When an agent goes broke under a treatment.

    Attributes:
        turn: None for never.
        is_often: Whether it does so in at least half of the runs.
    """

    turn: float | None
    is_often: bool = True


@styled()
def insolvency(
    firsts: Mapping[str, Sequence[FirstTurn | None]],
    names: Sequence[str],
    turns: int,
    width: float = WIDE,
) -> Drawing:
    """The turn in which each agent goes broke, under each treatment.

    Args:
        firsts: By treatment, `[agent]`; None for one that the treatment does not have.
        names: `[agent]`, drawn from above.
        turns: Of the runs.
    """
    row = _row_height(len(names), 0.36)
    figure, axes = _rows_axes("When each agent goes broke", names, row, width)
    never = turns * 1.08
    _rows_joined(axes, [*firsts.values()], never)
    spread = 0.4 if len(firsts) > 2 else 0.0
    seldom = False
    entries: list[Entry] = []
    styles = zip(firsts.items(), unlike(PALETTE), cycle(_MARKERS), strict=False)
    for index, ((treatment, own), colour, marker) in enumerate(styles):
        shift = spread * (index / max(1, len(firsts) - 1) - 0.5)
        points = [(first, row) for row, first in enumerate(own) if first is not None]
        across = [never if first.turn is None else first.turn for first, _ in points]
        up = [row + shift for _, row in points]
        fills = [colour if first.is_often else PAPER for first, _ in points]
        seldom |= not all(first.is_often for first, _ in points)
        size = min(52.0, 150 * row) * (1.8 if index == 0 and len(firsts) == 2 else 1)
        axes.scatter(
            across, up, size, c=fills, edgecolors=colour, marker=marker, linewidths=1.3, zorder=3
        )
        mark = axes.scatter([], [], 45, color=colour, marker=marker)
        entries.append((mark, short(treatment, 24)))
    if seldom:
        mark = axes.scatter([], [], 45, c=PAPER, edgecolors=MUTED, linewidths=1.3)
        entries.append((mark, "hollow: in fewer than half of the runs"))
    axes.axvline(turns * 1.04, color=MUTED, linewidth=0.8, linestyle=DASHES)
    axes.set_xlim(0, turns * 1.12)
    axes.set_xlabel("turn")
    axes.locator_params(axis="x", integer=True, nbins=4 if width < _HALF else 8)
    room = 0.9 if width < _HALF else 1.0
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= room * turns]
    axes.set_xticks([*ticks, never], [*map(grouped, ticks), "never"])
    _legend(figure, width, entries)
    return finished(figure, "The turn in which each agent goes broke")


def _rows_joined(axes: Axes, firsts: Sequence[Sequence[FirstTurn | None]], never: float) -> None:
    """A line along each row from its earliest turn to its latest."""
    for row, own in enumerate(zip(*firsts, strict=True)):
        turns = [never if first.turn is None else first.turn for first in own if first is not None]
        axes.plot([min(turns), max(turns)], [row, row], color=GREY, linewidth=1.2, zorder=2)


class ForestRow(Struct, frozen=True, kw_only=True):
    """One difference, as it is drawn.

    Attributes:
        name: Of the metric.
        percent: Where its point is; None where there is no percent.
        low: Of its interval, in percent; None where there is none.
        high: Likewise.
        text: The difference in units, with its interval.
        certainty: `certain`, `clear`, `equal`, or a word for what is none of them.
        note: What is said in the place of a point that has no percent, or beside one.
    """

    name: str
    percent: float | None
    low: float | None
    high: float | None
    text: str
    certainty: str
    note: str = ""


@styled()
def forest(rows: Sequence[ForestRow], title: str, width: float = WIDE) -> Drawing:
    """Differences in percent of the first treatment's means, each with its interval.

    Args:
        rows: Drawn from above.
    """
    is_narrow = width < _HALF
    height = _row_height(len(rows), 0.5) if is_narrow else 0.34
    figure = empty_figure(width, 1.5 + height * len(rows))
    axes = figure.subplots()
    axes.set_title(title, fontweight="bold", loc="left", fontsize=10 if is_narrow else 12)
    reach = _reach(rows)
    axes.set_xlim(-1.08 * reach, 1.08 * reach)
    axes.set_ylim(len(rows) - 0.4, -0.75)
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("difference in percent of the first mean")
    axes.locator_params(axis="x", nbins=4 if is_narrow else 8)
    axes.xaxis.set_major_formatter(_percent)
    if is_narrow:
        axes.set_yticks([])
    else:
        axes.set_yticks(range(len(rows)), [short(row.name, 34) for row in rows], color=INK)
        axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for index, row in enumerate(rows):
        _forest_row(axes, index, row, reach)
        _forest_text(axes, index, row, reach, is_narrow=is_narrow)
    _forest_legend(figure, axes, rows, width)
    return finished(figure, title)


def _forest_row(axes: Axes, index: int, row: ForestRow, reach: float) -> None:
    """The interval and the point of a difference; an arrow where it is beyond the axis."""
    if row.percent is None:
        axes.text(
            0, index, row.note, ha="center", va="center", fontsize=8.5, color=INK,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1}, zorder=2,
        )  # fmt: skip
        return
    colour = BLUE if row.certainty in _SURE else MUTED
    if row.low is not None and row.high is not None and row.low < row.high:
        ends = [max(-reach, min(reach, end)) for end in (row.low, row.high)]
        axes.plot(ends, [index, index], color=colour, linewidth=1.6, solid_capstyle="butt")
        for end, inside in zip((row.low, row.high), ends, strict=True):
            if end != inside:
                _arrow_head(axes, inside, index, colour)
    point = max(-reach, min(reach, row.percent))
    if point != row.percent:
        _arrow_head(axes, point, index, colour)
    else:
        face = colour if row.certainty in _SURE else PAPER
        marker = "D" if row.certainty == "certain" else "o"
        axes.scatter([point], [index], 42, c=[face], edgecolors=colour, marker=marker, zorder=3)
    if row.certainty == "certain":
        _said(axes, point, index, "certain", -1 if point > 0.5 * reach else 1)


_SURE: Final = frozenset({"certain", "clear"})


def _said(axes: Axes, point: float, index: int, text: str, side: int) -> None:
    """A word next to a mark: on its right, or on its left."""
    axes.annotate(
        text, (point, index), xytext=(7 * side, 0), textcoords="offset points",
        ha="left" if side > 0 else "right", va="center", fontsize=8.5, color=INK,
    )  # fmt: skip


def _arrow_head(axes: Axes, end: float, index: int, colour: str) -> None:
    axes.scatter([end], [index], 46, c=[colour], marker=">" if end > 0 else "<", zorder=3)


def _forest_text(axes: Axes, index: int, row: ForestRow, reach: float, *, is_narrow: bool) -> None:
    """The difference in units: at the end of its row, or above it with the name."""
    text = row.text
    if row.percent is not None and abs(row.percent) > reach:
        text = f"{text} ({_percent(round(row.percent))})"
    if not is_narrow:
        axes.text(
            1.02, index, text, va="center", fontsize=9,
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
        return
    across = axes.get_yaxis_transform()
    for start, side, words in ((0, "left", short(row.name, 25)), (1, "right", text)):
        axes.text(start, index - 0.2, words, ha=side, va="bottom", fontsize=8.5, transform=across)


def _forest_legend(figure: Figure, axes: Axes, rows: Sequence[ForestRow], width: float) -> None:
    """What filled, hollow and pointed marks mean, of those that are drawn."""
    certainties = {row.certainty for row in rows if row.percent is not None}
    legend = (
        ("clear", "clear: the interval leaves 0 out", BLUE, BLUE, "o"),
        ("certain", "certain: all pairs differ alike", BLUE, BLUE, "D"),
        ("unclear", "unclear", PAPER, MUTED, "o"),
        ("equal", "equal in every pair", PAPER, MUTED, "o"),
        ("one pair", "one pair alone", PAPER, MUTED, "o"),
    )
    entries: list[Entry] = []
    for certainty, label, face, edge, marker in legend:
        if certainty in certainties:
            mark = axes.scatter([], [], 42, c=[face], edgecolors=edge, marker=marker)
            entries.append((mark, label))
    if entries:
        _legend(figure, width, entries, across=2)


def _reach(rows: Sequence[ForestRow]) -> float:
    """How far the axis goes to either side: three quarters of all intervals are whole on it."""
    sizes = sorted(
        max(abs(end) for end in (row.percent, row.low, row.high) if end is not None)
        for row in rows
        if row.percent is not None
    )
    if not sizes or not sizes[-1]:
        return 10.0
    wanted = sizes[math.ceil(0.75 * len(sizes)) - 1] or sizes[-1]
    return sizes[-1] if sizes[-1] <= 1.6 * wanted else 1.15 * wanted


def _percent(value: float, _anchor: object = None) -> str:
    text = f"{round(value, 2) + 0.0:+,.10g}" if round(value, 2) else "0"
    return f"{text.replace('-', chr(0x2212))} %"


class BeforeAfter(Struct, frozen=True):
    """An agent's balance under the first treatment, and under the other."""

    name: str
    before: float
    after: float


@styled()
def before_after(
    rows: Sequence[BeforeAfter], names: tuple[str, str], across: str, width: float = WIDE
) -> Drawing:
    """What each agent has under one treatment and under another, with an arrow between them.

    Agents whose numbers are of another size stand in a panel with a scale of its own.

    Args:
        rows: At least one; drawn from above.
        names: Of the two treatments.
        across: What the numbers are.
    """
    panels = _by_size(rows)
    height = _row_height(len(rows), 0.3)
    figure = empty_figure(width, 1.5 + 0.35 * len(panels) + height * len(rows))
    drawn = figure.subplots(
        len(panels), 1, squeeze=False, height_ratios=[len(panel) + 1 for panel in panels]
    )[:, 0]
    for axes, panel in zip(drawn, panels, strict=True):
        marks = _before_after_panel(axes, panel, height)
    figure.suptitle("Before and after", x=0.015, ha="left", fontsize=12, fontweight="bold")
    drawn[-1].set_xlabel(across)
    _legend(figure, width, [*zip(marks, map(short, names), strict=True)])
    return finished(figure, "Before and after, by agent")


def _before_after_panel(
    axes: Axes, rows: Sequence[BeforeAfter], height: float
) -> tuple[PathCollection, PathCollection]:
    """One panel, and its marks of the first treatment and of the other."""
    axes.set_yticks(range(len(rows)), [short(row.name, 22) for row in rows], color=INK)
    axes.tick_params(axis="y", length=0, labelsize=_font(height))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(grouped)
    axes.axvline(0, color=INK, linewidth=0.8)
    size = min(36.0, 120 * height)
    for index, row in enumerate(rows):
        colour = GREEN if row.after > row.before else RED
        if row.after != row.before:
            axes.annotate(
                "", (row.after, index), (row.before, index), zorder=2,
                arrowprops={
                    "arrowstyle": "-|>", "color": colour, "linewidth": 1.3,
                    "shrinkA": 2, "shrinkB": 2, "mutation_scale": 9,
                },
            )  # fmt: skip
    before, after = ([getattr(row, side) for row in rows] for side in ("before", "after"))
    indices = range(len(rows))
    axes.margins(x=0.05)
    return (
        axes.scatter(before, indices, size, c=PAPER, edgecolors=MUTED, zorder=3),
        axes.scatter(after, indices, size * 0.55, c=BLUE, marker="s", zorder=4),
    )


def _by_size(rows: Sequence[BeforeAfter]) -> list[list[BeforeAfter]]:
    """Rows in up to three panels, each with numbers of about one size; the greatest first."""
    ranked = sorted({_size(row) for row in rows}, reverse=True)
    jumps = [
        (above / below, below)
        for above, below in pairwise(ranked)
        if below > 0 and above >= _JUMP * below
    ]
    bounds = sorted((bound for _, bound in sorted(jumps)[-2:]), reverse=True)
    panels: list[list[BeforeAfter]] = [[] for _ in range(len(bounds) + 1)]
    for row in rows:
        panels[sum(_size(row) <= bound for bound in bounds)].append(row)
    return panels


DUMBBELLS_MAX: Final = 40
"""Agents in one figure of balances."""
_JUMP: Final = 4.0


def _size(row: BeforeAfter) -> float:
    return max(abs(row.before), abs(row.after))


@styled()
def token_flows(
    flows: Mapping[str, Sequence[float]], treatments: Sequence[str], width: float = WIDE
) -> Drawing:
    """What each reason added to the tokens that agents own, under each treatment.

    Args:
        flows: Tokens a run by reason, `[treatment]`; below zero where agents lost them.
    """
    rows = len(flows) * len(treatments)
    figure = empty_figure(width, 1.6 + 0.3 * len(flows) + 0.19 * rows)
    axes = figure.subplots()
    axes.set_title("Where the tokens went", fontweight="bold")
    axes.set_xlabel("tokens that agents gained or lost a run")
    thick = 0.8 / len(treatments)
    size = 7.5 if width < _HALF else 8.5
    entries: list[Entry] = []
    for index, (treatment, colour) in enumerate(zip(treatments, unlike(PALETTE), strict=False)):
        amounts = [own[index] for own in flows.values()]
        heights = [row - 0.4 + thick * (index + 0.5) for row in range(len(flows))]
        bars = axes.barh(heights, amounts, thick * 0.9, color=colour)
        entries.append((bars, short(treatment, 24)))
        for height, amount in zip(heights, amounts, strict=True):
            axes.annotate(
                grouped(amount), (amount, height), xytext=(-3 if amount < 0 else 3, 0),
                textcoords="offset points", ha="right" if amount < 0 else "left",
                va="center", fontsize=size,
            )  # fmt: skip
    axes.set_yticks(range(len(flows)), [*flows], color=INK)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(flows) - 0.4, -0.6)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.margins(x=0.3 if width < _HALF else 0.12)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_formatter(grouped)
    axes.locator_params(axis="x", nbins=4 if width < _HALF else 8)
    _legend(figure, width, entries)
    return finished(figure, "What each reason added to the tokens of agents")


def _rows_axes(
    title: str, names: Sequence[str], height: float, width: float
) -> tuple[Figure, Axes]:
    """Axes with a row for each name, from above; many rows are small ones."""
    figure = empty_figure(width, 1.6 + height * len(names))
    axes = figure.subplots()
    axes.set_title(title, fontweight="bold")
    room = 16 if width < _HALF else 28
    axes.set_yticks(range(len(names)), [short(name, room) for name in names], color=INK)
    axes.tick_params(axis="y", length=0, labelsize=_font(height))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=True, axis="y", color=GRID)
    return figure, axes


def _row_height(rows: int, most: float) -> float:
    return min(most, _ROWS_TALL / rows)


def _font(height: float) -> float:
    return min(10.0, max(7.5, 50 * height))


def _legend(figure: Figure, width: float, entries: Sequence[Entry], across: int = 4) -> None:
    """What marks mean, below the panels; names are given, as none may begin with an underscore."""
    marks, texts = zip(*entries, strict=True)
    wide = max(map(len, texts)) > 24
    columns = across if width > _HALF else 1 if wide else (across + 1) // 2
    figure.legend(marks, texts, loc="outside lower left", ncols=columns)
