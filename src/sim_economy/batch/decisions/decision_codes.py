"""Decisions and what they are made by as whole numbers; core and kernel read them alike."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeAlias

Decision: TypeAlias = tuple[int, int, int, int]
"""Action code, amount, fee, target; 0 where an action has none."""


class ActionCode(IntEnum):
    """An action that needs no contract and no speech."""

    MINE = 0
    JOB = 1
    IDLE = 2
    STAKE = 3
    UNSTAKE = 4
    BURN = 5
    STUDY = 6
    TRANSFER = 7
    BID = 8


ALL_STAKE: Final = -(2**31)
"""The amount of an unstake that states none; no amount that an action may state."""


class Target(IntEnum):
    """Who gets a transfer."""

    POOREST = 0
    NEXT = 1


class Feature(IntEnum):
    """A whole number that a policy decides by, after the last closed turn.

    Those of an agent are its own. `POOREST` is 1 for the agent with the lowest balance, the first
    of equals; `EMPLOYED` for one that ever had a job; both are 0 for the others.
    """

    BALANCE = 0
    STAKED = 1
    UNSTAKING = 2
    PENDING = 3
    STUDIES = 4
    BURNED = 5
    CORES = 6
    EMPLOYED = 7
    POOREST = 8
    TURN = 9
    AGENT = 10
    NUM_AGENTS = 11
    TURN_PLUS_AGENT = 12


FEATURES: Final = {
    feature.name.lower(): feature for feature in Feature if feature is not Feature.TURN_PLUS_AGENT
}
"""Features by the names that rules, weights and functions use."""


class CompareCode(IntEnum):
    """A comparison of a feature with a number; each odd one is the opposite of the one before."""

    BELOW = 0
    AT_LEAST = 1
    ABOVE = 2
    AT_MOST = 3
    EQUAL = 4
    UNEQUAL = 5


LINEAR_SCALES: Final = {
    "bias": 1000,
    "balance": 1,
    "staked": 1,
    "unstaking": 1,
    "pending": 1,
    "studies": 100,
    "burned": 1,
    "cores": 1000,
    "employed": 1000,
    "poorest": 1000,
    "turn": 1,
    "agent": 1,
    "num_agents": 1,
}
"""What a linear policy multiplies each feature with, the bias being 1, so that 1000 is much."""

LINEAR_LIMIT: Final = 1_000_000
"""Scaled features are cut off here, either way, so that no score passes 64 bits."""
