"""Where tokens come from and go to under each arm, and who pays for a rule and who receives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sim_economy.reports.tables import Table, Value
from sim_economy.studies.findings.study_effects import tried_arms
from sim_economy.studies.findings.study_results import ArmOutcomes, StudyResults
from sim_economy.studies.study_rows import AGENTS, WAGES_LOWERED, flow_parts

PLATFORM: Final = "platform"
_OWNERS: Final = (PLATFORM, AGENTS)
_INCIDENCE: Final[dict[str, tuple[str, str]]] = {
    "waived": (PLATFORM, "who is charged"),
    "halved": (PLATFORM, "the poorer half"),
    "rebated": (PLATFORM, "who has points"),
    "subsidised": (PLATFORM, "arbitrators"),
    "lent": (PLATFORM, "debtors"),
    "levied": ("the wealthiest", "the poorer half"),
    "granted": ("issuance", "every agent"),
    "tariff": (PLATFORM, "who is charged"),
    WAGES_LOWERED: ("who works", PLATFORM),
}
"""Who pays and who receives, by how tokens are spared or given."""


def compared_arms(results: StudyResults, behaviour: str, turns: int) -> list[ArmOutcomes]:
    """The world without a rule, and each rule at its dose."""
    return [results.off(behaviour, turns), *tried_arms(results, behaviour, turns)]


def sources_table(results: StudyResults, behaviour: str, turns: int) -> Table:
    """Tokens that the platform and the agents got and gave, by reason; a column for each arm."""
    arms = compared_arms(results, behaviour, turns)
    names = sorted({name for own in arms for name in own.flows})
    rows: list[tuple[Value, ...]] = []
    for owner in _OWNERS:
        totals = [0.0] * len(arms)
        for is_source in (True, False):
            for name in names:
                reason, giver, taker = flow_parts(name)
                ours, other = (taker, giver) if is_source else (giver, taker)
                if ours != owner or other == owner:
                    continue
                tokens = [own.flows.get(name, 0.0) for own in arms]
                sign = 1 if is_source else -1
                totals = [sum_ + sign * own for sum_, own in zip(totals, tokens, strict=True)]
                kind = f"from {other}" if is_source else f"to {other}"
                rows.append((owner, kind, reason, *(round(own, 1) for own in tokens)))
        rows.append((owner, "sources less uses", "", *(round(own, 1) for own in totals)))
    rows += [
        (AGENTS, "among agents", reason, *(round(own.flows.get(name, 0.0), 1) for own in arms))
        for name in names
        for reason, giver, taker in [flow_parts(name)]
        if giver == taker == AGENTS
    ]
    title = f"Sources and uses of tokens, a run, under {behaviour} after {turns:,} turns"
    columns = ("whose", "source or use", "reason", *(own.arm.name for own in arms))
    return Table("sources-and-uses", title, columns, tuple(rows))


def incidence_table(results: StudyResults) -> Table:
    """Who paid for each rule at its dose, and who received, in tokens a run."""
    rows: list[tuple[Value, ...]] = []
    for behaviour in results.study.behaviours:
        for horizon in behaviour.horizons:
            for own in tried_arms(results, behaviour.name, horizon.turns):
                rows += _incidence(own)
    columns = (
        "behaviour", "turns", "rule", "what", "paid by", "received by", "tokens a run",
        "turns active", "of all turns (%)",
    )  # fmt: skip
    title = "Who paid for each rule, and who received"
    return Table("incidence", title, columns, tuple(rows))


def _incidence(own: ArmOutcomes) -> list[tuple[Value, ...]]:
    active = round(own.active_turns, 1), round(100 * own.active_turns / own.turns, 1)
    moved: Sequence[tuple[str, str, str, float]] = [
        (how.replace("_", " "), *_INCIDENCE[how], tokens) for how, tokens in own.granted.items()
    ]
    repaid = sum(
        tokens
        for name, tokens in own.flows.items()
        if flow_parts(name)[::2] == ("debt_repayment", PLATFORM)
    )
    if repaid:
        moved = [*moved, ("repaid, but for what was withheld", "debtors", PLATFORM, repaid)]
    return [
        (own.behaviour, own.turns, own.arm.name, how, payer, taker, round(tokens, 1), *active)
        for how, payer, taker, tokens in moved or [("nothing", "", "", 0.0)]
    ]
