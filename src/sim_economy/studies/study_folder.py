"""The folder of a study: its manifest, and a file of rows for each cell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from sim_economy.core.errors import FolderError
from sim_economy.experiments.sweeps.plain_values import as_json
from sim_economy.ledger.readers.diff import changes_of
from sim_economy.ledger.sidecars.run_folder import folder_name, write_whole
from sim_economy.studies.study_arms import Arm, Cell
from sim_economy.studies.study_rows import StudyRow
from sim_economy.studies.treatment_study import TreatmentStudy

MANIFEST: Final = "manifest.json"
RUNS: Final = "runs"


class StudyFolder:
    """The files of one study, which this process has claimed."""

    def __init__(self, folder: Path, study: TreatmentStudy) -> None:
        self.path = folder
        self._study = study

    def begin(self, *, fresh: bool) -> None:
        """Start the manifest, or compare the one that is there with the study.

        Raises:
            FolderError: It is a study's with other settings.
        """
        kept = _kept(self.path)
        if kept is not None and not fresh:
            _check_same(self.path, kept, self._study)
            return
        for stale in self.path.glob(f"{RUNS}/*/*.jsonl"):
            stale.unlink()
        self.write_manifest(None)

    def write_manifest(self, results: Mapping[str, Any] | None) -> None:
        """Write the manifest; results are None while cells are played."""
        held = {
            "study_hash": self._study.hash,
            "settings": self._study.settings,
            "versions": {"sim-economy": version("sim-economy")},
            "results": results,
        }
        write_whole(self.path / MANIFEST, json.dumps(held, indent=1).encode())

    def path_of(self, behaviour: str, arm: str) -> Path:
        """The file of a cell."""
        return self.path / RUNS / folder_name(behaviour) / f"{folder_name(arm)}.jsonl"

    def holds(self, cell: Cell) -> bool:
        """Test whether a cell is played and kept."""
        return self.path_of(cell.behaviour.name, cell.arm.name).exists()

    def read(self, behaviour: str, arm: str) -> KeptCell:
        """A cell that is kept.

        Raises:
            FolderError: It cannot be read.
        """
        return read_cell(self.path_of(behaviour, arm))

    def keep(self, cell: Cell, rows: Sequence[StudyRow]) -> None:
        """Keep the rows of a cell, whole."""
        arm = replace(cell.arm, settings=as_json(cell.arm.settings))
        head = {
            "study_hash": self._study.hash,
            "behaviour": cell.behaviour.name,
            "arm": msgspec.to_builtins(arm),
        }
        lines = [json.dumps(head).encode(), *map(_ENCODER.encode, rows)]
        path = self.path_of(cell.behaviour.name, cell.arm.name)
        write_whole(path, b"\n".join(lines) + b"\n")


_ENCODER: Final = msgspec.json.Encoder()


class KeptCell(msgspec.Struct, frozen=True):
    """A cell as a folder holds it."""

    behaviour: str
    arm: Arm
    rows: list[StudyRow]

    def at(self, turns: int) -> list[StudyRow]:
        """Its rows at a horizon, by seed."""
        return [row for row in self.rows if row.turns == turns]


def kept_cells(folder: Path) -> Iterator[KeptCell]:
    """The cells that a folder holds, by the names of their files.

    Raises:
        FolderError: A file of it cannot be read.
    """
    for path in sorted(folder.glob(f"{RUNS}/*/*.jsonl")):
        yield read_cell(path)


def read_cell(path: Path) -> KeptCell:
    """The cell of a file.

    Raises:
        FolderError: It cannot be read.
    """
    try:
        head, *lines = path.read_bytes().splitlines()
        stated = msgspec.json.decode(head)
        rows = [_DECODER.decode(line) for line in lines]
        return KeptCell(stated["behaviour"], msgspec.convert(stated["arm"], Arm), rows)
    except (OSError, ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
        cause = f"cannot be read: {error}; remove it, and the same command plays it again"
        raise FolderError("record_damaged", str(path), cause) from None


_DECODER: Final = msgspec.json.Decoder(StudyRow)


def is_study_folder(folder: Path) -> bool:
    """Test whether the folder is empty, or a study's."""
    if not (folder / MANIFEST).exists():
        return {path.name for path in folder.iterdir()} <= {".lock", f"{MANIFEST}.part"}
    return _kept(folder) is not None


def _kept(folder: Path) -> dict[str, Any] | None:
    """What the manifest of a study holds; None where the file is another program's."""
    try:
        kept = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    ours = isinstance(kept, dict) and kept.keys() == {
        "study_hash", "settings", "versions", "results",
    }  # fmt: skip
    return kept if ours else None


def _check_same(folder: Path, kept: Mapping[str, Any], study: TreatmentStudy) -> None:
    changes = [
        f"{key} was {was}, is now {now}"
        for key, was, now in changes_of(kept["settings"], study.settings)
    ]
    if changes:
        raise FolderError(
            "settings_changed",
            str(folder),
            f"holds a study with other settings: {'; '.join(changes)}; "
            "name another folder, or start over with --fresh (in Python, fresh=True)",
        )
