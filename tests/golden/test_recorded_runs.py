"""Ledgers come out byte for byte as they were recorded, whatever was renamed or moved since."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from sim_economy.core.codec import canonical
from sim_economy.core.rules_version import RulesVersion
from sim_economy.orchestrator.record.call_log import LogLine, read_call_log
from sim_economy.orchestrator.session import replay_run
from tests.golden.recorded import (
    PROMPTS,
    RUNS,
    orchestrated,
    orchestrated_run,
    prompted,
    prompted_run,
    recording,
    recordings,
)

RECORDED: Final[dict[str, dict[str, Any]]] = {
    version: json.loads(recordings(version).read_text(encoding="utf-8")) for version in RulesVersion
}


def first_difference(one: list[str], other: list[str]) -> int | None:
    """The first turn whose chain heads differ."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((turn for turn, (left, right) in pairs if left != right), None)


@pytest.mark.parametrize("version", RulesVersion)
@pytest.mark.parametrize("name", RUNS)
def test_a_run_gives_its_recorded_ledger(name: str, version: RulesVersion) -> None:
    played = recording(RUNS[name](version))
    recorded = RECORDED[version][name]
    assert first_difference(played["heads"], recorded["heads"]) is None
    assert played == recorded


@pytest.mark.parametrize("version", RulesVersion)
def test_a_run_of_models_gives_its_recorded_ledger(tmp_path: Path, version: RulesVersion) -> None:
    store = orchestrated_run(tmp_path, version)
    assert recording(store) == RECORDED[version]["orchestrated"]
    store.close()
    kept = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
    recorded = (orchestrated(version) / "settings.json").read_text(encoding="utf-8")
    assert kept == json.loads(recorded)


@pytest.mark.parametrize("version", RulesVersion)
def test_recorded_calls_replay_to_the_recorded_head(tmp_path: Path, version: RulesVersion) -> None:
    folder = tmp_path / "run"
    shutil.copytree(orchestrated(version), folder)
    replayed = asyncio.run(replay_run(folder))
    assert replayed.world_head.head == RECORDED[version]["orchestrated"]["heads"][-1]
    assert replayed.calls == 40


@pytest.mark.parametrize("version", PROMPTS)
def test_prompts_of_a_version_are_its_recorded_bytes(tmp_path: Path, version: int) -> None:
    """Another byte needs another version: runs that began go on with what they were asked."""
    prompted_run(tmp_path, version)
    recorded = prompted(version)
    logs = [read_call_log(folder / "calls.jsonl")[0] for folder in (tmp_path / "run", recorded)]
    played, kept = ({at: log.request(sent) for at, sent in log.calls_sent.items()} for log in logs)
    assert played == kept
    assert logs[0].closed == logs[1].closed
    shutil.copytree(recorded, tmp_path / "again")
    assert asyncio.run(replay_run(tmp_path / "again")).calls == len(logs[1].calls_ended) == 16


@pytest.mark.parametrize("version", RulesVersion)
def test_recorded_calls_are_written_as_they_were_read(version: RulesVersion) -> None:
    recorded = orchestrated(version) / "calls.jsonl"
    lines = recorded.read_bytes().splitlines()
    decoder = msgspec.json.Decoder(LogLine)
    assert [canonical(decoder.decode(line)) for line in lines] == lines
    log, whole = read_call_log(recorded)
    assert whole == sum(len(line) + 1 for line in lines)
    assert len(log.closed) == 5
