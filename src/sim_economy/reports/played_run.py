"""One run for a notebook: played, recorded in memory, read as data frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, Unpack

from sim_economy.core.errors import InputError, ScenarioError
from sim_economy.core.world_config import WorldConfig
from sim_economy.ledger.readers.export import frame
from sim_economy.ledger.readers.html_table import html_table
from sim_economy.ledger.readers.plain_text import html_text
from sim_economy.ledger.readers.reading import config_of, genesis_record, ledger_of
from sim_economy.ledger.readers.statement import Statement, statement
from sim_economy.ledger.sidecars.locations import LedgerLocation
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.stores.protocol import Store
from sim_economy.reports.agent_frames import agents_frame, collectors_frame, incidence_frame
from sim_economy.reports.page.document import plain
from sim_economy.reports.sentences import answer
from sim_economy.runs.agent_outcomes import AgentOutcome, agent_outcomes, collectors
from sim_economy.runs.extended_metrics import ExtendedMetrics, all_metrics, run_warnings
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import Run, run_of
from sim_economy.scenarios.changes import ScenarioChanges
from sim_economy.scenarios.scenario import Scenario, load_scenario
from sim_economy.world.world import World

if TYPE_CHECKING:
    import polars


class Played:
    """A played run and its ledger.

    Attributes:
        run: Its series and counts.
        store: Its records.
        warnings: Why it says less than it seems to, such as gaps of a trace; empty if it does not.
    """

    def __init__(
        self,
        run: Run,
        store: Store,
        warnings: Sequence[str] = (),
        scenario: Scenario | None = None,
    ) -> None:
        self.run = run
        self.store = store
        self.warnings = list(warnings)
        self._scenario = scenario

    @classmethod
    def of(cls, source: World | Store) -> Self:
        """What a world has played so far, also one that was played by hand.

        Raises:
            InputError: It has no records, or has closed no turn.
        """
        store = ledger_of(source)
        if isinstance(store, LedgerLocation):
            raise InputError("world", "must be a world or a store; open a file with World.open")
        if store.head().turn < 1:
            raise InputError("world", "has closed no turn; play one with turn() or act()")
        return cls(run_of(store, 1), store)

    def __repr__(self) -> str:
        """Which run it is, and how it ended."""
        warned = "".join(f"; {warning}" for warning in self.warnings)
        return (
            f"<Played: seed {self.run.seed}, {self.run.turns} turns, {len(self.run.agent_ids)} "
            f"agents, {self.run.series.token_supply[-1]} tokens, head {self.run.head[:12]}{warned}>"
        )

    def _repr_html_(self) -> str:
        """The answer, then final balances and the metrics as tables, for a notebook."""
        series = self.run.series
        held = [*zip(self.run.agent_ids, series.balances[-1], series.staked[-1], strict=True)]
        title = f"After turn {self.run.turns}, seed {self.run.seed}"
        balances = html_table(title, ("agent", "balance", "staked"), held)
        metrics = html_table("Metrics", ("metric", "value"), [*self.metrics.items()])
        return f"<p>{html_text(self.answer)}</p>{balances}{metrics}"

    @property
    def answer(self) -> str:
        """Who goes broke and who collected, in one sentence."""
        return plain(answer(self._scenario, [self.run], self._config))

    @property
    def agents(self) -> polars.DataFrame:
        """What became of each agent, a row for each.

        Raises:
            ExtraMissingError: polars is not installed.
        """
        return agents_frame(self._outcomes)

    @property
    def collectors(self) -> polars.DataFrame:
        """Who collected what, by role and agent.

        Raises:
            ExtraMissingError: polars is not installed.
        """
        return collectors_frame(collectors([self.run], self._config), self._outcomes)

    @property
    def interventions(self) -> polars.DataFrame:
        """Who received and who paid by interventions, the platform last; empty without any.

        Raises:
            ExtraMissingError: polars is not installed.
        """
        return incidence_frame([self.run])

    @property
    def _outcomes(self) -> list[AgentOutcome]:
        return agent_outcomes([self.run], self._scenario, self._config)

    @property
    def _config(self) -> WorldConfig:
        return config_of(genesis_record(self.store))

    @property
    def metrics(self) -> ExtendedMetrics:
        """All metrics of the run by column: the published ones, and those beyond the paper."""
        return all_metrics(self.run)

    def frame(self, table: str = "balances") -> polars.DataFrame:
        """A table of the ledger, by its name, such as balances or postings.

        Raises:
            InputError: No such table; the message names all.
            ExtraMissingError: polars is not installed.
        """
        return frame(self.store, table)

    def statement(self, agent_id: str) -> Statement:
        """Every posting on the agent's balance, with its reason.

        Raises:
            InputError: No such agent.
        """
        return statement(self.store, agent_id)


def chosen_scenario(
    source: str | Path | Scenario, changes: ScenarioChanges, seed: int | None = None
) -> Scenario:
    """The scenario that a call names, with its changes.

    Args:
        seed: Of the first run's world; the scenario's own when None.

    Raises:
        ScenarioError: With every problem found.
    """
    if not isinstance(source, Scenario):
        return load_scenario(source, {**changes, **({} if seed is None else {"seed": seed})})
    if changes or seed is not None:
        raise ScenarioError(["a scenario takes no changes; name a file or a preset"])
    return source


def play(
    source: str | Path | Scenario = "as-run",
    seed: int | None = None,
    **changes: Unpack[ScenarioChanges],
) -> Played:
    """Play one run of a scenario file, a preset or a scenario, in memory.

    Args:
        seed: The world's seed; that of the scenario's first run when None.
        changes: Settings that go over the file's: `turns`, `policy` (a name, a class or a value),
            `population`, `usage` and any parameter of the world.

    Raises:
        ScenarioError: With every problem found.
        PolicyFailedError: A policy raised.
    """
    scenario = chosen_scenario(source, changes)
    run = scenario.replicate(seed)
    store = MemoryStore()
    return Played(play_run(scenario, run, store), store, run_warnings(scenario), scenario)
