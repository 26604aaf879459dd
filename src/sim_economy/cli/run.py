"""`run`."""

from __future__ import annotations

from collections.abc import Callable

import click

from sim_economy.cli.agent_tables import (
    agents_json,
    show_agents,
    show_collectors,
    show_interventions,
)
from sim_economy.cli.experiment_output import SHOWN_METRICS, rounded, show_warnings
from sim_economy.cli.options import json_option, seed_option, set_option, turns_option
from sim_economy.cli.output import (
    LedgerType,
    print_json,
    print_table,
    progress_bar,
    say,
    say_wrapped,
)
from sim_economy.cli.scenario_options import chosen_scenario, policy_option, scenario_argument
from sim_economy.core.errors import ScenarioError
from sim_economy.ledger.sidecars.locations import LedgerLocation
from sim_economy.reports.page.document import plain
from sim_economy.reports.sentences import answer
from sim_economy.runs.agent_outcomes import agent_outcomes, collectors
from sim_economy.runs.extended_metrics import run_warnings
from sim_economy.runs.policy_loop import play, play_run
from sim_economy.runs.run import Run
from sim_economy.runs.run_metrics import run_metrics
from sim_economy.scenarios.scenario import Scenario
from sim_economy.world.world import World


@click.command()
@scenario_argument
@policy_option
@turns_option
@seed_option
@set_option
@click.option(
    "--ledger", type=LedgerType(), help="Keep the ledger in this new file or PostgreSQL database."
)
@click.option("--resume", is_flag=True, help="Play on from where the ledger file stopped.")
@json_option
def run(
    scenario: str,
    policy: str | None,
    turns: int | None,
    seed: int | None,
    changes: tuple[str, ...],
    ledger: LedgerLocation | None,
    resume: bool,
    as_json: bool,
) -> int:
    """Play one run of SCENARIO: a file, a shipped one, or the folder of an experiment.

    With a folder it is the scenario that its runs were played with: `run out/market --seed 4003`
    plays the run with that seed again.
    """
    if resume and ledger is None:
        raise click.UsageError("--resume needs --ledger, the file to play on from")
    chosen = chosen_scenario(scenario, changes, policy, turns=turns)
    number = chosen.replicate(seed)
    show_warnings(run_warnings(chosen))
    with progress_bar(chosen.name, chosen.turns) as progress:
        if ledger is not None and resume:
            return _resume(chosen, number, ledger, progress, as_json=as_json)
        store = ledger.new() if ledger else None
        try:
            played = play_run(chosen, number, store, progress)
        finally:
            if store is not None:
                store.close()
    _show_run(chosen, played, ledger, as_json=as_json)
    return 0


def _resume(
    chosen: Scenario,
    number: int,
    ledger: LedgerLocation,
    progress: Callable[[int], None],
    *,
    as_json: bool,
) -> int:
    with World.open(ledger.open()) as world:
        wanted = chosen.config_of_run(number)
        if wanted != world.config:
            raise ScenarioError(
                [f"{ledger.name}: holds a run of another scenario or seed; give its own again"]
            )
        before = world.turn_number
        usage = chosen.usage.turns(wanted)
        for turn, _ in play(world, chosen.policies, usage, chosen.turns):
            progress(turn.turn)
        finished = world.state.ended
        result = {
            "ledger": ledger.name,
            "resumed_after_turn": before,
            "turns": world.turn_number,
            "head": world.head.hash,
            "balances": dict(zip(wanted.agent_ids, world.state.balances, strict=True)),
        }
    if as_json:
        print_json(result)
    elif before == result["turns"]:
        state = "the run is finished" if finished else "it has as many turns"
        say(f"nothing to play: {state}, turn {before} was its last; head {result['head']}")
    else:
        say(f"played turns {before + 1} to {result['turns']}; head {result['head']}")
    return 0


def _show_run(
    chosen: Scenario, played: Run, ledger: LedgerLocation | None, *, as_json: bool
) -> None:
    metrics = run_metrics(played)
    balances = dict(zip(played.agent_ids, played.series.balances[-1], strict=True))
    if as_json:
        print_json(
            {
                "name": chosen.name,
                "seed": played.seed,
                "metrics": metrics,
                "balances": balances,
                "head": played.head,
                "state_digest": played.state_digest,
                "ledger": ledger and ledger.name,
                **agents_json(chosen, [played]),
            }
        )
        return
    say_wrapped(plain(answer(chosen, [played])))
    title = f"{chosen.name}, seed {played.seed}: after turn {played.turns}"
    staked = dict(zip(played.agent_ids, played.series.staked[-1], strict=True))
    show_agents(agent_outcomes([played], chosen), title, staked)
    show_collectors(collectors([played], chosen.config))
    show_interventions([played])
    print_table("", ("measure", "value"), [[key, rounded(metrics[key])] for key in SHOWN_METRICS])
    say(f"head {played.head}")
    if ledger:
        seen = f"sim-economy statement {ledger.name} {played.agent_ids[0]}"
        say(f"ledger {ledger.name}; see `{seen}`")
