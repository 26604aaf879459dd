"""Whether what a rule does holds elsewhere: in worlds with one factor changed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.reports.tables import Table, Value
from sim_economy.studies.findings.study_decisions import Decision, decisions_of
from sim_economy.studies.findings.study_effects import (
    Effect,
    effect_of,
    is_turned,
    settled_kind,
)
from sim_economy.studies.findings.study_results import StudyResults

STUDY_WORLD = "the study's own"
"""The name of the world without any factor changed."""


class CheckedRule(Struct, frozen=True, kw_only=True):
    """A rule at its dose in a world with one factor changed, beside the study's own world.

    Attributes:
        check: The name of the world.
        own: What the rule does in the study's own world.
        effects: Of every primary outcome there.
    """

    check: str
    own: Decision
    there: Decision
    effects: Sequence[Effect]

    @property
    def is_turned(self) -> bool:
        """True if both say what it does to insolvency, and say different things."""
        return is_turned(self.own.insolvency.kind, self.there.insolvency.kind)


def checked_rules(results: StudyResults, effects: Sequence[Effect]) -> list[CheckedRule]:
    """Each rule at its dose in each of the worlds that the study names."""
    study = results.study
    first = study.behaviours[0]
    own = {
        (each.insolvency.arm, each.insolvency.turns): each
        for each in decisions_of(study, effects)
        if each.insolvency.behaviour == first.name
    }
    found = []
    for check in study.robustness:
        for horizon in check.behaviour.horizons:
            for treatment in study.tried(first):
                arm = results.arm(check.behaviour.name, treatment.compared, horizon.turns)
                base = own.get((treatment.compared, horizon.turns))
                if arm is None or base is None:
                    continue
                there = [
                    effect_of(results, arm, outcome.name, outcome.smallest_effect)
                    for outcome in study.outcomes
                ]
                (decision,) = decisions_of(study, there)
                found.append(CheckedRule(check=check.name, own=base, there=decision, effects=there))
    return found


def robustness_sentence(checked: Sequence[CheckedRule]) -> str:
    """Which answers turn, and where; Markdown."""
    turned = [own for own in checked if own.is_turned]
    untold = sum(
        None in {settled_kind(own.own.insolvency.kind), settled_kind(own.there.insolvency.kind)}
        for own in checked
    )
    text = (
        f"Of {len(checked)} answers on insolvency, {len(turned)} turn where one factor of the "
        f"world is changed; of {untold} nothing can be told (unclear, or no room to matter)."
    )
    by_rule: dict[str, list[str]] = {}
    for own in turned:
        said = (
            f"{markdown_text(own.check)}, {own.there.insolvency.turns:,} turns: "
            f"{own.own.insolvency.kind} → {own.there.insolvency.kind} ({own.there.shares} %)"
        )
        by_rule.setdefault(own.there.insolvency.arm, []).append(said)
    for rule, each in by_rule.items():
        text += f" **{markdown_text(rule)}** turns under {'; '.join(each)}."
    return text


def robustness_table(checked: Sequence[CheckedRule]) -> Table:
    """Every rule in every world: the effect with its interval, and whether the answer turns."""
    rows: list[tuple[Value, ...]] = []
    for subject in dict.fromkeys(
        (own.there.insolvency.arm, own.there.insolvency.turns) for own in checked
    ):
        same = [
            own
            for own in checked
            if (own.there.insolvency.arm, own.there.insolvency.turns) == subject
        ]
        rows.append(_row(STUDY_WORLD, same[0].own, ""))
        rows += [_row(own.check, own.there, "turns" if own.is_turned else "") for own in same]
    columns = (
        "rule", "turns", "world", "pairs", "without, %", "points", "low", "high", "platform",
        "platform, low", "platform, high", "verdict", "answer", "first run",
    )  # fmt: skip
    title = "Each rule at its dose, in worlds with one factor changed"
    return Table("robustness", title, columns, tuple(rows))


def _row(world: str, decision: Decision, answer: str) -> tuple[Value, ...]:
    own, cost = decision.insolvency, decision.cost
    costs = (None, None, None) if cost is None else (cost.mean, *cost.student)
    return (
        own.arm,
        own.turns,
        world,
        own.pairs,
        round(own.off, 1),
        *(None if value is None else round(value, 2) for value in (own.mean, *own.student)),
        *(None if value is None else round(value, 0) for value in costs),
        decision.verdict,
        answer,
        own.run_id,
    )
