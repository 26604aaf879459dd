"""Ledgers of strangers: endless, swollen, nested, numbered and typed as no ledger is."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.core.errors import SimEconomyError
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.readers.export import COLUMNS, table_rows
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.readers.series import turn_figures
from sim_economy.ledger.records import chained, digest
from sim_economy.runs.run import run_of
from sim_economy.world.engine import Engine
from sim_economy.world.world import World
from tests.ledger.ledgers import rich_world
from tests.ledger.test_contract_fold import TURNS
from tests.strangers.commands import Ended, called, read_by_every_command

SECONDS_MOST: Final = 5.0
"""Of all readers together; an endless one never ends."""
ALTERATIONS: Final = int(os.environ.get("STRANGER_LEDGERS", "2000"))
SLICE: Final = 25
_TEXTS: Final = {"genesis": "data", "turns": "line", "snapshots": "state", "submissions": "data"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "world.sqlite"
    rich_world(path).close()
    return path


@pytest.fixture
def ledger(sound: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "stranger.sqlite"
    shutil.copyfile(sound, copy)
    return copy


def schema_altered(ledger: Path, name: str, statement: str) -> None:
    """Put a view in the place of a table, as SQLite itself would not let one do."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute(f"DROP TABLE {name}")
        connection.execute(statement)


def rehash(ledger: Path) -> None:
    """Make the chain of heads fit the lines, as a forger would."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        ((genesis,),) = connection.execute("SELECT data FROM genesis")
        head = digest(str(genesis).encode())
        for turn, line in connection.execute(
            "SELECT turn, line FROM turns ORDER BY turn"
        ).fetchall():
            head = chained(head, line.encode())
            connection.execute("UPDATE turns SET head = ? WHERE turn = ?", (head, turn))


def with_line(ledger: Path, turn: int, change: Callable[[dict[str, Any]], object]) -> None:
    """Change one turn's record and hash the chain anew."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        ((line,),) = connection.execute("SELECT line FROM turns WHERE turn = ?", (turn,))
        record = json.loads(line)
        change(record)
        text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        connection.execute("UPDATE turns SET line = ? WHERE turn = ?", (text, turn))
    rehash(ledger)


def read_in_this_process(ledger: Path) -> Iterator[str]:
    """What the engine's start and the readers behind the API raise, but for what is meant to be."""
    readers: dict[str, Callable[[], object]] = {
        "engine": lambda: Engine.open(ledger, world_id="rich", accept_head=True).close(),
        "world": lambda: World.open(ledger, read_only=True).close(),
        "run": lambda: _read(ledger, run_of),
        "series": lambda: _read(ledger, lambda store: list(turn_figures(store))),
        "tables": lambda: _read(
            ledger, lambda store: [list(table_rows(store, table)) for table in COLUMNS]
        ),
    }
    for name, read in readers.items():
        try:
            read()
        except SimEconomyError as error:
            yield f"{name}: {error.code}"


def _read(ledger: Path, reader: Callable[[Any], object]) -> None:
    with reading(ledger) as store:
        reader(store)


def assert_refused(ended: dict[str, Ended]) -> None:
    for name, (status, _, errors) in ended.items():
        assert status in {1, 2}, (name, errors)
        assert len(errors) < 2000, (name, errors[:200])


def test_what_is_read_here_is_read_from_a_sound_ledger(ledger: Path, sound: Path) -> None:
    ended = read_by_every_command(ledger, sound, ledger.parent / "out")
    assert {name: end.status for name, end in ended.items()} == dict.fromkeys(ended, 0)
    assert list(read_in_this_process(ledger)) == []


ENDLESS = "WITH RECURSIVE e(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM e)"


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        (
            "turns",
            f"CREATE VIEW turns AS {ENDLESS} SELECT n AS turn, 'x' AS line, 'y' AS head FROM e",
        ),
        ("genesis", f"CREATE VIEW genesis AS {ENDLESS} SELECT n AS data FROM e"),
        ("accounts", f"CREATE VIEW accounts AS {ENDLESS} SELECT n AS account, 'x' AS name FROM e"),
        ("genesis", "CREATE VIEW genesis AS SELECT printf('%.*c', 400000000, 'x') AS data"),
        ("snapshots", "CREATE VIEW snapshots AS SELECT 0 AS turn, zeroblob(900000000) AS state"),
    ],
    ids=[
        "endless turns",
        "endless genesis",
        "endless accounts",
        "swollen genesis",
        "swollen state",
    ],
)
def test_a_view_instead_of_a_table_is_refused_before_it_is_asked(
    ledger: Path, sound: Path, table: str, statement: str
) -> None:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    schema_altered(ledger, table, statement)
    started = time.monotonic()
    assert_refused(read_by_every_command(ledger, sound, ledger.parent / "out"))
    assert set(read_in_this_process(ledger)) >= {"engine: ledger_damaged", "run: ledger_damaged"}
    assert time.monotonic() - started < SECONDS_MOST


