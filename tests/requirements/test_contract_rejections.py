"""Every reason for which an action about contracts or cores is refused, and which comes first.

Each row breaks its own rule and, where that can be, later ones too. All act in one world: agent_0
is a party to five contracts, each at another stage, and owes tokens.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import pytest

from sim_economy.core.actions import (
    Action,
    ArbitratorRuling,
    BidCore,
    ConfirmDelivery,
    DisputeDelivery,
    Idle,
    Input,
    ProposeContract,
    SellInformation,
    SignContract,
    action_name,
)
from sim_economy.core.contracts import Stage, Terms
from sim_economy.core.events import RejectionReason as Reason
from sim_economy.world.world import World
from tests.requirements.worlds import VARIANTS, config

LONG: Final = "long"
"""One character more than a speech or a payload may have."""
GOOD: Final = "map"
HASH: Final = sha256(GOOD.encode()).hexdigest()

SALE, FOREIGN, OFFERED, SIGNED, CLAIMED, LOAN = 1, 2, 3, 4, 5, 6
"""Contracts of agent_0: it sells, has no part, offers, has signed, has claimed, arbitrates."""

SERVICE: Final[dict[str, Any]] = {"due_turn": 90, "price": 0}


def proposed(kind: str | None = "service", *parties: str | None, **terms: Any) -> ProposeContract:
    one, other = parties or ("agent_1", "agent_2")
    return ProposeContract(kind, one, other, Terms(**terms))


def service(**terms: Any) -> ProposeContract:
    return proposed(**{**SERVICE, **terms})


ROWS: Final[list[tuple[Action, str | None, Reason]]] = [
    (BidCore(), LONG, Reason.SPEECH_TOO_LONG),
    (BidCore(), None, Reason.AUCTION_CLOSED),
    (BidCore(5), None, Reason.AUCTION_CLOSED),
    (ProposeContract(), LONG, Reason.SPEECH_TOO_LONG),
    (ProposeContract(), None, Reason.KIND_UNKNOWN),
    (proposed("gift", None, None, price=-1), None, Reason.KIND_UNKNOWN),
    (proposed("Loan", "nobody", None), None, Reason.KIND_UNKNOWN),
    (proposed("loan", "nobody", None), None, Reason.PARTY_MISSING),
    (proposed("loan", None, "agent_0"), None, Reason.PARTY_MISSING),
    (proposed("loan", "nobody", "agent_0"), None, Reason.PARTY_UNKNOWN),
    (proposed("loan", "agent_1", "agent_1"), None, Reason.PARTIES_NOT_DISTINCT),
    (proposed("loan", "agent_0", "agent_1"), None, Reason.PARTIES_NOT_DISTINCT),
    (
        proposed("loan", "agent_1", "agent_0", settlement="attested"),
        None,
        Reason.PARTIES_NOT_DISTINCT,
    ),
    (proposed("loan", settlement="attested", price=5), None, Reason.SETTLEMENT_NOT_OF_KIND),
    (proposed("service", settlement="automatic"), None, Reason.SETTLEMENT_NOT_OF_KIND),
    (proposed("information_sale", settlement="later"), None, Reason.SETTLEMENT_NOT_OF_KIND),
    (proposed("loan", price=5), None, Reason.TERM_NOT_OF_KIND),
    (service(start_turn=-1, price=None), None, Reason.TERM_NOT_OF_KIND),
    (service(price=None, arbitrator_fee=-1), None, Reason.TERM_MISSING),
    (service(due_turn=None, arbitrator_fee=-1), None, Reason.TERM_MISSING),
    (proposed("forward", due_turn=1, price=0, cap=0), None, Reason.TERM_MISSING),
    (service(price=-1, due_turn=1), None, Reason.TERM_TOO_LOW),
    (service(arbitrator_collateral=-1, due_turn=1), None, Reason.TERM_TOO_LOW),
    (service(arbitrator_fee=-1), None, Reason.TERM_TOO_LOW),
    (proposed("loan", due_turn=1, principal=0, premium=0), None, Reason.TERM_TOO_LOW),
    (proposed("loan", due_turn=1, principal=1, premium=-1), None, Reason.TERM_TOO_LOW),
    (
        proposed("insurance", due_turn=1, premium=0, payout=0, trigger=-9),
        None,
        Reason.TERM_TOO_LOW,
    ),
    (proposed("forward", due_turn=90, price=0, cap=0, start_turn=95), None, Reason.TERM_TOO_LOW),
    (proposed("forward", due_turn=90, price=0, cap=1, start_turn=0), None, Reason.TERM_TOO_LOW),
    (
        proposed("forward", due_turn=11, price=0, cap=1, start_turn=95),
        None,
        Reason.DUE_TURN_TOO_EARLY,
    ),
    (service(due_turn=-5, arbitrator_fee=9), None, Reason.DUE_TURN_TOO_EARLY),
    (
        proposed("forward", due_turn=90, price=0, cap=1, start_turn=91, arbitrator_fee=9),
        None,
        Reason.START_TURN_TOO_LATE,
    ),
    (
        proposed("information_sale", due_turn=90, price=0, payload_hash="a" * 63, arbitrator_fee=9),
        None,
        Reason.PAYLOAD_HASH_MALFORMED,
    ),
    (
        proposed("information_sale", due_turn=90, price=0, payload_hash="A" * 64),
        None,
        Reason.PAYLOAD_HASH_MALFORMED,
    ),
    (service(price=9, arbitrator_fee=1), None, Reason.ARBITRATOR_FEE_TOO_HIGH),
    (
        service(price=9, arbitrator_fee=3, proposer_collateral=3, counterparty_collateral=2),
        None,
        Reason.ARBITRATOR_FEE_TOO_HIGH,
    ),
    (service(price=9, arbitrator_collateral=8), None, Reason.ARBITRATOR_COLLATERAL_TOO_LOW),
    (
        proposed(
            "information_sale", due_turn=90, price=1, payload_hash=HASH, settlement="attested"
        ),
        None,
        Reason.ARBITRATOR_COLLATERAL_TOO_LOW,
    ),
    (SignContract(), LONG, Reason.SPEECH_TOO_LONG),
    (SignContract(), None, Reason.CONTRACT_MISSING),
    (SignContract(99), None, Reason.CONTRACT_UNKNOWN),
    (SignContract(0), None, Reason.CONTRACT_UNKNOWN),
    (SignContract(FOREIGN), None, Reason.CONTRACT_UNKNOWN),
    (SignContract(SALE), None, Reason.STAGE_MISMATCH),
    (SignContract(CLAIMED), None, Reason.STAGE_MISMATCH),
    (SignContract(SIGNED), None, Reason.ALREADY_SIGNED),
    (ConfirmDelivery(), LONG, Reason.SPEECH_TOO_LONG),
    (ConfirmDelivery(), None, Reason.CONTRACT_MISSING),
    (ConfirmDelivery(()), None, Reason.CONTRACT_MISSING),
    (ConfirmDelivery(FOREIGN), None, Reason.CONTRACT_UNKNOWN),
    (ConfirmDelivery((LOAN, FOREIGN, SALE)), None, Reason.CONTRACT_UNKNOWN),
    (ConfirmDelivery((SALE, LOAN, CLAIMED)), None, Reason.ROLE_MISMATCH),
    (ConfirmDelivery(LOAN), None, Reason.ROLE_MISMATCH),
    (ConfirmDelivery(SALE), None, Reason.STAGE_MISMATCH),
    (ConfirmDelivery(SIGNED), None, Reason.STAGE_MISMATCH),
    (ConfirmDelivery(CLAIMED), None, Reason.ALREADY_STATED),
    (DisputeDelivery(), LONG, Reason.SPEECH_TOO_LONG),
    (DisputeDelivery(), None, Reason.CONTRACT_MISSING),
    (DisputeDelivery(FOREIGN), None, Reason.CONTRACT_UNKNOWN),
    (DisputeDelivery(CLAIMED), None, Reason.ROLE_MISMATCH),
    (DisputeDelivery(SIGNED), None, Reason.STAGE_MISMATCH),
    (ArbitratorRuling(), LONG, Reason.SPEECH_TOO_LONG),
    (ArbitratorRuling(), None, Reason.CONTRACT_MISSING),
    (ArbitratorRuling(FOREIGN), None, Reason.FAVOUR_UNKNOWN),
    (ArbitratorRuling(FOREIGN, "agent_1"), None, Reason.FAVOUR_UNKNOWN),
    (ArbitratorRuling(FOREIGN, "proposer"), None, Reason.CONTRACT_UNKNOWN),
    (ArbitratorRuling(SALE, "proposer"), None, Reason.ROLE_MISMATCH),
    (ArbitratorRuling(LOAN, "counterparty"), None, Reason.STAGE_MISMATCH),
    (SellInformation(), LONG, Reason.SPEECH_TOO_LONG),
    (SellInformation(), None, Reason.CONTRACT_MISSING),
    (SellInformation(FOREIGN), None, Reason.PAYLOAD_MISSING),
    (SellInformation(FOREIGN, LONG), None, Reason.PAYLOAD_TOO_LONG),
    (SellInformation(FOREIGN, "pam"), None, Reason.CONTRACT_UNKNOWN),
    (SellInformation(LOAN, "pam"), None, Reason.ROLE_MISMATCH),
    (SellInformation(OFFERED, "pam"), None, Reason.KIND_MISMATCH),
    (SellInformation(SALE, "pam"), None, Reason.PAYLOAD_MISMATCH),
    (SellInformation(SALE, ""), None, Reason.PAYLOAD_MISMATCH),
]

CASES: Final = [
    pytest.param(preset, *row, id=f"{preset}-{index}-{action_name(row[0])}-{row[2]}")
    for preset in VARIANTS
    for index, row in enumerate(ROWS)
]


def entangled(preset: str) -> World:
    """Turn 9 is over; agent_0 has its five contracts and owes 10 tokens."""
    limits = {"num_agents": 4, "genesis_tokens_per_agent": 100, "interest_rate_per_turn": 0}
    short = {"speech_length_max": 3, "payload_length_max": 3, "signature_window": 20}
    world = World(config(preset, {**limits, **short, "attested_confirmation_window": 20}))
    sale = {"due_turn": 90, "price": 0, "payload_hash": HASH}
    loan = {"due_turn": 90, "principal": 1, "premium": 0}
    turns: list[dict[int, Action]] = [
        {
            0: proposed("information_sale", **sale),
            1: proposed("service", "agent_2", "agent_3", **SERVICE),
        },
        {0: service(), 1: proposed("service", "agent_0", "agent_3", **SERVICE)},
        {0: service(due_turn=7), 1: proposed("loan", "agent_2", "agent_0", **loan)},
        {0: SignContract(SIGNED), 1: SignContract(SALE), 2: SignContract(SALE)},
        {0: SignContract(LOAN), 1: SignContract(CLAIMED), 2: SignContract(CLAIMED)},
        {2: SignContract(LOAN)},
        {},
        {0: ConfirmDelivery(CLAIMED)},
    ]
    for actions in turns:
        turn = world.act({f"agent_{agent}": action for agent, action in actions.items()})
        assert not any(turn.outcomes)
    world.turn([Input("agent_0", Idle(), output_units=210)])
    stages = {held.contract_id: held.stage for held in world.state.contracts}
    assert stages == {
        SALE: Stage.ACTIVE,
        FOREIGN: Stage.PROPOSED,
        OFFERED: Stage.PROPOSED,
        SIGNED: Stage.PROPOSED,
        CLAIMED: Stage.ATTESTING,
        LOAN: Stage.ACTIVE,
    }
    assert world.state.balances == [-10, 99, 101, 100]
    return world


@pytest.mark.parametrize(("preset", "action", "speech", "reason"), CASES)
def test_an_action_is_refused_for_the_first_reason_that_holds(
    preset: str, action: Action, speech: str | None, reason: Reason
) -> None:
    world = entangled(preset)
    assert world.turn([Input("agent_0", action, speech=speech)]).outcomes == (reason,)
    assert world.observe("agent_0").rejection is reason


@pytest.mark.parametrize(("preset", "action", "speech", "reason"), CASES)
def test_a_refused_action_costs_its_usage_and_changes_nothing_else(
    preset: str, action: Action, speech: str | None, reason: Reason
) -> None:
    refused, idle = entangled(preset), entangled(preset)
    turn = refused.turn([Input("agent_0", action, output_units=130, speech=speech)])
    idle.turn([Input("agent_0", Idle(), output_units=130)])
    assert turn.contracts == ()
    assert refused.state.balances == [-40, 99, 101, 100]
    refused.state.rejections = idle.state.rejections
    assert refused.state == idle.state


@pytest.mark.parametrize("preset", VARIANTS)
@pytest.mark.parametrize(
    ("bid", "reason"),
    [
        (BidCore(), Reason.AMOUNT_MISSING),
        (BidCore(0), Reason.AMOUNT_TOO_LOW),
        (BidCore(-5), Reason.AMOUNT_TOO_LOW),
        (BidCore(1001), Reason.BALANCE_TOO_LOW),
        (BidCore(1000), None),
    ],
)
def test_a_bid_in_the_auction_must_be_there_and_covered(
    preset: str, bid: BidCore, reason: Reason | None
) -> None:
    world = World(config(preset, {"num_agents": 1}))
    assert world.act({"agent_0": bid}).outcomes == (reason,)


@pytest.mark.parametrize("preset", VARIANTS)
def test_nobody_signs_or_withdraws_in_the_turn_of_the_proposal(preset: str) -> None:
    world = World(config(preset, {"num_agents": 4}))
    turn = world.act({"agent_0": service(), "agent_1": SignContract(1), "agent_3": SignContract(1)})
    assert turn.outcomes == (None, Reason.SIGNING_NOT_OPEN, Reason.CONTRACT_UNKNOWN)


@pytest.mark.parametrize("preset", VARIANTS)
def test_of_several_contracts_each_is_judged_by_itself(preset: str) -> None:
    world = entangled(preset)
    turn = world.act({"agent_1": ConfirmDelivery((LOAN, CLAIMED, 77, CLAIMED))})
    assert turn.outcomes == (None,)
    assert [(event.contract_id, event.refusal) for event in turn.contracts if event.refusal] == [
        (LOAN, Reason.STAGE_MISMATCH),
        (77, Reason.CONTRACT_UNKNOWN),
        (CLAIMED, Reason.STAGE_MISMATCH),
    ]


def test_the_rows_of_an_action_stand_in_the_order_of_precedence() -> None:
    order = list(Reason)
    for name in {action_name(row[0]) for row in ROWS}:
        parts = [order.index(row[2]) for row in ROWS if action_name(row[0]) == name]
        assert parts == sorted(parts), name
