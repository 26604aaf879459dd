"""What can be shown: ledgers and folders, read without leaving anything beside them."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from sim_economy.core.errors import FolderError, StoreError
from sim_economy.experiments.experiment import run_experiment
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.orchestrator.record.transcript import read_transcript
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.viewer.known_sources import source_of
from sim_economy.world.world import World
from tests.orchestrator.setup import play_hostile
from tests.viewer.ledgers import Viewer, played

TURNS = 12


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of a folder, and when it was written."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def look_at_everything(viewer: Viewer, world: str) -> None:
    for path in ("overview", "balances", "agents", "turns/3", "chain", "verification", "events"):
        viewer.ask(f"{world}/view/{path}")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment")
    run_experiment(load_scenario("market", {"turns": TURNS, "runs": 2}), folder)
    return folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_ledger_that_is_looked_at_stays_as_it_is(tmp_path: Path) -> None:
    played(tmp_path / "run.sqlite", "as-run", turns=TURNS)
    before = contents(tmp_path)
    look_at_everything(Viewer.of(tmp_path / "run.sqlite"), "")
    assert contents(tmp_path) == before


def test_a_ledger_is_followed_while_another_process_writes_it(tmp_path: Path) -> None:
    with World.create(tmp_path / "world.sqlite") as world:
        world.turn()
        viewer = Viewer.of(tmp_path / "world.sqlite")
        first = viewer.ask("/view/overview")
        assert (first["live"], first["turn"]) == (True, 1)
        world.turn()
        second = viewer.ask("/view/overview")
        assert (second["turn"], second["complete_to"]) == (2, 2)
        assert second["head"]["head"] == world.head.hash
        assert viewer.ask("/view/balances", after=1)["turns"] == [2]
    assert viewer.ask("/view/overview")["live"] is False


def test_the_worlds_of_an_engines_ledger_are_all_shown(tmp_path: Path) -> None:
    played(tmp_path / "engine.db", "as-run", turns=2)
    (tmp_path / "engine.db.worlds").mkdir()
    played(tmp_path / "engine.db.worlds" / "other.sqlite", "as-run", turns=3)
    viewer = Viewer.of(tmp_path / "engine.db")
    assert [own["world_id"] for own in viewer.ask("/view/catalogue")["worlds"]] == ["", "other"]
    assert viewer.ask("/view/overview")["turn"] == 2
    assert viewer.ask("/worlds/other/view/overview")["turn"] == 3
    assert viewer.refusal("/worlds/none/view/overview") == (404, "world_unknown")
    assert viewer.refusal("/worlds/..%2Fx/view/overview")[0] == 404


def test_a_run_without_its_ledger_is_played_again_into_a_temporary_folder(
    experiment: Path, temporary: Path
) -> None:
    before = contents(experiment)
    viewer = Viewer.of(experiment)
    listed = viewer.ask("/view/catalogue")
    assert [own["world_id"] for own in listed["worlds"]] == ["run-0001", "run-0002"]
    assert {own["replayed"] for own in listed["worlds"]} == {True}
    assert {own["figures"]["turns"] for own in listed["worlds"]} == {str(TURNS)}
    assert "run_metrics.csv" in {own["name"] for own in listed["documents"]}
    look_at_everything(viewer, "/worlds/run-0002")
    found = viewer.ask("/worlds/run-0002/view/overview")
    kept = json.loads((experiment / "runs" / "run-0002.json").read_bytes().partition(b"\n")[2])
    assert found["head"]["head"] == kept["head"]
    assert found["turns_planned"] == TURNS
    assert viewer.ask("/worlds/run-0002/view/agents")["rows"][0]["decided_by"]
    assert viewer.refusal("/worlds/run-0003/view/overview") == (404, "world_unknown")
    assert viewer.refusal("/worlds/run-1/view/overview") == (404, "world_unknown")
    assert list(temporary.iterdir()) != []
    viewer.source.close()
    assert list(temporary.iterdir()) == []
    assert contents(experiment) == before


def test_a_run_that_comes_out_otherwise_is_not_shown(
    experiment: Path, temporary: Path, tmp_path: Path
) -> None:
    other = tmp_path / "experiment"
    (other / "runs").mkdir(parents=True)
    for name, (content, _) in contents(experiment).items():
        if name.startswith(("manifest", "runs/")):
            (other / name).write_bytes(content)
    path = other / "runs" / "run-0001.json"
    checksum, _, content = path.read_bytes().partition(b"\n")
    kept = json.loads(content)
    path.write_bytes(checksum + b"\n" + json.dumps(kept | {"head": "0" * 64}).encode())
    viewer = Viewer.of(other)
    assert viewer.refusal("/worlds/run-0001/view/overview") == (503, "replay_differs")
    assert viewer.ask("/worlds/run-0002/view/overview")["turn"] == TURNS
    viewer.source.close()


def test_an_experiments_kept_ledgers_are_shown_where_they_are(
    tmp_path: Path, temporary: Path
) -> None:
    folder = tmp_path / "experiment"
    run_experiment(load_scenario("as-run", {"turns": 3, "runs": 1}), folder, ledgers=True)
    before = contents(folder)
    viewer = Viewer.of(folder)
    assert viewer.ask("/view/catalogue")["worlds"][0]["replayed"] is False
    look_at_everything(viewer, "/worlds/run-0001")
    assert list(temporary.iterdir()) == []
    assert contents(folder) == before


def test_a_what_if_shows_its_answer_its_bills_and_its_report(tmp_path: Path) -> None:
    (tmp_path / "whatif.md").write_text("# What if: a\n\n**Under b, [ann](x.csv#1) runs dry.**\n")
    (tmp_path / "whatif.csv").write_text("tariff,fee\nb,12\n")
    (tmp_path / "whatif.html").write_text("<script>alert(1)</script>")
    viewer = Viewer.of(tmp_path)
    found = viewer.ask("/view/catalogue")
    assert (found["kind"], found["answer"]) == ("what_if", "Under b, ann runs dry.")
    assert found["tables"] == [
        {"title": "Bills", "columns": ["tariff", "fee"], "rows": [["b", "12"]]}
    ]
    assert found["documents"][0]["name"] == "whatif.html"
    report = viewer.client.get("/view/document", params={"name": "whatif.html"})
    assert report.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "script-src" not in report.headers["content-security-policy"]
    for name in ("../secret", "/etc/passwd", "none.html", ""):
        assert viewer.refusal("/view/document", name=name) == (422, "input_invalid")
    assert viewer.refusal("/view/overview") == (404, "world_unknown")


def test_what_cannot_be_shown_is_refused_with_what_can(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="name a ledger, or the folder of an experiment"):
        source_of(tmp_path)
    with pytest.raises(StoreError, match="there is no ledger"):
        source_of(tmp_path / "none.sqlite")
    (tmp_path / "text.sqlite").write_text("no database")
    viewer = Viewer.of(tmp_path / "text.sqlite")
    assert viewer.refusal("/view/overview") == (503, "ledger_format")


def test_a_reader_that_leaves_nothing_reads_a_ledger_with_a_log_too(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    store = SQLiteStore.new(path)
    play_run(load_scenario("as-run", {"turns": 2}), 1, store)
    with closing(SQLiteStore.open(path, read_only=True, untouched=True)) as reader:
        assert reader.head().turn == 2, "what is only in the log is read"
    store.close()
    with closing(SQLiteStore.open(path, read_only=True, untouched=True)) as reader:
        assert reader.head().turn == 2
    assert {own.name for own in tmp_path.iterdir()} == {"run.sqlite", "run.sqlite.lock"}


def test_a_run_of_models_shows_what_each_saw_thought_and_paid(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    play_hostile(folder)
    before = contents(folder)
    transcript = read_transcript(Path(shutil.copytree(folder, tmp_path / "copy")))
    viewer = Viewer.of(folder)
    (listed,) = viewer.ask("/view/catalogue")["worlds"]
    overview = viewer.ask("/view/overview")
    assert (overview["kind"], overview["title"]) == ("orchestrated_run", listed["title"])
    assert transcript.agent_turns
    for of_turn in transcript.agent_turns.values():
        for own in of_turn:
            path = f"/view/agents/{own.agent_id}/decisions/{own.turn}"
            found = viewer.ask(path)
            assert found["saw"] == own.saw
            assert found["idle_because"] == own.idle_because
            assert [call["reply"] for call in found["calls"]] == [call.reply for call in own.calls]
            assert found["decided_by"] == own.backend
            paid = {reason["reason"]: int(reason["tokens"]) for reason in found["paid"]}
            assert paid == own.paid
    rows = viewer.ask("/view/agents/agent_0/decisions")["rows"]
    assert [row["calls"] for row in rows] == [
        len(own.calls) for own in reversed(transcript.by_agent()["agent_0"])
    ]
    assert viewer.ask("/view/agents/agent_0")["has_calls"] is True
    assert contents(folder) == before
    (folder / "ledger.sqlite").unlink()
    elsewhere = Viewer.of(folder).ask("/view/catalogue")
    assert (elsewhere["worlds"], "played on an engine" in elsewhere["answer"]) == ([], True)


def test_a_ledger_in_a_database_is_shown_as_one_in_a_file(location: str) -> None:
    with World.create(location) as world:
        for _ in range(3):
            world.turn()
        head = world.head.hash
    viewer = Viewer(source_of(location))
    look_at_everything(viewer, "")
    found = viewer.ask("/view/overview")
    assert (found["turn"], found["head"]["head"]) == (3, head)
    assert viewer.ask("/view/verification")["is_sound"] is True
