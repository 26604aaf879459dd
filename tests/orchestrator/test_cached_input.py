"""Input that providers read from their caches is counted by turn, and what it saved with it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from sim_economy.orchestrator.dialogue.messages import ModelUsage
from sim_economy.orchestrator.prices import Price
from sim_economy.orchestrator.record.cache_totals import cached_input
from sim_economy.orchestrator.record.call_folder import read_run
from sim_economy.orchestrator.record.transcript import read_transcript
from sim_economy.reports.transcripts.run_reading import cached_rows, run_reading
from tests.cli.shell import json_of, sim_economy
from tests.orchestrator.setup import mocked, play

SCENARIO = """
name = "cached"
turns = 2
seed = 5
[world]
num_agents = 2
[orchestrator]
prices = "prices.toml"
[models.m]
provider = "mock"
script = "script.jsonl"
[[population]]
model = "m"
"""
PRICES = 'currency = "USD"\n[mock]\ninput = 4\noutput = 10\ncached_input = 1\n'


def line(turn: int, agent: int, given: int, cached: int) -> str:
    usage = {"input": given, "output": 10, "cached": cached}
    reply = {"turn": turn, "agent": f"agent_{agent}", "reply": '{"action": "mine"}'}
    return json.dumps({**reply, "tokens": usage})


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    lines = [line(1, 0, 1000, 0), line(1, 1, 1000, 500), line(2, 0, 1500, 1200)]
    lines.append(line(2, 1, 1500, 1300))
    (tmp_path / "script.jsonl").write_text("\n".join(lines))
    (tmp_path / "prices.toml").write_text(PRICES)
    (tmp_path / "cached.toml").write_text(SCENARIO)
    return tmp_path / "cached.toml"


def test_what_caches_saved_is_what_their_input_would_have_cost_more() -> None:
    dear = Price(Decimal(4), Decimal(10), Decimal(1))
    assert dear.saved(ModelUsage(1000, 10, cached_tokens=600)) == Decimal("0.0018")
    assert dear.saved(ModelUsage(1000, 10, cached_tokens=600, cache_write_tokens=900)) == (
        Decimal("0.0003")
    )
    assert Price(Decimal(4), Decimal(10)).saved(ModelUsage(1000, 10, cached_tokens=600)) == 0


BY_TURN = [
    {"turn": 1, "calls": 2, "input_tokens": 2000, "cached_tokens": 500, "cached_share": 0.25,
     "money_saved": "0.0015"},
    {"turn": 2, "calls": 2, "input_tokens": 3000, "cached_tokens": 2500, "cached_share": 0.8333,
     "money_saved": "0.0075"},
]  # fmt: skip


def test_the_share_is_reported_by_turn_with_what_it_saved(scenario: Path, tmp_path: Path) -> None:
    """By `orchestrate` and by `inspect`, in text, as JSON and on the page."""
    folder = tmp_path / "run"
    ended = sim_economy("orchestrate", scenario, "--out", folder)
    assert "tokens read from caches  3,000, 60% of the input" in ended.stdout
    assert "saved by caches          0.009 USD" in ended.stdout
    said = json_of(sim_economy("orchestrate", scenario, "--out", folder, "--json"))
    assert (said["input_tokens"], said["cached_tokens"]) == (5000, 3000)
    assert Decimal(said["money_saved"]) == Decimal("0.009")
    read = json_of(sim_economy("inspect", folder, "--summary", "--json"))["cached_input"]
    assert read == BY_TURN
    page = tmp_path / "page.html"
    text = sim_economy("inspect", folder, "--summary", "--html", page).stdout
    text += sim_economy("inspect", folder).stdout
    for shown in (text, page.read_text()):
        assert "Input that providers read from their caches, by turn" in shown
        assert "saved (USD)" in shown
    _, log = read_run(folder)
    assert cached_input(log).share == 0.6


def test_a_run_whose_providers_report_no_cache_says_nothing_of_it(tmp_path: Path) -> None:
    ended = play(tmp_path, mocked(2))
    assert ended.cached.share == 0
    transcript = read_transcript(tmp_path)
    assert run_reading(transcript).cached is None
    assert [row["cached_tokens"] for row in cached_rows(transcript)] == [0, 0]
