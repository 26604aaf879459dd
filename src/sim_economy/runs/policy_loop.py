"""One run of a scenario: the turn loop, and the series it leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from sim_economy.agents.policy import Policy, decided_input, views
from sim_economy.agents.usage_model import Usage
from sim_economy.core.accounts import DESTROYED, PLATFORM
from sim_economy.core.actions import Input, action_name
from sim_economy.core.events import Turn
from sim_economy.core.state import State
from sim_economy.ledger.readers.counts import ledger_counts
from sim_economy.ledger.stores.protocol import Store
from sim_economy.runs.run import Run, Series
from sim_economy.scenarios.scenario import Scenario
from sim_economy.world.world import World


def open_turns(
    world: World, policies: Sequence[Policy], usage: Iterable[list[Usage]], turns: int
) -> Iterator[tuple[int, list[Input]]]:
    """The inputs of each turn of a world from the open one to `turns`.

    Whoever iterates closes the turn before it goes on.

    Args:
        policies: `[agent]`.
        usage: Of turn 1 on; what lies before the open turn is passed over.
    """
    closed = world.turn_number
    for turn, used in enumerate(islice(usage, turns), 1):
        if turn > closed:
            seen = views(world.state, world.config)
            yield turn, [*map(decided_input, policies, seen, used)]


def play(
    world: World, policies: Sequence[Policy], usage: Iterable[list[Usage]], turns: int
) -> Iterator[tuple[Turn, list[Input]]]:
    """Play a world from where it is to the end of turn `turns`, and declare the run's end there.

    Yields:
        Each closed turn with its inputs.
    """
    for turn, inputs in open_turns(world, policies, usage, turns):
        yield world.turn(inputs, ends=turn == turns), inputs


def _observe(
    series: Series,
    moved: defaultdict[tuple[int, int, str], int],
    turn: Turn,
    state: State,
    inputs: Iterable[Input],
) -> None:
    flows: dict[str, int] = {}
    for posting in turn.postings:
        amount, reason = posting.amount, posting.reason
        flows[reason] = flows.get(reason, 0) + amount
        moved[posting.source, posting.target, reason] += amount
    series.flows.append(flows)
    actions: dict[str, int] = {}
    for sent in inputs:
        name = action_name(sent.action)
        actions[name] = actions.get(name, 0) + 1
    series.actions.append(actions)
    series.winners.append(turn.block.winner if turn.block else None)
    series.fees_covered.append(turn.bill.covered)
    series.fees_waived.append(turn.bill.waived)
    series.rejections.append(len(turn.outcomes) - turn.outcomes.count(None))
    series.token_supply.append(turn.token_supply)
    series.platform.append(state.accounts[PLATFORM])
    series.destroyed.append(state.accounts[DESTROYED])
    series.balances.append(state.balances)
    series.staked.append(state.staked)


def play_run(
    scenario: Scenario,
    run: int,
    store: Store | None = None,
    progress: Callable[[int], None] = lambda turn: None,
) -> Run:
    """Play one replicate of a scenario from genesis.

    Args:
        run: From 1; it decides the seed.
        store: Where its records go; memory when None.
        progress: Called with each closed turn.
    """
    config = scenario.config_of_run(run)
    world = World(config, store=store, world_id=f"{scenario.name}/{config.seed}")
    series = Series.empty()
    moved: defaultdict[tuple[int, int, str], int] = defaultdict(int)
    usage = scenario.usage.turns(config)
    for turn, inputs in play(world, scenario.policies, usage, scenario.turns):
        _observe(series, moved, turn, world.state, inputs)
        progress(turn.turn)
    return Run(
        run=run,
        seed=config.seed,
        agent_ids=list(config.agent_ids),
        series=series,
        counts=ledger_counts(world.store, moved),
        head=world.head.hash,
        state_digest=world.head.state_digest,
    )
