"""What players give back: the metrics of rows as columns, and how to ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Protocol

from msgspec import Struct, field

from sim_economy.experiments.sweeps.sweep_plan import RowSpan


class RowStatus(IntEnum):
    """Who played a row, or that it failed."""

    KERNEL = 0
    CORE = 1
    FAILED = 2


class TurnSums(Struct, frozen=True):
    """Numbers at the end of each turn of one point, added up over some of its replicates.

    Attributes:
        runs: How many were added.
        sums: Of each of `TURN_METRICS`, `[metric][turn]`, as `squares`.
    """

    point: int
    runs: int
    sums: Sequence[Sequence[int]]
    squares: Sequence[Sequence[int]]


class PlayedRows(Struct, kw_only=True):
    """Rows as they were played.

    Attributes:
        rows: Their numbers; all that follows is in this order.
        metrics: By name; numbers of a failed row say nothing.
        digests: Of the last state.
        failures: The traceback of each failed row, by its number.
        turns: Sums by turn, where the study asks for them.
        left: Rows that were asked for and are not here: whoever asked plays them elsewhere.
        wealth: Balance and stake at the end, less the receivable, `[row][agent]`, where the study
            asks for it.
    """

    rows: Sequence[int]
    metrics: Mapping[str, Sequence[Any]]
    digests: Sequence[int]
    statuses: Sequence[int]
    failures: Mapping[int, str] = field(default_factory=dict)
    turns: Sequence[TurnSums] = ()
    left: Sequence[int] = ()
    wealth: Sequence[Sequence[int]] = ()


class Player(Protocol):
    """Plays rows of a sweep."""

    def play(self, span: RowSpan) -> PlayedRows:
        """Play consecutive rows; each is played whole, or reported as failed or left."""
