"""Sweeps played by the kernel: in every column what the core plays, whatever is varied."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import pytest

import sim_economy as se
from sim_economy.experiments.sweeps import kernel_player as players
from sim_economy.experiments.sweeps import sweep as sweep_module
from sim_economy.experiments.sweeps.kernel_player import kernel_player
from sim_economy.experiments.sweeps.study import load_study
from sim_economy.experiments.sweeps.sweep_plan import RowSpan, SweepPlan
from sim_economy.scenarios.scenario import load_scenario
from tests.sweeps.small_studies import small_plan

BASE: Final[dict[str, Any]] = {
    "scenario": "as-run", "turns": 6, "seeds": 5, "per_turn": True, "histograms": True,
}  # fmt: skip
STUDIES: Final[dict[str, dict[str, Any]]] = {
    "rates, thresholds and shapes": {
        "vary": {
            "base_inference_rate": {"from": 0, "to": 3, "steps": 3},
            "policy.job_below": [-200, 950],
            "lottery_rule": ["miners", "mine_stake_burn"],
            "turns": [4, 7],
            "num_agents": [3, 9],
        }
    },
    "income": {
        "set": {"income": {"period_turns": 3, "allowance": 100, "when_empty": "clip"}},
        "vary": {"income.allowance": [0, 50, 400], "income.carryover_max": [0, 300]},
    },
    "usage in tables": {
        "set": {
            "usage": {
                "source": "distribution",
                "thinking": {"distribution": "exponential", "mean": 200},
                "output": {"distribution": "lognormal", "median": 100, "sigma": 1},
            }
        },
        "vary": {"thinking_layer_discount": {"from": 0, "to": 1, "steps": 4}},
    },
    "usage of a range and a table": {
        "set": {
            "usage": {
                "source": "distribution",
                "thinking": {"distribution": "uniform", "low": 0, "high": 900},
                "output": {"distribution": "exponential", "mean": 150},
            }
        },
        "vary": {"study_cost": [0, 50], "commons_threshold_per_turn": [0, 100]},
    },
    "presets": {"vary": {"preset": ["as-run", "as-written"], "study_cost": [20, 70]}},
    "seeds alone": {"vary": {}},
    "interventions": {
        "set": {
            "governance": {
                "fee_cap": {"cap_ratio": 1.5, "window_turns": 3},
                "debt_rails": {"debt_cap": 0},
                "concentration_monitor": {"from_turn": 2, "gini_max": 0, "response": "levy"},
                "shocks": [{"turn": 2, "until": 3, "target": "usage", "factor": 2}],
            },
            "genesis_tokens_per_agent": 300,
        },
        "vary": {
            "governance.fee_cap.cap_ratio": [0.5, 1.5, 4],
            "governance.debt_rails.debt_cap": [0, 40],
            "governance.reinvestment_rebate.rebate_share": [0, 0.3],
            "governance.wages": ["follow", "full"],
        },
    },
    "beyond the range": {
        "set": {"base_inference_rate": 3},
        "vary": {"genesis_tokens_per_agent": [1, 2_000_000_000]},
    },
}


@pytest.mark.parametrize("name", STUDIES)
def test_every_column_but_who_played_is_the_core_s(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    study = {"name": "both", **BASE, **STUDIES[name]}
    if "turns" in study["vary"]:
        del study["turns"]
    by_core = se.sweep(study, folder=tmp_path / "core")
    monkeypatch.setattr(players, "SMALL_ROWS", 0)
    by_kernel = se.sweep(study, folder=tmp_path / "kernel")
    statuses = set(by_kernel.frame()["status"])
    assert statuses == ({"kernel", "core"} if name == "beyond the range" else {"kernel"})
    assert set(by_core.frame()["status"]) == {"core"}
    for frame in ("points", "turns", "histograms"):
        assert getattr(by_kernel, frame).equals(getattr(by_core, frame)), frame
    assert by_kernel.frame().drop("status").equals(by_core.frame().drop("status"))


def test_without_numba_the_core_plays_and_the_extra_is_named_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    missing = "the batch kernel needs numba; pip install 'sim-economy[batch]'"
    assert str(kernel_player(small_plan(seeds=1_000))).startswith(missing)
    study = {"turns": 1, "seeds": 1_001, "vary": {"study_cost": [1, 2]}}
    with pytest.warns(UserWarning, match="the core plays these runs, one by one") as warned:
        played = se.sweep(study, tmp_path / "own")
    (only,) = warned
    assert missing in str(only.message)
    assert only.filename == __file__
    assert played.outcome is not None
    assert played.outcome.statuses == {"core": 2_002}
    se.sweep(study, tmp_path / "own")  # all is there: nothing is said
    se.sweep({**study, "seeds": 1_000}, tmp_path / "small")


def test_a_shock_that_the_kernel_has_no_rule_for_is_named() -> None:
    pytest.importorskip("numba")
    shock = {"turn": 2, "target": "burn_decay_rate", "value": 0.5}
    study = {"vary": {"study_cost": [1, 2]}, "set": {"governance": {"shocks": [shock]}}}
    said = kernel_player(small_plan(seeds=10_000, **study))
    assert said == "a shock of burn_decay_rate is the core's; the kernel has no rule for it"


@pytest.mark.parametrize("rule", ["arbitration_subsidy", "contract_matching"])
def test_worlds_with_contract_scaffolding_are_the_core_s(rule: str) -> None:
    pytest.importorskip("numba")
    study = {"vary": {"study_cost": [1, 2]}, "set": {"governance": {rule: {}}}}
    said = kernel_player(small_plan(seeds=10_000, **study))
    assert said == "interventions in contracts are the core's"


def test_what_the_kernel_has_no_rule_for_is_named() -> None:
    pytest.importorskip("numba")
    said = kernel_player(small_plan(seeds=1_000))
    assert isinstance(said, str)
    assert "investor" in said


@pytest.mark.parametrize(
    ("settings", "by_turn", "function"),
    [
        ({}, False, "play_blocks"),
        ({"num_agents": 2_000}, False, "play_large"),
        ({"num_agents": 2_000}, True, "play_blocks"),
        ({"num_agents": 2_000, "policy": "investor"}, False, "play_blocks"),
        ({"governance": {"debt_rails": {}}}, False, "play_governed_blocks"),
    ],
)
def test_what_is_looked_for_is_what_would_be_compiled(
    settings: dict[str, Any], by_turn: bool, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    asked: list[str] = []
    monkeypatch.setattr("sim_economy.batch.compiling.has_compiled_code", asked.append)
    players.is_compiled(load_scenario("as-run", settings), by_turn=by_turn)
    assert asked == [function]


def test_a_first_compile_is_announced_in_python_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sweep_module, "is_compiled", lambda scenario, *, by_turn: False)
    study = {"turns": 1, "seeds": 1_001, "vary": {"study_cost": [1, 2]}}
    with pytest.warns(UserWarning, match="compiling the batch kernel for this processor, once"):
        se.sweep(study, tmp_path / "own")


@pytest.mark.parametrize("per_turn", [False, True])
def test_pieces_are_the_rows_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, *, per_turn: bool
) -> None:
    monkeypatch.setattr(players, "SMALL_ROWS", 1)
    monkeypatch.setattr(players, "SMALL_AGENT_TURNS", 1)
    monkeypatch.setattr(players, "_LEAST_PIECE", 7)
    vary = {"study_cost": [20, 50, 80], "turns": [4, 6]}
    plan = SweepPlan(load_study({"seeds": 5, "per_turn": per_turn, "vary": vary}))
    player = kernel_player(plan)
    assert isinstance(player, players.KernelPlayer)
    whole = player.play(RowSpan(0, plan.rows))
    pieces = [*player.pieces([RowSpan(0, 11), RowSpan(12, plan.rows)], 1e-9)]
    assert max(len(piece.rows) for piece in pieces) <= 7
    found = {
        int(row): (int(piece.digests[index]), int(piece.metrics["fees_total"][index]))
        for piece in pieces
        for index, row in enumerate(piece.rows)
    }
    expected = {
        int(row): (int(whole.digests[index]), int(whole.metrics["fees_total"][index]))
        for index, row in enumerate(whole.rows)
        if row != 11
    }
    assert found == expected
