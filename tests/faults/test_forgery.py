"""A SQLite ledger forged in every way of a table: found at the start, by verify, by replay.

The head file stays unless a row says otherwise. What a column cannot see says why.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from sim_economy.core.actions import Input, Mine, Stake
from sim_economy.core.errors import SimEconomyError
from sim_economy.core.state import decode_state, encode_state
from sim_economy.ledger.records import chained, digest
from sim_economy.ledger.verify import verify
from sim_economy.world.engine import Engine
from sim_economy.world.replay import replay
from tests.api.wire_client import EngineProcess

TURNS: Final = 70
"""More than the 64 between two snapshots: some turns lie before the newest."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forged")
    engine = Engine.open(folder / "world.sqlite")
    engine.start({"num_agents": 3}, None)
    for turn in range(1, TURNS + 1):
        inputs = [
            Input("agent_0", Mine(), 10, 200, thinking="private", speech=f"turn {turn}"),
            Input("agent_1", Stake(5) if turn % 7 == 1 else Mine(), 5, 150),
        ]
        engine.close_turn(inputs, key=f"key-{turn}", request=b"request")
    engine.submit(Input("agent_2", Mine()))
    # Killed, not closed: the write-ahead log is as it was.
    for path in folder.iterdir():
        shutil.copyfile(path, folder / f"{path.name}.kept")
    engine.close()
    return folder


@pytest.fixture
def ledger(made: Path, tmp_path: Path) -> Path:
    for path in made.glob("*.kept"):
        if ".lock" not in path.name:
            target = tmp_path / path.name.removesuffix(".kept")
            shutil.copyfile(path, target)
            target.chmod(0o600)
    return tmp_path / "world.sqlite"


def sql(*statements: str) -> Callable[[Path], None]:
    def change(ledger: Path) -> None:
        with closing(sqlite3.connect(ledger)) as vandal:
            vandal.executescript(";".join(statements))
            vandal.commit()

    return change


