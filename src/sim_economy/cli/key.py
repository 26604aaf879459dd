"""`key`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
def key(path: Path) -> int:
    """Make an agent's key, keep it in the new file PATH, and print its public half."""
    try:
        from sim_economy.client.agent_key import AgentKey  # noqa: PLC0415
    except ModuleNotFoundError as error:
        from sim_economy.core.errors import ExtraMissingError  # noqa: PLC0415

        raise ExtraMissingError("signing", str(error.name), "signatures") from None
    made = AgentKey()
    try:
        made.write(path)
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from None
    click.echo(made.public_key)
    return 0
