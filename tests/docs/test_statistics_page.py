"""The page on statistics says what the code does, and what was measured."""

from __future__ import annotations

import re

from sim_economy.statistics.coverage import COVERAGES
from tests.docs.blocks import ROOT

PAGE = ROOT / "docs/statistics.md"
PACKAGE = ROOT / "src/sim_economy/statistics"


def test_the_page_has_the_table_of_coverage() -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(
        r"^\| (\d+) \| (\w+) \| ([\d.]+) \| [\d.]+ \| ([\d.]+) \|$", text, re.MULTILINE
    )
    of_page = {(name, int(n)): (float(t), float(bca)) for n, name, t, bca in found}
    assert of_page == {
        (row.distribution, row.values): (
            round(100 * row.student, 1),
            round(100 * row.bca, 1),
        )
        for row in COVERAGES
    }


def test_every_function_that_the_page_names_is_there() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py"))
    named = {
        name
        for name in re.findall(r"`(\w+)(?:\([\w, ]*\))?`", PAGE.read_text(encoding="utf-8"))
        if "_" in name or name == "holm"
    }
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in code} == set()


def test_every_source_of_the_page_is_one_of_the_code() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("*.py"))
    sources = re.findall(r"doi:[^\s,;|]+", PAGE.read_text(encoding="utf-8"))
    assert len(sources) > 12
    plain = {source.rstrip(".") for source in sources}
    plain = {own.removesuffix(")") if own.count("(") < own.count(")") else own for own in plain}
    assert {source for source in plain if source not in code} == set()
