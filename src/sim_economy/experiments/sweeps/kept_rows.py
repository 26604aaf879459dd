"""Where a sweep's folder has its rows, and how those that failed are taken out again."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sim_economy.experiments.sweeps.row_frames import read_rows, write_frame
from sim_economy.experiments.sweeps.sweep_plan import PART_ROWS
from sim_economy.ledger.sidecars.run_folder import write_whole

UNFINISHED: Final = "unfinished"


def part_path(folder: Path, row: int) -> Path:
    """The file of the part that a row is in."""
    return folder / "rows" / f"part-{row // PART_ROWS:05d}.parquet"


def turns_path(rows: Path) -> Path:
    """The file of the sums by turn of a file of rows."""
    if rows.parent.name == UNFINISHED:
        return rows.with_name(rows.name.replace("rows-", "turns-"))
    return rows.parent.with_name("turns") / rows.name


def failure_path(folder: Path, row: int) -> Path:
    """The traceback of a failed row."""
    return folder / "failures" / f"row-{row:010d}.txt"


def rows_paths(folder: Path) -> list[Path]:
    """The files of all rows that are played: whole parts, and what there is of others."""
    parts = sorted((folder / "rows").glob("part-*.parquet"))
    left = sorted((folder / UNFINISHED).glob("rows-*.parquet"))
    return [*parts, *(path for path in left if part_path(folder, _first_row(path)) not in parts)]


def _first_row(left: Path) -> int:
    return int(left.stem.removeprefix("rows-"))


def forget_failed_rows(folder: Path) -> int:
    """Take failed rows out of a sweep's files, so that they are played again; how many there were.

    The other rows of their part are left as those of an unfinished one.
    """
    return sum(_forget_failed(folder, path) for path in rows_paths(folder))


def _forget_failed(folder: Path, path: Path) -> int:
    frame = read_rows(path)
    if frame is None or not (frame["status"] == "failed").any():
        return 0
    failed = frame.filter(frame["status"] == "failed")["row"].to_list()
    kept = frame.filter(frame["status"] != "failed")
    stale = {path, turns_path(path)}
    if kept.height:
        left = folder / UNFINISHED / f"rows-{kept['row'][0]:010d}.parquet"
        if turns_path(path).exists():
            write_whole(turns_path(left), turns_path(path).read_bytes())
        write_frame(left, kept)
        stale -= {left, turns_path(left)}
    for own in sorted(stale):
        own.unlink(missing_ok=True)
    for row in failed:
        failure_path(folder, row).unlink(missing_ok=True)
    return len(failed)
