"""A world that is marked on a map, and whether a sweep can hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

_NEAR: Final = 1e-9


class MarkedWorld(Struct, frozen=True):
    """A world to mark on the plane, and what it is called.

    Attributes:
        across: Its value of the first of its keys; as `up` of the second.
        keys: Those of the axes on which it can be marked, either way around.
    """

    across: float
    up: float
    name: str
    keys: tuple[str, str] = ("base_inference_rate", "policy.job_below")

    def on(self, across: str, up: str) -> tuple[float, float] | None:
        """Where it is on two axes; None where one of them is not of its keys."""
        if (across, up) == self.keys:
            return self.across, self.up
        if (up, across) == self.keys:
            return self.up, self.across
        return None


def is_near(one: Sequence[float], other: Sequence[float]) -> bool:
    """Test whether two points of a plane are the same."""
    return all(abs(a - b) < _NEAR for a, b in zip(one, other, strict=True))


def is_of_paper(settings: Mapping[str, Any], paper: Mapping[str, Any]) -> bool:
    """Test whether a sweep's scenario states nothing but what the paper's has, and its axes.

    Args:
        settings: What a sweep's manifest keeps of its scenario, without what it varies.
        paper: The settings of the shipped scenario.
    """
    if "population" in settings:
        return False
    own, world = settings.get("world", {}), paper["world"]
    plain = ("policy", "usage", "agent_ids")
    return all(settings.get(key, paper[key]) == paper[key] for key in plain) and all(
        str(value) == str(world.get(key)) for key, value in own.items()
    )
