"""The small data of the paper: taken out of a finished study, and read back."""

from __future__ import annotations

import csv
import gzip
import io
import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from sim_economy.ledger.readers.plain_numbers import MINUS, number
from sim_economy.statistics.equivalence import paired_equivalence
from sim_economy.statistics.intervals import Interval, student_interval
from sim_economy.studies.findings.study_effects import EffectKind, judged, kind_of
from sim_economy.studies.findings.study_findings import findings_of
from sim_economy.studies.findings.study_flows import incidence_table, sources_table
from sim_economy.studies.findings.study_report import study_report
from sim_economy.studies.findings.study_results import ArmOutcomes, StudyResults
from sim_economy.studies.findings.study_window import threshold_points, window_sentence
from sim_economy.studies.study_arms import ArmKind
from sim_economy.studies.trained_arms import trained_name
from sim_economy.studies.treatment_study import OFF, StudyBehaviour, TreatmentStudy

OUTCOMES: Final = (
    "insolvent_percent", "insolvent_at_end", "mean_depth", "worst_wealth", "platform",
    "platform_net", "gini_absolute", "action_diversity", "granted", "contracts_started",
)  # fmt: skip
FIGURES: Final = ("doses", "thresholds", "survival")
INSOLVENT: Final = "insolvent_percent"
NET: Final = "platform_net"


class RunRow(NamedTuple):
    """A run as the data has it."""

    behaviour: str
    arm: str
    kind: str
    matched: str
    turns: int
    seed: int
    digest: str
    values: dict[str, float]


def collect(study: TreatmentStudy, folder: Path, paper: Path) -> None:
    """Take the data of the paper, and its figures, out of the folder of a finished study."""
    found = findings_of(study, folder)
    results = found.results
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("behaviour", "arm", "kind", "matched", "turns", "seed", "digest", *OUTCOMES))
    writer.writerows(_rows(results))
    (paper / "data").mkdir(parents=True, exist_ok=True)
    (paper / "data/runs.csv.gz").write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    report = study_report(found)
    tables = {table.name: table for table in report.tables()}
    figures = {figure.name: figure for figure in report.figures()}
    for name in FIGURES:
        (paper / f"{name}.svg").write_text(figures[name].drawing.svg)
    points = threshold_points(results)
    first, last = study.behaviours[0].name, study.behaviours[0].horizons[-1].turns
    facts = {
        "study_hash": study.hash,
        "answer": found.answer,
        "window": window_sentence(points, study.threshold.key if study.threshold else ""),
        "thresholds": [[own.value, own.turns, own.insolvent, own.platform] for own in points],
        "claims": [list(row) for row in tables["claims"].rows],
        "shocks": [list(row) for row in tables["shocks"].rows if row[0] == first],
        "incidence": [
            list(row) for row in incidence_table(results).rows if row[:2] == (first, last)
        ],
        "sources": [
            list(sources_table(results, first, last).columns),
            *(list(row) for row in sources_table(results, first, last).rows),
        ],
        "loans": [_loan(own) for own in results.of(first, kinds=[ArmKind.DOSE]) if _lends(own)],
        "displaced": {
            f"{own.behaviour} / {own.arm.name} / {own.turns}": own.displaced_percent
            for own in results.of(kinds=[ArmKind.FIXED])
        },
    }
    (paper / "data/facts.json").write_text(json.dumps(facts, indent=1) + "\n")


def _lends(own: ArmOutcomes) -> bool:
    return own.arm.keeps_series and bool(own.granted.get("lent"))


def _loan(own: ArmOutcomes) -> list[Any]:
    """An arm that lends: tokens lent and still owed, a run."""
    return [own.arm.name, own.turns, own.granted["lent"], own.owed]


def _rows(results: StudyResults) -> Iterator[tuple[object, ...]]:
    study = results.study
    first = study.behaviours[0].name
    doses = {own.compared for own in study.treatments}
    of_first = {ArmKind.FIXED, ArmKind.TRAINED, ArmKind.MATCHED, ArmKind.TOGETHER}
    for own in results.of():
        arm = own.arm
        base = arm.name.partition(",")[0]
        wanted = arm.kind is ArmKind.OFF or (arm.kind is ArmKind.DOSE and base in doses)
        wanted |= own.behaviour == first and arm.kind in of_first
        wanted |= arm.kind is ArmKind.TOGETHER and own.behaviour == market_of(study).name
        if not wanted:
            continue
        for index, seed in enumerate(own.seeds):
            values = (f"{own.values[name][index]:.6g}" for name in OUTCOMES)
            head = (own.behaviour, arm.name, str(arm.kind), arm.matched, own.turns, seed)
            yield (*head, own.digests[index], *values)


