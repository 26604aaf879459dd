"""A provider without a model: scripted replies, a shipped policy, or talkative traders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sim_economy.agents.catalogue import policy_named
from sim_economy.agents.usage_model import UsageSource
from sim_economy.core.codec import canonical
from sim_economy.core.world_config import WorldConfig
from sim_economy.orchestrator.dialogue.messages import (
    CallFailed,
    CallFailure,
    ModelCall,
    ModelOutput,
    ModelUsage,
    Request,
)
from sim_economy.orchestrator.dialogue.providers.traders import trade
from sim_economy.orchestrator.scripted import decide
from sim_economy.orchestrator.settings import ModelSetting
from sim_economy.usage.unit_weights import Usage


class MockProvider:
    """Replies that depend on the seed, the turn, the agent and the prompt alone."""

    def __init__(self, setting: ModelSetting, config: WorldConfig, usage: UsageSource) -> None:
        """Play what the setting says.

        Args:
            usage: What thinking takes where a policy is played.
        """
        self._plays = setting.plays
        self._script = {(line.turn, line.agent, line.attempt): line for line in setting.script}
        self._config = config
        self._usage: Iterator[list[Usage]] = usage.turns(config)
        self._drawn: list[list[Usage]] = []

    async def ask(self, request: Request, call: ModelCall) -> ModelOutput:
        """The reply to one request.

        Raises:
            CallFailed: The script says so.
        """
        line = self._script.get((call.turn, call.agent_id, call.attempt))
        if line is not None:
            if line.reply is None:
                raise CallFailed(
                    line.fails or CallFailure.SERVER_FAILED,
                    "as the script says",
                    charged=False,
                    retry_after=line.retry_after,
                    usage=line.usage,
                )
            return ModelOutput(line.reply, "", line.usage, line.stop_reason)
        prompt = sum(len(message.text) for message in request.messages) // 4
        if self._plays != "talk":
            reply = self._decided(call)
            thinking, output = self._used(call.turn)[call.agent]
            return ModelOutput(reply, "", ModelUsage(prompt, thinking + output, thinking))
        answer = trade(call, self._config.as_seen(call.turn - 1))
        text = json.dumps(answer, ensure_ascii=False)
        thinking = 40 + 12 * len(str(answer.get("thinking", "")).split())
        return ModelOutput(text, "", ModelUsage(prompt, thinking + len(text) // 3, thinking))

    async def close(self) -> None:
        """Nothing to release."""

    def _decided(self, call: ModelCall) -> str:
        """The answer of a policy."""
        seen, full_state = call.shown.seen, call.shown.full_state
        assert full_state is not None, call
        move = decide(policy_named(self._plays), call.agent, seen, full_state, self._config)
        given = {"action": move.action, "speech": move.speech, "thinking": move.thinking}
        return canonical({key: given[key] for key in given if given[key] is not None}).decode()  # type: ignore[no-any-return]

    def _used(self, turn: int) -> list[Any]:
        while len(self._drawn) < turn:
            self._drawn.append(next(self._usage))
        return self._drawn[turn - 1]
