"""The map of a sweep in the viewer, in a real browser: read, steered, and opened by a click."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import polars
import pytest
from playwright.sync_api import Browser, Page, expect

from sim_economy.experiments.sweeps.study import load_study
from sim_economy.experiments.sweeps.sweep import run_sweep
from tests.browser.chromium import OpenPage
from tests.browser.viewing import viewed
from tests.sweeps.small_studies import files_of

TARIFFS: Final = [0.5, 1.0, 1.5, 2.0, 2.5]
CAUTIONS: Final = [-240, -180, -120, 0, 240]
STUDY: Final = {
    "name": "a-map",
    "turns": 20,
    "seeds": 2,
    "vary": {
        "study_cost": [20, 50],
        "policy.job_below": CAUTIONS,
        "base_inference_rate": TARIFFS,
    },
}


@pytest.fixture(scope="module")
def folder(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del browser  # without one nothing is played
    found = tmp_path_factory.mktemp("map") / "sweep"
    run_sweep(load_study(STUDY), found)
    return found


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with viewed(folder) as (found, _):
        yield found


@pytest.fixture
def shown(browser: Browser, address: str) -> Iterator[OpenPage]:
    """The map; whatever is done with it, nothing is complained of and no other host asked."""
    opened = OpenPage(browser, address, "light")
    expect(opened.page.locator(".map-field")).to_be_visible()
    yield opened
    assert opened.complaints == []
    assert {url.startswith(address) for url in opened.requests} == {True}
    opened.page.close()


def point(page: Page, column: int, row: int) -> tuple[float, float]:
    """The middle of a cell on the screen."""
    box = page.locator(".map-field").bounding_box()
    assert box is not None
    left, right, top, bottom = 74, 14, 10, 52
    x = left + (column + 0.5) * (box["width"] - left - right) / len(TARIFFS)
    y = box["height"] - bottom - (row + 0.5) * (box["height"] - top - bottom) / len(CAUTIONS)
    return box["x"] + x, box["y"] + y


def test_the_first_sentence_is_the_answer_and_the_papers_world_is_marked(shown: OpenPage) -> None:
    answer = shown.page.locator(".answer")
    expect(answer).to_contain_text("After 20 turns, with study_cost 50, agents and platform are")
    expect(answer).to_contain_text("; in the paper's world ")
    marked = shown.page.evaluate(
        """() => {
          const canvas = document.querySelector('.map-field');
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          const seen = new Set();
          for (let at = 0; at < data.length; at += 4) seen.add(data.slice(at, at + 3).join());
          return ['240,228,66', '213,94,0', '31,41,51'].map((colour) => seen.has(colour));
        }"""
    )
    assert marked == [True, True, True]


def test_the_pointer_reads_the_cell_it_is_on(shown: OpenPage) -> None:
    for column, row in ((0, 0), (4, 4), (2, 3)):
        shown.page.mouse.move(*point(shown.page, column, row))
        caution = f"{CAUTIONS[row]}".replace("-", "\u2212")
        reading = shown.page.locator(".map-reading")
        expect(reading).to_contain_text(f"Tariff {TARIFFS[column]:g}, caution {caution}: ")
        expect(reading).to_contain_text("% of 2 runs agree")


def test_a_click_ends_in_a_verified_world(shown: OpenPage, folder: Path) -> None:
    page, before = shown.page, files_of(folder)
    page.mouse.click(*point(page, 1, 1))
    expect(page.locator(".played-row")).to_be_visible()
    found = re.search(r"#/worlds/row-(\d+)$", page.url)
    assert found is not None
    frame = polars.read_parquet(folder / "rows" / "part-00000.parquet")
    known = frame.row(int(found[1]), named=True)
    assert (known["base_inference_rate"], known["policy.job_below"]) == (1.0, -180)
    checked = page.locator(".played-row")
    expect(checked).to_contain_text(f"digest {known['digest']:016x}, as in the sweep")
    expect(checked).to_contain_text("all 20 turns are sound")
    expect(page.locator("h1")).to_contain_text(f"Row {known['row']}, after turn 20")
    page.get_by_role("link", name="Chain").click()
    page.get_by_role("button", name=re.compile("verify", re.IGNORECASE)).first.click()
    expect(page.locator("main .good")).to_be_visible()
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name="Runs of the cell")).to_be_visible()
    assert files_of(folder) == before


def test_a_rows_address_opens_it_without_the_map(browser: Browser, address: str) -> None:
    opened = OpenPage(browser, f"{address}#/worlds/row-61", "light")
    expect(opened.page.locator("h1")).to_contain_text("Row 61, after turn 20")
    expect(opened.page.locator(".played-row")).to_contain_text("The core played row 61 again")
    assert opened.complaints == []
    opened.page.close()


def test_the_keyboard_reads_cells_and_opens_a_world(shown: OpenPage) -> None:
    page = shown.page
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "map-field":
            break
    said = page.locator("main [role=status]")
    expect(said).to_contain_text("Tariff 1, caution \u2212180: ")
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    expect(said).to_contain_text("Tariff 1, caution 240: ")
    page.keyboard.press("Enter")
    expect(page.locator(".played-row")).to_contain_text("policy.job_below 240")


def test_what_is_shown_is_chosen_and_stands_in_the_address(shown: OpenPage) -> None:
    page = shown.page
    page.get_by_role("slider", name="study_cost").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".answer")).to_contain_text("with study_cost 20,")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".held").first).to_have_text("mean over all")
    page.mouse.move(*point(page, 0, 0))
    expect(page.locator(".map-reading")).to_contain_text("of 4 runs agree")
    page.get_by_role("combobox", name="Colour by").select_option(label="fees charged")
    expect(page.locator(".lead")).to_contain_text("Fees charged: from ")
    expect(page.locator(".map-scale")).to_be_visible()
    page.get_by_role("combobox", name="Across").select_option("seed")
    expect(page.locator(".answer")).to_contain_text("% of the runs")
    reading = page.locator(".answer").inner_text()
    page.reload()
    expect(page.locator(".map-scale")).to_be_visible()
    assert page.locator(".answer").inner_text() == reading
    assert "metric=fees_total" in page.url


def test_a_cell_opens_to_its_runs_and_each_of_them_can_be_played(shown: OpenPage) -> None:
    page = shown.page
    page.get_by_label("lists the runs of the cell").check()
    page.mouse.click(*point(page, 2, 2))
    runs = page.get_by_role("region", name="Runs of the cell")
    expect(runs.get_by_role("button")).to_have_count(2)
    assert "#/map?" in page.url
    runs.get_by_role("button").nth(1).click()
    expect(page.locator(".played-row")).to_contain_text("seed 1002")


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280), ("light", 1920)])
def test_the_map_fits_every_width_and_axe_finds_nothing_serious(
    browser: Browser, address: str, scheme: Literal["light", "dark"], width: int
) -> None:
    opened = OpenPage(browser, f"{address}#/map?cell=7", scheme)
    page = opened.page
    page.set_viewport_size({"width": width, "height": 900})
    expect(page.get_by_role("heading", name="Runs of the cell")).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    assert opened.violations() == []
    assert opened.complaints == []
    page.close()


def test_a_strange_address_shows_the_map_as_it_begins(browser: Browser, address: str) -> None:
    strange = "sweep=9&across=<b>&up=seed%22&metric=joy&held=9,-1,x,&cell=99999999999"
    opened = OpenPage(browser, f"{address}#/map?{strange}", "light")
    expect(opened.page.locator(".map-field")).to_be_visible()
    expect(opened.page.locator(".answer")).to_contain_text("After 20 turns")
    assert opened.complaints == []
    opened.page.close()
