"""One world behind a door: started once, each turn closed once, its head witnessed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from msgspec import Struct
from msgspec.json import decode, encode

from sim_economy.core.actions import Input
from sim_economy.core.codec import canonical
from sim_economy.core.errors import (
    AlreadySubmittedError,
    InputError,
    KeyReusedError,
    StoreError,
    TurnConflictError,
    WorldExistsError,
    WorldMissingError,
)
from sim_economy.core.ledger import holdings
from sim_economy.core.scenario import Scenario, UsageRule, config
from sim_economy.core.turn import RULES_VERSION
from sim_economy.session.presets import world_scenario
from sim_economy.session.world import World, position_of
from sim_economy.store.credentials import Credentials, IssuedTokens
from sim_economy.store.places import DEFAULT_WORLD, Place, place_of
from sim_economy.store.protocol import Store
from sim_economy.store.records import Receipt, Sealed, TurnRecord, digest, genesis_of
from sim_economy.store.witness import Witness

T = TypeVar("T")


class Access(Struct, frozen=True, kw_only=True):
    """Whether and how an engine asks who is calling.

    Attributes:
        tokens: Whether every call needs a token.
        admin_token: The operator's, if it is not to be made with the world.
    """

    tokens: bool = False
    admin_token: str | None = None


class Engine:
    """The authority over one world.

    Attributes:
        place: Where its ledger is, or will be.
        world: None until it is started.
        credentials: Of the world; None where no tokens are asked for.
    """

    def __init__(self, place: Place, access: Access, world_id: str = DEFAULT_WORLD) -> None:
        self.place = place
        self.access = access
        self.world_id = world_id
        self.world: World | None = None
        self.credentials: Credentials | None = None
        self._witness: Witness | None = None
        self._witnessed = True
        self._submitted: set[str] = set()

    @classmethod
    def open(
        cls,
        location: Place | str | Path,
        access: Access | None = None,
        *,
        world_id: str = DEFAULT_WORLD,
        accept_head: bool = False,
    ) -> Self:
        """The engine of a world that may not have been started yet.

        Args:
            location: Where its ledger is, or will be.
            accept_head: Take the ledger's head as it is, whatever the witness saw.

        Raises:
            StoreError: The ledger is in use, damaged, rolled back or of another format, or its
                tokens are missing.
            ReplayError: It was written by other rules.
        """
        place = place_of(location) if isinstance(location, str | Path) else location
        engine = cls(place, access or Access(), world_id)
        if place.exists():
            engine._restore(accept_head=accept_head)
        return engine

    def _restore(self, *, accept_head: bool) -> None:
        world = World.open(self.place.open())
        try:
            witness = Witness.beside(self.place.beside)
            head = world.head
            if not accept_head:
                last_two = world.store.read(max(0, head.turn - 1), head.turn)
                witness.check(head, {stored.turn: stored.head_hash for stored in last_two})
            if self.access.tokens:
                self.credentials = Credentials.read(self._token_path, _genesis_hash(world))
            witness.write(head)
        except BaseException:
            world.close()
            raise
        self.world, self._witness = world, witness
        self._submitted = {submitted.agent_id for submitted in world.accepted()}

    @property
    def _token_path(self) -> Path:
        return Path(f"{self.place.beside}.tokens")

    @property
    def scenario(self) -> Scenario:
        """The world's scenario, or the defaults before there is one."""
        return Scenario() if self.world is None else self.world.scenario

    def started(self) -> World:
        """The world.

        Raises:
            WorldMissingError: It has not been started.
            StoreError: The connection to its ledger was lost and is not back.
        """
        if self.world is None:
            raise WorldMissingError
        if self.world.store.lost:
            self._reopen(self.world)
        return self.world

    def _reopen(self, lost: World) -> None:
        """Go on from what is really kept: the last turn may be, though nobody was told."""
        lost.close()
        if self._witness is not None:
            self._witness.close()
        self._restore(accept_head=False)
        self._witnessed = True

    def start(
        self, configuration: Mapping[str, Any], agent_ids: Sequence[str] | None
    ) -> IssuedTokens | None:
        """Start the world.

        Returns:
            The tokens, this one time; None where none are asked for.

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
        if self.access.tokens:
            given.setdefault("usage_source", UsageRule.OPERATOR.value)
            if not {"seed", "secret"} & given.keys():
                given["secret"] = secrets.token_hex(32)
        scenario = world_scenario(given, agent_ids)
        store = self.place.new()
        try:
            self._forget_witness()
            credentials = issued = None
            if self.access.tokens:
                first = genesis_of(scenario, self.world_id, RULES_VERSION)
                credentials, issued = Credentials.issue(
                    digest(canonical(first)), scenario.agent_ids, self.access.admin_token
                )
                credentials.write(self._token_path)
            world = World(scenario, store=store, world_id=self.world_id)
            self._witness = Witness.beside(self.place.beside)
            self._witness.write(world.head)
        except BaseException:
            store.discard()
            raise
        self.world, self.credentials = world, credentials
        return issued

    def _forget_witness(self) -> None:
        """A head file without its ledger witnessed another world."""
        path = Path(f"{self.place.beside}.head")
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                "ledger_unwritable", str(path), f"cannot be removed: {error.strerror}"
            ) from None

    def submit(self, submitted: Input, expected: int | None = None) -> str | None:
        """Accept one agent's own action for the open turn.

        Args:
            expected: The turn the agent means.

        Returns:
            The turn's answer if this was the last missing action and the operator need not meter.

        Raises:
            WorldMissingError: There is no world.
            TurnConflictError: Another turn is open.
            AlreadySubmittedError: The agent has acted in this turn.
            InputError: It states its usage where that is not its to state.
            RunEndedError, StoreError: As `World.submit`.
        """
        world = self.started()
        open_turn = world.turn_number + 1
        if expected is not None and expected != open_turn:
            raise TurnConflictError(expected, open_turn)
        position_of(world.positions, submitted.agent_id)
        if submitted.agent_id in self._submitted:
            raise AlreadySubmittedError(open_turn)
        states_usage = submitted.thinking_units or submitted.output_units
        if states_usage and world.scenario.usage_source is not UsageRule.DECLARED:
            raise InputError("thinking_units", "and output_units are not the agent's to state here")
        world.submit(submitted)
        self._submitted.add(submitted.agent_id)
        full = len(self._submitted) == len(world.positions)
        return self.close_turn() if full and self.closes_itself else None

    @property
    def closes_itself(self) -> bool:
        """Whether a turn can be closed without the operator's figures."""
        return self.scenario.usage_source is not UsageRule.OPERATOR

    def close_turn(
        self,
        inputs: Sequence[Input] = (),
        *,
        expected: int | None = None,
        metered: Mapping[str, tuple[int, int]] | None = None,
        key: str | None = None,
        request: bytes = b"",
        ends: bool = False,
    ) -> str:
        """Close the open turn once and return the answer, as JSON text.

        Args:
            inputs: They come after the accepted ones.
            expected: The turn the caller means.
            metered: The operator's usage figures of the accepted inputs, by agent id.
            key: The same key with the same request gets the stored answer.
            request: The request's bytes.

        Raises:
            WorldMissingError: There is no world.
            KeyReusedError: The key came with another request.
            TurnConflictError: Another turn is open.
            InputError, RunEndedError, AmountOutOfRangeError, StoreError: As `World.turn`.
        """
        world = self.started()
        if not self._witnessed:
            self._bear_witness(world)
        request_digest = digest(request)
        if key is not None and (held := world.store.receipt(key)) is not None:
            if held.request_digest != request_digest:
                raise KeyReusedError(held.turn)
            return held.answer
        if expected is not None and expected != world.turn_number + 1:
            raise TurnConflictError(expected, world.turn_number + 1)
        for agent_id in metered or ():
            position_of(world.positions, agent_id)

        answer = ""

        def receipt(sealed: Sealed) -> Receipt:
            nonlocal answer
            assert key is not None
            answer = self._answer(sealed)
            return Receipt(sealed.record.turn, key, request_digest, answer)

        keep = None if key is None else receipt
        world.turn(inputs, ends=ends, metered=metered, receipt=keep)
        self._submitted.clear()
        self._bear_witness(world)
        assert world.sealed is not None
        return answer or self._answer(world.sealed)

    def _bear_witness(self, world: World) -> None:
        """Let the witness catch up; it must before another turn, lest it be two behind."""
        assert self._witness is not None
        self._witnessed = False
        self._witness.write(world.head)
        self._witnessed = True

    def _answer(self, sealed: Sealed) -> str:
        data = turn_answer(sealed.record, sealed.head.hash, self.scenario)
        return encode({"data": data}).decode()

    def read(self, work: Callable[[Store], T]) -> T:
        """Long work on the records, by a reader of its own, safe in another thread.

        Raises:
            WorldMissingError: There is no world.
            StoreError: The ledger cannot be read.
        """
        self.started()
        store = self.place.open(read_only=True, frozen=True)
        try:
            return work(store)
        finally:
            store.close()

    def commitment(self) -> dict[str, Any]:
        """The commitment to the world's secret, and what opens it once the run has ended."""
        world = self.started()
        secret = world.scenario.secret
        if self.credentials is None or not secret:
            return {"commitment": None, "salt": None, "secret": None}
        ended = world.state.ended
        return {
            "commitment": self.credentials.commitment(secret),
            "salt": self.credentials.salt if ended else None,
            "secret": secret if ended else None,
        }

    def close(self) -> None:
        """Release the ledger."""
        if self.world is not None:
            self.world.close()
        if self._witness is not None:
            self._witness.close()


def _genesis_hash(world: World) -> str:
    return digest(world.store.genesis_line())


def turn_answer(record: TurnRecord, head: str, scenario: Scenario) -> dict[str, Any]:
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
        "usage_source": scenario.usage_source,
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
        agents.append(
            {
                "agent_id": agent_id,
                **holdings(state.accounts, agent),
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
