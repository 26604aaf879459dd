"""The as-run rules on radCAD: a state, and blocks of policies and updates that make the next one.

Usage is drawn by Python's own generator, as in the published experiment; the point of the lottery
is the core's draw, so that every balance can be held against the core.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from radcad import Engine, Experiment, Model, Simulation
from radcad.engine import Backend

from sim_economy.core.randomness import draw_below, seed_key

FACTOR_ONE = 10**12
MATURITY = 3
AGENTS = 8
AMOUNTS = {"stake": (80, 0), "burn": (50, 0), "transfer": (20, 1)}

State = dict[str, Any]


def choose(params: State, substep: int, history: Any, before: State) -> State:  # noqa: ARG001
    """The usage and the published policy of every agent."""
    turn, balances, staked = before["timestep"] + 1, before["balances"], before["staked"]
    randint = before["draws"].randint
    usage = [(randint(50, 350), randint(40, 280)) for _ in range(AGENTS)]
    poorest = balances.index(min(balances))
    actions = [
        _choice(turn, agent, balances[agent], staked[agent], agent == poorest)
        for agent in range(AGENTS)
    ]
    return {"usage": usage, "actions": actions, "poorest": poorest}


def _choice(turn: int, agent: int, balance: int, staked: int, is_poorest: bool) -> str:
    if balance < -180:
        return "job"
    if staked > 0 and turn % 15 == 0:
        return "unstake"
    if balance > 360 and staked < 220 and (turn + agent) % 7 == 0:
        return "stake"
    if balance > 600 and (turn + agent) % 11 == 0:
        return "burn"
    if balance > 450 and turn % 13 == 0 and not is_poorest:
        return "transfer"
    return "study" if balance > 250 and turn % 10 == 0 else "mine"


def act_and_bill(params: State, substep: int, history: Any, before: State) -> State:  # noqa: ARG001
    """Actions, jobs, fees and interest."""
    balances, factors = before["balances"].copy(), before["factors"].copy()
    employed, waiting = before["employed"].copy(), before["waiting"].copy()
    owed = [0] * AGENTS
    for agent, action in enumerate(before["actions"]):
        if action == "study" and balances[agent] >= 50:
            balances[agent] -= 50
            factors[agent] = factors[agent] * 950_000 // 10**6
        thinking, output = before["usage"][agent]
        fee = max(0, output + thinking // 10 - 100) * factors[agent] // FACTOR_ONE
        if action == "job":
            balances[agent] += min(fee, 1000)
            balances[agent] += max(0, -balances[agent]) // 100
            balances[agent] += 0 if employed[agent] else 50
            employed[agent] = True
            continue
        owed[agent] = fee
        if action in AMOUNTS:
            amount, tip = AMOUNTS[action]
            balances[agent] -= amount + tip
            waiting.append((action, agent, before["poorest"], amount, tip))
    balances = [held - fee for held, fee in zip(balances, owed, strict=True)]
    balances = [held - max(0, -held) // 100 for held in balances]
    return {
        "balances": balances,
        "factors": factors,
        "employed": employed,
        "waiting": waiting,
        "fees": before["fees"] + sum(owed),
    }


def make_block(params: State, substep: int, history: Any, before: State) -> State:  # noqa: ARG001
    """The lottery, and what its block finalises."""
    turn, kept = before["timestep"] + 1, [*before["kept"]]
    kept.append(kept[-1] * 980_000 // 10**6)
    miners = [agent for agent, action in enumerate(before["actions"]) if action == "mine"]
    weights = [_weight(before, agent, turn) for agent in miners]
    total = sum(weights)
    if total < 20_000_000 * FACTOR_ONE:
        return {**{name: before[name] for name in OF_BLOCK}, "kept": kept}
    balances, staked = before["balances"].copy(), before["staked"].copy()
    burns = before["burns"].copy()
    winner = _winner(miners, weights, draw_below(total, before["key"], turn, "lottery", 0))
    for action, agent, poorest, amount, tip in before["waiting"]:
        balances[winner] += tip
        if action == "stake":
            staked[agent] += amount
        elif action == "transfer":
            balances[poorest] += amount
        else:
            burns.append((agent, turn, amount))
    return {
        "balances": balances,
        "staked": staked,
        "burns": burns,
        "waiting": [],
        "blocks": before["blocks"] + 1,
        "kept": kept,
    }


def _weight(state: State, agent: int, turn: int) -> int:
    burned: int = sum(
        amount * state["kept"][turn - then - MATURITY]
        for owner, then, amount in state["burns"]
        if owner == agent and turn - then >= MATURITY
    )
    return (10_000_000 + 10_000 * int(state["staked"][agent])) * FACTOR_ONE + 50_000 * burned


def _winner(miners: Sequence[int], weights: Sequence[int], point: int) -> int:
    for agent, weight in zip(miners, weights, strict=True):
        point -= weight
        if point < 0:
            return agent
    raise AssertionError(point)


def _updated(name: str) -> Callable[..., tuple[str, Any]]:
    def update(params: State, substep: int, history: Any, before: State, signal: State) -> Any:  # noqa: ARG001
        return name, signal[name]

    return update


CHOSEN = ("usage", "actions", "poorest")
OF_BILL = ("balances", "factors", "employed", "waiting", "fees")
OF_BLOCK = ("balances", "staked", "burns", "waiting", "blocks")
BLOCKS = [
    {"policies": {"own": policy}, "variables": {name: _updated(name) for name in names}}
    for policy, names in (
        (choose, CHOSEN),
        (act_and_bill, OF_BILL),
        (make_block, (*OF_BLOCK, "kept")),
    )
]


def _genesis(seed: int) -> State:
    return {
        "balances": [1000] * AGENTS,
        "staked": [0] * AGENTS,
        "factors": [FACTOR_ONE] * AGENTS,
        "employed": [False] * AGENTS,
        "waiting": [],
        "burns": [],
        "kept": [FACTOR_ONE],
        "fees": 0,
        "blocks": 0,
        "usage": [],
        "actions": [],
        "poorest": 0,
        "draws": random.Random(seed),
        "key": seed_key(seed),
    }


def play(seeds: Sequence[int], turns: int = 60) -> list[State]:
    """The last states of published runs, one a seed, in one process."""
    simulations = [
        Simulation(Model(_genesis(seed), BLOCKS, {}), timesteps=turns, runs=1) for seed in seeds
    ]
    experiment = Experiment(simulations)
    experiment.engine = Engine(
        backend=Backend.SINGLE_PROCESS, deepcopy=False, drop_substeps=True, raise_exceptions=True
    )
    rows = experiment.run()
    return [_ended(row) for row in rows if row["timestep"] == turns]


def _ended(state: State) -> State:
    """A last state in which what waits for a block is back with its owner."""
    balances = [*state["balances"]]
    for _, agent, _, amount, tip in state["waiting"]:
        balances[agent] += amount + tip
    return {**state, "balances": balances}
