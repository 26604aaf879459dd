"""Signed inputs and blocks: nobody acts for an agent, and a file alone proves who did what."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, get_type_hints

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from nacl.signing import SigningKey

from sim_economy.client import agent_key
from sim_economy.core.actions import RECOGNISED, Idle, Input, Mine, Stake
from sim_economy.core.codec import canonical, parse_input
from sim_economy.core.errors import SimEconomyError, StoreError
from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.credentials import signatures
from sim_economy.ledger.readers.reading import config_of, genesis_record
from sim_economy.ledger.records import (
    BlockRecord,
    Keys,
    Signature,
    TurnSigner,
    digest,
    genesis_of,
    read_record,
    recorded_inputs,
)
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import Finding, verify
from sim_economy.world.engine import Engine
from sim_economy.world.replay import replay
from sim_economy.world.world import World
from tests.api import ed25519
from tests.api.signers import (
    ANN,
    BOB,
    MINE,
    PUBLIC_KEYS,
    SignedHouse,
    Signer,
    message,
    signed_house,
)
from tests.api.wire_client import EngineProcess

STAKE: Final = {"action": "stake", "amount": 80}
SMALL_ORDER: Final = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
)
"""Keys with which a signature can hold over anything."""


@pytest.fixture
def house(ledger: Path) -> Iterator[SignedHouse]:
    with signed_house(ledger) as made:
        yield made


# Signing is what RFC 8032 and the page on the ledger say

VECTORS: Final = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
)
"""RFC 8032, section 7.1, tests 1 to 3: secret, public key, message, signature."""


@pytest.mark.parametrize(("secret", "key", "text", "signature"), VECTORS)
def test_the_vectors_of_rfc_8032_hold_here_and_in_plain_python(
    secret: str, key: str, text: str, signature: str
) -> None:
    seed, said = bytes.fromhex(secret), bytes.fromhex(text)
    assert ed25519.public_key(seed).hex() == signatures.EngineKey(seed).public_key == key
    assert ed25519.sign(seed, said).hex() == signature
    assert signatures.EngineKey(seed).sign(said) == Signature(key, signature)
    assert signatures.is_public_key(key)
    assert signatures.is_signed(key, signature, said)
    assert not signatures.is_signed(key, signature, said + b".")
    for at in (0, 31, 32, 63):
        flipped = bytearray.fromhex(signature)
        flipped[at] ^= 1
        assert not signatures.is_signed(key, flipped.hex(), said)
        assert not ed25519.holds(bytes.fromhex(key), bytes(flipped), said)


def test_a_signature_with_the_group_order_added_is_another_text_and_does_not_hold() -> None:
    _, key, text, signature = VECTORS[1]
    same = int.from_bytes(bytes.fromhex(signature[64:]), "little") + ed25519.L
    other = signature[:64] + same.to_bytes(32, "little").hex()
    assert not signatures.is_signed(key, other, bytes.fromhex(text))


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_is_none_and_signs_nothing(key: str) -> None:
    point = ed25519.decoded(bytes.fromhex(key))
    assert point is not None
    assert ed25519.same(ed25519.times(8, point), ed25519.NEUTRAL)
    assert not signatures.is_public_key(key)
    # With the neutral element as key, R = [S]B holds over any message in the plain equation.
    nonce = ed25519.encoded(ed25519.times(5, ed25519.BASE)) + (5).to_bytes(32, "little")
    assert not signatures.is_signed(key, nonce.hex(), b"anything")


def test_a_signature_under_a_key_of_small_order_would_hold_in_the_plain_equation() -> None:
    nonce = ed25519.encoded(ed25519.times(5, ed25519.BASE)) + (5).to_bytes(32, "little")
    assert ed25519.holds(bytes.fromhex(SMALL_ORDER[0]), nonce, b"anything")


def mixed_order() -> str:
    """A key of the main subgroup plus a point of order 8."""
    ann = ed25519.decoded(bytes.fromhex(ANN.public_key))
    small = ed25519.decoded(bytes.fromhex(SMALL_ORDER[4]))
    assert ann is not None
    assert small is not None
    return ed25519.encoded(ed25519.add(ann, small)).hex()


NO_KEYS: Final = {
    "of mixed order": mixed_order(),
    "off the curve": "02" + "00" * 31,
    "not reduced": (ed25519.P + 1).to_bytes(32, "little").hex(),
    "the prime itself": ed25519.P.to_bytes(32, "little").hex(),
    "in capitals": ANN.public_key.upper(),
    "too short": ANN.public_key[:-2],
    "odd": ANN.public_key[:-1],
    "too long": ANN.public_key + "00",
    "with blanks": ANN.public_key[:-2] + "  ",
    "with blanks between": ANN.public_key[:30] + "    " + ANN.public_key[34:],
    "with a line end": ANN.public_key[:-1] + "\n",
    "no hex": "g" * 64,
    "wide digits": "\uff11" * 64,
    "empty": "",
    **{f"of small order {index}": key for index, key in enumerate(SMALL_ORDER)},
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_what_is_no_key_is_told_from_one(name: str) -> None:
    assert signatures.is_public_key(ANN.public_key)
    assert not signatures.is_public_key(NO_KEYS[name])


def test_a_world_is_not_started_with_what_is_no_key(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        for key in NO_KEYS.values():
            body = {"agent_ids": ["ann", "bob"], "public_keys": {**PUBLIC_KEYS, "ann": key}}
            refused = engine.ask("POST", "/init", json.dumps(body).encode())
            assert (refused.status, refused.error["code"]) == (422, "scenario_invalid")
            assert refused.error["problems"] == [
                "public_keys: ann has no Ed25519 key, 64 hexadecimal digits"
            ]
        wrong: list[Any] = [[], "x", 5, {"ann": 5}, {"ann": None}, {"ann": [ANN.public_key]}]
        for keys in wrong:
            refused = engine.ask("POST", "/init", json.dumps({"public_keys": keys}).encode())
            assert (refused.status, refused.error["field"]) == (422, "public_keys")
    assert list(ledger.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"ann": ANN.public_key}, "public_keys: bob has none"),
        ({}, "public_keys: ann has none"),
        (
            {**PUBLIC_KEYS, "eve": ANN.public_key},
            "public_keys: names an agent that is not in the world",
        ),
    ],
)
def test_every_agent_of_a_signing_world_has_a_key_and_nobody_else(
    ledger: Path, keys: dict[str, str], problem: str
) -> None:
    with pytest.raises(SimEconomyError) as caught:
        Engine.open(ledger).start({}, ["ann", "bob"], keys)
    assert problem in str(caught.value)
    assert list(ledger.parent.iterdir()) == []


TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
AMOUNTS: Final = st.none() | st.integers(-(2**31) + 1, 2**31 - 1)


ONE_OR_MANY: Final = AMOUNTS | st.lists(st.integers(-5, 5), max_size=3)
VALUES: Final[dict[Any, st.SearchStrategy[Any]]] = {
    int: st.just(0) | st.integers(-5, 5),
    int | None: AMOUNTS,
    str | None: st.none() | TEXTS,
    int | tuple[int, ...] | None: ONE_OR_MANY,
}


def arguments_of(kind: type) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments as a client may send them: absent, null, 0 or set; terms likewise."""
    known = {
        name: hint
        for name, hint in get_type_hints(kind).items()
        if name in getattr(kind, "__struct_fields__", ())
    }
    return st.fixed_dictionaries(
        {},
        optional={
            name: VALUES[hint] if hint in VALUES else st.none() | arguments_of(hint)
            for name, hint in known.items()
        },
    )


