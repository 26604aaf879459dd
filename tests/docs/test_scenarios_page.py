"""The numbers of the page on shipped scenarios, and the README's images, are those of the runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim_economy.reports.comparisons.metric_names import COMPARED_METRICS
from sim_economy.reports.published.later_report import LATER
from sim_economy.scenarios.shipped import SCENARIOS
from tests.docs.blocks import ROOT
from tests.docs.measured import IMAGES, PAGE, PARTS, current, drawn


def test_the_page_tells_what_the_runs_did() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in PARTS if f"<!-- measured: {name} -->" not in page] == []
    assert current(page) == page
    assert all(len(list(part())) for part in PARTS.values())


def test_a_number_that_is_not_the_runs_is_found() -> None:
    page = PAGE.read_text(encoding="utf-8")
    altered = page.replace(" contracts proposed a run", " contracts offered a run")
    assert altered != page
    assert current(altered) == page


def test_the_page_compares_with_a_later_report() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert sum(map(len, LATER.values())) == 8
    assert all(f"| {name} |" in page for name in COMPARED_METRICS.values())


@pytest.mark.parametrize("image", IMAGES)
def test_the_images_are_those_of_the_reports(image: str, tmp_path: Path) -> None:
    shown = (ROOT / "docs/images" / image).read_bytes()
    assert (drawn(IMAGES[image], tmp_path) / image).read_bytes() == shown


def test_the_page_names_every_shipped_scenario() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in SCENARIOS if f"`{name}`" not in text] == []
