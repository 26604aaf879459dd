"""What comes over the wire is what the types of answers say, for every route there is."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec
import pytest
from openapi_spec_validator import validate

from sim_economy.api.app import ROUTES
from sim_economy.api.error_responses import error_body
from sim_economy.api.route import Route
from sim_economy.client import answers
from sim_economy.core.codec import canonical
from sim_economy.core.errors import SignatureError
from sim_economy.core.world_config import config_values
from sim_economy.ledger.records import read_record
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import load_scenario
from tests.api.wire_client import EngineProcess, Reply

TOKEN: Final = "operator"
TURNS: Final = 40
WORLD: Final = "/worlds/{world_id}"
Call: TypeAlias = tuple[str, str]
Answers: TypeAlias = Mapping[Call, list[Any]]

OWN: Final = "/agents/{agent_id}"
CASES: Final[dict[Call, Any]] = {
    ("POST", "/init"): None,
    ("POST", "/turn"): None,
    ("POST", f"{OWN}/action"): {"action": {"action": "mine"}},
    ("POST", "/close"): {},
    ("POST", "/run"): {"turns": TURNS + 6},
    ("GET", f"{OWN}/observation"): "",
    ("GET", f"{OWN}/statement"): "",
    ("GET", "/config"): "",
    ("GET", "/state"): "",
    ("GET", "/commitment"): "",
    ("GET", "/genesis"): "",
    ("GET", "/head"): "",
    ("GET", "/series"): "?limit=1000",
    ("GET", "/turns"): "?limit=1000",
    ("GET", "/blocks"): "?limit=1000",
    ("GET", "/transactions"): "?limit=1000",
    ("GET", "/contracts"): "?limit=1000",
    ("GET", "/rejections"): "?limit=1000",
    ("GET", "/postings"): "?limit=1000",
    ("GET", "/events"): "",
    ("GET", "/verification"): "",
    ("GET", "/ready"): "",
    ("GET", "/metrics"): "",
    ("POST", "/reader-token"): {},
    ("GET", "/view/overview"): "",
    ("GET", "/view/balances"): "?points=16",
    ("GET", "/view/agents"): "?order=insolvency",
    ("GET", f"/view{OWN}"): "",
    ("GET", f"/view{OWN}/statement"): "",
    ("GET", f"/view{OWN}/decisions"): "?limit=5",
    ("GET", f"/view{OWN}/decisions/{{turn}}"): "",
    ("GET", "/view/turns/{turn}"): "",
    ("GET", "/view/turns/{turn}/postings"): "",
    ("GET", "/view/contracts"): "?stage=settled",
    ("GET", "/view/contracts/{contract_id}"): "",
    ("GET", "/view/events"): "?limit=1000",
    ("GET", "/view/chain"): "",
    ("GET", "/view/verification"): "",
    ("GET", "/view/verification/progress"): "",
    ("GET", "/view/search"): "?q=agent",
    ("GET", "/view/caller"): "",
    ("POST", "/view/session"): {"token": TOKEN},
    ("GET", "/view/catalogue"): "",
    ("POST", "/view/session/end"): {},
    ("GET", "/worlds"): "",
    ("GET", "/health"): "",
    ("GET", "/openapi.json"): "",
}
"""What each call is sent, in order: a body, or a query; None where the played world says it."""


class Operator:
    """Calls an engine and keeps every answer by its route."""

    def __init__(self, engine: EngineProcess, prefix: str) -> None:
        self.engine = engine
        self.prefix = prefix
        self.kept: defaultdict[Call, list[Any]] = defaultdict(list)

    def call(self, method: str, path: str, sent: Any = "", agent_id: str = "") -> Any:
        """One call of the world, and its answer."""
        url = (self.prefix if (method, WORLD + path) in KNOWN else "") + path
        url = url.format(world_id="beside", agent_id=agent_id, turn=5, contract_id=1)
        body = json.dumps(sent).encode() if method == "POST" else None
        headers = {"Authorization": f"Bearer {TOKEN}"}
        if path == "/events":
            answer = self._event(url, headers)
        else:
            reply = self.engine.ask(method, url if body else url + sent, body, **headers)
            assert reply.status == 200, (method, url, reply.body)
            answer = reply.body.decode() if path == "/metrics" else reply.json
        self.kept[method, path].append(answer)
        return answer

    def _event(self, url: str, headers: dict[str, str]) -> Any:
        with self.engine.connection() as connection:
            connection.request("GET", url, headers={**headers, "Last-Event-ID": "0"})
            lines = iter(connection.getresponse().readline, b"")
            return next(json.loads(line[6:]) for line in lines if line.startswith(b"data: "))


KNOWN: Final = {(route.method, route.path): route for route in ROUTES}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    folder = tmp_path_factory.mktemp("engine")
    ledger = folder / "world.db"
    with EngineProcess(ledger, SIM_ENGINE_AUTH="tokens", SIM_ENGINE_ADMIN_TOKEN=TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def kept(engine: EngineProcess) -> dict[str, Answers]:
    """Answers of a market with contracts of every kind, of the default world and of another."""
    store = MemoryStore()
    scenario = load_scenario("market", {"turns": TURNS})
    play_run(scenario, 1, store)
    config = scenario.config_of_run(1)
    turns = [read_record(stored.line).inputs for stored in store.read(1)]
    found: dict[str, Answers] = {}
    for prefix in ("", WORLD):
        operator = Operator(engine, prefix)
        values = json.loads(canonical(config_values(config, seed=True)))
        operator.call("POST", "/init", {"config": values, "agent_ids": config.agent_ids})
        for number, inputs in enumerate(turns, 1):
            operator.call("POST", "/turn", {"inputs": [sent_again(one) for one in inputs]})
            if number % 4 == 0:
                for agent_id in config.agent_ids:
                    operator.call("GET", f"{OWN}/observation", agent_id=agent_id)
        first, second, *_ = config.agent_ids
        transfer = {"action": "transfer", "to": second, "amount": 1, "fee": 1}
        operator.call("POST", "/turn", {"inputs": [{"agent_id": first, "action": transfer}]})
        for (method, path), sent in CASES.items():
            if sent is not None:
                operator.call(method, path, sent, first)
        found[prefix] = operator.kept
    with_income(engine, found[""])
    with_interventions(engine, found[""])
    return found


def with_income(engine: EngineProcess, kept: Answers) -> None:
    """Add answers of a world whose one agent has an income and uses more than it can pay."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    income = {"allowance": 5, "period_turns": 3, "when_empty": "clip"}
    asked = {"agent_id": "agent_0", "action": {"action": "idle"}, "output_units": 2000}
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/init", {"config": {"num_agents": 1, "income": income}}),
        ("POST", "/turn", {"inputs": [asked]}),
        ("GET", f"{OWN}/observation", None),
        ("GET", "/config", None),
        ("GET", "/turns", None),
        ("GET", "/series", None),
    ]
    for method, path, sent in calls:
        body = json.dumps(sent).encode() if sent else None
        url = f"/worlds/income{path}".format(agent_id="agent_0")
        reply = engine.ask(method, url, body, **headers)
        assert reply.status == 200, (url, reply.body)
        kept[method, path].append(reply.json)


