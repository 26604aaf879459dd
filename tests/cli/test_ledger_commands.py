"""`verify`, `replay`, `statement`, `diff` and `export`."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any, Final

import polars
import pytest

from sim_economy.core.actions import Input, Mine
from sim_economy.ledger.readers.export import COLUMNS
from sim_economy.world.world import World
from tests.cli.shell import complaint, json_of, sim_economy


@pytest.fixture
def tampered(ledgers: Path, tmp_path: Path) -> Path:
    """The published run with one token more in one posting of turn 30."""
    path = tmp_path / "tampered.sqlite"
    shutil.copy(ledgers / "published.sqlite", path)
    posting = "'$.postings[3][2]'"
    change(
        path,
        f"UPDATE turns SET line = json_set(line, {posting}, 1 + json_extract(line, {posting})) "
        "WHERE turn = 30",
    )
    return path


def change(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


# verify and replay


def test_verify_says_that_a_whole_ledger_holds(ledgers: Path) -> None:
    found = json_of(sim_economy("verify", ledgers / "published.sqlite", "--json"))
    assert {*found} == {"holds", "turns", "head", "finding", "signatures", "head_file"}
    assert (found["holds"], found["turns"], found["finding"]) == (True, 60, None)
    assert {*found["head"]} == {"turn", "state_digest", "hash", "block_hash"}
    shown = sim_economy("verify", ledgers / "published.sqlite")
    assert shown.returncode == 0
    assert f"is sound: 60 turns, head {found['head']['hash']}" in shown.stdout


def test_verify_names_the_turn_of_a_tampered_ledger_and_exits_with_1(tampered: Path) -> None:
    message = complaint(sim_economy("verify", tampered), status=1)
    assert message.startswith(f"{tampered} is not sound: turn 30: ")
    found = json_of(sim_economy("verify", tampered, "--json"), status=1)
    assert (found["holds"], found["turns"], found["finding"]["turn"]) == (False, 29, 30)


def test_replay_gives_the_same_head(ledgers: Path) -> None:
    verified = json_of(sim_economy("verify", ledgers / "published.sqlite", "--json"))
    replayed = json_of(sim_economy("replay", ledgers / "published.sqlite", "--json"))
    assert replayed == {"same": True, "turns": 60, "head": verified["head"]["hash"]}


def test_replay_names_what_the_rules_do_not_give_and_exits_with_1(tampered: Path) -> None:
    message = complaint(sim_economy("replay", tampered), status=1)
    assert "turn 30: the rules give another record.postings[3]" in message
    found = json_of(sim_economy("replay", tampered, "--json"), status=1)
    assert {*found} == {"same", "turn", "problem"}
    assert (found["same"], found["turn"]) == (False, 30)


# statement


@pytest.mark.parametrize("account", ["balance", "staked", "all"])
@pytest.mark.parametrize("span", [(), ("--from", "10", "--to", "40")])
def test_a_statements_opening_and_totals_make_its_closing(
    ledgers: Path, account: str, span: tuple[str, ...]
) -> None:
    path = ledgers / "published.sqlite"
    shown = json_of(
        sim_economy("statement", path, "agent_3", "--account", account, *span, "--json")
    )
    assert {*shown} == {
        "agent_id",
        "first_turn",
        "last_turn",
        "opening",
        "closing",
        "lines",
        "totals",
    }
    assert (shown["first_turn"], shown["last_turn"]) == ((10, 40) if span else (0, 60))
    opening, closing = sum(shown["opening"].values()), sum(shown["closing"].values())
    assert opening + sum(shown["totals"].values()) == closing
    held = dict(shown["opening"])
    for line in shown["lines"]:
        held[line["account"]] += line["amount"]
        assert line["after"] == held[line["account"]]
    assert held == shown["closing"]


def test_statements_of_two_halves_meet(ledgers: Path) -> None:
    path = ledgers / "published.sqlite"
    first = json_of(sim_economy("statement", path, "agent_0", "--to", "29", "--json"))
    second = json_of(sim_economy("statement", path, "agent_0", "--from", "30", "--json"))
    whole = json_of(sim_economy("statement", path, "agent_0", "--json"))
    assert first["closing"] == second["opening"]
    assert first["lines"] + second["lines"] == whole["lines"]
    assert second["closing"] == whole["closing"]


def test_a_statement_is_shown_as_tables(ledgers: Path) -> None:
    path = ledgers / "one.sqlite"
    whole = sim_economy("statement", path, "agent_2")
    assert whole.returncode == 0
    for word in ("agent_2, turns 0 to 3", "transaction_submitted", "opening", "closing"):
        assert word in whole.stdout
    totals = sim_economy("statement", path, "agent_2", "--summary")
    assert "other side" in whole.stdout
    assert "other side" not in totals.stdout


def test_a_statement_of_an_unknown_agent_names_those_there_are(ledgers: Path) -> None:
    message = complaint(sim_economy("statement", ledgers / "one.sqlite", "agent_9"))
    assert message.startswith("error: agent_id: is not in this world; its agents are agent_0, ")


# diff


def differ(*paths: Path) -> Any:
    return json_of(sim_economy("diff", *paths, "--json"), status=1)


def test_ledgers_with_the_same_turns_are_the_same_by_any_name(ledgers: Path) -> None:
    paths = ledgers / "one.sqlite", ledgers / "same.sqlite"
    assert json_of(sim_economy("diff", *paths, "--json")) == {
        "same": True,
        "settings": {},
        "parting": None,
    }
    shown = sim_economy("diff", *paths)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "the same, turn by turn" in shown.stdout


def test_diff_names_the_first_turn_and_agent_that_part(ledgers: Path) -> None:
    found = differ(ledgers / "one.sqlite", ledgers / "less.sqlite")
    assert (found["same"], found["settings"]) == (False, {})
    divergence = found["parting"]
    assert {*divergence} == {"turn", "agent_id", "part", "one", "other"}
    assert (divergence["turn"], divergence["agent_id"], divergence["part"]) == (
        2,
        "agent_2",
        "input",
    )
    assert '"amount":20' in divergence["one"]
    assert '"amount":19' in divergence["other"]


def test_diff_names_the_first_posting_that_parts(tmp_path: Path, ledgers: Path) -> None:
    other = tmp_path / "other.sqlite"
    shutil.copy(ledgers / "one.sqlite", other)
    change(other, "UPDATE turns SET line = json_set(line, '$.postings[0][2]', 22) WHERE turn = 2")
    shown = sim_economy("diff", ledgers / "one.sqlite", other)
    assert shown.returncode == 1
    assert "they part in turn 2, agent_2: posting" in shown.stdout
    for amount in (21, 22):
        text = f"{amount} from agent_2:balance to agent_2:pending: transaction_submitted"
        assert text in shown.stdout


@pytest.mark.parametrize(
    "speech",
    ["[/b]", "[bold red]IS SOUND[/]", "[link=https://evil.example]here[/link]", "[", "\\["],
)
def test_diff_shows_what_agents_wrote_as_text(tmp_path: Path, speech: str) -> None:
    for name, said in (("one", speech), ("other", "\x1b[31mred\x9b1A\u202eback")):
        with World.create(tmp_path / f"{name}.sqlite") as world:
            world.turn([Input("agent_0", Mine(), speech=said)])
    shown = sim_economy("diff", "one.sqlite", "other.sqlite", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (1, "")
    assert f'"speech":{json.dumps(speech)}' in shown.stdout
    assert not {"\x1b", "\x9b", "\u202e"} & {*shown.stdout}


def test_diff_names_settings_that_differ_where_every_turn_is_the_same(ledgers: Path) -> None:
    found = differ(ledgers / "one.sqlite", ledgers / "study.sqlite")
    assert (found["same"], found["settings"], found["parting"]) == (
        False,
        {"study_cost": [50, 51]},
        None,
    )


def test_diff_says_which_ledger_goes_on(tmp_path: Path) -> None:
    for name, turns in (("short", "2"), ("long", "3")):
        sim_economy("run", "--turns", turns, "--ledger", tmp_path / f"{name}.sqlite")
    shorter, longer = tmp_path / "short.sqlite", tmp_path / "long.sqlite"
    divergence = differ(shorter, longer)["parting"]
    assert (divergence["turn"], divergence["part"]) == (2, "length")
    assert (divergence["one"], divergence["other"]) == ("ends", "goes on")


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(("few", "many")),
        ("many", "few"),
    ],
)
def test_diff_compares_worlds_of_different_sizes(tmp_path: Path, order: tuple[str, str]) -> None:
    for name, agents in (("few", 7), ("many", 9)):
        arguments = ("--turns", "1", "--set", f"num_agents={agents}")
        sim_economy("run", *arguments, "--ledger", tmp_path / f"{name}.sqlite")
    found = differ(*(tmp_path / f"{name}.sqlite" for name in order))
    assert "num_agents" in found["settings"]
    assert found["parting"]["turn"] == 0


# export


TABLES: Final = tuple(COLUMNS)


@pytest.fixture(scope="module")
def exported(ledgers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published run in every format."""
    folder = tmp_path_factory.mktemp("exported")
    for form, out in (("csv", "csv"), ("parquet", "parquet"), ("jsonl", "run.jsonl")):
        path = ledgers / "published.sqlite"
        ended = sim_economy("export", path, "--format", form, "--out", folder / out)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert f"wrote {folder / out}" in ended.stdout
    return folder


