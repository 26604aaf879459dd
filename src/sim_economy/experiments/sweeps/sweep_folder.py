"""A sweep's folder: its manifest, its finished rows, and what an interrupted session left."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim_economy.core.errors import FolderError
from sim_economy.experiments.sweeps.designs import salib_problem
from sim_economy.experiments.sweeps.kept_rows import (
    UNFINISHED,
    failure_path,
    forget_failed_rows,
    part_path,
    turns_path,
)
from sim_economy.experiments.sweeps.plain_values import as_json, from_json
from sim_economy.experiments.sweeps.played_rows import PlayedRows
from sim_economy.experiments.sweeps.row_frames import (
    added_frames,
    holds_span,
    read_rows,
    rows_frame,
    turns_frame,
    write_frame,
)
from sim_economy.experiments.sweeps.study import SweepStudy, parse_study
from sim_economy.experiments.sweeps.sweep_plan import PART_ROWS, RowSpan, SweepPlan
from sim_economy.ledger.readers.diff import changes_of
from sim_economy.ledger.sidecars.run_folder import write_whole

if TYPE_CHECKING:
    import polars

MANIFEST: Final = "manifest.json"
_LIBRARIES: Final = ("sim-economy", "msgspec", "numba", "numpy", "polars", "SALib", "scipy")


def is_sweep_folder(folder: Path) -> bool:
    """Test whether the folder is empty, or a sweep's."""
    manifest = folder / MANIFEST
    if not manifest.exists():
        return {path.name for path in folder.iterdir()} <= {".lock", f"{MANIFEST}.part"}
    return _kept(folder) is not None


def _kept(folder: Path) -> dict[str, Any] | None:
    """What the manifest of a sweep holds; None where the file is another program's."""
    try:
        kept = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    ours = isinstance(kept, dict) and {"settings", "study_hash", "study", "scenario"} <= kept.keys()
    return kept if ours else None


def kept_study(folder: Path) -> SweepStudy:
    """The study that a folder was played with.

    Raises:
        FolderError: It holds no sweep, or one that this release or a changed file plays otherwise.
        ScenarioError: The study cannot be read any more.
    """
    kept = _kept(folder)
    if kept is None:
        held = (own.parent for own in folder.glob(f"*/{MANIFEST}"))
        within = sorted(str(own) for own in held if _kept(own) is not None)
        way = f"name {' or '.join(within)}" if within else "`sim-economy sweep` makes one"
        raise FolderError("folder_foreign", str(folder), f"holds no sweep; {way}")
    if kept.get("of_python"):
        raise FolderError(
            "settings_changed",
            str(folder),
            "a policy came from Python, where no file finds it; open the row there: "
            "se.sweep(..., folder=...).open(row=...)",
        )
    study = parse_study(
        from_json(kept["study"]),
        Path(kept["scenario"]["folder"]),
        kept["settings"]["name"],
        from_json(kept["scenario"]["given"]),
    )
    _check_same(folder, kept, study)
    return study


def _check_same(folder: Path, kept: Mapping[str, Any], study: SweepStudy) -> None:
    changes = [
        f"{key} was {was}, is now {now}"
        for key, was, now in changes_of(kept["settings"], study.settings)
    ]
    if changes:
        raise FolderError(
            "settings_changed",
            str(folder),
            f"holds a sweep with other settings: {'; '.join(changes)}; "
            "name another folder, or start over with --fresh (in Python, fresh=True)",
        )


