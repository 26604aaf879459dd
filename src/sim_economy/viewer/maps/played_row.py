"""A row of a sweep, played again by the core into a folder of its own, and what was checked."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Final

from sim_economy.experiments.sweeps.opened_row import DigestDiffersError, open_row
from sim_economy.ledger.verify import verify
from sim_economy.viewer.answer_rows import facts
from sim_economy.viewer.maps.map_answers import PlayedRowAnswer
from sim_economy.viewer.maps.swept_rows import SweptRows

LEDGER: Final = "world.sqlite"


def played_row(rows: SweptRows, row: int, folder: Path, world_id: str) -> PlayedRowAnswer:
    """Play a row with its ledger; compare its digest, check every hash and posting.

    Args:
        folder: Where its files go; nothing of the sweep's folder is written.

    Raises:
        InputError: There is no such row, it has not been played, or it failed.
        FolderError: The ledger is not sound, or cannot be written.
    """
    began = time.perf_counter()
    try:
        opened = open_row(rows.plan, rows.folder, row, folder, report=False)
        recorded = played = opened.digest
        turns, head, problem = opened.run.turns, opened.run.head, ""
    except DigestDiffersError as error:
        recorded, played = error.recorded, error.played
        verified = verify(folder / LEDGER)
        turns, head = verified.turns, verified.head.hash if verified.head else ""
        problem = "" if verified.finding is None else str(verified.finding)
    return PlayedRowAnswer(
        world_id=world_id,
        row=row,
        seed=rows.plan.seed_of(row),
        settings=facts(dict(rows.plan.shown(rows.plan.point_of(row)))),
        answer=_answer(row, turns, problem, (recorded, played)),
        same=recorded == played,
        recorded=f"{recorded:016x}",
        played=f"{played:016x}",
        sound=not problem,
        turns=turns,
        head=head,
        seconds=time.perf_counter() - began,
        command=f"sim-economy open {shlex.quote(rows.folder.as_posix())} --row {row}",
    )


def _answer(row: int, turns: int, problem: str, digests: tuple[int, int]) -> str:
    recorded, played = (f"{digest:016x}" for digest in digests)
    state = f"its last state has the digest {played}"
    state += ", as in the sweep" if recorded == played else f"; the sweep holds {recorded}"
    found = f"this was found: {problem}" if problem else f"and all {turns:,} turns are sound"
    checked = "every hash and posting of its ledger was checked"
    return f"The core played row {row:,} again: {state}; {checked}, {found}."
