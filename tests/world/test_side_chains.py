"""Receipts and accepted inputs: what is changed in them is found, at the start and by verify."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import Raw

from sim_economy.core.actions import Input, Mine, Stake
from sim_economy.core.codec import canonical
from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import Receipt, Submission, bound_digest, digest
from sim_economy.ledger.sidecars.head_file import HeadFile
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.stores.backup import copy_ledger
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.world.engine import Engine
from sim_economy.world.replay import replay
from sim_economy.world.world import World

Vandal = sqlite3.Connection
TURNS: Final = 5
KEYED: Final = (1, 2, 4, 5)
"""Turns whose requests had a key."""


def request(turn: int) -> bytes:
    return f"request {turn}".encode()


def key_of(turn: int) -> str:
    """A key that may be Base64 of something."""
    return f"key+{turn:04d}"


def close(engine: Engine, turn: int) -> str:
    key = key_of(turn) if turn in KEYED else None
    return engine.close_turn([Input("agent_0", Mine())], key=key, request=request(turn))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world of five turns, two inputs waiting for the sixth."""
    path = tmp_path_factory.mktemp("made") / "world.sqlite"
    engine = Engine.open(path)
    engine.start({"num_agents": 4}, None)
    for turn in range(1, TURNS + 1):
        close(engine, turn)
    for agent in ("agent_0", "agent_1"):
        engine.submit(Input(agent, Stake(10)))
    engine.close()
    return path


@pytest.fixture
def ledger(made: Path, tmp_path: Path) -> Path:
    for path in made.parent.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
        (tmp_path / path.name).chmod(0o600)
    return tmp_path / made.name


def head_of(vandal: Vandal, turn: int) -> str:
    return str(vandal.execute("SELECT head FROM turns WHERE turn = ?", (turn,)).fetchone()[0])


def put_receipt(vandal: Vandal, receipt: Receipt, checksum: str) -> None:
    vandal.execute(
        "INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?, ?)",
        (
            receipt.idempotency_key,
            receipt.turn,
            receipt.request_digest,
            receipt.answer,
            checksum,
        ),
    )


def receipts_of(vandal: Vandal) -> list[Receipt]:
    rows = vandal.execute("SELECT turn, idempotency_key, request_digest, answer FROM receipts")
    return [Receipt(*row) for row in rows]


def chained_anew(vandal: Vandal, receipts: list[Receipt]) -> None:
    """As the engine itself would have written them."""
    vandal.execute("DELETE FROM receipts")
    previous = ""
    for receipt in sorted(receipts, key=lambda each: each.turn):
        previous = bound_digest(previous, head_of(vandal, receipt.turn), receipt)
        put_receipt(vandal, receipt, previous)


def a_bare_checksum(vandal: Vandal) -> None:
    answer = '{"data":{"inference_fees_collected":999999}}'
    forged = Receipt(2, key_of(2), digest(request(2)), answer)
    put_receipt(vandal, forged, bound_digest("", head_of(vandal, 2), forged))


def all_bare(vandal: Vandal) -> None:
    for receipt in receipts_of(vandal):
        put_receipt(vandal, receipt, bound_digest("", head_of(vandal, receipt.turn), receipt))


def reworded(vandal: Vandal) -> None:
    chained_anew(
        vandal,
        [
            Receipt(each.turn, each.idempotency_key, digest(b"another"), each.answer)
            for each in receipts_of(vandal)
        ],
    )


def invented(vandal: Vandal) -> None:
    """For a key that the client has not sent yet."""
    new = Receipt(3, key_of(6), digest(request(6)), '{"data":{}}')
    chained_anew(vandal, [*receipts_of(vandal), new])


def invented_at_the_end(vandal: Vandal) -> None:
    newest = vandal.execute("SELECT checksum FROM receipts ORDER BY turn DESC").fetchone()[0]
    new = Receipt(TURNS, key_of(6), digest(request(6)), '{"data":{}}')
    put_receipt(vandal, new, bound_digest(newest, head_of(vandal, TURNS), new))


def one_deleted(vandal: Vandal) -> None:
    chained_anew(vandal, [each for each in receipts_of(vandal) if each.turn != 4])


def the_last_deleted(vandal: Vandal) -> None:
    vandal.execute("DELETE FROM receipts WHERE turn = ?", (TURNS,))


def all_deleted(vandal: Vandal) -> None:
    vandal.execute("DELETE FROM receipts")


