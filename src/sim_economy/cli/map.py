"""`map`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sim_economy.cli.options import fresh_option, json_option
from sim_economy.cli.output import print_json, print_table, rate_bar, say, say_wrapped

if TYPE_CHECKING:
    from sim_economy.reports.maps.map_sentences import SolvencyMap

_PATH = click.Path(path_type=Path)
HORIZONS: Final = ((60, 1000), (1500, 100))
"""Turns that are played where no folder is named, with the seeds of each cell."""
STUDY: Final = "tariff-caution"


@click.command()
@click.argument("folders", type=_PATH, nargs=-1, metavar="[FOLDER]...")
@click.option("--across", default="base_inference_rate", show_default=True, help="First axis.")
@click.option("--up", default="policy.job_below", show_default=True, help="Second axis.")
@click.option("--turns", type=click.IntRange(1), multiple=True, help="A horizon; give it often.")
@click.option("--seeds", type=click.IntRange(1), help="Of each cell, at every horizon.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option(
    "--out", type=_PATH, default=Path("out/map"), show_default=True, help="Folder of the map."
)
@fresh_option
@json_option
def map(  # noqa: A001 - the command's name
    folders: tuple[Path, ...],
    across: str,
    up: str,
    turns: tuple[int, ...],
    seeds: int | None,
    jobs: int,
    out: Path,
    *,
    fresh: bool,
    as_json: bool,
) -> int:
    """Draw who is insolvent, agents or the platform, over the two axes of finished sweeps.

    Without a FOLDER, the shipped study tariff-caution is played first, each horizon into
    OUT/turns-N: 60 turns with 1,000 seeds a cell, and 1,500 with 100. The same command goes on
    where it was interrupted.
    """
    from sim_economy.ledger.sidecars.run_folder import claimed  # noqa: PLC0415 - not for --help
    from sim_economy.reports.maps.map_report import (  # noqa: PLC0415
        border_answers,
        map_answer,
        write_map,
    )
    from sim_economy.reports.maps.map_sentences import map_of_sweeps  # noqa: PLC0415
    from sim_economy.reports.sweep_files import read_sweep  # noqa: PLC0415

    if folders and (turns or seeds is not None or fresh):
        raise click.UsageError(
            "a FOLDER is drawn as it was played: leave out --turns, --seeds and --fresh,"
            " or play it again with `sim-economy sweep STUDY --fresh`"
        )
    with claimed(out, "map", _is_ours):
        if not folders:
            horizons = turns or tuple(dict(HORIZONS))
            if not fresh:
                _check_horizons(out, horizons)
            folders = _played(out, horizons, seeds, jobs, fresh=fresh)
        found = map_of_sweeps([read_sweep(folder) for folder in folders], across, up)
        written = write_map(out, found)
    if as_json:
        borders = [{"turns": each, "answer": text} for each, text in border_answers(found)]
        said = {"answer": map_answer(found), "borders": borders, "report": str(written[-1])}
        print_json({**_plain(found), **said})
        return 0
    say_wrapped(map_answer(found))
    for horizon, text in border_answers(found):
        say_wrapped(f"After {horizon:,} turns: {text[:1].lower()}{text[1:]}")
    _show(found)
    say(f"read {written[-1]}")
    return 0


def _check_horizons(out: Path, horizons: tuple[int, ...]) -> None:
    """Refuse to write a map over one of other horizons.

    Raises:
        FolderError: The folder's map shows a horizon that is not asked for.
    """
    from sim_economy.core.errors import FolderError  # noqa: PLC0415 - not for --help

    try:
        lines = (out / "tables" / "horizons.csv").read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        return
    shown = [int(text) for text in (line.partition(",")[0] for line in lines) if text.isdigit()]
    lost = [each for each in shown if each not in horizons]
    if lost:
        again = " ".join(f"--turns {each}" for each in sorted({*shown, *horizons}))
        raise FolderError(
            "settings_changed",
            str(out),
            f"holds a map after {' and '.join(f'{each:,}' for each in shown)} turns; draw all with "
            f"{again}, name another folder with --out, or start over with --fresh",
        )


def _played(
    out: Path, horizons: tuple[int, ...], seeds: int | None, jobs: int, *, fresh: bool
) -> tuple[Path, ...]:
    """The folders of the shipped study, a horizon each, played as far as they are not yet."""
    from sim_economy.experiments.sweeps.study import load_study  # noqa: PLC0415
    from sim_economy.experiments.sweeps.sweep import (  # noqa: PLC0415
        check_runs,
        run_sweep,
    )

    usual = dict(HORIZONS)
    folders = []
    said: set[str] = set()

    def notify(text: str) -> None:
        if text not in said:
            say_wrapped(text, err=True)
        said.add(text)

    for horizon in horizons:
        count = seeds or usual.get(horizon, HORIZONS[-1][1])
        study = load_study(STUDY, {"vary.turns": [horizon], "seeds": count})
        folder = out / f"turns-{horizon}"
        with rate_bar(f"{horizon:,} turns", check_runs(study, _RUNS_MAX), "runs") as progress:
            run_sweep(
                study,
                folder,
                jobs=jobs,
                fresh=fresh,
                runs_max=_RUNS_MAX,
                progress=progress,
                notify=notify,
            )
        folders.append(folder)
    return tuple(folders)


_RUNS_MAX: Final = 10_000_000


def _is_ours(folder: Path) -> bool:
    """Test whether the folder is empty, or holds a map or what one is drawn from."""
    from sim_economy.reports.maps.map_report import REPORT_BEGINNING  # noqa: PLC0415

    report = folder / "map.md"
    if report.exists():
        with suppress(OSError), report.open("rb") as file:
            return file.read(len(REPORT_BEGINNING)) == REPORT_BEGINNING
        return False
    names = {path.name for path in folder.iterdir()} - {".lock", "map.md.part"}
    return all(name.startswith("turns-") for name in names)


def _plain(found: SolvencyMap) -> dict[str, object]:
    """The windows as plain values."""
    return {
        "horizons": [
            {
                "turns": plane.facet.turns,
                "cells": plane.window.plane,
                "window": plane.window.cells,
                "share": plane.window.share,
                "share_interval": list(plane.window.share_interval),
                "closes": plane.window.closes,
                "next_value": plane.window.next_value,
                "is_open": plane.window.is_open,
                "within_noise": plane.window.noisy,
                "failed": plane.facet.failed,
            }
            for plane in found.planes
        ]
    }


def _show(found: SolvencyMap) -> None:
    """The window at each horizon."""
    from sim_economy.reports.maps.map_sentences import closing, percent, word_of  # noqa: PLC0415

    rows = [
        [
            f"{plane.facet.turns:,}",
            f"{plane.window.cells:,} of {plane.window.plane:,}",
            percent(plane.window.share),
            "open"
            if plane.window.is_open
            else "nowhere open"
            if plane.window.closes is None
            else closing(plane.window),
            plane.window.noisy,
        ]
        for plane in found.planes
    ]
    columns = ("turns", "cells", "share", f"closes between {word_of(found.across)}", "within noise")
    print_table("The window in which both are solvent", columns, rows)