@st.composite
def sent_actions(draw: st.DrawFn) -> dict[str, Any]:
    """Any action that rules know, or a name that none knows."""
    name = draw(st.sampled_from(sorted(RECOGNISED)) | TEXTS.filter(lambda text: text != ""))
    arguments = draw(arguments_of(RECOGNISED[name])) if name in RECOGNISED else {}
    return {"action": name, **arguments}


@given(
    action=sent_actions(),
    agent_id=TEXTS,
    speech=st.none() | TEXTS,
    turn=st.integers(1, 2**53),
    world=st.binary(max_size=8).map(digest),
)
@settings(max_examples=400)
@example({"action": "propose_contract", "terms": {"price": None, "cap": 0}}, "ann", None, 1, "")
@example({"action": "propose_contract", "terms": {"price": None}}, "ann", None, 1, "")
@example({"action": "propose_contract", "terms": {}}, "ann", None, 1, "")
@example({"action": "propose_contract", "terms": None}, "ann", None, 1, "")
@example({"action": "confirm_delivery", "contract_id": [2, 1]}, "ann", "", 1, "")
@example({"action": "stake", "amount": 0, "fee": 0}, "ann", None, 1, "")
def test_client_engine_and_page_make_the_same_message_of_every_action(
    action: dict[str, Any], agent_id: str, speech: str | None, turn: int, world: str
) -> None:
    expected = message(world, turn, agent_id, action, speech)
    assert agent_key.action_message(world, turn, agent_id, action, speech) == expected
    submitted = parse_input({"agent_id": agent_id, "action": action, "speech": speech})
    kept = json.loads(canonical(submitted))
    assert signatures.action_message(world, turn, kept) == expected


def test_client_and_engine_sign_needs_and_only_where_some_are_stated() -> None:
    need = {"limit_price": 30, "kind": "loan", "side": "seek", "amount": 200}
    bare = agent_key.action_message("", 1, "ann", {"action": "idle"}, None)
    signed = agent_key.action_message("", 1, "ann", {"action": "idle"}, None, [need])
    assert json.loads(signed) == {**json.loads(bare), "needs": [need]}
    sent = {"agent_id": "ann", "action": {"action": "idle"}, "needs": [need]}
    kept = json.loads(canonical(parse_input(sent)))
    assert signatures.action_message("", 1, kept) == signed


def test_the_page_on_the_ledger_shows_the_message_that_is_signed() -> None:
    page = (Path(__file__).parents[2] / "docs/spec/ledger.md").read_text(encoding="utf-8")
    shown = message("GENESIS HASH", 3, "ann", STAKE, "good morning").decode()
    assert f"\n    {shown}\n" in page


# What an agent may do


def test_an_agents_signed_action_is_accepted_and_played(house: SignedHouse) -> None:
    assert house.act(ANN, STAKE, 1, speech="guten Morgen \u2603").json() == {
        "accepted": True,
        "turn": 1,
        "closed": False,
    }
    assert house.act(BOB, MINE, 1).status_code == 200
    closed = house.call("operator", "POST", "/close", {"turn": 1}).json()["data"]
    assert (closed["inputs"], closed["rejections"]) == (2, [])
    assert closed["block_winner"] == "bob"
    found = verify(house.engine.started().store)
    assert (found.finding, found.signatures) == (None, 2 + 2)


