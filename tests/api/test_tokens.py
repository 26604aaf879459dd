"""Who may do what: every route against every kind of caller, and what agents may not state."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sim_economy.api.app import ROUTES, create_app
from sim_economy.api.authentication import CallerRole
from sim_economy.api.connection_limits import ConnectionLimits
from sim_economy.api.route import Route
from sim_economy.api.worlds import Worlds
from sim_economy.core.errors import StoreError
from sim_economy.ledger.verify import verify
from sim_economy.world.access import Access
from sim_economy.world.engine import Engine
from sim_economy.world.replay import replay

MINE = {"action": {"action": "mine"}}


class House:
    """An engine with tokens, a world of two agents, and everybody's token."""

    def __init__(self, path: Path, config: dict[str, Any] | None = None) -> None:
        self.engine = Engine.open(path, Access(tokens=True))
        self.client = TestClient(create_app(Worlds(self.engine, ConnectionLimits())))
        started = self.client.post(
            "/init", json={"config": config or {}, "agent_ids": ["ann", "bob"]}
        ).json()
        self.started = started
        self.tokens = {
            "nobody": None,
            "stranger": "agent:ann.not-the-token",
            "ann": started["agent_tokens"]["ann"],
            "bob": started["agent_tokens"]["bob"],
            "admin": started["admin_token"],
            "reader": started["reader_token"],
        }

    def call(self, who: str, method: str, path: str, body: Any = None) -> Any:
        token = self.tokens[who]
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.client.request(method, path, json=body, headers=headers)

    def post(self, who: str, path: str, body: Any) -> Any:
        return self.call(who, "POST", path, body)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "world.db")
    yield made
    made.engine.close()


ALLOWED = {
    CallerRole.ANYONE: {"nobody", "stranger", "ann", "bob", "admin", "reader"},
    CallerRole.MEMBER: {"ann", "bob", "admin", "reader"},
    CallerRole.OWNER: {"ann", "admin"},
    CallerRole.ADMIN: {"admin"},
    CallerRole.HOST: {"admin"},
}


def may_call(who: str, route: Route) -> bool:
    """Whether a route is for somebody; a reader may see what the operator sees, of one world."""
    if who == "reader":
        reads = route.method == "GET" and route.caller is not CallerRole.HOST
        return reads or route.caller is CallerRole.ANYONE
    return who in ALLOWED[route.caller]


@pytest.mark.parametrize("who", ["nobody", "stranger", "ann", "bob", "admin", "reader"])
def test_every_route_is_open_to_whom_it_is_for_and_nobody_else(house: House, who: str) -> None:
    for route in ROUTES:
        path = route.path.format(agent_id="ann", world_id="{world_id}", turn=0, contract_id=1)
        if path in {"/events", "/verification", "/view/session"} or "{world_id}" in path:
            continue
        head = house.engine.started().head
        answer = house.call(who, route.method, path, None)
        refused = 401 if who in {"nobody", "stranger"} else 403
        if may_call(who, route):
            assert answer.status_code not in {401, 403}, path
        else:
            assert answer.status_code == refused, path
            assert house.engine.started().head == head
            assert house.engine.started().accepted() == []


def test_nobody_acts_for_somebody_else_and_nothing_is_written(house: House) -> None:
    assert house.post("ann", "/agents/bob/action", MINE).status_code == 403
    assert house.engine.started().accepted() == []


def test_an_agent_cannot_state_its_own_usage_and_the_operators_figure_is_billed(
    house: House,
) -> None:
    refused = house.post("ann", "/agents/ann/action", {**MINE, "output_units": 5})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "input_invalid")
    assert house.post("ann", "/agents/ann/action", MINE).json() == {
        "accepted": True,
        "turn": 1,
        "closed": False,
    }
    usage = {"ann": {"output_units": 150}, "bob": {"thinking_units": 600, "output_units": 70}}
    closed = house.post("admin", "/close", {"usage": usage}).json()["data"]
    assert closed["inference_fees_collected"] == 50 + 30
    assert closed["usage_source"] == "operator"
    assert house.engine.started().state.balances == [950, 970]


def test_a_full_house_waits_for_the_operators_figures(house: House) -> None:
    house.post("ann", "/agents/ann/action", MINE)
    answer = house.post("bob", "/agents/bob/action", MINE).json()
    assert answer["closed"] is False
    assert house.engine.started().turn_number == 0