def interior_page(page_bytes: int, child: int, first: bool) -> bytes:
    """A page of a table whose every child is one and the same page."""
    cells = (page_bytes - 100 - 12) // 8
    offset = 100 if first else 0
    body = bytearray(page_bytes)
    content = page_bytes - 6 * cells
    struct.pack_into(">BHHHBI", body, offset, 5, 0, cells, content, 0, child)
    for cell in range(cells):
        at = content + 6 * cell
        struct.pack_into(">IBB", body, at, child, 0x81, cell % 128)
        struct.pack_into(">H", body, offset + 12 + 2 * cell, at)
    return bytes(body)


@pytest.mark.parametrize("table", ["turns", "genesis", "accounts", "snapshots"])
def test_a_table_whose_pages_lead_to_one_another_again_and_again_ends(
    ledger: Path, sound: Path, table: str
) -> None:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        ((page_bytes,),) = connection.execute("PRAGMA page_size")
        ((root,),) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        )
    content = bytearray(ledger.read_bytes())
    pages = len(content) // page_bytes
    leaf = content[page_bytes * (root - 1) : page_bytes * root]
    # Twelve levels of pages that hold the next one many times, the old root below them all.
    levels = [root, *range(pages + 1, pages + 12)]
    content += (
        b"".join(interior_page(page_bytes, level + 1, first=False) for level in levels[1:]) + leaf
    )
    content[page_bytes * (root - 1) : page_bytes * root] = interior_page(
        page_bytes, levels[1], first=False
    )
    struct.pack_into(">I", content, 28, len(content) // page_bytes)
    ledger.write_bytes(content)
    started = time.monotonic()
    assert called("verify", ledger).status == 1
    read_by_every_command(ledger, sound, ledger.parent / "out")
    list(read_in_this_process(ledger))
    assert time.monotonic() - started < 2 * SECONDS_MOST


DEEP: Final = 100_000


def with_text(ledger: Path, turn: int, change: Callable[[str], str]) -> None:
    """Change one turn's line to what need not be JSON, and hash the chain anew.

    SQLite would refuse it, since columns are read from it; so they are put back afterwards.
    """
    with closing(sqlite3.connect(ledger)) as connection, connection:
        ((declared,),) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'turns'")
        kept = connection.execute("SELECT turn, line, head FROM turns").fetchall()
        connection.execute("DROP TABLE turns")
        connection.execute(
            "CREATE TABLE turns (turn INTEGER PRIMARY KEY, line TEXT NOT NULL, head TEXT NOT NULL)"
        )
        for number, line, head in kept:
            text = change(line) if number == turn else line
            assert number != turn or text != line
            connection.execute("INSERT INTO turns VALUES (?, ?, ?)", (number, text, head))
    rehash(ledger)
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'turns'", (declared,))


@pytest.mark.parametrize("brackets", ["[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP])
@pytest.mark.parametrize("part", ['"inputs":[{', "{", '"bill":{', "genesis", "snapshots"])
def test_brackets_within_brackets_are_no_traceback(
    ledger: Path, sound: Path, part: str, brackets: str
) -> None:
    if part in _TEXTS:
        with closing(sqlite3.connect(ledger)) as connection, connection:
            connection.execute(f"UPDATE {part} SET {_TEXTS[part]} = ?", (brackets,))
    else:
        with_text(ledger, 3, lambda line: line.replace(part, f'{part}"deep":{brackets},', 1))
    ended = read_by_every_command(ledger, sound, ledger.parent / "out")
    assert ended["verify"].status == 1
    list(read_in_this_process(ledger))


@pytest.mark.parametrize("depth", range(100, 1000, 60))
def test_brackets_that_only_some_readers_can_follow_are_no_traceback(
    ledger: Path, sound: Path, depth: int
) -> None:
    deep = '"thinking":' + "[" * depth + "]" * depth
    with_text(ledger, 1, lambda line: line.replace('"thinking":"private"', deep, 1))
    read_by_every_command(ledger, sound, ledger.parent / "out")
    list(read_in_this_process(ledger))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE turns SET turn = 4611686018427387904 WHERE turn = 3",
        "UPDATE turns SET turn = -1 WHERE turn = 0",
        "UPDATE turns SET turn = turn + 1000000 WHERE turn > 3",
        "DELETE FROM turns WHERE turn = 3",
        "DELETE FROM turns",
        "UPDATE snapshots SET turn = 4611686018427387904 - turn",
        "UPDATE turns SET head = x'00ff' WHERE turn = 3",
        "UPDATE turns SET line = CAST(line AS BLOB) WHERE turn = 3",
        "INSERT INTO genesis SELECT data FROM genesis",
        "DELETE FROM genesis",
        "UPDATE accounts SET account = 4611686018427387904 WHERE account = 7",
    ],
)
def test_rows_that_are_numbered_or_typed_as_no_row_is_are_found(
    ledger: Path, sound: Path, statement: str
) -> None:
    with closing(sqlite3.connect(ledger)) as connection, connection:
        assert connection.execute(statement).rowcount
    ended = read_by_every_command(ledger, sound, ledger.parent / "out")
    assert ended["verify"].status == 1, statement
    list(read_in_this_process(ledger))


@pytest.mark.parametrize("account", [2**62, -1, -(2**62), 10**400, 1.5, "3", None])
def test_postings_of_accounts_that_are_not_there_are_found(
    ledger: Path, sound: Path, account: Any
) -> None:
    with_line(ledger, 3, lambda record: record["postings"][0].__setitem__(1, account))
    ended = read_by_every_command(ledger, sound, ledger.parent / "out")
    assert ended["verify"].status == 1
    list(read_in_this_process(ledger))


@pytest.mark.parametrize("exponent", ["1e999999999", "1e-999999999", "1e101"])
def test_a_parameter_that_would_take_gigabytes_to_write_out_is_refused(
    ledger: Path, sound: Path, exponent: str
) -> None:
    with closing(sqlite3.connect(ledger)) as connection, connection:
        ((genesis,),) = connection.execute("SELECT data FROM genesis")
        first = json.loads(genesis)
        name = '"burn_maturity_turns":'
        text = json.dumps(first, separators=(",", ":"))
        at = text.index(name) + len(name)
        rest = text[at:].lstrip("0123456789.")
        connection.execute("UPDATE genesis SET data = ?", (text[:at] + exponent + rest,))
    rehash(ledger)
    started = time.monotonic()
    ended = read_by_every_command(ledger, sound, ledger.parent / "out")
    assert ended.pop("jsonl").status == 0  # the lines as they are: nothing is made of them
    assert_refused(ended)
    assert time.monotonic() - started < SECONDS_MOST


STRANGE: Final[list[Any]] = [
    None, True, False, 0, 1, -1, 7, 2**31, 2**53 + 1, 2**62, 2**63, 2**64, -(2**63), 10**400,
    0.5, 5.0, 1e300, "", "5", "x" * 10_000, "\x1b[31m", "\u202e", "agent_0", "mine", "settled",
    [], {}, [[]], {"action": "mine"}, {"": None}, [None] * 50, {"a": {"b": [1, "x"]}},
]  # fmt: skip


def slots_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys or positions."""
    keys: Any = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in list(keys):
        yield value, key
        yield from slots_of(value[key])


def alter(value: Any, draws: random.Random) -> None:
    """Change, remove, double or exchange something in a JSON value."""
    slots = list(slots_of(value))
    container, key = draws.choice(slots)
    match draws.randrange(5):
        case 0 if isinstance(container, list):
            container.insert(key, container[key])
        case 1:
            del container[key]
        case 2:
            other, at = draws.choice(slots)
            container[key] = json.loads(json.dumps(other[at]))
        case _:
            container[key] = draws.choice(STRANGE)


def forge(ledger: Path, draws: random.Random) -> None:
    """Alter values in some rows of a ledger, and mostly make the hashes fit again."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        for _ in range(draws.choice((1, 1, 1, 2, 4))):
            table = draws.choice(("turns",) * 6 + tuple(_TEXTS))
            rows = connection.execute(f"SELECT rowid, {_TEXTS[table]} FROM {table}").fetchall()
            if not rows:
                continue
            row, text = draws.choice(rows)
            value = json.loads(text)
            alter(value, draws)
            text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            connection.execute(
                f"UPDATE {table} SET {_TEXTS[table]} = ? WHERE rowid = ?", (text, row)
            )
    if draws.random() < 0.8:
        rehash(ledger)


def read_forged(sound: Path, folder: Path, seed: int) -> None:
    """Let every reader read one forged ledger; a failure names the seed that made it."""
    ledger = folder / "forged.sqlite"
    for suffix in ("", "-wal", "-shm", ".head", ".lock"):
        Path(f"{ledger}{suffix}").unlink(missing_ok=True)
    shutil.copyfile(sound, ledger)
    forge(ledger, random.Random(seed))
    try:
        ended = read_by_every_command(ledger, sound, folder / "out")
        list(read_in_this_process(ledger))
    except Exception as error:
        raise AssertionError(f"seed {seed}") from error
    assert {end.status for end in ended.values()} <= {0, 1, 2}, (seed, ended)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Short ledgers, quick to read many times: one of every action, one of contracts."""
    folder = tmp_path_factory.mktemp("small")
    rich_world(folder / "rich.sqlite", turns=6).close()
    config = parse_world_config({"num_agents": 4, "num_cores": 1})
    with World.create(folder / "contracts.sqlite", config) as world:
        for actions in TURNS:
            world.act(actions)
    return folder / "rich.sqlite", folder / "contracts.sqlite"


def test_some_forged_ledgers_are_refused_or_read_without_a_traceback(
    small: tuple[Path, Path], tmp_path: Path
) -> None:
    for seed in range(SLICE):
        read_forged(small[seed % 2], tmp_path, seed)


@pytest.mark.nightly
def test_many_forged_ledgers_are_refused_or_read_without_a_traceback(
    small: tuple[Path, Path], tmp_path: Path
) -> None:
    for seed in range(SLICE, ALTERATIONS):
        read_forged(small[seed % 2], tmp_path, seed)
