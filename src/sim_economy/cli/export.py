"""`export`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from sim_economy.cli.options import ledger_argument
from sim_economy.cli.output import say
from sim_economy.core.errors import FolderError
from sim_economy.ledger.readers import export as exports
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.sidecars.locations import LedgerLocation, SQLiteLocation
from sim_economy.ledger.sidecars.run_folder import writing_into
from sim_economy.ledger.stores.protocol import Store


@click.command()
@ledger_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(("csv", "parquet", "jsonl")),
    default="csv",
    show_default=True,
    help="jsonl is the canonical export, one file; the others are a folder of tables.",
)
@click.option(
    "--raw", is_flag=True, help="CSV with texts as they are, also those a spreadsheet calculates."
)
@click.option("--out", type=click.Path(path_type=Path), help="File or folder to write.")
def export(ledger: LedgerLocation, form: str, raw: bool, out: Path | None) -> int:
    """Write LEDGER as files that other programs read."""
    if raw and form != "csv":
        raise click.UsageError(f"--raw is for csv; {form} holds every text as it is")
    named_after = ledger.path if isinstance(ledger, SQLiteLocation) else Path(ledger.sidecar.name)
    target = out or named_after.with_suffix(".jsonl" if form == "jsonl" else "")
    if target.exists() and not (form != "jsonl" and target.is_dir() and not any(target.iterdir())):
        raise FolderError(
            "folder_foreign", str(target), "is there already; name another with --out"
        )
    part = target.with_name(target.name + ".part")
    with reading(ledger) as store, writing_into(target):
        try:
            _write(store, form, part, raw=raw)
            part.replace(target)
        finally:
            if part.is_dir():
                shutil.rmtree(part)
            else:
                part.unlink(missing_ok=True)
    say(f"wrote {target}")
    return 0


def _write(store: Store, form: str, to: Path, *, raw: bool) -> None:
    if form == "jsonl":
        exports.write_jsonl(store, to)
        return
    to.mkdir(parents=True)
    if form == "csv":
        exports.write_csv(store, to, raw=raw)
    else:
        exports.write_parquet(store, to)
