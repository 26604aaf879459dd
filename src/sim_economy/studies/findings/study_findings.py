"""All that a study found, from its folder; as plain values for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct

from sim_economy.core.errors import needing
from sim_economy.reports.page.document import plain
from sim_economy.studies.findings.study_decisions import Decision, decisions_of
from sim_economy.studies.findings.study_effects import (
    Effect,
    MatchedEffect,
    fixed_effects,
    matched_effects,
    primary_effects,
)
from sim_economy.studies.findings.study_factorial import (
    FactorialContrast,
    Interaction,
    full_factorial,
    interactions,
)
from sim_economy.studies.findings.study_results import StudyResults
from sim_economy.studies.findings.study_robustness import CheckedRule, checked_rules
from sim_economy.studies.findings.study_sentences import answer
from sim_economy.studies.findings.study_shocks import ImpulseResponse, impulse_responses
from sim_economy.studies.findings.trained_effects import trained_effects
from sim_economy.studies.treatment_study import TreatmentStudy


class StudyFindings(Struct, frozen=True, kw_only=True, dict=True):
    """All that a study found.

    Attributes:
        effects: Of each treatment at its dose, agents deciding again.
        fixed: The same with behaviour held fixed.
        trained: The same with agents trained against the rule, from those trained against none.
        factorial: Contrasts of the treatments that are tried in every combination.
        robustness: Each treatment at its dose in worlds with one factor changed.
    """

    results: StudyResults
    effects: Sequence[Effect]
    fixed: Sequence[Effect]
    trained: Sequence[Effect]
    matched: Sequence[MatchedEffect]
    interactions: Sequence[Interaction]
    factorial: Sequence[FactorialContrast]
    robustness: Sequence[CheckedRule]
    responses: Sequence[ImpulseResponse]

    @cached_property
    def decisions(self) -> list[Decision]:
        """A line for each rule, behaviour and horizon."""
        return decisions_of(self.results.study, self.effects)

    @property
    def answer(self) -> str:
        """The answer to the study's question, as plain text."""
        return plain(answer(self.results, self.effects, self.matched))


def findings_of(study: TreatmentStudy, folder: Path) -> StudyFindings:
    """What a finished study found.

    Raises:
        FolderError: The folder holds no finished study.
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    with needing("a study", "report"):
        results = StudyResults(study, folder)
        names = [own.name for own in study.outcomes]
        effects = primary_effects(results)
        return StudyFindings(
            results=results,
            effects=effects,
            fixed=fixed_effects(results),
            trained=trained_effects(results),
            matched=matched_effects(results, names),
            interactions=interactions(results, names),
            factorial=full_factorial(results, names),
            robustness=checked_rules(results, effects),
            responses=impulse_responses(results),
        )


def plain_findings(found: StudyFindings) -> dict[str, Any]:
    """What a study found as plain values, for scripts."""
    return {
        "study_hash": found.results.study.hash,
        "effects": [
            {
                "behaviour": own.behaviour,
                "turns": own.turns,
                "treatment": own.arm,
                "mode": str(own.mode),
                "outcome": own.outcome,
                "pairs": own.pairs,
                "without": own.off,
                "difference": own.mean,
                "interval": [*own.student],
                "p_holm": own.adjusted,
                "trainings": own.trainings,
                "interval_over_trainings": [*own.over_trainings],
                "verdict": str(own.verdict),
                "run": own.run_id,
            }
            for own in (*found.effects, *found.fixed, *found.trained)
        ],
        "decisions": [
            {
                "behaviour": own.insolvency.behaviour,
                "turns": own.insolvency.turns,
                "treatment": own.insolvency.arm,
                "without": own.insolvency.off,
                "with": own.insolvency.off + own.insolvency.mean,
                "platform": None if own.cost is None else own.cost.mean,
                "verdict": own.verdict,
                "run": own.insolvency.run_id,
            }
            for own in found.decisions
        ],
        "robustness": [
            {
                "world": own.check,
                "treatment": own.there.insolvency.arm,
                "turns": own.there.insolvency.turns,
                "difference": own.there.insolvency.mean,
                "interval": [*own.there.insolvency.student],
                "verdict": own.there.verdict,
                "turned": own.is_turned,
                "run": own.there.insolvency.run_id,
            }
            for own in found.robustness
        ],
        "factorial": [
            {
                "behaviour": own.behaviour,
                "turns": own.turns,
                "treatments": [*own.treatments],
                "outcome": own.outcome,
                "contrast": own.mean,
                "interval": [*own.interval],
            }
            for own in found.factorial
        ],
    }
