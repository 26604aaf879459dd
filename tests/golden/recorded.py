"""Runs whose ledgers are recorded: what they play, and what a recording of one holds.

`python -m tests.golden.recorded` writes the recordings anew, after a change of the rules that is
meant to change ledgers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any, Final

from msgspec.structs import replace

from sim_economy.agents.usage_model import PublishedUsage
from sim_economy.core.actions import Action, Input, Mine, Speak, Stake, Transfer, Unstake
from sim_economy.core.codec import canonical
from sim_economy.core.rules_version import RULES_VERSION, RulesVersion
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.credentials.signatures import EngineKey, turn_message
from sim_economy.ledger.readers.export import canonical_lines
from sim_economy.ledger.records import Keys, Signature, digest, genesis_of
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.orchestrator.session import orchestrate
from sim_economy.orchestrator.settings import parse_plan
from sim_economy.orchestrator.task import Task
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.world import World
from tests.api.signers import ANN, BOB, PUBLIC_KEYS
from tests.properties.random_play import random_inputs

RECORDINGS: Final = Path(__file__).parent

SCENARIOS: Final = (
    "as-run",
    "as-written",
    "market",
    "rentiers",
    "baseline",
    "coordination_push",
    "high_compute_cost",
)
RANDOM: Final = ("random-1", "random-2", "random-3")


def recordings(version: RulesVersion) -> Path:
    """The file of the recordings under a version of the rules."""
    return RECORDINGS / f"recordings-{version}.json"


def orchestrated(version: RulesVersion) -> Path:
    """The folder of a run of models as it was recorded: its settings and its calls."""
    return RECORDINGS / f"orchestrated-{version}"


def recording(store: Store) -> dict[str, Any]:
    """What is recorded of a ledger: its canonical export, and the chain head of every turn."""
    export = b"".join(line + b"\n" for line in canonical_lines(store))
    return {
        "export": sha256(export).hexdigest(),
        "bytes": len(export),
        "heads": [stored.head_hash for stored in store.read()],
    }


def scenario_run(name: str, version: RulesVersion) -> Store:
    """The first run of a shipped scenario."""
    store = MemoryStore()
    scenario = load_scenario(name)
    play_run(replace(scenario, config=scenario.config.under_rules(version)), 1, store)
    return store


def random_run(name: str, version: RulesVersion) -> Store:
    """Sixty turns of random actions, contracts above all, many of them refused."""
    random = Random(name)
    config = parse_world_config(
        {"seed": 3 * random.randrange(2**40) + 1, "num_agents": 6}
    ).under_rules(version)
    world = World(config)
    for turn in range(1, 61):
        world.turn(random_inputs(random, world.state, config), ends=turn == 60)
    return world.store


_ACTIONS: Final[tuple[Action, ...]] = (Mine(), Stake(5, 1), Transfer("ann", 3), Unstake(), Speak())


def signed_run(version: RulesVersion) -> Store:
    """Two agents that sign what they do, and an engine that signs its blocks."""
    config = parse_world_config(
        {"seed": 7, "block_threshold": 10, "num_agents": 2}, agent_ids=["ann", "bob"]
    ).under_rules(version)
    engine = EngineKey(sha256(b"engine").digest())
    keys = Keys(engine.public_key, dict(PUBLIC_KEYS))
    genesis = digest(canonical(genesis_of(config, "default", keys)))
    world = World(
        config,
        keys=keys,
        sign=lambda turn, block, head: engine.sign(turn_message(genesis, turn, block, head)),
    )
    for turn in range(1, 21):
        inputs = [
            Input("ann", _ACTIONS[turn % 2], 10, 20),
            Input("bob", _ACTIONS[turn % 5], speech="hello" if turn % 5 == 4 else None),
        ]
        signatures = []
        for signer, sent in zip((ANN, BOB), inputs, strict=True):
            action = json.loads(canonical(sent.action))
            signature = signer.signature(genesis, turn, action, sent.speech)
            signatures.append(Signature(signer.public_key, signature))
        world.turn(inputs, signatures=signatures, ends=turn == 20)
    return world.store


def orchestrated_run(folder: Path, version: RulesVersion) -> Store:
    """Eight models, all of them mocks that trade, and their recorded calls."""
    config = parse_world_config({"seed": 11}).under_rules(version)
    tables = {"models": {"small": {"provider": "mock"}}, "minds": [{"model": "small"}]}
    plan = parse_plan(tables, config, folder)
    task = Task(
        name="recorded",
        turns=5,
        config=config,
        plan=plan,
        usage={"source": "published"},
        prompt_version=1,
    )
    asyncio.run(orchestrate(folder, task, PublishedUsage()))
    return SQLiteStore.open(folder / "ledger.sqlite", read_only=True)


RUNS: Final[Mapping[str, Callable[[RulesVersion], Store]]] = {
    **{name: partial(scenario_run, name) for name in SCENARIOS},
    **{name: partial(random_run, name) for name in RANDOM},
    "signed": signed_run,
}


def main() -> None:
    """Write the recordings under the version of new worlds; those of an older one stay."""
    version = RULES_VERSION
    found = {name: recording(play(version)) for name, play in RUNS.items()}
    calls = orchestrated(version)
    rmtree(calls, ignore_errors=True)
    calls.mkdir()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        store = orchestrated_run(folder, version)
        found["orchestrated"] = recording(store)
        store.close()
        for name in ("settings.json", "calls.jsonl"):
            (calls / name).write_bytes((folder / name).read_bytes())
    recordings(version).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
