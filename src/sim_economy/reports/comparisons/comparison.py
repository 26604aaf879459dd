"""Treatments compared as data: run by run with the same seed, each with the first.

Source: docs/spec/experiment.md.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict, replace

from sim_economy.core.errors import ExtraMissingError, ScenarioError
from sim_economy.reports.comparisons.insolvency import Outcomes
from sim_economy.reports.comparisons.metric_names import COMPARED_METRICS, check_metrics
from sim_economy.runs.agent_outcomes import Collector, agent_outcomes, collectors
from sim_economy.runs.extended_metrics import ExtendedMetrics, all_metrics, doubts
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario
from sim_economy.statistics.coverage import sample_coverage
from sim_economy.statistics.intervals import student_interval
from sim_economy.statistics.multiple_testing import holm
from sim_economy.statistics.paired_differences import sign_flip_p_value

_FLIPS_SEED: Final = 1


class TreatmentRuns(Struct, frozen=True, dict=True):
    """A treatment and its finished runs."""

    treatment: Scenario
    runs: Sequence[Run]

    @property
    def name(self) -> str:
        """Of the treatment."""
        return self.treatment.name

    def doubts(self) -> list[str]:
        """Why its runs say less than their number suggests; nothing if they do not."""
        return [f"{self.name}: {doubt}" for doubt in doubts(self.treatment, self.runs)]

    @cached_property
    def metrics(self) -> Mapping[int, ExtendedMetrics]:
        """All metrics of each run, by its seed."""
        return {run.seed: all_metrics(run) for run in self.runs}

    def values(self, column: str) -> dict[int, float]:
        """A metric by the seed of the run; runs that don't define it are left out."""
        own = {seed: metrics[column] for seed, metrics in self.metrics.items()}
        return {seed: float(value) for seed, value in own.items() if value is not None}

    def means(self, named: Sequence[str] = ()) -> dict[str, float | None]:
        """The mean of each compared metric over the runs; None where no run defines it."""
        by_run = {column: self.values(column).values() for column in columns_of(named)}
        return {column: statistics.mean(own) if own else None for column, own in by_run.items()}


class MetricDifference(Struct, frozen=True, kw_only=True):
    """The difference of a treatment from the first in one metric, over runs with the same seed.

    Attributes:
        pairs: Runs of both with the same seed; none where the treatments cannot be paired.
        first: The mean of the first treatment over these pairs.
        other: The mean of the other one.
        low: Of the 95 % interval by Student's t for the mean difference; None below two pairs.
        high: Likewise.
        p_value: Of the sign-flip test; None below two pairs, and where all pairs differ alike.
        p_holm: The same after Holm's correction over all metrics of the treatment.
        coverage: What an interval of 95 % covers of samples most like these pairs; None below four
            of them, and where all differ alike.
    """

    column: str
    treatment: str
    pairs: int
    first: float | None = None
    other: float | None = None
    mean: float | None
    low: float | None
    high: float | None
    p_value: float | None = None
    p_holm: float | None = None
    coverage: float | None = None

    @property
    def plain(self) -> dict[str, Any]:
        """As plain values, for scripts and data frames."""
        return {
            "measure": self.column,
            "treatment": self.treatment,
            "pairs": self.pairs,
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
            "first_mean": self.first,
            "treatment_mean": self.other,
            "percent": self.percent(self.mean),
            "percent_low": self.percent(self.low),
            "percent_high": self.percent(self.high),
            "is_clear": self.is_clear,
            "certainty": self.certainty,
            "p_value": self.p_value,
            "p_holm": self.p_holm,
            "coverage": self.coverage,
        }

    def percent(self, difference: float | None) -> float | None:
        """A difference in percent of the size of the first mean; None where that is zero."""
        if difference is None or not self.first:
            return None
        return 100 * difference / abs(self.first)

    @property
    def effect(self) -> float:
        """Its size, by which differences are sorted; from zero it is beyond any percent."""
        if self.mean is None:
            return -1.0
        if self.first == 0 and self.mean:
            return math.inf
        return abs(self.percent(self.mean) or 0.0)

    @property
    def is_clear(self) -> bool:
        """True if the interval excludes zero; pairs that all differ alike are certain."""
        if self.low is None or self.high is None:
            return False
        return not self.low <= 0 <= self.high

    @property
    def certainty(self) -> str:
        """What the pairs say of the difference, in a word or two."""
        if not self.pairs:
            return "not paired"
        if self.low is None:
            return "one pair" if self.mean else "equal"
        if self.low == self.high:
            return "certain" if self.mean else "equal"
        return "clear" if self.is_clear else "unclear"


