"""The cells of a map: who is insolvent at each point of a sweep, and how many seeds agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.core.errors import ScenarioError

if TYPE_CHECKING:
    import numpy as np
    import polars

INSOLVENT_MIN: Final = 5.0
"""Percent of agent-turns below zero from which agents count as insolvent."""
INSOLVENT_OR_BROKE: Final = (
    f"Insolvent is not broke: an agent is **broke** from the first turn that it ends below zero, "
    f"however short, while agents are **insolvent** from {INSOLVENT_MIN:g} % of all "
    "agent-turns on (`insolvent_percent`), and `negative_balance_agents` counts those below zero "
    "after the last turn alone."
)
"""The three numbers of agents below zero side by side, wherever two of them meet."""
NEEDS_GRID: Final = (
    'a map needs a full grid: play the study with design = "grid" and steps for each range'
)
"""What to do with a sweep that is none."""
FLOWS: Final = (
    "fees_total",
    "dividends_total",
    "job_credits_total",
    "relief_total",
    "bonuses_total",
    "interest_total",
    "actions_job",
)
"""Metrics that say which postings moved tokens, and how often agents work."""
DESTROYED: Final = "destroyed_final"
"""What interest, studies and burns destroyed, where a sweep has kept it."""
ROUNDED: Final = 9
"""Digits of a mean that count, so that the order of a sum decides nothing."""


class Solvency(StrEnum):
    """Who is insolvent."""

    WINDOW = "both solvent"
    AGENTS = "agents insolvent"
    PLATFORM = "platform insolvent"
    BOTH = "both insolvent"


class SolvencyCell(Struct, frozen=True, kw_only=True):
    """A point of the sweep, over its replicates.

    Attributes:
        across: Its value on the first axis.
        up: Its value on the second.
        row: Of the sweep: the first replicate that agrees with the cell.
        runs: Replicates that were played.
        insolvent_percent: Agent-turns below zero, mean over replicates; with the half-width of its
            95 % interval.
        platform_final: The platform's balance at the end, likewise.
        agreement: The share of replicates in which the same are insolvent as in the mean.
        is_noisy: Whether an interval covers the threshold that decides.
        flows: Tokens by metric, an agent and turn, mean over replicates; empty where the sweep
            has not kept them.
    """

    across: float
    up: float
    row: int
    runs: int
    insolvent_percent: float
    insolvent_half: float
    platform_final: float
    platform_half: float
    solvency: Solvency
    agreement: float
    is_noisy: bool
    flows: Mapping[str, float]


class Facet(Struct, frozen=True, kw_only=True):
    """The plane at one horizon.

    Attributes:
        turns: The horizon.
        folder: Of the sweep that holds its rows.
        across: Values of the first axis, ascending; as `up` those of the second.
        cells: `[up][across]`.
        failed: Runs that failed and count nowhere.
        insolvent: `[cell, replicate]`, cells row by row; as `platform`. NaN where a run failed.
    """

    turns: int
    folder: str
    across: Sequence[float]
    up: Sequence[float]
    cells: Sequence[Sequence[SolvencyCell]]
    failed: int
    insolvent: np.ndarray[Any, Any]
    platform: np.ndarray[Any, Any]

    def flat(self) -> list[SolvencyCell]:
        """All cells, row by row from the lowest."""
        return [cell for row in self.cells for cell in row]


def solvency_of(insolvent_percent: float, platform_final: float) -> Solvency:
    """Who is insolvent, by the two numbers that decide."""
    agents = round(insolvent_percent, ROUNDED) >= INSOLVENT_MIN
    if round(platform_final, ROUNDED) < 0:
        return Solvency.BOTH if agents else Solvency.PLATFORM
    return Solvency.AGENTS if agents else Solvency.WINDOW


def facets_of(
    frame: polars.DataFrame,
    across: str,
    up: str,
    *,
    folder: str = "",
    turns: int = 0,
    agents: int = 0,
) -> list[Facet]:
    """The planes of a sweep's tidy frame, one for each horizon, the shortest first.

    Args:
        across: The column of the first axis; as `up` that of the second.
        turns: The horizon of a sweep that does not vary it.
        agents: Of a world, where the sweep does not vary `num_agents`.

    Raises:
        ScenarioError: The frame is not one of a full grid over two numeric axes.
    """
    import polars as pl  # noqa: PLC0415

    problems = _problems(frame, across, up, turns)
    if problems:
        raise ScenarioError(problems, folder)
    for name, value in (("turns", turns), ("num_agents", agents)):
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(value, dtype=pl.Int64).alias(name))
    frame = frame.with_columns(pl.col(across, up).cast(pl.Float64))
    horizons = sorted(frame["turns"].unique().to_list())
    return [
        _facet(frame.filter(pl.col("turns") == horizon), across, up, folder) for horizon in horizons
    ]


def _problems(frame: polars.DataFrame, across: str, up: str, turns: int) -> list[str]:
    needed = [across, up, "row", "point", "replicate", "insolvent_percent", "platform_final"]
    problems = [f"the rows have no column {name}" for name in needed if name not in frame.columns]
    if "turns" not in frame.columns and turns < 1:
        problems.append("the rows have no column turns; say which horizon they were played to")
    axes = [name for name in (across, up) if name in frame.columns]
    problems += [
        f"{name}: an axis of a map is numeric"
        for name in axes
        if not frame[name].dtype.is_numeric()
    ]
    if not problems and not frame.height:
        problems.append("there are no rows; play the sweep first")
    return problems


def _facet(frame: polars.DataFrame, across: str, up: str, folder: str) -> Facet:
    import numpy as np  # noqa: PLC0415
    import polars as pl  # noqa: PLC0415

    columns, rows = (frame[name].unique().sort() for name in (across, up))
    cell = rows.search_sorted(frame[up]) * len(columns) + columns.search_sorted(frame[across])
    frame = frame.with_columns(cell.alias(_CELL))
    count = len(columns) * len(rows)
    replicate = frame["replicate"].to_numpy() - 1
    played = _played(frame)
    shape = count, int(replicate.max()) + 1
    values = {name: np.full(shape, np.nan) for name in ("insolvent_percent", "platform_final")}
    numbers = np.full(shape, -1, dtype=np.int64)
    at = frame[_CELL].to_numpy(), replicate
    numbers[at] = frame["row"].to_numpy()
    for name, target in values.items():
        target[at] = np.where(played, frame[name].cast(pl.Float64).to_numpy(), np.nan)
    insolvent, platform = values.values()
    empty = (~np.isnan(insolvent)).sum(axis=1) == 0
    if empty.any():
        raise ScenarioError(
            [f"{int(empty.sum()):,} of {count:,} cells have no run; {NEEDS_GRID}"],
            folder,
        )
    flows = _flows(frame.filter(pl.Series(played)), count)
    grid = [(float(one), float(other)) for other in rows for one in columns]
    cells = [
        _cell(*grid[own], numbers[own], insolvent[own], platform[own], flows[own])
        for own in range(count)
    ]
    width = len(columns)
    return Facet(
        turns=int(frame["turns"][0]),
        folder=folder,
        across=columns.to_list(),
        up=rows.to_list(),
        cells=[cells[start : start + width] for start in range(0, count, width)],
        failed=int((~played).sum()),
        insolvent=insolvent,
        platform=platform,
    )


_CELL: Final = "__cell"


def _played(frame: polars.DataFrame) -> np.ndarray[Any, Any]:
    import numpy as np  # noqa: PLC0415

    if "status" not in frame.columns:
        return np.ones(frame.height, dtype=bool)
    return (frame["status"].cast(str) != "failed").to_numpy()


def _flows(frame: polars.DataFrame, count: int) -> list[dict[str, float]]:
    """Mean flows of each cell, an agent and turn."""
    import polars as pl  # noqa: PLC0415

    names = [name for name in (*FLOWS, DESTROYED) if name in frame.columns]
    if not {*names} >= {*FLOWS} or int(frame["num_agents"][0]) < 1:
        return [{} for _ in range(count)]
    share = [(pl.col(name) / (pl.col("num_agents") * pl.col("turns"))).mean() for name in names]
    found = frame.group_by(_CELL).agg(share).sort(_CELL)
    return [{name: row[name] for name in names} for row in found.select(_CELL, *names).to_dicts()]


def _cell(
    across: float,
    up: float,
    rows: np.ndarray[Any, Any],
    insolvent: np.ndarray[Any, Any],
    platform: np.ndarray[Any, Any],
    flows: Mapping[str, float],
) -> SolvencyCell:
    there = insolvent == insolvent  # noqa: PLR0124 - not NaN
    rows, insolvent, platform = rows[there], insolvent[there], platform[there]
    below, held = float(insolvent.mean()), float(platform.mean())
    solvency = solvency_of(below, held)
    agents = solvency in {Solvency.AGENTS, Solvency.BOTH}
    owes = solvency in {Solvency.PLATFORM, Solvency.BOTH}
    agree = ((insolvent.round(ROUNDED) >= INSOLVENT_MIN) == agents) & ((platform < 0) == owes)
    first = int(agree.argmax()) if agree.any() else 0
    below_half, held_half = _half(insolvent), _half(platform)
    return SolvencyCell(
        across=across,
        up=up,
        row=int(rows[first]),
        runs=len(rows),
        insolvent_percent=below,
        insolvent_half=below_half,
        platform_final=held,
        platform_half=held_half,
        solvency=solvency,
        agreement=float(agree.mean()),
        is_noisy=abs(below - INSOLVENT_MIN) < below_half or abs(held) < held_half,
        flows=flows,
    )


def _half(values: np.ndarray[Any, Any]) -> float:
    """The half-width of the mean's 95 % interval; 0 for a single run, which says nothing of it."""
    return 1.96 * float(values.std(ddof=1)) / float(len(values)) ** 0.5 if len(values) > 1 else 0.0
