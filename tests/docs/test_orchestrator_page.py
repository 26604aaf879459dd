"""The page on orchestrated runs names every key there is, and `init --models` writes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

from sim_economy.core.table_reader import described_parameters, read_toml
from sim_economy.orchestrator.orchestrated_run import load_orchestrated
from sim_economy.orchestrator.settings import ModelSetting, RunLimits, TurnSettings
from tests.cli.shell import complaint, sim_economy
from tests.docs.blocks import ROOT

TEXT: Final = (ROOT / "docs/spec/orchestrator.md").read_text(encoding="utf-8")
TABLES: Final = (TurnSettings, RunLimits, ModelSetting)


@pytest.mark.parametrize("table", TABLES)
def test_the_page_names_every_key(table: type[Struct]) -> None:
    tables = TEXT.partition("## The tables of a scenario")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", tables))
    assert [key for key in described_parameters(table) if key not in named] == []


def test_init_writes_every_key_with_its_meaning(tmp_path: Path) -> None:
    ended = sim_economy("init", "village.toml", "--models", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "play it with `sim-economy orchestrate village.toml`" in ended.stdout
    path = tmp_path / "village.toml"
    text = path.read_text()
    for table in TABLES:
        for key, (parameter, _) in described_parameters(table).items():
            assert re.search(rf"(?m)^(# )?{key} = .*# {re.escape(parameter.meaning)}$", text), key
    backends = load_orchestrated(path).task.plan.backends
    assert {backend.model for backend in backends.values()} == {"small"}


def test_the_defaults_that_init_writes_are_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "village.toml"
    assert sim_economy("init", path, "--models").returncode == 0
    silent = load_orchestrated(path).task.plan
    before, header, after = path.read_text().partition("[orchestrator]")
    keys, models, rest = after.partition("[models.small]")
    stated = re.sub(r"(?m)^# (\w+ = (?!\.\.\.).*)$", r"\1", keys)
    assert len(read_toml(stated)) > 9
    path.write_text(before + header + stated + models + rest)
    assert load_orchestrated(path).task.plan == silent


def test_models_start_from_a_preset(tmp_path: Path) -> None:
    ended = sim_economy("init", "village.toml", "--models", "--from", "market", cwd=tmp_path)
    assert "--models starts from a preset: as-run or as-written" in complaint(ended)
    assert not (tmp_path / "village.toml").exists()
