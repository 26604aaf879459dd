"""One run of a treatment: the turn loop, and the series it leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from msgspec import Struct, json

from sim_economy.agents.policy import Move, Policy, views
from sim_economy.agents.usage import Usage
from sim_economy.core.actions import Input, action_name
from sim_economy.core.events import Turn
from sim_economy.core.ledger import BALANCE, DESTROYED, PLATFORM, STAKED, WIDTH
from sim_economy.core.state import State
from sim_economy.experiments.counts import LedgerCounts, ledger_counts
from sim_economy.experiments.treatment import Treatment
from sim_economy.session.series import walk
from sim_economy.session.world import World, genesis_record
from sim_economy.store.protocol import Store


class Series(Struct):
    """What is kept of each turn of a run, `[turn]`; of each agent too, `[turn, agent]`.

    Attributes:
        flows: Tokens moved, by posting reason.
        actions: Agents that chose each action.
        winners: The block's winner, or None.
        platform: The platform's balance; what it keeps is rent.
        destroyed: Tokens destroyed so far.
        balances: Tokens, `[turn, agent]`.
        staked: Tokens, `[turn, agent]`.
    """

    flows: list[dict[str, int]]
    actions: list[dict[str, int]]
    winners: list[str | None]
    fees_covered: list[int]
    fees_waived: list[int]
    rejections: list[int]
    token_supply: list[int]
    platform: list[int]
    destroyed: list[int]
    balances: list[list[int]]
    staked: list[list[int]]


class Run(Struct):
    """One finished run.

    Attributes:
        run: The replicate, from 1.
        head: The chain head after the last turn; empty for an unrecorded run.
        state_digest: Of the last state.
    """

    run: int
    seed: int
    agent_ids: list[str]
    series: Series
    counts: LedgerCounts
    head: str
    state_digest: str

    @property
    def turns(self) -> int:
        """Turns played."""
        return len(self.series.winners)


def play(
    world: World, policies: Sequence[Policy], usage: Iterable[list[Usage]], turns: int
) -> Iterator[tuple[Turn, list[Input]]]:
    """Play a world from where it is to the end of turn `turns`, and declare the run's end there.

    Args:
        policies: `[agent]`.
        usage: Of turn 1 on; what lies before the open turn is passed over.

    Yields:
        Each closed turn with its inputs.
    """
    for turn_number, used in enumerate(islice(usage, turns), 1):
        if turn_number <= world.turn_number:
            continue
        inputs = inputs_of(world, policies, used)
        yield world.turn(inputs, ends=turn_number == turns), inputs


def inputs_of(world: World, policies: Sequence[Policy], used: Sequence[Usage]) -> list[Input]:
    """What every agent sends for the open turn, with its usage `[agent]`."""
    before = views(world.state, world.scenario)
    inputs = []
    for agent_id, policy, view, (thinking_units, output_units) in zip(
        world.scenario.agent_ids, policies, before, used, strict=True
    ):
        try:
            decided = policy.decide(view)
        except Exception as error:
            error.add_note(f"{type(policy).__name__} decided for {agent_id} in turn {view.turn}")
            raise
        if isinstance(decided, Move):
            action, speech, thinking = decided.action, decided.speech, decided.thinking
            inputs.append(Input(agent_id, action, thinking_units, output_units, thinking, speech))
        else:
            inputs.append(Input(agent_id, decided, thinking_units, output_units))
    return inputs


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
    treatment: Treatment,
    run: int,
    store: Store | None = None,
    progress: Callable[[int], None] = lambda turn: None,
) -> Run:
    """Play one replicate of a treatment from genesis.

    Args:
        run: From 1; it decides the seed.
        store: Where its records go; memory when None.
        progress: Called with each closed turn.
    """
    scenario = treatment.scenario_of_run(run)
    world = World(scenario, store=store, world_id=f"{treatment.name}/{scenario.seed}")
    series = Series([], [], [], [], [], [], [], [], [], [], [])
    moved: defaultdict[tuple[int, int, str], int] = defaultdict(int)
    usage = treatment.usage.turns(scenario)
    for turn, inputs in play(world, treatment.policies, usage, treatment.turns):
        _observe(series, moved, turn, world.state, inputs)
        progress(turn.turn)
    return Run(
        run,
        scenario.seed,
        list(scenario.agent_ids),
        series,
        ledger_counts(world.store, moved),
        world.head.hash,
        world.head.state_digest,
    )


def run_of(store: Store, run: int = 0) -> Run:
    """The run that a ledger holds, as if it had been watched while it was played."""
    first = genesis_record(store)
    series = Series([], [], [], [], [], [], [], [], [], [], [])
    for figures, accounts in walk(store):
        series.flows.append(figures["flows"])
        series.actions.append(figures["actions"])
        series.winners.append(figures["winner"])
        series.fees_covered.append(figures["fees_covered"])
        series.fees_waived.append(figures["fees_waived"])
        series.rejections.append(figures["rejections"])
        series.token_supply.append(figures["token_supply"])
        series.platform.append(figures["platform"])
        series.destroyed.append(figures["destroyed"])
        series.balances.append(accounts[BALANCE::WIDTH])
        series.staked.append(accounts[STAKED::WIDTH])
    head = store.head()
    return Run(
        run,
        first.seed,
        list(first.agent_ids),
        series,
        ledger_counts(store),
        head.hash,
        head.state_digest,
    )


def encode_run(run: Run) -> bytes:
    """A finished run as JSON, to be read back by `decode_run`."""
    return json.encode(run)


def decode_run(text: bytes) -> Run:
    """A finished run from its JSON.

    Raises:
        msgspec.ValidationError: It is none.
    """
    return json.decode(text, type=Run)


def total(series: Series, reason: str) -> int:
    """Tokens moved for a reason over the whole run."""
    return sum(flows.get(reason, 0) for flows in series.flows)


def fees(series: Series) -> int:
    """Tokens collected as fees over the whole run, out of balances and out of forwards."""
    return total(series, "inference_fee") + total(series, "forward_fee")


def chosen(series: Series, action: str) -> int:
    """How often agents chose an action over the whole run."""
    return sum(actions.get(action, 0) for actions in series.actions)
