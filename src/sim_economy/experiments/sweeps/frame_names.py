"""The rows of a sweep under the names that users of other tools know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars

FRAME_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "tidy": {},
    "mesa": {"row": "RunId", "replicate": "iteration"},
    "radcad": {"point": "subset", "replicate": "run"},
}
"""The names that columns have in other tools, by tool."""


def renamed(frame: polars.DataFrame, names: str, turns: int) -> polars.DataFrame:
    """Rows under the names of a tool, the turn that they show among them.

    Args:
        turns: Of every run, where the rows don't say it.
    """
    import polars  # noqa: PLC0415 - not for a study that is refused

    if names == "tidy":
        return frame
    varied = "turns" in frame.columns
    step = polars.col("turns") if varied else polars.lit(turns, dtype=polars.Int64)
    found = frame.rename(dict(FRAME_NAMES[names]))
    if names == "mesa":
        found = found.with_columns(step.alias("Step"))
        first = ["RunId", "iteration", "Step"]
    else:
        simulation = polars.lit(0, dtype=polars.Int64).alias("simulation")
        found = found.with_columns(
            simulation, polars.lit(1, polars.Int64).alias("substep"), step.alias("timestep")
        )
        first = ["simulation", "subset", "run", "substep", "timestep"]
    return found.select(*first, polars.exclude(first))
