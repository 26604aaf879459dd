"""An experiment's output folder: locked, resumable, written whole or not at all."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from sim_economy.core.errors import FolderError
from sim_economy.core.turn import RULES_VERSION
from sim_economy.experiments.measures import measures_summary, run_measures, write_series
from sim_economy.experiments.metrics import Row, metrics_csv, run_metrics, summary_json, table_csv
from sim_economy.experiments.run import Run, decode_run, encode_run, play_run
from sim_economy.experiments.society import contract_rows, flow_rows
from sim_economy.experiments.tables import paper_tables, table_markdown
from sim_economy.experiments.treatment import Treatment
from sim_economy.session.diff import changes_of
from sim_economy.store.folders import claimed, write_whole
from sim_economy.store.records import FORMAT, digest
from sim_economy.store.sqlite import SQLiteStore


class Failure(Struct, frozen=True):
    """A run that did not finish.

    Attributes:
        path: Where its traceback is.
    """

    run: int
    error: str
    path: str


class Outcome(Struct, frozen=True):
    """What an experiment left.

    Attributes:
        runs: Finished ones, in order.
        resumed: How many of them an earlier session had finished.
        missing: Files left out because a library is not installed, with the way to get them.
    """

    runs: list[Run]
    rows: list[Row]
    failures: list[Failure]
    resumed: int
    missing: list[str]


def run_experiment(
    treatment: Treatment,
    folder: Path,
    *,
    jobs: int = 1,
    ledgers: bool = False,
    fresh: bool = False,
    progress: Callable[[int], None] = lambda run: None,
) -> Outcome:
    """Play every run of a treatment that the folder does not hold yet, and write its files.

    Args:
        jobs: Processes to play in.
        ledgers: Whether to keep each run's ledger as `runs/run-NNNN.sqlite`.
        fresh: Play every run again instead of resuming.
        progress: Called with each finished or failed run's number, resumed ones too.

    Raises:
        FolderError: In use, another experiment's, of other settings, or not writable.
    """
    with claimed(folder, "experiment", _is_ours):
        _check_settings(folder, treatment, ledgers=ledgers, fresh=fresh)
        held = {} if fresh else _held_runs(folder, treatment, ledgers=ledgers)
        for run in held:
            progress(run)
        open_runs = [run for run in range(1, treatment.runs + 1) if run not in held]
        finished = dict(held)
        failures = []
        for run, played in _played(treatment, open_runs, folder, jobs=jobs, ledgers=ledgers):
            if isinstance(played, Run):
                content = encode_run(played)
                write_whole(_run_path(folder, run), digest(content).encode() + b"\n" + content)
                with suppress(FileNotFoundError):
                    _failure_path(folder, run).unlink()
                finished[run] = played
            else:
                path = _failure_path(folder, run)
                write_whole(path, played.encode())
                failures.append(Failure(run, played.strip().splitlines()[-1], str(path)))
            progress(run)
        runs = [finished[run] for run in sorted(finished)]
        rows = [run_metrics(run) for run in runs]
        missing = write_results(folder, treatment, runs, rows) if runs else []
        _write_manifest(folder, treatment, runs, failures, ledgers=ledgers)
        return Outcome(runs, rows, failures, len(held), missing)


def write_results(
    folder: Path, treatment: Treatment, runs: Sequence[Run], rows: Sequence[Row]
) -> list[str]:
    """The published files, the paper's tables, further measures, contracts, flows, the series.

    Returns:
        What was left out for want of a library.
    """
    write_whole(folder / "run_metrics.csv", metrics_csv(rows).encode())
    write_whole(folder / "summary.json", summary_json(treatment, rows).encode())
    tables = paper_tables(treatment, rows, published=treatment.is_published)
    for table in tables:
        cells = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        write_whole(folder / "tables" / f"{table.name}.csv", table_csv(cells).encode())
    write_whole(folder / "tables.md", "\n".join(map(table_markdown, tables)).encode())
    measures = [run_measures(run) for run in runs]
    write_whole(folder / "run_measures.csv", table_csv(measures).encode())
    if contracts := contract_rows(runs):
        write_whole(folder / "contracts.csv", table_csv(contracts).encode())
    if flows := flow_rows(treatment, runs):
        write_whole(folder / "flows.csv", table_csv(flows).encode())
    missing = []
    try:
        summary = table_csv(measures_summary(measures))
        write_whole(folder / "measures_summary.csv", summary.encode())
    except ModuleNotFoundError:
        missing.append("measures_summary.csv needs scipy: pip install 'sim-economy[report]'")
    try:
        write_series(runs, folder / "series.parquet")
    except ModuleNotFoundError:
        missing.append("series.parquet needs polars: pip install 'sim-economy[report]'")
    return missing


def _run_path(folder: Path, run: int) -> Path:
    return folder / "runs" / f"run-{run:04d}.json"


def _ledger_path(folder: Path, run: int) -> Path:
    return folder / "runs" / f"run-{run:04d}.sqlite"


def _failure_path(folder: Path, run: int) -> Path:
    return folder / "failures" / f"run-{run:04d}.txt"


def _is_ours(folder: Path) -> bool:
    """Whether the folder is empty, or an experiment's."""
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return {path.name for path in folder.iterdir()} <= {".lock", "manifest.json.part"}
    return _kept_settings(manifest) is not None


