"""Sweeps of policies that are data: by the kernel where it can, by the core where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

pytest.importorskip("numba")

import sim_economy as se
from sim_economy.experiments.sweeps.kernel_player import SMALL_ROWS

CAUTION: Final = [*range(-400, 400, 20)]
SEEDS: Final = SMALL_ROWS // len(CAUTION) + 1
STUDY: Final[dict[str, Any]] = {
    "name": "caution",
    "scenario": "as-run",
    "turns": 3,
    "set": {"num_agents": 2, "genesis_tokens_per_agent": 200},
    "seeds": SEEDS,
    "vary": {"policy.caution": CAUTION},
    "metrics": ["actions_job", "actions_stake"],
}


@se.policy_function
def careful(balance, turn, agent, caution=0):  # type: ignore[no-untyped-def]
    if balance < caution:
        return se.job()
    return se.stake(3) if (turn + agent) % 2 == 0 else se.mine()


LIMIT: Final = 0


@se.policy_function
def reading_a_global(balance, turn, agent, caution=0):  # type: ignore[no-untyped-def]
    if balance < caution + LIMIT:
        return se.job()
    return se.stake(3) if (turn + agent) % 2 == 0 else se.mine()


@se.policy_function
def of_two_types(balance, turn, agent, caution=0):  # type: ignore[no-untyped-def]
    if balance < caution:
        return se.job()
    if turn > 3:
        return turn
    return se.stake(3) if (turn + agent) % 2 == 0 else se.mine()


RULES: Final = {
    "name": "rules",
    "rules": [
        {"when": "balance < caution", "do": "job"},
        {"when": "(turn + agent) % 2 == 0", "do": "stake 3"},
        {"do": "mine"},
    ],
    "numbers": {"caution": 0},
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The rows of one study under each form of the same policy."""
    forms: dict[str, Any] = {
        "function": careful,
        "rules": RULES,
        "global": reading_a_global,
        "types": of_two_types,
    }
    folder: Path = tmp_path_factory.mktemp("swept")
    return {
        name: se.sweep(STUDY, folder / name, policy=form).frame().rows(named=True)
        for name, form in forms.items()
    }


@pytest.mark.parametrize(
    ("form", "status"),
    [("function", "kernel"), ("rules", "kernel"), ("global", "core"), ("types", "core")],
)
def test_the_kernel_plays_what_it_can_and_the_core_the_rest(
    swept: dict[str, Any], form: str, status: str
) -> None:
    assert {row["status"] for row in swept[form]} == {status}


@pytest.mark.parametrize("form", ["function", "rules", "types"])
def test_every_form_of_a_policy_has_the_same_rows(swept: dict[str, Any], form: str) -> None:
    def plain(name: str) -> list[dict[str, Any]]:
        return [{**row, "status": ""} for row in swept[name]]

    assert len({row["actions_job"] for row in swept[form]}) > 3
    assert plain(form) == plain("global")
