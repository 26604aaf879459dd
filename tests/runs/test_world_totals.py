"""Totals added up turn by turn are the metrics of the ledger's run."""

from __future__ import annotations

import pytest

from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.runs.extended_metrics import all_metrics
from sim_economy.runs.policy_loop import play, play_run
from sim_economy.runs.row_metrics import (
    ALWAYS_KEPT,
    DERIVED_METRICS,
    ROW_METRICS,
    WHOLE,
    derived_metrics,
)
from sim_economy.runs.run import total
from sim_economy.runs.world_totals import TURN_METRICS, WHOLE_METRICS, WorldTotals
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.world import World

CASES = (
    ("as-run", {}),
    ("as-written", {}),
    ("as-run", {"policy": "random", "turns": 90}),
    ("as-written", {"policy": "random", "turns": 90, "num_agents": 3}),
    ("as-run", {"policy": "investor", "base_inference_rate": 2}),
    ("market", {"turns": 40}),
    (
        "as-run",
        {
            "policy": "random",
            "income": {
                "allowance": 300,
                "period_turns": 7,
                "overdraft": "forgiven",
                "when_empty": "clip",
            },
        },
    ),
)


@pytest.mark.parametrize(("name", "changes"), CASES, ids=lambda value: str(value)[:40])
def test_totals_are_the_metrics_of_the_ledger(name: str, changes: dict[str, object]) -> None:
    scenario = load_scenario(name, changes)
    config = scenario.config_of_run(2)
    world, totals = World(config, recorded=False), WorldTotals()
    for turn, inputs in play(
        world, scenario.policies, scenario.usage.turns(config), scenario.turns
    ):
        totals.add(turn, inputs, world.state)
    run = play_run(scenario, 2, MemoryStore())
    found, known, series = totals.metrics(), all_metrics(run), run.series
    assert list(found) == list(WHOLE_METRICS)
    for metric in known.keys() & found.keys():
        assert found[metric] == (known[metric] or 0), metric
    balances = series.balances
    assert (
        found
        | {
            "fees_covered": known["fees_covered"],
            "fees_waived": known["fees_waived"],
            "dividends_total": known["dividends"],
            "interest_total": total(series, "interest"),
            "job_credits_total": known["job_credits"],
            "relief_total": known["interest_relief"],
            "bonuses_total": known["signing_bonuses"],
            "platform_final": series.platform[-1],
            "platform_min": min(series.platform),
            "platform_negative_turn": next(
                (turn for turn, held in enumerate(series.platform, 1) if held < 0), 0
            ),
            "destroyed_final": series.destroyed[-1],
            "blocks": known["turns_with_block"],
            "negative_agent_turns": sum(held < 0 for turn in balances for held in turn),
            "debt_token_turns": sum(max(0, -held) for turn in balances for held in turn),
            "first_negative_turn": next(
                (turn for turn, held in enumerate(balances, 1) if min(held) < 0), 0
            ),
            "rejections": sum(series.rejections),
        }
        == found
    )
    derived = derived_metrics(found, balances[-1], series.staked[-1], scenario.turns)
    assert derived["gini_wealth_shifted"] == known["gini_wealth_shifted"]
    assert derived["mean_balance_final"] == known["mean_balance_final"]
    assert derived["rent_total"] == found["fees_covered"] - found["dividends_total"]
    agent_turns = scenario.turns * config.num_agents
    assert derived["insolvent_percent"] == 100 * found["negative_agent_turns"] / agent_turns
    assert derived["mean_debt"] == found["debt_token_turns"] / agent_turns
    assert totals.turns == [
        (sum(held < 0 for held in own), -sum(min(0, held) for held in own), platform, supply)
        for own, platform, supply in zip(
            balances, series.platform, series.token_supply, strict=True
        )
    ]


def test_some_world_goes_below_zero_and_some_rejects() -> None:
    scenario = load_scenario("as-run", {"policy": "random", "turns": 90})
    config = scenario.config_of_run(2)
    world, totals = World(config, recorded=False), WorldTotals()
    for turn, inputs in play(world, scenario.policies, scenario.usage.turns(config), 90):
        totals.add(turn, inputs, world.state)
    found = totals.metrics()
    for metric in ("debt_token_turns", "rejections", "interest_total", "first_negative_turn"):
        assert found[metric] > 0, metric


def test_metrics_are_named_once() -> None:
    assert {*ROW_METRICS} == {*WHOLE_METRICS, *DERIVED_METRICS}
    assert {*WHOLE_METRICS} | {"rent_total"} == WHOLE
    assert ROW_METRICS.keys() >= ALWAYS_KEPT
    assert len(TURN_METRICS) == 4
