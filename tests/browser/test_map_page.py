"""The pages of a map, of a sweep and of sensitivity in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser

import sim_economy as se
from sim_economy.reports.maps.map_report import write_map
from sim_economy.reports.maps.map_sentences import SolvencyMap, read_map
from sim_economy.reports.maps.solvency_cells import facets_of
from sim_economy.reports.sensitivity.sensitivity_report import write_sensitivity
from sim_economy.reports.sensitivity.swept_outcomes import SensitivityMethod
from tests.browser.chromium import OpenPage
from tests.reports.swept_rows import ACROSS, UP, made_up_rows
from tests.reports.test_sensitivity_report import made_up_sensitivity

SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
WIDTHS: Final = (360, 1280, 1920)
TARIFFS: Final = [round(0.1 * step, 1) for step in range(1, 36)]
CAUTIONS: Final = [*range(-240, 601, 30)]


def a_map() -> SolvencyMap:
    """A thousand cells at each of two horizons."""

    def outcome(tariff: float, caution: int, replicate: int) -> tuple[float, int]:
        percent = 0.0 if caution > 130 * tariff else 4.5 + 20 * tariff
        return percent + replicate, 900 if caution < 400 - 100 * tariff else -700

    facets = [
        facets_of(
            made_up_rows(TARIFFS, CAUTIONS, outcome, replicates=3, turns=turns),
            ACROSS,
            UP,
            folder=f"out/map/turns-{turns}",
            agents=8,
        )[0]
        for turns in (60, 1500)
    ]
    return read_map(facets, ACROSS, UP)


def drawn_map(folder: Path) -> Path:
    return write_map(folder, a_map())[-1]


def sobol(folder: Path) -> Path:
    return write_sensitivity(folder, made_up_sensitivity(SensitivityMethod.SOBOL))[-1]


def morris(folder: Path) -> Path:
    return write_sensitivity(folder, made_up_sensitivity(SensitivityMethod.MORRIS))[-1]


def swept(folder: Path) -> Path:
    """A sweep over two numbers and a word, on a panel each."""
    vary = {
        "base_inference_rate": {"from": 0.25, "to": 3, "steps": 12},
        "policy.work_below": {"from": 0, "to": 800, "steps": 9},
        "job_rule": ["credit_usage", "waive_usage"],
    }
    study = {"name": "swept", "turns": 10, "seeds": 2, "set": {"policy": "investor"}, "vary": vary}
    return se.sweep(study, folder).report()


PAGES: Final = (drawn_map, swept, sobol, morris)


@pytest.fixture(scope="module", params=PAGES, ids=lambda make: make.__name__)
def file(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path: Path = request.param(tmp_path_factory.mktemp(request.param.__name__))
    return path


@pytest.fixture(scope="module", params=SCHEMES)
def page(request: pytest.FixtureRequest, browser: Browser, file: Path) -> OpenPage:
    return OpenPage(browser, file, request.param)


def test_a_page_of_a_sweep_complains_of_nothing_and_asks_for_no_other_file(
    page: OpenPage, file: Path
) -> None:
    for width in WIDTHS:
        page.resize(width)
    assert page.complaints == []
    assert page.requests == [file.as_uri()]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_of_a_sweep_never_scrolls_sideways(page: OpenPage, width: int) -> None:
    page.resize(width)
    assert page.value("document.scrollingElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_serious_in_a_page_of_a_sweep(page: OpenPage, width: int) -> None:
    page.resize(width)
    assert page.violations() == []


def test_the_first_screen_of_a_sweep_has_answer_picture_and_key_figures(page: OpenPage) -> None:
    page.resize(1280, 800)
    for part in (".answer", ".first figure svg", ".key-figures"):
        assert page.value(f"checks.span('{part}')")[1] <= 800, part


@pytest.fixture
def shown(browser: Browser, tmp_path: Path) -> OpenPage:
    """The map, just opened."""
    return OpenPage(browser, drawn_map(tmp_path), "light")


def test_the_browser_runs_the_maps_script_only_as_it_was_written(
    browser: Browser, tmp_path: Path
) -> None:
    page = drawn_map(tmp_path)
    text = page.read_text("utf-8")
    assert "const at = { plane" in text
    page.write_text(text.replace("const at = { plane", "const  at = { plane"), "utf-8")
    opened = OpenPage(browser, page, "light")
    assert opened.value("document.querySelector('.map-reading')") is None
    assert any("Content Security Policy" in each for each in opened.complaints)


CELL: Final = re.compile(r"After ([\d,]+) turns, tariff ([\d.]+), caution (\S+?): (\w+ \w+) ")


def point(page: OpenPage, plane: int, column: int, row: int, drawing: str = ".in-wide") -> None:
    """Put the pointer on the middle of a cell."""
    boxes = "maps.wide" if drawing == ".in-wide" else "maps.narrow"
    left, top, right, bottom = page.value(f"{boxes}[{plane}]")
    svg = page.page.locator(f"{drawing} svg")
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()
    assert box is not None
    x = left + (right - left) * (column + 0.5) / len(TARIFFS)
    y = bottom - (bottom - top) * (row + 0.5) / len(CAUTIONS)
    page.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def read(page: OpenPage) -> tuple[str, float, int, str]:
    """What the page says of the cell that is read."""
    found = CELL.match(page.value("document.querySelector('.map-cell').textContent"))
    assert found is not None
    turns, tariff, caution, who = found.groups()
    return turns, float(tariff), int(caution.replace("\u2212", "-")), who


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pointer_reads_the_cell_it_is_on(shown: OpenPage, width: int) -> None:
    shown.resize(width)
    drawing = ".in-wide" if width > 640 else ".in-narrow"
    for plane, column, row in ((0, 0, 0), (1, 34, 28), (1, 9, 2), (0, 20, 17)):
        point(shown, plane, column, row, drawing)
        cell = a_map().planes[plane].facet.cells[row][column]
        turns = ("60", "1,500")[plane]
        assert read(shown) == (turns, TARIFFS[column], CAUTIONS[row], str(cell.solvency))


def test_the_keyboard_reads_cells_and_changes_the_horizon(shown: OpenPage) -> None:
    shown.page.locator(".in-wide").focus()
    assert read(shown)[:3] == ("1,500", 1.0, -180)
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "PageUp"):
        shown.page.keyboard.press(key)
    assert read(shown)[:3] == ("60", 1.1, -120)
    for _ in range(40):
        shown.page.keyboard.press("ArrowLeft")
    assert read(shown)[1] == 0.1


def test_a_click_and_enter_show_the_command_of_the_cells_row(shown: OpenPage) -> None:
    command = "document.querySelector('.map-command code').textContent"
    assert shown.page.locator(".map-command").is_hidden()
    point(shown, 1, 12, 5)
    shown.page.mouse.down()
    shown.page.mouse.up()
    row = a_map().planes[1].facet.cells[5][12].row
    assert shown.value(command) == f"sim-economy open out/map/turns-1500 --row {row}"
    assert shown.page.locator(".map-command button").is_visible()
    shown.page.locator(".in-wide").focus()
    shown.page.keyboard.press("PageUp")
    shown.page.keyboard.press("Enter")
    row = a_map().planes[0].facet.cells[5][12].row
    assert shown.value(command) == f"sim-economy open out/map/turns-60 --row {row}"


def test_the_button_copies_the_command_or_selects_it(shown: OpenPage) -> None:
    shown.page.locator(".in-wide").focus()
    shown.page.keyboard.press("Enter")
    shown.page.locator(".map-command button").click()
    shown.page.wait_for_function(
        "/Copied|Selected/.test(document.querySelector('.map-command button').textContent)"
    )


def test_reading_a_thousand_cells_takes_no_time_that_anybody_notices(shown: OpenPage) -> None:
    shown.page.locator(".in-wide").focus()
    milliseconds = shown.value(
        """(() => {
          const start = performance.now();
          for (let row = 0; row < 29; row++)
            for (let column = 0; column < 35; column++) {
              move(0, column, row);
              document.body.getBoundingClientRect();
            }
          return performance.now() - start;
        })()"""
    )
    assert milliseconds / 1015 < 16
