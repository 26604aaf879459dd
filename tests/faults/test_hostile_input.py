"""Whatever a client sends, it gets a 4xx that says where and repeats nothing; nothing changes."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from tests.api.wire_client import EngineProcess, Reply, ask
from tests.faults.limited import LIMITED, LIMITS

MARKER: Final = "mArKeR7f3a"
"""Stands in inputs and must stand in no answer."""
HUGE: Final = "9" * 5000
DEEP: Final = 100_000
MEGABYTE: Final = 2**20


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """An engine without a world."""
    with EngineProcess(tmp_path_factory.mktemp("empty") / "world.db") as running:
        yield running


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """An engine with a world at turn 1."""
    with EngineProcess(tmp_path_factory.mktemp("started") / "world.db") as running:
        running.call("/init", {"config": {}})
        running.call("/turn", {"inputs": []})
        yield running


@pytest.fixture
def limited(ledger: Path) -> Iterator[EngineProcess]:
    """An engine with small limits and a world."""
    with EngineProcess(ledger, program=LIMITED) as running:
        running.call("/init", {"config": {}})
        yield running


def assert_refused(
    reply: Reply, field: str, status: int = 422, code: str = "input_invalid"
) -> None:
    assert reply.headers["content-type"] == "application/json"
    error = reply.error
    assert (reply.status, error["code"], error["field"]) == (status, code, field), error
    assert error["message"].startswith(f"{field}: ")
    assert len(reply.body) < 1000
    assert MARKER.encode() not in reply.body


# Texts that are no JSON of ours, whichever call they are sent to

CALLS: Final = ("/init", "/turn", "/close")
NO_JSON: Final[dict[str, bytes]] = {
    "nothing but blanks and a comma": b" ,",
    "cut off": b'{"turn": ',
    "words": MARKER.encode(),
    "two values": b"{} {}",
    "a trailing comma": b'{"turn": 1,}',
    "single quotes": b"{'turn': 1}",
    "a comment": b"{} // " + MARKER.encode(),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"turn": 1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"turn": 1}'.encode("utf-16-le"),
    "bad UTF-8": b'{"turn": "\xff\xfe"}',
    "an overlong form": b'{"turn": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"turn": "\xed\xa0\x80"}',
    "a raw NUL": b'{"turn": 1}\x00',
    "a control character in a string": b'{"turn": "\x01"}',
    "NaN": b'{"turn": NaN}',
    "Infinity": b'{"turn": Infinity}',
    "-Infinity": b'{"turn": -Infinity}',
    "thousands of digits": b'{"turn": ' + HUGE.encode() + b"}",
    "a number with a leading zero": b'{"turn": 01}',
    "hexadecimal": b'{"turn": 0x10}',
    "a duplicate key": b'{"turn": 1, "turn": 1}',
    "a duplicate key by escape": b'{"turn": 1, "\\u0074urn": 2}',
    "a duplicate key inside": b'{"config": {"seed": 1, "seed": 2}}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep and open": b"[" * DEEP,
    "an unknown field": json.dumps({MARKER: 1}).encode(),
    "a lookalike field": '{"input\u0455": []}'.encode(),
    "a lone surrogate as a field": b'{"\\ud800": 1}',
    "a NUL as a field": b'{"\\u0000": 1}',
    **{
        f"{top[:12]} at the top": top.encode()
        for top in ("[]", "null", "true", "5", "5.0", "1e999", "2e5", f'"{MARKER}"', '""', "[{}]")
    },
}


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("started", [False, True], ids=["no world", "a world"])
@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_no_json_of_ours_is_a_400_and_changes_nothing(
    empty: EngineProcess, world: EngineProcess, path: str, started: bool, name: str
) -> None:
    engine = world if started else empty
    before = engine.ask("GET", "/head").body
    assert_refused(engine.ask("POST", path, NO_JSON[name]), "body", 400)
    assert engine.ask("GET", "/head").body == before


@pytest.mark.parametrize("path", ["/init", "/turn"])
def test_an_empty_body_is_refused(world: EngineProcess, path: str) -> None:
    for body in (None, b"", b"  \n"):
        assert_refused(world.ask("POST", path, body), "body", 400)


# Values that cannot be

NO_COUNT: Final = (
    True, False, "5", "", "5.0", 5.0, 5.5, -1, 2**31, 2**63, 2**64, -(2**63), [5], {"a": 5}, MARKER,
)  # fmt: skip
NO_TURN: Final = tuple(value for value in NO_COUNT if value != 2**31)
RAW: Final = ("5.0", "1e3", "1E999", "-0.0", "5e-1", "1e999", "-1e999", "0." + "3" * 5000)
"""Numbers that JSON allows and Python's writer would not write."""


