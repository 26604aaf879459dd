"""Strange files and changes: one clear message with all that is wrong, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.errors import ScenarioError
from sim_economy.orchestrator.orchestrated_run import load_orchestrated
from sim_economy.scenarios.scenario import load_scenario
from tests.cli.shell import sim_economy

MODEL = '[models.a]\nprovider = "mock"\n[[population]]\nmodel = "a"\n'
HOSTED = '[models.a]\nprovider = "openai-compatible"\nmodel = "m"\n'
ASKED = '[[population]]\nmodel = "a"\n'
SECONDS = "must be seconds, above 0 and at most 86400"
MEAN = "usage.thinking.mean: must be a number from 0 to 2147483647"
DRAWN = """
[usage]
source = "distribution"
thinking = {{ distribution = "exponential", mean = {mean} }}
output = {{ distribution = "constant", value = 1 }}
"""


def problems(call: Callable[[], Any]) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        call()
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (DRAWN.format(mean="1e9999999999999999999"), [MEAN]),
        (DRAWN.format(mean="nan"), [MEAN]),
        ("[world]\nseed = 1\nsecret = 'x'\nstudycost = 2\nagent_ids = 'ab'",
         ["world.seed: set seed at the top of the file; run r adds r to it",
          "world.secret: only an engine keeps its draws secret; set seed",
          'world.agent_ids: must be a list of names, or "from usage"',
          "world.studycost: unknown key; did you mean study_cost?"]),
        ("[world]\nagent_ids = []", ['world.agent_ids: must be a list of names, or "from usage"']),
        ("policy = 'minr'\n[[population]]\npolicy = 'idle'\nx = 1",
         ["policy: leave it out where population says who follows which",
          "population[0].x: unknown key"]),
        ("[world]\nnum_agents = 'x'\n[[population]]\npolicy = 'miner'\nagents = 20",
         ["world.num_agents: must be an integer from 1 to 1000000"]),
        ("[usage]\nsorce = 'trace'",
         ["usage.sorce: unknown key; did you mean source?",
          "usage.source: must be one of published, trace, distribution"]),
        ("[[population]]\nagents = 8", ["population[0]: must name a policy or a model"]),
    ],
)  # fmt: skip
def test_everything_wrong_with_a_file_is_said_at_once(
    tmp_path: Path, text: str, found: list[str]
) -> None:
    path = tmp_path / "strange.toml"
    path.write_text(text)
    assert problems(lambda: load_scenario(path)) == found


@pytest.mark.parametrize("text", [f"turns = {'9' * 5000}", f"turns = {'[' * 20000}{']' * 20000}"])
def test_what_no_parser_reads_is_not_toml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "huge.toml"
    path.write_text(text)
    (problem,) = problems(lambda: load_scenario(path))
    assert problem.startswith("not valid TOML: ")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"[orchestrator]\ncall_deadline_seconds = nan\n{MODEL}",
         f"orchestrator.call_deadline_seconds: {SECONDS}"),
        (f"[orchestrator]\nbackoff_seconds = 1e9999999999999999999\n{MODEL}",
         f"orchestrator.backoff_seconds: {SECONDS}"),
        (f"{HOSTED}base_url = 'http://h\x01/v1'\n{ASKED}", "not valid TOML"),
        (f"{HOSTED}base_url = 'http://[::1/v1'\n{ASKED}", "models.a.base_url: must be an address"),
        (f"{HOSTED}base_url = 'http://h?x=1'\n{ASKED}", "models.a.base_url: must be an address"),
        (f"{HOSTED}base_url = 'http://h:99999/v1'\n{ASKED}", "models.a.base_url: must be an addr"),
        (f"{HOSTED}base_url = 'http://h/v1'\nextra = {{ a = nan }}\n{ASKED}",
         "models.a.extra: must not hold nan or inf"),
        ('[models.a]\nprovider = "mock"\nscript = "s.jsonl"\n' + ASKED,
         "models.a.script: s.jsonl is not a script, line 2: "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_models_is_said(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "s.jsonl").write_text('{"turn": 1, "agent": "a"}\n{"turn": "x"}\n')
    path = tmp_path / "models.toml"
    path.write_text(text)
    assert any(problem.startswith(found) for problem in problems(lambda: load_orchestrated(path)))


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:11434/v1", "https://[::1]:8000", "http://h", "http://a.b-c:65535/"],
)
def test_an_address_is_taken(tmp_path: Path, address: str) -> None:
    path = tmp_path / "hosted.toml"
    path.write_text(f'{HOSTED}base_url = "{address}"\n{ASKED}')
    assert load_orchestrated(path).task.plan.models["a"].base_url == address.rstrip("/")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"population": [{3: 1}]}, ["population[0].3: unknown key",
                                    "population[0]: must name a policy or a model"]),
        ({3: 1}, ["3: unknown key"]),
        ({"study_cost": 10**5000}, ["world.study_cost: must be an integer from 0 to 2147483647"]),
        (["world=3"], ["world: set one of its keys, such as world.study_cost"]),
        (["agents=3"], ["agents: unknown key; did you mean num_agents?"]),
        (["y=1"], ["y: unknown key"]),
        (["population.agents=3"], ["population: must be one or more tables"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_change_is_said(
    tmp_path: Path, changes: Any, found: list[str]
) -> None:
    path = tmp_path / "plain.toml"
    path.write_text("turns = 5\n")
    assert problems(lambda: load_scenario(path, changes)) == found


def test_a_change_to_nothing_takes_a_key_away(tmp_path: Path) -> None:
    path = tmp_path / "mixed.toml"
    path.write_text('[[population]]\npolicy = "worker"\n')
    assert load_scenario(path, {"population": None}).policy_name == "published"
    assert load_scenario(path, {"policy": "miner", "population": None}).policy_name == "miner"


def test_the_callers_values_are_left_as_they_are() -> None:
    usage = {"source": "distribution", "thinking": {"distribution": "constant", "value": 3}}
    usage["output"] = {"distribution": "constant", "value": 1}
    load_scenario("as-run", {"usage": usage, "usage.thinking.value": 4})
    assert usage["thinking"] == {"distribution": "constant", "value": 3}


def test_mocks_do_not_replace_a_policy_that_is_not_there() -> None:
    found = problems(lambda: load_orchestrated("as-run", ["policy=minr"], mock=True))
    assert found[0].startswith("policy: there is no minr; ")


def test_a_file_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"\n')
    for source in ("latin.toml", "missing.toml", ".", "a" * 300):
        ended = sim_economy("run", source, cwd=tmp_path)
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"error: {source[:100]}: ")
        assert ended.stderr.count(f"{source}: ") <= 1


def test_init_writes_any_name(tmp_path: Path) -> None:
    assert sim_economy("init", 'q"x.toml', cwd=tmp_path).returncode == 0
    assert load_scenario(tmp_path / 'q"x.toml').name == 'q"x'
