"""Requests made by chance, from valid ones and from the engine's own description: never a 5xx."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest

from tests.api.wire_client import PARAMETERS, EngineProcess, ask
from tests.faults.limited import SHORT_RUNS

CI_REQUESTS: Final = 3_000
NIGHTLY_REQUESTS: Final = int(os.environ.get("FUZZ_REQUESTS", "100_000"))
CI_EXAMPLES: Final = 8
NIGHTLY_EXAMPLES: Final = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "200"))
SCHEMATHESIS: Final = str(Path(sys.executable).with_name("schemathesis"))
MEGABYTE: Final = 2**20

INIT: Final[dict[str, Any]] = {
    "config": {**PARAMETERS, "seed": 7, "preset": "as-run", "job_rule": "credit_usage"},
    "agent_ids": [f"agent_{i}" for i in range(8)],
}
ACTIONS: Final[list[dict[str, Any]]] = [
    {"action": "mine"},
    {"action": "stake", "amount": 80, "fee": 1},
    {"action": "unstake"},
    {"action": "burn", "amount": 50},
    {"action": "transfer", "to": "agent_1", "amount": 20, "fee": 1},
    {"action": "study"},
    {"action": "job"},
    {"action": "speak"},
]
TURN: Final[dict[str, Any]] = {
    "inputs": [
        {
            "agent_id": f"agent_{i}",
            "thinking": None,
            "action": action,
            "speech": "good morning" if i == 7 else None,
            "thinking_units": 100 + i,
            "output_units": 60 + i,
        }
        for i, action in enumerate(ACTIONS)
    ],
    "turn": 1,
}
STRANGE: Final[list[Any]] = [
    None, True, False, 0, 1, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63, -(2**63), 10**400, 0.5, 5.0,
    1e300, "", "5", "a" * 10_000, "\0", "\ud800", "\u0430gent_0", "mine", "agent_0", [], {}, [[]],
    {"action": "mine"}, {"": None}, float("nan"), float("inf"),
]  # fmt: skip
TOKENS: Final = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"null", b"NaN", b"1e999", b"-", b"0", b"\x00",
    b"\xff", b"\xef\xbb\xbf", b"\\ud800", b"\\u0000", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000,
)  # fmt: skip


# A mutator of structures and of bytes


def parts(value: Any) -> list[tuple[Any, Any]]:
    """Every container and key in a value, deepest last."""
    if isinstance(value, dict):
        keys: list[Any] = list(value)
    else:
        keys = list(range(len(value))) if isinstance(value, list) else []
    return [
        (value, key) for key in keys
    ] + [index for key in keys for index in parts(value[key])]  # fmt: skip


def mutate_structure(draws: random.Random, body: dict[str, Any]) -> bytes:
    """A few places of a body exchanged, dropped, doubled or renamed."""
    value = json.loads(json.dumps(body))
    for _ in range(draws.choice((1, 1, 1, 2, 5))):
        found = parts(value)
        if not found:
            break
        holder, key = draws.choice(found)
        match draws.randrange(5):
            case 0 | 1:
                holder[key] = deepcopy(draws.choice(STRANGE))
            case 2:
                del holder[key]
            case 3 if isinstance(holder, list):
                holder.insert(key, json.loads(json.dumps(holder[key])))
            case 3:
                holder[key + draws.choice(("", "_", "\0", "\ud800", "s"))] = holder.pop(key)
            case _:
                other, index = draws.choice(found)
                if not isinstance(other[index], dict | list):
                    holder[key] = other[index]
    return json.dumps(value).encode()


def mutate_bytes(draws: random.Random, body: dict[str, Any]) -> bytes:
    """A few bytes of a text flipped, dropped, doubled, cut or put in."""
    text = bytearray(json.dumps(body).encode())
    for _ in range(draws.choice((1, 1, 2, 4, 16))):
        at = draws.randrange(len(text) + 1)
        match draws.randrange(6):
            case 0 if at < len(text):
                text[at] ^= 1 << draws.randrange(8)
            case 1 if at < len(text):
                text[at] = draws.randrange(256)
            case 2:
                del text[at : at + draws.randrange(1, 20)]
            case 3:
                text[at:at] = text[at : at + draws.randrange(1, 60)]
            case 4:
                text[at:at] = draws.choice(TOKENS)
            case _ if draws.random() < 0.1:
                del text[at:]
            case _:
                text[at:at] = draws.randbytes(draws.randrange(1, 8))
    return bytes(text)


MUTATORS: Final[tuple[Callable[[random.Random, dict[str, Any]], bytes], ...]] = (
    mutate_structure,
    mutate_bytes,
)


def fuzz(
    engine: EngineProcess, path: str, body: dict[str, Any], number: int, seed: str
) -> Counter[int]:
    """Send mutants of a body; how often each status answered."""
    draws = random.Random(seed)
    answered: Counter[int] = Counter()
    with engine.connection() as connection:
        for _ in range(number):
            if "turn" in body and draws.random() < 0.5:
                body = {name: value for name, value in body.items() if name != "turn"}
            mutant = draws.choice(MUTATORS)(draws, body)
            key = {"Idempotency-Key": f"k{draws.randrange(50)}"} if draws.random() < 0.1 else {}
            reply = ask(connection, "POST", path, mutant, key)
            assert reply.status < 500, (path, mutant, reply.body)
            assert reply.status in {200, 400, 409, 422}, (path, mutant, reply.body)
            if reply.status != 200:
                assert reply.error["code"]
                assert reply.error["message"]
            answered[reply.status] += 1
    return answered


def assert_nothing_breaks(folder: Path, number: int, seed: str) -> None:
    with EngineProcess(folder / "empty.db") as empty:
        answered: Counter[int] = Counter()
        # Wrong twice, so that no mutant starts the world and every one is read to its end.
        wrong = {**INIT, "config": {**INIT["config"], "num_cores": 0, "signing_bonus": -1}}
        answered += fuzz(empty, "/init", wrong, number // 3, f"{seed} init")
        assert "Traceback" not in empty.messages()
    with EngineProcess(folder / "world.db") as world:
        world.call("/init", INIT)
        answered += fuzz(world, "/turn", TURN, number // 6, f"{seed} warm")
        before = world.memory()
        answered += fuzz(world, "/turn", TURN, number - number // 3 - number // 6, f"{seed} turn")
        grown = world.memory() - before
        assert grown < 32 * MEGABYTE, grown
        assert "Traceback" not in world.messages()
        assert world.call("/verification")
        state = world.call("/state")
        held = ("balance", "staked", "unstaking", "pending", "escrow")
        owned = sum(agent[name] for agent in state["agents"] for name in held)
        assert owned == state["token_supply"]
    assert answered.total() == number
    assert min(answered[200], answered[400], answered[422]) > number / 50, answered


def test_mutants_of_valid_requests_never_break_the_engine(tmp_path: Path) -> None:
    assert_nothing_breaks(tmp_path, CI_REQUESTS, "ci")


@pytest.mark.nightly
def test_a_night_of_mutants_never_breaks_the_engine(tmp_path: Path) -> None:
    assert_nothing_breaks(tmp_path, NIGHTLY_REQUESTS, os.environ.get("FUZZ_SEED", "nightly"))


# Schemathesis

CONFIGURATION: Final = """
[generation]
database = "none"

