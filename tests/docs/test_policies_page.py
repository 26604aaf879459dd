"""The page on shipped policies says what they are."""

from __future__ import annotations

import re
from typing import Final

import pytest

from sim_economy.agents.catalogue import SHIPPED, policy_class, policy_parameters
from sim_economy.agents.policies.phrases import SOUGHT, proof, understood
from sim_economy.agents.policies.trader import Trader
from sim_economy.agents.policy import Policy
from sim_economy.core.table_reader import written
from tests.docs.blocks import ROOT

TEXT: Final = (ROOT / "docs/policies.md").read_text(encoding="utf-8")
COMMON: Final = TEXT.partition("## What traders have in common")[2].partition("## How")[0]


def rows(text: str) -> dict[str, list[str]]:
    """The rows of a section's table by parameter."""
    found = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    return {name: [default, meaning] for name, default, meaning in found}


def told(policy: type[Policy]) -> dict[str, list[str]]:
    return {
        name: [str(written(parameter, default)).lower(), parameter.meaning]
        for name, (parameter, default) in policy_parameters(policy).items()
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_the_page_has_every_policy_with_its_parameters(name: str) -> None:
    section = TEXT.partition(f"### `{name}`\n")[2]
    assert section
    section = re.split(r"^##+ ", section, maxsplit=1, flags=re.MULTILINE)[0]
    wanted = told(policy_class(name))
    if issubclass(policy_class(name), Trader):
        wanted = {key: row for key, row in wanted.items() if key not in told(Trader)}
    found = rows(section)
    assert [*found] == [*wanted]
    for key, (default, meaning) in wanted.items():
        assert found[key][0] == default
        assert found[key][1].partition(" (one of")[0] == meaning


def test_the_page_has_no_policy_that_is_not_there() -> None:
    assert re.findall(r"^### `(\w+)`$", TEXT, re.MULTILINE) == [
        name for name in re.findall(r"^### `(\w+)`$", TEXT, re.MULTILINE) if name in SHIPPED
    ]


def test_the_page_says_what_traders_have_in_common() -> None:
    assert rows(COMMON) == told(Trader)


def test_the_phrases_of_the_page_are_understood() -> None:
    table = TEXT.partition("| phrase | meaning |")[2]
    phrases = re.findall(r"`((?:seek|offer|done) [^`]+)`", table)
    assert len(phrases) == len(SOUGHT) * 2 + 2
    for phrase in phrases:
        said = phrase.replace("PROOF", proof(7)).replace("TRIGGER", "-20")
        (heard,) = understood(re.sub(r"\b[A-Z]+\b", "12", said))
        assert heard
