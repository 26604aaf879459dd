"""The viewer's page in a real browser, on a made-up world whose every text is an attack."""

from __future__ import annotations

from typing import Any, Final

from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import OpenPage
from tests.browser.stub_viewer import served
from tests.browser.stub_world import HASH, StubWorld

ATTACK: Final = (
    '"><img src=x onerror="window.owned=1"><script>window.owned=1</script>'
    "<b>bold</b>${window.owned=1}\u202ejavascript:window.owned=1"
)
NAMES: Final = [
    "<b>alice</b>",
    "a/b?c#d%2F",
    "__proto__",
    "constructor",
    "erin",
    "frank",
    'g"h',
    "i&amp;j",
]
STRANGE: Final = ":is(b, script, iframe, [onerror], img:not([alt='']))"
SCREENS: Final = (
    "#/",
    "#/?show=platform",
    "#/worlds",
    "#/agents",
    "#/agents/{0}",
    "#/agents/{1}/statement",
    "#/agents/{2}/decisions",
    "#/agents/{0}/turns/3",
    "#/turns/30",
    "#/contracts",
    "#/contracts/7",
    "#/events",
    "#/chain",
    "#/search?q=bold",
    "#/no/such/place",
)
AUDITED: Final = ("#/", "#/turns/30", "#/contracts", "#/chain")
"""Where axe-core looks in the light and at other widths; in the dark it looks at all screens."""
WIDTHS: Final = (360, 1280, 1920, 2000)
DRAWN: Final = """new Promise((done) => setTimeout(() => requestAnimationFrame(() =>
    done(document.scrollingElement.scrollWidth - innerWidth)), 50))"""
"""How much wider the screen is than its window, once charts have been drawn for it."""
SETTLED: Final = """fragment => new Promise((resolve) => {
  const settle = () => setTimeout(() => requestAnimationFrame(resolve));
  addEventListener("hashchange", settle, { once: true });
  location.hash = fragment;
})"""

HINT_ROOM: Final = """() => {
  const field = document.querySelector("#search");
  const style = getComputedStyle(field);
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = style.font;
  const inner = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const cross = 20;
  return inner - cross - pen.measureText(field.placeholder).width;
}"""
"""Pixels that are left beside the search field's hint and the cross that empties the field."""


def screens(page: Page) -> list[str]:
    names = [page.evaluate("encodeURIComponent", name) for name in NAMES]
    return [screen.format(*names) for screen in SCREENS]


def go(page: Page, fragment: str) -> None:
    """Go to a screen by its address, and wait until it shows what it reads."""
    if page.evaluate("location.hash") != fragment:
        page.evaluate(SETTLED, fragment)
    expect(page.locator(".waiting")).to_have_count(0)
    expect(page.locator("h1")).to_be_visible()


def sideways(page: Page, width: int) -> int:
    """Pixels by which a screen is wider than its window."""
    page.set_viewport_size({"width": width, "height": 900})
    wider: int = page.evaluate(DRAWN)
    return wider


def test_every_screen_shows_an_attack_as_text(browser: Browser) -> None:
    with served(StubWorld(NAMES, 12, text=ATTACK, scale=10**17)) as address:
        opened = OpenPage(browser, f"{address}#/", "dark")
        page = opened.page
        expect(page.locator(".answer")).to_contain_text(ATTACK)
        expect(page.locator(".events").first).to_contain_text(ATTACK)
        for fragment in screens(page):
            go(page, fragment)
            assert page.locator("#app").locator(STRANGE).count() == 0, fragment
            assert max(sideways(page, width) for width in WIDTHS) <= 0, fragment
            assert opened.violations() == [], fragment
        assert page.evaluate("window.owned") is None
        assert opened.complaints == []
        assert {url.startswith(address) for url in opened.requests} == {True}
        page.close()


def test_axe_finds_nothing_in_the_light_from_360_to_1920_pixels(browser: Browser) -> None:
    with served(StubWorld(NAMES, 12, text=ATTACK)) as address:
        opened = OpenPage(browser, f"{address}#/", "light")
        for fragment in AUDITED:
            go(opened.page, fragment)
            for width in (360, 1920):
                assert sideways(opened.page, width) <= 0, (fragment, width)
                assert opened.violations() == [], (fragment, width)
        opened.page.close()


def test_numbers_beyond_what_a_browser_counts_keep_every_digit(browser: Browser) -> None:
    world = StubWorld(["alice", "bob"], 60, scale=10**17 + 1)
    with served(world) as address:
        page = OpenPage(browser, f"{address}#/agents/alice", "light").page
        expected = f"{world.balance(0, 60):,}".replace("-", "\u2212")
        expect(page.locator(".key-figures .value").first).to_have_text(expected)
        expect(page.locator(".readout-value").first).to_have_text(expected)
        page.close()


def test_a_page_follows_a_world_and_says_when_it_is_lost(browser: Browser) -> None:
    world = StubWorld(["alice", "bob"], 5, live=True)
    with served(world) as address:
        opened = OpenPage(browser, address, "light")
        page = opened.page
        expect(page.locator(".link")).to_have_text("live, turn 5")
        world.close_turn()
        expect(page.locator(".link")).to_have_text("live, turn 6")
        expect(page.locator(".events li").first).to_contain_text("turn 6")
        expect(page.locator(".readout-turn")).to_have_text("turn 6")
        expect(page.locator("[aria-live=polite].unseen")).to_contain_text("agents solvent")
        assert opened.complaints == []
        page.context.set_offline(True)
        world.break_streams()
        expect(page.locator(".link")).to_contain_text("connection lost at turn 6")
        page.context.set_offline(False)
        world.close_turn()
        expect(page.locator(".link")).to_have_text("live, turn 7", timeout=15_000)
        page.close()


