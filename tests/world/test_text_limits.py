"""Texts and lists beyond their limits: not kept, and what they were sent for is refused."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sim_economy.core.actions import (
    ArbitratorRuling,
    ConfirmDelivery,
    Cut,
    DisputeDelivery,
    Input,
    Mine,
    ProposeContract,
    SellInformation,
    SignContract,
    Speak,
    Stake,
    Transfer,
    Unrecognised,
)
from sim_economy.core.codec import canonical, parse_input, parse_json
from sim_economy.core.contracts import ContractKind, Terms
from sim_economy.core.errors import InputError
from sim_economy.core.events import RejectionReason as Reason
from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.state import encode_state
from sim_economy.core.text_limits import check_lengths, within_limits
from sim_economy.core.world_config import config_values, parse_world_config
from sim_economy.ledger.fold import Fold
from sim_economy.ledger.readers.reading import genesis_record
from sim_economy.ledger.records import read_record, recorded_inputs
from sim_economy.ledger.verify import verify
from sim_economy.world.engine import Engine
from sim_economy.world.replay import replay
from sim_economy.world.world import World
from tests.api.signers import ANN, SignedHouse, signed_house

CONFIG = parse_world_config({"num_agents": 3})
SECRET: Final = "never-kept"


def long(characters: int) -> str:
    return (SECRET * (characters // len(SECRET) + 1))[:characters]


SALE: Final = {
    "kind": ContractKind.INFORMATION_SALE.value,
    "counterparty": "agent_1",
    "arbitrator": "agent_2",
}
TERMS: Final = Terms(due_turn=9, price=1, payload_hash="0" * 64)

REFUSED: Final[list[tuple[Input, str, int, Reason]]] = [
    (Input("agent_0", Speak(), speech=long(501)), "speech", 501, Reason.SPEECH_TOO_LONG),
    (Input("agent_0", Mine(), 7, 9, speech=long(99_999)), "speech", 99_999, Reason.SPEECH_TOO_LONG),
    (
        Input("agent_0", SellInformation(1, long(10_001))),
        "action.payload",
        10_001,
        Reason.PAYLOAD_TOO_LONG,
    ),
    (
        Input("agent_0", SellInformation(None, long(10_001))),
        "action.payload",
        10_001,
        Reason.CONTRACT_MISSING,
    ),
    (Input(long(65), Mine()), "agent_id", 65, Reason.UNKNOWN_AGENT),
    (Input("agent_0", Transfer(long(65), 5)), "action.to", 65, Reason.RECIPIENT_UNKNOWN),
    (
        Input("agent_0", ProposeContract(**{**SALE, "kind": long(65)}, terms=TERMS)),
        "action.kind",
        65,
        Reason.KIND_UNKNOWN,
    ),
    (
        Input("agent_0", ProposeContract(**{**SALE, "counterparty": long(999)}, terms=TERMS)),
        "action.counterparty",
        999,
        Reason.PARTY_UNKNOWN,
    ),
    (
        Input("agent_0", ProposeContract(**{**SALE, "arbitrator": long(65)}, terms=TERMS)),
        "action.arbitrator",
        65,
        Reason.PARTY_UNKNOWN,
    ),
    (
        Input("agent_0", ProposeContract(**SALE, terms=replace(TERMS, settlement=long(65)))),
        "action.terms.settlement",
        65,
        Reason.SETTLEMENT_NOT_OF_KIND,
    ),
    (
        Input("agent_0", ProposeContract(**SALE, terms=replace(TERMS, payload_hash=long(65)))),
        "action.terms.payload_hash",
        65,
        Reason.PAYLOAD_HASH_MALFORMED,
    ),
    (
        Input("agent_0", ArbitratorRuling(1, long(65))),
        "action.in_favour_of",
        65,
        Reason.FAVOUR_UNKNOWN,
    ),
]
"""Refused on every route, as names that nobody has or for their own reasons."""

SHORTENED: Final[list[tuple[Input, str, int]]] = [
    (Input("agent_0", Unrecognised(long(65))), "action.action", 65),
    (Input("agent_0", ConfirmDelivery(tuple(range(101)))), "action.contract_id", 101),
    (Input("agent_0", DisputeDelivery((1,) * 4_000)), "action.contract_id", 4_000),
    (Input("agent_0", ArbitratorRuling((1,) * 101, "proposer")), "action.contract_id", 101),
]
"""The caller's error where one agent acts; `text_too_long` in a batch."""

