"""Scenarios: every problem in one answer, and nothing read that was not written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import Kind, NumberText
from sim_economy.core.world_config import (
    WorldConfig,
    config_values,
    genesis_order,
    parameters,
    parse_world_config,
)
from tests.properties.random_play import AS_WRITTEN, PRESETS
from tests.properties.strategies import configurations

COUNTS = [name for name, parameter in parameters().items() if parameter.kind is Kind.COUNT]
FRACTIONS = [
    name
    for name, parameter in parameters().items()
    if parameter.kind in (Kind.RATE, Kind.WEIGHT, Kind.PRICE)
]
SMALL = st.integers(1, 20)


def problems_of(given: Mapping[str, Any], **more: Any) -> list[str]:
    with pytest.raises(ScenarioError) as failure:
        parse_world_config(given, **more)
    return failure.value.problems


def test_nothing_given_is_the_published_world() -> None:
    assert parse_world_config({}) == WorldConfig()
    assert config_values(WorldConfig())["thinking_layer_discount"] == Decimal("0.1")


def test_every_problem_is_named_at_once() -> None:
    problems = problems_of(
        {
            "num_agents": 0,
            "num_core": 4,
            "interest_rate_per_turn": Decimal("1.5"),
            "job_rule": "wave_usage",
            "slash_both_on_timeout": 1,
            "study_cost": "50",
        },
        agent_ids=["a", "a", "not allowed"],
    )
    assert [problem.partition(":")[0] for problem in problems[:6]] == [
        "num_agents",
        "num_core",
        "interest_rate_per_turn",
        "job_rule",
        "slash_both_on_timeout",
        "study_cost",
    ]
    assert len(problems) == 9
    assert all(problem.startswith("agent_ids: ") for problem in problems[6:])


def test_an_unknown_key_is_refused_with_the_likeliest_one_meant() -> None:
    assert problems_of({"intrest_rate_per_turn": 0}) == [
        "intrest_rate_per_turn: unknown key; did you mean interest_rate_per_turn?"
    ]
    assert problems_of({"xyzzy": 0}) == ["xyzzy: unknown key"]
    assert len(problems_of({"agent_ids": ["a"]})) == 1


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize(
    "value",
    [True, False, 8.0, NumberText("8.0"), Decimal(8), "8", None, [8], -1, 2**63, 10**5000],
    ids=["true", "false", "float", "8.0", "decimal", "text", "null", "list", "-1", "2^63", "long"],
)
def test_a_count_must_be_an_integer_in_its_range(name: str, value: object) -> None:
    assert problems_of({name: value})[0].startswith(f"{name}: must be ")


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_may_be_its_bounds_and_nothing_beyond(name: str) -> None:
    parameter = parameters()[name]
    assert problems_of({name: parameter.low - 1})
    assert problems_of({name: parameter.high + 1})
    assert getattr(parse_world_config({name: parameter.low}), name) == parameter.low
    if name != "num_agents":
        assert getattr(parse_world_config({name: parameter.high}), name) == parameter.high


@pytest.mark.parametrize("name", FRACTIONS)
@pytest.mark.parametrize(
    "value",
    [
        True,
        "0.5",
        None,
        [],
        -1,
        Decimal("-0.000001"),
        NumberText("0.1234567"),
        NumberText("1e-2"),
        NumberText("1e999"),
        1e-7,
        1e300,
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("Infinity"),
        2**63,
        pytest.param(10**5000, id="long"),
    ],
)
def test_a_rate_must_be_a_plain_decimal_in_its_range(name: str, value: object) -> None:
    assert problems_of({name: value})[0].startswith(f"{name}: must ")


@pytest.mark.parametrize("name", FRACTIONS)
def test_a_rate_may_be_its_bounds_in_any_notation(name: str) -> None:
    high = 1 if parameters()[name].kind is Kind.RATE else 10**6
    for one in (high, float(high), Decimal(high), NumberText(f"{high}.0")):
        assert getattr(parse_world_config({name: one}), name) == high * 10**6
    for none in (0, 0.0, -0.0, Decimal("0.000000"), NumberText("-0.0")):
        assert getattr(parse_world_config({name: none}), name) == 0
    assert problems_of({name: Decimal(high) + Decimal("0.000001")})


def test_a_float_is_read_as_its_shortest_decimal_text() -> None:
    assert parse_world_config({"interest_rate_per_turn": 0.1}).interest_rate_per_turn == 100_000
    assert parse_world_config({"interest_rate_per_turn": 1e-6}).interest_rate_per_turn == 1


@pytest.mark.parametrize("value", [None, 0, 1, "true", "CREDIT_USAGE", "", ["credit_usage"]])
def test_flags_and_variants_are_only_what_they_are(value: object) -> None:
    assert problems_of({"job_rule": value}) == [
        "job_rule: must be one of credit_usage, waive_usage"
    ]
    assert problems_of({"slash_both_on_timeout": value}) == [
        "slash_both_on_timeout: must be true or false"
    ]


@pytest.mark.parametrize(
    "agent_ids",
    [
        ["a"],
        ["a", "a"],
        ["a", ""],
        ["a", "b c"],
        ["a", "é"],
        ["a", "x" * 65],
        ["a", 5],
        ["a", "b\n"],
        ["a", "b\0"],
        ["a", "\u0430"],
        "ab",
    ],
)
def test_agent_ids_are_as_many_distinct_plain_names(agent_ids: list[str]) -> None:
    problems = problems_of({"num_agents": 2}, agent_ids=agent_ids)
    assert all(problem.startswith("agent_ids: ") for problem in problems)


def test_a_base_stands_where_nothing_is_given() -> None:
    base = parse_world_config({"num_agents": 2, "study_cost": 7}, agent_ids=["x", "y"])
    moved = parse_world_config({"signing_bonus": 1}, base)
    assert (moved.study_cost, moved.signing_bonus, moved.agent_ids) == (7, 1, ("x", "y"))
    grown = parse_world_config({"num_agents": 3}, base)
    assert grown.agent_ids == ("agent_0", "agent_1", "agent_2")
    assert genesis_order(base) == {"x": 0, "y": 1}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_differs_from_the_other_only_in_the_five_variants(preset: str) -> None:
    config = parse_world_config(PRESETS[preset])
    differs = [
        name for name in parameters() if getattr(config, name) != getattr(WorldConfig(), name)
    ]
    assert differs == (list(AS_WRITTEN) if preset == "as-written" else [])


@given(configurations(num_agents=SMALL))
def test_a_configuration_is_written_as_it_is_read(given: dict[str, Any]) -> None:
    config = parse_world_config(given)
    written = config_values(config, seed=True, every=True)
    assert parse_world_config(written, agent_ids=config.agent_ids) == config
    assert all(written[name] == value for name, value in given.items())
    assert list(written) == list(parameters())
    assert "seed" not in config_values(config)
    texts = {
        name: NumberText(str(value)) if isinstance(value, Decimal) else value
        for name, value in written.items()
    }
    assert parse_world_config(texts) == config
