"""Tables of a ledger hold what was agreed."""

from __future__ import annotations

from sim_economy.core.actions import Input, ProposeContract, SignContract
from sim_economy.core.contracts import Terms
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.readers.export import COLUMNS, table_rows
from sim_economy.world.world import World


def test_a_proposal_is_exported_with_all_its_terms_and_later_events_without() -> None:
    world = World(parse_world_config({"num_agents": 3}))
    terms = Terms(due_turn=9, principal=100, premium=7, counterparty_collateral=30)
    world.turn([Input("agent_0", ProposeContract("loan", "agent_1", "agent_2", terms))])
    world.turn([Input("agent_1", SignContract(1))])
    proposed, signed = table_rows(world.store, "contracts")
    assert tuple(proposed) == tuple(signed) == COLUMNS["contracts"]
    agreed = {
        "kind": "loan",
        "settlement": "automatic",
        "proposer": "agent_0",
        "counterparty": "agent_1",
        "arbitrator": "agent_2",
        "due_turn": 9,
        "proposer_collateral": 0,
        "counterparty_collateral": 30,
        "arbitrator_collateral": 0,
        "arbitrator_fee": 0,
        "principal": 100,
        "premium": 7,
        "price": None,
        "payload_hash": None,
        "cap": None,
    }
    assert {name: proposed[name] for name in agreed} == agreed
    assert (signed["happened"], signed["agent_id"]) == ("signed", "agent_1")
    assert all(signed[name] is None for name in agreed)
