"""`usage`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins

from sim_economy.cli.options import json_option
from sim_economy.cli.output import print_json, print_table, say, say_wrapped


class _Columns(click.ParamType):  # type: ignore[type-arg]
    """Columns of usage rows with the log's: `input=ContextTokens,output=GeneratedTokens`."""

    name = "columns"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, str]:
        """The log's columns by those of usage rows."""
        if isinstance(value, dict):
            return value
        pairs = [part.partition("=") for part in value.split(",")]
        if not all(name and split and own for name, split, own in pairs):
            self.fail("must be NAME=COLUMN,NAME=COLUMN,...", param, ctx)
        return {name.strip(): own.strip() for name, _, own in pairs}


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--from", "form", metavar="FORM", help="Form of the logs.  [default: by content]")
@click.option(
    "--columns", type=_Columns(), metavar="NAME=COLUMN,...", help="Columns, where no form fits."
)
@click.option("--agent", metavar="FIELD", help="Field that names the agent; also team, key, model.")
@click.option("--timezone", metavar="ZONE", help="Of times without one, such as Europe/Berlin.")
@click.option("--cache", type=click.Choice(("apart",)), help="Input is without cached tokens.")
@click.option("--thinking", type=click.Choice(("apart",)), help="Output is without reasoning.")
@click.option("--skip-bad", is_flag=True, help="Leave bad records out, and count them.")
@click.option("--pseudonyms", is_flag=True, help="Replace names of agents and teams; drop ids.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A .parquet or .csv file."
)
@json_option
def usage(files: tuple[str, ...], out: Path, *, as_json: bool, **options: Any) -> int:
    """Import FILE... as usage rows, and account for every record."""
    from sim_economy.usage.intake import ImportOptions  # noqa: PLC0415 - not needed for --help
    from sim_economy.usage.usage_import import write_usage  # noqa: PLC0415

    apart: dict[str, Any] = {
        f"{name}_apart": options.pop(name) is not None for name in ("cache", "thinking")
    }
    reckoning = write_usage(files, out, ImportOptions(**apart, **options))
    if as_json:
        print_json({"sentence": reckoning.sentence(), "out": str(out), **to_builtins(reckoning)})
        return 0
    say_wrapped(reckoning.sentence())
    for title, columns, rows in reckoning.tables():
        print_table(title, columns, rows)
    for note in (*reckoning.notes, *reckoning.bad):
        say(note)
    say(f"wrote {out}")
    return 0
