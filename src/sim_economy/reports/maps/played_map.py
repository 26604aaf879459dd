"""A map for a notebook: the answer, cells and window as data frames, the report when asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim_economy.ledger.readers.html_table import html_table
from sim_economy.reports.maps.map_report import cell_rows, map_answer, window_rows, write_map
from sim_economy.reports.maps.map_sentences import SolvencyMap, map_of_sweeps
from sim_economy.reports.sweep_files import read_sweep
from sim_economy.reports.tables import data_frame

if TYPE_CHECKING:
    import polars


class PlayedMap:
    """Who is insolvent, agents or the platform, over two axes."""

    def __init__(self, found: SolvencyMap) -> None:
        self._found = found

    @property
    def answer(self) -> str:
        """The window at the longest horizon, in one sentence."""
        return map_answer(self._found)

    @property
    def cells(self) -> polars.DataFrame:
        """A row for each horizon and cell: who is insolvent, how surely, and the row to open."""
        return data_frame([*cell_rows(self._found)])

    @property
    def window(self) -> polars.DataFrame:
        """The spans in which both are solvent, by horizon and first axis."""
        return data_frame([*window_rows(self._found)])

    def report(self, folder: str | Path = "out/map") -> Path:
        """Write the page, the picture and the tables into a folder.

        Returns:
            The page.

        Raises:
            ExtraMissingError: A library of the extra `report` is not installed.
            FolderError: The folder cannot be written.
        """
        return write_map(Path(folder), self._found)[-1]

    def __repr__(self) -> str:
        """The answer."""
        return f"<PlayedMap: {self.answer}>"

    def _repr_html_(self) -> str:
        """The answer and the window as a table, for a notebook."""
        rows = [*window_rows(self._found)]
        columns = [*rows[0]] if rows else []
        return html_table(self.answer, columns, [tuple(row.values()) for row in rows])


def solvency_map(
    *folders: str | Path, across: str = "base_inference_rate", up: str = "policy.job_below"
) -> PlayedMap:
    """Map who is insolvent over two numeric inputs of finished sweeps.

    Args:
        folders: Of sweeps over a full grid, each of one horizon or several.

    Raises:
        FolderError: A folder holds no finished sweep.
        ScenarioError: They are no full grids over the two axes, or hold a horizon twice.
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    return PlayedMap(map_of_sweeps([read_sweep(Path(each)) for each in folders], across, up))
