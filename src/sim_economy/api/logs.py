"""Logs on standard error: one JSON object a line, never an input or a token."""

from __future__ import annotations

import logging
import sys
from asyncio import CancelledError

from pythonjsonlogger.json import JsonFormatter

from sim_economy.api.server import LEVELS


def log_as_json(level: str) -> None:
    """Send the engine's and the server's records to standard error.

    At the default level nothing that a client sends is logged, so that a client that never reads
    the engine's standard error cannot stall it.

    Args:
        level: The lowest level that is logged; `info` logs every request.
    """
    assert level in LEVELS, level
    server = "ERROR" if level == LEVELS[0] else "WARNING"
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_no_cut_request)
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )
    )
    for name, least in (("sim_engine", level.upper()), ("uvicorn", server), ("asyncio", server)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(least)
        logger.propagate = False


def _is_no_cut_request(record: logging.LogRecord) -> bool:
    """Test whether a record is more than a request that a stop cut off: its body never came."""
    return not (record.exc_info and isinstance(record.exc_info[1], CancelledError))
