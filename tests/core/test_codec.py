"""The strict door: what is not exactly an input is refused, by field, without an echo."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_economy.core.actions import (
    RECOGNISED,
    Action,
    Burn,
    Idle,
    Input,
    Job,
    Mine,
    Speak,
    Stake,
    Transfer,
    Unrecognised,
    Unstake,
)
from sim_economy.core.codec import canonical, check_input, parse_input, parse_inputs, parse_json
from sim_economy.core.errors import InputError
from sim_economy.core.units import INPUT_LIMIT
from tests.properties.strategies import any_inputs

SECRET = "do-not-echo"


def refused(text: bytes | str) -> InputError:
    with pytest.raises(InputError) as failure:
        parse_inputs(parse_json(text))
    assert SECRET not in str(failure.value)
    assert len(str(failure.value)) < 300
    return failure.value


def refused_with(field: str, text: str, *, action: str = "mine", where: str = "input") -> str:
    """The message for an input with one more field, given as JSON text."""
    if where == "input":
        body = f'[{{"agent_id":"a","action":{{"action":"{action}"}},"{field}":{text}}}]'
        path = f"inputs[0].{field}"
    else:
        body = f'[{{"agent_id":"a","action":{{"action":"{action}","{field}":{text}}}}}]'
        path = f"inputs[0].action.{field}"
    failure = refused(body)
    assert failure.field == path
    assert str(failure) == f"{path}: {failure.problem}"
    return failure.problem


@given(any_inputs)
def test_an_input_is_read_as_it_is_written(submitted: Input) -> None:
    check_input(submitted)
    text = canonical(submitted)
    assert parse_input(parse_json(text)) == submitted
    assert canonical(parse_input(parse_json(text.decode()))) == text


@given(any_inputs)
def test_whitespace_and_escapes_change_nothing(submitted: Input) -> None:
    plain = json.loads(canonical(submitted))
    assert parse_input(parse_json(json.dumps(plain, indent=3))) == submitted


@pytest.mark.parametrize("name", RECOGNISED)
def test_every_action_is_read_by_its_name(name: str) -> None:
    read = parse_input({"agent_id": "a", "action": {"action": name}})
    assert type(read.action) is RECOGNISED[name]


def test_an_unknown_name_is_an_unrecognised_action_whatever_it_carries() -> None:
    read = parse_input({"agent_id": "a", "action": {"action": "Mine", "amount": [SECRET]}})
    assert read.action == Unrecognised("Mine")


MALFORMED: dict[str, bytes | str] = {
    "empty": b"",
    "blank": b" \n",
    "open": b"[",
    "closed twice": b"[]]",
    "trailing": b"[] x",
    "comma": b"[1,]",
    "bare word": SECRET,
    "single quotes": b"['a']",
    "comment": b"[] // no",
    "byte order mark": b"\xef\xbb\xbf[]",
    "byte order mark as text": "\ufeff[]",
    "UTF-16": "[]".encode("utf-16"),
    "UTF-32": "[]".encode("utf-32-le"),
    "bad UTF-8": b'["\xff"]',
    "cut UTF-8": b'["\xc3"]',
    "overlong UTF-8": b'["\xc0\x80"]',
    "surrogate in UTF-8": b'["\xed\xa0\x80"]',
    "NaN": b"[NaN]",
    "Infinity": b"[Infinity]",
    "minus Infinity": b"[-Infinity]",
    "raw NUL": b'["\0"]',
    "raw newline": b'["\n"]',
    "NUL byte outside": b"[\0]",
    "bad escape": b'["\\x"]',
    "leading zero": b"[01]",
    "plus": b"[+1]",
    "hexadecimal": b"[0x1]",
    "thousands of digits": b"[" + b"9" * 5000 + b"]",
    "thousands of digits below zero": b"[-" + b"9" * 5000 + b"]",
    "nested 100000 deep": b"[" * 100_000,
    "nested 100000 deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "objects 100000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "duplicate key": b'[{"agent_id":"a","agent_id":"b","action":{"action":"mine"}}]',
    "duplicate key by escape": b'[{"agent_id":"a","agent\\u005fid":"b"}]',
    "duplicate key within": b'[{"agent_id":"a","action":{"action":"mine","action":"job"}}]',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_json_is_refused(name: str) -> None:
    assert refused(MALFORMED[name]).field == "body"


@pytest.mark.parametrize("text", ["1e999", "5.0", "5e0", "-1e-999", "1" * 4000 + ".5"])
@pytest.mark.parametrize("field", ["thinking_units", "output_units"])
def test_a_number_with_a_point_or_exponent_is_no_usage(field: str, text: str) -> None:
    assert refused_with(field, text) == "must be an integer"


@pytest.mark.parametrize("text", ["true", "false", "null", '"5"', "[5]", "{}", '"do-not-echo"'])
@pytest.mark.parametrize("field", ["thinking_units", "output_units"])
def test_usage_must_be_an_integer(field: str, text: str) -> None:
    assert refused_with(field, text) == "must be an integer"


@pytest.mark.parametrize("text", ["-1", str(2**31), str(2**63), str(2**64), "9" * 4000])
@pytest.mark.parametrize("field", ["thinking_units", "output_units"])
def test_usage_must_be_within_its_limits(field: str, text: str) -> None:
    assert refused_with(field, text) == f"must be from 0 to {INPUT_LIMIT}"


ARGUMENTS = [
    ("stake", "amount"),
    ("stake", "fee"),
    ("burn", "amount"),
    ("burn", "fee"),
    ("unstake", "amount"),
    ("transfer", "amount"),
    ("transfer", "fee"),
]


@pytest.mark.parametrize(("action", "field"), ARGUMENTS)
@pytest.mark.parametrize("text", ["true", '"5"', "5.0", "1e2", "1e999", "[5]", "{}"])
def test_an_amount_must_be_an_integer(action: str, field: str, text: str) -> None:
    assert refused_with(field, text, action=action, where="action") == "must be an integer"


@pytest.mark.parametrize(("action", "field"), ARGUMENTS)
@pytest.mark.parametrize("value", [2**31, -(2**31), 2**63, -(2**63) - 1, 10**4000])
def test_an_amount_must_be_within_the_limits(action: str, field: str, value: int) -> None:
    problem = refused_with(field, str(value), action=action, where="action")
    assert problem == f"must be from -{INPUT_LIMIT} to {INPUT_LIMIT}"


@pytest.mark.parametrize("value", [0, -1, INPUT_LIMIT, -INPUT_LIMIT])
def test_an_amount_that_a_rule_refuses_is_not_the_callers_error(value: int) -> None:
    action = {"action": "stake", "amount": value, "fee": value}
    assert parse_input({"agent_id": "a", "action": action}).action == Stake(value, value)


def test_a_fee_may_be_left_out_and_not_be_null() -> None:
    assert parse_input({"agent_id": "a", "action": {"action": "stake"}}).action == Stake(None, 0)
    with_null = {"action": "stake", "amount": None, "fee": None}
    with pytest.raises(InputError, match="fee"):
        parse_input({"agent_id": "a", "action": with_null})


TEXTS = {
    "5": "must be a string",
    "5.0": "must be a string",
    "true": "must be a string",
    '["do-not-echo"]': "must be a string",
    '"do-not-echo\\u0000"': "has a NUL character",
    '"do-not-echo\\ud800"': "has a lone surrogate",
    '"\\udc00do-not-echo"': "has a lone surrogate",
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_must_be_a_string_that_can_be_kept(text: str) -> None:
    problem = TEXTS[text]
    for field in ("thinking", "speech"):
        assert refused_with(field, text) == problem
    assert refused_with("to", text, action="transfer", where="action") == problem
    failure = refused(f'[{{"agent_id":{text},"action":{{"action":"mine"}}}}]')
    assert (failure.field, failure.problem) == ("inputs[0].agent_id", problem)
    failure = refused(f'[{{"agent_id":"a","action":{{"action":{text}}}}}]')
    assert failure.field.startswith("inputs[0].action")
    assert failure.problem == problem


def test_paired_surrogates_are_a_character() -> None:
    text = b'{"agent_id":"a","action":{"action":"speak"},"speech":"\\ud83d\\ude00"}'
    assert parse_input(parse_json(text)).speech == "\N{GRINNING FACE}"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "inputs"),
        ({}, "inputs"),
        (SECRET, "inputs"),
        ([None], "inputs[0]"),
        ([[]], "inputs[0]"),
        ([SECRET], "inputs[0]"),
        ([{}], "inputs[0].agent_id"),
        ([{"agent_id": "a"}], "inputs[0].action"),
        ([{"agent_id": "a", "action": None}], "inputs[0].action"),
        ([{"agent_id": "a", "action": "mine"}], "inputs[0].action"),
        ([{"agent_id": "a", "action": ["mine"]}], "inputs[0].action"),
        ([{"agent_id": "a", "action": {}}], "inputs[0].action.action"),
        ([{"agent_id": "a", "action": {"action": "mine"}, SECRET: 1}], "inputs[0]"),
        ([{"agent_id": "a", "action": {"action": "mine"}, "": 1}], "inputs[0]"),
        ([{"agent_id": "a", "action": {"action": "mine", SECRET: 1}}], "inputs[0].action"),
        ([{"agent_id": "a", "action": {"action": "mine", "amount": 1}}], "inputs[0].action"),
        ([{"agent_id": "a", "action": {"action": "unstake", "fee": 1}}], "inputs[0].action"),
        ([{"agent_id": "a", "action": {"action": "stake", "Amount": 1}}], "inputs[0].action"),
        (
            [{"agent_id": "a", "action": {"action": "mine"}}, {"agent_id": 5, "action": {}}],
            "inputs[1].agent_id",
        ),
    ],
)
def test_a_wrong_shape_is_refused_by_its_field(value: Any, field: str) -> None:
    assert refused(json.dumps(value)).field == field


make: Any = Input
stake: Any = Stake
burn: Any = Burn
unstake: Any = Unstake
transfer: Any = Transfer
unrecognised: Any = Unrecognised

WRONG_FIELDS: list[tuple[Any, ...]] = [
    (5, Mine(), 0, 0, None, None, "agent_id"),
    (None, Mine(), 0, 0, None, None, "agent_id"),
    (b"a", Mine(), 0, 0, None, None, "agent_id"),
    ("a\0", Mine(), 0, 0, None, None, "agent_id"),
    ("\ud800", Mine(), 0, 0, None, None, "agent_id"),
    ("a", Mine(), -1, 0, None, None, "thinking_units"),
    ("a", Mine(), True, 0, None, None, "thinking_units"),
    ("a", Mine(), 5.0, 0, None, None, "thinking_units"),
    ("a", Mine(), "5", 0, None, None, "thinking_units"),
    ("a", Mine(), None, 0, None, None, "thinking_units"),
    ("a", Idle(), float("nan"), 0, None, None, "thinking_units"),
    ("a", Job(), 2**31, 0, None, None, "thinking_units"),
    ("a", Mine(), 0, -1, None, None, "output_units"),
    ("a", Mine(), 0, False, None, None, "output_units"),
    ("a", Mine(), 0, 2**63, None, None, "output_units"),
    ("a", Mine(), 0, 10**5000, None, None, "output_units"),
    ("a", Mine(), 0, 0, 5, None, "thinking"),
    ("a", Mine(), 0, 0, "\0", None, "thinking"),
    ("a", Speak(), 0, 0, None, "\udfff", "speech"),
    ("a", Speak(), 0, 0, None, b"x", "speech"),
    ("a", stake(True), 0, 0, None, None, "action.amount"),
    ("a", stake("5"), 0, 0, None, None, "action.amount"),
    ("a", stake(5.0), 0, 0, None, None, "action.amount"),
    ("a", stake(2**31), 0, 0, None, None, "action.amount"),
    ("a", stake(5, None), 0, 0, None, None, "action.fee"),
    ("a", burn(5, -(2**31)), 0, 0, None, None, "action.fee"),
    ("a", unstake(10**5000), 0, 0, None, None, "action.amount"),
    ("a", transfer(5, 5), 0, 0, None, None, "action.to"),
    ("a", transfer("\0", 5), 0, 0, None, None, "action.to"),
    ("a", transfer("b", float("inf")), 0, 0, None, None, "action.amount"),
    ("a", unrecognised(5), 0, 0, None, None, "action.action"),
    ("a", unrecognised("\ud800"), 0, 0, None, None, "action.action"),
    ("a", "mine", 0, 0, None, None, "action"),
    ("a", {"action": "mine"}, 0, 0, None, None, "action"),
    ("a", None, 0, 0, None, None, "action"),
    ("a", Mine, 0, 0, None, None, "action"),
]
WRONG: list[tuple[Input, str]] = [
    (make(agent_id, action, thinking, output, thought, speech), field)
    for agent_id, action, thinking, output, thought, speech, field in WRONG_FIELDS
]


@pytest.mark.parametrize(
    ("submitted", "field"), WRONG, ids=[f"{at}-{field}" for at, (_, field) in enumerate(WRONG)]
)
def test_an_input_built_in_python_is_held_to_the_same(submitted: Input, field: str) -> None:
    with pytest.raises(InputError) as failure:
        check_input(submitted, "inputs[3]")
    assert failure.value.field == f"inputs[3].{field}"
    assert len(str(failure.value)) < 200


@pytest.mark.parametrize("value", [None, 5, {}, "mine", Mine(), [Input("a", Mine())]])
def test_what_is_no_input_at_all_is_refused(value: object) -> None:
    with pytest.raises(InputError):
        check_input(value)  # type: ignore[arg-type]


class Text(str):
    """A string that is not one exactly, such as a number's text."""

    __slots__ = ()


class Count(int):
    """An integer that is not one exactly."""


ODD: list[Action] = [Stake(Count(5)), Transfer(Text("b"), 5), Unrecognised(Text("x"))]


@pytest.mark.parametrize("action", ODD, ids=["amount", "to", "name"])
def test_subclasses_of_plain_types_are_refused(action: Action) -> None:
    with pytest.raises(InputError):
        check_input(Input("a", action))
    with pytest.raises(InputError):
        check_input(Input(Text("a"), Mine()))
    with pytest.raises(InputError):
        check_input(Input("a", Mine(), Count(5)))


@given(st.binary(max_size=60))
def test_no_bytes_at_all_do_anything_but_parse_or_be_refused(text: bytes) -> None:
    with suppress(InputError):
        parse_inputs(parse_json(text))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=[])),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(["agent_id", "action", "amount", "to", "fee", "speech", "x"]),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_values_at_all_do_anything_but_make_a_valid_input_or_be_refused(value: Any) -> None:
    for candidate in (value, [{"agent_id": "a", "action": value}]):
        try:
            read = parse_inputs(parse_json(json.dumps(candidate)))
        except InputError:
            continue
        for submitted in read:
            check_input(submitted)
            assert parse_input(parse_json(canonical(submitted))) == submitted
