"""A prompt only grows: nothing before its end changes, and what falls out falls out rarely."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from sim_economy.core.errors import FolderError
from sim_economy.orchestrator.dialogue.conversation import NO_ANSWER, turns_kept
from sim_economy.orchestrator.dialogue.messages import Message
from sim_economy.orchestrator.dialogue.system_prompt import PROMPT_VERSION
from sim_economy.orchestrator.record.call_folder import CALL_LOG, SETTINGS, open_world, read_run
from sim_economy.orchestrator.record.call_log import CallId, CallLog, IdleReason, read_call_log
from sim_economy.orchestrator.session import replay_run
from sim_economy.orchestrator.task import Task
from tests.golden.recorded import RECORDINGS
from tests.orchestrator.setup import SCENARIO, mocked, play, task


def asked(log: CallLog, agent_id: str) -> list[tuple[Message, ...]]:
    """The messages of each turn's first call."""
    turns = sorted(
        turn for turn, name, attempt in log.calls_sent if (name, attempt) == (agent_id, 0)
    )
    return [log.calls_sent[turn, agent_id, 0].request.messages for turn in turns]


def test_a_turn_adds_to_the_messages_before_it_and_changes_none(tmp_path: Path) -> None:
    """The system part is one text for all agents, in all turns."""
    play(tmp_path, mocked(30, memory_turns=10, memory_characters=1_000_000))
    _, log = read_run(tmp_path)
    assert len({sent.request.instructions for sent in log.calls_sent.values()}) == 1
    shortened = []
    for agent_id in SCENARIO.agent_ids:
        turns = asked(log, agent_id)
        for turn, (before, after) in enumerate(pairwise(turns), 1):
            answer = log.calls_ended[turn, agent_id, 0].answer
            assert answer is not None
            if after[:-1] != (*before, Message("assistant", answer.text)):
                shortened.append(turn + 1)
                who = before[0].text.partition("\n\n")[0]
                assert len(after) == 2 * 2 + 1
                assert after[0].text.startswith(f"{who}\n\nTurn {turn - 1}.")
                assert after[1:-2] == before[-2:]
    assert len(shortened) == 8 + 5, "every agent in its own of sixteen turns, from the tenth on"
    assert min(shortened) >= 10
    assert max(Counter(shortened).values()) == 1


