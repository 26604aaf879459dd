"""An orchestrated run in numbers: balances by turn, and each agent's sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import chain, takewhile

from msgspec import Struct

from sim_economy.orchestrator.limits.budget import Spending
from sim_economy.orchestrator.record.transcript import AgentTurn, Transcript
from sim_economy.runs.agent_outcomes import agent_outcomes
from sim_economy.runs.run import Run, fees


class AgentTotals(Struct, frozen=True, kw_only=True):
    """One agent over a whole run.

    Attributes:
        backend: Its model's table, or its policy.
        turns: Turns in which it decided.
        could_not_act: Turns in which it was idle although it was asked.
        thinking_units: Billed, as are its output units.
        fees: Tokens paid for its thinking; None where the ledger is elsewhere.
        model_tokens: Prompts and replies, as its provider counted them.
        balance: After the last turn that is known.
        lowest: Of its balances from genesis on.
        turns_below: Turns after which its balance was below zero.
        below_since: The first turn of those up to the last after which it is below zero.
    """

    agent_id: str
    backend: str
    turns: int
    could_not_act: int
    refused: int
    spoke: int
    calls: int
    thinking_units: int
    output_units: int
    fees: int | None
    model_tokens: int
    money: Decimal
    balance: int
    lowest: int
    turns_below: int
    below_since: int | None


class RunTotals(Struct, frozen=True, kw_only=True):
    """A whole run.

    Attributes:
        balances: Tokens, `[turn, agent]`, from genesis on.
        fees: Tokens that all paid for their thinking; None where the ledger is elsewhere.
        fees_covered: The part of them that balances and forwards held.
    """

    agents: list[AgentTotals]
    balances: list[list[int]]
    fees: int | None
    fees_covered: int | None
    model_tokens: int
    money: Decimal

    @property
    def below_zero(self) -> list[AgentTotals]:
        """The agents that are below zero after the last turn, the first to be so first."""
        below = [own for own in self.agents if own.below_since is not None]
        return sorted(below, key=lambda own: own.below_since or 0)


def run_totals(transcript: Transcript) -> RunTotals:
    """The sums of a run, from its ledger where it is here, else from what its agents saw."""
    balances = balances_by_turn(transcript)
    paid = _fees_by_agent(transcript.played)
    by_agent = transcript.by_agent()
    agents = [
        _agent_totals(
            agent_id,
            by_agent.get(agent_id, []),
            [held[index] for held in balances],
            transcript.spent.get(agent_id, Spending()),
            None if paid is None else paid[index],
        )
        for index, agent_id in enumerate(transcript.task.config.agent_ids)
    ]
    played = transcript.played
    return RunTotals(
        agents=agents,
        balances=balances,
        fees=fees(played.series) if played else None,
        fees_covered=sum(played.series.fees_covered) if played else None,
        model_tokens=sum(own.model_tokens for own in agents),
        money=sum((own.money for own in agents), Decimal(0)),
    )


def balances_by_turn(transcript: Transcript) -> list[list[int]]:
    """Tokens, `[turn, agent]`, from genesis on; what agents saw ends before their last turn."""
    genesis = [transcript.task.config.genesis_tokens_per_agent] * transcript.task.config.num_agents
    if transcript.played is not None:
        return [genesis, *transcript.played.series.balances]
    whole = (
        [own.balance for own in agent_turns]
        for agent_turns in transcript.agent_turns.values()
        if len(agent_turns) == len(genesis)
    )
    return list(whole) or [genesis]


def _fees_by_agent(played: Run | None) -> Counter[int] | None:
    """Tokens that each agent paid for its thinking, by its index."""
    if played is None:
        return None
    return Counter({agent: int(own.fees) for agent, own in enumerate(agent_outcomes([played]))})


def _agent_totals(
    agent_id: str,
    own: Sequence[AgentTurn],
    balances: Sequence[int],
    spending: Spending,
    paid: int | None,
) -> AgentTotals:
    below = [held < 0 for held in balances]
    to_the_end = sum(1 for _ in takewhile(bool, reversed(below)))
    return AgentTotals(
        agent_id=agent_id,
        backend=own[0].backend if own else "",
        turns=len(own),
        could_not_act=sum(bool(each.idle_because) for each in own),
        refused=sum(bool(each.refused) for each in own),
        spoke=sum(bool(each.said) for each in own),
        calls=sum(len(each.calls) for each in own),
        thinking_units=sum(each.billed[0] for each in own),
        output_units=sum(each.billed[1] for each in own),
        fees=paid,
        model_tokens=spending.spent.tokens,
        money=spending.spent.money,
        balance=balances[-1],
        lowest=min(balances),
        turns_below=sum(below),
        below_since=len(below) - to_the_end if to_the_end else None,
    )


def actions_of(agent_turns: Sequence[AgentTurn]) -> dict[str, int]:
    """How many chose each action, the most frequent first."""
    return dict(Counter(own.action for own in agent_turns).most_common())


def actions_in(transcript: Transcript) -> list[str]:
    """The actions that were chosen in a run, by name."""
    return sorted({own.action for own in chain.from_iterable(transcript.agent_turns.values())})
