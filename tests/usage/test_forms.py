"""Every form of the samples comes to the same calls, as far as it can tell."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import pytest

from sim_economy.usage.usage_import import read_usage
from tests.usage.raw_logs import KINDS, SAMPLES, SHAPES, refused

READ, WRITE, THINKING = "cache_read", "cache_write", "thinking"


class Shape(NamedTuple):
    """What a form can tell.

    Attributes:
        grain: `call`, or `day`.
        agents: Whose calls it tells: agents of teams, teams, or nobody's.
        untold: Kinds that are inside others; `thinking` is inside output, cache kinds inside input.
        models: The models it has; a provider tells its own alone.
    """

    file: str
    form: str
    grain: str
    agents: str
    untold: tuple[str, ...] = ()
    tells_cost: bool = True
    models: tuple[str, ...] = ("gpt-5-mini", "claude-sonnet-4-5")


SHAPE_TABLE: Final = (
    Shape("litellm_spendlogs.csv", "litellm", "call", "agents"),
    Shape("litellm_daily_team_spend.csv", "litellm", "day", "teams", (THINKING,)),
    Shape("openai_usage_completions.json", "openai", "day", "teams", (THINKING,), False,
          ("gpt-5-mini",)),
    Shape("anthropic_usage_report.json", "anthropic", "day", "teams", (THINKING,), False,
          ("claude-sonnet-4-5",)),
    Shape("anthropic_console_tokens.csv", "anthropic", "day", "teams", (THINKING,), False,
          ("claude-sonnet-4-5",)),
    Shape("openrouter_activity.csv", "openrouter", "call", "agents", (WRITE,)),
    Shape("openrouter_daily.csv", "openrouter", "day", "nobody", (READ, WRITE)),
    Shape("otel_gen_ai_spans.json", "otel", "call", "agents", (), False),
    Shape("openinference_spans.jsonl", "openinference", "call", "agents"),
    Shape("langfuse_observations.jsonl", "langfuse", "call", "agents"),
)  # fmt: skip

TEAMS: Final = {
    "team-search": "search", "team-support": "support",
    "proj_search": "search", "wrkspc_support": "support", "Support": "support",
}  # fmt: skip
"""The names of the two teams in forms that name them otherwise."""

Key = tuple[str, str | None, str | None, str]


def expected(shape: Shape) -> dict[Key, list[Any]]:
    """Calls and counts, then the cost, by time, team, agent and model."""
    sums: dict[Key, list[Any]] = {}
    with (SHAPES / "EXPECTED.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["model"] not in shape.models:
                continue
            told = {
                "input": int(row["uncached"]),
                READ: int(row["cache_read"]),
                WRITE: int(row["cache_write"]),
                THINKING: int(row["reasoning"]),
                "output": int(row["output"]) - int(row["reasoning"]),
            }
            for kind in shape.untold:
                told["output" if kind == THINKING else "input"] += told[kind]
                told[kind] = 0
            agent = row["agent"] or "unattributed"
            whose = {"agents": (row["team"], agent), "teams": (row["team"], row["team"]),
                     "nobody": (None, "unattributed")}[shape.agents]  # fmt: skip
            time = row["time"] if shape.grain == "call" else f"{row['time'][:10]}T00:00:00Z"
            cost = Decimal(row["cost"]) if shape.tells_cost else None
            add(sums, (time, *whose, row["model"]), told.values(), cost)
    return sums


def add(sums: dict[Key, list[Any]], key: Key, counts: Iterable[int], cost: Decimal | None) -> None:
    held = sums.setdefault(key, [0] * len(KINDS) + [None])
    held[:-1] = [one + other for one, other in zip(held[:-1], counts, strict=True)]
    held[-1] = held[-1] if cost is None else (held[-1] or 0) + cost


@pytest.mark.parametrize("shape", SHAPE_TABLE, ids=lambda shape: shape.file)
def test_a_shape_comes_to_what_is_expected_of_it(shape: Shape) -> None:
    found = read_usage(SHAPES / shape.file)
    sums: dict[Key, list[Any]] = {}
    for row in found.frame.iter_rows(named=True):
        time: datetime = row["time"]
        text = time.isoformat().replace("+00:00", "Z")
        team = TEAMS.get(row["team"], row["team"])
        agent = TEAMS.get(row["agent"], row["agent"])
        cost = None if row["cost"] is None else Decimal(row["cost"])
        add(sums, (text, team, agent, row["model"]), [row[kind] for kind in KINDS], cost)
        assert row["seconds"] == (None if shape.grain == "call" else 86_400)
    assert sums == expected(shape)
    assert [one.form for one in found.reckoning.files] == [shape.form]


def test_the_table_has_every_shape() -> None:
    files = {path.name for path in SHAPES.iterdir()}
    assert files - {shape.file for shape in SHAPE_TABLE} == {"EXPECTED.csv", "openai_costs.json"}


READ_WITH: Final[dict[str, dict[str, Any]]] = {
    "azure_2023_code.csv": {
        "columns": {"time": "TIMESTAMP", "input": "ContextTokens", "output": "GeneratedTokens"},
        "timezone": "UTC",
    },
    "azure_2023_conv.csv": {
        "columns": {"time": "TIMESTAMP", "input": "ContextTokens", "output": "GeneratedTokens"},
        "timezone": "UTC",
    },
    "ccusage_fixture_claude.jsonl": {},
    "ccusage_fixture_codex.jsonl": {},
    "claude_code_session.jsonl": {},
    "focus_ai_prompt_caching.csv": {},
    "inspect_model_events.jsonl": {
        "columns": {
            "time": "timestamp", "agent": "task", "model": "model",
            "input": "usage/input_tokens", "cache_read": "usage/input_tokens_cache_read",
            "thinking": "usage/reasoning_tokens", "output": "usage/output_tokens",
        },
        "cache_apart": True,
    },
    "servegen_deepseek-r1_hourly.csv": {
        "columns": {
            "turn": "hour+1", "agent": "client", "calls": "requests", "input": "input_tokens",
            "thinking": "reasoning_tokens", "output": "output_tokens",
        },
    },
    "servegen_m-large_daily.csv": {
        "columns": {
            "turn": "day", "agent": "client", "calls": "requests", "input": "input_tokens",
            "output": "output_tokens",
        },
    },
}  # fmt: skip
SUMS: Final = {
    "azure_2023_code.csv": (300, 300, 627_529, 0, 0, 0, 7_126),
    "azure_2023_conv.csv": (300, 300, 270_000, 0, 0, 0, 76_870),
    "ccusage_fixture_claude.jsonl": (5, 5, 730, 110, 90, 0, 310),
    "ccusage_fixture_codex.jsonl": (3, 2, 2_750, 750, 0, 275, 150),
    "claude_code_session.jsonl": (4, 3, 9, 141_272, 164_054, 0, 738),
    "focus_ai_prompt_caching.csv": (4, 4, 500_000, 8_000_000, 2_000_000, 0, 1_500_000),
    "inspect_model_events.jsonl": (40, 34, 2_880, 0, 0, 0, 454),
    "servegen_deepseek-r1_hourly.csv": (228, 228, 655_439_107, 0, 0, 1_266_513_981, 391_828_771),
    "servegen_m-large_daily.csv": (104, 104, 14_481_347_289, 0, 0, 0, 2_221_607_592),
}
"""Records read and kept, then the five counts."""

REFUSED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "shapes/openai_costs.json": ({}, "it holds costs and no tokens"),
    "shapes/EXPECTED.csv": ({}, "is of none of the forms"),
    "burstgpt_documented_rows.csv": (
        {"columns": {"time": "Timestamp", "input": "Request tokens", "output": "Response tokens"}},
        "its times are relative",
    ),
    "mooncake_conversation.jsonl": (
        {"columns": {"time": "timestamp", "input": "input_length", "output": "output_length"}},
        "its times are relative",
    ),
    "servegen_m-large_client137_10min.csv": ({}, "its first line holds numbers"),
    "sweagent_model_stats.csv": (
        {"columns": {"agent": "trajectory", "input": "tokens_sent", "output": "tokens_received"}},
        "name a time, or a turn",
    ),
}


@pytest.mark.parametrize("name", READ_WITH)
def test_a_sample_is_read_and_adds_up(name: str) -> None:
    found = read_usage(SAMPLES / name, **READ_WITH[name]).reckoning
    assert (found.read, found.kept, *(found.sums[kind] for kind in KINDS)) == SUMS[name]
    assert found.read == found.kept + sum(found.dropped.values())


@pytest.mark.parametrize("name", REFUSED)
def test_a_sample_that_cannot_be_read_is_refused_with_the_reason(name: str) -> None:
    options, reason = REFUSED[name]
    (problem,) = refused(SAMPLES / name, **options)
    assert reason in problem


def test_every_sample_is_read_or_refused() -> None:
    there = {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*.*")}
    named = [*READ_WITH, *REFUSED, *(f"shapes/{shape.file}" for shape in SHAPE_TABLE), "README.md"]
    assert Counter(named) == Counter(there)