def a_request_as_bytes(vandal: Vandal) -> None:
    """As the bytes whose Base64 the text is: a record in JSON has the same for both."""
    ((request_digest,),) = vandal.execute("SELECT request_digest FROM receipts WHERE turn = 2")
    kept = (base64.b64decode(request_digest),)
    vandal.execute("UPDATE receipts SET request_digest = ? WHERE turn = 2", kept)


def a_key_as_bytes(vandal: Vandal) -> None:
    kept = (base64.b64decode(key_of(TURNS)),)
    vandal.execute(f"UPDATE receipts SET idempotency_key = ? WHERE turn = {TURNS}", kept)


def an_accepted_input_deleted(vandal: Vandal) -> None:
    vandal.execute("DELETE FROM submissions WHERE position = 1")


def every_accepted_input_deleted(vandal: Vandal) -> None:
    vandal.execute("DELETE FROM submissions")


def accepted_inputs(vandal: Vandal, *inputs: Input) -> None:
    vandal.execute("DELETE FROM submissions")
    previous, head = "", head_of(vandal, TURNS)
    for index, sent in enumerate(inputs):
        kept = Submission(TURNS + 1, index, Raw(canonical(sent)))
        previous = bound_digest(previous, head, kept)
        row = (index, TURNS + 1, canonical(sent).decode(), None, None, previous)
        vandal.execute("INSERT INTO submissions VALUES (?, ?, ?, ?, ?, ?)", row)


def an_accepted_input_replaced(vandal: Vandal) -> None:
    accepted_inputs(vandal, Input("agent_0", Stake(10)), Input("agent_1", Stake(900)))


def the_first_replaced(vandal: Vandal) -> None:
    accepted_inputs(vandal, Input("agent_0", Stake(900)), Input("agent_1", Stake(10)))


def an_accepted_input_of_another(vandal: Vandal) -> None:
    accepted_inputs(vandal, Input("agent_3", Stake(10)))


def accepted_text_alone(vandal: Vandal) -> None:
    vandal.execute("UPDATE submissions SET data = replace(data, '10', '900') WHERE position = 0")


FOUND_ALONE: Final = (
    a_bare_checksum,
    invented_at_the_end,
    a_request_as_bytes,
    a_key_as_bytes,
    accepted_text_alone,
)
"""Found in the ledger by itself; the others are chained as the engine would have chained them."""

ALTERATIONS: Final[tuple[Callable[[Vandal], None], ...]] = (
    *FOUND_ALONE,
    all_bare,
    reworded,
    invented,
    one_deleted,
    the_last_deleted,
    all_deleted,
    an_accepted_input_deleted,
    every_accepted_input_deleted,
    an_accepted_input_replaced,
    the_first_replaced,
    an_accepted_input_of_another,
)


@pytest.mark.parametrize("alter", ALTERATIONS, ids=lambda alter: alter.__name__)
def test_every_alteration_is_found_at_the_start_and_by_verify(
    alter: Callable[[Vandal], None], ledger: Path
) -> None:
    assert verify(ledger).holds
    with closing(sqlite3.connect(ledger)) as vandal:
        alter(vandal)
        vandal.commit()
    found = verify(ledger)
    assert found.head_file
    assert found.finding is not None
    with pytest.raises(StoreError) as refused:
        Engine.open(ledger)
    assert refused.value.code in {"ledger_rolled_back", "ledger_damaged"}
    if alter not in FOUND_ALONE:
        assert "its head file saw other" in found.finding.problem
        assert verify(SQLiteStore.open(ledger, read_only=True)).holds, "what the ledger alone shows"
        Engine.open(ledger, accept_head=True).close()
        assert verify(ledger).holds, "accepted as it is"


def test_an_unaltered_one_starts_and_repeats_its_answers(ledger: Path) -> None:
    engine = Engine.open(ledger)
    answers = {turn: engine.close_turn(key=key_of(turn), request=request(turn)) for turn in KEYED}
    assert engine.started().turn_number == TURNS
    assert [json.loads(answers[turn])["data"]["turn"] for turn in KEYED] == list(KEYED)
    fresh = engine.close_turn(key=key_of(6), request=request(6))
    assert engine.close_turn(key=key_of(6), request=request(6)) == fresh
    assert json.loads(fresh)["data"]["inputs"] == 2
    engine.close()
    assert verify(ledger).holds


def test_an_answer_is_the_same_bytes_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "world.sqlite"
    engine = Engine.open(path)
    engine.start({"num_agents": 4}, None)
    first = [close(engine, turn) for turn in (1, 2)]
    engine.close()
    engine = Engine.open(path)
    assert [close(engine, turn) for turn in (1, 2)] == first
    assert engine.started().turn_number == 2
    engine.close()
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT DISTINCT answer FROM receipts").fetchall() == [("",)]


