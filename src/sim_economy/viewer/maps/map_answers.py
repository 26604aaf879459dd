"""Answers of the routes of a map; they lie under `/view/source/`.

| route | query | answer |
|---|---|---|
| `map` | | `MapAnswer` |
| `map/plane` | `sweep`, `across`, `up`, `metric`, `held` | `PlaneAnswer` |
| `map/cell` | the same, `cell`, `after`, `limit` | `CellAnswer` |
| `POST map/world` | `sweep`, `row` | `PlayedRowAnswer` |

`sweep` is an index into `MapAnswer.sweeps`. `across` and `up` name axes; they are empty where
nothing varies. `metric` is `solvency` or one that the sweep has kept. `held` has an entry for each
axis of the sweep in order, with commas between: the step at which it is held, or nothing where rows
of all steps are averaged; an axis of the plane has no entry of its own.

Arrays of cells are bytes in base64: little-endian numbers, a cell after another, row by row from
the lowest, each from left to right. They are for drawing; `map/cell` has exact numbers.
"""

from __future__ import annotations

from msgspec import Struct

from sim_economy.viewer.answer_rows import Digits, Fact


class AxisAnswer(Struct, frozen=True, kw_only=True):
    """What can be an axis, or be held.

    Attributes:
        word: Its name in a sentence.
        label: Its name beside an axis.
        texts: Its steps, ascending.
        numbers: Where each step lies; null of a key without numbers.
        own: Where the scenario's own value lies, in steps from the first; null outside.
        start: The step to hold it at first; null for all.
    """

    name: str
    word: str
    label: str
    texts: tuple[str, ...]
    numbers: tuple[float, ...] | None
    own: float | None
    start: int | None


class MetricAnswer(Struct, frozen=True, kw_only=True):
    """A metric that a sweep has kept, and what it says."""

    name: str
    meaning: str


class SweepAnswer(Struct, frozen=True, kw_only=True):
    """A sweep of the folder.

    Attributes:
        name: What tells it apart from the others; empty for the only one.
        rows: Of the whole sweep, played or not.
        design: How its points were chosen.
        across: The axis to begin with, as `up`; empty where nothing varies.
        mark: What stands at the scenario's own values.
    """

    name: str
    rows: int
    points: int
    seeds: int
    design: str
    axes: tuple[AxisAnswer, ...]
    metrics: tuple[MetricAnswer, ...]
    across: str
    up: str
    mark: str


class ClassAnswer(Struct, frozen=True, kw_only=True):
    """A class of cells.

    Attributes:
        colour: The name of a colour of the page.
    """

    name: str
    colour: str


class MapAnswer(Struct, frozen=True, kw_only=True):
    """What a folder of sweeps can show.

    Attributes:
        classes: By their number.
        scale: Colours of a metric, from its least value to its greatest.
    """

    title: str
    sweeps: tuple[SweepAnswer, ...]
    classes: tuple[ClassAnswer, ...]
    scale: tuple[str, ...]


class CellMeans(Struct, frozen=True, kw_only=True):
    """A metric in each cell.

    Attributes:
        means: Over the runs, 32 bits each; NaN where there are none.
        halves: Half-widths of their 95 % intervals, likewise; 0 of a single run.
        least: Mean of any cell; null where there is no run.
        greatest: Likewise.
    """

    name: str
    meaning: str
    means: bytes
    halves: bytes
    least: float | None
    greatest: float | None


class PlaneAnswer(Struct, frozen=True, kw_only=True):
    """The cells of two axes.

    Attributes:
        answer: Who is insolvent in which share of the cells, in a sentence.
        metric_answer: Where the metric is least and greatest; empty of `solvency`.
        classes: A byte each: an index of `MapAnswer.classes`; 255 without a run.
        agreement: A byte each: percent of the runs in which the same are insolvent.
        noisy: A byte each: 1 where an interval covers the threshold that decides.
        runs: 32 bits each; where all cells have as many, once.
        columns: The metric; of `solvency` the two that decide.
    """

    width: int
    height: int
    answer: str
    metric_answer: str
    failed: int
    unplayed: int
    classes: bytes
    agreement: bytes
    noisy: bytes
    runs: bytes
    columns: tuple[CellMeans, ...]


class RowAnswer(Struct, frozen=True, kw_only=True):
    """A run of a cell.

    Attributes:
        seed: Of its world.
        solvency: Who is insolvent in it, as an index of `MapAnswer.classes`.
        values: Of the plane's columns, as text.
        digest: Of its last state.
        played_by: `kernel` or `core`; `failed` of a run without a result.
    """

    row: int
    point: int
    seed: int
    settings: tuple[Fact, ...]
    solvency: int | None
    values: tuple[Digits | str, ...]
    digest: str
    played_by: str


class CellAnswer(Struct, frozen=True, kw_only=True):
    """The runs of a cell.

    Attributes:
        representative: The first row that agrees with the cell; null where none was played.
        rows: In the order of the sweep.
        next: The `after` of the next page; null on the last one.
    """

    answer: str
    representative: int | None
    total: int
    rows: tuple[RowAnswer, ...]
    next: int | None


class PlayedRowAnswer(Struct, frozen=True, kw_only=True):
    """A row that the core played again, with its ledger, and what was checked of it.

    Attributes:
        world_id: By which it is opened.
        answer: What was checked, in a sentence.
        same: Whether its last state has the digest that the sweep holds.
        recorded: That digest.
        played: The digest of the state at the end of the ledger.
        sound: Whether every hash and posting of the ledger is.
        head: The end of its chain.
        command: Opens the row in a terminal.
    """

    world_id: str
    row: int
    seed: int
    settings: tuple[Fact, ...]
    answer: str
    same: bool
    recorded: str
    played: str
    sound: bool
    turns: int
    head: str
    seconds: float
    command: str
