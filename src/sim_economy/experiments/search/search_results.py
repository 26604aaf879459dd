"""What a search keeps: its generations, and its front on fresh seeds and other behaviours."""

from __future__ import annotations

from msgspec import Struct


class PointOutcome(Struct, frozen=True, kw_only=True):
    """A point as it was played.

    Attributes:
        objectives: The mean of each over the seeds.
        holds: In how many runs each constraint holds.
    """

    objectives: tuple[float, ...]
    holds: tuple[int, ...]


class SearchGeneration(Struct, frozen=True, kw_only=True):
    """One generation as it was played, `[point]` each."""

    number: int
    points: tuple[tuple[int, ...], ...]
    outcomes: tuple[PointOutcome, ...]


class FrontPoint(Struct, frozen=True, kw_only=True):
    """A point of the front, on the seeds of the search and beyond them.

    Attributes:
        holdout: On fresh seeds.
        behaviours: On fresh seeds under each further behaviour, by its name.
    """

    point: tuple[int, ...]
    searched: PointOutcome
    holdout: PointOutcome
    behaviours: dict[str, PointOutcome]


class SearchResult(Struct, frozen=True, kw_only=True):
    """What a search came to.

    Attributes:
        tried: Different points.
        feasible: Those that keep every constraint on the seeds of the search.
        front: Feasible points that no feasible one beats; where none is feasible, the one that
            misses least.
    """

    search_hash: str
    tried: int
    feasible: int
    front: tuple[FrontPoint, ...]
