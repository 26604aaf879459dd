"""A live world: the state in memory, its records in a store, one turn at a time."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from msgspec import Raw, Struct
from msgspec.structs import replace

from sim_economy.core.actions import Action, Idle, Input
from sim_economy.core.codec import canonical, check_input, parse_input, parse_json
from sim_economy.core.errors import (
    InputError,
    KeyReusedError,
    ReplayError,
    RunEndedError,
    StoreError,
)
from sim_economy.core.events import Turn
from sim_economy.core.observation import Observation, observe
from sim_economy.core.rules_version import KNOWN, RulesVersion, known_rules_version
from sim_economy.core.state import decode_state, encode_state, genesis
from sim_economy.core.table_reader import is_whole
from sim_economy.core.text_limits import check_lengths, check_needs, within_limits
from sim_economy.core.turn import play_turn
from sim_economy.core.world_config import WorldConfig, agent_index, genesis_order
from sim_economy.ledger.readers.reading import (
    blaming,
    chained_turns,
    check_side_chains,
    config_of,
    genesis_record,
    ledger_of,
)
from sim_economy.ledger.records import (
    Head,
    Keys,
    Receipt,
    Signature,
    StoredTurn,
    Submission,
    TurnSigner,
    digest,
    genesis_of,
    recorded_inputs,
    seal,
    seal_genesis,
    unsigned,
)
from sim_economy.ledger.sidecars.locations import LedgerLocation, is_database, location_of
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.stores.sqlite import SQLiteStore

SNAPSHOT_EVERY: Final = 64
"""Turns between two kept states; opening a ledger replays at most as many."""


class World:
    """One world from genesis on; use it in a `with` block, or `close` it.

    Attributes:
        config: Its parameters, variants and agents.
        state: After the last closed turn; to be read, never changed.
        keys: Whose signatures it is held to; None where nothing is signed.
        sealed: The last turn closed here as it was kept; None before the first.
    """

    def __init__(
        self,
        config: WorldConfig | None = None,
        *,
        store: Store | None = None,
        recorded: bool = True,
        world_id: str = "default",
        keys: Keys | None = None,
        sign: TurnSigner = unsigned,
    ) -> None:
        """Start a world at genesis.

        Args:
            store: Where its records go; memory when None.
            recorded: False plays without records, hashes or replay, only for speed.
            world_id: Part of the genesis hash: two worlds with one name are one world.
            keys: Whose signatures inputs and blocks are held to; whoever closes turns checks them.
            sign: Signs each turn, where there are keys; under version 2 of the rules, each block.

        Raises:
            StoreError: The store holds a world already, or cannot be written.
        """
        if not isinstance(config, WorldConfig | None):
            kind = type(config).__name__
            raise InputError("config", f"must be a WorldConfig, such as preset() gives, not {kind}")
        self.config = config or WorldConfig()
        self.world_id = world_id
        self.keys = keys
        self._sign = sign
        self.agent_indices = genesis_order(self.config)
        self.state, ledger = genesis(self.config)
        self._store: Store | None = None
        self._head: Head | None = None
        self.sealed: StoredTurn | None = None
        self._accepted = 0
        if store is not None or recorded:
            first = genesis_of(self.config, world_id, keys)
            sealed, self._head = seal_genesis(first, self.state, ledger.postings, sign)
            self._store = MemoryStore() if store is None else store
            self._store.create(first, sealed, encode_state(self.state).decode())

    @classmethod
    def create(
        cls, path: str | Path, config: WorldConfig | None = None, *, world_id: str = "default"
    ) -> Self:
        """Start a world whose records go to a new ledger.

        Args:
            path: A file, or the URI of a PostgreSQL database.

        Raises:
            StoreError: Something is there already, or it cannot be written.
        """
        if not isinstance(path, str | Path):
            raise InputError("path", f"must be a file or a URI, not {type(path).__name__}")
        store: Store = location_of(path).new() if is_database(path) else SQLiteStore.new(path)
        try:
            return cls(config, store=store, world_id=world_id)
        except BaseException:
            store.discard()
            raise

    @classmethod
    def open(cls, source: str | Path | Store, *, read_only: bool = False) -> Self:
        """The world of a ledger as its last turn left it, ready to be played on.

        Args:
            source: An opened store, or where the ledger is.
            read_only: Take no lock; the world can be read but not played.

        Raises:
            StoreError: It is missing, in use, of another format, or its end is damaged.
            ReplayError: It was written by other rules than these.
        """
        ledger = ledger_of(source)
        if isinstance(ledger, LedgerLocation):
            ledger = ledger.open(read_only=read_only)
        try:
            with blaming(ledger):
                return cls._restored(ledger)
        except BaseException:
            ledger.close()
            raise

    @classmethod
    def _restored(cls, store: Store) -> Self:
        first = genesis_record(store)
        if known_rules_version(first.rules_version) is None:
            raise ReplayError(
                0,
                f"written by rules version {first.rules_version}, these are {KNOWN}; "
                "open it with the release that wrote it",
            )
        world = cls(config_of(first), recorded=False, world_id=first.world_id, keys=first.keys)
        world._restore(store)
        return world

    def _restore(self, store: Store) -> None:
        """Take the state from the newest snapshot and play on to the end of the store."""
        self._store = store
        self._head = store.head()
        self._accepted = len(store.submissions())
        snapshot = next(iter(store.snapshots()), None)
        if snapshot is None:
            raise StoreError("ledger_damaged", store.name, "has no snapshot; run verify")
        stored = list(chained_turns(store, snapshot.turn))
        kept = stored[0].record if stored else None
        if kept is None or digest(snapshot.state.encode()) != kept.state_digest:
            raise StoreError(
                "ledger_damaged", store.name, f"the snapshot of turn {snapshot.turn} is damaged"
            )
        check_side_chains(store, stored)
        self.state = decode_state(snapshot.state)
        for turn in stored[1:]:
            record = turn.record
            inputs = recorded_inputs(record)
            self.state, _ = play_turn(
                self.state, inputs, self.config, self.agent_indices, ends=record.ends
            )
            if digest(encode_state(self.state)) != record.state_digest:
                raise ReplayError(turn.turn, "the rules give another state; run verify")

    def __repr__(self) -> str:
        """Which world it is, and where it stands."""
        agents, supply = self.config.num_agents, self.state.token_supply
        ended = ", ended" if self.state.ended else ""
        return (
            f"<World {self.world_id}: turn {self.turn_number}{ended}, {agents} agents, "
            f"{supply} tokens>"
        )

    def sign_with(self, sign: TurnSigner) -> None:
        """Sign turns from now on; a restored world with keys needs it before its next turn."""
        self._sign = sign

    @property
    def turn_number(self) -> int:
        """The last closed turn; 0 before the first."""
        return self.state.turn

    @property
    def store(self) -> Store:
        """The records; an unrecorded world has none."""
        if self._store is None:
            raise InputError("world", _UNRECORDED)
        return self._store

    @property
    def head(self) -> Head:
        """The end of the chain; an unrecorded world has none."""
        if self._head is None:
            raise InputError("world", _UNRECORDED)
        return self._head

    def turn(
        self,
        inputs: Iterable[Input] = (),
        *,
        ends: bool = False,
        signatures: Sequence[Signature | None] = (),
        metered: Mapping[str, tuple[int, int]] | None = None,
        without: Container[str] = (),
        receipt: Receipt | None = None,
    ) -> Turn:
        """Close the open turn with these inputs, whole or not at all.

        Args:
            inputs: In order of arrival; they come after those that were submitted.
            ends: Whether the run declares its end.
            signatures: One for each input, or none at all.
            metered: Thinking and output units of the submitted inputs, by agent id, as the operator
                measured them; an agent with usage and without an input is idle and billed.
            without: Agents whose submitted inputs are left out, and are as if they had not been
                sent; a way on where one of them would pass the limits.
            receipt: Of the request that closes the turn, to be kept with it.

        Raises:
            InputError: An input of a wrong type or size, or with thinking, an action's name or a
                list of contracts beyond its limit.
            RunEndedError: The run has ended before.
            KeyReusedError: A receipt is kept under its key already.
            AmountOutOfRangeError: An account would pass 2^62.
            StoreError: The turn could not be kept.
        """
        if isinstance(inputs, Mapping) or not isinstance(inputs, Iterable):
            raise InputError("inputs", "must be a list of Input; act() takes actions by agent")
        given, signatures = self._gathered(list(inputs), signatures, metered, without)
        state, turn = play_turn(self.state, given, self.config, self.agent_indices, ends=ends)
        if self._store is not None:
            signs = turn.block is not None or self.config.rules_version is not RulesVersion.V2
            sign = self._sign if signs else unsigned
            sealed, head = seal(
                self.head, turn, given, state, self.config.agent_ids, signatures, sign
            )
            due = ends or turn.turn % SNAPSHOT_EVERY == 0
            if receipt is not None:
                assert receipt.turn == turn.turn, receipt
                if (held := self._store.receipt(receipt.idempotency_key)) is not None:
                    raise KeyReusedError(held.turn)
            self._store.append(
                sealed,
                receipt=receipt,
                state=encode_state(state).decode() if due else None,
            )
            self._head = head
            self.sealed = sealed
            self._accepted = 0
        self.state = state
        return turn

    def _gathered(
        self,
        given: list[Input],
        signatures: Sequence[Signature | None],
        metered: Mapping[str, tuple[int, int]] | None,
        without: Container[str],
    ) -> tuple[list[Input], Sequence[Signature | None]]:
        """All inputs of the open turn, checked, and their signatures: one each, or none at all."""
        if self.keys is not None and self._sign is unsigned:
            raise StoreError(
                "credentials_missing", self.store.name, "its turns are signed; see sign_with"
            )
        if signatures and len(signatures) != len(given):
            raise InputError("signatures", f"must be {len(given)}, one for each input, or none")
        given = [self._kept(sent, f"inputs[{index}]") for index, sent in enumerate(given)]
        if self._accepted:
            accepted, signed = self._left_in(without)
            signatures = [*signed, *(signatures or [None] * len(given))]
            given = [*accepted, *given]
        if metered:
            given = _metered(given, metered)
            signatures = [*signatures, *[None] * (len(given) - len(signatures))]
            for index, submitted in enumerate(given):
                check_input(submitted, f"inputs[{index}]")
        return given, signatures if any(signatures) else ()

    def _left_in(self, without: Container[str]) -> tuple[list[Input], list[Signature | None]]:
        """The accepted inputs that are to be played, and their signatures."""
        pairs = zip(self.accepted(), self.store.submissions(), strict=True)
        played = [(sent, held.signature) for sent, held in pairs if sent.agent_id not in without]
        return [sent for sent, _ in played], [signature for _, signature in played]

    def _kept(self, submitted: Input, field: str) -> Input:
        """An input that was found well-formed, without speech or payload that is too long."""
        try:
            check_input(submitted, field)
        except InputError:
            submitted = _with_own_numbers(submitted)
            check_input(submitted, field)
        check_needs(submitted, self.config, field)
        config = self.config.in_force(self.state.turn + 1)
        kept = within_limits(submitted, config)
        if kept is not submitted:
            check_lengths(submitted, config, field)
        return kept

    def act(self, actions: Mapping[str, Action], *, ends: bool = False) -> Turn:
        """Close the open turn with an action by agent id, without usage; raises as `turn`."""
        if not isinstance(actions, Mapping):
            raise InputError("actions", "must be actions by agent; turn() takes a list of Input")
        return self.turn(
            [Input(agent_id, action) for agent_id, action in actions.items()], ends=ends
        )

    def accepted(self) -> list[Input]:
        """The inputs accepted for the open turn, in order."""
        return [
            parse_input(parse_json(bytes(held.input)), kept=True)
            for held in self.store.submissions()
        ]

    def submit(self, submitted: Input, signature: Signature | None = None) -> None:
        """Accept an input for the open turn, to be played when `turn()` closes it.

        Raises:
            InputError: A wrong type or size.
            RunEndedError: The run has ended.
            StoreError: It could not be kept.
        """
        submitted = self._kept(submitted, "input")
        if self.state.ended:
            raise RunEndedError(self.state.turn)
        self.store.accept(
            Submission(self.state.turn + 1, self._accepted, Raw(canonical(submitted)), signature)
        )
        self._accepted += 1

    def observe(self, agent_id: str) -> Observation:
        """The observation of one agent now.

        Raises:
            InputError: No such agent.
        """
        return observe(self.state, agent_index(self.agent_indices, agent_id), self.config)

    def close(self) -> None:
        """Release the store."""
        if self._store is not None:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_UNRECORDED: Final = "is played without records; leave out recorded=False to have a ledger"


def _with_own_numbers(submitted: Input) -> Input:
    """An input whose whole numbers are Python's, where a policy computed them with NumPy."""
    if not isinstance(submitted, Input) or not isinstance(submitted.action, Struct):
        return submitted
    units = _foreign_numbers(submitted)
    if amounts := _foreign_numbers(submitted.action):
        units["action"] = replace(submitted.action, **amounts)
    return replace(submitted, **units) if units else submitted


def _foreign_numbers(held: Struct) -> dict[str, Any]:
    """The fields of a struct that are integers of another library, as Python's."""
    values = ((name, getattr(held, name)) for name in held.__struct_fields__)
    return {
        name: int(value) for name, value in values if type(value) is not int and is_whole(value)
    }


def _metered(inputs: Sequence[Input], usage: Mapping[str, tuple[int, int]]) -> list[Input]:
    """The inputs with the operator's figures; idle ones for usage that has none."""
    billed = []
    left = dict(usage)
    for submitted in inputs:
        thinking, output = left.pop(submitted.agent_id, (0, 0))
        billed.append(replace(submitted, thinking_units=thinking, output_units=output))
    return [*billed, *(Input(agent_id, Idle(), *units) for agent_id, units in left.items())]
