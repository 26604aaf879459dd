"""Usage rows: the one shape that every log of usage comes to, in memory and in files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim_economy.core.errors import needing
from sim_economy.ledger.readers.plain_text import write_csv_rows
from sim_economy.usage.usage_form import KINDS

if TYPE_CHECKING:
    import polars

COUNTS: Final = ("calls", *KINDS)
"""The columns of a usage row that add up."""

COLUMNS: Final = ("agent", "team", "model", "id", *COUNTS, "cost", "seconds")
"""The columns of a usage row after its `time` or `turn`."""

COUNT_MAX: Final = 2**53
"""The greatest count that every program reads as it is."""

LINE: Final = "\x00line"
AT: Final = "\x00at"
REPEATS: Final = "\x00repeats"
"""Columns beside a log's own, under names that no log has: where a record stands in its file, its
number among all records, and whether it repeats the one before."""

UNATTRIBUTED: Final = "unattributed"
"""The agent of rows that name none."""


def polars_module() -> Any:
    """The library of data frames.

    Raises:
        ExtraMissingError: It is not installed.
    """
    with needing("real usage", "usage"):
        import polars  # noqa: PLC0415
    return polars


def row_types(*, dated: bool) -> dict[str, Any]:
    """The types of the columns of usage rows, in order.

    Args:
        dated: Whether they have a time; else they have a turn.
    """
    pl = polars_module()
    first = {"time": pl.Datetime("us", "UTC")} if dated else {"turn": pl.Int64}
    texts = dict.fromkeys(("agent", "team", "model", "id"), pl.String)
    counts = dict.fromkeys(COUNTS, pl.Int64)
    return {**first, **texts, **counts, "cost": pl.String, "seconds": pl.Int64}


def write_rows_csv(rows: polars.LazyFrame, path: Path) -> None:
    """Usage rows as CSV, times as RFC 3339; a spreadsheet takes no name for a formula."""
    columns = rows.collect_schema().names()
    with path.open("w", encoding="utf-8", newline="") as file:
        write_csv_rows(file, columns, _csv_rows(rows))


def _csv_rows(rows: polars.LazyFrame) -> Iterator[dict[str, Any]]:
    pl = polars_module()
    if "time" in rows.collect_schema():
        time = pl.col("time").dt
        whole = time.microsecond() == 0
        written = pl.when(whole).then(time.strftime("%Y-%m-%dT%H:%M:%SZ"))
        rows = rows.with_columns(written.otherwise(time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")))
    for block in rows.collect_batches(chunk_size=1 << 16, maintain_order=True):
        yield from block.iter_rows(named=True)


def is_usage_file(path: Path) -> bool:
    """Test whether a file looks like usage rows that were written before."""
    beginning = b""
    with suppress(OSError), path.open("rb") as file:
        beginning = file.read(64)
    return beginning.startswith((b"PAR1", b"time,agent,team,model,", b"turn,agent,team,model,"))
