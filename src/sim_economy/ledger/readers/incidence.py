"""Who paid for interventions and who received by them, added up over a run from its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import UNSET, Struct

from sim_economy.core.accounts import FIRST, WIDTH, Posting, PostingReason
from sim_economy.core.events import GovernanceTurn
from sim_economy.core.governance_config import (
    RULES,
    GovernanceConfig,
    MonitorResponse,
    WagesRule,
)
from sim_economy.core.shock_config import GAIN, LOSS
from sim_economy.ledger.fold.repayments import with_repayments
from sim_economy.ledger.readers.reading import config_of, genesis_record
from sim_economy.ledger.records import TurnRecord
from sim_economy.ledger.stores.protocol import Store

SHOCKS: Final = "shocks"
"""The key of all entries of G6 together, beside those of `RULES`."""

SIGNS: Final[Mapping[str, int]] = {
    "waived": 1,
    "wages_lowered": -1,
    "rebated": 1,
    "subsidised": 1,
    "lent": 1,
    "repaid": -1,
    "withheld": -1,
    "receivable": 0,
    "halved": 1,
    "levied": -1,
    "levy_received": 1,
    "given": 1,
    "taken": -1,
    "unmet": 0,
}
"""Effects on an agent: 1 where it received tokens or was spared them, -1 where it paid."""

AMONG_AGENTS: Final = frozenset({"levied", "levy_received"})
FROM_OUTSIDE: Final = frozenset({"given", "taken"})
"""Effects whose other side is issuance, or what is destroyed; of the rest it is the platform."""


class Incidence(Struct, kw_only=True):
    """What the interventions of a world did over a run.

    Rebates, levies and gains are those before repayments.

    Attributes:
        fired: Turns in which each intervention that is on did something, by its key: the fee cap
            waived, fees were rebated, arbitrators were subsidised, needs matched, debt rails lent,
            wealth was concentrated, shocks acted.
        watched: Turns in which the monitor looked at wealth.
        shocked: Turns in which each target of a shock was changed.
        tokens: By effect that interventions which are on may have (`SIGNS`), `[agent]`;
            `receivable` as it is after the last turn.
    """

    agents: int
    fired: dict[str, int]
    watched: int
    shocked: dict[str, int]
    tokens: dict[str, list[int]]

    def net(self) -> list[int]:
        """What each agent received less what it paid, `[agent]`."""
        return [
            sum(SIGNS[effect] * by_agent[agent] for effect, by_agent in self.tokens.items())
            for agent in range(self.agents)
        ]

    def platform_net(self) -> int:
        """What the platform received less what it paid or forwent."""
        others = AMONG_AGENTS | FROM_OUTSIDE
        return -sum(
            SIGNS[effect] * sum(by_agent)
            for effect, by_agent in self.tokens.items()
            if effect not in others
        )


class IncidenceCounter:
    """The incidence of the turns it is given, in order, from turn 1 on."""

    def __init__(self, rules: GovernanceConfig, agents: int) -> None:
        monitor = rules.concentration_monitor
        self._from_turn = None if monitor is None else monitor.from_turn
        on = [name for name in RULES if getattr(rules, name) is not None]
        self._incidence = Incidence(
            agents=agents,
            fired=dict.fromkeys([*on, *([SHOCKS] if rules.shocks else [])], 0),
            watched=0,
            shocked={own.target: 0 for own in rules.shocks},
            tokens={effect: [0] * agents for effect in _effects(rules)},
        )

    def add(self, record: TurnRecord) -> None:
        """Add one more turn."""
        did = record.governance
        assert did is not UNSET, record.turn
        moved = _moved(record)
        self._count_turn(record.turn, did, moved)
        tokens = self._incidence.tokens
        for effect, field in _LISTED.items():
            for own in getattr(did, field):
                tokens[effect][own.agent] += own.tokens
        for posting in moved:
            target, source = _EFFECTS[posting.reason]
            if target:
                tokens[target][_agent(posting.target)] += posting.amount
            if source:
                tokens[source][_agent(posting.source)] += posting.amount
        if "receivable" in tokens:
            tokens["receivable"] = [0] * len(tokens["receivable"])
        for debt in did.debts:
            for effect in ("lent", "repaid", "withheld", "receivable"):
                tokens[effect][debt.agent] += getattr(debt, effect)

    def incidence(self) -> Incidence:
        """The incidence so far."""
        return self._incidence

    def _count_turn(self, turn: int, did: GovernanceTurn, moved: Sequence[Posting]) -> None:
        fired = {
            "fee_cap": bool(did.fees_waived),
            "reinvestment_rebate": any(own.reason is PostingReason.REBATE for own in moved),
            "arbitration_subsidy": any(own.reason is _SUBSIDY for own in moved),
            "contract_matching": bool(did.matches),
            "debt_rails": any(own.lent for own in did.debts),
            "concentration_monitor": did.concentrated is True,
            SHOCKS: bool(did.shocks),
        }
        for name in self._incidence.fired:
            self._incidence.fired[name] += fired[name]
        for target in {*did.shocks}:
            self._incidence.shocked[target] += 1
        self._incidence.watched += self._from_turn is not None and turn >= self._from_turn


def incidence_of(store: Store) -> Incidence | None:
    """What interventions did in the run that a ledger holds; None where it has none."""
    first = genesis_record(store)
    if (rules := config_of(first).governance) is None:
        return None
    counter = IncidenceCounter(rules, len(first.agent_ids))
    for stored in store.read(1):
        counter.add(stored.record)
    return counter.incidence()


def _effects(rules: GovernanceConfig) -> list[str]:
    """The effects that the interventions of a world may have."""
    monitor, targets = rules.concentration_monitor, {own.target for own in rules.shocks}
    response = None if monitor is None else monitor.response
    lends, levies = rules.debt_rails is not None, response is MonitorResponse.LEVY
    possible = {
        "waived": rules.fee_cap is not None,
        "wages_lowered": rules.lowers_fees and rules.wages is WagesRule.FOLLOW,
        "rebated": rules.reinvestment_rebate is not None,
        "subsidised": rules.arbitration_subsidy is not None,
        **dict.fromkeys(("lent", "repaid", "withheld", "receivable"), lends),
        "halved": response is MonitorResponse.RELIEF,
        **dict.fromkeys(("levied", "levy_received"), levies),
        "given": GAIN in targets,
        **dict.fromkeys(("taken", "unmet"), LOSS in targets),
    }
    return [effect for effect in SIGNS if possible[effect]]


_LISTED: Final[Mapping[str, str]] = {
    "waived": "fees_waived",
    "wages_lowered": "wages_lowered",
    "halved": "fees_halved",
    "unmet": "losses_unmet",
}
"""Effects that a turn lists by agent, with their fields."""

_SUBSIDY: Final = PostingReason.ARBITRATION_SUBSIDY
_EFFECTS: Final[Mapping[PostingReason, tuple[str, str]]] = {
    PostingReason.REBATE: ("rebated", ""),
    _SUBSIDY: ("subsidised", ""),
    PostingReason.LEVY: ("levy_received", "levied"),
    PostingReason.SHOCK_GAIN: ("given", ""),
    PostingReason.SHOCK_LOSS: ("", "taken"),
}
"""Effects of postings, on their target's agent and on their source's."""


def _moved(record: TurnRecord) -> list[Posting]:
    """The postings of those reasons, as they would be if nothing had been repaid."""
    return [own.posting for own in with_repayments(record) if own.posting.reason in _EFFECTS]


def _agent(account: int) -> int:
    return (account - FIRST) // WIDTH
