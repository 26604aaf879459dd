"""The tables of a study of treatments, as its file writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

from msgspec import Struct, field

from sim_economy.core.table_reader import Kind, Parameter, read_struct

TURNS_MAX: Final = 10_000_000
SEEDS_MAX: Final = 1_000_000


class TreatmentStudyTable(Struct, frozen=True, kw_only=True):
    """The keys at the top of the file of a study of treatments."""

    name: Annotated[str, Parameter(Kind.TEXT, "of the study, and of its folder")] = "study"
    question: Annotated[str, Parameter(Kind.TEXT, "what it is to answer")]
    scenario: Annotated[str, Parameter(Kind.TEXT, "a shipped scenario, or a file")] = "as-run"
    seed: Annotated[int | None, Parameter(Kind.COUNT, "replicate r has the seed + r", 0, 2**62)] = (
        None
    )
    minutes_max: Annotated[int, Parameter(Kind.COUNT, "that it may take", 1, 100_000)] = 60
    horizons: Annotated[Any, Parameter(Kind.TABLES, "turns after which outcomes are read")]
    behaviours: Annotated[Any, Parameter(Kind.TABLES, "how agents decide, an entry each")]
    treatments: Annotated[Any, Parameter(Kind.TABLES, "what is tried, an entry each")]
    outcomes: Annotated[Any, Parameter(Kind.TABLES, "primary outcomes, an entry each")]
    shocks: Annotated[Any, Parameter(Kind.TABLES, "what hits the world, an entry each")] = ()
    factorial: Annotated[
        tuple[str, ...], Parameter(Kind.TEXTS, "treatments that are tried each with each")
    ] = ()
    full_factorial: Annotated[
        tuple[str, ...], Parameter(Kind.TEXTS, "treatments that are tried in every combination")
    ] = ()
    robustness: Annotated[
        Any, Parameter(Kind.TABLES, "worlds in which rules are tried again, an entry each")
    ] = ()
    threshold: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "the curve over one key of behaviour")
    ] = None
    training: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "how agents are trained against rules")
    ] = None
    slice: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "what a slice of it plays")
    ] = None


class StudyTrainingTable(Struct, frozen=True, kw_only=True):
    """The keys of `[training]`: under the first behaviour, against each treatment at its dose."""

    repeats: Annotated[int, Parameter(Kind.COUNT, "trainings of each arm", 1, 100)] = 1
    turns: Annotated[int, Parameter(Kind.COUNT, "of each run", 1, TURNS_MAX)]
    generations: Annotated[int, Parameter(Kind.COUNT, "of candidates", 1, 100_000)] = 20
    seeds: Annotated[int, Parameter(Kind.COUNT, "of a generation", 1, SEEDS_MAX)] = 12
    holdout_seeds: Annotated[int, Parameter(Kind.COUNT, "that none sees", 2, SEEDS_MAX)] = 12
    numbers: Annotated[Mapping[str, Any], Parameter(Kind.TABLE, "that are trained, a range each")]


class SliceTable(Struct, frozen=True, kw_only=True):
    """The keys of `[slice]`: the small part of a study that takes a minute."""

    turns: Annotated[int, Parameter(Kind.COUNT, "of the one horizon", 1, TURNS_MAX)]
    seeds: Annotated[int, Parameter(Kind.COUNT, "replicates of each arm", 2, SEEDS_MAX)]
    behaviours: Annotated[tuple[str, ...], Parameter(Kind.TEXTS, "the ones that are played")]


class HorizonTable(Struct, frozen=True, kw_only=True):
    """An entry of `[[horizons]]`."""

    turns: Annotated[int, Parameter(Kind.COUNT, "after which outcomes are read", 1, TURNS_MAX)]
    seeds: Annotated[int, Parameter(Kind.COUNT, "replicates that play so far", 2, SEEDS_MAX)]


class BehaviourTable(Struct, frozen=True, kw_only=True):
    """An entry of `[[behaviours]]`."""

    name: Annotated[str, Parameter(Kind.TEXT, "of it, in tables")]
    scenario: Annotated[
        str | None, Parameter(Kind.TEXT, "a scenario of its own, instead of the study's")
    ] = None
    turns_max: Annotated[
        int | None, Parameter(Kind.COUNT, "the last horizon that it plays", 1, TURNS_MAX)
    ] = None
    set: Annotated[Mapping[str, Any], Parameter(Kind.TABLE, "settings of the scenario")] = field(
        default_factory=dict
    )


class TreatmentTable(Struct, frozen=True, kw_only=True):
    """An entry of `[[treatments]]`: settings, and one key whose values are doses."""

    name: Annotated[str, Parameter(Kind.TEXT, "of it, in tables")]
    key: Annotated[str, Parameter(Kind.TEXT, "the setting that is its dose")]
    doses: Annotated[Any, Parameter(Kind.TABLES, "what the key takes, from weak to strong")]
    dose: Annotated[Any, Parameter(Kind.NUMBER, "what is compared and combined", -TURNS_MAX)]
    wages: Annotated[
        bool, Parameter(Kind.FLAG, "whether both readings of wages are played (G1, G5)")
    ] = False
    is_reference: Annotated[
        bool, Parameter(Kind.FLAG, "whether others are measured against it at equal tokens")
    ] = False
    behaviours: Annotated[
        tuple[str, ...], Parameter(Kind.TEXTS, "those under which it is tried; all if missing")
    ] = ()
    set: Annotated[Mapping[str, Any], Parameter(Kind.TABLE, "its other settings")] = field(
        default_factory=dict
    )


class OutcomeTable(Struct, frozen=True, kw_only=True):
    """An entry of `[[outcomes]]`."""

    name: Annotated[str, Parameter(Kind.TEXT, "of the outcome")]
    smallest_effect: Annotated[
        Any, Parameter(Kind.NUMBER, "the smallest difference worth acting on")
    ]


class ShockTable(Struct, frozen=True, kw_only=True):
    """An entry of `[[shocks]]`."""

    name: Annotated[str, Parameter(Kind.TEXT, "of it, in tables")]
    entries: Annotated[Any, Parameter(Kind.TABLES, "as governance.shocks takes them")]


class ThresholdTable(Struct, frozen=True, kw_only=True):
    """The keys of `[threshold]`: the curve of insolvency over one key of behaviour."""

    key: Annotated[str, Parameter(Kind.TEXT, "the setting that is moved")]
    values: Annotated[Any, Parameter(Kind.TABLES, "what it takes")]
    published: Annotated[Any, Parameter(Kind.NUMBER, "the paper's policy's own value", -TURNS_MAX)]
    seeds: Annotated[int, Parameter(Kind.COUNT, "replicates of each value", 1, SEEDS_MAX)] = 24
    turns: Annotated[int, Parameter(Kind.COUNT, "of each run", 1, TURNS_MAX)] = 60
    window_turns: Annotated[
        int | None, Parameter(Kind.COUNT, "a longer horizon, for the platform", 1, TURNS_MAX)
    ] = None
    window_seeds: Annotated[
        int, Parameter(Kind.COUNT, "replicates that play so far", 2, SEEDS_MAX)
    ] = 6


class RobustnessTable(Struct, frozen=True, kw_only=True):
    """An entry of `[[robustness]]`: the study's world with one factor changed."""

    name: Annotated[str, Parameter(Kind.TEXT, "of it, in tables")]
    scenario: Annotated[
        str | None, Parameter(Kind.TEXT, "a scenario of its own, instead of the study's")
    ] = None
    turns_max: Annotated[
        int | None, Parameter(Kind.COUNT, "the last horizon that it plays", 1, TURNS_MAX)
    ] = None
    set: Annotated[Mapping[str, Any], Parameter(Kind.TABLE, "settings of the scenario")] = field(
        default_factory=dict
    )
    entries: Annotated[Any, Parameter(Kind.TABLES, "as governance.shocks takes them")] = ()
    every: Annotated[
        int | None, Parameter(Kind.COUNT, "turns after which entries start over", 1, TURNS_MAX)
    ] = None


T = TypeVar("T", bound=Struct)


def read_entries(table: type[T], given: Any, path: str, problems: list[str]) -> list[T]:
    """The entries of an array of tables, those that are right; names must differ."""
    found = [
        entry
        for index, own in enumerate(given)
        if (entry := read_struct(table, own, f"{path}[{index}]", problems)) is not None
    ]
    names = [getattr(entry, "name", index) for index, entry in enumerate(found)]
    problems += [f"{path}: {name} stands twice" for name in {*names} if names.count(name) > 1]
    return found
