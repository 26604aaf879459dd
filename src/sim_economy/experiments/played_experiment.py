"""Experiments and comparisons for a notebook: the commands' folders, read as data frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from sim_economy.core.errors import InputError, ScenarioError
from sim_economy.core.table_reader import is_whole
from sim_economy.experiments.experiment import Outcome, run_experiment
from sim_economy.ledger.readers.html_table import html_table
from sim_economy.ledger.readers.plain_text import html_text
from sim_economy.ledger.sidecars.run_folder import folder_name
from sim_economy.reports.agent_frames import (
    agents_by_run_frame,
    agents_frame,
    collectors_frame,
    incidence_frame,
)
from sim_economy.reports.comparisons.comparison import check_names
from sim_economy.reports.comparisons.metric_names import check_metrics
from sim_economy.reports.comparisons.played_comparison import PlayedComparison
from sim_economy.reports.page.document import plain
from sim_economy.reports.played_run import chosen_scenario
from sim_economy.reports.report import write_report
from sim_economy.reports.sentences import answer
from sim_economy.reports.tables import data_frame
from sim_economy.runs.agent_outcomes import AgentOutcome, agent_outcomes, collectors
from sim_economy.runs.extended_metrics import all_metrics, doubts, extended_summary, series_columns
from sim_economy.runs.run import Run
from sim_economy.scenarios.changes import ScenarioChanges
from sim_economy.scenarios.scenario import Scenario, played_folder
from sim_economy.scenarios.shipped import REGIMES

if TYPE_CHECKING:
    import polars


class PlayedExperiment:
    """The finished runs of a scenario, and the folder that keeps them.

    Attributes:
        outcome: Runs, failures, and what an earlier call had finished.
    """

    def __init__(self, scenario: Scenario, folder: Path, outcome: Outcome) -> None:
        self.scenario = scenario
        self.folder = folder
        self.outcome = outcome

    @property
    def runs(self) -> list[Run]:
        """Finished runs, in order."""
        return self.outcome.runs

    @property
    def warnings(self) -> list[str]:
        """Why the runs say less than their number suggests; nothing if they do not."""
        return doubts(self.scenario, self.runs)

    @property
    def metrics(self) -> polars.DataFrame:
        """All metrics, a row for each run."""
        return data_frame([all_metrics(run) for run in self.runs])

    @property
    def summary(self) -> polars.DataFrame:
        """Each metric over the runs, with its intervals.

        Raises:
            InputError: No run has finished.
        """
        self._check_runs()
        return data_frame(extended_summary([all_metrics(run) for run in self.runs]))

    @property
    def series(self) -> polars.DataFrame:
        """Every turn of every run."""
        return data_frame(series_columns(self.runs) if self.runs else [])

    @property
    def answer(self) -> str:
        """Who goes broke and who collected, in one sentence.

        Raises:
            InputError: No run has finished.
        """
        self._check_runs()
        return plain(answer(self.scenario, self.runs))

    @property
    def agents(self) -> polars.DataFrame:
        """What became of each agent over the runs, a row for each.

        Raises:
            InputError: No run has finished.
        """
        return agents_frame(self._outcomes)

    @property
    def collectors(self) -> polars.DataFrame:
        """Who collected what, by role and agent.

        Raises:
            InputError: No run has finished.
        """
        outcomes = self._outcomes
        return collectors_frame(collectors(self.runs, self.scenario.config), outcomes)

    @property
    def interventions(self) -> polars.DataFrame:
        """Who received and who paid by interventions, the platform last; empty without any.

        Raises:
            InputError: No run has finished.
        """
        self._check_runs()
        return incidence_frame(self.runs)

    @property
    def agents_by_run(self) -> polars.DataFrame:
        """What became of each agent in each run.

        Raises:
            InputError: No run has finished.
        """
        self._check_runs()
        return agents_by_run_frame(self.runs, self.scenario)

    @property
    def _outcomes(self) -> list[AgentOutcome]:
        self._check_runs()
        return agent_outcomes(self.runs, self.scenario)

    def report(self) -> Path:
        """Write the report into the folder; the page to read.

        Raises:
            InputError: No run has finished.
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        self._check_runs()
        rows = self.outcome.rows
        return write_report(self.folder, self.scenario, self.runs, rows, comparison=None)[-1]

    def _check_runs(self) -> None:
        if not self.runs:
            first = self.outcome.failures[0].error if self.outcome.failures else "none was played"
            raise InputError("runs", f"none has finished ({first}); see {self.folder / 'failures'}")

    def __repr__(self) -> str:
        """How many runs there are, and where."""
        failed = f", {len(self.outcome.failures)} failed" if self.outcome.failures else ""
        warned = "".join(f"; {warning}" for warning in self.warnings)
        name, turns = self.scenario.name, self.scenario.turns
        return (
            f"<Experiment {name}: {len(self.runs)} runs of {turns} turns{failed} in {self.folder}"
            f"{warned}>"
        )

    def _repr_html_(self) -> str:
        """The answer, and the summary as a table, for a notebook."""
        opening = f"<p>{html_text(self.answer)}</p>" if self.runs else ""
        rows = extended_summary([all_metrics(run) for run in self.runs]) if self.runs else []
        columns = ("measure", "mean", "student_low", "student_high", "min", "max")
        cells = [[row[column] for column in columns] for row in rows]
        return opening + html_table(repr(self).strip("<>"), columns, cells)


