"""The engine with small limits, to be cut off by soon; run as a program of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from sim_economy.api import worlds
from sim_economy.api.connection_limits import ConnectionLimits
from sim_economy.api.server import serve

LIMITED: Final = (sys.executable, str(Path(__file__)))
"""The program, for `EngineProcess`."""
SHORT_RUNS: Final = (*LIMITED, "runs")
"""The same with the usual limits, but for batch runs, which end soon."""

DEADLINES: Final = (*LIMITED, "deadlines")
"""The same with the usual limits, but for turns, which close soon."""
FEW_WORLDS: Final = (*LIMITED, "worlds")
"""The same with the usual limits, holding few worlds open."""
FEW_CONNECTIONS: Final = (*LIMITED, "connections")
"""The same with the usual limits, but for connections, and for answers that nobody takes."""
SHORT_STATEMENTS: Final = (*LIMITED, "statements")
"""The same with the usual limits, but for statements and pages."""
CONNECTIONS: Final = 16
STATEMENT_TURNS: Final = 20
OPEN_MAX: Final = 3
TURN_SECONDS: Final = 0.2

LIMITS: Final = ConnectionLimits(
    body_bytes=2**20, body_seconds=0.3, head_seconds=0.3, idle_seconds=1.0, page_rows=50
)

BY_NAME: Final = {
    "runs": ConnectionLimits(run_agent_turns=400),
    "deadlines": ConnectionLimits(turn_seconds=TURN_SECONDS),
    "worlds": ConnectionLimits(),
    "connections": ConnectionLimits(connections=CONNECTIONS, answer_seconds=1.0),
    "statements": ConnectionLimits(statement_turns=STATEMENT_TURNS, page_bytes=2000),
}

if __name__ == "__main__":
    name = "".join(sys.argv[1:])
    if name == "worlds":
        worlds.OPEN_MAX = OPEN_MAX  # type: ignore[misc]
    sys.exit(
        serve(
            os.environ["DB_PATH"],
            port=int(os.environ["PORT"]),
            limits=BY_NAME.get(name, LIMITS),
            log_level=os.environ.get("SIM_ENGINE_LOG", "warning"),
        )
    )
