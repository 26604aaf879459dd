"""What became of each agent, and who collected what: counted by hand and held to the books."""

from __future__ import annotations

import statistics
from functools import cache
from typing import Final

import pytest

from sim_economy.core.world_config import parse_world_config
from sim_economy.runs.agent_outcomes import (
    agent_outcomes,
    by_policy,
    collector_rows,
    collectors,
    contract_gains,
    outcomes_by,
    outcomes_by_run,
)
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import Run, decode_run, encode_run
from sim_economy.scenarios.scenario import Scenario, load_scenario

INCOME: Final = {
    "allowance": 40,
    "period_turns": 8,
    "overdraft": "forgiven",
    "when_empty": "stop",
    "top_ups": [{"turn": 5, "agent": "agent_1", "tokens": 70}],
}
WITH_INCOME: Final = "market with income"
EVERY = ("as-run", "as-written", "market", "rentiers", "baseline", WITH_INCOME)


@cache
def played(name: str) -> tuple[Scenario, list[Run]]:
    if name == WITH_INCOME:
        scenario = load_scenario("market", {"runs": 2, "income": INCOME})
    else:
        scenario = load_scenario(name, {"runs": 2})
    return scenario, [play_run(scenario, run) for run in (1, 2)]


def gains(run: Run) -> list[int]:
    """What each agent owns at the end, less what it began with, from the flows."""
    gained = [0] * len(run.agent_ids)
    for flow in run.counts.flows:
        if flow.payee >= 0:
            gained[flow.payee] += flow.tokens
        if flow.payer >= 0:
            gained[flow.payer] -= flow.tokens
    return gained


@pytest.mark.parametrize("name", EVERY)
def test_the_columns_of_an_agent_add_up_to_what_it_gained(name: str) -> None:
    scenario, runs = played(name)
    for agent, own in enumerate(agent_outcomes(runs, scenario)):
        told = -own.fees - own.interest + own.jobs + own.core_shares + own.tips
        whole = sum(gains(run)[agent] for run in runs) / len(runs)
        assert told + own.contracts + own.income + own.other == pytest.approx(whole)


@pytest.mark.parametrize("name", EVERY)
def test_the_platform_and_the_destroyed_are_all_that_agents_lost(name: str) -> None:
    """But for what issuance gave them and took back as income."""
    scenario, runs = played(name)
    kept = next(own for own in collectors(runs, scenario.config) if own.role == "platform")
    lost = [-sum(gains(run)) - run.series.destroyed[-1] for run in runs]
    income = sum(own.income for own in agent_outcomes(runs, scenario))
    assert kept.tokens == pytest.approx(sum(lost) / len(runs) + income)


def test_income_is_what_was_granted_and_lifted_less_what_expired() -> None:
    scenario, runs = played(WITH_INCOME)
    signs = {"allowance": 1, "top_up": 1, "debt_lifted": 1, "allowance_expired": -1}
    moved = [flow for run in runs for flow in run.counts.flows if flow.reason in signs]
    assert {flow.reason for flow in moved} == signs.keys()
    whole = sum(signs[flow.reason] * flow.tokens for flow in moved) / len(runs)
    assert sum(own.income for own in agent_outcomes(runs, scenario)) == pytest.approx(whole)
    without, its_runs = played("market")
    assert not any(own.income for own in agent_outcomes(its_runs, without))


@pytest.mark.parametrize("when_empty", ["stop", "clip"])
def test_an_agent_is_out_of_tokens_when_it_is_refused_usage_or_below_zero(when_empty: str) -> None:
    income = {"allowance": 10, "period_turns": 10, "when_empty": when_empty}
    scenario = load_scenario("as-run", {"policy": "idle", "runs": 2, "income": income})
    runs = [play_run(scenario, run) for run in (1, 2)]
    outcomes = agent_outcomes(runs, scenario)
    rows = outcomes_by_run(runs, scenario)
    firsts = [run.income.first_denied for run in runs if run.income]
    assert [row["first_denied"] for row in rows] == [turn for own in firsts for turn in own]
    for own in outcomes:
        turns = [
            min(filter(None, (row["first_denied"], row["first_turn"])), default=None)
            for row in rows
            if row["agent_id"] == own.agent_id
        ]
        known = [turn for turn in turns if turn is not None]
        assert own.out == len(known)
        assert own.first_out == (statistics.median(known) if known else None)
        assert own.out == 2
        assert own.broke == (2 if when_empty == "stop" else 0)
    (group, *_) = by_policy(outcomes)
    assert group.out is not None


def test_nobody_runs_out_where_the_rules_refuse_no_usage() -> None:
    scenario, runs = played("market")
    assert {(own.out, own.first_out) for own in agent_outcomes(runs, scenario)} == {(None, None)}
    assert {own.out for own in by_policy(agent_outcomes(runs, scenario))} == {None}


