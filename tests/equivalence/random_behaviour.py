"""Random behaviour: tables of rules, weights, and populations in which agents differ."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from sim_economy.agents.policies.linear_policy import Linear
from sim_economy.agents.policies.published_policy import Published
from sim_economy.agents.policies.rule_policy import Rules
from sim_economy.agents.policies.simple import Idler, Miner, Worker
from sim_economy.agents.policy import Policy
from sim_economy.batch.decisions.decision_codes import LINEAR_SCALES
from sim_economy.core.units import INPUT_LIMIT, MILLION, Millionths

NAMES: Final = ("caution", "plenty", "portion")
"""Numbers that a table names and that may differ from world to world: two levels, an amount."""
_QUANTITIES: Final = ("balance", "staked", "unstaking", "pending", "burned", "studies", "cores")
_COMPARISONS: Final = ("<", "<=", ">", ">=", "==", "!=")
_AMOUNTS: Final = (1, 2, 20, 50, 80, 300, 1000, INPUT_LIMIT, 2**27, 2**26)
_FEES: Final = (0, 0, 1, 7, 300, INPUT_LIMIT)


def random_rules(random: Random) -> Rules:
    """A table of a few rules, with bids in some."""
    rules = [(_condition(random), _action(random)) for _ in range(random.randint(1, 6))]
    if random.random() < 0.4:
        bid = random.choice((1, 5, 10, 10, 100, 1000, 3000))
        rules.insert(0, (f"turn == 1 and {_term(random)}", f"bid {bid}"))
    rules.append(("", random.choice(("mine", "mine", "job", _action(random)))))
    text = " ".join(map(" ".join, rules))
    read = [(name, number) for name, number in numbers_of(random) if name in text]
    return Rules(tuple(rules), tuple(read))


def numbers_of(random: Random) -> tuple[tuple[str, int], ...]:
    """A value for each of `NAMES`."""
    levels = (random.randint(-300, 300), random.randint(0, 1000), random.choice(_AMOUNTS))
    return tuple(zip(NAMES, levels, strict=True))


def _condition(random: Random) -> str:
    return " and ".join(_term(random) for _ in range(random.choice((1, 1, 1, 2, 3))))


def _term(random: Random) -> str:
    lot = random.random()
    if lot < 0.1:
        return random.choice(("employed", "poorest", "not employed", "not poorest"))
    if lot < 0.5:
        divisor = random.choice((1, 2, 2, 3, 4, 5, 7))
        rest = random.randint(0, divisor)
        subject = random.choice(("turn", "agent", "(turn + agent)", "(turn + agent)", "balance"))
        return f"{subject} % {divisor} == {rest}"
    number = random.choice((*NAMES[:2], str(random.randint(-300, 1100)), "0", "1"))
    return f"{random.choice(_QUANTITIES)} {random.choice(_COMPARISONS)} {number}"


def _action(random: Random) -> str:
    amount = random.choice((NAMES[2], *map(str, _AMOUNTS)))
    fee = random.choice(("", f" fee {random.choice(_FEES)}"))
    target = random.choice(("poorest", "next"))
    return random.choice(
        (
            "mine",
            "mine",
            "job",
            "study",
            "idle",
            f"stake {amount}{fee}",
            f"burn {amount}{fee}",
            "unstake",
            f"unstake {amount}",
            f"transfer {amount} to {target}{fee}",
            f"transfer {amount} to {target}{fee}",
        )
    )


def random_weights(random: Random) -> Linear:
    """Weights of a few actions, many of them 0, so that scores tie."""
    actions = tuple(dict.fromkeys(_action(random) for _ in range(random.randint(1, 6))))
    actions = tuple(action.replace(NAMES[2], "50") for action in actions)
    high = random.choice((1, 1000, MILLION, 1000 * MILLION))
    weights = tuple(
        tuple(Millionths(random.choice((0, 0, random.randint(-high, high)))) for _ in LINEAR_SCALES)
        for _ in actions
    )
    return Linear(actions, weights)


def random_policy(random: Random) -> Policy:
    """One of every kind that can be told in numbers."""
    lot = random.random()
    if lot < 0.5:
        return random_rules(random)
    if lot < 0.75:
        return random_weights(random)
    return random.choice((Published(), Miner(), Worker(), Idler()))


def random_population(random: Random, agents: int) -> dict[int, Policy]:
    """A policy for each agent; some follow the same."""
    policies: Sequence[Policy] = [random_policy(random) for _ in range(random.randint(1, 4))]
    return {agent: random.choice(policies) for agent in range(agents)}
