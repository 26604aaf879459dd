"""The figures of each turn, against the same figures made again from postings and answers."""

from __future__ import annotations

import json
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import Any, Final

import pytest

from tests.api.test_ledger_pages import paged
from tests.api.wire_client import EngineProcess, inputs_of

TURNS: Final = 70
"""More than between two snapshots."""


@pytest.fixture(scope="module")
def sent(engine: EngineProcess) -> list[list[dict[str, Any]]]:
    """What was posted in each turn of a world that is played on; some of it is refused."""
    engine.call("/init", {"config": {"preset": "as-written", "seed": 5}})
    draws = random.Random(5)
    posted: list[list[dict[str, Any]]] = [[]]
    for turn in range(1, TURNS + 1):
        inputs = inputs_of(turn, engine.call("/state"), draws)
        if turn % 5 == 0:
            inputs.append({"agent_id": "nobody", "action": {"action": "mine"}})
        if turn % 7 == 0:
            inputs = inputs[:3]
        if turn % 20 == 0:
            inputs = []
        engine.call("/turn", {"inputs": inputs})
        posted.append(inputs)
    return posted


@pytest.fixture(scope="module")
def series(engine: EngineProcess, sent: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = engine.call("/series?limit=1000")["rows"]
    return found


def accounts_by_turn(engine: EngineProcess) -> list[dict[str, int]]:
    """Every account after every turn, from the postings alone."""
    held: dict[str, int] = defaultdict(int)
    after: list[dict[str, int]] = []
    for page in paged(engine, "postings", 500):
        for posting in page:
            while len(after) < posting["turn"]:
                after.append(dict(held))
            held[posting["source"]] -= posting["amount"]
            held[posting["target"]] += posting["amount"]
    while len(after) <= TURNS:
        after.append(dict(held))
    return after


def difference(values: list[int]) -> int:
    return sum(abs(one - other) for one, other in combinations(values, 2))


def gini(values: list[float]) -> float:
    """Half the relative mean absolute difference."""
    n, total = len(values), sum(values)
    return sum(abs(one - other) for one, other in combinations(values, 2)) / (n * total)


def test_flows_are_the_postings_by_reason(engine: EngineProcess, series: Any) -> None:
    flows: dict[int, Counter[str]] = defaultdict(Counter)
    for page in paged(engine, "postings", 500):
        for posting in page:
            flows[posting["turn"]][posting["reason"]] += posting["amount"]
    assert [row["turn"] for row in series] == list(range(1, TURNS + 1))
    for row in series:
        assert row["flows"] == flows[row["turn"]]
    assert set().union(*(row["flows"] for row in series)) >= {"inference_fee", "dividend", "stake"}


def test_the_books_and_the_spread_are_those_of_the_accounts(
    engine: EngineProcess, series: Any
) -> None:
    after = accounts_by_turn(engine)
    for row in series:
        held = after[row["turn"]]
        balances = [held.get(f"agent_{agent}:balance", 0) for agent in range(8)]
        owned = [free + held.get(f"agent_{agent}:staked", 0) for agent, free in enumerate(balances)]
        supply = sum(amount for name, amount in held.items() if ":" in name)
        assert row["token_supply"] == supply
        assert row["platform"] == held.get("platform", 0)
        assert row["destroyed"] == held.get("destroyed", 0)
        assert row["negative_agents"] == len([one for one in balances if one < 0])
        assert (row["balance_min"], row["balance_max"]) == (min(balances), max(balances))
        assert row["balance_mean"] == statistics.fmean(balances)
        assert row["balance_median"] == statistics.median(balances)
        shift = max(0, 1 - min(owned))
        positive = [one + float(shift) for one in owned]
        assert row["gini_wealth_shifted"] == pytest.approx(gini(positive), rel=1e-12)
        assert row["top1_wealth_shifted_share"] == pytest.approx(max(positive) / sum(positive))
        size = sum(map(abs, owned))
        assert row["gini_normalised"] == pytest.approx(difference(owned) / (7 * size), rel=1e-12)
        assert row["gini_absolute"] == pytest.approx(difference(owned) / 64, rel=1e-12)
    assert any(row["negative_agents"] for row in series), "the shift is never tried"
    last = [agent["balance"] for agent in engine.call("/state")["agents"]]
    assert (series[-1]["balance_min"], series[-1]["balance_max"]) == (min(last), max(last))


def test_what_was_done_is_what_was_sent_and_answered(
    engine: EngineProcess, sent: Any, series: Any
) -> None:
    turns = engine.call("/turns?limit=1000")["rows"]
    for row in series:
        inputs, answered = sent[row["turn"]], turns[row["turn"]]
        assert row["inputs"] == len(inputs)
        assert row["actions"] == Counter(one["action"]["action"] for one in inputs)
        assert row["rejections"] == len(answered["rejections"])
        assert row["winner"] == answered["block_winner"]
        assert row["token_supply"] == answered["token_supply"]
        assert row["fees_collected"] == answered["inference_fees_collected"]
        for name in ("fees_covered", "fees_waived", "dividends"):
            assert row[name] == answered[name]
    for name in ("fees_covered", "dividends", "rejections"):
        assert any(row[name] for row in series), name


@pytest.mark.parametrize("limit", [1, 7, 64, 100])
def test_pages_of_any_size_cover_every_turn_once(
    engine: EngineProcess, series: Any, limit: int
) -> None:
    def pages() -> Iterator[list[dict[str, Any]]]:
        after = 0
        while True:
            page = engine.call(f"/series?after={after}&limit={limit}")
            yield page["rows"]
            if page["next"] is None:
                return
            after = page["next"]

    found = list(pages())
    assert [row for page in found for row in page] == series
    assert all(len(page) == limit for page in found[:-1])


def test_a_page_after_the_end_is_empty_and_the_last(engine: EngineProcess, series: Any) -> None:
    for after in (TURNS, TURNS + 1, 2**53):
        assert engine.call(f"/series?after={after}") == {"rows": [], "next": None}
    assert len(engine.call("/series")["rows"]) == min(100, TURNS)


@pytest.mark.parametrize(
    "config", [{"num_agents": 1}, {"num_agents": 2, "genesis_tokens_per_agent": 1}]
)
def test_a_world_of_one_or_of_nothing_has_figures_too(ledger: Any, config: Any) -> None:
    with EngineProcess(ledger) as running:
        running.call("/init", {"config": config})
        assert running.call("/series") == {"rows": [], "next": None}
        usage = [{"agent_id": "agent_0", "action": {"action": "idle"}, "output_units": 102}]
        running.call("/turn", {"inputs": usage})
        (row,) = running.call("/series")["rows"]
        assert json.dumps(row, allow_nan=False)
        assert row["inputs"] == 1
