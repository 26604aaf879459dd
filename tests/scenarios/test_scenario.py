"""Scenario files: what they say, what is wrong with them, and what of them decides the bytes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.agents.catalogue import SHIPPED
from sim_economy.agents.policies.simple import Miner
from sim_economy.agents.usage_model import (
    Constant,
    DistributedUsage,
    Lognormal,
    PublishedUsage,
)
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import Kind, read_toml
from sim_economy.core.world_config import (
    HIDDEN,
    WorldConfig,
    config_values,
    parameters,
    parse_world_config,
)
from sim_economy.scenarios.presets import PRESETS, preset, preset_text
from sim_economy.scenarios.scenario import Scenario, load_scenario, parse_scenario
from sim_economy.usage.traced_usage import TracedUsage

DECIMALS = "must have at most 6 decimal places"
PLAIN: Final = "must be a plain decimal number without an exponent"
AS_WRITTEN: Final = {
    "job_rule": "waive_usage",
    "signing_bonus_rule": "per_block",
    "lottery_rule": "mine_stake_burn",
    "unstake_without_amount": "all",
    "dividend_rule": "stake_and_burn",
}


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Scenario]:
    """Load a scenario file of a text."""

    def loaded(text: str, changes: Any = (), name: str = "mine.toml") -> Scenario:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return load_scenario(path, changes)

    return loaded


def problems(call: Callable[[], object]) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        call()
    return caught.value.problems


# What a file says


def test_an_empty_file_is_the_published_policy_for_60_turns_of_24_runs(
    load: Callable[..., Scenario],
) -> None:
    scenario = load("")
    assert (scenario.name, scenario.turns, scenario.runs, scenario.seed) == ("mine", 60, 24, 0)
    assert scenario.policy_name == "published"
    assert scenario.usage == PublishedUsage()
    assert scenario.config == WorldConfig()


def test_a_file_says_everything(load: Callable[..., Scenario]) -> None:
    scenario = load(
        """
        name = "mines"
        turns = 5
        runs = 2
        seed = 40
        policy = "miner"

        [usage]
        source = "distribution"
        thinking = { distribution = "lognormal", median = 180, sigma = 0.6 }
        output = { distribution = "constant", value = 9 }

        [world]
        preset = "as-written"
        agent_ids = ["ann", "bob"]
        interest_rate_per_turn = 0.000001
        """
    )
    assert (scenario.name, scenario.turns, scenario.runs) == ("mines", 5, 2)
    assert scenario.policies == [Miner(), Miner()]
    assert isinstance(scenario.usage, DistributedUsage)
    assert scenario.usage.thinking == Lognormal(Decimal(180), Decimal("0.6"))
    expected = parse_world_config(
        {**AS_WRITTEN, "num_agents": 2, "interest_rate_per_turn": Decimal("0.000001")},
        agent_ids=["ann", "bob"],
    )
    assert scenario.config == expected


def test_runs_differ_in_the_seed_alone(load: Callable[..., Scenario]) -> None:
    scenario = load("seed = 1000")
    first, second = scenario.config_of_run(1), scenario.config_of_run(2)
    assert (first.seed, second.seed) == (1001, 1002)
    assert config_values(first) == config_values(second)
    assert first.agent_ids == second.agent_ids


def test_a_byte_order_mark_does_not_matter(load: Callable[..., Scenario]) -> None:
    assert load("\ufeffturns = 3").turns == 3


def test_a_trace_is_found_next_to_its_scenario_file(
    load: Callable[..., Scenario], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("turn,agent,thinking,output\n4,agent_0,1,2\n")
    usage = load('turns = 4\n[usage]\nsource = "trace"\npath = "t.csv"').usage
    assert isinstance(usage, TracedUsage)
    assert usage.rows == {4: {"agent_0": (1, 2)}}


# Presets


def test_the_as_run_preset_is_the_defaults() -> None:
    assert preset("as-run") == WorldConfig()
    scenario = load_scenario("as-run")
    assert (scenario.name, scenario.turns, scenario.runs) == ("as-run", 60, 24)
    assert (scenario.seed, scenario.policy_name) == (1000, "published")
    assert scenario.config == WorldConfig()


def test_the_as_written_preset_differs_in_the_five_variants() -> None:
    written, run = config_values(preset("as-written")), config_values(preset("as-run"))
    assert {key: value for key, value in written.items() if value != run[key]} == AS_WRITTEN
    assert load_scenario("as-written").config == preset("as-written")


@pytest.mark.parametrize("name", PRESETS)
def test_a_presets_file_lists_every_parameter_but_the_seed_in_order(name: str) -> None:
    listed = [*read_toml(preset_text(name))["world"]]
    assert listed == [key for key in parameters() if key not in HIDDEN]


@pytest.mark.parametrize("name", PRESETS)
def test_a_presets_file_explains_every_parameter_in_its_own_words(name: str) -> None:
    lines = preset_text(name).splitlines()
    for key, parameter in parameters().items():
        if key not in HIDDEN:
            (line,) = [line for line in lines if line.startswith(f"{key} ")]
            assert f"# {parameter.meaning}" in line


def test_an_unknown_preset_is_refused() -> None:
    assert problems(lambda: preset("as-hoped")) == [
        "preset: there is no as-hoped; there are as-run, as-written"
    ]


# What is wrong with a file


def test_all_problems_of_a_file_are_found_at_once(load: Callable[..., Scenario]) -> None:
    found = problems(
        lambda: load(
            """
            name = ""
            turns = 0
            runs = 1.5
            seed = -1
            polcy = "miner"
            policy = "gambler"
            [usage]
            source = "distribution"
            thinking = { distribution = "zipf" }
            output = { distribution = "constant", value = -1 }
            [world]
            num_agents = 0
            studycost = 5
            study_discount = 1.5
            lottery_rule = "dice"
            slash_both_on_timeout = 1
            """
        )
    )
    policies = ", ".join(SHIPPED)
    shapes = "constant, uniform, exponential, lognormal"
    assert sorted(found) == sorted(
        [
            "polcy: unknown key; did you mean policy?",
            "turns: must be an integer from 1 to 10000000",
            "runs: must be an integer from 1 to 1000000",
            "seed: must be an integer from 0 to 4611686018427387904",
            "name: must not be empty, nor hold a NUL",
            f"policy: there is no gambler; there are {policies}; did you mean member?",
            f"usage.thinking.distribution: must be one of {shapes}",
            "usage.output.value: must be an integer from 0 to 2147483647",
            "world.num_agents: must be an integer from 1 to 1000000",
            "world.studycost: unknown key; did you mean study_cost?",
            "world.study_discount: must be from 0 to 1",
            "world.lottery_rule: must be one of miners, mine_stake_burn",
            "world.slash_both_on_timeout: must be true or false",
        ]
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tunrs = 1", "tunrs: unknown key; did you mean turns?"),
        ("xyzzy = 1", "xyzzy: unknown key"),
        ("[wrold]", "wrold: unknown key; did you mean world?"),
        ("[world]\nsigning_bonsu = 1",
         "world.signing_bonsu: unknown key; did you mean signing_bonus?"),
        ("[world]\nxyzzy = 1", "world.xyzzy: unknown key"),
        ("[usage]\nsource = 'trace'\npath = 't'\nrepaet = 1",
         "usage.repaet: unknown key; did you mean repeat?"),
        ("turns = true", "turns: must be an integer from 1 to 10000000"),
        ('turns = "5"', "turns: must be an integer from 1 to 10000000"),
        ("turns = 1e1", "turns: must be an integer from 1 to 10000000"),
        ("turns = 10000001", "turns: must be an integer from 1 to 10000000"),
        ("runs = 0", "runs: must be an integer from 1 to 1000000"),
        ("seed = 4611686018427387905", "seed: must be an integer from 0 to 4611686018427387904"),
        ("name = 5", "name: must be a text"),
        ("policy = ['miner']", f"policy: must be {Kind.POLICY.value}"),
        ("world = 5", "world: must be a table"),
        ("usage = 'published'", "usage: must be a table"),
        ("[world]\nseed = 5", "world.seed: set seed at the top of the file; run r adds r to it"),
        ("[world]\nsecret = ''", "world.secret: only an engine keeps its draws secret; set seed"),
        ("[world]\npreset = 'as-hoped'", "world.preset: must be one of as-run, as-written"),
        ("[world]\nagent_ids = 'ann'", 'world.agent_ids: must be a list of names, or "from usage"'),
        ("[world]\nagent_ids = [1, 2]", "world.agent_ids: must be a list of names"),
        ("[world]\nagent_ids = ['a', 'a']", "world.agent_ids: names must be distinct"),
        ("[world]\nagent_ids = ['a', 'b c']",
         "world.agent_ids: a name is 1 to 64 ASCII letters, digits or _ . : -"),
        ("[world]\nnum_agents = 3\nagent_ids = ['a', 'b']",
         "world.agent_ids: 2 names for num_agents = 3"),
        ("[world]\nbase_inference_rate = 1e0", f"world.base_inference_rate: {PLAIN}"),
        ("[world]\nstudy_discount = 5e-2", f"world.study_discount: {PLAIN}"),
        ("[world]\nstudy_discount = nan", f"world.study_discount: {PLAIN}"),
        ("[world]\nblock_threshold = inf", f"world.block_threshold: {PLAIN}"),
        ("[world]\nstudy_discount = 0.0000001",
         f"world.study_discount: {DECIMALS}; round it, here to 0.000000"),
        ("[world]\nstudy_discount = 0.0500000",
         f"world.study_discount: {DECIMALS}; round it, here to 0.050000"),
        ("[world]\nstudy_discount = -0.1", "world.study_discount: must be from 0 to 1"),
        ("[world]\nstudy_discount = '0.1'", "world.study_discount: must be a number"),
        ("[world]\nstudy_cost = 50.0", "world.study_cost: must be an integer from 0 to 2147483647"),
        ("[world]\nstudy_cost = true", "world.study_cost: must be an integer from 0 to 2147483647"),
        ("[world]\nstudy_cost = -1", "world.study_cost: must be an integer from 0 to 2147483647"),
        ("[world]\nmine_base_weight = 1000000.000001",
         "world.mine_base_weight: must be from 0 to 1000000"),
    ],
)  # fmt: skip
def test_a_file_with_one_problem_is_refused_with_it(
    load: Callable[..., Scenario], text: str, problem: str
) -> None:
    assert problems(lambda: load(text)) == [problem]


def test_a_file_that_is_no_toml_is_refused(load: Callable[..., Scenario]) -> None:
    (problem,) = problems(lambda: load("turns = = 5"))
    assert problem.startswith("not valid TOML: ")
    assert "line 1" in problem


def test_a_missing_file_is_named_with_the_presets(tmp_path: Path) -> None:
    (problem,) = problems(lambda: load_scenario(tmp_path / "no.toml"))
    assert str(tmp_path / "no.toml") in problem
    assert "shipped are as-run, as-written, baseline," in problem


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"name = '\xff'")
    (problem,) = problems(lambda: load_scenario(path))
    assert problem.startswith(f"{path}: cannot be read: ")


def test_a_run_longer_than_its_trace_is_refused(
    load: Callable[..., Scenario], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("turn,agent,thinking,output\n4,agent_0,1,2\n")
    text = 'turns = 5\n[usage]\nsource = "trace"\npath = "t.csv"'
    assert problems(lambda: load(text)) == [
        "usage.path: the trace ends with turn 4 and the run has 5; set turns, or repeat = true"
    ]
    assert load(text + "\nrepeat = true").turns == 5


# Changes of single settings


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        (["turns=5"], "turns", 5),
        ([" turns = 5 "], "turns", 5),
        (["turns=5", "turns=6"], "turns", 6),
        (["name=two words"], "name", "two words"),
        (["name=a=b"], "name", "a=b"),
        (["policy=miner"], "policy", "miner"),
        (['policy="miner"'], "policy", "miner"),
        ({"turns": 5}, "turns", 5),
        ({"policy": "miner"}, "policy", "miner"),
    ],
)
def test_a_change_goes_over_the_files_setting(changes: Any, key: str, value: Any) -> None:
    assert load_scenario("as-run", changes).settings[key] == value


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        (["study_cost=7"], "study_cost", 7),
        (["world.study_cost=7"], "study_cost", 7),
        (["lottery_rule=mine_stake_burn"], "lottery_rule", "mine_stake_burn"),
        (["slash_both_on_timeout=false"], "slash_both_on_timeout", False),
        (["study_discount=0.000001"], "study_discount", Decimal("0.000001")),
        (["num_agents=3"], "num_agents", 3),
        (['agent_ids=["a", "b"]', "num_agents=2"], "num_agents", 2),
        ({"study_cost": 7}, "study_cost", 7),
        ({"world.study_cost": 7}, "study_cost", 7),
        ({"study_discount": 0.1}, "study_discount", Decimal("0.1")),
        ({"study_discount": Decimal("0.1")}, "study_discount", Decimal("0.1")),
    ],
)
def test_a_change_goes_over_the_worlds_parameter(changes: Any, key: str, value: Any) -> None:
    assert config_values(load_scenario("as-run", changes).config)[key] == value


def test_a_change_reaches_into_the_usage(load: Callable[..., Scenario]) -> None:
    text = """
    [usage]
    source = "distribution"
    thinking = { distribution = "constant", value = 1 }
    output = { distribution = "constant", value = 2 }
    """
    usage = load(text, ["usage.output.value=3"]).usage
    assert isinstance(usage, DistributedUsage)
    assert usage.output == Constant(3)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        (["turns"], ["--set turns: must be key=value"]),
        (["=5"], ["--set =5: must be key=value"]),
        (["tunrs=5"], ["tunrs: unknown key; did you mean turns?"]),
        (["world.stud_cost=5"], ["stud_cost: unknown key; did you mean study_cost?"]),
        (["xyzzy=1", "turns"], ["xyzzy: unknown key", "--set turns: must be key=value"]),
        (["turns.x=5"], ["turns.x: turns is not a table"]),
        (["turns=five"], ["turns: must be an integer from 1 to 10000000"]),
        (["turns="], ["turns: must be an integer from 1 to 10000000"]),
        (["study_discount=1e-1"], [f"world.study_discount: {PLAIN}"]),
        (
            ["study_discount=0.1234567"],
            [f"world.study_discount: {DECIMALS}; round it, here to 0.123457"],
        ),
        (["world.seed=5"], ["world.seed: set seed at the top of the file; run r adds r to it"]),
        ({"xyzzy": 1}, ["xyzzy: unknown key"]),
        ({"study_discount": float("nan")}, [f"world.study_discount: {PLAIN}"]),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(changes: Any, found: list[str]) -> None:
    assert problems(lambda: load_scenario("as-run", changes)) == found


def test_a_key_that_is_changed_with_its_preset_keeps_its_value() -> None:
    written = {"preset": "as-written"}
    own = preset("as-run").job_rule
    assert load_scenario("as-run", written).config.job_rule == preset("as-written").job_rule != own
    for key in ("job_rule", "world.job_rule"):
        assert load_scenario("as-run", {**written, key: str(own)}).config.job_rule == own
        changes = ["preset=as-written", f"{key}={own}"]
        assert load_scenario("as-run", changes).config.job_rule == own
    assert (
        load_scenario("as-run", {**written, "job_rule": own}).config
        == load_scenario("as-written", {"job_rule": own}).config
    )


def test_a_changed_preset_changes_the_world() -> None:
    scenario = load_scenario("as-run", ["world.preset=as-written"])
    assert scenario.config == preset("as-written")


def test_values_for_a_scenario_need_no_file() -> None:
    scenario = parse_scenario({"turns": 2, "world": {"agent_ids": ["ann"]}})
    assert (scenario.name, scenario.turns) == ("scenario", 2)
    assert scenario.config.agent_ids == ("ann",)


# What decides the bytes


TRACED: Final = 'turns = 2\n[usage]\nsource = "trace"\npath = "t.csv"\n'


@pytest.mark.parametrize(
    "change",
    [
        "name=other",
        "turns=59",
        "runs=23",
        "seed=1",
        "policy=miner",
        "usage.repeat=true",
        "agent_ids=['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']",
        "num_agents=7",
        "study_cost=51",
        "study_discount=0.050001",
        "burn_decay_rate=0.03",
        "attested_confirmation_window=4",
        "slash_both_on_timeout=false",
        *(f"{key}={value}" for key, value in AS_WRITTEN.items()),
    ],
)
def test_a_setting_that_decides_the_bytes_is_recorded(
    load: Callable[..., Scenario], tmp_path: Path, change: str
) -> None:
    text = ""
    if change.startswith("usage"):
        (tmp_path / "t.csv").write_text("turn,agent,thinking,output\n60,agent_0,1,2\n")
        text = TRACED.replace("turns = 2", "turns = 60")
    assert load(text, [change]).settings != load(text).settings


def test_every_parameter_but_the_seed_is_recorded() -> None:
    settings = load_scenario("as-run").settings
    stated = {key for key, parameter in parameters().items() if parameter.stated_at_default}
    assert [*settings["world"]] == [key for key in parameters() if key in stated - HIDDEN]
    changed = load_scenario("as-run", {"contract_ids_max": 7}).settings["world"]
    assert changed == {**settings["world"], "contract_ids_max": 7}
    assert settings["agent_ids"] == [f"agent_{index}" for index in range(8)]


def test_a_traces_content_is_recorded_not_only_its_path(
    load: Callable[..., Scenario], tmp_path: Path
) -> None:
    trace = tmp_path / "t.csv"
    header = "turn,agent,thinking,output\n"
    trace.write_text(header + "1,agent_0,1,2\n2,agent_0,3,4\n")
    first = load(TRACED).settings
    trace.write_text(header + "2,agent_0,3,4\n1,agent_0,1,2\n")
    assert load(TRACED).settings == first
    trace.write_text(header + "1,agent_0,1,2\n2,agent_0,3,5\n")
    assert load(TRACED).settings != first


def test_the_way_a_file_is_written_is_not_recorded(load: Callable[..., Scenario]) -> None:
    one = load("seed = 5\nturns = 6\n[world]\nstudy_cost = 50\nstudy_discount = 0.05")
    other = load("# a comment\nturns = 6\nseed = 5\n[world]\nstudy_discount = 0.050")
    assert one.settings == other.settings
