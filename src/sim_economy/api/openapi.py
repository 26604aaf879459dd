"""The interface in OpenAPI 3.1, from the routes and the types of their answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from importlib.metadata import version
from typing import Any, Final, get_type_hints

from msgspec import Struct
from msgspec.json import schema_components

from sim_economy.agents.catalogue import SHIPPED as POLICIES
from sim_economy.api.authentication import CallerRole
from sim_economy.api.connection_limits import ConnectionLimits
from sim_economy.api.reader_sessions import COOKIE
from sim_economy.api.route import JSON, Route
from sim_economy.client.answers import ErrorAnswer
from sim_economy.core.actions import RECOGNISED
from sim_economy.core.contracts import ContractKind, Stage, Terms
from sim_economy.core.governance_config import RULES, GovernanceConfig
from sim_economy.core.income_config import IncomeConfig
from sim_economy.core.needs import NeedSide
from sim_economy.core.shock_config import FACTORS, ONE_OFF
from sim_economy.core.table_reader import Kind, Parameter, described_parameters
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import HIDDEN, WorldConfig, parameters, shockable
from sim_economy.ledger.credentials.tokens import READER
from sim_economy.scenarios.scenario import SHIPPED
from sim_economy.viewer.history.balance_history import BUCKETS_MAX
from sim_economy.viewer.pages.agent_answers import ORDERS
from sim_economy.viewer.pages.event_rows import KINDS as EVENT_KINDS


def openapi(routes: Sequence[Route], limits: ConnectionLimits) -> dict[str, Any]:
    """The whole document."""
    types = [ErrorAnswer, *(route.answer for route in routes)]
    (error, *answers), schemas = schema_components(types, ref_template=_REFERENCE)
    known = _parameters(limits)
    paths: dict[str, dict[str, Any]] = {}
    for route, answer in zip(routes, answers, strict=True):
        operation = _operation(route, answer, known)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sim-engine",
            "version": version("sim-economy"),
            "description": "The authoritative engine of one economy. A rule's refusal is part of a "
            "200 answer; a caller's mistake is a 4xx with a stable code.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(limits) | schemas,
            "responses": {str(status): _response(_ERRORS[status], error) for status in _ERRORS},
            "securitySchemes": _SCHEMES,
        },
    }


def _operation(route: Route, answer: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    schema = answer if route.media_type == JSON else {"type": "string"}
    operation: dict[str, Any] = {
        "summary": route.summary,
        "description": _callers(route),
        "security": _security(route),
        "operationId": route.method.lower() + re.sub(r"[^a-z]+", "_", route.path).rstrip("_"),
        "responses": {"200": _response("The answer", schema, route.media_type)}
        | {str(status): {"$ref": f"#/components/responses/{status}"} for status in route.errors},
    }
    names = (*re.findall(r"{\w+}", route.path), *route.query, *route.headers)
    if names:
        operation["parameters"] = [known[name] for name in names]
    if route.body is not None:
        operation["requestBody"] = {
            "required": route.body not in {"Close", "Nothing"},
            "content": {JSON: {"schema": _ref(route.body)}},
        }
    return operation


_CALLERS: Final[Mapping[CallerRole, str]] = {
    CallerRole.ANYONE: "Anyone may call it, without a token.",
    CallerRole.MEMBER: "For any agent of the world, and for its operator",
    CallerRole.OWNER: "For the agent that the path names, and for the world's operator",
    CallerRole.ADMIN: "For the world's operator",
    CallerRole.HOST: "For the operator of the engine",
}
"""Who may call a route, where tokens are asked for."""
_HOLDERS: Final[Mapping[CallerRole, tuple[str, ...]]] = {
    CallerRole.ANYONE: (),
    CallerRole.MEMBER: ("admin", "agent"),
    CallerRole.OWNER: ("admin", "agent"),
    CallerRole.ADMIN: ("admin",),
    CallerRole.HOST: ("admin",),
}
_SCHEMES: Final[dict[str, Any]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of the world, where the engine asks for tokens.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "What a browser got for a reader's token: good for reading alone.",
    },
}


def _callers(route: Route) -> str:
    """Who may call a route, in a sentence."""
    if route.caller is CallerRole.ANYONE:
        return _CALLERS[route.caller]
    return f"{_CALLERS[route.caller]}{'; readers may, too' if _is_read(route) else ''}."


def _is_read(route: Route) -> bool:
    """Test whether a reader's token opens a route."""
    return route.body is None and route.caller is not CallerRole.HOST


