"""The tables of a scenario file, read strictly, every problem in one answer."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.errors import ScenarioError
from sim_economy.core.world_config import parse_world_config
from sim_economy.orchestrator.dialogue.messages import CallFailure
from sim_economy.orchestrator.orchestrated_run import load_orchestrated
from sim_economy.orchestrator.record.call_folder import read_task
from sim_economy.orchestrator.settings import parse_plan, plan_of
from sim_economy.orchestrator.task import Task
from sim_economy.scenarios.scenario import load_scenario
from tests.orchestrator.setup import mocked, play, served

SCENARIO = parse_world_config({"num_agents": 3}, agent_ids=["ann", "bob", "cy"])
WHOLE = """
name = "mixed"
turns = 4
seed = 10

[world]
agent_ids = ["ann", "bob", "cy"]

[orchestrator]
memory_turns = 2
call_deadline_seconds = 2.5
budget_tokens = 900_000
budget_money = 2.50
prices = "prices.toml"

[models.small]
provider = "openai-compatible"
model = "qwen3:8b"
base_url = "http://127.0.0.1:11434/v1/"
temperature = 0.7
extra = { top_k = 20, min_p = 0.05 }

[models.pretend]
provider = "mock"
script = "script.jsonl"

[[minds]]
agents = ["bob"]
policy = "miner"

[[minds]]
agents = ["cy"]
model = "pretend"

