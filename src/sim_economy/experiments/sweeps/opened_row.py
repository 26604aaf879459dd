"""The way back: a row of a sweep played by the core with its ledger, and held to its digest."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from sim_economy.batch.state_digest import state_digest
from sim_economy.core.errors import FolderError, InputError, SimEconomyError, needing
from sim_economy.core.suggestions import suggestion
from sim_economy.experiments.sweeps.kept_rows import UNFINISHED, failure_path, part_path
from sim_economy.experiments.sweeps.played_rows import RowStatus
from sim_economy.experiments.sweeps.row_origin import PointMeans, row_origin
from sim_economy.experiments.sweeps.sweep_folder import MANIFEST
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan
from sim_economy.experiments.sweeps.swept_keys import SweptKey
from sim_economy.ledger.readers.statement import statement
from sim_economy.ledger.sidecars.ledger_files import remove_ledger
from sim_economy.ledger.sidecars.run_folder import claimed, write_whole
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.reports.page.document import plain
from sim_economy.reports.report import write_report
from sim_economy.reports.sentences import answer
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import Run
from sim_economy.runs.run_metrics import run_metrics, table_csv
from sim_economy.scenarios.scenario import Scenario
from sim_economy.world.world import World


class DigestDiffersError(SimEconomyError):
    """A row whose world, played by the core with its ledger, ends in another state.

    Attributes:
        row: The row.
        recorded: The digest that the sweep holds.
        played: That of the world as the core plays it now.
    """

    code = "digest_differs"

    def __init__(self, row: int, recorded: int, played: int, ledger: str) -> None:
        self.row = row
        self.recorded = recorded
        self.played = played
        super().__init__(
            f"row {row}: the sweep holds the digest {recorded:016x}, the core ends at "
            f"{played:016x}; the ledger is {ledger}: report it, and trust the ledger"
        )


class OpenedRow(Struct, frozen=True, kw_only=True):
    """A row as the core played it again.

    Attributes:
        settings: What is set at its point, as a file writes it.
        digest: Of its last state, equal to the sweep's.
        agent_id: Whose statement was written: the agent with the lowest balance at the end.
        point_means: Over all runs of its point.
        files: Ledger, statement and, where one was asked for, the page of the report.
    """

    row: int
    point: int
    replicate: int
    seed: int
    settings: dict[str, str]
    digest: int
    scenario: Scenario
    run: Run
    agent_id: str
    ledger: Path
    point_means: PointMeans
    files: list[Path]

    @property
    def answer(self) -> str:
        """Who goes broke and who collected, in one sentence."""
        return plain(answer(self.scenario, [self.run]))

    def __repr__(self) -> str:
        """Which row it is, and where its ledger is."""
        return f"<Row {self.row}: digest {self.digest:016x} as in the sweep, ledger {self.ledger}>"


def row_at(plan: SweepPlan, at: Mapping[str, Any], replicate: int) -> int:
    """The row of a point by its coordinates.

    Args:
        at: The value of each varied key; one that has a single value can be left out.
        replicate: From 1.

    Raises:
        InputError: No point has these values; the message has the nearest one.
    """
    import numpy as np  # noqa: PLC0415 - not for --help

    keys = {key.name: key for key in plan.study.keys}
    if unknown := [name for name in at if name not in keys]:
        name = unknown[0]
        known = ", ".join(keys)
        raise InputError("at", f"{name} is not varied; there are {known}{suggestion(name, keys)}")
    at = {**_single_values(plan), **at}
    if missing := [name for name in keys if name not in at]:
        raise InputError("at", f"{', '.join(missing)}: is missing; every varied key is needed")
    if not 1 <= replicate <= plan.study.seeds:
        raise InputError("replicate", f"must be from 1 to {plan.study.seeds}")
    held = {name: keys[name].held(_text(value)) for name, value in at.items()}
    matches = np.ones(plan.points, bool)
    for name, number in held.items():
        matches &= plan.columns[name] == (np.iinfo(np.int64).min if number is None else number)
    found = matches.nonzero()[0]
    if not len(found):
        shown = plan.shown(_nearest(plan, {name: _text(value) for name, value in at.items()}))
        nearest = " ".join(f"--at {name}={value}" for name, value in shown.items())
        raise InputError("at", f"no point is there; the nearest one is {nearest}")
    return int(found[0]) * plan.study.seeds + replicate - 1


def _single_values(plan: SweepPlan) -> dict[str, str]:
    """The keys that have the same value at every point, with it."""
    first = plan.shown(0)
    return {
        key.name: first[key.name]
        for key in plan.study.keys
        if len(set(plan.columns[key.name].tolist())) == 1
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nearest(plan: SweepPlan, at: Mapping[str, str]) -> int:
    """The point at the least distance, each key over its range; another label is a whole range."""
    import numpy as np  # noqa: PLC0415

    distance = np.zeros(plan.points)
    for key in plan.study.keys:
        distance += _distance(key, plan.columns[key.name], at[key.name]) ** 2
    return int(distance.argmin())


def _distance(key: SweptKey, column: Any, text: str) -> Any:
    import numpy as np  # noqa: PLC0415

    if key.labels:
        return (column != key.held(text)).astype(float)
    try:
        wanted = float(Decimal(text) * key.scale)
    except ArithmeticError:
        return np.zeros(len(column))
    return (column - wanted) / max(1, key.high - key.low)


def open_row(
    plan: SweepPlan, folder: Path, row: int, into: Path | None = None, *, report: bool = True
) -> OpenedRow:
    """Play a row again with its ledger, compare its digest, verify, write statement and report.

    Args:
        folder: The sweep's.
        into: Where the files go; `opened/row-N` in the sweep's folder when None.
        report: Whether to write the run's report.

    Raises:
        InputError: There is no such row, it has not been played, or it failed.
        DigestDiffersError: The core ends in another state than the sweep holds.
        FolderError: The folder cannot be written, or is another's.
    """
    recorded = _recorded_digest(plan, folder, row)
    scenario = plan.scenario_of(row)
    home = into or folder / "opened" / f"row-{row}"
    with claimed(home, "row", _is_row_folder):
        ledger = home / "world.sqlite"
        remove_ledger(ledger)
        # One commit: whoever plays a row again loses nothing by playing it from its start.
        with closing(SQLiteStore.new(ledger)) as store, store.one_commit():
            run = play_run(scenario, 1, store)
        with World.open(ledger, read_only=True) as world:
            digest = state_digest(world.state, world.config)
        if digest != recorded:
            raise DigestDiffersError(row, recorded, digest, str(ledger))
        return _described(plan, folder, row, scenario, run, digest, home, report=report)


def _is_row_folder(folder: Path) -> bool:
    """Test whether the folder is empty, or an earlier opening's."""
    names = {path.name for path in folder.iterdir()}
    return MANIFEST not in names and ("world.sqlite" in names or names <= {".lock"})


