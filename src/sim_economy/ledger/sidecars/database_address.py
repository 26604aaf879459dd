"""Addresses of databases in messages: however one is written, its password is not shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

_SHOWN: Final = frozenset({"host", "hostaddr", "port", "user", "dbname", "service", "sslmode"})
"""Settings in an address that say where it leads, and nothing that opens it."""

_HIDDEN: Final = "[password]"
_LEAST: Final = 3
"""Letters of a password from which on it is looked for in what others say."""


def address_name(address: str) -> str:
    """An address without its password, and without settings that may hold one."""
    start, user, password, rest = _split(address)
    where, _, query = rest.partition("?")
    settings = [each for each in query.split("&") if unquote(each.partition("=")[0]) in _SHOWN]
    before = f"{start}{user}@" if user or password is not None else start
    return f"{before}{where}{'?' if settings else ''}{'&'.join(settings)}"


def unreadable_password(address: str) -> str | None:
    """Why a password is not read as it was meant, or None; a driver would name it as a host."""
    _, _, password, _ = _split(address)
    if password is not None and any(letter in password for letter in "@/"):
        return "write @ in its password as %40 and / as %2F, or leave it out and set PGPASSWORD"
    return None


def secrets_in(address: str) -> tuple[str, ...]:
    """What no message about an address may repeat, the longest first."""
    found = {secret for secret in _secrets(address) if len(secret) >= _LEAST}
    return tuple(sorted(found, key=len, reverse=True))


def without(text: str, secrets: tuple[str, ...]) -> str:
    """A text in which no secret stands, as it is or percent-encoded."""
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return text


def without_passwords(text: str) -> str:
    """A message without the password of any address in it."""
    text = _ADDRESS.sub(r"\1@", _SETTING.sub(rf"\1{_HIDDEN}", text))
    return _NO_PORT.sub(rf"\1:{_HIDDEN}", text)


_ADDRESS: Final = re.compile(r"((?:^|[\s/'\"])[^\s/:@]*)(?::|%3[aA])\S*@")
_NO_PORT: Final = re.compile(
    r"(?i)(postgres\w*(?:\+\w+)?:/+[^\s:/@]+):(?!\d*(?:[/?\s:]|$))[^\s/?@:]+"
)
_SETTING: Final = re.compile(r"(?i)(pass(?:word|%77ord)\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&;,]+)")
_NO_FILE: Final = re.compile(
    r"(?ix) .*:// | \s*[a-z][a-z0-9+.-]+:/ | .*\bpassword\s*= | (?:.*//)?[^/]*:[^/]*@"
)


def is_no_file(text: str) -> bool:
    """Test whether a text is an address or settings of a database rather than a file's path."""
    return _NO_FILE.match(text) is not None


def _split(address: str) -> tuple[str, str, str | None, str]:
    """Scheme, user, password and the rest; the password may hold what it must not."""
    start, _, rest = address.partition("://")
    start = f"{start}://"
    access, at, after = rest.rpartition("@")
    if not at:
        host, colon, port = re.split("[/?]", rest, maxsplit=1)[0].rpartition(":")
        if not colon or port.isdigit() or port.endswith("]") or not port:
            return start, "", None, rest
        # No port is a word: the host was left out behind a password.
        return start, host, port, rest[len(host) + 1 + len(port) :]
    user, *password = re.split(":|%3a", access, maxsplit=1, flags=re.IGNORECASE)
    if not password:
        return start, access, None, after
    return start, user, password[0], after


def _secrets(address: str) -> Iterator[str]:
    _, _, password, rest = _split(address)
    stated = [password or "", os.environ.get("PGPASSWORD", "")]
    for setting in rest.partition("?")[2].split("&"):
        name, _, value = setting.partition("=")
        if unquote(name) not in _SHOWN:
            stated.append(value)
    for secret in stated:
        yield from (secret, unquote(secret), *re.split("[@/]", secret))
