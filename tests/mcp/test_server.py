"""Other minds at the table: the official client, over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver.exceptions import ToolError

from sim_economy.client import AgentKey, EngineClient, EngineError
from sim_economy.core.actions import RECOGNISED
from sim_economy.mcp import server
from sim_economy.mcp.agent_connection import holder_of
from sim_economy.mcp.server import AgentConnections, Tools
from tests.api.wire_client import EngineProcess, free_port

PROGRAM: Final = str(Path(sys.executable).with_name("sim-economy"))
SECRET: Final = "ann-and-bob-share-no-secrets"


class House:
    """An engine with tokens and a world of two agents."""

    def __init__(self, engine: EngineProcess, **more: Any) -> None:
        self.engine = engine
        self.address = f"http://127.0.0.1:{engine.port}"
        self.operator = EngineClient(self.address)
        started = self.operator.init({"preset": "as-run"}, ["ann", "bob"], **more)
        self.tokens = started["agent_tokens"]
        self.operator.token = started["admin_token"]

    def connection(self, agent: str, *more: str) -> StdioServerParameters:
        return StdioServerParameters(
            command=PROGRAM,
            args=["mcp", "--engine", self.address, *more],
            env={"PATH": os.environ["PATH"], "SIM_ENGINE_TOKEN": self.tokens[agent]},
        )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with EngineProcess(tmp_path / "world.db", SIM_ENGINE_AUTH="tokens") as engine:
        house = House(engine)
        yield house
        house.operator.close()


def said(result: Any) -> Any:
    """What a tool answered; what went wrong where it failed."""
    if result.is_error:
        return "".join(part.text for part in result.content)
    return result.structured_content or json.loads(result.content[0].text)


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    return said(await client.call_tool(tool, arguments))


async def two_agents_play(ann: Client, bob: Client, house: House) -> None:
    names = {tool.name for tool in (await ann.list_tools()).tools}
    assert names == {"observe", "act", "speak", "contracts", "statement", "rules", "wait"}

    assert (await call(ann, "observe"))["accounts"]["balance"] == 1000
    accepted = await call(ann, "act", action="stake", arguments={"amount": 80}, speech="good day")
    assert accepted == {"accepted": True, "turn": 1, "closed": False}
    assert (await call(bob, "speak", text="hello ann"))["turn"] == 1
    usage = {"ann": {"output_units": 150}, "bob": {"output_units": 130}}
    closing = asyncio.create_task(call(bob, "wait", turn=1, seconds=20))
    closed = await asyncio.to_thread(house.operator.close_turn, 1, usage)
    assert (await closing) == {"turn": 1}
    assert closed["inference_fees_collected"] == 50 + 30
    assert closed["rejections"] == []

    assert (await call(ann, "observe"))["speech"] == {"ann": "good day", "bob": "hello ann"}
    statement = await call(bob, "statement")
    assert statement["totals"]["inference_fee"] == -30
    assert "bob" in json.dumps(statement)
    assert "ann:" not in json.dumps(statement)
    assert (await call(ann, "contracts"))["turn"] == 1
    told = await call(ann, "rules")
    assert told["world"]["signing_bonus"] == 50
    assert "seed" not in told["world"]
    assert told["actions"]["transfer"]["arguments"] == ["to", "amount", "fee"]


def test_two_clients_play_two_agents_over_stdio(house: House) -> None:
    async def play() -> None:
        async with Client(house.connection("ann")) as ann, Client(house.connection("bob")) as bob:
            await two_agents_play(ann, bob, house)

    asyncio.run(play())


@contextmanager
def listening(house: House, *options: str, **environment: str) -> Iterator[str]:
    port = free_port()
    command = [PROGRAM, "mcp", "--engine", house.address, "--http", "--port", str(port), *options]
    process = subprocess.Popen(
        command, env={"PATH": os.environ["PATH"], **environment}, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            break
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(timeout=10)


@asynccontextmanager
async def over_http(url: str, token: str | None) -> AsyncIterator[Client]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


def test_two_clients_play_two_agents_through_one_server_over_http(house: House) -> None:
    async def play(url: str) -> None:
        async with (
            over_http(url, house.tokens["ann"]) as ann,
            over_http(url, house.tokens["bob"]) as bob,
        ):
            await two_agents_play(ann, bob, house)

    with listening(house) as url:
        asyncio.run(play(url))


def test_a_server_over_http_connects_nobody_without_a_token_or_with_a_false_one(
    house: House,
) -> None:
    forged = house.tokens["bob"].replace("agent:bob", "agent:ann")

    async def play(url: str) -> None:
        async with over_http(url, None) as nobody:
            assert "nobody sits here" in await call(nobody, "observe")
        async with over_http(url, forged) as bob:
            assert "401 token_unknown" in await call(bob, "act", action="mine")
        async with over_http(url, "admin.x") as admin:
            assert "nobody sits here" in await call(admin, "observe")

    with listening(house) as url:
        asyncio.run(play(url))
    assert house.operator.close_turn()["inputs"] == 0


def asks(token: str) -> Any:
    """What a tool knows of a caller with a token."""
    return SimpleNamespace(headers={"authorization": f"Bearer {token}"})


@pytest.mark.parametrize("others", ["invented", "real"])
def test_no_token_ends_the_wait_of_another_agent(
    house: House, others: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_CONNECTIONS_MAX", 1)

    async def play() -> None:
        connections = AgentConnections(house.address)
        tools = Tools(connections)
        waiting = asyncio.create_task(tools.wait(asks(house.tokens["ann"]), 1, 20))
        await asyncio.sleep(0.3)
        for number in range(3):
            if others == "real":
                assert (await tools.observe(asks(house.tokens["bob"])))["turn"] == 0
            else:
                with pytest.raises(ToolError, match="401 token_unknown"):
                    await tools.observe(asks(f"agent:ann.invented{number}"))
        await asyncio.to_thread(house.operator.close_turn)
        assert await waiting == {"turn": 1}
        await connections.close()

    asyncio.run(play())


def test_an_invented_token_takes_no_connection(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_CONNECTIONS_MAX", 2)

    async def play() -> None:
        connections = AgentConnections(house.address)
        ann = await connections.of(house.tokens["ann"])
        ann.users = 0
        for number in range(5):
            with pytest.raises(EngineError):
                await connections.of(f"agent:ann.invented{number}")
        assert await connections.of(house.tokens["ann"]) is ann
        await connections.close()

    asyncio.run(play())


@pytest.mark.parametrize("token", ["agent:ann.\u00e9", "agent:ann.\u20ac", "\u00e9"])
def test_a_token_that_no_header_can_hold_sits_nowhere(house: House, token: str) -> None:
    with pytest.raises(ToolError, match="nobody sits here"):
        asyncio.run(Tools(AgentConnections(house.address)).observe(asks(token)))


def test_a_connection_moves_no_other_agent(house: House) -> None:
    async def play() -> None:
        async with Client(house.connection("ann", "--agent", "bob")) as thief:
            move = {"action": "transfer", "arguments": {"to": "ann", "amount": 5}}
            assert "403 not_yours" in await call(thief, "act", **move)
            assert "403 not_yours" in await call(thief, "observe")
            assert "403 not_yours" in await call(thief, "statement")
        async with Client(house.connection("ann")) as ann:
            for arguments in ({"agent_id": "bob"}, {"action": "mine"}, {"signature": "0"}):
                refused = await call(ann, "act", action="stake", arguments=arguments)
                assert isinstance(refused, str)
                assert SECRET not in refused

    asyncio.run(play())
    assert house.operator.close_turn()["inputs"] == 0


def test_what_the_engine_refuses_is_the_tools_error(house: House) -> None:
    async def play() -> None:
        async with Client(house.connection("ann")) as ann:
            assert "422" in await call(ann, "act", action="stake", arguments={"amount": "5"})
            need = {"kind": "loan", "side": "seek", "amount": 5, "limit_price": 1}
            refused = await call(ann, "act", action="mine", needs=[need])
            assert "contract_matching" in refused
            assert "409 turn_conflict" in await call(ann, "act", action="mine", turn=9)
            assert (await call(ann, "act", action="mine", turn=1))["accepted"]
            assert "409 already_submitted" in await call(ann, "act", action="mine")
            assert await call(ann, "wait", turn=1, seconds=0.1) == {"turn": 0}

    asyncio.run(play())


def test_an_engine_that_is_away_is_said_to_be(house: House) -> None:
    async def play() -> None:
        async with Client(house.connection("ann")) as ann:
            house.engine.kill()
            assert "is the engine running?" in await call(ann, "observe")

    asyncio.run(play())


def test_a_connection_with_a_key_signs_what_it_does(tmp_path: Path) -> None:
    keys = {agent: AgentKey() for agent in ("ann", "bob")}
    keys["ann"].write(tmp_path / "ann.key")
    public = {agent: key.public_key for agent, key in keys.items()}
    with EngineProcess(tmp_path / "world.db", SIM_ENGINE_AUTH="signatures") as engine:
        house = House(engine, public_keys=public)

        async def play() -> None:
            signing = house.connection("ann", "--key", str(tmp_path / "ann.key"))
            async with Client(signing) as ann, Client(house.connection("bob")) as bob:
                assert (await call(ann, "act", action="mine", speech="signed \u00e9"))["accepted"]
                assert "403 signature_invalid" in await call(bob, "act", action="mine")

        asyncio.run(play())
        assert house.operator.close_turn()["inputs"] == 1
        assert house.operator.verification()["signatures"] >= 2
        house.operator.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the agent with --agent, or set SIM_ENGINE_TOKEN"),
        (("--http", "--key", __file__), "a key signs for one agent"),
        (("--agent", "ann", "--key", __file__), "holds no key"),
    ],
)
def test_a_connection_that_cannot_be_taken_says_so(
    arguments: tuple[str, ...], message: str
) -> None:
    environment = {"PATH": os.environ["PATH"]}
    ended = subprocess.run(
        [PROGRAM, "mcp", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert message in ended.stderr


@pytest.mark.parametrize(
    ("token", "agent"),
    [
        ("agent:ann.x", "ann"),
        ("agent:a.b.x", "a.b"),
        ("admin.x", None),
        ("agent:", None),
        ("agent:.x", None),
        ("", None),
    ],
)
def test_a_token_names_its_agent(token: str, agent: str | None) -> None:
    assert holder_of(token) == agent


# What an agent may do, and a start that tells


def test_the_actions_are_an_enum_and_each_has_the_schema_of_its_arguments(house: House) -> None:
    async def play() -> None:
        async with Client(house.connection("ann")) as ann:
            (act,) = [tool for tool in (await ann.list_tools()).tools if tool.name == "act"]
        shape = act.input_schema["properties"]
        assert shape["action"]["enum"] == list(RECOGNISED)
        by_name = {choice.get("title"): choice for choice in shape["arguments"]["anyOf"]}
        assert by_name.keys() == {None, *RECOGNISED}
        for name, kind in RECOGNISED.items():
            assert list(by_name[name]["properties"]) == list(kind.__struct_fields__)
            assert by_name[name]["additionalProperties"] is False
        assert by_name["propose_contract"]["properties"]["terms"]["properties"]["principal"]
        assert "$ref" not in json.dumps(shape)

    asyncio.run(play())


@pytest.mark.parametrize("misspelt", ["mien", "Mine", "mine ", "stakes", "", "unrecognised"])
def test_a_misspelt_action_is_an_error_that_costs_nothing(house: House, misspelt: str) -> None:
    async def play() -> None:
        async with Client(house.connection("ann")) as ann:
            refused = await call(ann, "act", action=misspelt)
            assert "there is no such action" in refused
            if misspelt == "mien":
                assert "did you mean mine?" in refused
            assert (await call(ann, "act", action="mine"))["accepted"]

    asyncio.run(play())
    assert house.operator.close_turn()["rejections"] == []


@pytest.mark.parametrize("listening_too", [False, True])
def test_a_bad_token_or_a_dead_engine_is_told_at_the_start(
    house: House, listening_too: bool
) -> None:
    http = ("--http", "--port", str(free_port())) if listening_too else ()

    def ended(*arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [PROGRAM, "mcp", *arguments, *http],
            env={"PATH": os.environ["PATH"], **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert "Traceback" not in done.stderr
        return done.stderr

    forged = house.tokens["ann"] + "x"
    assert "401 token_unknown" in ended("--engine", house.address, SIM_ENGINE_TOKEN=forged)
    assert "nobody sits here" in ended("--engine", house.address, SIM_ENGINE_TOKEN="admin.x")
    dead = f"http://127.0.0.1:{free_port()}"
    token = house.tokens["ann"]
    assert "is the engine running?" in ended("--engine", dead, SIM_ENGINE_TOKEN=token)


def test_an_agent_that_is_not_in_the_world_is_told_at_the_start(tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "world.db") as engine:
        command = [PROGRAM, "mcp", "--engine", f"http://127.0.0.1:{engine.port}", "--agent"]

        def ended(agent: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*command, agent],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )

        assert ended("ann").returncode == 0, "a world may be started later"
        engine.call("/init", {"agent_ids": ["ann", "bob"]})
        assert ended("ann").returncode == 0
        refused = ended("anne")
        assert refused.returncode == 2
        assert "its agents are ann, bob" in refused.stderr
