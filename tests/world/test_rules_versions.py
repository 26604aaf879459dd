"""A world is played to its end under the version of the rules that its genesis names."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from sim_economy.core.actions import Mine
from sim_economy.core.errors import FolderError
from sim_economy.core.rules_version import RULES_VERSION, RulesVersion
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.experiments.experiment import run_experiment
from sim_economy.ledger.readers.reading import genesis_record, reading
from sim_economy.ledger.records import recorded_inputs
from sim_economy.ledger.sidecars.ledger_files import remove_ledger
from sim_economy.ledger.verify import verify
from sim_economy.orchestrator.record.call_folder import CALL_LOG, LEDGER, open_world, read_task
from sim_economy.orchestrator.record.call_log import read_call_log
from sim_economy.orchestrator.session import replay_run
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.replay import replay
from sim_economy.world.world import World
from tests.ledger.ledgers import export_hash, play, script
from tests.orchestrator.setup import SCENARIO, mocked
from tests.orchestrator.setup import play as orchestrated


def config_of(version: RulesVersion) -> WorldConfig:
    return parse_world_config({"num_agents": 4, "seed": 7}, WorldConfig(rules_version=version))


@pytest.mark.parametrize("version", RulesVersion)
def test_a_ledger_is_opened_played_on_replayed_and_verified_under_its_own_version(
    version: RulesVersion, tmp_path: Path
) -> None:
    config = config_of(version)
    turns = script(config, 70)
    whole = play(World(config), turns)
    path = tmp_path / "world.sqlite"
    with World.create(path, config) as world:
        play(world, turns[:66])
        assert genesis_record(world.store).rules_version == version
    with World.open(path) as world:
        assert world.config.rules_version is version
        play(world, turns)
        assert export_hash(world.store) == export_hash(whole.store)
        assert replay(world.store) == world.head
        assert verify(world.store).holds


def test_the_versions_draw_other_winners() -> None:
    drawn = []
    for version in RulesVersion:
        world = World(config_of(version))
        blocks = [world.act(dict.fromkeys(world.config.agent_ids, Mine())).block for _ in range(30)]
        drawn.append([block and block.winner for block in blocks])
        assert None not in drawn[-1]
    assert drawn[0] != drawn[1]


def test_a_new_world_names_the_present_version() -> None:
    world = World(parse_world_config({}))
    assert genesis_record(world.store).rules_version == RULES_VERSION


def under(version: RulesVersion, config: WorldConfig) -> WorldConfig:
    return replace(config, rules_version=version)


def test_an_unfinished_orchestrated_run_is_ended_under_the_version_it_began_with(
    tmp_path: Path,
) -> None:
    heads = {}
    for began, now in ((RulesVersion.V2, RulesVersion.V3), (RulesVersion.V3, RulesVersion.V2)):
        whole = orchestrated(tmp_path / f"whole-{began}", mocked(8, under(began, SCENARIO)))
        folder = tmp_path / f"cut-{began}"
        shutil.copytree(tmp_path / f"whole-{began}", folder)
        remove_ledger(folder / LEDGER)
        lines = (folder / CALL_LOG).read_bytes().splitlines(keepends=True)
        (folder / CALL_LOG).write_bytes(b"".join(lines[: len(lines) // 2]))
        closed = max(read_call_log(folder / CALL_LOG)[0].closed)
        with (
            reading(tmp_path / f"whole-{began}" / LEDGER) as store,
            open_world(folder, mocked(8, under(began, SCENARIO))) as world,
        ):
            for stored in store.read(1, closed):
                world.turn(recorded_inputs(stored.record))
        ended = orchestrated(folder, mocked(8, under(now, SCENARIO)))
        heads[began] = ended.world_head
        assert ended.world_head == whole.world_head
        assert read_task(folder).config.rules_version is began
        assert asyncio.run(replay_run(folder)).world_head == whole.world_head
        fresh = orchestrated(folder, mocked(8, under(now, SCENARIO)), fresh=True)
        assert fresh.world_head != whole.world_head
    assert heads[RulesVersion.V2] != heads[RulesVersion.V3]


def test_an_experiment_is_ended_under_the_version_it_began_with(tmp_path: Path) -> None:
    scenario = load_scenario("as-run", {"turns": 20, "runs": 3})
    whole = {}
    for version in RulesVersion:
        began = replace(scenario, config=under(version, scenario.config))
        run_experiment(began, tmp_path / version, ledgers=True)
        whole[version] = json.loads((tmp_path / version / "manifest.json").read_text())
    assert whole[RulesVersion.V2]["runs"] != whole[RulesVersion.V3]["runs"]
    (tmp_path / "3/runs/run-0002.json").unlink()
    assert run_experiment(scenario, tmp_path / "3", ledgers=True).resumed == 2
    assert json.loads((tmp_path / "3/manifest.json").read_text()) == whole[RulesVersion.V3]
    with reading(tmp_path / "3/runs/run-0002.sqlite") as store:
        assert genesis_record(store).rules_version == "3"


def test_a_folder_of_unknown_rules_is_refused_and_left_alone(tmp_path: Path) -> None:
    orchestrated(tmp_path, mocked(2))
    settings = tmp_path / "settings.json"
    settings.write_text(
        settings.read_text().replace(f'"rules_version": "{RULES_VERSION}"', '"rules_version": "9"')
    )
    for refused in (lambda: orchestrated(tmp_path, mocked(2)), lambda: read_task(tmp_path)):
        with pytest.raises(FolderError, match="rules_version was 9, is now "):
            refused()
