"""Sweeps for a notebook: the command's folder, read as data frames."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim_economy.core.errors import InputError, needing
from sim_economy.core.table_reader import is_whole
from sim_economy.experiments.sweeps.compared_rows import (
    ComparedPoint,
    ComparedRows,
    compare_point,
    compare_rows,
)
from sim_economy.experiments.sweeps.frame_names import FRAME_NAMES, renamed
from sim_economy.experiments.sweeps.kernel_player import NUMBA_MISSING
from sim_economy.experiments.sweeps.opened_row import OpenedRow, open_row, row_at
from sim_economy.experiments.sweeps.study import SweepStudy, load_study
from sim_economy.experiments.sweeps.sweep import COMPILING, RUNS_MAX, SweepOutcome, run_sweep
from sim_economy.experiments.sweeps.sweep_folder import kept_study
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan
from sim_economy.ledger.readers.html_table import html_table
from sim_economy.ledger.readers.plain_text import html_text
from sim_economy.ledger.sidecars.run_folder import output_folder
from sim_economy.reports.page.document import Figure, plain
from sim_economy.reports.sensitivity.played_sensitivity import PlayedSensitivity, sensitivity
from sim_economy.reports.sweeps.sweep_report import (
    INSOLVENT,
    SweepFrames,
    sweep_answer,
    sweep_figure,
    write_sweep_report,
)

if TYPE_CHECKING:
    import polars


class PlayedSweep:
    """The rows of a study, and the folder that keeps them.

    Attributes:
        outcome: Rows, failures, and what earlier calls had played; None of one that was read.
    """

    def __init__(
        self, study: SweepStudy, folder: Path, outcome: SweepOutcome | None = None
    ) -> None:
        self.study = study
        self.folder = folder
        self.outcome = outcome

    @classmethod
    def read(cls, folder: str | Path) -> PlayedSweep:
        """The sweep that a folder holds.

        Raises:
            FolderError: It holds none, or one that this release plays otherwise.
        """
        return cls(kept_study(Path(folder)), Path(folder))

    def frame(self, names: str = "tidy") -> polars.DataFrame:
        """Every row, a run each: its point, seed, values, metrics, status and digest.

        Args:
            names: `tidy`; `mesa` (RunId, iteration, Step) or `radcad` (simulation, subset, run,
                timestep) for columns as users of these tools know them.

        Raises:
            InputError: There are no such names, or no row is finished.
        """
        if names not in FRAME_NAMES:
            raise InputError("names", f"must be one of {', '.join(FRAME_NAMES)}")
        paths = sorted((self.folder / "rows").glob("part-*.parquet"))
        if not paths:
            raise InputError("frame", f"no rows are finished in {self.folder}")
        with needing("a sweep", "report"):
            import polars  # noqa: PLC0415

        frame = polars.concat([polars.read_parquet(path) for path in paths])
        return renamed(frame, names, self.study.scenario.base.turns)

    @property
    def points(self) -> polars.DataFrame:
        """Each point with mean, variance and exact sums of its metrics.

        Raises:
            InputError: The sweep is not finished.
        """
        return self._table("points")

    @property
    def turns(self) -> polars.DataFrame:
        """Each turn of each point: count, sums and sums of squares over its replicates.

        Raises:
            InputError: The sweep is not finished, or its study has no `per_turn`.
        """
        return self._table("turns")

    @property
    def histograms(self) -> polars.DataFrame:
        """How many replicates of each point have each value of each whole metric.

        Raises:
            InputError: The sweep is not finished, or its study has no `histograms`.
        """
        return self._table("histograms")

    def _table(self, name: str) -> polars.DataFrame:
        path = self.folder / f"{name}.parquet"
        if not path.exists():
            wants = "" if name == "points" else f", and its study needs {_WANTED[name]} = true"
            raise InputError(name, f"there are none yet: the sweep must be finished{wants}")
        with needing("a sweep", "report"):
            import polars  # noqa: PLC0415

        return polars.read_parquet(path)

    @property
    def answer(self) -> str:
        """Which share of the points is solvent, in one sentence.

        Raises:
            InputError: The sweep is not finished.
        """
        return plain(sweep_answer(self._frames))

    @property
    def _frames(self) -> SweepFrames:
        study = self.study
        return SweepFrames(
            name=study.name,
            keys={key.name: not key.labels for key in study.keys},
            metrics=study.metrics,
            points=self.points,
            seeds=study.seeds,
            provenance=_provenance(study),
        )

    def picture(self, metric: str = INSOLVENT) -> Figure:
        """What a metric is at each point: a heat map, curves or clouds; a notebook shows it.

        Raises:
            InputError: The sweep is not finished, or has not kept the metric.
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        with needing("the picture", "report"):
            return sweep_figure(self._frames, metric)

    def sensitivity(self, outcomes: Sequence[str] = ()) -> PlayedSensitivity:
        """Estimate which input decides which outcome; the rest is as in `se.sensitivity`."""
        return sensitivity(self.folder, outcomes)

    def report(self, picture: str = INSOLVENT) -> Path:
        """Write the report into the folder; the page to read.

        Args:
            picture: The metric that its picture shows.

        Raises:
            InputError: The sweep is not finished, or has not kept the metric.
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        return write_sweep_report(self.folder, self._frames, picture)[-1]

    def row_at(self, replicate: int = 1, **at: Any) -> int:
        """The row of a point by its coordinates; a key with a point in it comes as `**{...}`.

        Raises:
            InputError: No point has these values; the message has the nearest one.
        """
        return row_at(SweepPlan(self.study), at, replicate)

    def open(self, row: int, folder: str | Path | None = None, *, report: bool = True) -> OpenedRow:
        """Play a row again with its ledger, and compare its digest.

        Args:
            row: See `row_at` for one by its coordinates.
            folder: Where the files go; `opened/row-N` in the sweep's when None.
            report: Whether to write the run's report.

        Raises:
            InputError: There is no such row, it has not been played, or it failed.
            DigestDiffersError: The core ends in another state than the sweep holds.
        """
        if not is_whole(row):
            raise InputError("row", "must be an integer")
        into = None if folder is None else Path(folder)
        return open_row(SweepPlan(self.study), self.folder, int(row), into, report=report)

    def check(self, rows: int = 100, seed: int = 0) -> ComparedRows:
        """Play rows drawn at random again by the core, and compare every number of each.

        Args:
            rows: How many; all of them where there are fewer.
            seed: Of the draw.

        Raises:
            InputError: No row is finished.
        """
        if not is_whole(rows) or rows < 1:
            raise InputError("rows", "must be an integer from 1 on")
        return compare_rows(SweepPlan(self.study), self.folder, int(rows), seed)

    def check_point(self, point: int) -> ComparedPoint:
        """Play every run of a point again by the core, and compare every number and the means.

        Raises:
            InputError: There is no such point, or no run of it is finished.
        """
        if not is_whole(point):
            raise InputError("point", "must be an integer")
        return compare_point(SweepPlan(self.study), self.folder, int(point))

    def __repr__(self) -> str:
        """How many runs there are, and where."""
        design, seeds = self.study.design, self.study.seeds
        return f"<Sweep {self.study.name}: {design}, {seeds} seeds a point, in {self.folder}>"

    def _repr_html_(self) -> str:
        """The answer, and the keys with what they take, for a notebook."""
        keys = [
            (key.name, key.text(key.low), key.text(key.high), key.size) for key in self.study.keys
        ]
        table = html_table(repr(self).strip("<>"), ("key", "first", "last", "values"), keys)
        done = (self.folder / "points.parquet").exists()
        return (f"<p>{html_text(self.answer)}</p>" if done else "") + table


_WANTED: Final = {"turns": "per_turn", "histograms": "histograms"}


def _provenance(study: SweepStudy) -> dict[str, str]:
    """What a sweep was played with, in words."""
    base = study.scenario.base
    return {
        "study": study.name,
        "study hash": study.hash,
        "scenario": f"{study.scenario.source}: {base!r}",
        "design": f"{study.design}, size {study.size}" if study.size else study.design,
        "seeds": f"{study.seed + 1} to {study.seed + study.seeds}, the same at every point",
        "rules version": base.config.rules_version,
    }


def sweep(
    study: str | Path | Mapping[str, Any] | SweepStudy,
    folder: str | Path | None = None,
    *,
    jobs: int = 1,
    executor: Executor | None = None,
    fresh: bool = False,
    runs_max: int = RUNS_MAX,
    seconds_max: float | None = None,
    progress: Callable[[int], None] = lambda rows: None,
    **changes: Any,
) -> PlayedSweep:
    """Play a study into a folder; the same call goes on with an interrupted one.

    A study is a file, a shipped one, or a table of a file's keys; the rest is as in `experiment`.
    """
    if not is_whole(jobs) or jobs < 1:
        raise InputError("jobs", "must be an integer from 1 on")
    loaded = load_study(study, changes)
    into = sweep_folder(loaded) if folder is None else Path(folder)
    outcome = run_sweep(
        loaded,
        into,
        jobs=int(jobs),
        executor=executor,
        fresh=fresh,
        runs_max=runs_max,
        seconds_max=seconds_max,
        progress=progress,
        notify=_warn,
    )
    return PlayedSweep(loaded, into, outcome)


def _warn(text: str) -> None:
    """Say in a notebook too what takes half a minute, and that a library is missing."""
    if text == COMPILING or NUMBA_MISSING in text:
        warnings.warn(text, stacklevel=_CALLER)


_CALLER: Final = 5
"""Frames from a warning up to the call of `sweep`: announcing, the session, `run_sweep`, ours."""


def sweep_folder(study: SweepStudy) -> Path:
    """Where a study is played if nobody says."""
    return output_folder(study.name, "sweep", foreign="settings.json")
