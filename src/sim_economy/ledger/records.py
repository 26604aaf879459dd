"""Records of a world: genesis, turns as lines of canonical JSON, the two hashes of each.

The *state digest* of a turn is the SHA-256 of its canonical state: equal wherever the economy is
the same. The *chain head* is the SHA-256 of the head before it and the turn's line: it adds inputs,
signatures and postings. The lines, genesis first, are the canonical export.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, NamedTuple, Self, TypeAlias

from msgspec import UNSET, DecodeError, Raw, Struct, UnsetType, convert, field, json
from msgspec.structs import replace

from sim_economy.core.accounts import Posting
from sim_economy.core.actions import Input
from sim_economy.core.codec import canonical, parse_inputs, parse_json
from sim_economy.core.errors import InputError, StoreError
from sim_economy.core.events import (
    Bill,
    Block,
    ContractEvent,
    DeniedUsage,
    GovernanceTurn,
    RejectionReason,
    Transaction,
    Turn,
    ValidatorType,
)
from sim_economy.core.state import State, encode_state
from sim_economy.core.table_reader import NumberText
from sim_economy.core.units import WEIGHT_DECIMALS, decimal_text
from sim_economy.core.world_config import WorldConfig, config_values

FORMAT: Final = 2
"""Version of the records; another one is refused."""


class Keys(Struct, frozen=True):
    """Public keys in lowercase hex, part of genesis: whose signatures a world is held to.

    Attributes:
        engine: Signs blocks.
        agents: By agent id; each signs its own inputs.
    """

    engine: str
    agents: dict[str, str]


class Genesis(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The first record of a world; its hash is the first link of the chain.

    Attributes:
        keys: None where nothing is signed.
    """

    format: int
    rules_version: str
    world_id: str
    parameters: dict[str, Any]
    seed: int
    secret: str
    agent_ids: tuple[str, ...]
    keys: Keys | None = None


class Signature(Struct, frozen=True, array_like=True):
    """A public key and a signature, as text; of one input or of a block."""

    public_key: str
    signature: str


class BlockRecord(Struct, frozen=True, kw_only=True):
    """A block as clients read it; genesis is the block of turn 0, without a winner.

    Attributes:
        weights: Counting tickets in drawing order: agent id, kind, exact decimal weight.
        transactions: How many it finalised.
        previous_hash: Of the block before; the genesis hash at turn 0.
        hash: SHA-256 of this record with an empty hash.
    """

    turn: int
    winner: str | None
    validator_type: ValidatorType | None
    weights: tuple[tuple[str, ValidatorType, str], ...]
    transactions: int
    tips: int
    previous_hash: str
    state_digest: str
    hash: str


class TurnRecord(Struct, frozen=True, kw_only=True):
    """One turn as it is kept, and as its line is hashed.

    Attributes:
        outcomes: One for each input: None where it applied.
        signatures: One for each input, or none at all.
        block: None in a turn without one.
        block_signature: The engine's, over all that was recorded so far.
        units_denied: Usage refused for want of tokens; absent where there is none.
        governance: What interventions did; absent where none is on.
    """

    turn: int
    ends: bool
    inputs: tuple[Raw, ...]
    outcomes: tuple[RejectionReason | None, ...]
    signatures: tuple[Signature | None, ...]
    postings: tuple[Posting, ...]
    transactions: tuple[Transaction, ...]
    contracts: tuple[ContractEvent, ...]
    block: BlockRecord | None
    block_signature: Signature | None
    bill: Bill
    token_supply: int
    state_digest: str
    units_denied: tuple[DeniedUsage, ...] | UnsetType = UNSET
    governance: GovernanceTurn | UnsetType = UNSET


class Head(Struct, frozen=True):
    """The end of a chain.

    Attributes:
        hash: The chain head.
        block_hash: Of the newest block.
    """

    turn: int
    state_digest: str
    hash: str
    block_hash: str

    @classmethod
    def of_genesis(cls, line: bytes) -> Self:
        """The end of a chain before its turn 0."""
        genesis_hash = digest(line)
        return cls(-1, "", genesis_hash, genesis_hash)

    def after(self, record: TurnRecord, head_hash: str) -> Head:
        """The end of the chain with one more turn."""
        newest_block = self.block_hash if record.block is None else record.block.hash
        return Head(record.turn, record.state_digest, head_hash, newest_block)


class _Kept(NamedTuple):
    turn: int
    line: bytes
    head_hash: str


