"""What training keeps: its generations, and what it came to."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

SCENARIO: Final = "trained.toml"
"""The file of the scenario in which the trained policy plays."""


class Generation(Struct, frozen=True, kw_only=True):
    """One generation as it was played.

    Attributes:
        outcomes: The objective's mean over the seeds of the generation, `[candidate]`.
        mean: The middle of the candidates after it.
        holdout: The objective's mean over the hold-out seeds where all is as in `mean`.
    """

    number: int
    candidates: tuple[tuple[int, ...], ...]
    outcomes: tuple[float, ...]
    mean: tuple[int, ...]
    holdout: float


class PolicyOutcome(Struct, frozen=True, kw_only=True):
    """What a policy comes to on the hold-out seeds.

    Attributes:
        objective: `[seed]`.
        metrics: Means over the seeds.
    """

    objective: tuple[float, ...]
    metrics: dict[str, float]


class TrainingResult(Struct, frozen=True, kw_only=True):
    """What a training came to.

    Attributes:
        policy: The parameters of the trained policy, as a file writes them.
        trained: Its outcome.
        own: The outcome of the population that the scenario states.
    """

    training_hash: str
    numbers: dict[str, int]
    policy: dict[str, Any]
    trained: PolicyOutcome
    own: PolicyOutcome
