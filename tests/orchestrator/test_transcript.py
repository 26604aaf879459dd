"""A run as people read it in the terminal, and as JSON."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from sim_economy.core.accounts import BALANCE, WIDTH
from sim_economy.core.actions import Input, ProposeContract, Transfer
from sim_economy.core.contracts import Terms
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.readers.reading import account_balances, reading
from sim_economy.orchestrator.record.run_totals import run_totals
from sim_economy.orchestrator.record.transcript import in_words, read_transcript
from sim_economy.reports.transcripts.transcript_page import write_page
from tests.cli.shell import complaint, json_of, sim_economy
from tests.orchestrator.setup import HOSTILE, mocked, play, play_hostile, poor


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which everything that a model can write is markup."""
    folder = tmp_path_factory.mktemp("hostile")
    play_hostile(folder)
    return folder


def test_the_balance_of_the_sums_is_that_after_the_last_turn(hostile: Path) -> None:
    with reading(hostile / "ledger.sqlite") as store:
        (*_, (_, accounts)) = account_balances(store)
        held = dict(zip(["agent_0", "agent_1"], accounts[BALANCE::WIDTH], strict=False))
    transcript = read_transcript(hostile)
    assert held.items() <= transcript.balances.items()
    last = {own[-1].agent_id: own[-1].balance for own in transcript.by_agent().values()}
    assert transcript.balances != last
    shown = sim_economy("inspect", hostile)
    lines = map(str.split, shown.stdout.splitlines())
    assert str(held["agent_1"]) in [words[-1] for words in lines if words[:1] == ["agent_1"]]


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


def test_what_interventions_did_is_shown_where_some_are_on(tmp_path: Path, hostile: Path) -> None:
    config = parse_world_config({"seed": 7, "governance": {"fee_cap": {"cap_ratio": 1}}})
    play(tmp_path / "run", mocked(6, config))
    summary = json_of(sim_economy("inspect", tmp_path / "run", "--summary", "--json"))
    (first, *_) = summary["interventions"]["answers"]
    assert first.startswith("The fee cap bound in ")
    assert first in " ".join(sim_economy("inspect", tmp_path / "run").stdout.split())
    write_page(read_transcript(tmp_path / "run"), tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert "What interventions did" in page
    assert first in page
    assert "interventions" not in json_of(sim_economy("inspect", hostile, "--summary", "--json"))


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of traders, some of whom end below zero."""
    folder = tmp_path_factory.mktemp("traded")
    play(folder, poor(TURNS))
    return folder


TURNS: Final = 40


def test_sums_come_from_the_ledger_and_agree_with_it(traded: Path) -> None:
    transcript = read_transcript(traded)
    totals = run_totals(transcript)
    with reading(traded / "ledger.sqlite") as store:
        accounts = [list(held[BALANCE::WIDTH]) for _, held in account_balances(store, 1)]
        fees = sum(stored.record.bill.charged for stored in store.read(1))
    assert totals.balances == [[300] * 4, *accounts]
    assert totals.fees == fees == sum(own.fees or 0 for own in totals.agents) > 0
    for index, own in enumerate(totals.agents):
        held = [row[index] for row in totals.balances]
        assert (own.balance, own.lowest) == (held[-1], min(held))
        assert own.turns_below == sum(tokens < 0 for tokens in held)
        if own.below_since is not None:
            assert held[own.below_since - 1] >= 0 > max(held[own.below_since :])
        assert (own.below_since is None) == (held[-1] >= 0)
    assert {own.agent_id for own in totals.below_zero} not in (set(), {"ann", "bob", "cy", "dot"})


def test_without_its_ledger_a_run_is_read_from_what_its_agents_saw(
    traded: Path, tmp_path: Path
) -> None:
    for name in ("settings.json", "calls.jsonl"):
        shutil.copy(traded / name, tmp_path / name)
    with_ledger, without = (run_totals(read_transcript(folder)) for folder in (traded, tmp_path))
    assert without.balances == with_ledger.balances[:-1]
    assert without.fees is None
    assert without.model_tokens == with_ledger.model_tokens
    summary = json_of(sim_economy("inspect", tmp_path, "--summary", "--json"))
    assert (summary["contracts"], summary["flows"]) == (None, None)


def test_the_terminal_opens_with_the_answer_and_json_has_it_too(traded: Path) -> None:
    shown = sim_economy("inspect", traded).stdout
    summary = json_of(sim_economy("inspect", traded, "--summary", "--json"))
    answer = summary["answer"]
    assert " ".join(shown.split()).startswith(answer)
    below = [own for own in summary["agents"] if own["balance"] < 0]
    assert answer.startswith(f"After {TURNS} of {TURNS} turns {len(below)} of 4 agents ")
    for own in below:
        assert f"{own['agent_id']}, since turn {own['below_since']}" in answer
    assert f"{summary['fees']:,} tokens in fees" in answer
    assert len(summary["key_figures"]) == 3
    assert len(summary["balances"]) == 4 * (TURNS + 1)
    assert {flow["reason"] for flow in summary["flows"]} > {"inference_fee"}
    settled = sum(made["end"] == "settled" for made in summary["contracts"])
    assert summary["key_figures"][2]["value"] == f"{settled} of {len(summary['contracts'])}"
    assert "Contracts by kind and end" in shown


def test_json_of_a_run_without_summary_stays_the_list_of_its_turns(traded: Path) -> None:
    agent_turns = json_of(sim_economy("inspect", traded, "--json"))
    assert len(agent_turns) == 4 * TURNS
    assert {"turn", "agent_id", "mind", "saw", "did", "parts", "observation"} <= agent_turns[
        0
    ].keys()


def test_what_an_agent_saw_is_shown_in_tables(traded: Path) -> None:
    shown = sim_economy("inspect", traded, "--turn", "5", "--agent", "ann", "--observations").stdout
    assert "Its account" in shown
    assert "newest block: winner" in shown
    assert "{" not in shown


def test_a_summary_is_of_no_single_turn(traded: Path) -> None:
    assert "leave out" in complaint(sim_economy("inspect", traded, "--summary", "--turn", "1"))


def test_the_currency_of_the_prices_is_in_the_record(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('currency = "USD"\n[mock]\ninput = 1\noutput = 1\n', encoding="utf-8")
    play(tmp_path / "run", mocked(2, prices=str(prices)))
    assert read_transcript(tmp_path / "run").currency == "USD"
    summary = json_of(sim_economy("inspect", tmp_path / "run", "--summary", "--json"))
    assert summary["answer"].endswith(f"{Decimal(summary['money']).normalize():f} USD.")


def test_a_ledger_of_other_agents_is_refused(traded: Path, hostile: Path, tmp_path: Path) -> None:
    for folder, name in ((traded, "settings.json"), (traded, "calls.jsonl")):
        shutil.copy(folder / name, tmp_path / name)
    shutil.copy(hostile / "ledger.sqlite", tmp_path / "ledger.sqlite")
    assert "other agents" in complaint(sim_economy("inspect", tmp_path))


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
