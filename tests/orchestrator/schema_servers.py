"""What each kind of server refuses of a schema, written from its own pages, not from our table.

A function gets a schema as it came over the wire and answers with the complaint of the server, or
None. The addresses of the pages are in `schema_dialects`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Part = dict[str, Any]


def parts(schema: Part, depth: int = 1) -> Iterator[tuple[Part, int]]:
    """Every schema within a schema, with how many objects and lists it is inside of."""
    yield schema, depth
    inner = depth + ("properties" in schema or "items" in schema)
    for own in [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]:
        yield from parts(own, inner)
    for own in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        yield from parts(own, inner if "items" in schema else depth)


def unknown_keyword(schema: Part, known: set[str]) -> str | None:
    """The complaint about a keyword that is not taken."""
    for part, _ in parts(schema):
        for keyword in part:
            if keyword not in known:
                return f"{keyword!r} is not permitted"
    return None


def loose_object(schema: Part) -> str | None:
    """The complaint about an object that takes other keys, or can lack some."""
    for part, _ in parts(schema):
        if part.get("type") != "object":
            continue
        if part.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and to be false"
        if sorted(part.get("required", [])) != sorted(part.get("properties", {})):
            return "'required' must have every key in properties"
    return None


def union_at_root(schema: Part) -> str | None:
    """The complaint about a root that is no object."""
    at_root = schema.get("type") != "object" or "anyOf" in schema or "oneOf" in schema
    return (
        "schema must have type 'object' and not have 'anyOf' at the top level" if at_root else None
    )


STRUCTURE: Final = {"type", "properties", "required", "additionalProperties", "items", "anyOf"}
COMMON: Final = {*STRUCTURE, "enum", "description", "$ref", "$defs"}
NUMBERS: Final = {"minimum", "maximum"}


def openai(schema: Part) -> str | None:
    """OpenAI, with `strict`: the page on supported schemas, and the error about first keys."""
    known = {*COMMON, *NUMBERS, "const", "pattern", "format", "multipleOf"}
    known |= {"exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"}
    complaint = union_at_root(schema) or unknown_keyword(schema, known) or loose_object(schema)
    if complaint:
        return complaint
    every = list(parts(schema))
    enums = [part["enum"] for part, _ in every if "enum" in part]
    names = [name for part, _ in every for name in part.get("properties", {})]
    if max(depth for _, depth in every) > 10:
        return "levels of nesting exceeds limit of 10"
    if len(names) > 5000:
        return "exceeds the limit of 5000 properties"
    if sum(map(len, enums)) > 1000:
        return "exceeds the limit of 1000 enum values"
    if any(len(own) > 250 and sum(len(str(value)) for value in own) > 15_000 for own in enums):
        return "enum string length exceeds 15000"
    texts = [*names, *schema.get("$defs", {}), *(str(value) for own in enums for value in own)]
    if sum(map(len, texts)) > 120_000:
        return "total string length exceeds 120000"
    return same_first_key(schema)


def same_first_key(schema: Part) -> str | None:
    """The complaint about objects of a union that begin alike."""
    for part, _ in parts(schema):
        firsts = []
        for own in part.get("anyOf", []):
            key, first = next(iter(own["properties"].items()))
            firsts += [(key, value) for value in first.get("enum", [first.get("const")])]
        if len(set(firsts)) < len(firsts):
            return "Objects provided via 'anyOf' must not share identical first keys"
    return None


def anthropic(schema: Part) -> str | None:
    """Anthropic, strict tools and structured outputs."""
    known = {*COMMON, "const", "format", "minItems"}
    complaint = unknown_keyword(schema, known)
    if complaint:
        return f"For this type, property {complaint}"
    for part, _ in parts(schema):
        if part.get("minItems", 0) > 1:
            return "minItems other than 0 or 1 is not supported"
        if part.get("type") == "object" and part.get("additionalProperties") is not False:
            return "additionalProperties must be explicitly set to false"
    every = [part for part, _ in parts(schema) if "properties" in part]
    optional = sum(len(part["properties"]) - len(part["required"]) for part in every)
    unions = sum("anyOf" in own for part in every for own in part["properties"].values())
    if optional > 24:
        return "too many optional parameters"
    return "too many parameters with union types" if unions > 16 else None


def google(schema: Part) -> str | None:
    """Google; the sum of `maxItems` and the sizes of enumerations are what users measured."""
    known = {*COMMON, *NUMBERS, "format", "title", "minItems", "maxItems", "prefixItems"}
    complaint = unknown_keyword(schema, known)
    if complaint:
        return f"INVALID_ARGUMENT: {complaint}"
    every = [part for part, _ in parts(schema)]
    if sum(part.get("maxItems", 0) for part in every) > 950:
        return "INVALID_ARGUMENT"
    values = sum(len(part.get("enum", [])) for part in every)
    return "too many states for serving" if values > 120 else None


def llama_cpp(schema: Part) -> str | None:
    """llama.cpp: what its converter cannot turn into a grammar, or skips silently."""
    known = {*COMMON, *NUMBERS, "const", "format", "pattern", "oneOf", "allOf"}
    known |= {"minLength", "maxLength", "minItems", "maxItems"}
    complaint = unknown_keyword(schema, known)
    if complaint:
        return f"unsupported and skipped: {complaint}"
    for part, _ in parts(schema):
        if "properties" in part and "anyOf" in part:
            return "properties cannot be mixed with anyOf"
        if "pattern" in part and not re.fullmatch(r"\^.*\$", part["pattern"]):
            return "Pattern must start with '^' and end with '$'"
        if any(part.get(bound, 0) >= 2000 for bound in ("maxLength", "minLength", "maxItems")):
            return "number of repetitions exceeds sane defaults"
    for own in schema.get("$defs", {}).values():
        if any("$ref" in part for part, _ in parts(own)):
            return "nested $refs are broken"
    return None


def vllm(schema: Part) -> str | None:
    """vLLM, with xgrammar: what the check before its grammar refuses."""
    for part, _ in parts(schema):
        if {"multipleOf", "uniqueItems", "contains", "minContains", "maxContains"} & part.keys():
            return "The provided JSON schema contains features not supported by xgrammar."
        bounded = {"minLength", "maxLength"} & part.keys()
        if bounded and {"pattern", "format"} & part.keys():
            return "The provided JSON schema contains features not supported by xgrammar."
    return None


def any_other(schema: Part) -> str | None:
    """A server that is known to take no more than what all of the others take."""
    known = {*COMMON, "minItems"} - {"$ref", "$defs"}
    return union_at_root(schema) or unknown_keyword(schema, known) or loose_object(schema)


SERVERS: Final[Mapping[str, Callable[[Part], str | None]]] = {
    "openai": openai,
    "anthropic": anthropic,
    "google": google,
    "llama.cpp": llama_cpp,
    "ollama": llama_cpp,
    "vllm": vllm,
    "openai-compatible": any_other,
}
