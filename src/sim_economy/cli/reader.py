"""`reader`."""

from __future__ import annotations

import os

import click

from sim_economy.cli.options import json_option
from sim_economy.cli.output import print_json, say
from sim_economy.core.errors import needing


@click.command()
@click.argument("engine", default="http://127.0.0.1:8000")
@click.option("--world", help="The world's name; the default one when left out.")
@json_option
def reader(engine: str, world: str | None, *, as_json: bool) -> int:
    """Make a token that shows a world of the running ENGINE and changes nothing.

    The one before ends, and so do the sessions of browsers that signed in with it. The operator's
    token is read from SIM_ENGINE_TOKEN; it is never an argument.
    """
    with needing("the client", "client"):
        from sim_economy.client import EngineClient, EngineError  # noqa: PLC0415
    with EngineClient(engine, world=world, token=os.environ.get("SIM_ENGINE_TOKEN")) as client:
        try:
            token = client.renew_reader_token()["reader_token"]
        except EngineError as error:
            raise click.ClickException(f"{engine}: {error}") from None
    if as_json:
        print_json({"reader_token": token})
    else:
        say(token)
    return 0