[checks]
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422"]
"""
"""A 422 is right for what no schema says: six decimals, as many names as agents, an agent's id."""
WITH_A_WORLD: Final = """
[parameters]
"path.agent_id" = "agent_0"
"path.world_id" = "beside"
"""
NOT_ASKED: Final = "/events$"
WITH_A_WORLD_NOT_ASKED: Final = NOT_ASKED + "|^/worlds/.*/turns/[{]turn[}]"
"""The name that is given takes the place of a bad one, which then seems to be accepted; the same
routes are asked without a name.
"""


def schemathesis(folder: Path, *options: str, started: bool) -> int:
    """Run every check of schemathesis against a fresh engine; returns how many cases passed."""
    configuration = folder / "schemathesis.toml"
    text = CONFIGURATION + WITH_A_WORLD if started else CONFIGURATION
    configuration.write_text(text, encoding="utf-8")
    with EngineProcess(folder / "world.db", program=SHORT_RUNS) as engine:
        if started:
            engine.call("/init", {"config": {}})
            engine.call("/worlds/beside/init", {"config": {}})
        before = engine.memory()
        command = [
            SCHEMATHESIS, "--config-file", str(configuration), "run",
            f"http://127.0.0.1:{engine.port}/openapi.json",
            "--checks", "all", "--exclude-path-regex",
            WITH_A_WORLD_NOT_ASKED if started else NOT_ASKED, *options,
            "--request-timeout", "60", "--no-color", "--suppress-health-check", "all",
        ]  # fmt: skip
        ended = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=7200
        )
        assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr[-2000:]
        assert "Traceback" not in engine.messages()
        assert engine.memory() - before < 256 * MEGABYTE
    (passed,) = re.findall(r"(\d+) generated, \1 passed", ended.stdout)
    return int(passed)


@pytest.mark.parametrize(
    ("started", "phases", "cases"),
    [(False, "examples,fuzzing,stateful", 100), (True, "coverage,fuzzing,stateful", 500)],
    ids=["no world", "a world"],
)
def test_the_engine_keeps_its_own_description(
    tmp_path: Path, started: bool, phases: str, cases: int
) -> None:
    options = ["--phases", phases, "--max-examples", str(CI_EXAMPLES), "--generation-deterministic"]
    assert schemathesis(tmp_path, *options, started=started) > cases


@pytest.mark.nightly
@pytest.mark.parametrize("started", [False, True], ids=["no world", "a world"])
def test_the_engine_keeps_its_own_description_all_night(tmp_path: Path, started: bool) -> None:
    seed = os.environ.get("SCHEMATHESIS_SEED", "7")
    options = ["--seed", seed, "--max-examples", str(NIGHTLY_EXAMPLES)]
    phases = "examples,coverage,fuzzing,stateful"
    assert schemathesis(tmp_path, "--phases", phases, *options, started=started) > 1000
