"""`serve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim_economy.cli.output import LedgerType
from sim_economy.core.errors import needing

if TYPE_CHECKING:
    from sim_economy.ledger.sidecars.locations import LedgerLocation

_AUTH = ("open", "tokens", "signatures")


@click.command()
@click.argument("ledger", type=LedgerType(), default=Path("sim-economy.sqlite"), required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on.",
)
@click.option(
    "--auth",
    type=click.Choice(_AUTH),
    help="Whether callers need a token, and agents sign what they do.  [default: open]",
)
@click.option(
    "--admin-token",
    envvar="SIM_ENGINE_ADMIN_TOKEN",
    help="The operator's; made when left out. In SIM_ENGINE_ADMIN_TOKEN no process list shows it.",
)
@click.option(
    "--turn-seconds", type=click.FloatRange(0.1), help="Close a turn that stays open so long."
)
@click.option(
    "--body-bytes",
    type=click.IntRange(1024),
    default=8 * 2**20,
    show_default=True,
    help="Of one request.",
)
@click.option(
    "--connections", type=click.IntRange(1), default=512, show_default=True, help="At once."
)
@click.option(
    "--check",
    type=click.Choice(("tail", "full")),
    default="tail",
    show_default=True,
    help="full verifies the whole ledger before it answers.",
)
@click.option(
    "--log",
    type=click.Choice(("warning", "info", "debug")),
    default="warning",
    show_default=True,
    help="Level of the log on standard error; info logs every request, as a line of JSON.",
)
@click.option(
    "--hosts",
    envvar="SIM_ENGINE_HOSTS",
    default="",
    help="Names besides loopback's that an open engine is reached by, with commas between.",
)
@click.option("--accept-head", is_flag=True, help="Take the ledger although its head file differs.")
def serve(
    ledger: LedgerLocation,
    host: str,
    port: int,
    auth: str | None,
    admin_token: str | None,
    turn_seconds: float | None,
    body_bytes: int,
    connections: int,
    check: str,
    log: str,
    hosts: str,
    accept_head: bool,
) -> int:
    """Serve LEDGER over HTTP until it is stopped; a new file becomes a world with POST /init."""
    with needing("serving", "engine"):
        from sim_economy.api.connection_limits import ConnectionLimits  # noqa: PLC0415
    from sim_economy.api.server import hosts_of  # noqa: PLC0415
    from sim_economy.api.server import serve as serve_ledger  # noqa: PLC0415
    from sim_economy.world.access import Access  # noqa: PLC0415

    limits = ConnectionLimits(
        body_bytes=body_bytes, connections=connections, turn_seconds=turn_seconds
    )
    access = Access.of(auth, admin_token)
    return serve_ledger(
        ledger,
        host,
        port,
        limits,
        access=access,
        accept_head=accept_head,
        check_all=check == "full",
        log_level=log,
        hosts=hosts_of(hosts),
        by_options=True,
    )
