"""The fold names what in a record contradicts the interventions that genesis states."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from sim_economy.core.accounts import BALANCE, PLATFORM, WIDTH, Posting, PostingReason, Repayment
from sim_economy.core.actions import (
    Idle,
    Input,
    Job,
    Mine,
    ProposeContract,
    SellInformation,
    SignContract,
    Stake,
    Study,
)
from sim_economy.core.contracts import ContractKind, Terms
from sim_economy.core.events import AgentTokens, GovernanceTurn
from sim_economy.core.needs import ContractMatch, Need, NeedSide
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.records import TurnRecord
from sim_economy.world.world import World
from tests.ledger.test_income_fold import problems, record_of

RULES: Final[dict[str, Any]] = {
    "fee_cap": {"cap_ratio": Decimal("1.5"), "base": "productive_surplus", "window_turns": 2}
}


def played(rules: dict[str, Any] | None = None) -> World:
    """Three turns in which the cap binds, with tips, a block and a worker."""
    world = World(
        parse_world_config({"num_agents": 3, "block_threshold": 10, "governance": rules or RULES})
    )
    for _ in range(3):
        world.turn(
            [
                Input("agent_0", Stake(5, 3), output_units=300),
                Input("agent_1", Mine(), output_units=201),
                Input("agent_2", Job(), output_units=150),
            ]
        )
    return world


GOVERNED: Final[dict[str, Any]] = {
    "debt_rails": {"debt_cap": 0, "cooldown_turns": 1, "repayment_share": Decimal("0.5")},
    "concentration_monitor": {"gini_max": 0, "from_turn": 1, "response": "levy"},
}


def indebted(**monitor: Any) -> World:
    """Turns in which agent_0 is lent to and repays out of a bonus, with levies or relief."""
    rules = {**GOVERNED, "concentration_monitor": GOVERNED["concentration_monitor"] | monitor}
    world = World(parse_world_config({"num_agents": 3, "governance": rules}))
    world.turn([Input("agent_0", Idle(), 0, 1500), Input("agent_1", Idle(), 0, 300)])
    world.turn([Input("agent_0", Job(), output_units=90), Input("agent_1", Idle(), 0, 300)])
    world.turn([Input("agent_0", Idle(), output_units=1500)])
    return world


def did(record: TurnRecord) -> GovernanceTurn:
    assert record.governance is not UNSET
    return record.governance


def test_records_as_they_are_have_no_problem() -> None:
    assert problems(played()) == []


def test_what_interventions_did_can_neither_be_left_out_nor_made_up() -> None:
    world = played()
    stray = "what interventions did is there without them, or not there with them"
    assert stray in problems(world, replace(record_of(world, 2), governance=UNSET))
    bare = World(parse_world_config({"num_agents": 1}))
    bare.turn([Input("agent_0", Idle())])
    altered = replace(record_of(bare, 1), governance=GovernanceTurn())
    assert stray in problems(bare, altered)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_another_cap_is_found(turn: int) -> None:
    world = played()
    record = record_of(world, turn)
    allowed = did(record).fees_allowed
    assert allowed is not UNSET
    altered = replace(record, governance=replace(did(record), fees_allowed=allowed + 1))
    assert "the fees allowed are not those of the cap" in problems(world, altered)


def test_another_waiver_is_found() -> None:
    world = played()
    record = record_of(world, 1)
    first, *rest = did(record).fees_waived
    for waived in ((AgentTokens(0, first.tokens + 40), *rest), tuple(rest)):
        altered = replace(record, governance=replace(did(record), fees_waived=waived))
        found = problems(world, altered)
        assert "the fees waived are not what passes the cap, in proportion to fees" in found


@pytest.mark.parametrize("response", ["none", "relief", "levy"])
def test_loans_and_levies_as_they_are_have_no_problem(response: str) -> None:
    world = indebted(response=response)
    assert problems(world) == []
    reasons = {posting.reason for posting in record_of(world, 1).postings}
    assert PostingReason.DEBT_RESTRUCTURED in reasons
    assert (PostingReason.LEVY in reasons) == (response == "levy")


@pytest.mark.parametrize("reason", ["debt_restructured", "levy"])
def test_a_loan_or_levy_left_out_or_made_larger_is_found(reason: str) -> None:
    world = indebted()
    record = record_of(world, 1)
    index = [posting.reason for posting in record.postings].index(PostingReason(reason))
    own = record.postings[index]
    larger = Posting(own.source, own.target, own.amount + 1, own.reason)
    before, after = record.postings[:index], record.postings[index + 1 :]
    for postings in ((*before, *after), (*before, larger, *after)):
        found = problems(world, replace(record, postings=postings))
        wanted = {"debt_restructured": "debt", "levy": "levy"}[reason]
        assert any(wanted in problem for problem in found), found


def test_a_repayment_of_another_share_is_found() -> None:
    world = indebted()
    record = record_of(world, 2)
    first, *rest = did(record).repayments
    assert first.reason is PostingReason.SIGNING_BONUS
    for tokens in (first.tokens - 1, first.tokens + 2):
        other = Repayment(first.index, first.agent, tokens, first.reason)
        altered = replace(record, governance=replace(did(record), repayments=(other, *rest)))
        assert "agent 0 repaid another share of what it received" in problems(world, altered)
    altered = replace(record, governance=replace(did(record), repayments=tuple(rest)))
    assert "agent 0 repaid another share of what it received" in problems(world, altered)


def test_other_debts_than_the_postings_say_are_found() -> None:
    world = indebted()
    record = record_of(world, 2)
    altered = replace(record, governance=replace(did(record), debts=()))
    assert any("repaid and owe" in problem for problem in problems(world, altered))


def test_a_monitor_that_looked_away_is_found() -> None:
    world = indebted(response="none")
    record = record_of(world, 2)
    altered = replace(record, governance=replace(did(record), concentrated=False))
    found = problems(world, altered)
    assert "the monitor did not find what balances and stakes show" in found


def test_fees_halved_without_relief_are_found() -> None:
    world = indebted(response="relief")
    record = record_of(world, 1)
    altered = replace(record, governance=replace(did(record), fees_halved=(AgentTokens(0, 5),)))
    assert "fees were halved of agents that had no relief" in problems(world, altered)


@pytest.mark.parametrize("reason", ["debt_restructured", "debt_repayment", "levy"])
def test_a_world_without_interventions_has_none(reason: str) -> None:
    bare = World(parse_world_config({"num_agents": 2}))
    bare.turn([Input("agent_0", Idle())])
    stray = Posting(PLATFORM, BALANCE, 5, PostingReason(reason))
    found = problems(bare, replace(record_of(bare, 1), postings=(stray,)))
    assert "the turn has interventions, and genesis states none" in found


def shocked() -> World:
    """A gain, and a loss that meets less than it is, in turns 1 and 2; usage doubled in turn 2."""
    shocks = [
        {"turn": 1, "target": "gain", "agents": ["agent_1"], "tokens": 70},
        {"turn": 2, "target": "loss", "agents": ["agent_0"], "tokens": 5000},
        {"turn": 2, "until": 2, "target": "usage", "factor": Decimal(2)},
    ]
    income = {"when_empty": "clip", "allowance": 10, "period_turns": 2}
    world = World(
        parse_world_config({"num_agents": 2, "income": income, "governance": {"shocks": shocks}})
    )
    for _ in range(3):
        world.turn([Input("agent_0", Idle(), 30, 90), Input("agent_1", Idle(), 30, 90)])
    return world


def test_shocks_as_they_are_have_no_problem() -> None:
    world = shocked()
    assert problems(world) == []
    assert did(record_of(world, 2)).losses_unmet == (AgentTokens(0, 3990),)


@pytest.mark.parametrize(("turn", "reason"), [(1, "shock_gain"), (2, "shock_loss")])
def test_a_gain_or_loss_left_out_is_found(turn: int, reason: str) -> None:
    world = shocked()
    record = record_of(world, turn)
    postings = tuple(own for own in record.postings if own.reason != reason)
    assert len(postings) == len(record.postings) - 1
    found = problems(world, replace(record, postings=postings))
    assert "gains and losses are not those of the shocks that genesis states" in found


def test_shocks_and_losses_that_are_not_told_are_found() -> None:
    world = shocked()
    record = record_of(world, 2)
    altered = replace(record, governance=replace(did(record), shocks=(), losses_unmet=()))
    found = problems(world, altered)
    assert "the shocks of the turn are not those that genesis states" in found
    assert "losses that met nothing are not those of the shocks that genesis states" in found


def rebated() -> World:
    """A study and fees that are covered, in two turns."""
    rules: dict[str, Any] = {"reinvestment_rebate": {}}
    world = World(parse_world_config({"num_agents": 2, "governance": rules}))
    for _ in range(2):
        world.turn([Input("agent_0", Study()), Input("agent_1", Idle(), 0, 300)])
    return world


def test_rebates_as_they_are_have_no_problem() -> None:
    world = rebated()
    assert problems(world) == []
    assert did(record_of(world, 2)).points == (AgentTokens(0, 2),)


def test_another_rebate_or_other_points_are_found() -> None:
    world = rebated()
    record = record_of(world, 2)
    *rest, own = record.postings
    assert own.reason is PostingReason.REBATE
    more = Posting(own.source, own.target, own.amount + 1, own.reason)
    for postings in ((*rest, more), tuple(rest)):
        found = problems(world, replace(record, postings=postings))
        assert "the rebates are not those of the points" in found
    altered = replace(record, governance=replace(did(record), points=(AgentTokens(1, 2),)))
    wanted = "the points are not those that studies, contracts and stakes earn"
    assert wanted in problems(world, altered)


def subsidised() -> World:
    """A sale whose arbitrator is subsidised in turn 3."""
    world = World(parse_world_config({"num_agents": 4, "governance": {"arbitration_subsidy": {}}}))
    terms = Terms(
        due_turn=4,
        proposer_collateral=11,
        counterparty_collateral=11,
        arbitrator_fee=11,
        price=40,
        payload_hash=sha256(b"a map").hexdigest(),
    )
    offer = ProposeContract("information_sale", "agent_1", "agent_2", terms)
    world.turn([Input("agent_0", offer)])
    world.turn([Input("agent_1", SignContract(1)), Input("agent_2", SignContract(1))])
    delivered = Input("agent_0", SellInformation(1, "a map"))
    world.turn([delivered, Input("agent_3", Idle(), output_units=300)])
    return world


def test_another_subsidy_than_the_contracts_call_for_is_found() -> None:
    world = subsidised()
    assert problems(world) == []
    record = record_of(world, 3)
    *rest, own = record.postings
    assert (own.amount, own.reason) == (5, PostingReason.ARBITRATION_SUBSIDY)
    more = Posting(own.source, own.target, 6, own.reason)
    other = Posting(own.source, own.target + WIDTH, 5, own.reason)
    for postings in ((*rest, more), (*rest, other), tuple(rest)):
        found = problems(world, replace(record, postings=postings))
        assert "the arbitration subsidies are not those of the contracts that counted" in found
    stray = Posting(PLATFORM, BALANCE, 5, PostingReason.ARBITRATION_SUBSIDY)
    other_rules = rebated()
    record = record_of(other_rules, 2)
    found = problems(other_rules, replace(record, postings=(*record.postings, stray)))
    assert "arbitration was subsidised, and genesis states no subsidy" in found


def matched(matches: str) -> World:
    """A lender and two borrowers, one of whom it can serve."""
    rules = {"contract_matching": {"matches": matches}}
    world = World(parse_world_config({"num_agents": 3, "governance": rules}))
    offer = Need(ContractKind.LOAN, NeedSide.OFFER, 300, 30)
    seek = Need(ContractKind.LOAN, NeedSide.SEEK, 200, 30)
    world.turn(
        [
            Input("agent_0", Idle(), needs=(offer,)),
            Input("agent_1", Idle(), needs=(seek,)),
            Input("agent_2", Idle(), needs=(seek,)),
        ]
    )
    return world


@pytest.mark.parametrize("matches", ["shown", "counted"])
def test_other_matches_than_the_needs_call_for_are_found(matches: str) -> None:
    world = matched(matches)
    assert problems(world) == []
    record = record_of(world, 1)
    (own,) = did(record).matches
    assert own == ContractMatch(ContractKind.LOAN, 0, 1, 200, 25)
    for other in ((), (replace(own, counterparty=2),), (replace(own, price=24),)):
        altered = replace(record, governance=replace(did(record), matches=other))
        assert "the matches are not those of the needs" in problems(world, altered)


def test_matches_and_needs_without_the_rule_are_found() -> None:
    world, record = rebated(), record_of(matched("shown"), 1)
    other = record_of(world, 1)
    altered = replace(other, governance=replace(did(other), matches=did(record).matches))
    found = problems(world, altered)
    assert "contracts were matched, and genesis states no matching" in found
    altered = replace(other, inputs=record.inputs[:2])
    assert "input 0 states needs, and genesis states no matching" in problems(world, altered)
