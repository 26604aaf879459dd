"""A run as people read it: in the terminal and as a page that loads nothing and escapes all."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sim_economy.core.accounts import BALANCE, WIDTH
from sim_economy.core.actions import Input, ProposeContract, Transfer
from sim_economy.core.contracts import Terms
from sim_economy.ledger.readers.reading import account_balances, reading
from sim_economy.orchestrator.record.transcript import in_words, read_transcript
from sim_economy.orchestrator.record.transcript_html import pieces, write_page
from tests.cli.shell import complaint, json_of, sim_economy
from tests.orchestrator.server import ModelServer
from tests.orchestrator.setup import mocked, play, served

HOSTILE = "</pre></details><script>document.title='owned'</script><img src=x onerror=alert(1)>&\"'"


class Page(HTMLParser):
    """The elements of a page, and whether each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def count(self, wanted: str) -> int:
        return sum(tag == wanted for tag, _ in self.tags)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which everything that a model can write is markup."""
    folder = tmp_path_factory.mktemp("hostile")

    def brain(turn: int, agent: int, agent_id: str, shown: object) -> str:
        if agent == 1:
            return HOSTILE
        return json.dumps(
            {"action": {"action": "transfer", "to": HOSTILE, "amount": 5}, "speech": HOSTILE,
             "thinking": HOSTILE + "\x1b[31m\u202e"}
        )  # fmt: skip

    def rejects(turn: int, agent: int, attempt: int) -> str:
        return "rejected" if agent == 2 else "reasoning_text"

    with ModelServer(rejects, brain=brain) as server:
        play(folder, served(server.address, 3))
    return folder


def test_the_page_escapes_everything_and_loads_nothing(hostile: Path) -> None:
    text = "".join(pieces(read_transcript(hostile)))
    assert "<script>document" not in text
    assert "<img" not in text
    page = Page(text)
    assert page.open == []
    assert page.count("script") == page.count("style") == 1
    assert [attributes for tag, attributes in page.tags if tag in {"link", "img", "iframe"}] == []
    assert not any(
        {"src", "href", "onclick", "style"} & attributes.keys() for _, attributes in page.tags
    )
    assert "default-src 'none'" in text
    assert page.count("section") == 24
    assert len([1 for tag, attributes in page.tags if attributes.get("class") == "turn"]) == 3


def test_the_page_says_what_happened(hostile: Path) -> None:
    text = "".join(pieces(read_transcript(hostile)))
    for words in (
        "could not act: unusable_reply",
        "could not act: request_rejected",
        "a rule refused it: recipient_unknown",
        "I mull it over.",
        "inference_fee -",
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
    assert page.count("section") == 1600


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


def test_the_balance_of_the_sums_is_that_after_the_last_turn(hostile: Path) -> None:
    with reading(hostile / "ledger.sqlite") as store:
        (*_, (_, accounts)) = account_balances(store)
        held = dict(zip(["agent_0", "agent_1"], accounts[BALANCE::WIDTH], strict=False))
    transcript = read_transcript(hostile)
    assert held.items() <= transcript.balances.items()
    last = {own[-1].agent_id: own[-1].balance for own in transcript.by_agent().values()}
    assert transcript.balances != last
    shown = sim_economy("inspect", hostile)
    (row,) = [line.split() for line in shown.stdout.splitlines() if "agent_1" in line]
    assert row[-1] == str(held["agent_1"])
    assert f"<td>{held['agent_1']:,}</td></tr>" in "".join(pieces(transcript))


def test_the_terminal_shows_a_turn_and_nothing_moves_its_cursor(hostile: Path) -> None:
    shown = sim_economy("inspect", hostile, "--turn", "2", "--prompts")
    assert shown.returncode == 0, shown.stderr
    assert "turn 2, agent_0 (m), balance" in shown.stdout
    for words in (
        "saw ",
        "thought ",
        "said ",
        "did      transfer: to ",
        "could not act: ",
        "call 0",
    ):
        assert words in shown.stdout, words
    assert "\x1b" not in shown.stdout
    assert "\u202e" not in shown.stdout


def test_one_agent_in_json(hostile: Path) -> None:
    agent_turns = json_of(sim_economy("inspect", hostile, "--agent", "agent_3", "--json"))
    assert [agent_turn["turn"] for agent_turn in agent_turns] == [1, 2, 3]
    assert agent_turns[0]["said"] == HOSTILE
    assert agent_turns[0]["refused"] == "recipient_unknown"


def test_the_sums_of_a_run(hostile: Path) -> None:
    shown = sim_economy("inspect", hostile)
    assert "test: 3 of 3 turns" in shown.stdout


def test_what_is_not_there_is_named(hostile: Path, tmp_path: Path) -> None:
    assert "there is no dan" in complaint(sim_economy("inspect", hostile, "--agent", "dan"))
    assert "there is no turn 9" in complaint(sim_economy("inspect", hostile, "--turn", "9"))
    assert "holds no orchestrated run" in complaint(sim_economy("inspect", tmp_path))


def test_an_action_in_words() -> None:
    assert in_words(Input("ann", Transfer("bob", 5))) == "transfer: to bob, amount 5"
    proposal = ProposeContract("service", "bob", "cy", Terms(price=5, due_turn=9))
    assert in_words(Input("ann", proposal)) == (
        "propose_contract: kind service, counterparty bob, arbitrator cy, due_turn 9, price 5"
    )
