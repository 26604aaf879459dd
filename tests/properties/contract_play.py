"""Random moves on contracts: those that should apply, and one maker for each refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from random import Random
from typing import Any

from sim_economy.core.actions import (
    Action,
    ArbitratorRuling,
    BidCore,
    ConfirmDelivery,
    DisputeDelivery,
    ProposeContract,
    SellInformation,
    SignContract,
)
from sim_economy.core.contracts import OWN_TERMS, Contract, ContractKind, Role, Stage, Terms
from sim_economy.core.state import State
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig

GOODS = ("", "a map", "größer", "x" * 400)
HASHES = {sha256(good.encode()).hexdigest(): good for good in GOODS}
KINDS = list(ContractKind)
Maker = Callable[[Random, int, State, WorldConfig], Action | None]


def proposal(random: Random, agent: int, state: State, config: WorldConfig) -> Action | None:
    """A proposal that applies, and that its parties can often fund."""
    if config.num_agents < 3:
        return None
    others = [other for other in range(config.num_agents) if other != agent]
    counterparty, arbitrator = random.sample(others, 2)
    kind = random.choice(KINDS)
    terms = sound_terms(random, kind, state, config)
    if kind is ContractKind.INSURANCE:
        safe = state.wealth(counterparty) - terms["premium"] - random.choice((0, 0, 10, 30))
        terms["trigger"] = max(-INPUT_LIMIT, min(INPUT_LIMIT, safe))
    if kind is ContractKind.INFORMATION_SALE and random.random() < 0.5:
        terms["settlement"] = "attested"
    ids = config.agent_ids
    return ProposeContract(kind.value, ids[counterparty], ids[arbitrator], Terms(**terms))


def sound_terms(
    random: Random, kind: ContractKind, state: State, config: WorldConfig
) -> dict[str, Any]:
    """Terms of a kind, small enough for most balances; other kinds' terms are not among them."""
    most = random.choice((3, 30, 30, 200))
    due_turn = state.turn + 3 + random.choice((0, 1, 1, 2, 3, 5))
    collaterals = [random.choice((0, 1, 10, most)) for _ in Role]
    price = random.choice((0, 5, 20, most))
    terms: dict[str, Any] = {
        "due_turn": due_turn,
        "proposer_collateral": collaterals[Role.PROPOSER],
        "counterparty_collateral": collaterals[Role.COUNTERPARTY],
        "arbitrator_collateral": max(price, collaterals[Role.ARBITRATOR]),
        "arbitrator_fee": random.choice((0, min(collaterals[:2]))),
    }
    own_terms: dict[str, Any] = {
        "price": price,
        "payload_hash": random.choice(list(HASHES)),
        "principal": random.randint(1, most),
        "premium": random.choice((0, 2, 20)),
        "payout": random.randint(1, most),
        "trigger": random.choice((-5, 0, 100, INPUT_LIMIT)),
        "cap": random.randint(1, 4 * most),
        "start_turn": due_turn - random.choice((0, 0, 0, 1, 1, 2)),
    }
    return {**terms, **{term: own_terms[term] for term in OWN_TERMS[kind]}}


def bid(random: Random, agent: int, state: State, config: WorldConfig) -> Action | None:
    """A bid the agent can pay, while the auction is open."""
    balance = min(state.balances[agent], INPUT_LIMIT)
    return BidCore(random.randint(1, balance)) if state.turn == 0 and balance > 0 else None


def follow_up(random: Random, agent: int, state: State, config: WorldConfig) -> Action | None:
    """What one of the agent's contracts waits for from it."""
    steps = [
        step
        for contract in own(agent, state)
        for step in _waited_for(random, contract, Role(contract.seats.index(agent)))
    ]
    if not steps:
        return None
    chosen = random.choice(steps)
    if isinstance(chosen, ConfirmDelivery | DisputeDelivery | ArbitratorRuling):
        return _with_more(random, chosen, steps)
    return chosen


def _waited_for(random: Random, contract: Contract, role: Role) -> Iterable[Action]:
    number = contract.contract_id
    match contract.stage, role:
        case Stage.PROPOSED, Role.PROPOSER if random.random() < 0.05:
            yield SignContract(number)
        case Stage.PROPOSED, Role.COUNTERPARTY if not contract.counterparty_signed:
            yield SignContract(number)
        case Stage.PROPOSED, Role.ARBITRATOR if not contract.arbitrator_signed:
            yield SignContract(number)
        case Stage.ACTIVE, Role.PROPOSER if contract.deal.payload_hash and random.random() < 0.6:
            good = HASHES[contract.deal.payload_hash]
            yield SellInformation(number, good if random.random() < 0.9 else "another good")
        case Stage.ATTESTING, Role.PROPOSER if not contract.claimed and random.random() < 0.5:
            yield ConfirmDelivery(number)
        case Stage.ATTESTING, Role.PROPOSER if random.random() < 0.2:
            yield ConfirmDelivery(number)  # for the second time
        case Stage.ATTESTING, Role.COUNTERPARTY if random.random() < 0.7:
            yield random.choice((ConfirmDelivery(number), DisputeDelivery(number)))
        case Stage.REFERRED, Role.ARBITRATOR if random.random() < 0.6:
            yield ArbitratorRuling(number, random.choice(("proposer", "counterparty")))


def _with_more(
    random: Random,
    chosen: ConfirmDelivery | DisputeDelivery | ArbitratorRuling,
    steps: Iterable[Action],
) -> Action:
    """The same for several contracts at once, now and then with some it cannot be for."""
    number = chosen.contract_id
    assert isinstance(number, int)
    if random.random() < 0.6:
        return chosen
    alike = [step.contract_id for step in steps if isinstance(step, type(chosen))]
    numbers = [one for one in alike if isinstance(one, int)]
    if random.random() < 0.3:
        numbers += [random.choice((number, number + 1, 0, 10**6))]
    several = tuple(dict.fromkeys([*numbers, number])) if random.random() < 0.8 else (number,) * 2
    if isinstance(chosen, ArbitratorRuling):
        return ArbitratorRuling(several, chosen.in_favour_of)
    return type(chosen)(several)


