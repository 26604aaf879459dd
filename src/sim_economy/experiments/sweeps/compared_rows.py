"""Rows of a sweep, drawn at random, against the worlds that the core plays for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from sim_economy.core.errors import InputError, needing
from sim_economy.core.randomness import draw_below, seed_key
from sim_economy.experiments.sweeps.core_player import CorePlayer
from sim_economy.experiments.sweeps.kept_rows import rows_paths
from sim_economy.experiments.sweeps.row_frames import rows_frame
from sim_economy.experiments.sweeps.sweep_plan import RowSpan, SweepPlan

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
    player = CorePlayer(plan)
    again = polars.concat(rows_frame(plan, player.play(RowSpan(row, row + 1))) for row in rows)
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
