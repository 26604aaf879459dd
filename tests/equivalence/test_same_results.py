"""What becomes of a world depends on nothing but the world: threads, neighbours, instructions."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import Any

import pytest
from msgspec.structs import replace

from tests.equivalence.kernel_comparison import batch_of
from tests.equivalence.random_worlds import random_group
from tests.equivalence.world_groups import WorldGroup

np = pytest.importorskip("numpy")
pytest.importorskip("numba")

NUMBERS = (3, 8, 21)
OTHER_INSTRUCTIONS = {
    "AVX2": {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi,+bmi2,+f16c,+lzcnt,+popcnt",
    },
}


def many(number: int, worlds: int) -> WorldGroup:
    """A random group with its numbers again and again, under other seeds."""
    group = random_group(number)
    times = -(-worlds // len(group.seeds))
    return replace(
        group,
        seeds=tuple(range(1, worlds + 1)),
        varied={name: (values * times)[:worlds] for name, values in group.varied.items()},
    )


def played(group: WorldGroup, threads: int = 1) -> dict[str, Any]:
    """Digests and metrics, `[world]` each; nothing of worlds that are given back."""
    from sim_economy.batch.play import play_batch  # noqa: PLC0415

    result = play_batch(batch_of(group, group.turns), threads=threads)
    columns = {**result.metrics, "digest": result.digests}
    known = {name: np.where(result.beyond, 0, values) for name, values in columns.items()}
    return {**known, "beyond": result.beyond}


def assert_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        assert np.array_equal(found[name], values), name


@pytest.mark.parametrize("number", NUMBERS)
def test_any_number_of_threads_gives_the_same_results(number: int) -> None:
    group = many(number, 21_000)
    alone = played(group)
    for threads in (2, 5):
        assert_same(played(group, threads), alone)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_world_is_the_same_wherever_it_stands(number: int) -> None:
    group = many(number, 300)
    together = played(group)
    turned = replace(
        group,
        seeds=group.seeds[::-1],
        varied={name: values[::-1] for name, values in group.varied.items()},
    )
    assert_same({name: values[::-1] for name, values in played(turned).items()}, together)
    for world in (0, 63, 64, 65, 299):
        own = {name: values[world : world + 1] for name, values in together.items()}
        assert_same(played(group.alone(world)), own)


def results_hash() -> str:
    """A hash of all results of a few groups."""
    whole = hashlib.sha256()
    for number in NUMBERS:
        for name, values in sorted(played(many(number, 200)).items()):
            whole.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return whole.hexdigest()


@pytest.mark.nightly
@pytest.mark.parametrize("instructions", OTHER_INSTRUCTIONS)
def test_other_instructions_give_the_same_results(instructions: str) -> None:
    program = "from tests.equivalence.test_same_results import results_hash; print(results_hash())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **OTHER_INSTRUCTIONS[instructions]},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == results_hash()
