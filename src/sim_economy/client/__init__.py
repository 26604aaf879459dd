"""A thin client of the engine: it knows the wire and nothing of the economy.

with EngineClient("http://127.0.0.1:8000") as engine:
    engine.init({"preset": "as-run", "seed": 1001}, ["agent_0", "agent_1"])
    closed = engine.turn([{"agent_id": "agent_0", "action": {"action": "mine"}}])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sim_economy.client.errors import EngineError

if TYPE_CHECKING:
    from sim_economy.client.agent_key import AgentKey
    from sim_economy.client.http import AsyncEngineClient, EngineClient

__all__ = ["AgentKey", "AsyncEngineClient", "EngineClient", "EngineError"]

_HOMES: Final = {"AgentKey": "agent_key", "AsyncEngineClient": "http", "EngineClient": "http"}


def __getattr__(name: str) -> Any:
    """What needs a library: the clients one for HTTP, `AgentKey` the one that signs."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
