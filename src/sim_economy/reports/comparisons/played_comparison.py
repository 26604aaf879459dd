"""A comparison for a notebook: the command's files, read as data frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim_economy.ledger.readers.html_table import html_table
from sim_economy.reports.comparisons.comparison import (
    TreatmentRuns,
    compared,
    reservations,
)
from sim_economy.reports.comparisons.comparison_report import answer_text, write_compared
from sim_economy.reports.comparisons.insolvency import outcome_rows
from sim_economy.reports.tables import data_frame
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario

if TYPE_CHECKING:
    import polars


class PlayedComparison:
    """Treatments side by side, each against the first.

    Attributes:
        sides: The treatments with their runs.
        named: The metrics that were named, which come first.
        page: The comparison as one HTML file.
    """

    def __init__(
        self,
        played: Sequence[tuple[Scenario, Sequence[Run]]],
        folder: Path,
        metrics: Sequence[str] = (),
    ) -> None:
        """Write the comparison into a folder.

        Args:
            played: At least two scenarios, each with its finished runs.
            metrics: Those to be named before all others.

        Raises:
            ExtraMissingError: A library of the extra `report` is not installed.
            InputError: A metric is not known.
        """
        self.sides = [TreatmentRuns(*own) for own in played]
        self.named = [*metrics]
        self._found = compared(self.sides, self.named)
        self.page = write_compared(folder, self._found)[-1]

    @property
    def warnings(self) -> list[str]:
        """Why the comparison says less than it seems to; nothing if it does not."""
        return reservations(self.sides)

    @property
    def answer(self) -> str:
        """Who goes broke under which treatment, who first and when, in one sentence."""
        return answer_text(self._found)

    @property
    def means(self) -> polars.DataFrame:
        """Each compared metric, its mean by treatment."""
        return data_frame(self._means())

    @property
    def differences(self) -> polars.DataFrame:
        """Each metric of each treatment against the first, by pairs of runs with the same seed."""
        return data_frame([row.plain for row in self._found.differences])

    @property
    def agents(self) -> polars.DataFrame:
        """What became of each agent under each treatment."""
        return data_frame(outcome_rows(self._found.outcomes))

    @property
    def collectors(self) -> polars.DataFrame:
        """Who collected what under each treatment, and who leads in it."""
        return data_frame(self._found.collector_rows())

    def _means(self) -> list[dict[str, Any]]:
        return [{"measure": column, **own} for column, own in self._found.means().items()]

    def __repr__(self) -> str:
        """What is compared, and where to read it."""
        names = ", ".join(side.name for side in self.sides)
        warned = "".join(f"; {warning}" for warning in self.warnings)
        return f"<Comparison of {names}: read {self.page}{warned}>"

    def _repr_html_(self) -> str:
        """The answer, then the means as a table, for a notebook."""
        rows = self._means()
        title = f"{self.answer} {repr(self).strip('<>')}"
        return html_table(title, [*rows[0]], [row.values() for row in rows])
