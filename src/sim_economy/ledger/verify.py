"""Verification of a ledger: every hash and every posting, from genesis on.

It needs no rules: what a turn should have done is `replay`'s question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import DecodeError, Struct, json

from sim_economy.core.accounts import chart_of
from sim_economy.core.actions import Cut
from sim_economy.core.codec import canonical
from sim_economy.core.errors import ExtraMissingError, SimEconomyError, StoreError
from sim_economy.core.needs import Need
from sim_economy.ledger.credentials.signature_check import SignedWorld
from sim_economy.ledger.fold import Fold
from sim_economy.ledger.readers.reading import STUMBLES, LedgerSource, ledger_of, reading
from sim_economy.ledger.records import (
    FORMAT,
    Genesis,
    Head,
    SideChain,
    StoredTurn,
    TurnRecord,
    block_hash,
    chained,
    digest,
    read_genesis,
)
from sim_economy.ledger.sidecars.head_file import HeadFile, Seen
from sim_economy.ledger.sidecars.locations import LedgerLocation
from sim_economy.ledger.stores.protocol import Store


class Finding(Struct, frozen=True):
    """The first thing that is wrong with a ledger.

    Attributes:
        turn: Where; None where it concerns no turn.
    """

    turn: int | None
    problem: str

    def __str__(self) -> str:
        """What is wrong, after the turn it concerns."""
        return self.problem if self.turn is None else f"turn {self.turn}: {self.problem}"


class Verification(Struct, frozen=True):
    """The result of verifying a ledger.

    Attributes:
        turns: Closed turns that are sound.
        head: The end of the chain as computed; None where genesis is not sound.
        finding: None where everything is sound.
        signatures: Of inputs and turns, found good; 0 in a world without keys.
        head_file: Whether a head file was there to compare the ledger with.
    """

    turns: int
    head: Head | None
    finding: Finding | None
    signatures: int = 0
    head_file: bool = False

    @property
    def holds(self) -> bool:
        """True if nothing is wrong."""
        return self.finding is None


def verify(
    source: LedgerSource, progress: Callable[[int], None] = lambda turn: None
) -> Verification:
    """Fold postings and hashes from genesis and name the first thing that is wrong.

    Args:
        source: A store, or where a ledger is; what its head file saw must be in it too.
        progress: Called with each verified turn.

    Raises:
        StoreError: The file is missing or no ledger of this format.
    """
    source = ledger_of(source)
    try:
        # Before the ledger: it goes on meanwhile, and must have what was seen by then.
        seen = HeadFile.seen(source.sidecar) if isinstance(source, LedgerLocation) else None
        with reading(source) as store:
            return _verified(_Walk(store, progress, seen))
    except StoreError as error:
        if error.code != "ledger_damaged":
            raise
        return Verification(0, None, _found(None, error))


def _verified(walk: _Walk) -> Verification:
    try:
        finding = next(walk.findings(), None)
    except ExtraMissingError:
        raise
    except StoreError as error:
        finding = _found(walk.turn, error)
    except (SimEconomyError, *STUMBLES) as error:
        finding = Finding(walk.turn, f"a record cannot be read: {type(error).__name__}")
    seen = walk.seen is not None
    return Verification(max(0, walk.turn), walk.head, finding, walk.signatures, seen)


def _input_problems(record: TurnRecord) -> Iterator[str]:
    """Inputs that no world can have been given, whether or not a rule refused them."""
    for index, text in enumerate(record.inputs):
        try:
            _recorded(text)
        except DecodeError as error:
            yield f"input {index} is none: {error}"


def _found(turn: int | None, error: StoreError) -> Finding:
    return Finding(turn, str(error).removeprefix(f"{error.path}: "))


class _RecordedAction(Struct):
    action: str


class _RecordedInput(Struct, forbid_unknown_fields=True, kw_only=True):
    agent_id: str
    action: _RecordedAction
    thinking_units: int = 0
    output_units: int = 0
    thinking: str | None = None
    speech: str | None = None
    cut: tuple[Cut, ...] = ()
    needs: tuple[Need, ...] = ()


_recorded = json.Decoder(_RecordedInput).decode


class _Walk:
    def __init__(
        self, store: Store, progress: Callable[[int], None], seen: Seen | None = None
    ) -> None:
        self._store = store
        self.seen = seen
        self._progress = progress
        self.turn = -1
        self.head: Head | None = None
        self._digests: dict[int, tuple[str, str]] = {}
        self._signed: SignedWorld | None = None

    @property
    def signatures(self) -> int:
        """Signatures found good so far."""
        return 0 if self._signed is None else self._signed.good

    def findings(self) -> Iterator[Finding]:
        """Everything wrong, from genesis on; the rest means little after the first."""
        first_line = self._store.genesis_line()
        first = read_genesis(first_line)
        if canonical(first) != first_line:
            yield Finding(0, "the genesis record is not canonical")
        if first.format != FORMAT:
            yield Finding(0, f"the genesis record has format {first.format}, not {FORMAT}")
        self.head = Head.of_genesis(first_line)
        fold = Fold(first)
        if first.keys:
            self._signed = SignedWorld(self.head.hash, first.keys, first.rules_version)
        for stored in self._store.read():
            for problem in self._turn_problems(stored, fold):
                yield Finding(stored.turn, problem)
            self.turn = stored.turn
            self._progress(stored.turn)
        if self.turn < 0:
            yield Finding(0, "there is no turn 0")
        yield from self._unchained_records(first)
        yield from self._accepted()
        if self.seen is not None and (missing := self.seen.missing(self._store)) is not None:
            yield Finding(None, f"its head file {missing}")

    def _turn_problems(self, stored: StoredTurn, fold: Fold) -> Iterator[str]:
        before = self.head
        assert before is not None
        head_hash = chained(before.hash, stored.line)
        if head_hash != stored.head_hash:
            yield "the chain head is not the hash of what is kept"
        record = stored.record
        yield from _input_problems(record)
        yield from fold.problems(record)
        if self._signed is not None:
            yield from self._signed.problems(record, before.hash)
        folded = digest(fold.text())
        if folded != record.state_digest:
            yield "the state digest is not that of the folded postings"
        block = record.block
        if block is not None:
            if block.turn != record.turn or block.state_digest != record.state_digest:
                yield "the block belongs to another turn"
            if block.previous_hash != before.block_hash:
                yield "the block does not follow the block before it"
            if block.hash != block_hash(block):
                yield "the block's hash is not its own"
        self.head = before.after(record, head_hash)
        self._digests[record.turn] = record.state_digest, head_hash

    def _unchained_records(self, first: Genesis) -> Iterator[Finding]:
        for problem in self._store.problems():
            yield Finding(None, problem)
        if self._store.accounts() != chart_of(first.agent_ids):
            yield Finding(None, "the chart of accounts is not that of genesis")
        for turn, state in self._store.snapshots():
            if digest(state.encode()) != self._digests[turn][0]:
                yield Finding(turn, "the snapshot is not the state of its turn")
        side_chain = SideChain()
        for receipt, checksum in self._store.receipts():
            if not side_chain.follows(self._digests[receipt.turn][1], receipt, checksum):
                yield Finding(receipt.turn, "a receipt is not chained to the one before it")

    def _accepted(self) -> Iterator[Finding]:
        side_chain = SideChain()
        for index, (submission, checksum) in enumerate(self._store.checksums()):
            sent = json.decode(submission.input)
            if self._signed and not self._signed.is_input_signed(
                submission.turn, sent, submission.signature
            ):
                yield Finding(submission.turn, "an accepted input is not signed by its agent")
            if submission.index != index:
                yield Finding(submission.turn, "accepted inputs are not numbered without gaps")
            if submission.turn != self.turn + 1:
                yield Finding(submission.turn, "an accepted input is for a turn that is not open")
            if not side_chain.follows(self._digests[self.turn][1], submission, checksum):
                yield Finding(
                    submission.turn, "an accepted input is not chained to the one before it"
                )
