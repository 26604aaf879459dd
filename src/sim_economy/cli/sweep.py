"""`sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim_economy.cli.options import fresh_option, json_option, out_option, report_option, set_option
from sim_economy.cli.output import print_json, print_table, rate_bar, say, say_wrapped

if TYPE_CHECKING:
    from sim_economy.experiments.sweeps.played_sweep import PlayedSweep
    from sim_economy.experiments.sweeps.study import SweepStudy


@click.command()
@click.argument("study")
@click.option("--seeds", type=int, help="Replicates of each point.")
@click.option("--turns", type=int, help="Turns of each run.")
@set_option
@out_option
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@fresh_option
@click.option(
    "--runs-max",
    type=click.IntRange(1),
    help="Refuse to begin where there are more runs.  [default: 2000000]",
)
@click.option(
    "--seconds-max",
    type=click.FloatRange(0, min_open=True),
    help="Stop after so long; the same command goes on.",
)
@click.option(
    "--picture",
    metavar="METRIC",
    help="What the report's picture shows.  [default: insolvent_percent]",
)
@report_option
@json_option
def sweep(
    study: str,
    seeds: int | None,
    turns: int | None,
    changes: tuple[str, ...],
    out: Path | None,
    jobs: int,
    fresh: bool,
    runs_max: int | None,
    seconds_max: float | None,
    picture: str | None,
    report: bool,
    as_json: bool,
) -> int:
    """Play a scenario at every point of STUDY: a study file, or a shipped one.

    --set changes a key of the study (design, size, vary.KEY) or a setting of its scenario; a key
    that is varied is fixed by it. The same command resumes an interrupted sweep, and plays again
    what failed. Exits with 1 if a run failed, with 3 if it stopped after --seconds-max.
    """
    from sim_economy.cli.options import numbers_as_changes  # noqa: PLC0415 - not for --help
    from sim_economy.experiments.sweeps.played_sweep import (  # noqa: PLC0415
        PlayedSweep,
        sweep_folder,
    )
    from sim_economy.experiments.sweeps.study import load_study  # noqa: PLC0415
    from sim_economy.experiments.sweeps.sweep import RUNS_MAX, check_runs, run_sweep  # noqa: PLC0415
    from sim_economy.reports.sweeps.sweep_report import INSOLVENT, check_metric  # noqa: PLC0415

    loaded = load_study(study, [*changes, *numbers_as_changes(seeds=seeds, turns=turns)])
    most = runs_max or RUNS_MAX
    shown = picture or INSOLVENT
    check_metric(loaded.metrics, shown)
    folder = out or sweep_folder(loaded)
    with rate_bar(loaded.name, check_runs(loaded, most), "runs") as progress:
        outcome = run_sweep(
            loaded,
            folder,
            jobs=jobs,
            fresh=fresh,
            runs_max=most,
            seconds_max=seconds_max,
            progress=progress,
            notify=lambda text: say_wrapped(text, err=True),
        )
    played = PlayedSweep(loaded, folder, outcome)
    _show(played, shown if report and outcome.is_finished else None, as_json=as_json)
    if not outcome.is_finished:
        return 3
    return 1 if outcome.failed else 0


def _show(played: PlayedSweep, picture: str | None, *, as_json: bool) -> None:
    """What was played; with a picture, its report is written."""
    from sim_economy.core.errors import ExtraMissingError  # noqa: PLC0415

    outcome = played.outcome
    assert outcome is not None, played
    has_points = outcome.is_finished and outcome.failed < outcome.rows
    page, missing = None, ""
    if picture and has_points:
        try:
            page = played.report(picture)
        except ExtraMissingError as error:
            missing = str(error)
    if as_json:
        print_json(
            {
                "study": played.study.name,
                "study_hash": played.study.hash,
                "folder": str(played.folder),
                "rows": outcome.rows,
                "finished": outcome.is_finished,
                "resumed": outcome.resumed,
                "played": outcome.played,
                "statuses": outcome.statuses,
                "answer": played.answer if has_points else None,
                "missing": [missing] if missing else [],
                "report": None if page is None else str(page),
            }
        )
        return
    if has_points:
        say_wrapped(played.answer)
        _show_ends(played)
        say_wrapped(_next_step(played))
    done = outcome.resumed + outcome.played
    if not outcome.is_finished:
        say_wrapped(f"stopped after {done:,} of {outcome.rows:,} runs; run it again to go on")
    elif outcome.resumed:
        say(f"{outcome.resumed:,} runs were there already")
    if outcome.statuses.get("kernel") and outcome.statuses.get("core"):
        say(
            f"{outcome.statuses['core']:,} runs left the batch kernel's range; the core played them"
        )
    if outcome.failed:
        runs = "run" if outcome.failed == 1 else "runs"
        failed = f"{outcome.failed:,} {runs} failed; see {played.folder / 'failures'}"
        say(f"{failed}; the same command plays what failed again", err=True)
    if missing:
        say(f"left out: the report: {missing}", err=True)
    say(f"files in {played.folder}" + (f"; read {page}" if page else ""))


def _next_step(played: PlayedSweep) -> str:
    """Which seeds each point has, and the command that reads a sweep of this design."""
    from shlex import quote  # noqa: PLC0415 - not for --help

    study = played.study
    numbers = [key.name for key in study.keys if not key.labels and key.name != "turns"]
    read = ""
    if study.design in {"sobol", "morris"}:
        read = f"; which key decides: `sim-economy sensitivity {quote(str(played.folder))}`"
    elif study.design == "grid" and len(numbers) == 2 and _is_plane(study):
        axes = f"--across {numbers[0]} --up {numbers[1]}"
        read = f"; who is insolvent where: `sim-economy map {quote(str(played.folder))} {axes}`"
    first, last = study.seed + 1, study.seed + study.seeds
    seeds = f"seed {first}" if first == last else f"{study.seeds:,} seeds, {first} to {last}"
    return f"each point has {seeds}{read}"


def _is_plane(study: SweepStudy) -> bool:
    """Test whether a study varies nothing but two numbers, and the horizon."""
    return all(not key.labels for key in study.keys)


_ENDS_SHOWN = 5


def _show_ends(played: PlayedSweep) -> None:
    """The points where agents are below zero least, and most."""
    from sim_economy.cli.experiment_output import rounded  # noqa: PLC0415

    points = played.points.filter(played.points["runs"] > 0)
    points = points.sort("insolvent_percent_mean", "point")
    few = points.height <= 2 * _ENDS_SHOWN
    shown = points if few else points.head(_ENDS_SHOWN).vstack(points.tail(_ENDS_SHOWN))
    keys = [key.name for key in played.study.keys]
    rows = [
        [
            point["point"],
            *(point[key] for key in keys),
            rounded(point["insolvent_percent_mean"]),
            rounded(point["platform_final_mean"]),
        ]
        for point in shown.to_dicts()
    ]
    title = "points" if few else f"the {_ENDS_SHOWN} points least, and most, below zero"
    columns = ("point", *keys, "below zero (%)", "platform at the end")
    print_table(f"{title}; points.parquet has all", columns, rows)
