"""A ledger as files and tables other programs read.

The canonical export is the genesis line and every turn's line as JSON Lines: same scenario, seed
and inputs, same bytes, whatever store they were kept in.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import json, to_builtins

from sim_economy.core.accounts import account_name, holdings
from sim_economy.core.contracts import OWN_TERMS, Deal, Role
from sim_economy.core.errors import ExtraMissingError, InputError
from sim_economy.ledger.readers.plain_text import write_csv_rows
from sim_economy.ledger.readers.reading import (
    LedgerSource,
    account_balances,
    genesis_record,
    reading,
)
from sim_economy.ledger.records import TurnRecord
from sim_economy.ledger.stores.protocol import Store

if TYPE_CHECKING:
    import polars

Cells = dict[str, int | str | None]
"""One row of a table, by column."""


def canonical_lines(store: Store) -> Iterator[bytes]:
    """The canonical export, line by line, without line ends."""
    yield store.genesis_line()
    for stored in store.read():
        yield stored.line


def table_rows(store: Store, table: str) -> Iterator[Cells]:
    """The rows of one of `COLUMNS`, in order."""
    agent_ids = genesis_record(store).agent_ids
    if table == "balances":
        for record, accounts in account_balances(store):
            for agent, agent_id in enumerate(agent_ids):
                yield {"turn": record.turn, "agent_id": agent_id, **holdings(accounts, agent)}
        return
    for stored in store.read():
        of_turn = {"turn": stored.turn, "head": stored.head_hash}
        for index, row in enumerate(TABLES[table](stored.record, agent_ids)):
            cells = {**of_turn, "position": index, **row}
            yield {column: cells.get(column) for column in COLUMNS[table]}


def frame(source: LedgerSource, table: str) -> polars.DataFrame:
    """One of `COLUMNS` as a polars data frame; a column is of one type in every ledger.

    Numbers are whole, and null where a row has none. pandas keeps them so with
    `frame(...).to_pandas(use_pyarrow_extension_array=True)`; plain `to_pandas()` makes floats of
    them.

    Raises:
        InputError: No such table.
        ExtraMissingError: polars is not installed.
    """
    if not isinstance(table, str) or table not in COLUMNS:
        raise InputError("table", f"must be one of {', '.join(COLUMNS)}")
    library = _polars("a data frame")
    with reading(source) as store:
        rows = list(table_rows(store, table))
    types = {
        column: library.String if column in _TEXTS else library.Int64 for column in COLUMNS[table]
    }
    built: polars.DataFrame = library.DataFrame(rows, schema=types)
    return built


def write_jsonl(store: Store, path: Path) -> None:
    """The canonical export to a file."""
    with path.open("wb") as file:
        for line in canonical_lines(store):
            file.write(line + b"\n")


def write_csv(store: Store, folder: Path, *, raw: bool = False) -> list[Path]:
    """Every table as `TABLE.csv`.

    Args:
        raw: Write texts as they are, whatever a spreadsheet makes of them (see `csv_cell`).
    """
    paths = []
    for table, columns in COLUMNS.items():
        path = folder / f"{table}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            write_csv_rows(file, columns, table_rows(store, table), raw=raw)
        paths.append(path)
    return paths


def write_parquet(store: Store, folder: Path) -> list[Path]:
    """Every table as `TABLE.parquet`.

    Raises:
        ExtraMissingError: polars is not installed.
    """
    _polars("Parquet")
    paths = []
    for table in COLUMNS:
        path = folder / f"{table}.parquet"
        content = io.BytesIO()
        frame(store, table).write_parquet(content)
        path.write_bytes(content.getvalue())
        paths.append(path)
    return paths


def _polars(work: str) -> Any:
    try:
        import polars  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ExtraMissingError(work, "polars", "report") from None
    return polars


def _turns(record: TurnRecord, agent_ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    del agent_ids
    yield {
        "ends": int(record.ends),
        "fees_collected": record.bill.charged,
        "fees_covered": record.bill.covered,
        "fees_waived": record.bill.waived,
        "dividends": record.bill.dividends,
        "token_supply": record.token_supply,
        "block_winner": record.block and record.block.winner,
        "state_digest": record.state_digest,
    }


def _postings(record: TurnRecord, agent_ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    for posting in record.postings:
        yield {
            "source": account_name(posting.source, agent_ids),
            "target": account_name(posting.target, agent_ids),
            "amount": posting.amount,
            "reason": str(posting.reason),
        }


def _inputs(record: TurnRecord, agent_ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    del agent_ids
    for text, outcome in zip(record.inputs, record.outcomes, strict=True):
        sent = json.decode(text)
        usage = {"thinking_units": 0, "output_units": 0}
        yield {**usage, **sent, **sent["action"], "rejection": outcome and str(outcome)}


def _transactions(record: TurnRecord, agent_ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    del agent_ids
    yield from map(to_builtins, record.transactions)


def _contracts(record: TurnRecord, agent_ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    del agent_ids
    for event in record.contracts:
        yield {
            **(_deal(event.deal) if event.deal else {}),
            **to_builtins(event),
            "fault": " ".join(event.fault) or None,
            "counted": int(event.counted),
        }


def _deal(deal: Deal) -> Mapping[str, Any]:
    """The deal in the row of the event that made it."""
    roles = [role.name.lower() for role in Role]
    secured = zip(roles, deal.collaterals, strict=True)
    return {
        **to_builtins(deal),
        **dict(zip(roles, deal.parties, strict=True)),
        **{f"{role}_collateral": collateral for role, collateral in secured},
        **{term: getattr(deal, term) for term in OWN_TERMS[deal.kind]},
    }


_OWN_TERMS: Final = tuple(dict.fromkeys(term for terms in OWN_TERMS.values() for term in terms))
DEAL_COLUMNS: Final = (
    "kind",
    "settlement",
    "proposer",
    "counterparty",
    "arbitrator",
    "due_turn",
    "proposer_collateral",
    "counterparty_collateral",
    "arbitrator_collateral",
    "arbitrator_fee",
    *_OWN_TERMS,
)


def _blocks(record: TurnRecord, agent_ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    del agent_ids
    if record.block is not None:
        yield to_builtins(record.block)


_Rows = Callable[[TurnRecord, Sequence[str]], Iterator[Mapping[str, Any]]]
TABLES: Final[Mapping[str, _Rows]] = {
    "turns": _turns,
    "postings": _postings,
    "inputs": _inputs,
    "transactions": _transactions,
    "contracts": _contracts,
    "blocks": _blocks,
}
"""Tables whose rows each come from one record, and what a row knows beside turn and place."""

_TEXTS: Final = frozenset(
    (
        *("agent_id", "arbitrator", "block_winner", "counterparty", "favoured", "proposer"),
        *("source", "target", "to", "winner", "head", "state_digest", "hash", "payload_hash"),
        *("action", "happened", "kind", "settlement", "tx_type", "validator_type"),
        *("fault", "reason", "refusal", "rejection", "speech", "thinking"),
    )
)
"""The columns that hold texts; all others hold whole numbers."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "turns": (
        "turn",
        "ends",
        "fees_collected",
        "fees_covered",
        "fees_waived",
        "dividends",
        "token_supply",
        "block_winner",
        "state_digest",
        "head",
    ),
    "balances": ("turn", "agent_id", "balance", "staked", "unstaking", "pending", "escrow"),
    "inputs": (
        "turn",
        "position",
        "agent_id",
        "action",
        "amount",
        "fee",
        "to",
        "thinking_units",
        "output_units",
        "speech",
        "thinking",
        "rejection",
    ),
    "postings": ("turn", "position", "source", "target", "amount", "reason"),
    "transactions": ("turn", "tx_type", "agent_id", "to", "amount", "fee", "submitted"),
    "contracts": (
        "turn",
        "position",
        "contract_id",
        "happened",
        "agent_id",
        *DEAL_COLUMNS,
        "until",
        "amount",
        "favoured",
        "refusal",
        "reason",
        "fault",
        "counted",
    ),
    "blocks": ("turn", "winner", "validator_type", "transactions", "tips", "hash"),
}
"""Columns of every table."""
