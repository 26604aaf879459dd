"""Each policy in a world where it does its thing, told by the ledger."""

from __future__ import annotations

import pytest

from sim_economy.agents.policies.arbitrators import Arbitrator, Bias, DishonestArbitrator
from sim_economy.agents.policies.defaulter import Defaulter
from sim_economy.agents.policies.imitator import Imitator
from sim_economy.agents.policies.information import Buyer, Seller
from sim_economy.agents.policies.insurers import Insured, Insurer
from sim_economy.agents.policies.investor import Investor
from sim_economy.agents.policies.lending import Borrower, Lender
from sim_economy.agents.policies.pools import Member, Organiser
from sim_economy.agents.policies.services import ServiceClient, ServiceProvider
from sim_economy.agents.policies.simple import Miner
from sim_economy.agents.policies.trader import Trader
from sim_economy.agents.policy import Policy
from sim_economy.core.accounts import PostingReason
from sim_economy.core.actions import BidCore, Job, Mine, Stake
from sim_economy.core.contracts import Cause, ContractKind, Settlement, Stage
from sim_economy.core.units import MILLION, Millionths
from tests.agents.scripted_world import PlayedWorld, played_world

RELIABLE = ServiceProvider(reliability=Millionths(MILLION))
POOR = Borrower(work_below=0, seeks_below=300)
LAZY = ServiceProvider(reliability=Millionths(0))


def kinds(told: PlayedWorld, stage: Stage) -> list[tuple[ContractKind, Cause]]:
    return [(end.deal.kind, end.cause) for end in told.ends(stage)]


# Investors


def test_investors_bid_for_cores_and_are_paid_dividends() -> None:
    told = played_world(
        10, ann=Investor(), bob=Investor(), cleo=Miner(), dan=Miner(), world={"num_cores": 2}
    )
    bids = [action for action in told.actions("ann") if isinstance(action, BidCore)]
    assert len(bids) == 1
    assert 150 <= (bids[0].amount or 0) <= 300
    assert told.states[-1].cores == [1, 1, 0, 0]
    assert told.moved(PostingReason.CORE_PRICE) == 2
    assert told.moved(PostingReason.DIVIDEND) == 10 * 4 * 40
    assert told.moved(PostingReason.DIVIDEND, target="ann") == 10 * 4 * 40 // 2
    assert told.rejected() == []


def test_investors_stake_where_stake_earns_dividends() -> None:
    world = {"dividend_rule": "stake_and_burn"}
    told = played_world(10, ann=Investor(), bob=Miner(), cleo=Miner(), dan=Miner(), world=world)
    assert not any(isinstance(action, BidCore) for action in told.actions("ann"))
    assert told.actions("ann")[0] == Stake(350)
    assert told.moved(PostingReason.DIVIDEND, target="ann") > 0
    assert told.balance("ann") <= 300 + 50


def test_bids_are_of_the_seed_and_differ() -> None:
    def bids(seed: int) -> list[int]:
        told = played_world(
            1, ann=Investor(), bob=Investor(), cleo=Investor(), world={"seed": seed}
        )
        actions = [told.actions(name)[0] for name in told.names]
        return [action.amount or 0 for action in actions if isinstance(action, BidCore)]

    assert bids(1) == bids(1)
    assert bids(1) != bids(2)
    assert len({*bids(1)}) == 3


# Loans


def test_a_borrower_under_pressure_borrows_and_repays() -> None:
    told = played_world(33, bank=Lender(), poor=POOR, judge=Arbitrator())
    assert (ContractKind.LOAN, Cause.REPAID) in kinds(told, Stage.SETTLED)
    assert told.ends(Stage.DEFAULTED) == []
    first = next(deal for deal in told.deals.values())
    assert (first.principal, first.premium) == (200, 20)
    before = told.balance("poor", first.proposed - 1)
    assert before < 300
    paid = told.moved(PostingReason.LOAN_REPAYMENT, "poor", "bank")
    assert paid == told.moved(PostingReason.LOAN_PRINCIPAL, "bank", "poor") > 0
    assert told.moved(PostingReason.LOAN_PREMIUM, "poor", "bank") == paid // 10


