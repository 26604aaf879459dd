"""The figures of a study's report, each with the numbers that it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sim_economy.reports.drawings.drawing import Drawing
from sim_economy.reports.drawings.study_figures import (
    BandedCurve,
    CurvePanel,
    EffectMark,
    FlowBar,
    ForestPanel,
    curve_panels,
    flow_bars,
    forest,
)
from sim_economy.reports.page.document import Figure
from sim_economy.statistics.intervals import Interval, student_interval
from sim_economy.statistics.survival import kaplan_meier
from sim_economy.studies.findings.study_effects import (
    Effect,
    treatments_of,
    tried_arms,
)
from sim_economy.studies.findings.study_factorial import Interaction
from sim_economy.studies.findings.study_results import ArmOutcomes, StudyResults
from sim_economy.studies.findings.study_shocks import ImpulseResponse
from sim_economy.studies.study_arms import ArmKind
from sim_economy.studies.study_outcomes import OUTCOMES
from sim_economy.studies.study_rows import WAGES_LOWERED
from sim_economy.studies.treatment_study import TreatmentStudy

INSOLVENT: Final = "insolvent_percent"
_UP: Final = "agent-turns below zero (%)"


def study_figure(
    name: str, caption: str, draw: Callable[[bool], Drawing], rows: Sequence[dict[str, Any]]
) -> Figure:
    """A figure in both widths.

    Args:
        draw: Given whether it is for a narrow window.
    """
    return Figure(name=name, caption=caption, drawing=draw(False), narrow=draw(True), rows=rows)


def dose_picture(results: StudyResults) -> Figure:
    """Insolvency by dose, a panel for each treatment, a curve for each horizon."""
    study = results.study
    behaviour = study.behaviours[0]
    panels, rows = [], []
    for treatment in study.under(behaviour):
        names = [treatment.named(dose) for dose in treatment.doses]
        curves = []
        for horizon in behaviour.horizons:
            arms = [results.off(behaviour.name, horizon.turns)]
            arms += _known([results.arm(behaviour.name, name, horizon.turns) for name in names])
            intervals = [_mean_interval(own, INSOLVENT) for own in arms]
            curves.append(
                BandedCurve(
                    name=f"{horizon.turns:,} turns",
                    across=[*range(len(arms))],
                    values=[own.mean(INSOLVENT) for own in arms],
                    low=[own.low for own in intervals],
                    high=[own.high for own in intervals],
                )
            )
            rows += [
                {
                    "treatment": treatment.name,
                    "dose": own.arm.dose or "off",
                    "turns": horizon.turns,
                    _UP: own.mean(INSOLVENT),
                    "low": interval.low,
                    "high": interval.high,
                }
                for own, interval in zip(arms, intervals, strict=True)
            ]
        panels.append(
            CurvePanel(title=treatment.name, curves=curves, ticks=["off", *treatment.doses])
        )
    caption = (
        f"Agent-turns below zero by dose under {behaviour.name}, agents deciding again, with "
        "intervals of the mean at 95 %."
    )
    return study_figure(
        "doses",
        caption,
        lambda narrow: curve_panels(panels, "dose", _UP, caption, narrow=narrow),
        rows,
    )


def _known(arms: Sequence[ArmOutcomes | None]) -> list[ArmOutcomes]:
    return [own for own in arms if own is not None]


def _mean_interval(own: ArmOutcomes, outcome: str) -> Interval:
    return student_interval([*own.values[outcome]])


def forest_picture(
    effects: Sequence[Effect],
    fixed: Sequence[Effect],
    study: TreatmentStudy,
    behaviour: str,
    turns: int,
) -> Figure:
    """Differences of each treatment in each primary outcome, in both modes."""
    order = treatments_of(study)
    fixed = sorted(fixed, key=lambda own: order.index(own.treatment))
    shown = [own for own in (*effects, *fixed) if (own.behaviour, own.turns) == (behaviour, turns)]
    panels = [
        ForestPanel(
            title=f"{OUTCOMES[outcome.name].text}"
            + (f" ({OUTCOMES[outcome.name].unit})" if OUTCOMES[outcome.name].unit else ""),
            rows=[
                EffectMark(
                    name=own.arm.replace(", behaviour held fixed", " (fixed)"),
                    mean=own.mean,
                    low=own.student.low,
                    high=own.student.high,
                    is_fixed=own in fixed,
                )
                for own in shown
                if own.outcome == outcome.name
            ],
            smallest=outcome.smallest_effect,
        )
        for outcome in study.outcomes
    ]
    caption = (
        f"Differences from the world without a rule under {behaviour} after {turns:,} turns, 95 %; "
        "round: agents decide again, square: behaviour held fixed; grey: smaller than is worth "
        "acting on."
    )
    rows = [
        {
            "treatment": own.arm,
            "mode": str(own.mode),
            "outcome": own.outcome,
            "difference": own.mean,
            "low": own.student.low,
            "high": own.student.high,
        }
        for own in shown
    ]
    return study_figure(
        "effects", caption, lambda narrow: forest(panels, caption, narrow=narrow), rows
    )


def interaction_picture(
    results: StudyResults, interactions: Sequence[Interaction], behaviour: str, turns: int
) -> Figure:
    """Insolvency with and without each two treatments: parallel lines do not interact."""
    own = [
        each
        for each in interactions
        if (each.behaviour, each.turns, each.outcome) == (behaviour, turns, INSOLVENT)
    ]
    own = sorted(own, key=lambda each: -abs(each.mean))[:_PAIRS_SHOWN]
    panels, rows = [], []
    for each in own:
        first, second = (results.study.treatment(name) for name in each.treatments)
        names = [treatment.compared for treatment in (first, second)]
        one, other = _known([results.arm(behaviour, name, turns) for name in names])
        both = results.arm(behaviour, " + ".join(each.treatments), turns)
        off = results.off(behaviour, turns)
        assert both is not None, each
        without = [off.mean(INSOLVENT), one.mean(INSOLVENT)]
        under = [other.mean(INSOLVENT), both.mean(INSOLVENT)]
        panels.append(
            CurvePanel(
                title=f"{first.name}, {second.name}",
                curves=[
                    BandedCurve(name="without the second", across=[0, 1], values=without),
                    BandedCurve(name="with the second", across=[0, 1], values=under, dashed=True),
                ],
                ticks=["without", "with"],
            )
        )
        rows.append(
            {
                "first": first.name,
                "second": second.name,
                "neither": without[0],
                "first alone": without[1],
                "second alone": under[0],
                "both": under[1],
            }
        )
    caption = (
        f"Agent-turns below zero with and without two rules under {behaviour} after {turns:,} "
        "turns, the pairs that interact most; where the lines are parallel, they do not."
    )
    return study_figure(
        "together",
        caption,
        lambda narrow: curve_panels(panels, "the first", _UP, caption, narrow=narrow),
        rows,
    )


_PAIRS_SHOWN: Final = 6
"""Pairs of rules that are drawn: those that interact most."""


def survival_picture(results: StudyResults, behaviour: str, turns: int) -> Figure:
    """The share of agents that were never below zero, by turn (Kaplan-Meier)."""
    arms = [results.off(behaviour, turns), *tried_arms(results, behaviour, turns)]
    curves, rows = [], []
    for own in arms:
        found = kaplan_meier([each for run in own.first_negative for each in run])
        across = [0.0, *found.times]
        shares = [100.0, *(100 * share for share in found.survival)]
        curves.append(BandedCurve(name=own.arm.name, across=across, values=shares, stepped=True))
        rows += [
            {"treatment": own.arm.name, "turn": time, "never below zero (%)": share}
            for time, share in zip(across, shares, strict=True)
        ]
    panels = [CurvePanel(title=behaviour, curves=curves)]
    caption = f"Agents that were never below zero so far under {behaviour} (Kaplan-Meier)."
    return study_figure(
        "survival",
        caption,
        lambda narrow: curve_panels(panels, "turn", "agents (%)", caption, narrow=narrow),
        rows,
    )


def impulse_picture(responses: Sequence[ImpulseResponse], behaviour: str) -> Figure:
    """Agents more below zero after a shock, by turn, a panel for each shock."""
    own = [each for each in responses if each.behaviour == behaviour]
    shocks = [*dict.fromkeys(each.shock for each in own)]
    panels = [
        CurvePanel(
            title=shock,
            curves=[
                BandedCurve(
                    name=each.arm,
                    across=[*range(1, len(each.means) + 1)],
                    values=each.means,
                    low=[band.low for band in each.bands] if each.arm == "off" else (),
                    high=[band.high for band in each.bands] if each.arm == "off" else (),
                )
                for each in own
                if each.shock == shock
            ],
            level=0.0,
        )
        for shock in shocks
    ]
    caption = (
        f"Agents more below zero than without the shock, under {behaviour}, on average over runs; "
        "the band is the interval of the world without a rule."
    )
    rows = [
        {"shock": each.shock, "arm": each.arm, "turn": turn, "agents more below zero": mean}
        for each in own
        for turn, mean in enumerate(each.means, 1)
    ]
    return study_figure(
        "shocks",
        caption,
        lambda narrow: curve_panels(
            panels, "turn", "agents more below zero", caption, narrow=narrow
        ),
        rows,
    )


def flow_picture(results: StudyResults, behaviour: str, turns: int) -> Figure:
    """What agents were charged, spared and given, by arm."""
    arms = [
        own
        for own in results.of(behaviour, turns, [ArmKind.OFF, ArmKind.DOSE])
        if own.arm.kind is ArmKind.OFF or own.arm.keeps_series
    ]
    bars = [
        FlowBar(
            name=own.arm.name,
            parts={
                "platform's rent": max(0.0, own.mean("rent")),
                **{
                    how.replace("_", " "): -tokens if how == WAGES_LOWERED else tokens
                    for how, tokens in own.granted.items()
                },
            },
        )
        for own in sorted(arms, key=lambda own: own.arm.kind is not ArmKind.OFF)
    ]
    caption = (
        f"What the platform kept of fees, what agents were spared or given, gross, and what jobs "
        f"lost for it (left of zero), under {behaviour} after {turns:,} turns, tokens a run."
    )
    rows: list[dict[str, Any]] = [
        {"arm": bar.name, "flow": name, "tokens": tokens}
        for bar in bars
        for name, tokens in bar.parts.items()
    ]
    return study_figure(
        "flows",
        caption,
        lambda narrow: flow_bars(bars, "tokens a run", caption, narrow=narrow),
        rows,
    )