class StoredTurn(_Kept):
    """A turn as it is kept.

    Attributes:
        line: Its record, byte for byte; hash what a store found before you trust it.
        head_hash: The chain head kept with it.
    """

    @cached_property
    def record(self) -> TurnRecord:
        """The record of the line; raises as `read_record`."""
        return read_record(self.line)


class Receipt(Struct, frozen=True):
    """The request that closed a turn, for whoever sends it again with the same key.

    Attributes:
        answer: As a release before kept it; empty where it is made from the turn's record.
    """

    turn: int
    idempotency_key: str
    request_digest: str
    answer: str = ""


class Submission(Struct, frozen=True):
    """An input accepted before its turn closes."""

    turn: int
    index: int = field(name="position")
    input: Raw
    signature: Signature | None = None


class Ends(Struct, frozen=True):
    """Checksums at the ends of the two chains beside the world's; empty where there is no record.

    Attributes:
        receipt: Of the newest receipt.
        accepted: Of the newest input accepted for the open turn.
    """

    receipt: str = ""
    accepted: str = ""


def digest(text: bytes) -> str:
    """SHA-256 in lowercase hex."""
    return sha256(text).hexdigest()


def chained(previous_hash: str, line: bytes) -> str:
    """The chain head after one more line."""
    return sha256(b"%b\n%b" % (previous_hash.encode(), line)).hexdigest()


def bound_digest(previous: str, head_hash: str, value: Receipt | Submission) -> str:
    """A checksum of a record beside the world's chain.

    Args:
        previous: The checksum of the record before it; empty for the first. Releases before
            chained none.
        head_hash: The head it belongs to.
    """
    return chained(previous + head_hash, canonical(value))


class SideChain:
    """One of the chains beside the world's, followed record by record.

    Releases before chained nothing, so its beginning may be bound to heads alone.
    """

    def __init__(self, previous: str = "") -> None:
        """Follow it from the start, or from after the record with a checksum."""
        self._previous = previous
        self._chained = False
        self._turn = -1

    def follows(self, head_hash: str, value: Receipt | Submission, checksum: str) -> bool:
        """Test whether a record with its checksum is the next one; a turn has one receipt."""
        chained_on = bound_digest(self._previous, head_hash, value) == checksum
        bare = not self._chained and bound_digest("", head_hash, value) == checksum
        self._chained |= chained_on and self._previous != ""
        self._previous = checksum
        another = isinstance(value, Submission) or value.turn > self._turn
        self._turn = value.turn
        return another and (chained_on or bare)


def genesis_of(config: WorldConfig, world_id: str, keys: Keys | None = None) -> Genesis:
    """The first record of a world."""
    return Genesis(
        format=FORMAT,
        rules_version=config.rules_version,
        world_id=world_id,
        parameters=config_values(config),
        seed=config.seed,
        secret=config.secret,
        agent_ids=config.agent_ids,
        keys=keys,
    )


_GENESIS: Final = json.Decoder(Genesis)
"""What `convert` looks a genesis record up by; made before threads do it together."""


def read_genesis(line: bytes) -> Genesis:
    """The first record from its line, its numbers exact.

    Raises:
        InputError: It is not JSON.
        msgspec.ValidationError: It is not a genesis record.
    """
    plain = parse_json(line)
    if isinstance(plain, dict) and isinstance(plain.get("parameters"), dict):
        plain["parameters"] = _exact(plain["parameters"])
    return convert(plain, Genesis)


