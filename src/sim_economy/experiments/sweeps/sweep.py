"""A sweep played into its folder: each row once, in any session, by whoever can play it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Final

from msgspec import Struct

from sim_economy.agents.given_policy import can_be_imported
from sim_economy.core.errors import ScenarioError, needing
from sim_economy.experiments.sweeps.core_player import CorePlayer, play_task, span_task
from sim_economy.experiments.sweeps.designs import points_count
from sim_economy.experiments.sweeps.kernel_player import SMALL_ROWS, is_compiled, kernel_player
from sim_economy.experiments.sweeps.played_rows import PlayedRows
from sim_economy.experiments.sweeps.study import SweepStudy
from sim_economy.experiments.sweeps.sweep_folder import SweepFolder, is_sweep_folder
from sim_economy.experiments.sweeps.sweep_plan import RowSpan, SweepPlan
from sim_economy.experiments.sweeps.sweep_results import write_sweep_results
from sim_economy.experiments.worker_pool import worker_pool
from sim_economy.ledger.sidecars.run_folder import claimed

RUNS_MAX: Final = 2_000_000
"""Runs that are played without being asked for."""
CHUNK_ROWS: Final = 16
"""Rows that a process plays at once."""
_PIECE_SECONDS: Final = 0.5
"""What the kernel plays at once should take."""
_KEEP_SECONDS: Final = 2.0
"""After which what is played is kept, though its part is not finished."""


class SweepOutcome(Struct, frozen=True, kw_only=True):
    """The result of a session of a sweep.

    Attributes:
        rows: Of the whole sweep.
        resumed: Rows that earlier sessions had played.
        played: Rows that this one has.
        statuses: How many rows have each status; empty until all are played.
        on_core: Why the kernel played none, in words; empty where it did.
    """

    rows: int
    resumed: int
    played: int
    statuses: dict[str, int]
    on_core: str

    @property
    def is_finished(self) -> bool:
        """True if every row is played."""
        return self.resumed + self.played == self.rows

    @property
    def failed(self) -> int:
        """Rows that failed."""
        return self.statuses.get("failed", 0)


def check_runs(study: SweepStudy, runs_max: int) -> int:
    """How many runs a study asks for.

    Raises:
        ScenarioError: They are more than may be played.
    """
    points = points_count(study)
    runs = points * study.seeds
    if runs > runs_max:
        asked = f"{points:,} points with {study.seeds:,} seeds each are {runs:,} runs"
        raise ScenarioError(
            [f"{asked}, more than {runs_max:,}; allow them with --runs-max {runs}, or vary less"]
        )
    return runs


def run_sweep(
    study: SweepStudy,
    folder: Path,
    *,
    jobs: int = 1,
    executor: Executor | None = None,
    chunk_rows: int = CHUNK_ROWS,
    fresh: bool = False,
    runs_max: int = RUNS_MAX,
    seconds_max: float | None = None,
    progress: Callable[[int], None] = lambda rows: None,
    notify: Callable[[str], None] = lambda text: None,
) -> SweepOutcome:
    """Play every row of a study that the folder does not hold yet, and write its files.

    Args:
        jobs: Processes to play in; this one alone for a few rows, or where another cannot import
            a policy.
        executor: Where to play instead.
        chunk_rows: Rows that a process plays at once; no result depends on it.
        fresh: Play every row again instead of resuming.
        seconds_max: After which to stop; what is played stays, and the same call goes on.
        progress: Called with how many rows are played, resumed ones too.
        notify: Called with what takes its time, before the first row.

    Raises:
        FolderError: In use, another's, of another study, or not writable.
        ScenarioError: There are more runs than `runs_max`.
        ExtraMissingError: A library is not installed.
    """
    check_runs(study, runs_max)
    with needing("a sweep", "report"):
        import numpy  # noqa: F401, PLC0415
        import polars  # noqa: F401, PLC0415
    plan = SweepPlan(study)
    with claimed(folder, "sweep", is_sweep_folder):
        own = SweepFolder(folder, plan)
        own.begin(fresh=fresh)
        session = _Session(plan, own, seconds_max, progress)
        if not all(map(own.is_finished, plan.parts)):
            session.announce(notify)
        try:
            with _where(plan, executor, jobs) as workers:
                session.play(workers, chunk_rows)
        except KeyboardInterrupt as error:
            kept = f"{session.resumed + session.played:,} of {plan.rows:,} runs are kept"
            error.add_note(f"{kept} in {folder}; the same command goes on")
            raise
        statuses: dict[str, int] = {}
        if session.is_finished:
            statuses = write_sweep_results(own, plan)
            own.write_manifest({"statuses": statuses})
        return SweepOutcome(
            rows=plan.rows,
            resumed=session.resumed,
            played=session.played,
            statuses=statuses,
            on_core=session.on_core,
        )


COMPILING: Final = (
    "compiling the batch kernel for this processor, once: half a minute, "
    "then hundreds of thousands of runs a second"
)
"""Said before the first runs, where nothing is compiled yet."""


@contextmanager
def _where(plan: SweepPlan, executor: Executor | None, jobs: int) -> Iterator[Executor | None]:
    """The executor to play in; None for this process."""
    policies = plan.study.scenario.base.policies
    alone = jobs <= 1 or plan.rows < 2 * CHUNK_ROWS or not all(map(can_be_imported, policies))
    if executor is not None or alone:
        with nullcontext(executor) as given:
            yield given
    else:
        with worker_pool(min(jobs, plan.rows)) as pool:
            yield pool


class _Session:
    """One process's work on a sweep."""

    def __init__(
        self,
        plan: SweepPlan,
        folder: SweepFolder,
        seconds_max: float | None,
        progress: Callable[[int], None],
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._ends = None if seconds_max is None else time.monotonic() + seconds_max
        self._progress = progress
        kernel = kernel_player(plan)
        self._kernel = None if isinstance(kernel, str) else kernel
        self.on_core = kernel if isinstance(kernel, str) else ""
        self.resumed = 0
        self.played = 0

    @property
    def is_finished(self) -> bool:
        """True if every row is played."""
        return self.resumed + self.played == self._plan.rows

    def announce(self, notify: Callable[[str], None]) -> None:
        """Say what takes its time: compiling, or the core where a large sweep has no kernel."""
        study = self._plan.study
        if self._kernel is not None and not is_compiled(
            study.scenario.base, by_turn=study.per_turn
        ):
            notify(COMPILING)
        elif self.on_core and self._plan.rows > SMALL_ROWS:
            notify(f"the core plays these runs, one by one: {self.on_core}")

    def play(self, executor: Executor | None, chunk_rows: int) -> None:
        """Play part after part, until all are whole or time is up."""
        for part in self._plan.parts:
            if self._folder.is_finished(part):
                self._resume(len(part))
                continue
            missing = self._folder.missing(part)
            wanted = sum(map(len, missing))
            self._resume(len(part) - wanted)
            if not self._play_part(part, missing, executor, chunk_rows):
                return

    def _resume(self, rows: int) -> None:
        self.resumed += rows
        if rows:
            self._progress(rows)

    def _play_part(
        self,
        part: RowSpan,
        missing: Sequence[RowSpan],
        executor: Executor | None,
        chunk_rows: int,
    ) -> bool:
        """Play the missing rows of a part; whether it is whole, or time was up before."""
        held: list[PlayedRows] = []
        wanted, kept_at = sum(map(len, missing)), time.monotonic()
        try:
            for played in self._results(missing, executor, chunk_rows):
                held.append(played)
                wanted -= len(played.rows)
                self.played += len(played.rows)
                self._progress(len(played.rows))
                if time.monotonic() - kept_at > _KEEP_SECONDS:
                    self._folder.keep(held)
                    held, kept_at = [], time.monotonic()
            if not wanted:
                self._folder.finish(part, held)
                return True
        except BaseException:
            # Interrupted: what is finished stays.
            if not self._folder.is_finished(part):
                self._folder.keep(held)
            raise
        self._folder.keep(held)
        return False

    def _results(
        self, missing: Sequence[RowSpan], executor: Executor | None, chunk_rows: int
    ) -> Iterator[PlayedRows]:
        spans = missing
        if self._kernel is not None:
            left: list[int] = []
            if self._is_late:
                return
            for played in self._kernel.pieces(missing, _PIECE_SECONDS):
                left += played.left
                if len(played.rows):
                    yield played
                if self._is_late:
                    return
            spans = [RowSpan(row, row + 1) for row in left]
        chunks = chain.from_iterable(_chunks(span, chunk_rows) for span in spans)
        if executor is None:
            yield from self._in_this_process(chunks)
        else:
            yield from self._in_others(chunks, executor)

    @property
    def _is_late(self) -> bool:
        return self._ends is not None and time.monotonic() >= self._ends

    def _in_this_process(self, chunks: Iterable[RowSpan]) -> Iterator[PlayedRows]:
        player = CorePlayer(self._plan)
        for chunk in chunks:
            if self._is_late:
                return
            yield player.play(chunk)

    def _in_others(self, chunks: Iterable[RowSpan], executor: Executor) -> Iterator[PlayedRows]:
        """Rows in the order in which they were given out; a few chunks wait for a worker."""
        waiting: deque[Future[PlayedRows]] = deque()
        for chunk in chunks:
            if self._is_late:
                break
            waiting.append(executor.submit(play_task, span_task(self._plan, chunk)))
            if len(waiting) > _WAITING_MAX:
                yield waiting.popleft().result()
        for future in waiting:
            if not (self._is_late and future.cancel()):
                yield future.result()


_WAITING_MAX: Final = 64
"""Chunks that are given out and not fetched yet."""


def _chunks(span: RowSpan, rows: int) -> Iterator[RowSpan]:
    for first in range(span.first, span.end, rows):
        yield RowSpan(first, min(first + rows, span.end))