def own(agent: int, state: State) -> list[Contract]:
    """Open contracts the agent is a party to."""
    return [contract for contract in state.contracts if agent in contract.seats]


def any_of(random: Random, agent: int, state: State) -> int:
    """The number of one of the agent's contracts, or of none."""
    return random.choice([contract.contract_id for contract in own(agent, state)] or [1])


Draft = dict[str, Any]
"""Kind, parties and terms of a proposal, in one flat table."""


def _spoilt(random: Random, draft: Draft, turn: int) -> Draft:
    """The draft with one thing wrong that can be wrong in it."""
    own_terms = OWN_TERMS[draft["kind"]]
    foreign = [term for term in ("price", "payout", "cap") if term not in own_terms]
    least = min(draft["proposer_collateral"], draft["counterparty_collateral"])
    ways: list[Draft] = [
        {"kind": random.choice((None, "", "Loan", "gift"))},
        {"arbitrator": None},
        {"counterparty": random.choice(("nobody", "", "platform"))},
        {"counterparty": draft["arbitrator"]},
        {"settlement": random.choice(("", "later", "Attested"))},
        {random.choice(foreign): 5},
        {random.choice([*own_terms, "due_turn"]): None},
        {random.choice(("arbitrator_fee", "proposer_collateral")): -1},
        {"due_turn": turn + random.choice((1, 2, -5))},
        {"arbitrator_fee": least + 1},
    ]
    special: dict[str, Draft] = {
        "forward": {"start_turn": draft["due_turn"] + 1},
        "information_sale": {"payload_hash": random.choice(("", "ab", "A" * 64, "a" * 65))},
        "service": {"price": draft["arbitrator_collateral"] + 1},
    }
    if draft["kind"] in special:
        ways += [special[draft["kind"]]] * 4
    return {**draft, **random.choice(ways)}


def _faulty_proposal(random: Random, agent: int, state: State, config: WorldConfig) -> Action:
    """A sound proposal with one thing wrong; with few agents the parties may be wrong too."""
    kind = random.choice(KINDS)
    one, other = (
        config.agent_ids[(agent + step) % config.num_agents]
        for step in random.choice(((1, 2), (2, 1)))
    )
    draft = {
        "kind": kind.value,
        "counterparty": one,
        "arbitrator": other,
        **sound_terms(random, kind, state, config),
    }
    spoilt = _spoilt(random, draft, state.turn)
    name, one, other = (spoilt.pop(part) for part in ("kind", "counterparty", "arbitrator"))
    return ProposeContract(name, one, other, Terms(**spoilt))


def _faulty_statement(random: Random, agent: int, state: State, config: WorldConfig) -> Action:
    """Any statement about any contract, mostly not the one that is waited for."""
    number: Any = any_of(random, agent, state)
    number = random.choice((number, number, number, (number, number + 1), None, (), 0, 10**6))
    one = number[0] if isinstance(number, tuple) and number else number or None
    long = "x" * (min(config.payload_length_max, 10_000) + 1)
    favoured = random.choice(("proposer", "counterparty", None, "agent_0"))
    return random.choice(
        (
            SignContract(one),
            ConfirmDelivery(number),
            DisputeDelivery(number),
            ArbitratorRuling(number, favoured),
            SellInformation(one, random.choice((None, long, "another good"))),
        )
    )


def _hasty_signature(random: Random, agent: int, state: State, config: WorldConfig) -> Action:
    """A signature on what is perhaps being proposed this very turn."""
    return SignContract(state.contracts_proposed + 1)


def _second_word(random: Random, agent: int, state: State, config: WorldConfig) -> Action:
    """What has been said already."""
    for contract in own(agent, state):
        role = Role(contract.seats.index(agent))
        signed = (False, contract.counterparty_signed, contract.arbitrator_signed)
        if contract.stage is Stage.PROPOSED and signed[role]:
            return SignContract(contract.contract_id)
        if contract.claimed and role is Role.PROPOSER:
            return ConfirmDelivery(contract.contract_id)
    return ConfirmDelivery((any_of(random, agent, state),) * 2)


def _other_payload(random: Random, agent: int, state: State, config: WorldConfig) -> Action:
    """Another payload than the one promised, or one for a contract of another kind."""
    sold = [
        contract.contract_id
        for contract in own(agent, state)
        if contract.stage is Stage.ACTIVE and contract.seats[Role.PROPOSER] == agent
    ]
    return SellInformation(random.choice(sold or [1]), "another good")


def _late_bid(random: Random, agent: int, state: State, config: WorldConfig) -> Action:
    return BidCore(random.choice((None, 0, 5, INPUT_LIMIT)))


FAULTS: tuple[Callable[[Random, int, State, WorldConfig], Action], ...] = (
    *[_faulty_proposal] * 9,
    *[_faulty_statement] * 5,
    _hasty_signature,
    *[_second_word] * 4,
    *[_other_payload] * 4,
    _late_bid,
)


def sound(random: Random, agent: int, state: State, config: WorldConfig) -> Action | None:
    """A bid, an answer to what waits for one, or a new proposal, unless there are many already."""
    makers: list[Maker] = [bid, follow_up]
    if len(own(agent, state)) < 4:
        makers.append(proposal)
    for make in makers:
        action = make(random, agent, state, config)
        if action is not None:
            return action
    return None
