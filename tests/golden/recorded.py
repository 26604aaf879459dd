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


PROMPTS: Final = (2, 3)
"""Versions of prompts of a world with interventions."""

_SCRIPT: Final[tuple[dict[str, Any], ...]] = (
    {"turn": 2, "agent": "agent_1", "reply": "I mine."},
    {
        "turn": 3,
        "agent": "agent_2",
        "reply": '{"action": {"action": "stake", "amount": 5000}}',
        "tokens": {"input": 900, "output": 70, "thinking": 30},
    },
    {"turn": 3, "agent": "agent_0", "fails": "request_rejected"},
)


def prompted(version: int) -> Path:
    """The folder of a run of models as it was recorded under a version of prompts."""
    return RECORDINGS / f"orchestrated-prompt-{version}"


def prompted_run(folder: Path, version: int) -> None:
    """Three models under income, interventions and a shock; a repair, a refusal and a failure."""
    shock = {"turn": 2, "until": 3, "target": "study_cost", "value": 61}
    rules = {"debt_rails": {"debt_cap": 444}, "fee_cap": {"cap_ratio": 3}, "shocks": [shock]}
    income = {"allowance": 40, "period_turns": 2, "carryover_max": 2000}
    given = {"seed": 23, "num_agents": 3, "income": income, "governance": rules}
    config = parse_world_config(given)
    script = folder / "script.jsonl"
    script.write_text("".join(json.dumps(line) + "\n" for line in _SCRIPT))
    tables = {
        "orchestrator": {"memory_turns": 2},
        "models": {"m": {"provider": "mock", "script": script.name}},
        "minds": [{"model": "m", "persona": "You are patient."}],
    }
    task = Task(
        name="earlier",
        turns=5,
        config=config,
        plan=parse_plan(tables, config, folder),
        usage={"source": "published"},
        prompt_version=version,
    )
    asyncio.run(orchestrate(folder / "run", task, PublishedUsage()))


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
    newest = prompted(PROMPTS[-1])
    rmtree(newest, ignore_errors=True)
    newest.mkdir()
    with TemporaryDirectory() as temporary:
        prompted_run(Path(temporary), PROMPTS[-1])
        for name in ("settings.json", "calls.jsonl"):
            (newest / name).write_bytes((Path(temporary) / "run" / name).read_bytes())
    recordings(version).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
