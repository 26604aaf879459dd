"""One run for a notebook: played, recorded in memory, read as data frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim_economy.core.errors import ScenarioError
from sim_economy.ledger.readers.export import frame
from sim_economy.ledger.readers.statement import Statement, statement
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.stores.protocol import Store
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import Run
from sim_economy.runs.run_metrics import Row, run_metrics
from sim_economy.scenarios.scenario import Scenario, load_scenario

if TYPE_CHECKING:
    import polars


class Played:
    """A finished run and its ledger.

    Attributes:
        run: Its series and counts.
        store: Its records.
    """

    def __init__(self, run: Run, store: Store) -> None:
        self.run = run
        self.store = store

    @property
    def metrics(self) -> Row:
        """The published metrics of the run, by column."""
        return run_metrics(self.run)

    def frame(self, table: str = "balances") -> polars.DataFrame:
        """A table of the ledger, by its name, such as balances or postings.

        Raises:
            ExtraMissingError: polars is not installed.
        """
        return frame(self.store, table)

    def statement(self, agent_id: str) -> Statement:
        """Every posting on the agent's balance, with its reason.

        Raises:
            InputError: No such agent.
        """
        return statement(self.store, agent_id)


def play(
    source: str | Path | Scenario = "as-run", seed: int | None = None, **changes: Any
) -> Played:
    """Play one run of a scenario file, a preset or a scenario, in memory.

    Args:
        seed: The world's seed; that of the scenario's first run when None.
        changes: Settings that go over the file's: `turns`, `policy`, `usage` and any parameter.

    Raises:
        ScenarioError: With every problem found.
    """
    if isinstance(source, Scenario):
        scenario = source
        if changes:
            raise ScenarioError(["a scenario takes no changes; name a file or a preset"])
    else:
        scenario = load_scenario(source, changes)
    run = scenario.replicate(seed)
    store = MemoryStore()
    return Played(play_run(scenario, run, store), store)
