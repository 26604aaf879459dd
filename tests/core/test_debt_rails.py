"""Debt rails: who is lent what, what repays it, and what goes around them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from sim_economy.core.actions import (
    Idle,
    Input,
    Job,
    ProposeContract,
    SignContract,
    Stake,
    Transfer,
)
from sim_economy.core.contracts import Terms
from sim_economy.core.rules import debt_rails
from sim_economy.core.state import DebtRecord
from sim_economy.core.units import Millionths
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.verify import verify
from sim_economy.runs.extended_metrics import supply_changes
from sim_economy.runs.run import run_of
from sim_economy.world.replay import replay
from sim_economy.world.world import World

RAILS: dict[str, Any] = {"debt_cap": 50, "cooldown_turns": 3, "repayment_share": Decimal("0.25")}


def world(rails: dict[str, Any] | None = None, **changed: Any) -> World:
    """Three agents with 100 tokens, no free units, no interest."""
    quiet = {
        "num_agents": 3,
        "genesis_tokens_per_agent": 100,
        "commons_threshold_per_turn": 0,
        "interest_rate_per_turn": 0,
    }
    rules = {"debt_rails": {**RAILS, **(rails or {})}}
    return World(parse_world_config({**quiet, **changed, "governance": rules}))


def receivables(economy: World) -> list[int]:
    memory = economy.state.governance
    assert memory is not UNSET
    assert memory.debts is not UNSET
    return [debt.receivable for debt in memory.debts]


@pytest.mark.parametrize(
    ("amount", "receivable", "repaid"),
    [(0, 9, 0), (1, 9, 1), (4, 9, 1), (5, 9, 2), (100, 9, 9), (100, 0, 0)],
)
def test_a_share_is_rounded_up_and_ends_with_the_receivable(
    amount: int, receivable: int, repaid: int
) -> None:
    assert debt_rails.repaid(amount, receivable, Millionths(250_000)) == repaid


def test_a_debt_that_is_lent_for_already_is_not_lent_for_again() -> None:
    rule = parse_world_config({"governance": {"debt_rails": RAILS}}).governance
    assert rule is not None
    assert rule.debt_rails is not None
    known = DebtRecord(uncovered=100, given=80)
    assert debt_rails.loan(rule.debt_rails, known, 9, -500, 0) == 20
    assert debt_rails.loan(rule.debt_rails, known, 9, -60, 5) == 5
    assert debt_rails.loan(rule.debt_rails, known, 9, -60, 10) == 0
    spent = DebtRecord(uncovered=80, given=100)
    assert debt_rails.loan(rule.debt_rails, spent, 9, -500, 0) == 0


def test_stake_counts_against_the_debt() -> None:
    economy = world(block_threshold=0, mine_base_weight=10)
    economy.turn([Input("agent_0", Stake(40))])
    turn = economy.turn([Input("agent_0", Idle(), output_units=400)])
    # -340 of balance, less 50 of cap and 40 waiting to be stake.
    assert turn.governance is not UNSET
    assert [row.lent for row in turn.governance.debts] == [250]


def test_a_loan_of_nothing_starts_no_cooldown() -> None:
    economy = world()
    economy.turn([Input("agent_0", Idle(), output_units=100)])
    economy.turn([Input("agent_0", Idle(), output_units=50)])
    memory = economy.state.governance
    assert memory is not UNSET
    assert memory.debts is not UNSET
    assert memory.debts[0] == DebtRecord(uncovered=50)


def test_an_allowance_repays_out_of_issuance_and_a_lifted_debt_repays_nothing() -> None:
    income = {"allowance": 100, "period_turns": 2, "overdraft": "forgiven"}
    economy = world(income=income)
    economy.turn([Input("agent_0", Idle(), output_units=500)])
    assert receivables(economy) == [250, 0, 0]
    economy.turn([])
    turn = economy.turn([])
    # 50 of debt lifted; of the grant of 100 a quarter goes to the platform.
    assert receivables(economy) == [225, 0, 0]
    assert economy.state.balances == [75, 100, 100]
    assert turn.governance is not UNSET
    assert verify(economy.store).holds
    assert replay(economy.store) == economy.head
    changes = supply_changes(run_of(economy.store))
    assert changes["debt_repayment"] == 0
    assert economy.state.token_supply == 300 + sum(changes.values())


def test_insured_values_count_bonuses_before_repayment() -> None:
    economy = world(num_agents=4)
    terms = Terms(
        due_turn=30,
        proposer_collateral=0,
        counterparty_collateral=0,
        arbitrator_collateral=0,
        arbitrator_fee=0,
        premium=0,
        payout=10,
        trigger=-10_000,
    )
    offer = ProposeContract("insurance", "agent_0", "agent_2", terms)
    economy.turn([Input("agent_0", Idle(), output_units=300), Input("agent_1", offer)])
    economy.turn([Input("agent_0", SignContract(1)), Input("agent_2", SignContract(1))])
    (insured,) = economy.state.contracts
    assert insured.insured_value == -50
    economy.turn([Input("agent_0", Job())])
    (insured,) = economy.state.contracts
    # The bonus is 50, of which 13 repay; the relief of a debt of 50 without interest is 0.
    assert economy.state.balances[0] == -50 + 37
    assert insured.insured_value == 0
    assert verify(economy.store).holds


def test_receivables_can_be_rebuilt_from_records() -> None:
    economy = world(block_threshold=10)
    rebuilt: Counter[int] = Counter()
    for number in range(1, 12):
        economy.turn(
            [
                Input("agent_0", Job() if number % 3 == 0 else Idle(), output_units=70),
                Input("agent_1", Transfer("agent_0", 3), output_units=1),
            ],
            ends=number == 11,
        )
    for stored in economy.store.read(1):
        did = stored.record.governance
        assert did is not UNSET
        for row in did.debts:
            rebuilt[row.agent] += row.lent - row.repaid - row.withheld
            assert rebuilt[row.agent] == row.receivable
    assert [rebuilt[agent] for agent in range(3)] == receivables(economy)
    assert verify(economy.store).holds


def test_usage_is_free_for_whoever_works_in_between() -> None:
    """The pump: job credits repay nothing, so that debts are lent for and wages kept."""
    economy = world({"cooldown_turns": 0})
    for _ in range(20):
        economy.turn([Input("agent_0", Idle(), output_units=500)])
        economy.turn([Input("agent_0", Job(), output_units=500)])
    # 10,000 tokens of fees later it has the 100 it began with and its bonus, and owes the rest.
    assert receivables(economy)[0] == 337
    assert economy.state.balances[0] == 337 + 100 + 50


def test_an_inflow_that_is_repaid_whole_is_told_from_the_next_one() -> None:
    given = [{"turn": 2, "agent": "agent_0", "tokens": tokens} for tokens in (50, 7)]
    economy = world({"repayment_share": 1}, income={"top_ups": given})
    economy.turn([Input("agent_0", Idle(), output_units=200)])
    assert receivables(economy) == [50, 0, 0]
    turn = economy.turn([])
    assert [posting.amount for posting in turn.postings] == [50, 7]
    assert receivables(economy) == [0, 0, 0]
    assert verify(economy.store).finding is None
