"""The rows of a sweep as columns, read when asked for, and what varies in them as steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.core.errors import InputError, needing
from sim_economy.core.suggestions import suggestion
from sim_economy.experiments.sweeps.kept_rows import rows_paths
from sim_economy.experiments.sweeps.sweep_folder import kept_study
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan
from sim_economy.experiments.sweeps.swept_keys import SweptKey

if TYPE_CHECKING:
    import numpy as np

SEED: Final = "seed"
"""The name of the axis along which the seeds of a point lie."""
UNPLAYED_ROW: Final = 0
PLAYED_ROW: Final = 1
FAILED_ROW: Final = 2
BINS_MAX: Final = 100
"""Steps of an axis whose values a design has drawn."""
_POINTS_A_CELL: Final = 8
_COLUMNS_MAX: Final = 8
"""Columns that are held at once; one of a million rows is eight megabytes."""


class SweptAxis(Struct, frozen=True, kw_only=True):
    """What can be an axis of the field, or be held: a varied key, or the seed.

    Attributes:
        texts: Its steps, ascending, as they are read.
        numbers: Where each step lies; None of a key without numbers.
        of_point: The step of each point; None of the seed.
    """

    name: str
    texts: Sequence[str]
    numbers: Sequence[float] | None
    of_point: np.ndarray[Any, Any] | None


class SweptRows:
    """A sweep's folder, opened to be read.

    Attributes:
        axes: Varied keys in the order of the study, and the seed where there are several.
    """

    def __init__(self, folder: Path) -> None:
        """Read what was varied.

        Raises:
            FolderError: It holds no sweep, or one that this release plays otherwise.
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        with needing("a sweep", "report"):
            import numpy as np  # noqa: F401, PLC0415
            import polars  # noqa: F401, PLC0415
        self.folder = folder
        self.plan = SweepPlan(kept_study(folder))
        self.axes = tuple(_axes(self.plan))
        self._columns: dict[str, np.ndarray[Any, Any]] = {}
        self._lock = Lock()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics that the sweep has kept."""
        return self.plan.study.metrics

    def axis(self, name: str) -> SweptAxis:
        """An axis by its name.

        Raises:
            InputError: There is none of this name.
        """
        names = [axis.name for axis in self.axes]
        if name not in names:
            known = ", ".join(names) or "none"
            raise InputError("axis", f"is not varied; there are {known}{suggestion(name, names)}")
        return self.axes[names.index(name)]

    def steps(self, name: str) -> np.ndarray[Any, Any]:
        """The step of an axis at which each row is."""
        import numpy as np  # noqa: PLC0415 - not for a command that opens something else

        axis = self.axis(name)
        seeds = self.plan.study.seeds
        if axis.of_point is None:
            return np.arange(self.plan.rows) % seeds
        return np.repeat(axis.of_point, seeds)

    def column(self, metric: str) -> np.ndarray[Any, Any]:
        """A metric of each row; NaN where it has not been played, or failed.

        Raises:
            InputError: The sweep has not kept it.
        """
        if metric not in self.metrics:
            known = ", ".join(self.metrics)
            raise InputError(
                "metric", f"was not kept; there are {known}{suggestion(metric, self.metrics)}"
            )
        with self._lock:
            if metric not in self._columns:
                while len(self._columns) >= _COLUMNS_MAX:
                    del self._columns[next(iter(self._columns))]
                self._columns[metric] = self._read(metric)
            return self._columns[metric]

    def _read(self, metric: str) -> np.ndarray[Any, Any]:
        import numpy as np  # noqa: PLC0415
        import polars  # noqa: PLC0415

        values = np.full(self.plan.rows, np.nan)
        for path in rows_paths(self.folder):
            frame = polars.read_parquet(path, columns=["row", metric])
            values[frame["row"].to_numpy()] = frame[metric].cast(polars.Float64).to_numpy()
        return values

    @cached_property
    def statuses(self) -> np.ndarray[Any, Any]:
        """What became of each row: `UNPLAYED_ROW`, `PLAYED_ROW` or `FAILED_ROW`."""
        import numpy as np  # noqa: PLC0415
        import polars  # noqa: PLC0415

        found = np.full(self.plan.rows, UNPLAYED_ROW, np.uint8)
        for path in rows_paths(self.folder):
            frame = polars.read_parquet(path, columns=["row", "status"])
            failed = (frame["status"] == "failed").to_numpy()
            found[frame["row"].to_numpy()] = np.where(failed, FAILED_ROW, PLAYED_ROW)
        return found

    def kept(self, numbers: Sequence[int], metrics: Sequence[str]) -> dict[int, dict[str, Any]]:
        """What the folder holds of some rows, by row: metrics, `status` and `digest`."""
        import polars  # noqa: PLC0415

        names = [*dict.fromkeys(("row", *metrics, "status", "digest"))]
        paths = rows_paths(self.folder)
        if not paths:
            return {}
        frame = polars.scan_parquet(paths).select(names).filter(polars.col("row").is_in(numbers))
        return {row["row"]: row for row in frame.collect().to_dicts()}


def _axes(plan: SweepPlan) -> list[SweptAxis]:
    drawn = plan.study.design not in {"grid", "list"}
    axes = [
        _binned(plan, key) if drawn and not key.labels else _listed(plan, key)
        for key in plan.study.keys
    ]
    if plan.study.seeds > 1 or not axes:
        seeds = [plan.study.seed + 1 + index for index in range(plan.study.seeds)]
        axes.append(
            SweptAxis(name=SEED, texts=[str(seed) for seed in seeds], numbers=seeds, of_point=None)
        )
    return axes


def _listed(plan: SweepPlan, key: SweptKey) -> SweptAxis:
    """A step for each value that a key takes."""
    import numpy as np  # noqa: PLC0415

    found, of_point = np.unique(plan.columns[key.name], return_inverse=True)
    held = [int(value) for value in found]
    return SweptAxis(
        name=key.name,
        texts=[key.text(value) for value in held],
        numbers=None if key.labels else [value / key.scale for value in held],
        of_point=of_point.astype(np.int64),
    )


def _binned(plan: SweepPlan, key: SweptKey) -> SweptAxis:
    """Spans of equal width, of so many points that most cells of two axes have some."""
    import numpy as np  # noqa: PLC0415

    column = plan.columns[key.name]
    least, width = int(column.min()), int(column.max()) - int(column.min()) + 1
    wanted = round((plan.points / _POINTS_A_CELL) ** 0.5)
    count = max(1, min(BINS_MAX, wanted, width))
    edges = [least + width * index // count for index in range(count + 1)]
    of_point = np.searchsorted(np.asarray(edges[1:-1]), column, side="right")
    return SweptAxis(
        name=key.name,
        texts=[f"{key.text(low)} to {key.text(high - 1)}" for low, high in pairwise(edges)],
        numbers=[(low + high - 1) / 2 / key.scale for low, high in pairwise(edges)],
        of_point=of_point.astype(np.int64),
    )
