"""The one strict reader of tables: plain values into what a struct holds, every problem at once."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum
from functools import cache
from numbers import Integral, Real
from typing import Any, Final, TypeGuard, TypeVar, get_args, get_type_hints

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from sim_economy.core.errors import ScenarioError
from sim_economy.core.suggestions import suggestion
from sim_economy.core.units import INPUT_LIMIT, MILLION, Millionths, decimal_text, millionths

T = TypeVar("T", bound=Struct)
V = TypeVar("V")


class Kind(Enum):
    """The notation and bounds of a parameter."""

    COUNT = "an integer"
    COUNTS = "a list of integers, each above the one before"
    BY_NAME = "a table of integers by name"
    TEXTS = "a list of texts"
    RULES = "a list of tables, each with do and, but for the last, when"
    MATRIX = "rows of numbers from -1000 to 1000 with at most 6 decimals, or tables of them by name"
    RATE = "a number from 0 to 1 with at most 6 decimals"
    WEIGHT = "a number from 0 to 1000000 with at most 6 decimals"
    PRICE = "a price from 0 to 1000000 with at most 6 decimals"
    FLAG = "true or false"
    VARIANT = "one of"
    KEY = "empty or 32 to 128 lowercase hexadecimal digits"
    TEXT = "a text"
    POLICY = "a text that names a policy, or in Python a policy or its class"
    SECONDS = "seconds, above 0 and at most 86400"
    MONEY = "an amount of money, such as 2.50"
    NUMBER = "a number"
    AGENTS = 'how many agents, a list of their names, or "rest"'
    ADDRESS = "an address such as http://127.0.0.1:11434/v1, without user or query"
    VARIABLE = "the name of an environment variable, not the key itself"
    TABLE = "a table"
    TABLES = "one or more tables"
    FREE = "a table of texts, numbers, true, false, lists and tables"


@dataclass(frozen=True, slots=True)
class Parameter:
    """The description of one parameter: kind, meaning, bounds.

    Attributes:
        choices: Of a text: the ones allowed, or a function that lists them; any text if empty. Of
            rows of numbers: the names of their columns.
        in_paper: Whether the paper's table of parameters has it.
        stated_at_default: Whether genesis states it where it is at its default.
    """

    kind: Kind
    meaning: str
    low: int = 0
    high: int = INPUT_LIMIT
    in_paper: bool = True
    stated_at_default: bool = True
    choices: tuple[str, ...] | Callable[[], Iterable[str]] = ()


REST: Final = "rest"
"""Stands for the agents that no other entry of a population takes."""


def unknown_key(name: str, known: Iterable[str]) -> str:
    """The complaint about a key nothing reads, with the likeliest one meant."""
    return f"{name}: unknown key{suggestion(name, known)}"


class NumberText(str):
    """The text of a number with a point or exponent, as a file writes it."""

    __slots__ = ()


@cache
def described_parameters(table: type[Struct]) -> dict[str, tuple[Parameter, FieldInfo]]:
    """The fields of a table that a file may state, by key: those annotated with a `Parameter`."""
    hints = get_type_hints(table, include_extras=True)
    found = {}
    for field in fields(table):
        notes = [note for note in get_args(hints[field.name])[1:] if isinstance(note, Parameter)]
        if notes:
            found[field.encode_name] = (notes[0], field)
    return found


def read_table(
    tables: type[Struct] | tuple[type[Struct], ...], given: Any, path: str, problems: list[str]
) -> dict[str, Any]:
    """The values of a table by field name, defaults where it is silent or wrong.

    Args:
        tables: The struct that describes it, or several that share its keys out.
        path: Its name in messages, such as `models.small`; empty for the top of a file.
        problems: Gets everything that is wrong.

    Returns:
        All fields with a `Parameter`, without those that are missing and have no default.
    """
    known: dict[str, tuple[Parameter, FieldInfo]] = {}
    for table in tables if isinstance(tables, tuple) else (tables,):
        known |= described_parameters(table)
    values = {field.name: _default(field) for _, field in known.values() if not field.required}
    if not isinstance(given, Mapping):
        problems.append(f"{path}: must be a table")
        return values
    prefix = path and f"{path}."
    defaults = {key: (parameter, field.default) for key, (parameter, field) in known.items()}
    stated = read_stated(defaults, given, prefix, problems)
    values |= {known[key][1].name: value for key, value in stated.items()}
    problems += [
        f"{prefix}{key}: is missing"
        for key, (_, field) in known.items()
        if field.required and key not in given
    ]
    return values


def _default(field: FieldInfo) -> Any:
    made = field.default_factory
    return field.default if made is NODEFAULT else made()


def attempt(problems: list[str], prefix: str, parse: Callable[..., V], *given: Any) -> V | None:
    """What is parsed; None where that raises a `ScenarioError`, whose problems are collected."""
    try:
        return parse(*given)
    except ScenarioError as error:
        problems += [f"{prefix}{problem}" for problem in error.problems]
        return None


def read_struct(table: type[T], given: Any, path: str, problems: list[str]) -> T | None:
    """The struct that a table describes; None where something is wrong.

    Args:
        table: It may refuse what does not go together with a ValueError.
        path: Its name in messages.
        problems: Gets everything that is wrong.
    """
    before = len(problems)
    values = read_table(table, given, path, problems)
    if len(problems) > before:
        return None
    try:
        return table(**values)
    except ValueError as error:
        problems.append(f"{path}: {error}")
        return None


def read_tagged(
    tag: str, tables: Mapping[str, type[T]], given: Any, path: str, problems: list[str]
) -> T | None:
    """The struct of a table whose key `tag` says which of several it is; None if it is wrong.

    Args:
        tables: By what the key says.
        given: None where the table is missing.
        path: Its name in messages.
        problems: Gets everything that is wrong.
    """
    if not isinstance(given, Mapping):
        problems.append(f"{path}: {'is missing' if given is None else 'must be a table'}")
        return None
    if tag not in given:
        near = [key for key in given if suggestion(key, [tag])]
        problems += [f"{path}.{unknown_key(key, [tag])}" for key in near]
    try:
        named = read_choice(given.get(tag), list(tables))
    except ValueError as error:
        problems.append(f"{path}.{tag}: {error}")
        return None
    rest = {key: value for key, value in given.items() if key != tag}
    return read_struct(tables[named], rest, path, problems)


def read_stated(
    known: Mapping[str, tuple[Parameter, Any]],
    given: Mapping[str, Any],
    prefix: str,
    problems: list[str],
) -> dict[str, Any]:
    """The values that a table states, by key; wrong ones are left out.

    Args:
        known: Each key with its parameter and its default.
        prefix: Of keys in messages, such as `world.`.
        problems: Gets everything that is wrong.
    """
    values = {}
    for key, value in given.items():
        if key not in known:
            problems.append(f"{prefix}{unknown_key(key, known)}")
            continue
        try:
            values[key] = read_parameter(known[key][0], value, known[key][1])
        except ValueError as error:
            problems.append(f"{prefix}{key}: {error}")
    return values


def read_parameter(parameter: Parameter, value: Any, default: Any) -> Any:
    """A parameter's value as it is held, from plain values.

    Args:
        value: Numbers are integers, Decimals, the decimal text of a number in a file
            (`NumberText`), or floats, read as their shortest decimal text; those of NumPy too.
        default: Of the same type; of a variant it gives the choices.

    Raises:
        ValueError: What it must be instead.
    """
    if parameter.kind is Kind.VARIANT:
        variant: type[StrEnum] = type(default)
        return variant(read_choice(value, list(variant)))
    return _READERS[parameter.kind](value, parameter)


def read_choice(value: Any, choices: Sequence[str]) -> str:
    """One of several words.

    Raises:
        ValueError: It is none of them; the message has the likeliest one, and nothing of the value.
    """
    if isinstance(value, str) and value in choices:
        return str(value)
    close = suggestion(value, choices) if isinstance(value, str) else ""
    raise ValueError(f"must be one of {', '.join(choices)}{close}")


def _read_text(value: Any, parameter: Parameter) -> str:
    if listed := _choices(parameter):
        return read_choice(value, listed)
    if type(value) is not str:
        raise ValueError("must be a text")
    if not value or "\0" in value:
        raise ValueError("must not be empty, nor hold a NUL")
    return value


def _choices(parameter: Parameter) -> list[str]:
    return list(parameter.choices() if callable(parameter.choices) else parameter.choices)


def _read_policy(value: Any, parameter: Parameter) -> Any:
    """A name, a table with one, or whatever decides; the catalogue knows what is a policy."""
    if isinstance(value, str):
        return _read_text(value, parameter)
    if not isinstance(value, Mapping) and not callable(getattr(value, "decide", None)):
        raise ValueError(f"must be {parameter.kind.value}")
    return value


def _read_count(value: Any, parameter: Parameter) -> int:
    if not is_whole(value) or not parameter.low <= value <= parameter.high:
        raise ValueError(f"must be an integer from {parameter.low} to {parameter.high}")
    return int(value)


def _read_counts(value: Any, parameter: Parameter) -> tuple[int, ...]:
    if (
        not _is_list(value)
        or not all(map(is_whole, value))
        or any(map(operator.ge, value, value[1:]))
    ):
        raise ValueError(f"must be {parameter.kind.value}")
    return tuple(_read_count(held, parameter) for held in value)


def _read_by_name(value: Any, parameter: Parameter) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"must be {parameter.kind.value}")
    return tuple((str(name), _read_count(value[name], parameter)) for name in sorted(value))


def _read_texts(value: Any, parameter: Parameter) -> tuple[str, ...]:
    if not _is_list(value) or not value or not all(isinstance(text, str) for text in value):
        raise ValueError(f"must be {parameter.kind.value}")
    return tuple(str(text) for text in value)


def _read_rules(value: Any, parameter: Parameter) -> tuple[tuple[str, str], ...]:
    """The condition, empty where there is none, and the action of each rule."""
    if not _is_list(value) or not value or not all(map(_is_rule, value)):
        raise ValueError(f"must be {parameter.kind.value}")
    return tuple((str(rule.get("when", "")), str(rule["do"])) for rule in value)


def _is_rule(value: Any) -> bool:
    texts = isinstance(value, Mapping) and all(isinstance(held, str) for held in value.values())
    return texts and {"do"} <= value.keys() <= {"when", "do"}


def _read_matrix(value: Any, parameter: Parameter) -> tuple[tuple[Millionths, ...], ...]:
    """Rows of as many numbers as there are choices, or tables of them by these names."""
    if not _is_list(value):
        raise ValueError(f"must be {parameter.kind.value}")
    return tuple(_matrix_row(row, _choices(parameter), parameter) for row in value)


def _matrix_row(row: Any, columns: Sequence[str], parameter: Parameter) -> tuple[Millionths, ...]:
    if isinstance(row, Mapping):
        if unknown := [unknown_key(name, columns) for name in row if name not in columns]:
            raise ValueError("; ".join(unknown))
        row = [row.get(name, 0) for name in columns]
    if not _is_list(row) or len(row) != len(columns):
        raise ValueError(f"a row must have {len(columns)} numbers: {', '.join(columns)}")
    numbers = tuple(millionths(_numeral(number)) for number in row)
    if any(abs(amount) > _MATRIX_MAX for amount in numbers):
        raise ValueError(f"must be {parameter.kind.value}")
    return numbers


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def is_whole(value: Any) -> TypeGuard[int]:
    """Test whether a value is an integer, of Python or such as NumPy's, and no truth value."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _read_number(value: Any, parameter: Parameter) -> Decimal:
    number = _exact(_numeral(value))
    if not number.is_finite() or not parameter.low <= number <= parameter.high:
        raise ValueError(f"must be a number from {parameter.low} to {parameter.high}")
    return number


