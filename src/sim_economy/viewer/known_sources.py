"""The source that a path or address names, by what is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from sim_economy.core.errors import FolderError
from sim_economy.ledger.sidecars.locations import is_database, location_of
from sim_economy.viewer.sources import ViewerSource

_MANIFEST: Final = "manifest.json"


class _FolderKind(NamedTuple):
    """A kind of folder: how it is known, and what opens it."""

    is_one: Callable[[Path], bool]
    source: Callable[[Path], ViewerSource]


def source_of(what: str | Path) -> ViewerSource:
    """What can be shown of a ledger's file, a database, or a folder.

    Raises:
        FolderError: It is a folder of nothing that the viewer knows.
        StoreError: It is no ledger, or none that can be read.
        ScenarioError: It is an experiment's folder, and damaged.
    """
    from sim_economy.viewer.folders.ledger_source import LedgerFileSource  # noqa: PLC0415

    if is_database(what) or not Path(what).is_dir():
        return LedgerFileSource(location_of(what))
    folder = Path(what)
    for kind in _FOLDERS:
        if kind.is_one(folder):
            return kind.source(folder)
    raise FolderError(
        "folder_foreign",
        str(folder),
        "holds nothing that can be shown: name a ledger, or the folder of an experiment, a sweep, "
        "an orchestrated run or a what-if",
    )


def _experiment(folder: Path) -> ViewerSource:
    from sim_economy.viewer.folders.experiment_source import ExperimentSource  # noqa: PLC0415

    return ExperimentSource(folder)


def _orchestrated_run(folder: Path) -> ViewerSource:
    from sim_economy.viewer.folders.orchestrated_run_source import OrchestratedRunSource  # noqa: PLC0415

    return OrchestratedRunSource(folder)


def _what_if(folder: Path) -> ViewerSource:
    from sim_economy.viewer.folders.what_if_source import WhatIfSource  # noqa: PLC0415

    return WhatIfSource(folder)


def _sweep(folder: Path) -> ViewerSource:
    from sim_economy.viewer.maps.sweep_source import SweepSource  # noqa: PLC0415

    return SweepSource(folder)


def _is_sweep(folder: Path) -> bool:
    return any("study_hash" in _manifest(own) for own in (folder, *folder.glob("turns-*")))


def _is_experiment(folder: Path) -> bool:
    settings = _manifest(folder).get("settings")
    return isinstance(settings, dict) and "runs" in settings and "world" in settings


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder; empty where it has none."""
    try:
        found = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_orchestrated_run(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("settings.json", "calls.jsonl"))


def _is_what_if(folder: Path) -> bool:
    return (folder / "whatif.md").is_file()


_FOLDERS: Final = (
    _FolderKind(_is_orchestrated_run, _orchestrated_run),
    _FolderKind(_is_what_if, _what_if),
    _FolderKind(_is_sweep, _sweep),
    _FolderKind(_is_experiment, _experiment),
)
"""Every kind, in the order in which they are tried."""