def raw(template: dict[str, Any], number: str) -> bytes:
    """The template with a number put in where it says so."""
    return json.dumps(template).replace('"NUMBER"', number).encode()


def an_input(**more: Any) -> dict[str, Any]:
    return {"inputs": [{"agent_id": "agent_0", "action": {"action": "mine"}, **more}]}


def an_action(**more: Any) -> dict[str, Any]:
    return an_input(action=more)


def text_of(value: Any) -> bytes:
    return json.dumps(value).encode()


def wrong_numbers() -> Iterator[tuple[str, bytes]]:
    """Bodies of /turn with a number that cannot be, after the field they must name."""
    for usage in ("thinking_units", "output_units"):
        field = f"inputs[0].{usage}"
        yield from ((field, text_of(an_input(**{usage: value}))) for value in (*NO_COUNT, None))
        yield from ((field, raw(an_input(**{usage: "NUMBER"}), number)) for number in RAW)
    for name, argument in (
        ("stake", "amount"), ("stake", "fee"), ("unstake", "amount"), ("burn", "amount"),
        ("transfer", "fee"),
    ):  # fmt: skip
        field = f"inputs[0].action.{argument}"
        for value in (value for value in NO_COUNT if value != -1):
            yield field, text_of(an_action(action=name, **{argument: value}))
        for number in RAW:
            yield field, raw(an_action(action=name, **{argument: "NUMBER"}), number)
    for value in (*NO_TURN, 0, 2**53 + 1):
        yield "turn", text_of({"inputs": [], "turn": value})


def wrong_texts() -> Iterator[tuple[str, bytes]]:
    """Bodies of /turn with a text that cannot be, or something else in its place."""
    others: tuple[Any, ...] = (5, True, [MARKER], {MARKER: 1})
    for text in ("a\0b", "\ud800", "a\udfff" + MARKER, *others):
        yield "inputs[0].agent_id", text_of(an_input(agent_id=text))
        yield "inputs[0].speech", text_of(an_input(speech=text))
        yield "inputs[0].thinking", text_of(an_input(thinking=text))
        yield "inputs[0].action.action", text_of(an_action(action=text))
        yield "inputs[0].action.to", text_of(an_action(action="transfer", to=text, amount=1))
    yield "inputs[0].agent_id", text_of(an_input(agent_id=None))


def wrong_shapes() -> Iterator[tuple[str, bytes]]:
    """Bodies of /turn of another shape."""
    actions: tuple[Any, ...] = (None, "mine", 5, [], ["mine"], MARKER)
    for other in actions:
        yield "inputs[0].action", text_of(an_input(action=other))
        yield "inputs[1]", text_of({"inputs": [an_input()["inputs"][0], other]})
    lists: tuple[Any, ...] = (None, "mine", 5, {}, {MARKER: 1}, True)
    yield from (("inputs", text_of({"inputs": other})) for other in lists)
    yield "inputs", b"{}"
    yield "inputs[0]", text_of(an_input(**{MARKER: 1}))
    yield "inputs[0].agent_id", b'{"inputs": [{"action": {"action": "mine"}}]}'
    yield "inputs[0].action", b'{"inputs": [{"agent_id": "agent_0"}]}'
    yield "inputs[0].action.action", b'{"inputs": [{"agent_id": "agent_0", "action": {}}]}'
    yield "inputs[0].action", text_of(an_action(action="mine", **{MARKER: 1}))
    yield "inputs[0].action", text_of(an_action(action="mine", amount=1))
    ends: tuple[Any, ...] = (None, 0, 1, "true", MARKER, [], 1.0)
    for value in ends:
        yield "ends", text_of({"inputs": [], "ends": value})


