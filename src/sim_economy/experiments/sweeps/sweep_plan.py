"""The plan of a sweep: its points as columns, its rows as numbers that nothing stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.experiments.sweeps.designs import design_columns, points_count, shown_column
from sim_economy.experiments.sweeps.study import SweepStudy
from sim_economy.scenarios.scenario import Scenario

if TYPE_CHECKING:
    import numpy as np
    import polars

PART_ROWS: Final = 65_536
"""Rows of a file of `rows/`, but for the last; part of the format, never of a machine."""


class RowSpan(Struct, frozen=True):
    """Consecutive rows: the first, and the one after the last."""

    first: int
    end: int

    def __len__(self) -> int:
        """How many they are."""
        return self.end - self.first

    def __bool__(self) -> bool:
        """Test whether there are any."""
        return self.end > self.first


class SweepPlan:
    """The points and rows of a study.

    Attributes:
        columns: The values of each key, `[point]`, as whole numbers; see `SweptKey`.
        points: How many points there are.
        rows: How many runs there are: each point with each replicate.
    """

    def __init__(self, study: SweepStudy) -> None:
        """Draw the design.

        Raises:
            ExtraMissingError: A library that draws it is not installed.
        """
        self.study = study
        self.columns = design_columns(study)
        self.points = points_count(study)
        self.rows = self.points * study.seeds
        assert {len(column) for column in self.columns.values()} <= {self.points}, study.design

    @property
    def parts(self) -> list[RowSpan]:
        """The rows of each file."""
        starts = range(0, self.rows, PART_ROWS)
        return [RowSpan(start, min(start + PART_ROWS, self.rows)) for start in starts]

    def point_of(self, row: int) -> int:
        """The point of a row."""
        return row // self.study.seeds

    def replicate_of(self, row: int) -> int:
        """The replicate of a row, from 1."""
        return row % self.study.seeds + 1

    def seed_of(self, row: int) -> int:
        """The world seed of a row."""
        return self.study.seed + self.replicate_of(row)

    def settings_of(self, point: int) -> dict[str, Any]:
        """What is set at a point, as changes of the scenario."""
        keys = self.study.keys
        return {key.name: key.setting(int(self.columns[key.name][point])) for key in keys}

    def shown(self, point: int) -> dict[str, str]:
        """What is set at a point, as a file writes it."""
        keys = self.study.keys
        return {key.name: key.text(int(self.columns[key.name][point])) for key in keys}

    def scenario_of(self, row: int) -> Scenario:
        """The scenario whose first run is a row.

        Raises:
            ScenarioError: With every problem found.
        """
        settings = self.settings_of(self.point_of(row))
        return self.study.scenario.at(settings, seed=self.seed_of(row) - 1, runs=1)

    def row_columns(self, rows: Any) -> dict[str, np.ndarray[Any, Any]]:
        """Row, point, replicate and seed of rows.

        Args:
            rows: Whole numbers, `[row]`.
        """
        import numpy as np  # noqa: PLC0415 - not for a study that is refused

        numbers = np.asarray(rows, np.int64)
        replicates = numbers % self.study.seeds + 1
        return {
            "row": numbers,
            "point": numbers // self.study.seeds,
            "replicate": replicates,
            "seed": replicates + self.study.seed,
        }

    def frame_of(self, points: Any) -> polars.DataFrame:
        """The values of each key at points, as a data frame."""
        import polars  # noqa: PLC0415 - not for a study that is refused

        shown = {key.name: shown_column(key, self.columns[key.name][points]) for key in self._keys}
        return polars.DataFrame(shown)

    @property
    def _keys(self) -> Any:
        return self.study.keys
