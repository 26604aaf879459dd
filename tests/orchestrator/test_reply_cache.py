"""Kept replies: by the whole request, shared between runs, free."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim_economy.core.table_reader import NumberText
from sim_economy.orchestrator.agent_turn import request_of
from sim_economy.orchestrator.dialogue.messages import Message, ModelOutput, ModelUsage
from sim_economy.orchestrator.limits.budget import Cost
from sim_economy.orchestrator.record.call_folder import read_run
from sim_economy.orchestrator.reply_cache import ReplyCache
from sim_economy.orchestrator.settings import ModelSetting
from tests.orchestrator.server import ModelServer
from tests.orchestrator.setup import SCENARIO, play, served


def test_a_second_run_asks_nothing_and_is_billed_the_same(tmp_path: Path) -> None:
    with ModelServer(config=SCENARIO) as server:
        run = served(server.address, 3, folder=tmp_path, cache="kept")
        first = play(tmp_path / "one", run)
        again = play(tmp_path / "two", run)
        assert len(server.log) == 24
    assert first.world_head == again.world_head
    assert (again.calls, again.spent) == (0, Cost())
    _, log = read_run(tmp_path / "two")
    assert all(ended.cache_hit for ended in log.calls_ended.values())
    assert play(tmp_path / "two", run).world_head == first.world_head


def test_another_setting_is_another_request(tmp_path: Path) -> None:
    with ModelServer(config=SCENARIO) as server:
        play(tmp_path / "one", served(server.address, 1, folder=tmp_path, cache="kept"))
        model = {"temperature": NumberText("0.1")}
        play(
            tmp_path / "two", served(server.address, 1, model=model, folder=tmp_path, cache="kept")
        )
        assert len(server.log) == 16


def test_every_part_of_a_request_is_in_its_digest() -> None:
    base: dict[str, Any] = {
        "name": "m",
        "provider": "openai-compatible",
        "model": "a",
        "base_url": "http://127.0.0.1:1/v1",
    }
    hello = (Message("user", "hello"),)
    changes: list[dict[str, Any]] = [
        {"model": "b"},
        {"base_url": "http://127.0.0.1:2/v1"},
        {"output": "tool"},
        {"max_output_tokens": 5},
        {"temperature": "0"},
        {"reasoning_effort": "low"},
        {"stream": True},
        {"extra": {"top_k": 1}},
    ]
    settings = [ModelSetting(**base), *(ModelSetting(**{**base, **one}) for one in changes)]
    digests = [request_of(setting, "act", hello).digest for setting in settings]
    digests.append(request_of(settings[0], "act well", hello).digest)
    digests.append(request_of(settings[0], "act", (*hello, Message("assistant", "hi"))).digest)
    digests.append(request_of(settings[0], "act", (Message("user", "hello!"),)).digest)
    assert len(set(digests)) == len(digests)
    other = ModelSetting(**{**base, "name": "n", "api_key_variable": "KEY"})
    assert request_of(other, "act", hello).digest == digests[0]


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    with ModelServer(lambda *_: "server_error", SCENARIO) as server:
        play(tmp_path / "one", served(server.address, 1, retries=0, folder=tmp_path, cache="kept"))
    assert not (tmp_path / "kept").exists()


def test_a_damaged_file_is_asked_anew(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path)
    cache.keep("ab" * 32, ModelOutput("hello", usage=ModelUsage(1, 2)))
    assert cache.find("ab" * 32) == ModelOutput("hello", usage=ModelUsage(1, 2))
    (path,) = tmp_path.rglob("*.json")
    path.write_bytes(path.read_bytes()[:-4])
    assert cache.find("ab" * 32) is None
