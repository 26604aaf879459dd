"""The window of a map: the cells in which agents and platform are both solvent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from msgspec import Struct

from sim_economy.reports.maps.solvency_cells import INSOLVENT_MIN, ROUNDED, Facet, Solvency
from sim_economy.statistics.intervals import Interval
from sim_economy.statistics.resampled_means import resampled_means


class WindowSpan(Struct, frozen=True):
    """A run of neighbouring cells of the window at one value of the first axis.

    Attributes:
        low: The least value of the second axis in it.
        high: The greatest.
    """

    low: float
    high: float


class SolvencyWindow(Struct, frozen=True, kw_only=True):
    """The window at one horizon, in numbers.

    Attributes:
        cells: In it, of `plane`.
        share_interval: Of its share of the plane, 95 %, over the seeds.
        spans: By value of the first axis, ascending; none where the window is closed.
        closes: The greatest value of the first axis with a cell of the window; None where no
            cell is in it.
        next_value: The next value of the first axis, at which no cell is in it; None where it is
            open, or no cell is in it.
        closes_interval: Where it closes under other seeds: the least of the two values for the
            earliest, the greatest for the latest, 95 %; unknown where the window is closed in
            some resample.
        is_open: Whether it reaches the end of the plane, so that where it closes is not seen.
        noisy: Cells of the plane whose class is within noise.
        agreement_least: The least share of seeds that agree with their cell of the window.
    """

    cells: int
    plane: int
    share_interval: Interval
    spans: Sequence[tuple[float, Sequence[WindowSpan]]]
    closes: float | None
    next_value: float | None
    closes_interval: Interval
    is_open: bool
    noisy: int
    agreement_least: float | None

    @property
    def share(self) -> float:
        """Its share of the plane, from 0 to 1."""
        return self.cells / self.plane


def window_of(facet: Facet) -> SolvencyWindow:
    """The window of a plane."""
    cells = facet.flat()
    inside = [cell for cell in cells if cell.solvency is Solvency.WINDOW]
    closes = max((cell.across for cell in inside), default=None)
    shares, ends = _resampled(facet)
    return SolvencyWindow(
        cells=len(inside),
        plane=len(cells),
        share_interval=shares,
        spans=[(value, _spans(facet, index)) for index, value in enumerate(facet.across)],
        closes=closes,
        next_value=_next(facet, closes),
        closes_interval=ends,
        is_open=closes == facet.across[-1],
        noisy=sum(cell.is_noisy for cell in cells),
        agreement_least=min((cell.agreement for cell in inside), default=None),
    )


def _next(facet: Facet, closes: float | None) -> float | None:
    """The value of the first axis after the window's last one."""
    if closes is None or closes == facet.across[-1]:
        return None
    return facet.across[facet.across.index(closes) + 1]


def _spans(facet: Facet, column: int) -> list[WindowSpan]:
    own = [row[column] for row in facet.cells]
    runs = groupby(own, lambda cell: cell.solvency is Solvency.WINDOW)
    spans = [[cell.up for cell in cells] for inside, cells in runs if inside]
    return [WindowSpan(span[0], span[-1]) for span in spans]


def _resampled(facet: Facet) -> tuple[Interval, Interval]:
    """Intervals of the share and of where it closes, from seeds drawn again for all cells."""
    import numpy as np  # noqa: PLC0415

    if facet.insolvent.shape[1] < 2:
        return Interval(None, None), Interval(None, None)
    below = resampled_means(facet.insolvent, _SEED).round(ROUNDED) < INSOLVENT_MIN
    inside: np.ndarray[Any, Any] = below & (resampled_means(facet.platform, _SEED) >= 0)
    low, high = np.quantile(inside.mean(axis=1), [0.025, 0.975])
    columns: np.ndarray[Any, Any] = np.any(inside.reshape(len(inside), len(facet.up), -1), axis=1)
    share = Interval(float(low), float(high))
    if not np.any(columns, axis=1).all():
        return share, Interval(None, None)
    last = columns.shape[1] - 1 - columns[:, ::-1].argmax(axis=1)
    low, high = np.quantile(last, [0.025, 0.975], method="nearest")
    end = min(int(high) + 1, columns.shape[1] - 1)
    return share, Interval(facet.across[int(low)], facet.across[end])


_SEED: Final = 1
