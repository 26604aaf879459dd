"""Sums by point and turn, to which threads add."""

from __future__ import annotations

from threading import Lock
from typing import Any, Self

import numpy as np

from sim_economy.batch.lanes import SERIES
from sim_economy.batch.results.series_lanes import PARTS, REPLICATES_MAX, SPLIT


class SeriesSums:
    """What stands at the end of each turn, summed over the worlds of a point.

    Attributes:
        points: `[world]`, never falling.
        sums: Agents below zero, tokens below zero, platform, supply, `[point, number, turn]`.

    """

    def __init__(self, points: Any, turns: int) -> None:
        self.points = np.asarray(points, np.int64)
        assert np.all(np.diff(self.points) >= 0), "points never fall"
        self._turns = turns
        self._lock = Lock()
        self._parts = self.empty(int(self.points[-1]) + 1)

    @classmethod
    def of(cls, points: Any, turns: int) -> Self:
        """Sums of nothing yet.

        Args:
            points: To which point each world belongs, `[world]`, from 0 on and never falling.
        """
        most = int(np.bincount(points).max())
        assert most <= REPLICATES_MAX, f"{most} worlds of one point; at most {REPLICATES_MAX}"
        return cls(points, turns)

    def empty(self, points: int) -> Any:
        """Room for so many points."""
        return np.zeros((points, PARTS, SERIES, self._turns), np.int64)

    def add(self, first_point: int, parts: Any) -> None:
        """Add what one thread summed up."""
        with self._lock:
            self._parts[first_point : first_point + len(parts)] += parts

    @property
    def sums(self) -> Any:
        """Sums, `[point, number, turn]`."""
        return self._parts[:, 0]

    def squares(self, point: int) -> list[list[int]]:
        """Exact sums of squares of a point, `[number][turn]`."""
        high, mixed, low = (part.astype(object) for part in self._parts[point, 1:])
        squares: list[list[int]] = ((high << 2 * SPLIT) + (mixed << SPLIT + 1) + low).tolist()
        return squares
