"""Traders in worlds that match needs: what they state, and to whom they propose."""

from __future__ import annotations

from typing import Any

import pytest

from sim_economy.agents.policies.arbitrators import Arbitrator
from sim_economy.agents.policies.information import Buyer, Seller
from sim_economy.agents.policies.insurers import Insured, Insurer
from sim_economy.agents.policies.lending import Borrower, Lender
from sim_economy.agents.policies.pools import Member, Organiser
from sim_economy.agents.policies.services import ServiceClient, ServiceProvider
from sim_economy.agents.policy import Policy
from sim_economy.core.contracts import ContractKind
from sim_economy.core.needs import Need, NeedSide
from sim_economy.core.units import MILLION, Millionths
from sim_economy.runs.extended_metrics import MATCHING_METRICS, extended_metrics
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import load_scenario
from tests.agents.scripted_world import PlayedWorld, played_world

ROLES: dict[ContractKind, tuple[Policy, Policy]] = {
    ContractKind.LOAN: (Lender(), Borrower(work_below=0, seeks_below=2000)),
    ContractKind.SERVICE: (
        ServiceProvider(reliability=Millionths(MILLION)),
        ServiceClient(),
    ),
    ContractKind.INFORMATION_SALE: (Seller(), Buyer()),
    ContractKind.INSURANCE: (Insurer(), Insured(margin=400)),
    ContractKind.FORWARD: (Organiser(), Member()),
}


def played(kind: ContractKind, matches: str | None) -> PlayedWorld:
    one, other = ROLES[kind]
    governance = {} if matches is None else {"contract_matching": {"matches": matches}}
    world: dict[str, Any] = {"governance": governance}
    return played_world(12, one=one, other=other, arbitrator=Arbitrator(), world=world)


@pytest.mark.parametrize("kind", ROLES)
def test_matched_traders_make_the_contract_at_the_price_of_their_match(kind: ContractKind) -> None:
    told = played(kind, "shown")
    first = told.turns[0].governance
    assert first
    (match,) = first.matches
    assert (match.kind, match.proposer, match.counterparty) == (kind, 0, 1)
    started = [event.contract_id for _, event in told.events if event.happened == "started"]
    deal = told.deals[started[0]]
    assert deal.parties[:2] == ("one", "other")
    assert deal.proposed == 2
    assert match.price in (deal.price, deal.premium)
    assert match.amount in (1, deal.principal, deal.payout, deal.cap)


@pytest.mark.parametrize("kind", ROLES)
def test_traders_state_what_they_offer_and_seek_and_only_where_it_is_matched(
    kind: ContractKind,
) -> None:
    offer, seek = (sent.needs for sent in played(kind, "counted").inputs[0][:2])
    assert [(need.kind, need.side) for need in offer] == [(kind, NeedSide.OFFER)]
    assert [(need.kind, need.side) for need in seek] == [(kind, NeedSide.SEEK)]
    for inputs in played(kind, None).inputs:
        assert not any(sent.needs for sent in inputs)


def test_a_lender_states_the_most_it_can_lend_at_its_rate() -> None:
    (need,) = played(ContractKind.LOAN, "shown").inputs[0][0].needs
    assert need == Need(ContractKind.LOAN, NeedSide.OFFER, 300, 30)


@pytest.mark.parametrize("kind", ROLES)
def test_traders_whose_matches_are_only_counted_trade_as_without_them(kind: ContractKind) -> None:
    counted, off = played(kind, "counted"), played(kind, None)
    assert counted.deals == off.deals
    assert [turn.postings for turn in counted.turns] == [turn.postings for turn in off.turns]


def market(matches: str) -> Run:
    change = f'governance.contract_matching.matches="{matches}"'
    return play_run(load_scenario("market", [change]), 1)


def test_the_market_s_matches_are_counted_and_those_that_came_to_contracts() -> None:
    counted, shown = market("counted"), market("shown")
    for run in (counted, shown):
        found = extended_metrics(run)
        assert found.keys() >= MATCHING_METRICS.keys()
        matched, turns, proposed, started = (found[name] or 0 for name in MATCHING_METRICS)
        assert 0 < started <= proposed <= matched
        assert 0 < turns <= matched
    assert len(shown.counts.made) < len(counted.counts.made)
    bare = play_run(load_scenario("market"), 1)
    assert not extended_metrics(bare).keys() & MATCHING_METRICS.keys()
    assert bare.counts == counted.counts
