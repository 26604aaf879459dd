"""Worlds full of what injects, hangs or rounds elsewhere: here it stays the data that it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.actions import Input, ProposeContract, Speak, Transfer, Unrecognised
from sim_economy.core.contracts import Terms
from sim_economy.core.world_config import parse_world_config
from sim_economy.world.world import World
from tests.viewer.ledgers import Viewer

MARKUP = "</script><img src=x onerror=alert(1)>\u202e\u0007\u2028${7*7}{{7*7}}"
AGENTS = ["__proto__", "constructor", "a.b:c-d_e", "..", "0"]
MOST = 2**31 - 1
TURNS = 14
"""Debts double in each."""
ROUNDED_FROM = 2**53
DRAWN = {"low", "high", "last", "lowest", "tenth", "median", "ninetieth", "highest", "platform"}
"""Arrays of a chart, which a browser may round."""


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Viewer:
    path = tmp_path_factory.mktemp("hostile") / "</title><script>.sqlite"
    config = parse_world_config(
        {
            "num_agents": 5,
            "genesis_tokens_per_agent": MOST,
            "base_inference_rate": 10**6,
            "interest_rate_per_turn": 1,
            "usage_source": "declared",
        },
        agent_ids=AGENTS,
    )
    first, second, third, *_ = AGENTS
    with World.create(path, config, world_id="hostile") as world:
        terms = Terms(due_turn=40, principal=MOST // 2, premium=3)
        for _ in range(TURNS):
            world.turn(
                [
                    Input(first, Speak(), output_units=MOST, speech=MARKUP, thinking=MARKUP),
                    Input(second, Transfer(to=third, amount=MOST // 4, fee=7)),
                    Input(third, ProposeContract("loan", first, second, terms)),
                    Input("..", Transfer(to="nobody" + MARKUP, amount=-MOST)),
                    Input("0", Transfer(to=MARKUP, amount=MOST, fee=MOST)),
                ]
            )
    return Viewer.of(path)


def numbers(value: Any, name: str = "") -> Iterator[int | float]:
    """Every number in an answer but those that are drawn, and means."""
    if isinstance(value, dict):
        for key, held in value.items():
            yield from numbers(held, key)
    elif isinstance(value, list):
        for held in value if name not in DRAWN | {"token_supply"} else ():
            yield from numbers(held, name)
    elif isinstance(value, int | float) and not isinstance(value, bool) and name != "trend":
        yield value


PATHS = (
    "/view/overview",
    "/view/balances",
    "/view/agents",
    *(f"/view/agents/{agent}" for agent in ("__proto__", "constructor", "a.b:c-d_e", "0")),
    *(f"/view/agents/__proto__/{rest}" for rest in ("statement", "decisions", "decisions/2")),
    "/view/turns/2",
    "/view/turns/2/postings",
    "/view/contracts",
    "/view/contracts/1",
    "/view/events",
    "/view/chain",
    "/view/verification",
    "/view/search?q=onerror",
)


@pytest.mark.parametrize("path", PATHS)
def test_no_number_is_rounded_on_its_way(viewer: Viewer, path: str) -> None:
    found = viewer.ask(path)
    assert all(abs(number) < ROUNDED_FROM for number in numbers(found))


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_is_json_that_no_browser_takes_for_a_page(viewer: Viewer, path: str) -> None:
    answer = viewer.client.get(path)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "\u0007" not in answer.text, "control characters are escaped"


def test_what_was_said_and_thought_arrives_as_it_was(viewer: Viewer) -> None:
    row = viewer.ask("/view/agents/__proto__/decisions")["rows"][0]
    assert (row["said"], row["thought"]) == (MARKUP, MARKUP)
    assert row["output_units"] == str(MOST)
    found = viewer.ask("/view/search", q="onerror=alert")["hits"]
    assert {hit["kind"] for hit in found} == {"speech"}
    speech = viewer.ask("/view/agents/__proto__")["speech"]
    assert [own["text"] for own in speech] == [MARKUP] * TURNS


def test_names_of_actions_that_nobody_knows_are_counted_as_one(tmp_path: Path) -> None:
    config = parse_world_config({"num_agents": 1}, agent_ids=["ann"])
    with World.create(tmp_path / "world.sqlite", config) as world:
        for turn in range(5):
            world.turn([Input("ann", Unrecognised(f"name {turn}"))])
    found = Viewer.of(tmp_path / "world.sqlite").ask("/view/agents/ann")
    assert found["actions"] == {"unrecognised": 5}
    assert found["rejections"] == 5


def test_sums_beyond_what_a_browser_counts_are_exact(viewer: Viewer) -> None:
    agents = {row["agent_id"]: row for row in viewer.ask("/view/agents")["rows"]}
    overview = viewer.ask("/view/overview")
    held = sum(
        int(row[name])
        for row in agents.values()
        for name in ("balance", "staked", "unstaking", "pending", "escrow")
    )
    assert held == int(overview["token_supply"])
    assert held < -ROUNDED_FROM
    assert json.loads(json.dumps(overview))["platform"] == overview["platform"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/view/balances", {"points": "1"}),
        ("/view/balances", {"points": "9" * 30}),
        ("/view/balances", {"points": "٣"}),
        ("/view/balances", {"agents": "nobody"}),
        ("/view/balances", {"agents": ",".join(["0"] * 21)}),
        ("/view/agents", {"limit": "0"}),
        ("/view/agents", {"limit": "1001"}),
        ("/view/agents", {"order": "__proto__"}),
        ("/view/agents", {"more": "1"}),
        ("/view/agents/nobody", {}),
        ("/view/agents/0/statement", {"before": "0"}),
        ("/view/turns/-1", {}),
        ("/view/turns/1e3", {}),
        ("/view/turns/99999999999999999999", {}),
        ("/view/search", {"q": "x" * 201}),
        ("/view/events", {"skip": "-1"}),
        ("/view/agents", {"out": "maybe"}),
    ],
)
def test_a_query_that_cannot_be_is_refused(
    viewer: Viewer, path: str, query: dict[str, str]
) -> None:
    assert viewer.refusal(path, **query) == (422, "input_invalid")
