"""The page of a run: it opens with the answer, loads nothing, escapes all, searches and filters."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pytest

from sim_economy.ledger.readers.plain_text import html_text
from sim_economy.orchestrator.record.transcript import read_transcript
from sim_economy.reports.page.html import html_page, page_pieces
from sim_economy.reports.transcripts.run_reading import run_reading
from sim_economy.reports.transcripts.transcript_page import (
    transcript_report,
    turn_pieces,
    write_page,
)
from tests.orchestrator.setup import mocked, play, play_hostile, poor

TURNS: Final = 40


class Page(HTMLParser):
    """The elements of a page, and whether each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def count(self, wanted: str) -> int:
        return sum(tag == wanted for tag, _ in self.tags)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which everything that a model can write is markup."""
    folder = tmp_path_factory.mktemp("hostile")
    play_hostile(folder)
    return folder


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of traders, some of whom end below zero."""
    folder = tmp_path_factory.mktemp("traded")
    play(folder, poor(TURNS))
    return folder


def page_of(folder: Path) -> str:
    return html_page(transcript_report(read_transcript(folder)))


def classes(page: Page) -> list[str | None]:
    return [attributes.get("class") for _, attributes in page.tags]


def test_the_page_escapes_everything_and_loads_nothing(hostile: Path) -> None:
    text = page_of(hostile)
    assert "<script>document" not in text
    assert "<img" not in text
    page = Page(text)
    assert page.open == []
    assert page.count("script") == page.count("style") == 1
    assert [attributes for tag, attributes in page.tags if tag in {"link", "img", "iframe"}] == []
    assert not any({"src", "onclick", "style"} & attributes.keys() for _, attributes in page.tags)
    links = [attributes["href"] or "" for _, attributes in page.tags if "href" in attributes]
    assert all(link.startswith(("#", "data:text/csv;")) for link in links)
    anchors = {attributes.get("id") for _, attributes in page.tags}
    assert {link[1:] for link in links if link.startswith("#")} <= anchors
    assert "default-src &#39;none&#39;" in text
    assert classes(page).count("agent-turn") == 24
    assert classes(page).count("turn") == 3


def test_the_page_says_what_happened(hostile: Path) -> None:
    text = page_of(hostile)
    for words in (
        "could not act: unusable_reply",
        "could not act: request_rejected",
        "a rule refused it: recipient_unknown",
        "I mull it over.",
        "inference_fee \u2212",
        "3 of 3 turns",
    ):
        assert words in text, words


def test_a_page_of_hundreds_of_turns_is_collapsed_and_complete(tmp_path: Path) -> None:
    play(tmp_path / "run", mocked(200))
    write_page(read_transcript(tmp_path / "run"), tmp_path / "page.html")
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    turns = [attributes for tag, attributes in page.tags if attributes.get("class") == "turn"]
    assert len(turns) == 200
    assert not any("open" in attributes for attributes in turns)
    assert classes(page).count("agent-turn") == 1600


def test_the_page_opens_with_the_answer_and_holds_its_numbers(traded: Path) -> None:
    transcript = read_transcript(traded)
    reading = run_reading(transcript)
    text = page_of(traded)
    assert re.search(
        r'<p class="answer">After 40 of 40 turns <a href="#balances-over-turns">', text
    )
    first, second = text.index("<svg"), text.index('class="key-figures"')
    assert text.index('class="answer"') < first < second < text.index("Turn by turn</a></h2>")
    assert reading.platform is not None
    assert reading.contracts is not None
    for table in (reading.balances, reading.thinking, reading.platform, reading.contracts):
        assert html_text(table.title) in text
    (link,) = re.findall(r'download="balances.csv" href="data:text/csv;[^,]*,([^"]*)"', text)
    rows = list(csv.DictReader(io.StringIO(unquote(link))))
    assert [int(row["balance"]) for row in rows] == [
        held for turn in reading.totals.balances for held in turn
    ]


def test_what_an_agent_saw_is_a_table_and_its_prompt_lies_one_level_deeper(traded: Path) -> None:
    transcript = read_transcript(traded)
    text = "".join(turn_pieces(transcript, 9))
    assert text.count('<div class="seen"') == text.count("the prompt, word for word") == 4
    assert '<caption>Its account</caption>\n<tr><th scope="row">balance</th>' in text
    tables = text[text.index('<div class="seen"') : text.index("the prompt, word for word")]
    assert "{" not in tables