def test_an_agent_with_plain_python_and_the_page_is_accepted(house: SignedHouse) -> None:
    text = message(house.world, 1, "ann", {"action": "transfer", "to": "bob", "amount": 5})
    body = {
        "action": {"action": "transfer", "to": "bob", "amount": 5, "fee": 0},
        "signature": ed25519.sign(ANN.secret, text).hex(),
    }
    assert house.call("ann", "POST", "/agents/ann/action", body).status_code == 200


def test_the_worlds_name_for_signing_is_the_hash_of_its_first_record(house: SignedHouse) -> None:
    shown = house.call("bob", "GET", "/genesis").json()
    line = house.engine.started().store.genesis_line()
    assert shown["genesis"] == sha256(line).hexdigest()
    assert shown["public_keys"] == PUBLIC_KEYS
    assert json.loads(line)["keys"] == {"engine": shown["engine_key"], "agents": PUBLIC_KEYS}


def wrongly_signed(world: str) -> dict[str, str | None]:
    """Signatures that are none of ann's over a stake of 80 in turn 1."""
    right = ANN.signature(world, 1, STAKE)
    more = int.from_bytes(bytes.fromhex(right[64:]), "little") + ed25519.L
    return {
        "none": None,
        "by another": BOB.signature(world, 1, STAKE, agent_id="ann"),
        "for another agent": ANN.signature(world, 1, STAKE, agent_id="bob"),
        "for another turn": ANN.signature(world, 2, STAKE),
        "for another world": ANN.signature(digest(b""), 1, STAKE),
        "for another action": ANN.signature(world, 1, {"action": "burn", "amount": 80}),
        "for another amount": ANN.signature(world, 1, {"action": "stake", "amount": 81}),
        "for an amount as text": ANN.signature(world, 1, {"action": "stake", "amount": "80"}),
        "with a tip": ANN.signature(world, 1, {**STAKE, "fee": 1}),
        "with a speech": ANN.signature(world, 1, STAKE, "hello"),
        "with an empty speech": ANN.signature(world, 1, STAKE, ""),
        "with its order added": right[:64] + more.to_bytes(32, "little").hex(),
        "all zeros": "00" * 64,
        "flipped": f"{right[:-2]}{int(right[-2:], 16) ^ 1:02x}",
        "its halves swapped": right[64:] + right[:64],
    }


MALFORMED: Final[dict[str, Callable[[str], Any]]] = {
    "truncated": lambda right: right[:-2],
    "longer": lambda right: right + "00",
    "in capitals": str.upper,
    "empty": lambda right: "",
    "with blanks": lambda right: right[:-2] + "  ",
    "with a line end": lambda right: right + "\n",
    "wide digits": lambda right: "\uff11" * 128,
    "a number": lambda right: int(right, 16),
    "a list": lambda right: [right],
    "true": lambda right: True,
}


@pytest.mark.parametrize("name", wrongly_signed(""))
def test_what_its_agent_did_not_sign_is_a_403_and_nothing_is_written(
    house: SignedHouse, name: str
) -> None:
    signature = wrongly_signed(house.world)[name]
    alone = house.call(
        "ann", "POST", "/agents/ann/action", {"action": STAKE, "signature": signature}
    )
    sent = {"agent_id": "ann", "action": STAKE, "signature": signature}
    batch = house.turn({"agent_id": "bob", "action": {"action": "idle"}}, sent)
    for index, refused in ((0, alone), (1, batch)):
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (403, "signature_invalid")
        assert error["position"] == index
    assert house.unmoved()


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_signature_is_a_422_that_names_the_field(house: SignedHouse, name: str) -> None:
    signature = MALFORMED[name](ANN.signature(house.world, 1, STAKE))
    sent = {"action": STAKE, "signature": signature}
    alone = house.call("ann", "POST", "/agents/ann/action", sent)
    batch = house.turn({"agent_id": "ann", **sent})
    for field, refused in (("signature", alone), ("inputs[0].signature", batch)):
        error = refused.json()["error"]
        assert (refused.status_code, error["field"]) == (422, field)
        assert len(refused.content) < 500
    assert house.unmoved()


def test_a_submission_sent_again_in_the_next_turn_is_refused(house: SignedHouse) -> None:
    house.act(ANN, STAKE, 1)
    house.call("operator", "POST", "/close", {})
    head = house.engine.started().head
    assert house.act(ANN, STAKE, 1).status_code == 403
    sent = {"agent_id": "ann", "action": STAKE, "signature": ANN.signature(house.world, 1, STAKE)}
    assert house.turn(sent).status_code == 403
    assert house.engine.started().head == head
    assert house.engine.started().accepted() == []


def test_a_submission_of_one_world_is_refused_in_its_twin(
    house: SignedHouse, tmp_path: Path
) -> None:
    with signed_house(tmp_path / "twin.db") as twin:
        assert twin.world != house.world
        sent = {"action": STAKE, "signature": ANN.signature(house.world, 1, STAKE)}
        assert house.call("ann", "POST", "/agents/ann/action", sent).status_code == 200
        assert twin.call("ann", "POST", "/agents/ann/action", sent).status_code == 403
        assert twin.unmoved()


