"""`replay`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from sim_economy.cli.options import json_option, ledger_argument
from sim_economy.cli.output import print_json, progress_bar, say
from sim_economy.core.errors import ReplayError
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.sidecars.locations import LedgerLocation, SQLiteLocation
from sim_economy.world import replay as replays


@click.command()
@ledger_argument
@json_option
def replay(ledger: LedgerLocation, as_json: bool) -> int:
    """Play the inputs of LEDGER again; exits with 1 unless every byte is the same.

    LEDGER may be the folder of an orchestrated run: then every reply is played again from its
    record, without a network, and the run's own ledger is held against what comes of them.
    """
    try:
        if isinstance(ledger, SQLiteLocation) and ledger.path.is_dir():
            return _replay_run(ledger.path, as_json=as_json)
        with reading(ledger) as store, progress_bar("replay", None) as progress:
            head = replays.replay(store, progress)
    except ReplayError as error:
        if as_json:
            print_json({"same": False, "turn": error.turn, "problem": str(error)})
        else:
            say(f"{ledger.name} is not what the rules give: {error}", err=True)
        return 1
    if as_json:
        print_json({"same": True, "turns": head.turn, "head": head.hash})
    else:
        say(f"{ledger.name} replayed: {head.turn} turns, the same bytes, head {head.hash}")
    return 0


def _replay_run(folder: Path, *, as_json: bool) -> int:
    from sim_economy.orchestrator.session import replay_run  # noqa: PLC0415

    with progress_bar("replay", None) as progress:
        replayed = asyncio.run(replay_run(folder, progress))
    turn, head = replayed.world_head.turn, replayed.world_head.head
    if as_json:
        found = {"calls": replayed.calls, "ledger": replayed.ledger}
        print_json({"same": True, "turns": turn, "head": head, **found})
    else:
        held = "the ledger holds the same bytes" if replayed.ledger else "the engine has the ledger"
        say(
            f"{folder} replayed from {replayed.calls} recorded calls: {turn} turns, {held}, "
            f"head {head}"
        )
    return 0
