"""The viewer in a real browser, on ledgers: three questions, a statement, a check, a forgery."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from sim_economy.ledger.readers.statement import statement
from tests.browser.chromium import OpenPage
from tests.cli.shell import sim_economy

PROGRAM: Final = str(Path(sys.executable).parent / "sim-economy")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which block winners earn dividends."""
    file = tmp_path_factory.mktemp("viewed") / "rentiers.sqlite"
    sim_economy("run", "rentiers", "--turns", "40", "--ledger", file).check_returncode()
    return file


@contextmanager
def viewed(what: Path) -> Iterator[str]:
    """The address at which `sim-economy view` shows something."""
    command = [PROGRAM, "view", str(what), "--no-open", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended before it served"
        try:
            yield json.loads("".join(lines))["address"]
        finally:
            process.terminate()


def search(page: Page, words: str) -> None:
    page.locator("#search").fill(words)
    page.keyboard.press("Enter")


def test_three_questions_are_answered_by_the_first_two_screens(
    browser: Browser, ledger: Path
) -> None:
    with viewed(ledger) as address:
        opened = OpenPage(browser, address, "light")
        page = opened.page
        first = page.locator(".answer")
        expect(first).to_contain_text("agents are insolvent")
        expect(first).to_contain_text("since turn")
        expect(page.locator(".lead")).to_contain_text(
            "remembers its head, one hash over all records, from now on"
        )
        search(page, "turn 30")
        expect(page.locator("h1")).to_have_text("Turn 30")
        dividends = page.locator("tr", has=page.locator("th", has_text="dividend"))
        payees = {
            line.agent_id
            for line in (statement(ledger, f"agent_{index}") for index in range(12))
            if any(row.reason == "dividend" and row.turn == 30 for row in line.lines)
        }
        assert payees
        shown = dividends.first.locator("td").last.locator("a").all_inner_texts()
        assert set(shown) == payees
        page.goto(address)
        page.reload()
        expect(page.locator(".lead")).to_contain_text("This ledger is what it was")
        assert opened.complaints == []
        assert {url.startswith(address) for url in opened.requests} == {True}
        page.close()


def test_a_statement_is_the_ledgers_posting_by_posting(browser: Browser, ledger: Path) -> None:
    expected = statement(ledger, "agent_3")
    with viewed(ledger) as address:
        page = OpenPage(browser, address, "dark").page
        page.locator(".end-labels a", has_text="agent_3").click()
        page.get_by_role("link", name="Statement", exact=True).click()
        rows = page.locator("tbody tr", has=page.locator("td:nth-child(3)", has_text="balance"))
        expect(rows.first).to_be_visible()
        page.locator("select").nth(1).select_option("dividend")
        expect(page).to_have_url(f"{address}#/agents/agent_3/statement?reason=dividend")
        own = [line for line in expected.lines if line.reason == "dividend"]
        expect(rows).to_have_count(len(own))
        cells = rows.last.locator("td").all_inner_texts()
        assert cells[2] == f"+{own[-1].amount:,}"
        assert cells[4] == f"{own[-1].after:,}"
        page.close()


def test_a_check_finds_a_sound_ledger_sound_and_a_forged_one_forged(
    browser: Browser, ledger: Path, tmp_path: Path
) -> None:
    forged = Path(shutil.copy(ledger, tmp_path / "rentiers.sqlite"))
    with sqlite3.connect(forged) as database:
        (line,) = database.execute("SELECT line FROM turns WHERE turn = 20").fetchone()
        forged_line = line.replace('"token_supply":', '"token_supply":1', 1)
        assert forged_line != line
        database.execute("UPDATE turns SET line = ? WHERE turn = 20", (forged_line,))
    for file, expected in ((ledger, ".good"), (forged, ".failure")):
        with viewed(file) as address:
            page = OpenPage(browser, f"{address}#/chain", "light").page
            page.get_by_role("button", name="Verify the ledger").click()
            expect(page.locator(f"[role=status] {expected}")).to_contain_text("turn")
            page.close()
