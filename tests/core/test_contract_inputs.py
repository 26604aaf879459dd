"""The strict door for actions about contracts and cores."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim_economy.core.actions import (
    ArbitratorRuling,
    BidCore,
    ConfirmDelivery,
    Input,
    ProposeContract,
    SellInformation,
    SignContract,
)
from sim_economy.core.codec import canonical, check_input, parse_input, parse_inputs, parse_json
from sim_economy.core.contracts import Terms
from sim_economy.core.errors import InputError
from sim_economy.core.units import INPUT_LIMIT

SECRET = "do-not-echo"
NUMBERS = [term for term in Terms.__struct_fields__ if term not in ("settlement", "payload_hash")]
LISTED = ("confirm_delivery", "dispute_delivery", "arbitrator_ruling")
SINGLE = ("sign_contract", "sell_information")


def refused(action: dict[str, Any] | str) -> tuple[str, str]:
    """Field and problem of an action that is the caller's error."""
    text = action if isinstance(action, str) else json.dumps(action)
    with pytest.raises(InputError) as failure:
        parse_inputs(parse_json(f'[{{"agent_id":"a","action":{text}}}]'))
    assert SECRET not in str(failure.value)
    return failure.value.field.removeprefix("inputs[0].action"), failure.value.problem


def read(action: dict[str, Any]) -> Any:
    return parse_input({"agent_id": "a", "action": action}).action


def test_a_proposal_is_read_as_it_is_written() -> None:
    terms = {"due_turn": 9, "principal": 100, "premium": 5, "counterparty_collateral": 20}
    action = {
        "action": "propose_contract",
        "kind": "loan",
        "counterparty": "agent_1",
        "arbitrator": "agent_2",
        "terms": terms,
    }
    proposal = ProposeContract("loan", "agent_1", "agent_2", Terms(**terms))  # type: ignore[arg-type]
    assert read(action) == proposal
    assert json.loads(canonical(Input("a", proposal)))["action"] == action


@pytest.mark.parametrize("terms", [{}, {"terms": None}, {"terms": {}}])
def test_a_proposal_without_terms_states_none(terms: dict[str, Any]) -> None:
    assert read({"action": "propose_contract", **terms}) == ProposeContract()


@pytest.mark.parametrize("name", LISTED)
def test_one_contract_or_a_list_may_be_named(name: str) -> None:
    for given, kept in ((7, 7), ([7], (7,)), ([2, 1, 2], (2, 1, 2)), ([], ()), (None, None)):
        action = read({"action": name, "contract_id": given})
        assert action.contract_id == kept
        assert parse_input(parse_json(canonical(Input("a", action)))).action == action


@pytest.mark.parametrize("text", ["true", '"7"', "7.0", "7e0", "{}", "[[7]]", "[true]", "[null]"])
@pytest.mark.parametrize("name", LISTED)
def test_a_contract_id_must_be_an_integer_or_a_list_of_them(name: str, text: str) -> None:
    field, problem = refused(f'{{"action":"{name}","contract_id":{text}}}')
    assert field == (".contract_id[0]" if text.startswith("[") else ".contract_id")
    assert problem == "must be an integer"


@pytest.mark.parametrize("text", ["true", '"7"', "7.0", "[7]", "{}"])
@pytest.mark.parametrize("name", SINGLE)
def test_what_is_signed_or_sold_is_one_contract(name: str, text: str) -> None:
    assert refused(f'{{"action":"{name}","contract_id":{text}}}') == (
        ".contract_id",
        "must be an integer",
    )


@pytest.mark.parametrize("number", [2**31, -(2**31), 2**63, 10**400])
def test_a_contract_id_must_be_within_the_limits(number: int) -> None:
    problem = f"must be from -{INPUT_LIMIT} to {INPUT_LIMIT}"
    for given, field in ((number, ".contract_id"), ([1, number], ".contract_id[1]")):
        assert refused({"action": "confirm_delivery", "contract_id": given}) == (field, problem)


@pytest.mark.parametrize("text", ["true", '"5"', "5.0", "1e2", "[5]", "{}"])
@pytest.mark.parametrize("term", NUMBERS)
def test_a_term_in_tokens_or_turns_must_be_an_integer(term: str, text: str) -> None:
    action = f'{{"action":"propose_contract","terms":{{"{term}":{text}}}}}'
    assert refused(action) == (f".terms.{term}", "must be an integer")


@pytest.mark.parametrize("term", NUMBERS)
def test_a_term_must_be_within_the_limits(term: str) -> None:
    problem = f"must be from -{INPUT_LIMIT} to {INPUT_LIMIT}"
    for number in (2**31, -(2**31)):
        action = {"action": "propose_contract", "terms": {term: number}}
        assert refused(action) == (f".terms.{term}", problem)
    for number in (INPUT_LIMIT, -INPUT_LIMIT, 0):
        terms: dict[str, Any] = {term: number}
        assert read({"action": "propose_contract", "terms": terms}).terms == Terms(**terms)


@pytest.mark.parametrize("text", ["5", "true", "[]", '["do-not-echo"]'])
def test_texts_of_contracts_must_be_texts(text: str) -> None:
    for action, field in (
        (f'{{"action":"propose_contract","kind":{text}}}', ".kind"),
        (f'{{"action":"propose_contract","counterparty":{text}}}', ".counterparty"),
        (f'{{"action":"propose_contract","arbitrator":{text}}}', ".arbitrator"),
        (f'{{"action":"propose_contract","terms":{{"settlement":{text}}}}}', ".terms.settlement"),
        (
            f'{{"action":"propose_contract","terms":{{"payload_hash":{text}}}}}',
            ".terms.payload_hash",
        ),
        (f'{{"action":"sell_information","payload":{text}}}', ".payload"),
        (f'{{"action":"arbitrator_ruling","in_favour_of":{text}}}', ".in_favour_of"),
    ):
        assert refused(action) == (field, "must be a string")


@pytest.mark.parametrize("terms", ['"do-not-echo"', "5", "[]", "true"])
def test_terms_must_be_an_object(terms: str) -> None:
    action = f'{{"action":"propose_contract","terms":{terms}}}'
    assert refused(action) == (".terms", "must be an object")


def test_a_term_that_no_kind_has_is_refused_by_name_of_those_there_are() -> None:
    field, problem = refused({"action": "propose_contract", "terms": {SECRET: 5}})
    assert field == ".terms"
    assert problem.startswith("has an unknown field; it may have due_turn, settlement")


@pytest.mark.parametrize(
    "action",
    [
        ProposeContract("loan", "b", "c", Terms(due_turn=2**31)),
        ProposeContract("loan", "b", "c", Terms(price="5")),  # type: ignore[arg-type]
        ProposeContract("loan", "b", "c", {"price": "5"}),  # type: ignore[arg-type]
        ProposeContract("loan", "b", "c", 5),  # type: ignore[arg-type]
        ProposeContract(5),  # type: ignore[arg-type]
        SignContract((1,)),  # type: ignore[arg-type]
        ConfirmDelivery((1, "2")),  # type: ignore[arg-type]
        ConfirmDelivery("2"),  # type: ignore[arg-type]
        ArbitratorRuling(1, 2),  # type: ignore[arg-type]
        SellInformation(1, b"map"),  # type: ignore[arg-type]
        SellInformation(1, "a\0b"),
        BidCore(True),
        BidCore(2**31),
    ],
)
def test_actions_built_in_python_are_held_to_the_same(action: Any) -> None:
    with pytest.raises(InputError):
        check_input(Input("a", action))
