"""The generator of the example: use of twelve agents by two hours, from keyed draws.

Nothing in it was measured. `python -m sim_economy.tariffs.example.fleet_month` writes it anew.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from sim_economy.core.randomness import draw_below, seed_key
from sim_economy.core.units import decimal_text
from sim_economy.ledger.readers.plain_text import write_csv_rows
from sim_economy.usage.usage_form import KINDS

FIRST: Final = datetime(2026, 3, 1, tzinfo=UTC)
DAYS: Final = 31
_HOURS: Final = 2
"""Of a row."""
_KEY: Final = seed_key(2026)
_COLUMNS: Final = ("time", "agent", "team", "model", "id", "calls", *KINDS, "cost", "seconds")
_OFFICE: Final = range(6, 18)
_NIGHT: Final = range(4)
_ALL_DAY: Final = range(24)

_PAID: Final = {
    "small": (15, 2, 19, 120, 120),
    "medium": (60, 6, 75, 300, 300),
    "large": (300, 30, 375, 1500, 1500),
}
"""What a gateway logged as cost: hundredths of a dollar for a million tokens, by kind."""


class FleetAgent(Struct, frozen=True, kw_only=True):
    """How an agent of the fleet works.

    Attributes:
        models: Those it calls, each with its part of the calls in tenths.
        hours: Of the day, UTC, in which it works.
        calls: In two usual hours.
        tokens: Of a usual call, by kind.
        weekend: Its work on Saturday and Sunday, in percent.
        growth: By which its calls rise from day to day, in thousandths of the first day's.
        burst: Days of the month on which it does three times as much.
    """

    name: str
    team: str
    models: dict[str, int]
    hours: range
    calls: int
    tokens: tuple[int, int, int, int, int]
    weekend: int = 0
    growth: int = 0
    burst: tuple[int, ...] = ()


FLEET: Final = (
    FleetAgent(
        name="research-assistant",
        team="research",
        models={"large": 6, "medium": 4},
        hours=_OFFICE,
        calls=76,
        tokens=(2600, 5200, 700, 900, 650),
        weekend=35,
        growth=28,
    ),
    FleetAgent(
        name="literature-search",
        team="research",
        models={"medium": 10},
        hours=_OFFICE,
        calls=110,
        tokens=(3900, 1200, 300, 150, 420),
        weekend=20,
    ),
    FleetAgent(
        name="citation-checker",
        team="research",
        models={"small": 10},
        hours=_NIGHT,
        calls=480,
        tokens=(1800, 300, 60, 0, 160),
        weekend=100,
    ),
    FleetAgent(
        name="ticket-triage",
        team="support",
        models={"small": 10},
        hours=_ALL_DAY,
        calls=380,
        tokens=(620, 900, 40, 0, 70),
        weekend=60,
    ),
    FleetAgent(
        name="reply-drafter",
        team="support",
        models={"medium": 9, "small": 1},
        hours=_ALL_DAY,
        calls=68,
        tokens=(1500, 2600, 120, 210, 380),
        weekend=55,
        burst=(17, 18),
    ),
    FleetAgent(
        name="escalation-summary",
        team="support",
        models={"large": 10},
        hours=_OFFICE,
        calls=10,
        tokens=(5200, 1500, 400, 700, 520),
        burst=(17, 18),
    ),
    FleetAgent(
        name="code-reviewer",
        team="platform",
        models={"large": 7, "medium": 3},
        hours=_OFFICE,
        calls=88,
        tokens=(3300, 14000, 1200, 1100, 700),
    ),
    FleetAgent(
        name="test-writer",
        team="platform",
        models={"medium": 10},
        hours=_OFFICE,
        calls=120,
        tokens=(1700, 7000, 650, 480, 1500),
        growth=6,
    ),
    FleetAgent(
        name="migration-bot",
        team="platform",
        models={"large": 10},
        hours=_NIGHT,
        calls=60,
        tokens=(4200, 16000, 2100, 1300, 2400),
        weekend=100,
        burst=(9, 10, 11),
    ),
    FleetAgent(
        name="report-builder",
        team="analytics",
        models={"medium": 10},
        hours=range(4, 8),
        calls=170,
        tokens=(5200, 2100, 200, 340, 1900),
        burst=(1, 31),
    ),
    FleetAgent(
        name="query-helper",
        team="analytics",
        models={"small": 7, "medium": 3},
        hours=_OFFICE,
        calls=140,
        tokens=(900, 1300, 90, 90, 210),
    ),
    FleetAgent(
        name="meeting-notes",
        team="office",
        models={"small": 10},
        hours=range(8, 18),
        calls=44,
        tokens=(6800, 0, 0, 0, 640),
    ),
)


def fleet_csv() -> str:
    """The month as usage rows, the same bytes every time."""
    text = io.StringIO()
    write_csv_rows(text, _COLUMNS, _rows())
    return text.getvalue()


def _rows() -> Iterator[dict[str, Any]]:
    for hour in range(0, 24 * DAYS, _HOURS):
        moment = FIRST + timedelta(hours=hour)
        for agent in FLEET:
            if moment.hour in agent.hours:
                yield from _of_hour(agent, moment, hour)


def _of_hour(agent: FleetAgent, moment: datetime, hour: int) -> Iterator[dict[str, Any]]:
    calls = _calls(agent, moment, hour)
    for model, tenths in agent.models.items():
        own = calls * tenths // 10
        if own:
            counts = [
                own * _varied(usual, agent.name, hour, f"{model} {kind}", spread=35) // 100
                for kind, usual in zip(KINDS, agent.tokens, strict=True)
            ]
            yield {
                "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "agent": agent.name,
                "team": agent.team,
                "model": model,
                "id": None,
                "calls": own,
                **dict(zip(KINDS, counts, strict=True)),
                "cost": decimal_text(sum(map(int.__mul__, counts, _PAID[model])), decimals=8),
                "seconds": 3600 * _HOURS,
            }


def _calls(agent: FleetAgent, moment: datetime, hour: int) -> int:
    day = moment.day - 1
    work = agent.calls * (1000 + agent.growth * day)
    if moment.weekday() >= 5:
        work = work * agent.weekend // 100
    if moment.day in agent.burst:
        work *= 3
    return _varied(work, agent.name, hour, "calls", spread=50) // 100_000


def _varied(usual: int, agent: str, hour: int, purpose: str, *, spread: int) -> int:
    """A number within some percent of a usual one, in hundredths."""
    return usual * (100 - spread + draw_below(2 * spread + 1, _KEY, hour, f"{agent} {purpose}", 0))


if __name__ == "__main__":
    (Path(__file__).parent / "usage.csv").write_text(fleet_csv(), encoding="utf-8")
