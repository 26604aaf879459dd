"""Who paid for interventions and who received: small worlds by hand, large ones by their fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from sim_economy.core.accounts import PostingReason
from sim_economy.core.actions import Idle, Input, Job, Study
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.ledger.fold import Fold
from sim_economy.ledger.readers.incidence import SIGNS, Incidence, incidence_of
from sim_economy.ledger.records import read_genesis
from sim_economy.runs.run import decode_run, encode_run, run_of
from sim_economy.world.world import World
from tests.conftest import STORES
from tests.ledger.ledgers import play, script
from tests.postgres import PostgresServer
from tests.properties.random_play import random_inputs
from tests.properties.strategies import governances

QUIET: Final = {
    "num_agents": 3,
    "genesis_tokens_per_agent": 100,
    "commons_threshold_per_turn": 0,
    "interest_rate_per_turn": 0,
}


def idle(*units: int) -> list[Input]:
    """A turn in which agents only use output units, in genesis order."""
    return [Input(f"agent_{agent}", Idle(), 0, used) for agent, used in enumerate(units)]


def incidence(rules: dict[str, Any], *turns: Sequence[Input]) -> Incidence:
    """What the interventions of a small world did."""
    world = World(parse_world_config({**QUIET, "governance": rules}))
    for inputs in turns:
        world.turn(inputs)
    found = incidence_of(world.store)
    assert found is not None
    return found


CAPPED: Final[tuple[Any, ...]] = (
    {"fee_cap": {"cap_ratio": 1}},
    # 50 of 100 may be charged; then 100 - 50, of which 30 are; then 150 - 80, with a worker.
    idle(60, 40, 0),
    idle(30, 0, 0),
    [*idle(0, 140), Input("agent_2", Job(), 0, 70)],
)


def test_waived_fees_and_lowered_wages_by_hand() -> None:
    found = incidence(*CAPPED)
    assert found.fired == {"fee_cap": 2}
    # 210 of fees and usage on the job would come to 70: 70 of 210, of 70, is 23 for the worker.
    assert found.tokens == {"waived": [30, 90, 0], "wages_lowered": [0, 0, 70 - 23]}
    assert found.net() == [30, 90, -47]
    assert found.platform_net() == -30 - 90 + 47


def test_with_full_wages_there_is_no_effect_on_them() -> None:
    rules, *turns = CAPPED
    found = incidence({**rules, "wages": "full"}, *turns)
    assert found.tokens == {"waived": [30, 90, 0]}


def test_relief_by_hand() -> None:
    monitor = {"gini_max": 0, "from_turn": 2, "response": "relief"}
    # After turn 2 there are 40, 80 and 100; agent_0 has relief in turn 3, of 31.
    found = incidence({"concentration_monitor": monitor}, idle(60, 20, 0), [], idle(31, 5, 0))
    assert (found.fired, found.watched) == ({"concentration_monitor": 2}, 2)
    assert found.tokens == {"wages_lowered": [0, 0, 0], "halved": [16, 0, 0]}
    assert (found.net(), found.platform_net()) == ([16, 0, 0], -16)


def test_levies_by_hand() -> None:
    monitor = {"gini_max": 0, "from_turn": 2, "response": "levy", "levy_share": Decimal("0.5")}
    found = incidence({"concentration_monitor": monitor}, idle(60, 20, 0), [], [])
    # Half of 100 - 80; then half of 90 - 80.
    assert found.tokens == {"levied": [0, 0, 15], "levy_received": [15, 0, 0]}
    assert (found.net(), found.platform_net()) == ([15, 0, -15], 0)


def test_a_monitor_that_only_reports_moves_nothing() -> None:
    monitor = {"gini_max": 0, "from_turn": 1}
    found = incidence({"concentration_monitor": monitor}, idle(60, 20, 0), [])
    assert (found.fired, found.tokens) == ({"concentration_monitor": 2}, {})
    assert (found.net(), found.platform_net()) == ([0, 0, 0], 0)


def test_rebates_by_hand() -> None:
    found = incidence(
        {"reinvestment_rebate": {"stake_turns": 9}},
        [*idle(0, 51), Input("agent_2", Study())],
        [],
        idle(0, 0, 9),
    )
    # A fifth of 51; nothing; a fifth of 9, less a twentieth for the study: of 8.
    assert found.fired == {"reinvestment_rebate": 2}
    assert found.tokens == {"rebated": [0, 0, 10 + 1]}
    assert (found.net(), found.platform_net()) == ([0, 0, 11], -11)


LENT: Final[tuple[Any, ...]] = (
    {
        "debt_rails": {"debt_cap": 0, "repayment_share": Decimal("0.5")},
        "shocks": [
            {"turn": 2, "target": "gain", "agents": ["agent_0"], "tokens": 40},
            {"turn": 3, "target": "loss", "agents": ["agent_1"], "tokens": 130},
            {"turn": 2, "until": 3, "target": "usage", "factor": 1},
        ],
    },
    idle(160),
    [],
    [Input("agent_0", Job())],
)


def test_loans_repayments_and_shocks_by_hand() -> None:
    found = incidence(*LENT)
    assert found.fired == {"debt_rails": 1, "shocks": 2}
    assert found.shocked == {"gain": 1, "loss": 1, "usage": 2}
    # Lent the debt of 60; half of a gain of 40 repays it, and half of a bonus of 50.
    assert found.tokens == {
        "lent": [60, 0, 0],
        "repaid": [20, 0, 0],
        "withheld": [25, 0, 0],
        "receivable": [15, 0, 0],
        "given": [40, 0, 0],
        "taken": [0, 100, 0],
        "unmet": [0, 30, 0],
    }
    assert found.net() == [60 - 20 - 25 + 40, -100, 0]
    assert found.platform_net() == -15


def test_two_gains_in_one_turn_are_one_turn_in_which_gains_acted() -> None:
    shocks = [
        {"turn": 1, "target": "gain", "agents": [f"agent_{agent}"], "tokens": 3 + agent}
        for agent in (0, 2)
    ]
    found = incidence({"shocks": shocks}, [], [])
    assert (found.fired, found.shocked) == ({"shocks": 1}, {"gain": 1})
    assert found.tokens == {"given": [3, 0, 5]}


def test_a_world_without_interventions_has_no_incidence() -> None:
    world = World(parse_world_config(QUIET))
    world.turn(idle(5))
    assert incidence_of(world.store) is None
    assert b"incidence" not in encode_run(run_of(world.store))


GOVERNED: Final = parse_world_config(
    {
        "num_agents": 5,
        "genesis_tokens_per_agent": 300,
        "block_threshold": 10,
        "dividend_rule": "stake_and_burn",
        "seed": 3,
        "governance": {
            "fee_cap": {"cap_ratio": 3, "base": "productive_surplus"},
            "reinvestment_rebate": {"stake_min": 5, "stake_turns": 1},
            "debt_rails": {"debt_cap": 5, "cooldown_turns": 2},
            "concentration_monitor": {"gini_max": Decimal("0.2"), "response": "levy"},
            "shocks": [
                {"turn": 9, "target": "gain", "agents": ["agent_1", "agent_4"], "tokens": 90},
                {"turn": 1, "target": "loss", "agents": ["agent_2"], "tokens": 9000},
            ],
        },
    }
)


@pytest.fixture(params=["memory", *STORES])
def create(
    request: pytest.FixtureRequest, tmp_path: Path, state_folder: Path
) -> Callable[[WorldConfig], World]:
    """A world in a store of every kind."""
    del state_folder
    if request.param == "memory":
        return World
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        return lambda config: World.create(server.world(), config)
    return lambda config: World.create(tmp_path / "world.db", config)


def test_it_is_what_the_fold_says_in_every_store(create: Callable[[WorldConfig], World]) -> None:
    with play(create(GOVERNED), script(GOVERNED, 60)) as world:
        found = incidence_of(world.store)
        assert found is not None
        first = read_genesis(world.store.genesis_line())
        fold, moved = Fold(first), Counter[PostingReason]()
        for stored in world.store.read():
            assert list(fold.problems(stored.record)) == []
            for posting in stored.record.postings:
                moved[posting.reason] += posting.amount
        run = run_of(world.store)
    assert run.incidence == found
    assert decode_run(encode_run(run)).incidence == found
    debts = fold.state["governance"]["debts"]
    assert found.tokens["receivable"] == [owed for _, _, owed, _ in debts]
    totals = {effect: sum(by_agent) for effect, by_agent in found.tokens.items()}
    assert totals["lent"] == moved[PostingReason.DEBT_RESTRUCTURED]
    assert totals["repaid"] == moved[PostingReason.DEBT_REPAYMENT]
    assert totals["lent"] == totals["repaid"] + totals["withheld"] + totals["receivable"]
    assert totals["levied"] == totals["levy_received"] >= moved[PostingReason.LEVY]
    assert totals["taken"] == moved[PostingReason.SHOCK_LOSS]
    assert totals["given"] == 180 >= moved[PostingReason.SHOCK_GAIN]
    assert totals["taken"] + totals["unmet"] == 9000
    assert sum(found.net()) + found.platform_net() == totals["given"] - totals["taken"]
    # Every effect but relief's was there to be counted.
    assert {effect for effect, tokens in totals.items() if not tokens} == set()
    assert {*SIGNS} - totals.keys() == {"halved", "subsidised"}


@settings(max_examples=60, deadline=None)
@given(governances(), st.integers(0, 10**6))
def test_in_any_world_what_one_side_receives_the_other_pays(
    rules: dict[str, Any], seed: int
) -> None:
    small = {"num_agents": 4, "genesis_tokens_per_agent": 90, "block_threshold": 10}
    config = parse_world_config({**small, "governance": rules})
    random = Random(seed)
    with World(config) as world:
        for _ in range(15):
            world.turn(random_inputs(random, world.state, config))
        found = incidence_of(world.store)
        memory = world.state.governance
    assert (found is None) == (config.governance is None) == (memory is UNSET)
    if found is None:
        return
    assert memory is not UNSET
    totals = Counter({effect: sum(by_agent) for effect, by_agent in found.tokens.items()})
    assert min(totals.values(), default=0) >= 0
    assert sum(found.net()) + found.platform_net() == totals["given"] - totals["taken"]
    assert totals["levied"] == totals["levy_received"]
    assert totals["lent"] - totals["repaid"] - totals["withheld"] == totals["receivable"]
    if memory.debts is not UNSET:
        assert found.tokens["receivable"] == [debt.receivable for debt in memory.debts]
