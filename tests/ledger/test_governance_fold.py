"""The fold names what in a record contradicts the interventions that genesis states."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from sim_economy.core.actions import Idle, Input, Job, Mine, Stake
from sim_economy.core.events import AgentTokens, GovernanceTurn
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.records import TurnRecord
from sim_economy.world.world import World
from tests.ledger.test_income_fold import problems, record_of

RULES: Final[dict[str, Any]] = {
    "fee_cap": {"cap_ratio": Decimal("1.5"), "base": "productive_surplus", "window_turns": 2}
}


def played(rules: dict[str, Any] | None = None) -> World:
    """Three turns in which the cap binds, with tips, a block and a worker."""
    world = World(
        parse_world_config({"num_agents": 3, "block_threshold": 10, "governance": rules or RULES})
    )
    for _ in range(3):
        world.turn(
            [
                Input("agent_0", Stake(5, 3), output_units=300),
                Input("agent_1", Mine(), output_units=201),
                Input("agent_2", Job(), output_units=150),
            ]
        )
    return world


def did(record: TurnRecord) -> GovernanceTurn:
    assert record.governance is not UNSET
    return record.governance


def test_records_as_they_are_have_no_problem() -> None:
    assert problems(played()) == []


def test_what_interventions_did_can_neither_be_left_out_nor_made_up() -> None:
    world = played()
    stray = "what interventions did is there without them, or not there with them"
    assert stray in problems(world, replace(record_of(world, 2), governance=UNSET))
    bare = World(parse_world_config({"num_agents": 1}))
    bare.turn([Input("agent_0", Idle())])
    altered = replace(record_of(bare, 1), governance=GovernanceTurn())
    assert stray in problems(bare, altered)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_another_cap_is_found(turn: int) -> None:
    world = played()
    record = record_of(world, turn)
    allowed = did(record).fees_allowed
    assert allowed is not UNSET
    altered = replace(record, governance=replace(did(record), fees_allowed=allowed + 1))
    assert "the fees allowed are not those of the cap" in problems(world, altered)


def test_another_waiver_is_found() -> None:
    world = played()
    record = record_of(world, 1)
    first, *rest = did(record).fees_waived
    for waived in ((AgentTokens(0, first.tokens + 40), *rest), tuple(rest)):
        altered = replace(record, governance=replace(did(record), fees_waived=waived))
        found = problems(world, altered)
        assert "the fees waived are not what passes the cap, in proportion to fees" in found
