"""A world as rows of tables: turns become rows, rows become lines, in any database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar, Final, TypeAlias

from msgspec import Raw
from msgspec.structs import astuple

from sim_economy.core.accounts import chart_of
from sim_economy.core.codec import canonical
from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import (
    LISTS,
    Genesis,
    Head,
    Receipt,
    Signature,
    StoredTurn,
    Submission,
    bound_digest,
    line_of_rows,
)
from sim_economy.ledger.stores.protocol import Snapshot

Rows: TypeAlias = Mapping[str, Sequence[Sequence[object]]]
"""Rows by table, each as wide as its table."""

_TURNS_READ: Final = 256
"""Turns read at a time, so that a long ledger is never in memory as a whole."""

_PARTS: Final = {
    "inputs": "turn, data, rejection, public_key, signature",
    "postings": "turn, source, target, amount, reason",
    **dict.fromkeys(LISTS, "turn, data"),
    "blocks": "turn, data, public_key, signature",
}
NUMBERED: Final = ("inputs", "postings", *LISTS)
"""Tables whose rows have a position in their turn, from 0 on."""


def turn_rows(stored: StoredTurn, receipt: Receipt | None, state: str | None) -> Rows:
    """The rows that one turn adds."""
    record, turn = stored.record, stored.turn
    signatures = record.signatures or (None,) * len(record.inputs)
    bill, supply = astuple(record.bill), record.token_supply
    rows: dict[str, Sequence[Sequence[object]]] = {
        "turns": [(turn, int(record.ends), *bill, supply, record.state_digest, stored.head_hash)],
        "inputs": [
            (turn, index, bytes(text).decode(), outcome and str(outcome), *_columns(signature))
            for index, (text, outcome, signature) in enumerate(
                zip(record.inputs, record.outcomes, signatures, strict=True)
            )
        ],
        "postings": [
            (turn, index, posting.source, posting.target, posting.amount, str(posting.reason))
            for index, posting in enumerate(record.postings)
        ],
    }
    for table in LISTS:
        rows[table] = [
            (turn, index, canonical(value).decode())
            for index, value in enumerate(getattr(record, table))
        ]
    if record.block is not None:
        text = canonical(record.block).decode()
        rows["blocks"] = [(turn, text, *_columns(record.block_signature))]
    if state is not None:
        rows["snapshots"] = [(turn, state)]
    if receipt is not None:
        checksum = bound_digest(stored.head_hash, receipt)
        request, answer = receipt.request_digest, receipt.answer
        rows["receipts"] = [(receipt.idempotency_key, receipt.turn, request, answer, checksum)]
    return {table: found for table, found in rows.items() if found}


def genesis_rows(genesis: Genesis) -> Rows:
    """The rows of a world before its turn 0."""
    return {
        "genesis": [(canonical(genesis).decode(),)],
        "accounts": chart_of(genesis.agent_ids),
    }


def submission_rows(submission: Submission, head_hash: str) -> Rows:
    """The rows that an accepted input adds.

    Args:
        head_hash: The chain head it was accepted after.
    """
    text = bytes(submission.input).decode()
    checksum = bound_digest(head_hash, submission)
    columns = _columns(submission.signature)
    return {"submissions": [(submission.index, submission.turn, text, *columns, checksum)]}


class RowReader(ABC):
    """Everything that is read of a world, in SQL that every database here understands.

    Attributes:
        name: How messages call it.
    """

    name: str
    block_hash: ClassVar[str]
    """The hash in a block's JSON, in this database's SQL."""

    @abstractmethod
    def _rows(self, query: str, values: tuple[object, ...] = ()) -> Iterator[Any]:
        """The rows of a query, its values marked with `?`.

        Raises:
            StoreError: It cannot be answered.
        """

    def submissions(self) -> list[Submission]:
        """The inputs accepted for the open turn."""
        return [submission for submission, _ in self.checksums()]

    def checksums(self) -> Iterator[tuple[Submission, str]]:
        """Every accepted input with its checksum."""
        for index, turn, text, key, signature, checksum in self._rows(
            "SELECT * FROM submissions ORDER BY position"
        ):
            if not isinstance(text, str):
                raise StoreError(
                    "ledger_damaged", self.name, f"the accepted input {index} is not text"
                )
            yield (
                Submission(turn, index, Raw(text.encode()), _signature(key, signature)),
                checksum,
            )

    def receipt(self, idempotency_key: str) -> Receipt | None:
        """The stored answer under a key."""
        rows = self._rows("SELECT * FROM receipts WHERE idempotency_key = ?", (idempotency_key,))
        return next(
            (Receipt(turn, key, request, text) for key, turn, request, text, _ in rows), None
        )

    def receipts(self) -> Iterator[tuple[Receipt, str]]:
        """Every stored answer with its checksum."""
        for key, turn, request, answer, checksum in self._rows(
            "SELECT * FROM receipts ORDER BY turn"
        ):
            yield Receipt(turn, key, request, answer), checksum

    def genesis_line(self) -> bytes:
        """The first record as it was found."""
        lines = [str(text).encode() for (text,) in self._rows("SELECT data FROM genesis")]
        if len(lines) != 1:
            raise StoreError("ledger_damaged", self.name, f"holds {len(lines)} genesis records")
        return lines[0]

    def read(self, first: int = 0, last: int | None = None) -> Iterator[StoredTurn]:
        """Turns in order, composed from their rows."""
        until = "" if last is None else f"AND turn <= {last:d}"
        while turns := list(
            self._rows(
                f"SELECT * FROM turns WHERE turn >= ? {until} ORDER BY turn LIMIT {_TURNS_READ}",
                (first,),
            )
        ):
            newest = turns[-1][0]
            yield from self._composed(turns, (turns[0][0], newest))
            if len(turns) < _TURNS_READ:
                return
            first = newest + 1

    def _composed(self, turns: Sequence[Any], span: tuple[int, int]) -> Iterator[StoredTurn]:
        parts = {
            table: _ByTurn(
                self._rows(
                    f"SELECT {columns} FROM {table} WHERE turn BETWEEN ? AND ? ORDER BY turn"
                    + (", position" if table in NUMBERED else ""),
                    span,
                )
            )
            for table, columns in _PARTS.items()
        }
        for *scalars, state_digest, head_hash in turns:
            turn = scalars[0]
            found = {table: rows.of(turn) for table, rows in parts.items()}
            try:
                line = line_of_rows(
                    scalars,
                    [
                        (text, outcome, _signature(key, signature))
                        for _, text, outcome, key, signature in found["inputs"]
                    ],
                    [row[1:] for row in found["postings"]],
                    {table: [text for _, text in found[table]] for table in LISTS},
                    next(((text, _signature(*pair)) for _, text, *pair in found["blocks"]), None),
                    state_digest,
                )
            except (AttributeError, TypeError, ValueError, UnicodeError) as error:
                raise StoreError(
                    "ledger_damaged", self.name, f"turn {turn} holds a value of a wrong type"
                ) from error
            yield StoredTurn(turn, line, head_hash)

    def head(self) -> Head:
        """The end of the chain."""
        for row in self._rows(
            f"SELECT turns.turn, state_digest, head, {self.block_hash} FROM turns "
            "JOIN blocks ON blocks.turn = (SELECT MAX(turn) FROM blocks) "
            "ORDER BY turns.turn DESC LIMIT 1"
        ):
            return Head(*row)
        raise StoreError("ledger_damaged", self.name, "holds no turn; restore it from a backup")

    def snapshots(self) -> Iterator[Snapshot]:
        """Kept states, newest first, one in memory at a time."""
        older, values = "", tuple[int, ...]()
        while found := list(
            self._rows(
                f"SELECT turn, state FROM snapshots {older} ORDER BY turn DESC LIMIT 1", values
            )
        ):
            ((turn, state),) = found
            if not isinstance(state, str):
                raise StoreError(
                    "ledger_damaged", self.name, f"the snapshot of turn {turn} is not text"
                )
            yield Snapshot(turn, state)
            older, values = "WHERE turn < ?", (turn,)

    def accounts(self) -> list[tuple[int, str]]:
        """The chart of accounts as it was found: numbers and names."""
        return list(self._rows("SELECT account, name FROM accounts ORDER BY account"))

    def _row_problems(self) -> Iterator[str]:
        """Rows that belong to no turn, and positions with gaps."""
        for (turn,) in self._rows("SELECT turn FROM turns WHERE turn < 0 LIMIT 1"):
            yield f"turns has a turn {turn} before genesis"
        if next(self._rows("SELECT turn FROM snapshots LIMIT 1"), None) is None:
            yield "snapshots is empty"
        for table in (*_PARTS, "snapshots"):
            for (turn,) in self._rows(
                f"SELECT turn FROM {table} WHERE NOT EXISTS "
                f"(SELECT 1 FROM turns WHERE turns.turn = {table}.turn) LIMIT 1"
            ):
                yield f"{table} holds rows of turn {turn}, which is not closed"
        for table in NUMBERED:
            for (turn,) in self._rows(
                f"SELECT turn FROM {table} GROUP BY turn "
                "HAVING MIN(position) <> 0 OR MAX(position) <> COUNT(*) - 1 LIMIT 1"
            ):
                yield f"{table} of turn {turn} are not numbered without gaps"


class _ByTurn:
    """Rows ordered by turn, handed out turn by turn."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._groups = groupby(rows, itemgetter(0))
        self._next: tuple[int, list[Any]] | None = None

    def of(self, turn: int) -> list[Any]:
        """The rows of a turn; turns must be asked for in order."""
        while self._next is None or self._next[0] < turn:
            found = next(self._groups, None)
            if found is None:
                return []
            self._next = found[0], list(found[1])
        return self._next[1] if self._next[0] == turn else []


def _columns(signature: Signature | None) -> tuple[str | None, str | None]:
    return (None, None) if signature is None else (signature.public_key, signature.signature)


def _signature(key: str | None, signature: str | None) -> Signature | None:
    if key is None and signature is None:
        return None
    return Signature(key, signature)  # type: ignore[arg-type]
