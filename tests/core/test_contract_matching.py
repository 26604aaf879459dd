"""Contract matching: which needs fit, who is matched, what agents see of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from random import Random
from typing import Any

import numpy as np
import pytest
from msgspec import UNSET
from msgspec.structs import asdict, replace
from scipy.optimize import linear_sum_assignment

from sim_economy.core.accounts import BALANCE, WIDTH
from sim_economy.core.actions import Idle, Input, ProposeContract, SignContract, Unstake
from sim_economy.core.codec import parse_input, parse_needs
from sim_economy.core.contracts import ContractKind, Reputation
from sim_economy.core.errors import InputError
from sim_economy.core.needs import ContractMatch, Need, NeedSide
from sim_economy.core.rules.contract_matching import assigned, kept_share, matches
from sim_economy.core.turn import play_turn
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
from sim_economy.world.world import World

OFFER, SEEK = NeedSide
LOAN = ContractKind.LOAN


def world(**changed: Any) -> World:
    """Four agents whose needs are matched."""
    rules = {"contract_matching": changed}
    return World(parse_world_config({"num_agents": 4, "governance": rules}))


def loan(side: NeedSide, amount: int, limit_price: int) -> tuple[Need]:
    return (Need(LOAN, side, amount, limit_price),)


def found(needs: Mapping[int, Sequence[Need]], *records: Reputation) -> list[ContractMatch]:
    return list(matches(needs, records, 50))


@pytest.mark.parametrize(
    ("offered", "sought", "price"),
    [
        ((300, 30), (200, 30), 25),
        ((300, 30), (200, 20), 20),
        ((300, 30), (200, 19), None),
        ((300, 31), (200, 20), None),
        ((300, 31), (200, 21), 21),
        ((300, 30), (301, 900), None),
        ((300, 0), (300, 0), 0),
        ((1, 2**31 - 1), (1, 2**31 - 1), 2**31 - 1),
    ],
)
def test_needs_fit_if_the_amount_is_there_and_a_price_is_between_both_limits(
    offered: tuple[int, int], sought: tuple[int, int], price: int | None
) -> None:
    pairs = found({0: loan(OFFER, *offered), 1: loan(SEEK, *sought)})
    assert [own.price for own in pairs] == ([] if price is None else [price])
    assert all(own.amount == sought[0] for own in pairs)


def test_nobody_is_matched_with_itself_or_for_another_kind() -> None:
    both = loan(OFFER, 9, 0) + loan(SEEK, 9, 9)
    assert found({0: both}) == []
    other = (Need(ContractKind.FORWARD, SEEK, 9, 9),)
    assert found({0: loan(OFFER, 9, 0), 1: other}) == []
    assert found({0: both, 1: both}) == [
        ContractMatch(LOAN, 1, 0, 9, 4),
        ContractMatch(LOAN, 0, 1, 9, 4),
    ]


def test_of_equal_partners_the_first_in_genesis_order_is_matched() -> None:
    needs = {0: loan(SEEK, 9, 9), 1: loan(SEEK, 9, 9), 2: loan(OFFER, 9, 5), 3: loan(OFFER, 9, 5)}
    assert [(own.counterparty, own.proposer) for own in found(needs)] == [(0, 2), (1, 3)]
    del needs[3]
    assert [own.counterparty for own in found(needs)] == [0]


def test_who_kept_its_contracts_comes_before_who_broke_them() -> None:
    needs = {0: loan(SEEK, 9, 9), 1: loan(SEEK, 9, 9), 2: loan(OFFER, 9, 5)}
    broke = Reputation(agent=0, defaulted=1)
    assert [own.counterparty for own in found(needs, broke)] == [1]
    assert [own.counterparty for own in found(needs, Reputation(agent=1, settled=1))] == [1]
    # What it would gain makes up for a default: 3 x 5 of gain beside 5.
    needs[0] = loan(SEEK, 9, 20)
    assert [own.counterparty for own in found(needs, broke)] == [0]


def test_an_agent_of_whom_nothing_is_known_is_expected_to_keep_one_in_two() -> None:
    assert kept_share(None) == kept_share(Reputation(agent=0)) == 500_000
    assert kept_share(Reputation(agent=0, settled=3)) == 800_000
    assert kept_share(Reputation(agent=0, settled=1, defaulted=2)) == 400_000


def test_of_too_many_needs_those_with_the_best_prices_are_matched() -> None:
    needs = {agent: loan(SEEK, 10, 20 + agent) for agent in range(4)}
    needs |= {agent: loan(OFFER, 100, 90 - agent) for agent in range(4, 8)}
    pairs = [(own.counterparty, own.proposer) for own in matches(needs, (), 2)]
    assert pairs == [(2, 6), (3, 7)]


def test_an_assignment_is_as_good_as_the_library_s() -> None:
    random = Random("assignments")
    for _ in range(500):
        rows, columns = random.randint(1, 9), random.randint(1, 9)
        weights = [
            [random.choice((0, random.randint(1, 20))) for _ in range(columns)] for _ in range(rows)
        ]
        pairs = [
            (row, column) for row, column in enumerate(assigned(weights)) if column is not None
        ]
        assert len({column for _, column in pairs}) == len(pairs)
        theirs = zip(*linear_sum_assignment(np.array(weights), maximize=True), strict=True)
        best = sum(weights[row][column] for row, column in theirs)
        assert sum(weights[row][column] for row, column in pairs) == best


def test_of_all_assignments_the_best_is_found_and_of_equal_ones_the_first() -> None:
    random = Random("matches")
    for _ in range(200):
        seekers, lenders = random.randint(1, 4), random.randint(1, 4)
        needs = {
            agent: loan(SEEK, random.choice((5, 10)), random.randint(0, 4))
            for agent in range(seekers)
        }
        needs |= {
            agent: loan(OFFER, random.choice((5, 10)), random.randint(0, 6))
            for agent in range(seekers, seekers + lenders)
        }
        pairs = {own.counterparty: own.proposer for own in found(needs)}
        assert pairs == _by_trying_all(needs, seekers, lenders)


def _by_trying_all(
    needs: Mapping[int, Sequence[Need]], seekers: int, lenders: int
) -> dict[int, int]:
    """Most matches, then most gain, then the earliest lenders for the earliest seekers."""
    choices = [*range(seekers, seekers + lenders), *[None] * seekers]
    best: tuple[Any, dict[int, int]] | None = None
    for partners in permutations(choices, seekers):
        pairs = {seeker: lender for seeker, lender in enumerate(partners) if lender is not None}
        gains = []
        for seeker, lender in pairs.items():
            (sought,), (offered,) = needs[seeker], needs[lender]
            low = -(-offered.limit_price * sought.amount // offered.amount)
            fits = sought.amount <= offered.amount and low <= sought.limit_price
            gains.append(sought.limit_price - low + 1 if fits else None)
        if None in gains:
            continue
        order = [-pairs.get(seeker, seekers + lenders) for seeker in range(seekers)]
        rank = (len(pairs), sum(gain or 0 for gain in gains), order)
        if best is None or rank > best[0]:
            best = rank, pairs
    return {} if best is None else best[1]


def stated(economy: World) -> list[Input]:
    return [
        Input("agent_0", Idle(), needs=loan(OFFER, 300, 30)),
        Input("agent_1", Idle(), needs=loan(SEEK, 200, 30)),
        Input("agent_2", Unstake(5), needs=loan(SEEK, 100, 30)),
    ]


def test_partners_see_their_match_and_others_do_not() -> None:
    economy = world()
    economy.turn(stated(economy))
    seen = [economy.observe(f"agent_{agent}").governance for agent in range(4)]
    assert all(own is not UNSET and own.matches is not UNSET for own in seen)
    lender, borrower, rejected, other = (own.matches for own in seen if own is not UNSET)
    assert rejected == other == ()
    assert lender is not UNSET
    assert borrower is not UNSET
    assert (lender[0].partner, lender[0].side) == ("agent_1", "offer")
    assert replace(lender[0], partner="agent_0", side=SEEK) == borrower[0]
    economy.turn([])
    after = economy.observe("agent_1").governance
    assert after is not UNSET
    assert after.matches == ()


def test_a_proposal_by_the_template_of_a_match_comes_to_a_contract() -> None:
    for kind, rest in (
        (ContractKind.SERVICE, {}),
        (ContractKind.INFORMATION_SALE, {"payload_hash": "0" * 64}),
        (LOAN, {}),
        (ContractKind.INSURANCE, {"trigger": -5}),
        (ContractKind.FORWARD, {}),
    ):
        economy = world()
        offer, seek = (Need(kind, side, 20, 20) for side in NeedSide)
        economy.turn(
            [Input("agent_0", Idle(), needs=(offer,)), Input("agent_1", Idle(), needs=(seek,))]
        )
        own = economy.observe("agent_0").governance
        assert own is not UNSET
        assert own.matches is not UNSET
        terms = replace(own.matches[0].terms, **rest)
        proposal = ProposeContract(kind.value, "agent_1", "agent_2", terms)
        turn = economy.turn([Input("agent_0", proposal)])
        assert turn.outcomes == (None,)
        for _ in range(4):
            economy.turn([])
        turn = economy.turn([Input("agent_1", SignContract(1)), Input("agent_2", SignContract(1))])
        assert [event.happened for event in turn.contracts][-1] == "started"
        assert economy.state.contracts[0].deal.price in (0, 20)
        assert verify(economy.store).holds


def test_a_match_moves_nothing_and_does_not_depend_on_balances() -> None:
    economy = world()
    state, turn = play_turn(economy.state, stated(economy), economy.config, economy.agent_indices)
    assert turn.postings == ()
    assert turn.contracts == ()
    poor = economy.state.successor()
    poor.turn -= 1
    poor.accounts[BALANCE] -= 990
    poor.accounts[BALANCE + WIDTH] += 990
    _, other = play_turn(poor, stated(economy), economy.config, economy.agent_indices)
    assert other.governance == turn.governance
    assert state.governance is not UNSET


@pytest.mark.parametrize("rule", ["shown", "counted"])
def test_needs_are_kept_proved_and_played_again(rule: str) -> None:
    economy = world(matches=rule)
    for _ in range(3):
        turn = economy.turn(stated(economy))
        assert turn.governance is not UNSET
        assert len(turn.governance.matches) == 1
    turn = economy.turn(stated(economy), ends=True)
    assert turn.governance is not UNSET
    assert turn.governance.matches == ()
    assert verify(economy.store).holds
    assert replay(economy.store) == economy.head
    assert (economy.observe("agent_1").governance is UNSET) == (rule == "counted")


def test_a_world_that_matches_nothing_refuses_needs_and_stays_as_it_is() -> None:
    bare = World(parse_world_config({"num_agents": 4}))
    with pytest.raises(InputError, match="contract_matching") as caught:
        bare.turn(stated(bare))
    assert caught.value.code == "input_invalid"
    assert bare.turn_number == 0


GOOD = {"kind": "loan", "side": "seek", "amount": 5, "limit_price": 0}


@pytest.mark.parametrize(
    ("needs", "field"),
    [
        ("loan", "needs"),
        ([5], "needs[0]"),
        ([{**GOOD, "kind": "gift"}], "needs[0].kind"),
        ([{**GOOD, "side": "both"}], "needs[0].side"),
        ([{**GOOD, "amount": 0}], "needs[0].amount"),
        ([{**GOOD, "amount": True}], "needs[0].amount"),
        ([{**GOOD, "limit_price": -1}], "needs[0].limit_price"),
        ([{**GOOD, "limit_price": 2**31}], "needs[0].limit_price"),
        ([{"kind": "loan", "side": "seek", "amount": 5}], "needs[0].limit_price"),
        ([{**GOOD, "partner": "agent_1"}], "needs[0]"),
        ([GOOD, {**GOOD, "amount": 6}], "needs"),
        ([GOOD] * 11, "needs"),
    ],
)
def test_a_need_that_cannot_be_is_refused_by_its_field(needs: Any, field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_needs(needs)
    assert caught.value.field == field


def test_needs_are_read_as_they_are_written() -> None:
    sent = {"agent_id": "agent_0", "action": {"action": "idle"}, "needs": [GOOD]}
    (need,) = parse_input(sent).needs
    assert asdict(need) == GOOD
    with pytest.raises(InputError, match="tuple of Need"):
        world().turn([Input("agent_0", Idle(), needs=[need])])  # type: ignore[arg-type]
