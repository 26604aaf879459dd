"""A conversation that only grows: what an agent was shown and what it answered, turn by turn.

A turn adds to the messages of the turn before and changes none of them, so that a provider reads
them from its cache. Turns of long ago are left out many at once, and rarely.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from sim_economy.orchestrator.dialogue.messages import Message
from sim_economy.orchestrator.dialogue.reply_parser import answer_parts

NO_ANSWER: Final = '{"action": {"action": "idle"}}'
"""Stands for an answer that was not used: idle is what the agent then was."""

Exchange: TypeAlias = tuple[str, str]
"""What an agent was shown in a turn, and what it answered."""


def turns_kept(turn: int, agent: int, memory_turns: int) -> int:
    """How many earlier turns an agent may be shown: one more each turn, then few again.

    They are `memory_turns` on average, or a little less. Agents lose theirs in different turns,
    so that no turn finds all caches cold, and none before there were `memory_turns`.

    Args:
        agent: Index in genesis order.
    """
    fewest = min(memory_turns, max(1, memory_turns // 5))
    block = max(1, 2 * (memory_turns - fewest))
    since_loss = (turn + agent) % block
    return fewest + since_loss if turn - since_loss >= memory_turns else turn - 1


def kept_exchanges(
    introduction: str, before: Sequence[Message], answer: str, turns: int, characters: int
) -> list[Exchange]:
    """What a conversation keeps of earlier turns, oldest first.

    Args:
        introduction: Who the agent is; the first message begins with it.
        before: The messages of its last turn's first call; none before the first.
        answer: What it answered to them.
        turns: The most that are kept.
        characters: Beyond twice as many the newest are kept, of no more than these.
    """
    exchanges = _exchanges(introduction, before, answer)
    exchanges = exchanges[max(0, len(exchanges) - turns) :]
    if _size(exchanges) > 2 * characters:
        while _size(exchanges) > characters:
            exchanges = exchanges[1:]
    return exchanges


def conversation(
    introduction: str, kept: Sequence[Exchange], observation: str
) -> tuple[Message, ...]:
    """The messages of a turn's first call."""
    texts = [text for exchange in kept for text in exchange] + [observation]
    texts[0] = f"{introduction}\n\n{texts[0]}"
    roles = ("user", "assistant")
    return tuple(Message(roles[index % 2], text) for index, text in enumerate(texts))


def answer_in_conversation(text: str) -> str:
    """A used answer to the byte, so that it is found in a cache; without thinking in its text."""
    thought, parts = answer_parts(text)
    return parts[0] if thought else text


def _exchanges(introduction: str, before: Sequence[Message], answer: str) -> list[Exchange]:
    if not before:
        return []
    texts = [message.text for message in before] + [answer]
    texts[0] = texts[0].removeprefix(f"{introduction}\n\n")
    return list(zip(texts[::2], texts[1::2], strict=True))


def _size(exchanges: Sequence[Exchange]) -> int:
    return sum(len(shown) + len(answered) for shown, answered in exchanges)
