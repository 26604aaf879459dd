"""How the viewer's server words numbers and actions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.actions import RECOGNISED
from sim_economy.ledger.readers.plain_numbers import whole_number
from sim_economy.viewer.pages.words import action_words, mean
from tests.viewer.ledgers import Viewer, played

SENTENCES = {"answer", "words"}
HYPHEN_BEFORE_DIGIT = re.compile(r"(?<![\w-])-\d")


@pytest.mark.parametrize(
    ("number", "read"),
    [
        (-116.0, "\u2212116"),
        (126.25, "126.3"),
        (-37.15, "\u221237.2"),
        (-126.25, "\u2212126.3"),
        (-1234.56, "\u22121,234.6"),
        (-0.05, "\u22120.05"),
        (0.999, "1"),
        (-0.001, "0"),
        (0.0, "0"),
    ],
)
def test_a_mean_has_one_decimal_or_two_below_one(number: float, read: str) -> None:
    assert mean(number) == read


def test_whole_numbers_are_grouped_with_a_minus_sign() -> None:
    assert whole_number(-1_234_567) == "\u22121,234,567"


@pytest.mark.parametrize(
    ("action", "read"),
    [
        ({"action": "confirm_delivery", "contract_id": 7}, "confirm delivery: contract 7"),
        (
            {"action": "confirm_delivery", "contract_id": [7, 9]},
            "confirm delivery: contracts 7 and 9",
        ),
        ({"action": "mine"}, "mine"),
        ({"action": "sign_contract", "contract_id": 1234}, "sign contract 1,234"),
        (
            {"action": "transfer", "to": "a_b", "amount": -1234},
            "transfer: to a_b, amount \u22121,234",
        ),
        (
            {
                "action": "propose_contract",
                "kind": "information_sale",
                "counterparty": "bob",
                "terms": {"due_turn": 12},
            },
            "propose contract: kind information sale, with bob, due turn 12",
        ),
        (
            {"action": "arbitrator_ruling", "contract_id": 3, "in_favour_of": "proposer"},
            "arbitrator ruling: contract 3, in favour of proposer",
        ),
        ({"action": "no_such_action"}, "no_such_action"),
    ],
)
def test_an_action_is_read_in_words(action: dict[str, Any], read: str) -> None:
    assert action_words(action) == read


def sentences(answer: Any) -> Iterator[str]:
    match answer:
        case dict():
            for name, held in answer.items():
                if name in SENTENCES and isinstance(held, str):
                    yield held
                else:
                    yield from sentences(held)
        case list():
            for held in answer:
                yield from sentences(held)


def test_no_sentence_has_a_hyphen_for_a_minus_or_a_wire_name_of_an_action(tmp_path: Path) -> None:
    viewer = Viewer.of(played(tmp_path / "market.sqlite", "market", turns=40))
    asked = ["/view/overview", "/view/events?limit=1000", "/view/turns/9", "/view/turns/20"]
    asked += [f"/view/agents/agent_{agent}" for agent in range(20)]
    asked += [f"/view/agents/agent_{agent}/decisions" for agent in range(20)]
    said = [
        words for path in asked for words in sentences(viewer.ask(path)) if "\u201c" not in words
    ]
    wired = {name for name in RECOGNISED if "_" in name}
    assert [words for words in said if HYPHEN_BEFORE_DIGIT.search(words)] == []
    assert [words for words in said if any(name in words for name in wired)] == []
    assert any("\u2212" in words for words in said), "some balance is below zero"
    assert any("propose contract" in words for words in said)
    assert any(" proposed an insurance to " in words for words in said)
    assert any(" proposed a loan to " in words for words in said)
