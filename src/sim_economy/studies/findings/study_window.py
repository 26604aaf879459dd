"""The window: where agents and the platform are solvent as one key of behaviour is moved."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from msgspec import Struct

from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.reports.drawings.study_figures import ThresholdSeries, threshold_panels
from sim_economy.reports.page.document import Figure
from sim_economy.statistics.intervals import Interval, student_interval
from sim_economy.studies.findings.study_pictures import study_figure
from sim_economy.studies.findings.study_results import StudyResults
from sim_economy.studies.study_outcomes import OUTCOMES

SOLVENT_PERCENT = 5.0
"""Percent of agent-turns below zero up to which agents count as solvent."""


class ThresholdPoint(Struct, frozen=True, kw_only=True):
    """A value of the threshold curve after some turns; means with their intervals at 95 %."""

    value: float
    turns: int
    runs: int
    insolvent: float
    insolvent_interval: Interval
    platform: float
    platform_interval: Interval

    @property
    def is_inside(self) -> bool:
        """True if agents and the platform are solvent, on average."""
        return self.insolvent <= SOLVENT_PERCENT and self.platform >= 0


def threshold_points(results: StudyResults) -> list[ThresholdPoint]:
    """Every point of the curve at every horizon that it is read at."""
    curve = results.study.threshold
    if curve is None:
        return []
    found = []
    for value, behaviour in zip(curve.values, results.study.threshold_behaviours, strict=True):
        cell = results.curve[behaviour.name]
        for turns in sorted({row.turns for row in cell.rows}):
            rows = cell.at(turns)
            insolvent = [OUTCOMES["insolvent_percent"].of(row) for row in rows]
            platform = [OUTCOMES["platform"].of(row) for row in rows]
            found.append(
                ThresholdPoint(
                    value=float(value),
                    turns=turns,
                    runs=len(rows),
                    insolvent=statistics.mean(insolvent),
                    insolvent_interval=student_interval(insolvent),
                    platform=statistics.mean(platform),
                    platform_interval=student_interval(platform),
                )
            )
    return found


def window_sentence(points: Sequence[ThresholdPoint], key: str) -> str:
    """Where both are solvent at each horizon; Markdown."""
    said = []
    for turns in sorted({own.turns for own in points}):
        own = [point for point in points if point.turns == turns]
        inside = [point.value for point in own if point.is_inside]
        where = "nowhere"
        if inside:
            where = f"at {len(inside)} of {len(own)} values of `{key}`, "
            where += f"from {number(min(inside), 0)} to {number(max(inside), 0)}"
        said.append(f"after {turns:,} turns {where} ({own[0].runs} seeds)")
    return (
        f"Agents (below zero in at most {SOLVENT_PERCENT:g} % of agent-turns) and the platform "
        f"(at or above zero) are both solvent on average {'; '.join(said)}."
    )


def threshold_picture(results: StudyResults) -> Figure:
    """Insolvency and the platform's balance over one key of behaviour, on the same axis."""
    curve = results.study.threshold
    assert curve is not None
    points = threshold_points(results)
    series = [
        ThresholdSeries(
            name=f"{turns:,} turns",
            values=[own.value for own in points if own.turns == turns],
            shares=[own.insolvent for own in points if own.turns == turns],
            balances=[own.platform for own in points if own.turns == turns],
            low=[own.platform_interval.low for own in points if own.turns == turns],
            high=[own.platform_interval.high for own in points if own.turns == turns],
        )
        for turns in sorted({own.turns for own in points})
    ]
    last = max((own.turns for own in points), default=0)
    inside = [own.value for own in points if own.turns == last and own.is_inside]
    caption = (
        f"Agent-turns below zero and the platform's balance as {curve.key} alone is moved; shaded: "
        f"agents and platform are solvent on average after {last:,} turns; bands at 95 %."
    )
    return study_figure(
        "thresholds",
        caption,
        lambda narrow: threshold_panels(
            series, inside, float(curve.published), curve.key, caption, narrow=narrow
        ),
        [
            {
                "threshold": own.value,
                "turns": own.turns,
                "runs": own.runs,
                "agent-turns below zero (%)": own.insolvent,
                "platform": own.platform,
                "platform, low": own.platform_interval.low,
                "platform, high": own.platform_interval.high,
                "both solvent": own.is_inside,
            }
            for own in points
        ],
    )