def with_interventions(engine: EngineProcess, kept: Answers) -> None:
    """Add answers of a world in which every intervention does something."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    rules: dict[str, Any] = {
        "fee_cap": {"cap_ratio": 100},
        "debt_rails": {"debt_cap": 0},
        "reinvestment_rebate": {},
        "contract_matching": {},
        "shocks": [{"turn": 1, "target": "loss", "agents": ["agent_0"], "tokens": 2000}],
        "concentration_monitor": {"gini_max": 0, "from_turn": 1, "response": "relief"},
    }
    turn = [
        {"agent_id": "agent_0", "action": {"action": "idle"}, "output_units": 9000},
        {"agent_id": "agent_1", "action": {"action": "job"}, "output_units": 2000},
    ]
    bonus = [
        {"agent_id": "agent_0", "action": {"action": "job"}},
        {"agent_id": "agent_1", "action": {"action": "study"}},
    ]
    needs = [{"kind": "service", "side": "seek", "amount": 1, "limit_price": 9}]
    halved = [
        {"agent_id": "agent_0", "action": {"action": "idle"}, "output_units": 500, "needs": needs},
        {
            "agent_id": "agent_1",
            "action": {"action": "idle"},
            "needs": [{**needs[0], "side": "offer"}],
        },
    ]
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/init", {"config": {"num_agents": 2, "governance": rules}}),
        ("POST", "/turn", {"inputs": turn}),
        ("POST", "/turn", {"inputs": bonus}),
        ("POST", "/turn", {"inputs": halved}),
        ("GET", f"{OWN}/observation", None),
        ("GET", "/config", None),
        ("GET", "/turns", None),
    ]
    for method, path, sent in calls:
        body = json.dumps(sent).encode() if sent else None
        url = f"/worlds/governed{path}".format(agent_id="agent_0")
        reply = engine.ask(method, url, body, **headers)
        assert reply.status == 200, (url, reply.body)
        kept[method, path].append(reply.json)


def answers_to(route: Route, kept: Mapping[str, Answers]) -> list[Any]:
    prefix = WORLD if route.path.startswith(f"{WORLD}/") else ""
    found: list[Any] = kept[prefix][route.method, route.path.removeprefix(prefix)]
    return found


def sent_again(recorded: msgspec.Raw) -> dict[str, Any]:
    """A recorded input; who confirms a delivery confirms one of no contract too."""
    sent: dict[str, Any] = json.loads(bytes(recorded))
    if sent["action"]["action"] == "confirm_delivery":
        named = sent["action"]["contract_id"]
        sent["action"]["contract_id"] = [*(named if isinstance(named, list) else [named]), 10**9]
    return sent


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_answers_by_its_type(route: Route, kept: Mapping[str, Answers]) -> None:
    prefix = WORLD if route.path.startswith(f"{WORLD}/") else ""
    found = kept[prefix][route.method, route.path.removeprefix(prefix)]
    assert found
    for answer in found:
        assert as_typed(answer, route.answer) == answer


def as_typed(answer: Any, kind: Any) -> Any:
    """An answer read by its type, which drops what the type does not name."""
    return json.loads(msgspec.json.encode(msgspec.convert(answer, kind, strict=True)))


def test_an_answer_of_another_type_would_be_seen() -> None:
    head = {"turn": 1, "state_digest": "a", "hash": "b", "block_hash": "c"}
    page = answers.PageAnswer[answers.HeadAnswer]
    assert as_typed(head, answers.HeadAnswer) == head
    assert as_typed({"rows": [{**head, "more": 1}], "next": None}, page)["rows"] == [head]
    for wrong in ({**head, "turn": "1"}, {**head, "hash": None}, {"turn": 1}):
        with pytest.raises(msgspec.ValidationError):
            as_typed({"rows": [wrong], "next": None}, page)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in an answer."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from objects(inner)


# The description


@pytest.fixture(scope="module")
def described(kept: Mapping[str, Answers]) -> dict[str, Any]:
    (found,) = kept[""]["GET", "/openapi.json"]
    validate(found)
    assert isinstance(found, dict)
    return found


def test_every_answer_is_described_by_its_fields(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    vague = []
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            ((media_type, content),) = operation["responses"]["200"]["content"].items()
            name = content["schema"].get("$ref", "").rpartition("/")[2]
            if media_type == "application/json" and not schemas.get(name, {}).get("properties"):
                vague.append(f"{method} {path}")
    assert vague == []


def test_answers_stay_open_to_further_fields(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    closed = [name for name in schemas if schemas[name].get("additionalProperties") is False]
    assert [name for name in closed if "Answer" in name] == []


def test_a_page_is_described_with_its_rows(described: dict[str, Any]) -> None:
    page = described["components"]["schemas"]["PageAnswer_PostingAnswer_"]["properties"]
    row = described["components"]["schemas"]["PostingAnswer"]["properties"]
    assert page["rows"]["items"] == {"$ref": "#/components/schemas/PostingAnswer"}
    assert row["source"] == row["target"] == {"type": "string"}


def test_every_optional_field_comes_at_times(
    engine: EngineProcess, kept: Mapping[str, Answers], described: dict[str, Any]
) -> None:
    refused = [refusal.json for refusal in refusals(engine)]
    for refusal in refused:
        assert as_typed(refusal, answers.ErrorAnswer) == refusal
    text = {("GET", "/metrics"), ("GET", "/openapi.json")}
    live = [found for call, found in kept[""].items() if call not in text]
    seen = {frozenset(one) for one in objects([*live, refused])}
    absent, optional = [], 0
    for name, schema in described["components"]["schemas"].items():
        if "Answer" in name:
            required = set(schema["required"])
            for field in schema["properties"].keys() - required:
                optional += 1
                if not any(required | {field} <= fields for fields in seen):
                    absent.append(f"{name}.{field}")
    assert absent == []
    assert optional > 20


def refusals(engine: EngineProcess) -> Iterator[Reply]:
    """One refusal of each shape."""
    operator: dict[str, Any] = {"Authorization": f"Bearer {TOKEN}"}
    yield engine.ask("GET", "/head")
    yield engine.ask("GET", "/head?more=1", **operator)
    yield engine.ask("POST", "/turn", b'{"inputs": [], "turn": 1}', **operator)
    yield engine.ask("POST", "/worlds/third/init", b'{"config": {"num_cores": 0}}', **operator)
    yield Reply(403, {}, error_body(SignatureError(1, 2)))
