"""The question to each agent in each turn, in prompts of the version that its run began with."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from sim_economy.core.codec import canonical
from sim_economy.core.options import matches_needs
from sim_economy.core.world_config import WorldConfig, config_values
from sim_economy.orchestrator.dialogue import earlier_prompts, system_prompt
from sim_economy.orchestrator.dialogue.conversation import (
    NO_ANSWER,
    answer_in_conversation,
    conversation,
    kept_exchanges,
    turns_kept,
)
from sim_economy.orchestrator.dialogue.intervention_words import changed_parameters
from sim_economy.orchestrator.dialogue.messages import Message, Shown
from sim_economy.orchestrator.dialogue.observation_text import introduction, observation_text
from sim_economy.orchestrator.dialogue.option_words import option_lines
from sim_economy.orchestrator.dialogue.turn_schema import agent_options, turn_schema
from sim_economy.orchestrator.model_call import Question
from sim_economy.orchestrator.record.call_log import AgentDecided, CallLog, damaged
from sim_economy.orchestrator.scripted import observation_of
from sim_economy.orchestrator.settings import ModelSetting, Plan


class Questions:
    """The questions of a run, each a pure function of its record and of what its agent sees."""

    def __init__(
        self, plan: Plan, config: WorldConfig, log: CallLog, turns: int, prompt_version: int
    ) -> None:
        """Ask in the prompts of one version."""
        self._plan = plan
        self._config = config
        self._log = log
        self._turns = turns
        self._version = prompt_version
        self._schemas: dict[tuple[str, str], str] = {}

    def of(
        self,
        agent: int,
        observed: dict[str, Any],
        full_state: dict[str, Any] | None,
        over: float,
    ) -> Question:
        """The question to an agent in the open turn.

        Args:
            observed: Its observation as plain values.
            full_state: The accounts of all, where there is a view of them.
            over: When the turn's deadline passes, by the loop's clock.
        """
        agent_id = self._config.agent_ids[agent]
        backend = self._plan.backends[agent_id]
        assert backend.model is not None, backend
        shown = self._shown(agent_id, observed, full_state)
        build = self._one_message if self._version < system_prompt.PROMPT_VERSION else self._grown
        setting = self._plan.models[backend.model]
        system, messages = build(agent_id, shown, setting.output)
        return Question(
            turn=observed["turn"] + 1,
            agent=agent,
            agent_id=agent_id,
            model=backend.model,
            instructions=system,
            messages=messages,
            shown=shown,
            grows=build == self._grown,
            over=over,
            schema=self._schema(setting, shown.seen),
            needs=matches_needs(self._config),
        )

    def _schema(self, setting: ModelSetting, seen: dict[str, Any]) -> str:
        """The schema of the answer; one that lasts for the run is made once."""
        lasting = (setting.name, seen["agent_id"])
        if lasting in self._schemas:
            return self._schemas[lasting]
        schema = turn_schema(setting, seen, self._config, self._log.reply_version)
        if not setting.says_turn:
            self._schemas[lasting] = schema
        return schema

    def _shown(
        self, agent_id: str, observed: dict[str, Any], full_state: dict[str, Any] | None
    ) -> Shown:
        turn = observed["turn"] + 1
        last = self._log.decided.get((turn - 1, agent_id))
        changed = changed_parameters(self._config, observed["world"])
        restored: dict[str, Any] = {}
        if turn > 1 and self._config.governance is not None:
            before = self._config.as_seen(turn - 2)
            values = json.loads(canonical(config_values(before, every=True)))
            were = changed_parameters(self._config, values)
            restored = {name: observed["world"][name] for name in were if name not in changed}
        return Shown(
            seen={key: value for key, value in observed.items() if key != "world"},
            full_state=full_state if self._plan.observation == "full" else None,
            balance_before=None if last is None else last.seen["accounts"]["balance"],
            idle_reason=None if last is None else last.idle_reason,
            changed=changed,
            restored=restored,
        )

    def _grown(self, agent_id: str, shown: Shown, output: str) -> tuple[str, tuple[Message, ...]]:
        """The conversation of version 3, which a turn only adds to."""
        plan, agent_ids = self._plan, self._config.agent_ids
        who = introduction(agent_id, agent_ids, plan.backends[agent_id].persona)
        before, answer = self._last_exchange(agent_id, shown.seen["turn"])
        turn = shown.seen["turn"] + 1
        most = turns_kept(turn, agent_ids.index(agent_id), plan.memory_turns)
        kept = kept_exchanges(who, before, answer, most, plan.memory_characters)
        config = self._config.as_seen(shown.seen["turn"])
        can = agent_options(shown.seen, self._config)
        text = observation_text(
            shown,
            agent_ids,
            tuple(option_lines(can, observation_of(shown.seen, config), config)),
            earlier=[said for said, _ in kept],
            goods_most=plan.memory_characters,
        )
        return self._system[output], conversation(who, kept, text)

    @cached_property
    def _system(self) -> dict[str, str]:
        """The system part by the form of an answer."""
        whole = self._plan.observation == "full"
        outputs = {model.output for model in self._plan.models.values()}
        return {
            output: system_prompt.instructions(self._config, self._turns, output, whole_state=whole)
            for output in sorted(outputs)
        }

    def _last_exchange(self, agent_id: str, last_turn: int) -> tuple[tuple[Message, ...], str]:
        """The messages of an agent's last first call, and what it answered in the end."""
        for turn in range(last_turn, 0, -1):
            sent = self._log.calls_sent.get((turn, agent_id, 0))
            if sent is not None:
                return sent.request.messages, self._answer(agent_id, turn)
        return (), ""

    def _answer(self, agent_id: str, turn: int) -> str:
        decided = self._decided(agent_id, turn)
        if decided.idle_reason is not None:
            return NO_ANSWER
        ended = self._log.calls_ended.get((turn, agent_id, decided.attempts - 1))
        if ended is None or ended.answer is None:
            raise damaged("the record", f"the answer of {agent_id} in turn {turn} is missing")
        return answer_in_conversation(ended.answer.text)

    def _decided(self, agent_id: str, turn: int) -> AgentDecided:
        decided = self._log.decided.get((turn, agent_id))
        if decided is None:
            raise damaged("the record", f"the decision of {agent_id} in turn {turn} is missing")
        return decided

    def _one_message(
        self, agent_id: str, shown: Shown, output: str
    ) -> tuple[str, tuple[Message, ...]]:
        """The prompt of versions 1 and 2: one message, made anew each turn."""
        plan = self._plan
        system = earlier_prompts.instructions(
            self._config, agent_id, plan.backends[agent_id], plan, output
        )
        memories = self._memories(agent_id, shown.seen["turn"] + 1)
        text = earlier_prompts.view(
            shown.seen, shown.full_state, memories, self._turns, plan, shown.changed
        )
        return system, (Message("user", text),)

    def _memories(self, agent_id: str, turn: int) -> list[earlier_prompts.Memory]:
        """The agent's last turns, from the record."""
        memories = []
        for past in range(max(1, turn - self._plan.memory_turns), turn):
            decided, closed = self._decided(agent_id, past), self._log.closed.get(past)
            if closed is None:
                raise damaged("the record", f"the end of turn {past} is missing")
            heard = {
                name: said for name, said in decided.seen["speech"].items() if name != agent_id
            }
            memory = earlier_prompts.Memory(
                turn=past,
                balance=decided.seen["accounts"]["balance"],
                chosen=decided.chosen,
                heard=heard,
                refused=closed.rejections.get(agent_id),
            )
            memories.append(memory)
        return memories