def test_a_page_without_a_ledger_says_what_it_lacks(traded: Path, tmp_path: Path) -> None:
    for name in ("settings.json", "calls.jsonl"):
        shutil.copy(traded / name, tmp_path / name)
    text = page_of(tmp_path)
    assert text.count("The ledger is not in this folder") == 2


def test_pieces_can_be_written_twice(traded: Path) -> None:
    report = transcript_report(read_transcript(traded))
    assert html_page(report) == html_page(report)


def test_a_page_needs_no_more_at_once_than_a_part_of_an_agent_turn(traded: Path) -> None:
    report = transcript_report(read_transcript(traded))
    pieces = list(page_pieces(report))
    assert max(map(len, pieces)) < 0.2 * sum(map(len, pieces))


def test_a_browser_opens_it_and_no_script_of_a_model_runs(hostile: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium")
    page = tmp_path / "page.html"
    write_page(read_transcript(hostile), page)
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/p",
        "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert "<title>test, seed 7</title>" in dom
    assert re.search(r'<details class="turn" id="turn-1" open', dom), "the page's own script ran"


def measured(page: str, script: str, folder: Path) -> dict[str, Any]:
    """What a script finds on a page in a browser; the page's policy would not run it."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium")
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    path = folder / "measured.html"
    run = f"document.title = JSON.stringify((() => {{{script}}})());"
    ending = f"<script>addEventListener('load', () => {{ {run} }});</script></body>"
    path.write_text(page.replace("</body>", ending), encoding="utf-8")
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/p",
        "--window-size=500,800", "--virtual-time-budget=5000", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    title = re.findall("<title>(.*?)</title>", dom)[0]
    found: dict[str, Any] = json.loads(html.unescape(title))
    return found


def test_after_all_turns_are_opened_the_page_is_as_high_as_its_content(
    traded: Path, tmp_path: Path
) -> None:
    found = measured(
        page_of(traded),
        """
        document.getElementById("open").click();
        const height = () => document.documentElement.scrollHeight;
        const before = height();
        for (let y = 0; y < height(); y += 500) { scrollTo(0, y); }
        const sum = [...document.querySelectorAll(".agent-turn")].reduce(
          (total, own) => total + own.getBoundingClientRect().height, 0);
        return { before, after: height(), sum, wide: document.documentElement.scrollWidth };
        """,
        tmp_path,
    )
    assert found["before"] == found["after"] > found["sum"] > 160 * 60
    assert found["wide"] <= 500


def test_search_and_filters_count_what_they_leave(tmp_path: Path) -> None:
    play(tmp_path / "run", mocked(40))
    transcript = read_transcript(tmp_path / "run")
    own_turns = [own for turn in transcript.agent_turns.values() for own in turn]
    spoken = [own for own in own_turns if "signed" in own.said.lower()]
    refused = [own for own in own_turns if own.refused]
    mined = [own for own in own_turns if own.action == "mine" and own.agent_id == "agent_1"]
    assert spoken
    assert refused
    assert mined
    found = measured(
        page_of(tmp_path / "run"),
        """
        const set = (id, value, kind) => {
          const input = document.getElementById(id);
          input.value = value;
          input.dispatchEvent(new Event(kind));
        };
        const left = () => [...document.querySelectorAll(".turn:not([hidden]) .agent-turn")]
          .filter((own) => !own.hidden).length;
        const found = {};
        document.getElementById("words").value = "SIGNED";
        set("mark", "spoke", "change");
        found.spoken = [left(), document.getElementById("hits").value];
        document.getElementById("words").value = "";
        set("mark", "refused", "change");
        found.refused = [left(), document.getElementById("hits").value];
        set("mark", "", "change");
        set("action", "mine", "change");
        set("agent", "1", "change");
        found.mined = [left(), document.getElementById("hits").value];
        set("action", "", "change");
        set("agent", "", "change");
        found.all = [left(), document.getElementById("hits").value];
        return found;
        """,
        tmp_path,
    )
    for name, wanted in (("spoken", spoken), ("refused", refused), ("mined", mined)):
        turns = len({own.turn for own in wanted})
        said = f"{len(wanted)} of 320 agent turns, in {turns} of 40 turns"
        assert found[name] == [len(wanted), said], name
    assert found["all"] == [320, "320 of 320 agent turns"]
