"""A real PostgreSQL server for the tests, started and stopped by them, where one is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any, Final

MISSING: Final = (
    "PostgreSQL is not installed: apt-get install postgresql (or put initdb and postgres on PATH)"
)
ROLE: Final = "sim"
PASSWORD: Final = "not shown"


def programs() -> Path | None:
    """The folder of initdb and postgres; the newest where there are several."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    found += sorted(installed, key=lambda path: float(path.parent.name), reverse=True)
    return next((path for path in found if (path / "postgres").exists()), None)


def is_available() -> bool:
    """Whether a server can be started, and talked to."""
    try:
        import psycopg  # noqa: F401, PLC0415
    except ImportError:
        return False
    return programs() is not None


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def unprivileged() -> dict[str, Any]:
    """Whom the server runs as: initdb refuses root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def reachable_folder() -> Path:
    """A new folder that the server's user can enter, which private temporary folders are not."""
    for parent in (tempfile.gettempdir(), "/var/tmp", "/tmp"):
        folder = Path(parent).resolve()
        if all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents)):
            return Path(tempfile.mkdtemp(prefix="sim-pg-", dir=folder))
    raise RuntimeError("no temporary folder that every user can enter")


class PostgresServer:
    """One server on a free port of loopback, with databases that are gone with it."""

    def __init__(self) -> None:
        found = programs()
        assert found is not None, MISSING
        self._programs = found
        self._who = unprivileged()
        self._folder = reachable_folder()
        if self._who:
            os.chown(self._folder, self._who["user"], self._who["group"])
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        subprocess.run(
            [
                found / "initdb", "--pgdata", self._folder / "data", "--username", ROLE,
                "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync",
            ],
            check=True,
            capture_output=True,
            cwd="/",
            **self._who,
        )  # fmt: skip
        self.start()

    def start(self, **settings: str) -> None:
        """Start it, or start it again, and wait until it answers."""
        log = self._folder / "log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    self._programs / "postgres", "-D", self._folder / "data",
                    "-p", str(self.port), "-k", self._folder,
                    "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=50",
                    *[f"-c{name}={value}" for name, value in settings.items()],
                ],
                stdout=output,
                stderr=output,
                cwd="/",
                **self._who,
            )  # fmt: skip
        self._wait(log)

    def _wait(self, log: Path) -> None:
        import psycopg  # noqa: PLC0415

        until = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.location("postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > until or self.process is None or self.process.poll():
                    raise RuntimeError(log.read_text(encoding="utf-8")) from None
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT in good order, SIGQUIT at once, SIGKILL without a word."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(30)

    def location(self, database: str = "postgres") -> str:
        return (
            f"postgresql://{ROLE}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"
        )

    def world(self, database: str = "postgres") -> str:
        """The location of a world nobody has used before."""
        return f"{self.location(database)}#w{next(self._numbers)}"

    def database(self, options: str = "") -> str:
        """The location of a new database."""
        name = f"d{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.location(name)

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """What a statement of an administrator answers."""
        import psycopg  # noqa: PLC0415

        with psycopg.connect(self.location(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return [] if cursor.description is None else cursor.fetchall()

    def dump(self, location: str) -> bytes:
        """The schema of a world, as `pg_dump` writes it."""
        where, _, world = location.partition("#")
        return subprocess.run(
            [self._programs / "pg_dump", "--schema", f"sim_{world or 'default'}", where],
            check=True,
            capture_output=True,
        ).stdout

    def restore(self, location: str, dumped: bytes) -> None:
        """Put a dumped schema in place of what is there."""
        where, _, world = location.partition("#")
        database = where.rpartition("/")[2]
        self.execute(f'DROP SCHEMA "sim_{world or "default"}" CASCADE', database)
        subprocess.run(
            [self._programs / "psql", "--quiet", "-v", "ON_ERROR_STOP=1", where],
            input=dumped,
            check=True,
            capture_output=True,
        )

    def remove(self) -> None:
        """Stop it and leave nothing of it."""
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)
