"""One agent's place at an engine: what it may ask and do, with its own token and key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, Final

from sim_economy.client import AgentKey, AsyncEngineClient

_POLL_SECONDS: Final = 0.2


class AgentConnection:
    """An agent and its way to the engine.

    Attributes:
        agent_id: The only agent that can be moved from here.
        users: Calls under way.
    """

    def __init__(
        self, client: AsyncEngineClient, agent_id: str, signer: AgentKey | None = None
    ) -> None:
        self.agent_id = agent_id
        self.users = 0
        self._client = client
        self._signer = signer
        self._genesis: str | None = None

    async def check(self) -> None:
        """Let the engine refuse a token that is nobody's."""
        await self._client.head()

    async def observe(self) -> Mapping[str, Any]:
        """The agent's observation."""
        return await self._client.observation(self.agent_id)

    async def statement(self, first: int | None, last: int | None) -> Mapping[str, Any]:
        """The agent's postings with their reasons."""
        return await self._client.statement(self.agent_id, first, last)

    async def act(
        self,
        action: Mapping[str, object],
        speech: str | None,
        turn: int | None,
        needs: Sequence[Mapping[str, object]] = (),
    ) -> Mapping[str, Any]:
        """Submit the agent's action for the open turn; signed where the agent has a key.

        Args:
            turn: The turn it is meant for; whichever is open when None.
        """
        signature = None
        if self._signer is not None:
            if self._genesis is None:
                self._genesis = (await self._client.genesis())["genesis"]
            if turn is None:
                turn = (await self._client.head())["turn"] + 1
            signature = self._signer.sign(self._genesis, turn, self.agent_id, action, speech, needs)
        return await self._client.submit(self.agent_id, action, speech, turn, signature, needs)

    async def wait(self, turn: int, seconds: float) -> int:
        """The last closed turn, as soon as it is not before `turn`, or when the time is over."""
        until = monotonic() + seconds
        while True:
            closed = (await self._client.head())["turn"]
            left = until - monotonic()
            if closed >= turn or left <= 0:
                return closed
            await asyncio.sleep(min(_POLL_SECONDS, left))

    async def close(self) -> None:
        """Leave; the engine goes on."""
        await self._client.close()


def holder_of(token: str) -> str | None:
    """The agent that a token of the engine says it is for; the engine checks whether it is."""
    scheme, _, rest = token.partition(":")
    agent_id = rest.rpartition(".")[0]
    return agent_id if scheme == "agent" and agent_id else None
