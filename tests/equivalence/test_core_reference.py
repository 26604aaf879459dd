"""The reference itself: its metrics are those of a run, and its worlds reach every rule."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from sim_economy.core.events import TransactionType, ValidatorType
from sim_economy.core.randomness import draw, mixed, seed_key
from sim_economy.core.units import FACTOR_ONE
from sim_economy.core.world_config import config_values, parse_world_config
from sim_economy.runs.extended_metrics import extended_metrics
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run_metrics import run_metrics
from sim_economy.scenarios.scenario import load_scenario
from tests.equivalence.aimed_draws import near_multiples, seed_that_draws, unmixed
from tests.equivalence.core_reference import ACTIONS, reference
from tests.equivalence.directed_lottery import thresholds, ticket_weights
from tests.equivalence.random_worlds import VARIANTS, random_group, random_groups

GROUPS = 120
RARE = 1 / 150


@pytest.mark.parametrize("preset", ["as-run", "as-written"])
def test_the_metrics_of_the_reference_are_those_of_the_run(preset: str) -> None:
    scenario = load_scenario(preset)
    config = scenario.config_of_run(3)
    found = reference(config, scenario.policies, scenario.usage, scenario.turns)
    _, metrics = found.shortened[scenario.turns]
    run = play_run(scenario, 3)
    published, extended = run_metrics(run), extended_metrics(run)
    pairs = {
        "token_supply_final": published["token_supply_final"],
        "fees_total": published["fees_total"],
        "blocks": published["turns_with_block"],
        "min_balance_final": published["min_balance_final"],
        "max_balance_final": published["max_balance_final"],
        "negative_balance_agents": published["negative_balance_agents"],
        "fees_covered": extended["fees_covered"],
        "fees_waived": extended["fees_waived"],
        "dividends_total": extended["dividends"],
        "interest_total": extended["interest"],
        "job_credits_total": extended["job_credits"],
        "relief_total": extended["interest_relief"],
        "bonuses_total": extended["signing_bonuses"],
        "platform_final": extended["platform_rent"],
        "destroyed_final": extended["destroyed"],
        "rejections": extended["rejections"],
        "first_negative_turn": extended["first_negative_turn"] or 0,
        **{f"actions_{name}": published[f"actions_{name}"] for name in ACTIONS},
        **{f"tx_{kind}": published[f"tx_{kind}"] for kind in TransactionType},
        **{f"validator_{kind}": published[f"validator_{kind}"] for kind in ValidatorType},
    }
    assert {name: metrics[name] for name in pairs} == pairs
    balances = run.series.balances
    assert metrics["negative_agent_turns"] == sum(own < 0 for turn in balances for own in turn)
    assert metrics["debt_token_turns"] == sum(max(0, -own) for turn in balances for own in turn)
    assert metrics["platform_min"] == min(run.series.platform)


def test_a_shorter_horizon_is_the_run_that_ends_there() -> None:
    group = random_group(11)
    whole = group.reference_of(0, every_horizon=True)
    for turns in range(1, group.turns + 1):
        shorter = replace(group, turns=turns).reference_of(0)
        assert shorter.shortened[turns] == whole.shortened[turns]


def test_random_groups_hold_every_variant_and_their_configurations_are_valid() -> None:
    seen: dict[str, set[object]] = {name: set() for name in VARIANTS}
    for number in range(GROUPS):
        group = random_group(number)
        config = group.config_of(len(group.seeds) - 1)
        assert parse_world_config(config_values(config, seed=True), agent_ids=config.agent_ids)
        for name in VARIANTS:
            seen[name].add(getattr(config, name))
    assert seen == {name: set(found) for name, found in VARIANTS.items()}


def test_random_worlds_reach_every_metric_often() -> None:
    reached: Counter[str] = Counter()
    worlds = 0
    for group in random_groups(0, 4_000):
        for found in group.references():
            worlds += 1
            metrics = found.shortened[group.turns][1]
            reached.update(name for name, number in metrics.items() if number)
    rare = {name: reached[name] / worlds for name in reached if reached[name] < RARE * worlds}
    assert rare == {}
    assert reached["rejections"] > worlds / 8


def test_a_group_of_a_number_is_always_the_same() -> None:
    assert random_group(17) == random_group(17)
    assert random_group(17) != random_group(18)


def test_thresholds_are_met_by_just_what_weighs() -> None:
    met = Counter(
        sum(ticket_weights(group, world)) - least * FACTOR_ONE == 0
        for group in thresholds()
        for world, least in enumerate(group.varied["block_threshold"])
    )
    assert met[True] > 40


def test_an_aimed_seed_draws_what_it_was_aimed_at() -> None:
    for number in range(200):
        aim = mixed(number)
        assert unmixed(mixed(aim)) == aim
        seed = seed_that_draws(aim, 5, "lottery", 2)
        if seed is not None:
            assert draw(seed_key(seed), 5, "lottery", 2) == aim


def test_near_multiples_come_closer_than_random_rates_do() -> None:
    factor, modulus = 241 * 296_296_740_740, 10**18
    rests = [rate * factor % modulus for rate in near_multiples(factor, modulus, 10**12)]
    assert min(min(rest, modulus - rest) for rest in rests) < modulus // 10**11
