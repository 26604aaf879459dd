"""`verify`, `replay`, `statement`, `diff` and `export`."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from msgspec.structs import asdict

from sim_economy.cli.output import LedgerType, print_json, print_table, progress_bar
from sim_economy.core.errors import FolderError, ReplayError
from sim_economy.core.ledger import Holding
from sim_economy.session import diff as diffs
from sim_economy.session import export as exports
from sim_economy.session import replay as replays
from sim_economy.session import statement as statements
from sim_economy.session import verify as verifications
from sim_economy.session.reading import reading
from sim_economy.store.places import Place, SQLitePlace

_ledger = click.argument("ledger", type=LedgerType())
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@_ledger
@_json
def verify(ledger: Place, as_json: bool) -> int:
    """Check every hash and posting of LEDGER from genesis; exits with 1 if anything is wrong."""
    with reading(ledger) as store, progress_bar("verify", None) as progress:
        found = verifications.verify(store, progress)
    if as_json:
        print_json(
            {
                "holds": found.holds,
                "turns": found.turns,
                "head": found.head and asdict(found.head),
                "finding": found.finding and asdict(found.finding),
                "signatures": found.signatures,
            }
        )
    elif found.finding is None:
        assert found.head is not None
        signed = f"{found.signatures} signatures, " if found.signatures else ""
        told = f"{found.turns} turns, {signed}head {found.head.hash}"
        click.echo(f"{ledger.name} is sound: {told}")
    else:
        place = "" if found.finding.turn is None else f"turn {found.finding.turn}: "
        click.echo(f"{ledger.name} is not sound: {place}{found.finding.problem}", err=True)
    return 0 if found.holds else 1


@click.command()
@_ledger
@_json
def replay(ledger: Place, as_json: bool) -> int:
    """Play the inputs of LEDGER again; exits with 1 unless every byte is the same.

    LEDGER may be the folder of an orchestrated run: then every reply is played again from its
    record, without a network, and the run's own ledger is held against what comes of them.
    """
    try:
        if isinstance(ledger, SQLitePlace) and ledger.path.is_dir():
            return _replay_run(ledger.path, as_json=as_json)
        with reading(ledger) as store, progress_bar("replay", None) as progress:
            head = replays.replay(store, progress)
    except ReplayError as error:
        if as_json:
            print_json({"same": False, "turn": error.turn, "problem": str(error)})
        else:
            click.echo(f"{ledger.name} is not what the rules give: {error}", err=True)
        return 1
    if as_json:
        print_json({"same": True, "turns": head.turn, "head": head.hash})
    else:
        click.echo(f"{ledger.name} replayed: {head.turn} turns, the same bytes, head {head.hash}")
    return 0


def _replay_run(folder: Path, *, as_json: bool) -> int:
    from sim_economy.orchestrator.running import replay_run  # noqa: PLC0415

    with progress_bar("replay", None) as progress:
        replayed = asyncio.run(replay_run(folder, progress))
    turn, head = replayed.position.turn, replayed.position.head
    if as_json:
        found = {"calls": replayed.calls, "ledger": replayed.ledger}
        print_json({"same": True, "turns": turn, "head": head, **found})
    else:
        held = "the ledger holds the same bytes" if replayed.ledger else "the engine has the ledger"
        click.echo(
            f"{folder} replayed from {replayed.calls} recorded calls: {turn} turns, {held}, "
            f"head {head}"
        )
    return 0


@click.command()
@_ledger
@click.argument("agent")
@click.option("--from", "first", type=click.IntRange(0), default=0, help="First turn shown.")
@click.option("--to", "last", type=click.IntRange(0), help="Last turn shown.")
@click.option(
    "--account",
    type=click.Choice([*(holding.name.lower() for holding in Holding), "all"]),
    default="balance",
    show_default=True,
    help="Which of the agent's accounts.",
)
@click.option("--summary", is_flag=True, help="Only the totals by reason.")
@_json
def statement(
    ledger: Place,
    agent: str,
    first: int,
    last: int | None,
    account: str,
    summary: bool,
    as_json: bool,
) -> int:
    """Show what moved AGENT's tokens in LEDGER, opening to closing."""
    chosen = tuple(Holding) if account == "all" else (Holding[account.upper()],)
    with reading(ledger) as store:
        shown = statements.statement(
            store, agent, accounts=chosen, first_turn=first, last_turn=last
        )
    if as_json:
        plain: dict[str, Any] = asdict(shown)
        plain["lines"] = [asdict(line) for line in shown.lines]
        print_json(plain)
        return 0
    title = f"{agent}, turns {shown.first_turn} to {shown.last_turn}"
    if not summary:
        rows = [
            [line.turn, line.account, line.reason, line.counterpart, line.amount, line.after]
            for line in shown.lines
        ]
        print_table(title, ("turn", "account", "reason", "other side", "tokens", "after"), rows)
    rows = [
        ["opening", sum(shown.opening.values())],
        *([reason, tokens] for reason, tokens in shown.totals.items()),
        ["closing", sum(shown.closing.values())],
    ]
    print_table(f"{title}: totals", ("reason", "tokens"), rows)
    return 0


@click.command()
@click.argument("one", type=LedgerType())
@click.argument("other", type=LedgerType())
@_json
def diff(one: Place, other: Place, as_json: bool) -> int:
    """Show the first turn, agent and posting where ledgers ONE and OTHER part.

    Exits with 1 if they differ.
    """
    with reading(one) as first, reading(other) as second:
        found = diffs.diff(first, second)
    parting = found.parting
    if as_json:
        print_json(
            {
                "same": found.same,
                "settings": found.settings,
                "parting": parting and asdict(parting),
            }
        )
    elif found.same:
        click.echo("the two ledgers tell the same story, turn by turn")
    else:
        if found.settings:
            rows = [[name, *values] for name, values in found.settings.items()]
            print_table("settings that differ", ("setting", one.name, other.name), rows)
        if parting is None:
            click.echo("every turn is the same all the same")
        else:
            agent = f", {parting.agent_id}" if parting.agent_id else ""
            rows = [[one.name, parting.one or "nothing"], [other.name, parting.other or "nothing"]]
            print_table(
                f"they part in turn {parting.turn}{agent}: {parting.part}", ("ledger", "has"), rows
            )
    return 0 if found.same else 1


@click.command()
@_ledger
@click.option(
    "--format",
    "form",
    type=click.Choice(("csv", "parquet", "jsonl")),
    default="csv",
    show_default=True,
    help="jsonl is the canonical export, one file; the others are a folder of tables.",
)
@click.option("--out", type=click.Path(path_type=Path), help="File or folder to write.")
def export(ledger: Place, form: str, out: Path | None) -> int:
    """Write LEDGER as files that other programs read."""
    beside = ledger.path if isinstance(ledger, SQLitePlace) else Path(ledger.beside.name)
    target = out or beside.with_suffix(".jsonl" if form == "jsonl" else "")
    if target.exists() and not (form != "jsonl" and target.is_dir() and not any(target.iterdir())):
        raise FolderError(
            "folder_foreign", str(target), "is there already; name another with --out"
        )
    part = target.with_name(target.name + ".part")
    with reading(ledger) as store, _discarded(part):
        if form == "jsonl":
            exports.write_jsonl(store, part)
        else:
            part.mkdir(parents=True)
            write = exports.write_csv if form == "csv" else exports.write_parquet
            write(store, part)
        part.replace(target)
    click.echo(f"wrote {target}")
    return 0


@contextmanager
def _discarded(part: Path) -> Iterator[None]:
    """Remove what was written where the work did not finish."""
    try:
        yield
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)
