"""Policies that are functions of whole numbers, and the text of them that can be compiled."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sim_economy as se
from sim_economy import burn as destroy
from sim_economy.agents.behaviour import CoreOnly, behaviour_of, policy_table
from sim_economy.agents.given_policy import can_be_imported
from sim_economy.agents.policy import View
from sim_economy.batch.decisions.behaviour_tables import FunctionTable, RuleTable
from sim_economy.core.actions import Action, BidCore, Burn, Idle, Stake, Study, Transfer, Unstake
from sim_economy.core.errors import PolicyFailedError, ScenarioError
from sim_economy.scenarios.scenario import load_scenario
from tests.agents.test_rules import view_of

FAR = 3


@se.policy_function
def careful(balance, turn, agent, caution=-180, size=5):  # type: ignore[no-untyped-def]
    """Works when it is short of tokens."""
    if balance < caution:
        return se.job()
    if (turn + agent) % 7 == 0:
        return se.stake(size * 2, fee=1)
    return se.mine()


def test_a_function_plays_with_its_numbers_as_parameters() -> None:
    usual = se.play(turns=20, policy=careful)
    other = se.play(turns=20, policy=careful(caution=400))
    named = se.play(turns=20, policy=careful, **{"policy.caution": 400})  # type: ignore[arg-type]
    jobs: Any = [played.metrics["actions_job"] for played in (usual, other)]
    assert jobs[0] < jobs[1]
    assert named.run.series == other.run.series
    entry = {"policy": careful, "caution": 400}
    assert load_scenario("as-run", {"population": [entry]}).policies == [careful(caution=400)] * 8


def test_it_is_a_policy_like_others() -> None:
    assert issubclass(careful, se.Policy)
    assert careful.__doc__ == "Works when it is short of tokens."
    assert can_be_imported(careful())
    assert pickle.loads(pickle.dumps(careful(size=9))) == careful(size=9)


def decided(function: Callable[..., Any], view: View) -> Action | se.Move:
    return se.policy_function(function)().decide(view)


def test_each_choice_is_its_action() -> None:
    choices: list[tuple[Any, Action]] = [
        (se.mine(), se.Mine()),
        (se.job(), se.Job()),
        (se.study(), Study()),
        (se.idle(), Idle()),
        (se.stake(3), Stake(3)),
        (se.stake(3, 2), Stake(3, 2)),
        (se.unstake(), Unstake()),
        (se.unstake(4), Unstake(4)),
        (se.burn(5, fee=1), Burn(5, 1)),
        (se.transfer_to_poorest(6), Transfer("agent_0", 6)),
        (se.transfer_to_next(7, 1), Transfer("agent_2", 7, 1)),
        (se.bid(8), BidCore(8)),
    ]
    assert [_chosen(choice) for choice, _ in choices] == [action for _, action in choices]


def _chosen(choice: Any) -> Any:
    def deciding(turn):  # type: ignore[no-untyped-def]
        return choice

    return se.policy_function(deciding)().decide(view_of())


def test_features_come_by_their_names() -> None:
    seen: list[tuple[int, ...]] = []

    def noting(num_agents, employed, cores, balance, poorest, turn):  # type: ignore[no-untyped-def]
        seen.append((num_agents, employed, cores, balance, poorest, turn))
        return se.idle()

    view = view_of(balance=7, cores=2, turn=5, employed=True)
    assert decided(noting, view) == Idle()
    assert seen == [(4, 1, 2, 7, 1, 5)]


@pytest.mark.parametrize("returned", [None, 3, (0, 0), (0, 0.5, 0, 0), ["mine"], (99, 0, 0, 0)])
def test_what_is_no_choice_fails_the_run(returned: Any) -> None:
    def odd(turn):  # type: ignore[no-untyped-def]
        return returned

    with pytest.raises(PolicyFailedError, match="the policy odd failed for agent_0 in turn 1: "):
        se.play(turns=2, policy=se.policy_function(odd))


def wrong(wealth, balance=3, policy=1, share=0.5, *others, size=2**31):  # type: ignore[no-untyped-def]
    return se.mine()


def test_every_problem_of_its_parameters_is_named() -> None:
    with pytest.raises(ScenarioError) as caught:
        se.policy_function(wrong)
    said = [
        problem.removeprefix("policy: wrong: its parameter ") for problem in caught.value.problems
    ]
    assert [text[: text.index(" ", 8)] for text in said] == [
        "wealth is", "balance is", "policy has", "share must", "others must", "size must",
    ]  # fmt: skip
    assert said[0].endswith("num_agents")
    assert "must be an ordinary one" in said[4]


SCRIPT = """
import sim_economy as se

