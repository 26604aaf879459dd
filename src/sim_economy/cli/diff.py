"""`diff`."""

from __future__ import annotations

import click
from msgspec.structs import asdict

from sim_economy.cli.options import json_option
from sim_economy.cli.output import LedgerType, print_json, print_table, say
from sim_economy.ledger.readers import diff as diffs
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.sidecars.locations import LedgerLocation


@click.command()
@click.argument("one", type=LedgerType())
@click.argument("other", type=LedgerType())
@json_option
def diff(one: LedgerLocation, other: LedgerLocation, as_json: bool) -> int:
    """Show the first turn, agent and posting where ledgers ONE and OTHER part.

    Exits with 1 if they differ.
    """
    with reading(one) as first, reading(other) as second:
        found = diffs.diff(first, second)
    divergence = found.divergence
    if as_json:
        shown = divergence and asdict(divergence)
        print_json({"same": found.same, "settings": found.settings, "parting": shown})
    elif found.same:
        say("the two ledgers are the same, turn by turn")
    else:
        if found.settings:
            rows = [[name, *values] for name, values in found.settings.items()]
            print_table("settings that differ", ("setting", one.name, other.name), rows)
        if divergence is None:
            say("every turn is the same all the same")
        else:
            agent = f", {divergence.agent_id}" if divergence.agent_id else ""
            rows = [
                [one.name, divergence.one or "nothing"],
                [other.name, divergence.other or "nothing"],
            ]
            print_table(
                f"they part in turn {divergence.turn}{agent}: {divergence.part}",
                ("ledger", "has"),
                rows,
            )
    return 0 if found.same else 1
