"""Treatments together: each two of them, and every combination of some."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Final

from msgspec import Struct

from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.statistics.interaction import factorial_contrasts, interaction_contrasts
from sim_economy.statistics.intervals import Interval, student_interval
from sim_economy.studies.findings.study_results import StudyResults
from sim_economy.studies.findings.study_sentences import INSOLVENT, between, change
from sim_economy.studies.study_arms import ArmKind, together_name
from sim_economy.studies.treatment_study import StudyBehaviour


class Interaction(Struct, frozen=True, kw_only=True):
    """Two treatments together: half of (both - one - other + neither), over common seeds.

    Attributes:
        together: What both change, on average.
        mean: The interaction: below zero of a share of insolvency, they help more together.
        interval: Student's t interval at 95 %.
    """

    behaviour: str
    turns: int
    treatments: tuple[str, str]
    outcome: str
    pairs: int
    together: float
    mean: float
    interval: Interval


def interactions(results: StudyResults, outcomes: Iterable[str]) -> list[Interaction]:
    """The interaction of each two treatments of the factorial."""
    study = results.study
    found = []
    for own in results.of(kinds=[ArmKind.TOGETHER]):
        if len(own.arm.treatments) != 2:
            continue
        first, second = (study.treatment(name) for name in own.arm.treatments)
        singles = [results.arm(own.behaviour, each.compared, own.turns) for each in (first, second)]
        off = results.off(own.behaviour, own.turns)
        for outcome in outcomes:
            cells = [arm.values[outcome] for arm in (own, *singles, off) if arm is not None]
            halves = interaction_contrasts(*cells)
            found.append(
                Interaction(
                    behaviour=own.behaviour,
                    turns=own.turns,
                    treatments=(first.name, second.name),
                    outcome=outcome,
                    pairs=len(halves),
                    together=own.mean(outcome) - off.mean(outcome),
                    mean=statistics.mean(halves),
                    interval=student_interval(halves),
                )
            )
    return found


class FactorialContrast(Struct, frozen=True, kw_only=True):
    """What some treatments of a full factorial do beyond what fewer of them do.

    Of one it is its main effect: its mean difference over every combination of the others. Of two
    it is half of (both - one - other + neither), over every combination of the rest; and so on.

    Attributes:
        treatments: Names, in the study's order.
        factors: How many treatments are combined.
        interval: Student's t interval at 95 %.
    """

    behaviour: str
    turns: int
    treatments: tuple[str, ...]
    factors: int
    outcome: str
    pairs: int
    mean: float
    interval: Interval

    @property
    def is_clear(self) -> bool:
        """True if the interval excludes zero."""
        low, high = self.interval
        return low is not None and high is not None and not low <= 0 <= high


def full_factorial(results: StudyResults, outcomes: Iterable[str]) -> list[FactorialContrast]:
    """Main effects and interactions of every order, of each behaviour and horizon."""
    outcomes = [*outcomes]
    return [
        contrast
        for behaviour in results.study.behaviours
        for horizon in behaviour.horizons
        for outcome in outcomes
        for contrast in _contrasts(results, behaviour, horizon.turns, outcome)
    ]


def _contrasts(
    results: StudyResults, behaviour: StudyBehaviour, turns: int, outcome: str
) -> list[FactorialContrast]:
    treatments = results.study.combined(behaviour)
    if len(treatments) < 2:
        return []
    cells: dict[frozenset[str], Sequence[float]] = {}
    groups = [
        group for size in range(len(treatments) + 1) for group in combinations(treatments, size)
    ]
    for group in groups:
        arm = results.arm(behaviour.name, together_name(group), turns)
        assert arm is not None, group
        cells[frozenset(own.name for own in group)] = arm.values[outcome]
    found = []
    for group in groups[1:]:
        names = tuple(own.name for own in group)
        halves = factorial_contrasts(cells, names)
        found.append(
            FactorialContrast(
                behaviour=behaviour.name,
                turns=turns,
                treatments=names,
                factors=len(treatments),
                outcome=outcome,
                pairs=len(halves),
                mean=statistics.mean(halves),
                interval=student_interval(halves),
            )
        )
    return found


def factorial_sentences(contrasts: Sequence[FactorialContrast]) -> list[str]:
    """Which contrasts of insolvency are clear, by order, and the greatest of each; Markdown."""
    said = []
    own = [each for each in contrasts if each.outcome == INSOLVENT]
    for behaviour, turns in dict.fromkeys((each.behaviour, each.turns) for each in own):
        there = [each for each in own if (each.behaviour, each.turns) == (behaviour, turns)]
        orders = []
        for order in sorted({len(each.treatments) for each in there}):
            same = [each for each in there if len(each.treatments) == order]
            most = max(same, key=lambda each: abs(each.mean))
            clear = sum(each.is_clear for each in same)
            orders.append(
                f"{_ORDERS.get(order, f'of {order}:')} {clear} of {len(same)} clear, the greatest "
                f"{markdown_text(' x '.join(most.treatments))} {change(most.mean, INSOLVENT)} "
                f"({between(most.interval, INSOLVENT)})"
            )
        said.append(
            f"- {markdown_text(behaviour)}, {turns:,} turns (2^{there[0].factors}, "
            f"{there[0].pairs} worlds): {'; '.join(orders)}."
        )
    return ["Contrasts of agent-turns below zero whose interval excludes zero:", "\n".join(said)]


_ORDERS: Final = {1: "main effects:", 2: "of two:", 3: "of three:"}