[[minds]]
model = "small"
persona = "You are patient."
"""
SCRIPT = """
{"turn": 1, "agent": "cy", "reply": "job", "tokens": {"input": 5, "output": 9}}
{"turn": 2, "agent": "cy", "fails": "rate_limited", "retry_after": 0.01}
"""


def written(folder: Path, text: str = WHOLE) -> Path:
    (folder / "script.jsonl").write_text(SCRIPT)
    (folder / "prices.toml").write_text('currency = "USD"\n["qwen3:8b"]\ninput = 0.1\noutput = 1\n')
    path = folder / "mixed.toml"
    path.write_text(text)
    return path


def test_a_whole_file(tmp_path: Path) -> None:
    asked = load_orchestrated(written(tmp_path), ["orchestrator.retries=1"])
    plan = asked.task.plan
    assert (asked.task.name, asked.task.turns, asked.task.config.seed) == ("mixed", 4, 11)
    assert (plan.retries, plan.memory_turns, plan.call_deadline) == (1, 2, Decimal("2.5"))
    assert (plan.limits.budget_tokens, plan.limits.budget_money) == (900_000, Decimal("2.50"))
    small = plan.models["small"]
    assert (small.base_url, small.temperature) == (
        "http://127.0.0.1:11434/v1",
        Decimal("0.7"),
    )
    assert small.extra == {"top_k": 20, "min_p": 0.05}
    assert plan.models["pretend"].script[1].fails is CallFailure.RATE_LIMITED
    assert plan.backends["bob"].policy == "miner"
    assert plan.backends["ann"].persona == "You are patient."
    assert plan.limits.prices.prices["qwen3:8b"].output == 1


def test_a_mixed_population_plays(tmp_path: Path) -> None:
    asked = load_orchestrated(written(tmp_path), mock=True)
    assert {model.provider for model in asked.task.plan.models.values()} == {"mock"}
    ended = play(tmp_path / "run", asked.task)
    assert ended.world_head.turn == 4


def test_a_folder_keeps_all_that_decides(tmp_path: Path) -> None:
    task = load_orchestrated(written(tmp_path)).task
    play(tmp_path / "run", mocked_as(task))
    kept = read_task(tmp_path / "run")
    assert kept.settings == mocked_as(task).settings
    assert plan_of(task.plan.deciding).backends == task.plan.backends
    assert kept.config == task.config


def mocked_as(task: Task) -> Task:
    return mocked(2, task.config)


PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({"orchestrator": {"retrys": 1}}, "orchestrator.retrys: unknown key; did you mean retries?"),
    ({"orchestrator": {"retries": -1}}, "orchestrator.retries: must be an integer from 0 to 20"),
    ({"orchestrator": {"retries": True}}, "orchestrator.retries: must be an integer"),
    ({"orchestrator": {"call_deadline_seconds": 0}}, "call_deadline_seconds: must be seconds"),
    ({"orchestrator": {"observation": "all"}}, "observation: must be one of own, full"),
    ({"orchestrator": {"budget_money": "2"}}, "budget_money: must be an amount of money"),
    ({"orchestrator": {"prices": "none.toml"}}, "orchestrator.prices: none.toml cannot be read"),
    ({"orchestrator": 5}, "orchestrator: must be a table"),
    ({"models": {"m": {}}}, "models.m.provider: is missing"),
    ({"models": {"m": {"provider": "llama"}}}, "models.m.provider: must be one of mock, openai-"),
    ({"models": {"m": {"provider": "openai-compatible", "model": "x"}}}, "base_url: is missing"),
    ({"models": {"m": {"provider": "openai"}}}, "models.m.model: is missing"),
    (
        {"models": {"m": {"provider": "mock", "base_url": "http://x/v1"}}},
        "models.m.base_url: is not of the mock provider",
    ),
    (
        {"models": {"m": {"provider": "openai", "model": "x", "plays": "talk"}}},
        "models.m.plays: is not of the openai provider",
    ),
    (
        {"models": {"m": {"provider": "openai", "model": "x", "base_url": "http://u:p@h/v1"}}},
        "without user or query",
    ),
    (
        {"models": {"m": {"provider": "openai", "model": "x", "api_key_variable": "sk-1234"}}},
        "not the key itself",
    ),
    ({"models": {"m": {"provider": "mock", "plays": "published"}}}, 'needs observation = "full"'),
    ({"models": {"m": {"provider": "mock", "script": "no.jsonl"}}}, "no.jsonl cannot be read"),
    ({"minds": []}, "minds: must be one or more tables"),
    ({"minds": [{"policy": "miner", "model": "m"}]}, "minds[0]: must name a policy or a model"),
    ({"minds": [{}]}, "minds[0]: must name a policy or a model"),
    ({"minds": [{"model": "big"}]}, "there is no [models.big]"),
    ({"minds": [{"policy": "sloth"}]}, "policy: there is no sloth"),
    ({"minds": [{"policy": "miner", "agents": ["dan"]}]}, "minds: there is no agent dan"),
    (
        {"minds": [{"policy": "miner", "agents": ["ann"]}]},
        "minds: 1 agents for",
    ),
    (
        {"minds": [{"policy": "miner", "agents": ["ann"]}, {"policy": "idle", "agents": ["ann"]}]},
        "minds: ann is named twice",
    ),
    ({"minds": "all"}, "minds: must be one or more tables"),
    (
        {"population": [{"policy": "miner"}]},
        "minds: is the older name of population",
    ),
    ({"policy": "miner"}, "policy: leave it out where minds says who decides"),
]


@pytest.mark.parametrize(("tables", "problem"), PROBLEMS, ids=lambda value: str(value)[:60])
def test_what_is_wrong_is_named(tables: dict[str, Any], problem: str) -> None:
    given = {"minds": [{"policy": "miner"}], **tables}
    with pytest.raises(ScenarioError) as error:
        parse_plan(given, SCENARIO, Path())
    assert any(problem in found for found in error.value.problems), error.value.problems


def test_all_problems_come_at_once_the_worlds_too(tmp_path: Path) -> None:
    text = WHOLE.replace("turns = 4", "turns = -4").replace('policy = "miner"', 'policy = "sloth"')
    text = text.replace("memory_turns = 2", "memory_turns = -2").replace('model = "pretend"', "")
    with pytest.raises(ScenarioError) as error:
        load_orchestrated(written(tmp_path, text))
    assert len(error.value.problems) == 4, error.value.problems


def test_a_budget_of_money_needs_every_price(tmp_path: Path) -> None:
    text = WHOLE.replace("qwen3:8b", "another")
    with pytest.raises(ScenarioError, match="needs the price of another"):
        load_orchestrated(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[m]\ninput = 1\noutput = 1\n", "currency must be a text"),
        ('currency = "EUR"\nm = 5\n', "m: must be a table"),
        ('currency = "EUR"\n[m]\ninput = 1\n', "m.output: is missing"),
        ('currency = "EUR"\n[m]\ninput = 1\noutput = "2"\n', "output: must be an amount"),
        ('currency = "EUR"\n[m]\ninput = 1\noutput = -2\n', "output: must be an amount"),
        ('currency = "EUR"\n[m]\ninput = 1\noutput = 2\noutputs = 3\n', "did you mean output?"),
        ("= 5", "not valid TOML"),
    ],
)
def test_a_wrong_price_table_is_named(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "prices.toml").write_text(text)
    tables = {"orchestrator": {"prices": "prices.toml"}, "minds": [{"policy": "miner"}]}
    with pytest.raises(ScenarioError) as error:
        parse_plan(tables, SCENARIO, tmp_path)
    assert any(problem in found for found in error.value.problems), error.value.problems


def test_a_key_that_is_not_in_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    run = served("http://127.0.0.1:9/v1", model={"api_key_variable": "SOME_KEY"})
    with pytest.raises(ScenarioError, match="the environment has no SOME_KEY"):
        play(tmp_path, run)


def test_the_older_name_of_a_population_is_read(tmp_path: Path) -> None:
    path = written(tmp_path)
    older = load_orchestrated(path).task
    path.write_text(path.read_text().replace("[[minds]]", "[[population]]"))
    assert load_orchestrated(path).task.settings == older.settings


def test_agents_without_a_model_or_a_policy_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.toml"
    path.write_text('policy = "miner"\n[models.small]\nprovider = "mock"\n')
    with pytest.raises(ScenarioError, match="policy: gives no agent a model; say model = NAME"):
        load_orchestrated(path)


def test_a_policy_that_mocks_replace_is_named() -> None:
    assert load_orchestrated("as-run", mock=True).replaced_policy == "published"


def test_a_population_of_policies_is_played_as_it_is() -> None:
    backends = load_orchestrated("market", mock=True).task.plan.backends.values()
    assert {backend.model for backend in backends} == {None}


def test_only_orchestrate_reads_models(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as error:
        load_scenario(written(tmp_path))
    assert error.value.problems[0] == "orchestrator: only `sim-economy orchestrate` reads it"
    assert error.value.file == str(tmp_path / "mixed.toml")
