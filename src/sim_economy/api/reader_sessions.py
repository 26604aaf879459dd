"""Sessions of browsers that signed in with a token: they read, for a while, and do nothing else."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from time import monotonic
from typing import Final

from msgspec import Struct

from sim_economy.ledger.credentials.tokens import ADMIN, READER, Credentials
from sim_economy.ledger.records import digest
from sim_economy.world.access import Access

COOKIE: Final = "sim_economy_reader"
"""The cookie that names a session."""
SESSION_SECONDS: Final = 8 * 3600
"""Seconds until a browser has to sign in again."""
_SESSIONS_MAX: Final = 4096
"""Sessions kept; the oldest ends where there are more."""
_WORLDS_MAX: Final = 100
"""Worlds that one session may read."""


class _Session(Struct):
    """One browser.

    Attributes:
        ends: On the clock of this process, which nobody sets.
        granted: The hash of the token it signed in with, by the world's genesis hash.
    """

    ends: float
    granted: dict[str, str]


class ReaderSessions:
    """The sessions of one process; a restart ends them all."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def start(self, cookie: str | None, credentials: Credentials, token: str) -> str:
        """A session that reads a world, and what an earlier one of the browser reads.

        Args:
            cookie: The earlier one's, if there is one; it ends.
            token: Of a reader or the operator, found good.

        Returns:
            The cookie's value, which is kept nowhere here in the clear.
        """
        earlier = self._session(cookie)
        granted = {} if earlier is None else dict(earlier.granted)
        if len(granted) >= _WORLDS_MAX:
            granted.clear()
        granted[credentials.world] = digest(token.encode())
        self.end(cookie)
        while len(self._sessions) >= _SESSIONS_MAX:
            self._sessions.popitem(last=False)
        made = secrets.token_urlsafe(32)
        self._sessions[_key(made)] = _Session(monotonic() + SESSION_SECONDS, granted)
        return made

    def holder(
        self, cookie: str | None, access: Access, credentials: Credentials | None
    ) -> str | None:
        """`reader` where a session may read a world: its token is still one of that world."""
        session = self._session(cookie)
        if session is None or credentials is None:
            return None
        good = {credentials.holders.get(READER), credentials.holders.get(ADMIN)}
        if access.admin_token is not None:
            good.add(digest(access.admin_token.encode()))
        return READER if session.granted.get(credentials.world) in good - {None} else None

    def seconds_left(self, cookie: str | None) -> int | None:
        """Seconds until a session ends; None where there is none."""
        session = self._session(cookie)
        return None if session is None else int(session.ends - monotonic())

    def end(self, cookie: str | None) -> None:
        """End a session, if there is one."""
        if cookie is not None:
            self._sessions.pop(_key(cookie), None)

    def _session(self, cookie: str | None) -> _Session | None:
        if cookie is None:
            return None
        session = self._sessions.get(_key(cookie))
        if session is not None and session.ends <= monotonic():
            self.end(cookie)
            return None
        return session


def _key(cookie: str) -> str:
    """What a session is kept under; whoever reads memory or a dump of it has no cookie."""
    return digest(cookie.encode())