def test_a_token_alone_acts_for_nobody_and_a_signature_alone_neither(house: SignedHouse) -> None:
    sent = {"action": STAKE, "signature": ANN.signature(house.world, 1, STAKE)}
    assert house.call("bob", "POST", "/agents/ann/action", sent).status_code == 403
    assert house.client.post("/agents/ann/action", json=sent).status_code == 401
    assert house.unmoved()


# What the operator may do


def test_the_operators_batch_carries_each_agents_signature(house: SignedHouse) -> None:
    ann = {"agent_id": "ann", "action": STAKE, "signature": ANN.signature(house.world, 1, STAKE)}
    bob = {"agent_id": "bob", "action": MINE}
    assert house.turn(ann, bob).json()["error"]["position"] == 1
    assert house.unmoved()
    signed = {**bob, "signature": BOB.signature(house.world, 1, MINE)}
    assert house.turn(ann, signed).json()["data"]["rejections"] == []
    assert house.engine.started().turn_number == 1


def test_the_operator_cannot_act_or_speak_for_an_agent(house: SignedHouse) -> None:
    house.act(BOB, MINE, 1)
    need = {"kind": "loan", "side": "seek", "amount": 5, "limit_price": 1}
    for sent in (
        {"agent_id": "ann", "action": MINE},
        {"agent_id": "ann", "action": {"action": "idle"}, "needs": [need]},
        {"agent_id": "ann", "action": {"action": "idle"}, "speech": "I resign"},
        {"agent_id": "ann", "action": {"action": "idle"}, "speech": ""},
        {"agent_id": "ann", "action": {"action": "speak"}, "speech": "I resign"},
        {"agent_id": "ann", "action": {"action": "resign"}},
    ):
        assert house.turn(sent).status_code == 403
        path = "/agents/ann/action"
        own = {name: value for name, value in sent.items() if name != "agent_id"}
        assert house.call("operator", "POST", path, own).status_code == 403
    assert house.engine.started().turn_number == 0
    assert [held.agent_id for held in house.engine.started().accepted()] == ["bob"]


def test_usage_is_the_operators_to_state_and_is_not_signed(house: SignedHouse) -> None:
    house.act(ANN, MINE, 1)
    usage = {"ann": {"output_units": 150}, "bob": {"thinking_units": 600, "output_units": 70}}
    closed = house.call("operator", "POST", "/close", {"usage": usage}).json()["data"]
    assert (closed["inputs"], closed["inference_fees_collected"]) == (2, 50 + 30)
    idle = {"agent_id": "bob", "action": {"action": "idle"}, "output_units": 130}
    mine = {
        "agent_id": "ann",
        "action": MINE,
        "output_units": 110,
        "signature": ANN.signature(house.world, 2, MINE),
    }
    data = house.turn(idle, mine).json()["data"]
    assert (data["inference_fees_collected"], data["rejections"]) == (30 + 10, [])
    found = verify(house.engine.started().store)
    assert found.finding is None
    assert found.signatures == 3 + 2, "three blocks, two signed inputs"


def test_somebody_unknown_in_a_batch_is_refused_by_a_rule_and_not_with_a_signature(
    house: SignedHouse,
) -> None:
    eve = {"agent_id": "eve", "action": MINE}
    signed = {**eve, "signature": Signer("eve").signature(house.world, 1, MINE)}
    assert house.turn(signed).status_code == 403
    by_ann = {**eve, "signature": ANN.signature(house.world, 1, MINE, agent_id="eve")}
    assert house.turn(by_ann).status_code == 403
    assert house.unmoved()
    (refused,) = house.turn(eve).json()["data"]["rejections"]
    assert refused["reason"] == "unknown_agent"
    assert verify(house.engine.started().store).holds