WRONG_TURNS: Final = (*wrong_numbers(), *wrong_texts(), *wrong_shapes())


def test_what_no_turn_can_hold_is_a_422_that_names_the_field_and_changes_nothing(
    world: EngineProcess,
) -> None:
    assert len(WRONG_TURNS) > 200
    before = world.ask("GET", "/state").body
    with world.connection() as connection:
        for field, body in WRONG_TURNS:
            assert_refused(ask(connection, "POST", "/turn", body), field)
            assert ask(connection, "GET", "/state").body == before, body[:200]


def test_what_cannot_close_a_turn_is_a_422_that_names_the_field(world: EngineProcess) -> None:
    before = world.ask("GET", "/state").body
    for field, values in (("turn", (*NO_TURN, 0)), ("ends", (None, 0, 1, "true", MARKER, []))):
        for value in values:
            reply = world.ask("POST", "/close", json.dumps({field: value}).encode())
            assert_refused(reply, field)
    for number in RAW:
        assert_refused(world.ask("POST", "/close", raw({"turn": "NUMBER"}, number)), "turn")
    assert world.ask("GET", "/state").body == before


RATES: Final = ("thinking_layer_discount", "burn_decay_rate", "interest_rate_per_turn")
COUNTS: Final = ("num_agents", "num_cores", "genesis_tokens_per_agent", "signing_bonus", "seed")
WEIGHTS: Final = ("mine_base_weight", "block_threshold", "base_inference_rate")


def wrong_settings() -> Iterator[tuple[str, Any]]:
    """Parameters with values they cannot have; a number as it is written stands in bytes."""
    written = (*RAW, "9" * 4000)
    for name in COUNTS:
        values: list[Any] = [value for value in NO_COUNT if name != "seed" or value != 2**31]
        yield from ((name, value) for value in (*values, None))
        yield from ((name, number.encode()) for number in written)
    for name in ("num_agents", "num_cores", "genesis_tokens_per_agent"):
        yield name, 0
    for name in RATES + WEIGHTS:
        values = [True, "0.5", None, [], {}, -1, -0.5, 1_000_001, 2**63, 0.1234567, MARKER]
        yield from ((name, value) for value in values)
        yield from ((name, number.encode()) for number in written if number not in {"5.0", "-0.0"})
    flags: list[Any] = [0, 1, "true", None, [], MARKER]
    yield from (("slash_both_on_timeout", value) for value in flags)
    for name in ("job_rule", "lottery_rule", "preset"):
        values = [True, 5, None, [], {}, MARKER, "", "AS-RUN", "as-run\0", "\ud800", "\u0430s-run"]
        yield from ((name, value) for value in values)


def wrong_configurations() -> Iterator[tuple[str, bytes]]:
    """Every wrong configuration, after the parameter that must be named."""
    for name, value in wrong_settings():
        if isinstance(value, bytes):
            yield name, raw({"config": {name: "NUMBER"}}, value.decode())
        else:
            yield name, text_of({"config": {name: value}})
    for names in (
        [], ["a", "a"], [""], ["a b"], ["a\0"], ["\ud800"], ["\u0430gent_0"], ["agent_0\u200b"],
        ["x" * 65], ["../a"], ["\uff41"], [MARKER + "\n"], ["a", "A", "a"],
    ):  # fmt: skip
        yield "agent_ids", text_of({"agent_ids": names})
    yield "agent_ids", text_of({"config": {"num_agents": 2}, "agent_ids": ["a"]})


