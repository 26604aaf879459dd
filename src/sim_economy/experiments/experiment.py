"""An experiment's output folder: locked, resumable, written whole or not at all."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from sim_economy.agents.given_policy import can_be_imported
from sim_economy.experiments.resume import (
    FailedRun,
    check_settings,
    failure_path,
    finished_runs,
    is_experiment_folder,
    ledger_path,
    manifest_text,
    run_path,
    settings_of_experiment,
    under_kept_rules,
)
from sim_economy.experiments.worker_pool import worker_pool
from sim_economy.ledger.records import digest
from sim_economy.ledger.sidecars.ledger_files import remove_ledger
from sim_economy.ledger.sidecars.run_folder import claimed, write_whole
from sim_economy.ledger.stores.backup import convert
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.reports.society import contract_rows, flow_rows
from sim_economy.reports.tables import paper_tables, table_markdown
from sim_economy.runs.agent_outcomes import (
    agent_outcomes,
    by_policy,
    collector_rows,
    collectors,
    group_rows,
    outcomes_by_run,
)
from sim_economy.runs.extended_metrics import extended_metrics, extended_summary, write_series
from sim_economy.runs.intervention_metrics import incidence_rows
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import Run, encode_run
from sim_economy.runs.run_metrics import Row, metrics_csv, run_metrics, summary_json, table_csv
from sim_economy.scenarios.scenario import Scenario
from sim_economy.usage.kept_trace import kept_files
from sim_economy.usage.traced_usage import TracedUsage


class Outcome(Struct, frozen=True, kw_only=True):
    """The result of an experiment.

    Attributes:
        runs: Finished ones, in order.
        resumed: How many of them an earlier session had finished.
        missing: Files left out because a library is not installed, with the way to get them.
    """

    runs: list[Run]
    rows: list[Row]
    failures: list[FailedRun]
    resumed: int
    missing: list[str]


def run_experiment(
    scenario: Scenario,
    folder: Path,
    *,
    jobs: int = 1,
    ledgers: bool = False,
    fresh: bool = False,
    progress: Callable[[int], None] = lambda run: None,
) -> Outcome:
    """Play every run of a scenario that the folder does not hold yet, and write its files.

    Args:
        jobs: Processes to play in; this one alone where another cannot import a policy.
        ledgers: Whether to keep each run's ledger as `runs/run-NNNN.sqlite`.
        fresh: Play every run again instead of resuming.
        progress: Called with each finished or failed run's number, resumed ones too.

    Raises:
        FolderError: In use, another experiment's, of other settings, or not writable.
    """
    with claimed(folder, "experiment", is_experiment_folder):
        if not fresh:
            scenario = under_kept_rules(folder, scenario)
        check_settings(folder, scenario, ledgers=ledgers, fresh=fresh)
        _keep_usage(folder, scenario)
        held = {} if fresh else finished_runs(folder, scenario, ledgers=ledgers)
        for run in held:
            if ledgers:
                convert(ledger_path(folder, run))
            progress(run)
        open_runs = [run for run in range(1, scenario.runs + 1) if run not in held]
        finished = dict(held)
        failures = []
        for run, played in _played(scenario, open_runs, folder, jobs=jobs, ledgers=ledgers):
            if isinstance(played, Run):
                _keep_run(folder, run, played)
                finished[run] = played
            else:
                failures.append(_keep_failure(folder, run, played))
            progress(run)
        runs = [finished[run] for run in sorted(finished)]
        rows = [run_metrics(run) for run in runs]
        missing = write_results(folder, scenario, runs, rows) if runs else []
        _write_manifest(folder, scenario, runs, failures, ledgers=ledgers)
        return Outcome(runs=runs, rows=rows, failures=failures, resumed=len(held), missing=missing)


def _keep_usage(folder: Path, scenario: Scenario) -> None:
    if isinstance(scenario.usage, TracedUsage):
        for name, content in kept_files(scenario.usage).items():
            write_whole(folder / name, content)


def _keep_run(folder: Path, run: int, played: Run) -> None:
    content = encode_run(played)
    write_whole(run_path(folder, run), digest(content).encode() + b"\n" + content)
    with suppress(FileNotFoundError):
        failure_path(folder, run).unlink()


def _keep_failure(folder: Path, run: int, trace: str) -> FailedRun:
    path = failure_path(folder, run)
    write_whole(path, trace.encode())
    return FailedRun(run, trace.strip().splitlines()[-1], str(path))


def write_results(
    folder: Path, scenario: Scenario, runs: Sequence[Run], rows: Sequence[Row]
) -> list[str]:
    """The published files, the paper's tables, extended metrics, flows, agents, the series.

    Returns:
        What was left out for want of a library.
    """
    write_whole(folder / "run_metrics.csv", metrics_csv(rows).encode())
    write_whole(folder / "summary.json", summary_json(scenario, rows).encode())
    tables = paper_tables(scenario, rows, published=scenario.is_published)
    for table in tables:
        cells = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        write_whole(folder / "tables" / f"{table.name}.csv", table_csv(cells).encode())
    write_whole(folder / "tables.md", "\n".join(map(table_markdown, tables)).encode())
    metrics = [extended_metrics(run) for run in runs]
    write_whole(folder / "run_measures.csv", table_csv(metrics).encode())
    if contracts := contract_rows(runs):
        write_whole(folder / "contracts.csv", table_csv(contracts).encode())
    if flows := flow_rows(scenario, runs):
        write_whole(folder / "flows.csv", table_csv(flows).encode())
    if incidence := incidence_rows(runs):
        write_whole(folder / "interventions.csv", table_csv(incidence).encode())
    for name, by_agent in _agent_tables(scenario, runs).items():
        write_whole(folder / name, table_csv(by_agent).encode())
    missing = []
    try:
        summary = table_csv(extended_summary(metrics))
        write_whole(folder / "measures_summary.csv", summary.encode())
    except ModuleNotFoundError:
        missing.append("measures_summary.csv needs scipy: pip install 'sim-economy[report]'")
    try:
        write_series(runs, folder / "series.parquet")
    except ModuleNotFoundError:
        missing.append("series.parquet needs polars: pip install 'sim-economy[report]'")
    return missing


def _agent_tables(
    scenario: Scenario, runs: Sequence[Run]
) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Answers by agent: files by name, their rows."""
    outcomes = agent_outcomes(runs, scenario)
    collected = collectors(runs, scenario.config)
    return {
        "agents.csv": [asdict(own) for own in outcomes],
        "agents_by_policy.csv": group_rows(by_policy(outcomes), "policy"),
        "agents_by_run.csv": outcomes_by_run(runs, scenario),
        "collectors.csv": collector_rows(collected, outcomes),
    }


