"""What an agent can do in the open turn, as plain values, from what it may see.

Whether an action is possible is asked of the rules that would refuse it; only how far each of its
arguments may go is stated here, by the constants of those rules. What depends on others, on shocks
to come or on two numbers at once is not known here, and is refused in the turn.

Source: docs/spec/economy.md, sections 3 and 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from msgspec import UNSET, Struct

from sim_economy.core.accounts import Holding
from sim_economy.core.actions import (
    RECOGNISED,
    Action,
    ArbitratorRuling,
    BidCore,
    Burn,
    ConfirmDelivery,
    DisputeDelivery,
    Idle,
    Input,
    Job,
    Mine,
    ProposeContract,
    SellInformation,
    SignContract,
    Speak,
    Stake,
    Study,
    Transfer,
    Unstake,
    action_name,
)
from sim_economy.core.contracts import (
    OWN_TERMS,
    SETTLEMENTS,
    ContractKind,
    Favoured,
    Role,
    Terms,
)
from sim_economy.core.events import RejectionReason
from sim_economy.core.income_config import EmptyRule
from sim_economy.core.needs import Need, NeedSide
from sim_economy.core.observation import Observation
from sim_economy.core.rules import debt_rails, forwards, income, party_actions, proposals, refusals
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig


class WholeNumber(Struct, frozen=True):
    """A whole number from the least to the most."""

    least: int
    most: int


class OneOf(Struct, frozen=True):
    """One of some names or numbers."""

    values: tuple[str, ...] | tuple[int, ...]


class SomeOf(Struct, frozen=True):
    """A list of one or more of some numbers, none twice.

    Attributes:
        values: Empty where they are not known yet.
        most: Items of the list.
    """

    values: tuple[int, ...]
    most: int


class FreeText(Struct, frozen=True):
    """A text.

    Attributes:
        least: Characters.
        most: Characters.
        pattern: A regular expression for all of it; any text where empty.
    """

    least: int
    most: int
    pattern: str = ""


Argument: TypeAlias = WholeNumber | OneOf | SomeOf | FreeText


class ActionOption(Struct, frozen=True, kw_only=True):
    """An action that the rules would not refuse for its form.

    Attributes:
        action: Its name on the wire.
        arguments: By name; all of them are stated.
        terms: Of a proposal: those of each kind, by name; all of them are stated.
    """

    action: str
    arguments: Mapping[str, Argument] = {}
    terms: Mapping[ContractKind, Mapping[str, Argument]] = {}


class Options(Struct, frozen=True, kw_only=True):
    """All that one agent can do in the open turn.

    Attributes:
        actions: In the order of `RECOGNISED`, each once.
        speech: What may be said with any action; None where the rules let nobody speak.
        need: What a need is made of; empty in a world that matches none.
    """

    agent_id: str
    turn: int
    actions: tuple[ActionOption, ...]
    speech: FreeText | None
    need: Mapping[str, Argument] = {}

    def of(self, action: str) -> ActionOption | None:
        """The option by an action's name; None where it is not possible now."""
        return next((option for option in self.actions if option.action == action), None)


def options(seen: Observation, config: WorldConfig) -> Options:
    """What an agent can do in the turn after its observation.

    Args:
        config: As agents see it (`as_seen`).
    """
    open_turn = _OpenTurn(seen, config)
    return Options(
        agent_id=seen.agent_id,
        turn=open_turn.turn,
        actions=tuple(open_turn.actions()),
        speech=_speech(config),
        need=_NEED if matches_needs(config) else {},
    )


def lasting_options(agent_id: str, config: WorldConfig) -> Options:
    """What an agent may ever be able to do: the same in every turn, whatever it has."""
    others = tuple(name for name in config.agent_ids if name != agent_id)
    fee = WholeNumber(refusals.FEE_LEAST, INPUT_LIMIT)
    paid: dict[str, Argument] = {"amount": _AMOUNT, "fee": fee}
    bare: list[Action] = [Mine(), Study(), Job(), Idle()]
    arguments: dict[str, Mapping[str, Argument]] = {
        **{action_name(action): {} for action in bare},
        action_name(Stake()): paid,
        action_name(Burn()): paid,
        action_name(Unstake()): {"amount": _AMOUNT},
    }
    if others:
        arguments[action_name(Transfer())] = {"to": OneOf(others), **paid}
    if len(others) >= len(Role) - 1:
        parties: Argument = OneOf(others)
        arguments[action_name(ProposeContract())] = dict.fromkeys(_OTHER_PARTIES, parties)
        contract = WholeNumber(1, INPUT_LIMIT)
        some = SomeOf((), config.contract_ids_max)
        arguments |= {
            action_name(action): _on_contract(action, contract, some, config)
            for action in _PARTY_ACTIONS
        }
    if config.core_owners is None:
        arguments[action_name(BidCore())] = {"amount": _AMOUNT}
    if config.speech_length_max:
        arguments[action_name(Speak())] = {}
    proposal = action_name(ProposeContract())
    return Options(
        agent_id=agent_id,
        turn=1,
        actions=tuple(
            ActionOption(
                action=name,
                arguments=arguments[name],
                terms=_terms(1) if name == proposal else {},
            )
            for name in RECOGNISED
            if name in arguments
        ),
        speech=_speech(config),
        need=_NEED if matches_needs(config) else {},
    )