def market_of(study: TreatmentStudy) -> StudyBehaviour:
    """The behaviour whose agents make contracts."""
    return next(own for own in study.behaviours if own.scenario.source == "market")


def read_runs(paper: Path) -> list[RunRow]:
    """The runs that ship."""
    with gzip.open(paper / "data/runs.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [
            RunRow(
                behaviour=row["behaviour"],
                arm=row["arm"],
                kind=row["kind"],
                matched=row["matched"],
                turns=int(row["turns"]),
                seed=int(row["seed"]),
                digest=row["digest"],
                values={name: float(row[name]) for name in OUTCOMES},
            )
            for row in csv.DictReader(file)
        ]


class Data:
    """The runs of each arm, and what is said of them."""

    def __init__(self, study: TreatmentStudy, paper: Path) -> None:
        self.study = study
        self.facts = json.loads((paper / "data/facts.json").read_text(encoding="utf-8"))
        self.arms: dict[tuple[str, str, int], list[RunRow]] = {}
        for row in read_runs(paper):
            self.arms.setdefault((row.behaviour, row.arm, row.turns), []).append(row)
        self.first = self.study.behaviours[0]
        self.last = self.first.horizons[-1].turns
        self.smallest = {own.name: own.smallest_effect for own in study.outcomes}

    @property
    def repeats(self) -> int:
        """How many times agents are trained against each rule."""
        return 0 if self.study.training is None else self.study.training.repeats

    def values(self, behaviour: str, arm: str, turns: int, outcome: str) -> list[float]:
        """An outcome, run by run."""
        return [row.values[outcome] for row in self.arms[behaviour, arm, turns]]

    def mean(self, behaviour: str, arm: str, turns: int, outcome: str) -> float:
        """The mean of an outcome over the runs of an arm."""
        return statistics.fmean(self.values(behaviour, arm, turns, outcome))

    def differences(
        self, behaviour: str, arm: str, turns: int, outcome: str, base: str = OFF
    ) -> list[float]:
        """An arm less another one, run by run."""
        off = {row.seed: row for row in self.arms[behaviour, base, turns]}
        return [
            row.values[outcome] - off[row.seed].values[outcome]
            for row in self.arms[behaviour, arm, turns]
        ]

    def effect(self, behaviour: str, arm: str, turns: int, outcome: str, base: str = OFF) -> str:
        """A difference with its interval, as a table has it."""
        return self.said(self.differences(behaviour, arm, turns, outcome, base), outcome)

    def said(self, differences: Sequence[float], outcome: str) -> str:
        """The mean of differences with its interval; marked where it is too small to matter."""
        smallest = self.smallest.get(outcome)
        mark = ""
        if smallest is not None and paired_equivalence(differences, smallest).is_equivalent:
            mark = " ≈"
        mean = statistics.fmean(differences)
        return f"{signed(mean)} ({span(student_interval(differences))}){mark}"

    def kind(self, behaviour: str, arm: str, turns: int, outcome: str) -> EffectKind:
        """What an arm comes to in an outcome, in a word or two."""
        differences = self.differences(behaviour, arm, turns, outcome)
        off = self.mean(behaviour, OFF, turns, outcome)
        verdict, _ = judged(differences, off, outcome, self.smallest[outcome])
        return kind_of(verdict, statistics.fmean(differences), outcome)

    def trained(self, arm: str, turns: int, outcome: str) -> list[list[float]]:
        """Differences of trained agents from those trained against none, `[training][run]`."""
        first = self.first.name
        return [
            self.differences(
                first, trained_name(arm, repeat), turns, outcome, trained_name(OFF, repeat)
            )
            for repeat in range(1, self.repeats + 1)
        ]

    def trained_mean(self, arm: str, repeat: int, outcome: str) -> float:
        """An outcome of the agents of one training, at the last horizon."""
        return self.mean(self.first.name, trained_name(arm, repeat), self.last, outcome)

    def tried(self, behaviour: str | None = None) -> list[str]:
        """Each treatment at its dose under a behaviour, the first one when None."""
        own = self.first if behaviour is None else self.study.behaviour(behaviour)
        return [each.compared for each in self.study.tried(own)]


def digits(value: float) -> int:
    return 0 if abs(value) >= 100 else 1


def signed(value: float) -> str:
    text = number(value, digits(value))
    return text if text.startswith(MINUS) else f"+{text}"


def span(interval: Interval) -> str:
    low, high = interval
    if low is None or high is None:
        return "unknown"
    decimals = digits(max(abs(low), abs(high)))
    return f"{number(low, decimals)} to {number(high, decimals)}"


def share(values: Sequence[float]) -> str:
    """From the least to the greatest of some percents."""
    return f"{number(min(values), 1)} to {number(max(values), 1)}"
