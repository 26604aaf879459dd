"""`study`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim_economy.cli.options import fresh_option, json_option, out_option, report_option
from sim_economy.cli.output import print_json, print_table, rate_bar, say, say_wrapped

if TYPE_CHECKING:
    from sim_economy.studies.findings.played_study import PlayedStudy


@click.command()
@click.argument("study")
@click.option("--slice", "is_slice", is_flag=True, help="Play a minute of it: its [slice].")
@out_option
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one a processor]")
@fresh_option
@click.option(
    "--seconds-max",
    type=click.FloatRange(0, min_open=True),
    help="Stop after so long; the same command goes on.",
)
@report_option
@json_option
def study(
    study: str,
    is_slice: bool,
    out: Path | None,
    jobs: int | None,
    fresh: bool,
    seconds_max: float | None,
    report: bool,
    as_json: bool,
) -> int:
    """Play STUDY, a file of treatments or a shipped one, and say what each does to whom.

    Shipped is paper-questions. It says how long it takes before it starts; the same command
    resumes an interrupted one. Exits with 3 if it stopped after --seconds-max.
    """
    from sim_economy.studies.findings.played_study import PlayedStudy, study_folder  # noqa: PLC0415
    from sim_economy.studies.run_study import cells_of, run_study  # noqa: PLC0415
    from sim_economy.studies.study_reader import read_treatment_study  # noqa: PLC0415

    loaded = read_treatment_study(study, is_slice=is_slice)
    folder = out or study_folder(loaded)
    with rate_bar(loaded.name, cells_of(loaded), "cells") as progress:
        session = run_study(
            loaded,
            folder,
            jobs=jobs or os.cpu_count() or 1,
            fresh=fresh,
            seconds_max=seconds_max,
            progress=progress,
            notify=lambda text: say_wrapped(text, err=True),
        )
    played = PlayedStudy(loaded, folder, session)
    _show(played, with_report=report, as_json=as_json)
    return 0 if session.is_finished else 3


def _show(played: PlayedStudy, *, with_report: bool, as_json: bool) -> None:
    """What was found; the report is written first."""
    from sim_economy.studies.findings.study_findings import plain_findings  # noqa: PLC0415

    finished = played.session.is_finished
    page = played.report() if finished and with_report else None
    if as_json:
        print_json(
            {
                "study": played.study.name,
                "study_hash": played.study.hash,
                "folder": str(played.folder),
                "cells": played.session.cells,
                "resumed": played.session.resumed,
                "finished": finished,
                "answer": played.answer if finished else None,
                **(plain_findings(played.findings) if finished else {}),
                "report": None if page is None else str(page),
            }
        )
        return
    if not finished:
        say_wrapped(f"stopped; run it again to go on with what {played.folder} holds")
        return
    say_wrapped(played.answer)
    _show_decisions(played)
    say(f"files in {played.folder}" + (f"; read {page}" if page else ""))


def _show_decisions(played: PlayedStudy) -> None:
    """What each treatment does to insolvency and the platform, under the first behaviour."""
    from sim_economy.studies.findings.study_decisions import decision_table  # noqa: PLC0415

    table = decision_table(played.findings.results, played.findings.decisions)
    if table.rows:
        print_table(table.title, table.columns, [[*map(str, row)] for row in table.rows])
