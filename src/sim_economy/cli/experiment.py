"""`reproduce`, `run` and `experiment`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from sim_economy.agents import catalogue
from sim_economy.agents.usage import TracedUsage
from sim_economy.cli.output import print_json, print_table, progress_bar
from sim_economy.core.errors import ExtraMissingError, ScenarioError
from sim_economy.experiments.folder import Outcome, run_experiment
from sim_economy.experiments.metrics import all_alike, run_metrics
from sim_economy.experiments.published import Comparison, compare
from sim_economy.experiments.run import Run, play, play_run
from sim_economy.experiments.treatment import SHIPPED, Treatment, load_treatment
from sim_economy.session.world import World
from sim_economy.store.sqlite import SQLiteStore


def scenario_names(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Shipped scenarios, and files, for completion in a shell."""
    del ctx, param
    shipped = [CompletionItem(name) for name in SHIPPED if name.startswith(begun)]
    return [*shipped, CompletionItem(begun, type="file")]


_scenario = click.argument("scenario", default="as-run", shell_complete=scenario_names)
_set = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one setting of the scenario; may be given often.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_policy = click.option(
    "--policy", metavar="NAME", help=f"What the agents do: {', '.join(catalogue.SHIPPED)}."
)
_turns = click.option("--turns", type=int, help="Turns of a run.")
_report = click.option(
    "--report/--no-report", default=True, help="Write report.md and report.html."
)


def _treatment(
    scenario: str, changes: tuple[str, ...], policy: str | None, **numbers: int | None
) -> Treatment:
    """The scenario with what the options change."""
    given = [f"{key}={value}" for key, value in numbers.items() if value is not None]
    if policy is not None:
        given.append(f'policy="{policy}"')
    return load_treatment(scenario, [*changes, *given])


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/reproduce"),
    show_default=True,
    help="Folder for the files.",
)
@_report
@_json
def reproduce(out: Path, report: bool, as_json: bool) -> int:
    """Run the published experiment anew and compare every cell with the published one.

    Exits with 1 if a cell differs.
    """
    treatment = load_treatment("as-run")
    with progress_bar("published experiment", treatment.runs) as progress:
        outcome = run_experiment(treatment, out, fresh=True, progress=progress)
    comparison = compare(
        (out / "run_metrics.csv").read_text(encoding="utf-8") if outcome.rows else "",
        (out / "summary.json").read_text(encoding="utf-8") if outcome.rows else "",
    )
    written = _write_report(out, treatment, outcome, comparison) if report and outcome.rows else []
    if as_json:
        print_json(
            {
                "cells": comparison.cells,
                "exact": comparison.exact,
                "informative_cells": comparison.informative_cells,
                "informative_columns": comparison.informative_columns,
                "first_difference": _plain(comparison.first_difference),
                "summary_equal": comparison.summary_equal,
                "failures": [_plain(failure) for failure in outcome.failures],
                "folder": str(out),
                "report": [str(path) for path in written],
            }
        )
    else:
        _show_comparison(comparison, len(outcome.runs), treatment.turns)
        _show_rest(outcome, out, written)
    return 0 if comparison.holds else 1


@click.command()
@_scenario
@_policy
@_turns
@click.option("--runs", type=int, help="Replicates.")
@click.option("--seed", type=int, help="Run r is played with this seed + r.")
@_set
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the files.  [default: out/NAME]"
)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--ledgers", is_flag=True, help="Keep each run's ledger file.")
@click.option("--fresh", is_flag=True, help="Start over instead of resuming.")
@_report
@_json
def experiment(
    scenario: str,
    policy: str | None,
    turns: int | None,
    runs: int | None,
    seed: int | None,
    changes: tuple[str, ...],
    out: Path | None,
    jobs: int,
    ledgers: bool,
    fresh: bool,
    report: bool,
    as_json: bool,
) -> int:
    """Play many runs of SCENARIO, a file or a shipped one, into a folder.

    The same command goes on where an interrupted one stopped. Exits with 1 if a run failed.
    """
    treatment = _treatment(scenario, changes, policy, turns=turns, runs=runs, seed=seed)
    folder = out or Path("out") / treatment.name
    with progress_bar(treatment.name, treatment.runs) as progress:
        outcome = run_experiment(
            treatment, folder, jobs=jobs, ledgers=ledgers, fresh=fresh, progress=progress
        )
    written = _write_report(folder, treatment, outcome, None) if report and outcome.rows else []
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "runs": len(outcome.runs),
                "resumed": outcome.resumed,
                "failures": [_plain(failure) for failure in outcome.failures],
                "missing": outcome.missing,
                "report": [str(path) for path in written],
                "rows": outcome.rows,
            }
        )
    else:
        _show_doubts(treatment, outcome)
        columns = ("run_id", *_SHOWN)
        rows = [[_short(row[column]) for column in columns] for row in outcome.rows]
        print_table(f"{treatment.name}: {len(rows)} runs of {treatment.turns} turns", columns, rows)
        if outcome.resumed:
            click.echo(f"{outcome.resumed} runs were there already")
        _show_rest(outcome, folder, written)
    return 1 if outcome.failures else 0


