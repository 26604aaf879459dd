"""The paper on the shipped study, written from the small data that ships with it.

`python -m tests.docs.paper out/paper-questions` takes the data out of a finished study and writes
the page; without a folder it writes the page from the data that is there.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from sim_economy.reports.tables import MINUS, number
from sim_economy.statistics.equivalence import paired_equivalence
from sim_economy.statistics.intervals import Interval
from sim_economy.statistics.paired_differences import paired_estimate
from sim_economy.studies.findings.study_findings import findings_of
from sim_economy.studies.findings.study_report import study_report
from sim_economy.studies.findings.study_results import StudyResults
from sim_economy.studies.study_arms import ArmKind
from sim_economy.studies.study_reader import read_treatment_study
from sim_economy.studies.treatment_study import TreatmentStudy
from tests.docs.blocks import ROOT

PAPER: Final = ROOT / "docs/paper"
PAGE: Final = PAPER / "README.md"
RUNS: Final = PAPER / "data/runs.csv.gz"
FACTS: Final = PAPER / "data/facts.json"
OUTCOMES: Final = (
    "insolvent_percent", "insolvent_at_end", "mean_depth", "worst_wealth", "platform",
    "platform_net", "gini_absolute", "action_diversity", "granted", "contracts_started",
)  # fmt: skip
FIGURES: Final = ("doses", "thresholds", "survival")


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


def collect(folder: Path) -> None:
    """Take the data of the paper out of the folder of a finished study."""
    study = read_treatment_study("paper-questions")
    found = findings_of(study, folder)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("behaviour", "arm", "kind", "matched", "turns", "seed", "digest", *OUTCOMES))
    writer.writerows(_rows(found.results, study))
    RUNS.parent.mkdir(parents=True, exist_ok=True)
    RUNS.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    report = study_report(found)
    tables = {table.name: table for table in report.tables()}
    own = {figure.name: figure for figure in report.figures()}
    for name in FIGURES:
        (PAPER / f"{name}.svg").write_text(own[name].drawing.svg)
    facts = {
        "study_hash": study.hash,
        "answer": found.answer,
        "thresholds": found.results.thresholds,
        "claims": [list(row) for row in tables["claims"].rows],
        "shocks": [list(row) for row in tables["shocks"].rows],
        "displaced": {
            f"{own.behaviour} / {own.arm.name} / {own.turns}": own.displaced_percent
            for own in found.results.of(kinds=[ArmKind.FIXED])
        },
    }
    FACTS.write_text(json.dumps(facts, indent=1) + "\n")


def _rows(results: StudyResults, study: TreatmentStudy) -> Iterator[tuple[object, ...]]:
    first = study.behaviours[0].name
    doses = {f"{own.name} {own.dose}" for own in study.treatments}
    for own in results.of():
        arm = own.arm
        base = arm.name.partition(",")[0]
        wanted = arm.kind is ArmKind.OFF or (arm.kind is ArmKind.DOSE and base in doses)
        if own.behaviour == first:
            wanted |= arm.kind in {ArmKind.FIXED, ArmKind.TRAINED, ArmKind.MATCHED}
            wanted |= arm.kind is ArmKind.TOGETHER
        if not wanted:
            continue
        for index, seed in enumerate(own.seeds):
            values = (f"{own.values[name][index]:.6g}" for name in OUTCOMES)
            head = (own.behaviour, arm.name, str(arm.kind), arm.matched, own.turns, seed)
            yield (*head, own.digests[index], *values)


def read_runs() -> list[RunRow]:
    """The runs that ship."""
    with gzip.open(RUNS, "rt", encoding="utf-8", newline="") as file:
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

    def __init__(self) -> None:
        self.study = read_treatment_study("paper-questions")
        self.facts = json.loads(FACTS.read_text(encoding="utf-8"))
        self.arms: dict[tuple[str, str, int], list[RunRow]] = {}
        for row in read_runs():
            self.arms.setdefault((row.behaviour, row.arm, row.turns), []).append(row)
        self.first = self.study.behaviours[0]
        self.last = self.first.horizons[-1].turns

    def mean(self, behaviour: str, arm: str, turns: int, outcome: str) -> float:
        """The mean of an outcome over the runs of an arm."""
        rows = self.arms[behaviour, arm, turns]
        return sum(row.values[outcome] for row in rows) / len(rows)

    def differences(
        self, behaviour: str, arm: str, turns: int, outcome: str, base: str = "off"
    ) -> list[float]:
        """An arm less another one, run by run."""
        off = {row.seed: row for row in self.arms[behaviour, base, turns]}
        return [
            row.values[outcome] - off[row.seed].values[outcome]
            for row in self.arms[behaviour, arm, turns]
        ]

    def effect(self, behaviour: str, arm: str, turns: int, outcome: str, base: str = "off") -> str:
        """A difference with its interval, as a table has it."""
        differences = self.differences(behaviour, arm, turns, outcome, base)
        estimate = paired_estimate(differences, crc32(arm.encode()))
        smallest = {own.name: own.smallest_effect for own in self.study.outcomes}.get(outcome)
        mark = ""
        if smallest is not None and paired_equivalence(differences, smallest).is_equivalent:
            mark = " ≈"
        return f"{signed(estimate.mean)} ({span(estimate.student)}){mark}"

    def tried(self, behaviour: str | None = None) -> list[str]:
        """Each treatment at its dose under a behaviour, the first one when None."""
        own = self.first if behaviour is None else self.study.behaviour(behaviour)
        return [f"{each.name} {each.dose}" for each in self.study.tried(own)]


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


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def without_table(data: Data) -> str:
    rows = []
    for behaviour in data.study.behaviours:
        for horizon in behaviour.horizons:
            key = behaviour.name, "off", horizon.turns
            rows.append(
                [
                    behaviour.name,
                    f"{horizon.turns:,}",
                    str(len(data.arms[key])),
                    number(data.mean(*key, "insolvent_percent"), 1),
                    number(data.mean(*key, "insolvent_at_end"), 1),
                    number(data.mean(*key, "mean_depth"), 1),
                    number(data.mean(*key, "platform"), 0),
                    number(data.mean(*key, "gini_absolute"), 1),
                    number(data.mean(*key, "action_diversity"), 2),
                ]
            )
    heads = (
        "behaviour", "turns", "runs", "agent-turns below zero (%)", "agents at the end (%)",
        "mean depth of debt",
        "platform's balance", "absolute Gini", "effective actions",
    )  # fmt: skip
    return table(heads, rows)


def rules_table(data: Data) -> str:
    rows = []
    for arm in data.tried():
        for horizon in data.first.horizons:
            key = data.first.name, arm, horizon.turns
            rows.append(
                [
                    arm,
                    f"{horizon.turns:,}",
                    data.effect(*key, "insolvent_percent"),
                    data.effect(*key, "worst_wealth"),
                    data.effect(*key, "platform"),
                    data.effect(*key, "platform_net"),
                    data.effect(*key, "gini_absolute"),
                ]
            )
    heads = (
        "rule", "turns", "agent-turns below zero (points)", "poorest agent's wealth",
        "platform's balance", "platform, net", "absolute Gini",
    )  # fmt: skip
    return table(heads, rows)


def behaviours_table(data: Data) -> str:
    own = [each for each in data.study.behaviours if each.scenario.source == "as-run"]
    heads = ["rule", *(f"{each.name}, {each.horizons[-1].turns:,} turns" for each in own)]
    rows = [
        [
            arm,
            *(
                data.effect(each.name, arm, each.horizons[-1].turns, "insolvent_percent")
                for each in own
            ),
        ]
        for arm in data.tried()
    ]
    return table(heads, rows)


def equal_table(data: Data) -> str:
    rows = []
    for arm in data.tried():
        for horizon in data.first.horizons:
            ends = [number(data.mean(data.first.name, arm, horizon.turns, "insolvent_percent"), 1)]
            for reference in data.study.references:
                name = f"{reference.name} as much as {arm} by turn {horizon.turns}"
                key = data.first.name, name, horizon.turns
                ends.append(
                    number(data.mean(*key, "insolvent_percent"), 1)
                    if key in data.arms
                    else "not comparable"
                )
            tokens = number(data.mean(data.first.name, arm, horizon.turns, "granted"), 0)
            rows.append([arm, f"{horizon.turns:,}", tokens, *ends])
    heads = ("rule", "turns", "tokens spared or given, a run", "rule", "tariff cut", "grant")
    return table(heads, rows)


def modes_table(data: Data) -> str:
    rows = []
    for arm in data.tried():
        fixed = f"{arm}, behaviour held fixed"
        displaced = data.facts["displaced"][f"{data.first.name} / {fixed} / {data.last}"]
        rows.append(
            [
                arm,
                data.effect(data.first.name, fixed, data.last, "insolvent_percent"),
                f"{number(displaced, 1)} %",
                data.effect(data.first.name, arm, data.last, "insolvent_percent"),
                data.effect(
                    data.first.name, f"{arm}, trained", data.last, "insolvent_percent",
                    "off, trained",
                ),
            ]
        )  # fmt: skip
    heads = (
        "rule",
        "behaviour held fixed",
        "inputs it displaced",
        "agents decide again",
        "trained",
    )
    return table(heads, rows)


def wages_table(data: Data) -> str:
    rows = []
    for treatment in data.study.treatments:
        if not treatment.wages:
            continue
        arm = f"{treatment.name} {treatment.dose}"
        for behaviour in data.study.behaviours:
            turns = behaviour.horizons[-1].turns
            rows.append(
                [
                    arm,
                    f"{behaviour.name}, {turns:,} turns",
                    number(data.mean(behaviour.name, "off", turns, "insolvent_percent"), 1),
                    number(data.mean(behaviour.name, arm, turns, "insolvent_percent"), 1),
                    number(
                        data.mean(behaviour.name, f"{arm}, full wages", turns, "insolvent_percent"),
                        1,
                    ),
                ]
            )
    heads = ("rule", "behaviour", "without", "wages follow", "full wages")
    return table(heads, rows)


def together_table(data: Data) -> str:
    rows = []
    doses = {own.name: f"{own.name} {own.dose}" for own in data.study.treatments}
    for (behaviour, arm, turns), runs in data.arms.items():
        parts = arm.split(" + ")
        if runs[0].kind != "together" or turns != data.last or len(parts) != 2:
            continue
        both, one, other, off = (
            {row.seed: row.values["insolvent_percent"] for row in data.arms[behaviour, name, turns]}
            for name in (arm, doses[parts[0]], doses[parts[1]], "off")
        )
        halves = [(both[seed] - one[seed] - other[seed] + off[seed]) / 2 for seed in both]
        estimate = paired_estimate(halves, crc32(arm.encode()))
        rows.append(
            [
                arm,
                data.effect(behaviour, arm, turns, "insolvent_percent"),
                f"{signed(estimate.mean)} ({span(estimate.student)})",
            ]
        )
    return table(("together", "both change", "interaction"), sorted(rows))


def market_table(data: Data) -> str:
    behaviour = next(own for own in data.study.behaviours if own.scenario.source == "market")
    turns = behaviour.horizons[-1].turns
    rows = [
        [
            arm,
            data.effect(behaviour.name, arm, turns, "contracts_started"),
            data.effect(behaviour.name, arm, turns, "insolvent_percent"),
            data.effect(behaviour.name, arm, turns, "platform_net"),
        ]
        for arm in data.tried(behaviour.name)
    ]
    heads = ("rule", "contracts started", "agent-turns below zero (points)", "platform, net")
    return table(heads, rows)


def claims_table(data: Data) -> str:
    return table(("claim", "verdict", "what the runs say", "a run"), data.facts["claims"])


def page() -> str:
    """The paper, every number from the data."""
    data = Data()
    text = (PAPER / "paper.md.in").read_text(encoding="utf-8")
    off = [
        data.mean(data.first.name, "off", own.turns, "insolvent_percent")
        for own in data.first.horizons
    ]
    trained = [
        data.mean(data.first.name, f"{arm}, trained", data.last, "platform")
        for arm in ("off", *data.tried())
    ]
    values = {
        "trained": f"{number(min(trained), 0)} and {number(max(trained), 0)}",
        "answer": data.facts["answer"],
        "hash": data.facts["study_hash"],
        "horizons": ", ".join(
            f"{own.turns:,} turns ({own.seeds} seeds)" for own in data.first.horizons
        ),
        "last": f"{data.last:,}",
        "off": ", ".join(number(value, 1) for value in off),
        "without": without_table(data),
        "rules": rules_table(data),
        "behaviours": behaviours_table(data),
        "equal": equal_table(data),
        "modes": modes_table(data),
        "wages": wages_table(data),
        "together": together_table(data),
        "market": market_table(data),
        "claims": claims_table(data),
    }
    for name, value in values.items():
        marked = f"{{{{{name}}}}}"
        assert marked in text, name
        text = text.replace(marked, value)
    assert "{{" not in text, text[text.index("{{") :][:60]
    return text


def main(arguments: Sequence[str]) -> None:
    if arguments:
        collect(Path(arguments[0]))
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
