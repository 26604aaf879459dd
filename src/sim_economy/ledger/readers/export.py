"""A ledger as files and tables other programs read.

The canonical export is the genesis line and every turn's line as JSON Lines: same scenario, seed
and inputs, same bytes, whatever store they were kept in.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import json

from sim_economy.core.accounts import account_name, holdings
from sim_economy.core.contracts import OWN_TERMS, Deal
from sim_economy.core.errors import ExtraMissingError, InputError
from sim_economy.ledger.readers.reading import account_balances, genesis_record, reading
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
    """The rows of one of `TABLES`, in order."""
    agent_ids = genesis_record(store).agent_ids
    if table == "balances":
        for record, accounts in account_balances(store):
            for agent, agent_id in enumerate(agent_ids):
                yield {"turn": record.turn, "agent_id": agent_id, **holdings(accounts, agent)}
        return
    for stored in store.read():
        record = stored.record
        if table == "turns":
            yield {**_turn(record), "state_digest": record.state_digest, "head": stored.head_hash}
        else:
            yield from TABLES[table](record, agent_ids)


def frame(source: Store | str | Path, table: str) -> polars.DataFrame:
    """One of `TABLES` as a polars data frame.

    Raises:
        InputError: No such table.
        ExtraMissingError: polars is not installed.
    """
    if table not in COLUMNS:
        raise InputError("table", f"must be one of {', '.join(COLUMNS)}")
    library = _polars("a data frame")
    with reading(source) as store:
        rows = list(table_rows(store, table))
    built: polars.DataFrame = library.DataFrame(
        rows, schema=None if rows else COLUMNS[table], infer_schema_length=None
    )
    return built


def write_jsonl(store: Store, path: Path) -> None:
    """The canonical export to a file."""
    with path.open("wb") as file:
        for line in canonical_lines(store):
            file.write(line + b"\n")


def write_csv(store: Store, folder: Path) -> list[Path]:
    """Every table as `TABLE.csv`."""
    paths = []
    for table, columns in COLUMNS.items():
        path = folder / f"{table}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(table_rows(store, table))
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
        frame(store, table).write_parquet(path)
        paths.append(path)
    return paths


def _polars(work: str) -> Any:
    try:
        import polars  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ExtraMissingError(work, "polars", "report") from None
    return polars


def _turn(record: TurnRecord) -> Cells:
    bill = record.bill
    return {
        "turn": record.turn,
        "ends": int(record.ends),
        "fees_collected": bill.charged,
        "fees_covered": bill.covered,
        "fees_waived": bill.waived,
        "dividends": bill.dividends,
        "token_supply": record.token_supply,
        "block_winner": record.block.winner if record.block else None,
    }


def _postings(record: TurnRecord, agent_ids: tuple[str, ...]) -> Iterator[Cells]:
    for index, posting in enumerate(record.postings):
        yield {
            "turn": record.turn,
            "position": index,
            "source": account_name(posting.source, agent_ids),
            "target": account_name(posting.target, agent_ids),
            "amount": posting.amount,
            "reason": str(posting.reason),
        }


def _inputs(record: TurnRecord, agent_ids: tuple[str, ...]) -> Iterator[Cells]:
    del agent_ids
    for index, (text, outcome) in enumerate(zip(record.inputs, record.outcomes, strict=True)):
        submitted = json.decode(text)
        action = submitted["action"]
        yield {
            "turn": record.turn,
            "position": index,
            "agent_id": submitted["agent_id"],
            "action": action["action"],
            "amount": action.get("amount"),
            "fee": action.get("fee"),
            "to": action.get("to"),
            "thinking_units": submitted.get("thinking_units", 0),
            "output_units": submitted.get("output_units", 0),
            "speech": submitted.get("speech"),
            "thinking": submitted.get("thinking"),
            "rejection": outcome and str(outcome),
        }


def _transactions(record: TurnRecord, agent_ids: tuple[str, ...]) -> Iterator[Cells]:
    del agent_ids
    for transaction in record.transactions:
        yield {
            "turn": record.turn,
            "tx_type": str(transaction.tx_type),
            "agent_id": transaction.agent_id,
            "to": transaction.to,
            "amount": transaction.amount,
            "fee": transaction.fee,
            "submitted": transaction.submitted,
        }


def _contracts(record: TurnRecord, agent_ids: tuple[str, ...]) -> Iterator[Cells]:
    del agent_ids
    for index, event in enumerate(record.contracts):
        yield {
            "turn": record.turn,
            "position": index,
            "contract_id": event.contract_id,
            "happened": str(event.happened),
            "agent_id": event.agent_id,
            **_deal(event.deal),
            "until": event.until,
            "amount": event.amount,
            "favoured": event.favoured and str(event.favoured),
            "refusal": event.refusal and str(event.refusal),
            "reason": event.reason and str(event.reason),
            "fault": " ".join(event.fault) or None,
            "counted": int(event.counted),
        }


def _deal(deal: Deal | None) -> Cells:
    """The deal in the row of the event that made it; empty in the others."""
    if deal is None:
        return dict.fromkeys(DEAL_COLUMNS)
    proposer, counterparty, arbitrator = deal.parties
    secured = zip(("proposer", "counterparty", "arbitrator"), deal.collaterals, strict=True)
    return {
        "kind": str(deal.kind),
        "settlement": str(deal.settlement),
        "proposer": proposer,
        "counterparty": counterparty,
        "arbitrator": arbitrator,
        "due_turn": deal.due_turn,
        **{f"{role}_collateral": collateral for role, collateral in secured},
        "arbitrator_fee": deal.arbitrator_fee,
        **{
            term: getattr(deal, term) if term in OWN_TERMS[deal.kind] else None
            for term in _OWN_TERMS
        },
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


def _blocks(record: TurnRecord, agent_ids: tuple[str, ...]) -> Iterator[Cells]:
    del agent_ids
    if record.block is not None:
        block = record.block
        yield {
            "turn": block.turn,
            "winner": block.winner,
            "validator_type": block.validator_type and str(block.validator_type),
            "transactions": block.transactions,
            "tips": block.tips,
            "hash": block.hash,
        }


_Rows = Callable[[TurnRecord, tuple[str, ...]], Iterator[Cells]]
TABLES: Final[Mapping[str, _Rows]] = {
    "postings": _postings,
    "inputs": _inputs,
    "transactions": _transactions,
    "contracts": _contracts,
    "blocks": _blocks,
}
"""Tables whose rows each come from one record."""

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