def _exact(value: Any) -> Any:
    """Parameters, and tables of them, with exact numbers for their texts."""
    if isinstance(value, dict):
        return {name: _exact(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_exact(held) for held in value]
    return _number(value) if isinstance(value, NumberText) else value


def _number(text: str) -> Decimal:
    """An exact parameter.

    Raises:
        InputError: It has an exponent that no parameter has; to write it out would take gigabytes.
    """
    number = Decimal(text)
    if number and abs(number.adjusted()) > _EXPONENT_MOST:
        raise InputError("parameters", f"has a number beyond 1e{_EXPONENT_MOST}")
    return number


_EXPONENT_MOST: Final = 100


def block_hash(block: BlockRecord) -> str:
    """The hash a block must carry."""
    return digest(canonical(replace(block, hash="")))


TurnSigner: TypeAlias = Callable[[int, BlockRecord | None, str], Signature | None]
"""Signs a turn as it is sealed: its number, its block if it has one, and the chain head that it
would have without the signature."""


def unsigned(turn: int, block: BlockRecord | None, head: str) -> None:
    """No signature."""


def head_unsigned(previous_hash: str, record: TurnRecord) -> str:
    """The chain head that a turn would have without the engine's signature."""
    return chained(previous_hash, canonical(replace(record, block_signature=None)))


def seal_genesis(
    genesis: Genesis, state: State, postings: Sequence[Posting], sign: TurnSigner = unsigned
) -> tuple[StoredTurn, Head]:
    """Turn 0: the endowments, and the block everything builds on."""
    turn = Turn(
        turn=0,
        outcomes=(),
        postings=tuple(postings),
        transactions=(),
        contracts=(),
        block=None,
        bill=Bill(0, 0, 0, 0),
        token_supply=state.token_supply,
        ends=False,
    )
    before = Head.of_genesis(canonical(genesis))
    return seal(before, turn, (), state, genesis.agent_ids, (), sign)


def seal(
    before: Head,
    turn: Turn,
    inputs: Sequence[Input],
    state: State,
    agent_ids: Sequence[str],
    signatures: Sequence[Signature | None] = (),
    sign: TurnSigner = unsigned,
) -> tuple[StoredTurn, Head]:
    """Hash a closed turn onto the chain: as it is to be kept, and the head after it.

    Args:
        before: The head after the turn before it.
        state: After the turn.
        signatures: One for each input, or none at all.
    """
    state_digest = digest(encode_state(state))
    block = None
    if turn.block is not None or turn.turn == 0:
        unhashed = _block_record(turn, before.block_hash, state_digest, agent_ids)
        block = replace(unhashed, hash=block_hash(unhashed))
    record = TurnRecord(
        turn=turn.turn,
        ends=turn.ends,
        inputs=tuple([Raw(canonical(submitted)) for submitted in inputs]),
        outcomes=turn.outcomes,
        signatures=tuple(signatures),
        postings=turn.postings,
        transactions=turn.transactions,
        contracts=turn.contracts,
        block=block,
        block_signature=None,
        bill=turn.bill,
        token_supply=turn.token_supply,
        state_digest=state_digest,
        units_denied=turn.units_denied,
        governance=turn.governance,
    )
    if sign is not unsigned:
        signature = sign(turn.turn, block, head_unsigned(before.hash, record))
        record = replace(record, block_signature=signature)
    line = canonical(record)
    head = before.after(record, chained(before.hash, line))
    stored = StoredTurn(turn.turn, line, head.hash)
    stored.record = record
    return stored, head


def _block_record(
    turn: Turn, previous_hash: str, state_digest: str, agent_ids: Sequence[str]
) -> BlockRecord:
    block = turn.block
    return BlockRecord(
        turn=turn.turn,
        winner=None if block is None else block.winner,
        validator_type=None if block is None else block.validator_type,
        weights=() if block is None else _weights(block, agent_ids),
        transactions=0 if block is None else block.transactions,
        tips=0 if block is None else block.tips,
        previous_hash=previous_hash,
        state_digest=state_digest,
        hash="",
    )


def _weights(block: Block, agent_ids: Sequence[str]) -> tuple[tuple[str, ValidatorType, str], ...]:
    return tuple(
        [
            (
                agent_ids[ticket.agent],
                ticket.validator_type,
                decimal_text(ticket.weight, WEIGHT_DECIMALS),
            )
            for ticket in block.tickets
        ]
    )


_decode_turn: Final = json.Decoder(TurnRecord).decode


def read_record(line: bytes) -> TurnRecord:
    """The record of a line that a store found.

    Raises:
        StoreError: It is not a record of this format.
    """
    try:
        return _decode_turn(line)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        turn = line[:40].partition(b'"turn":')[2].partition(b",")[0].decode(errors="replace")
        raise StoreError(
            "ledger_damaged", "the ledger", f"turn {turn} is malformed ({error}); run verify"
        ) from error


def recorded_inputs(record: TurnRecord) -> list[Input]:
    """The inputs of a turn.

    Raises:
        StoreError: One is not what was accepted once.
    """
    try:
        return parse_inputs([parse_json(bytes(text)) for text in record.inputs], kept=True)
    except InputError as error:
        raise StoreError(
            "ledger_damaged", "the ledger", f"turn {record.turn}: {error}; run verify"
        ) from error
