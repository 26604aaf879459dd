"""The viewer's charts in a real browser: names at the ends of lines, and where a trend leads."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import OpenPage
from tests.browser.stub_viewer import served
from tests.browser.stub_world import StubWorld

LINE: Final = 17
"""Pixels of a name's line."""
APART: Final = """async ([wanted, least, most]) =>
  (await import("./view/static/chart-labels.js")).apart(wanted, 17, least, most)"""
PLOT: Final = """() => {
  const box = document.querySelector(".u-over").getBoundingClientRect();
  return [box.left, box.right, box.top, box.bottom];
}"""
BOXES: Final = """query => [...document.querySelectorAll(query)].map((element) => {
  const { top, bottom, left, right } = element.getBoundingClientRect();
  return [top, bottom, left, right];
})"""


def opened(browser: Browser, address: str) -> Page:
    """The first screen with its chart drawn."""
    page = OpenPage(browser, address, "light").page
    expect(page.locator(".plot canvas")).to_be_visible()
    expect(page.locator(".end-labels li").first).to_be_visible()
    return page


class AheadWorld(StubWorld):
    """A world whose first two agents are stated to be without tokens so many turns ahead."""

    def __init__(self, names: list[str], turn: int, ahead: tuple[int, int]) -> None:
        super().__init__(names, turn)
        self.ahead = ahead

    def answer(self, path: list[str], query: dict[str, str]) -> Any:
        found = super().answer(path, query)
        if path == ["overview"]:
            for own, turns in zip(found["outlook"], self.ahead, strict=False):
                own["turn"] = self.turn + turns
        return found


def test_names_move_apart_both_ways_and_no_farther_than_they_must(browser: Browser) -> None:
    with served(StubWorld(["alice", "bob"], 30)) as address:
        page = opened(browser, address)

        def apart(*wanted: float) -> list[float]:
            found: list[float] = page.evaluate(APART, [wanted, 0, 300])
            return found

        assert apart(10, 100, 200) == [10, 100, 200]
        assert apart(100, 100) == [100 - LINE / 2, 100 + LINE / 2]
        assert apart(20, 100, 110, 250) == [20, 105 - LINE / 2, 105 + LINE / 2, 250]
        assert apart(299, 300) == [300 - LINE, 300]
        assert apart(0, 1, 2) == [0, LINE, 2 * LINE]
        crowded = apart(50, 52, 60, 61, 90, 200)
        assert all(after - before >= LINE - 1e-9 for before, after in pairwise(crowded))
        page.close()


def test_names_lie_at_the_ends_of_their_lines_and_none_upon_another(browser: Browser) -> None:
    with served(StubWorld([f"agent_{index}" for index in range(12)], 60)) as address:
        page = opened(browser, address)
        boxes = page.evaluate(BOXES, ".end-labels li")
        assert len(boxes) == 12
        ordered = sorted(boxes)
        assert all(above[1] <= below[0] + 0.5 for above, below in pairwise(ordered))
        _, right, top, bottom = page.evaluate(PLOT)
        assert all(box[2] > right and box[1] <= bottom + LINE for box in boxes)
        assert page.locator(".leader").count() > 0, "some of twelve ends lie close together"
        assert all(box[0] >= top - LINE for box in boxes)
        page.close()


def test_of_many_lines_those_have_names_whose_future_is_drawn(browser: Browser) -> None:
    with served(StubWorld([f"agent_{index}" for index in range(20)], 60)) as address:
        page = opened(browser, address)
        expect(page.locator(".end-labels li")).to_have_text(["agent_2", "agent_1"])
        page.close()


@pytest.mark.parametrize(
    ("ahead", "reaching"), [((9, 11), 2), ((9, 500), 1), ((300, 500), 0)], ids=str
)
def test_the_forecast_of_the_first_sentence_is_drawn_to_zero_or_to_the_edge(
    browser: Browser, ahead: tuple[int, int], reaching: int
) -> None:
    names = [f"agent_{index}" for index in range(6)]
    with served(AheadWorld(names, 60, ahead)) as address:
        page = opened(browser, address)
        lines = page.evaluate(BOXES, ".forecast line")
        assert len(lines) == 2, "only those that the sentence names"
        ends = page.evaluate(BOXES, ".forecast circle")
        assert len(ends) == reaching
        left, right, top, bottom = page.evaluate(PLOT)
        shown = 59 + (ahead[reaching - 1] if reaching else 5.9)
        for (_, _, start, end), turns in zip(lines, ahead, strict=True):
            assert start == pytest.approx(left + (right - left) * 59 / shown, abs=3)
            at = min(right, left + (right - left) * (59 + turns) / shown)
            assert end == pytest.approx(at, abs=3)
        for circle in ends:
            assert top <= circle[0] <= bottom
        expect(page.locator(".readout")).to_contain_text("at the trend of the last 10 turns")
        page.locator("a.button", has_text="Platform").click()
        expect(page.locator(".forecast")).to_have_count(0)
        page.close()


COLOUR: Final = "element => [...element.classList].find(name => name.startsWith('ink-'))"


def test_an_agent_has_its_colour_on_its_own_page_too(browser: Browser) -> None:
    names = [f"agent_{index}" for index in range(12)]
    with served(StubWorld(names, 60)) as address:
        page = opened(browser, address)
        labels = page.locator(".end-labels li")
        colours = {name: labels.filter(has_text=name).last.evaluate(COLOUR) for name in names[2:]}
        assert len(set(colours.values())) == 10
        for name in ("agent_3", "agent_8", "agent_11"):
            page.goto(f"{address}#/agents/{name}")
            expect(labels).to_have_text([name])
            assert labels.evaluate(COLOUR) == colours[name]
        page.close()


def test_a_trend_is_the_same_number_on_every_screen(browser: Browser) -> None:
    with served(StubWorld(["alice", "bob"], 60)) as address:
        page = opened(browser, address)
        expect(page.locator("td", has_text="12.")).to_have_text(["\u221212.3"])
        for fragment in ("#/agents", "#/agents/bob"):
            page.goto(address + fragment)
            expect(page.get_by_text("\u221212.3", exact=True).first).to_be_visible()
        page.close()
