"""Power cuts: what is not synced may be lost, in any part and any order, and no answer with it."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sim_economy.core.errors import SimEconomyError
from sim_economy.ledger.verify import verify
from sim_economy.world.engine import Engine
from tests.api.wire_client import PARAMETERS, PROGRAM, EngineProcess
from tests.faults.power import undurable
from tests.faults.power.disk import Disk
from tests.faults.power.posting import AGENT_IDS, Poster, posted
from tests.faults.power.recording import Change, Kind, Log, compiled_recorder

CUTS = 60
NIGHTLY_CUTS = int(os.environ.get("SIM_ENGINE_CUTS", "1000"))
SESSIONS = (60, 100, 110)
"""Turns between two starts of the engine; enough for the write-ahead log to be moved over."""


class Answered(NamedTuple):
    """What the client knows at a moment.

    Attributes:
        heads: By acknowledged turn, genesis first; empty before /init was answered.
        asked: The last turn it asked for.
    """

    heads: dict[int, str]
    asked: int


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = compiled_recorder(tmp_path_factory.mktemp("recorder"))
    if library is None:
        pytest.skip("no C compiler: the engine's file operations cannot be recorded")
    return library


@pytest.fixture(scope="module")
def record(recorder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Change]:
    return recorded(recorder, tmp_path_factory.mktemp("record"), SESSIONS)


def recorded(
    recorder: Path, folder: Path, sessions: tuple[int, ...], program: tuple[str, ...] = (PROGRAM,)
) -> list[Change]:
    """Everything an engine did to its folder: killed after the first session, stopped after the
    next, and so on."""
    draws = random.Random(1)
    ledger_folder = (folder / "ledger").resolve()
    ledger_folder.mkdir()
    log = Log(folder / "log")
    turn = 0
    for index, turns in enumerate(sessions):
        with EngineProcess(
            ledger_folder / "world.db",
            program=program,
            LD_PRELOAD=str(recorder),
            POWER_FOLDER=str(ledger_folder),
            POWER_LOG=str(log.path),
        ) as engine:
            poster = Poster(engine)
            if index == 0:
                log.note(Kind.ASKED, 0)
                log.note(Kind.ANSWERED, 0, poster.init(seed=1))
            for turn in range(turn + 1, turn + turns + 1):  # noqa: B020
                log.note(Kind.ASKED, turn)
                log.note(Kind.ANSWERED, turn, poster.turn(posted(turn, draws))["head"])
            poster.close()
            if index % 2:
                engine.stop()
    log.close()
    changes = list(log.changes())
    assert any(change.kind == Kind.SYNCED for change in changes), "nothing was recorded"
    return changes


def cut_points(record: list[Change], count: int, draws: random.Random, first: int = 0) -> list[int]:
    """Moments to cut the power at: a third anywhere, the others where few changes decide much.

    These are changes of names and of the database file itself (the write-ahead log moved over).
    """
    names = {
        (change.process, change.descriptor): change.name
        for change in record
        if change.kind in {Kind.OPENED, Kind.CREATED}
    }
    rare = [
        index
        for index, change in enumerate(record)
        if index >= first
        and (
            change.kind in {Kind.CREATED, Kind.REMOVED, Kind.RENAMED, Kind.CUT, Kind.EMPTIED}
            or names.get((change.process, change.descriptor)) == "world.db"
        )
    ]
    assert len(rare) > 50, "the write-ahead log was never moved over"
    chosen = [draws.randrange(first, len(record)) for _ in range(count // 3)]
    while len(chosen) < count:
        chosen.append(min(len(record) - 1, draws.choice(rare) + draws.randint(0, 3)))
    return sorted(chosen)


def states(
    record: list[Change], parts: list[int], folder: Path, draws: random.Random
) -> Iterator[tuple[int, Path, Answered]]:
    """For each place, a folder as a power cut after it may leave it, and what was known then."""
    disk = Disk()
    heads: dict[int, str] = {}
    asked = -1
    due = iter(parts)
    index = next(due, None)
    for now, change in enumerate(record):
        disk.apply(change)
        if change.kind == Kind.ASKED:
            asked = change.offset
        elif change.kind == Kind.ANSWERED:
            heads[change.offset] = change.content.decode()
        while index == now:
            folder.mkdir()
            disk.leave(folder, draws)
            if draws.random() < 0.3:
                (folder / "world.db-shm").write_bytes(draws.randbytes(32768))
            yield now, folder, Answered(heads, asked)
            shutil.rmtree(folder)
            index = next(due, None)


def found_wrong(ledger: Path, answered: Answered, *, accept_head: bool) -> str | None:
    """What is not as promised after a power cut: "lost", "refused: ..." and so on."""
    last = max(answered.heads, default=-1)
    try:
        engine = Engine.open(ledger, accept_head=accept_head)
    except SimEconomyError as error:
        return f"refused: {error.code}"
    try:
        if engine.world is None:
            if last >= 0:
                return "lost"
            engine.start({**PARAMETERS, "seed": 1}, AGENT_IDS)
            return None
        world = engine.world
        if world.turn_number < last:
            return "lost"
        if world.turn_number > answered.asked:
            return "invented"
        heads = {stored.turn: stored.head_hash for stored in world.store.read()}
        if any(heads.get(turn) != head for turn, head in answered.heads.items()):
            return "lost"
        if not (verification := verify(world.store)).holds:
            return f"damaged: {verification.finding}"
        engine.close_turn([], expected=max(heads) + 1)
    except SimEconomyError as error:
        return f"stuck: {error}"
    finally:
        engine.close()
    return None


def outcomes(
    record: list[Change], parts: list[int], folder: Path, seed: int, *, accept_head: bool = False
) -> Counter[str]:
    """How many cuts ended how; "whole" is as promised."""
    found: Counter[str] = Counter()
    draws = random.Random(seed)
    for index, left, answered in states(record, parts, folder / "cut", draws):
        problem = found_wrong(left / "world.db", answered, accept_head=accept_head)
        found[problem or "whole"] += 1
        if problem:
            print(f"change {index}, {len(answered.heads)} answers: {problem}")  # noqa: T201
    print(dict(found))  # noqa: T201
    return found


def first_answer(record: list[Change]) -> int:
    return next(index for index, change in enumerate(record) if change.kind == Kind.ANSWERED)


def assert_cuts_lose_nothing(record: list[Change], folder: Path, count: int, seed: int) -> None:
    parts = cut_points(record, count, random.Random(seed), first=first_answer(record))
    assert outcomes(record, parts, folder, seed) == {"whole": len(parts)}


def test_a_power_cut_loses_no_acknowledged_turn(record: list[Change], tmp_path: Path) -> None:
    assert_cuts_lose_nothing(record, tmp_path, CUTS, seed=1)


def test_a_power_cut_while_a_world_is_made_leaves_a_ledger_that_starts(
    record: list[Change], tmp_path: Path
) -> None:
    parts = sorted([*range(first_answer(record))] * 4)
    assert outcomes(record, parts, tmp_path, 2) == {"whole": len(parts)}


def test_an_acknowledged_init_survives_a_power_cut(record: list[Change], tmp_path: Path) -> None:
    answer = first_answer(record)
    assert outcomes(record, [answer] * 10, tmp_path, 3) == {"whole": 10}


@pytest.mark.nightly
def test_a_thousand_power_cuts_lose_no_acknowledged_turn(recorder: Path, tmp_path: Path) -> None:
    changes = recorded(recorder, tmp_path, (200, 100, 300, 50, 350))
    assert_cuts_lose_nothing(changes, tmp_path, NIGHTLY_CUTS, seed=4)


def undurable_record(what: str, recorder: Path, folder: Path) -> list[Change]:
    program = (sys.executable, str(undurable.__file__), what)
    return recorded(recorder, folder, (40, 110), program)


def test_without_syncs_power_cuts_lose_acknowledged_turns(recorder: Path, tmp_path: Path) -> None:
    changes = undurable_record("all", recorder, tmp_path)
    parts = cut_points(changes, 30, random.Random(5))
    assert outcomes(changes, parts, tmp_path, 5, accept_head=True)["lost"] > 0


def test_a_ledger_that_lost_acknowledged_turns_is_refused_where_its_head_was_kept(
    recorder: Path, tmp_path: Path
) -> None:
    changes = undurable_record("ledger", recorder, tmp_path)
    parts = cut_points(changes, 30, random.Random(6), first=first_answer(changes))
    found = outcomes(changes, parts, tmp_path, 6)
    assert found["refused: ledger_rolled_back"] > 0