def test_a_borrower_works_for_a_debt_that_is_due() -> None:
    told = played_world(33, bank=Lender(), poor=POOR, judge=Arbitrator())
    due = next(deal.due_turn for deal in told.deals.values())
    actions = told.actions("poor")
    assert any(isinstance(action, Job) for action in actions[due - 6 : due])
    assert not any(isinstance(action, Job) for action in actions[: due - 10])


def test_a_borrower_refuses_a_dear_loan() -> None:
    dear = Lender(rate=Millionths(160_000))
    told = played_world(30, bank=dear, poor=Borrower(seeks_below=2000), judge=Arbitrator())
    assert told.deals
    assert {end.cause for end in told.ends(Stage.LAPSED)} == {Cause.NOT_SIGNED}
    assert told.ends() == []


def test_a_defaulter_stakes_the_loan_away_and_gets_no_second_one() -> None:
    told = played_world(60, bank=Lender(), thief=Defaulter(), judge=Arbitrator())
    (end,) = told.ends()
    assert (end.stage, end.cause, end.fault) == (Stage.DEFAULTED, Cause.NOT_REPAID, ("thief",))
    due = end.deal.due_turn
    assert isinstance(told.actions("thief")[due - 1], Stake)
    assert told.moved(PostingReason.LOAN_REPAYMENT) == 0
    assert len(told.deals) == 1
    assert "seek loan" in told.speeches("thief")[-1]


def test_a_forgiving_lender_is_robbed_again() -> None:
    told = played_world(60, bank=Lender(defaults_max=9), thief=Defaulter(), judge=Arbitrator())
    assert len(told.ends(Stage.DEFAULTED)) > 1


def test_a_lender_with_collateral_gets_it() -> None:
    careful = Lender(collateral_rate=Millionths(500_000))
    poor = Borrower(work_below=0, saves_turns=0, seeks_below=900, principal=300)
    told = played_world(40, bank=careful, poor=poor, judge=Arbitrator(), usage=(0, 180))
    (end, *_) = told.ends(Stage.DEFAULTED)
    assert end.deal.collaterals[1] == 150
    assert told.moved(PostingReason.COLLATERAL_FORFEITED, "poor", "bank") >= 150


def test_a_lender_never_lends_more_than_it_has() -> None:
    told = played_world(
        30,
        bank=Lender(principal_max=2000),
        poor=Borrower(seeks_below=2000, principal=1500),
        judge=Arbitrator(),
    )
    assert told.deals == {}


def test_nothing_is_agreed_without_an_arbitrator() -> None:
    told = played_world(30, bank=Lender(), poor=Borrower(seeks_below=2000), other=Miner())
    assert told.deals == {}


# Services and arbitration


def test_a_service_is_rendered_proved_confirmed_and_paid() -> None:
    told = played_world(20, maker=RELIABLE, user=ServiceClient(), judge=Arbitrator())
    ends = told.ends()
    assert {(end.stage, end.cause) for end in ends} == {(Stage.SETTLED, Cause.CONFIRMED)}
    assert told.moved(PostingReason.CONTRACT_PRICE, "user", "maker") == 40 * len(ends) > 0
    assert told.moved(PostingReason.COLLATERAL_SLASHED) == 0


@pytest.mark.parametrize("maker", [LAZY, Defaulter()])
def test_a_service_that_was_not_rendered_is_disputed_and_ruled_against(maker: Policy) -> None:
    told = played_world(30, maker=maker, user=ServiceClient(), judge=Arbitrator())
    (end,) = told.ends()
    assert (end.stage, end.cause, end.fault) == (Stage.DEFAULTED, Cause.RULING, ("maker",))
    assert told.moved(PostingReason.CONTRACT_PRICE) == 0
    assert told.moved(PostingReason.ARBITRATOR_FEE, "maker", "judge") == 10
    lost = end.deal.collaterals[0] - 10
    assert told.moved(PostingReason.COLLATERAL_FORFEITED, "maker", "user") == lost
    assert told.states[-1].reputations[0].defaulted == 1


