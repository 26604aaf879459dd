"""Random play at speed: every invariant after every turn, and nothing that is never tried."""

from __future__ import annotations

import os

import pytest

from sim_economy.core.actions import RECOGNISED
from sim_economy.core.events import RejectionReason
from tests.properties.random_play import (
    Tally,
    play,
    play_parallel,
    share_by_action,
    share_by_outcome,
    table,
)

CI_ACTIONS = 30_000
NIGHTLY_ACTIONS = int(os.environ.get("RANDOM_PLAY_ACTIONS", "10_000_000"))


def assert_everything_is_tried(tally: Tally) -> None:
    """At least half apply; no action is rare, and no reason is never met."""
    total = tally.total()
    outcomes, actions = share_by_outcome(tally), share_by_action(tally)
    assert set(actions) == {*RECOGNISED, "unrecognised"}
    assert outcomes["applied"] >= total / 2, table(tally)
    for reason in RejectionReason:
        assert outcomes[str(reason)] >= 0.0001 * total, table(tally)
    for action, sent in actions.items():
        assert sent >= 0.005 * total, action
    for action in RECOGNISED:
        assert tally[action, "applied"] >= 0.0005 * total, table(tally)


def test_random_play_keeps_every_invariant_and_tries_everything() -> None:
    tally = play(CI_ACTIONS, "ci")
    assert tally.total() >= CI_ACTIONS
    assert_everything_is_tried(tally)


def test_random_play_is_the_same_for_the_same_seed() -> None:
    assert play(1000, "same") == play(1000, "same")
    assert play(1000, "same") != play(1000, "other")


@pytest.mark.nightly
def test_millions_of_random_actions_keep_every_invariant() -> None:
    tally = play_parallel(NIGHTLY_ACTIONS, "nightly")
    assert tally.total() >= NIGHTLY_ACTIONS
    assert_everything_is_tried(tally)
