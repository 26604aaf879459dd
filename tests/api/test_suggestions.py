"""A misspelt word in a request: every problem at once, each with the word that was meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.wire_client import EngineProcess

USAGE = {"source": "distribution", "thinking": {"distribution": "uniform", "lw": 1, "high": 2}}


@pytest.mark.parametrize(
    ("path", "body", "problems"),
    [
        (
            "/init",
            {"config": {"stdy_cost": 5, "lottery_rule": "miner", "preset": "as-runn"}},
            [
                "preset: must be one of as-run, as-written; did you mean as-run?",
                "stdy_cost: unknown key; did you mean study_cost?",
                "lottery_rule: must be one of miners, mine_stake_burn; did you mean miners?",
            ],
        ),
        (
            "/run",
            {"policy": "miner", "usage": USAGE},
            [
                "usage.thinking.lw: unknown key; did you mean low?",
                "usage.thinking.low: is missing",
                "usage.output: is missing",
            ],
        ),
    ],
)
def test_every_problem_is_answered_with_the_word_meant(
    engine: EngineProcess, path: str, body: dict[str, Any], problems: list[str]
) -> None:
    answer = engine.ask("POST", path, json.dumps(body).encode())
    assert answer.status == 422
    assert answer.error["problems"] == problems


@pytest.mark.parametrize(
    ("path", "body", "meant"),
    [
        ("/run", {"policy": "mnier"}, "miner"),
        ("/init", {"confg": {}}, "config"),
        ("/turn", {"input": []}, "inputs"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_one_meant(
    engine: EngineProcess, path: str, body: dict[str, Any], meant: str
) -> None:
    answer = engine.ask("POST", path, json.dumps(body).encode())
    assert answer.error["message"].endswith(f"; did you mean {meant}?")