def csv_rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / "csv" / f"{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def records(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "run.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines[1:]]


@pytest.mark.parametrize("table", TABLES)
def test_parquet_and_csv_hold_the_same_cells(exported: Path, table: str) -> None:
    frame = polars.read_parquet(exported / "parquet" / f"{table}.parquet")
    assert tuple(frame.columns) == COLUMNS[table]
    cells = [
        {column: "" if value is None else str(value) for column, value in row.items()}
        for row in frame.iter_rows(named=True)
    ]
    assert csv_rows(exported, table) == cells
    assert cells or table == "contracts"


def test_the_exports_of_tables_are_these_tables(exported: Path) -> None:
    assert sorted(path.stem for path in (exported / "csv").iterdir()) == sorted(TABLES)
    assert sorted(path.stem for path in (exported / "parquet").iterdir()) == sorted(TABLES)


def test_the_canonical_export_starts_with_genesis_and_holds_every_turn(exported: Path) -> None:
    genesis = json.loads((exported / "run.jsonl").read_bytes().splitlines()[0])
    assert (genesis["world_id"], genesis["seed"]) == ("as-run/1001", 1001)
    assert [record["turn"] for record in records(exported)] == [*range(61)]


def test_the_tables_hold_what_the_canonical_export_holds(exported: Path) -> None:
    postings = [
        (str(record["turn"]), str(posting[2]), posting[3])
        for record in records(exported)
        for posting in record["postings"]
    ]
    found = csv_rows(exported, "postings")
    assert [(row["turn"], row["amount"], row["reason"]) for row in found] == postings
    inputs = [
        (str(record["turn"]), sent["agent_id"], sent["action"]["action"], outcome or "")
        for record in records(exported)
        for sent, outcome in zip(record["inputs"], record["outcomes"], strict=True)
    ]
    assert [
        (row["turn"], row["agent_id"], row["action"], row["rejection"])
        for row in csv_rows(exported, "inputs")
    ] == inputs
    blocks = [record["block"]["hash"] for record in records(exported) if record["block"]]
    assert [row["hash"] for row in csv_rows(exported, "blocks")] == blocks
    finalised = sum(len(record["transactions"]) for record in records(exported))
    assert len(csv_rows(exported, "transactions")) == finalised
    assert [row["state_digest"] for row in csv_rows(exported, "turns")] == [
        record["state_digest"] for record in records(exported)
    ]