def test_a_full_house_closes_the_turn_where_nobody_meters(tmp_path: Path) -> None:
    house = House(tmp_path / "w.db", {"usage_source": "fixed", "fixed_output_units": 130})
    house.post("ann", "/agents/ann/action", MINE)
    assert house.post("bob", "/agents/bob/action", MINE).json()["closed"] is True
    assert house.engine.started().state.balances == [970, 970]
    house.engine.close()


def test_an_agent_acts_once_a_turn_and_only_in_the_turn_it_means(house: House) -> None:
    stale = house.post("ann", "/agents/ann/action", {**MINE, "turn": 2})
    assert (stale.status_code, stale.json()["error"]["turn"]) == (409, 1)
    assert house.post("ann", "/agents/ann/action", {**MINE, "turn": 1}).status_code == 200
    again = house.post("ann", "/agents/ann/action", {**MINE, "turn": 1})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_submitted")
    house.post("admin", "/close", {})
    assert house.post("ann", "/agents/ann/action", {**MINE, "turn": 1}).status_code == 409
    assert house.post("ann", "/agents/ann/action", MINE).status_code == 200


def test_an_accepted_action_survives_a_restart(tmp_path: Path) -> None:
    house = House(tmp_path / "w.db")
    house.post("ann", "/agents/ann/action", {**MINE, "speech": "hello"})
    house.engine.close()
    again = Engine.open(tmp_path / "w.db", Access(tokens=True))
    assert [held.agent_id for held in again.started().accepted()] == ["ann"]
    client = TestClient(create_app(Worlds(again, ConnectionLimits())))
    admin = {"Authorization": f"Bearer {house.tokens['admin']}"}
    assert client.post("/close", headers=admin).json()["data"]["inputs"] == 1
    assert again.started().state.speech == ["hello", None]
    again.close()


def test_tokens_are_kept_as_hashes_that_only_the_owner_can_read(
    house: House, tmp_path: Path
) -> None:
    path = tmp_path / "world.db.tokens"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    held = path.read_text() + "".join(
        file.read_bytes().decode(errors="replace") for file in tmp_path.glob("world.db*")
    )
    for token in house.tokens.values():
        assert token is None or token.partition(".")[2] not in held


def test_without_its_tokens_a_world_is_not_served_with_tokens(house: House, tmp_path: Path) -> None:
    house.engine.close()
    (tmp_path / "world.db.tokens").unlink()
    with pytest.raises(StoreError) as caught:
        Engine.open(tmp_path / "world.db", Access(tokens=True))
    assert caught.value.code == "credentials_missing"


def test_only_the_operator_starts_a_world_where_the_token_was_set_before(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "w.db", Access(tokens=True, admin_token="the-operators"))
    client = TestClient(create_app(Worlds(engine, ConnectionLimits())))
    assert client.post("/init", json={}).status_code == 401
    admin = {"Authorization": "Bearer the-operators"}
    assert client.post("/init", json={}, headers=admin).json()["admin_token"] == "the-operators"
    assert client.get("/state", headers=admin).status_code == 200
    engine.close()


def test_the_secret_of_the_draws_is_committed_first_and_opened_last(house: House) -> None:
    before = house.call("ann", "GET", "/commitment").json()
    assert before == {"commitment": house.started["commitment"], "salt": None, "secret": None}
    secret = house.engine.config.secret
    assert len(secret) == 64
    shown = [
        house.client.get("/config").text,
        house.call("ann", "GET", "/agents/ann/observation").text,
        house.call("admin", "GET", "/state").text,
    ]
    assert not any(secret in text for text in shown)
    house.post("admin", "/close", {"ends": True})
    after = house.call("bob", "GET", "/commitment").json()
    assert after["secret"] == secret
    opened = sha256(f"{after['salt']}{after['secret']}".encode()).hexdigest()
    assert opened == before["commitment"]


def test_a_world_with_tokens_verifies_and_replays(house: House) -> None:
    for turn in range(1, 5):
        house.post("ann", "/agents/ann/action", {"action": {"action": "stake", "amount": turn}})
        house.post("bob", "/agents/bob/action", MINE)
        house.post("admin", "/close", {"usage": {"bob": {"output_units": 120}}})
    world = house.engine.started()
    assert verify(world.store).holds
    assert replay(world.store) == world.head


def test_usage_for_an_unknown_agent_is_the_operators_mistake(house: House) -> None:
    answer = house.post("admin", "/close", {"usage": {"eve": {"output_units": 1}}})
    assert answer.status_code == 422
    assert house.engine.started().turn_number == 0
