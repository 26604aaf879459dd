"""Cells: rows that are the core's own numbers, and null treatments that change no byte."""

from __future__ import annotations

import pytest

from sim_economy.experiments.sweeps.core_player import play_world
from sim_economy.studies.played_cells import play_cell
from sim_economy.studies.study_outcomes import OUTCOMES, net_wealth
from tests.studies.small_study import cell_of, small_study


def test_a_row_is_what_the_core_adds_up() -> None:
    cell = cell_of(small_study(), "published", "off")
    rows = [row for row in play_cell(cell) if row.turns == 30]
    assert [row.seed for row in rows] == [1001, 1002, 1003]
    for replicate, row in enumerate(rows, 1):
        # The sweep's player ends the run, which changes no number that is compared here.
        totals = play_world(cell.behaviour.scenario.at({}), replicate).metrics
        assert row.insolvent_agent_turns == totals["negative_agent_turns"]
        assert row.debt_turns == totals["debt_token_turns"]
        assert row.fees_charged == totals["fees_total"]
        assert row.platform == totals["platform_final"]
        assert row.rent == totals["rent_total"]
        assert row.platform_negative_turn == totals["platform_negative_turn"]
        assert sum(row.wealth) == totals["token_supply_final"]
        assert sum(row.blocks_won) == totals["blocks"]
        assert row.actions.get("job", 0) == totals["actions_job"]
        assert row.refused == totals["rejections"]


def test_a_horizon_is_read_on_the_way() -> None:
    rows = play_cell(cell_of(small_study(), "published", "off"))
    assert [(row.seed, row.turns) for row in rows[:4]] == [
        (1001, 20),
        (1001, 30),
        (1002, 20),
        (1002, 30),
    ]
    assert len(rows) == 6 + 3
    for first, second in zip(rows[0:6:2], rows[1:6:2], strict=True):
        assert second.insolvent_by_turn[:20] == first.insolvent_by_turn
        assert sum(first.insolvent_by_turn) == first.insolvent_agent_turns


def test_a_treatment_that_never_fires_changes_no_number() -> None:
    study = small_study()
    off = play_cell(cell_of(study, "published", "off"))
    # Nobody's debt reaches 500 in 30 turns.
    rails = play_cell(cell_of(study, "published", "rails 500"))
    for without, own in zip(off, rails, strict=True):
        assert own.granted_total == 0
        for outcome in OUTCOMES.values():
            assert outcome.of(own) == outcome.of(without)


def test_fixed_behaviour_replays_what_was_decided_without_the_rule() -> None:
    study = small_study()
    off = play_cell(cell_of(study, "published", "off"))
    fixed = play_cell(cell_of(study, "published", "fee cap 1.5, behaviour held fixed"))
    deciding = play_cell(cell_of(study, "published", "fee cap 1.5"))
    assert [row.actions for row in fixed] == [row.actions for row in off]
    assert [row.actions for row in deciding] != [row.actions for row in off]
    never = play_cell(cell_of(study, "published", "rails 500, behaviour held fixed"))
    assert all(row.displaced == 0 for row in never)


def test_what_a_rule_spares_is_counted() -> None:
    study = small_study()
    capped = play_cell(cell_of(study, "published", "fee cap 1.5"))
    full = play_cell(cell_of(study, "published", "fee cap 1.5, full wages"))
    assert all(row.granted["waived"] > 0 and row.fired["fee_cap"] > 0 for row in capped)
    assert all("wages_lowered" not in row.granted for row in full)
    cut = play_cell(cell_of(study, "published", "tariff cut 0.5"))
    # At half the price what is spared is what is charged, but for what is rounded down.
    for row in cut:
        assert 0 <= row.granted["tariff"] - row.fees_charged <= 8 * row.turns


def test_a_grant_is_counted_and_given_once() -> None:
    rows = play_cell(cell_of(small_study(), "published", "grant 50"))
    assert all(row.granted == {"granted": 8 * 50} for row in rows)


def test_net_wealth_takes_off_what_is_owed() -> None:
    study = small_study(horizons=[{"turns": 60, "seeds": 2}])
    rows = play_cell(cell_of(study, "published", "rails 10"))
    lent = [row for row in rows if row.granted.get("lent")]
    assert lent, "no loan in this world: choose another dose"
    for row in lent:
        assert sum(net_wealth(row)) == sum(row.wealth) - sum(row.receivables)
        assert sum(row.receivables) > 0


@pytest.mark.parametrize("arm", ["off, a loss in turn 10", "fee cap 1.5, a loss in turn 10"])
def test_a_shocked_arm_is_its_pair_until_the_shock(arm: str) -> None:
    study = small_study()
    shocked = play_cell(cell_of(study, "published", arm))
    pair = play_cell(cell_of(study, "published", arm.removesuffix(", a loss in turn 10")))
    for one, other in zip(shocked, pair, strict=True):
        assert one.insolvent_by_turn[:9] == other.insolvent_by_turn[:9]
        assert one.platform_by_turn[:9] == other.platform_by_turn[:9]
        assert one.digest != other.digest
