"""One world behind a door: started once, each turn closed once, its head witnessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from msgspec.json import decode, encode

from sim_economy.core.actions import Input
from sim_economy.core.errors import (
    KeyReusedError,
    TurnConflictError,
    WorldExistsError,
    WorldMissingError,
)
from sim_economy.core.ledger import FIRST, WIDTH, Holding
from sim_economy.core.scenario import Scenario, config
from sim_economy.session.presets import world_scenario
from sim_economy.session.world import World
from sim_economy.store.records import Receipt, Sealed, TurnRecord, digest
from sim_economy.store.witness import Witness


class Engine:
    """The authority over one ledger file.

    Attributes:
        path: The SQLite file.
        world: None until it is started.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.world: World | None = None
        self._witness: Witness | None = None

    @classmethod
    def open(cls, path: str | Path, *, accept_head: bool = False) -> Self:
        """The engine of a ledger file, which may not be there yet.

        Args:
            accept_head: Take the ledger's head as it is, whatever the witness saw.

        Raises:
            StoreError: The ledger is in use, damaged, rolled back or of another format.
            ReplayError: It was written by other rules.
        """
        engine = cls(Path(path))
        if engine.path.exists() and engine.path.stat().st_size > 0:
            engine._restore(accept_head=accept_head)
        return engine

    def _restore(self, *, accept_head: bool) -> None:
        world = World.open(self.path)
        try:
            witness = Witness.beside(self.path)
            head = world.head
            if not accept_head:
                last_two = world.store.read(max(0, head.turn - 1), head.turn)
                witness.check(head, {stored.turn: stored.head_hash for stored in last_two})
            witness.write(head)
        except BaseException:
            world.close()
            raise
        self.world, self._witness = world, witness

    @property
    def scenario(self) -> Scenario:
        """The world's scenario, or the defaults before there is one."""
        return Scenario() if self.world is None else self.world.scenario

    def started(self) -> World:
        """The world.

        Raises:
            WorldMissingError: It has not been started.
        """
        if self.world is None:
            raise WorldMissingError
        return self.world

    def start(self, configuration: Mapping[str, Any], agent_ids: Sequence[str] | None) -> World:
        """Start the world.

        Raises:
            WorldExistsError: There is one already.
            ScenarioError: With every problem found.
            StoreError: The ledger cannot be written.
        """
        if self.world is not None:
            raise WorldExistsError(self.world.turn_number)
        given = dict(configuration)
        if agent_ids is not None:
            given.setdefault("num_agents", len(agent_ids))
        scenario = world_scenario(given, agent_ids)
        if self.path.exists() and self.path.stat().st_size == 0:
            self.path.unlink()
        world = World.create(self.path, scenario)
        self._witness = Witness.beside(self.path)
        self._witness.write(world.head)
        self.world = world
        return world

    def close_turn(
        self,
        inputs: Sequence[Input] | None,
        *,
        expected: int | None = None,
        key: str | None = None,
        request: bytes = b"",
        ends: bool = False,
    ) -> str:
        """Close the open turn once and return the answer, as JSON text.

        Args:
            inputs: The accepted ones when None.
            expected: The turn the caller means.
            key: The same key with the same request gets the stored answer.
            request: The request's bytes.

        Raises:
            WorldMissingError: There is no world.
            KeyReusedError: The key came with another request.
            TurnConflictError: Another turn is open.
            InputError, RunEndedError, AmountOutOfRangeError, StoreError: As `World.turn`.
        """
        world = self.started()
        request_digest = digest(request)
        if key is not None and (held := world.store.receipt(key)) is not None:
            if held.request_digest != request_digest:
                raise KeyReusedError(held.turn)
            return held.answer
        if expected is not None and expected != world.turn_number + 1:
            raise TurnConflictError(expected, world.turn_number + 1)

        def receipt(sealed: Sealed) -> Receipt:
            assert key is not None
            return Receipt(sealed.record.turn, key, request_digest, turn_text(sealed))

        world.turn(inputs or (), ends=ends, receipt=None if key is None else receipt)
        assert self._witness is not None
        assert world.sealed is not None
        self._witness.write(world.head)
        return turn_text(world.sealed)

    def close(self) -> None:
        """Release the ledger."""
        if self.world is not None:
            self.world.close()
        if self._witness is not None:
            self._witness.close()


def turn_text(sealed: Sealed) -> str:
    """What closing a turn answers, as JSON text."""
    return encode({"data": turn_answer(sealed.record, sealed.head.hash)}).decode()


def turn_answer(record: TurnRecord, head: str) -> dict[str, Any]:
    """What came of a turn, from its record."""
    block = record.block
    return {
        "turn": record.turn,
        "inference_fees_collected": record.bill.collected,
        "fees_covered": record.bill.covered,
        "fees_waived": record.bill.waived,
        "dividends": record.bill.dividends,
        "block_winner": block.winner if block else None,
        "validator_type": block.validator_type if block else None,
        "contracts_settled": [],
        "contracts_defaulted": [],
        "inputs": len(record.inputs),
        "rejections": list(rejections(record)),
        "transactions": record.transactions,
        "token_supply": record.token_supply,
        "ended": record.ends,
        "state_digest": record.state_digest,
        "head": head,
    }


def rejections(record: TurnRecord) -> Iterator[dict[str, Any]]:
    """The inputs of a turn that no rule applied, each with its reason."""
    for position, reason in enumerate(record.outcomes):
        if reason is not None:
            sent = decode(record.inputs[position])
            yield {
                "turn": record.turn,
                "position": position,
                "agent_id": sent["agent_id"],
                "action": sent["action"]["action"],
                "reason": reason,
            }


def state_answer(world: World) -> dict[str, Any]:
    """The whole public and private state, as the operator sees it."""
    state = world.state
    agents = []
    for agent, agent_id in enumerate(world.scenario.agent_ids):
        first = FIRST + WIDTH * agent
        held = {holding.name.lower(): state.accounts[first + holding.value] for holding in Holding}
        agents.append(
            {
                "agent_id": agent_id,
                **held,
                "studies": state.studies[agent],
                "burned": state.burned[agent],
                "cores": state.cores[agent],
            }
        )
    return {
        "turn": state.turn,
        "token_supply": state.token_supply,
        "agents": agents,
        "fees_collected": state.fees_collected,
        "ended": state.ended,
        "state_digest": world.head.state_digest,
        "head": world.head.hash,
    }


def world_answer(world: World) -> dict[str, Any]:
    """What starting a world answers."""
    return {
        "world_id": world.world_id,
        "config": config(world.scenario),
        "agent_ids": list(world.scenario.agent_ids),
        "state": state_answer(world),
        "head": world.head.hash,
    }
