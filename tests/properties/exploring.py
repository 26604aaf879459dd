"""Everything that can become of one contract: all orders of all that its parties can do.

A world of three agents holds one proposal. Turn after turn each party does one of the things that
can matter now, or nothing, or thinks itself into debt. States met before are not entered again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import product
from typing import Any, Final

from msgspec import json

from sim_economy.core.accounts import ESCROW, WIDTH
from sim_economy.core.actions import (
    Action,
    ArbitratorRuling,
    ConfirmDelivery,
    DisputeDelivery,
    Idle,
    Input,
    ProposeContract,
    SellInformation,
    SignContract,
)
from sim_economy.core.contracts import (
    ENDS,
    Cause,
    Contract,
    ContractKind,
    Happened,
    Role,
    Stage,
    Terms,
    after,
)
from sim_economy.core.events import Turn
from sim_economy.core.state import State, decode_state, encode_state, genesis
from sim_economy.core.turn import play_turn
from sim_economy.core.world_config import WorldConfig, genesis_order, parse_world_config
from sim_economy.ledger.fold import Fold
from sim_economy.ledger.records import genesis_of, seal, seal_genesis
from tests.properties.invariants import check_turn

GOOD: Final = "a map"
TERMS: Final[Mapping[ContractKind, Mapping[str, Any]]] = {
    ContractKind.SERVICE: {"price": 20},
    ContractKind.INFORMATION_SALE: {
        "price": 20,
        "payload_hash": sha256(GOOD.encode()).hexdigest(),
    },
    ContractKind.LOAN: {"principal": 30, "premium": 5},
    ContractKind.INSURANCE: {"premium": 5, "payout": 25, "trigger": 90},
    ContractKind.FORWARD: {"price": 5, "cap": 25, "start_turn": 4},
}
CONTRACTS: Final = [
    ("service", None),
    ("information_sale", "automatic"),
    ("information_sale", "attested"),
    ("loan", None),
    ("insurance", None),
    ("forward", None),
]
"""Every kind in every settlement it may have."""

Act = tuple[Action, int]
"""What a party does in a turn, and the output units it spends."""

SPENDING: Final = 150
"""Output units that leave nobody here a balance above zero."""


@dataclass
class Explored:
    """What was met on all paths.

    Attributes:
        ends: End, its cause and the roles at fault, as events had them.
        steps: Stages with what happened in them.
        states: How many different ones.
    """

    ends: set[tuple[Stage, Cause | None, tuple[Role, ...]]] = field(default_factory=set)
    steps: set[tuple[Stage | None, Happened]] = field(default_factory=set)
    states: int = 0


def world_of(
    kind: str, settlement: str | None, seats: tuple[int, ...]
) -> tuple[WorldConfig, State]:
    """A world after turn 1, in which the agent in the first seat proposed."""
    config = parse_world_config(
        {
            "num_agents": 3,
            "genesis_tokens_per_agent": 100,
            "commons_threshold_per_turn": 0,
            "interest_rate_per_turn": 0,
            "signature_window": 2,
            "attested_confirmation_window": 2,
            "reputation_value_min": 5,
        }
    )
    proposer, counterparty, arbitrator = (f"agent_{seat}" for seat in seats)
    terms = Terms(
        due_turn=5,
        settlement=settlement,
        proposer_collateral=7,
        counterparty_collateral=11,
        arbitrator_collateral=23,
        arbitrator_fee=3,
        **TERMS[ContractKind(kind)],
    )
    state, _ = genesis(config)
    offered = Input(proposer, ProposeContract(kind, counterparty, arbitrator, terms))
    state, turn = play_turn(state, [offered], config, genesis_order(config))
    assert turn.outcomes == (None,)
    return config, state


def choices(contract: Contract, role: Role, balance: int) -> Iterator[Act]:
    """What a party can do that can matter at this stage."""
    number = contract.contract_id
    yield Idle(), 0
    if balance > 0:
        yield Idle(), SPENDING
    match contract.stage, role:
        case Stage.PROPOSED, _:
            yield SignContract(number), 0
        case Stage.ACTIVE, Role.PROPOSER if contract.deal.payload_hash:
            yield SellInformation(number, GOOD), 0
        case Stage.ATTESTING, Role.PROPOSER:
            yield ConfirmDelivery(number), 0
        case Stage.ATTESTING, Role.COUNTERPARTY:
            yield ConfirmDelivery(number), 0
            yield DisputeDelivery(number), 0
        case Stage.REFERRED, Role.ARBITRATOR:
            yield ArbitratorRuling(number, "proposer"), 0
            yield ArbitratorRuling(number, "counterparty"), 0


def explore(kind: str, settlement: str | None, seats: tuple[int, ...]) -> Explored:
    """Play every path to its end.

    Raises:
        AssertionError: An invariant does not hold, or the fold disagrees.
    """
    config, first = world_of(kind, settlement, seats)
    found = Explored()
    met = {encode_state(first)}
    waiting = [first]
    while waiting:
        state = waiting.pop()
        (contract,) = state.contracts
        options = [
            list(choices(contract, role, state.balances[contract.seats[role]])) for role in Role
        ]
        for acts, ends in [*((acts, False) for acts in product(*options)), ((), True)]:
            inputs = [
                Input(f"agent_{contract.seats[role]}", action, output_units=units)
                for role, (action, units) in enumerate(acts)
            ]
            after_it = _played(state, inputs, config, ends, found)
            if after_it is None:
                continue
            text = encode_state(after_it)
            if text not in met:
                met.add(text)
                waiting.append(after_it)
    found.states = len(met)
    return found


def _played(
    state: State, inputs: list[Input], config: WorldConfig, ends: bool, found: Explored
) -> State | None:
    """The state after a turn in which the contract went on, or None where it ended."""
    played, turn = play_turn(state, inputs, config, genesis_order(config), ends=ends)
    check_turn(state, inputs, played, turn, config)
    _check_fold(state, inputs, played, turn, config)
    (contract,) = state.contracts
    stage: Stage = contract.stage
    for event in turn.contracts:
        found.steps.add((stage, event.happened))
        stage = after(stage, event.happened)
        if stage in ENDS:
            parties = contract.deal.parties
            fault = tuple(Role(parties.index(agent_id)) for agent_id in event.fault)
            found.ends.add((stage, event.reason, fault))
    if stage in ENDS:
        assert not played.contracts
        assert not any(played.accounts[ESCROW::WIDTH])
        return None
    played.rejections = [None] * config.num_agents
    return played


def _check_fold(
    state: State, inputs: list[Input], played: State, turn: Turn, config: WorldConfig
) -> None:
    """From the state before, the fold comes to the same state."""
    world = genesis_of(config, "explored")
    start, ledger = genesis(config)
    _, head = seal_genesis(world, start, ledger.postings)
    fold = Fold(world)
    fold.state.update(json.decode(encode_state(state)))
    sealed, _ = seal(head, turn, inputs, played, config.agent_ids)
    record = sealed.record
    assert list(fold.problems(record)) == []
    assert decode_state(fold.text()) == played
    assert fold.text() == encode_state(played)
