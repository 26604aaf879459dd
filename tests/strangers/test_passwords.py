"""No message repeats a password, however the address that holds it is written."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sim_economy.core.errors import SimEconomyError
from sim_economy.ledger.sidecars.database_address import without_passwords
from sim_economy.ledger.sidecars.locations import location_of
from tests.strangers.commands import called

SECRET = "s3cret-enough"
ADDRESSES = [
    "postgresql://u:@{}@{host}", "postgresql://u:p@{}@{host}/db", "postgresql://u:p?{}@{host}/db",
    "postgresql://u:{}/x@{host}/db", "postgresql://u:x/{}@{host}/db", "postgresql://u:{}#x@{host}/db",
    "postgresql://u:x#{}@{host}/db", "postgresql://u@{host}/db?password={}", "postgresql://:{}@{host}/db",
    "postgresql://u@{host}/db?pass%77ord={}", "POSTGRESQL://u:{}@{host}/db", " postgresql://u:{}@{host}/db",
    "host={host} password='{}'", "host={host} password = {}", "u:{}@{host}/db", "//u:{}@{host}/db",
    "postgres://u:{}@[::1]:1/db", "postgresql+psycopg://u:{}@{host}", "mysql://u:{}@{host}",
    "postgresql:/u:{}@{host}/d", "postgresql://u%3A{}@{host}/d", "postgresql://u:{}@{host}:none/d",
    "postgresql://u:{}@{host},{host}/d?sslpassword={}", "postgresql://u:{}@{host}/d?what=1",
    "postgresql://u:{}@{host}/d#a", "postgresql://u:{}@[", "postgresql://u:%{}@{host}",
    "postgresql://u:a%40{}@{host}/db", "jdbc:postgresql://u:{}@{host}/d",
    "postgresql://u:{}", "postgresql://u:{}/db", "postgresql://u:{}?what=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """A server that refuses whoever connects, and says what nobody should repeat."""
    fatal = f"FATAL: no {SECRET} for you".encode()
    answer = b"E" + (len(fatal) + 16).to_bytes(4, "big")
    answer += b"SFATAL\0C28P01\0"[:0] + b"M" + fatal + b"\0\0"
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with closing(connection):
                    connection.recv(4096)
                    connection.sendall(b"N")
                    connection.recv(4096)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_message_of_a_command_repeats_a_password(
    address: str, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    named = address.replace("{}", SECRET).replace("{host}", host)
    with_file = tmp_path / "copy.sqlite"
    for arguments in (
        ("verify", named), ("verify", named, "--json"), ("statement", named, "a"),
        ("copy", named, with_file), ("copy", with_file, named), ("backup", named, with_file),
        ("backup", with_file, named), ("run", "as-run", "--turns", "1", "--ledger", named),
        ("replay", named), ("inspect", named), ("export", named),
    ):  # fmt: skip
        ended = called(*arguments)
        assert ended.status in {1, 2}, (arguments, ended)
        assert SECRET not in ended.output + ended.errors, arguments
    with contextlib.suppress(SimEconomyError):
        assert SECRET not in location_of(named).name


def test_a_password_in_the_environment_is_not_repeated(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("PGPASSWORD", SECRET)
    ended = called("verify", f"postgresql://u@{host}/db")
    assert ended.status == 2
    assert SECRET not in ended.errors


@pytest.mark.parametrize("name", ["a:b.sqlite", "dir/x@y.sqlite", "pass word.sqlite", "c=1.sqlite"])
def test_a_file_of_a_strange_name_is_still_a_file(name: str, tmp_path: Path) -> None:
    assert location_of(tmp_path / name).name == str(tmp_path / name)
    assert location_of(name).name == name


def test_a_message_without_an_address_is_left_as_it_is() -> None:
    text = "see http://127.0.0.1:8000/x or a@b.c, and 12:30 @ noon"
    assert without_passwords(text) == text
