"""The shipped scenarios do what their files say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sim_economy.core.contracts import ContractKind
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.verify import verify
from sim_economy.runs.extended_metrics import extended_metrics
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import SHIPPED, load_scenario
from sim_economy.scenarios.shipped import REGIMES, SCENARIOS, scenario_text
from tests.cli.shell import sim_economy
from tests.reports.played import played


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_shipped_scenario_is_named_as_its_file_and_begins_with_what_it_shows(name: str) -> None:
    scenario = load_scenario(name)
    assert (scenario.name, scenario.turns, scenario.runs) == (name, 60, 12)
    assert scenario_text(name).startswith("# ")
    assert scenario.policy_name is None


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_shipped_scenario_plays_the_same_again_and_verifies(name: str) -> None:
    scenario, store = load_scenario(name), MemoryStore()
    first = play_run(scenario, 3, store)
    assert first.head == played(name).runs[2].head
    assert verify(store).holds


@pytest.mark.parametrize("name", SHIPPED)
def test_init_starts_from_any_shipped_scenario(name: str, tmp_path: Path) -> None:
    ended = sim_economy("init", "own.toml", "--from", name, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    own, shipped = load_scenario(tmp_path / "own.toml"), load_scenario(name)
    assert own.name == "own"
    assert {**own.settings, "name": name} == shipped.settings


# The regimes


def test_the_regimes_have_eight_agents_and_the_same_seeds() -> None:
    scenarios = [load_scenario(name) for name in REGIMES]
    assert {scenario.config.num_agents for scenario in scenarios} == {8}
    assert {scenario.seed for scenario in scenarios} == {3000}
    assert {scenario.settings["usage"]["source"] for scenario in scenarios} == {"published"}


def test_high_compute_cost_is_the_baseline_at_twice_the_price() -> None:
    baseline, dear = (load_scenario(name).settings for name in ("baseline", "high_compute_cost"))
    assert dear["population"] == baseline["population"]
    world = {**baseline["world"], "base_inference_rate": 2}
    assert dear["world"] == world


def test_a_coordination_push_changes_the_population_alone() -> None:
    baseline, push = (load_scenario(name).settings for name in ("baseline", "coordination_push"))
    assert push["world"] == baseline["world"]
    assert push["population"] != baseline["population"]


def test_more_contracts_form_where_they_are_pushed() -> None:
    def started(name: str) -> int:
        return sum(own.started is not None for run in played(name).runs for own in run.counts.made)

    assert started("coordination_push") > started("baseline") > 0


# The market and the rentiers


def ends(runs: list[Run]) -> Counter[tuple[str, str | None]]:
    return Counter((own.kind, own.end) for run in runs for own in run.counts.made)


def test_contracts_of_every_kind_settle_in_the_market() -> None:
    found = ends(played("market").runs)
    assert {kind for kind in ContractKind if not found[kind, "settled"]} == set()


def test_contracts_of_every_kind_that_can_default_do_so_in_the_market() -> None:
    found = ends(played("market").runs)
    assert {kind for kind in ContractKind if found[kind, "defaulted"]} == {
        ContractKind.SERVICE,
        ContractKind.INFORMATION_SALE,
        ContractKind.LOAN,
    }


def test_every_contract_of_the_market_has_ended() -> None:
    for run in played("market").runs:
        assert all(own.end is not None and own.ended is not None for own in run.counts.made)
        assert len(run.counts.made) == run.counts.contracts["proposed"]


def test_the_defaulters_of_the_market_are_shut_out_of_credit() -> None:
    scenario = load_scenario("market")
    thieves = {
        agent
        for group in scenario.population
        if group.policy_name == "defaulter"
        for agent in group.agents
    }
    for run in played("market").runs:
        loans = [own for own in run.counts.made if own.kind == "loan" and own.started]
        for thief in thieves:
            own = [loan for loan in loans if loan.parties[1] == thief]
            assert len(own) == len([loan for loan in own if loan.end == "defaulted"]) <= 2


def test_cores_pay_dividends_to_the_rentiers() -> None:
    for run in played("rentiers").runs:
        metrics = extended_metrics(run)
        dividends = float(metrics["dividends"] or 0)
        assert 0 < dividends <= float(metrics["fees_covered"] or 0)
        owners = {flow.payee for flow in run.counts.flows if flow.reason == "dividend"}
        assert len(owners) == 4
        assert owners <= set(range(5))
        prices = [flow.tokens for flow in run.counts.flows if flow.reason == "core_price"]
        assert len(prices) == 4
        assert len({*prices}) == 1
        assert prices[0] > 1