def test_the_balances_are_the_sums_of_the_postings(exported: Path) -> None:
    held: dict[str, int] = {}
    postings = csv_rows(exported, "postings")
    for row in csv_rows(exported, "balances"):
        while postings and int(postings[0]["turn"]) <= int(row["turn"]):
            moved = postings.pop(0)
            amount = int(moved["amount"])
            held[moved["source"]] = held.get(moved["source"], 0) - amount
            held[moved["target"]] = held.get(moved["target"], 0) + amount
        for holding in ("balance", "staked", "unstaking", "pending", "escrow"):
            assert int(row[holding]) == held.get(f"{row['agent_id']}:{holding}", 0)
    assert postings == []
    assert sum(held.values()) == 0


def test_the_same_run_exports_the_same_bytes_from_any_file(ledgers: Path, tmp_path: Path) -> None:
    sim_economy("run", "--ledger", tmp_path / "again.sqlite")
    sim_economy("export", tmp_path / "again.sqlite", "--format", "jsonl")
    sim_economy(
        "export", ledgers / "published.sqlite", "--format", "jsonl", "--out", tmp_path / "b.jsonl"
    )
    again, first = tmp_path / "again.jsonl", tmp_path / "b.jsonl"
    assert again.read_bytes() == first.read_bytes()


def test_a_table_export_goes_next_to_its_ledger(tmp_path: Path, ledgers: Path) -> None:
    shutil.copy(ledgers / "one.sqlite", tmp_path / "one.sqlite")
    assert sim_economy("export", tmp_path / "one.sqlite").returncode == 0
    assert (tmp_path / "one" / "postings.csv").exists()


