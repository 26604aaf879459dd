"""A study of treatments: what is tried, under which behaviours, and what is looked at."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any, Final

from msgspec import Struct

from sim_economy.core.table_reader import (
    NumberText,
)
from sim_economy.experiments.sweeps.plain_values import as_json
from sim_economy.experiments.sweeps.point_scenarios import SweptScenario
from sim_economy.ledger.records import digest

GRANT: Final = "grant"
"""The key of a treatment that gives every agent so many tokens in turn 1."""
TARIFF: Final = "base_inference_rate"
"""The key of a treatment that cuts the tariff."""
REFERENCE_KEYS: Final = (TARIFF, GRANT)
"""Keys that can spare or give as many tokens as another treatment."""
OFF: Final = "off"
"""The name of the arm without a treatment."""


class Horizon(Struct, frozen=True):
    """A turn after which outcomes are read, and how many replicates play so far."""

    turns: int
    seeds: int


class StudyBehaviour(Struct, frozen=True, kw_only=True):
    """One way in which agents decide.

    Attributes:
        horizons: Those that it plays, the shortest first.
        settings: What the study states of it.
    """

    name: str
    scenario: SweptScenario
    horizons: tuple[Horizon, ...]
    settings: dict[str, Any]


class Treatment(Struct, frozen=True, kw_only=True):
    """What is tried.

    Attributes:
        doses: As a file writes them, from weak to strong.
        dose: The one of them that is compared and combined.
        wages: Whether both readings of wages are played.
        is_reference: Whether others are measured against it at equal tokens.
        behaviours: Those under which it is tried; all where there are none.
    """

    name: str
    key: str
    doses: tuple[str, ...]
    dose: str
    wages: bool
    is_reference: bool
    behaviours: tuple[str, ...]
    settings: dict[str, Any]

    def excludes(self, other: Treatment) -> bool:
        """Test whether both cannot be in force at once: they set a key to different values."""
        ours = {**self.settings, self.key: self.dose}
        its = {**other.settings, other.key: other.dose}
        return any(str(ours[key]) != str(its[key]) for key in ours.keys() & its.keys())

    def named(self, dose: str) -> str:
        """The name of its arm at a dose."""
        return f"{self.name} {dose}"

    @property
    def compared(self) -> str:
        """The name of its arm at the dose that is compared."""
        return self.named(self.dose)


class PrimaryOutcome(Struct, frozen=True):
    """A primary outcome, with the smallest difference that is worth acting on."""

    name: str
    smallest_effect: float


class StudyShock(Struct, frozen=True):
    """What hits the world in some turns, as `governance.shocks` takes it."""

    name: str
    entries: tuple[dict[str, Any], ...]

    @property
    def first_turn(self) -> int:
        """The first turn that differs."""
        return min(int(entry["turn"]) for entry in self.entries)

    @property
    def last_turn(self) -> int:
        """The last turn that differs."""
        return max(int(entry.get("until", entry["turn"])) for entry in self.entries)


class ThresholdCurve(Struct, frozen=True, kw_only=True):
    """The curve of insolvency over one key of behaviour, with nothing else changed.

    Attributes:
        window_turns: A second, longer horizon, at which the platform's balance is read too; None
            where there is none.
    """

    key: str
    values: tuple[str, ...]
    published: str
    seeds: int
    turns: int
    window_turns: int | None
    window_seeds: int

    @property
    def horizons(self) -> tuple[Horizon, ...]:
        """Those that its worlds are read at, the shortest first."""
        first = Horizon(self.turns, self.seeds)
        if self.window_turns is None:
            return (first,)
        return first, Horizon(self.window_turns, self.window_seeds)


class RobustnessCheck(Struct, frozen=True):
    """A world with one factor changed, in which treatments are tried again.

    Attributes:
        behaviour: The study's first one there.
    """

    name: str
    behaviour: StudyBehaviour


class StudyTraining(Struct, frozen=True, kw_only=True):
    """How agents are trained against the rules of an arm, as `[training]` states it.

    Attributes:
        repeats: Trainings of each arm, which differ in their seeds.
    """

    repeats: int
    turns: int
    generations: int
    seeds: int
    holdout_seeds: int
    numbers: dict[str, Any]


class TreatmentStudy(Struct, frozen=True, kw_only=True):
    """A study of treatments, checked.

    Attributes:
        behaviours: The first one is the one that sentences start from.
        factorial: Names of treatments that are also tried together, each with each.
        full_factorial: Names of treatments that are tried in every combination.
        robustness: Worlds in which treatments are tried again under the first behaviour.
        threshold_behaviours: A behaviour for each value of the threshold curve, in its order.
        is_slice: Whether only what its `[slice]` names is played.
        given: The study as it was written, plain.
    """

    name: str
    question: str
    minutes_max: int
    horizons: tuple[Horizon, ...]
    behaviours: tuple[StudyBehaviour, ...]
    treatments: tuple[Treatment, ...]
    outcomes: tuple[PrimaryOutcome, ...]
    shocks: tuple[StudyShock, ...]
    factorial: tuple[str, ...]
    full_factorial: tuple[str, ...]
    robustness: tuple[RobustnessCheck, ...]
    training: StudyTraining | None
    threshold: ThresholdCurve | None
    threshold_behaviours: tuple[StudyBehaviour, ...]
    is_slice: bool
    given: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides its results, as plain values."""
        bases = [own.scenario.base for own in self.behaviours]
        stated = {
            "sim_economy": version("sim-economy"),
            "rules_version": bases[0].config.rules_version,
            "study": as_json(self.given),
            "scenarios": [base.settings for base in bases],
        }
        return json.loads(json.dumps(stated, default=str))  # type: ignore[no-any-return]

    @property
    def hash(self) -> str:
        """The digest of its settings; every result of the study names it."""
        return digest(json.dumps(self.settings, sort_keys=True).encode())

    def tried(self, behaviour: StudyBehaviour) -> list[Treatment]:
        """What is tried under a behaviour, without references."""
        return [own for own in self.under(behaviour) if not own.is_reference]

    def combined(self, behaviour: StudyBehaviour) -> list[Treatment]:
        """Treatments that are tried in every combination under a behaviour."""
        return [own for own in self.tried(behaviour) if own.name in self.full_factorial]

    def under(self, behaviour: StudyBehaviour) -> list[Treatment]:
        """Treatments of a behaviour, references too."""
        return [
            own for own in self.treatments if not own.behaviours or behaviour.name in own.behaviours
        ]

    @property
    def references(self) -> list[Treatment]:
        """Treatments that others are measured against at equal tokens."""
        return [own for own in self.treatments if own.is_reference]

    def behaviour(self, name: str) -> StudyBehaviour:
        """A behaviour by its name."""
        return next(own for own in self.behaviours if own.name == name)

    def treatment(self, name: str) -> Treatment:
        """A treatment by its name."""
        return next(own for own in self.treatments if own.name == name)


def as_setting(number: str) -> int | NumberText:
    """A number of a study as a change of a scenario takes it."""
    return NumberText(number) if "." in number else int(number)
