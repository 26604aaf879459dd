"""`mcp`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from sim_economy.cli.output import say
from sim_economy.core.errors import needing


@click.command()
@click.option(
    "--engine", default="http://127.0.0.1:8000", show_default=True, help="The engine's address."
)
@click.option("--world", help="The world's name; the default one when left out.")
@click.option("--agent", help="Whom to play; the token's agent when left out.")
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The agent's key, where agents sign.",
)
@click.option(
    "--http",
    "over_http",
    is_flag=True,
    help="Listen instead of speaking on standard input; callers send their agents' tokens.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8001, show_default=True, help="Port."
)
def mcp(
    engine: str,
    world: str | None,
    agent: str | None,
    key: Path | None,
    over_http: bool,
    host: str,
    port: int,
) -> int:
    """Let an MCP client play one agent of a running engine.

    The agent's token is read from SIM_ENGINE_TOKEN; it is never an argument.
    """
    with needing("the MCP server", "mcp"):
        from mcp.server.mcpserver.exceptions import ToolError  # noqa: PLC0415

        from sim_economy.client import EngineError  # noqa: PLC0415
        from sim_economy.client.agent_key import AgentKey  # noqa: PLC0415
        from sim_economy.mcp.server import AgentConnections, create_server  # noqa: PLC0415
    token = os.environ.get("SIM_ENGINE_TOKEN") or None
    if agent is None and token is None and not over_http:
        raise click.UsageError("name the agent with --agent, or set SIM_ENGINE_TOKEN")
    if over_http and key is not None and agent is None:
        raise click.UsageError("a key signs for one agent; name it with --agent")
    try:
        signer = None if key is None else AgentKey.read(key)
    except ValueError:
        raise click.FileError(str(key), "holds no key; see `sim-economy key`") from None
    connections = AgentConnections(engine, world, agent, token, signer)
    try:
        asyncio.run(connections.check())
    except (EngineError, ToolError) as error:
        raise click.ClickException(f"{engine}: {error}") from None
    server = create_server(connections)
    if over_http:
        say(f"http://{host}:{port}/mcp connects agents to {engine}", err=True)
        server.run("streamable-http", host=host, port=port, stateless_http=True)
    else:
        server.run("stdio")
    return 0
