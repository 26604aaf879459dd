"""Sensitivity for a notebook: conclusions, estimates as a data frame, the report when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim_economy.core.errors import needing
from sim_economy.ledger.readers.html_table import html_table
from sim_economy.reports.page.document import Figure
from sim_economy.reports.sensitivity.sensitivity_report import (
    conclusions,
    estimate_rows,
    sensitivity_figure,
    write_sensitivity,
)
from sim_economy.reports.sensitivity.swept_outcomes import SweepSensitivity, sensitivity_of_sweep
from sim_economy.reports.sweep_files import read_sweep
from sim_economy.reports.tables import data_frame

if TYPE_CHECKING:
    import polars


class PlayedSensitivity:
    """What decides the outcomes of a sweep."""

    def __init__(self, found: SweepSensitivity) -> None:
        self._found = found

    @property
    def conclusions(self) -> list[str]:
        """What decides each outcome, in a sentence each with its number and interval."""
        return conclusions(self._found)

    @property
    def estimates(self) -> polars.DataFrame:
        """A row for each outcome and input: its indices or effects, with half-widths at 95 %."""
        return data_frame([*estimate_rows(self._found)])

    @property
    def noise(self) -> polars.DataFrame:
        """The share of each outcome's variance that is between seeds, with its interval."""
        return data_frame([_noise_row(self._found, index) for index in range(self._count)])

    def picture(self) -> Figure | None:
        """Each input's share of each outcome, or its effects; None where no outcome varies.

        Raises:
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        with needing("the picture", "report"):
            return sensitivity_figure(self._found)

    @property
    def _count(self) -> int:
        return len(self._found.outcomes)

    def report(self, folder: str | Path = "out/sensitivity") -> Path:
        """Write the report, its figures and tables into a folder.

        Returns:
            The page.

        Raises:
            ExtraMissingError: A library of the extra `report` is not installed.
            FolderError: The folder cannot be written.
        """
        return write_sensitivity(Path(folder), self._found)[-1]

    def __repr__(self) -> str:
        """The conclusions."""
        return f"<PlayedSensitivity: {' '.join(self.conclusions)}>"

    def _repr_html_(self) -> str:
        """The conclusions and the estimates as a table, for a notebook."""
        rows = [*estimate_rows(self._found)]
        title = " ".join(self.conclusions)
        return html_table(title, [*rows[0]], [tuple(row.values()) for row in rows])


def _noise_row(found: SweepSensitivity, index: int) -> dict[str, Any]:
    own = found.outcomes[index]
    low, high = own.noise.interval if own.noise is not None else (None, None)
    share = None if own.noise is None else own.noise.share
    return {"outcome": own.metric, "share": share, "low": low, "high": high}


def sensitivity(folder: str | Path, outcomes: Sequence[str] = ()) -> PlayedSensitivity:
    """Estimate which input of a finished sweep decides which outcome.

    Args:
        folder: Of a sweep whose design is sobol or morris.
        outcomes: Metrics beside those of the paper's question.

    Raises:
        FolderError: The folder holds no finished sweep.
        ScenarioError: Its design gives no indices, or it has not kept an outcome.
        ExtraMissingError: A library of the extra `sensitivity` is not installed.
    """
    return PlayedSensitivity(sensitivity_of_sweep(read_sweep(Path(folder)), outcomes))
