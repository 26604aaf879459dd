"""A disk that is full, and no descriptor left: named as such, and gone on from."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from sim_economy.ledger.stores.sqlite import end_write_ahead_log
from tests.ledger.ledgers import rich_world
from tests.strangers.commands import called

EXPERIMENT: Final = ("experiment", "as-run", "--runs", "2", "--turns", "4")
FULL_AT: Final = (0, 1_000, 20_000, 60_000)
"""Bytes of the longest file there is room for; each file of the experiment fails at one."""


@contextmanager
def limit(which: int, most: int) -> Iterator[None]:
    before = resource.getrlimit(which)
    resource.setrlimit(which, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(which, before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "out"
    assert called(*EXPERIMENT, "--out", folder).status == 0
    return folder


@pytest.mark.parametrize("room", FULL_AT)
def test_an_experiment_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    whole: Path, tmp_path: Path, room: int
) -> None:
    with limit(resource.RLIMIT_FSIZE, room):
        ended = called(*EXPERIMENT, "--out", tmp_path / "out", "--json")
    assert ended.status == 2, ended
    error = json.loads(ended.errors.strip().splitlines()[-1])["error"]
    assert error["code"] == "folder_unwritable"
    assert "run the same command again" in error["problems"][0]
    assert called(*EXPERIMENT, "--out", tmp_path / "out").status == 0
    files = {path.relative_to(whole) for path in whole.rglob("*") if path.is_file()}
    assert files == {
        path.relative_to(tmp_path / "out")
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    for file in files:
        assert (whole / file).read_bytes() == (tmp_path / "out" / file).read_bytes(), file


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_an_export_on_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path, form: str) -> None:
    ledger = tmp_path / "world.sqlite"
    rich_world(ledger).close()
    end_write_ahead_log(ledger)  # or there would be no room for SQLite's own index of it
    if form == "parquet":
        pytest.importorskip("polars")
    with limit(resource.RLIMIT_FSIZE, 2_000):
        ended = called("export", ledger, "--format", form, "--out", tmp_path / "out")
    assert ended.status == 2, ended
    assert "cannot be written" in ended.errors
    assert not list(tmp_path.glob("out*"))


def test_a_reader_without_a_descriptor_does_not_call_the_ledger_unwritable(
    tmp_path: Path,
) -> None:
    ledger = tmp_path / "world.sqlite"
    rich_world(ledger).close()
    commands = (("verify", ledger, "--json"), ("statement", ledger, "agent_0", "--json"))
    for command in commands:
        assert called(*command).status == 0
    used = max(int(each.name) for each in Path("/proc/self/fd").iterdir()) + 1
    for spare in range(3):
        with limit(resource.RLIMIT_NOFILE, used + spare):
            for command in commands:
                ended = called(*command)
                said = ended.output + ended.errors
                assert "ledger_unwritable" not in said
                assert ended.status in {0, 1, 2}
                if ended.status == 2:
                    assert json.loads(ended.errors)["error"]["code"] == "ledger_unreadable"
                    assert "files are open" in said or "descriptor" in said or "rights" in said