def _security(route: Route) -> list[dict[str, Any]]:
    """The tokens that open a route, and none: an engine may ask for no tokens."""
    holders = [*_HOLDERS[route.caller]]
    if not holders:
        return []
    if _is_read(route):
        return [{"token": [*holders, READER]}, {"session": []}, {}]
    return [{"token": holders}, {}]


def _response(description: str, schema: dict[str, Any], media_type: str = JSON) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema}}}


_REFERENCE: Final = "#/components/schemas/{name}"


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REFERENCE.format(name=name)}


_WHOLE: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": INPUT_LIMIT}
_TEXT: Final[dict[str, Any]] = {"type": ["string", "null"]}
_UNITS: Final = {"thinking_units": _WHOLE, "output_units": _WHOLE}


_KINDS: Final = ("", *ContractKind, *EVENT_KINDS)


def _parameters(limits: ConnectionLimits) -> dict[str, dict[str, Any]]:
    """What a call takes in its path, its query and its headers, by name."""

    def whole(name: str, low: int, high: int, about: str) -> dict[str, Any]:
        schema = {"type": "integer", "minimum": low, "maximum": high}
        return {"name": name, "in": "query", "description": about, "schema": schema}

    def text(name: str, where: str, about: str, **schema: object) -> dict[str, Any]:
        schema = {"type": "string", **schema}
        return {"name": name, "in": where, "description": about, "schema": schema}

    def in_path(name: str, **schema: object) -> dict[str, Any]:
        return {"name": name, "in": "path", "required": True, "schema": schema}

    number = {"type": "integer", "minimum": 0, "maximum": 2**53}

    same = "The same key with the same body gets the stored answer."
    stated = (
        whole("after", 0, 2**53, "Rows of later turns only."),
        whole("limit", 1, limits.page_rows, "About how many rows."),
        whole("from", 0, 2**53, "First turn shown."),
        whole("to", 0, 2**53, "Last turn shown."),
        in_path("world_id", type="string", pattern="^[a-z0-9][a-z0-9_-]{0,39}$"),
        in_path("agent_id", type="string"),
        in_path("turn", **number),
        in_path("contract_id", **number),
        whole("before", 0, 2**53, "Rows of earlier turns only."),
        whole("skip", 0, 2**53, "Without the first ones of the newest turn before that."),
        whole("points", 2, BUCKETS_MAX, "At most so many buckets of turns."),
        whole("turn", 0, 2**53, "The turn of the head that was kept."),
        text("head", "query", "A head that was kept earlier.", pattern="^([0-9a-fA-F]{64})?$"),
        text("agents", "query", "Ids with commas between, at most 20."),
        text("agent", "query", "Only what concerns this agent."),
        text("search", "query", "Only ids with this in them."),
        text("reason", "query", "Only postings for this reason."),
        text("q", "query", "An id, a number, the beginning of a hash, or words that were said."),
        *(
            {**text(name, "query", about), "schema": {"type": "string", "enum": [*choices]}}
            for name, about, choices in (
                ("order", "How they are sorted.", ORDERS),
                ("insolvent", "Only who is, or is not.", ("", "yes", "no")),
                ("out", "Only who is out of tokens, or is not.", ("", "yes", "no")),
                ("stage", "Only contracts that have come so far.", ("", "open", *Stage)),
                ("kind", "Only this kind, of contracts or of events.", _KINDS),
            )
        ),
        text("Idempotency-Key", "header", same, minLength=1, maxLength=255),
        text("Last-Event-ID", "header", "The last turn seen.", pattern="^[0-9]{1,16}$"),
    )
    return {f"{{{own['name']}}}" if own["in"] == "path" else own["name"]: own for own in stated}


_ERRORS: Final = {
    401: "No token that is known (where tokens are asked for)",
    403: "Another's token (where tokens are asked for)",
    400: "No JSON, or not the JSON this call takes",
    404: "No such path, or no such world",
    405: "Another method",
    408: "The body took too long",
    409: "Not now: no world, one already, another turn open, or the run has ended",
    413: "The body is too large",
    422: "Well-formed, but a value in it cannot be; `field` names it",
    429: "Too many requests of this caller wait already",
    503: "The ledger cannot be written or read; nothing changed",
}


