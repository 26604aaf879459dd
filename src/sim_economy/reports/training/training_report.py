"""The report of a training: its answer, its curve, what the policy does."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final

from sim_economy.core.errors import needing
from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_code
from sim_economy.reports.drawings.training_figures import LearningCurve, learning_curve
from sim_economy.reports.page.document import Figure, KeyFigure, Report, Section
from sim_economy.reports.page.files import write_files
from sim_economy.reports.tables import Table
from sim_economy.reports.training.training_frames import TrainingFrames
from sim_economy.reports.training.training_sentences import answer, deeds, difference
from sim_economy.runs.row_metrics import ROW_METRICS


def write_training_report(folder: Path, frames: TrainingFrames) -> list[Path]:
    """Write `training.md`, `training.html`, figures and tables, the page last.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
        FolderError: The folder cannot be written.
    """
    with needing("the report", "report"):
        return write_files(folder, "training", training_report(frames))


def training_figure(frames: TrainingFrames) -> Figure:
    """The objective by generation."""
    curve = LearningCurve(
        best=[frames.best(own) for own in frames.generations],
        median=[frames.median(own) for own in frames.generations],
        mean=[frames.mean(own) for own in frames.generations],
        holdout=[own.holdout for own in frames.generations],
        before=frames.own_mean,
    )
    title = f"{frames.objective[:1].upper()}{frames.objective[1:]} by generation"
    up = frames.unit.strip() or frames.objective
    rows = [
        {"generation": index, "best": best, "median": median, "mean": mean, "holdout": holdout}
        for index, (best, median, mean, holdout) in enumerate(
            zip(curve.best, curve.median, curve.mean, curve.holdout, strict=True), 1
        )
    ]
    return Figure(
        name="curve",
        caption=f"{title}: best, median and mean candidate on the generation's seeds, and the "
        "policy so far on hold-out seeds",
        drawing=learning_curve(curve, title, up),
        narrow=learning_curve(curve, title, up, narrow=True),
        rows=rows,
    )


def training_report(frames: TrainingFrames) -> Report:
    """A training, as a report."""
    return Report(
        title=f"Training {frames.name}",
        answer=answer(frames),
        picture=training_figure(frames),
        key_figures=[
            KeyFigure(
                value=number(frames.trained_mean, 1),
                label=f"{frames.objective}, trained",
                note=difference(frames),
            ),
            KeyFigure(
                value=number(frames.own_mean, 1),
                label=f"{frames.objective}, before",
                note=frames.before,
            ),
            KeyFigure(
                value=f"{frames.runs:,}",
                label="runs",
                note=f"{len(frames.generations):,} generations of "
                f"{len(frames.generations[0].outcomes):,} candidates",
            ),
        ],
        evidence=[
            Section(title="What the policy does", blocks=[_list(deeds(frames)), _numbers(frames)]),
            Section(title="On the hold-out seeds", blocks=[_outcomes(frames), _metrics(frames)]),
            Section(title="How to read this", blocks=[_HOW]),
            Section(title="Play it", blocks=[_PLAY]),
        ],
        provenance=[Section(title="Parameters", blocks=[_provenance(frames)])],
    )


def _list(sentences: list[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _numbers(frames: TrainingFrames) -> Table:
    rows = tuple((own.name, own.start, own.value, own.meaning) for own in frames.numbers)
    what = "Weights" if frames.weights else "Numbers"
    columns = ("number", "before", "trained", "meaning")
    return Table("policy", f"{what} of the policy", columns, rows)


def _outcomes(frames: TrainingFrames) -> Table:
    rows = tuple(
        (name, sum(held) / len(held), statistics.stdev(held), min(held), max(held))
        for name, held in (("own", frames.own), ("trained", frames.trained))
    )
    title = f"{frames.objective[:1].upper()}{frames.objective[1:]} of a run"
    return Table("outcomes", title, ("population", "mean", "deviation", "least", "most"), rows)


def _metrics(frames: TrainingFrames) -> Table:
    rows = tuple((ROW_METRICS[name], old, new) for name, (old, new) in frames.metrics.items())
    return Table("metrics", "Means over the hold-out seeds", ("metric", "before", "trained"), rows)


def _provenance(frames: TrainingFrames) -> Table:
    rows = tuple(frames.provenance.items())
    return Table("trained_with", "Trained with", ("what", "value"), rows)


_PLAY: Final = (
    f"{markdown_code('trained.toml')} is the scenario with the trained policy; "
    f"{markdown_code('run')}, {markdown_code('experiment')}, {markdown_code('compare')} and "
    f"{markdown_code('sweep')} take it as any other file: "
    f"{markdown_code('sim-economy experiment FOLDER/trained.toml')}."
)
_HOW: Final = (
    "Agents are *trained against the rule*: CMA-ES draws the candidates of a generation around a "
    "middle, plays all of them on the same seeds, and moves the middle towards the better ones. "
    "Each generation has seeds of its own; the trained policy is the middle after the last one, "
    "and no hold-out seed chose it. *Before* is the scenario's own population, which decides under "
    "the same rules. A search that found nothing better proves nothing: other policies were not "
    "tried."
)
