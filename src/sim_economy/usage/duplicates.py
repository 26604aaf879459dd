"""What occurs more than once, at any distance: kept by hash on the disk, one part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.usage.usage_rows import polars_module

if TYPE_CHECKING:
    import polars

_PARTS: Final = 32
_HELD: Final = 1 << 20
"""Rows in memory before they go to the disk."""


class HashedRows(Struct):
    """Rows with a `key`, those of one key in the same part."""

    folder: Path
    held: list[Any] = []
    rows: int = 0
    files: int = 0

    def add(self, rows: polars.DataFrame) -> None:
        """Take in rows that have a key."""
        if rows.is_empty():
            return
        self.held.append(rows)
        self.rows += rows.height
        if self.rows >= _HELD:
            self._put_down()

    def _put_down(self) -> None:
        pl = polars_module()
        if not self.held:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        rows = pl.concat(self.held).with_columns((pl.col("key").hash() % _PARTS).alias("part"))
        for (part,), some in rows.partition_by("part", as_dict=True, include_key=False).items():
            some.write_ipc(self.folder / f"{part}-{self.files}.arrow")
        self.files += 1
        self.held, self.rows = [], 0

    def parts(self) -> Iterator[polars.DataFrame]:
        """Every part once; all rows of a key are in one."""
        pl = polars_module()
        if not self.files:
            if self.held:
                yield pl.concat(self.held)
            return
        self._put_down()
        for part in range(_PARTS):
            if files := sorted(self.folder.glob(f"{part}-*.arrow")):
                yield pl.concat([pl.read_ipc(file) for file in files])


class Corrections(Struct, frozen=True):
    """What becomes of records that have an id in common.

    Attributes:
        changes: `at` of each, ascending; `time` of the one that stays, the earliest; null for the
            others, which are dropped.
    """

    changes: polars.DataFrame

    @classmethod
    def of(cls, ids: HashedRows) -> Corrections:
        """The last record of an id counts, with the time of the earliest.

        Args:
            ids: `key`, `at` and `time` of each record with an id.
        """
        pl = polars_module()
        found = []
        for part in ids.parts():
            repeated = part.filter(pl.col("key").is_duplicated())
            last = pl.col("at").max().over("key") == pl.col("at")
            first = pl.col("time").min().over("key")
            found.append(
                repeated.select("at", last.alias("stays"), pl.when(last).then(first).alias("first"))
            )
        schema = {"at": pl.Int64, "stays": pl.Boolean, "first": pl.Datetime("us", "UTC")}
        changes = pl.concat(found) if found else pl.DataFrame(schema=schema)
        return cls(changes.sort("at"))

    def within(self, first: int, last: int) -> polars.DataFrame:
        """The changes of records from one to another."""
        at = self.changes["at"]
        start, end = at.search_sorted(first), at.search_sorted(last, side="right")
        return self.changes.slice(start, end - start)


def keys_with_all(marked: HashedRows) -> int:
    """How many keys are marked in all of their rows.

    Args:
        marked: `key` and `is_marked` of each row.
    """
    pl = polars_module()
    count = 0
    for part in marked.parts():
        wholly = part.group_by("key").agg(pl.col("is_marked").all())
        count += int(wholly["is_marked"].sum())
    return count
