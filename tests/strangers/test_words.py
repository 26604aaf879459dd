"""What agents, models and strangers wrote is text wherever it is shown."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import pty
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.core.actions import Input, Mine, Speak, Transfer
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.readers.plain_text import (
    csv_cell,
    html_text,
    markdown_code,
    markdown_text,
    visible,
    write_csv_rows,
)
from sim_economy.ledger.records import chained, digest
from sim_economy.world.world import World
from tests.architecture.source import PACKAGE, modules, tree
from tests.orchestrator.setup import mocked, play
from tests.strangers.commands import called, read_by_every_command

WORDS: Final = (
    "\x1b[31mred\x1b]8;;http://evil.example\x07link\x1b]8;;\x07",
    "\u202eturned\u2066 \u200bunseen",
    "\x9b2Jcleared\x85\x07\x08\x7f",
    "[/b] [link=http://evil.example]here[/link] [blink]IS SOUND[/blink]",
    "<script>alert(1)</script><img src=x onerror=alert(1)> \"' onload=",
    "=1+1",
    "@SUM(A1)",
    "-2.5e9",
    "\t=HYPERLINK(0)",
    "![x](javascript:alert(1)) `code` | cell | **bold**",
    "{0.__class__} {task.description} %s",
)
MARK: Final = "MARK"
NEVER_SHOWN: Final = tuple("\x1b\x07\x08\x7f\x9b\x85\u202e\u2066\u200b\x00")


def without_line_ends(text: str) -> set[str]:
    """The characters of an output that move or hide something."""
    return {letter for letter in text if letter in NEVER_SHOWN}


def hostile(path: Path) -> Path:
    """A ledger every text of which is an attack on whoever is shown it; its hashes fit."""
    config = parse_world_config({"num_agents": 3}, agent_ids=[MARK + each for each in "abc"])
    with World.create(path, config, world_id=f"{MARK}w") as world:
        first, second, third = config.agent_ids
        for words in WORDS:
            world.turn(
                [
                    Input(first, Transfer(second, 5, 1), 5, 5, thinking=words, speech=words),
                    Input(second, Speak(), 5, 5, thinking=words, speech=words),
                    Input(third, Mine(), 5, 5, thinking=words, speech=words),
                    Input(f"{MARK}d", Mine()),
                ]
            )
    ids = {f"{MARK}{each}": words for each, words in zip("abcdw", WORDS, strict=False)}
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, column, key in (
            ("genesis", "data", "rowid"),
            ("turns", "line", "turn"),
            ("snapshots", "state", "turn"),
            ("accounts", "name", "account"),
        ):
            for row, kept in connection.execute(f"SELECT {key}, {column} FROM {table}").fetchall():
                text = kept
                for mark, words in ids.items():
                    inside = words if table == "accounts" else json.dumps(words)[1:-1]
                    text = text.replace(mark, inside)
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (text, row))
        ((genesis,),) = connection.execute("SELECT data FROM genesis")
        head = digest(genesis.encode())
        for turn, line in connection.execute("SELECT turn, line FROM turns").fetchall():
            head = chained(head, line.encode())
            connection.execute("UPDATE turns SET head = ? WHERE turn = ?", (head, turn))
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return hostile(tmp_path / "hostile.sqlite")


def test_no_command_that_reads_a_ledger_shows_words_as_anything_but_text(
    ledger: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.sqlite"
    with World.create(other, parse_world_config({"num_agents": 3})) as world:
        world.turn([Input("agent_0", Mine(), speech=WORDS[3])])
    ended = read_by_every_command(ledger, other, tmp_path / "out")
    for name, (status, output, errors) in ended.items():
        assert status in {0, 1, 2}, (name, errors)
        assert without_line_ends(output + errors) == set(), name
    assert "[/b]" in ended["diff"].output + called("diff", other, ledger).output


def test_a_ledger_of_two_agents_words_apart_is_told_apart_in_words(tmp_path: Path) -> None:
    for name, words in (("one", WORDS[0]), ("other", WORDS[3])):
        with World.create(tmp_path / name, parse_world_config({"num_agents": 2})) as world:
            world.turn([Input("agent_0", Speak(), speech=words)])
    ended = called("diff", tmp_path / "one", tmp_path / "other")
    assert ended.status == 1
    assert without_line_ends(ended.output) == set()
    assert "[blink]IS SOUND[/blink]" in "".join(ended.output.split("\n")).replace(" ", " ")


def test_an_orchestrated_run_of_hostile_models_is_read_as_text(tmp_path: Path) -> None:
    replies = [
        {"turn": turn, "agent": f"agent_{agent}", "reply": json.dumps(
            {"action": "speak", "speech": words.replace("\0", ""), "thinking": words})}
        for turn, words in enumerate(WORDS, 1)
        for agent in range(8)
    ]  # fmt: skip
    script = tmp_path / "script.jsonl"
    script.write_text("\n".join(map(json.dumps, replies)), encoding="utf-8")
    folder = tmp_path / "run"
    task = mocked(len(WORDS))
    from tests.orchestrator.setup import task as task_of  # noqa: PLC0415

    tables = {
        "orchestrator": {},
        "models": {"m": {"provider": "mock", "script": str(script)}},
        "minds": [{"model": "m"}],
    }
    play(folder, task_of(tables, len(WORDS), task.config, tmp_path))
    page = tmp_path / "page.html"
    for arguments in (
        ("inspect", folder),
        ("inspect", folder, "--agent", "agent_0", "--prompts"),
        ("inspect", folder, "--agent", WORDS[0]),
        ("inspect", folder, "--html", page),
        ("inspect", folder, "--turn", "1", "--json"),
        ("replay", folder),
    ):
        ended = called(*arguments)
        assert ended.status == (2 if WORDS[0] in arguments else 0), ended
        assert without_line_ends(ended.output + ended.errors) == set(), arguments
    text = page.read_text(encoding="utf-8")
    assert without_line_ends(text) == set()
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "IS SOUND" in text


def test_a_spreadsheet_calculates_nothing_of_an_export(ledger: Path, tmp_path: Path) -> None:
    assert called("export", ledger, "--out", tmp_path / "csv").status == 0
    assert called("export", ledger, "--out", tmp_path / "raw", "--raw").status == 0
    assert called("export", ledger, "--format", "jsonl", "--raw").status == 2
    undone = 0
    for file in sorted((tmp_path / "csv").iterdir()):
        escaped, raw = (
            list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
            for path in (file, tmp_path / "raw" / file.name)
        )
        for row, raw_row in zip(escaped, raw, strict=True):
            for cell, text in zip(row, raw_row, strict=True):
                assert cell[:1] not in {"=", "+", "@", "\t", "\r"}, (file, cell)
                assert not cell.startswith("-") or cell.lstrip("-").isdigit(), (file, cell)
                assert cell in {text, f"'{text}"}
                undone += cell != text
    assert undone > 20


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-2.5e9", "'-2.5e9"), ("@x", "'@x"), ("\tx", "'\tx"),
        ("\rx", "'\rx"), ("  =1", "'  =1"), ("\uff1d1", "'\uff1d1"), ("'=1", "''=1"),
        ("\n=1", "'\n=1"),
        ("1e5", "'1e5"), ("007", "'007"), ("12:30", "'12:30"),
        ("12345678901234567", "'12345678901234567"),
        ("5", "5"), ("0.25", "0.25"), ("agent_0", "agent_0"), ("a=1", "a=1"), ("", ""), (-5, -5),
        (-2.5, -2.5), (None, None), (True, True),
    ],
)  # fmt: skip
def test_a_cell_is_shown_and_not_taken_for_something_else(text: Any, cell: Any) -> None:
    assert csv_cell(text) == cell


def test_rows_are_written_with_their_columns_escaped_too() -> None:
    file = io.StringIO()
    write_csv_rows(file, ["=a", "b"], [{"=a": "=1", "b": -1}])
    assert file.getvalue() == "'=a,b\n'=1,-1\n"


@pytest.mark.parametrize("words", WORDS)
def test_each_kind_of_output_shows_every_text_as_text(words: str) -> None:
    for show in (visible, html_text, markdown_text, markdown_code):
        assert without_line_ends(show(words)) == set()
    assert "<" not in html_text(words)
    assert '"' not in html_text(words)
    assert "`" not in markdown_code(words)[1:-1]
    pytest.importorskip("markdown_it")
    from markdown_it import MarkdownIt  # noqa: PLC0415

    page = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown_text(words))
    for tag in ("<script", "<img", "<a ", "<strong", "<code", "<td"):
        assert tag not in page


def test_a_progress_bar_shows_a_hostile_name_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from sim_economy.cli.output import progress_bar  # noqa: PLC0415

    held, shown = pty.openpty()
    seen = bytearray()

    def read() -> None:
        while True:
            try:
                seen.extend(os.read(held, 4096))
            except OSError:
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with os.fdopen(shown, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        for words in WORDS:
            with progress_bar(words, 1) as progress:
                progress(1)
    reader.join(5)
    text = seen.decode(errors="replace")
    assert "[/b]" in text
    assert "{0.__class__}" in text
    assert "evil.example\x07" not in text
    assert "\u202e" not in text


OUTPUTS: Final[dict[str, set[str]]] = {
    "click.echo": {"cli/output.py", "cli/completion.py", "cli/__init__.py"},
    "print": {"api/server.py"},
    "csv.writer": {"ledger/readers/plain_text.py"},
    "csv.DictWriter": set(),
    "html.escape": set(),
    "escape": {"ledger/readers/plain_text.py"},
}
"""Ways to show something, and the files that may take them; others use what those offer."""


def shows(folder: Path) -> Iterator[tuple[str, str]]:
    for path in modules(folder):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in OUTPUTS:
                    yield name, path.relative_to(folder).as_posix()


def test_nothing_is_shown_but_by_the_function_of_its_kind() -> None:
    found = [(name, file) for name, file in shows(PACKAGE) if file not in OUTPUTS[name]]
    assert found == []


def test_nothing_writes_to_a_stream_of_the_process_by_itself() -> None:
    direct = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in modules(PACKAGE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in {"write", "writelines"}
        and ast.unparse(node.value) in {"sys.stdout", "sys.stderr"}
    ]
    assert direct == []


def test_reports_of_runs_with_hostile_names_hold_no_markup(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    scenario = tmp_path / "hostile.toml"
    name = json.dumps("".join(WORDS[2:5]).replace("/", "|"))
    scenario.write_text(f"name = {name}\nruns = 2\nturns = 3\n", encoding="utf-8")
    out = tmp_path / "out"
    ended = called("experiment", scenario, "--out", out)
    if ended.status == 2:
        assert "name" in ended.errors
        assert without_line_ends(ended.errors) == set()
        return
    for path in (out / "report.md", out / "report.html"):
        text = path.read_text(encoding="utf-8")
        assert without_line_ends(text) == set(), path
        assert "<script>alert" not in text or path.suffix == ".md"
    shutil.rmtree(out)
