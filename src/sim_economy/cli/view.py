"""`view`."""

from __future__ import annotations

import os
import sys
import webbrowser
from contextlib import closing

import click

from sim_economy.cli.options import json_option
from sim_economy.cli.output import print_json, say
from sim_economy.core.errors import InputError, needing


@click.command()
@click.argument("what", metavar="WHAT")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port on this machine to show it at.  [default: a free one]",
)
@click.option("--no-open", is_flag=True, help="Open no browser.")
@json_option
def view(what: str, port: int, *, no_open: bool, as_json: bool) -> int:
    """Show WHAT in a browser until Ctrl-C.

    WHAT is a ledger's file, a PostgreSQL database, the folder of an experiment, a sweep, an
    orchestrated run or a what-if, or the address of an engine, which shows its worlds itself.
    Nothing of it is changed; what has to be played again goes into a temporary folder.
    """
    if what.startswith(("http://", "https://")):
        address = f"{what.rstrip('/')}/"
        _announce(address, what, as_json=as_json)
        _open(address, no_open=no_open or as_json)
        return 0
    with needing("the viewer", "engine"):
        from sim_economy.api.viewer_server import LOOPBACK_HOST, serve_source  # noqa: PLC0415
    from sim_economy.api.server import listening_socket  # noqa: PLC0415
    from sim_economy.viewer.known_sources import source_of  # noqa: PLC0415

    with closing(source_of(what)) as source:
        try:
            listening = listening_socket(LOOPBACK_HOST, port)
        except OSError as error:
            problem = f"{port} cannot be used ({error.strerror}); name another one, or none"
            raise InputError("port", problem) from None
        address = f"http://{LOOPBACK_HOST}:{listening.getsockname()[1]}/"

        def serving() -> None:
            _announce(address, source.catalogue().title, as_json=as_json)
            _open(address, no_open=no_open or as_json)

        serve_source(source, listening, serving)
    return 0


def _announce(address: str, title: str, *, as_json: bool) -> None:
    """The address, for people or for scripts, before anything else is done."""
    if as_json:
        print_json({"address": address, "title": title})
    else:
        say(f"{address} shows {title}; Ctrl-C ends it", err=True)
    sys.stdout.flush()


def _open(address: str, *, no_open: bool) -> None:
    """A browser, where there is a display to show one on."""
    has_display = sys.platform in {"darwin", "win32"} or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if has_display and not no_open:
        webbrowser.open(address)
