"""A report's page in a real browser: hostile texts in the light and in the dark, plain ones too."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser

from sim_economy.reports.page.files import write_files
from tests.browser.chromium import OpenPage
from tests.reports.page.examples import example_report, hostile

WIDTHS: Final = (360, 768, 1280, 1920)


@pytest.fixture(scope="module")
def file(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a report whose texts attack its reader."""
    return write_files(tmp_path_factory.mktemp("hostile"), "report", example_report(hostile))[-1]


@pytest.fixture(scope="module", params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, file: Path) -> OpenPage:
    """The hostile page, once in the light and once in the dark."""
    return OpenPage(browser, file, request.param)


@pytest.fixture(scope="module")
def plain(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> OpenPage:
    """The page of a report of ordinary texts."""
    folder = tmp_path_factory.mktemp("plain")
    report = replace(example_report(), lead=())
    return OpenPage(browser, write_files(folder, "report", report)[-1], "light")


def test_a_page_complains_of_nothing_and_asks_for_no_other_file(page: OpenPage, file: Path) -> None:
    assert page.requests == [file.as_uri()]
    assert page.complaints == []


def test_nothing_that_agents_wrote_becomes_an_element_a_link_or_a_script(page: OpenPage) -> None:
    assert page.value("window.pwned") is None
    assert page.value("checks.strangeElements()") == []
    assert page.value("checks.strangeLinks()") == []


def test_the_browser_refuses_a_script_that_is_not_the_pages(browser: Browser, file: Path) -> None:
    injected = file.with_name("injected.html")
    text = file.read_text(encoding="utf-8")
    injected.write_text(text.replace("<main", "<script>pwned = 1</script><main"), encoding="utf-8")
    opened = OpenPage(browser, injected, "light")
    assert opened.value("window.pwned") is None
    assert any("Content Security Policy" in each for each in opened.complaints)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_never_scrolls_sideways(page: OpenPage, width: int) -> None:
    page.resize(width)
    assert page.value("document.scrollingElement.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_every_table_keeps_its_first_column_and_reaches_its_last(
    page: OpenPage, width: int
) -> None:
    page.resize(width)
    tables = page.value("checks.tables()")
    assert len(tables) == 6
    assert any(table["scrolled"] > 100 for table in tables)
    for table in tables:
        assert abs(table["first"]) <= 1
        assert table["left"] >= -1
        assert table["scrolled"] == 0 or table["share"] <= 0.5


def test_a_long_table_keeps_its_head(plain: OpenPage) -> None:
    scrolled, moved = plain.value("checks.headMoves()")
    assert scrolled > 100
    assert abs(moved) <= 1


def test_every_link_of_the_contents_and_every_heading_leads_to_its_section(page: OpenPage) -> None:
    anchors = page.value("checks.anchors()")
    assert len(anchors) == 7 + 6 + 2
    last = "Parameters and provenance"
    assert [text for text, target in anchors if text not in {target, last}] == []
    assert all(target for _, target in anchors)


def test_no_name_stands_twice_and_drawings_refer_to_their_own(page: OpenPage) -> None:
    assert page.value("checks.repeatedIds()") == []
    assert page.value("checks.lostNames()") == []


def test_the_keyboard_skips_to_the_evidence(page: OpenPage) -> None:
    page.value("document.activeElement.blur()")
    page.page.keyboard.press("Tab")
    assert page.value("document.activeElement.className") == "skip"
    assert page.value("document.activeElement.getBoundingClientRect().left") >= 0
    page.page.keyboard.press("Enter")
    assert page.value("document.activeElement.id") == "evidence"


def test_provenance_is_folded_until_its_link_is_followed(browser: Browser, file: Path) -> None:
    opened = OpenPage(browser, file, "light")
    assert opened.value("document.querySelector('details').open") is False
    opened.page.click(".contents a[href='#provenance']")
    assert opened.value("document.querySelector('details').open") is True
    assert opened.value("document.querySelector('#provenance').getBoundingClientRect().top") < 800


def test_the_first_screen_holds_answer_picture_key_figures_and_contents(plain: OpenPage) -> None:
    plain.resize(1280, 800)
    for part in (".answer", ".first figure svg", ".key-figures", ".contents"):
        assert plain.value(f"checks.span('{part}')")[1] <= 800, part


def test_the_contents_stay_on_the_screen_of_a_wide_window(plain: OpenPage) -> None:
    plain.resize(1920, 1080)
    plain.value("scrollTo(0, 3000)")
    top = plain.value("document.querySelector('.contents li').getBoundingClientRect().top")
    assert 0 <= top < 200
    plain.value("scrollTo(0, 0)")


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_what_leads_stands_over_the_picture(page: OpenPage, width: int) -> None:
    page.resize(width)
    answer, lead, picture = (
        page.value(f"checks.span('{part}')") for part in (".answer", ".lead", ".first figure svg")
    )
    assert answer[1] <= lead[0] < lead[1] <= picture[0]


def test_the_first_screen_of_a_phone_holds_answer_and_key_figures(plain: OpenPage) -> None:
    plain.resize(360, 740)
    answer, figures, picture = (
        plain.value(f"checks.span('{part}')")
        for part in (".answer", ".key-figures", ".first figure svg")
    )
    assert answer[1] <= figures[0]
    assert figures[1] <= 740
    assert picture[0] <= 600


@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_serious(page: OpenPage, width: int) -> None:
    page.resize(width)
    assert page.violations() == []


def test_letters_of_drawings_stand_out_from_the_page(page: OpenPage) -> None:
    assert page.value("document.querySelectorAll('.drawing text').length") > 100
    assert page.value("checks.faintLetters(4.5)") == []


def test_letters_of_drawings_can_be_read_on_a_phone(plain: OpenPage) -> None:
    plain.resize(360, 740)
    assert min(plain.value("checks.letterSizes()")) >= 7


def test_print_leaves_the_contents_out_and_unfolds_the_provenance(
    browser: Browser, file: Path
) -> None:
    opened = OpenPage(browser, file, "dark")
    opened.page.emulate_media(media="print")
    assert opened.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.value("document.querySelector('.contents').checkVisibility()") is False
    assert opened.value("document.querySelector('#provenance td').checkVisibility()") is True
    assert opened.value("getComputedStyle(document.querySelector('.wide')).overflowX") == "visible"
