"""The way to a world, in this process or behind an engine; the loop knows no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from json import loads
from typing import Any, Final, Protocol

from msgspec import Struct

from sim_economy.core.accounts import holdings
from sim_economy.core.actions import Input
from sim_economy.core.codec import canonical
from sim_economy.core.errors import TurnConflictError
from sim_economy.core.text_limits import within_limits
from sim_economy.core.world_config import WorldConfig
from sim_economy.orchestrator.record.call_log import TurnClosed
from sim_economy.world.turn_answer import rejections
from sim_economy.world.world import World


class WorldHead(Struct, frozen=True):
    """The last closed turn of a world, and its chain head."""

    turn: int
    head: str


class WorldBackend(Protocol):
    """A world that this orchestrator alone plays."""

    @property
    def config(self) -> WorldConfig:
        """The world's parameters and agents."""

    async def world_head(self) -> WorldHead:
        """The last closed turn."""

    async def observe(self, agent_id: str) -> dict[str, Any]:
        """The observation of an agent, as plain values."""

    async def full_state(self) -> dict[str, Any]:
        """Every agent's accounts, as plain values; only the operator may see it."""

    async def close_turn(
        self, turn: int, inputs: Sequence[Input], *, key: str, ends: bool
    ) -> TurnClosed:
        """Close a turn once: closing it again with the same inputs gives the same answer.

        Raises:
            TurnConflictError: Another turn is open, or it was closed with other inputs.
        """


_AGENT: Final = ("agent_id", "balance", "staked", "unstaking", "pending", "escrow", "studies")
_AGENT_REST: Final = ("burned", "cores")
FULL_STATE: Final = ("turn", "token_supply", "fees_collected")


class LocalBackend:
    """A world in this process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.config = world.config

    async def world_head(self) -> WorldHead:
        """The last closed turn."""
        return WorldHead(self.world.turn_number, self.world.head.hash)

    async def observe(self, agent_id: str) -> dict[str, Any]:
        """The observation of an agent, as plain values."""
        seen: dict[str, Any] = loads(canonical(self.world.observe(agent_id)))
        return seen

    async def full_state(self) -> dict[str, Any]:
        """Every agent's accounts."""
        state = self.world.state
        agents = [
            {
                "agent_id": agent_id,
                **holdings(state.accounts, agent),
                "studies": state.studies[agent],
                "burned": state.burned[agent],
                "cores": state.cores[agent],
            }
            for agent, agent_id in enumerate(self.world.config.agent_ids)
        ]
        return {
            "turn": state.turn,
            "token_supply": state.token_supply,
            "fees_collected": state.fees_charged,
            "agents": agents,
        }

    async def close_turn(
        self, turn: int, inputs: Sequence[Input], *, key: str, ends: bool
    ) -> TurnClosed:
        """Close a turn once."""
        del key
        world = self.world
        config = self.config.in_force(turn)
        inputs = [within_limits(sent, config) for sent in inputs]
        if turn == world.turn_number:
            (stored,) = world.store.read(turn, turn)
            kept = [bytes(sent) for sent in stored.record.inputs]
            if kept != [canonical(sent) for sent in inputs]:
                raise TurnConflictError(turn, world.turn_number + 1)
        elif turn == world.turn_number + 1:
            world.turn(inputs, ends=ends)
            assert world.sealed is not None
            stored = world.sealed
        else:
            raise TurnConflictError(turn, world.turn_number + 1)
        return _closed(turn, stored.head_hash, rejections(stored.record))


def _closed(turn: int, head: str, refused: Iterable[Mapping[str, Any]]) -> TurnClosed:
    return TurnClosed(turn, head, {row["agent_id"]: str(row["reason"]) for row in refused})


class RemoteEngine(Protocol):
    """The methods needed of a client of an engine."""

    async def head(self) -> Mapping[str, Any]:
        """The end of the chain."""

    async def state(self) -> Mapping[str, Any]:
        """Every agent's accounts."""

    async def observation(self, agent_id: str) -> Mapping[str, Any]:
        """The observation of an agent."""

    async def turn(
        self,
        inputs: Sequence[Mapping[str, object]],
        turn: int | None = None,
        idempotency_key: str | None = None,
        ends: bool = False,
    ) -> Mapping[str, Any]:
        """Close the open turn."""


class EngineBackend:
    """A world behind an engine, reached through a client."""

    def __init__(self, engine: RemoteEngine, config: WorldConfig) -> None:
        self._engine = engine
        self.config = config

    async def world_head(self) -> WorldHead:
        """The last closed turn."""
        head = await self._engine.head()
        return WorldHead(head["turn"], head["hash"])

    async def observe(self, agent_id: str) -> dict[str, Any]:
        """The observation of an agent, as plain values."""
        return dict(await self._engine.observation(agent_id))

    async def full_state(self) -> dict[str, Any]:
        """Every agent's accounts."""
        state = await self._engine.state()
        wanted = (*_AGENT, *_AGENT_REST)
        agents = [{name: agent[name] for name in wanted} for agent in state["agents"]]
        return {**{name: state[name] for name in FULL_STATE}, "agents": agents}

    async def close_turn(
        self, turn: int, inputs: Sequence[Input], *, key: str, ends: bool
    ) -> TurnClosed:
        """Close a turn once; the engine keeps its answer under the key."""
        plain = [loads(canonical(sent)) for sent in inputs]
        answer = await self._engine.turn(plain, turn, key, ends)
        return _closed(answer["turn"], answer["head"], answer["rejections"])
