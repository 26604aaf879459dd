"""Policies in worlds nobody chose: none breaks, and none knows more than it may."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sim_economy.agents.catalogue import SHIPPED, policy_class, policy_named, policy_parameters
from sim_economy.agents.policy import Policy, views
from sim_economy.core.accounts import BALANCE, STAKED, WIDTH
from sim_economy.core.contracts import ContractKind, Role
from sim_economy.core.state import State, decode_state, encode_state
from sim_economy.core.table_reader import Kind
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.verify import verify
from sim_economy.runs.policy_loop import play
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.world import World
from tests.agents.scripted_world import PlayedWorld

KNOW_ALL: Final = {"published", "rules", "linear"}
"""Policies that read the state itself."""
OBSERVING: Final = [name for name in SHIPPED if name not in KNOW_ALL]


TABLES: Final[dict[str, list[dict[str, Any]]]] = {
    "rules": [
        {},
        {
            "rules": [
                {"when": "balance < floor and not employed", "do": "job"},
                {"when": "poorest and studies < 2", "do": "study"},
                {"when": "(turn + agent) % 5 == 0", "do": "transfer 9 to next fee 1"},
                {"when": "staked > 30 and pending == 0", "do": "unstake 7"},
                {"do": "stake size"},
            ],
            "numbers": {"floor": -50, "size": 11},
        },
    ],
    "linear": [
        {},
        {
            "actions": ["mine", "job", "transfer 5 to poorest", "unstake"],
            "weights": [
                {"bias": 1},
                {"balance": Decimal("-0.5")},
                {"balance": Decimal("0.2"), "poorest": -9},
                {"staked": 2},
            ],
        },
    ],
}
"""Parameters that go together."""


@st.composite
def settings_of(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Some parameters of a policy, as a file gives them."""
    given: dict[str, Any] = {}
    if name in TABLES:
        return draw(st.sampled_from(TABLES[name]))
    for key, (parameter, default) in policy_parameters(policy_class(name)).items():
        if draw(st.booleans()):
            continue
        match parameter.kind:
            case Kind.FLAG:
                given[key] = draw(st.booleans())
            case Kind.VARIANT:
                variants: type[StrEnum] = type(default)
                given[key] = draw(st.sampled_from(variants)).value
            case Kind.RATE:
                given[key] = draw(st.decimals(0, 1, places=6))
            case _:
                near = st.integers(parameter.low, parameter.low + 400)
                given[key] = draw(st.one_of(near, st.just(parameter.high)))
    return given


@st.composite
def populations(draw: st.DrawFn) -> dict[str, Policy]:
    names = draw(st.lists(st.sampled_from([*SHIPPED]), min_size=1, max_size=10))
    return {
        f"{name}_{index}": policy_named(name, draw(settings_of(name)))
        for index, name in enumerate(names)
    }


WORLDS: Final = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "genesis_tokens_per_agent": st.integers(1, 3000),
        "dividend_rule": st.sampled_from(["core_owners", "stake_and_burn"]),
        "job_rule": st.sampled_from(["credit_usage", "waive_usage"]),
        "attested_confirmation_window": st.integers(1, 4),
        "signature_window": st.integers(1, 6),
        "speech_length_max": st.sampled_from([0, 20, 60, 500]),
        "payload_length_max": st.sampled_from([0, 10, 10_000]),
        "reputation_value_min": st.integers(0, 50),
        "income": st.fixed_dictionaries(
            {
                "allowance": st.integers(0, 3000),
                "period_turns": st.integers(2, 12),
                "carryover_max": st.sampled_from([0, 500]),
                "overdraft": st.sampled_from(["carried", "forgiven"]),
                "when_empty": st.sampled_from(["debt", "stop", "clip"]),
            }
        ),
        "study_cost": st.integers(0, 100),
        "slash_both_on_timeout": st.booleans(),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(populations(), WORLDS, st.tuples(st.integers(0, 400), st.integers(0, 400)))
def test_no_policy_breaks_in_any_world(
    policies: dict[str, Policy], world: dict[str, Any], usage: tuple[int, int]
) -> None:
    PlayedWorld(policies, 30, world, usage)