class TreatmentComparison(Struct, frozen=True, kw_only=True):
    """What is compared, and all that a comparison says of it.

    Attributes:
        sides: The treatments with their runs, at least two; the others against the first.
        named: The metrics that the user named, in that order.
        differences: The named metrics first, then by size of effect.
        outcomes: What became of each agent, by treatment.
        collectors: Who collected what, by treatment.
    """

    sides: Sequence[TreatmentRuns]
    named: Sequence[str]
    differences: Sequence[MetricDifference]
    outcomes: Outcomes
    collectors: Mapping[str, Sequence[Collector]]

    def against(self, treatment: str) -> list[MetricDifference]:
        """The differences of one treatment from the first, sorted by their own effects."""
        rows = [row for row in self.differences if row.treatment == treatment]
        named = [row for row in rows if row.column in self.named]
        rest = [row for row in rows if row.column not in self.named]
        return [*named, *sorted(rest, key=lambda row: -row.effect)]

    def means(self) -> dict[str, dict[str, float | None]]:
        """The mean of each metric over all runs, by treatment."""
        by_side = {side.name: side.means(self.named) for side in self.sides}
        return {
            column: {name: own[column] for name, own in by_side.items()}
            for column in columns_of(self.named)
        }

    def collector_rows(self) -> list[dict[str, Any]]:
        """Who collected what under each treatment, a row for each role, with who has the most."""
        return [
            {
                "treatment": name,
                "role": own.role,
                "tokens": own.tokens,
                "leader": next(iter(own.by_agent), None),
                "leader_tokens": next(iter(own.by_agent.values()), None),
            }
            for name, roles in self.collectors.items()
            for own in roles
        ]


def columns_of(named: Sequence[str]) -> list[str]:
    """The metrics of a comparison: those named, then those always compared."""
    return [*dict.fromkeys([*named, *COMPARED_METRICS])]