@se.policy_function
def own(balance, low=100):
    return {body}

played = se.experiment("as-run", "runs-here", runs=2, turns=2, jobs=2, policy=own)
print(len(played.runs), played.outcome.failures, played.outcome.resumed)
"""


def test_an_experiment_is_resumed_under_the_same_function_only(tmp_path: Path) -> None:
    def ended(body: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "script.py").write_text(SCRIPT.format(body=body))
        command = [sys.executable, "script.py"]
        return subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)

    first = ended("se.job() if balance < low else se.mine()")
    assert (first.stdout, first.stderr) == ("2 [] 0\n", "")
    assert ended("se.job() if balance < low else se.mine()").stdout == "2 [] 2\n"
    assert "policy_sources.own was " in ended("se.mine()").stderr


# The text that can be compiled


def table(function: Callable[..., Any]) -> FunctionTable:
    found = policy_table(se.policy_function(function)())
    assert isinstance(found, FunctionTable)
    return found


def test_the_text_calls_nothing_but_choices_and_checked_arithmetic() -> None:
    def busy(balance, turn, size=4):  # type: ignore[no-untyped-def]
        """Everything that can be compiled."""
        low: int = -balance // 2
        for step in range(1, 3):
            if step == turn:
                continue
            low += step * abs(turn) - (balance % 7)
        if not (0 < low < 9 or turn == 3):
            return destroy(max(size, 1), fee=min(turn, 2, 3))
        return se.unstake() if low else se.mine()

    text = table(busy).text
    assert text.startswith("def decide(flag, _balance, _turn, _size):\n")
    assert "added(flag, _low, subtracted(flag, multiplied(flag, _step, magnitude(flag" in text
    assert "quotient(flag, negated(flag, _balance), 2)" in text
    assert "burn(max(_size, 1), fee=min(_turn, 2, 3))" in text
    assert "se." not in text


def test_the_same_text_has_the_same_table() -> None:
    assert table(_same_as_before) == policy_table(se.policy_function(_same_as_before)())


def _same_as_before(turn: int) -> Any:
    return se.mine()


def refused(function: Callable[..., Any]) -> str:
    policy = se.policy_function(function)
    found = behaviour_of(load_scenario("as-run", {"policy": policy}).population)
    assert isinstance(found, CoreOnly)
    assert found.policy_name == function.__name__
    return found.reason


def outside(turn: int) -> Any:
    return se.mine() if turn > FAR else se.job()


def floating(turn: int) -> Any:
    return se.mine() if turn > 0.5 else se.job()


def dividing(turn: int) -> Any:
    return se.mine() if turn / 2 > 1 else se.job()


def looking_up(turn: int) -> Any:
    return {1: se.mine()}.get(turn, se.job())


def helped(turn: int) -> Any:
    return _same_as_before(turn)


def endless(turn: int) -> Any:
    while turn:
        turn = 0
    return se.mine()


def unfinished(turn: int) -> Any:  # noqa: RET503
    if turn > 1:
        return se.mine()


def unassigned(turn: int) -> Any:
    if turn > 1:
        low = 3
    return se.mine() if low else se.job()


def late(turn: int) -> Any:
    for step in range(turn):
        low = step
    return se.mine() if low else se.job()


def powered(turn: int) -> Any:
    return se.mine() if turn**2 > 3 else se.job()


def large(turn: int) -> Any:
    return se.mine() if turn > 2**3 * 9223372036854775808 else se.job()


def shadowing(turn: int) -> Any:
    def mine() -> Any:
        return se.job()

    return mine()


def paired(turn: int) -> Any:
    low, high = turn, turn
    return se.mine() if low < high else se.job()


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (outside, "line 2 of it: FAR comes from elsewhere"),
        (floating, "line 2 of it: 0.5 is no whole number"),
        (dividing, "line 2 of it: / gives a float; // divides whole numbers"),
        (looking_up, "line 2 of it: {1: se.mine()}.get() is not compiled"),
        (helped, "line 2 of it: _same_as_before(turn) is not compiled"),
        (endless, "line 2 of it: while is not compiled; for ... in range(...) is"),
        (unfinished, "it may end without return"),
        (unassigned, "line 4 of it: low may have no value there"),
        (late, "line 4 of it: low may have no value there"),
        (powered, "line 2 of it: ** is not compiled"),
        (large, "line 2 of it: ** is not compiled"),
        (shadowing, "line 2 of it: a function in a function"),
        (paired, "line 2 of it: only a name may be assigned, one at once"),
    ],
)
def test_what_could_mean_something_else_is_left_to_the_core(
    function: Callable[..., Any], reason: str
) -> None:
    assert refused(function) == reason


def test_a_name_of_an_enclosing_function_is_what_it_names_there() -> None:
    mine = se.job

    def enclosed(turn):  # type: ignore[no-untyped-def]
        return mine()

    assert "return job()" in table(enclosed).text


def test_a_function_without_a_source_is_left_to_the_core() -> None:
    names: dict[str, Any] = {"se": se, "__name__": "nowhere"}
    exec("def typed(turn):\n    return se.mine()\n", names)
    assert refused(names["typed"]) == "its source cannot be found"


# Populations


def test_a_population_of_tables_is_told_by_agent() -> None:
    mixed = [
        {"policy": careful, "agents": 1},
        {"policy": "published", "agents": ["agent_5"], "job_below": 0},
        {"policy": "worker", "agents": 1},
        {"policy": "rules", "agents": 1, "rules": [{"do": "job"}]},
        {"policy": "published"},
    ]
    found = behaviour_of(load_scenario("as-run", {"population": mixed}).population)
    assert not isinstance(found, CoreOnly)
    assert found.followed == (0, 2, 2, 3, 3, 1, 3, 3)
    kinds = [type(own).__name__ for own in found.tables]
    assert kinds == ["FunctionTable", "FamilyTable", "RuleTable", "FamilyTable"]
    assert isinstance(found.tables[2], RuleTable)


@pytest.mark.parametrize("name", ["random", "investor", "lender"])
def test_a_policy_that_decides_in_python_is_left_to_the_core(name: str) -> None:
    found = behaviour_of(load_scenario("as-run", {"policy": name}).population)
    assert isinstance(found, CoreOnly)
    assert str(found).startswith(f"the policy {name}: its class decides in Python")


def test_numbers_that_a_batch_must_share_are_named() -> None:
    rules = [
        {"when": "turn % pace == rest and balance < low", "do": "job"},
        {"do": "stake size"},
    ]
    numbers = {"pace": 3, "rest": 1, "low": 4, "size": 5}
    policy = {"name": "rules", "rules": rules, "numbers": numbers}
    (group,) = load_scenario("as-run", {"policy": policy}).population
    assert policy_table(group.policy).structural == {"pace", "rest"}
    (group,) = load_scenario("as-run").population
    assert policy_table(group.policy).structural == {
        f"{name}_period" for name in ("unstake", "stake", "burn", "transfer", "study")
    }
