"""The folder of a work in generations: each kept whole, then the result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from sim_economy.core.errors import FolderError
from sim_economy.ledger.readers.diff import changes_of
from sim_economy.ledger.sidecars.run_folder import write_whole

MANIFEST: Final = "manifest.json"
RESULT: Final = "result.json"

G = TypeVar("G", bound=Struct)
R = TypeVar("R", bound=Struct)
S = TypeVar("S", bound=Struct)


class GenerationFolder(Generic[G, R]):
    """The files of one work, which this process has claimed.

    Attributes:
        work: What it is called, in files and messages: training, search.
    """

    def __init__(
        self,
        folder: Path,
        work: str,
        settings: Mapping[str, Any],
        settings_hash: str,
        types: tuple[type[G], type[R]],
    ) -> None:
        self.path = folder
        self.work = work
        self._settings = settings
        self._hash = settings_hash
        self._generation, self._result = types

    @staticmethod
    def is_ours(folder: Path, work: str) -> bool:
        """Test whether a folder is empty, or of this kind of work."""
        if not (folder / MANIFEST).exists():
            return {path.name for path in folder.iterdir()} <= {".lock", f"{MANIFEST}.part"}
        return _kept(folder, work) is not None

    def begin(self, *, fresh: bool) -> None:
        """Start the manifest, or compare the one that is there.

        Raises:
            FolderError: It is of a work with other settings.
        """
        kept = _kept(self.path, self.work)
        if kept is not None and not fresh:
            changes = [
                f"{key} was {was}, is now {now}"
                for key, was, now in changes_of(kept["settings"], self._settings)
            ]
            if changes:
                raise FolderError(
                    "settings_changed",
                    str(self.path),
                    f"holds a {self.work} with other settings: {'; '.join(changes)}; "
                    "name another folder, or start over with --fresh (in Python, fresh=True)",
                )
            return
        for pattern in (*_OWN_FILES, f"{self.work}.md", f"{self.work}.html"):
            for stale in self.path.glob(pattern):
                stale.unlink()
        held = {"settings": self._settings, f"{self.work}_hash": self._hash}
        write_whole(self.path / MANIFEST, _json(held))

    def generation(self, number: int) -> G | None:
        """A generation that is kept; None where it is not finished.

        Raises:
            FolderError: The file is not as it was written.
        """
        return _read(self._path(number), self._generation)

    def keep(self, number: int, generation: G) -> None:
        """Write a finished generation whole."""
        write_whole(self._path(number), _json(msgspec.to_builtins(generation)))

    def finish(self, result: R) -> None:
        """Write the result whole."""
        write_whole(self.path / RESULT, _json(msgspec.to_builtins(result)))

    def result(self) -> R | None:
        """The result; None while the work is not finished.

        Raises:
            FolderError: The file is not as it was written.
        """
        return _read(self.path / RESULT, self._result)

    def changed(self, number: int) -> FolderError:
        """The failure of a generation that does not come out again."""
        return _changed(self._path(number))

    def _path(self, number: int) -> Path:
        return self.path / "generations" / f"generation-{number:06d}.json"


def _read(path: Path, kind: type[S]) -> S | None:
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        raise _changed(path) from None


def _changed(path: Path) -> FolderError:
    return FolderError(
        "settings_changed",
        str(path),
        "is not what is written here: the file was changed, or the numerical libraries were; "
        "start over with --fresh (in Python, fresh=True)",
    )


def _kept(folder: Path, work: str) -> dict[str, Any] | None:
    """What the manifest holds; None where the file is another program's."""
    try:
        kept = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return kept if isinstance(kept, dict) and {"settings", f"{work}_hash"} <= kept.keys() else None


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, default=str) + "\n").encode()


_OWN_FILES: Final = (
    "generations/generation-*.json",
    RESULT,
    "trained.toml",
    "tables/*.csv",
    "figures/*.svg",
    "figures/*.png",
    "figures/*.csv",
)
"""Files that starting over removes; others in the folder are not ours."""
