"""What is said of interventions is what they did: small worlds by hand, whole folders by files."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import UNSET

import sim_economy as se
from sim_economy.core.actions import Input, Study
from sim_economy.core.world_config import parse_world_config
from sim_economy.experiments.experiment import run_experiment
from sim_economy.experiments.resume import finished_runs, run_path
from sim_economy.ledger.records import digest
from sim_economy.reports.interventions import (
    incidence_table,
    interventions_json,
    interventions_section,
    what_interventions_did,
)
from sim_economy.reports.page.document import plain
from sim_economy.runs.extended_metrics import extended_metrics
from sim_economy.runs.intervention_metrics import INTERVENTION_METRICS, incidence_rows
from sim_economy.runs.run import Run, run_of
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.world import World
from tests.cli.shell import json_of, sim_economy
from tests.ledger.test_incidence import CAPPED, LENT, QUIET, idle

Turns = Sequence[Sequence[Input]]


def by_hand(rules: dict[str, Any], *turns: Sequence[Input], run: int = 1) -> Run:
    world = World(parse_world_config({**QUIET, "governance": rules}))
    for inputs in turns:
        world.turn(inputs)
    return run_of(world.store, run)


def told(*runs: Run) -> list[str]:
    return [plain(text) for text in what_interventions_did(runs)]


def monitor(response: str, **further: Any) -> dict[str, Any]:
    rule = {"gini_max": 0, "from_turn": 2, "response": response, **further}
    return {"concentration_monitor": rule}


LEVY: Final = monitor("levy", levy_share=Decimal("0.5"))
SPREAD: Final = idle(60, 20, 0)


@pytest.mark.parametrize(
    ("rules", "turns", "sentences"),
    [
        (
            CAPPED[0],
            CAPPED[1:],
            [
                # 120 of 270: what 150 were charged of.
                (
                    "The fee cap bound in 2 of 3 turns and waived 120 tokens (44 % of fees): "
                    "agent_1 was spared most, 90."
                ),
                "Job credits fell with the fees, by 47 tokens: agent_2 lost all of it.",
                (
                    "Together, by the books, interventions cost the platform 73 tokens: "
                    "agent_1 gained most, 90, and agent_2 lost all of it."
                ),
            ],
        ),
        (CAPPED[0], [idle(20)], ["The fee cap never bound."]),
        (
            {"fee_cap": {"cap_ratio": 1}},
            [idle(40, 40, 0)],
            [
                (
                    "The fee cap bound in 1 of 1 turns and waived 30 tokens (38 % of fees): "
                    "agent_0 and agent_1 were spared all of it, 15 each."
                ),
                (
                    "Together, by the books, interventions cost the platform 30 tokens: "
                    "agent_0 and agent_1 gained all of it, 15 each."
                ),
            ],
        ),
        (
            LEVY,
            [SPREAD, [], []],
            [
                (
                    "Wealth was concentrated in 2 of 2 turns that were watched; levies came to 15 "
                    "tokens: agent_2 paid all of it, and agent_0 received all of it."
                ),
                (
                    "Together, by the books, interventions cost the platform nothing: "
                    "agent_0 gained all of it, and agent_2 lost all of it."
                ),
            ],
        ),
        (
            monitor("levy"),
            [[], []],
            ["Wealth was concentrated in 0 of 1 turns that were watched; no levy was paid."],
        ),
        (
            monitor("none"),
            [SPREAD, [], []],
            ["Wealth was concentrated in 2 of 2 turns that were watched."],
        ),
        (monitor("none"), [SPREAD], ["The concentration monitor watched no turn."]),
        (
            monitor("relief"),
            [SPREAD, [], idle(31, 5, 0)],
            [
                (
                    "Wealth was concentrated in 2 of 2 turns that were watched; relief halved fees "
                    "by 16 tokens: agent_0 was spared all of it."
                ),
                (
                    "Together, by the books, interventions cost the platform 16 tokens: "
                    "agent_0 gained all of it."
                ),
            ],
        ),
        (
            monitor("relief"),
            [SPREAD],
            ["The concentration monitor watched no turn."],
        ),
        (
            LENT[0],
            LENT[1:],
            [
                (
                    "Debt rails lent 60 tokens in 1 of 3 turns: agent_0 received all of it. 75 % "
                    "of that was repaid: 20 out of what others paid the debtors, 25 withheld by "
                    "the platform; 15 are owed at the end."
                ),
                (
                    "Shocks acted in 2 of 3 turns (gain in 1, loss in 1, usage in 2); 40 tokens "
                    "were given; 100 tokens were lost, and 30 were not there to be lost."
                ),
                (
                    "Together, by the books, interventions cost the platform 15 tokens: "
                    "agent_0 gained all of it, and agent_1 lost all of it."
                ),
            ],
        ),
        (
            {"debt_rails": {"debt_cap": 0}},
            [idle(160)],
            [
                (
                    "Debt rails lent 60 tokens in 1 of 1 turns: agent_0 received all of it. "
                    "Nothing of that was repaid: 60 are owed at the end."
                ),
                (
                    "Together, by the books, interventions cost the platform 60 tokens: "
                    "agent_0 gained all of it."
                ),
            ],
        ),
        (
            {"debt_rails": {}, "reinvestment_rebate": {}},
            [idle(9)],
            ["No fee was rebated.", "Debt rails lent nothing."],
        ),
        (
            {"reinvestment_rebate": {}},
            [[*idle(52), Input("agent_1", Study()), Input("agent_2", Study())], []],
            [
                (
                    "Fees were rebated in 1 of 2 turns, 10 tokens (19 % of covered fees): "
                    "agent_1 and agent_2 received all of it, 5 each."
                ),
                (
                    "Together, by the books, interventions cost the platform 10 tokens: "
                    "agent_1 and agent_2 gained all of it, 5 each."
                ),
            ],
        ),
    ],
)
def test_sentences_by_hand(rules: dict[str, Any], turns: Turns, sentences: list[str]) -> None:
    assert told(by_hand(rules, *turns)) == sentences


def test_several_runs_are_told_by_their_means() -> None:
    rules = CAPPED[0]
    runs = [by_hand(*CAPPED), by_hand(rules, idle(60, 0, 0), [], [], run=2)]
    # 120 and 10 of 270 and 60 tokens; in 2 turns and 1.
    assert told(*runs)[0] == (
        "The fee cap bound in 1.5 of 3 turns and waived 65 tokens a run (39 % of fees): "
        "agent_1 was spared most, 45."
    )
    assert incidence_rows(runs) == [
        {"agent_id": "agent_0", "waived": 20, "wages_lowered": 0, "net": 20},
        {"agent_id": "agent_1", "waived": 45, "wages_lowered": 0, "net": 45},
        {"agent_id": "agent_2", "waived": 0, "wages_lowered": 23.5, "net": -23.5},
        {"agent_id": "platform", "waived": None, "wages_lowered": None, "net": -41.5},
    ]


def test_of_many_agents_those_with_most_at_stake_are_shown() -> None:
    table = incidence_table([by_hand(*CAPPED)], rows_max=2)
    assert [row[0] for row in table.rows] == ["agent_1", "agent_2", "platform"]


def test_what_is_off_is_in_no_metric_file_or_answer(tmp_path: Path) -> None:
    scenario = load_scenario("as-run", {"turns": 3, "runs": 1})
    runs = run_experiment(scenario, tmp_path).runs
    assert not extended_metrics(runs[0]).keys() & INTERVENTION_METRICS.keys()
    assert (interventions_json(runs), what_interventions_did(runs)) == ({}, [])
    assert not interventions_section(runs).blocks
    assert not (tmp_path / "interventions.csv").exists()
    governed = by_hand({"debt_rails": {}}, idle(9))
    assert extended_metrics(governed).keys() & INTERVENTION_METRICS.keys() == {
        "loan_turns",
        "tokens_lent",
        "tokens_repaid",
        "tokens_withheld",
        "receivables",
        "interventions_platform",
    }


GOVERNED: Final = {
    "turns": 12,
    "runs": 2,
    "governance": {"fee_cap": {"cap_ratio": 2}, "debt_rails": {"debt_cap": 0}},
}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_an_experiment_keeps_its_metrics_and_who_received(tmp_path: Path) -> None:
    scenario = load_scenario("as-run", GOVERNED)
    runs = run_experiment(scenario, tmp_path).runs
    measures, agents = (
        rows_of(tmp_path / name) for name in ("run_measures.csv", "interventions.csv")
    )
    waived = [int(row["fee_cap_waived"]) for row in measures]
    assert waived == [extended_metrics(run)["fee_cap_waived"] for run in runs]
    assert min(waived) > 0
    assert sum(float(row["waived"]) for row in agents[:-1]) == pytest.approx(sum(waived) / 2)
    assert agents[-1]["agent_id"] == "platform"


def test_a_run_kept_without_its_incidence_is_played_again(tmp_path: Path) -> None:
    scenario = load_scenario("as-run", GOVERNED)
    run_experiment(scenario, tmp_path)
    path = run_path(tmp_path, 2)
    kept = json.loads(path.read_bytes().partition(b"\n")[2])
    del kept["incidence"]
    content = json.dumps(kept).encode()
    path.write_bytes(digest(content).encode() + b"\n" + content)
    assert [*finished_runs(tmp_path, scenario, ledgers=False)] == [1]


def test_commands_say_what_interventions_did(tmp_path: Path) -> None:
    command = ("run", "as-run", "--turns", "12", "--set", "governance.fee_cap.cap_ratio=2")
    text = sim_economy(*command, cwd=tmp_path).stdout
    played = json_of(sim_economy(*command, "--json", cwd=tmp_path))
    told = played["interventions"]
    assert told["answers"][0].startswith("The fee cap bound in ")
    assert told["answers"][0] in " ".join(text.split())
    assert "fees waived" in text
    waived = sum(row["waived"] for row in told["agents"][:-1])
    assert waived == told["measures"]["fee_cap_waived"] > 0
    again = json_of(
        sim_economy(
            "experiment", *command[1:], "--runs", "1", "--no-report", "--json", cwd=tmp_path
        )
    )
    assert again["interventions"] == told
    bare = json_of(sim_economy("run", "as-run", "--turns", "2", "--json", cwd=tmp_path))
    assert "interventions" not in bare


def test_python_has_who_received_as_a_frame(tmp_path: Path) -> None:
    changes: dict[str, Any] = {**GOVERNED, "runs": 1}
    played = se.play("as-run", **changes)
    kept = se.experiment("as-run", tmp_path / "out", **changes)
    assert played.interventions.equals(kept.interventions)
    assert played.interventions.columns[-1] == "net"
    assert se.play("as-run", turns=1).interventions.height == 0


def test_scaffolding_of_contracts_is_said_with_its_numbers() -> None:
    rules = {"arbitration_subsidy": {"small_value": 200}, "contract_matching": {"matches": "shown"}}
    played = se.play("market", seed=4001, turns=40, governance=rules)
    metrics, run, matching = played.metrics, played.run, played.run.matching
    assert matching is not UNSET
    subsidies = sum(flows.get("arbitration_subsidy", 0) for flows in run.series.flows)
    assert metrics["arbitration_subsidies"] == subsidies > 0
    assert metrics["contracts_matched"] == matching.matches > 0
    said = " ".join(plain(text) for text in what_interventions_did([run]))
    assert f"with {subsidies:,} tokens" in said
    assert f"{matching.matches:,} pairs; {matching.started:,} contracts" in said
