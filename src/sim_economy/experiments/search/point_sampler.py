"""NSGA-II over the values of keys: points out, their outcomes in; the library is Optuna."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sim_economy.core.errors import needing
from sim_economy.experiments.sweeps.swept_keys import SweptKey

Point = tuple[int, ...]
"""A value of each key, as a column of a sweep holds it."""

_DIRECTIONS: Final[dict[str, Any]] = {"max": "maximize", "min": "minimize"}
_SEEDS: Final = 2**32


class PointSampler:
    """The search as it goes on: its next points depend on all outcomes before, and the seed."""

    def __init__(
        self, keys: Sequence[SweptKey], directions: Sequence[str], points: int, seed: int
    ) -> None:
        """Begin with points drawn at random.

        Raises:
            ExtraMissingError: The library is not installed.
        """
        with needing("a search", "search"), _quiet():
            import optuna  # noqa: PLC0415

            optuna.logging.set_verbosity(optuna.logging.WARNING)
            ranges = optuna.distributions
            self._study = optuna.create_study(
                directions=[_DIRECTIONS[direction] for direction in directions],
                sampler=optuna.samplers.NSGAIISampler(population_size=points, seed=seed % _SEEDS),
            )
            self._ranges: dict[str, Any] = {
                key.name: ranges.CategoricalDistribution(tuple(range(len(key.values))))
                if key.values
                else ranges.IntDistribution(key.low, key.high)
                for key in keys
            }
        self._keys = keys
        self._points = points
        self._asked: list[Any] = []

    def ask(self) -> list[Point]:
        """The points of the next generation."""
        assert not self._asked, "the generation before was not told"
        with _quiet():
            self._asked = [self._study.ask(self._ranges) for _ in range(self._points)]
        return [
            tuple(
                key.values[trial.params[key.name]] if key.values else trial.params[key.name]
                for key in self._keys
            )
            for trial in self._asked
        ]

    def tell(
        self, objectives: Sequence[Sequence[float]], lacking: Sequence[Sequence[float]]
    ) -> None:
        """Say what each point came to.

        Args:
            lacking: By how much each constraint is missed, `[point][constraint]`; none at 0.
        """
        with _quiet():
            for trial, values, missed in zip(self._asked, objectives, lacking, strict=True):
                for index, own in enumerate(missed):
                    trial.set_constraint(str(index), own)
                self._study.tell(trial, list(values))
        self._asked = []


@contextmanager
def _quiet() -> Iterator[None]:
    """The library warns that what we pin to a version may change in another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
