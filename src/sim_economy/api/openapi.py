"""The interface in OpenAPI 3.1; a test compares it with the routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from importlib.metadata import version
from typing import Any, Final, TypeAlias, get_type_hints

from sim_economy.agents.catalogue import SHIPPED
from sim_economy.api.connection_limits import ConnectionLimits
from sim_economy.core.actions import RECOGNISED
from sim_economy.core.contracts import Terms
from sim_economy.core.table_reader import Kind
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import HIDDEN, WorldConfig, parameters


def openapi(limits: ConnectionLimits) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, about, body, answer, errors, more in _everywhere():
        operation: dict[str, Any] = {
            "summary": about,
            "operationId": _operation_id(method, path),
            "responses": {"200": _answer(answer)}
            | {str(status): {"$ref": f"#/components/responses/{status}"} for status in errors},
        }
        parameters_ = [_PARAMETERS[name](limits) for name in more]
        if parameters_:
            operation["parameters"] = parameters_
        if body is not None:
            operation["requestBody"] = {
                "required": not path.endswith("/close"),
                "content": {"application/json": {"schema": _ref(body)}},
            }
        paths.setdefault(path, {})[method.lower()] = operation
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
        "components": {"schemas": _schemas(limits), "responses": _responses()},
    }


def _everywhere() -> Iterator[_Operation]:
    """Every operation; those of a world for the default one and for one by its name."""
    yield from _OF_WORLD
    for method, path, about, body, answer, errors, more in _OF_WORLD:
        there = f"/worlds/{{world_id}}{path}"
        unknown = tuple(sorted({*errors, 401, 403, 404, 503}))
        yield method, there, f"{about}, of a world", body, answer, unknown, ("world_id", *more)
    yield from _OF_ENGINE


def _operation_id(method: str, path: str) -> str:
    return method.lower() + re.sub(r"[^a-z]+", "_", path).rstrip("_")


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(name: str) -> dict[str, Any]:
    media, schema = _ANSWERS.get(name, ("application/json", _ref(name)))
    return {"description": "The answer", "content": {media: {"schema": schema}}}


_ANSWERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "events": ("text/event-stream", {"type": "string"}),
    "metrics": ("text/plain", {"type": "string"}),
    "object": ("application/json", {"type": "object"}),
}
_WHOLE: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": INPUT_LIMIT}
_TEXT: Final[dict[str, Any]] = {"type": ["string", "null"]}


def _query(name: str, low: int, high: int, about: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": about,
        "schema": {"type": "integer", "minimum": low, "maximum": high},
    }


_PARAMETERS: Final[dict[str, Any]] = {
    "after": lambda limits: _query("after", 0, 2**53, "Rows of later turns only."),
    "limit": lambda limits: _query("limit", 1, limits.page_rows, "About how many rows."),
    "from": lambda limits: _query("from", 0, 2**53, "First turn shown."),
    "to": lambda limits: _query("to", 0, 2**53, "Last turn shown."),
    "world_id": lambda limits: {
        "name": "world_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,39}$"},
    },
    "agent_id": lambda limits: {
        "name": "agent_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
    },
    "Idempotency-Key": lambda limits: {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key with the same body gets the stored answer.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "Last-Event-ID": lambda limits: {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The last turn seen.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,16}$"},
    },
}
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
    503: "The ledger cannot be written or read; nothing changed",
}
_BODY: Final = (400, 401, 403, 408, 409, 413, 422, 503)
_READ: Final = (401, 403, 409, 422, 503)
_PAGE: Final = ("after", "limit")
_Operation: TypeAlias = tuple[str, str, str, str | None, str, tuple[int, ...], tuple[str, ...]]
_OF_WORLD: Final[tuple[_Operation, ...]] = (
    ("GET", "/config", "Parameters without the seed", None, "Config", (422,), ()),
    ("POST", "/init", "Start the world", "Init", "object", _BODY, ()),
    ("GET", "/state", "Every agent's accounts", None, "State", _READ, ()),
    ("POST", "/turn", "Close a turn", "Turn", "Closed", _BODY, ("Idempotency-Key",)),
    (
        "POST",
        "/close",
        "Close a turn with what was submitted",
        "Close",
        "Closed",
        _BODY,
        ("Idempotency-Key",),
    ),
    (
        "POST",
        "/agents/{agent_id}/action",
        "Submit an agent's own action",
        "Submission",
        "object",
        _BODY,
        ("agent_id",),
    ),
    ("POST", "/run", "Play with a shipped policy until a turn", "Run", "Played", _BODY, ()),
    ("GET", "/genesis", "What the world is known by", None, "Genesis", _READ, ()),
    ("GET", "/series", "Figures of each turn", None, "Page", _READ, _PAGE),
    ("GET", "/commitment", "Commitment to the draws' secret", None, "object", _READ, ()),
    ("GET", "/head", "The end of the chain", None, "object", _READ, ()),
    ("GET", "/turns", "Turns, newest last", None, "Page", _READ, _PAGE),
    ("GET", "/blocks", "Blocks", None, "Page", _READ, _PAGE),
    ("GET", "/transactions", "Finalised transactions", None, "Page", _READ, _PAGE),
    ("GET", "/contracts", "What happened to contracts", None, "Page", _READ, _PAGE),
    ("GET", "/rejections", "Rejected inputs", None, "Page", _READ, _PAGE),
    ("GET", "/postings", "Every movement of tokens", None, "Page", _READ, _PAGE),
    (
        "GET",
        "/agents/{agent_id}/statement",
        "An agent's postings",
        None,
        "object",
        _READ,
        ("agent_id", "from", "to"),
    ),
    (
        "GET",
        "/agents/{agent_id}/observation",
        "What an agent may see",
        None,
        "object",
        _READ,
        ("agent_id",),
    ),
    ("GET", "/events", "Closed turns as they come", None, "events", _READ, ("Last-Event-ID",)),
    ("GET", "/verification", "Check the whole ledger", None, "object", _READ, ()),
    ("GET", "/ready", "Whether turns can be played", None, "object", _READ, ()),
    ("GET", "/metrics", "Figures for Prometheus", None, "metrics", (401, 403, 422), ()),
)
_OF_ENGINE: Final[tuple[_Operation, ...]] = (
    ("GET", "/worlds", "The names of the worlds", None, "Worlds", (401, 403, 422, 503), ()),
    ("GET", "/health", "Whether the process answers", None, "object", (422,), ()),
    ("GET", "/openapi.json", "This document", None, "object", (422,), ()),
)


def _responses() -> dict[str, Any]:
    schema = {"application/json": {"schema": _ref("Error")}}
    return {
        str(status): {"description": text, "content": schema} for status, text in _ERRORS.items()
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
    init = _object(
        {
            "config": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "preset": {"type": "string", "enum": ["as-run", "as-written"]},
                    **settings,
                },
            },
            "agent_ids": {
                "type": ["array", "null"],
                "uniqueItems": True,
                "items": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,64}$"},
            },
            "public_keys": {
                "type": ["object", "null"],
                "description": "Ed25519, by agent id; then every agent signs what it does.",
                "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            },
        }
    )
    return {
        "Config": {"type": "object", "properties": public, "required": list(public)},
        "Init": init,
        "Action": _action(),
        "Terms": _terms(),
        "Input": _object(
            {
                "agent_id": {"type": "string"},
                "action": _ref("Action"),
                "thinking_units": _WHOLE,
                "output_units": _WHOLE,
                "thinking": _TEXT,
                "speech": _TEXT,
                "signature": _SIGNATURE,
            },
            "agent_id",
            "action",
        ),
        "Turn": _object(
            {"inputs": {"type": "array", "items": _ref("Input")}, **_CLOSING}, "inputs"
        ),
        "Close": _object(
            {
                **_CLOSING,
                "usage": {
                    "type": "object",
                    "additionalProperties": _object(
                        {"thinking_units": _WHOLE, "output_units": _WHOLE}
                    ),
                },
            }
        ),
        "Submission": _object(
            {
                "action": _ref("Action"),
                "thinking_units": _WHOLE,
                "output_units": _WHOLE,
                "thinking": _TEXT,
                "speech": _TEXT,
                "turn": _CLOSING["turn"],
                "signature": _SIGNATURE,
            },
            "action",
        ),
        "Closed": {
            "type": "object",
            "required": ["data"],
            "properties": {"data": {"type": "object", "properties": {"turn": {"type": "integer"}}}},
        },
        "State": {
            "type": "object",
            "required": ["turn", "token_supply", "agents"],
            "properties": {
                "turn": {"type": "integer"},
                "token_supply": {"type": "integer"},
                "agents": {"type": "array", "items": {"type": "object"}},
            },
        },
        "Run": _object(
            {
                "config": init["properties"]["config"],
                "agent_ids": init["properties"]["agent_ids"],
                "policy": {"type": "string", "enum": list(SHIPPED)},
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
        "Played": {
            "type": "object",
            "required": ["data"],
            "properties": {
                "data": {
                    "type": "object",
                    "required": ["world_id", "metrics", "state"],
                    "properties": {"state": _ref("State"), "metrics": {"type": "object"}},
                }
            },
        },
        "Genesis": {
            "type": "object",
            "required": ["world_id", "genesis", "rules_version", "agent_ids"],
            "properties": {
                "world_id": {"type": "string"},
                "genesis": {"type": "string"},
                "public_keys": {"type": ["object", "null"]},
                "engine_key": _TEXT,
            },
        },
        "Worlds": {
            "type": "object",
            "required": ["worlds"],
            "properties": {"worlds": {"type": "array", "items": {"type": "string"}}},
        },
        "Page": {
            "type": "object",
            "required": ["rows", "next"],
            "properties": {
                "rows": {"type": "array", "items": {"type": "object"}},
                "next": {"type": ["integer", "null"]},
            },
        },
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                }
            },
        },
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
        "properties": {"action": {"type": "string", "examples": list(RECOGNISED)}, **arguments},
    }


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
