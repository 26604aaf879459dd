"""The viewer of an engine in a real browser: a world that runs, and one that asks for a token."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, expect

from tests.api.wire_client import EngineProcess
from tests.browser.chromium import OpenPage

AGENTS: Final = ["ada", "bo", "cy", "di"]
INIT: Final[dict[str, Any]] = {
    "config": {"num_agents": 4, "num_cores": 2, "block_threshold": 1},
    "agent_ids": AGENTS,
}
MINE: Final = {"action": "mine"}


def turn(said: str) -> dict[str, Any]:
    """Inputs of everybody; the first one speaks."""
    inputs: list[dict[str, Any]] = [{"agent_id": agent, "action": MINE} for agent in AGENTS]
    inputs[0]["speech"] = said
    return {"inputs": inputs}


def follow_an_agent_and_verify(page: Page) -> None:
    page.locator(".end-labels a", has_text="ada").click()
    expect(page.locator(".answer")).to_contain_text("ada")
    page.get_by_role("link", name="Statement, posting by posting").click()
    expect(page.locator("tbody th:visible").first).to_have_text("0")
    page.get_by_role("navigation", name="Screens", exact=True).get_by_text("Chain").click()
    page.get_by_role("button", name="Verify the ledger").click()
    expect(page.locator("[role=status] .good")).to_contain_text("turns checked")


def test_a_world_is_awaited_then_followed_turn_by_turn(browser: Browser, tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "world.db") as engine:
        address = f"http://127.0.0.1:{engine.port}/"
        opened = OpenPage(browser, address, "dark")
        page = opened.page
        expect(page.locator("h1")).to_have_text("Waiting for a world")
        engine.call("/init", INIT)
        expect(page.locator(".link")).to_have_text("live, turn 0")
        for number in range(1, 4):
            engine.call("/turn", turn(f"<b>turn {number}</b>"))
            expect(page.locator(".link")).to_have_text(f"live, turn {number}")
            expect(page.locator(".events")).to_contain_text(f"<b>turn {number}</b>")
        expect(page.locator(".readout-turn")).to_have_text("turn 3")
        follow_an_agent_and_verify(page)
        assert opened.violations() == []
        assert opened.complaints == []
        assert {url.startswith(address) for url in opened.requests} == {True}
        page.close()


def test_a_reader_signs_in_reads_and_signs_out(browser: Browser, tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "world.db", SIM_ENGINE_AUTH="tokens") as engine:
        started = engine.call("/init", INIT)
        operator = {"Authorization": f"Bearer {started['admin_token']}"}
        engine.call("/turn", turn("hello"), **operator)
        address = f"http://127.0.0.1:{engine.port}/"
        page = OpenPage(browser, address, "light").page
        field = page.get_by_label("Token")
        field.fill("reader.guessed")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".failure")).to_contain_text("token")
        field.fill(started["reader_token"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".link")).to_have_text("live, turn 1")
        engine.call("/turn", turn("again"), **operator)
        expect(page.locator(".link")).to_have_text("live, turn 2")
        follow_an_agent_and_verify(page)
        assert started["reader_token"] not in page.evaluate("location.href + document.cookie")
        page.get_by_role("button", name="Sign out").click()
        expect(field).to_be_visible()
        page.close()
