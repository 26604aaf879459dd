"""`train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim_economy.cli.generation_output import GenerationsShown, show_generations
from sim_economy.cli.options import fresh_option, json_option, out_option, report_option, set_option
from sim_economy.cli.output import rate_bar, say_wrapped

if TYPE_CHECKING:
    from sim_economy.experiments.training.played_training import PlayedTraining


@click.command()
@click.argument("study")
@set_option
@out_option
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes of the core."
)
@fresh_option
@click.option(
    "--seconds-max",
    type=click.FloatRange(0, min_open=True),
    help="Begin no generation after so long; the same command goes on.",
)
@report_option
@json_option
def train(
    study: str,
    changes: tuple[str, ...],
    out: Path | None,
    jobs: int,
    fresh: bool,
    seconds_max: float | None,
    report: bool,
    as_json: bool,
) -> int:
    """Train a policy against a scenario's rules, as the file STUDY says.

    --set changes a key of the file (generations, seeds, numbers.KEY) or a setting of its scenario.
    The same command resumes an interrupted training. Exits with 3 if it stopped after
    --seconds-max.
    """
    from sim_economy.experiments.training.played_training import (  # noqa: PLC0415 - not for --help
        PlayedTraining,
        training_folder,
    )
    from sim_economy.experiments.training.training import run_training  # noqa: PLC0415
    from sim_economy.experiments.training.training_study import load_training  # noqa: PLC0415

    loaded = load_training(study, changes)
    folder = out or training_folder(loaded)
    with rate_bar(loaded.name, loaded.runs, "runs") as progress:
        outcome = run_training(
            loaded,
            folder,
            jobs=jobs,
            fresh=fresh,
            seconds_max=seconds_max,
            progress=progress,
            notify=lambda text: say_wrapped(text, err=True),
        )
    _show(PlayedTraining(loaded, folder, outcome), report=report, as_json=as_json)
    return 0 if outcome.result is not None else 3


def _show(played: PlayedTraining, *, report: bool, as_json: bool) -> None:
    """What was reached; its report is written if asked for."""
    outcome, study = played.outcome, played.study
    finished = outcome.result is not None
    shown = GenerationsShown(
        work="training",
        name=study.name,
        settings_hash=study.hash,
        folder=played.folder,
        wanted=study.generations,
        done=len(outcome.generations),
        resumed=outcome.resumed,
        answer=played.answer if finished else "",
        further={
            "policy": outcome.result.policy if outcome.result else None,
            "scenario": str(played.scenario) if finished else None,
        },
        lines=(f"the policy is in {played.scenario}",) if finished else (),
    )
    show_generations(shown, played.report if report and finished else None, as_json=as_json)
