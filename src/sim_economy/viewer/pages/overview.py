"""How a world stands, and its balances over turns."""

from __future__ import annotations

from typing import Final

from sim_economy.core.accounts import BALANCE, DESTROYED, PLATFORM, WIDTH
from sim_economy.core.errors import InputError
from sim_economy.core.state import decode_state
from sim_economy.core.world_config import config_values
from sim_economy.ledger.records import Head
from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer.answer_rows import (
    AgentWithoutTokens,
    ChainHead,
    Outlook,
    digits,
    facts,
)
from sim_economy.viewer.answers import BalancesAnswer, OverviewAnswer
from sim_economy.viewer.history.balance_history import BUCKETS_MAX, Bucket, bands_of, line_of
from sim_economy.viewer.history.shown_world import ShownWorld, Standing
from sim_economy.viewer.pages.asked import Asked
from sim_economy.viewer.pages.event_pages import newest_events
from sim_economy.viewer.pages.standing_sentences import standing_sentence

_LISTED: Final = 20
_SAMPLES_MAX: Final = 64
"""Snapshots that stand for turns which have not been read."""


def overview(world: ShownWorld, store: Store, asked: Asked) -> OverviewAnswer:
    """What a world is, and how it stands."""
    del asked
    standing, history = world.standing(store), world.history
    with history.lock:
        sums, happened = history.sums, history.contracts.happened
        insolvent, outlook = _insolvent(world, standing), _outlook(world, standing)
        out = _out_of_tokens(world, standing)
        without = out if world.refuses_usage else insolvent
        return OverviewAnswer(
            world_id=world.first.world_id,
            title=world.source.title,
            kind=world.source.kind,
            live=world.source.live,
            ended=standing.ended,
            turn=standing.head.turn,
            complete_to=min(history.turn, standing.head.turn),
            turns_planned=world.source.turns_planned,
            agents=len(world.agent_ids),
            answer=standing_sentence(world, standing, without, outlook),
            solvent_agents=len(world.agent_ids) - len(insolvent),
            insolvent=tuple(insolvent[:_LISTED]),
            refuses_usage=world.refuses_usage,
            out_of_tokens=tuple(out[:_LISTED]),
            out_of_tokens_total=len(out),
            outlook=tuple(outlook[:_LISTED]),
            trend_turns=standing.trend_turns,
            platform=digits(standing.platform),
            token_supply=digits(standing.token_supply),
            destroyed=digits(standing.accounts[DESTROYED]),
            fees_charged=digits(sums.fees_charged),
            fees_covered=digits(sums.fees_covered),
            fees_waived=digits(sums.fees_waived),
            dividends=digits(sums.dividends),
            blocks=sums.blocks,
            transactions=sums.transactions,
            rejections=sums.rejections,
            contracts=happened,
            open_contracts=history.contracts.open_contracts,
            rules_version=world.first.rules_version,
            genesis=world.genesis,
            head=chain_head(standing.head),
            parameters=facts(config_values(world.config.as_seen(standing.head.turn), every=True)),
            newest=newest_events(world, store, standing.head.turn, _LISTED),
        )


def chain_head(head: Head) -> ChainHead:
    """The end of a chain, as pages have it."""
    return ChainHead(
        turn=head.turn,
        head=head.hash,
        state_digest=head.state_digest,
        block_hash=head.block_hash,
    )


def since(world: ShownWorld, standing: Standing, agent: int) -> int | None:
    """The turn after which an insolvent agent has stayed so; None while turns are being read."""
    read = world.history.turn >= standing.head.turn
    return world.history.agents[agent].since if read else None


def out_since(world: ShownWorld, standing: Standing, agent: int) -> int | None:
    """The turn since which an agent has been out of tokens; None while turns are being read."""
    return standing.out_since[agent] if world.history.turn >= standing.head.turn else None


def _out_of_tokens(world: ShownWorld, standing: Standing) -> list[AgentWithoutTokens]:
    found = [
        AgentWithoutTokens(
            agent_id=world.agent_ids[agent],
            balance=digits(balance),
            since=out_since(world, standing, agent),
        )
        for agent, balance in enumerate(standing.balances)
        if standing.out_since[agent] is not None
    ]
    return sorted(found, key=lambda own: own.since or 0)


def _insolvent(world: ShownWorld, standing: Standing) -> list[AgentWithoutTokens]:
    found = [
        AgentWithoutTokens(
            agent_id=world.agent_ids[agent],
            balance=digits(balance),
            since=since(world, standing, agent),
        )
        for agent, balance in enumerate(standing.balances)
        if balance < 0
    ]
    return sorted(found, key=lambda own: (own.since or 0, int(own.balance)))


def _outlook(world: ShownWorld, standing: Standing) -> list[Outlook]:
    found = [
        Outlook(
            agent_id=world.agent_ids[agent],
            balance=digits(standing.balances[agent]),
            trend=standing.trend(agent),
            turn=turn,
        )
        for agent in range(len(world.agent_ids))
        if (turn := standing.insolvent_turn(agent)) is not None
    ]
    return sorted(found, key=lambda own: (own.turn, int(own.balance)))


def balances(world: ShownWorld, store: Store, asked: Asked) -> BalancesAnswer:
    """Balances over turns, in at most so many buckets."""
    points = asked.number("points", BUCKETS_MAX, 2, BUCKETS_MAX)
    after = asked.number("after", 0) if "after" in asked.query else -1
    agents = _agents(world, asked.text("agents"))
    standing, history = world.standing(store), world.history
    with history.lock:
        span, groups = history.balances.within(points)
        complete_to = min(history.turn, standing.head.turn)
        groups = [group for group in groups if group[-1].turn > after]
        if complete_to < standing.head.turn:
            sampled = _sampled(world, store, complete_to, standing)
            groups += [[bucket] for bucket in sampled if bucket.turn > after]
        else:
            world.samples.clear()
        return BalancesAnswer(
            span=span,
            turns=tuple(group[-1].turn for group in groups),
            last_turn=standing.head.turn,
            complete_to=complete_to,
            bands=bands_of(groups),
            platform=tuple(group[-1].platform for group in groups),
            token_supply=tuple(group[-1].token_supply for group in groups),
            lines=tuple(line_of(groups, agent, world.agent_ids[agent]) for agent in agents),
        )


def _agents(world: ShownWorld, listed: str) -> list[int]:
    """Indices of the agents that are named; of all where they are few and none is."""
    if not listed:
        few = len(world.agent_ids) <= _LISTED
        return list(range(len(world.agent_ids))) if few else []
    names = listed.split(",")
    if len(names) > _LISTED:
        raise InputError("agents", f"must be at most {_LISTED}, with commas between")
    return [world.agent(name) for name in names]


def _sampled(world: ShownWorld, store: Store, complete_to: int, standing: Standing) -> list[Bucket]:
    """Some later turns, from the states that were kept, and the last one."""
    step = max(1, (standing.head.turn - complete_to) // _SAMPLES_MAX)
    due = standing.head.turn - 1
    kept = world.samples
    for snapshot in store.snapshots():
        if snapshot.turn <= complete_to:
            break
        if snapshot.turn <= due:
            due = snapshot.turn - step
            if snapshot.turn not in kept:
                state = decode_state(snapshot.state)
                held = state.accounts
                kept[snapshot.turn] = Bucket(
                    snapshot.turn, held[BALANCE::WIDTH], held[PLATFORM], state.token_supply
                )
    head = standing.head.turn
    found = [kept[turn] for turn in sorted(kept) if complete_to < turn < head]
    last = Bucket(head, standing.balances, standing.platform, standing.token_supply)
    return [*found, last]