def test_what_no_world_can_have_is_a_422_that_names_the_parameter_and_starts_nothing(
    empty: EngineProcess,
) -> None:
    with empty.connection() as connection:
        for name, body in wrong_configurations():
            reply = ask(connection, "POST", "/init", body)
            error = reply.error
            assert (reply.status, error["code"]) == (422, "scenario_invalid"), body[:200]
            assert name in {problem.split(":")[0] for problem in error["problems"]}
            assert len(reply.body) < 1000
            assert MARKER.encode() not in reply.body
            assert ask(connection, "GET", "/head").error["code"] == "world_missing"
    assert not empty.ledger.exists()


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("config", {"config": []}),
        ("config", {"config": None}),
        ("config", {"config": MARKER}),
        ("config", {"config": {MARKER + " ": 1}}),
        ("config", {"config": {"\ud800": 1}}),
        ("config", {"config": {"": 1}}),
        ("config", {"config": {"a" * 65: 1}}),
        ("config", {"config": {f"{MARKER}_{i}": 1 for i in range(50_000)}}),
        ("agent_ids", {"agent_ids": MARKER}),
        ("agent_ids", {"agent_ids": {}}),
        ("agent_ids", {"agent_ids": [5]}),
        ("agent_ids", {"agent_ids": ["a", None]}),
        ("agent_ids", {"agent_ids": ["a", 5.0]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_init_of_another_shape_is_a_422_that_names_the_field(
    empty: EngineProcess, field: str, body: Any
) -> None:
    assert_refused(empty.ask("POST", "/init", json.dumps(body).encode()), field)
    assert not empty.ledger.exists()


def test_a_lookalike_agent_is_a_rejection_and_nobody_else(world: EngineProcess) -> None:
    names = ["\u0430gent_0", "agent_0 ", "Agent_0", "agent_0\u200b", "\uff41gent_0", "agent_00", ""]
    inputs = [{"agent_id": name, "action": {"action": "mine"}} for name in names]
    before = world.call("/state")
    data = world.call("/turn", {"inputs": inputs})["data"]
    assert [one["reason"] for one in data["rejections"]] == ["unknown_agent"] * len(names)
    assert data["block_winner"] is None
    assert world.call("/state")["agents"] == before["agents"]


# What HTTP itself must refuse


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "path_unknown"),
        ("GET", f"/{MARKER}", 404, "path_unknown"),
        ("GET", "/../state", 404, "path_unknown"),
        ("GET", "//state", 404, "path_unknown"),
        ("GET", "/state/", 404, "path_unknown"),
        ("POST", "/turn/", 404, "path_unknown"),
        ("GET", "/%73tate%00", 404, "path_unknown"),
        ("GET", "/agents/agent_0", 404, "path_unknown"),
        ("GET", "/agents//statement", 404, "path_unknown"),
        ("GET", "/turn", 405, "method_not_allowed"),
        ("GET", "/init", 405, "method_not_allowed"),
        ("POST", "/state", 405, "method_not_allowed"),
        ("PUT", "/turn", 405, "method_not_allowed"),
        ("DELETE", "/state", 405, "method_not_allowed"),
        ("PATCH", "/config", 405, "method_not_allowed"),
        ("OPTIONS", "/turn", 405, "method_not_allowed"),
        ("TRACE", "/state", 405, "method_not_allowed"),
    ],
)
def test_an_unknown_path_or_method_is_refused_by_name(
    world: EngineProcess, method: str, path: str, status: int, code: str
) -> None:
    reply = world.ask(method, path, b"{}" if method == "POST" else None)
    assert (reply.status, reply.error["code"]) == (status, code)
    assert MARKER.encode() not in reply.body
    assert MARKER not in str(reply.headers)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"/state?{MARKER}=1", "query"),
        ("/state?", None),
        ("/blocks?limit=1&limit=2", "query"),
        ("/blocks?limit=", "limit"),
        ("/blocks?limit=0", "limit"),
        ("/blocks?limit=1001", "limit"),
        ("/blocks?limit=-1", "limit"),
        ("/blocks?limit=1.0", "limit"),
        ("/blocks?limit=%EF%BC%91", "limit"),
        (f"/blocks?limit={'9' * 5000}", "limit"),
        (f"/blocks?after={MARKER}", "after"),
        ("/blocks?after=9007199254740993", "after"),
        ("/blocks?after=%00", "after"),
        ("/blocks?after=+1", "after"),
        ("/agents/agent_0/statement?from=x", "from"),
        ("/agents/agent_0/statement?to=-1", "to"),
        (f"/agents/{MARKER}/statement", "agent_id"),
        ("/agents/%00/observation", "agent_id"),
        ("/agents/%ff%fe/observation", "agent_id"),
        ("/agents/agent_0%20/observation", "agent_id"),
        ("/agents/%D0%B0gent_0/observation", "agent_id"),
    ],
)
def test_a_bad_query_or_agent_is_a_422_that_names_it(
    world: EngineProcess, path: str, field: str | None
) -> None:
    reply = world.ask("GET", path)
    if field is None:
        assert reply.status == 200
    else:
        assert_refused(reply, field)