def test_a_client_that_denies_what_was_rendered_loses_before_an_honest_arbitrator() -> None:
    told = played_world(20, maker=RELIABLE, user=ServiceClient(denies=True), judge=Arbitrator())
    (end, *_) = told.ends()
    assert (end.stage, end.cause) == (Stage.SETTLED, Cause.RULING)
    assert told.moved(PostingReason.CONTRACT_PRICE, "user", "maker") >= 40
    assert told.moved(PostingReason.ARBITRATOR_FEE, "user", "judge") >= 10


@pytest.mark.parametrize(
    ("maker", "bias", "stage", "cause"),
    [
        (LAZY, Bias.PROPOSER, Stage.SETTLED, Cause.RULING),
        (LAZY, Bias.COUNTERPARTY, Stage.DEFAULTED, Cause.RULING),
        (LAZY, Bias.FALSE, Stage.SETTLED, Cause.RULING),
        (LAZY, Bias.SILENT, Stage.DEFAULTED, Cause.NO_RULING),
        (RELIABLE, Bias.FALSE, Stage.DEFAULTED, Cause.RULING),
        (RELIABLE, Bias.COUNTERPARTY, Stage.DEFAULTED, Cause.RULING),
        (RELIABLE, Bias.PROPOSER, Stage.SETTLED, Cause.RULING),
    ],
)
def test_a_dishonest_arbitrator_rules_as_it_likes(
    maker: ServiceProvider, bias: Bias, stage: Stage, cause: Cause
) -> None:
    told = played_world(
        30, maker=maker, user=ServiceClient(denies=True), judge=DishonestArbitrator(bias=bias)
    )
    (end, *_) = told.ends()
    assert (end.stage, end.cause) == (stage, cause)
    if bias is Bias.SILENT:
        assert end.fault == ("judge",)
        assert told.moved(PostingReason.COLLATERAL_SLASHED, "judge") == 40


def test_an_arbitrator_that_missed_a_dispute_is_not_taken_again() -> None:
    judge = DishonestArbitrator(bias=Bias.SILENT)
    told = played_world(60, maker=RELIABLE, user=ServiceClient(denies=True), judge=judge)
    assert [end.cause for end in told.ends()] == [Cause.NO_RULING]


def test_clients_leave_an_arbitrator_that_always_rules_for_proposers() -> None:
    def rulings(client: ServiceClient) -> int:
        told = played_world(
            100,
            maker=RELIABLE,
            user=client,
            judge=DishonestArbitrator(),
            world={"reputation_window_turns": 1, "genesis_tokens_per_agent": 9000},
        )
        return len(told.ends())

    assert rulings(ServiceClient(denies=True, bias_max=1)) == 2
    assert rulings(ServiceClient(denies=True, bias_max=3)) == 4


def test_a_dear_provider_finds_no_client() -> None:
    assert (
        played_world(
            20, maker=ServiceProvider(price=61), user=ServiceClient(), judge=Arbitrator()
        ).deals
        == {}
    )


# Information


@pytest.mark.parametrize("settlement", Settlement)
def test_information_is_sold_delivered_and_paid(settlement: Settlement) -> None:
    told = played_world(20, press=Seller(settlement=settlement), reader=Buyer(), judge=Arbitrator())
    cause = Cause.DELIVERED if settlement is Settlement.AUTOMATIC else Cause.CONFIRMED
    ends = told.ends()
    assert {(end.stage, end.cause) for end in ends} == {(Stage.SETTLED, cause)}
    assert told.moved(PostingReason.CONTRACT_PRICE, "reader", "press") == 25 * len(ends) > 0
    texts = {payload.text for payload in told.states[-1].payloads}
    assert len(texts) == len(told.states[-1].payloads)
    assert all(text.startswith("report of press, turn ") for text in texts)


