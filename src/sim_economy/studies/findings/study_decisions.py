"""Each rule in a line: insolvency without it and with it, what it costs the platform, a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from sim_economy.ledger.readers.plain_numbers import MINUS, number
from sim_economy.reports.tables import Table
from sim_economy.statistics.intervals import Interval
from sim_economy.studies.findings.study_effects import Effect, EffectKind
from sim_economy.studies.findings.study_results import StudyResults
from sim_economy.studies.findings.study_sentences import INSOLVENT
from sim_economy.studies.study_outcomes import OUTCOMES
from sim_economy.studies.treatment_study import TreatmentStudy


def verdict_text(insolvency: EffectKind, platform: EffectKind | None) -> str:
    """What a rule does to insolvency, and whether the platform loses or gains by it."""
    words = {EffectKind.HARMS: "; platform loses", EffectKind.HELPS: "; platform gains"}
    return f"{insolvency}{words.get(platform or EffectKind.INERT, '')}"


class Decision(Struct, frozen=True, kw_only=True):
    """What is to be said of a rule under a behaviour at a horizon.

    Attributes:
        insolvency: In agent-turns below zero.
        cost: In the study's first primary outcome of the platform; None where it names none.
    """

    insolvency: Effect
    cost: Effect | None

    @property
    def verdict(self) -> str:
        """What it does to insolvency, and whether the platform loses or gains by it."""
        return verdict_text(self.insolvency.kind, None if self.cost is None else self.cost.kind)

    @property
    def shares(self) -> str:
        """Agent-turns below zero without the rule and with it, in percent."""
        own = self.insolvency
        return f"{number(own.off, 1)} → {number(own.off + own.mean, 1)}"


def decisions_of(study: TreatmentStudy, effects: Sequence[Effect]) -> list[Decision]:
    """A decision for each rule, behaviour and horizon, in the order of the effects."""
    outcome = platform_outcome(study)
    costs = {own.subject: own for own in effects if own.outcome == outcome}
    return [
        Decision(
            insolvency=own,
            cost=costs.get((own.behaviour, own.turns, own.base, outcome or "")),
        )
        for own in effects
        if own.outcome == INSOLVENT
    ]


def platform_outcome(study: TreatmentStudy) -> str | None:
    """The first primary outcome about the platform."""
    names = [own.name for own in study.outcomes]
    return next((name for name in names if OUTCOMES[name].about == "platform"), None)


def decision_table(results: StudyResults, decisions: Sequence[Decision]) -> Table:
    """A line for each rule and horizon under the first behaviour; the others are counted."""
    study = results.study
    first = study.behaviours[0].name
    order = {own.compared: index for index, own in enumerate(study.treatments)}
    own = [each for each in decisions if each.insolvency.behaviour == first]
    own.sort(key=lambda each: (order[each.insolvency.arm], each.insolvency.turns))
    rows = tuple(
        (
            each.insolvency.arm,
            f"{each.insolvency.turns:,}",
            each.shares,
            "" if each.cost is None else signed(each.cost.mean),
            each.verdict,
            _elsewhere(each, decisions),
        )
        for each in own
    )
    columns = (
        "rule", "turns", "below zero, %", _cost_name(study), "verdict", "other behaviours",
    )  # fmt: skip
    title = f"Each rule at its dose under {first}: agent-turns below zero, without → with it"
    return Table("decisions", title, columns, rows)


def _cost_name(study: TreatmentStudy) -> str:
    """The column of what a rule costs the platform, short."""
    return "platform, net" if platform_outcome(study) == "platform_net" else "platform"


def signed(value: float) -> str:
    """Whole tokens with their sign."""
    text = number(value, 0)
    return text if text.startswith(MINUS) or text == "0" else f"+{text}"


def _elsewhere(own: Decision, decisions: Sequence[Decision]) -> str:
    """How often a rule comes to what under the other behaviours at the same horizon."""
    subject = own.insolvency.arm, own.insolvency.turns
    kinds = Counter(
        each.insolvency.kind
        for each in decisions
        if (each.insolvency.arm, each.insolvency.turns) == subject
        and each.insolvency.behaviour != own.insolvency.behaviour
    )
    return ", ".join(f"{kind} {kinds[kind]}" for kind in EffectKind if kinds[kind])


def all_decisions_table(study: TreatmentStudy, decisions: Sequence[Decision]) -> Table:
    """Every rule under every behaviour, with intervals."""
    rows = tuple(
        (
            own.insolvency.behaviour,
            own.insolvency.turns,
            own.insolvency.arm,
            own.shares,
            with_interval(own.insolvency.mean, own.insolvency.student, 1),
            "" if own.cost is None else with_interval(own.cost.mean, own.cost.student, 0),
            own.verdict,
            own.insolvency.run_id,
        )
        for own in decisions
    )
    columns = (
        "behaviour", "turns", "rule", "agent-turns below zero, %", "points",
        _cost_name(study), "verdict", "first run",
    )  # fmt: skip
    title = "Every decision, agents deciding again; intervals in brackets, 95 %"
    return Table("every-decision", title, columns, rows)


def with_interval(value: float, interval: Interval, digits: int) -> str:
    """A value with its interval in brackets."""
    low, high = interval
    if low is None or high is None:
        return number(value, digits)
    return f"{number(value, digits)} ({number(low, digits)} to {number(high, digits)})"