def test_everything_is_reached_by_keys(browser: Browser) -> None:
    with served(StubWorld(["alice", "bob", "carol"], 60)) as address:
        page = OpenPage(browser, address, "light").page
        expect(page.locator(".plot canvas")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        unreached = page.evaluate(
            "[...document.querySelectorAll('a, button, select, input, .wide')]"
            ".filter((element) => element.tabIndex < 0 && !element.closest('.end-labels')).length"
        )
        assert unreached == 0
        page.get_by_role("slider").focus()
        for key in ("ArrowLeft", "ArrowLeft", "PageUp"):
            page.keyboard.press(key)
        expect(page.locator(".readout-turn")).to_have_text("turn 48")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Turn 48")
        expect(page.locator("main")).to_be_focused()
        page.go_back()
        expect(page.locator("h1")).to_contain_text("after turn 60")
        page.close()


def test_a_head_that_is_another_than_was_remembered_is_said_first(browser: Browser) -> None:
    with served(StubWorld(["alice", "bob"], 60)) as address:
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        expect(page.locator(".lead")).to_contain_text("head file remembers")
        kept = f'[{{"turn": 40, "head": "{HASH}", "at": "2026-01-02T03:04:05Z"}}]'
        key = f"sim-economy-heads {HASH}"
        page.evaluate("([key, kept]) => localStorage.setItem(key, kept)", [key, kept])
        page.reload()
        expect(page.locator(".lead")).to_contain_text(
            "is what it was when this browser saw it on 2 Jan 2026"
        )
        page.evaluate(
            "([key, kept]) => localStorage.setItem(key, kept)", [key, kept.replace(HASH, "0" * 64)]
        )
        page.reload()
        expect(page.locator(".failure")).to_contain_text(
            "is not what it was when this browser saw it"
        )
        remembered = page.evaluate("key => JSON.parse(localStorage.getItem(key)).length", key)
        assert remembered == 1, "a head that differs must not replace what was remembered"
        context.close()


def test_the_switch_goes_before_the_system_and_is_remembered(browser: Browser) -> None:
    with served(StubWorld(["alice"], 3)) as address:
        page = OpenPage(browser, address, "light").page
        paper = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(paper)
        page.locator("#theme").select_option("dark")
        dark = page.evaluate(paper)
        assert dark != light
        page.reload()
        expect(page.locator("#theme")).to_have_value("dark")
        assert page.evaluate(paper) == dark
        page.close()


def test_a_thousand_agents_are_bands_and_those_who_are_chosen(browser: Browser) -> None:
    names = [f"agent_{index}" for index in range(1000)]
    with served(StubWorld(names, 40)) as address:
        opened = OpenPage(browser, address, "light")
        page = opened.page
        expect(page.locator(".readout")).to_contain_text("eight in ten agents")
        page.locator("#add-agent").fill("agent_77")
        page.keyboard.press("Enter")
        expect(page.locator(".readout")).to_contain_text("agent_77")
        assert "agents=" in page.url
        address_of_choice = page.url
        page.goto("about:blank")
        page.goto(address_of_choice)
        expect(page.locator(".readout")).to_contain_text("agent_77")
        assert opened.complaints == []
        page.close()


def test_the_hint_of_the_search_field_is_whole_at_every_width(browser: Browser) -> None:
    for live in (False, True):
        with served(StubWorld(["alice"], 12_345, live=live)) as address:
            page = OpenPage(browser, f"{address}#/chain", "light").page
            expect(page.locator("#search")).to_be_visible()
            for width in range(360, 2001, 80):
                assert sideways(page, width) <= 0, width
                assert page.evaluate(HINT_ROOM) >= 0, width
            page.close()


class LongTurn(StubWorld):
    """A world in whose last turn more happened than a page has rows."""

    EVENTS: Final = 250

    def answer(self, path: list[str], query: dict[str, str]) -> Any:
        found = super().answer(path, query)
        if path == ["events"]:
            first, limit = int(query.get("skip", 0)), int(query["limit"])
            (row, *_) = found["rows"]
            rows = [{**row, "words": f"Event {number}."} for number in range(self.EVENTS)]
            found["rows"] = rows[first : first + limit]
            more = first + limit < self.EVENTS
            found |= {"next": self.turn + 1, "skip": first + limit} if more else {}
        return found


def test_every_event_of_a_long_turn_is_reached(browser: Browser) -> None:
    with served(LongTurn(["alice"], 5)) as address:
        page = OpenPage(browser, f"{address}#/events", "light").page
        more = page.get_by_role("button", name="Show more events")
        for shown in (100, 200):
            expect(page.locator(".events li")).to_have_count(shown)
            more.click()
        expect(page.locator(".events li")).to_have_count(LongTurn.EVENTS)
        expect(page.locator(".events li").last).to_contain_text("Event 249.")
        expect(more).to_have_count(0)
        page.close()
