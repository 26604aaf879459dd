"""The measures of a run in which agents make contracts."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import pytest

from sim_economy.agents.policy import Policy, View
from sim_economy.core.actions import Action, Idle, ProposeContract, SellInformation, SignContract
from sim_economy.core.contracts import ContractKind, Terms
from sim_economy.runs.extended_metrics import extended_metrics, supply_changes
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import Run
from sim_economy.runs.run_metrics import run_metrics
from sim_economy.scenarios.scenario import load_scenario

TURNS: Final = 12
KEPT: Final = Terms(due_turn=9, price=25, payload_hash=sha256(b"map").hexdigest())
BROKEN: Final = Terms(due_turn=5, price=25, payload_hash="0" * 64)
FORWARD: Final = Terms(due_turn=9, price=5, cap=100, start_turn=5)


class Scripted(Policy, frozen=True):
    """Agents 0, 3 and 4 propose in turn 1; 1 and 2 sign; agent_0 delivers what it sold."""

    def decide(self, view: View) -> Action:
        agent, state = view.agent, view.state
        offers = {
            0: ProposeContract("information_sale", "agent_1", "agent_2", KEPT),
            3: ProposeContract("information_sale", "agent_1", "agent_2", BROKEN),
            4: ProposeContract("forward", "agent_1", "agent_2", FORWARD),
        }
        if state.turn == 0:
            return offers.get(agent, Idle())
        if agent in (1, 2) and state.turn <= 3:
            return SignContract(state.turn)
        if agent == 0 and state.turn == 5:
            return SellInformation(1, "map")
        return Idle()


@pytest.fixture(scope="module")
def run() -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sim_economy.agents.catalogue.policy_class", lambda name: Scripted)
        return play_run(load_scenario("as-run", {"policy": "scripted", "turns": TURNS}), 1)


def test_contracts_are_counted_from_the_ledger(run: Run) -> None:
    assert run.counts.contracts["proposed"] == 3
    assert run.counts.contracts["started"] == 3
    row = run_metrics(run)
    assert (row["settled_contracts"], row["defaulted_contracts"]) == (2, 1)


def test_fees_that_a_forward_pays_are_fees(run: Run) -> None:
    drawn = sum(flows.get("forward_fee", 0) for flows in run.series.flows)
    own = sum(flows.get("inference_fee", 0) for flows in run.series.flows)
    assert drawn > 0
    assert run_metrics(run)["fees_total"] == drawn + own
    measured = extended_metrics(run)
    assert measured["fees"] == drawn + own
    assert measured["fees_uncovered"] == drawn + own - sum(run.series.fees_covered)


def test_the_supply_is_still_explained_to_the_token(run: Run) -> None:
    assert sum(supply_changes(run).values()) + 8000 == run.series.token_supply[-1]


def test_every_kind_of_contract_has_a_name_an_agent_can_send() -> None:
    assert [str(kind) for kind in ContractKind] == [
        "service", "information_sale", "loan", "insurance", "forward",
    ]  # fmt: skip
