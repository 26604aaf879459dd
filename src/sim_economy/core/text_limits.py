"""Limits of the texts and lists of an input; what is beyond them is not kept.

Source: docs/spec/economy.md, section 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import replace

from sim_economy.core.actions import RECOGNISED, Cut, Input
from sim_economy.core.contracts import Terms
from sim_economy.core.errors import InputError
from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.world_config import WorldConfig

NAME: Final = 64
"""Characters of an id, a hash or a word of a rule; longer ones name nothing."""

ACTION_NAME: Final = "action.action"
CONTRACT_IDS: Final = "action.contract_id"
PAYLOAD: Final = "action.payload"
SPEECH: Final = "speech"
THINKING: Final = "thinking"

_BARE: Final = frozenset(kind for kind in RECOGNISED.values() if not kind.__struct_fields__)
"""Actions without arguments."""

TO_BE_SHORTENED: Final = (THINKING, ACTION_NAME, CONTRACT_IDS)
"""What an agent's own caller must shorten; in a batch it is cut."""

_NOTHING: Final[dict[str, Any]] = {SPEECH: None, PAYLOAD: None, CONTRACT_IDS: None}
"""Stands for what is not kept, where that is not the empty text."""


def check_lengths(submitted: Input, config: WorldConfig, field: str = "input") -> None:
    """Refuse thinking, an action's name or a list of ids beyond its limit.

    Raises:
        InputError: Names the field and the limit.
    """
    for cut in _too_long(submitted, config):
        if cut.field in TO_BE_SHORTENED:
            unit = "contracts" if cut.field == CONTRACT_IDS else "characters"
            most = _limits(config).get(cut.field, NAME)
            raise InputError(f"{field}.{cut.field}", f"has {cut.length} {unit}; {most} is the most")


def within_limits(submitted: Input, config: WorldConfig) -> Input:
    """The input as it is kept: thinking cut, other texts and lists beyond their limits left out.

    What was cut is named in `cut`; the rules refuse the action for it.
    """
    if _has_no_text(submitted) or not (found := list(_too_long(submitted, config))):
        return submitted
    action: Any = submitted.action
    outer: dict[str, Any] = {"cut": (*submitted.cut, *found)}
    for cut in found:
        path, _, name = cut.field.rpartition(".")
        left = _NOTHING.get(cut.field, "")
        if cut.field == THINKING:
            outer[name] = (submitted.thinking or "")[: config.thinking_length_max]
        elif path == "action":
            action = replace(action, **{name: left})
        elif path:
            action = replace(action, terms=replace(action.terms, **{name: left}))
        else:
            outer[name] = left
    return replace(submitted, action=action, **outer)


def check_needs(submitted: Input, config: WorldConfig, field: str = "input") -> None:
    """Refuse needs in a world that matches none.

    Raises:
        InputError: Says how a world matches them.
    """
    rules = config.governance
    if submitted.needs and (rules is None or rules.contract_matching is None):
        problem = "is not read in this world; leave it out, or start a world with contract_matching"
        raise InputError(f"{field}.needs", problem)


def is_whole(kept: Input) -> bool:
    """Test whether all is kept that an agent does and says, and may sign."""
    return all(cut.field == THINKING for cut in kept.cut)


def _has_no_text(submitted: Input) -> bool:
    """Test whether an input is of the commonest kind, nothing of which can be too long."""
    return (
        submitted.thinking is None
        and submitted.speech is None
        and type(submitted.action) in _BARE
        and len(submitted.agent_id) <= NAME
    )


def _too_long(submitted: Input, config: WorldConfig) -> Iterator[Cut]:
    """Every text and list of an input that is beyond its limit; none has one in version 2."""
    if config.rules_version is RulesVersion.V2:
        return
    limits = _limits(config)
    for field, value in _texts(submitted):
        if len(value) > limits.get(field, NAME):
            yield Cut(field, len(value))


def _limits(config: WorldConfig) -> dict[str, int]:
    return {
        THINKING: config.thinking_length_max,
        SPEECH: config.speech_length_max,
        ACTION_NAME: config.action_name_length_max,
        CONTRACT_IDS: config.contract_ids_max,
        PAYLOAD: config.payload_length_max,
    }


def _texts(submitted: Input) -> Iterator[tuple[str, str | tuple[int, ...]]]:
    """Texts and lists of an input, each with its path."""
    yield "agent_id", submitted.agent_id
    for name in (THINKING, SPEECH):
        if text := getattr(submitted, name):
            yield name, text
    action = submitted.action
    for name in action.__struct_fields__:
        value = getattr(action, name)
        if isinstance(value, str | tuple):
            yield f"action.{name}", value
        elif isinstance(value, Terms):
            for term in ("settlement", "payload_hash"):
                if text := getattr(value, term):
                    yield f"action.terms.{term}", text
