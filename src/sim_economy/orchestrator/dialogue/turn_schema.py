"""The schema that goes with a question: what is asked of a model in a turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim_economy.core.options import Options, lasting_options, options
from sim_economy.core.world_config import WorldConfig
from sim_economy.orchestrator.dialogue.answer_schema import answer_schema
from sim_economy.orchestrator.dialogue.reply_parser import SCHEMA
from sim_economy.orchestrator.scripted import observation_of
from sim_economy.orchestrator.settings import ModelSetting


def agent_options(seen: Mapping[str, Any], config: WorldConfig) -> Options:
    """What an agent can do in the turn after an observation.

    Args:
        seen: The observation as plain values; what never changes may be left out.
        config: Of the world.
    """
    as_seen = config.as_seen(seen["turn"])
    return options(observation_of(seen, as_seen), as_seen)


def turn_schema(
    setting: ModelSetting, seen: Mapping[str, Any], config: WorldConfig, reply_version: int
) -> str:
    """The schema of the answer to a question, as text; empty where a model is given none.

    Args:
        seen: The agent's observation as plain values.
        reply_version: How replies are read in the run; the schema is the same before version 3.
    """
    if setting.output == "prompted":
        return ""
    if reply_version < 3:
        return SCHEMA
    if setting.says_turn:
        own = agent_options(seen, config)
    else:
        own = lasting_options(seen["agent_id"], config.as_seen(0))
    read = setting.output == "tool" or setting.dialect.in_prompt
    return answer_schema(own, setting.dialect, setting.max_output_tokens, words=read)
