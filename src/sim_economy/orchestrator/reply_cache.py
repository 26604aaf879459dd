"""Replies kept by the whole request: asking the same again costs nothing."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from sim_economy.core.codec import canonical
from sim_economy.ledger.sidecars.run_folder import writing_into
from sim_economy.orchestrator.dialogue.messages import ModelOutput


class ReplyCache:
    """A folder of replies, one file each, that many runs may share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, request_digest: str) -> ModelOutput | None:
        """The reply to this very request; None for a damaged file."""
        try:
            return msgspec.json.decode(self._path(request_digest).read_bytes(), type=ModelOutput)
        except (FileNotFoundError, msgspec.DecodeError, RecursionError):
            return None

    def keep(self, request_digest: str, answer: ModelOutput) -> None:
        """Keep a reply, whole or not at all.

        Raises:
            FolderError: It cannot be written.
        """
        path = self._path(request_digest)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        with writing_into(self._folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(canonical(answer))
            part.replace(path)

    def _path(self, request_digest: str) -> Path:
        return self._folder / request_digest[:2] / f"{request_digest}.json"
