"""The two clients against a real engine, over connections that break."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import pickle
import pydoc
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, get_type_hints
from unittest.mock import create_autospec

import pytest

from sim_economy.client import AgentKey, AsyncEngineClient, EngineClient, EngineError, requests
from sim_economy.client.answers import HeadAnswer, PostingAnswer
from sim_economy.client.events import EventStream
from sim_economy.client.requests import EngineRequest
from tests.api.wire_client import EngineProcess, free_port
from tests.client.proxy import Proxy

AGENTS: Final = ["agent_0", "agent_1"]
WORLD: Final = {"preset": "as-run", "seed": 1001, "num_agents": 2}
MINE: Final = [{"agent_id": "agent_0", "action": {"action": "mine"}, "output_units": 205}]
BROKE: Final = [{"agent_id": "agent_1", "action": {"action": "stake", "amount": 10**6}}]


class Waiting:
    """The asynchronous client, waited for: one test serves both."""

    def __init__(self, address: str, **more: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncEngineClient(address, **more)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def waited(*arguments: Any, **named: Any) -> Any:
            found = method(*arguments, **named)
            return self._each(found) if hasattr(found, "__anext__") else self._wait(found)

        return waited

    def _wait(self, found: Awaitable[Any]) -> Any:
        async def awaited() -> Any:
            return await found

        return self._runner.run(awaited())

    def _each(self, found: AsyncIterator[Any]) -> Iterator[Any]:
        while True:
            try:
                yield self._wait(found.__anext__())
            except StopAsyncIteration:
                return

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(self._client.close())
        self._runner.close()


CLIENTS: Final = pytest.mark.parametrize(
    "client_of", [EngineClient, Waiting], ids=["sync", "async"]
)
Client = Callable[..., Any]


def address(engine: EngineProcess) -> str:
    return f"http://127.0.0.1:{engine.port}"


def test_both_clients_have_the_same_methods() -> None:
    def methods(client: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(method).parameters)
            for name, method in inspect.getmembers(client, inspect.isfunction)
            if not name.startswith("_")
        }

    assert methods(EngineClient) == methods(AsyncEngineClient)
    assert len(methods(EngineClient)) == 24


@pytest.mark.parametrize("client", [EngineClient, AsyncEngineClient])
def test_help_shows_what_a_method_takes_and_answers(client: type) -> None:
    methods = dict(inspect.getmembers(client, inspect.isfunction))
    returned = {name: inspect.signature(one).return_annotation for name, one in methods.items()}
    assert returned["head"] is HeadAnswer
    rows = AsyncIterator if client is AsyncEngineClient else Iterator
    assert returned["postings"] == rows[PostingAnswer]
    assert get_type_hints(methods["head"])["return"] is HeadAnswer
    assert str(inspect.signature(methods["statement"])).startswith("(self, agent_id: 'str', first")
    text = pydoc.plain(pydoc.render_doc(client))
    assert "The end of the chain." in text
    assert "turn: The one you mean; whichever is open when None." in text
    assert "EngineRequest" not in text


def test_a_specified_mock_of_either_client_is_called_as_the_client_is() -> None:
    waits = create_autospec(EngineClient, instance=True)
    waits.head.return_value = {"turn": 3}
    assert waits.head() == {"turn": 3}
    awaited = create_autospec(AsyncEngineClient, instance=True)
    awaited.head.return_value = {"turn": 3}
    assert asyncio.run(awaited.head()) == {"turn": 3}
    assert inspect.iscoroutinefunction(AsyncEngineClient.head)
    assert not inspect.iscoroutinefunction(EngineClient.head)


@pytest.mark.parametrize("value", [{"a", "b"}, Decimal(1), object()])
def test_what_is_not_json_is_refused_before_it_is_sent(value: Any) -> None:
    with pytest.raises(TypeError, match=f"{type(value).__name__} is not JSON"):
        EngineClient().init({"seed": value})


def test_a_key_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    key = AgentKey()
    key.write(tmp_path / "own.key")
    (tmp_path / "edited.key").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "own.key").read_bytes())
    assert AgentKey.read(tmp_path / "edited.key").public_key == key.public_key


def test_types_of_answers_need_no_library_for_http() -> None:
    code = (
        "import sys, sim_economy.api.app, sim_economy.client.answers; print({*sys.modules} & "
        "{'httpx', 'httpcore', 'nacl'})"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ended.stdout == "set()\n"


def request_of(method: Callable[..., Any], *given: Any, **named: Any) -> EngineRequest[Any]:
    """The request that a method of the clients sends."""
    found: EngineRequest[Any] = inspect.unwrap(method)(None, *given, **named)
    return found


def typed(client: EngineClient) -> tuple[HeadAnswer, Iterator[PostingAnswer]]:
    """Read by the type checker alone."""
    return client.head(), client.postings(after=1)


async def typed_when_awaited(
    client: AsyncEngineClient,
) -> tuple[HeadAnswer, AsyncIterator[PostingAnswer]]:
    """Read by the type checker alone; it also objects to an ignored error that is none."""
    client.head()["turn"]  # type: ignore[index]
    await client.turn(3)  # type: ignore[arg-type]
    return await client.head(), client.postings(after=1)


@CLIENTS
def test_a_world_is_started_played_and_read(client_of: Client, engine: EngineProcess) -> None:
    with client_of(address(engine)) as client:
        assert client.config()["num_agents"] == 8
        world = client.init(WORLD, AGENTS)
        assert (world["agent_ids"], world["state"]["token_supply"]) == (AGENTS, 2000)
        first = client.turn(MINE, turn=1)
        second = client.turn(BROKE)
        closed = client.close_turn(turn=3)
        assert [one["turn"] for one in (first, second, closed)] == [1, 2, 3]
        assert first["token_supply"] == 1895
        state = client.state()
        assert [agent["balance"] for agent in state["agents"]] == [895, 1000]
        assert client.head()["hash"] == closed["head"] == state["head"]
        assert client.statement("agent_0", 1, 2)["totals"] == {"inference_fee": -105}
        assert client.observation("agent_1")["turn"] == 3
        found = client.verification()
        assert (found["turns"], found["finding"]) == (3, None)
        assert client.turn([], ends=True)["ended"]


@CLIENTS
def test_pages_are_followed_to_the_end(client_of: Client, engine: EngineProcess) -> None:
    with client_of(address(engine)) as client:
        client.init(WORLD, AGENTS)
        stake = {"agent_id": "agent_0", "action": {"action": "stake", "amount": 10, "fee": 1}}
        mine = [{"agent_id": agent_id, "action": {"action": "mine"}} for agent_id in AGENTS]
        for turn in range(1, 8):
            client.turn(mine if turn % 2 == 0 else [stake, *BROKE])
        assert [row["turn"] for row in client.turns(limit=2)] == [*range(8)]
        assert [row["turn"] for row in client.turns(after=5, limit=1)] == [6, 7]
        assert [row["reason"] for row in client.rejections(limit=1)] == [
            row["reason"] for row in client.rejections()
        ]
        assert next(iter(client.blocks(limit=1)))["winner"] is None
        assert {row["tx_type"] for row in client.transactions(limit=1)} == {"stake"}
        moved = list(client.postings(limit=1))
        assert moved == list(client.postings())
        assert [row["amount"] for row in moved if row["turn"] == 0] == [1000, 1000]
        assert list(client.turns(after=7)) == []


@CLIENTS
def test_a_refusal_is_an_error_with_its_code(client_of: Client, engine: EngineProcess) -> None:
    with client_of(address(engine)) as client:
        with pytest.raises(EngineError) as before:
            client.state()
        assert (before.value.status, before.value.code) == (409, "world_missing")
        client.init(WORLD, AGENTS)
        with pytest.raises(EngineError) as again:
            client.init(WORLD, AGENTS)
        assert (again.value.status, again.value.fields) == (409, {"turn": 0})
        with pytest.raises(EngineError) as stale:
            client.turn(MINE, turn=7)
        assert (stale.value.status, stale.value.fields) == (409, {"turn": 1})
        with pytest.raises(EngineError) as wrong:
            client.turn([{**MINE[0], "output_units": "five"}])
        assert wrong.value.status == 422
        assert wrong.value.fields == {"field": "inputs[0].output_units"}
        assert str(wrong.value).startswith(f"422 {wrong.value.code}: ")
        with pytest.raises(EngineError, match="agent_id"):
            client.observation("nobody?")


@CLIENTS
def test_an_engine_elsewhere_is_reached_through_the_proxy_of_the_environment(
    client_of: Client, engine: EngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    monkeypatch.setenv("HTTP_PROXY", address(engine))
    far = "http://engine.invalid"
    with client_of(far, retries=0) as client, pytest.raises(EngineError) as refused:
        client.config()
    assert refused.value.status == 403, "an engine that is asked as a proxy names the host"
    monkeypatch.setenv("NO_PROXY", "engine.invalid")
    with client_of(far, retries=0) as client, pytest.raises(EngineError) as lost:
        client.config()
    assert lost.value.code == "unreachable"
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY")
    with client_of(address(engine), retries=0) as client:
        assert client.config()["num_agents"] == 8


@CLIENTS
@pytest.mark.parametrize(
    ("variable", "value"),
    [("ALL_PROXY", "ftp://proxy.invalid"), ("SSL_CERT_FILE", "/nowhere/authorities.pem")],
)
def test_an_environment_that_cannot_be_used_is_named(
    client_of: Client, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(EngineError, match=f"correct .*{variable}") as unusable:
        client_of("https://engine.invalid")
    assert unusable.value.code == "environment_unusable"


@CLIENTS
def test_a_turn_whose_answer_was_lost_is_played_once(client_of: Client, proxy: Proxy) -> None:
    with client_of(proxy.address) as client:
        client.init(WORLD, AGENTS)
        proxy.answers_lost = 2
        first = client.turn(MINE)
        assert proxy.answers_lost == 0
        assert first["turn"] == 1
        assert client.head()["hash"] == first["head"]
        proxy.answers_lost = 1
        assert client.close_turn()["turn"] == 2
        assert client.turn(MINE, idempotency_key="mine") == client.turn(
            MINE, idempotency_key="mine"
        )
        assert client.head()["turn"] == 3


@CLIENTS
def test_what_cannot_be_repeated_is_not(client_of: Client, proxy: Proxy) -> None:
    with client_of(proxy.address) as client:
        proxy.answers_lost = 1
        with pytest.raises(EngineError) as lost:
            client.init(WORLD, AGENTS)
        assert (lost.value.status, lost.value.code) == (None, "unreachable")
        assert client.state()["turn"] == 0


@CLIENTS
def test_an_engine_that_is_not_there_is_given_up(client_of: Client) -> None:
    with client_of(f"http://127.0.0.1:{free_port()}", retries=1) as client:
        with pytest.raises(EngineError, match="is the engine running"):
            client.turn(MINE)
        with pytest.raises(EngineError, match="unreachable"):
            next(client.events(after=0))


@CLIENTS
def test_a_broken_stream_is_taken_up_where_it_broke(
    client_of: Client, engine: EngineProcess, proxy: Proxy
) -> None:
    with EngineClient(address(engine)) as operator, client_of(proxy.address) as client:
        operator.init(WORLD, AGENTS)
        operator.turn(MINE)
        events = client.events(after=0)
        seen = [next(events)["turn"]]
        operator.turn(MINE)
        seen.append(next(events)["turn"])
        proxy.cut()
        operator.turn(MINE)
        operator.turn(MINE)
        seen += [closed["turn"] for closed in itertools.islice(events, 2)]
        last = operator.turn([], ends=True)
        seen += [closed["turn"] for closed in events]
        assert seen == [1, 2, 3, 4, 5]
        assert last["ended"]


@CLIENTS
def test_tokens_say_who_acts(client_of: Client, tmp_path: Path) -> None:
    with (
        EngineProcess(
            tmp_path / "tokens.sqlite",
            SIM_ENGINE_AUTH="tokens",
            SIM_ENGINE_ADMIN_TOKEN="operator",
        ) as engine,
        client_of(address(engine), token="operator") as operator,
    ):
        world = operator.init({"preset": "as-run", "num_agents": 2}, AGENTS)
        assert world["admin_token"] == "operator"
        token = world["agent_tokens"]["agent_0"]
        assert operator.commitment()["commitment"]
        with client_of(address(engine), token=token) as agent:
            accepted = agent.submit("agent_0", {"action": "mine"}, "hello", 1)
            assert (accepted["turn"], accepted["closed"]) == (1, False)
            assert agent.observation("agent_0")["turn"] == 0
            assert agent.statement("agent_0")["closing"]["balance"] == 1000
            with pytest.raises(EngineError, match="403 not_yours"):
                agent.observation("agent_1")
            with pytest.raises(EngineError, match="403 not_yours"):
                next(agent.events(after=0))
            with pytest.raises(EngineError) as twice:
                agent.submit("agent_0", {"action": "mine"})
            assert twice.value.status == 409
        usage = {"agent_0": {"thinking_units": 0, "output_units": 205}}
        closed = operator.close_turn(turn=1, usage=usage)
        assert (closed["inputs"], closed["inference_fees_collected"]) == (1, 105)


@CLIENTS
def test_an_engine_with_tokens_answers_nobody(client_of: Client, tmp_path: Path) -> None:
    with (
        EngineProcess(tmp_path / "tokens.sqlite", SIM_ENGINE_AUTH="tokens") as engine,
        client_of(address(engine)) as client,
    ):
        world = client.init(WORLD, AGENTS)
        with pytest.raises(EngineError, match="401 token_unknown"):
            client.state()
        tokens = client_of(address(engine), token=world["admin_token"])
        with tokens as operator:
            assert operator.state()["turn"] == 0


def test_a_stream_begins_with_the_next_turn(engine: EngineProcess) -> None:
    with EngineClient(address(engine)) as operator, EngineClient(address(engine)) as client:
        operator.init(WORLD, AGENTS)
        operator.turn(MINE)
        seen: list[int] = []
        asked = threading.Event()

        def watch() -> None:
            events = client.events(after=client.head()["turn"])
            asked.set()
            seen.extend(closed["turn"] for closed in events)

        watching = threading.Thread(target=watch)
        watching.start()
        assert asked.wait(10)
        operator.turn(MINE)
        operator.turn(MINE, ends=True)
        watching.join(10)
        assert seen == [2, 3]


def test_a_stream_of_no_world_is_refused(engine: EngineProcess) -> None:
    with EngineClient(address(engine)) as client:
        with pytest.raises(EngineError) as refused:
            next(client.events())
        assert refused.value.code == "world_missing"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_the_same_however_their_bytes_come(size: int) -> None:
    text = (
        ': connected\n\nid: 4\nevent: turn\ndata: {"turn":4,"said":"\u2028"}\n\n: still here\n\n'
        'id: 5\nevent: turn\ndata: {"turn":5}\n\nid: 6\nevent: tu'
    ).encode()
    stream = EventStream(3, 0)
    found: list[Any] = []
    for start in range(0, len(text), size):
        found += stream.turns(text[start : start + size])
    assert found == [{"turn": 4, "said": "\u2028"}, {"turn": 5}]
    assert stream.headers("secret") == {"Last-Event-ID": "5", "Authorization": "Bearer secret"}


def test_a_call_carries_its_token_and_its_key() -> None:
    call = request_of(EngineClient.turn, [])
    assert len(call.key or "") == 32
    assert call.headers("secret") == {
        "Authorization": "Bearer secret",
        "Content-Type": "application/json",
        "Idempotency-Key": call.key,
    }
    assert call.body == b'{"inputs": []}'
    assert request_of(EngineClient.config).headers(None) == {}


def test_an_action_and_the_usage_of_a_turn_are_sent_as_the_engine_reads_them() -> None:
    call = request_of(EngineClient.submit, "agent 0/1", {"action": "mine"}, "hello", 4)
    assert (call.method, call.path, call.repeatable) == (
        "POST",
        "/agents/agent%200%2F1/action",
        False,
    )
    assert call.body == b'{"action": {"action": "mine"}, "speech": "hello", "turn": 4}'
    usage = {"agent_0": {"thinking_units": 1, "output_units": 2}}
    closing = request_of(EngineClient.close_turn, 4, usage, "key", ends=True)
    assert closing.key == "key"
    assert closing.body == (
        b'{"usage": {"agent_0": {"thinking_units": 1, "output_units": 2}}, "turn": 4, "ends": true}'
    )


@pytest.mark.parametrize(
    ("status", "content", "code"),
    [
        (502, b"<html>", "refused"),
        (503, b"[]", "refused"),
        (500, b'{"error": "text"}', "refused"),
        (422, b'{"error": {"code": "a", "message": "b", "field": "c"}}', "a"),
        (200, b"<html>", "answer_unreadable"),
        (200, b"[]", "answer_unreadable"),
    ],
)
def test_an_answer_of_something_else_is_an_error_too(
    status: int, content: bytes, code: str
) -> None:
    with pytest.raises(EngineError) as refused:
        request_of(EngineClient.turn, []).answer(status, content)
    assert (refused.value.status, refused.value.code) == (status, code)
    copied = pickle.loads(pickle.dumps(refused.value))
    assert (copied.status, copied.fields) == (refused.value.status, refused.value.fields)


def test_pauses_double_and_end() -> None:
    attempts = requests.Attempts(7)
    pauses = [attempts.pause(None) for _ in range(7)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    with pytest.raises(EngineError, match="the connection ended"):
        attempts.pause(None)


# Worlds, runs, figures, signatures


@CLIENTS
def test_a_client_of_another_world_plays_reads_and_watches_it_alone(
    client_of: Client, engine: EngineProcess
) -> None:
    with client_of(address(engine) + "/") as default, client_of(address(engine), world="b-1") as b:
        with pytest.raises(EngineError) as unknown:
            b.state()
        assert (unknown.value.status, unknown.value.code) == (404, "world_unknown")
        default.init(WORLD, AGENTS)
        assert b.init(WORLD, AGENTS)["world_id"] == "b-1"
        b.turn(MINE)
        b.turn(MINE, ends=True)
        assert (default.state()["turn"], b.state()["turn"]) == (0, 2)
        assert default.worlds() == b.worlds() == ["default", "b-1"]
        assert [row["turn"] for row in b.turns(limit=1)] == [0, 1, 2]
        assert [closed["turn"] for closed in b.events(after=0)] == [1, 2]
        assert b.statement("agent_0")["last_turn"] == 2
        assert b.genesis()["world_id"] == "b-1"
        assert b.genesis()["genesis"] != default.genesis()["genesis"]
        assert b.genesis()["public_keys"] is None


@CLIENTS
@pytest.mark.parametrize("name", ["..", ".", "../..", "a/b", "", "default", "A", "a?b", "a#b", "%"])
def test_a_name_no_world_can_have_reaches_no_world(
    client_of: Client, engine: EngineProcess, name: str
) -> None:
    with client_of(address(engine)) as default, client_of(address(engine), world=name) as other:
        default.init(WORLD, AGENTS)
        with pytest.raises(EngineError) as refused:
            other.turn(MINE)
        assert refused.value.status == 404
        assert default.state()["turn"] == 0


@CLIENTS
def test_a_run_is_played_inside_the_engine_and_its_figures_read(
    client_of: Client, proxy: Proxy
) -> None:
    with client_of(proxy.address, world="run") as client:
        proxy.answers_lost = 1
        played = client.run(WORLD, AGENTS, turns=12)
        assert proxy.answers_lost == 0
        assert (played["world_id"], played["metrics"]["turns"]) == ("run", 12)
        assert played["state"] == client.state()
        assert client.run(turns=12) == played
        rows = list(client.series(limit=5))
        assert [row["turn"] for row in rows] == [*range(1, 13)]
        assert sum(row["fees_collected"] for row in rows) == played["metrics"]["fees_total"]
        assert list(client.series(after=10)) == rows[10:]
        with pytest.raises(EngineError, match="409 run_ended"):
            client.run(turns=13)
        with pytest.raises(EngineError, match="policy"):
            client.run(policy="wish")


@CLIENTS
def test_a_partial_run_with_usage_of_its_own_goes_on(
    client_of: Client, engine: EngineProcess
) -> None:
    nothing = {"distribution": "constant", "value": 0}
    usage = {"source": "distribution", "thinking": nothing, "output": nothing}
    with client_of(address(engine)) as client:
        played = client.run(WORLD, AGENTS, usage=usage, turns=3, ends=False)
        assert (played["metrics"]["fees_total"], played["state"]["ended"]) == (0, False)
        assert client.turn(MINE)["turn"] == 4


@CLIENTS
def test_agents_sign_what_they_do(client_of: Client, tmp_path: Path) -> None:
    keys = {agent_id: AgentKey() for agent_id in AGENTS}
    keys["agent_0"].write(tmp_path / "agent_0.key")
    kept = AgentKey.read(tmp_path / "agent_0.key")
    assert kept.public_key == keys["agent_0"].public_key
    public_keys = {agent_id: key.public_key for agent_id, key in keys.items()}
    with (
        EngineProcess(
            tmp_path / "signed.sqlite",
            SIM_ENGINE_AUTH="signatures",
            SIM_ENGINE_ADMIN_TOKEN="operator",
        ) as engine,
        client_of(address(engine), token="operator") as operator,
    ):
        with pytest.raises(EngineError, match="public_keys"):
            operator.init(WORLD, AGENTS)
        tokens = operator.init(WORLD, AGENTS, public_keys)["agent_tokens"]
        shown = operator.genesis()
        assert shown["public_keys"] == public_keys
        world, stake = shown["genesis"], {"action": "stake", "amount": 5, "fee": 0}
        with client_of(address(engine), token=tokens["agent_0"]) as agent:
            with pytest.raises(EngineError, match="403 signature_invalid"):
                agent.submit("agent_0", stake, "h\u00e4llo", 1)
            signature = kept.sign(world, 1, "agent_0", stake, "h\u00e4llo")
            assert agent.submit("agent_0", stake, "h\u00e4llo", 1, signature)["accepted"]
        mine = {"action": "mine"}
        signed = {
            "agent_id": "agent_1",
            "action": mine,
            "signature": keys["agent_1"].sign(world, 1, "agent_1", mine),
        }
        with pytest.raises(EngineError) as wrong:
            operator.turn([{**signed, "action": stake}])
        assert (wrong.value.status, wrong.value.fields) == (403, {"position": 0})
        assert operator.turn([signed])["inputs"] == 2
        assert operator.verification()["signatures"] >= 2
        with pytest.raises(EngineError, match="policy"):
            operator.run(turns=5)


def test_a_world_a_client_names_stays_one_part_of_the_path() -> None:
    assert requests.base("http://x", None) == "http://x"
    assert requests.base("http://x", "a-1") == "http://x/worlds/a-1"
    for name in ("..", ".", "a/b", "a?b", "a#b"):
        assert not {"/", "?", "#"} & {*requests.base("", name).removeprefix("/worlds/")}
        assert ".." not in requests.base("", name)


def test_the_client_signs_only_when_it_is_asked_to() -> None:
    code = (
        "import sys; sys.modules['nacl'] = None; import sim_economy.client as c; c.EngineClient()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}; c.AgentKey"], capture_output=True, text=True, check=False
    )
    assert "nacl" in ended.stderr
