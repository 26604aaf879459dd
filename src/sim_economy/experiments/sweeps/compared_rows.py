"""Rows of a sweep, drawn at random, against the worlds that the core plays for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from sim_economy.core.errors import InputError, needing
from sim_economy.core.randomness import draw_below, seed_key
from sim_economy.experiments.sweeps.core_player import CorePlayer
from sim_economy.experiments.sweeps.kept_rows import rows_paths
from sim_economy.experiments.sweeps.row_frames import rows_frame
from sim_economy.experiments.sweeps.sweep_plan import RowSpan, SweepPlan
from sim_economy.ledger.readers.plain_numbers import MINUS
from sim_economy.runs.row_metrics import ROW_METRICS

if TYPE_CHECKING:
    import polars


class ComparedRows(Struct, frozen=True):
    """Rows that the core played again.

    Attributes:
        rows: Their numbers, in order.
        differing: Those of which a metric or the digest is another.
    """

    rows: tuple[int, ...]
    differing: tuple[int, ...]

    def __repr__(self) -> str:
        """How many were played, and which differ."""
        played = f"{len(self.rows)} rows played again by the core"
        return f"<{played}; {self._differing}>"

    @property
    def _differing(self) -> str:
        named = ", ".join(map(str, self.differing[:_SHOWN]))
        match len(self.differing):
            case 0:
                return "none differ"
            case 1:
                return f"row {named} differs"
            case count if count <= _SHOWN:
                return f"rows {named} differ"
            case count:
                return f"{count} differ, rows {named} first"


_SHOWN: Final = 10


class ComparedPoint(Struct, frozen=True, kw_only=True):
    """A point of which the core played every run again.

    Attributes:
        settings: What is set at it, as a file writes it.
        seeds: The first seed and the last.
        means: Of each metric, over its runs in the sweep and over those played again.
    """

    point: int
    settings: dict[str, str]
    seeds: tuple[int, int]
    compared: ComparedRows
    means: dict[str, tuple[float, float]]

    @property
    def answer(self) -> str:
        """How many runs were played again, whether they differ, and the two means that decide."""
        named = (
            f"{ROW_METRICS[name]} {_mean_text(self.means[name])}" for name in MEANS_THAT_DECIDE
        )
        return f"{repr(self.compared).strip('<>')}. Means: {'; '.join(named)}."

    def __repr__(self) -> str:
        """Which point it is, and what was found."""
        return f"<Point {self.point}: {self.answer}>"


MEANS_THAT_DECIDE: Final = ("insolvent_percent", "platform_final")
"""Metrics whose means say who is insolvent at a point."""


def _mean_text(means: tuple[float, float]) -> str:
    kept, again = (f"{mean:,.6g}".replace("-", MINUS) for mean in means)
    return kept if means[0] == means[1] else f"{kept} in the sweep, {again} played again"


def compare_point(
    plan: SweepPlan, folder: Path, point: int, progress: Callable[[int], None] = lambda runs: None
) -> ComparedPoint:
    """Play every run of a point again on the core, and compare every number and the means.

    Args:
        folder: The sweep's.
        progress: Called with how many more runs were played.

    Raises:
        InputError: There is no such point, or no run of it is finished.
        ExtraMissingError: polars is not installed.
    """
    if not 0 <= point < plan.points:
        raise InputError("point", f"must be from 0 to {plan.points - 1}")
    recorded = point_rows(folder, point)
    if not recorded.height:
        raise InputError("point", f"{point} has no finished run; run the sweep again to go on")
    again = _played_again(plan, recorded["row"].to_list(), progress)
    rows = tuple(recorded["row"].to_list())
    return ComparedPoint(
        point=point,
        settings=plan.shown(point),
        seeds=(plan.seed_of(rows[0]), plan.seed_of(rows[-1])),
        compared=ComparedRows(rows, tuple(_differing(recorded, again))),
        means={
            name: (mean_of(recorded[name]), mean_of(again[name])) for name in plan.study.metrics
        },
    )


def point_rows(folder: Path, point: int) -> polars.DataFrame:
    """The finished rows of a point that have not failed, in order."""
    with needing("a sweep", "report"):
        import polars  # noqa: PLC0415

    paths = rows_paths(folder)
    if not paths:
        raise InputError("point", f"no rows are finished in {folder}")
    kept = polars.scan_parquet(paths)
    own = (polars.col("point") == point) & (polars.col("status") != "failed")
    return kept.filter(own).sort("row").collect()


def mean_of(values: Iterable[float]) -> float:
    """The mean, rounded once."""
    listed = [*values]
    return math.fsum(listed) / len(listed)


def _played_again(
    plan: SweepPlan, rows: Sequence[int], progress: Callable[[int], None]
) -> polars.DataFrame:
    import polars  # noqa: PLC0415 - not for --help

    player, frames = CorePlayer(plan), []
    for row in rows:
        frames.append(rows_frame(plan, player.play(RowSpan(row, row + 1))))
        progress(1)
    return polars.concat(frames)


def compare_rows(plan: SweepPlan, folder: Path, count: int, seed: int = 0) -> ComparedRows:
    """Play rows again on the core, and compare every number of each with the sweep's.

    Args:
        folder: The sweep's.
        count: How many; all that have not failed where there are fewer.
        seed: Of the draw.

    Raises:
        InputError: No row is finished.
        ExtraMissingError: polars is not installed.
    """
    with needing("a sweep", "report"):
        import polars  # noqa: PLC0415

    paths = rows_paths(folder)
    if not paths:
        raise InputError("check", f"no rows are finished in {folder}")
    kept = polars.scan_parquet(paths).filter(polars.col("status") != "failed")
    known = kept.select("row").collect()["row"].to_list()
    rows = sorted(known[index] for index in _drawn(len(known), count, seed))
    if not rows:
        raise InputError("check", f"every row has failed; see {folder / 'failures'}")
    recorded = kept.filter(polars.col("row").is_in(rows)).sort("row").collect()
    again = _played_again(plan, rows, lambda _: None)
    return ComparedRows(tuple(rows), tuple(_differing(recorded, again)))


def _drawn(bound: int, count: int, seed: int) -> set[int]:
    """So many different indices below a bound; all if there are no more."""
    if count >= bound:
        return set(range(bound))
    key, found, index = seed_key(seed), set[int](), 0
    while len(found) < count:
        found.add(draw_below(bound, key, 0, "sweep.checked_row", index))
        index += 1
    return found


def _differing(recorded: polars.DataFrame, again: polars.DataFrame) -> list[int]:
    """The rows in which a column but the status is another."""
    names = [name for name in recorded.columns if name != "status"]
    own, other = recorded.select(names).rows(), again.select(names).rows()
    return [one[0] for one, played in zip(own, other, strict=True) if one != played]
