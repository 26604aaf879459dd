"""The report of a search: its answer, its front twice, the chances, what it was searched with."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sim_economy.core.errors import needing
from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_code, markdown_text
from sim_economy.reports.drawings.search_figures import FrontPanel, front_plane
from sim_economy.reports.page.document import Figure, KeyFigure, Report, Section, sourced
from sim_economy.reports.page.files import write_files
from sim_economy.reports.search.search_frames import PlayedPoint, SearchFrames
from sim_economy.reports.tables import Table, Value

FRONT_CSV: Final = "tables/front.csv"


def write_search_report(folder: Path, frames: SearchFrames) -> list[Path]:
    """Write `search.md`, `search.html`, figures and tables, the page last.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
        FolderError: The folder cannot be written.
    """
    with needing("the report", "report"):
        return write_files(folder, "search", search_report(frames))


def search_answer(frames: SearchFrames) -> str:
    """How many points are feasible, and what the best one comes to on fresh seeds; Markdown."""
    best = frames.best
    where = ", ".join(markdown_code(f"{key} = {text}") for key, text in best.values.items())
    tried = f"{len(frames.tried):,} points"
    if not frames.feasible:
        return (
            f"None of {tried} keeps every constraint; the one that misses least, {where}, keeps "
            f"{_chances(frames, best.holdout)} on fresh seeds."
        )
    row = str(1 + list(frames.front).index(best))
    reached = [
        f"{own.meaning} {sourced(_shown(value), FRONT_CSV, row, f'{own.metric}, fresh')}"
        for own, value in zip(frames.objectives, best.holdout.objectives, strict=True)
    ]
    kept = _stays(frames) if frames.constraints else f"{len(frames.front):,} are on the front"
    chances = f", and keeps {_chances(frames, best.holdout)}" if frames.constraints else ""
    return (
        f"Of {tried}, {frames.feasible:,} are feasible, and {kept}; the best of these by "
        f"{frames.objectives[0].meaning}, {where}, comes to {' and '.join(reached)}{chances}."
    )


def _stays(frames: SearchFrames) -> str:
    """How much of the front keeps the constraints on seeds that the search did not see."""
    stay = sum(own.holdout.keeps(frames.constraints) for own in frames.front)
    return f"{stay:,} of {len(frames.front):,} on the front stay so on fresh seeds"


def _chances(frames: SearchFrames, played: PlayedPoint) -> str:
    """Each constraint with its share of runs and interval."""
    parts = []
    for index, constraint in enumerate(frames.constraints):
        low, high = played.chance(index)
        assert low is not None, frames.name
        assert high is not None, frames.name
        share = number(100 * played.holds[index] / played.runs, 1)
        parts.append(
            f"{markdown_text(constraint.text)} in {share} % of runs "
            f"(95 % {number(100 * low, 1)} to {number(100 * high, 1)})"
        )
    return " and ".join(parts)


def _shown(value: float) -> str:
    return number(value, 0 if abs(value) >= 100 else 2)


def search_figure(frames: SearchFrames) -> Figure:
    """The front in the plane of the first two objectives; of one, over the numbers of points."""
    panel = FrontPanel(
        tried=[_pair(own, index) for index, own in enumerate(frames.tried, 1)],
        front=[_pair(own.searched, index) for index, own in enumerate(frames.front, 1)],
        holdout=[_pair(own.holdout, index) for index, own in enumerate(frames.front, 1)],
        behaviours={
            name: [_pair(own.behaviours[name], index) for index, own in enumerate(frames.front, 1)]
            for name in frames.front[0].behaviours
        },
    )
    meanings = [own.meaning for own in frames.objectives[:2]]
    across, up = meanings if len(meanings) == 2 else ("point", meanings[0])
    title = "The front, as searched and on fresh seeds"
    return Figure(
        name="front",
        caption=f"{title}: {up} over {across}",
        drawing=front_plane(panel, title, across, up),
        narrow=front_plane(panel, title, across, up, narrow=True),
        rows=[
            {"points": kind, across: pair[0], up: pair[1]}
            for kind, pairs in (
                ("tried", panel.tried),
                ("front", panel.front),
                ("front, fresh seeds", panel.holdout),
                *((f"front, {name}", pairs) for name, pairs in panel.behaviours.items()),
            )
            for pair in pairs
        ],
    )


def _pair(played: PlayedPoint, index: int) -> tuple[float, float]:
    values = played.objectives
    return (values[0], values[1]) if len(values) > 1 else (float(index), values[0])


def search_report(frames: SearchFrames) -> Report:
    """A search, as a report."""
    stay = sum(own.holdout.keeps(frames.constraints) for own in frames.front)
    return Report(
        title=f"Search {frames.name}",
        answer=search_answer(frames),
        picture=search_figure(frames),
        key_figures=[
            KeyFigure(
                value=f"{frames.feasible:,} of {len(frames.tried):,}",
                label="points are feasible",
                note="on the seeds of the search",
            ),
            KeyFigure(
                value=f"{stay:,} of {len(frames.front):,}",
                label="points of the front keep every constraint",
                note="on fresh seeds",
            ),
            KeyFigure(
                value=f"{frames.front[0].holdout.runs:,}",
                label="fresh seeds",
                note="that no point was chosen by",
            ),
        ],
        evidence=[
            Section(title="The front", blocks=[_front(frames)]),
            Section(title="Chances", blocks=[_chance_table(frames)]),
            *(
                [Section(title="Other behaviours", blocks=[_behaviours(frames)])]
                if frames.front[0].behaviours
                else []
            ),
            Section(title="How to read this", blocks=[_HOW]),
        ],
        provenance=[Section(title="Parameters", blocks=[_provenance(frames)])],
    )


def _front(frames: SearchFrames) -> Table:
    metrics = [own.metric for own in frames.objectives]
    columns = (
        "number",
        *frames.front[0].values,
        *(f"{metric}, searched" for metric in metrics),
        *(f"{metric}, fresh" for metric in metrics),
        "keeps all, fresh",
    )
    rows: list[tuple[Value, ...]] = [
        (
            index,
            *map(_value, own.values.values()),
            *own.searched.objectives,
            *own.holdout.objectives,
            "yes" if own.holdout.keeps(frames.constraints) else "no",
        )
        for index, own in enumerate(frames.front, 1)
    ]
    return Table("front", "Points of the front", columns, tuple(rows))


def _value(text: str) -> Value:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _chance_table(frames: SearchFrames) -> Table:
    rows: list[tuple[Value, ...]] = []
    for index, own in enumerate(frames.front, 1):
        for order, constraint in enumerate(frames.constraints):
            for seeds, played in (("searched", own.searched), ("fresh", own.holdout)):
                low, high = played.chance(order)
                rows.append((index, constraint.text, seeds, played.holds[order], played.runs,
                             low, high))  # fmt: skip
    columns = ("number", "constraint", "seeds", "runs that keep it", "runs", "95 % from", "to")
    return Table("chances", "How often each constraint holds", columns, tuple(rows))


def _behaviours(frames: SearchFrames) -> Table:
    rows: list[tuple[Value, ...]] = [
        (index, name, *played.objectives, _keeps(frames, played))
        for index, own in enumerate(frames.front, 1)
        for name, played in own.behaviours.items()
    ]
    columns = (
        "number", "all agents follow", *(own.metric for own in frames.objectives), "keeps all",
    )  # fmt: skip
    title = "The same points under behaviours that the search did not see"
    return Table("behaviours", title, columns, tuple(rows))


def _keeps(frames: SearchFrames, played: PlayedPoint) -> str:
    return "yes" if played.keeps(frames.constraints) else "no"


def _provenance(frames: SearchFrames) -> Table:
    rows = tuple(frames.provenance.items())
    return Table("searched_with", "Searched with", ("what", "value"), rows)


_HOW: Final = (
    "NSGA-II draws the points of a generation from the better ones before; all points are played "
    "on the same seeds. A point is *feasible* if, for each constraint, the lower end of Wilson's "
    "95 % interval for the share of runs that keep it is at least the share asked for. The *front* "
    "are the feasible points that no feasible one beats in every objective. A front is chosen by "
    "what it reached, so that it looks too good on the seeds of the search; what counts is the "
    "same points on fresh seeds."
)
