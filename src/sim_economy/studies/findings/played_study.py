"""Studies for a notebook: played into a folder, read as data frames, the report when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim_economy.core.errors import FolderError
from sim_economy.ledger.readers.html_table import html_table
from sim_economy.ledger.sidecars.run_folder import output_folder
from sim_economy.reports.tables import data_frame
from sim_economy.studies.findings.study_findings import StudyFindings, findings_of, plain_findings
from sim_economy.studies.findings.study_report import write_study
from sim_economy.studies.run_study import StudySession, run_study
from sim_economy.studies.study_reader import read_treatment_study
from sim_economy.studies.treatment_study import TreatmentStudy

if TYPE_CHECKING:
    import polars


class PlayedStudy:
    """A study of treatments, and the folder that keeps its runs.

    Attributes:
        session: What the call that played it did.
    """

    def __init__(self, study: TreatmentStudy, folder: Path, session: StudySession) -> None:
        self.study = study
        self.folder = folder
        self.session = session

    @cached_property
    def findings(self) -> StudyFindings:
        """All that it found.

        Raises:
            FolderError: It is not finished.
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        if not self.session.is_finished:
            cause = "holds a study that is not finished; the same call goes on"
            raise FolderError("folder_unfinished", str(self.folder), cause)
        return findings_of(self.study, self.folder)

    @property
    def answer(self) -> str:
        """The answer to its question, in one sentence."""
        return self.findings.answer

    @property
    def effects(self) -> polars.DataFrame:
        """A row for each primary effect: its difference, interval, adjusted p-value, verdict."""
        rows = [
            {**{key: own[key] for key in own if key != "interval"}, **_ends(own["interval"])}
            for own in plain_findings(self.findings)["effects"]
        ]
        return data_frame(rows)

    @property
    def thresholds(self) -> polars.DataFrame:
        """The threshold curve: each value, and the agent-turns below zero in percent."""
        curve = self.findings.results.thresholds
        return data_frame(
            [{"threshold": value, "insolvent_percent": share} for value, share in curve]
        )

    def report(self) -> Path:
        """Write the report into the folder; the path of its page.

        Raises:
            ExtraMissingError: A library of the extra `report` is not installed.
            FolderError: The folder cannot be written.
        """
        return write_study(self.folder, self.findings)[-1]

    def __repr__(self) -> str:
        """What it is, and where."""
        return f"<PlayedStudy {self.study.name}: {self.session.cells} cells in {self.folder}>"

    def _repr_html_(self) -> str:
        """Its answer and design as a table, for a notebook."""
        rows = [
            ("answer", self.answer if self.session.is_finished else "not finished"),
            ("behaviours", ", ".join(own.name for own in self.study.behaviours)),
            ("treatments", ", ".join(own.name for own in self.study.treatments)),
            ("folder", str(self.folder)),
        ]
        return html_table(self.study.name, ("study", "value"), rows)


def _ends(interval: list[float | None]) -> dict[str, float | None]:
    return {"low": interval[0], "high": interval[1]}


def treatment_study(
    source: str | Path | Mapping[str, Any],
    *,
    folder: str | Path | None = None,
    is_slice: bool = False,
    jobs: int = 1,
    fresh: bool = False,
    seconds_max: float | None = None,
    progress: Callable[[int], None] = lambda cells: None,
    notify: Callable[[str], None] = lambda text: None,
    **changes: Any,
) -> PlayedStudy:
    """Play a study of treatments into a folder, and read what it found.

    Args:
        source: A study file, a shipped study by name, or plain values as a file gives them.
        folder: `out/NAME` when None.
        is_slice: Play only what its `[slice]` names.
        jobs: Processes to play in.
        fresh: Play every cell again instead of resuming.
        seconds_max: After which to stop; the same call goes on.
        progress: Called with how many more cells are played.
        notify: Called with how long it will take, before the first cell.
        changes: Values by key that go over those at the top of the file.

    Raises:
        ScenarioError: With every problem found.
        FolderError: In use, another's, of another study, or not writable.
    """
    study = read_treatment_study(source, changes, is_slice=is_slice)
    into = study_folder(study) if folder is None else Path(folder)
    session = run_study(
        study,
        into,
        jobs=jobs,
        fresh=fresh,
        seconds_max=seconds_max,
        progress=progress,
        notify=notify,
    )
    return PlayedStudy(study, into, session)


def study_folder(study: TreatmentStudy) -> Path:
    """Where a study is played to if nothing else is said."""
    return output_folder(study.name, "study", "summary.json")
