"""The digest of a state: every number of it counts, and only once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import structs

from sim_economy.agents.policy import Policy, View
from sim_economy.agents.usage_model import PublishedUsage
from sim_economy.batch.state_digest import state_digest
from sim_economy.core.accounts import BALANCE, DESTROYED, PLATFORM, WIDTH
from sim_economy.core.actions import Action, Burn, Mine, Stake, Study, Transfer, Unstake
from sim_economy.core.events import Transaction, TransactionType, ValidatorType
from sim_economy.core.state import FinalisedBurn, NewestBlock, Release, State
from sim_economy.core.world_config import parse_world_config
from sim_economy.runs.policy_loop import open_turns
from sim_economy.world.world import World

CONFIG = parse_world_config({"num_agents": 6, "seed": 5})


class Busy(Policy, frozen=True):
    """Does everything in turn."""

    def decide(self, view: View) -> Action:
        amount = 3 + view.agent
        others = view.config.agent_ids[(view.agent + 1) % 6]
        actions = (Stake(amount), Burn(amount, 1), Transfer(others, 2, 1), Study(), Unstake(1))
        return (*actions, Mine(), Mine(), Mine())[(view.open_turn + view.agent) % 8]


def _state() -> State:
    world = World(CONFIG)
    for _, inputs in open_turns(world, [Busy()] * 6, PublishedUsage().turns(CONFIG), 11):
        world.turn(inputs)
    state = world.state
    assert state.burns
    assert state.releases
    assert state.mempool == []
    return state


def _changes() -> dict[str, Callable[[State], None]]:
    def account(number: int) -> Callable[[State], None]:
        def change(state: State) -> None:
            state.accounts[number] += 1

        return change

    def burn(state: State) -> None:
        state.burns[0] = FinalisedBurn(state.burns[0].agent, state.burns[0].amount, 9)

    def release(state: State) -> None:
        state.releases[0] = structs.replace(state.releases[0], due=state.releases[0].due + 1)

    def block(**fields: object) -> Callable[[State], None]:
        def change(state: State) -> None:
            state.newest_block = structs.replace(state.newest_block, **fields)

        return change

    def number(name: str) -> Callable[[State], None]:
        def change(state: State) -> None:
            getattr(state, name)[2] += 1

        return change

    return {
        "turn": lambda state: setattr(state, "turn", 12),
        "platform": account(PLATFORM),
        "destroyed": account(DESTROYED),
        **{f"account {at}": account(BALANCE + 2 * WIDTH + at) for at in range(WIDTH)},
        "studies": number("studies"),
        "burned": number("burned"),
        "cores": number("cores"),
        "employed": lambda state: state.employed.__setitem__(2, not state.employed[2]),
        "burn": burn,
        "burn dropped": lambda state: state.burns.pop(0) and None,
        "release": release,
        "block's turn": block(turn=3),
        "block's winner": block(winner="agent_5"),
        "block's kind": block(validator_type=ValidatorType.BURN),
    }


@pytest.mark.parametrize("changed", _changes())
def test_every_number_of_the_state_changes_the_digest(changed: str) -> None:
    state = _state()
    state.newest_block = NewestBlock(10, "agent_1", ValidatorType.MINE)
    before = state_digest(state, CONFIG)
    assert state_digest(state.successor(), CONFIG) != before, "a turn later"
    _changes()[changed](state)
    assert state_digest(state, CONFIG) != before


def test_what_waits_counts_by_its_goal_and_tip() -> None:
    def with_waiting(*waiting: Transaction) -> int:
        state = _state()
        state.mempool = [*waiting]
        return state_digest(state, CONFIG)

    def sent(kind: TransactionType, amount: int, fee: int, to: str | None = None) -> Transaction:
        return Transaction(
            tx_type=kind, agent_id="agent_1", amount=amount, fee=fee, submitted=9, to=to
        )

    stake, burn, transfer = (
        TransactionType.STAKE, TransactionType.BURN, TransactionType.TRANSFER,
    )  # fmt: skip
    digests = [
        with_waiting(),
        with_waiting(sent(stake, 5, 0)),
        with_waiting(sent(stake, 5, 1)),
        with_waiting(sent(burn, 5, 0)),
        with_waiting(sent(transfer, 5, 0, "agent_2")),
        with_waiting(sent(transfer, 5, 0, "agent_3")),
    ]
    assert len({*digests}) == len(digests)
    assert with_waiting(sent(stake, 2, 1), sent(stake, 3, 0)) == digests[2]


def test_a_release_is_told_by_its_turn_not_by_when_it_started() -> None:
    state = _state()
    before = state_digest(state, CONFIG)
    state.releases = [Release(one.agent, one.amount, 0, one.due) for one in state.releases]
    assert state_digest(state, CONFIG) == before
