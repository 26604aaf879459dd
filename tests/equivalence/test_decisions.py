"""Rules, weights, functions and mixed populations decide in the kernel as on the core."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("numba")

import sim_economy as se  # noqa: E402
from sim_economy.agents.behaviour import CoreOnly, behaviour_of  # noqa: E402
from sim_economy.agents.population import parse_population, policies_by_agent  # noqa: E402
from sim_economy.batch.decisions.behaviour_packing import refusal  # noqa: E402
from sim_economy.batch.decisions.decision_codes import (  # noqa: E402
    ALL_STAKE,
    FEATURES,
    LINEAR_SCALES,
    ActionCode,
)
from sim_economy.batch.steps import action_lanes  # noqa: E402
from sim_economy.batch.world_batch import BehaviourPolicy  # noqa: E402
from sim_economy.core.errors import PolicyFailedError, ScenarioError  # noqa: E402
from sim_economy.core.world_config import WorldConfig, parse_world_config  # noqa: E402
from tests.agents.test_rules import PUBLISHED  # noqa: E402
from tests.equivalence.played_twice import (  # noqa: E402
    core_digest,
    core_states,
    kernel_result,
    seeded,
)

TURNS: Final = 40
VARIANTS: Final[dict[str, list[Any]]] = {
    "job_rule": ["credit_usage", "waive_usage"],
    "lottery_rule": ["miners", "mine_stake_burn"],
    "dividend_rule": ["core_owners", "stake_and_burn"],
    "unstake_without_amount": ["reject", "all"],
    "signing_bonus_rule": ["first_job", "per_block"],
    "unstake_delay_turns": [1, 5, 90],
    "burn_maturity_turns": [0, 3],
    "num_agents": [1, 2, 5, 9],
    "study_cost": [0, 50],
    "genesis_tokens_per_agent": [50, 1000],
    "block_threshold": [0, 20],
}


def world(source: random.Random) -> WorldConfig:
    return parse_world_config({name: source.choice(held) for name, held in VARIANTS.items()})


def usage(source: random.Random, agents: int, turns: int = TURNS) -> Any:
    drawn = np.random.default_rng(source.randrange(2**32))
    return drawn.integers(0, 400, (turns, agents, 2))


def differing(
    config: WorldConfig,
    entries: Sequence[dict[str, Any]],
    source: random.Random,
    worlds: int = 3,
    turns: int = TURNS,
) -> tuple[list[int], Any]:
    """The worlds in which the kernel ends elsewhere without saying so, and its result."""
    groups = parse_population(entries, config)
    behaviour = behaviour_of(groups)
    assert not isinstance(behaviour, CoreOnly), behaviour
    units = usage(source, config.num_agents, turns)
    seeds = [source.randrange(2**40) for _ in range(worlds)]
    result = kernel_result(config, BehaviourPolicy(behaviour=behaviour), units, turns, seeds)
    policies = policies_by_agent(groups)
    found = [
        index
        for index, seed in enumerate(seeds)
        if not result.beyond[index]
        and int(result.digests[index]) != core_digest(seeded(config, seed), policies, units, turns)
    ]
    return found, result


def test_core_and_kernel_have_the_same_codes_of_actions() -> None:
    names = {"BID": "BID_CORE"}
    for code in ActionCode:
        assert getattr(action_lanes, names.get(code.name, code.name)) == code
    assert action_lanes.WITHOUT_AMOUNT == ALL_STAKE


# Rules

COMPARED: Final = ("<", "<=", ">", ">=", "==", "!=")
QUANTITIES: Final = [name for name in FEATURES if name not in {"employed", "poorest"}]


def condition(source: random.Random) -> str:
    """A condition that holds now and then."""
    kind = source.randrange(6)
    if kind == 0:
        return source.choice(["", "not "]) + source.choice(["employed", "poorest"])
    if kind in {1, 2}:
        divided = source.choice([*QUANTITIES, "(turn + agent)", "(turn + agent)"])
        modulus = source.choice(["0", "1", "2", "3", "5", "pace"])
        return f"{divided} % {modulus} == {source.choice(['0', '0', '1', '2', 'rest'])}"
    name = source.choice(QUANTITIES)
    near = {"balance": 900, "staked": 100, "pending": 30, "unstaking": 50, "burned": 60}
    least = -300 if name == "balance" else 0
    number = source.choice(["low", str(source.randint(least, near.get(name, 20)))])
    return f"{name} {source.choice(COMPARED)} {number}"


def action(source: random.Random) -> str:
    size = source.choice(["size", "1", "30", "700"])
    fee = source.choice(["", " fee 1", " fee tip"])
    return source.choice(
        [
            "mine", "mine", "job", "study", "idle", f"stake {size}{fee}", "unstake",
            f"unstake {size}", f"burn {size}{fee}", f"transfer {size} to poorest{fee}",
            f"transfer {size} to next{fee}", f"bid {size}",
        ]
    )  # fmt: skip


def rules(source: random.Random) -> dict[str, Any]:
    """A random policy of rules, with the numbers that it reads."""
    table = [
        {
            "when": " and ".join(condition(source) for _ in range(source.randint(1, 3))),
            "do": action(source),
        }
        for _ in range(source.randint(0, 7))
    ]
    table.append({"do": action(source)})
    numbers = {
        "low": source.randint(-200, 600),
        "pace": source.randint(0, 4),
        "rest": source.randint(0, 2),
        "size": source.randint(1, 90),
        "tip": source.randint(0, 5),
    }
    words = " ".join(" ".join(rule.values()) for rule in table).replace("%", " ").split()
    read = {name: value for name, value in numbers.items() if name in words}
    return {"policy": "rules", "rules": table, "numbers": read}


MANY: Final = pytest.param(1000, marks=pytest.mark.nightly)
"""How many random policies the long runs take."""


@pytest.mark.parametrize("policies", [60, MANY])
def test_random_rules_end_in_the_same_state(policies: int) -> None:
    source = random.Random(policies)
    chosen: dict[str, int] = {}
    for _ in range(policies):
        config = world(source)
        table = rules(source)
        found, result = differing(config, [table], source)
        assert found == [], (config, table)
        assert not result.beyond.any()
        for name, counts in result.metrics.items():
            chosen[name] = chosen.get(name, 0) + int(counts.sum())
    assert min(count for name, count in chosen.items() if name.startswith("actions_")) > 100


@pytest.mark.parametrize(
    "when",
    [
        "balance < 940", "balance <= 940", "balance > 940", "balance >= 940", "balance == 940",
        "balance != 940", "balance % 7 == 5", "balance % 0 == 0", "studies % 0 == 0",
        "balance % 1 == 0", "turn % 0 == 0", "turn % 1 == 0", "turn % 3 == 2", "agent % 2 == 1",
        "(turn + agent) % 4 == 0", "turn < 5", "turn >= 5", "agent == 1", "num_agents == 3",
        "staked > 2 and pending > 0", "pending == 4", "pending % 4 == 0 and turn > 1",
        "employed", "not employed", "poorest", "not poorest",
    ],
)  # fmt: skip
def test_a_directed_condition_holds_in_the_kernel_where_it_does_on_the_core(when: str) -> None:
    config = parse_world_config({"num_agents": 3, "study_cost": 1, "block_threshold": 0})
    table = [
        {"when": "turn == 2 and agent == 0", "do": "job"},
        {"when": when, "do": "stake 3 fee 1"},
        {"when": "studies < 2", "do": "study"},
        {"when": "not poorest", "do": "transfer 5 to poorest fee 1"},
        {"when": "turn % 3 == 0", "do": "transfer 6 to next"},
        {"do": "mine"},
    ]
    found, _ = differing(config, [{"policy": "rules", "rules": table}], random.Random(1), 1, 8)
    assert found == []


@pytest.mark.parametrize(
    ("actions", "weights"),
    [
        (["job", "mine"], [{"bias": 1000}, {"balance": 1}]),
        (["job", "mine"], [{"bias": -1000}, {"balance": -1}]),
        (["stake 1", "mine", "idle"], [{"turn": 1}, {"turn": 1}, {"bias": 0.004}]),
        (["transfer 5 to poorest fee 1", "mine"], [{"poorest": -1}, {"bias": -0.5}]),
        (["transfer 5 to next", "unstake", "mine"], [{"turn": 1}, {"agent": 5}, {"pending": 9}]),
    ],
)
@pytest.mark.parametrize("tokens", [1000, 5_000_000])
def test_a_directed_score_is_the_same_in_the_kernel(
    actions: list[str], weights: list[dict[str, float]], tokens: int
) -> None:
    world = {"num_agents": 3, "genesis_tokens_per_agent": tokens, "block_threshold": 0}
    entry = {"policy": "linear", "actions": actions, "weights": weights}
    config = parse_world_config(world)
    found, _ = differing(config, [entry], random.Random(2), 1, 8)
    assert found == []


def test_numbers_that_differ_between_worlds_are_each_worlds_own() -> None:
    source = random.Random(2)
    config = parse_world_config({"num_agents": 3})
    table = [{"when": "balance < low", "do": "job"}, {"do": "stake size"}]
    entry = {"policy": "rules", "rules": table, "numbers": {"low": 0, "size": 3}}
    behaviour = behaviour_of(parse_population([entry], config))
    assert not isinstance(behaviour, CoreOnly)
    units = usage(source, 3)
    low, size = np.array([-100, 0, 300, 700]), np.array([1, 5, 9, 40])
    policy = BehaviourPolicy(behaviour=behaviour, varied={"low": low, "size": size})
    result = kernel_result(config, policy, units, TURNS, [7, 7, 7, 7])
    for index in range(4):
        own = {**entry, "numbers": {"low": int(low[index]), "size": int(size[index])}}
        policies = policies_by_agent(parse_population([own], config))
        assert int(result.digests[index]) == core_digest(seeded(config, 7), policies, units, TURNS)


@pytest.mark.parametrize("name", ["rules", "published"])
def test_a_number_that_a_policy_must_not_have_is_left_to_the_core(name: str) -> None:
    config = parse_world_config({"num_agents": 3})
    entry: dict[str, Any] = {"policy": "published"}
    if name == "rules":
        entry = {"policy": "rules", "rules": [{"do": "stake size"}], "numbers": {"size": 3}}
    behaviour = behaviour_of(parse_population([entry], config))
    assert not isinstance(behaviour, CoreOnly)
    varied = {"size" if name == "rules" else "stake_tokens": np.array([1, 0, -5, 3])}
    policy = BehaviourPolicy(behaviour=behaviour, varied=varied)
    result = kernel_result(config, policy, usage(random.Random(3), 3), TURNS, [7, 7, 7, 7])
    assert result.beyond.tolist() == [False, True, True, False]
    with pytest.raises(ScenarioError, match="must be"):
        parse_population([{**entry, next(iter(varied)): 0}], config)


def test_a_number_that_worlds_must_share_is_refused() -> None:
    config = parse_world_config({"num_agents": 3})
    table = [{"when": "turn % pace == 0", "do": "job"}, {"do": "stake size"}]
    entry = {"policy": "rules", "rules": table, "numbers": {"pace": 2, "size": 3}}
    behaviour = behaviour_of(parse_population([entry], config))
    assert not isinstance(behaviour, CoreOnly)
    policy = BehaviourPolicy(behaviour=behaviour, varied={"pace": np.array([1]), "x": [2]})
    with pytest.raises(ScenarioError) as caught:
        kernel_result(config, policy, usage(random.Random(3), 3), TURNS, [7])
    assert caught.value.problems == [
        "policy.pace: all worlds of a batch share it",
        "policy.x: the one policy of all agents has no such number",
    ]


# Weights


def weights(source: random.Random) -> dict[str, Any]:
    actions = [action(source).replace("size", "40").replace("tip", "2") for _ in range(4)]
    rows = []
    for _ in actions:
        row = dict.fromkeys(LINEAR_SCALES, 0)
        for name in source.sample(list(LINEAR_SCALES), 4):
            row[name] = source.choice([source.randint(-1000, 1000), source.randint(-3, 3)])
        rows.append(row)
    return {"policy": "linear", "actions": actions, "weights": rows}


@pytest.mark.parametrize("policies", [40, MANY])
def test_random_weights_end_in_the_same_state(policies: int) -> None:
    source = random.Random(policies)
    for _ in range(policies):
        config = world(source)
        table = weights(source)
        found, result = differing(config, [table], source)
        assert found == [], (config, table)
        assert not result.beyond.any()


def test_weights_differ_between_worlds() -> None:
    source = random.Random(5)
    config = parse_world_config({"num_agents": 3})
    entry = {"policy": "linear", "actions": ["mine", "job"], "weights": [{}, {"balance": -1}]}
    behaviour = behaviour_of(parse_population([entry], config))
    assert not isinstance(behaviour, CoreOnly)
    bias = np.array([0, 400_000, 900_000])
    policy = BehaviourPolicy(behaviour=behaviour, varied={"weights.1.bias": bias})
    units = usage(source, 3)
    result = kernel_result(config, policy, units, TURNS, [7, 7, 7])
    digests = []
    for index in range(3):
        row = {"balance": -1, "bias": float(bias[index]) / 1_000_000}
        own = {**entry, "weights": [{}, row]}
        policies = policies_by_agent(parse_population([own], config))
        digests.append(core_digest(seeded(config, 7), policies, units, TURNS))
    assert [int(digest) for digest in result.digests] == digests
    assert len(set(digests)) > 1


# Functions


def expression(source: random.Random, depth: int) -> str:
    if depth == 0:
        number = str(source.choice([0, 1, 2, 7, -3, 50, 10**6]))
        return source.choice([*FEATURES, number, "low", "step"])
    first, second = expression(source, depth - 1), expression(source, depth - 1)
    kind = source.choice(["+", "-", "*", "//", "%", "min", "max", "abs", "-x", "if", "<"])
    if kind in {"//", "%"} and source.random() < 0.95:
        second = f"(1 + abs({second}))"
    return {
        "min": f"min({first}, {second})",
        "max": f"max({first}, {second})",
        "abs": f"abs({first})",
        "-x": f"(-{first})",
        "if": f"({first} if {second} > 3 else {second})",
        "<": f"({first} < {second})",
    }.get(kind, f"({first} {kind} {second})")


def function_source(source: random.Random, name: str) -> str:
    """A random function; some divide by zero, and fail on the core."""
    lines = [f"def {name}({', '.join(FEATURES)}, low=12, size=9):", "    step = balance - low"]
    for _ in range(source.randint(1, 3)):
        lines.append(f"    for each in range({source.randint(1, 4)}):")
        lines.append(f"        step += {expression(source, 1)} + each")
    for _ in range(source.randint(1, 4)):
        choice = source.choice(
            [
                "mine()", "job()", "study()", "idle()", "stake(size, fee=1)", "unstake()",
                f"unstake({expression(source, 1)} % 50)", "burn(max(size, 2))",
                f"transfer_to_poorest(abs({expression(source, 1)}) % 40)",
                "transfer_to_next(3, 1)", "bid(size + agent)", f"stake({expression(source, 1)})",
            ]
        )  # fmt: skip
        lines.append(f"    if {expression(source, 2)} > {expression(source, 1)}:")
        lines.append(f"        return {choice}")
    lines.append("    return mine() if (turn + agent) % 3 else job()")
    return "\n".join(lines) + "\n"


def written(text: str, folder: Path, name: str) -> Any:
    """The module of a text."""
    path = folder / f"{name}.py"
    path.write_text(
        "from sim_economy import *\n"
        "from sim_economy.batch.decisions.policy_choices import *\n"
        + text
    )  # fmt: skip
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("functions", [8, pytest.param(60, marks=pytest.mark.nightly)])
def test_random_functions_end_in_the_same_state_or_say_that_they_do_not(
    functions: int, tmp_path: Path
) -> None:
    source = random.Random(6)
    text = "\n\n".join(function_source(source, f"random_{index}") for index in range(functions))
    module = written(text, tmp_path, "random_functions")
    played = beyond = 0
    for index in range(functions):
        policy = se.policy_function(getattr(module, f"random_{index}"))
        for _ in range(3):
            config = world(source)
            try:
                found, result = differing(config, [{"policy": policy}], source)
            except PolicyFailedError:
                continue
            assert found == [], (config, policy)
            played += len(result.beyond)
            beyond += int(result.beyond.sum())
    assert played - beyond > 3 * functions


@se.policy_function
def overflowing(balance, turn):  # type: ignore[no-untyped-def]
    large = balance * balance * balance * balance * balance * balance * turn
    return se.job() if large > 0 else se.mine()


@se.policy_function
def dividing_by_zero(balance, turn, last=20):  # type: ignore[no-untyped-def]
    return se.job() if balance // (turn - last) > 0 else se.mine()


@pytest.mark.parametrize("policy", [overflowing, dividing_by_zero])
def test_what_64_bits_cannot_hold_is_left_to_the_core(policy: Any) -> None:
    config = parse_world_config({"num_agents": 2})
    behaviour = behaviour_of(parse_population([{"policy": policy}], config))
    assert not isinstance(behaviour, CoreOnly)
    units = usage(random.Random(8), 2)
    result = kernel_result(config, BehaviourPolicy(behaviour=behaviour), units, TURNS, [1, 2])
    assert result.beyond.all()


def test_an_amount_that_no_input_may_have_is_left_to_the_core(tmp_path: Path) -> None:
    text = "def huge(turn):\n    return stake(1000000 * 1000000 * turn)\n"
    policy = se.policy_function(written(text, tmp_path, "huge_amounts").huge)
    config = parse_world_config({"num_agents": 2})
    behaviour = behaviour_of(parse_population([{"policy": policy}], config))
    assert not isinstance(behaviour, CoreOnly)
    units = usage(random.Random(8), 2)
    result = kernel_result(config, BehaviourPolicy(behaviour=behaviour), units, TURNS, [1])
    assert result.beyond.all()
    with pytest.raises(se.SimEconomyError, match="amount"):
        se.play(turns=2, policy=policy)


@se.policy_function
def of_two_types(balance, turn):  # type: ignore[no-untyped-def]
    return se.job() if balance > 3 else balance


def test_a_function_that_has_no_one_type_is_refused_in_words() -> None:
    config = parse_world_config({"num_agents": 2})
    behaviour = behaviour_of(parse_population([{"policy": of_two_types}], config))
    assert not isinstance(behaviour, CoreOnly)
    reason = "a value of its function is now a choice, now a number"
    assert refusal(behaviour) == f"policy: must be compiled, and {reason}"
    fine = behaviour_of(parse_population([{"policy": dividing_by_zero}], config))
    assert not isinstance(fine, CoreOnly)
    assert refusal(fine) is None


# Mixed populations


@pytest.mark.parametrize("populations", [25, MANY])
def test_mixed_populations_end_in_the_same_state(populations: int, tmp_path: Path) -> None:
    source = random.Random(populations)
    module = written(function_source(source, "mixed"), tmp_path, "mixed_function")
    makers: list[Callable[[], dict[str, Any]]] = [
        lambda: rules(source),
        lambda: weights(source),
        lambda: {"policy": se.policy_function(module.mixed), "low": source.randint(0, 90)},
        lambda: {
            "policy": "published",
            "job_below": source.randint(-300, 300),
            "stake_period": source.randint(0, 4),
            "transfer_period": source.randint(0, 3),
            "transfer_above": 100,
        },
        lambda: {"policy": source.choice(["miner", "worker", "idle"])},
    ]
    for _ in range(populations):
        config = parse_world_config({"num_agents": 6}, world(source))
        entries = [{**source.choice(makers)(), "agents": 1} for _ in range(5)]
        entries.append({**source.choice(makers)(), "agents": "rest"})
        found, _ = differing(config, entries, source)
        assert found == [], (config, entries)


def test_threads_share_a_compiled_function_and_tables() -> None:
    source = random.Random(12)
    config = parse_world_config({"num_agents": 6, "block_threshold": 0})
    table = [{"when": "(turn + agent) % 3 == 0", "do": "stake 3 fee 1"}, {"do": "mine"}]
    ruled = {"policy": "rules", "rules": table}
    entries = [{"policy": dividing_by_zero, "agents": 1, "last": -1}, ruled]
    behaviour = behaviour_of(parse_population(entries, config))
    assert not isinstance(behaviour, CoreOnly)
    policy, units = BehaviourPolicy(behaviour=behaviour), usage(source, 6, 6)
    played = [
        kernel_result(config, policy, units, 6, range(9000), threads=threads).digests
        for threads in (1, 2, 5)
    ]
    assert len({*played[0].tolist()}) > 3
    assert (played[0] == played[1]).all()
    assert (played[0] == played[2]).all()


def test_the_published_policy_is_the_same_in_every_form() -> None:
    """As the kernel's own, beside another policy, and as rules."""
    source = random.Random(10)
    config = parse_world_config({"num_agents": 5})
    units = usage(source, 5)
    forms: list[Any] = [
        [{"policy": "published"}],
        [{"policy": "published", "agents": 4}, {"policy": "published", "agents": 1,
                                                "transfer_fee": 2, "transfer_period": 0}],
        [{"policy": "rules", "rules": PUBLISHED, "numbers": {"caution": -180}}],
    ]  # fmt: skip
    digests = []
    for entries in forms:
        behaviour = behaviour_of(parse_population(entries, config))
        assert not isinstance(behaviour, CoreOnly)
        result = kernel_result(config, BehaviourPolicy(behaviour=behaviour), units, TURNS, [5])
        policies = policies_by_agent(parse_population(entries, config))
        digests.append(int(result.digests[0]))
        assert digests[-1] == core_digest(seeded(config, 5), policies, units, TURNS)
    assert digests[0] == digests[2]


def test_this_test_would_see_a_difference() -> None:
    config = parse_world_config({"num_agents": 3})
    units = usage(random.Random(11), 3)
    miners = policies_by_agent(parse_population([{"policy": "miner"}], config))
    workers = behaviour_of(parse_population([{"policy": "worker"}], config))
    assert not isinstance(workers, CoreOnly)
    result = kernel_result(config, BehaviourPolicy(behaviour=workers), units, TURNS, [1])
    assert int(result.digests[0]) != core_digest(seeded(config, 1), miners, units, TURNS)
    assert len(list(core_states(config, miners, units, 3))) == 3
