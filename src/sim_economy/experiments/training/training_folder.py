"""A training's folder: its manifest, its finished generations, its result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from sim_economy.core.errors import FolderError
from sim_economy.experiments.training.training_study import TrainingStudy
from sim_economy.ledger.readers.diff import changes_of
from sim_economy.ledger.sidecars.run_folder import write_whole

MANIFEST: Final = "manifest.json"
RESULT: Final = "result.json"
SCENARIO: Final = "trained.toml"


class Generation(Struct, frozen=True, kw_only=True):
    """One generation as it was played.

    Attributes:
        outcomes: The objective's mean over the seeds of the generation, `[candidate]`.
        mean: The middle of the candidates after it.
        holdout: The objective's mean over the hold-out seeds where all is as in `mean`.
    """

    number: int
    candidates: tuple[tuple[int, ...], ...]
    outcomes: tuple[float, ...]
    mean: tuple[int, ...]
    holdout: float


class PolicyOutcome(Struct, frozen=True, kw_only=True):
    """What a policy comes to on the hold-out seeds.

    Attributes:
        objective: `[seed]`.
        metrics: Means over the seeds.
    """

    objective: tuple[float, ...]
    metrics: dict[str, float]


class TrainingResult(Struct, frozen=True, kw_only=True):
    """What a training came to.

    Attributes:
        policy: The parameters of the trained policy, as a file writes them.
        trained: Its outcome.
        own: The outcome of the population that the scenario states.
    """

    training_hash: str
    numbers: dict[str, int]
    policy: dict[str, Any]
    trained: PolicyOutcome
    own: PolicyOutcome


def is_training_folder(folder: Path) -> bool:
    """Test whether the folder is empty, or a training's."""
    if not (folder / MANIFEST).exists():
        return {path.name for path in folder.iterdir()} <= {".lock", f"{MANIFEST}.part"}
    return _kept(folder) is not None


def _kept(folder: Path) -> dict[str, Any] | None:
    """What the manifest of a training holds; None where the file is another program's."""
    try:
        kept = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return kept if isinstance(kept, dict) and {"settings", "training_hash"} <= kept.keys() else None


class TrainingFolder:
    """The files of one training, which this process has claimed."""

    def __init__(self, folder: Path, study: TrainingStudy) -> None:
        self.path = folder
        self._study = study

    def begin(self, *, fresh: bool) -> None:
        """Start the manifest, or compare the one that is there with the study.

        Raises:
            FolderError: It is a training's with other settings.
        """
        kept = _kept(self.path)
        if kept is not None and not fresh:
            changes = [
                f"{key} was {was}, is now {now}"
                for key, was, now in changes_of(kept["settings"], self._study.settings)
            ]
            if changes:
                raise FolderError(
                    "settings_changed",
                    str(self.path),
                    f"holds a training with other settings: {'; '.join(changes)}; "
                    "name another folder, or start over with --fresh (in Python, fresh=True)",
                )
            return
        for pattern in _OWN_FILES:
            for stale in self.path.glob(pattern):
                stale.unlink()
        held = {"settings": self._study.settings, "training_hash": self._study.hash}
        write_whole(self.path / MANIFEST, _json(held))

    def generation(self, number: int) -> Generation | None:
        """A generation that is kept; None where it is not finished.

        Raises:
            FolderError: The file is not as it was written.
        """
        path = self._path(number)
        if not path.exists():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=Generation)
        except (OSError, msgspec.DecodeError):
            raise changed_by_others(path) from None

    def keep(self, generation: Generation) -> None:
        """Write a finished generation whole."""
        write_whole(self._path(generation.number), _json(msgspec.to_builtins(generation)))

    def finish(self, result: TrainingResult, scenario: str) -> None:
        """Write the result, and the scenario in which the trained policy plays."""
        write_whole(self.path / SCENARIO, scenario.encode())
        write_whole(self.path / RESULT, _json(msgspec.to_builtins(result)))

    def result(self) -> TrainingResult | None:
        """The result; None while the training is not finished.

        Raises:
            FolderError: The file is not as it was written.
        """
        path = self.path / RESULT
        if not path.exists():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=TrainingResult)
        except (OSError, msgspec.DecodeError):
            raise changed_by_others(path) from None

    def _path(self, number: int) -> Path:
        return self.path / "generations" / f"generation-{number:06d}.json"


def changed_by_others(path: Path) -> FolderError:
    """The failure of a file that this search did not write so."""
    return FolderError(
        "settings_changed",
        str(path),
        "is not what this training writes here: the file was changed, or the numerical libraries "
        "were; start over with --fresh (in Python, fresh=True)",
    )


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, default=str) + "\n").encode()


_OWN_FILES: Final = (
    "generations/generation-*.json",
    RESULT,
    SCENARIO,
    "training.md",
    "training.html",
    "tables/*.csv",
    "figures/*.svg",
    "figures/*.png",
    "figures/*.csv",
)
"""Files that starting over removes; others in the folder are not ours."""