def _parameter_schema(kind: Kind, low: int, high: int, choices: list[str]) -> dict[str, Any]:
    match kind:
        case Kind.COUNT:
            return {"type": "integer", "minimum": low, "maximum": high}
        case Kind.KEY:
            return {"type": "string", "pattern": "^(([0-9a-f]{2}){16,64})?$"}
        case Kind.FLAG:
            return {"type": "boolean"}
        case Kind.VARIANT:
            return {"type": "string", "enum": choices}
        case Kind.RATE:
            return {"type": "number", "minimum": 0, "maximum": 1}
        case Kind.WEIGHT | Kind.PRICE:
            return {"type": "number", "minimum": 0, "maximum": 1_000_000}
        case _:
            raise AssertionError(kind)


def _rule_tables() -> dict[str, Any]:
    """The tables of rules that are off where they are missing."""
    income = {
        name: {**_rule_schema(parameter, field.default), "description": parameter.meaning}
        for name, (parameter, field) in described_parameters(IncomeConfig).items()
    }
    owners = {"type": "object", "additionalProperties": _count(1)}
    return {
        "income": {
            "type": "object",
            "additionalProperties": False,
            "properties": income,
            "description": "what agents are granted, and when",
        },
        "cores": {**_object({"owners": owners}, "owners"), "description": "who owns core shares"},
        "governance": {**_described_table(GovernanceConfig), "description": "interventions"},
    }


def _described_table(table: type[Struct]) -> dict[str, Any]:
    """The schema of a table of rules, with those of the tables in it."""
    properties: dict[str, Any] = {}
    required = []
    for name, (parameter, field) in described_parameters(table).items():
        if name in RULES:
            schema = _described_table(RULES[name])
        elif name == "shocks":
            schema = {"type": "array", "items": _shock()}
        else:
            schema = _rule_schema(parameter, field.default)
        properties[name] = {**schema, "description": parameter.meaning}
        required += [name] if field.required else []
    return _object(properties, *required)


def _shock() -> dict[str, Any]:
    """The schema of a shock, whatever its target."""
    targets = [*FACTORS, *sorted(ONE_OFF), *shockable()]
    return _object(
        {
            "turn": _count(1),
            "until": _count(1),
            "target": {"type": "string", "enum": targets},
            "factor": _parameter_schema(Kind.WEIGHT, 0, 0, []),
            "value": {"type": ["number", "boolean"]},
            "agents": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "tokens": _count(1),
        },
        "turn",
        "target",
    )


def _rule_schema(parameter: Parameter, default: object) -> dict[str, Any]:
    match parameter.kind:
        case Kind.BY_NAME:
            return {"type": "object", "additionalProperties": _count(parameter.low)}
        case Kind.COUNTS:
            return {"type": "array", "uniqueItems": True, "items": _count(parameter.low)}
        case Kind.TABLES:
            given = {name: _count(1) for name in ("turn", "tokens")}
            agent = {"agent": {"type": "string"}}
            return {"type": "array", "items": _object({**given, **agent}, *given, *agent)}
        case _:
            choices = [str(choice) for choice in type(default)] if isinstance(default, Enum) else []
            return _parameter_schema(parameter.kind, parameter.low, parameter.high, choices)


def _count(low: int) -> dict[str, Any]:
    return _parameter_schema(Kind.COUNT, low, INPUT_LIMIT, [])


