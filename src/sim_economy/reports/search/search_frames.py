"""A search as its report reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from sim_economy.statistics.intervals import Interval, wilson_interval


class ObjectiveFrame(Struct, frozen=True, kw_only=True):
    """An objective: its metric, what it is in words, and whether more of it is better."""

    metric: str
    meaning: str
    is_better_more: bool


class ConstraintFrame(Struct, frozen=True, kw_only=True):
    """A constraint in words, and the share of runs in which it must hold, from 0 to 1."""

    text: str
    share: float


class PlayedPoint(Struct, frozen=True, kw_only=True):
    """Means of the objectives, and in how many of `runs` each constraint holds."""

    objectives: Sequence[float]
    holds: Sequence[int]
    runs: int

    def chance(self, constraint: int) -> Interval:
        """Wilson's 95 % interval for the share of runs in which a constraint holds.

        Raises:
            ModuleNotFoundError: scipy is not installed.
        """
        return wilson_interval(self.holds[constraint], self.runs)

    def keeps(self, constraints: Sequence[ConstraintFrame]) -> bool:
        """Test whether the lower end of every interval is at least the share."""
        lows = [self.chance(index).low for index in range(len(constraints))]
        return all(
            low is not None and low >= own.share for low, own in zip(lows, constraints, strict=True)
        )


class FrontFrame(Struct, frozen=True, kw_only=True):
    """A point of the front: as searched, on fresh seeds, and under further behaviours."""

    values: Mapping[str, str]
    searched: PlayedPoint
    holdout: PlayedPoint
    behaviours: Mapping[str, PlayedPoint]


class SearchFrames(Struct, frozen=True, kw_only=True):
    """A search as its report reads it.

    Attributes:
        tried: Every different point on the seeds of the search.
        feasible: How many of them keep every constraint.
        front: In order; where none is feasible, the one that misses least.
        provenance: What it was searched with, by name.
    """

    name: str
    objectives: Sequence[ObjectiveFrame]
    constraints: Sequence[ConstraintFrame]
    tried: Sequence[PlayedPoint]
    feasible: int
    front: Sequence[FrontFrame]
    provenance: Mapping[str, str]

    @property
    def best(self) -> FrontFrame:
        """The point of the front that is best by the first objective on fresh seeds.

        Points that keep every constraint there come before those that do not.
        """
        sign = -1 if self.objectives[0].is_better_more else 1
        return min(
            self.front,
            key=lambda own: (
                not own.holdout.keeps(self.constraints),
                sign * own.holdout.objectives[0],
            ),
        )