def test_a_signature_is_not_taken_where_nothing_is_signed(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        engine.call("/init", {"agent_ids": ["ann", "bob"]})
        sent = {"action": STAKE, "signature": ANN.signature(digest(b""), 1, STAKE)}
        for path, body in (
            ("/agents/ann/action", sent),
            ("/turn", {"inputs": [{"agent_id": "ann", **sent}]}),
        ):
            refused = engine.ask("POST", path, json.dumps(body).encode())
            assert (refused.status, refused.error["field"]) == (422, "signature")
        assert engine.call("/state")["turn"] == 0
        assert engine.call("/genesis")["public_keys"] is None


def test_an_engine_whose_agents_sign_starts_no_world_without_their_keys(ledger: Path) -> None:
    with EngineProcess(
        ledger, SIM_ENGINE_AUTH="signatures", SIM_ENGINE_ADMIN_TOKEN="operator"
    ) as engine:
        token = {"Authorization": "Bearer operator"}
        body = json.dumps({"agent_ids": ["ann", "bob"]}).encode()
        refused = engine.ask("POST", "/init", body, **token)
        assert (refused.status, refused.error["code"]) == (422, "scenario_invalid")
        assert "public_keys" in refused.error["problems"][0]
        assert not ledger.exists()


def test_signed_turns_and_waiting_actions_survive_a_kill(ledger: Path) -> None:
    settings: dict[str, Any] = {
        "SIM_ENGINE_AUTH": "signatures",
        "SIM_ENGINE_ADMIN_TOKEN": "operator",
    }
    token = {"Authorization": "Bearer operator"}
    with EngineProcess(ledger, **settings) as engine:
        body = {"agent_ids": ["ann", "bob"], "public_keys": PUBLIC_KEYS}
        engine.call("/init", body, **token)
        world = engine.call("/genesis", **token)["genesis"]
        sent = {"agent_id": "bob", "action": MINE, "signature": BOB.signature(world, 1, MINE)}
        engine.call("/turn", {"inputs": [sent]}, **token)
        waiting = {"action": STAKE, "signature": ANN.signature(world, 2, STAKE)}
        engine.call("/agents/ann/action", waiting, **token)
        head = engine.call("/head", **token)
        engine.kill()
    assert verify(ledger).finding is None
    with EngineProcess(ledger, **settings) as engine:
        assert engine.call("/head", **token) == head
        assert engine.call("/close", {}, **token)["data"]["inputs"] == 1
        assert engine.call("/verification", **token)["finding"] is None


# The engine's own key


def test_the_engines_key_is_kept_where_only_its_owner_can_read_it(house: SignedHouse) -> None:
    path = Path(f"{house.engine.location.sidecar}.key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = path.read_text(encoding="ascii")
    key = bytes(SigningKey(bytes.fromhex(secret)).verify_key).hex()
    assert house.call("ann", "GET", "/genesis").json()["engine_key"] == key
    for file in path.parent.iterdir():
        assert file == path or secret.encode() not in file.read_bytes()
    shown = [
        house.call("operator", "GET", page).text
        for page in ("/genesis", "/blocks", "/turns", "/config", "/commitment", "/head")
    ]
    assert not any(secret in text for text in shown)


LOST_KEYS: Final[dict[str, bytes | None]] = {
    "missing": None,
    "another's": b"11" * 32,
    "cut off": b"11" * 31,
    "empty": b"",
    "no hex": b"zz" * 32,
    "no text": bytes(range(128, 192)),
}


@pytest.mark.parametrize("name", LOST_KEYS)
def test_without_its_key_a_world_is_not_played_on_but_read_and_verified(
    signed_ledger: Path, tmp_path: Path, name: str
) -> None:
    ledger = moved(signed_ledger, tmp_path, "head")
    path, lost = tmp_path / "world.db.key", LOST_KEYS[name]
    if lost is not None:
        path.write_bytes(lost)
    engine = EngineProcess(ledger)
    assert engine.process.wait(10) == 1
    assert engine.messages() == (
        f"sim-engine: {path}: holds no key of this world; restore the file: without it the world "
        "can be read and verified, not played on\n"
    )
    with pytest.raises(StoreError) as caught:
        Engine.open(ledger)
    assert caught.value.code == "credentials_missing"
    assert verify(ledger).holds
    assert replay(ledger).turn == TURNS
    with World.open(ledger) as world, pytest.raises(StoreError) as unsigned:
        world.turn()
    assert unsigned.value.code == "credentials_missing"


# What the file alone proves

TURNS: Final = 6


@pytest.fixture(scope="module")
def signed_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of signed turns in which each agent stakes once, in turns 3 and 4; one waits."""
    ledger = tmp_path_factory.mktemp("signed") / "world.db"
    with signed_house(ledger) as house:
        for turn in range(1, TURNS + 1):
            house.act(ANN, STAKE if turn == 3 else MINE, turn, speech=f"turn {turn}")
            house.act(BOB, STAKE if turn == 4 else MINE, turn)
            usage = {"ann": {"output_units": 100 + turn}}
            house.call("operator", "POST", "/close", {"usage": usage})
        house.act(ANN, MINE, TURNS + 1)
    return ledger


def copied(ledger: Path, folder: Path) -> Path:
    """The file alone, without key, tokens or head."""
    return shutil.copyfile(ledger, folder / "world.db")


def moved(ledger: Path, folder: Path, *sidecar: str) -> Path:
    """The file with some of what lies beside it."""
    for suffix in sidecar:
        shutil.copyfile(f"{ledger}.{suffix}", folder / f"world.db.{suffix}")
    return copied(ledger, folder)


Change = Callable[
    [int, list[Input], list[Signature | None]], tuple[list[Input], list[Signature | None]]
]


def as_it_was(
    turn: int, inputs: list[Input], signed: list[Signature | None]
) -> tuple[list[Input], list[Signature | None]]:
    return inputs, signed


def resealed(ledger: Path, target: Path, change: Change, sign: TurnSigner) -> Path:
    """The ledger written anew with other inputs or signatures: every digest and hash holds."""
    with closing(SQLiteStore.open(ledger, read_only=True)) as store:
        first = genesis_record(store)
        world = World(
            config_of(first),
            store=SQLiteStore.new(target),
            world_id=first.world_id,
            keys=first.keys,
            sign=sign,
        )
        for stored in store.read(1):
            record = read_record(stored.line)
            held = list(record.signatures) or [None] * len(record.inputs)
            inputs, signed = change(record.turn, recorded_inputs(record), held)
            world.turn(inputs, ends=record.ends, signatures=signed)
    world.close()
    return target


def by(key: signatures.EngineKey, world: str) -> TurnSigner:
    return lambda turn, block, head: key.sign(signatures.turn_message(world, turn, block, head))


def engines_key(ledger: Path) -> signatures.EngineKey:
    text = Path(f"{ledger}.key").read_text(encoding="ascii")
    return signatures.EngineKey(bytes.fromhex(text))


def world_of(ledger: Path) -> str:
    with closing(SQLiteStore.open(ledger, read_only=True)) as store:
        return digest(store.genesis_line())


def test_the_file_alone_proves_every_signature(signed_ledger: Path, tmp_path: Path) -> None:
    found = verify(copied(signed_ledger, tmp_path))
    assert found.finding is None
    assert found.turns == TURNS
    blocks = TURNS + 1
    assert found.signatures == 2 * TURNS + blocks + 1, "and one that waits"


def test_every_signature_of_the_file_holds_in_plain_python_too(signed_ledger: Path) -> None:
    world = world_of(signed_ledger)
    with closing(sqlite3.connect(f"file:{signed_ledger}?mode=ro", uri=True)) as reader:
        (first,) = reader.execute("SELECT data FROM genesis").fetchone()
        keys = json.loads(first)["keys"]
        signed = reader.execute("SELECT turn, data, public_key, signature FROM inputs").fetchall()
        blocks = reader.execute("SELECT turn, data, public_key, signature FROM blocks").fetchall()
    assert (len(signed), len(blocks)) == (2 * TURNS, TURNS + 1)
    for turn, data, key, signature in signed:
        sent = json.loads(data)
        assert key == keys["agents"][sent["agent_id"]]
        said = message(world, turn, sent["agent_id"], sent["action"], sent.get("speech"))
        assert ed25519.holds(bytes.fromhex(key), bytes.fromhex(signature), said)
    with closing(SQLiteStore.open(signed_ledger, read_only=True)) as store:
        heads, before = {}, world
        for stored in store.read():
            bare = re.sub(rb'"block_signature":\[[^]]*\]', b'"block_signature":null', stored.line)
            heads[stored.turn] = sha256(before.encode() + b"\n" + bare).hexdigest()
            before = stored.head_hash
    for turn, data, key, signature in blocks:
        assert key == keys["engine"]
        block = json.loads(data)["hash"]
        told = {"block": block, "head": heads[turn], "turn": turn, "world": world}
        text = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
        assert ed25519.holds(bytes.fromhex(key), bytes.fromhex(signature), text)


def test_a_replay_of_signed_turns_gives_the_same_bytes(signed_ledger: Path, tmp_path: Path) -> None:
    alone = copied(signed_ledger, tmp_path)
    with closing(SQLiteStore.open(alone, read_only=True)) as store:
        assert replay(alone) == store.head()
    key, world = engines_key(signed_ledger), world_of(signed_ledger)
    again = resealed(alone, tmp_path / "again.db", as_it_was, by(key, world))
    with closing(SQLiteStore.open(again, read_only=True)) as store:
        assert store.head() == replay(alone), "signing is deterministic"
    assert verify(again).holds


def in_turn(turn: int, edit: Callable[[list[Input], list[Any]], None]) -> Change:
    """A change of the inputs and signatures of one turn."""

    def changed(
        number: int, inputs: list[Input], signed: list[Signature | None]
    ) -> tuple[list[Input], list[Signature | None]]:
        if number == turn:
            edit(inputs, signed)
        return inputs, signed

    return changed


def flip(inputs: list[Input], signed: list[Any]) -> None:
    text = signed[1].signature
    signed[1] = Signature(signed[1].public_key, f"{int(text[:2], 16) ^ 1:02x}{text[2:]}")


def use_twice(inputs: list[Input], signed: list[Any]) -> None:
    signed[1] = signed[0]


def remove_one(inputs: list[Input], signed: list[Any]) -> None:
    signed[1] = None


def put_in_capitals(inputs: list[Input], signed: list[Any]) -> None:
    signed[0] = Signature(signed[0].public_key.upper(), signed[0].signature)


def forge_an_amount(inputs: list[Input], signed: list[Any]) -> None:
    inputs[0] = replace(inputs[0], action=Stake(81))


def put_words_in_a_mouth(inputs: list[Input], signed: list[Any]) -> None:
    inputs[1] = replace(inputs[1], speech="I resign")


def exchange_the_agents(inputs: list[Input], signed: list[Any]) -> None:
    ann, bob = inputs
    inputs[:] = replace(ann, agent_id="bob"), replace(bob, agent_id="ann")


def make_one_up(inputs: list[Input], signed: list[Any]) -> None:
    inputs.append(Input("ann", Mine()))
    signed.append(None)


ALTERED: Final[dict[str, tuple[int, Callable[[list[Input], list[Any]], None], int]]] = {
    "a flipped signature": (2, flip, 1),
    "two signatures swapped": (2, lambda inputs, signed: signed.reverse(), 0),
    "a signature used twice": (2, use_twice, 1),
    "a removed signature": (2, remove_one, 1),
    "all signatures removed": (2, lambda inputs, signed: signed.clear(), 0),
    "a key in capitals": (2, put_in_capitals, 0),
    "a forged amount": (3, forge_an_amount, 0),
    "a forged speech": (5, put_words_in_a_mouth, 1),
    "an action given to another": (3, exchange_the_agents, 0),
    "an action made up": (TURNS, make_one_up, 2),
}
"""The turn, what is done to it, and the input that betrays it."""


@pytest.mark.parametrize("name", ALTERED)
def test_who_holds_the_engines_key_and_seals_the_ledger_anew_is_betrayed_by_an_agents_signature(
    signed_ledger: Path, tmp_path: Path, name: str
) -> None:
    turn, edit, index = ALTERED[name]
    sign = by(engines_key(signed_ledger), world_of(signed_ledger))
    target = resealed(signed_ledger, tmp_path / "sealed.db", in_turn(turn, edit), sign)
    assert replay(target).turn == TURNS, "every digest, hash and rule holds"
    assert verify(target).finding == Finding(turn, f"input {index} is not signed by its agent")


def test_an_action_repeated_in_a_later_turn_is_betrayed_by_its_own_signature(
    signed_ledger: Path, tmp_path: Path
) -> None:
    kept: list[Any] = []

    def change(turn: int, inputs: list[Input], signed: list[Any]) -> tuple[Any, Any]:
        kept.append((inputs[0], signed[0]))
        if turn == TURNS:
            inputs[0], signed[0] = kept[0]
        return inputs, signed

    sign = by(engines_key(signed_ledger), world_of(signed_ledger))
    target = resealed(signed_ledger, tmp_path / "sealed.db", change, sign)
    assert replay(target).turn == TURNS
    assert verify(target).finding == Finding(TURNS, "input 0 is not signed by its agent")


def test_whoever_lacks_the_engines_key_can_reword_no_thought_and_leave_out_no_input(
    signed_ledger: Path, tmp_path: Path
) -> None:
    with closing(SQLiteStore.open(signed_ledger, read_only=True)) as store:
        kept = {
            record.turn: record.block_signature
            for record in (read_record(stored.line) for stored in store.read())
        }

    def copied_signature(turn: int, block: BlockRecord | None, head: str) -> Signature | None:
        return kept[turn]

    def reworded(
        turn: int, inputs: list[Input], signed: list[Signature | None]
    ) -> tuple[list[Input], list[Signature | None]]:
        if turn == 2:
            inputs = [replace(inputs[0], thinking="what it never thought"), *inputs[1:]]
        return inputs, signed

    def left_out(
        turn: int, inputs: list[Input], signed: list[Signature | None]
    ) -> tuple[list[Input], list[Signature | None]]:
        return (inputs, signed) if turn != 2 else (inputs[:-1], signed[:-1])

    assert verify(resealed(signed_ledger, tmp_path / "same.db", as_it_was, copied_signature)).holds
    for number, change in enumerate((reworded, left_out)):
        target = resealed(signed_ledger, tmp_path / f"{number}.db", change, copied_signature)
        assert replay(target).turn == TURNS
        found = verify(target).finding
        assert found is not None
        assert (found.turn, found.problem) == (2, "the block is not signed by the engine")


@pytest.mark.parametrize("named", ["its own key", "the engine's key"])
def test_blocks_signed_by_another_key_are_found(
    signed_ledger: Path, tmp_path: Path, named: str
) -> None:
    world, other = world_of(signed_ledger), signatures.EngineKey(b"\x05" * 32)
    real = engines_key(signed_ledger)

    def sign(turn: int, block: BlockRecord | None, head: str) -> Signature:
        text = signatures.turn_message(world, turn, block, head)
        if turn != 4:
            return real.sign(text)
        made = other.sign(text)
        return made if named == "its own key" else Signature(real.public_key, made.signature)

    target = resealed(signed_ledger, tmp_path / "sealed.db", as_it_was, sign)
    assert verify(target).finding == Finding(4, "the block is not signed by the engine")


@pytest.mark.parametrize("turn", [0, 1, TURNS])
def test_a_block_without_a_signature_or_with_that_of_another_block_is_found(
    signed_ledger: Path, tmp_path: Path, turn: int
) -> None:
    world, key = world_of(signed_ledger), engines_key(signed_ledger)
    for number, made in enumerate((None, key.sign(b"another block"))):

        def sign(
            at: int, block: BlockRecord | None, head: str, made: Signature | None = made
        ) -> Signature | None:
            if at == turn:
                return made
            return key.sign(signatures.turn_message(world, at, block, head))

        target = resealed(signed_ledger, tmp_path / f"{number}.db", as_it_was, sign)
        assert verify(target).finding == Finding(turn, "the block is not signed by the engine")


def quiet_turns(version: RulesVersion, sign: Callable[[str], TurnSigner]) -> World:
    """A world that signs, at the end of which no turn has a block."""
    engine = signatures.EngineKey(sha256(b"engine").digest())
    config = parse_world_config({"num_agents": 2}, agent_ids=["ann", "bob"]).under_rules(version)
    keys = Keys(engine.public_key, dict(PUBLIC_KEYS))
    genesis = digest(canonical(genesis_of(config, "default", keys)))
    world = World(config, keys=keys, sign=sign(genesis))
    for _ in range(3):
        world.turn()
    return world


def test_turns_without_a_block_are_signed_too_the_last_ones_above_all() -> None:
    engine = signatures.EngineKey(sha256(b"engine").digest())
    world = quiet_turns(RulesVersion.V3, lambda genesis: by(engine, genesis))
    assert [stored.record.block is None for stored in world.store.read(1)] == [True] * 3
    assert verify(world.store).holds
    assert verify(world.store).signatures == 4
    assert replay(world.store) == world.head

    def all_but_the_last(genesis: str) -> TurnSigner:
        real = by(engine, genesis)
        return lambda turn, block, head: None if turn == 3 else real(turn, block, head)

    def of_another_head(genesis: str) -> TurnSigner:
        real = by(engine, genesis)
        return lambda turn, block, head: real(turn, block, "0" * 64 if turn == 2 else head)

    for sign, turn in ((all_but_the_last, 3), (of_another_head, 2)):
        found = verify(quiet_turns(RulesVersion.V3, sign).store).finding
        assert found == Finding(turn, "the turn is not signed by the engine")


def test_under_version_2_blocks_alone_are_signed() -> None:
    engine = signatures.EngineKey(sha256(b"engine").digest())
    world = quiet_turns(RulesVersion.V2, lambda genesis: by(engine, genesis))
    assert [stored.record.block_signature for stored in world.store.read(1)] == [None] * 3
    assert verify(world.store).holds
    assert replay(world.store) == world.head


@pytest.mark.parametrize(
    "line",
    [
        "json_set(line, '$.signatures[0][1]', substr(line ->> '$.signatures[0][1]', 2))",
        "json_set(line, '$.signatures[1]', NULL)",
        "json_set(line, '$.signatures[0][1]', upper(line ->> '$.signatures[0][1]'))",
        "json_set(line, '$.block_signature[1]', upper(line ->> '$.block_signature[1]'))",
        "json_set(line, '$.block_signature', NULL)",
        "replace(line, 'mine', 'idle')",
    ],
)
def test_an_altered_line_is_found_by_its_turn(
    signed_ledger: Path, tmp_path: Path, line: str
) -> None:
    ledger = copied(signed_ledger, tmp_path)
    with closing(sqlite3.connect(ledger)) as vandal:
        kept = vandal.execute("SELECT line FROM turns WHERE turn = 2").fetchone()
        vandal.execute(f"UPDATE turns SET line = {line} WHERE turn = 2")
        vandal.commit()
        assert vandal.execute("SELECT line FROM turns WHERE turn = 2").fetchone() != kept
    finding = verify(ledger).finding
    assert finding is not None
    assert finding.turn == 2


@pytest.mark.parametrize(
    ("signature", "sent"),
    [
        (None, Input("bob", Mine())),
        (Signature(BOB.public_key, "00" * 64), Input("bob", Mine())),
        (Signature(ANN.public_key, "00" * 64), Input("bob", Mine())),
        (None, Input("bob", Idle(), speech="I resign")),
    ],
)
def test_a_waiting_input_its_agent_did_not_sign_is_found(
    signed_ledger: Path, tmp_path: Path, signature: Signature | None, sent: Input
) -> None:
    ledger = copied(signed_ledger, tmp_path)
    with World.open(ledger) as world:
        world.submit(sent, signature)
    assert verify(ledger).finding == Finding(
        TURNS + 1, "an accepted input is not signed by its agent"
    )


def test_keys_exchanged_in_genesis_make_another_world(signed_ledger: Path, tmp_path: Path) -> None:
    ledger = copied(signed_ledger, tmp_path)
    with closing(sqlite3.connect(ledger)) as vandal:
        vandal.execute(
            "UPDATE genesis SET data = replace(data, ?, ?)",
            (ANN.public_key, Signer("eve").public_key),
        )
        vandal.commit()
    finding = verify(ledger).finding
    assert finding is not None
    assert finding.turn == 0


# Without the library

BLOCKED: Final = "import sys; sys.modules['nacl'] = None; sys.argv[0] = 'sim-economy'; "


def without_nacl(
    code: str, *arguments: str | Path, **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + code, *map(str, arguments)],
        env={"PATH": os.environ["PATH"], **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


COMMAND: Final = "from sim_economy.cli import main; main()"
ADVICE: Final = "pip install 'sim-economy[signatures]'"


def test_without_pynacl_what_needs_it_says_so_and_the_rest_goes_on(
    signed_ledger: Path, tmp_path: Path
) -> None:
    for command in ("verify", "backup"):
        more = (tmp_path / "copy.db",) if command == "backup" else ()
        ended = without_nacl(COMMAND, command, signed_ledger, *more)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ADVICE in ended.stderr
        assert "Traceback" not in ended.stderr
    assert not (tmp_path / "copy.db").exists()
    assert without_nacl(COMMAND, "replay", signed_ledger).returncode == 0
    ended = without_nacl(COMMAND, "key", tmp_path / "agent.key")
    assert ended.returncode == 2
    assert ADVICE in ended.stderr
    assert not (tmp_path / "agent.key").exists()
    World.create(tmp_path / "plain.db").close()
    assert without_nacl(COMMAND, "verify", tmp_path / "plain.db").returncode == 0


def test_without_pynacl_an_engine_does_not_start_on_signed_turns(
    signed_ledger: Path, tmp_path: Path
) -> None:
    ledger = moved(signed_ledger, tmp_path, "head", "key")
    code = "from sim_economy.api.server import main; main()"
    ended = without_nacl(code, DB_PATH=str(ledger), PORT="0")
    assert ended.returncode == 1
    assert ended.stderr.startswith("sim-engine: signing needs PyNaCl; ")
    assert ended.stderr.count("\n") == 1


def test_without_pynacl_no_world_is_started_that_would_need_it(tmp_path: Path) -> None:
    ledger = tmp_path / "world.db"
    code = (
        f"from sim_economy.world.engine import Engine\n"
        f"Engine.open({str(ledger)!r}).start({{}}, ['ann', 'bob'], {PUBLIC_KEYS!r})"
    )
    ended = without_nacl(code)
    assert "ExtraMissingError" in ended.stderr
    assert list(tmp_path.iterdir()) == []