_OTHER_PARTIES: Final = ("counterparty", "arbitrator")
_PARTY_ACTIONS: Final[tuple[party_actions.PartyAction, ...]] = (
    SignContract(0),
    ConfirmDelivery(0),
    DisputeDelivery(0),
    ArbitratorRuling(0, Favoured.PROPOSER),
    SellInformation(0, ""),
)
_ONE_CONTRACT: Final = (SignContract, SellInformation)
"""Actions that name one contract; others may name several."""


def _on_contract(
    action: party_actions.PartyAction, one: Argument, some: Argument, config: WorldConfig
) -> dict[str, Argument]:
    """The arguments of a party's action.

    Args:
        one: What stands for a contract.
        some: What stands for several.
    """
    arguments = {"contract_id": one if isinstance(action, _ONE_CONTRACT) else some}
    if isinstance(action, ArbitratorRuling):
        arguments["in_favour_of"] = OneOf(tuple(map(str, Favoured)))
    elif isinstance(action, SellInformation):
        arguments["payload"] = FreeText(0, config.payload_length_max)
    return arguments


def _speech(config: WorldConfig) -> FreeText | None:
    most = config.speech_length_max
    return FreeText(0, most) if most else None


_AMOUNT: Final = WholeNumber(refusals.AMOUNT_LEAST, INPUT_LIMIT)
_NEED: Final[Mapping[str, Argument]] = dict(
    zip(
        Need.__struct_fields__,
        (OneOf(tuple(ContractKind)), OneOf(tuple(NeedSide)), _AMOUNT, WholeNumber(0, INPUT_LIMIT)),
        strict=True,
    )
)


def matches_needs(config: WorldConfig) -> bool:
    """Test whether agents may state needs in a world (G4)."""
    return config.governance is not None and config.governance.contract_matching is not None


def known_balance(seen: Observation, config: WorldConfig) -> int:
    """The balance with which an agent acts, as far as it can know: shocks are not.

    Stake that returns and income are in it.
    """
    turn = seen.last_turn + 1
    balance = seen.accounts[Holding.BALANCE.name.lower()]
    balance += sum(release.amount for release in seen.releases if release.due <= turn)
    if (rules := config.income) is None:
        return balance
    inflows = []
    if (period := rules.period_in(turn)) is not None:
        assert seen.income is not UNSET, seen.agent_id
        allowance = seen.income.allowance
        if period > 1 and allowance:
            balance += income.lifted(balance, rules) - income.expired(balance, rules)
        inflows.append(allowance)
    given = rules.top_ups_in(turn)
    inflows += [top_up.tokens for top_up in given if top_up.agent == seen.agent_id]
    return balance + sum(inflows) - _repaid(inflows, seen, config)


def _repaid(inflows: list[int], seen: Observation, config: WorldConfig) -> int:
    """What debt rails take of an agent's inflows (G3)."""
    rails = None if config.governance is None else config.governance.debt_rails
    if rails is None or seen.governance is UNSET or seen.governance.receivable is UNSET:
        return 0
    left = seen.governance.receivable
    for inflow in inflows:
        left -= debt_rails.repaid(inflow, left, rails.repayment_share)
    return seen.governance.receivable - left