def exchange(port: int, *parts: bytes, pause: float = 0.0, seconds: float = 5.0) -> bytes:
    """What comes back for raw bytes until the engine closes; empty if it just closes."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as raw_socket:
        with suppress(ConnectionError):
            for part in parts:
                raw_socket.sendall(part)
                time.sleep(pause)
        with suppress(ConnectionError):
            while data := raw_socket.recv(65536):
                received += data
    return received


def head(*lines: str, method: str = "POST /turn") -> bytes:
    text = "\r\n".join([f"{method} HTTP/1.1", "Host: localhost", "Connection: close", *lines])
    return text.encode("latin-1") + b"\r\n\r\n"


BODY: Final = json.dumps(an_input()).encode()
SMUGGLED: Final = b"POST /turn HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
GARBAGE: Final[dict[str, bytes]] = {
    "every byte": bytes(range(256)) * 8,
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"POST /turn\r\n\r\n",
    "an unknown version": b"POST /turn HTTP/3.7\r\n\r\n",
    "an unknown method": b"MINE /turn HTTP/1.1\r\n\r\n",
    "a tunnel": b"CONNECT x:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "raw bytes in the path": b"POST /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a header without a colon": b"POST /turn HTTP/1.1\r\nhost x\r\n\r\n",
    "a NUL in a header": b"POST /turn HTTP/1.1\r\nHost: \x00\r\n\r\n",
    "a folded header": b"POST /turn HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\nContent-Length: z\r\n\r\n",
    "two lengths": head(f"Content-Length: {len(BODY)}", "Content-Length: 5") + BODY,
    "a list of lengths": head(f"Content-Length: {len(BODY)}, 5") + BODY,
    "a negative length": head("Content-Length: -1") + BODY,
    "a signed length": head(f"Content-Length: +{len(BODY)}") + BODY,
    "a length beyond 64 bits": head(f"Content-Length: {'9' * 30}") + BODY,
    "a length and chunks": head(f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked")
    + b"0\r\n\r\n"
    + SMUGGLED,
    "chunks and a length": head("Transfer-Encoding: chunked", "Content-Length: 4")
    + b"0\r\n\r\n"
    + SMUGGLED,
    "chunks that are not last": head("Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
    "an unknown encoding": head("Transfer-Encoding: xchunked") + b"0\r\n\r\n" + SMUGGLED,
    "a blank before the colon": head("Transfer-Encoding : chunked") + b"0\r\n\r\n",
    "a chunk of no size": head("Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n",
    "a chunk beyond 64 bits": head("Transfer-Encoding: chunked") + b"f" * 20 + b"\r\n{}\r\n",
    "a chunk longer than said": head("Transfer-Encoding: chunked") + b"1\r\n{}{}{}\r\n0\r\n\r\n",
    "two hosts": b"POST /turn HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    "two hosts that differ": b"GET /head HTTP/1.1\r\nHost: localhost\r\nhOsT: evil\r\n\r\n",
    "no host": b"POST /turn HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    "two origins": head("Origin: http://localhost", "Origin: http://evil"),
    "two tokens": head("Authorization: Bearer a", "Authorization: Bearer b"),
    "chunks in HTTP/1.0": b"POST /turn HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an endless path": b"POST /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_not_our_http_is_a_400_or_a_closed_connection_and_plays_no_turn(
    world: EngineProcess, name: str
) -> None:
    before = world.ask("GET", "/head").body
    answer = exchange(world.port, GARBAGE[name])
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert world.ask("GET", "/head").body == before


def test_http_1_0_is_answered_and_closed(world: EngineProcess) -> None:
    answer = exchange(world.port, b"GET /health HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b'{"status":"ok"}')


def test_a_host_header_of_any_kind_leads_nowhere_else(world: EngineProcess) -> None:
    expected = world.ask("GET", "/blocks").body
    for host in ("[", "x/y", "x?y", "a b", MARKER, "\xff", "x:99999", "", "x" * 5000):
        with world.connection() as connection:
            connection.putrequest("GET", "/blocks", skip_host=True)
            connection.putheader("Host", host.encode("latin-1"))
            connection.endheaders()
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 403:
                assert json.loads(body)["error"]["code"] == "foreign_host"
                assert MARKER.encode() not in body
            else:
                assert body == expected


def test_requests_sent_ahead_are_answered_in_order(world: EngineProcess) -> None:
    ahead = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50
    answer = exchange(world.port, ahead + head(method="GET /config"))
    assert answer.count(b"HTTP/1.1 200 OK") == 51


@pytest.mark.parametrize(
    "many",
    [
        lambda: b"x: " + b"y" * MEGABYTE + b"\r\n",
        lambda: b"".join(b"x-%d: y\r\n" % i for i in range(100_000)),
        lambda: b"".join(b"cookie: %d\r\n" % i for i in range(100_000)),
    ],
    ids=["one huge header", "many headers", "one header many times"],
)
def test_heads_without_bound_are_cut_off(world: EngineProcess, many: Callable[[], bytes]) -> None:
    answer = exchange(world.port, b"GET /config HTTP/1.1\r\nHost: localhost\r\n", *[many()] * 4)
    assert not answer.startswith(b"HTTP/1.1 5")
    assert not answer.startswith(b"HTTP/1.1 2")


# Sizes: refused, and memory stays flat

FLAT: Final = 24 * MEGABYTE
"""What an engine's memory may grow by while it refuses far more."""


