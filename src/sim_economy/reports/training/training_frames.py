"""A training as its report reads it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from msgspec import Struct

from sim_economy.statistics.intervals import Interval, student_interval


class NumberFrame(Struct, frozen=True, kw_only=True):
    """A number of the trained policy.

    Attributes:
        meaning: What it does; empty where nothing says so.
    """

    name: str
    start: int | float
    value: int | float
    meaning: str


class GenerationFrame(Struct, frozen=True, kw_only=True):
    """A generation: the objective of its candidates, and of the policy so far."""

    outcomes: Sequence[float]
    holdout: float


class TrainingFrames(Struct, frozen=True, kw_only=True):
    """A training as its report reads it.

    Attributes:
        objective: In words, such as mean final wealth; `unit` follows its numbers.
        who: Whose objective it is, as the subject of a sentence.
        before: What the scenario's own population follows, in words.
        rules: Interventions that are on, each with what it states.
        own: The objective under the scenario's own population, `[hold-out seed]`.
        trained: The same with the trained policy.
        metrics: Means over the hold-out seeds by metric: before, trained.
        rule_texts: Rules of the trained policy, in order; empty where it has none.
        weights: Whether its numbers are weights of features.
        agent_turns: Of a run.
        provenance: What it was trained with, by name.
    """

    name: str
    objective: str
    unit: str
    who: str
    before: str
    rules: Sequence[str]
    is_better_more: bool
    generations: Sequence[GenerationFrame]
    own: Sequence[float]
    trained: Sequence[float]
    metrics: Mapping[str, tuple[float, float]]
    numbers: Sequence[NumberFrame]
    rule_texts: Sequence[str]
    weights: bool
    agent_turns: int
    runs: int
    provenance: Mapping[str, str]

    @property
    def own_mean(self) -> float:
        """The objective under the scenario's own population."""
        return _mean(self.own)

    @property
    def trained_mean(self) -> float:
        """The objective with the trained policy."""
        return _mean(self.trained)

    @property
    def differences(self) -> list[float]:
        """Trained less own, `[hold-out seed]`."""
        return [new - old for new, old in zip(self.trained, self.own, strict=True)]

    @property
    def interval(self) -> Interval:
        """Student's t interval of the mean difference.

        Raises:
            ExtraMissingError: scipy is not installed.
        """
        return student_interval(self.differences)

    def best(self, generation: GenerationFrame) -> float:
        """The best outcome of a generation."""
        pick = max if self.is_better_more else min
        return pick(generation.outcomes)

    def median(self, generation: GenerationFrame) -> float:
        """The median outcome of a generation."""
        return float(statistics.median(generation.outcomes))

    def mean(self, generation: GenerationFrame) -> float:
        """The mean outcome of a generation."""
        return _mean(generation.outcomes)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