def _schemas(limits: ConnectionLimits) -> dict[str, Any]:
    defaults = WorldConfig()
    settings = {}
    for name, parameter in parameters().items():
        default = getattr(defaults, name)
        choices = [str(choice) for choice in type(default)] if isinstance(default, Enum) else []
        settings[name] = {
            **_parameter_schema(parameter.kind, parameter.low, parameter.high, choices),
            "description": parameter.meaning,
        }
    public = {name: schema for name, schema in settings.items() if name not in HIDDEN}
    started = {
        "config": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "preset": {"type": "string", "enum": ["as-run", "as-written"]},
                **settings,
                **_rule_tables(),
            },
        },
        "agent_ids": {
            "type": ["array", "null"],
            "uniqueItems": True,
            "items": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,64}$"},
        },
    }
    shipped = {
        name: {"type": ["string", "null"], "enum": [*SHIPPED, None]}
        for name in ("scenario", "population")
    }
    acted = {"action": _ref("Action"), **_UNITS, "thinking": _TEXT, "speech": _TEXT}
    acted["needs"] = {"type": "array", "items": _ref("Need"), "maxItems": 10}
    return {
        "Config": {
            "type": "object",
            "properties": {**public, **_rule_tables()},
            "required": list(public),
        },
        "Init": _object(
            {
                **started,
                **shipped,
                "public_keys": {
                    "type": ["object", "null"],
                    "description": "Ed25519, by agent id; then every agent signs what it does.",
                    "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                },
            }
        ),
        "Action": _action(),
        "Terms": _terms(),
        "Need": _need(),
        "Input": _object(
            {"agent_id": {"type": "string"}, **acted, "signature": _SIGNATURE},
            "agent_id",
            "action",
        ),
        "Turn": _object(
            {"inputs": {"type": "array", "items": _ref("Input")}, **_CLOSING}, "inputs"
        ),
        "Close": _object(
            {
                **_CLOSING,
                "usage": {"type": "object", "additionalProperties": _object(_UNITS)},
                "without": {"type": "array", "items": {"type": "string"}},
            }
        ),
        "Submission": _object(
            {**acted, "turn": _CLOSING["turn"], "signature": _SIGNATURE}, "action"
        ),
        "SignIn": _object({"token": {"type": "string"}}, "token"),
        "Nothing": _object({}),
        "Run": _object(
            {
                **started,
                **shipped,
                "policy": {"type": "string", "enum": list(POLICIES)},
                "usage": {
                    "type": "object",
                    "required": ["source"],
                    "properties": {
                        "source": {"type": "string", "enum": ["published", "distribution"]}
                    },
                },
                "turns": {"type": "integer", "minimum": 1, "maximum": limits.run_agent_turns},
                "ends": {"type": "boolean"},
            }
        ),
    }


_SIGNATURE: Final[dict[str, Any]] = {
    "type": ["string", "null"],
    "pattern": "^[0-9a-f]{128}$",
    "description": "Ed25519 over what docs/spec/ledger.md says, in a world whose agents sign.",
}
_CLOSING: Final[dict[str, Any]] = {
    "turn": {"type": ["integer", "null"], "minimum": 1, "maximum": 2**53},
    "ends": {"type": "boolean"},
}


_AMOUNT: Final[dict[str, Any]] = {
    "type": ["integer", "null"],
    "minimum": -INPUT_LIMIT,
    "maximum": INPUT_LIMIT,
}
_ARGUMENTS: Final[dict[Any, dict[str, Any]]] = {
    int: {**_AMOUNT, "type": "integer"},
    int | None: _AMOUNT,
    str | None: _TEXT,
    int | tuple[int, ...] | None: {"anyOf": [_AMOUNT, {"type": "array", "items": _AMOUNT}]},
    Terms: {"$ref": "#/components/schemas/Terms"},
}
"""The schema of an argument, by its type."""


def _action() -> dict[str, Any]:
    arguments = {
        name: _ARGUMENTS[hint]
        for kind in RECOGNISED.values()
        for name, hint in get_type_hints(kind).items()
        if name in kind.__struct_fields__
    }
    return {
        "type": "object",
        "required": ["action"],
        "description": "Which other fields an action takes depends on its name.",
        "properties": {"action": {"type": "string", "examples": list(RECOGNISED)}},
        "anyOf": [
            {"properties": {"action": {"enum": list(RECOGNISED)}, **arguments}},
            {"properties": {"action": {"not": {"enum": list(RECOGNISED)}}}},
        ],
    }


def _need() -> dict[str, Any]:
    """The schema of a need, in a world that matches contracts."""
    properties = {
        "kind": {"type": "string", "enum": [str(kind) for kind in ContractKind]},
        "side": {"type": "string", "enum": [str(side) for side in NeedSide]},
        "amount": _count(1),
        "limit_price": _count(0),
    }
    return _object(properties, *properties)


def _terms() -> dict[str, Any]:
    hints = get_type_hints(Terms)
    return _object({name: _ARGUMENTS[hints[name]] for name in Terms.__struct_fields__})


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
    }
