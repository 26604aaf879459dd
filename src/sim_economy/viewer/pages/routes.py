"""The viewer's routes about one world: their names, queries, answers, and what makes each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from msgspec import Struct

from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer import answers
from sim_economy.viewer.history.shown_world import ShownWorld
from sim_economy.viewer.pages.agent_answers import agent, agents, decisions, statement_page
from sim_economy.viewer.pages.asked import Asked
from sim_economy.viewer.pages.chain_pages import chain, verification, verification_progress
from sim_economy.viewer.pages.contract_pages import contract_life, contracts
from sim_economy.viewer.pages.event_pages import events
from sim_economy.viewer.pages.overview import balances, overview
from sim_economy.viewer.pages.search_hits import search
from sim_economy.viewer.pages.turn_pages import decision, turn, turn_postings

ViewWork: TypeAlias = Callable[[ShownWorld, Store, Asked], Struct]


class ViewerRoute(Struct, frozen=True, kw_only=True):
    """One route about a world.

    Attributes:
        path: What follows the world's, with names in braces.
        query: The names that it takes.
        checks: Whether it reads the whole ledger.
        instant: Whether it reads nothing of it.
    """

    path: str
    query: tuple[str, ...]
    answer: Any
    work: ViewWork
    summary: str
    checks: bool = False
    instant: bool = False


def _route(
    path: str, summary: str, answer: Any, work: ViewWork, *query: str, **more: bool
) -> ViewerRoute:
    return ViewerRoute(
        path=f"/view/{path}", query=query, answer=answer, work=work, summary=summary, **more
    )


_AGENT: Final = "agents/{agent_id}"
_PAGE: Final = ("after", "limit")

WORLD_ROUTES: Final = (
    _route("overview", "How a world stands", answers.OverviewAnswer, overview),
    _route(
        "balances",
        "Balances over turns, in buckets",
        answers.BalancesAnswer,
        balances,
        *("points", "after", "agents"),
    ),
    _route(
        "agents",
        "Agents in one of four orders",
        answers.AgentsAnswer,
        agents,
        *_PAGE,
        *("order", "search", "insolvent", "out"),
    ),
    _route(_AGENT, "One agent", answers.AgentAnswer, agent),
    _route(
        f"{_AGENT}/statement",
        "An agent's postings, newest turns first",
        answers.StatementPageAnswer,
        statement_page,
        *("before", "limit", "reason"),
    ),
    _route(
        f"{_AGENT}/decisions",
        "What an agent did, newest first",
        answers.DecisionsAnswer,
        decisions,
        *("before", "limit"),
    ),
    _route(
        f"{_AGENT}/decisions/{{turn}}", "One agent in one turn", answers.DecisionAnswer, decision
    ),
    _route("turns/{turn}", "All of one turn", answers.TurnAnswer, turn),
    _route(
        "turns/{turn}/postings",
        "The postings of a turn",
        answers.TurnPostingsAnswer,
        turn_postings,
        *_PAGE,
        *("reason", "agent"),
    ),
    _route(
        "contracts",
        "Contracts, newest first",
        answers.ContractsAnswer,
        contracts,
        *_PAGE,
        *("kind", "stage", "agent"),
    ),
    _route(
        "contracts/{contract_id}",
        "The life of a contract",
        answers.ContractLifeAnswer,
        contract_life,
    ),
    _route(
        "events",
        "What happened, newest first",
        answers.EventsAnswer,
        events,
        *("before", "skip", "limit", "kind", "agent"),
    ),
    _route("chain", "The chain's end", answers.ChainAnswer, chain, *("turn", "head")),
    _route(
        "verification",
        "Check the whole ledger now",
        answers.VerifiedAnswer,
        verification,
        *("turn", "head"),
        checks=True,
    ),
    _route(
        "verification/progress",
        "How far a running check has come",
        answers.VerificationProgressAnswer,
        verification_progress,
        instant=True,
    ),
    _route("search", "Search a world", answers.SearchAnswer, search, *("q", "limit")),
)
"""Every route about one world, in an engine and in `sim-economy view`."""