AT_THE_LIMIT: Final = [
    Input("agent_0", Speak(), thinking=long(20_000), speech=long(500)),
    Input("agent_0", Unrecognised(long(64))),
    Input("agent_0", ConfirmDelivery(tuple(range(100)))),
    Input("agent_0", SellInformation(1, long(10_000))),
    Input("agent_0", Transfer(long(64), 5)),
    Input("agent_0", Speak(), speech="\U0001f600" * 500),
]


def kept_line(world: World) -> bytes:
    (stored,) = world.store.read(world.turn_number, world.turn_number)
    return stored.line


def holds(world: World) -> bool:
    """Whether the ledger proves itself and its rules give it again."""
    return verify(world.store).holds and replay(world.store) == world.head


@pytest.mark.parametrize("submitted", AT_THE_LIMIT)
def test_what_is_at_its_limit_is_kept_whole(submitted: Input) -> None:
    check_lengths(submitted, CONFIG)
    assert within_limits(submitted, CONFIG) is submitted
    world = World(CONFIG)
    world.turn([submitted])
    assert canonical(submitted) in kept_line(world)


@pytest.mark.parametrize(("submitted", "field", "length", "reason"), REFUSED)
def test_what_is_beyond_it_is_refused_billed_and_not_kept(
    submitted: Input, field: str, length: int, reason: Reason
) -> None:
    world = World(CONFIG)
    turn = world.turn([replace(submitted, output_units=150)])
    assert turn.outcomes == (reason,)
    assert world.state.fees_charged == (0 if reason is Reason.UNKNOWN_AGENT else 50)
    assert SECRET.encode() not in kept_line(world)
    (kept,) = recorded_inputs(read_record(kept_line(world)))
    assert kept.cut == (Cut(field, length),)
    assert holds(world)


@pytest.mark.parametrize(("submitted", "field", "length"), SHORTENED)
def test_a_name_or_a_list_beyond_it_is_the_callers_error_in_python_and_refused_in_a_batch(
    submitted: Input, field: str, length: int
) -> None:
    world = World(CONFIG)
    for call in (lambda: world.turn([submitted]), lambda: world.submit(submitted)):
        with pytest.raises(InputError) as failure:
            call()
        assert failure.value.field.endswith(field)
        assert SECRET not in str(failure.value)
    assert world.turn_number == 0
    assert world.accepted() == []
    others = [Input(name, Mine()) for name in ("agent_1", "agent_2")]
    turn = world.turn([within_limits(submitted, CONFIG), *others])
    assert turn.outcomes == (Reason.TEXT_TOO_LONG, None, None)
    assert SECRET.encode() not in kept_line(world)
    assert len(kept_line(world)) < 2_000
    assert holds(world)


def test_thinking_is_cut_in_a_batch_and_its_action_applies() -> None:
    thought = long(20_000) + "THE REST"
    world = World(CONFIG)
    with pytest.raises(InputError, match=r"thinking: has 20008 characters; 20000 is the most"):
        world.turn([Input("agent_0", Stake(80), thinking=thought)])
    kept = within_limits(Input("agent_0", Stake(80), thinking=thought), CONFIG)
    assert kept.thinking == thought[:20_000]
    assert world.turn([kept]).outcomes == (None,)
    assert b"THE REST" not in kept_line(world)
    assert holds(world)


def test_the_limits_are_the_worlds() -> None:
    config = parse_world_config(
        {"thinking_length_max": 3, "action_name_length_max": 0, "contract_ids_max": 1}
    )
    for submitted in (
        Input("agent_0", Mine(), thinking="four"),
        Input("agent_0", Unrecognised("x")),
        Input("agent_0", ConfirmDelivery((1, 2))),
    ):
        with pytest.raises(InputError):
            World(config).turn([submitted])
    World(config).turn([Input("agent_0", Stake(5), thinking="abc")])


def test_version_2_keeps_every_text() -> None:
    config = CONFIG.under_rules(RulesVersion.V2)
    texts = [*(each for each, *_ in REFUSED), *(each for each, *_ in SHORTENED)]
    for submitted in texts:
        world = World(config)
        world.turn([submitted])
        assert canonical(submitted) in kept_line(world)
        assert holds(world)