def test_the_head_does_not_depend_on_keys(tmp_path: Path) -> None:
    heads = []
    for keyed in (True, False):
        engine = Engine.open(tmp_path / f"{keyed}.sqlite")
        engine.start({"num_agents": 4}, None)
        engine.close_turn(key="k" if keyed else None, request=b"r")
        heads.append(engine.started().head)
        engine.close()
    assert heads[0] == heads[1]


def test_what_an_earlier_release_wrote_starts_and_is_played_on(ledger: Path) -> None:
    """Bare checksums, answers in the file, a head file without ends."""
    stored = '{"data":{"turn":2,"as":"it was"}}'
    with closing(sqlite3.connect(ledger)) as before:
        before.execute("DELETE FROM submissions")
        for receipt in receipts_of(before):
            old = Receipt(receipt.turn, receipt.idempotency_key, receipt.request_digest, stored)
            put_receipt(before, old, bound_digest("", head_of(before, old.turn), old))
        sent = canonical(Input("agent_0", Stake(10)))
        kept = Submission(TURNS + 1, 0, Raw(sent))
        checksum = bound_digest("", head_of(before, TURNS), kept)
        row = (0, TURNS + 1, sent.decode(), None, None, checksum)
        before.execute("INSERT INTO submissions VALUES (?, ?, ?, ?, ?, ?)", row)
        before.commit()
    with closing(SQLiteStore.open(ledger, read_only=True)) as store:
        head = json.loads(canonical(store.head()))
    mark = {"head": head, "checksum": digest(json.dumps(head, separators=(",", ":")).encode())}
    slots = [b"\n" * 512, json.dumps(mark, separators=(",", ":")).encode().ljust(512, b"\n")]
    Path(f"{ledger}.head").write_bytes(b"".join(slots))
    seen = HeadFile.seen(ledger)
    assert seen is not None
    assert seen.ends is None
    assert verify(ledger).holds
    engine = Engine.open(ledger)
    assert engine.close_turn(key=key_of(2), request=request(2)) == stored
    engine.submit(Input("agent_1", Mine()))
    assert json.loads(engine.close_turn(key=key_of(6), request=b"6"))["data"]["inputs"] == 2
    close(engine, 7)
    engine.close()
    found = verify(ledger)
    assert found.holds
    assert found.turns == TURNS + 2
    seen = HeadFile.seen(ledger)
    assert seen is not None
    assert seen.ends is not None
    copy_ledger(location_of(ledger), location_of(ledger.with_name("copy.sqlite")))
    assert verify(ledger.with_name("copy.sqlite")).head_file


def test_a_head_file_that_knows_less_is_no_roll_back(ledger: Path) -> None:
    """Power went after the commit of a turn, or of an accepted input, and before its note."""
    behind = Path(f"{ledger}.head").read_bytes()
    engine = Engine.open(ledger)
    engine.submit(Input("agent_2", Mine()))
    engine.close()
    Path(f"{ledger}.head").write_bytes(behind)
    assert verify(ledger).holds
    engine = Engine.open(ledger)
    assert len(engine.started().accepted()) == 3
    before_the_turn = Path(f"{ledger}.head").read_bytes()
    engine.close_turn(key=key_of(6), request=request(6))
    engine.close()
    Path(f"{ledger}.head").write_bytes(before_the_turn)
    assert verify(ledger).holds
    Engine.open(ledger).close()


def test_verify_finds_a_ledger_that_was_cut_back(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as vandal:
        vandal.execute("DELETE FROM submissions")
        vandal.execute("DELETE FROM receipts WHERE turn = ?", (TURNS,))
        vandal.execute("DELETE FROM turns WHERE turn = ?", (TURNS,))
        vandal.commit()
    found = verify(ledger).finding
    assert found is not None
    assert found.problem == f"its head file saw turn {TURNS} and the ledger ends with turn 4"
    Path(f"{ledger}.head").unlink()
    assert verify(ledger).holds
    assert not verify(ledger).head_file


def test_every_store_chains_alike(tmp_path: Path) -> None:
    def played(world: World) -> list[Any]:
        for turn in (1, 2, 3):
            world.submit(Input("agent_0", Mine()))
            world.submit(Input("agent_1", Mine()))
            if turn < 3:
                world.turn(receipt=Receipt(turn, key_of(turn), "digest"))
        assert verify(world.store).holds
        assert replay(world.store) == world.head
        store = world.store
        return [list(store.receipts()), list(store.checksums()), store.ends()]

    with World.create(tmp_path / "w.sqlite") as world:
        assert played(world) == played(World())