def flood(engine: EngineProcess, opening: bytes, chunk: bytes, size: int) -> bytes:
    """Send chunks until they are `size` bytes or the engine closes; what it said."""
    received = b""
    with socket.create_connection(("127.0.0.1", engine.port), timeout=10) as raw_socket:
        with suppress(ConnectionError):
            raw_socket.sendall(opening)
            for _ in range(size // len(chunk)):
                raw_socket.sendall(chunk)
        with suppress(ConnectionError, TimeoutError):
            raw_socket.settimeout(2)
            while data := raw_socket.recv(65536):
                received += data
    return received


@pytest.mark.parametrize("path", CALLS)
def test_a_body_of_100_mb_is_a_413_in_flat_memory(world: EngineProcess, path: str) -> None:
    before = world.memory()
    opening = head(f"Content-Length: {100 * MEGABYTE}", method=f"POST {path}")
    answer = flood(world, opening, b" " * MEGABYTE, 100 * MEGABYTE)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer
    assert world.memory() - before < FLAT


def test_chunks_without_end_are_a_413_in_flat_memory(world: EngineProcess) -> None:
    before = world.memory()
    chunk = b"%x\r\n%b\r\n" % (MEGABYTE, b" " * MEGABYTE)
    answer = flood(world, head("Transfer-Encoding: chunked"), chunk, 100 * MEGABYTE)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert world.memory() - before < FLAT


@pytest.mark.parametrize(
    ("opening", "chunk"),
    [
        (head("Content-Length: 10000000000", method="GET /config"), b" " * MEGABYTE),
        (head("Content-Length: 10000000000", method="POST /nothing"), b" " * MEGABYTE),
        (b"GET /config HTTP/1.1\r\n", b"x: y\r\n" * 100_000),
        (b"GET /", b"a" * MEGABYTE),
        (head("Transfer-Encoding: chunked") + b"0\r\n", b"x: y\r\n" * 100_000),
        (b"", b"GET /health HTTP/1.1\r\nHost: ::1\r\n\r\n" * 20_000),
    ],
    ids=["an unread body", "a body to nowhere", "headers", "a path", "trailers", "requests"],
)
def test_what_has_no_end_is_cut_off_in_flat_memory(
    world: EngineProcess, opening: bytes, chunk: bytes
) -> None:
    before = world.memory()
    flood(world, opening, chunk, 60 * MEGABYTE)
    assert world.memory() - before < FLAT
    assert world.ask("GET", "/health").status == 200


def test_a_body_at_the_limit_is_taken_and_one_byte_more_refused(limited: EngineProcess) -> None:
    body = b'{"inputs": []}'.ljust(LIMITS.body_bytes)
    assert limited.ask("POST", "/turn", body).status == 200
    refused = limited.ask("POST", "/turn", body + b" ")
    assert (refused.status, refused.error["code"]) == (413, "body_too_large")
    assert limited.call("/state")["turn"] == 1


# Slowness: cut off


def drip(engine: EngineProcess, opening: bytes, piece: bytes) -> bytes:
    """Send a piece now and then until the engine closes; fails by time-out if it never does."""
    received = b""
    with socket.create_connection(("127.0.0.1", engine.port), timeout=0.05) as raw_socket:
        until = time.monotonic() + 20
        raw_socket.sendall(opening)
        while time.monotonic() < until:
            try:
                data = raw_socket.recv(65536)
                if not data:
                    return received
                received += data
            except TimeoutError:
                pass
            except ConnectionError:
                return received
            with suppress(ConnectionError):
                raw_socket.sendall(piece)
    raise AssertionError("the engine never closed the connection")


@pytest.mark.parametrize(
    ("opening", "piece"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (b"GET /config HTTP/1.1\r\n", b"x: y\r\n"),
        (b"G", b"E"),
    ],
    ids=["silence", "empty lines", "a header at a time", "a letter at a time"],
)
def test_a_head_that_is_late_is_cut_off(
    limited: EngineProcess, opening: bytes, piece: bytes
) -> None:
    assert not drip(limited, opening, piece).startswith(b"HTTP/1.1 2")


@pytest.mark.parametrize(
    ("opening", "piece"),
    [
        (head("Content-Length: 100000"), b" "),
        (head("Content-Length: 100000"), b""),
        (head("Transfer-Encoding: chunked"), b"1\r\n \r\n"),
        (head("Transfer-Encoding: chunked") + b"0\r\n", b"x: y\r\n"),
    ],
    ids=["a byte at a time", "silence", "a chunk at a time", "trailers"],
)
def test_a_body_that_is_late_is_a_408_and_cut_off(
    limited: EngineProcess, opening: bytes, piece: bytes
) -> None:
    answer = drip(limited, opening, piece)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in answer
    assert limited.call("/state")["turn"] == 0


def test_a_body_that_nobody_reads_is_cut_off(limited: EngineProcess) -> None:
    opening = b"GET /config HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    assert drip(limited, opening, b" ").startswith(b"HTTP/1.1 200 ")


def test_a_client_that_goes_in_the_middle_of_a_body_changes_nothing(
    limited: EngineProcess,
) -> None:
    for part in (b"", b"{", BODY[:-1]):
        with socket.create_connection(("127.0.0.1", limited.port)) as raw_socket:
            raw_socket.sendall(head(f"Content-Length: {len(BODY)}") + part)
    assert limited.call("/state")["turn"] == 0
    assert "Traceback" not in limited.messages()


def test_nothing_hostile_left_a_traceback(world: EngineProcess, empty: EngineProcess) -> None:
    for engine in (world, empty):
        assert "Traceback" not in engine.messages()
        counted = engine.ask("GET", "/metrics").body.decode()
        assert 'sim_engine_requests_total{status="5' not in counted