def test_later_parameters_stand_in_genesis_only_where_they_are_changed() -> None:
    later = {"thinking_length_max", "action_name_length_max", "contract_ids_max"}
    later.add("payload_visible_turns")
    assert not later & config_values(CONFIG).keys()
    assert later <= config_values(CONFIG, every=True).keys()
    changed = parse_world_config({"contract_ids_max": 7})
    assert later & config_values(changed).keys() == {"contract_ids_max"}
    assert b"contract_ids_max" in World(changed).store.genesis_line()
    assert b"contract_ids_max" not in World(CONFIG).store.genesis_line()
    assert World.open(World(changed).store).config == changed


def test_nobody_sends_what_was_cut() -> None:
    sent = {"agent_id": "agent_0", "action": {"action": "mine"}, "cut": [["speech", 900]]}
    with pytest.raises(InputError, match="unknown field"):
        parse_input(sent)
    assert parse_input(sent, kept=True).cut == (Cut("speech", 900),)
    for wrong in ([["speech"]], [[1, 2]], "speech", None, [["speech", "9"]]):
        with pytest.raises(InputError, match="fields and lengths"):
            parse_input({**sent, "cut": wrong}, kept=True)


@pytest.mark.parametrize(
    "cut",
    [
        (Cut("q" * 10**6, 3),),
        (Cut("\ud800", 3),),
        (Cut("x\0", 3),),
        (Cut("speech", 600), Cut("speech", 600)),
        (Cut("thinking", 0),),
        (Cut("thinking", 10**30),),
        (Cut("action.to", 70),),
        (Cut("action.action", 70),),
        (Cut("agent_id", 70),),
        [["speech", 600]],
        3,
    ],
)
def test_no_cut_that_none_could_be_is_played_or_kept(cut: Any) -> None:
    world = World()
    with pytest.raises(InputError):
        world.turn([Input("agent_0", Mine(), cut=cut)])
    with pytest.raises(InputError):
        world.submit(Input("agent_0", Mine(), cut=cut))
    world.turn()
    assert verify(world.store).holds


def test_a_batch_over_the_engine_says_what_it_cut(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "w.sqlite")
    engine.start({"num_agents": 3}, None)
    inputs = [
        Input("agent_0", Stake(80), thinking=long(30_000)),
        Input("agent_1", Unrecognised(long(8_000))),
        Input("agent_2", Mine()),
        Input("agent_2", Speak(), speech=long(600)),
    ]
    answer = json.loads(engine.close_turn(inputs, key="k"))["data"]
    assert answer["cut"] == [
        {"position": 0, "agent_id": "agent_0", "field": "thinking", "length": 30_000},
        {"position": 1, "agent_id": "agent_1", "field": "action.action", "length": 8_000},
        {"position": 3, "agent_id": "agent_2", "field": "speech", "length": 600},
    ]
    assert [(row["position"], row["action"], row["reason"]) for row in answer["rejections"]] == [
        (1, "", "text_too_long"),
        (3, "speak", "already_acted"),
    ]
    assert json.loads(engine.close_turn(inputs, key="k"))["data"] == answer
    engine.close()


@pytest.fixture
def house(tmp_path: Path) -> Any:
    with signed_house(tmp_path / "signed.sqlite") as made:
        yield made


def test_an_agents_own_route_refuses_what_it_must_shorten(house: SignedHouse) -> None:
    for action, more in (
        ({"action": long(65)}, {}),
        ({"action": "confirm_delivery", "contract_id": list(range(101))}, {}),
        ({"action": "mine"}, {"thinking": long(20_001)}),
    ):
        refused = house.act(ANN, action, 1, **more)
        assert refused.status_code == 422
        assert SECRET not in refused.text
    assert house.unmoved()
    assert house.act(ANN, {"action": "mine"}, 1, thinking=long(20_000)).status_code == 200


def test_in_a_signed_world_what_was_not_kept_needs_no_signature_and_moves_nothing(
    house: SignedHouse,
) -> None:
    sent = house.act(ANN, {"action": "stake", "amount": 80}, 1, speech=long(501))
    assert sent.status_code == 200
    unsigned = house.turn({"agent_id": "bob", "action": {"action": "speak"}, "speech": long(501)})
    assert unsigned.status_code in {401, 403, 422}, "a signature is still asked for"
    closed = house.call("operator", "POST", "/close", {}).json()["data"]
    assert [row["reason"] for row in closed["rejections"]] == ["speech_too_long"]
    world = house.engine.started()
    assert SECRET.encode() not in kept_line(world)
    assert holds(world)


