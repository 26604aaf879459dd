"""The engine with small limits, to be cut off by soon; run as a program of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from sim_economy.api.limits import Limits
from sim_economy.api.server import serve

LIMITED: Final = (sys.executable, str(Path(__file__)))
"""The program, for `EngineProcess`."""
SHORT_RUNS: Final = (*LIMITED, "runs")
"""The same with the usual limits, but for batch runs, which end soon."""

LIMITS: Final = Limits(
    body_bytes=2**20, body_seconds=0.3, head_seconds=0.3, idle_seconds=1.0, page_rows=50
)

if __name__ == "__main__":
    limits = Limits(run_agent_turns=400) if sys.argv[1:] == ["runs"] else LIMITS
    sys.exit(serve(os.environ["DB_PATH"], port=int(os.environ["PORT"]), limits=limits))
