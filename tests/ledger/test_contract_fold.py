"""The fold names what in a record of contracts contradicts the ledger or itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import pytest
from msgspec import Raw, json
from msgspec.structs import replace

from sim_economy.core.actions import (
    Action,
    BidCore,
    ConfirmDelivery,
    ProposeContract,
    SellInformation,
    SignContract,
)
from sim_economy.core.codec import canonical
from sim_economy.core.contracts import Cause, Happened, Terms
from sim_economy.core.events import ContractEvent
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.fold import Fold
from sim_economy.ledger.readers.reading import genesis_record
from sim_economy.ledger.records import TurnRecord, read_record
from sim_economy.world.turn_answer import turn_answer
from sim_economy.world.world import World

SALE: Final = Terms(due_turn=6, price=30, payload_hash=sha256(b"map").hexdigest())
SERVICE: Final = Terms(due_turn=3, price=30, arbitrator_collateral=30, proposer_collateral=8)
TURNS: Final[list[Mapping[str, Action]]] = [
    {
        "agent_0": ProposeContract("information_sale", "agent_1", "agent_2", SALE),
        "agent_3": ProposeContract("service", "agent_1", "agent_2", SERVICE),
        "agent_1": BidCore(20),
        "agent_2": BidCore(10),
    },
    {"agent_1": SignContract(1), "agent_2": SignContract(1)},
    {"agent_1": SignContract(2), "agent_2": SignContract(2), "agent_0": SellInformation(1, "map")},
]
"""A sale that settles in turn 3, and a service that lapsed in turn 2 but for its due turn."""


def played() -> World:
    world = World(parse_world_config({"num_agents": 4, "num_cores": 1}))
    for actions in TURNS:
        world.act(actions)
    return world


WORLD: Final = played()
RECORDS: Final = [read_record(stored.line) for stored in WORLD.store.read()]


def problems(records: list[TurnRecord]) -> list[str]:
    """What the fold finds, turn after turn, until the first turn with a finding."""
    fold = Fold(genesis_record(WORLD.store))
    for record in records:
        if found := list(fold.problems(record)):
            return found
    return []


def test_the_record_as_it_is_has_no_problem() -> None:
    assert problems(RECORDS) == []


Change = Callable[[list[ContractEvent]], list[ContractEvent]]


def without(happened: Happened) -> Change:
    return lambda events: [event for event in events if event.happened is not happened]


def altered(happened: Happened, /, **changes: Any) -> Change:
    return lambda events: [
        replace(event, **changes) if event.happened is happened else event for event in events
    ]


def with_more(**event: Any) -> Change:
    return lambda events: [*events, ContractEvent(**event)]


SETTLED: Final = Happened.SETTLED
CHANGES: Final[list[tuple[int, Change, str]]] = [
    (1, altered(Happened.PROPOSED, contract_id=5), "contract 5 is out of number"),
    (1, without(Happened.PROPOSED), "made nothing happen"),
    (1, altered(Happened.PROPOSED, agent_id="agent_2"), "was proposed by nobody"),
    (2, without(Happened.SIGNED), "started before all had signed"),
    (2, altered(Happened.SIGNED, contract_id=9), "contract 9 was signed and is not open"),
    (2, altered(Happened.SIGNED, agent_id="agent_0"), "contract 1 was signed by nobody"),
    (2, altered(Happened.STARTED, contract_id=2), "started before all had signed"),
    (2, altered(Happened.STARTED, postings=(0, 0)), "moved other tokens than its escrow says"),
    (2, altered(Happened.STARTED, postings=(0, 99)), "names postings that are not there"),
    (2, without(Happened.STARTED), "in escrow and its contracts hold"),
    (3, without(Happened.DELIVERED), "the sell_information of agent_0 made nothing happen"),
    (3, altered(Happened.DELIVERED, contract_id=7), "contract 7 was delivered and is not open"),
    (3, without(SETTLED), "in escrow and its contracts hold"),
    (
        3,
        with_more(contract_id=1, happened=SETTLED, reason=Cause.DELIVERED),
        "contract 1 was settled and is not open",
    ),
    (3, altered(SETTLED, postings=None), "moved other tokens than its escrow says"),
    (3, altered(SETTLED, happened=Happened.DEFAULTED), "contract 1 was defaulted when it was"),
    (3, altered(SETTLED, fault=("agent_0",)), "through the fault of others"),
    (3, altered(SETTLED, fault=("agent_3",)), "through the fault of others"),
]


@pytest.mark.parametrize(("turn", "change", "problem"), CHANGES)
def test_a_contradiction_is_named(turn: int, change: Change, problem: str) -> None:
    records = list(RECORDS)
    events = tuple(change(list(records[turn].contracts)))
    assert events != records[turn].contracts
    records[turn] = replace(records[turn], contracts=events)
    found = problems(records)
    assert any(problem in one for one in found), found


def test_another_payload_than_the_promised_one_is_named() -> None:
    records = list(RECORDS)
    records[3] = replace(
        records[3],
        inputs=tuple(Raw(bytes(text).replace(b'"map"', b'"pam"')) for text in records[3].inputs),
    )
    assert "contract 1 was delivered another payload" in problems(records)


def test_other_terms_than_those_proposed_are_named() -> None:
    records = list(RECORDS)
    texts = [bytes(text).replace(b'"price":30', b'"price":31') for text in records[1].inputs]
    records[1] = replace(records[1], inputs=tuple(map(Raw, texts)))
    assert "contract 1 has other terms than those proposed" in problems(records)


def test_a_contract_that_counts_twice_or_unasked_changes_the_state() -> None:
    fold = Fold(genesis_record(WORLD.store))
    records = list(RECORDS)
    assert any(event.counted for event in records[3].contracts)
    records[3] = replace(
        records[3],
        contracts=tuple(replace(event, counted=False) for event in records[3].contracts),
    )
    for record in records:
        assert list(fold.problems(record)) == []
    assert json.decode(fold.text())["reputations"] == []


def test_shares_sold_outside_the_auction_are_named() -> None:
    (moved,) = [posting for posting in RECORDS[1].postings if posting.reason == "core_price"]
    records = list(RECORDS)
    records[2] = replace(records[2], postings=(*records[2].postings, moved))
    assert "core shares were sold as no auction sells them" in problems(records)


def test_a_turns_answer_names_the_contracts_that_settled_and_defaulted() -> None:
    world = played()
    sealed = world.sealed
    assert sealed is not None
    answer = turn_answer(sealed.record, sealed.head_hash, world.config)
    assert answer["contracts_settled"] == [1]
    assert answer["contracts_defaulted"] == []
    while not world.state.contracts_ended:
        world.turn()
    missed = World(parse_world_config({"num_agents": 4}))
    for actions in TURNS[:2]:
        missed.act(actions)
    while missed.turn_number < 6:
        missed.act({"agent_1": ConfirmDelivery(1)})
    assert missed.sealed is not None
    answer = turn_answer(missed.sealed.record, missed.sealed.head_hash, missed.config)
    assert (answer["contracts_settled"], answer["contracts_defaulted"]) == ([], [1])
    assert canonical(answer)
