"""A ledger as a world that is shown: a file or database, read and never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from sim_economy.core.errors import StoreError
from sim_economy.ledger.readers.reading import STUMBLES, genesis_record, reading
from sim_economy.ledger.records import digest
from sim_economy.ledger.sidecars.locations import LedgerLocation, SQLiteLocation
from sim_economy.ledger.sidecars.policies_file import kept_policies
from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.stores.sqlite import SQLiteStore, is_logged
from sim_economy.ledger.verify import Verification, verify
from sim_economy.viewer.answer_rows import SourceKind

T = TypeVar("T")

_ATTEMPTS: Final = 3
"""Readings of a file that somebody begins to write, before its damage is believed."""


class UntouchedLocation(SQLiteLocation):
    """A file whose readers leave nothing beside it."""

    def open(self, *, read_only: bool = False, frozen: bool = False) -> SQLiteStore:
        """The ledger in the file, to be read."""
        assert read_only, self.path
        return SQLiteStore.open(self.path, read_only=True, frozen=frozen, untouched=True)


class LedgerWorld:
    """The world of a ledger; see `WorldSource`."""

    def __init__(
        self,
        location: LedgerLocation,
        *,
        title: str,
        world_id: str = "",
        kind: SourceKind = "ledger",
        deciders: Mapping[str, str] | None = None,
        calls_folder: Path | None = None,
        turns_planned: int | None = None,
    ) -> None:
        """Name a ledger that is there.

        Args:
            deciders: The policy or model of each agent; as the file beside the ledger says when
                None.
        """
        if isinstance(location, SQLiteLocation):
            location = UntouchedLocation(location.path)
        self.location = location
        self.world_id = world_id
        self.title = title
        self.kind = kind
        self.sidecar: Path | None = location.sidecar
        self.calls_folder = calls_folder
        self.turns_planned = turns_planned
        self._deciders = deciders

    @property
    def live(self) -> bool:
        """True while somebody may write it: a file with a log, or a database."""
        if isinstance(self.location, SQLiteLocation):
            return is_logged(self.location.path)
        return True

    def read(self, work: Callable[[Store], T]) -> T:
        """Work on the records as they are now."""
        return self._steadily(lambda: self._read(work))

    def _read(self, work: Callable[[Store], T]) -> T:
        with reading(self.location) as store:
            return work(store)

    def verify(self, progress: Callable[[int], None]) -> Verification:
        """Check every hash, posting and signature, with the head file where there is one."""
        return self._steadily(lambda: verify(self.location, progress))

    def _steadily(self, read: Callable[[], T]) -> T:
        """What a reading gives; read again where somebody began to write the file meanwhile."""
        for _ in range(_ATTEMPTS - 1):
            before = self._stamp()
            try:
                found = read()
            except (StoreError, *STUMBLES):
                if before == self._stamp():
                    raise
            else:
                if before in (None, self._stamp()):
                    return found
        return read()

    def _stamp(self) -> tuple[int, int, int] | None:
        """What tells that nobody wrote a file; None where its log keeps readers apart."""
        if not isinstance(self.location, SQLiteLocation) or is_logged(self.location.path):
            return None
        try:
            seen = self.location.path.stat()
        except OSError:
            return None
        return seen.st_ino, seen.st_size, seen.st_mtime_ns

    def decided_by(self, agent_id: str) -> str:
        """The policy or model that decides for an agent; empty where that is not known."""
        return self._known_deciders.get(agent_id, "")

    @cached_property
    def _known_deciders(self) -> Mapping[str, str]:
        if self._deciders is not None:
            return self._deciders
        with closing(self.location.open(read_only=True, frozen=True)) as store:
            first, genesis = genesis_record(store), digest(store.genesis_line())
        kept = kept_policies(self.location.sidecar, genesis) or {}
        return deciders_of(kept, first.agent_ids)


def deciders_of(kept: Mapping[str, Any], agent_ids: Sequence[str]) -> Mapping[str, str]:
    """The policy of each agent, as the file beside a ledger names them."""
    everyone = kept.get("policy")
    found = dict.fromkeys(agent_ids, everyone) if isinstance(everyone, str) else {}
    groups = kept.get("population")
    for group in groups if isinstance(groups, list) else ():
        names = group.get("agents") if isinstance(group, dict) else None
        if isinstance(names, list) and isinstance(group.get("policy"), str):
            found |= {name: group["policy"] for name in names if name in agent_ids}
    return found
