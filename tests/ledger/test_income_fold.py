"""The fold names what in a record contradicts the income that genesis states."""

from __future__ import annotations

from typing import Any, Final

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from sim_economy.core.accounts import BALANCE, ISSUANCE, PLATFORM, WIDTH, Posting, PostingReason
from sim_economy.core.actions import BidCore, Idle, Input, Mine
from sim_economy.core.events import DeniedUsage, RejectionReason
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.fold import Fold
from sim_economy.ledger.readers.reading import genesis_record
from sim_economy.ledger.records import TurnRecord, read_record
from sim_economy.world.world import World

INCOME: Final[dict[str, Any]] = {
    "allowance": 50,
    "period_turns": 2,
    "overdraft": "forgiven",
    "top_ups": [{"turn": 3, "agent": "agent_1", "tokens": 9}],
}
AGENT_1: Final = BALANCE + WIDTH


def played(when_empty: str) -> World:
    """Three turns; agent_0 is empty in turn 2, its debt is lifted in turn 3 where it made one."""
    world = World(
        parse_world_config(
            {
                "num_agents": 2,
                "genesis_tokens_per_agent": 0,
                "commons_threshold_per_turn": 0,
                "income": {**INCOME, "when_empty": when_empty},
            }
        )
    )
    world.turn([Input("agent_0", Idle(), output_units=80)])
    world.turn([Input("agent_0", Mine(), 10, 30), Input("agent_1", Idle(), 0, 20)])
    world.turn([Input("agent_0", Idle(), output_units=10)])
    return world


def problems(world: World, altered: TurnRecord | None = None) -> list[str]:
    """What the fold finds until the first turn with a finding; one turn may be altered."""
    fold = Fold(genesis_record(world.store))
    for stored in world.store.read():
        same = altered is None or altered.turn != stored.turn
        record = stored.record if same else altered
        assert record is not None
        if found := list(fold.problems(record)):
            return found
    return []


def record_of(world: World, turn: int) -> TurnRecord:
    (stored,) = world.store.read(turn, turn)
    return read_record(stored.line)


BEGINS: Final = "the turn did not begin with the income that genesis states"
STRAY: Final = "tokens were granted, expired or lifted that no rule of genesis moves"


@pytest.mark.parametrize("when_empty", ["debt", "stop", "clip"])
def test_records_as_they_are_have_no_problem(when_empty: str) -> None:
    assert problems(played(when_empty)) == []


@pytest.mark.parametrize("index", range(5))
def test_income_left_out_is_found(index: int) -> None:
    world = played("debt")
    record = record_of(world, 3)
    reasons = [posting.reason for posting in record.postings[:5]]
    assert reasons == ["debt_lifted", "allowance_expired", "allowance", "allowance", "top_up"]
    postings = record.postings[:index] + record.postings[index + 1 :]
    assert BEGINS in problems(world, replace(record, postings=postings))


def test_income_of_another_amount_or_order_is_found() -> None:
    world = played("debt")
    record = record_of(world, 1)
    first, second, *rest = record.postings
    more = Posting(first.source, first.target, first.amount + 1, first.reason)
    for postings in ((more, second, *rest), (second, first, *rest)):
        assert BEGINS in problems(world, replace(record, postings=postings))


@pytest.mark.parametrize("reason", ["allowance", "top_up", "debt_lifted"])
@pytest.mark.parametrize("when_empty", ["debt", "clip"])
def test_income_out_of_turn_is_found(reason: str, when_empty: str) -> None:
    world = played(when_empty)
    record = record_of(world, 2)
    given = Posting(ISSUANCE, AGENT_1, 5, PostingReason(reason))
    altered = replace(record, postings=(*record.postings, given))
    assert STRAY in problems(world, altered)


def test_a_world_without_income_has_none() -> None:
    world = World(parse_world_config({"num_agents": 1}))
    world.turn([Input("agent_0", Idle())])
    record = record_of(world, 1)
    given = Posting(ISSUANCE, BALANCE, 5, PostingReason.ALLOWANCE)
    for altered in (
        replace(record, postings=(given,)),
        replace(record, units_denied=(DeniedUsage(0, 1, 0),)),
        replace(record, outcomes=(RejectionReason.BALANCE_EMPTY,)),
    ):
        assert "the turn has income, and genesis states none" in problems(world, altered)


def test_an_agent_stopped_or_let_through_without_cause_is_found() -> None:
    world = played("stop")
    record = record_of(world, 2)
    assert record.outcomes == (RejectionReason.BALANCE_EMPTY, None)
    for outcomes in ((None, None), (RejectionReason.BALANCE_EMPTY,) * 2):
        altered = replace(record, outcomes=outcomes)
        assert any("to pay with" in found for found in problems(world, altered))


def test_a_fee_of_a_stopped_agent_is_found() -> None:
    world = played("stop")
    record = record_of(world, 2)
    fee = Posting(BALANCE, PLATFORM, 5, PostingReason.INFERENCE_FEE)
    altered = replace(record, postings=(*record.postings, fee))
    assert "agent 0 was billed and had nothing" in problems(world, altered)


def test_a_fee_that_a_clipped_agent_could_not_pay_is_found() -> None:
    world = played("clip")
    record = record_of(world, 1)
    *grants, fee = record.postings
    more = Posting(fee.source, fee.target, fee.amount + 1, fee.reason)
    altered = replace(record, postings=(*grants, more))
    assert "agent 0 was billed more than it had" in problems(world, altered)


@pytest.mark.parametrize(
    ("denied", "problem"),
    [
        ((DeniedUsage(0, 1, 29),), "agent_0 was refused other units than it asked for"),
        ((DeniedUsage(0, 2, 30),), "agent_0 was refused more units than it asked for"),
        ((DeniedUsage(1, 0, 21),), "agent_1 was refused more units than it asked for"),
        ((DeniedUsage(1, 0, 1), DeniedUsage(0, 1, 30)), "units were refused that no rule"),
        ((DeniedUsage(0, 1, 30), DeniedUsage(2, 0, 1)), "units were refused to agents that"),
    ],
)
def test_refused_units_that_nobody_was_refused_are_found(
    denied: tuple[DeniedUsage, ...], problem: str
) -> None:
    world = played("stop")
    record = record_of(world, 2)
    assert record.units_denied == (DeniedUsage(0, 1, 30),)
    found = problems(world, replace(record, units_denied=denied))
    assert any(problem in one for one in found)


def test_refused_units_in_a_world_that_refuses_none_are_found() -> None:
    world = played("debt")
    record = record_of(world, 1)
    assert record.units_denied is UNSET
    found = problems(world, replace(record, units_denied=(DeniedUsage(0, 0, 1),)))
    assert "units were refused that no rule of genesis refuses" in found


def test_a_sale_of_core_shares_that_genesis_gave_away_is_found() -> None:
    world = World(parse_world_config({"num_agents": 2, "cores": {"owners": {"agent_1": 2}}}))
    world.act({"agent_0": BidCore(5)})
    assert problems(world) == []
    record = record_of(world, 1)
    price = Posting(BALANCE, PLATFORM, 1, PostingReason.CORE_PRICE)
    found = problems(world, replace(record, postings=(price,)))
    assert "core shares were sold as no auction sells them" in found
