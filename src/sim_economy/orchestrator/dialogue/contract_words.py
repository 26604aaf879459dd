"""Contracts, matches and transactions of an observation, each on a line of words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sim_economy.core.contracts import OWN_TERMS, SETTLEMENTS, ContractKind, Role, Stage

_ROLES: Final = tuple(role.name.lower() for role in Role)


def contract_line(contract: Mapping[str, Any]) -> str:
    """An open contract: its stage, its parties, its deal, what was signed and stated."""
    deal = contract["deal"]
    named = zip(_ROLES, deal["parties"], strict=True)
    parties = ", ".join(f"{role} {name}" for role, name in named)
    return (
        f"Contract {contract['contract_id']} ({deal['kind']}, {contract['stage']} until turn "
        f"{contract['until']}; {parties}): {', '.join([*_deal(deal), *_progress(contract)])}."
    )


def _deal(deal: Mapping[str, Any]) -> Iterator[str]:
    kind = ContractKind(deal["kind"])
    yield from (f"{term} {deal.get(term, 0)}" for term in OWN_TERMS[kind])
    if any(deal["collaterals"]):
        yield f"collaterals {' '.join(map(str, deal['collaterals']))}"
    if deal["arbitrator_fee"]:
        yield f"arbitrator_fee {deal['arbitrator_fee']}"
    yield f"due_turn {deal['due_turn']}"
    if deal["settlement"] != SETTLEMENTS[kind][0]:
        yield f"{deal['settlement']}"
    yield f"proposed in turn {deal['proposed']}"


def _progress(contract: Mapping[str, Any]) -> Iterator[str]:
    for role in ("counterparty", "arbitrator"):
        if contract["stage"] == Stage.PROPOSED and contract[f"{role}_signed"]:
            yield f"{role} has signed"
    if contract["payment"]:
        yield f"{contract['payment']} paid into escrow"
    if contract["claimed"]:
        yield "proposer has confirmed"
    if contract["favoured"] is not None:
        yield f"ruled for the {contract['favoured']}"
    if contract["insured_value"] is not None:
        yield f"insured value {contract['insured_value']}"


def ended_line(ended: Mapping[str, Any], agent_ids: Sequence[str]) -> str:
    """A contract that ended in the last turn."""
    parties = ", ".join(agent_ids[seat] for seat in ended["seats"])
    reason = "" if ended["reason"] is None else f": {ended['reason']}"
    return f"Contract {ended['contract_id']} of {parties} has {ended['stage']}{reason}."


def match_line(match: Mapping[str, Any]) -> str:
    """A contract that the agent and another may make, with the terms of its template."""
    terms = ", ".join(f"{term} {value}" for term, value in match["terms"].items())
    side = {"offer": "you offer, {} seeks", "seek": "you seek, {} offers"}[match["side"]]
    return (
        f"Match: {match['kind']}, {side.format(match['partner'])}; amount {match['amount']}, "
        f"price {match['price']}; usual terms: {terms}."
    )


def transaction_words(waiting: Mapping[str, Any]) -> str:
    """A transaction that waits for a block."""
    to = f" to {waiting['to']}" if waiting.get("to") is not None else ""
    tip = f", fee {waiting['fee']}" if waiting["fee"] else ""
    return f"{waiting['tx_type']} {waiting['amount']}{to}{tip} since turn {waiting['submitted']}"
