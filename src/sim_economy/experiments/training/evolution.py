"""CMA-ES over whole numbers: candidates out, their outcomes in.

Source: arXiv:1604.00772; the library is `cmaes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sim_economy.core.errors import needing
from sim_economy.experiments.training.trained_numbers import Candidate, TrainedNumber

if TYPE_CHECKING:
    import numpy as np

_SPREAD: Final = 0.3
"""Standard deviation of the first generation, by the range of each number."""
_SEEDS: Final = 2**32
"""Seeds of the library's generator."""


class Evolution:
    """The search as it goes on: its next candidates depend on all outcomes before, and the seed."""

    def __init__(self, numbers: Sequence[TrainedNumber], candidates: int, seed: int) -> None:
        """Begin where the numbers start.

        Raises:
            ExtraMissingError: The library is not installed.
        """
        with needing("training", "training"):
            import numpy as np  # noqa: PLC0415
            from cmaes import CMA  # noqa: PLC0415
            from threadpoolctl import threadpool_limits  # noqa: PLC0415

        self._one_thread = partial(threadpool_limits, 1)
        self._numbers = numbers
        self._search = CMA(
            mean=np.array([_within(number, number.start) for number in numbers]),
            sigma=_SPREAD,
            bounds=np.array([[0.0, 1.0]] * len(numbers)),
            seed=seed % _SEEDS,
            population_size=candidates,
        )
        self._asked: list[Any] = []

    @property
    def mean(self) -> Candidate:
        """The middle of what the next candidates are drawn from."""
        return self._whole(self._search.mean)

    def ask(self) -> list[Candidate]:
        """The candidates of the next generation."""
        assert not self._asked, "the generation before was not told"
        # The order in which threads add up shows in the last digits.
        with self._one_thread():
            self._asked = [self._search.ask() for _ in range(self._search.population_size)]
        return [self._whole(point) for point in self._asked]

    def tell(self, costs: Sequence[float]) -> None:
        """Say how good each candidate was; less is better."""
        with self._one_thread():
            self._search.tell(list(zip(self._asked, costs, strict=True)))
        self._asked = []

    def _whole(self, point: np.ndarray[Any, Any]) -> Candidate:
        return tuple(
            number.low + round(min(1.0, max(0.0, float(own))) * (number.high - number.low))
            for number, own in zip(self._numbers, point, strict=True)
        )


def _within(number: TrainedNumber, value: int) -> float:
    """Where a value is in its range, from 0 to 1."""
    return (value - number.low) / (number.high - number.low)
