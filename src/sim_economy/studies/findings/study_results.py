"""The rows of a study as outcomes by arm: what every table and figure of its report reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from sim_economy.core.errors import FolderError
from sim_economy.statistics.survival import Duration
from sim_economy.studies.run_study import THRESHOLDS_CSV, missing_cells
from sim_economy.studies.study_arms import Arm, ArmKind
from sim_economy.studies.study_folder import KeptCell, StudyFolder, kept_cells
from sim_economy.studies.study_outcomes import OUTCOMES, net_wealth
from sim_economy.studies.study_rows import StudyRow
from sim_economy.studies.treatment_study import OFF, TreatmentStudy


class ArmOutcomes(Struct, frozen=True, kw_only=True, dict=True):
    """An arm under a behaviour at a horizon.

    Attributes:
        seeds: Of its runs, in order; all that follows is `[run]`.
        digests: Of the states that were read.
        values: By outcome.
        wealth: Net of loans, `[run][agent]`.
        first_negative: Turns until each agent is first below zero, `[run][agent]`.
        granted: Tokens spared or given, by how, on average.
        fired: Turns in which each rule did something, on average.
        flows: Tokens that one owner gave another, by `flow_name`, on average; where they are kept.
        owed: Tokens lent by debt rails and not repaid, on average.
        displaced_percent: Inputs that came to nothing here alone; where behaviour is held fixed.
        insolvent_by_turn: Agents below zero at the end of each turn, `[run][turn]`.
    """

    behaviour: str
    arm: Arm
    turns: int
    agents: int
    seeds: Sequence[int]
    digests: Sequence[str]
    values: Mapping[str, Sequence[float]]
    wealth: Sequence[Sequence[int]]
    first_negative: Sequence[Sequence[Duration]]
    granted: Mapping[str, float]
    fired: Mapping[str, float]
    active_turns: float
    flows: Mapping[str, float]
    owed: float
    displaced_percent: float
    insolvent_by_turn: Sequence[Sequence[int]]

    def mean(self, outcome: str) -> float:
        """The mean of an outcome over its runs."""
        own = self.values[outcome]
        return sum(own) / len(own)

    @cached_property
    def by_seed(self) -> dict[int, int]:
        """The position of each run, by its seed."""
        return {seed: index for index, seed in enumerate(self.seeds)}

    def differences(self, other: ArmOutcomes, outcome: str) -> list[float]:
        """This arm less another one in an outcome, run by run with the same seed."""
        ours, its = self.values[outcome], other.values[outcome]
        return [
            ours[index] - its[other.by_seed[seed]]
            for index, seed in enumerate(self.seeds)
            if seed in other.by_seed
        ]

    def run_id(self, index: int = 0) -> str:
        """The name of one of its runs, by which its row is found."""
        return f"{self.behaviour} / {self.arm.name} / seed {self.seeds[index]} / turn {self.turns}"


class StudyResults:
    """All arms of a study as its folder holds them."""

    def __init__(self, study: TreatmentStudy, folder: Path) -> None:
        """Read the folder.

        Raises:
            FolderError: It lacks cells, or a file of it cannot be read.
        """
        self.study = study
        self.folder = folder
        missing = missing_cells(study, StudyFolder(folder, study))
        if missing:
            cause = f"holds no finished study: {missing[0].name} is missing; play it first"
            raise FolderError("folder_unfinished", str(folder), cause)
        self._found: dict[tuple[str, str, int], ArmOutcomes] = {}
        self.unmatched: list[tuple[str, Arm]] = []
        self.curve: dict[str, KeptCell] = {}
        curve = {own.name for own in study.threshold_behaviours}
        for cell in kept_cells(folder):
            if cell.behaviour in curve:
                self.curve[cell.behaviour] = cell
                continue
            if not cell.rows:
                self.unmatched.append((cell.behaviour, cell.arm))
            for outcomes in _outcomes(cell):
                self._found[outcomes.behaviour, outcomes.arm.name, outcomes.turns] = outcomes

    def arm(self, behaviour: str, name: str, turns: int) -> ArmOutcomes | None:
        """An arm at a horizon, by its name; None where it does not reach it."""
        return self._found.get((behaviour, name, turns))

    def off(self, behaviour: str, turns: int) -> ArmOutcomes:
        """The arm without a treatment."""
        return self._found[behaviour, OFF, turns]

    def of(
        self,
        behaviour: str | None = None,
        turns: int | None = None,
        kinds: Iterable[ArmKind] = (),
    ) -> list[ArmOutcomes]:
        """The arms of a behaviour, horizon and of some kinds; of all where they are not named."""
        kinds = {*kinds}
        return [
            own
            for own in self._found.values()
            if behaviour in {None, own.behaviour}
            and turns in {None, own.turns}
            and (not kinds or own.arm.kind in kinds)
        ]

    @cached_property
    def thresholds(self) -> list[tuple[float, float]]:
        """The threshold curve: each value, and the agent-turns below zero in percent."""
        path = self.folder / THRESHOLDS_CSV
        if self.study.threshold is None or not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()[1:]
        return [(float(value), float(share)) for value, share in (own.split(",") for own in lines)]


def _outcomes(cell: KeptCell) -> Iterable[ArmOutcomes]:
    """A cell at each of its horizons."""
    horizons: dict[int, list[StudyRow]] = {}
    for row in cell.rows:
        horizons.setdefault(row.turns, []).append(row)
    for turns, rows in horizons.items():
        agents = rows[0].agents
        yield ArmOutcomes(
            behaviour=cell.behaviour,
            arm=cell.arm,
            turns=turns,
            agents=agents,
            seeds=[row.seed for row in rows],
            digests=[row.digest for row in rows],
            values={name: [own.of(row) for row in rows] for name, own in OUTCOMES.items()},
            wealth=[net_wealth(row) for row in rows],
            first_negative=[_durations(row) for row in rows],
            granted=_means([row.granted for row in rows]),
            fired=(fired := _means([row.fired for row in rows])),
            active_turns=max((fired.get(rule, 0.0) for rule in _rules(cell.arm)), default=0.0),
            flows=_means([row.flows for row in rows]),
            owed=sum(sum(row.receivables) for row in rows) / len(rows),
            displaced_percent=100
            * sum(row.displaced for row in rows)
            / (agents * turns * len(rows)),
            insolvent_by_turn=[row.insolvent_by_turn for row in rows],
        )


def _rules(arm: Arm) -> set[str]:
    """The rules of interventions that an arm sets, by their key under `[governance]`."""
    keys = (key.split(".") for key in arm.settings)
    return {own[1] for own in keys if own[0] == "governance" and len(own) > 2}


def _durations(row: StudyRow) -> list[Duration]:
    return [
        Duration(first, is_observed=True) if first else Duration(row.turns, is_observed=False)
        for first in row.first_negative
    ]


def _means(counts: Sequence[Mapping[str, int]]) -> dict[str, float]:
    names = sorted({name for own in counts for name in own})
    return {name: sum(own.get(name, 0) for own in counts) / len(counts) for name in names}
