"""A running world as the viewer shows it: read by a reader of its own, in lulls of the engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

from sim_economy.api.fair_share import Lull, PausingStore
from sim_economy.ledger.records import digest
from sim_economy.ledger.sidecars.policies_file import kept_policies
from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.verify import Verification
from sim_economy.viewer.answer_rows import SourceKind
from sim_economy.viewer.folders.ledger_world import deciders_of
from sim_economy.world.engine import Engine

T = TypeVar("T")


class EngineWorld:
    """The world of an engine; see `WorldSource`."""

    def __init__(self, engine: Engine, lull: Lull) -> None:
        self._engine = engine
        self._lull = lull
        self.world_id = engine.world_id
        self.title = engine.world_id
        self.kind: SourceKind = "engine"
        self.sidecar: Path | None = engine.location.sidecar
        self.calls_folder: Path | None = None
        self.turns_planned: int | None = None
        self._deciders: tuple[int, dict[str, str]] = (-1, {})

    @property
    def live(self) -> bool:
        """True until the run has ended."""
        return not self._engine.started().state.ended

    def read(self, work: Callable[[Store], T]) -> T:
        """Long work on the records, which pauses for whatever is short; raises as `Engine.read`."""
        return self._engine.read(lambda store: work(cast("Store", PausingStore(store, self._lull))))

    def verify(self, progress: Callable[[int], None]) -> Verification:
        """Check the whole ledger, with pauses; raises as `Engine.verify`."""
        pause = self._lull.pauses()

        def go_on(turn: int) -> None:
            progress(turn)
            pause()

        return self._engine.verify(go_on)

    @cached_property
    def _genesis(self) -> str:
        """The genesis hash, by a reader of its own: the engine's store is its writer's."""
        return self._engine.read(lambda store: digest(store.genesis_line()))

    def decided_by(self, agent_id: str) -> str:
        """The policy that played an agent inside the engine last; empty for anybody else's."""
        world = self._engine.started()
        if self._deciders[0] != world.turn_number:
            kept = kept_policies(self._engine.location.sidecar, self._genesis) or {}
            self._deciders = world.turn_number, dict(deciders_of(kept, world.config.agent_ids))
        return self._deciders[1].get(agent_id, "")
