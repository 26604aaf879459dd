"""A comparison for a notebook: the command's files, read as data frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim_economy.ledger.readers.html_table import html_table
from sim_economy.reports.comparison import (
    COMPARED_METRICS,
    TreatmentRuns,
    differences,
    reservations,
    write_comparison,
)
from sim_economy.reports.tables import data_frame
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario

if TYPE_CHECKING:
    import polars


class PlayedComparison:
    """Treatments side by side, each against the first.

    Attributes:
        sides: The treatments with their runs.
        page: The comparison as one HTML file.
    """

    def __init__(self, played: Sequence[tuple[Scenario, Sequence[Run]]], folder: Path) -> None:
        """Write the comparison into a folder.

        Args:
            played: At least two scenarios, each with its finished runs.

        Raises:
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        self.sides = [TreatmentRuns(*own) for own in played]
        self.page = write_comparison(folder, self.sides)[-1]

    @property
    def warnings(self) -> list[str]:
        """Why the comparison says less than it seems to; nothing if it does not."""
        return reservations(self.sides)

    @property
    def means(self) -> polars.DataFrame:
        """Each compared metric, its mean by treatment."""
        return data_frame(self._means())

    @property
    def differences(self) -> polars.DataFrame:
        """Each metric of each treatment against the first, by pairs of runs with the same seed."""
        return data_frame(
            [{**row.plain, "is_clear": row.is_clear} for row in differences(self.sides)]
        )

    def _means(self) -> list[dict[str, Any]]:
        by_side = {side.treatment.name: side.means() for side in self.sides}
        return [
            {"measure": column, **{name: own[column] for name, own in by_side.items()}}
            for column in COMPARED_METRICS
        ]

    def __repr__(self) -> str:
        """What is compared, and where to read it."""
        names = ", ".join(side.treatment.name for side in self.sides)
        warned = "".join(f"; {warning}" for warning in self.warnings)
        return f"<Comparison of {names}: read {self.page}{warned}>"

    def _repr_html_(self) -> str:
        """The means as a table, for a notebook."""
        rows = self._means()
        return html_table(repr(self).strip("<>"), [*rows[0]], [row.values() for row in rows])