@pytest.mark.parametrize("memory_turns", [0, 1, 2, 5, 20, 200])
def test_what_is_kept_grows_by_a_turn_until_it_is_few_again(memory_turns: int) -> None:
    kept = [turns_kept(turn, 3, memory_turns) for turn in range(1, 3201)]
    fewest = min(memory_turns, 1) * max(memory_turns // 5, 1)
    assert all(after == before + 1 or after == fewest for before, after in pairwise(kept))
    assert min(kept[memory_turns:]) == fewest
    later = kept[-1600:]  # whole cycles
    average = sum(later) / len(later)
    assert memory_turns - 1 <= average <= memory_turns


@pytest.mark.parametrize("memory_turns", [1, 2, 5, 20])
def test_nothing_is_left_out_before_there_was_as_much_as_is_kept(memory_turns: int) -> None:
    for agent in range(40):
        kept = [turns_kept(turn, agent, memory_turns) for turn in range(1, 100)]
        lost = [turn for turn, most in enumerate(kept, 1) if most < min(turn - 1, memory_turns)]
        assert min(lost, default=memory_turns) >= memory_turns
        assert max(kept) <= 3 * memory_turns


def test_what_is_kept_is_bounded_by_characters_too(tmp_path: Path) -> None:
    play(tmp_path, mocked(20, memory_turns=1000, memory_characters=1500))
    _, log = read_run(tmp_path)
    sizes = [
        sum(len(message.text) for message in messages[:-1])
        for agent_id in SCENARIO.agent_ids
        for messages in asked(log, agent_id)
    ]
    assert max(sizes) <= 2 * 1500 + 200
    assert sum(size > 1700 for size in sizes) > len(sizes) // 4


def test_without_memory_each_turn_stands_alone(tmp_path: Path) -> None:
    play(tmp_path, mocked(3, memory_turns=0))
    _, log = read_run(tmp_path)
    assert all(len(messages) == 1 for messages in asked(log, "agent_0"))


def scripted(folder: Path, lines: list[dict[str, Any]], turns: int, **loop: Any) -> Task:
    """A run of traders of whom some answers are given."""
    folder.mkdir(exist_ok=True)
    text = "\n".join(json.dumps(line) for line in lines)
    (folder / "script.jsonl").write_text(text)
    tables = {
        "orchestrator": loop,
        "models": {"m": {"provider": "mock", "script": "script.jsonl"}},
        "population": [{"model": "m"}],
    }
    return task(tables, turns, SCENARIO, folder)


THOUGHT: Final = '<think>{"action": "burn"} is dear.</think>{"action":  "mine"}\n'


def test_repairs_and_unused_answers_stay_out_of_later_turns(tmp_path: Path) -> None:
    lines = [
        {"turn": 1, "agent": "agent_0", "reply": "I mine."},
        {"turn": 1, "agent": "agent_0", "attempt": 1, "reply": ' {"action": "mine"}'},
        {"turn": 2, "agent": "agent_0", "reply": THOUGHT},
        {"turn": 3, "agent": "agent_0", "fails": "request_rejected"},
        {"turn": 4, "agent": "agent_0", "reply": '{"action": {"action": "stake", "amount": 9999}}'},
    ]
    play(tmp_path / "run", scripted(tmp_path, lines, 6))
    _, log = read_run(tmp_path / "run")
    assert len(log.calls_sent[1, "agent_0", 1].request.messages) == 3
    last = asked(log, "agent_0")[-1]
    assert [message.text for message in last[1:8:2]] == [
        ' {"action": "mine"}',
        '{"action":  "mine"}',
        NO_ANSWER,
        lines[-1]["reply"],
    ]
    told = [message.text.split("\n")[1] for message in last[2:9:2]]
    assert told[0].startswith("Yours: ")
    assert told[2] == (
        "Your last answer was not used: request_rejected. You could not be asked. You did nothing."
    )
    assert told[3] == (
        "Your last action was refused: balance_too_low. "
        "Spend no more than your balance holds, fee included."
    )
    assert log.decided[3, "agent_0"].idle_reason is IdleReason.REJECTED


def test_kept_replies_are_part_of_the_conversation_like_others(tmp_path: Path) -> None:
    """A conversation is made of what the record says was asked, so a cache hit records it too."""
    run = mocked(6, cache=str(tmp_path / "cache"))
    play(tmp_path / "first", run)
    play(tmp_path / "second", run)
    logs = [read_run(tmp_path / name)[1] for name in ("first", "second")]
    assert all(ended.cache_hit for ended in logs[1].calls_ended.values())
    for agent_id in SCENARIO.agent_ids:
        assert asked(logs[0], agent_id) == asked(logs[1], agent_id)
    assert asyncio.run(replay_run(tmp_path / "second")).calls == 48


EARLIER: Final = ("orchestrated-2", "orchestrated-3", "orchestrated-prompt-2")


@pytest.mark.parametrize("name", EARLIER)
def test_a_run_that_began_with_earlier_prompts_goes_on_with_them(tmp_path: Path, name: str) -> None:
    """Cut off anywhere and asked for as a new run would be, it makes the recorded requests."""
    recorded = RECORDINGS / name
    whole, _ = read_call_log(recorded / CALL_LOG)
    lines = (recorded / CALL_LOG).read_bytes().splitlines(keepends=True)
    for kept in (len(lines) // 3, 2 * len(lines) // 3):
        folder = tmp_path / str(kept)
        folder.mkdir()
        shutil.copy(recorded / SETTINGS, folder)
        (folder / CALL_LOG).write_bytes(b"".join(lines[:kept]))
        begun, log = read_run(folder)
        assert begun.prompt_version < PROMPT_VERSION
        with open_world(folder, begun) as world:
            for turn in log.closed:
                world.turn([log.decided[turn, name].chosen for name in begun.config.agent_ids])
        play(folder, replace(begun, prompt_version=PROMPT_VERSION))
        _, ended = read_run(folder)
        assert ended.closed == whole.closed
        assert digests(ended) == digests(whole)
        assert asyncio.run(replay_run(folder)).calls == len(whole.calls_ended)


def digests(log: CallLog) -> dict[CallId, str]:
    return {at: ended.request_digest for at, ended in log.calls_ended.items()}


def test_prompts_of_a_version_that_is_not_known_are_refused(tmp_path: Path) -> None:
    play(tmp_path, mocked(1))
    path = tmp_path / SETTINGS
    path.write_text(path.read_text().replace('"prompt_version": 3', '"prompt_version": 4'))
    with pytest.raises(FolderError, match="prompt_version was 4, is now 3"):
        read_run(tmp_path)
    with pytest.raises(FolderError, match="prompt_version was 4, is now 3"):
        play(tmp_path, mocked(1))
