"""Income: its table, what it grants and refuses; a world without it knows nothing of it."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from sim_economy.core.accounts import BALANCE, ISSUANCE, WIDTH
from sim_economy.core.actions import (
    Action,
    BidCore,
    Idle,
    Input,
    Job,
    ProposeContract,
    SignContract,
    Transfer,
)
from sim_economy.core.contracts import Terms
from sim_economy.core.errors import ScenarioError
from sim_economy.core.events import RejectionReason, Turn
from sim_economy.core.income_config import IncomeConfig
from sim_economy.core.rules import income, usage_fees
from sim_economy.core.units import FACTOR_ONE, INPUT_LIMIT, MILLION, compounded
from sim_economy.core.world_config import WorldConfig, config_values, parse_world_config
from sim_economy.world.world import World
from tests.properties.strategies import incomes

PERIODIC: Final[dict[str, Any]] = {"allowance": 100, "period_turns": 3}


def world(rules: dict[str, Any], **changed: Any) -> World:
    """A world with income, nothing at genesis, and no free units."""
    quiet = {"genesis_tokens_per_agent": 0, "commons_threshold_per_turn": 0, "num_agents": 3}
    return World(parse_world_config({**quiet, **changed, "income": rules}))


def use(economy: World, **units: int) -> Turn:
    """A turn in which agents only use."""
    return economy.turn([Input(agent_id, Idle(), output_units=n) for agent_id, n in units.items()])


def denied(turn: Turn) -> dict[int, tuple[int, int]]:
    """Thinking and output refused, by agent index."""
    refused = () if turn.units_denied is UNSET else turn.units_denied
    return {one.agent: (one.thinking, one.output) for one in refused}


# The table


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        (3, "income"),
        ({"allowence": 5}, "income.allowence"),
        ({"allowance": -1}, "income.allowance"),
        ({"allowance": 2**31}, "income.allowance"),
        ({"allowance": 5}, "income.period_turns"),
        ({"allowances": {"agent_0": 5}}, "income.period_turns"),
        ({"allowances": {"nobody": 5}, "period_turns": 2}, "income.allowances"),
        ({"allowances": {"agent_0": 0.5}, "period_turns": 2}, "income.allowances"),
        ({"period_turns": 0}, "income.period_turns"),
        ({"period_turns": 2, "period_starts": [1]}, "income.period_turns"),
        ({"period_starts": [1, 3, 3]}, "income.period_starts"),
        ({"period_starts": [0, 3]}, "income.period_starts"),
        ({"period_starts": "12"}, "income.period_starts"),
        ({"carryover_max": True}, "income.carryover_max"),
        ({"overdraft": "kept"}, "income.overdraft"),
        ({"when_empty": "halt"}, "income.when_empty"),
        ({"when_empty": "stop", "period_turns": 1}, "income.when_empty"),
        ({"when_empty": "stop", "period_starts": [1, 5, 6]}, "income.when_empty"),
        ({"top_ups": [{"turn": 0, "agent": "agent_0", "tokens": 1}]}, "income.top_ups[0].turn"),
        ({"top_ups": [{"turn": 1, "agent": "agent_0"}]}, "income.top_ups[0].tokens"),
        ({"top_ups": [{"turn": 1, "agent": "nobody", "tokens": 1}]}, "income.top_ups"),
    ],
)
def test_a_table_that_cannot_be_is_refused_by_its_key(rules: Any, path: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_world_config({"income": rules})
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [path]


def test_all_problems_are_found_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_world_config(
            {
                "num_cores": 0,
                "income": {"allowance": -1, "when_empty": "no", "allowances": {"nobody": 1}},
                "cores": {"owners": {"nobody": 1, "agent_0": 0}},
            }
        )
    found = [problem.partition(":")[0] for problem in caught.value.problems]
    assert found == [
        "num_cores",
        "income.allowance",
        "income.when_empty",
        "income.allowances",
        "cores.owners",
    ]


@pytest.mark.parametrize("owners", [{"agent_0": 3, "agent_1": 2}, {"agent_9": 1}, [1], {1: 1}])
def test_owners_that_cannot_be_are_refused(owners: Any) -> None:
    with pytest.raises(ScenarioError, match=r"cores\.owners"):
        parse_world_config({"cores": {"owners": owners}})


tables = incomes(st.sampled_from([f"agent_{agent}" for agent in range(8)]))


@settings(deadline=None)
@given(tables)
def test_what_is_written_of_a_table_is_read_back_unchanged(rules: dict[str, Any]) -> None:
    config = parse_world_config({"income": rules, "cores": {"owners": {"agent_3": 2}}})
    again = parse_world_config(config_values(config, seed=True))
    assert again == config
    assert World(again).store.genesis_line() == World(config).store.genesis_line()


@settings(deadline=None)
@given(tables, st.integers(0, 50))
def test_periods_are_numbered_by_the_turns_they_begin_in(rules: dict[str, Any], turn: int) -> None:
    config = parse_world_config({"income": rules}).income
    assert config is not None
    starts = [begun for begun in range(1, 3000) if config.period_in(begun) is not None]
    assert [config.period_in(begun) for begun in starts] == list(range(1, len(starts) + 1))
    following = next((begun for begun in starts if begun > turn), None)
    if following is not None:
        assert config.next_period(turn) == following


def test_without_the_tables_nothing_of_them_is_written() -> None:
    economy = World(WorldConfig())
    economy.turn([Input("agent_0", Idle(), output_units=5000)])
    kept = b"".join([economy.store.genesis_line(), *(held.line for held in economy.store.read())])
    for word in (b"income", b"allowance", b'"cores":{', b"denied", b"top_up"):
        assert word not in kept


def test_genesis_tokens_may_be_none_only_with_income() -> None:
    with pytest.raises(ScenarioError, match="genesis_tokens_per_agent"):
        parse_world_config({"genesis_tokens_per_agent": 0})
    config = parse_world_config({"genesis_tokens_per_agent": 0, "income": {}})
    assert World(config).state.token_supply == 0


@pytest.mark.parametrize(("when_empty", "rate"), [("debt", 10_000), ("stop", 0), ("clip", 0)])
def test_where_nobody_owes_interest_is_off_unless_it_is_set(when_empty: str, rate: int) -> None:
    rules = {"when_empty": when_empty}
    assert parse_world_config({"income": rules}).interest_rate_per_turn == rate
    stated = parse_world_config({"income": rules, "interest_rate_per_turn": 1})
    assert stated.interest_rate_per_turn == MILLION
    assert parse_world_config({"seed": 5}, base=stated).interest_rate_per_turn == MILLION


def test_a_pool_without_endowment_or_stake_pays_nobody() -> None:
    economy = world(PERIODIC, dividend_rule="stake_and_burn")
    assert use(economy, agent_0=40).bill.dividends == 0


# What is used


CASES: Final = 20_000


def brute_force(asked: int, funds: int, rate: int, factor: int) -> int:
    """The most units, counted down from those asked for, whose fee the funds hold."""
    price = Fraction(rate, MILLION) * Fraction(factor, FACTOR_ONE)
    if price == 0:
        return asked
    if funds < 0:
        return 0
    return next(units for units in range(asked, -1, -1) if int(price * units) <= funds)


def test_clip_allows_what_trying_every_number_of_units_finds() -> None:
    random = Random("clip")
    tight = 0
    for _ in range(CASES):
        rate = random.choice((0, 1, 333_333, 999_999, MILLION, 1_500_000, 7 * MILLION, 10**12))
        discount = random.choice((0, 1, 50_000, 333_333, 999_999, MILLION))
        config = WorldConfig(base_inference_rate=rate, study_discount=discount)  # type: ignore[arg-type]
        studies, asked = random.choice((0, 1, 2, 30)), random.randrange(40)
        factor = compounded(config.study_discount, studies)
        most = rate * factor * asked // (MILLION * FACTOR_ONE)
        funds = random.choice((-1, 0, 1, most - 1, most, most + 1, random.randint(-3, most + 3)))
        allowed = income.payable(asked, funds, studies, config)
        assert allowed == brute_force(asked, funds, rate, factor)
        if 0 < allowed < asked:
            tight += 1
            assert usage_fees.price(allowed, studies, config) <= funds
            assert usage_fees.price(allowed + 1, studies, config) > funds
    assert tight > CASES // 20


@settings(deadline=None)
@given(st.integers(0, 2**62), st.integers(0, INPUT_LIMIT), st.integers(0, 400))
def test_a_clipped_fee_is_never_above_the_funds(funds: int, asked: int, studies: int) -> None:
    config = WorldConfig(base_inference_rate=1_234_567)  # type: ignore[arg-type]
    allowed = income.payable(asked, funds, studies, config)
    assert 0 <= allowed <= asked
    assert usage_fees.price(allowed, studies, config) <= funds
    if allowed < asked:
        assert usage_fees.price(allowed + 1, studies, config) > funds


@pytest.mark.parametrize(
    ("thinking", "output", "units", "refused"),
    [
        (5, 9, 0, (0, 0)),
        (5, 9, 9, (0, 9)),
        (5, 9, 10, (1, 9)),
        (5, 9, 14, (5, 9)),
        (5, 0, 2, (2, 0)),
    ],
)
def test_output_is_cut_before_thinking(
    thinking: int, output: int, units: int, refused: tuple[int, int]
) -> None:
    assert income.cut(thinking, output, units) == refused


def test_a_debtor_under_clip_uses_its_free_units_alone() -> None:
    economy = world({**PERIODIC, "when_empty": "clip"}, commons_threshold_per_turn=10)
    economy.state.accounts[BALANCE] -= 500
    economy.state.accounts[ISSUANCE] += 500
    turn = use(economy, agent_0=60)
    assert denied(turn) == {0: (0, 50)}
    assert turn.bill.charged == 0


def test_where_units_cost_nothing_clip_refuses_none() -> None:
    economy = world({"when_empty": "clip"}, base_inference_rate=0)
    assert denied(use(economy, agent_0=10**6)) == {}


def test_a_job_is_paid_for_all_units_asked_for_under_clip() -> None:
    economy = world({"when_empty": "clip"}, signing_bonus=0, job_credit_max=100)
    turn = economy.turn([Input("agent_0", Job(), output_units=300)])
    assert denied(turn) == {}
    assert economy.state.balances[0] == 100
    assert (turn.bill.charged, turn.bill.waived) == (0, 300)


def test_clip_counts_what_is_left_after_actions() -> None:
    economy = world({**PERIODIC, "when_empty": "clip"})
    turn = economy.turn([Input("agent_0", Transfer("agent_1", 70), output_units=50)])
    assert denied(turn) == {0: (0, 20)}
    assert economy.state.balances[0] == 0


def with_forward(when_empty: str) -> World:
    """Agent_1 has a forward of 40 from agent_0, in force from turn 4 on; both had 100."""
    economy = world({"allowance": 100, "period_turns": 90, "when_empty": when_empty})
    terms = Terms(due_turn=6, price=100, cap=40, start_turn=4)
    turns: list[dict[str, Action]] = [
        {"agent_0": ProposeContract("forward", "agent_1", "agent_2", terms)},
        {"agent_1": SignContract(1), "agent_2": SignContract(1)},
        {},
    ]
    for actions in turns:
        assert not any(economy.act(actions).outcomes)
    assert economy.state.balances == [160, 0, 100]
    return economy


def test_clip_counts_forwards_in_force() -> None:
    economy = with_forward("clip")
    assert denied(use(economy, agent_1=70)) == {1: (0, 30)}
    assert economy.state.balances[1] == 0


def test_stop_counts_forwards_in_force_and_not_those_to_come() -> None:
    economy = with_forward("stop")
    assert economy.state.turn == 3
    turn = use(economy, agent_1=70)
    assert turn.outcomes == (None,)
    assert economy.state.balances[1] == -30
    assert use(economy, agent_1=70).outcomes == (RejectionReason.BALANCE_EMPTY,)


def test_a_forward_that_is_not_in_force_yet_keeps_nobody_from_being_stopped() -> None:
    economy = world({"allowance": 100, "period_turns": 90, "when_empty": "stop"})
    terms = Terms(due_turn=9, price=100, cap=40, start_turn=8)
    economy.act({"agent_0": ProposeContract("forward", "agent_1", "agent_2", terms)})
    economy.act({"agent_1": SignContract(1), "agent_2": SignContract(1)})
    assert use(economy, agent_1=1).outcomes == (RejectionReason.BALANCE_EMPTY,)


def test_contracts_of_a_stopped_agent_go_on() -> None:
    economy = world({"allowance": 100, "period_turns": 90, "when_empty": "stop"})
    terms = Terms(due_turn=4, principal=60, premium=0)
    economy.act({"agent_0": ProposeContract("loan", "agent_1", "agent_2", terms)})
    economy.act({"agent_1": SignContract(1), "agent_2": SignContract(1)})
    use(economy, agent_0=40)
    assert economy.state.balances == [0, 160, 100]
    turn = use(economy, agent_0=5)
    assert turn.outcomes == (RejectionReason.BALANCE_EMPTY,)
    assert economy.state.balances == [60, 100, 100]


def test_usage_in_the_turn_of_the_last_token_is_billed_whole_under_stop() -> None:
    economy = world({**PERIODIC, "when_empty": "stop"})
    use(economy, agent_0=99)
    turn = use(economy, agent_0=1000)
    assert (turn.bill.charged, turn.bill.covered) == (1000, 1)
    assert economy.state.balances[0] == -999


def test_an_empty_input_comes_before_every_other_refusal_but_strangers_and_second_ones() -> None:
    economy = world({"when_empty": "stop"})
    nobody, twice = Input("nobody", Idle()), Input("agent_0", Idle())
    turn = economy.turn([Input("agent_0", Transfer("agent_0", -1)), twice, nobody])
    assert turn.outcomes == (
        RejectionReason.BALANCE_EMPTY,
        RejectionReason.ALREADY_ACTED,
        RejectionReason.UNKNOWN_AGENT,
    )


# Tokens


def test_agents_without_an_allowance_keep_their_balance_and_their_debt() -> None:
    rules = {"allowances": {"agent_1": 5}, "period_turns": 2, "overdraft": "forgiven"}
    economy = world({**rules, "top_ups": [{"turn": 1, "agent": "agent_0", "tokens": 9}]})
    use(economy, agent_2=7)
    for _ in range(2):
        economy.turn([])
    assert economy.state.balances == [9, 5, -7]


def test_top_ups_of_a_turn_come_in_genesis_order() -> None:
    given = [("agent_2", 1, 4), ("agent_0", 2, 5), ("agent_0", 1, 6), ("agent_0", 1, 7)]
    rules = {"top_ups": [{"agent": who, "turn": turn, "tokens": n} for who, turn, n in given]}
    postings = world(rules).turn([]).postings
    assert [(posting.target, posting.amount) for posting in postings] == [
        (BALANCE, 6),
        (BALANCE, 7),
        (BALANCE + 2 * WIDTH, 4),
    ]


def test_a_bid_is_refused_where_genesis_states_the_owners_even_none() -> None:
    economy = World(parse_world_config({"cores": {"owners": {}}}))
    assert economy.act({"agent_0": BidCore(5)}).outcomes == (RejectionReason.AUCTION_CLOSED,)
    assert economy.state.cores == [0] * 8


def test_an_agent_sees_its_own_allowance_and_the_next_period() -> None:
    rules = {"allowance": 7, "allowances": {"agent_1": 9}, "period_starts": [2, 4]}
    economy = world(rules)
    seen = [economy.observe("agent_1").income]
    for _ in range(4):
        economy.turn([])
        seen.append(economy.observe("agent_1").income)
    assert [held and (held.allowance, held.next_period) for held in seen] == [
        (9, 2),
        (9, 2),
        (9, 4),
        (9, 4),
        (9, None),
    ]
    assert economy.observe("agent_0").world["income"]["period_starts"] == [2, 4]
    assert World(WorldConfig()).observe("agent_0").income is UNSET


def test_an_empty_table_grants_and_refuses_nothing() -> None:
    config = parse_world_config({"income": {}})
    assert config.income == IncomeConfig()
    turn = World(config).turn([Input("agent_0", Idle(), output_units=5000)])
    assert [posting.reason for posting in turn.postings] == ["inference_fee", "interest"]
