"""Who runs out of an allowance, and when, in two weeks of real use: as a plain program finds it."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.core.actions import Idle, Input
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.verify import verify
from sim_economy.runs.run import run_of
from sim_economy.world.replay import replay
from sim_economy.world.world import World

DAILY: Final = Path(__file__).parent / "servegen" / "daily.csv"
FIRST_DAY: Final = date(2024, 12, 2)
DAYS: Final = 14
WEEK: Final = 7


def measured() -> dict[str, dict[int, int]]:
    """Input and output tokens of each client by day."""
    used: dict[str, dict[int, int]] = defaultdict(dict)
    with DAILY.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            tokens = int(row["input_tokens"]) + int(row["output_tokens"])
            used[row["client"]][int(row["day"])] = tokens
    return dict(sorted(used.items()))


USED: Final = measured()


def dry_dates_by_hand(allowance: int, when_empty: str, overdraft: str) -> dict[str, list[date]]:
    """The dates on which a client could not use what it wanted; no code of ours but this."""
    found: dict[str, list[date]] = {}
    for client, used in USED.items():
        left = 0
        dates = []
        for day in range(1, DAYS + 1):
            if day % WEEK == 1:
                kept = 0 if overdraft == "forgiven" else min(left, 0)
                left = kept + allowance
            wanted = used.get(day, 0)
            had = min(wanted, left) if when_empty == "clip" else wanted if left > 0 else 0
            left -= had
            if had < wanted:
                dates.append(FIRST_DAY + timedelta(days=day - 1))
        found[client] = dates
    return found


def played(allowance: int, when_empty: str, overdraft: str) -> World:
    given: dict[str, Any] = {
        "num_agents": len(USED),
        "genesis_tokens_per_agent": 0,
        "commons_threshold_per_turn": 0,
        "income": {
            "allowance": allowance,
            "period_turns": WEEK,
            "when_empty": when_empty,
            "overdraft": overdraft,
        },
    }
    world = World(parse_world_config(given, agent_ids=list(USED)))
    for day in range(1, DAYS + 1):
        world.turn(
            [Input(client, Idle(), output_units=used.get(day, 0)) for client, used in USED.items()]
        )
    return world


@pytest.mark.parametrize("overdraft", ["carried", "forgiven"])
@pytest.mark.parametrize("when_empty", ["stop", "clip"])
@pytest.mark.parametrize("allowance", [1_000_000, 100_000_000, 1_000_000_000, 2_000_000_000])
def test_clients_run_out_on_the_dates_that_a_plain_program_finds(
    allowance: int, when_empty: str, overdraft: str
) -> None:
    world = played(allowance, when_empty, overdraft)
    found: dict[str, list[date]] = {client: [] for client in USED}
    for stored in world.store.read(1):
        for refused in stored.record.units_denied or ():
            client = world.config.agent_ids[refused.agent]
            found[client].append(FIRST_DAY + timedelta(days=stored.turn - 1))
    expected = dry_dates_by_hand(allowance, when_empty, overdraft)
    assert found == expected
    assert any(expected.values())
    counts = run_of(world.store).income
    assert counts
    assert counts.turns_denied == [len(dates) for dates in expected.values()]
    assert verify(world.store).holds
    assert replay(world.store) == world.head


def test_the_two_weeks_are_those_of_the_source() -> None:
    rows = sum(len(used) for used in USED.values())
    assert (len(USED), rows) == (12, 168 - 64)
