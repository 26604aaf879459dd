"""The paper's five claims, and what the runs of a study say of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.reports.tables import Table
from sim_economy.studies.findings.study_results import ArmOutcomes, StudyResults
from sim_economy.studies.findings.study_window import SOLVENT_PERCENT
from sim_economy.studies.study_arms import ArmKind

HOLDS: Final = "holds"
CONDITION: Final = "holds under a condition"
FAILS: Final = "does not hold"
UNTESTED: Final = "cannot be told from this study"
_WIDE: Final = 50.0
"""Points of agent-turns below zero that count as a whole range."""


def claims_table(results: StudyResults) -> Table:
    """Each claim, the verdict, why, and a run that shows it."""
    rows = tuple((claim, *verdict(results)) for claim, verdict in _CLAIMS)
    columns = ("the claim", "verdict", "what the runs say", "a run")
    return Table("claims", "The paper's five claims", columns, rows)


def _off(results: StudyResults) -> list[ArmOutcomes]:
    """The world without a treatment at every horizon, under the first behaviour."""
    behaviour = results.study.behaviours[0]
    return [results.off(behaviour.name, own.turns) for own in behaviour.horizons]


def _pricing(results: StudyResults) -> tuple[str, str, str]:
    """Insolvency as the tariff is moved, beside insolvency as the policy's threshold is."""
    shares = [share for _, share in results.thresholds]
    behaviour = results.study.behaviours[0]
    last = behaviour.horizons[-1].turns
    tariffs = {
        reference.name: [
            own
            for own in results.of(behaviour.name, last, [ArmKind.DOSE])
            if own.arm.treatments == (reference.name,)
        ]
        for reference in results.study.references
        if reference.key == "base_inference_rate"
    }
    arms = [*(own for each in tariffs.values() for own in each), results.off(behaviour.name, last)]
    by_tariff = [own.mean("insolvent_percent") for own in arms]
    moved, priced = max(shares) - min(shares), max(by_tariff) - min(by_tariff)
    text = (
        f"One threshold of the policy moves agent-turns below zero by {number(moved, 1)} points at "
        f"one tariff; tariffs from {_cheapest(arms)} to 1 move them by {number(priced, 1)} points "
        f"under {behaviour.name} after {last:,} turns.{_dearer(results)}"
    )
    if min(moved, priced) >= _WIDE:
        text += f" Either alone moves more than {_WIDE:g} points, and so decides."
        return CONDITION, text, arms[0].run_id()
    return FAILS if moved > priced else HOLDS, text, arms[0].run_id()


def _dearer(results: StudyResults) -> str:
    """Insolvency in worlds with a dearer tariff, at the last horizon that they play."""
    first = results.study.behaviours[0]
    tariff = first.scenario.base.config.base_inference_rate
    said = []
    for check in results.study.robustness:
        if check.behaviour.scenario.base.config.base_inference_rate <= tariff:
            continue
        turns = check.behaviour.horizons[-1].turns
        there = results.off(check.behaviour.name, turns).mean("insolvent_percent")
        here = results.off(first.name, turns).mean("insolvent_percent")
        said.append(
            f"{check.name} {number(there, 1)} % after {turns:,} turns, beside {number(here, 1)} %"
        )
    return f" Where it is dearer: {'; '.join(said)}." if said else ""


def _cheapest(arms: list[ArmOutcomes]) -> str:
    doses = [float(own.arm.dose) for own in arms if own.arm.dose]
    return f"{min(doses):g}" if doses else "1"


def _survival(results: StudyResults) -> tuple[str, str, str]:
    """Where agents are solvent along the threshold curve."""
    solvent = [value for value, share in results.thresholds if share <= SOLVENT_PERCENT]
    behaviours = results.study.behaviours
    last = [results.off(own.name, own.horizons[-1].turns) for own in behaviours]
    platform = [own.behaviour for own in last if own.mean("platform") < 0]
    span = f"from {min(solvent):g} to {max(solvent):g}" if solvent else "nowhere"
    turns = results.study.threshold.turns if results.study.threshold else 0
    text = (
        f"At {turns} turns agents are below zero in at most {SOLVENT_PERCENT:g} % of agent-turns "
        f"for thresholds {span}, the ends of what was tried included, {len(solvent)} of "
        f"{len(results.thresholds)}; at the last horizon the platform is below "
        f"zero on average under {len(platform)} of {len(last)} behaviours."
    )
    verdict = CONDITION if solvent else HOLDS
    return verdict, text, last[0].run_id()


def _health(results: StudyResults) -> tuple[str, str, str]:
    """Blocks beside insolvency, without a treatment."""
    own = _off(results)[0]
    insolvent = own.mean("insolvent_percent")
    blocks = own.mean("blocks_percent")
    text = (
        f"{number(blocks, 1)} % of turns have a block while {number(insolvent, 1)} % of "
        f"agent-turns end below zero, after {own.turns:,} turns under {own.behaviour}."
    )
    return HOLDS if blocks > 50 and insolvent > 50 else FAILS, text, own.run_id()


def _rents(results: StudyResults) -> tuple[str, str, str]:
    """The platform's balance over the horizons."""
    arms = _off(results)
    listed = ", ".join(
        f"{number(own.mean('platform'), 0)} after {own.turns:,} turns" for own in arms
    )
    broke = arms[-1].mean("platform_insolvent")
    text = (
        f"The platform holds {listed} on average under {arms[0].behaviour}; it falls below zero in "
        f"{number(broke, 0)} % of runs by turn {arms[-1].turns:,}."
    )
    verdict = UNTESTED
    if arms[-1].mean("platform") < 0:
        verdict = FAILS
        text += " A rent that is gone by the last horizon needs no guardrail against it"
        text += "; what one would do is another question."
    return verdict, text, arms[-1].run_id()


def _contracts(results: StudyResults) -> tuple[str, str, str]:
    """Contracts started, by behaviour, without a treatment."""
    arms = [results.off(own.name, own.horizons[0].turns) for own in results.study.behaviours]
    started = {own.behaviour: own.mean("contracts_started") for own in arms}
    listed = ", ".join(f"{name} {number(value, 1)}" for name, value in started.items() if value)
    none = [name for name, value in started.items() if not value]
    text = (
        f"By construction: agents that never propose one start none ({len(none)} of {len(arms)} "
        f"behaviours); where policies propose contracts, they start ({listed} a run in "
        f"{arms[0].turns:,} turns)."
        if listed
        else "No behaviour of this study starts a contract."
    )
    run = next((own for own in arms if started[own.behaviour]), arms[0])
    return CONDITION if listed else HOLDS, text, run.run_id()


_CLAIMS: Final[tuple[tuple[str, Callable[[StudyResults], tuple[str, str, str]]], ...]] = (
    ("The price of computing dominates strategy.", _pricing),
    ("Equilibria of survival are narrow.", _survival),
    ("A chain that works is not an economy that is well.", _health),
    ("Rents of the platform need guardrails.", _rents),
    ("Contracts do not emerge by themselves.", _contracts),
)
