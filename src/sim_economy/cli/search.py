"""`search`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim_economy.cli.generation_output import GenerationsShown, show_generations
from sim_economy.cli.options import fresh_option, json_option, out_option, report_option, set_option
from sim_economy.cli.output import rate_bar

if TYPE_CHECKING:
    from sim_economy.experiments.search.played_search import PlayedSearch


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
def search(
    study: str,
    changes: tuple[str, ...],
    out: Path | None,
    jobs: int,
    fresh: bool,
    seconds_max: float | None,
    report: bool,
    as_json: bool,
) -> int:
    """Search a scenario's parameters for the best points, as the file STUDY says.

    --set changes a key of the file (generations, seeds, vary.KEY) or a setting of its scenario.
    The same command resumes an interrupted search. Exits with 3 if it stopped after
    --seconds-max.
    """
    from sim_economy.experiments.search.played_search import (  # noqa: PLC0415 - not for --help
        PlayedSearch,
        search_folder,
    )
    from sim_economy.experiments.search.search import run_search  # noqa: PLC0415
    from sim_economy.experiments.search.search_study import load_search  # noqa: PLC0415

    loaded = load_search(study, changes)
    folder = out or search_folder(loaded)
    with rate_bar(loaded.name, loaded.runs, "runs") as progress:
        outcome = run_search(
            loaded, folder, jobs=jobs, fresh=fresh, seconds_max=seconds_max, progress=progress
        )
    _show(PlayedSearch(loaded, folder, outcome), report=report, as_json=as_json)
    return 0 if outcome.result is not None else 3


def _show(played: PlayedSearch, *, report: bool, as_json: bool) -> None:
    """What was reached; its report is written if asked for."""
    outcome, study = played.outcome, played.study
    finished = outcome.result is not None
    shown = GenerationsShown(
        work="search",
        name=study.name,
        settings_hash=study.hash,
        folder=played.folder,
        wanted=study.generations,
        done=len(outcome.generations),
        resumed=outcome.resumed,
        answer=played.answer if finished else "",
        further={"front": [*map(_plain, played.front)] if finished else None},
    )
    show_generations(shown, played.report if report and finished else None, as_json=as_json)


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a point as `--set` takes their values."""
    return {key: held if isinstance(held, int) else str(held) for key, held in settings.items()}