class SweepFolder:
    """The files of one sweep, which this process has claimed."""

    def __init__(self, folder: Path, plan: SweepPlan) -> None:
        self.path = folder
        self._plan = plan

    def begin(self, *, fresh: bool) -> None:
        """Start the manifest, or compare the one that is there with the study.

        Rows that failed before are played again.

        Raises:
            FolderError: It is a sweep's of another study.
        """
        kept = _kept(self.path)
        if kept is not None and not fresh:
            _check_same(self.path, kept, self._plan.study)
            if forget_failed_rows(self.path):
                self.write_manifest(None)
            return
        for pattern in _OWN_FILES:
            for stale in self.path.glob(pattern):
                stale.unlink()
        self.write_manifest(None)
        self._write_design()

    def write_manifest(self, results: Mapping[str, Any] | None) -> None:
        """Write the manifest.

        Args:
            results: What became of its rows; None while they are played.
        """
        study = self._plan.study
        held = {
            "settings": study.settings,
            "study_hash": study.hash,
            "study": as_json(study.given),
            "scenario": {
                "given": as_json(study.scenario.given),
                "folder": str(study.scenario.folder),
            },
            "of_python": "policy_sources" in study.scenario.base.settings,
            "points": self._plan.points,
            "rows": self._plan.rows,
            "part_rows": PART_ROWS,
            "versions": _versions(),
            "results": results,
        }
        write_whole(self.path / MANIFEST, (json.dumps(held, indent=2) + "\n").encode())

    def _write_design(self) -> None:
        import polars  # noqa: PLC0415 - not for a study that is refused

        columns = {name: polars.Series(held) for name, held in self._plan.columns.items()}
        points = polars.Series("point", range(self._plan.points), dtype=polars.Int64)
        write_frame(self.path / "design.parquet", polars.DataFrame({"point": points, **columns}))
        problem = json.dumps(salib_problem(self._plan.study), indent=2) + "\n"
        write_whole(self.path / "problem.json", problem.encode())

    def part_path(self, span: RowSpan) -> Path:
        """The file of a part of the rows."""
        return part_path(self.path, span.first)

    def _turns_path(self, span: RowSpan) -> Path:
        return turns_path(self.part_path(span))

    def is_finished(self, span: RowSpan) -> bool:
        """Test whether a part was written whole."""
        turns = not self._plan.study.per_turn or self._turns_path(span).exists()
        return turns and holds_span(self.part_path(span), span)

    def part_paths(self) -> list[Path]:
        """The files of all rows, in order."""
        return [self.part_path(span) for span in self._plan.parts]

    def turns_paths(self) -> list[Path]:
        """The files of all sums by turn, in order."""
        return [self._turns_path(span) for span in self._plan.parts]

    def missing(self, span: RowSpan) -> list[RowSpan]:
        """The rows of an unfinished part that no session has played."""
        done = {row for frame in self._left(span) for row in frame["row"].to_list()}
        return list(_gaps(span, done))

    def _left(self, span: RowSpan) -> list[polars.DataFrame]:
        """What sessions left of a part."""
        found = []
        for path in sorted((self.path / UNFINISHED).glob("rows-*.parquet")):
            frame = read_rows(path)
            if frame is not None and span.first <= frame["row"][0] < span.end:
                found.append(frame)
        return found

    def keep(self, played: Sequence[PlayedRows]) -> None:
        """Keep rows of an unfinished part, and the traceback of each that failed."""
        import polars  # noqa: PLC0415

        if not played:
            return
        frame = polars.concat(rows_frame(self._plan, one) for one in played).sort("row")
        self._keep_failures(played)
        stem = f"{frame['row'][0]:010d}"
        if self._plan.study.per_turn:
            sums = added_frames([turns_frame(one.turns) for one in played])
            write_frame(self.path / UNFINISHED / f"turns-{stem}.parquet", sums)
        # Rows that are there have their sums beside them: a session may end between the two.
        write_frame(self.path / UNFINISHED / f"rows-{stem}.parquet", frame)

    def _keep_failures(self, played: Sequence[PlayedRows]) -> None:
        for one in played:
            for row, trace in one.failures.items():
                write_whole(failure_path(self.path, row), trace.encode())

    def finish(self, span: RowSpan, played: Sequence[PlayedRows]) -> None:
        """Write a part whole.

        Args:
            played: Rows that were not kept; those that were are there.
        """
        import polars  # noqa: PLC0415

        folder = self.path / UNFINISHED
        left = self._left(span)
        stems = [f"{frame['row'][0]:010d}" for frame in left]
        self._keep_failures(played)
        if self._plan.study.per_turn:
            sums = [polars.read_parquet(folder / f"turns-{stem}.parquet") for stem in stems]
            sums += [turns_frame(one.turns) for one in played]
            write_frame(self._turns_path(span), added_frames(sums))
        frames = [*left, *(rows_frame(self._plan, one) for one in played)]
        whole = polars.concat(frames).sort("row")
        assert whole.height == len(span), (span, whole.height)
        write_frame(self.part_path(span), whole)
        for stem in stems:
            for kind in ("rows", "turns"):
                (folder / f"{kind}-{stem}.parquet").unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()


def _gaps(span: RowSpan, done: set[int]) -> Iterator[RowSpan]:
    first = None
    for row in range(span.first, span.end):
        if row in done:
            if first is not None:
                yield RowSpan(first, row)
            first = None
        elif first is None:
            first = row
    if first is not None:
        yield RowSpan(first, span.end)


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for library in _LIBRARIES:
        with suppress(ModuleNotFoundError):
            found[library] = version(library)
    return found


_OWN_FILES: Final = (
    "rows/part-*.parquet",
    "turns/part-*.parquet",
    "unfinished/*.parquet",
    "failures/row-*.txt",
    "design.parquet",
    "problem.json",
    "points.parquet",
    "turns.parquet",
    "histograms.parquet",
    "summary.csv",
    "sweep.md",
    "sweep.html",
    "tables/*.csv",
    "figures/*.svg",
    "figures/*.png",
    "figures/*.csv",
)
"""Files that starting over removes; others in the folder are not ours."""
