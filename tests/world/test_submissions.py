"""What is accepted for the open turn, answered under a key, or comes after the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sim_economy.core.actions import Burn, Idle, Input, Mine, Speak, Stake, Transfer, Unrecognised
from sim_economy.core.errors import InputError, RunEndedError, SimEconomyError
from sim_economy.core.events import RejectionReason
from sim_economy.core.state import encode_state
from sim_economy.ledger.records import Receipt, Signature
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
from sim_economy.world.world import World
from tests.conftest import STORES
from tests.ledger.ledgers import SCENARIO, export, play, script
from tests.postgres import PostgresServer

Maker = Callable[[], World]

A, B, C, D = SCENARIO.agent_ids
SIGNATURE = Signature("key", "signature")


@pytest.fixture(params=["memory", *STORES])
def create(request: pytest.FixtureRequest, tmp_path: Path, state_folder: Path) -> Maker:
    """Worlds in a store of every kind."""
    if request.param == "memory":
        return lambda: World(SCENARIO)
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        return lambda: World.create(server.world(), SCENARIO)
    paths = (tmp_path / f"{number}.db" for number in range(9))
    return lambda: World.create(next(paths), SCENARIO)


def reopened(world: World) -> World:
    """The world after a close; memory has none."""
    world.close()
    return World.open(world.store.name if world.store.name != "memory" else world.store)


def test_submitted_inputs_close_a_turn_as_given_ones_do(create: Maker) -> None:
    submitted, given = create(), create()
    for inputs in script(SCENARIO, 12):
        for one in inputs:
            submitted.submit(one)
        assert len(submitted.store.submissions()) == len(inputs)
        assert submitted.turn() == given.turn(inputs)
        assert submitted.store.submissions() == []
    assert export(submitted.store) == export(given.store)
    assert verify(submitted.store).holds
    assert replay(submitted.store) == given.head


def test_accepted_inputs_and_signatures_survive_a_close(create: Maker) -> None:
    world, given = create(), create()
    inputs = [
        Input(A, Mine(), thinking_units=5, output_units=150, thinking="private", speech="public é"),
        Input("nobody", Idle()),
        Input(B, Speak()),
    ]
    world.turn()
    given.turn()
    world.submit(inputs[0])
    world = reopened(world)
    assert verify(world.store).holds
    world.submit(inputs[1], SIGNATURE)
    world.submit(inputs[2])
    world = reopened(world)
    assert verify(world.store).holds
    turn = world.turn()
    assert turn == given.turn(inputs, signatures=[None, SIGNATURE, None])
    assert turn.outcomes == (None, RejectionReason.UNKNOWN_AGENT, RejectionReason.SPEECH_MISSING)
    assert export(world.store) == export(given.store)
    world.close()


def test_submitted_inputs_come_before_given_ones_and_none_is_lost(create: Maker) -> None:
    world = create()
    world.submit(Input(A, Stake(5)))
    turn = world.turn([Input(A, Mine()), Input(B, Mine())])
    assert turn.outcomes == (None, RejectionReason.ALREADY_ACTED, None)
    assert world.turn([Input(B, Mine())]).outcomes == (None,)
    assert verify(world.store).holds
    assert replay(world.store) == world.head


def test_nothing_submitted_is_a_turn_of_idle_agents(create: Maker) -> None:
    world = create()
    assert world.turn().outcomes == ()
    assert world.turn([]).outcomes == ()
    assert world.act({}).outcomes == ()


def test_an_ill_typed_input_is_neither_accepted_nor_played(create: Maker) -> None:
    world = create()
    before = encode_state(world.state), export(world.store)
    for wrong in (
        Input(A, Stake(2**31)),
        Input(A, Mine(), -1),
        Input(A, Mine(), 0, True),
        Input("\ud800", Mine()),
        Input(A, Unrecognised("x\0")),
        "not an input",
    ):
        with pytest.raises(InputError) as failure:
            world.submit(wrong)  # type: ignore[arg-type]
        assert failure.value.field.startswith("input")
        with pytest.raises(InputError) as failure:
            world.turn([Input(B, Mine()), wrong])  # type: ignore[list-item]
        assert failure.value.field.startswith("inputs[1]")
    assert (encode_state(world.state), export(world.store)) == before
    assert world.store.submissions() == []


@pytest.mark.parametrize("name", ["mine", "stake", "idle", "transfer"])
def test_an_action_of_a_known_name_cannot_be_called_unrecognised(name: str) -> None:
    world = World(SCENARIO)
    try:
        world.turn([Input(A, Unrecognised(name))])
    except InputError:
        assert world.turn_number == 0
    assert replay(world.store) == world.head


def test_as_many_signatures_as_inputs_or_none(create: Maker) -> None:
    world = create()
    for signatures in ([SIGNATURE], [SIGNATURE] * 3):
        with pytest.raises(InputError):
            world.turn([Input(A, Mine()), Input(B, Mine())], signatures=signatures)
    assert world.turn_number == 0
    world.turn([Input(A, Mine()), Input(B, Mine())], signatures=[None, SIGNATURE])
    assert verify(world.store).holds
    assert replay(world.store) == world.head


def test_signatures_of_which_all_are_missing_are_kept_as_they_verify(create: Maker) -> None:
    world = create()
    world.turn([Input(A, Mine()), Input(B, Mine())], signatures=[None, None])
    assert verify(world.store).finding is None
    assert replay(world.store) == world.head
    assert verify(reopened(world).store).finding is None


def test_an_answer_is_kept_under_its_key_and_only_with_its_turn(create: Maker) -> None:
    world = create()
    first = Receipt(1, "key-1", "digest-1", '{"turn": 1}')
    second = Receipt(2, "key-2", "digest-2", "é\u2028")
    world.turn([Input(A, Mine())], receipt=first)
    with pytest.raises(InputError):
        world.turn([Input(A, Stake(2**31))], receipt=second)
    assert world.store.receipt("key-2") is None
    world.turn(receipt=second)
    world = reopened(world)
    assert world.store.receipt("key-1") == first
    assert world.store.receipt("key-2") == second
    assert world.store.receipt("key-3") is None
    assert [receipt for receipt, _ in world.store.receipts()] == [first, second]
    assert verify(world.store).holds


def test_a_key_used_twice_is_refused_and_the_turn_with_it(create: Maker) -> None:
    world = create()
    first = Receipt(1, "key", "digest-1", "one")
    world.turn(receipt=first)
    head = world.head
    with pytest.raises(SimEconomyError):
        world.turn(receipt=Receipt(2, "key", "digest-2", "two"))
    assert (world.turn_number, world.head, world.store.head()) == (1, head, head)
    assert world.store.receipt("key") == first
    assert verify(world.store).holds


@pytest.mark.parametrize("turn", [0, 2, -1, 10**9])
def test_an_answer_of_another_turn_never_makes_a_ledger_that_does_not_verify(
    turn: int, create: Maker
) -> None:
    world = create()
    try:
        world.turn(receipt=Receipt(turn, "key", "digest", "answer"))
    except (SimEconomyError, AssertionError):
        assert world.turn_number == 0
    assert verify(world.store).finding is None


def test_a_run_ends_once_returns_what_waits_and_stays_ended(create: Maker) -> None:
    world = create()
    world.turn([Input(A, Stake(10, 1)), Input(B, Burn(5)), Input(C, Transfer(D, 7, 2))])
    assert [world.state.wealth(agent) for agent in range(4)] == [1000] * 4
    turn = world.turn([Input(D, Stake(3, 1))], ends=True)
    assert turn.ends
    returned = [posting.amount for posting in turn.postings if posting.reason == "run_ended"]
    assert returned == [11, 5, 9, 4]
    assert world.state.balances == [1000] * 4
    for again in (False, True):
        ended = reopened(world) if again else world
        head = ended.head
        with pytest.raises(RunEndedError) as failure:
            ended.turn([Input(A, Mine())])
        assert failure.value.turn == 2
        with pytest.raises(RunEndedError):
            ended.turn(ends=True)
        with pytest.raises(RunEndedError):
            ended.submit(Input(A, Mine()))
        assert (ended.turn_number, ended.head, ended.store.head()) == (2, head, head)
        assert verify(ended.store).holds
        assert replay(ended.store) == head


def test_a_run_that_ends_with_a_block_has_nothing_left_to_return(create: Maker) -> None:
    world = play(create(), script(SCENARIO, 6))
    turn = world.turn([Input(A, Mine()), Input(B, Mine()), Input(C, Stake(1))], ends=True)
    assert turn.block is not None
    assert not [posting for posting in turn.postings if posting.reason == "run_ended"]
    assert verify(world.store).holds