@contextmanager
def needing_extra() -> Iterator[None]:
    """Name the extra that brings a missing library.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ExtraMissingError("the comparison", str(error.name), "report") from None


@needing_extra()
def compared(sides: Sequence[TreatmentRuns], named: Sequence[str] = ()) -> TreatmentComparison:
    """Treatments compared, each with the first.

    Args:
        sides: At least two, with at least one run each.
        named: Metrics to be named before all others.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
        InputError: A metric is not known.
    """
    check_metrics(named)
    return TreatmentComparison(
        sides=sides,
        named=[*dict.fromkeys(named)],
        differences=differences(sides, named),
        outcomes={side.name: agent_outcomes(side.runs, side.treatment) for side in sides},
        collectors={side.name: collectors(side.runs) for side in sides},
    )


def differences(
    sides: Sequence[TreatmentRuns], named: Sequence[str] = ()
) -> list[MetricDifference]:
    """Every metric of every treatment after the first against the first.

    The metrics that are named come first, the others by the size of their effect.

    Raises:
        ModuleNotFoundError: scipy is not installed.
    """
    first, *others = sides
    columns = columns_of(named)
    by_treatment = [
        _with_holm([_difference(column, first, other) for column in columns]) for other in others
    ]
    found = dict(zip(columns, zip(*by_treatment, strict=True), strict=True))
    rest = [column for column in columns if column not in named]
    rest.sort(key=lambda column: -max(row.effect for row in found[column]))
    return [row for column in (*dict.fromkeys(named), *rest) for row in found[column]]


def _difference(column: str, first: TreatmentRuns, other: TreatmentRuns) -> MetricDifference:
    base = first.values(column)
    values = {} if unpaired_by(first, other) else other.values(column)
    seeds = [seed for seed in base if seed in values]
    pairs = [values[seed] - base[seed] for seed in seeds]
    low, high = student_interval(pairs) if len(pairs) > 1 else (None, None)
    nearest = sample_coverage(pairs) if pairs else None
    return MetricDifference(
        column=column,
        treatment=other.name,
        pairs=len(pairs),
        first=statistics.mean(base[seed] for seed in seeds) if pairs else None,
        other=statistics.mean(values[seed] for seed in seeds) if pairs else None,
        mean=statistics.mean(pairs) if pairs else None,
        low=low,
        high=high,
        p_value=sign_flip_p_value(pairs, _FLIPS_SEED) if pairs else None,
        coverage=None if nearest is None else nearest.student,
    )


def _with_holm(rows: Sequence[MetricDifference]) -> list[MetricDifference]:
    tested = {row.column: row.p_value for row in rows if row.p_value is not None}
    adjusted = dict(zip(tested, holm([*tested.values()]), strict=True))
    return [replace(row, p_holm=adjusted.get(row.column)) for row in rows]


def unpaired_by(first: TreatmentRuns, other: TreatmentRuns) -> list[str]:
    """What keeps the runs of two treatments from being paired, in words; nothing if they can be.

    Runs with the same seed draw the same usage only for the same agents, from the same source,
    under the same version of the rules; and they are compared after the same turn.
    """
    ours, its = first.treatment, other.treatment
    parts = (
        ("agents", ours.config.agent_ids, its.config.agent_ids),
        ("turns", ours.turns, its.turns),
        ("usage", _usage(ours), _usage(its)),
        ("rules_version", ours.config.rules_version, its.config.rules_version),
    )
    return [name for name, one, another in parts if one != another]


def paired(first: TreatmentRuns, other: TreatmentRuns) -> tuple[TreatmentRuns, TreatmentRuns]:
    """The runs of two treatments that have a pair in the other; none if they cannot be paired."""
    seeds = {run.seed for run in first.runs} & {run.seed for run in other.runs}
    if unpaired_by(first, other):
        seeds = set()
    ours, its = (
        TreatmentRuns(side.treatment, [run for run in side.runs if run.seed in seeds])
        for side in (first, other)
    )
    return ours, its


def _usage(scenario: Scenario) -> dict[str, Any]:
    """What decides the usage; of a trace its content, not where the file is."""
    stated = scenario.settings["usage"]
    return {key: stated[key] for key in stated if key != "path" or "digest" not in stated}


def unpaired_sides(sides: Sequence[TreatmentRuns]) -> dict[str, str]:
    """The treatments whose runs cannot be paired with the first's, and why not."""
    first, *others = sides
    found = {other.name: unpaired_by(first, other) for other in others}
    return {
        name: f"{name} differs from {first.name} in {' and '.join(parts)}, so their runs "
        "are not paired"
        for name, parts in found.items()
        if parts
    }


def reservations(sides: Sequence[TreatmentRuns]) -> list[str]:
    """Why a comparison says less than it seems to; nothing if it does not."""
    doubted = [doubt for side in sides for doubt in side.doubts()]
    return [*doubted, *unpaired_sides(sides).values()]


def check_names(treatments: Sequence[Scenario]) -> None:
    """Hold treatments to different names, each of which is a folder's.

    Raises:
        ScenarioError: There are fewer than two, or two of one name.
    """
    names = [treatment.name for treatment in treatments]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ScenarioError([f"scenarios: {', '.join(names)} are not two or more different names"])


def plain_comparison(found: TreatmentComparison) -> dict[str, Any]:
    """A comparison as plain values, for scripts."""
    return {
        "means": found.means(),
        "differences": [row.plain for row in found.differences],
        "unpaired": unpaired_sides(found.sides),
        "collectors": [
            {"treatment": name, **asdict(own)}
            for name, roles in found.collectors.items()
            for own in roles
        ],
    }