def _played(
    scenario: Scenario, runs: Sequence[int], folder: Path, *, jobs: int, ledgers: bool
) -> Iterator[tuple[int, Run | str]]:
    """Each run's number with the run, or with the traceback of its failure."""
    paths = [ledger_path(folder, run) if ledgers else None for run in runs]
    if not all(map(can_be_imported, scenario.policies)):
        jobs = 1
    if jobs <= 1 or len(runs) <= 1:
        for run, path in zip(runs, paths, strict=True):
            yield run, _attempt(scenario, run, path)
        return
    with worker_pool(min(jobs, len(runs))) as pool:
        attempts = {
            pool.submit(_attempt, scenario, run, path): run
            for run, path in zip(runs, paths, strict=True)
        }
        for attempt in as_completed(attempts):
            yield attempts[attempt], attempt.result()


def _attempt(scenario: Scenario, run: int, path: Path | None) -> Run | str:
    try:
        if path is None:
            return play_run(scenario, run)
        remove_ledger(path)
        path.parent.mkdir(exist_ok=True)
        with closing(SQLiteStore.new(path)) as store:
            return play_run(scenario, run, store)
    except Exception:
        return traceback.format_exc()


def _write_manifest(
    folder: Path,
    scenario: Scenario,
    runs: Sequence[Run],
    failures: Sequence[FailedRun],
    *,
    ledgers: bool,
) -> None:
    settings = settings_of_experiment(scenario, ledgers=ledgers)
    zone_data = scenario.zone_data
    manifest = manifest_text(settings, runs, failures, zone_data)
    write_whole(folder / "manifest.json", manifest)
    lines = [f"python {sys.version.split()[0]}"]
    for library in _LIBRARIES:
        with suppress(ModuleNotFoundError):
            lines.append(f"{library} {version(library)}")
    lines += [] if zone_data is None else [f"time zone data {zone_data}"]
    write_whole(folder / "environment.txt", "\n".join([*lines, ""]).encode())


_LIBRARIES: Final = ("sim-economy", "msgspec", "numpy", "scipy", "polars", "matplotlib")
