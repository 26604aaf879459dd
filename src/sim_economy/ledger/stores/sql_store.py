"""What every SQL database keeps of a world, and how it is read, written and compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Set
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Final

from msgspec import DecodeError, Raw, Struct, json
from msgspec.structs import replace

from sim_economy.core.accounts import chart_of
from sim_economy.core.codec import canonical
from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import (
    Ends,
    Genesis,
    Head,
    Receipt,
    Signature,
    StoredTurn,
    Submission,
    bound_digest,
    digest,
)
from sim_economy.ledger.stores.old_layout import OLD_LAYOUT, STRAYS
from sim_economy.ledger.stores.protocol import Snapshot

LAYOUT: Final = 3
"""How records lie in tables; what is hashed is another matter, see `records.FORMAT`."""

_TURNS_READ: Final = (4, 256)
"""Turns read at first and at most at a time: a page is quick, a long ledger never in memory."""


def statements_of(database: str) -> tuple[str, ...]:
    """The tables and views of a ledger, each statement as the database keeps it.

    Args:
        database: The name of an SQL file beside this one.
    """
    text = Path(__file__).with_name(f"{database}.sql").read_text(encoding="utf-8")
    return tuple(text.strip().rstrip(";").split(";\n"))


class _Hashed(Struct):
    hash: str


_decode_hashed: Final = json.Decoder(_Hashed).decode


class Kept(Struct, frozen=True):
    """What the one writer of a ledger knows to be its end.

    Attributes:
        turn: The newest one.
        head_hash: Of the chain after it.
        accepted: Inputs kept for the open turn.
        ends: Of what is kept beside the chain.
    """

    turn: int
    head_hash: str
    accepted: int
    ends: Ends


class SQLStore(ABC):
    """A world in a database: a turn is one row of `turns`, its parts are views of its line.

    Attributes:
        name: How messages call it.
        layout: How its records lie in tables; `LAYOUT` where it can be written.
    """

    name: str
    layout = LAYOUT
    line = "line"
    """A line in SQL, as bytes where it may not be text at all."""
    blocks = "blocks"
    """What has turn and JSON of every block, from the lines themselves."""
    false_copies: ClassVar[str]
    """A query for turns of whose lines something is kept twice, and differs."""
    declared: ClassVar[Set[tuple[str, ...]]]
    """What `_shape` finds in a ledger that nobody altered."""
    old_lines: ClassVar[str]
    """A query for turn, line and head of every turn in the old layout."""
    old_shape: ClassVar[str]
    """The digest of that layout's shape."""
    _committing = False
    _kept: Kept | None = None
    """As this writer left it; None for a reader, and before there is a world."""

    @abstractmethod
    def _make_tables(self, agents: int) -> None:
        """Make every table and view, and note the layout; called within a commit."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]:
        """One durable transaction.

        Raises:
            StoreError: Nothing was written.
        """

    @abstractmethod
    def _write(self, statement: str, rows: Iterable[tuple[object, ...]] = ((),)) -> None:
        """Execute a statement for each row of values, marked with `?`."""

    @abstractmethod
    def _rows(self, query: str, values: tuple[object, ...] = ()) -> Iterator[Any]:
        """The rows of a query, its values marked with `?`.

        Raises:
            StoreError: It cannot be answered.
        """

    @abstractmethod
    def _check_kept(self, kept: Kept) -> None:
        """Within a commit: check that the ledger ends as this writer left it.

        Raises:
            StoreError: Another one has written; at the end of the commit where it is sent at once.
        """

    @abstractmethod
    def _shape(self) -> Iterator[tuple[str, ...]]:
        """Every table, view, index and trigger: its name, and what it is."""

    def create(self, genesis: Genesis, first: StoredTurn, state: str) -> None:
        """Write tables, genesis and turn 0 in one commit; there is no ledger before it."""
        with self.one_commit():
            self._make_tables(len(genesis.agent_ids))
            self._insert("genesis", (canonical(genesis).decode(),))
            self._insert("accounts", *chart_of(genesis.agent_ids))
            self.append(first, state=state)

    def append(
        self, turn: StoredTurn, *, receipt: Receipt | None = None, state: str | None = None
    ) -> None:
        """Keep one turn in one durable commit."""
        with self.one_commit():
            self._insert("turns", (turn.turn, turn.line.decode(), turn.head_hash))
            if state is not None:
                self._insert("snapshots", (turn.turn, state))
            newest = "" if self._kept is None else self._kept.ends.receipt
            if receipt is not None:
                newest = checksum = bound_digest(newest, turn.head_hash, receipt)
                request, answer = receipt.request_digest, receipt.answer
                kept = receipt.idempotency_key, receipt.turn, request, answer, checksum
                self._insert("receipts", kept)
            self._write("DELETE FROM submissions")
            self._kept = Kept(turn.turn, turn.head_hash, 0, Ends(newest))

    def accept(self, submission: Submission) -> None:
        """Keep an input until its turn closes."""
        assert self._kept is not None, "only the writer of a ledger accepts"
        ends = self._kept.ends
        checksum = bound_digest(ends.accepted, self._kept.head_hash, submission)
        signed = submission.signature
        pair = (None, None) if signed is None else (signed.public_key, signed.signature)
        text = bytes(submission.input).decode()
        with self.one_commit():
            row = submission.index, submission.turn, text, *pair, checksum
            self._insert("submissions", row)
            ends = replace(ends, accepted=checksum)
            self._kept = replace(self._kept, accepted=submission.index + 1, ends=ends)

    @contextmanager
    def one_commit(self) -> Iterator[None]:
        """Keep all that is written inside, or nothing."""
        if self._committing:
            yield
            return
        self._committing, kept = True, self._kept
        try:
            with self._transaction():
                if kept is not None:
                    self._check_kept(kept)
                yield
        except BaseException:
            self._kept = kept
            raise
        finally:
            self._committing = False

    def _know_end(self) -> None:
        """Note where the ledger ends, once it is locked: from now on this is its only writer."""
        for turn, head_hash in self._rows(
            "SELECT turn, head FROM turns ORDER BY turn DESC LIMIT 1"
        ):
            ((last,),) = self._rows("SELECT MAX(position) FROM submissions")
            self._kept = Kept(turn, head_hash, 0 if last is None else last + 1, self.ends())

    def _written_by_another(self) -> StoreError:
        return StoreError(
            "ledger_in_use",
            self.name,
            "does not end as this process left it: another one writes it; nothing was written; "
            "stop both, verify the ledger, and start one",
        )

    def submissions(self) -> list[Submission]:
        """The inputs accepted for the open turn."""
        return [submission for submission, _ in self.checksums()]

    def checksums(self) -> Iterator[tuple[Submission, str]]:
        """Every accepted input with its checksum."""
        for index, turn, text, key, signature, checksum in self._rows(
            "SELECT * FROM submissions ORDER BY position"
        ):
            signed = None if key is None and signature is None else Signature(key, signature)
            sent = Raw(self._text(text, f"accepted input {index}"))
            yield Submission(turn, index, sent, signed), checksum

    def receipt(self, idempotency_key: str) -> Receipt | None:
        """The receipt under a key."""
        rows = self._rows("SELECT * FROM receipts WHERE idempotency_key = ?", (idempotency_key,))
        return next((self._receipt(*row)[0] for row in rows), None)

    def receipts(self, after: int | None = None) -> Iterator[tuple[Receipt, str]]:
        """Every receipt with its checksum, or those after a turn."""
        since = "" if after is None else f"WHERE turn > {after:d}"
        for row in self._rows(f"SELECT * FROM receipts {since} ORDER BY turn"):
            yield self._receipt(*row)

    def _receipt(
        self, key: str, turn: int, request: str, answer: str, checksum: str
    ) -> tuple[Receipt, str]:
        if type(turn) is not int:
            raise StoreError("ledger_damaged", self.name, "a receipt is of no turn; run verify")
        for value in (key, request, answer):
            # Bytes would be hashed as the Base64 that they are written as, and found by no key.
            self._text(value, f"receipt of turn {turn}")
        return Receipt(turn, key, request, answer), checksum

    def newest_receipt(self, turn: int) -> str:
        """The checksum of the newest receipt up to a turn."""
        return self._newest("receipts WHERE turn <= ? ORDER BY turn", (turn,))

    def ends(self) -> Ends:
        """The checksums of the newest receipt and the newest accepted input."""
        if self._kept is not None:
            return self._kept.ends
        receipt = self._newest("receipts ORDER BY turn")
        return Ends(receipt, self._newest("submissions ORDER BY position"))

    def _newest(self, ordered: str, values: tuple[object, ...] = ()) -> str:
        rows = self._rows(f"SELECT checksum FROM {ordered} DESC LIMIT 1", values)
        return next((checksum for (checksum,) in rows), "")

    def genesis_line(self) -> bytes:
        """The first record as it was found."""
        lines = [str(text).encode() for (text,) in self._rows("SELECT data FROM genesis")]
        if len(lines) != 1:
            raise StoreError("ledger_damaged", self.name, f"holds {len(lines)} genesis records")
        return lines[0]

    def read(self, first: int = 0, last: int | None = None) -> Iterator[StoredTurn]:
        """Turns in order."""
        lines = "turns" if self.layout == LAYOUT else f"({self.old_lines}) AS lines"
        until = "" if last is None else f"AND turn <= {last:d}"
        count, most = _TURNS_READ
        while turns := list(
            self._rows(
                f"SELECT turn, {self.line}, head FROM {lines} WHERE turn >= ? {until} "
                f"ORDER BY turn LIMIT {count}",
                (first,),
            )
        ):
            for turn, line, head_hash in turns:
                if turn < first:
                    problem = f"turn {turn} lies behind a later one; run verify"
                    raise StoreError("ledger_damaged", self.name, problem)
                first = turn + 1
                text = line
                with suppress(UnicodeDecodeError):
                    text = line.decode() if isinstance(line, bytes) else line
                yield StoredTurn(turn, self._text(text, f"line of turn {turn}"), head_hash)
            if len(turns) < count:
                return
            count = min(2 * count, most)

    def head(self) -> Head:
        """The end of the chain."""
        newest = "ORDER BY turn DESC LIMIT 1"
        blocks = self.blocks if self.layout == LAYOUT else "blocks"
        with suppress(DecodeError, RecursionError):
            for turn, state_digest, head_hash in self._rows(
                f"SELECT turn, state_digest, head FROM turns {newest}"
            ):
                for _, block in self._rows(f"SELECT turn, data FROM {blocks} {newest}"):
                    text = self._text(block, "newest block")
                    found = _decode_hashed(text)
                    return Head(turn, state_digest, head_hash, found.hash)
        raise StoreError(
            "ledger_damaged", self.name, "holds no turn with a block; restore it from a backup"
        )

    def snapshots(self) -> Iterator[Snapshot]:
        """Kept states, newest first, one in memory at a time."""
        older, values = "", tuple[int, ...]()
        newer = None
        while found := list(
            self._rows(
                f"SELECT turn, state FROM snapshots {older} ORDER BY turn DESC LIMIT 1", values
            )
        ):
            ((turn, state),) = found
            self._text(state, f"snapshot of turn {turn}")
            if newer is not None and turn >= newer:
                problem = f"the snapshot of turn {turn} lies behind an earlier one; run verify"
                raise StoreError("ledger_damaged", self.name, problem)
            newer = turn
            yield Snapshot(turn, state)
            older, values = "WHERE turn < ?", (turn,)

    def accounts(self) -> list[tuple[int, str]]:
        """The chart of accounts as it was found: numbers and names."""
        return list(self._rows("SELECT account, name FROM accounts ORDER BY account"))

    def problems(self) -> Iterator[str]:
        """Alterations of its shape, rows of no turn, copies of parts of lines that differ."""
        yield from self._alterations()
        for (turn,) in self._rows("SELECT turn FROM turns WHERE turn < 0 LIMIT 1"):
            yield f"turns has a turn {turn} before genesis"
        if next(self._rows("SELECT turn FROM snapshots LIMIT 1"), None) is None:
            yield "snapshots is empty"
        for (turn,) in self._rows(
            "SELECT turn FROM snapshots WHERE turn NOT IN (SELECT turn FROM turns)"
        ):
            yield f"snapshots holds a state of turn {turn}, which is not closed"
        for (turn,) in self._rows(self.false_copies if self.layout == LAYOUT else STRAYS):
            yield f"what is kept of turn {turn} beside its line is not part of it"

    def _insert(self, table: str, *rows: tuple[object, ...]) -> None:
        self._write(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    def _check_layout(self, layout: object, *, write: bool) -> None:
        """Compare layout and shape before any row is read.

        Raises:
            StoreError: It is of another layout, or something was altered, added or removed.
        """
        if layout not in (LAYOUT, OLD_LAYOUT):
            raise StoreError(
                "ledger_format",
                self.name,
                f"has layout {layout} and this release reads {OLD_LAYOUT} and {LAYOUT}; "
                "open it with the release that wrote it",
            )
        self.layout = LAYOUT if layout == LAYOUT else OLD_LAYOUT
        for altered in self._alterations():
            raise StoreError(
                "ledger_damaged",
                self.name,
                f"{altered}; undo it, or restore the ledger from a backup",
            )
        if write and self.layout == OLD_LAYOUT:
            raise StoreError(
                "ledger_format",
                self.name,
                f"has layout {OLD_LAYOUT}, which is only read; to play on, convert it with "
                "`sim-economy copy OLD NEW` and name the new one",
            )

    def _alterations(self) -> Iterator[str]:
        """What is not shaped as a ledger is."""
        found = set(self._shape())
        strange = {name for name, *_ in found ^ self.declared}
        if self.layout == OLD_LAYOUT:
            same = digest(repr(sorted(found)).encode()) == self.old_shape
            strange = set() if same else {"a table"}
        if strange:
            yield f"{', '.join(sorted(strange))}: added, altered or missing"

    def _text(self, value: object, what: str) -> bytes:
        if not isinstance(value, str):
            raise StoreError("ledger_damaged", self.name, f"the {what} is not text; run verify")
        return value.encode()
