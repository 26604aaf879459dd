"""Ids of agents from the names of a log.

Source: docs/spec/usage.md, N1 to N4.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from sim_economy.core.errors import ScenarioError
from sim_economy.usage.counted_usage import LoggedAgent

_LENGTH_MAX: Final = 64
_DIGITS: Final = 8
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9_.:-]")


def full_names(agents: Iterable[LoggedAgent]) -> dict[LoggedAgent, str]:
    """The name that reports show of each agent: with its team where several teams have one of it.

    Raises:
        ScenarioError: Two of them would be shown alike.
    """
    logged = list(agents)
    times = Counter(agent.name for agent in logged)
    names = {
        agent: f"{agent.team}/{agent.name}" if agent.team and times[agent.name] > 1 else agent.name
        for agent in logged
    }
    _check_distinct(names.values())
    return names


def agent_ids(names: Iterable[str]) -> dict[str, str]:
    """The id of each name: itself where it can be one.

    What an id may not have becomes `_`; ids that would be too long or alike end in `_` and the
    first digits of the SHA-256 of the name.

    Raises:
        ScenarioError: Two of them are alike even so.
    """
    bases = {name: _FOREIGN.sub("_", name) for name in sorted(names)}
    marked = {name for name, base in bases.items() if len(base) > _LENGTH_MAX}
    while True:
        ids = {
            name: _marked(name, base) if name in marked else base for name, base in bases.items()
        }
        alike = _alike(ids)
        if alike <= marked:
            _check_distinct(ids.values())
            return ids
        marked |= alike


def _marked(name: str, base: str) -> str:
    kept = base[: _LENGTH_MAX - _DIGITS - 1]
    # Half a surrogate pair has no UTF-8, and names come from anywhere.
    return f"{kept}_{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:_DIGITS]}"


def _alike(ids: Mapping[str, str]) -> set[str]:
    times = Counter(ids.values())
    return {name for name, own in ids.items() if times[own] > 1}


def _check_distinct(names: Iterable[str]) -> None:
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise ScenarioError([f"usage.path: two agents would both be named {twice[0]}; rename one"])
