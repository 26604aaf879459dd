"""Whether a ledger is what it was: its check, a head that was kept, the head file beside it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from sim_economy.world.engine import Engine
from tests.viewer.ledgers import Viewer, played


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return played(tmp_path_factory.mktemp("chain") / "run.sqlite", "as-run", turns=12)


def altered(ledger: Path, copy: Path, statement: str) -> Path:
    """A copy of a ledger in which one thing is another."""
    shutil.copy(ledger, copy)
    with sqlite3.connect(copy) as connection:
        connection.execute(statement)
    connection.close()
    return copy


def test_a_head_that_was_kept_is_found_again_and_another_is_not(ledger: Path) -> None:
    viewer = Viewer.of(ledger)
    for turn in (0, 5, 12):
        head = viewer.ask(f"/view/turns/{turn}")["head"]
        same = viewer.ask("/view/chain", turn=turn, head=head.upper())["compared"]
        assert (same["same"], same["kept"]) == (True, head)
        assert viewer.ask("/view/verification", turn=turn, head=head)["compared"] == same
        other = viewer.ask("/view/chain", turn=turn, head="0" * 64)["compared"]
        assert (other["same"], other["kept"]) == (False, head)
        assert "not what it was" in other["words"]
    later = viewer.ask("/view/chain", turn=13, head=head)["compared"]
    assert (later["same"], later["kept"]) == (False, None)
    assert viewer.ask("/view/chain")["compared"] is None
    for query in ({"turn": 3}, {"head": head}, {"turn": 3, "head": "ab"}, {"turn": -1}):
        assert viewer.refusal("/view/chain", **query) == (422, "input_invalid")


def test_a_check_says_that_all_is_sound(ledger: Path) -> None:
    viewer = Viewer.of(ledger)
    found = viewer.ask("/view/verification")
    assert (found["is_sound"], found["turns"], found["problem"]) == (True, 12, None)
    assert found["head"] == viewer.ask("/view/chain")["head"]
    assert viewer.ask("/view/verification/progress") == {"running": False, "turn": 12, "turns": 12}


def test_a_check_names_what_was_altered(ledger: Path, tmp_path: Path) -> None:
    forged = altered(
        ledger,
        tmp_path / "forged.sqlite",
        "UPDATE turns SET line = replace(line, '\"ends\":false', '\"ends\":true ') WHERE turn = 4",
    )
    found = Viewer.of(forged).ask("/view/verification")
    assert (found["is_sound"], found["problem_turn"]) == (False, 4)
    kept = Viewer.of(ledger).ask("/view/turns/12")["head"]
    compared = Viewer.of(forged).ask("/view/chain", turn=12, head=kept)["compared"]
    assert compared["same"] is False, "its lines are hashed, not the heads kept with them believed"


def test_a_damaged_ledger_is_refused_with_what_to_do(ledger: Path, tmp_path: Path) -> None:
    broken = altered(
        ledger, tmp_path / "broken.sqlite", "UPDATE turns SET line = '{}' WHERE turn = 4"
    )
    answer = Viewer.of(broken).client.get("/view/overview")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ledger_damaged")


def test_the_head_file_shows_a_ledger_that_was_cut_back(tmp_path: Path) -> None:
    path = tmp_path / "world.db"
    engine = Engine.open(path)
    engine.start({}, None)
    engine.close_turn()
    shutil.copy(path, tmp_path / "early.db")
    for suffix in ("-wal", "-shm"):
        shutil.copy(f"{path}{suffix}", f"{tmp_path / 'early.db'}{suffix}")
    engine.close_turn()
    engine.close()
    found = Viewer.of(path).ask("/view/chain")
    assert (found["head_file"]["turn"], found["head_file"]["problem"]) == (2, None)
    assert found["head_file"]["head"] == found["head"]["head"]
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
        shutil.copy(f"{tmp_path / 'early.db'}{suffix}", f"{path}{suffix}")
    viewer = Viewer.of(path)
    assert "ends with turn 1" in viewer.ask("/view/chain")["head_file"]["problem"]
    assert viewer.ask("/view/verification")["is_sound"] is False
