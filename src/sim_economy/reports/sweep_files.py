"""What reports read of a sweep's folder: its rows, what it varied, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from sim_economy.core.errors import FolderError, needing

if TYPE_CHECKING:
    import polars


class KeptSweep(Struct, frozen=True, kw_only=True):
    """A finished sweep, as its folder has it.

    Attributes:
        frame: A row for each run.
        inputs: Varied keys, in the order of the design.
        design: How its points were chosen.
        levels: Of a Morris design.
        turns: Of every run; 0 where the sweep varies them.
        agents: Of every world; 0 where the sweep varies them.
        ranges: The least and greatest value of each input that its study states; texts of labels.
        scenario: What its manifest keeps of the scenario, without what is varied.
        study: Its name, with the digest of all that decides its rows.
    """

    folder: Path
    frame: polars.DataFrame
    inputs: Sequence[str]
    design: str
    levels: int
    turns: int
    agents: int
    ranges: Mapping[str, tuple[Any, Any]]
    scenario: Mapping[str, Any]
    study: tuple[str, str]


def read_sweep(folder: Path) -> KeptSweep:
    """Read a finished sweep.

    Raises:
        FolderError: The folder holds none, or one that is not finished.
        ExtraMissingError: polars is not installed.
    """
    manifest = _json(folder, "manifest.json", ("settings", "study_hash", "results"))
    problem = _json(folder, "problem.json", ("names", "design", "num_levels"))
    if manifest["results"] is None:
        raise FolderError(
            "record_damaged", str(folder), "the sweep is not finished; run it again to go on"
        )
    with needing("reading a sweep", "report"):
        import polars  # noqa: PLC0415

        paths = sorted((folder / "rows").glob("part-*.parquet"))
        if not paths:
            raise FolderError("record_damaged", str(folder), "its rows are gone; play it --fresh")
        frame = polars.concat([polars.read_parquet(path) for path in paths])
    played = manifest["settings"]["scenario"]
    return KeptSweep(
        folder=folder,
        frame=frame,
        inputs=problem["names"],
        design=problem["design"],
        levels=problem["num_levels"],
        turns=played.get("turns", 0),
        agents=played["world"].get("num_agents", 0),
        ranges=_ranges(problem),
        scenario=played,
        study=(manifest["settings"]["name"], manifest["study_hash"]),
    )


def _ranges(problem: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What the problem states of each input."""
    labels = problem.get("labels", {})
    bounds = zip(problem["names"], problem.get("bounds", []), strict=False)
    return {
        name: (labels[name][0], labels[name][-1]) if name in labels else (low, high)
        for name, (low, high) in bounds
    }


def _json(folder: Path, name: str, keys: Sequence[str]) -> dict[str, Any]:
    """A file of a sweep's folder."""
    try:
        kept = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        kept = None
    if not isinstance(kept, dict) or not kept.keys() >= {*keys}:
        within = sorted(path.parent.name for path in folder.glob("*/problem.json"))
        hint = f"its sweeps are in {', '.join(within)}" if within else "play one there first"
        raise FolderError("folder_foreign", str(folder), f"holds no sweep; {hint}")
    return kept
