"""The page on a contract's life shows the table the rules ask, and explains every word of it."""

from __future__ import annotations

import re

from sim_economy.core.contracts import Cause, Happened, Stage
from tests.docs.contract_page import PAGE, current, drawing, table


def test_the_drawing_and_the_table_are_those_of_the_rules() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert current(page) == page
    assert drawing() in page
    assert table() in page


def test_every_stage_event_and_cause_is_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(\w+)` \| [A-Z]", page, re.MULTILINE))
    assert explained == {*map(str, Stage), *map(str, Happened), *map(str, Cause)}