def test_information_that_is_not_delivered_costs_the_seller_its_collateral() -> None:
    told = played_world(30, thief=Defaulter(), reader=Buyer(), judge=Arbitrator())
    (end,) = told.ends()
    assert (end.stage, end.cause) == (Stage.DEFAULTED, Cause.NOT_DELIVERED)
    assert told.moved(PostingReason.PAYMENT_RETURNED, "reader", "reader") == 20
    assert told.moved(PostingReason.COLLATERAL_FORFEITED, "thief", "reader") == 20


# Insurance and pools


def test_an_insured_agent_that_stops_working_is_paid() -> None:
    told = played_world(25, house=Insurer(), owner=Insured(), judge=Arbitrator())
    paid = [end for end in told.ends() if end.cause is Cause.PAID_OUT]
    assert paid
    assert told.moved(PostingReason.INSURANCE_PREMIUM, "owner", "house") >= 30
    assert 0 < told.moved(PostingReason.INSURANCE_PAYOUT, "house", "owner") <= 150 * len(paid)


def test_an_insured_agent_without_a_loss_gets_nothing() -> None:
    told = played_world(25, house=Insurer(), owner=Insured(), judge=Arbitrator(), usage=(0, 0))
    assert {end.cause for end in told.ends()} == {Cause.RAN_OUT}
    assert told.moved(PostingReason.INSURANCE_PAYOUT) == 0
    assert told.moved(PostingReason.INSURANCE_PREMIUM, "owner", "house") > 0


def test_a_pool_carries_the_fees_of_its_members() -> None:
    told = played_world(30, pool=Organiser(), member=Member(), judge=Arbitrator())
    ends = told.ends()
    assert {(end.stage, end.cause) for end in ends} == {(Stage.SETTLED, Cause.RAN_OUT)}
    assert told.moved(PostingReason.FORWARD_PRICE, "member", "pool") == 200 * len(ends)
    assert told.moved(PostingReason.FORWARD_FEE, "pool") == 5 * 40 * len(ends)
    started = ends[0].deal.start_turn
    assert {type(action) for action in told.actions("member")[started - 1 : started + 4]} == {Mine}


# The imitator


def test_an_imitator_does_what_the_most_successful_does() -> None:
    told = played_world(
        40,
        maker=RELIABLE,
        rival=ServiceProvider(price=45, reliability=Millionths(0)),
        user=ServiceClient(),
        judge=Arbitrator(),
        ape=Imitator(),
    )
    settled = [end for end in told.ends(Stage.SETTLED) if end.deal.parties[0] == "maker"]
    assert settled
    assert any(deal.parties[0] == "ape" for deal in told.deals.values())
    said = [speech for speech in told.speeches("ape") if speech]
    assert {"offer service 40"} <= {phrase for speech in said for phrase in speech.split("; ")}


def test_an_imitator_without_a_model_makes_a_living() -> None:
    told = played_world(30, ann=Miner(), bob=Miner(), ape=Imitator())
    assert {type(action) for action in told.actions("ape")} == {Mine, Job}
    assert not any(told.speeches("ape"))


# A trader by itself


def test_a_plain_trader_trades_nothing() -> None:
    told = played_world(20, ann=Trader(), maker=RELIABLE, user=ServiceClient(), judge=Arbitrator())
    parties = {party for deal in told.deals.values() for party in deal.parties}
    assert parties == {"maker", "user", "judge"}


def test_nobody_puts_its_reserve_into_a_contract() -> None:
    rich = 5000
    told = played_world(
        20,
        maker=RELIABLE,
        user=ServiceClient(reserve=rich),
        judge=Arbitrator(),
        world={"genesis_tokens_per_agent": rich},
    )
    assert told.deals == {}
