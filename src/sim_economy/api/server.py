"""`sim-engine`: one process, one ledger, one port; configured by its environment.

PORT and DB_PATH are all that existing clients set. HOST changes the address. SIM_ENGINE_AUTH=tokens
asks everybody for a token, =signatures for signed actions too; SIM_ENGINE_ADMIN_TOKEN sets the
operator's token. SIM_ENGINE_HOSTS lists further names of an engine that asks no tokens.
SIM_ENGINE_LOG=info logs every request. SIM_ENGINE_ACCEPT_HEAD=1 takes a ledger as it is although
its head file says otherwise.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
from collections.abc import Iterator, Sequence, Set
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim_economy.core.errors import ExtraMissingError, SimEconomyError, StoreError, needing
from sim_economy.core.table_reader import unknown_key
from sim_economy.ledger.readers.plain_text import visible
from sim_economy.ledger.sidecars.database_address import without_passwords
from sim_economy.ledger.sidecars.locations import LedgerLocation, SQLiteLocation
from sim_economy.world.access import AUTH_MODES, Access
from sim_economy.world.engine import Engine

if TYPE_CHECKING:
    from sim_economy.api.connection_limits import ConnectionLimits

_log = logging.getLogger("sim_engine")
LEVELS: Final = ("warning", "info", "debug")
"""Levels of the log."""
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
"""Addresses that nobody on another machine reaches."""
_SWITCH_SECONDS: Final = 0.0002
"""Seconds until a thread that computes lets the event loop go on; Python's own are 25 times it."""


def serve(
    ledger: LedgerLocation | str | Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: ConnectionLimits | None = None,
    *,
    access: Access | None = None,
    accept_head: bool = False,
    check_all: bool = False,
    log_level: str = "warning",
    hosts: Set[str] = frozenset(),
    by_options: bool = False,
) -> int:
    """Serve the ledger until SIGTERM or Ctrl-C.

    Args:
        port: Any free one when 0.
        check_all: Verify the whole ledger before answering, not in the background.
        log_level: The lowest level that is logged; see `logs`.
        hosts: Names besides loopback's that it is reached by where no tokens are asked for.
        by_options: Whether it was started with options; then it says where it serves, as it does
            with any free port, and messages name options, not variables.

    Returns:
        The exit status: 0, or 1 with a message where it could not start.

    Raises:
        ExtraMissingError: A library of the extra `engine` is not installed.
    """
    with needing("serving", "engine"):
        from sim_economy.api.connection_limits import ConnectionLimits  # noqa: PLC0415
        from sim_economy.api.http_server import run_http_server  # noqa: PLC0415
        from sim_economy.api.logs import log_as_json  # noqa: PLC0415
        from sim_economy.api.worlds import Worlds  # noqa: PLC0415

    limits = limits or ConnectionLimits()
    sys.setswitchinterval(_SWITCH_SECONDS)
    log_as_json(log_level)
    try:
        listening = listening_socket(host, port)
        engine = Engine.open(ledger, access, accept_head=accept_head)
        _check_room(engine)
        if check_all:
            _check_whole(engine)
    except SimEconomyError as error:
        return _failed(str(error), error.code, log_level)
    except OSError as error:
        return _failed(f"{host}:{port}: {error.strerror}", "address_unusable", log_level)
    local = host in LOOPBACK
    worlds = Worlds(engine, limits, accept_head=accept_head, local=local, hosts=hosts)

    def serving() -> None:
        bound = listening.getsockname()[1]
        started = {"host": host, "port": bound, "ledger": engine.location.name}
        _log.info("started", extra={**started, "tokens": engine.access.tokens})
        for warning in _warnings(engine, host, bound, by_options=by_options):
            if log_level == LEVELS[0]:
                _say(warning)
            else:
                _log.warning(warning)
        if log_level == LEVELS[0] and (by_options or port == 0):
            _say(f"http://{_authority(host, bound)} serves {engine.location.name}")

    try:
        run_http_server(worlds, listening, serving)
        _log.info("stopped")
    finally:
        engine.close()
    return 0


