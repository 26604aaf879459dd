"""Policies of rules: what they decide, and what is wrong with a table of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim_economy as se
from sim_economy.agents.catalogue import policy_named, settable_parameters, settings_of
from sim_economy.agents.policies.published_policy import Published
from sim_economy.agents.policies.rule_policy import Rules
from sim_economy.agents.policy import View, views
from sim_economy.agents.population import described
from sim_economy.core.accounts import BALANCE, PENDING, STAKED, UNSTAKING, WIDTH
from sim_economy.core.actions import (
    Action,
    BidCore,
    Burn,
    Idle,
    Job,
    Mine,
    Stake,
    Study,
    Transfer,
    Unstake,
)
from sim_economy.core.errors import ScenarioError
from sim_economy.core.state import genesis
from sim_economy.core.table_reader import Kind, read_toml
from sim_economy.core.world_config import parse_world_config
from sim_economy.orchestrator.scripted import decide
from sim_economy.orchestrator.world_backend import LocalBackend
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.world import World

PUBLISHED: Final = [
    {"when": "balance < caution", "do": "job"},
    {"when": "staked > 0 and turn % 15 == 0", "do": "unstake"},
    {"when": "balance > 360 and staked < 220 and (turn + agent) % 7 == 0", "do": "stake 80"},
    {"when": "balance > 600 and (turn + agent) % 11 == 0", "do": "burn 50"},
    {
        "when": "balance > 450 and turn % 13 == 0 and not poorest",
        "do": "transfer 20 to poorest fee 1",
    },
    {"when": "balance > 250 and turn % 10 == 0", "do": "study"},
    {"do": "mine"},
]
CONFIG: Final = parse_world_config({"num_agents": 4})


def view_of(agent: int = 1, **numbers: Any) -> View:
    """The view of an agent that holds what is stated; the others hold 100 tokens."""
    state, _ = genesis(CONFIG)
    state.turn = numbers.get("turn", 1) - 1
    for each in range(4):
        state.accounts[BALANCE + WIDTH * each] = 100
    for name, account in (
        ("balance", BALANCE), ("staked", STAKED), ("unstaking", UNSTAKING), ("pending", PENDING),
    ):  # fmt: skip
        if name in numbers:
            state.accounts[account + WIDTH * agent] = numbers[name]
    state.studies[agent] = numbers.get("studies", 0)
    state.burned[agent] = numbers.get("burned", 0)
    state.cores[agent] = numbers.get("cores", 0)
    state.employed[agent] = numbers.get("employed", False)
    return views(state, CONFIG)[agent]


def matches(when: str, view: View, **numbers: int) -> bool:
    rules = [{"when": when, "do": "job"}, {"do": "mine"}]
    return Rules(rules, numbers).decide(view) == Job()


@pytest.mark.parametrize(
    ("when", "held", "found"),
    [
        ("balance < 10", {"balance": 9}, True),
        ("balance < 10", {"balance": 10}, False),
        ("balance <= 10", {"balance": 10}, True),
        ("balance <= 10", {"balance": 11}, False),
        ("balance > -10", {"balance": -9}, True),
        ("balance > -10", {"balance": -10}, False),
        ("balance>=-10", {"balance": -10}, True),
        ("balance >= -10", {"balance": -11}, False),
        ("staked == 3", {"staked": 3}, True),
        ("staked == 3", {"staked": 4}, False),
        ("staked != 3", {"staked": 4}, True),
        ("staked != 3", {"staked": 3}, False),
        ("unstaking == 5 and pending == 6", {"unstaking": 5, "pending": 6}, True),
        ("unstaking == 5 and pending == 6", {"unstaking": 5, "pending": 7}, False),
        ("studies > 1", {"studies": 2}, True),
        ("burned > 1", {"burned": 2}, True),
        ("cores > 1", {"cores": 2}, True),
        ("studies > 1 and cores > 1", {"burned": 2}, False),
        ("employed", {"employed": True}, True),
        ("employed", {}, False),
        ("not employed", {}, True),
        ("poorest", {"balance": 99}, True),
        ("poorest", {"balance": 100}, False),
        ("not poorest", {"balance": 100}, True),
        ("turn == 7", {"turn": 7}, True),
        ("agent == 1 and num_agents == 4", {}, True),
        ("agent == 2", {}, False),
        ("turn % 5 == 2", {"turn": 7}, True),
        ("turn % 5 == 3", {"turn": 7}, False),
        ("(turn + agent) % 4 == 0", {"turn": 7}, True),
        ("(turn + agent) % 4 == 1", {"turn": 7}, False),
        ("balance % 7 == 5", {"balance": -9}, True),
        ("turn % 1 == 0", {"turn": 7}, True),
        ("turn % 0 == 0", {"turn": 7}, False),
        ("turn % 5 == 5", {"turn": 5}, False),
    ],
)
def test_a_condition_holds_exactly_where_it_says(
    when: str, held: dict[str, Any], found: bool
) -> None:
    assert matches(when, view_of(**held)) is found


def test_of_equals_the_first_is_the_poorest() -> None:
    assert matches("poorest", view_of(agent=0))
    assert not matches("poorest", view_of(agent=1))


@pytest.mark.parametrize(
    ("do", "action"),
    [
        ("mine", Mine()),
        ("job", Job()),
        ("study", Study()),
        ("idle", Idle()),
        ("stake 5", Stake(5)),
        ("stake 5 fee 2", Stake(5, 2)),
        ("unstake", Unstake()),
        ("unstake 6", Unstake(6)),
        ("burn 7", Burn(7)),
        ("burn 7 fee size", Burn(7, 33)),
        ("transfer 8 to poorest", Transfer("agent_0", 8)),
        ("transfer size to next fee 3", Transfer("agent_2", 33, 3)),
        ("bid size", BidCore(33)),
    ],
)
def test_an_action_is_the_one_it_names(do: str, action: Action) -> None:
    rules: Any = [{"when": "balance < size", "do": "job"}, {"do": do}]
    numbers: Any = {"size": 33}
    assert Rules(rules, numbers).decide(view_of()) == action


def test_the_last_agent_is_followed_by_the_first() -> None:
    rules: Any = [{"do": "transfer 8 to next"}]
    assert Rules(rules).decide(view_of(agent=3)) == Transfer("agent_0", 8)


@settings(max_examples=300, deadline=None)
@given(
    turn=st.integers(1, 400),
    agent=st.integers(0, 3),
    balance=st.integers(-400, 900),
    staked=st.integers(0, 400),
)
def test_the_published_policy_written_as_rules_decides_as_it_does(
    turn: int, agent: int, balance: int, staked: int
) -> None:
    as_rules: Any = PUBLISHED
    numbers: Any = {"caution": -180}
    view = view_of(agent, turn=turn, balance=balance, staked=staked)
    assert Rules(as_rules, numbers).decide(view) == Published().decide(view)


@pytest.mark.parametrize("preset", ["as-run", "as-written"])
@pytest.mark.parametrize("agents", [1, 5])
def test_the_published_policy_written_as_rules_plays_the_same_worlds(
    preset: str, agents: int
) -> None:
    as_rules = {"name": "rules", "rules": PUBLISHED, "numbers": {"caution": -180}}
    for seed in range(1, 9):
        same = {"seed": seed, "turns": 45, "preset": preset, "num_agents": agents}
        plain = se.play("as-run", **same)  # type: ignore[arg-type]
        ruled = se.play("as-run", policy=as_rules, **same)  # type: ignore[arg-type]
        assert plain.run.series == ruled.run.series


def test_the_page_shows_the_published_policy_as_rules() -> None:
    text = (Path(__file__).parents[2] / "docs/policies.md").read_text(encoding="utf-8")
    block = text.partition("### `rules`\n")[2].partition("    [policy]\n")[2].partition("\n\n")[0]
    shown = read_toml(block)
    assert shown == {"name": "rules", "rules": PUBLISHED, "numbers": {"caution": -180}}


# Numbers by name


def test_a_number_is_set_by_its_name() -> None:
    table = {"name": "rules", "rules": PUBLISHED, "numbers": {"caution": -180}}
    for changes in ({"policy.caution": -99}, {"policy.numbers.caution": -99}):
        changed = load_scenario("as-run", {"policy": table, **changes})
        assert dict(changed.policies[0].numbers) == {"caution": -99}  # type: ignore[attr-defined]
    as_given: Any = PUBLISHED
    entry = {"policy": "rules", "rules": PUBLISHED, "numbers": {"caution": 1}, "caution": 2}
    mixed = load_scenario("as-run", {"population": [entry]})
    two: Any = {"caution": 2}
    assert mixed.policies == [Rules(as_given, two)] * 8


def test_a_number_can_be_set_like_a_parameter() -> None:
    as_rules: Any = PUBLISHED
    numbers: Any = {"caution": -7}
    known = settable_parameters(Rules(as_rules, numbers))
    assert [*known] == ["caution", "rules", "numbers"]
    parameter, default = known["caution"]
    assert (parameter.kind, parameter.low, default) == (Kind.COUNT, -(2**31 - 1), -7)


def test_a_value_from_python_is_the_one_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "ruled.toml").write_text(
        'turns = 4\n[policy]\nname = "rules"\nnumbers = { low = 5 }\n'
        'rules = [{ when = "balance < low", do = "job" }, { do = "stake 3 fee 1" }]\n'
    )
    pairs: Any = (("balance < low", "job"), ("", "stake 3 fee 1"))
    numbers: Any = (("low", 5),)
    scenario = load_scenario(tmp_path / "ruled.toml")
    assert {*scenario.policies} == {Rules(pairs, numbers)}
    assert policy_named("rules", settings_of(Rules(pairs, numbers))) == Rules(pairs, numbers)
    assert described(scenario.population[0]) == "8 `rules` (rules = 2 of them, numbers = low 5)"


def test_a_folder_keeps_the_rules(tmp_path: Path) -> None:
    table = {"name": "rules", "rules": PUBLISHED, "numbers": {"caution": -9}}
    se.experiment("as-run", tmp_path / "out", turns=2, runs=1, policy=table)
    settings_kept = json.loads((tmp_path / "out/manifest.json").read_text())["settings"]
    assert settings_kept["population"][0]["rules"] == PUBLISHED
    again = load_scenario(tmp_path / "out", ["policy.caution=-8"])
    assert dict(again.policies[0].numbers) == {"caution": -8}  # type: ignore[attr-defined]


def test_where_nobody_shows_who_was_employed_a_policy_that_asks_fails() -> None:
    world = World(CONFIG)
    backend = LocalBackend(world)
    asking: Any = [{"when": "employed", "do": "job"}, {"do": "mine"}]
    quiet: Any = [{"when": "staked > 0", "do": "job"}, {"do": "mine"}]

    async def seen() -> tuple[dict[str, Any], dict[str, Any]]:
        return await backend.observe("agent_0"), await backend.full_state()

    shown = asyncio.run(seen())
    assert decide(Rules(quiet), 0, *shown, CONFIG).action == Mine()
    with pytest.raises(se.SimEconomyError, match="does not show who ever had a job"):
        decide(Rules(asking), 0, *shown, CONFIG)


# What is wrong


def problems(rules: Any, numbers: Any = None) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        policy_named("rules", {"rules": rules, "numbers": numbers or {}})
    return caught.value.problems


NUMBER: Final = "expected a whole number or one by name (there are none), found "
COMPARED: Final = "expected one of <, >=, >, <=, ==, !=, found "


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("wealth < 3", "expected one of balance, staked, unstaking, pending, studies, burned, "),
        ("wealth < 3", 'turn, agent, num_agents, (turn + agent) %, not, found "wealth"'),
        ("balanc < 3", '(turn + agent) %, not, found "balanc"; did you mean balance?'),
        ("balance", "found the end"),
        ("balance 3", 'found "3"'),
        ("balance = 3", 'found "="; did you mean ==?'),
        ("balance < low", f'{NUMBER}"low"'),
        ("balance < -", f'{NUMBER}"-"'),
        ("balance < 9999999999", "a number must be from -2147483647 to 2147483647"),
        ("balance < 3 or staked > 2", 'expected and, found "or"'),
        ("balance < 3 and", "found the end"),
        ("balance < 1.5", 'expected and, found "."'),
        ("not balance", 'expected one of employed, poorest, found "balance"'),
        ("employed == 1", 'expected and, found "=="'),
        ("turn + agent % 3 == 1", 'found "+"'),
        ("(turn + agent) == 1", 'expected %, found "=="'),
        ("(agent + turn) % 2 == 1", 'expected turn, found "agent"'),
        ("turn % 3 > 1", 'expected ==, found ">"'),
        ("turn % -3 == 1", "a divisor or remainder must be from 0 to 2147483647, not -3"),
        ("turn", "found the end"),
        ("Balance < 3", 'found "Balance"; did you mean balance?'),
    ],
)  # fmt: skip
def test_a_wrong_condition_is_named_by_its_rule_and_word(when: str, found: str) -> None:
    (problem,) = problems([{"when": when, "do": "job"}, {"do": "mine"}])
    assert problem.startswith("rules[0].when: ")
    assert problem.endswith(found) or found in problem


@pytest.mark.parametrize(
    ("do", "found"),
    [
        ("jobs", 'found "jobs"; did you mean job?'),
        ("", "mine, job, idle, stake, unstake, burn, study, transfer, bid, found the end"),
        ("stake", f"{NUMBER}the end"),
        ("stake 0", "an amount must be from 1 to 2147483647, not 0"),
        ("stake 3 fee -1", "a fee must be from 0 to 2147483647, not -1"),
        ("stake 3 tip 1", 'expected fee or the end, found "tip"'),
        ("stake 3 fee 1 fee 1", 'expected the end, found "fee"'),
        ("unstake 3 fee 1", 'expected the end, found "fee"'),
        ("transfer 3", "expected to, found the end"),
        ("transfer 3 to richest", 'expected one of poorest, next, found "richest"'),
        ("mine 3", 'expected the end, found "3"'),
        ("bid", f"{NUMBER}the end"),
    ],
)  # fmt: skip
def test_a_wrong_action_is_named_by_its_rule_and_word(do: str, found: str) -> None:
    (problem,) = problems([{"do": do}])
    assert problem.startswith("rules[0].do: ")
    assert problem.endswith(found)


def test_all_problems_of_a_table_are_found_at_once() -> None:
    rules = [
        {"when": "wealth > 2", "do": "jog"},
        {"do": "mine"},
        {"when": "turn > 3", "do": "burn size"},
    ]
    found = problems(rules, {"size": 0, "turn": 3, "unread": 1, "Big": 2})
    assert [problem.partition(": ")[0] for problem in found] == [
        "numbers.Big", "numbers.turn", "rules[0].when", "rules[0].do", "rules[1]",
        "rules[2].when", "numbers.Big", "numbers.turn", "numbers.unread", "numbers.size",
    ]  # fmt: skip
    for name in ("agents", "name", "rules", "fee", "x-y"):
        assert problems([{"do": "mine"}], {name: 1})[0].startswith(f"numbers.{name}: the name must")
    assert found[-1].endswith("is an amount in a rule, and must be from 1 to 2147483647")
    assert found[5].endswith("left out of the last rule, which holds where no other does")


@pytest.mark.parametrize(
    "rules",
    ["mine", [], ["mine"], [{"when": "turn > 1"}], [{"do": 3}], [{"do": "mine", "if": "x"}], 3],
)
def test_what_is_no_table_of_rules_is_one_problem(rules: Any) -> None:
    (problem,) = problems(rules)
    assert problem.startswith("rules: must be a list of tables, each with do and, but for the last")
    with pytest.raises(ScenarioError, match="rules: must be a list of tables"):
        Rules(rules)


def test_numbers_are_whole_and_by_name() -> None:
    with pytest.raises(ScenarioError, match="numbers: must be a table of integers by name"):
        Rules(numbers=[3])  # type: ignore[list-item]
    with pytest.raises(ScenarioError, match="numbers: must be an integer from -2147483647"):
        policy_named("rules", {"numbers": {"low": 1.5}})
    rules = [{"when": "turn < low", "do": "job"}, {"do": "mine"}]
    table = {"name": "rules", "rules": rules, "numbers": {"low": 1}, "lo": 3}
    with pytest.raises(ScenarioError, match=r"policy.lo: unknown key; did you mean low\?"):
        load_scenario("as-run", {"policy": table})
