"""The figures of each turn, from the records: what moved, who acted, how unequal they are."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import UNSET, Struct, json

from sim_economy.core.accounts import (
    BALANCE,
    DESTROYED,
    PLATFORM,
    STAKED,
    WIDTH,
    PostingReason,
)
from sim_economy.ledger.readers.reading import account_balances
from sim_economy.ledger.records import TurnRecord
from sim_economy.ledger.stores.protocol import Store
from sim_economy.statistics.inequality import (
    gini,
    gini_absolute,
    gini_normalised,
    shifted,
    top_share,
)


class _Action(Struct):
    action: str


class _Sent(Struct):
    action: _Action


_sent = json.Decoder(_Sent).decode


def turn_figures(store: Store, first: int = 1, last: int | None = None) -> Iterator[dict[str, Any]]:
    """The figures of closed turns in order; tokens are whole, shares and Ginis floats.

    Args:
        first: From 1.
        last: Inclusive; the end of the ledger when None.
    """
    for record, accounts in account_balances(store, first, last):
        spread_of_turn = spread(accounts[BALANCE::WIDTH], accounts[STAKED::WIDTH])
        yield figures(record, accounts) | spread_of_turn


def figures(record: TurnRecord, accounts: Sequence[int]) -> dict[str, Any]:
    """The figures of one turn but for how tokens are spread, from all accounts after it."""
    flows: defaultdict[PostingReason, int] = defaultdict(int)
    for posting in record.postings:
        flows[posting.reason] += posting.amount
    actions = Counter([_sent(text).action.action for text in record.inputs])
    return {
        "turn": record.turn,
        "token_supply": record.token_supply,
        "platform": accounts[PLATFORM],
        "destroyed": accounts[DESTROYED],
        "fees_collected": record.bill.charged,
        "fees_covered": record.bill.covered,
        "fees_waived": record.bill.waived,
        "dividends": record.bill.dividends,
        "winner": record.block and record.block.winner,
        "inputs": len(record.inputs),
        "rejections": len(record.outcomes) - record.outcomes.count(None),
        "flows": {reason.value: tokens for reason, tokens in flows.items()},
        "actions": dict(actions),
        **_denied(record),
    }


def _denied(record: TurnRecord) -> dict[str, int]:
    """Units refused for want of tokens; nothing where none was."""
    if record.units_denied is UNSET:
        return {}
    return {"units_denied": sum(refused.units for refused in record.units_denied)}


def spread(balances: Sequence[int], staked: Sequence[int]) -> dict[str, int | float]:
    """The spread of balances, and the inequality of balance plus stake, over agents `[agent]`."""
    owned = [free + kept for free, kept in zip(balances, staked, strict=True)]
    positive = shifted(owned)
    return {
        "negative_agents": sum(balance < 0 for balance in balances),
        "balance_min": min(balances),
        "balance_median": float(statistics.median(balances)),
        "balance_mean": sum(balances) / len(balances),
        "balance_max": max(balances),
        "gini_wealth_shifted": gini(positive),
        "gini_normalised": gini_normalised(owned),
        "gini_absolute": gini_absolute(owned),
        "top1_wealth_shifted_share": top_share(positive),
    }