def test_everyone_together_in_one_world() -> None:
    told = PlayedWorld({name: policy_named(name) for name in SHIPPED}, 80, {}, (200, 160))
    assert {deal.kind for deal in told.deals.values()} == {*ContractKind}


def test_nobody_agrees_on_anything_where_nobody_may_speak() -> None:
    names = {name: policy_named(name) for name in SHIPPED}
    assert PlayedWorld(names, 30, {"speech_length_max": 0}, (200, 160)).deals == {}


# The same again


def crowd(turns: int, store: MemoryStore | None = None, stop: int | None = None) -> World:
    """Everyone in one world to the last turn, or with a stop and a fresh start on the way."""
    names = [*SHIPPED]
    config = parse_world_config({"num_agents": len(names), "seed": 5}, agent_ids=names)
    policies = [policy_named(name) for name in names]
    used = [[(150, 140)] * len(names)] * turns
    store = store or MemoryStore()
    live = World(config, store=store)
    if stop is not None:
        for turn, _ in play(live, policies, used, turns):
            if turn.turn == stop:
                break
        live = World.open(store)
    for _ in play(live, policies, used, turns):
        pass
    return live


@pytest.mark.parametrize("stop", [1, 17, 39])
def test_a_run_that_stopped_goes_on_as_if_it_had_not(stop: int) -> None:
    assert crowd(40, stop=stop).head == crowd(40).head


def test_a_ledger_of_everyone_verifies() -> None:
    store = MemoryStore()
    crowd(40, store)
    assert verify(store).holds


SAME: Final = """
from tests.agents.test_policies_in_any_world import crowd
print(crowd(30).head.hash)
"""


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_everyone_does_the_same_whatever_python_hashes(hash_seed: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SAME],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."},
    )
    assert ended.stdout.strip() == crowd(30).head.hash


# What an agent may not see


def blinded(state: State, agent: int, agents: int) -> State:
    """The state with everything else in what this agent may not see (O3)."""
    other = decode_state(encode_state(state))
    for index in range(agents):
        if index != agent:
            other.accounts[BALANCE + WIDTH * index] -= 300 + 99 * index
            other.accounts[STAKED + WIDTH * index] += 300 + 99 * index
            other.studies[index] += 3
            other.burned[index] += 7
            other.employed[index] = not other.employed[index]
            other.rejections[index] = None
    assert other.token_supply == state.token_supply
    other.contracts = [
        held
        if held.insured_value is None or held.seats[Role.COUNTERPARTY] == agent
        else replace(held, insured_value=held.insured_value + 111)
        for held in other.contracts
        if agent in held.seats
    ]
    other.payloads = [held for held in other.payloads if agent in (held.seller, held.buyer)]
    other.contracts_ended = [held for held in other.contracts_ended if agent in held.seats]
    other.counted = []
    other.burns = []
    return other


@pytest.mark.parametrize("name", OBSERVING)
def test_a_policy_decides_by_what_its_agent_may_see(name: str) -> None:
    names = [*SHIPPED]
    agent = names.index(name)
    policy = policy_named(name)
    told = PlayedWorld({each: policy_named(each) for each in names}, 45, {}, (150, 140))
    config = parse_world_config({"num_agents": len(names)}, agent_ids=names)
    for state in told.states[:-1]:
        other = blinded(state, agent, len(names))
        assert policy.decide(views(other, config)[agent]) == policy.decide(
            views(state, config)[agent]
        )


def test_the_published_policy_knows_more_than_an_agent_may() -> None:
    """So this test would see a policy that does."""
    scenario = load_scenario("as-run")
    told = PlayedWorld({f"agent_{index}": policy_named("published") for index in range(8)}, 26, {},
                 (0, 120))  # fmt: skip
    policy = policy_named("published")
    differences = [
        state.turn
        for state in told.states[:-1]
        for agent in range(8)
        if policy.decide(views(blinded(state, agent, 8), scenario.config)[agent])
        != policy.decide(views(state, scenario.config)[agent])
    ]
    assert differences
