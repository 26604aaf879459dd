"""Proposals of contracts: their refusals, and the deals they offer.

Source: docs/spec/economy.md, K1.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Final

from sim_economy.core.actions import ProposeContract
from sim_economy.core.contracts import (
    OWN_TERMS,
    SETTLEMENTS,
    ContractKind,
    Deal,
    Settlement,
    Terms,
)
from sim_economy.core.events import RejectionReason as Reason

LEAST: Final[Mapping[str, int]] = {
    "proposer_collateral": 0,
    "counterparty_collateral": 0,
    "arbitrator_collateral": 0,
    "arbitrator_fee": 0,
    "price": 0,
    "principal": 1,
    "premium": 0,
    "payout": 1,
    "cap": 1,
    "start_turn": 1,
}
"""The least that each term may be; a trigger may be anything."""

DUE_TURNS_LEAST: Final = 2
"""The fewest turns from a proposal to its due turn."""

_OWNED: Final = frozenset(term for terms in OWN_TERMS.values() for term in terms)
HASH_PATTERN: Final = "[0-9a-f]{64}"
"""What the hash of a payload looks like, in lowercase hex."""

_HASH: Final = re.compile(HASH_PATTERN)


def proposal_refusal(
    action: ProposeContract, agent_id: str, turn: int, agent_ids: Container[str]
) -> Reason | None:
    """The gravest reason to refuse a proposal, or None.

    Args:
        agent_id: The proposer.
        agent_ids: Everyone who can be a party.

    Source: docs/spec/economy.md, K1.
    """
    if action.kind is None or action.kind not in OWN_TERMS:
        return Reason.KIND_UNKNOWN
    kind = ContractKind(action.kind)
    others = (action.counterparty, action.arbitrator)
    if None in others:
        return Reason.PARTY_MISSING
    if any(other not in agent_ids for other in others):
        return Reason.PARTY_UNKNOWN
    if len({agent_id, *others}) < len(others) + 1:
        return Reason.PARTIES_NOT_DISTINCT
    terms = action.terms
    if terms.settlement is not None and terms.settlement not in SETTLEMENTS[kind]:
        return Reason.SETTLEMENT_NOT_OF_KIND
    return _terms_refusal(kind, terms) or _deal_refusal(deal(action, agent_id, turn))


def _terms_refusal(kind: ContractKind, terms: Terms) -> Reason | None:
    stated = {name for name in terms.__struct_fields__ if getattr(terms, name) is not None}
    own = set(OWN_TERMS[kind])
    if (stated & _OWNED) - own:
        return Reason.TERM_NOT_OF_KIND
    if not own | {"due_turn"} <= stated:
        return Reason.TERM_MISSING
    too_low = any(getattr(terms, name) < LEAST[name] for name in stated & LEAST.keys())
    return Reason.TERM_TOO_LOW if too_low else None


def _deal_refusal(offered: Deal) -> Reason | None:
    if offered.due_turn < offered.proposed + DUE_TURNS_LEAST:
        return Reason.DUE_TURN_TOO_EARLY
    if offered.start_turn > offered.due_turn:
        return Reason.START_TURN_TOO_LATE
    sells_information = offered.kind is ContractKind.INFORMATION_SALE
    if sells_information and not _HASH.fullmatch(offered.payload_hash):
        return Reason.PAYLOAD_HASH_MALFORMED
    proposer, counterparty, arbitrator = offered.collaterals
    if offered.arbitrator_fee > min(proposer, counterparty):
        return Reason.ARBITRATOR_FEE_TOO_HIGH
    attested = offered.settlement is Settlement.ATTESTED
    return Reason.ARBITRATOR_COLLATERAL_TOO_LOW if attested and arbitrator < offered.price else None


def deal(action: ProposeContract, agent_id: str, turn: int) -> Deal:
    """The deal that a proposal with all its terms offers; one it need not state is zero.

    Source: docs/spec/economy.md, K1.
    """
    assert action.counterparty is not None, action
    assert action.arbitrator is not None, action
    kind = ContractKind(str(action.kind))
    terms = action.terms
    own = {name: getattr(terms, name) for name in OWN_TERMS[kind]}
    return Deal(
        kind=kind,
        settlement=_settlement(kind, terms),
        parties=(agent_id, action.counterparty, action.arbitrator),
        proposed=turn,
        due_turn=terms.due_turn or 0,
        collaterals=(
            terms.proposer_collateral or 0,
            terms.counterparty_collateral or 0,
            terms.arbitrator_collateral or 0,
        ),
        arbitrator_fee=terms.arbitrator_fee or 0,
        **own,
    )


def _settlement(kind: ContractKind, terms: Terms) -> Settlement:
    return SETTLEMENTS[kind][0] if terms.settlement is None else Settlement(terms.settlement)
