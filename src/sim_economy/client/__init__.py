"""A thin client of the engine: it knows the wire and nothing of the economy.

with EngineClient("http://127.0.0.1:8000") as engine:
    engine.init({"preset": "as-run", "seed": 1001}, ["agent_0", "agent_1"])
    closed = engine.turn([{"agent_id": "agent_0", "action": {"action": "mine"}}])
"""

from typing import TYPE_CHECKING, Any

from sim_economy.client.errors import EngineError
from sim_economy.client.http import AsyncEngineClient, EngineClient

if TYPE_CHECKING:
    from sim_economy.client.agent_key import AgentKey

__all__ = ["AgentKey", "AsyncEngineClient", "EngineClient", "EngineError"]


def __getattr__(name: str) -> Any:
    """`AgentKey`, which needs the library that signs."""
    if name == "AgentKey":
        from sim_economy.client.agent_key import AgentKey  # noqa: PLC0415

        return AgentKey
    raise AttributeError(name)
