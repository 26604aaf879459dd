"""The arms of a study: every world that is compared with the one without a treatment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

from msgspec import Struct

from sim_economy.studies.treatment_study import (
    GRANT,
    OFF,
    Horizon,
    RobustnessCheck,
    StudyBehaviour,
    StudyShock,
    Treatment,
    TreatmentStudy,
    as_setting,
)

SERIES_TURNS: Final = 240
"""Turns that arms of shocks keep one by one."""
_SHOCKS: Final = "governance.shocks"
FULL: Final = "full"


class ArmKind(StrEnum):
    """What an arm is for."""

    OFF = "off"
    DOSE = "dose"
    TOGETHER = "together"
    SHOCKED = "shocked"
    FIXED = "fixed"
    MATCHED = "matched"
    TRAINED = "trained"


class Arm(Struct, frozen=True, kw_only=True):
    """One arm: settings that go over a behaviour's scenario.

    Attributes:
        treatments: Names of those in force, in the study's order.
        dose: Of the one treatment; empty where there are none or several.
        wages: `full` where job pay does not follow lowered fees.
        shock: The name of the shock that hits it.
        base: Of a fixed or trained arm: the one in which agents decide again.
        repeat: Of a trained arm: which of its trainings, from 1.
        matched: Of a reference at equal tokens: the arm whose tokens it spares or gives.
        turns: The one horizon that it plays; None for all.
        keeps_series: Whether its turns are kept one by one: a shocked arm and its unshocked pair.
    """

    name: str
    kind: ArmKind
    treatments: tuple[str, ...] = ()
    dose: str = ""
    wages: str = ""
    shock: str = ""
    base: str = ""
    repeat: int = 0
    matched: str = ""
    turns: int | None = None
    keeps_series: bool = False
    settings: dict[str, Any]


class Cell(Struct, frozen=True):
    """An arm under a behaviour: what is played in one go and kept in one file."""

    behaviour: StudyBehaviour
    arm: Arm

    @property
    def name(self) -> str:
        """As the ids of its runs begin."""
        return f"{self.behaviour.name} / {self.arm.name}"

    @property
    def horizons(self) -> list[Horizon]:
        """Those that it is read at, the shortest first."""
        return [own for own in self.behaviour.horizons if self.arm.turns in {None, own.turns}]

    @property
    def turns(self) -> int:
        """Turns of all its replicates together."""
        horizons = self.horizons
        return sum(
            max(own.turns for own in horizons if replicate <= own.seeds)
            for replicate in range(1, horizons[0].seeds + 1)
        )


def planned_cells(study: TreatmentStudy) -> list[Cell]:
    """All cells that the study names; those matched at equal tokens follow from their rows."""
    curve = [Cell(behaviour, off_arm()) for behaviour in study.threshold_behaviours]
    checks = [
        Cell(check.behaviour, arm) for check in study.robustness for arm in _checked(study, check)
    ]
    return [
        *curve,
        *(Cell(own, arm) for own in study.behaviours for arm in _arms(study, own)),
        *checks,
    ]


def _checked(study: TreatmentStudy, check: RobustnessCheck) -> Iterator[Arm]:
    """The arms of a robustness check: each treatment at its dose, and none."""
    agents = check.behaviour.scenario.base.config.agent_ids
    yield off_arm()
    for treatment in study.tried(study.behaviours[0]):
        yield dose_arm(treatment, treatment.dose, agents)


def off_arm() -> Arm:
    """The arm without a treatment."""
    return Arm(name=OFF, kind=ArmKind.OFF, keeps_series=True, settings={})


def _arms(study: TreatmentStudy, behaviour: StudyBehaviour) -> Iterator[Arm]:
    agents = behaviour.scenario.base.config.agent_ids
    yield off_arm()
    tried = study.tried(behaviour)
    for treatment in study.under(behaviour):
        for dose in treatment.doses:
            yield dose_arm(treatment, dose, agents)
            if treatment.wages:
                yield dose_arm(treatment, dose, agents, wages=FULL)
    for group in _groups(study, behaviour):
        yield _together(group, agents)
    for shock in study.shocks:
        for own in (None, *tried):
            yield _shocked(shock, own, agents)
    for treatment in tried:
        dosed = dose_arm(treatment, treatment.dose, agents)
        yield Arm(
            name=f"{dosed.name}, behaviour held fixed",
            kind=ArmKind.FIXED,
            base=dosed.name,
            treatments=dosed.treatments,
            dose=dosed.dose,
            settings=dosed.settings,
        )


def _groups(study: TreatmentStudy, behaviour: StudyBehaviour) -> list[tuple[Treatment, ...]]:
    """Treatments that are tried together: each two, and every combination of some."""
    paired = [own for own in study.tried(behaviour) if own.name in study.factorial]
    pairs = combinations(paired, 2)
    found: list[tuple[Treatment, ...]] = [own for own in pairs if not own[0].excludes(own[1])]
    combined = study.combined(behaviour)
    for size in range(2, len(combined) + 1):
        found += [group for group in combinations(combined, size) if group not in found]
    return found


def together_name(treatments: Sequence[Treatment]) -> str:
    """The name of the arm with these treatments in force, each at its dose."""
    if len(treatments) == 1:
        return treatments[0].compared
    return " + ".join(own.name for own in treatments) or OFF


def dose_arm(treatment: Treatment, dose: str, agents: Sequence[str], wages: str = "") -> Arm:
    """A treatment at a dose."""
    settings = _dosed(treatment, dose, agents)
    if wages:
        settings["governance.wages"] = wages
    return Arm(
        name=treatment.named(dose) + (f", {wages} wages" if wages else ""),
        kind=ArmKind.DOSE,
        treatments=(treatment.name,),
        dose=dose,
        wages=wages,
        keeps_series=dose == treatment.dose and not wages and not treatment.is_reference,
        settings=settings,
    )


def matched_arm(
    treatment: Treatment, dose: str, agents: Sequence[str], matched: str, turns: int
) -> Arm:
    """A reference that spares or gives as many tokens as another arm by a horizon."""
    return Arm(
        name=f"{treatment.name} as much as {matched} by turn {turns}",
        kind=ArmKind.MATCHED,
        treatments=(treatment.name,),
        dose=dose,
        matched=matched,
        turns=turns,
        settings=_dosed(treatment, dose, agents),
    )


def _dosed(treatment: Treatment, dose: str, agents: Sequence[str]) -> dict[str, Any]:
    if treatment.key == GRANT:
        return {**treatment.settings, _SHOCKS: [_grant(int(dose), agents)]}
    return {**treatment.settings, treatment.key: as_setting(dose)}


def _grant(tokens: int, agents: Sequence[str]) -> dict[str, Any]:
    return {"turn": 1, "target": "gain", "agents": [*agents], "tokens": tokens}


def _together(group: Sequence[Treatment], agents: Sequence[str]) -> Arm:
    return Arm(
        name=together_name(group),
        kind=ArmKind.TOGETHER,
        treatments=tuple(own.name for own in group),
        settings=_joined([_dosed(own, own.dose, agents) for own in group]),
    )


def _shocked(shock: StudyShock, treatment: Treatment | None, agents: Sequence[str]) -> Arm:
    entries = [
        {**entry, **({"agents": [*agents]} if entry.get("agents") == "all" else {})}
        for entry in shock.entries
    ]
    dosed = {} if treatment is None else _dosed(treatment, treatment.dose, agents)
    name = OFF if treatment is None else treatment.compared
    return Arm(
        name=f"{name}, {shock.name}",
        kind=ArmKind.SHOCKED,
        treatments=() if treatment is None else (treatment.name,),
        dose="" if treatment is None else treatment.dose,
        shock=shock.name,
        keeps_series=True,
        settings=_joined([dosed, {_SHOCKS: entries}]),
    )


def _joined(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Settings of several, lists of shocks one after the other."""
    joined: dict[str, Any] = {}
    for own in settings:
        for key, value in own.items():
            joined[key] = [*joined.get(key, ()), *value] if key == _SHOCKS else value
    return joined