def _kept_settings(manifest: Path) -> dict[str, Any] | None:
    """The settings an experiment left, or None where the file is another program's."""
    try:
        kept = json.loads(manifest.read_text(encoding="utf-8"))["settings"]
    except (ValueError, KeyError, TypeError):
        return None
    return kept if isinstance(kept, dict) and "rules_version" in kept else None


def _settings(treatment: Treatment, *, ledgers: bool) -> dict[str, Any]:
    settings = {
        "sim_economy": version("sim-economy"),
        "format": FORMAT,
        "rules_version": RULES_VERSION,
        "ledgers": ledgers,
        **treatment.settings,
    }
    return json.loads(json.dumps(settings))  # type: ignore[no-any-return]


def _check_settings(folder: Path, treatment: Treatment, *, ledgers: bool, fresh: bool) -> None:
    """Start the manifest, or hold the one that is there against what is asked."""
    path = folder / "manifest.json"
    asked = _settings(treatment, ledgers=ledgers)
    if path.exists() and not fresh:
        kept = _kept_settings(path) or {}
        if kept.get("runs", 0) < asked["runs"]:
            kept["runs"] = asked["runs"]
        changes = [f"{key} was {was}, is now {now}" for key, was, now in changes_of(kept, asked)]
        if changes:
            raise FolderError(
                "settings_changed",
                str(folder),
                f"holds an experiment with other settings: {'; '.join(changes)}; "
                "name another folder, or start over with --fresh",
            )
        return
    for pattern in _OWN_FILES:
        for stale in folder.glob(pattern):
            stale.unlink()
    write_whole(path, _manifest_text(asked, [], []))


_OWN_FILES: Final = (
    "runs/run-*",
    "failures/run-*",
    "tables/*.csv",
    "figures/*.svg",
    "*.csv",
    "summary.json",
    "tables.md",
    "series.parquet",
    "report.*",
)
"""What starting over removes."""


def _held_runs(folder: Path, treatment: Treatment, *, ledgers: bool) -> dict[int, Run]:
    """Finished runs; a file that does not hold one is played again."""
    held = {}
    for run in range(1, treatment.runs + 1):
        path = _run_path(folder, run)
        with suppress(FileNotFoundError, msgspec.DecodeError):
            checksum, _, content = path.read_bytes().partition(b"\n")
            if checksum != digest(content).encode():
                continue
            played = decode_run(content)
            whole = played.run == run and played.turns == treatment.turns
            if whole and (not ledgers or _ledger_path(folder, run).exists()):
                held[run] = played
    return held


def _played(
    treatment: Treatment, runs: Sequence[int], folder: Path, *, jobs: int, ledgers: bool
) -> Iterator[tuple[int, Run | str]]:
    """Each run's number with the run, or with the traceback of its failure."""
    paths = [_ledger_path(folder, run) if ledgers else None for run in runs]
    if jobs <= 1 or len(runs) <= 1:
        for run, path in zip(runs, paths, strict=True):
            yield run, _attempt(treatment, run, path)
        return
    with ProcessPoolExecutor(
        min(jobs, len(runs)), initializer=_leave_with, initargs=(os.getpid(),)
    ) as pool:
        attempts = {
            pool.submit(_attempt, treatment, run, path): run
            for run, path in zip(runs, paths, strict=True)
        }
        try:
            for attempt in as_completed(attempts):
                yield attempts[attempt], attempt.result()
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _leave_with(parent: int) -> None:
    """Leave interrupts to the process that started this one, and end when it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _attempt(treatment: Treatment, run: int, path: Path | None) -> Run | str:
    try:
        if path is None:
            return play_run(treatment, run)
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        store = SQLiteStore.new(path)
        try:
            return play_run(treatment, run, store)
        finally:
            store.close()
    except Exception:
        return traceback.format_exc()


def _write_manifest(
    folder: Path,
    treatment: Treatment,
    runs: Sequence[Run],
    failures: Sequence[Failure],
    *,
    ledgers: bool,
) -> None:
    settings = _settings(treatment, ledgers=ledgers)
    write_whole(folder / "manifest.json", _manifest_text(settings, runs, failures))
    lines = [f"python {sys.version.split()[0]}"]
    for library in _LIBRARIES:
        with suppress(ModuleNotFoundError):
            lines.append(f"{library} {version(library)}")
    write_whole(folder / "environment.txt", "\n".join([*lines, ""]).encode())


_LIBRARIES: Final = ("sim-economy", "msgspec", "numpy", "scipy", "polars", "matplotlib")


def _manifest_text(
    settings: Mapping[str, Any], runs: Sequence[Run], failures: Sequence[Failure]
) -> bytes:
    manifest = {
        "settings": settings,
        "runs": [
            {"run": run.run, "seed": run.seed, "head": run.head, "state_digest": run.state_digest}
            for run in runs
        ],
        "failures": [{"run": failure.run, "error": failure.error} for failure in failures],
    }
    return (json.dumps(manifest, indent=2) + "\n").encode()
