"""The one strict door between JSON and values: inputs in, canonical text out.

What comes in is refused rather than repaired, and a refusal names the field without repeating
what stood in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, NoReturn, get_type_hints

import msgspec
from msgspec import Struct, ValidationError, convert
from msgspec.structs import asdict

from sim_economy.core.actions import (
    RECOGNISED,
    Action,
    Cut,
    Input,
    ProposeContract,
    Unrecognised,
)
from sim_economy.core.contracts import ContractKind, Terms
from sim_economy.core.errors import InputError
from sim_economy.core.needs import Need, NeedSide
from sim_economy.core.table_reader import NumberText, read_choice
from sim_economy.core.units import INPUT_LIMIT

canonical: Any = msgspec.json.Encoder(decimal_format="number").encode
"""Canonical JSON of the project's own values: field order fixed, no blanks, UTF-8."""


def parse_json(text: bytes | str) -> Any:
    """Plain values of a JSON text; a number with a point or exponent stays text (`NumberText`).

    Raises:
        InputError: No UTF-8, no JSON, a duplicate key, a NaN or infinity, too deep or too long
            a number, a NUL or a lone surrogate.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode()
        return json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_float=NumberText,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError:
        raise InputError("body", "must be UTF-8") from None
    except RecursionError:
        raise InputError("body", "is nested too deeply") from None
    except InputError:
        raise
    except ValueError as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError("body", f"must be JSON{where}") from None


def parse_inputs(value: Any, field: str = "inputs", *, kept: bool = False) -> list[Input]:
    """Inputs from plain values.

    Args:
        kept: Whether they are what a ledger keeps; nobody sends what was cut.

    Raises:
        InputError: Anything but a list of well-formed inputs.
    """
    if not isinstance(value, list):
        raise InputError(field, "must be a list")
    return [parse_input(item, f"{field}[{index}]", kept=kept) for index, item in enumerate(value)]


def parse_input(value: Any, field: str = "input", *, kept: bool = False) -> Input:
    """One input from plain values.

    Args:
        kept: Whether it is what a ledger keeps; nobody sends what was cut.

    Raises:
        InputError: An unknown field, a wrong type, a number beyond the limits.
    """
    given = _object(value, field)
    _refuse_unknown(given, Input.__struct_fields__ if kept else _SENT, field)
    for required in ("agent_id", "action"):
        if required not in given:
            raise InputError(f"{field}.{required}", "is missing")
    parsed = Input(
        agent_id=_text(given["agent_id"], f"{field}.agent_id"),
        action=_parse_action(given["action"], f"{field}.action"),
        thinking_units=parse_units(given.get("thinking_units", 0), f"{field}.thinking_units"),
        output_units=parse_units(given.get("output_units", 0), f"{field}.output_units"),
        thinking=_optional_text(given.get("thinking"), f"{field}.thinking"),
        speech=_optional_text(given.get("speech"), f"{field}.speech"),
        cut=_cut(given["cut"], f"{field}.cut") if "cut" in given else (),
        needs=parse_needs(given["needs"], f"{field}.needs") if "needs" in given else (),
    )
    if parsed.cut:
        _check_left(parsed, f"{field}.cut")
    return parsed


def check_input(submitted: Input, field: str = "input") -> None:
    """Hold an input built in Python to what `parse_input` holds JSON to.

    Raises:
        InputError: A wrong type, or a number beyond the limits.
    """
    if not isinstance(submitted, Input):
        raise InputError(field, "must be an Input")
    if _is_plain(submitted):
        return
    _text(submitted.agent_id, f"{field}.agent_id")
    parse_units(submitted.thinking_units, f"{field}.thinking_units")
    parse_units(submitted.output_units, f"{field}.output_units")
    _optional_text(submitted.thinking, f"{field}.thinking")
    _optional_text(submitted.speech, f"{field}.speech")
    if submitted.cut != ():
        if type(submitted.cut) is not tuple or {*map(type, submitted.cut)} != {Cut}:
            raise InputError(f"{field}.cut", "must be a tuple of Cut")
        _cut(submitted.cut, f"{field}.cut")
        _check_left(submitted, f"{field}.cut")
    if submitted.needs != ():
        _check_needs(submitted.needs, f"{field}.needs")
    action = submitted.action
    if isinstance(action, Unrecognised):
        if _text(action.action, f"{field}.action.action") in RECOGNISED:
            raise InputError(f"{field}.action.action", "is the name of an action of its own")
        return
    arguments = _ARGUMENTS.get(type(action))
    if arguments is None:
        raise InputError(f"{field}.action", "must be an action")
    for name, check in arguments.items():
        check(getattr(action, name), f"{field}.action.{name}")


def _is_plain(submitted: Input) -> bool:
    """Test whether an input is of the commonest kind, nothing of which can be wrong."""
    return (
        type(submitted.agent_id) is str
        and submitted.agent_id.isidentifier()
        and submitted.agent_id.isascii()
        and type(submitted.thinking_units) is int
        and 0 <= submitted.thinking_units <= INPUT_LIMIT
        and type(submitted.output_units) is int
        and 0 <= submitted.output_units <= INPUT_LIMIT
        and submitted.thinking is None
        and submitted.speech is None
        and submitted.cut == ()
        and submitted.needs == ()
        and type(submitted.action) in _BARE
    )


def parse_needs(value: Any, field: str = "needs") -> tuple[Need, ...]:
    """Needs from plain values; one at most of each kind and side.

    Raises:
        InputError: Anything else.
    """
    if not isinstance(value, list):
        raise InputError(field, "must be a list")
    if len(value) > len(ContractKind) * len(NeedSide):
        raise InputError(field, "must have one need at most of each kind and side")
    needs = tuple([_need(item, f"{field}[{index}]") for index, item in enumerate(value)])
    if len({(need.kind, need.side) for need in needs}) < len(needs):
        raise InputError(field, "must have one need at most of each kind and side")
    return needs


def _need(value: Any, field: str) -> Need:
    given = _object(value, field)
    _refuse_unknown(given, Need.__struct_fields__, field)
    for required in Need.__struct_fields__:
        if required not in given:
            raise InputError(f"{field}.{required}", "is missing")
    return Need(
        kind=ContractKind(_choice(given["kind"], ContractKind, f"{field}.kind")),
        side=NeedSide(_choice(given["side"], NeedSide, f"{field}.side")),
        amount=_integer(given["amount"], f"{field}.amount", 1),
        limit_price=_integer(given["limit_price"], f"{field}.limit_price", 0),
    )


def _choice(value: Any, choices: Iterable[str], field: str) -> str:
    try:
        return read_choice(value, [str(choice) for choice in choices])
    except ValueError as error:
        raise InputError(field, str(error)) from None


def _check_needs(needs: Any, field: str) -> None:
    if type(needs) is not tuple or {*map(type, needs)} != {Need}:
        raise InputError(field, "must be a tuple of Need")
    parse_needs([asdict(own) for own in needs], field)


def _parse_action(value: Any, field: str) -> Action:
    given = _object(value, field)
    if "action" not in given:
        raise InputError(f"{field}.action", "is missing")
    name = _text(given["action"], f"{field}.action")
    recognised = RECOGNISED.get(name)
    if recognised is None:
        return Unrecognised(name)
    arguments = _ARGUMENTS[recognised]
    _refuse_unknown(given, ("action", *arguments), field)
    return recognised(
        **{
            argument: check(given[argument], f"{field}.{argument}")
            for argument, check in arguments.items()
            if argument in given
        }
    )


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InputError("body", "has a duplicate key")
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise InputError("body", "has a number that is not finite")


def _object(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(field, "must be an object")
    return value


def _refuse_unknown(given: Mapping[str, Any], known: Iterable[str], field: str) -> None:
    if not given.keys() <= set(known):
        raise InputError(field, f"has an unknown field; it may have {', '.join(known)}")


def _text(value: Any, field: str) -> str:
    if type(value) is not str:
        raise InputError(field, "must be a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(field, "has a lone surrogate") from None
    if "\0" in value:
        raise InputError(field, "has a NUL character")
    return value


def _optional_text(value: Any, field: str) -> str | None:
    return None if value is None else _text(value, field)


def _cut(value: Any, field: str) -> tuple[Cut, ...]:
    try:
        cut = convert(value, tuple[Cut, ...])
    except ValidationError as error:
        raise InputError(field, f"must be a list of fields and lengths ({error})") from None
    for index, each in enumerate(cut):
        _integer(each.length, f"{field}[{index}].length", 1)
    return cut


def _check_left(submitted: Input, field: str) -> None:
    """Check that of what was cut only thinking is there still: no rule may apply the rest."""
    paths = [each.field for each in submitted.cut]
    if len(set(paths)) < len(paths) or not all(_is_left_out(submitted, path) for path in paths):
        raise InputError(field, "must name texts and lists that the input lacks, each once")


def _is_left_out(submitted: Input, path: str) -> bool:
    if path not in _MAY_BE_CUT:
        return False
    value: Any = submitted
    for name in path.split("."):
        if name not in value.__struct_fields__:
            return False
        value = getattr(value, name)
    return path == "thinking" or value == _MAY_BE_CUT[path]


def parse_units(value: Any, field: str) -> int:
    """Usage units from a plain value.

    Raises:
        InputError: No integer, or beyond the limits.
    """
    return _integer(value, field, 0)


def _amount(value: Any, field: str) -> int:
    return _integer(value, field, -INPUT_LIMIT)


def _integer(value: Any, field: str, least: int) -> int:
    if type(value) is not int:
        raise InputError(field, "must be an integer")
    if not least <= value <= INPUT_LIMIT:
        raise InputError(field, f"must be from {least} to {INPUT_LIMIT}")
    return value


def _optional_amount(value: Any, field: str) -> int | None:
    return None if value is None else _amount(value, field)


def _one_or_many(value: Any, field: str) -> int | tuple[int, ...] | None:
    if isinstance(value, list | tuple):
        return tuple([_amount(item, f"{field}[{index}]") for index, item in enumerate(value)])
    return _optional_amount(value, field)


def _terms(value: Any, field: str) -> Terms:
    if value is None:
        return NO_TERMS
    if isinstance(value, Terms):
        value = {name: getattr(value, name) for name in _TERMS}
    given = _object(value, field)
    _refuse_unknown(given, _TERMS, field)
    return Terms(**{name: _TERMS[name](part, f"{field}.{name}") for name, part in given.items()})


NO_TERMS = ProposeContract().terms
_CHECKS: Mapping[type | UnionType, Any] = {
    int: _amount,
    int | None: _optional_amount,
    str | None: _optional_text,
    int | tuple[int, ...] | None: _one_or_many,
    Terms: _terms,
}


def _checks_of(kind: type[Struct]) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {name: _CHECKS[hints[name]] for name in kind.__struct_fields__}


_SENT = tuple(name for name in Input.__struct_fields__ if name != "cut")
_TERMS = _checks_of(Terms)
_ARGUMENTS = {action: _checks_of(action) for action in RECOGNISED.values()}
_MAY_BE_CUT = {"agent_id": "", "thinking": "", "speech": None, "action.action": ""}
_MAY_BE_CUT |= {
    f"action.{name}": None if name in {"payload", "contract_id"} else ""
    for arguments in _ARGUMENTS.values()
    for name, check in arguments.items()
    if check in {_optional_text, _one_or_many}
}
_MAY_BE_CUT |= {
    f"action.terms.{name}": "" for name, check in _TERMS.items() if check is _optional_text
}
"""What may be too long, and what stands there then."""
_BARE = frozenset(action for action, arguments in _ARGUMENTS.items() if not arguments)