def test_an_export_over_files_that_are_there_is_refused(tmp_path: Path, ledgers: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    message = complaint(sim_economy("export", ledgers / "one.sqlite", "--out", tmp_path))
    assert "is there already; name another with --out" in message
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["mine.jsonl", "one.jsonl"])
def test_a_canonical_export_over_a_file_that_is_there_is_refused(
    tmp_path: Path, ledgers: Path, name: str
) -> None:
    ledger = tmp_path / "one.jsonl"
    shutil.copy(ledgers / "one.sqlite", ledger)
    (tmp_path / "mine.jsonl").write_text("mine")
    before = (tmp_path / name).read_bytes()
    ended = sim_economy("export", ledger, "--format", "jsonl", "--out", tmp_path / name)
    assert (tmp_path / name).read_bytes() == before
    complaint(ended)


# Ledgers that cannot be read


READERS: Final = ("verify", "replay", "export", "statement", "diff")


def reading(command: str, path: Path) -> tuple[str | Path, ...]:
    more = {"statement": ("agent_0",), "diff": (path,)}.get(command, ())
    return (command, path, *more)


@pytest.mark.parametrize("command", READERS)
def test_a_missing_ledger_is_named(tmp_path: Path, command: str) -> None:
    path = tmp_path / "no.sqlite"
    message = complaint(sim_economy(*reading(command, path)))
    assert message == f"error: {path}: there is no ledger; check the path\n"
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("command", READERS)
def test_a_ledger_of_another_version_is_refused(
    tmp_path: Path, ledgers: Path, command: str
) -> None:
    path = tmp_path / "new.sqlite"
    shutil.copy(ledgers / "one.sqlite", path)
    change(path, "PRAGMA user_version = 99")
    message = complaint(sim_economy(*reading(command, path)))
    assert message == (
        f"error: {path}: has layout 99 and this release reads 2 and 3; "
        "open it with the release that wrote it\n"
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a sim-economy ledger"),
        (b"not a database at all" * 9, "is not a sim-economy ledger"),
    ],
)
def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    assert words in complaint(sim_economy("verify", path))
    assert path.read_bytes() == content


DAMAGES: Final = {
    "a text for a number": "json_set(line, '$.postings[0][2]', 'many')",
    "no text": "CAST(replace(CAST(line AS BLOB), 'agent', X'ff') AS TEXT)",
}


@pytest.fixture(params=DAMAGES)
def damaged(request: pytest.FixtureRequest, tmp_path: Path, ledgers: Path) -> Path:
    """A ledger with a value of a wrong type in turn 2."""
    path = tmp_path / "damaged.sqlite"
    shutil.copy(ledgers / "one.sqlite", path)
    change(path, f"UPDATE turns SET line = {DAMAGES[request.param]} WHERE turn = 2")
    return path


def test_verify_names_the_turn_of_a_value_of_a_wrong_type(damaged: Path) -> None:
    assert "turn 2" in complaint(sim_economy("verify", damaged), status=1)


@pytest.mark.parametrize("command", ["replay", "statement", "export", "diff"])
def test_a_ledger_with_a_value_of_a_wrong_type_is_one_clear_message(
    damaged: Path, ledgers: Path, command: str
) -> None:
    arguments = [*reading(command, damaged)]
    if command == "diff":
        arguments[1] = ledgers / "one.sqlite"
    ended = sim_economy(*arguments)
    message = complaint(ended, status=ended.returncode)
    assert ended.returncode in {1, 2}
    assert "turn 2" in message
    assert message.count("\n") == 1


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_of_a_damaged_ledger_leaves_nothing_half_written(
    tmp_path: Path, ledgers: Path, form: str
) -> None:
    ledger = tmp_path / "damaged.sqlite"
    shutil.copy(ledgers / "one.sqlite", ledger)
    change(ledger, f"UPDATE turns SET line = {DAMAGES['no text']} WHERE turn = 2")
    out = tmp_path / "out"
    assert sim_economy("export", ledger, "--format", form, "--out", out).returncode == 2
    assert not out.exists() or (out.is_dir() and not any(out.iterdir()))


def test_an_error_can_be_read_by_a_script(tmp_path: Path) -> None:
    ended = sim_economy("verify", tmp_path / "no.sqlite", "--json")
    assert json.loads(complaint(ended)) == {
        "error": {
            "code": "ledger_missing",
            "problems": [f"{tmp_path / 'no.sqlite'}: there is no ledger; check the path"],
        }
    }
