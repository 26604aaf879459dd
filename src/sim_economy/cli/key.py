"""`key`."""

from __future__ import annotations

from pathlib import Path

import click

from sim_economy.cli.output import say
from sim_economy.core.errors import needing


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
def key(path: Path) -> int:
    """Make an agent's key, keep it in the new file PATH, and print its public half."""
    with needing("signing", "signatures"):
        from sim_economy.client.agent_key import AgentKey  # noqa: PLC0415
    made = AgentKey()
    try:
        made.write(path)
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from None
    say(made.public_key)
    return 0
