"""The authority over one world: started once, each turn closed once, its head kept outside."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Self, TypeVar

from msgspec.json import decode, encode
from msgspec.structs import replace

from sim_economy.core.actions import Input
from sim_economy.core.codec import canonical
from sim_economy.core.errors import (
    AlreadySubmittedError,
    InputError,
    KeyReusedError,
    SignatureError,
    StoreError,
    TurnConflictError,
    WorldExistsError,
    WorldMissingError,
)
from sim_economy.core.text_limits import is_whole, within_limits
from sim_economy.core.world_config import UsageRule, WorldConfig, agent_index
from sim_economy.ledger.credentials.signature_check import SignedWorld
from sim_economy.ledger.credentials.signatures import EngineKey, turn_message
from sim_economy.ledger.credentials.tokens import Credentials, IssuedTokens
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.records import (
    Keys,
    Receipt,
    Signature,
    StoredTurn,
    TurnSigner,
    digest,
    genesis_of,
    unsigned,
)
from sim_economy.ledger.sidecars.head_file import HeadFile
from sim_economy.ledger.sidecars.locations import (
    DEFAULT_WORLD,
    LedgerLocation,
    check_world_name,
    location_of,
)
from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.verify import Verification, verify
from sim_economy.scenarios.presets import preset_world_config
from sim_economy.world.access import Access
from sim_economy.world.turn_answer import turn_answer
from sim_economy.world.world import World

T = TypeVar("T")


class Engine:
    """The authority over one world.

    Attributes:
        location: Where its ledger is, or will be.
        world: None until it is started.
        credentials: Of the world; None where no tokens are asked for.
        signed: Holds inputs to their agents' keys; None where nothing is signed.
        verified: What the last check of the whole ledger found; None before the first ended. Once
            it found something, nothing more is written.
    """

    def __init__(
        self, location: LedgerLocation, access: Access, world_id: str = DEFAULT_WORLD
    ) -> None:
        self.location = location
        self.access = access
        self.world_id = world_id
        self.world: World | None = None
        self.credentials: Credentials | None = None
        self.verified: Verification | None = None
        self._head_file: HeadFile | None = None
        self._head_file_current = True
        self._reopening = Lock()
        self._submitted: set[str] = set()
        self.signed: SignedWorld | None = None

    @classmethod
    def open(
        cls,
        location: LedgerLocation | str | Path,
        access: Access | None = None,
        *,
        world_id: str = DEFAULT_WORLD,
        accept_head: bool = False,
    ) -> Self:
        """The engine of a world that may not have been started yet.

        Args:
            location: Where its ledger is, or will be.
            accept_head: Take the ledger's head as it is, whatever the head file says.

        Raises:
            StoreError: The ledger is in use, damaged, rolled back or of another format, or its
                tokens are missing.
            ReplayError: It was written by other rules.
        """
        if isinstance(location, str | Path):
            location = location_of(location)
        engine = cls(location, access or Access(), world_id)
        if location.exists():
            engine._restore(accept_head=accept_head)
        else:
            HeadFile.check_forgotten(location.sidecar, location.name)
        return engine

    def _restore(self, *, accept_head: bool) -> None:
        world = World.open(self.location.open())
        head_file = None
        try:
            check_world_name(self.location, self.world_id, world.world_id)
            head_file = HeadFile.of(self.location.sidecar)
            if not accept_head:
                head_file.check(world.store)
            genesis_hash = digest(world.store.genesis_line())
            if self.access.tokens:
                self.credentials = Credentials.read(self._token_path, genesis_hash)
            elif not self.access.stated and self._token_path.exists():
                raise StoreError(
                    "access_unstated",
                    str(self._token_path),
                    "holds this world's tokens; set SIM_ENGINE_AUTH or --auth to tokens, or to "
                    "open if nobody is to be asked for one any more",
                )
            if world.keys is not None:
                key = EngineKey.read(self._key_path, world.keys.engine)
                world.sign_with(_turn_signer(key, genesis_hash))
                self.signed = SignedWorld(genesis_hash, world.keys, world.config.rules_version)
            head_file.write(world.head, world.store.ends())
            head_file.name_world(genesis_hash)
        except BaseException:
            world.close()
            if head_file is not None:
                head_file.close()
            raise
        self.world, self._head_file = world, head_file
        self._submitted = {submitted.agent_id for submitted in world.accepted()}

    @property
    def _token_path(self) -> Path:
        return Path(f"{self.location.sidecar}.tokens")

    @property
    def _key_path(self) -> Path:
        return Path(f"{self.location.sidecar}.key")

    @property
    def config(self) -> WorldConfig:
        """The world's configuration, or the defaults before there is one."""
        return WorldConfig() if self.world is None else self.world.config

    def started(self) -> World:
        """The world.

        Raises:
            WorldMissingError: It has not been started.
            StoreError: The connection to its ledger was lost and is not back.
        """
        if self.world is None:
            raise WorldMissingError
        if self.world.store.lost:
            self._reopen()
        return self.world

    def writable(self) -> World:
        """The world, to be written.

        Raises:
            WorldMissingError: As `started`.
            StoreError: As `started`, or a check has found the ledger unsound.
        """
        world = self.started()
        finding = self.verified and self.verified.finding
        if finding:
            where = "the ledger" if finding.turn is None else f"turn {finding.turn}"
            raise StoreError(
                "ledger_damaged",
                where,
                f"{finding.problem}; the ledger is only read from now on: restore it from a "
                "backup, and start the engine again",
            )
        return world

    def verify(self, progress: Callable[[int], None] = lambda turn: None) -> Verification:
        """Check the whole ledger, by a reader of its own; safe in another thread.

        Raises:
            WorldMissingError: There is no world.
            StoreError: The ledger cannot be read.
        """
        self.started()
        self.verified = found = verify(self.location, progress)
        return found

    def _reopen(self) -> None:
        """Resume from what was really kept: the last turn may be, though nobody got its answer."""
        with self._reopening:
            assert self.world is not None
            assert self._head_file is not None
            if self.world.store.lost:
                self.world.close()
                self._head_file.close()
                self._restore(accept_head=False)
                self._head_file_current = True

    def start(
        self,
        configuration: Mapping[str, Any],
        agent_ids: Sequence[str] | None,
        public_keys: Mapping[str, str] | None = None,
    ) -> IssuedTokens | None:
        """Start the world.

        Args:
            public_keys: Ed25519, in lowercase hex, of every agent; what they do must be signed.

        Returns:
            The tokens, this one time; None where none are asked for.

        Raises:
            WorldExistsError: There is one already.
            ScenarioError: With every problem found.
            StoreError: The ledger cannot be written, or one that is gone is remembered.
        """
        if self.world is not None:
            raise WorldExistsError(self.world.turn_number)
        HeadFile.check_forgotten(self.location.sidecar, self.location.name)
        config = self.planned(configuration, agent_ids)
        self.access.check_keys(config.agent_ids, public_keys)
        store = self.location.new()
        head_file = world = None
        made = []
        try:
            key = keys = credentials = issued = None
            if public_keys is not None:
                key = EngineKey.make(self._key_path)
                made.append(self._key_path)
                agents = {agent_id: public_keys[agent_id] for agent_id in config.agent_ids}
                keys = Keys(key.public_key, agents)
            genesis_hash = digest(canonical(genesis_of(config, self.world_id, keys)))
            if self.access.tokens:
                credentials, issued = Credentials.issue(
                    genesis_hash, config.agent_ids, self.access.admin_token
                )
                credentials.write(self._token_path)
                made.append(self._token_path)
            sign = unsigned if key is None else _turn_signer(key, genesis_hash)
            world = World(config, store=store, world_id=self.world_id, keys=keys, sign=sign)
            head_file = HeadFile.of(self.location.sidecar)
            head_file.write(world.head, world.store.ends())
            head_file.name_world(genesis_hash)
        except BaseException:
            # The head goes first: it would remember a world that is gone. What may be the key of a
            # world that was kept stays.
            if head_file is not None:
                head_file.discard()
            if world is None and not store.lost:
                for path in made:
                    path.unlink(missing_ok=True)
            store.discard()
            raise
        self.world, self.credentials, self._head_file = world, credentials, head_file
        if keys is not None:
            self.signed = SignedWorld(genesis_hash, keys, config.rules_version)
        return issued

    def renew_reader_token(self) -> str:
        """Another reader's token, this one time; the one before is none any more.

        Raises:
            WorldMissingError: There is no world.
            InputError: Nobody is asked for a token here.
            StoreError: The tokens cannot be written.
        """
        self.started()
        if self.credentials is None:
            raise InputError("reader_token", "is not needed: this engine asks nobody for a token")
        renewed, token = self.credentials.with_new_reader()
        renewed.write(self._token_path, replaces=True)
        self.credentials = renewed
        return token

    def planned(
        self, configuration: Mapping[str, Any], agent_ids: Sequence[str] | None
    ) -> WorldConfig:
        """The configuration that `start` would start.

        Raises:
            ScenarioError: With every problem found.
        """
        given = dict(configuration)
        if agent_ids is not None:
            given.setdefault("num_agents", len(agent_ids))
        if self.access.tokens:
            given.setdefault("usage_source", UsageRule.OPERATOR.value)
            if not {"seed", "secret"} & given.keys():
                given["secret"] = secrets.token_hex(32)
        return preset_world_config(given, agent_ids)

    def check_same(self, configuration: Mapping[str, Any], agent_ids: Sequence[str] | None) -> None:
        """Check that the world is the one that `start` would start.

        Raises:
            WorldExistsError: It is another one.
            ScenarioError: With every problem found.
        """
        world = self.started()
        wanted = self.planned(configuration, agent_ids)
        if not {"seed", "secret"} & configuration.keys():
            hidden = {"seed": world.config.seed, "secret": world.config.secret}
            wanted = replace(wanted, **hidden)
        if wanted != world.config:
            raise WorldExistsError(world.turn_number)

    def submit(
        self, submitted: Input, expected: int | None = None, signature: str | None = None
    ) -> str | None:
        """Accept one agent's own action for the open turn.

        Args:
            expected: The turn the agent means.
            signature: The agent's, in hex, over `action_message`.

        Returns:
            The turn's answer if this was the last missing action and the operator need not meter.

        Raises:
            WorldMissingError: There is no world.
            TurnConflictError: Another turn is open.
            AlreadySubmittedError: The agent has acted in this turn.
            InputError: It states its usage where that is not its to state.
            SignatureError: It is not signed as the world asks.
            RunEndedError: As `World.submit`.
            StoreError: As `World.submit`, or a check has found the ledger unsound.
        """
        world = self.writable()
        open_turn = world.turn_number + 1
        if expected is not None and expected != open_turn:
            raise TurnConflictError(expected, open_turn)
        agent_index(world.agent_indices, submitted.agent_id)
        if submitted.agent_id in self._submitted:
            raise AlreadySubmittedError(open_turn)
        states_usage = submitted.thinking_units or submitted.output_units
        if states_usage and world.config.usage_source is not UsageRule.DECLARED:
            problem = "and output_units are not the agent's to state here; the operator sends them"
            raise InputError("thinking_units", problem)
        signed = self._signed([submitted], [signature])
        world.submit(submitted, signed[0] if signed else None)
        self._submitted.add(submitted.agent_id)
        assert self._head_file is not None
        with suppress(StoreError):  # What it cannot take now, it takes with the turn.
            self._head_file.write(world.head, world.store.ends(), durable=False)
        full = len(self._submitted) == len(world.agent_indices)
        return self.close_turn() if full and self.closes_itself else None

    @property
    def closes_itself(self) -> bool:
        """True if a turn can be closed without the operator's figures."""
        return self.config.usage_source is not UsageRule.OPERATOR

    def close_turn(
        self,
        inputs: Sequence[Input] = (),
        *,
        signatures: Sequence[str | None] = (),
        expected: int | None = None,
        metered: Mapping[str, tuple[int, int]] | None = None,
        without: Sequence[str] = (),
        key: str | None = None,
        request: bytes = b"",
        ends: bool = False,
    ) -> str:
        """Close the open turn once and return the answer, as JSON text.

        Args:
            inputs: They come after the accepted ones.
            signatures: In hex, one for each input, or none at all.
            expected: The turn the caller means.
            metered: The operator's usage figures of the accepted inputs, by agent id.
            without: Agents whose accepted inputs are left out.
            key: The same key with the same request gets the same answer.
            request: The request's bytes.

        Raises:
            WorldMissingError: There is no world.
            KeyReusedError: The key came with another request.
            TurnConflictError: Another turn is open.
            SignatureError: An input is not signed as the world asks.
            InputError, RunEndedError, AmountOutOfRangeError: As `World.turn`.
            StoreError: As `World.turn`, or a check has found the ledger unsound.
        """
        world = self.writable()
        if not self._head_file_current:
            self._update_head_file(world)
        turn = world.turn_number + 1
        receipt = None if key is None else Receipt(turn, key, digest(request))
        if receipt is not None and (answer := self._repeated(world, receipt)):
            return answer
        if expected not in (None, turn):
            raise TurnConflictError(expected, turn)
        for agent_id in (*(metered or ()), *without):
            agent_index(world.agent_indices, agent_id)
        signed = self._signed(inputs, signatures)
        kept = [within_limits(sent, world.config.in_force(turn)) for sent in inputs]
        world.turn(
            kept, ends=ends, signatures=signed, metered=metered, without=without, receipt=receipt
        )
        self._submitted.clear()
        self._update_head_file(world)
        assert world.sealed is not None
        return self._answer(world.sealed)

    def _repeated(self, world: World, receipt: Receipt) -> str | None:
        """The answer that the same request got before."""
        held = world.store.receipt(receipt.idempotency_key)
        if held is None:
            return None
        if held.request_digest != receipt.request_digest:
            raise KeyReusedError(held.turn)
        return held.answer or self._answer(*world.store.read(held.turn, held.turn))

    def _signed(
        self, inputs: Sequence[Input], signatures: Sequence[str | None]
    ) -> list[Signature | None]:
        """The signatures with their keys, each found good; none at all in a world without keys."""
        if self.signed is None:
            if any(signatures):
                raise InputError("signature", "is not taken: nothing is signed in this world")
            return []
        world = self.started()
        turn = world.turn_number + 1
        config = world.config.in_force(turn)
        agents = self.signed.keys.agents
        found: list[Signature | None] = []
        for index, submitted in enumerate(inputs):
            given = signatures[index] if signatures else None
            signature = None
            if given is not None:
                signature = Signature(agents.get(submitted.agent_id, ""), given)
            if not self.signed.is_input_signed(turn, decode(canonical(submitted)), signature):
                raise SignatureError(index, turn)
            found.append(signature if is_whole(within_limits(submitted, config)) else None)
        return found

    def _update_head_file(self, world: World) -> None:
        """Write the head before the next turn, so that the file is at most one turn behind."""
        assert self._head_file is not None
        self._head_file_current = False
        self._head_file.write(world.head, world.store.ends())
        self._head_file_current = True

    def _answer(self, sealed: StoredTurn) -> str:
        data = turn_answer(sealed.record, sealed.head_hash, self.config)
        return encode({"data": data}).decode()

    def read(self, work: Callable[[Store], T]) -> T:
        """Long work on the records, by a reader of its own, safe in another thread.

        Raises:
            WorldMissingError: There is no world.
            StoreError: The ledger cannot be read.
        """
        self.started()
        with reading(self.location) as store:
            return work(store)

    def commitment(self) -> dict[str, Any]:
        """The commitment to the world's secret, and what opens it once the run has ended."""
        world = self.started()
        secret = world.config.secret
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
        if self._head_file is not None:
            self._head_file.close()


def _turn_signer(key: EngineKey, genesis_hash: str) -> TurnSigner:
    return lambda turn, block, head: key.sign(turn_message(genesis_hash, turn, block, head))