def _described(
    plan: SweepPlan,
    folder: Path,
    row: int,
    scenario: Scenario,
    run: Run,
    digest: int,
    home: Path,
    *,
    report: bool,
) -> OpenedRow:
    """The verified ledger with its statement and its report."""
    ledger = home / "world.sqlite"
    verified = verify(ledger)
    if verified.finding is not None:
        raise FolderError("record_damaged", str(ledger), f"is not sound: {verified.finding}")
    balances = run.series.balances[-1]
    agent_id = run.agent_ids[balances.index(min(balances))]
    shown = statement(ledger, agent_id)
    path = home / "statement.csv"
    lines = [asdict(line) for line in shown.lines] or [{"turn": None}]
    write_whole(path, table_csv(lines).encode())
    files = [ledger, path]
    if report:
        metrics = [run_metrics(run)]
        origin = row_origin(plan, folder, row, digest)
        written = write_report(home, scenario, [run], metrics, comparison=None, origin=origin)
        files.append(written[-1])
    return OpenedRow(
        row=row,
        point=plan.point_of(row),
        replicate=plan.replicate_of(row),
        seed=plan.seed_of(row),
        settings=plan.shown(plan.point_of(row)),
        digest=digest,
        scenario=scenario,
        run=run,
        agent_id=agent_id,
        ledger=ledger,
        point_means=PointMeans.of(folder, plan.point_of(row)),
        files=files,
    )


def _recorded_digest(plan: SweepPlan, folder: Path, row: int) -> int:
    """The digest that a sweep holds for a row.

    Raises:
        InputError: There is no such row, it has not been played, or it failed.
    """
    with needing("a sweep", "report"):
        import polars  # noqa: PLC0415

    if not 0 <= row < plan.rows:
        raise InputError("row", f"must be from 0 to {plan.rows - 1}")
    part = part_path(folder, row)
    paths = [part] if part.exists() else sorted((folder / UNFINISHED).glob("rows-*.parquet"))
    for path in paths:
        frame = polars.read_parquet(path, columns=["row", "status", "digest"])
        found = frame.filter(polars.col("row") == row)
        if found.height:
            if found["status"][0] == RowStatus.FAILED.name.lower():
                raise InputError("row", f"{row} failed; see {failure_path(folder, row)}")
            return int(found["digest"][0])
    raise InputError("row", f"{row} has not been played yet; run the sweep again to go on")
