"""What an agent saw, as tables: its account, the open turn, its contracts, the others, goods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from json import dumps
from typing import Any, Final

from sim_economy.core.contracts import Reputation
from sim_economy.core.state import NewestBlock, Release
from sim_economy.reports.tables import Table, Value


def observation_tables(seen: Mapping[str, Any]) -> list[Table]:
    """The observation of an agent, as plain values, in tables; what is empty is left out."""
    tables = (
        _pairs("account", "Its account", _account(seen)),
        _pairs("open_turn", "The open turn", _open_turn(seen)),
        _rows("waiting", "Waiting for a block", seen.get("transactions")),
        _rows("stake", "Stake on its way back", _named(seen.get("releases"), _RELEASE)),
        _rows("contracts", "Its contracts", [*map(_contract, _items(seen.get("contracts")))]),
        _rows(
            "ended",
            "Contracts that ended last turn",
            [*map(_ended, _items(seen.get("contracts_ended")))],
        ),
        _rows("others", "What all agents see of each other", [*_agents(seen)]),
        _pairs("goods", "Information goods it sold or bought, by contract", seen.get("payloads")),
        _pairs("further", "Further", {key: seen[key] for key in seen if key not in _SHOWN}),
    )
    return [table for table in tables if table.rows]


_SHOWN: Final = frozenset(
    {
        "agent_id", "turn", "accounts", "studies", "transactions", "releases", "contracts",
        "contracts_ended", "payloads", "rejection", "tip", "fees_collected", "token_supply",
        "core_owners", "reputations", "speech",
    }
)  # fmt: skip
_RELEASE: Final = Release.__struct_fields__
_TRIVIAL: Final = (None, "", 0, False)


def _account(seen: Mapping[str, Any]) -> dict[str, Any]:
    own = {**_mapping(seen.get("accounts")), "studies": seen.get("studies")}
    return own | {"last action refused because": seen.get("rejection")}


def _open_turn(seen: Mapping[str, Any]) -> dict[str, Any]:
    last = seen.get("turn")
    block = dict(zip(NewestBlock.__struct_fields__, _items(seen.get("tip")), strict=False))
    return {
        "open turn": last + 1 if isinstance(last, int) else last,
        "newest block: turn": block.get("turn"),
        "newest block: winner": block.get("winner"),
        "newest block: by": block.get("validator_type"),
        "fees charged last turn": seen.get("fees_collected"),
        "token supply": seen.get("token_supply"),
    }


def _contract(contract: Any) -> Any:
    """A contract with its deal on the same row, without terms that it does not have."""
    if not isinstance(contract, Mapping):
        return contract
    deal = _mapping(contract.get("deal"))
    parties = dict(zip(_PARTIES, _items(deal.get("parties")), strict=False))
    flat = {"contract": contract.get("contract_id"), "kind": deal.get("kind"), **parties}
    flat |= {key: contract.get(key) for key in ("stage", "until")}
    rest = {**contract, **deal}
    flat |= {
        key: value
        for key, value in rest.items()
        if key not in {*_REPEATED, *flat} and value not in _TRIVIAL
    }
    return flat


def _ended(contract: Any) -> Any:
    """A contract that ended, its parties by their indices."""
    if not isinstance(contract, Mapping):
        return contract
    seats = dict(zip(_PARTIES, _items(contract.get("seats")), strict=False))
    rest = {key: value for key, value in contract.items() if key not in _REPEATED}
    return {
        "contract": contract.get("contract_id"),
        **rest,
        **{f"{key} (index)": seats[key] for key in seats},
    }


_PARTIES: Final = ("proposer", "counterparty", "arbitrator")
_REPEATED: Final = frozenset({"contract_id", "deal", "seats", "parties"})


def _agents(seen: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each agent that is known for something, or said something."""
    owners, speech = _mapping(seen.get("core_owners")), _mapping(seen.get("speech"))
    records = _mapping(seen.get("reputations"))
    for name in dict.fromkeys([*owners, *records, *speech]):
        record = dict(zip(Reputation.__struct_fields__, _items(records.get(name)), strict=False))
        known = {key: record.get(key) for key in Reputation.__struct_fields__[1:] if records}
        shares = {"core shares": owners.get(name)} if owners else {}
        yield {"agent": name, "said last turn": speech.get(name)} | shares | known


def _named(rows: Any, names: Sequence[str]) -> list[Any]:
    """Rows without names, as they are kept, with them."""
    return [dict(zip(names, _items(row), strict=False)) for row in _items(rows)]


def _pairs(name: str, title: str, values: Any) -> Table:
    """Names and values, a row each, without what is not there."""
    rows = [(str(key), _cell(value)) for key, value in _mapping(values).items()]
    return Table(name, title, ("name", "value"), tuple(row for row in rows if row[1] is not None))


def _rows(name: str, title: str, rows: Any) -> Table:
    """Rows under their names; a column after the first with nothing in it is left out."""
    mappings = [row if isinstance(row, Mapping) else {"": row} for row in _items(rows)]
    first, *further = dict.fromkeys(key for row in mappings for key in row) or [""]
    filled = [key for key in further if any(row.get(key) not in _TRIVIAL for row in mappings)]
    filled.insert(0, first)
    cells = tuple(tuple(_cell(row.get(key)) for key in filled) for row in mappings)
    return Table(name, title, tuple(map(str, filled)), cells)


def _cell(value: Any) -> Value:
    """A value as a cell; one with parts as JSON, whatever a stranger's record holds."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return dumps(value, ensure_ascii=False)


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
