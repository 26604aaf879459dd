"""The state of an experiment folder: its manifest, its finished runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from sim_economy.core.errors import FolderError
from sim_economy.ledger.readers.diff import changes_of
from sim_economy.ledger.records import FORMAT, digest
from sim_economy.ledger.sidecars.run_folder import write_whole
from sim_economy.runs.run import Run, decode_run
from sim_economy.scenarios.scenario import Scenario
from sim_economy.usage.kept_trace import LOG_COPY, TRACE_COPY


def run_path(folder: Path, run: int) -> Path:
    """The file of a finished run."""
    return folder / "runs" / f"run-{run:04d}.json"


def ledger_path(folder: Path, run: int) -> Path:
    """The ledger of a run, where ledgers are kept."""
    return folder / "runs" / f"run-{run:04d}.sqlite"


def failure_path(folder: Path, run: int) -> Path:
    """The traceback of a failed run."""
    return folder / "failures" / f"run-{run:04d}.txt"


def is_experiment_folder(folder: Path) -> bool:
    """Test whether the folder is empty, or an experiment's."""
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return {path.name for path in folder.iterdir()} <= {".lock", "manifest.json.part"}
    return _kept_settings(manifest) is not None


def _kept_settings(manifest: Path) -> dict[str, Any] | None:
    """The settings an experiment left, or None where the file is another program's."""
    try:
        kept = json.loads(manifest.read_text(encoding="utf-8"))["settings"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    ours = isinstance(kept, dict) and isinstance(kept.get("rules_version"), str)
    return kept if ours else None


def settings_of_experiment(scenario: Scenario, *, ledgers: bool) -> dict[str, Any]:
    """All that decides the bytes of the folder, as plain values."""
    settings = {
        "sim_economy": version("sim-economy"),
        "format": FORMAT,
        "rules_version": scenario.config.rules_version,
        "ledgers": ledgers,
        **scenario.settings,
    }
    # As JSON gives it back, so that it compares equal with what a manifest kept.
    return json.loads(json.dumps(settings))  # type: ignore[no-any-return]


def under_kept_rules(folder: Path, scenario: Scenario) -> Scenario:
    """The scenario under the version of the rules that its folder began with, if any."""
    manifest = folder / "manifest.json"
    kept = (_kept_settings(manifest) if manifest.exists() else None) or {}
    return replace(scenario, config=scenario.config.under_rules(kept.get("rules_version", "")))


def check_same_scenario(folder: Path, scenario: Scenario) -> None:
    """Check that starting over in a folder loses no other scenario's runs.

    Raises:
        FolderError: It holds an experiment of another scenario, or of other settings.
    """
    manifest = folder / "manifest.json"
    kept = (_kept_settings(manifest) if manifest.exists() else None) or {}
    asked = settings_of_experiment(scenario, ledgers=False)
    if any(key in kept and kept[key] != asked[key] for key in scenario.settings):
        raise FolderError(
            "settings_changed",
            str(folder),
            f"holds another experiment, {kept.get('name')}; name another folder with --out",
        )


def check_settings(folder: Path, scenario: Scenario, *, ledgers: bool, fresh: bool) -> None:
    """Start the manifest, or compare the one that is there with the settings asked for."""
    path = folder / "manifest.json"
    asked = settings_of_experiment(scenario, ledgers=ledgers)
    if path.exists() and not fresh:
        kept = _kept_settings(path) or {}
        runs = kept.get("runs", 0)
        if isinstance(runs, int) and runs < asked["runs"]:
            kept["runs"] = asked["runs"]
        changes = [f"{key} was {was}, is now {now}" for key, was, now in changes_of(kept, asked)]
        if changes:
            raise FolderError(
                "settings_changed",
                str(folder),
                f"holds an experiment with other settings: {'; '.join(changes)}; "
                "name another folder, or start over with --fresh (in Python, fresh=True)",
            )
        return
    for pattern in _OWN_FILES:
        for stale in folder.glob(pattern):
            stale.unlink()
    write_whole(path, manifest_text(asked, [], []))


_OWN_FILES: Final = (
    "runs/run-[0-9][0-9][0-9][0-9]*",
    "failures/run-[0-9][0-9][0-9][0-9]*",
    "tables/*.csv",
    "figures/*.svg",
    "figures/*.png",
    "figures/*.csv",
    "run_metrics.csv",
    "run_measures.csv",
    "measures_summary.csv",
    "contracts.csv",
    "flows.csv",
    "interventions.csv",
    "agents.csv",
    "agents_by_policy.csv",
    "agents_by_run.csv",
    "collectors.csv",
    TRACE_COPY,
    LOG_COPY,
    "summary.json",
    "tables.md",
    "series.parquet",
    "report.md",
    "report.html",
)
"""Files that starting over removes; others in the folder are not ours."""


def finished_runs(folder: Path, scenario: Scenario, *, ledgers: bool) -> dict[int, Run]:
    """Finished runs; a file that does not hold one is played again."""
    held = {}
    for run in range(1, scenario.runs + 1):
        path = run_path(folder, run)
        with suppress(FileNotFoundError, msgspec.DecodeError, RecursionError):
            checksum, _, content = path.read_bytes().partition(b"\n")
            if checksum != digest(content).encode():
                continue
            played = decode_run(content)
            whole = played.run == run and played.turns == scenario.turns
            whole &= (played.incidence is not UNSET) == (scenario.config.governance is not None)
            if whole and (not ledgers or ledger_path(folder, run).exists()):
                held[run] = played
    return held


def manifest_text(
    settings: Mapping[str, Any],
    runs: Sequence[Run],
    failures: Sequence[FailedRun],
    zone_data: str | None = None,
) -> bytes:
    """The manifest as JSON.

    Args:
        zone_data: The version of the time zone data that its turns were bounded with.
    """
    manifest: dict[str, Any] = {
        "settings": settings,
        "runs": [
            {"run": run.run, "seed": run.seed, "head": run.head, "state_digest": run.state_digest}
            for run in runs
        ],
        "failures": [{"run": failure.run, "error": failure.error} for failure in failures],
    }
    if zone_data is not None:
        manifest["time_zone_data"] = zone_data
    return (json.dumps(manifest, indent=2) + "\n").encode()


class FailedRun(Struct, frozen=True):
    """A run that did not finish.

    Attributes:
        path: Where its traceback is.
    """

    run: int
    error: str
    path: str