def line(turn: int, change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """A turn's line altered, its head left."""

    def forge(ledger: Path) -> None:
        with closing(sqlite3.connect(ledger)) as vandal:
            record = json.loads(_line(vandal, turn))
            change(record)
            text = json.dumps(record, separators=(",", ":"))
            vandal.execute("UPDATE turns SET line = ? WHERE turn = ?", (text, turn))
            vandal.commit()

    return forge


def _line(vandal: sqlite3.Connection, turn: int) -> str:
    return str(vandal.execute("SELECT line FROM turns WHERE turn = ?", (turn,)).fetchone()[0])


def rechained(first: int, vandal: sqlite3.Connection) -> None:
    """Every head anew from a turn on, as the engine would have hashed them."""
    before = str(
        vandal.execute("SELECT head FROM turns WHERE turn = ?", (first - 1,)).fetchone()[0]
    )
    lines = vandal.execute("SELECT turn, line FROM turns WHERE turn >= ? ORDER BY turn", (first,))
    for turn, text in lines.fetchall():
        before = chained(before, text.encode())
        vandal.execute("UPDATE turns SET head = ? WHERE turn = ?", (before, turn))


def rich(state: str) -> str:
    """A state in which somebody has a million tokens more."""
    altered = decode_state(state)
    altered.accounts[3] += 10**6
    return encode_state(altered).decode()


def newest_snapshot(*, heads: bool) -> Callable[[Path], None]:
    """The newest snapshot with its digest, and where asked for every head since."""

    def forge(ledger: Path) -> None:
        with closing(sqlite3.connect(ledger)) as vandal:
            turn, state = vandal.execute(
                "SELECT turn, state FROM snapshots ORDER BY turn DESC"
            ).fetchone()
            forged = rich(state)
            text = _line(vandal, turn).replace(digest(state.encode()), digest(forged.encode()))
            vandal.execute("UPDATE snapshots SET state = ? WHERE turn = ?", (forged, turn))
            vandal.execute("UPDATE turns SET line = ? WHERE turn = ?", (text, turn))
            if heads:
                rechained(turn, vandal)
            vandal.commit()

    return forge


def new_snapshot_of_the_last_turn(ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as vandal:
        (state,) = vandal.execute("SELECT state FROM snapshots ORDER BY turn DESC").fetchone()
        forged = rich(state)
        record = json.loads(_line(vandal, TURNS))
        record["state_digest"] = digest(forged.encode())
        text = json.dumps(record, separators=(",", ":"))
        vandal.execute("UPDATE turns SET line = ? WHERE turn = ?", (text, TURNS))
        vandal.execute("INSERT INTO snapshots VALUES (?, ?)", (TURNS, forged))
        vandal.commit()


def cut_back(ledger: Path) -> None:
    sql(
        f"DELETE FROM turns WHERE turn > {TURNS - 3}",
        f"DELETE FROM receipts WHERE turn > {TURNS - 3}",
        "DELETE FROM submissions",
    )(ledger)


def log(change: Callable[[bytes], bytes | None]) -> Callable[[Path], None]:
    def forge(ledger: Path) -> None:
        path = Path(f"{ledger}-wal")
        altered = change(path.read_bytes())
        path.unlink() if altered is None else path.write_bytes(altered)
        Path(f"{ledger}-shm").unlink(missing_ok=True)

    return forge


def mine_to_idle(record: dict[str, Any]) -> None:
    record["inputs"][0]["action"] = {"action": "idle"}


def bigger_posting(record: dict[str, Any]) -> None:
    record["postings"][0][2] += 1


def huge(record: dict[str, Any]) -> None:
    record["postings"][0][2] = 2**63


def deep(record: dict[str, Any]) -> None:
    record["inputs"][0]["thinking"] = "x"
    nested: Any = []
    for _ in range(300):
        nested = [nested]
    record["inputs"][0]["action"] = {"action": nested}


class Row(NamedTuple):
    """What a forgery does, and which columns cannot see it.

    Attributes:
        starts: Why an engine may start on it: the check that follows finds it, and writes stop.
        verifies, replays: Why these find nothing.
    """

    forge: Callable[[Path], None]
    starts: str = ""
    verifies: str = ""
    replays: str = ""


BEFORE_THE_SNAPSHOT: Final = "the start checks from the newest snapshot on, the rest meanwhile"
SHORTER: Final = "a ledger that was cut back is a shorter one that holds"
RULES_ALONE: Final = "replay asks what the inputs give; it reads no snapshot, receipt, or shape"

TABLE: Final[dict[str, Row]] = {
    "tail deleted": Row(cut_back, replays=SHORTER),
    "log removed": Row(log(lambda text: None), replays=SHORTER),
    "log emptied": Row(log(lambda text: b""), replays=SHORTER),
    "log cut short": Row(log(lambda text: text[: len(text) // 20]), replays=SHORTER),
    "log of noise": Row(log(lambda text: bytes(range(256)) * (len(text) // 256)), replays=SHORTER),
    "application_id": Row(sql("PRAGMA application_id = 1")),
    "user_version": Row(sql("PRAGMA user_version = 99")),
    "second genesis": Row(sql("INSERT INTO genesis SELECT data FROM genesis")),
    "genesis with NUL": Row(sql("UPDATE genesis SET data = data || char(0)")),
    "genesis with a blank": Row(sql("UPDATE genesis SET data = data || ' '")),
    "genesis of more tokens": Row(
        sql("UPDATE genesis SET data = replace(data, ':1000,', ':9000,')")
    ),
    "snapshot as BLOB": Row(
        sql("UPDATE snapshots SET state = CAST(state AS BLOB)"), replays=RULES_ALONE
    ),
    "an input of the last turns": Row(line(TURNS - 1, mine_to_idle)),
    "an input long ago": Row(line(3, mine_to_idle), starts=BEFORE_THE_SNAPSHOT),
    "a posting of the last turns": Row(line(TURNS - 1, bigger_posting)),
    "a posting long ago": Row(line(3, bigger_posting), starts=BEFORE_THE_SNAPSHOT),
    "2^63 of the last turns": Row(line(TURNS - 1, huge)),
    "2^63 long ago": Row(line(3, huge), starts=BEFORE_THE_SNAPSHOT),
    "brackets": Row(line(TURNS - 1, deep)),
    "brackets long ago": Row(line(3, deep), starts=BEFORE_THE_SNAPSHOT),
    "a line as BLOB": Row(
        sql(f"UPDATE turns SET line = CAST(line AS BLOB) WHERE turn = {TURNS - 1}")
    ),
    "a head in the middle": Row(
        sql("UPDATE turns SET head = 'x' || substr(head, 2) WHERE turn = 3"),
        starts=BEFORE_THE_SNAPSHOT,
    ),
    "the last head": Row(
        sql(f"UPDATE turns SET head = 'x' || substr(head, 2) WHERE turn = {TURNS}")
    ),
    "an old snapshot": Row(
        sql("UPDATE snapshots SET state = replace(state, '1000', '9000') WHERE turn = 0"),
        starts=BEFORE_THE_SNAPSHOT,
        replays=RULES_ALONE,
    ),
    "newest snapshot with its digest": Row(newest_snapshot(heads=False)),
    "newest snapshot, all heads anew": Row(newest_snapshot(heads=True)),
    "new snapshot of the last turn": Row(new_snapshot_of_the_last_turn),
    "extra table": Row(sql("CREATE TABLE extra (x)")),
    "extra index": Row(sql("CREATE INDEX extra ON turns (head)")),
    "trigger": Row(
        sql(
            "CREATE TRIGGER t AFTER INSERT ON turns BEGIN "
            "UPDATE turns SET line = replace(line, 'mine', 'idle') WHERE turn = NEW.turn; END"
        )
    ),
    "ANALYZE": Row(sql("ANALYZE")),
    "endless view": Row(
        sql(
            "ALTER TABLE turns RENAME TO real_turns",
            "CREATE VIEW turns AS WITH RECURSIVE n(turn) AS (SELECT 0 UNION ALL SELECT turn + 1 "
            "FROM n) SELECT turn, 'x' AS line, 'y' AS head FROM n",
        )
    ),
    "swelling view": Row(
        sql(
            "DROP VIEW inputs",
            "CREATE VIEW inputs AS SELECT 1 AS turn, 0 AS position, printf('%.*c', 400000000, 'x') "
            "AS data, NULL AS rejection, NULL AS public_key, NULL AS signature",
        )
    ),
    "receipt rewritten": Row(
        sql("UPDATE receipts SET request_digest = 'x' WHERE turn = 69"), replays=RULES_ALONE
    ),
    "receipt rewritten long ago": Row(
        sql("UPDATE receipts SET request_digest = 'x' WHERE turn = 3"),
        starts=BEFORE_THE_SNAPSHOT,
        replays=RULES_ALONE,
    ),
    "receipt deleted": Row(sql("DELETE FROM receipts WHERE turn = 70"), replays=RULES_ALONE),
    "receipt deleted long ago": Row(
        sql("DELETE FROM receipts WHERE turn = 3"),
        starts=BEFORE_THE_SNAPSHOT,
        replays=RULES_ALONE,
    ),
    "accepted action deleted": Row(sql("DELETE FROM submissions"), replays=RULES_ALONE),
    "accepted action replaced": Row(
        sql("UPDATE submissions SET data = replace(data, 'mine', 'study')"), replays=RULES_ALONE
    ),
}


def found_by(check: Callable[[Path], object], ledger: Path) -> bool:
    """Whether a check says that something is wrong, as an error or as its result."""
    try:
        return not getattr(check(ledger), "holds", True)
    except SimEconomyError:
        return True


def starts(ledger: Path) -> Engine | None:
    with suppress(SimEconomyError):
        return Engine.open(ledger)
    return None


def test_nothing_is_found_in_it_as_it_was(ledger: Path) -> None:
    assert not found_by(verify, ledger)
    assert not found_by(replay, ledger)
    engine = starts(ledger)
    assert engine is not None
    assert engine.verify().holds
    engine.close_turn()
    engine.close()


@pytest.mark.parametrize("name", TABLE)
def test_a_forgery_is_found(name: str, ledger: Path) -> None:
    row = TABLE[name]
    row.forge(ledger)
    assert found_by(verify, ledger) == (not row.verifies)
    assert found_by(replay, ledger) == (not row.replays)
    engine = starts(ledger)
    assert (engine is not None) == bool(row.starts)
    if engine is not None:
        before = engine.started().turn_number
        assert not engine.verify().holds
        for write in (engine.close_turn, partial(engine.submit, Input("agent_0", Mine()))):
            with pytest.raises(SimEconomyError) as refused:
                write()
            assert refused.value.code == "ledger_damaged"
        assert engine.started().turn_number == before
        engine.close()


def test_an_engine_that_knows_stops_and_reads_go_on_marked(ledger: Path) -> None:
    TABLE["an input long ago"].forge(ledger)
    with EngineProcess(ledger) as engine:
        engine.wait()
        deadline = time.monotonic() + 20
        while engine.call("/verification")["finding"] is None:
            assert time.monotonic() < deadline
        turn = {"inputs": [{"agent_id": "agent_0", "action": {"action": "mine"}}]}
        for path, body in (
            ("/turn", turn),
            ("/close", {}),
            ("/turn", {"ends": True, "inputs": []}),
            ("/agents/agent_0/action", {"action": {"action": "mine"}}),
            ("/run", {"turns": TURNS + 5, "policy": "idle"}),
        ):
            refused = engine.ask("POST", path, json.dumps(body).encode())
            assert (refused.status, refused.error["code"]) == (503, "ledger_damaged"), path
            assert "turn 3: " in refused.error["message"]
        assert engine.ask("GET", "/ready").error["code"] == "ledger_damaged"
        for path in ("/state", "/head", "/agents/agent_0/observation", "/turns?limit=2"):
            read = engine.ask("GET", path)
            assert read.status == 200, path
            assert read.headers["sim-engine-finding"].startswith("turn 3: ")
        assert engine.call("/state")["turn"] == TURNS


def test_reads_of_a_sound_ledger_are_not_marked(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        engine.wait()
        assert engine.call("/verification")["finding"] is None
        assert "sim-engine-finding" not in engine.ask("GET", "/state").headers