def _warnings(engine: Engine, host: str, port: int, *, by_options: bool) -> Iterator[str]:
    """Who may do more than an operator may think."""
    access = engine.access
    if not access.tokens and host not in LOOPBACK:
        better = "--auth tokens" if by_options else "SIM_ENGINE_AUTH=tokens"
        yield f"anyone who reaches {_authority(host, port)} may play and read; see {better}"
    if access.tokens and access.admin_token is None and engine.world is None:
        better = "--admin-token" if by_options else "SIM_ENGINE_ADMIN_TOKEN"
        yield (
            "no operator's token was given: whoever sends the first POST /init to "
            f"{_authority(host, port)} becomes the operator; see {better}"
        )


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _say(text: str) -> None:
    """Tell people, on standard error."""
    print(visible(without_passwords(text)), file=sys.stderr, flush=True)  # noqa: T201


def _failed(problem: str, code: str, log_level: str) -> int:
    """Say why it could not start: to people, or, where requests are logged too, as JSON."""
    if log_level == LEVELS[0]:
        _say(f"sim-engine: {problem}")
    else:
        _log.critical(problem, extra={"code": code})
    return 1


def _check_room(engine: Engine) -> None:
    """A world that is not there yet needs a folder that can be written."""
    location = engine.location
    if engine.world is not None or not isinstance(location, SQLiteLocation):
        return
    folder = location.path.absolute().parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise StoreError(
            "ledger_unwritable",
            location.name,
            "its folder is missing or read-only; name another file",
        )


def _check_whole(engine: Engine) -> None:
    if engine.world is None:
        return
    found = engine.verify()
    if found.finding is not None:
        engine.close()
        raise StoreError("ledger_damaged", engine.location.name, str(found.finding))


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; raises OSError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except BaseException:
        listening.close()
        raise
    return listening


def main() -> None:
    """Start from the environment: PORT, HOST, DB_PATH."""
    _check_call(sys.argv[1:])
    text = os.environ.get("PORT", "8000")
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        _say("sim-engine: PORT must be a number from 0 to 65535")
        sys.exit(2)
    mode = _chosen("SIM_ENGINE_AUTH", AUTH_MODES) if os.environ.get("SIM_ENGINE_AUTH") else None
    level = _chosen("SIM_ENGINE_LOG", LEVELS)
    access = Access.of(mode, os.environ.get("SIM_ENGINE_ADMIN_TOKEN") or None)
    accept = os.environ.get("SIM_ENGINE_ACCEPT_HEAD", "") == "1"
    path = os.environ.get("DB_PATH", "sim-economy.sqlite")
    host = os.environ.get("HOST", "127.0.0.1")
    hosts = hosts_of(os.environ.get("SIM_ENGINE_HOSTS", ""))
    started = partial(serve, path, host, int(text), access=access, accept_head=accept)
    try:
        sys.exit(started(log_level=level, hosts=hosts))
    except ExtraMissingError as error:
        _say(f"sim-engine: {error}")
        sys.exit(2)


_USAGE: Final = (
    "sim-engine takes no options; it starts as its environment says: PORT (8000), HOST "
    "(127.0.0.1), DB_PATH (sim-economy.sqlite), SIM_ENGINE_AUTH, SIM_ENGINE_ADMIN_TOKEN, "
    "SIM_ENGINE_HOSTS, SIM_ENGINE_LOG, SIM_ENGINE_STATE, SIM_ENGINE_ACCEPT_HEAD. With options: "
    "`sim-economy serve --help`"
)
_VARIABLES: Final = frozenset(re.findall(r"SIM_ENGINE_\w+", _USAGE)) | {"SIM_ENGINE_TOKEN"}
"""All that mean something; the token is a client's."""


def _check_call(arguments: Sequence[str]) -> None:
    """Refuse what would be passed over: options, and variables nobody reads."""
    if arguments:
        asked = bool({"-h", "--help"} & set(arguments))
        _say(_USAGE if asked else f"sim-engine: {arguments[0]}: {_USAGE}")
        sys.exit(0 if asked else 2)
    for name in os.environ:
        if name.startswith("SIM_ENGINE_") and name not in _VARIABLES:
            _say(f"sim-engine: {unknown_key(name, sorted(_VARIABLES))}")
            sys.exit(2)


def hosts_of(names: str) -> frozenset[str]:
    """Names of hosts out of a list with commas."""
    return frozenset(name.strip() for name in names.split(",") if name.strip())


def _chosen(variable: str, choices: Sequence[str]) -> str:
    """One of a variable's values; the first where it is not set."""
    value = os.environ.get(variable) or choices[0]
    if value not in choices:
        _say(f"sim-engine: {variable} must be one of {', '.join(choices)}")
        sys.exit(2)
    return value