class _OpenTurn:
    """The open turn as one agent knows it."""

    def __init__(self, seen: Observation, config: WorldConfig) -> None:
        self.turn = seen.last_turn + 1
        self._seen = seen
        self._config = config
        self._agent = config.agent_ids.index(seen.agent_id)
        self._agent_ids = frozenset(config.agent_ids)
        self._others = tuple(name for name in config.agent_ids if name != seen.agent_id)
        self._balance = known_balance(seen, config)
        self._staked = seen.accounts[Holding.STAKED.name.lower()]

    def actions(self) -> Iterator[ActionOption]:
        """Every action that is possible, in the order of `RECOGNISED`."""
        if self._is_stopped():
            yield ActionOption(action=action_name(Idle()))
            return
        least = refusals.AMOUNT_LEAST
        amount = WholeNumber(least, min(self._balance, INPUT_LIMIT))
        fee = WholeNumber(refusals.FEE_LEAST, min(self._balance - least, INPUT_LIMIT))
        released = WholeNumber(least, min(self._staked, INPUT_LIMIT))
        paid: dict[str, Argument] = {"amount": amount, "fee": fee}
        yield from self._if_free(Mine())
        yield from self._if_free(Stake(least), paid)
        yield from self._if_free(Unstake(least), {"amount": released})
        yield from self._if_free(Burn(least), paid)
        yield from self._if_free(Study())
        yield from self._if_free(Job())
        if self._others:
            to = {"to": OneOf(self._others)}
            yield from self._if_free(Transfer(self._others[0], least), {**to, **paid})
        yield from self._proposal()
        yield from self._on_contracts()
        yield from self._if_free(BidCore(least), {"amount": amount})
        if self._config.speech_length_max:
            yield from self._if_free(Speak(), speech=".")
        yield from self._if_free(Idle())

    def _is_stopped(self) -> bool:
        """Test whether the rules let it do nothing at all (I7)."""
        if self._config.when_empty is not EmptyRule.STOP:
            return False
        held = forwards.held(self._seen.contracts, self.turn)
        return self._balance + held.get(self._agent, 0) <= 0

    def _if_free(
        self,
        least: Action,
        arguments: Mapping[str, Argument] | None = None,
        speech: str | None = None,
    ) -> Iterator[ActionOption]:
        """The option of an action, if the rules would not refuse the least of it."""
        refusal = refusals.rejection_reason(
            Input(self._seen.agent_id, least, speech=speech),
            self._balance,
            self._staked,
            self._agent_ids,
            self.turn,
            self._config,
        )
        if refusal is None:
            yield ActionOption(action=action_name(least), arguments=arguments or {})

    def _proposal(self) -> Iterator[ActionOption]:
        if len(self._others) < len(Role) - 1:
            return
        others = OneOf(self._others)
        yield ActionOption(
            action=action_name(ProposeContract()),
            arguments=dict.fromkeys(_OTHER_PARTIES, others),
            terms=_terms(self.turn),
        )

    def _on_contracts(self) -> Iterator[ActionOption]:
        """Actions on contracts, each with those contracts that it is possible on."""
        for action in _PARTY_ACTIONS:
            if ids := self._ids(action):
                some = SomeOf(ids, min(len(ids), self._config.contract_ids_max))
                arguments = _on_contract(action, OneOf(ids), some, self._config)
                yield ActionOption(action=action_name(action), arguments=arguments)

    def _ids(self, action: party_actions.PartyAction) -> tuple[int, ...]:
        """The contracts on which the rules would not refuse an action for its form."""
        found = []
        for contract in self._seen.contracts:
            role = Role(contract.seats.index(self._agent))
            refusal = party_actions.contract_refusal(action, contract, role, self.turn)
            if refusal in {None, RejectionReason.PAYLOAD_MISMATCH}:
                found.append(contract.contract_id)
        return tuple(found)


def _terms(turn: int) -> dict[ContractKind, dict[str, Argument]]:
    return {kind: terms_of(kind, turn) for kind in ContractKind}


def terms_of(kind: ContractKind, turn: int) -> dict[str, Argument]:
    """The terms of a proposal in a turn; a settlement only where there is a choice."""
    stated: dict[str, Argument] = {
        "due_turn": WholeNumber(turn + proposals.DUE_TURNS_LEAST, INPUT_LIMIT)
    }
    if len(SETTLEMENTS[kind]) > 1:
        stated["settlement"] = OneOf(tuple(map(str, SETTLEMENTS[kind])))
    others = {term for terms in OWN_TERMS.values() for term in terms} - set(OWN_TERMS[kind])
    for term in Terms.__struct_fields__:
        if term in stated or term == "settlement" or term in others:
            continue
        if term == "payload_hash":
            stated[term] = FreeText(64, 64, proposals.HASH_PATTERN)
        else:
            stated[term] = WholeNumber(proposals.LEAST.get(term, -INPUT_LIMIT), INPUT_LIMIT)
    return stated