def test_an_input_without_what_was_cut_may_not_have_applied() -> None:
    world = World(CONFIG)
    world.turn([Input("agent_0", Speak(), speech=long(501))])
    fold = Fold(genesis_record(world.store))
    for stored in world.store.read(0, 0):
        assert list(fold.problems(stored.record)) == []
    record = replace(read_record(kept_line(world)), outcomes=(None,))
    assert "input 0 applied without what was cut of it" in list(fold.problems(record))


TEXTS = st.integers(0, 200_000).map(long)


@given(
    thinking=TEXTS,
    speech=TEXTS,
    name=st.integers(0, 5_000).map(long),
    ids=st.integers(0, 3_000),
    which=st.integers(0, 3),
)
@settings(max_examples=30, deadline=None)
def test_no_line_grows_beyond_what_the_limits_allow(
    thinking: str, speech: str, name: str, ids: int, which: int
) -> None:
    action = (
        Unrecognised(name),
        ConfirmDelivery((2**31 - 1,) * ids),
        SellInformation(1, speech),
        Transfer(name, 5),
    )[which]
    world = World(CONFIG)
    submitted = within_limits(Input("agent_0", action, thinking=thinking, speech=speech), CONFIG)
    world.turn([submitted])
    assert len(kept_line(world)) < 20_000 + 500 + 10_000 + 100 * 11 + 1_000
    assert parse_input(parse_json(canonical(submitted)), kept=True) == submitted
    assert replay(world.store) == world.head


# Information goods are seen for a while, then the state keeps a hash over them


def sold(world: World, turns: int, text: str = "good") -> None:
    """Sell one information good in turn 3, then let turns pass."""
    digest = sha256(text.encode()).hexdigest()
    terms = Terms(due_turn=5, price=1, payload_hash=digest, settlement="automatic")
    world.act({"agent_0": ProposeContract(**SALE, terms=terms)})
    world.act({"agent_1": SignContract(1), "agent_2": SignContract(1)})
    world.act({"agent_0": SellInformation(1, text)})
    while world.turn_number < turns:
        world.turn()


@pytest.mark.parametrize("visible", [1, 2, 20])
def test_a_payload_is_seen_for_so_many_turns_and_then_by_nobody(visible: int) -> None:
    config = parse_world_config({"num_agents": 3, "payload_visible_turns": visible})
    world = World(config)
    sold(world, 3 + visible - 1)
    assert world.observe("agent_1").payloads == world.observe("agent_0").payloads == {1: "good"}
    assert world.observe("agent_2").payloads == {}
    world.turn()
    assert world.observe("agent_1").payloads == world.observe("agent_0").payloads == {}
    parts = ("", 1, 0, 1, 3, sha256(b"good").hexdigest())
    expected = sha256(" ".join(str(part) for part in parts).encode()).hexdigest()
    assert world.state.payloads_hash == expected
    assert b"payloads_hash" not in World(config).store.genesis_line()
    assert holds(world)
    assert World.open(world.store).state == world.state


def test_under_version_2_it_is_seen_to_the_end() -> None:
    world = World(CONFIG.under_rules(RulesVersion.V2))
    sold(world, 60)
    assert world.observe("agent_1").payloads == {1: "good"}
    assert holds(world)


def test_goods_that_are_delivered_every_turn_do_not_make_the_state_grow() -> None:
    config = parse_world_config({"num_agents": 3, "payload_visible_turns": 2})
    sizes = []
    world = World(config)
    digest = sha256(long(9_000).encode()).hexdigest()
    for _ in range(12):
        turn = world.turn_number + 1
        terms = Terms(due_turn=turn + 3, price=0, payload_hash=digest, settlement="automatic")
        world.act({"agent_0": ProposeContract(**SALE, terms=terms)})
        number = world.state.contracts_proposed
        world.act({"agent_1": SignContract(number), "agent_2": SignContract(number)})
        world.act({"agent_0": SellInformation(number, long(9_000))})
        sizes.append(len(encode_state(world.state)))
    assert max(sizes) - min(sizes[1:]) < 100
    assert holds(world)