def _read_decimal(value: Any, parameter: Parameter) -> Millionths:
    largest = 1 if parameter.kind is Kind.RATE else MILLION
    amount = millionths(_numeral(value))
    if not 0 <= amount <= largest * MILLION:
        raise ValueError(f"must be from 0 to {largest}")
    return amount


def _numeral(value: Any) -> str:
    if isinstance(value, NumberText):
        return value
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        raise ValueError("must be a number")
    number = Decimal(int(value)) if is_whole(value) else _exact(str(value))
    bounded = number.is_finite() and -40 < number.adjusted() < 40
    return format(number, "f") if bounded else str(number)


def _read_amount(value: Any, parameter: Parameter) -> Decimal:
    """An amount of money, or seconds above zero, as exact as it is written."""
    number = Decimal(-1)
    if is_whole(value) or isinstance(value, Decimal | NumberText):
        number = _exact(_numeral(value))
    if parameter.kind is Kind.MONEY and _MONEY.fullmatch(str(number)):
        return number
    if parameter.kind is Kind.SECONDS and number.is_finite() and 0 < number <= _DAY:
        return number
    raise ValueError(f"must be {parameter.kind.value}")


def _exact(text: str) -> Decimal:
    """A number of any size that a decimal can have; one that is none where it cannot."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal("nan")


def _read_matching(value: Any, parameter: Parameter) -> str:
    if not isinstance(value, str) or not _PATTERNS[parameter.kind].fullmatch(value):
        raise ValueError(f"must be {parameter.kind.value}")
    return value.rstrip("/")


def _read_flag(value: Any, parameter: Parameter) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be {parameter.kind.value}")
    return value


def _read_parts(value: Any, parameter: Parameter) -> Any:
    """Tables whose keys somebody else reads, or that are passed on as JSON."""
    shape = list if parameter.kind is Kind.TABLES else Mapping
    try:
        if isinstance(value, shape) and (value or shape is Mapping):
            if parameter.kind is Kind.FREE:
                json.dumps(value)
            return value
    except TypeError:
        pass
    raise ValueError(f"must be {parameter.kind.value}")


def _read_agents(value: Any, parameter: Parameter) -> int | str | tuple[str, ...]:
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return tuple(str(name) for name in value)
    if value == REST:
        return REST
    if is_whole(value) and 0 < value <= INPUT_LIMIT:
        return int(value)
    raise ValueError(f"must be {parameter.kind.value}")


_DAY: Final = 86_400
_MATRIX_MAX: Final = 1000 * MILLION
_MONEY: Final = re.compile(r"\d{1,6}(\.\d{1,9})?")
_PATTERNS: Final = {
    Kind.KEY: re.compile(r"(?:[0-9a-f]{2}){16,64}|"),
    Kind.ADDRESS: re.compile(
        r"https?://([\w.~%-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,4}|:[1-5]\d{4}|:6[0-5]\d{3})?(/[^\s@?#\0]*)?"
    ),
    Kind.VARIABLE: re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}"),
}
_READERS: Final[Mapping[Kind, Callable[[Any, Parameter], Any]]] = {
    Kind.COUNT: _read_count,
    Kind.COUNTS: _read_counts,
    Kind.BY_NAME: _read_by_name,
    Kind.NUMBER: _read_number,
    **dict.fromkeys((Kind.RATE, Kind.WEIGHT, Kind.PRICE), _read_decimal),
    **dict.fromkeys((Kind.MONEY, Kind.SECONDS), _read_amount),
    **dict.fromkeys(_PATTERNS, _read_matching),
    **dict.fromkeys((Kind.TABLE, Kind.TABLES, Kind.FREE), _read_parts),
    Kind.TEXT: _read_text,
    Kind.POLICY: _read_policy,
    Kind.TEXTS: _read_texts,
    Kind.RULES: _read_rules,
    Kind.MATRIX: _read_matrix,
    Kind.FLAG: _read_flag,
    Kind.AGENTS: _read_agents,
}


def written(parameter: Parameter, value: Any) -> Any:
    """A held value as a file writes it; `read_parameter` reads it back unchanged."""
    match parameter.kind:
        case Kind.FLAG | Kind.COUNT:
            return value
        case Kind.COUNTS | Kind.TEXTS:
            return list(value)
        case Kind.RULES:
            return [{"when": when, "do": do} if when else {"do": do} for when, do in value]
        case Kind.MATRIX:
            return [[Decimal(decimal_text(number, 6)) for number in row] for row in value]
        case Kind.BY_NAME:
            return dict(value)
        case Kind.VARIANT | Kind.KEY | Kind.TEXT | Kind.ADDRESS | Kind.VARIABLE:
            return str(value)
        case Kind.NUMBER | Kind.MONEY | Kind.SECONDS:
            return Decimal(value)
        case Kind.PRICE if value % MILLION == 0:
            return int(value) // MILLION
        case Kind.RATE | Kind.WEIGHT | Kind.PRICE:
            text = decimal_text(value, 6)
            return Decimal(text if "." in text else text + ".0")
        case _:
            raise AssertionError(parameter)


def read_toml(text: str) -> dict[str, Any]:
    """A TOML text, its decimal numbers kept as they are written.

    Raises:
        ScenarioError: It is not TOML.
    """
    import tomllib  # noqa: PLC0415 - most commands read no TOML

    try:
        bare = text.removeprefix("\ufeff")  # an editor's byte order mark
        return tomllib.loads(bare, parse_float=lambda number: NumberText(number.replace("_", "")))
    except (ValueError, RecursionError) as error:
        raise ScenarioError([f"not valid TOML: {error}"]) from None
