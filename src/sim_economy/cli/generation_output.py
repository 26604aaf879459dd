"""How `train` and `search` say what they came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from sim_economy.cli.output import print_json, say, say_wrapped


class GenerationsShown(Struct, frozen=True, kw_only=True):
    """What a session of generations says of itself.

    Attributes:
        work: What it is called in JSON: training, search.
        wanted: Generations of all sessions, as `done` and `resumed`.
        answer: Empty while it is not finished.
        further: More of the result, for JSON.
        lines: More of the result, for people.
    """

    work: str
    name: str
    settings_hash: str
    folder: Path
    wanted: int
    done: int
    resumed: int
    answer: str
    further: Mapping[str, Any]
    lines: tuple[str, ...] = ()


def show_generations(
    shown: GenerationsShown, write_report: Callable[[], Path] | None, *, as_json: bool
) -> None:
    """Say what was reached, and where its files are.

    Args:
        write_report: Writes the report if there is one to write.
    """
    from sim_economy.core.errors import ExtraMissingError  # noqa: PLC0415

    page, missing = None, ""
    if write_report is not None:
        try:
            page = write_report()
        except ExtraMissingError as error:
            missing = str(error)
    if as_json:
        print_json(
            {
                shown.work: shown.name,
                f"{shown.work}_hash": shown.settings_hash,
                "folder": str(shown.folder),
                "generations": shown.done,
                "finished": bool(shown.answer),
                "resumed": shown.resumed,
                "answer": shown.answer or None,
                **shown.further,
                "missing": [missing] if missing else [],
                "report": None if page is None else str(page),
            }
        )
        return
    if shown.answer:
        say_wrapped(shown.answer)
        for line in shown.lines:
            say(line)
    else:
        done = f"{shown.done:,} of {shown.wanted:,} generations"
        say_wrapped(f"stopped after {done}; run it again to go on")
    if shown.resumed:
        say(f"{shown.resumed:,} generations were there already")
    if missing:
        say(f"left out: the report: {missing}", err=True)
    say(f"files in {shown.folder}" + (f"; read {page}" if page else ""))