def experiment(
    source: str | Path | Scenario = "as-run",
    folder: str | Path | None = None,
    *,
    seed: int | None = None,
    jobs: int = 1,
    ledgers: bool = False,
    fresh: bool = False,
    **changes: Unpack[ScenarioChanges],
) -> PlayedExperiment:
    """Play many runs of a scenario into a folder; the same call resumes an interrupted one.

    Args:
        source: A file, a preset, a scenario, or the folder of an experiment, which goes on there.
        folder: Where the files go; `out/NAME` when None.
        seed: Of the first run's world; run r has `seed + r - 1`.
        jobs: Processes to play in; one where a policy cannot be imported by another process.
        ledgers: Whether to keep each run's ledger.
        fresh: Play every run again instead of resuming.
        changes: Settings that go over the file's, as in `play`; `runs` says how many.

    Raises:
        ScenarioError: With every problem found.
        FolderError: In use, another experiment's, of other settings, or not writable.
    """
    scenario = chosen_scenario(source, changes, _before(seed))
    into = _folder(played_folder(source) if folder is None else folder, scenario.name)
    outcome = run_experiment(scenario, into, jobs=_jobs(jobs), ledgers=ledgers, fresh=fresh)
    return PlayedExperiment(scenario, into, outcome)


def compare(
    *sources: str | Path | Scenario,
    folder: str | Path | None = None,
    seed: int | None = None,
    jobs: int = 1,
    fresh: bool = False,
    metrics: Sequence[str] = (),
    **changes: Unpack[ScenarioChanges],
) -> PlayedComparison:
    """Play several scenarios and compare each with the first, run by run with the same seed.

    Args:
        sources: At least two of different names; the shipped regimes when there are none.
        folder: Where the files go, a folder for each scenario in it; `out/compare` when None.
        seed, jobs, fresh, changes: As in `experiment`, for all of them.
        metrics: Columns of `metrics` that come first, in this order.

    Raises:
        InputError: A metric is not known.
        ScenarioError: With every problem found, or a scenario of which no run finished.
        FolderError: As `experiment`.
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    scenarios = [chosen_scenario(source, changes, _before(seed)) for source in sources or REGIMES]
    check_names(scenarios)
    named = _metrics(metrics)
    into = _folder(folder, "compare")
    played = []
    for scenario in scenarios:
        own = into / folder_name(scenario.name)
        outcome = run_experiment(scenario, own, jobs=_jobs(jobs), fresh=fresh)
        if not outcome.runs:
            failure = outcome.failures[0]
            problem = f"{scenario.name}: no run finished: {failure.error}; see {failure.path}"
            raise ScenarioError([problem])
        played.append((scenario, outcome.runs))
    return PlayedComparison(played, into, named)


def _metrics(metrics: Any) -> list[str]:
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        raise InputError("metrics", f"must be a list of names, not {metrics!r}")
    named = [*metrics]
    check_metrics(named)
    return named


def _before(seed: Any) -> int | None:
    """A scenario's `seed` for a world seed of its first run, which is one more."""
    if seed is None:
        return None
    if not is_whole(seed):
        raise ScenarioError([f"seed: must be an integer, not {seed!r}"])
    return seed - 1


def _folder(folder: Any, name: str) -> Path:
    if folder is None:
        return Path("out") / name
    if not isinstance(folder, str | Path):
        raise InputError("folder", f"must be a path, not {type(folder).__name__}")
    return Path(folder)


def _jobs(jobs: Any) -> int:
    if not is_whole(jobs) or jobs < 1:
        raise InputError("jobs", "must be an integer from 1 on")
    return int(jobs)
