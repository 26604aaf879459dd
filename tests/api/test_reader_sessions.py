"""Browsers that sign in to look: a cookie that reads one world, for a while, from its own page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sim_economy.api import reader_sessions
from sim_economy.api.app import ROUTES, create_app
from sim_economy.api.authentication import CallerRole
from sim_economy.api.connection_limits import ConnectionLimits
from sim_economy.api.reader_sessions import COOKIE, ReaderSessions
from sim_economy.api.worlds import Worlds
from sim_economy.ledger.credentials.tokens import Credentials
from sim_economy.world.access import Access
from sim_economy.world.engine import Engine

OPERATOR = "operator's own"


class Lab:
    """An engine with tokens, a started world, and a browser."""

    def __init__(self, path: Path) -> None:
        self.engine = Engine.open(path, Access(tokens=True, admin_token=OPERATOR))
        self.browser = TestClient(create_app(Worlds(self.engine, ConnectionLimits())))
        started = self.as_operator("POST", "/init", {"config": {}, "agent_ids": ["ann", "bob"]})
        self.reader: str = started.json()["reader_token"]
        self.ann: str = started.json()["agent_tokens"]["ann"]

    def as_operator(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        program = TestClient(self.browser.app)
        return program.request(method, path, json=body, headers=headers)

    def sign_in(self, token: str, **headers: str) -> Any:
        return self.browser.post("/view/session", json={"token": token}, headers=headers)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "world.db")
    yield made
    made.engine.close()


def test_a_browser_signs_in_once_and_then_reads(lab: Lab) -> None:
    assert lab.browser.get("/view/overview").status_code == 401
    signed_in = lab.sign_in(lab.reader)
    assert signed_in.json() == {
        "asks_token": True,
        "holder": "reader",
        "seconds_left": reader_sessions.SESSION_SECONDS,
    }
    cookie = signed_in.headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert lab.reader not in cookie
    assert lab.browser.get("/view/overview").json()["turn"] == 0
    caller = lab.browser.get("/view/caller").json()
    assert (caller["holder"], caller["seconds_left"] > 0) == ("reader", True)


def test_a_cookie_reads_every_route_of_its_world_and_writes_by_none(lab: Lab) -> None:
    lab.sign_in(lab.reader)
    head = lab.engine.started().head
    for route in ROUTES:
        path = route.path.format(agent_id="ann", world_id="other", turn=0, contract_id=1)
        if path in {"/events", "/verification"} or route.path.startswith(("/worlds/", "/view/ses")):
            continue
        answer = lab.browser.request(route.method, path, json={} if route.body else None)
        if route.caller is CallerRole.ANYONE or (
            route.body is None and route.caller is not CallerRole.HOST
        ):
            assert answer.status_code not in {401, 403}, path
        else:
            assert answer.status_code in {401, 403}, path
        assert lab.engine.started().head == head, path


def test_a_session_of_the_operator_writes_nothing_either(lab: Lab) -> None:
    assert lab.sign_in(OPERATOR).json()["holder"] == "reader"
    assert lab.browser.get("/state").status_code == 200
    assert lab.browser.post("/turn", json={"inputs": []}).status_code == 401
    assert lab.browser.get("/worlds").status_code == 403
    assert lab.engine.started().turn_number == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_gets_nothing_out_of_a_cookie(
    lab: Lab, headers: dict[str, str]
) -> None:
    assert lab.sign_in(lab.reader, **headers).status_code == 403
    assert COOKIE not in lab.browser.cookies
    lab.sign_in(lab.reader)
    assert lab.browser.get("/state").status_code == 200
    assert lab.browser.get("/state", headers=headers).status_code == 401
    assert lab.browser.post("/view/session/end", json={}, headers=headers).status_code == 403
    assert lab.browser.get("/state").status_code == 200


@pytest.mark.parametrize("token", ["", "reader.guessed", "admin.guessed", "agent:ann.guessed", "ü"])
def test_a_token_that_is_not_known_starts_no_session(lab: Lab, token: str) -> None:
    refused = lab.sign_in(token)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "token_unknown")
    assert "set-cookie" not in refused.headers


def test_an_agents_token_shows_no_world(lab: Lab) -> None:
    assert lab.sign_in(lab.ann).status_code == 403


def test_a_session_ends_by_itself(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.sign_in(lab.reader)
    assert lab.browser.get("/state").status_code == 200
    monkeypatch.setattr(reader_sessions, "monotonic", lambda: 10.0**9)
    assert lab.browser.get("/state").status_code == 401
    assert lab.browser.get("/view/caller").json()["seconds_left"] is None


def test_who_signs_out_reads_no_more_even_with_the_old_cookie(lab: Lab) -> None:
    lab.sign_in(lab.reader)
    kept = lab.browser.cookies[COOKIE]
    lab.browser.post("/view/session/end", json={})
    assert COOKIE not in lab.browser.cookies
    lab.browser.cookies.set(COOKIE, kept)
    assert lab.browser.get("/state").status_code == 401


def test_a_new_reader_token_ends_the_one_before_and_its_sessions(lab: Lab) -> None:
    lab.sign_in(lab.reader)
    renewed = lab.as_operator("POST", "/reader-token", {}).json()["reader_token"]
    assert lab.browser.get("/state").status_code == 401
    bearer = {"Authorization": f"Bearer {lab.reader}"}
    assert lab.browser.get("/state", headers=bearer).status_code == 401
    bearer = {"Authorization": f"Bearer {renewed}"}
    assert lab.browser.get("/state", headers=bearer).status_code == 200
    lab.engine.close()
    lab.engine = Engine.open(lab.engine.location, Access(tokens=True, admin_token=OPERATOR))
    again = TestClient(create_app(Worlds(lab.engine, ConnectionLimits())))
    assert again.get("/state", headers=bearer).status_code == 200
    assert list(Path(lab.engine.location.sidecar).parent.glob("*.tokens.1")) == []


def test_a_reader_makes_no_token(lab: Lab) -> None:
    bearer = {"Authorization": f"Bearer {lab.reader}"}
    assert lab.browser.post("/reader-token", json={}, headers=bearer).status_code == 403


def test_a_session_of_one_world_reads_no_other(lab: Lab) -> None:
    assert lab.as_operator("POST", "/worlds/other/init", {"config": {}}).status_code == 200
    lab.sign_in(lab.reader)
    assert lab.browser.get("/state").status_code == 200
    assert lab.browser.get("/worlds/other/state").status_code == 401
    assert lab.browser.get("/worlds/other/view/caller").json()["holder"] is None
    assert [own["world_id"] for own in lab.browser.get("/view/catalogue").json()["worlds"]] == [""]
    signed_in = lab.browser.post("/worlds/other/view/session", json={"token": OPERATOR})
    assert signed_in.status_code == 200
    assert lab.browser.get("/worlds/other/state").status_code == 200
    assert lab.browser.get("/state").status_code == 200, "the first world's reading is kept"


def test_a_world_of_an_earlier_release_gets_a_reader(lab: Lab) -> None:
    path = Path(f"{lab.engine.location.sidecar}.tokens")
    kept = json.loads(path.read_text())
    del kept["holders"]["reader"]
    lab.engine.close()
    path.write_text(json.dumps(kept))
    lab.engine = Engine.open(lab.engine.location, Access(tokens=True, admin_token=OPERATOR))
    lab.browser = TestClient(create_app(Worlds(lab.engine, ConnectionLimits())))
    assert lab.sign_in(lab.reader).status_code == 401
    renewed = lab.as_operator("POST", "/reader-token", {}).json()["reader_token"]
    assert lab.sign_in(renewed).status_code == 200


def test_an_open_engine_needs_no_reader(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "open.db")
    client = TestClient(
        create_app(Worlds(engine, ConnectionLimits())), base_url="http://127.0.0.1:8000"
    )
    client.post("/init", json={"config": {}})
    assert client.post("/view/session", json={"token": "any"}).json()["asks_token"] is False
    refused = client.post("/reader-token", json={})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "reader_token")
    engine.close()


def test_sessions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_sessions, "_SESSIONS_MAX", 3)
    credentials, issued = Credentials.issue("genesis", ["ann"], None)
    sessions, access = ReaderSessions(), Access(tokens=True)
    cookies = [sessions.start(None, credentials, issued.reader_token) for _ in range(5)]
    holders = [sessions.holder(cookie, access, credentials) for cookie in cookies]
    assert holders == [None, None, "reader", "reader", "reader"]
    assert sessions.holder("guessed", access, credentials) is None
    assert sessions.holder(cookies[-1], access, None) is None