def test_contracts_give_one_agent_what_they_take_from_another() -> None:
    """But for destroyed collateral, and for fees, which a forward pays in its holder's place."""
    _, runs = played("market")
    for run in runs:
        slashed = sum(
            flow.tokens for flow in run.counts.flows if flow.reason == "collateral_slashed"
        )
        assert contract_gains(run).total() == -slashed
        drawn = sum(made.drawn for made in run.counts.made)
        carried = sum(flow.tokens for flow in run.counts.flows if flow.reason == "forward_fee")
        assert drawn == carried > 0


def test_a_fee_that_a_forward_pays_is_its_holders_fee_and_its_gain() -> None:
    scenario, runs = played("market")
    outcomes = {own.policy: own for own in agent_outcomes(runs, scenario)}
    carrier, holder = outcomes["organiser"], outcomes["member"]
    assert carrier.contracts == -holder.contracts < 0
    paid = sum(
        flow.tokens
        for run in runs
        for flow in run.counts.flows
        if flow.reason == "inference_fee" and run.agent_ids[flow.payer] == holder.agent_id
    )
    assert holder.fees > paid / len(runs)


def test_a_forfeited_collateral_is_a_lenders() -> None:
    scenario, runs = played("market")
    lenders = next(own for own in collectors(runs, scenario.config) if own.role == "lenders")
    moved = sum(made.gains[0] for run in runs for made in run.counts.made if made.kind == "loan")
    assert lenders.tokens == moved / len(runs)
    outcomes = {own.agent_id: own.lending for own in agent_outcomes(runs, scenario)}
    assert lenders.by_agent == {name: outcomes[name] for name in lenders.by_agent}


def test_roles_are_those_of_the_worlds_rules() -> None:
    written, rentiers = played("as-written"), played("rentiers")
    assert {own.role for own in collectors(written[1], written[0].config)} == {
        "platform",
        "winners of blocks",
        "holders of stake and burns",
    }
    roles = {own.role: own for own in collectors(rentiers[1], rentiers[0].config)}
    assert {*roles} == {"platform", "core owners"}
    assert roles["platform"].tokens < 0 < roles["core owners"].tokens
    for run in written[1]:
        bonuses = sum(flow.tokens for flow in run.counts.flows if flow.reason == "signing_bonus")
        tips = sum(own.tips for own in agent_outcomes([run], written[0]))
        assert tips >= bonuses > 0
    assert not any(own.jobs for own in agent_outcomes(written[1], written[0]))


def test_shares_are_of_what_those_who_gained_gained() -> None:
    scenario, runs = played("market")
    outcomes = agent_outcomes(runs, scenario)
    collected = collectors(runs, scenario.config)
    rows = collector_rows(collected, outcomes)
    for own in collected:
        shares = [row["share"] for row in rows if row["role"] == own.role and row["share"]]
        assert not shares or sum(shares) == pytest.approx(1)
        assert sum(row["role"] == own.role for row in rows) == 1 + len(own.by_agent)


def test_any_label_groups_agents() -> None:
    scenario, runs = played("rentiers")
    outcomes = agent_outcomes(runs, scenario)
    teams = outcomes_by(outcomes, lambda own: "odd" if own.agent_id[-1] in "13579" else "even")
    assert {(own.label, own.agents) for own in teams} == {("even", 6), ("odd", 6)}
    assert sum(own.broke for own in teams) == sum(own.goes_broke for own in outcomes) == 6
    published = next(own for own in by_policy(outcomes) if own.label == "published")
    assert (published.agents, published.broke) == (6, 6)
    assert published.first_turn == min(own.first_turn or 99 for own in outcomes)
    assert published.lowest == min(own.lowest for own in outcomes)


def test_each_run_has_a_row_for_each_agent() -> None:
    scenario, runs = played("market")
    rows = outcomes_by_run(runs, scenario)
    assert len(rows) == 2 * 20
    own = next(row for row in rows if row["run_id"] == 2 and row["agent_id"] == "agent_8")
    held = [balances[8] for balances in runs[1].series.balances]
    assert own["lowest"] == min(held)
    assert held[own["first_turn"] - 1] < 0 <= held[own["first_turn"] - 2]
    assert (own["final"], own["policy"]) == (held[-1], "defaulter")
    assert own["contracts"] == contract_gains(runs[1])[8]


def test_a_run_kept_without_gains_of_contracts_is_played_again() -> None:
    _, runs = played("market")
    kept = encode_run(runs[0])
    assert decode_run(kept) == runs[0]
    with pytest.raises(ValueError, match="gains"):
        decode_run(kept.replace(b'"gains"', b'"gone"'))


def test_the_default_rules_are_those_of_as_run() -> None:
    _, runs = played("as-run")
    assert collectors(runs) == collectors(runs, parse_world_config({}))
