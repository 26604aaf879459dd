"""The tables of a study's report: every effect, match, interaction and shock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sim_economy.reports.tables import Table, Value
from sim_economy.statistics.expected_shortfall import expected_shortfall
from sim_economy.statistics.intervals import student_interval
from sim_economy.statistics.power import detectable_effect, pairs_needed
from sim_economy.studies.findings.study_decisions import with_interval
from sim_economy.studies.findings.study_effects import (
    Effect,
    MatchedEffect,
    tried_arms,
)
from sim_economy.studies.findings.study_factorial import FactorialContrast, Interaction
from sim_economy.studies.findings.study_results import StudyResults
from sim_economy.studies.findings.study_sentences import INSOLVENT
from sim_economy.studies.findings.study_shocks import ImpulseResponse
from sim_economy.studies.study_outcomes import OUTCOMES


def known_table(results: StudyResults) -> Table:
    """What is to be known of the world and the rules before any effect is read."""
    study = results.study
    rows: list[tuple[Value, ...]] = []
    for behaviour in study.behaviours:
        for horizon in behaviour.horizons:
            off = results.off(behaviour.name, horizon.turns)
            rows.append(
                (
                    behaviour.name,
                    horizon.turns,
                    len(off.seeds),
                    round(off.mean(INSOLVENT), 2),
                    round(off.mean("mean_depth"), 1),
                    round(off.mean("platform"), 1),
                    round(off.mean("platform_insolvent"), 1),
                    round(off.mean("gini_absolute"), 1),
                    round(off.mean("gini_normalised"), 3),
                    round(off.mean("kolm_pollak"), 1),
                    round(off.mean("action_diversity"), 2),
                    off.digests[0],
                )
            )
    columns = (
        "behaviour", "turns", "runs", "agent-turns below zero (%)", "mean depth",
        "platform", "runs with platform below zero (%)", "absolute Gini",
        "normalised Gini", "Kolm-Pollak equivalent",
        "effective actions", "state of the first run",
    )  # fmt: skip
    return Table("without", "Without a rule", columns, tuple(rows))


def effects_table(effects: Sequence[Effect]) -> Table:
    """Every primary effect, a row each."""
    rows = tuple(
        (
            own.behaviour,
            own.turns,
            own.arm,
            str(own.mode),
            OUTCOMES[own.outcome].text,
            own.pairs,
            _rounded(own.off),
            _rounded(own.mean),
            _rounded(own.student.low),
            _rounded(own.student.high),
            _rounded(own.bca.low),
            _rounded(own.bca.high),
            _rounded(own.adjusted, 4),
            str(own.verdict),
            _rounded(own.active_turns, 1),
            _rounded(own.tokens, 0),
            None if own.coverage is None else _rounded(100 * own.coverage, 0),
            own.run_id,
        )
        for own in effects
    )
    columns = (
        "behaviour", "turns", "treatment", "mode", "outcome", "pairs", "without", "difference",
        "low", "high", "BCa low", "BCa high", "p (Holm)", "verdict", "turns active",
        "tokens spared or given", "covers only (%)", "first run",
    )  # fmt: skip
    return Table("effects", "Every primary effect, agents deciding again", columns, rows)


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def power_table(effects: Sequence[Effect]) -> Table:
    """What so many pairs can see of each outcome, taking the study as its own pilot."""
    rows: list[tuple[Value, ...]] = []
    for behaviour, turns, outcome in dict.fromkeys(
        (own.behaviour, own.turns, own.outcome) for own in effects
    ):
        same = [
            own
            for own in effects
            if (own.behaviour, own.turns, own.outcome) == (behaviour, turns, outcome)
        ]
        widest = max(same, key=lambda own: own.deviation)
        if not widest.deviation:
            continue
        rows.append(
            (
                behaviour,
                turns,
                OUTCOMES[outcome].text,
                widest.pairs,
                widest.arm,
                _rounded(widest.deviation, 2),
                _rounded(detectable_effect(widest.deviation, widest.pairs), 2),
                widest.smallest,
                pairs_needed(widest.smallest, widest.deviation),
            )
        )
    columns = (
        "behaviour", "turns", "outcome", "pairs", "noisiest treatment", "deviation of its pairs",
        "seen with 80 % power", "worth acting on", "pairs that would see it",
    )  # fmt: skip
    return Table("power", "What so many pairs can see", columns, tuple(rows))


def matched_table(matched: Sequence[MatchedEffect]) -> Table:
    """Treatments with references at equal tokens, a row for each outcome."""
    rows = tuple(
        (
            own.behaviour,
            own.turns,
            own.arm,
            own.reference,
            own.dose or None,
            round(own.tokens, 1),
            _rounded(own.reference_tokens, 1),
            OUTCOMES[own.outcome].text,
            *(_rounded(value, 2) for value in own.means),
            None if own.difference is None else _rounded(own.difference.mean, 2),
            None if own.difference is None else _rounded(own.difference.student.low, 2),
            None if own.difference is None else _rounded(own.difference.student.high, 2),
            "not comparable" if own.difference is None else str(own.difference.verdict),
        )
        for own in matched
    )
    columns = (
        "behaviour", "turns", "treatment", "reference", "its dose", "tokens", "its tokens",
        "outcome", "without", "treatment's", "reference's", "difference", "low", "high", "verdict",
    )  # fmt: skip
    return Table("matched", "Treatments beside references at equal tokens", columns, rows)


def fixed_table(effects: Sequence[Effect], fixed: Sequence[Effect]) -> Table:
    """Both modes of each treatment, a row for each outcome."""
    deciding = {own.subject: own for own in effects}
    rows: list[tuple[Value, ...]] = []
    for own in fixed:
        other = deciding.get(own.subject)
        rows.append(
            (
                own.behaviour,
                own.turns,
                own.base,
                OUTCOMES[own.outcome].text,
                _rounded(own.mean, 2),
                _rounded(own.student.low, 2),
                _rounded(own.student.high, 2),
                None if other is None else _rounded(other.mean, 2),
            )
        )
    columns = (
        "behaviour", "turns", "treatment", "outcome", "difference, behaviour held fixed", "low",
        "high", "difference, agents decide again",
    )  # fmt: skip
    return Table("fixed", "Behaviour held fixed beside agents deciding again", columns, tuple(rows))


def trained_table(effects: Sequence[Effect], trained: Sequence[Effect]) -> Table:
    """Trained and untrained agents under each treatment, a row for each outcome."""
    deciding = {own.subject: own for own in effects}
    rows: list[tuple[Value, ...]] = []
    for own in trained:
        other = deciding.get(own.subject)
        rows.append(
            (
                own.behaviour,
                own.turns,
                own.base,
                OUTCOMES[own.outcome].text,
                own.pairs,
                _rounded(own.off, 2),
                _rounded(own.mean, 2),
                _rounded(own.student.low, 2),
                _rounded(own.student.high, 2),
                own.trainings,
                _rounded(own.over_trainings.low, 2),
                _rounded(own.over_trainings.high, 2),
                str(own.verdict),
                None if other is None else _rounded(other.mean, 2),
            )
        )
    columns = (
        "behaviour", "turns", "treatment", "outcome", "pairs", "trained against none",
        "difference, trained", "low over worlds", "high over worlds", "trainings",
        "low over trainings", "high over trainings", "verdict", "difference, agents decide again",
    )  # fmt: skip
    return Table("trained", "Agents trained against the rule", columns, tuple(rows))


def interaction_table(interactions: Sequence[Interaction]) -> Table:
    """Two treatments together, a row for each outcome."""
    rows = tuple(
        (
            own.behaviour,
            own.turns,
            " + ".join(own.treatments),
            OUTCOMES[own.outcome].text,
            own.pairs,
            _rounded(own.together, 2),
            _rounded(own.mean, 2),
            _rounded(own.interval.low, 2),
            _rounded(own.interval.high, 2),
        )
        for own in interactions
    )
    columns = (
        "behaviour", "turns", "treatments", "outcome", "pairs", "both change", "interaction", "low",
        "high",
    )  # fmt: skip
    return Table("interactions", "Two treatments together", columns, rows)


def factorial_table(contrasts: Sequence[FactorialContrast]) -> Table:
    """Main effects and interactions of every order, a row for each outcome."""
    rows = tuple(
        (
            own.behaviour,
            own.turns,
            " x ".join(own.treatments),
            len(own.treatments),
            f"2^{own.factors}",
            OUTCOMES[own.outcome].text,
            own.pairs,
            _rounded(own.mean, 3),
            _rounded(own.interval.low, 3),
            _rounded(own.interval.high, 3),
        )
        for own in contrasts
    )
    columns = (
        "behaviour", "turns", "treatments", "order", "design", "outcome", "pairs", "contrast",
        "low", "high",
    )  # fmt: skip
    return Table("factorial", "Every combination: main effects and interactions", columns, rows)


def spread_table(results: StudyResults) -> Table:
    """How each rule at its dose changes how wealth is spread, by three measures."""
    rows: list[tuple[Value, ...]] = []
    for behaviour in results.study.behaviours:
        for horizon in behaviour.horizons:
            off = results.off(behaviour.name, horizon.turns)
            for own in tried_arms(results, behaviour.name, horizon.turns):
                cells: list[Value] = []
                for outcome, digits in _SPREAD.items():
                    differences = own.differences(off, outcome)
                    mean = sum(differences) / len(differences)
                    cells += [
                        round(off.mean(outcome), digits),
                        with_interval(mean, student_interval(differences), digits),
                    ]
                rows.append((behaviour.name, horizon.turns, own.arm.name, *cells))
    columns = (
        "behaviour", "turns", "rule", "normalised Gini without", "difference",
        "absolute Gini without", "difference", "Kolm-Pollak equivalent without", "difference",
    )  # fmt: skip
    title = "How wealth is spread, net of loans; intervals in brackets, 95 %"
    return Table("spread", title, columns, tuple(rows))


_SPREAD: Final = {"gini_normalised": 3, "gini_absolute": 1, "kolm_pollak": 1}
"""Measures of spread, with the digits that they are shown with."""


def shortfall_table(results: StudyResults) -> Table:
    """The least wealth, pooled over agents and runs."""
    rows: list[tuple[Value, ...]] = []
    for behaviour in results.study.behaviours:
        for horizon in behaviour.horizons:
            off = results.off(behaviour.name, horizon.turns)
            for own in (off, *tried_arms(results, behaviour.name, horizon.turns)):
                pooled = [tokens for run in own.wealth for tokens in run]
                rows.append(
                    (
                        behaviour.name,
                        horizon.turns,
                        own.arm.name,
                        round(own.mean("solvent_turns"), 1),
                        round(expected_shortfall(pooled), 1),
                        min(pooled),
                        round(own.owed, 1),
                        round(own.mean("action_diversity"), 2),
                        round(own.mean("winner_concentration"), 3),
                    )
                )
    columns = (
        "behaviour", "turns", "treatment", "turns before first below zero",
        "mean wealth of the poorest 5 %", "least wealth", "owed to the platform",
        "effective actions", "concentration of wins",
    )  # fmt: skip
    return Table("solvency", "The poorest, and how varied what agents do is", columns, tuple(rows))


def shock_table(responses: Sequence[ImpulseResponse]) -> Table:
    """What each shock does to each arm: levels without it and with it, and their differences."""
    rows = tuple(
        (
            own.behaviour,
            own.shock,
            own.arm,
            own.pairs,
            own.peak_turn,
            _rounded(own.level_without, 2),
            with_interval(own.level, own.level_interval, 2),
            with_interval(own.peak, own.peak_interval, 2),
            _rounded(own.total_without, 1),
            with_interval(own.total, own.total_interval, 1),
            with_interval(own.area, own.area_interval, 1),
            round(own.back_percent, 1),
            _back_text(own),
        )
        for own in responses
    )
    columns = (
        "behaviour", "shock", "arm", "pairs", "deepest in turn", "agents below zero then, without",
        "with", "difference", "agent-turns below zero from the shock on, without", "with",
        "difference", "runs back inside the band of unshocked ones (%)", "turns until half are",
    )  # fmt: skip
    title = "After a shock, beside the same arm without it; intervals in brackets, 95 %"
    return Table("shocks", title, columns, rows)


def _back_text(own: ImpulseResponse) -> str:
    """The median with its interval; a bound that no run reached is open."""
    if own.back_turns is None:
        return "not reached"
    low, high = own.back_interval
    if low is None:
        return f"{own.back_turns:g}"
    ends = f"to {high:g}" if high is not None else "or more"
    return f"{own.back_turns:g} ({low:g} {ends})"
