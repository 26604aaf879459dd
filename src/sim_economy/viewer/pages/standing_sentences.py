"""The first sentence about a world: who is without tokens, and who will be first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sim_economy.ledger.readers.plain_numbers import whole_number
from sim_economy.viewer.answer_rows import AgentWithoutTokens, Outlook
from sim_economy.viewer.history.shown_world import ShownWorld, Standing
from sim_economy.viewer.pages.words import counted, mean

_NAMED: Final = 3


def without_tokens(world: ShownWorld) -> str:
    """What an agent without tokens is called under the rules of a world."""
    return "out of tokens" if world.refuses_usage else "insolvent"


def standing_sentence(
    world: ShownWorld,
    standing: Standing,
    without: Sequence[AgentWithoutTokens],
    outlook: Sequence[Outlook],
) -> str:
    """Who is insolvent or out of tokens, and who will be next if the trend lasts."""
    now = _now(world, without)
    grants = [turn for turn in standing.next_grants if turn is not None]
    period = f" The next period begins in turn {grants[0]:,}." if grants else ""
    if standing.ended:
        return f"{now}. The run ended with turn {standing.head.turn:,}."
    if outlook:
        rank = "next" if without else "first"
        return f"{now}. {_ahead(standing, outlook, rank)}{period if without else ''}"
    if standing.trend_turns == 0:
        return f"{now}.{period}"
    if grants and _falls(standing):
        other = "no other agent" if without else "no agent"
        trend = f"At the trend of the last {counted(standing.trend_turns, 'turn')}"
        return f"{now}. {trend}, {other} will be before the next period, in turn {grants[0]:,}."
    falling = "no other balance" if without else "no balance"
    return f"{now}, and {falling} is falling.{period if without else ''}"


def _now(world: ShownWorld, without: Sequence[AgentWithoutTokens]) -> str:
    all_of, what = counted(len(world.agent_ids), "agent"), without_tokens(world)
    if not without:
        return f"None of {all_of} is {what}"
    shown = [
        own.agent_id if own.since is None else f"{own.agent_id}, since turn {own.since:,}"
        for own in without[:_NAMED]
    ]
    more = f"; {len(without) - _NAMED:,} more" if len(without) > _NAMED else ""
    verb = "is" if len(without) == 1 else "are"
    return f"{len(without):,} of {all_of} {verb} {what}: {'; '.join(shown)}{more}"


def _ahead(standing: Standing, outlook: Sequence[Outlook], rank: str) -> str:
    """Who will be first at the present trend, and who then."""
    first, *later = outlook
    after = f", then {later[0].agent_id}, in turn {later[0].turn:,}" if later else ""
    falls = (
        f"{whole_number(int(first.balance))} tokens are left, {mean(-first.trend)} fewer each turn"
    )
    turns = counted(standing.trend_turns, "turn")
    return (
        f"At the trend of the last {turns}, {first.agent_id} will be {rank}, "
        f"in turn {first.turn:,} ({falls}){after}."
    )


def _falls(standing: Standing) -> bool:
    """Whether the balance of an agent falls that has tokens."""
    return any(
        balance >= 0 and standing.out_since[agent] is None and standing.trend(agent) < 0
        for agent, balance in enumerate(standing.balances)
    )
