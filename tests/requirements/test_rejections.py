"""Every reason for which an action is refused, and which one is given where several hold.

Each row breaks its own rule and every later one that its action can break at the same time. The
agent that acts owes 10 tokens and has no stake; a speech may have 3 characters.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from sim_economy.core.actions import (
    RECOGNISED,
    Action,
    Burn,
    Idle,
    Input,
    Job,
    Mine,
    Speak,
    Stake,
    Study,
    Transfer,
    Unrecognised,
    Unstake,
    action_name,
)
from sim_economy.core.events import RejectionReason as Reason
from sim_economy.world.world import World
from tests.requirements.test_contract_rejections import ROWS as CONTRACT_ROWS
from tests.requirements.worlds import VARIANTS, config

LONG: Final = "long"
"""One character more than a speech may have."""

Row = tuple[Action, str | None, Reason]

ROWS: Final[list[Row]] = [
    (Unrecognised("dance"), LONG, Reason.UNKNOWN_ACTION),
    (Mine(), LONG, Reason.SPEECH_TOO_LONG),
    (Idle(), LONG, Reason.SPEECH_TOO_LONG),
    (Job(), LONG, Reason.SPEECH_TOO_LONG),
    (Speak(), LONG, Reason.SPEECH_TOO_LONG),
    (Speak(), None, Reason.SPEECH_MISSING),
    (Speak(), "", Reason.SPEECH_MISSING),
    (Study(), LONG, Reason.SPEECH_TOO_LONG),
    (Study(), None, Reason.BALANCE_TOO_LOW),
    (Stake(None, -1), LONG, Reason.SPEECH_TOO_LONG),
    (Stake(None, -1), None, Reason.AMOUNT_MISSING),
    (Stake(0, -1), None, Reason.AMOUNT_TOO_LOW),
    (Stake(1, -1), None, Reason.FEE_TOO_LOW),
    (Stake(1), None, Reason.BALANCE_TOO_LOW),
    (Burn(None, -1), LONG, Reason.SPEECH_TOO_LONG),
    (Burn(None, -1), None, Reason.AMOUNT_MISSING),
    (Burn(0, -1), None, Reason.AMOUNT_TOO_LOW),
    (Burn(1, -1), None, Reason.FEE_TOO_LOW),
    (Burn(1), None, Reason.BALANCE_TOO_LOW),
    (Transfer(None, None, -1), LONG, Reason.SPEECH_TOO_LONG),
    (Transfer(None, None, -1), None, Reason.RECIPIENT_MISSING),
    (Transfer("nobody", None, -1), None, Reason.RECIPIENT_UNKNOWN),
    (Transfer("agent_0", None, -1), None, Reason.RECIPIENT_IS_SENDER),
    (Transfer("agent_1", None, -1), None, Reason.AMOUNT_MISSING),
    (Transfer("agent_1", 0, -1), None, Reason.AMOUNT_TOO_LOW),
    (Transfer("agent_1", 1, -1), None, Reason.FEE_TOO_LOW),
    (Transfer("agent_1", 1), None, Reason.BALANCE_TOO_LOW),
    (Unstake(0), LONG, Reason.SPEECH_TOO_LONG),
    (Unstake(0), None, Reason.AMOUNT_TOO_LOW),
    (Unstake(1), None, Reason.STAKE_TOO_LOW),
]

BARE_UNSTAKE: Final = {"as-run": Reason.AMOUNT_MISSING, "as-written": Reason.STAKE_TOO_LOW}
"""Why an unstake without an amount is refused where nothing is staked (S2)."""


def _rows(preset: str) -> list[Row]:
    return [*ROWS, (Unstake(), None, BARE_UNSTAKE[preset])]


def _label(preset: str, row: Row) -> str:
    return f"{preset}-{action_name(row[0])}-{row[2]}"


CASES: Final = [
    pytest.param(preset, *row, id=_label(preset, row))
    for preset in VARIANTS
    for row in _rows(preset)
]


def _indebted(preset: str) -> World:
    """Agent_0 owes 10 tokens, agent_1 has 100; interest on 10 is nothing."""
    limits = {"num_agents": 2, "genesis_tokens_per_agent": 100, "speech_length_max": 3}
    world = World(config(preset, limits))
    world.turn([Input("agent_0", Idle(), output_units=210)])
    assert world.state.balances == [-10, 100]
    return world


@pytest.mark.parametrize(("preset", "action", "speech", "reason"), CASES)
def test_an_action_is_refused_for_the_first_reason_that_holds(
    preset: str, action: Action, speech: str | None, reason: Reason
) -> None:
    world = _indebted(preset)
    assert world.turn([Input("agent_0", action, speech=speech)]).outcomes == (reason,)
    assert world.observe("agent_0").rejection is reason


@pytest.mark.parametrize(("preset", "action", "speech", "reason"), CASES)
def test_a_second_input_is_refused_before_anything_else(
    preset: str, action: Action, speech: str | None, reason: Reason
) -> None:
    world = _indebted(preset)
    turn = world.turn([Input("agent_0", Idle()), Input("agent_0", action, speech=speech)])
    assert turn.outcomes == (None, Reason.ALREADY_ACTED)
    assert world.observe("agent_0").rejection is None


@pytest.mark.parametrize(("preset", "action", "speech", "reason"), CASES)
def test_a_stranger_is_refused_as_unknown_each_time_it_acts(
    preset: str, action: Action, speech: str | None, reason: Reason
) -> None:
    stranger = Input("agent_2", action, speech=speech)
    turn = _indebted(preset).turn([stranger, stranger])
    assert turn.outcomes == (Reason.UNKNOWN_AGENT, Reason.UNKNOWN_AGENT)


@pytest.mark.parametrize(("preset", "action", "speech", "reason"), CASES)
def test_a_refused_action_costs_its_usage_and_changes_nothing_else(
    preset: str, action: Action, speech: str | None, reason: Reason
) -> None:
    refused, idle = _indebted(preset), _indebted(preset)
    refused.turn([Input("agent_0", action, output_units=130, speech=speech)])
    idle.turn([Input("agent_0", Idle(), output_units=130)])
    assert refused.state.balances == [-40, 100]
    refused.state.rejections = idle.state.rejections
    assert refused.state == idle.state


@pytest.mark.parametrize("preset", VARIANTS)
def test_the_table_gives_every_reason_an_action_can_be_refused_for(preset: str) -> None:
    rows = [*_rows(preset), *CONTRACT_ROWS]
    assert {row[2] for row in rows} | {
        Reason.UNKNOWN_AGENT,
        Reason.ALREADY_ACTED,
        Reason.BALANCE_EMPTY,
        Reason.SIGNING_NOT_OPEN,
        Reason.TEXT_TOO_LONG,
    } == set(Reason)
    assert {action_name(row[0]) for row in rows} == {*RECOGNISED, "dance"}


def test_the_specification_lists_the_reasons_in_their_order() -> None:
    text = (Path(__file__).parents[2] / "docs/spec/economy.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d+) \| `(\w+)` \|", text, re.MULTILINE)
    assert listed == [(str(index), str(reason)) for index, reason in enumerate(Reason, 1)]


@pytest.mark.parametrize("name", sorted(RECOGNISED))
def test_the_rows_of_an_action_stand_in_the_order_of_precedence(name: str) -> None:
    order = list(Reason)
    parts = [order.index(row[2]) for row in ROWS if action_name(row[0]) == name]
    assert parts == sorted(parts)


def test_an_indebted_agent_may_still_work_mine_speak_and_idle() -> None:
    for preset in VARIANTS:
        for action in (Job(), Mine(), Speak(), Idle()):
            turn = _indebted(preset).turn([Input("agent_0", action, speech="hey")])
            assert turn.outcomes == (None,)
