"""What the viewer says of a world, against its records."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.accounts import BALANCE, DESTROYED, PLATFORM, WIDTH, Holding
from sim_economy.ledger.readers.reading import account_balances, reading
from sim_economy.ledger.readers.statement import statement
from sim_economy.ledger.records import TurnRecord
from sim_economy.runs.run import run_of
from tests.viewer.ledgers import Viewer, played

TURNS = 40


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return played(tmp_path_factory.mktemp("market") / "market.sqlite", "market", turns=TURNS)


@pytest.fixture(scope="module")
def viewer(ledger: Path) -> Viewer:
    return Viewer.of(ledger)


@pytest.fixture(scope="module")
def records(ledger: Path) -> list[tuple[TurnRecord, list[int]]]:
    """Every turn with all accounts after it."""
    with reading(ledger) as store:
        return [(record, list(accounts)) for record, accounts in account_balances(store)]


def paged(viewer: Viewer, path: str, cursor: str, **query: Any) -> list[Any]:
    """All rows of a paged answer, page after page."""
    rows: list[Any] = []
    after: dict[str, int] = {}
    while True:
        page = viewer.ask(path, **query, **after)
        rows += page["rows"]
        if page["next"] is None:
            return rows
        asked = {cursor: page["next"]} | ({"skip": page["skip"]} if page.get("skip") else {})
        assert asked != after
        after = asked


def test_the_overview_counts_what_the_records_hold(
    viewer: Viewer, ledger: Path, records: list[tuple[TurnRecord, list[int]]]
) -> None:
    found = viewer.ask("/view/overview")
    last, accounts = records[-1]
    with reading(ledger) as store:
        counts = run_of(store).counts
        assert found["head"]["head"] == store.head().hash
    balances = accounts[BALANCE::WIDTH]
    assert found["solvent_agents"] == sum(balance >= 0 for balance in balances)
    assert int(found["platform"]) == accounts[PLATFORM]
    assert int(found["destroyed"]) == accounts[DESTROYED]
    assert int(found["token_supply"]) == last.token_supply
    for name, own in (("fees_charged", "charged"), ("fees_covered", "covered")):
        assert int(found[name]) == sum(getattr(record.bill, own) for record, _ in records)
    assert found["blocks"] == counts.blocks
    assert found["contracts"] == counts.contracts
    assert found["open_contracts"] == sum(made.end is None for made in counts.made)
    assert (found["turn"], found["complete_to"], found["ended"]) == (TURNS, TURNS, True)
    assert not {"seed", "secret"} & {fact["name"] for fact in found["parameters"]}


@pytest.mark.parametrize("points", [2, 5, 16, 512])
def test_balances_in_buckets_are_the_lowest_highest_and_last_of_their_turns(
    viewer: Viewer, records: list[tuple[TurnRecord, list[int]]], points: int
) -> None:
    found = viewer.ask("/view/balances", points=points, agents="agent_3,agent_0")
    assert len(found["turns"]) <= points
    bounds = list(pairwise([-1, *found["turns"]]))
    assert all(last - before == found["span"] for before, last in bounds[:-1])
    for line, agent in zip(found["lines"], (3, 0), strict=True):
        assert line["agent_id"] == f"agent_{agent}"
        held = [accounts[BALANCE + WIDTH * agent] for _, accounts in records]
        within = [held[before + 1 : last + 1] for before, last in bounds]
        assert line["low"] == list(map(min, within))
        assert line["high"] == list(map(max, within))
        assert line["last"] == [own[-1] for own in within]
    ends = [sorted(records[turn][1][BALANCE::WIDTH]) for turn in found["turns"]]
    assert found["bands"]["lowest"] == [own[0] for own in ends]
    assert found["bands"]["highest"] == [own[-1] for own in ends]
    assert found["bands"]["median"] == [own[(len(own) - 1) // 2] for own in ends]
    assert found["bands"]["insolvent"] == [sum(held < 0 for held in own) for own in ends]
    assert found["platform"] == [records[turn][1][PLATFORM] for turn in found["turns"]]


def test_later_balances_are_those_after_a_turn(viewer: Viewer) -> None:
    whole = viewer.ask("/view/balances", points=16)
    later = viewer.ask("/view/balances", points=16, after=whole["turns"][-3])
    assert later["turns"] == whole["turns"][-2:]
    assert later["lines"][4]["low"] == whole["lines"][4]["low"][-2:]


def test_agents_come_in_each_order_once(
    viewer: Viewer, records: list[tuple[TurnRecord, list[int]]]
) -> None:
    accounts = records[-1][1]
    by_order = {
        order: paged(viewer, "/view/agents", "after", order=order, limit=7)
        for order in ("genesis", "balance", "insolvency", "trend")
    }
    for rows in by_order.values():
        assert sorted(row["index"] for row in rows) == list(range(20))
    assert [row["index"] for row in by_order["genesis"]] == list(range(20))
    for name, key in (
        ("balance", lambda row: int(row["balance"])),
        ("trend", lambda row: row["trend"]),
    ):
        found = [key(row) for row in by_order[name]]
        assert found == sorted(found)
    for row in by_order["genesis"]:
        start = BALANCE + WIDTH * row["index"]
        for holding in Holding:
            assert int(row[holding.name.lower()]) == accounts[start + holding]
        held = [own[start] for _, own in records]
        assert int(row["lowest"]) == min(held)
        since = next((turn for turn in range(TURNS, -1, -1) if held[turn] >= 0), -1) + 1
        assert row["since"] == (since if held[-1] < 0 else None)
    assert viewer.ask("/view/agents", search="_1", limit=3)["total"] == 11
    below = viewer.ask("/view/agents", insolvent="yes")
    assert below["total"] == sum(held < 0 for held in accounts[BALANCE::WIDTH])


def test_pages_of_a_statement_make_the_whole_statement(viewer: Viewer, ledger: Path) -> None:
    whole = statement(ledger, "agent_4", accounts=tuple(Holding))
    lines: list[Any] = []
    before = None
    while True:
        earlier = "" if before is None else f"&before={before}"
        page = viewer.ask(f"/view/agents/agent_4/statement?limit=9{earlier}")
        assert (page["later"] is None) == (page["last_turn"] == TURNS)
        lines = page["rows"] + lines
        before = page["earlier"]
        if before is None:
            break
        assert before == page["first_turn"]
    assert page["first_turn"] == 0
    assert [
        (own["turn"], own["account"], int(own["amount"]), own["reason"], int(own["after"]))
        for own in lines
    ] == [(own.turn, own.account, own.amount, own.reason, own.after) for own in whole.lines]
    only = viewer.ask("/view/agents/agent_4/statement", reason="inference_fee")["rows"]
    assert only
    assert {row["reason"] for row in only} == {"inference_fee"}
    sums = viewer.ask("/view/agents/agent_4")
    net = {own["reason"]: int(own["tokens"]) for own in sums["reasons"]}
    assert net == whole.totals


def test_decisions_are_the_inputs_newest_first(
    viewer: Viewer, records: list[tuple[TurnRecord, list[int]]]
) -> None:
    rows = paged(viewer, "/view/agents/agent_2/decisions", "before", limit=6)
    assert [row["turn"] for row in rows] == list(range(TURNS, 0, -1))
    actions = Counter(row["action"] for row in rows)
    agent = viewer.ask("/view/agents/agent_2")
    assert agent["actions"] == dict(actions)
    own = BALANCE + WIDTH * 2
    for row in rows:
        record = records[row["turn"]][0]
        paid = sum(
            posting.amount
            for posting in record.postings
            if posting.source == own and posting.reason == "inference_fee"
        )
        assert int(row["fee"]) == paid
    one = viewer.ask("/view/agents/agent_2/decisions/7")
    assert int(one["balance_before"]) == records[6][1][own]
    assert int(one["balance_after"]) == records[7][1][own]
    net = sum(int(reason["tokens"]) for reason in one["paid"])
    assert net == records[7][1][own] - records[6][1][own]


def test_a_turn_tells_who_paid_and_who_received(
    viewer: Viewer, records: list[tuple[TurnRecord, list[int]]]
) -> None:
    for turn in (0, 9, TURNS):
        record = records[turn][0]
        found = viewer.ask(f"/view/turns/{turn}")
        tokens: Counter[str] = Counter()
        for posting in record.postings:
            tokens[posting.reason.value] += posting.amount
        assert {own["reason"]: int(own["tokens"]) for own in found["flows"]} == dict(tokens)
        for flow in found["flows"]:
            if flow["payees_total"] <= 20:
                assert sum(int(own["tokens"]) for own in flow["payees"]) == int(flow["tokens"])
        postings = paged(viewer, f"/view/turns/{turn}/postings", "after", limit=7)
        assert [row["index"] for row in postings] == list(range(len(record.postings)))
        assert [int(row["amount"]) for row in postings] == [own.amount for own in record.postings]
    own = viewer.ask("/view/turns/9/postings", agent="agent_1")
    assert all(
        row["source"].startswith("agent_1:") or row["target"].startswith("agent_1:")
        for row in own["rows"]
    )
    assert viewer.refusal(f"/view/turns/{TURNS + 1}") == (422, "input_invalid")


def test_a_turn_says_why_nobody_was_paid_a_dividend(tmp_path: Path) -> None:
    own = Viewer.of(played(tmp_path / "as-run.sqlite", "as-run"))
    turns = [own.ask(f"/view/turns/{turn}") for turn in range(1, 61)]
    covered = [int(turn["fees_covered"]) for turn in turns]
    for answer, pool in zip((turn["answer"] for turn in turns), covered, strict=True):
        why = (
            f"the pool of {pool:,} tokens is for owners of core shares"
            if pool
            else "no balance covered a fee, so there was no pool"
        )
        assert f"Nobody was paid a dividend: {why}." in answer
    assert min(covered) == 0 < max(covered)


def test_a_contracts_life_is_all_that_happened_to_it(
    viewer: Viewer, records: list[tuple[TurnRecord, list[int]]]
) -> None:
    rows = paged(viewer, "/view/contracts", "after", limit=13)
    happened: dict[int, list[tuple[int, str]]] = {}
    for record, _ in records:
        for event in record.contracts:
            happened.setdefault(event.contract_id, []).append((record.turn, event.happened.value))
    assert [row["contract_id"] for row in rows] == sorted(happened, reverse=True)
    for row in rows[:12]:
        life = viewer.ask(f"/view/contracts/{row['contract_id']}")
        told = [(event["turn"], event["happened"]) for event in life["events"]]
        assert told == happened[row["contract_id"]]
        assert life["contract"] == row
    settled = viewer.ask("/view/contracts", stage="settled", kind="loan", limit=1000)["rows"]
    assert settled == [row for row in rows if (row["stage"], row["kind"]) == ("settled", "loan")]
    assert viewer.refusal("/view/contracts/99999") == (422, "input_invalid")


def test_events_of_an_agent_and_of_a_kind_are_those_of_all(viewer: Viewer) -> None:
    every = paged(viewer, "/view/events", "before", limit=1000)
    assert [row["turn"] for row in every] == sorted((row["turn"] for row in every), reverse=True)
    kinds = {row["kind"] for row in every}
    assert {"contract", "block", "speech", "end"} <= kinds
    for kind in kinds:
        only = paged(viewer, "/view/events", "before", limit=1000, kind=kind)
        assert only == [row for row in every if row["kind"] == kind]
    own = paged(viewer, "/view/events", "before", limit=1000, agent="agent_5")
    assert own == [row for row in every if row["agent_id"] == "agent_5"]
    for limit in (1, 3, 7):
        assert paged(viewer, "/view/events", "before", limit=limit) == every
    assert paged(viewer, "/view/events", "before", limit=2, kind="contract") == [
        row for row in every if row["kind"] == "contract"
    ]
    assert viewer.refusal("/view/events", kind="gossip") == (422, "input_invalid")
    assert viewer.refusal("/view/events", agent="nobody") == (422, "input_invalid")


def test_search_finds_agents_turns_contracts_hashes_and_speech(
    viewer: Viewer, records: list[tuple[TurnRecord, list[int]]]
) -> None:
    def kinds(text: str) -> list[tuple[str, int | None]]:
        return [(hit["kind"], hit["turn"]) for hit in viewer.ask("/view/search", q=text)["hits"]]

    assert viewer.ask("/view/search", q="AGENT_7")["hits"][0]["agent_id"] == "agent_7"
    assert ("turn", 12) in kinds("12")
    assert "contract" in {kind for kind, _ in kinds("12")}
    assert [kind for kind, _ in kinds("contract 12")][:1] == ["contract"]
    head = viewer.ask("/view/turns/17")["head"]
    assert kinds(head[:12]) == [("head", 17)]
    assert kinds(records[8][0].state_digest[:20]) == [("state_digest", 8)]
    assert "speech" in {kind for kind, _ in kinds("offer arb")}
    nothing = viewer.ask("/view/search", q="no such words at all")
    assert (nothing["hits"], nothing["complete"]) == ([], True)
    assert viewer.refusal("/view/search", q=" ") == (422, "input_invalid")
