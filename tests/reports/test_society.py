"""Who earned what, from whom and for what: the tables say what the ledgers do."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from sim_economy.experiments.experiment import write_results
from sim_economy.ledger.readers.counts import owner_name
from sim_economy.ledger.readers.export import frame
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.reports import society
from sim_economy.reports.report import write_report
from sim_economy.reports.tables import as_number
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import decode_run, encode_run, run_of
from sim_economy.scenarios.scenario import load_scenario
from tests.reports.played import played


@pytest.mark.parametrize("name", ["market", "rentiers", "as-run"])
def test_the_flows_of_an_agent_explain_what_it_ends_with(name: str) -> None:
    here = played(name)
    genesis = here.scenario.config.genesis_tokens_per_agent
    for run in here.runs[:3]:
        gained: Counter[int] = Counter()
        for flow in run.counts.flows:
            assert flow.payer != flow.payee
            gained[flow.payee] += flow.tokens
            gained[flow.payer] -= flow.tokens
        assert sum(gained.values()) == 0
        supply = sum(gained[agent] + genesis for agent in range(len(run.agent_ids)))
        assert supply == run.series.token_supply[-1]
        assert gained[-2] == run.series.platform[-1]
        assert gained[-3] == run.series.destroyed[-1]


def test_flows_are_those_of_the_postings() -> None:
    scenario, store = load_scenario("market", ["turns=30"]), MemoryStore()
    run = play_run(scenario, 1, store)
    totals: Counter[tuple[str, str, str]] = Counter()
    for row in frame(store, "postings").iter_rows(named=True):
        payer, payee = (row[side].partition(":")[0] for side in ("source", "target"))
        if payer != payee and row["reason"] != "genesis":
            totals[payer, payee, row["reason"]] += row["amount"]
    ours = {
        (owner_name(flow.payer, run.agent_ids), owner_name(flow.payee, run.agent_ids),
         flow.reason): flow.tokens
        for flow in run.counts.flows
    }  # fmt: skip
    assert ours == totals


def test_a_run_read_from_its_ledger_has_the_same_contracts_and_flows() -> None:
    store = MemoryStore()
    run = play_run(load_scenario("market", ["turns=20"]), 1, store)
    assert run.counts.made
    assert run_of(store, 1).counts == run.counts
    assert decode_run(encode_run(run)) == run


def test_incomes_add_up_to_what_agents_end_with() -> None:
    here = played("market")
    table = society.earnings_table(here.scenario, here.runs)
    for row in table.rows:
        gained = sum(as_number(cell) for cell in row[2:-1])
        assert gained + 1000 == pytest.approx(row[-1], abs=30), row[0]
    assert sum(as_number(row[1]) for row in table.rows) == 20


def test_every_reason_between_owners_has_a_group() -> None:
    reasons = {flow.reason for name in ("market", "rentiers", "as-run", "baseline")
               for run in played(name).runs for flow in run.counts.flows}  # fmt: skip
    assert reasons <= {*society.GROUPS}


def test_the_table_of_contracts_counts_each_once() -> None:
    runs = played("market").runs
    *kinds, whole = society.contracts_table(runs).rows
    made = sum(len(run.counts.made) for run in runs)
    assert whole[1] == pytest.approx(made / len(runs))
    for row in kinds:
        assert row[1] == pytest.approx(sum(as_number(cell) for cell in row[3:]))
    causes = society.causes_table(runs).rows
    assert sum(as_number(row[-1]) for row in causes) == pytest.approx(whole[1])


def test_the_reading_says_what_did_not_form() -> None:
    told = society.reading_of_contracts(played("baseline").runs)
    assert "No information sale, insurance or forward formed in any run." in told
    assert "Insurances" not in told
    assert society.reading_of_contracts(played("rentiers").runs) == "No contract was proposed."
    market = society.reading_of_contracts(played("market").runs)
    assert "No " not in market
    assert market.endswith("Insurances and forwards cannot default: all they promise is in escrow.")


def test_dividends_by_agent_are_those_paid() -> None:
    here = played("rentiers")
    table = society.dividends_table(here.scenario, here.runs)
    paid = sum(as_number(row[4]) for row in table.rows) * len(here.runs)
    flows = [flow for run in here.runs for flow in run.counts.flows if flow.reason == "dividend"]
    assert paid == pytest.approx(sum(flow.tokens for flow in flows))
    assert {row[1] for row in table.rows} == {"investor"}
    assert society.reading_of_dividends(played("market").runs) == "No dividend was paid."


def test_the_published_experiment_has_nothing_of_it(tmp_path: Path) -> None:
    here = played("as-run")
    assert not society.is_mixed(here.scenario, here.runs)
    assert society.blocks(here.scenario, here.runs) == []
    assert society.contract_blocks(here.runs) == []
    write_results(tmp_path, here.scenario, here.runs, here.rows)
    assert not (tmp_path / "contracts.csv").exists()


def test_contracts_and_flows_are_written_with_the_rest(tmp_path: Path) -> None:
    here = played("market")
    write_results(tmp_path, here.scenario, here.runs[:2], here.rows[:2])
    with (tmp_path / "contracts.csv").open(newline="") as file:
        contracts = list(csv.DictReader(file))
    assert len(contracts) == sum(len(run.counts.made) for run in here.runs[:2])
    assert {row["kind"] for row in contracts} == {*society.KINDS}
    with (tmp_path / "flows.csv").open(newline="") as file:
        flows = list(csv.DictReader(file))
    assert {row["payee_policy"] for row in flows if row["reason"] == "arbitrator_fee"} <= {
        "arbitrator", "dishonest_arbitrator", "imitator",
    }  # fmt: skip
    assert {row["payer_policy"] for row in flows if row["payer"] == "platform"} == {""}


@pytest.mark.parametrize("name", ["market", "rentiers"])
def test_a_report_of_a_society_has_its_section_and_figures(name: str, tmp_path: Path) -> None:
    here = played(name)
    write_report(tmp_path, here.scenario, here.runs, here.rows, comparison=None)
    text = (tmp_path / "report.md").read_text()
    assert "## Who collected what" in text
    assert ("## What contracts did" in text) == (name == "market")
    assert "Population, in genesis order: " in text
    assert (tmp_path / "figures" / "earnings.svg").exists()
    assert (tmp_path / "figures" / "contracts.svg").exists() == (name == "market")
    page = (tmp_path / "report.html").read_text()
    assert "gains and loses" in page