@click.command()
@_scenario
@_policy
@_turns
@click.option("--seed", type=int, help="The world's seed.  [default: the scenario's, + 1]")
@_set
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="Keep the ledger in this new SQLite file."
)
@click.option("--resume", is_flag=True, help="Play on from where the ledger file stopped.")
@_json
def run(
    scenario: str,
    policy: str | None,
    turns: int | None,
    seed: int | None,
    changes: tuple[str, ...],
    ledger: Path | None,
    resume: bool,
    as_json: bool,
) -> int:
    """Play one run of SCENARIO, a file or a shipped one."""
    if resume and ledger is None:
        raise click.UsageError("--resume needs --ledger, the file to play on from")
    treatment = _treatment(scenario, changes, policy, turns=turns)
    number = treatment.replicate(seed)
    with progress_bar(treatment.name, treatment.turns) as progress:
        if ledger is not None and resume:
            return _resume(treatment, number, ledger, progress, as_json=as_json)
        store = SQLiteStore.new(ledger) if ledger else None
        try:
            played = play_run(treatment, number, store, progress)
        finally:
            if store is not None:
                store.close()
    _show_run(treatment, played, ledger, as_json=as_json)
    return 0


def _resume(
    treatment: Treatment,
    number: int,
    ledger: Path,
    progress: Callable[[int], None],
    *,
    as_json: bool,
) -> int:
    with World.open(ledger) as world:
        wanted = treatment.scenario_of_run(number)
        if wanted != world.scenario:
            raise ScenarioError(
                [f"{ledger}: holds a run of another scenario or seed; give the same ones again"]
            )
        before = world.turn_number
        usage = treatment.usage.turns(wanted)
        for turn, _ in play(world, treatment.policies, usage, treatment.turns):
            progress(turn.turn)
        result = {
            "ledger": str(ledger),
            "resumed_after_turn": before,
            "turns": world.turn_number,
            "head": world.head.hash,
            "balances": dict(zip(wanted.agent_ids, world.state.balances, strict=True)),
        }
    if as_json:
        print_json(result)
    else:
        click.echo(f"played turns {before + 1} to {result['turns']}; head {result['head']}")
    return 0


_SHOWN = (
    "token_supply_final",
    "fees_total",
    "turns_with_block",
    "negative_balance_agents",
    "gini_wealth_shifted",
    "actions_mine",
    "actions_job",
)


def _show_run(treatment: Treatment, played: Run, ledger: Path | None, *, as_json: bool) -> None:
    metrics = run_metrics(played)
    balances = dict(zip(played.agent_ids, played.series.balances[-1], strict=True))
    if as_json:
        print_json(
            {
                "name": treatment.name,
                "seed": played.seed,
                "metrics": metrics,
                "balances": balances,
                "head": played.head,
                "state_digest": played.state_digest,
                "ledger": ledger and str(ledger),
            }
        )
        return
    staked = played.series.staked[-1]
    rows = [
        [agent, tokens, staked[place]] for place, (agent, tokens) in enumerate(balances.items())
    ]
    title = f"{treatment.name}, seed {played.seed}: after turn {played.turns}"
    print_table(title, ("agent", "balance", "staked"), rows)
    print_table("", ("measure", "value"), [[key, _short(metrics[key])] for key in _SHOWN])
    click.echo(f"head {played.head}")
    if ledger:
        click.echo(f"ledger {ledger}; see `sim-economy statement {ledger} {played.agent_ids[0]}`")


def _show_comparison(comparison: Comparison, runs: int, turns: int) -> None:
    first = comparison.first_difference
    rows: list[list[Any]] = [
        ["runs x turns", f"{runs} x {turns}"],
        ["cells compared", comparison.cells],
        ["cells exact", comparison.exact],
        ["informative cells", f"{comparison.informative_cells} (the rest is constant or repeats)"],
        ["summary.json", "equal byte for byte" if comparison.summary_equal else "differs"],
    ]
    if first is not None:
        place = f"run {first.run_id}, {first.column}"
        rows.append(["first difference", f"{place}: {first.published}, ours {first.ours}"])
    print_table("the published experiment, reproduced", ("", ""), rows)


def _show_doubts(treatment: Treatment, outcome: Outcome) -> None:
    """What makes the runs say less than their number suggests."""
    usage = treatment.usage
    if isinstance(usage, TracedUsage):
        missing = usage.gaps(treatment.scenario, treatment.turns)
        every = treatment.turns * treatment.scenario.num_agents
        if missing:
            click.echo(
                f"{usage.path} has no row for {missing} of {every} agent-turns; "
                "they count as no usage",
                err=True,
            )
    if all_alike(outcome.rows):
        click.echo(
            "all runs came out alike: nothing in them depends on the seed, so intervals over them "
            "say nothing",
            err=True,
        )


def _show_rest(outcome: Outcome, folder: Path, written: list[Path]) -> None:
    for failure in outcome.failures:
        click.echo(f"run {failure.run} failed: {failure.error}; see {failure.path}", err=True)
    for note in outcome.missing:
        click.echo(f"left out: {note}", err=True)
    click.echo(f"files in {folder}" + (f"; read {written[-1]}" if written else ""))


def _write_report(
    folder: Path, treatment: Treatment, outcome: Outcome, comparison: Comparison | None
) -> list[Path]:
    """The report; with a comparison, the economy as written stands beside it."""
    from sim_economy.experiments.report import write_report  # noqa: PLC0415

    beside = []
    if comparison is not None:
        other = load_treatment("as-written")
        runs = [play_run(other, run) for run in range(1, other.runs + 1)]
        beside = [(other, runs, [run_metrics(run) for run in runs])]
    try:
        return write_report(
            folder, treatment, outcome.runs, outcome.rows, comparison=comparison, beside=beside
        )
    except ExtraMissingError as error:
        outcome.missing.append(str(error))
        return []


def _short(value: float) -> int | str:
    return value if isinstance(value, int) else f"{value:.3f}"


def _plain(value: Any) -> Any:
    return (
        None if value is None else {name: getattr(value, name) for name in value.__struct_fields__}
    )
