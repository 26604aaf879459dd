"""The answers of runs, a sentence each: who goes broke, who collected, what contracts did.

Sentences are Markdown; their numbers lead back to files of an experiment's folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import UNSET, Struct

from sim_economy.core.world_config import WorldConfig
from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.reports.page.document import sourced
from sim_economy.runs.agent_outcomes import (
    PLATFORM,
    AgentOutcome,
    Collector,
    agent_outcomes,
    by_first_out,
    by_first_turn,
    collectors,
    moved_by_contracts,
)
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario

AGENTS_CSV: Final = "agents.csv"
COLLECTORS_CSV: Final = "collectors.csv"
SUMMARY_CSV: Final = "measures_summary.csv"


def answer(
    scenario: Scenario | None, runs: Sequence[Run], config: WorldConfig | None = None
) -> str:
    """Who goes broke, or runs out of tokens, and who collected, in one sentence.

    Agents that collected little beside the platform are left out.

    Args:
        scenario: Names the policies.
        runs: At least one, all of the same agents.
        config: The rules of the world; the scenario's, or the default ones, when None.
    """
    rules = config or (None if scenario is None else scenario.config)
    return answer_of(collectors(runs, rules), agent_outcomes(runs, scenario, rules), runs)


def answer_of(
    collected: Sequence[Collector], outcomes: Sequence[AgentOutcome], runs: Sequence[Run]
) -> str:
    """The same, of what was found already."""
    of_tokens = _collected(collected, outcomes, runs, _LITTLE)
    return _sentence(f"{_without_tokens(outcomes)}; {of_tokens}")


_LITTLE: Final = 0.1
"""Of what the platform keeps: what agents must collect to be named beside it."""


def who_goes_broke(outcomes: Sequence[AgentOutcome]) -> str:
    """How many agents go broke, who first and when, and who deepest.

    Where the rules refuse usage, how many run out of tokens, and who first.
    """
    return _sentence(_without_tokens(outcomes))


def who_collected(
    collected: Sequence[Collector], outcomes: Sequence[AgentOutcome], runs: Sequence[Run]
) -> str:
    """What the platform keeps or pays, and which agents collected most."""
    return _sentence(_collected(collected, outcomes, runs, 0))


def what_contracts_did(runs: Sequence[Run]) -> str | None:
    """Whom contracts kept solvent, by the books; None where no contract started.

    An agent's final balance less what it gained by contracts is what it would have had without
    them if everybody had acted alike; `agents_by_run.csv` has both.
    """
    if not any(made.started is not None for run in runs for made in run.counts.made):
        return None
    kept, pushed = moved_by_contracts(runs)
    agents = len(runs) * len(runs[0].agent_ids)
    every = f"{agents:,} agents" if len(runs) == 1 else f"{agents:,} agents in {len(runs):,} runs"
    return (
        f"By the books, contracts kept {_count(kept)} of the {every} from ending below zero and "
        f"brought {_count(pushed)} there: final balances with and without what contracts brought, "
        "everything else unchanged, and no forecast of how agents would act without contracts."
    )


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:]}."


def _count(agents: int) -> str:
    return f"{agents:,}" if agents else "none"


class _Wording(Struct, frozen=True):
    """What becomes of agents without tokens: columns of `agents.csv`, and words for it."""

    runs: str
    first: str
    several: str
    one: str
    none: str

    def runs_of(self, own: AgentOutcome) -> int:
        """Runs in which it becomes of an agent."""
        return int(getattr(own, self.runs))


_BROKE: Final = _Wording("broke", "first_turn", "go broke", "goes broke", "does not go broke")
_OUT: Final = _Wording(
    "out",
    "first_out",
    "run out of tokens",
    "runs out of tokens",
    "does not run out of tokens",
)


def _without_tokens(outcomes: Sequence[AgentOutcome]) -> str:
    if outcomes[0].out is None:
        if broke := by_first_turn(outcomes):
            counted = _how_many(broke, outcomes, _BROKE)
            return f"{counted}{_how_often(broke[0].runs)}{_first_and_deepest(broke)}"
        return _hardly_any(outcomes, _BROKE)
    if out := by_first_out(outcomes):
        return f"{_how_many(out, outcomes, _OUT)}{_how_often(out[0].runs)}{_first_out(out)}"
    return _hardly_any(outcomes, _OUT)


def _hardly_any(outcomes: Sequence[AgentOutcome], words: _Wording) -> str:
    """That it becomes of nobody, or of no agent in at least half of the runs."""
    runs = outcomes[0].runs
    often = max(map(words.runs_of, outcomes))
    if not often:
        nobody = f"the only agent {words.none}"
        if len(outcomes) > 1:
            nobody = f"none of the {len(outcomes):,} agents {words.one}"
        in_any = "" if runs == 1 else f" in any of the {runs:,} runs"
        return f"{nobody}{in_any} ({_lowest(outcomes)})"
    those = [own for own in outcomes if words.runs_of(own) == often]
    some = sum(words.runs_of(own) > 0 for own in outcomes)
    return (
        f"no agent {words.one} in at least half of the {runs:,} runs: "
        f"{sourced(f'{some:,}', AGENTS_CSV, words.runs)} of {len(outcomes):,} "
        f"{'do' if some > 1 else 'does'} in fewer, {_names(those)} most often, in "
        f"{sourced(f'{often:,}', AGENTS_CSV, those[0].agent_id, words.runs)}"
    )


def _how_many(
    those: Sequence[AgentOutcome], outcomes: Sequence[AgentOutcome], words: _Wording
) -> str:
    if len(outcomes) == 1:
        return f"the only agent {words.one}"
    counted = sourced(f"{len(those):,}", AGENTS_CSV, words.runs)
    if len(those) == len(outcomes):
        return f"all {counted} agents {words.several}"
    return (
        f"{counted} of {len(outcomes):,} agents {words.one if len(those) == 1 else words.several}"
    )


def _how_often(runs: int) -> str:
    return "" if runs == 1 else f" in at least half of the {runs:,} runs"


def _first_and_deepest(broke: Sequence[AgentOutcome]) -> str:
    """Who goes broke first and who deepest; where several share that, how many."""
    first = [own for own in broke if own.first_turn == broke[0].first_turn]
    lowest = min(own.lowest for own in broke)
    deepest = [own for own in broke if own.lowest == lowest]
    when = _when(first[0], _BROKE)
    depth = f"{sourced(tokens_shown(lowest), AGENTS_CSV, deepest[0].agent_id, 'lowest')} tokens"
    if len(broke) == 1:
        return f": {_names(broke)}, {when}, down to {depth}"
    if first == deepest:
        return f", {_names(first)} first, {when}, and deepest, at {depth}"
    return f", {_names(first)} first, {when}, and {_names(deepest)} deepest, at {depth}"


def _first_out(out: Sequence[AgentOutcome]) -> str:
    """Who runs out first, and when."""
    first = [own for own in out if own.first_out == out[0].first_out]
    who = f": {_names(out)}" if len(out) == 1 else f", {_names(first)} first"
    return f"{who}, {_when(first[0], _OUT)}"


def _when(own: AgentOutcome, words: _Wording) -> str:
    median = "" if own.runs == 1 else " (median)"
    turn = sourced(f"{getattr(own, words.first):g}", AGENTS_CSV, own.agent_id, words.first)
    return f"in turn {turn}{median}"


def _lowest(outcomes: Sequence[AgentOutcome]) -> str:
    least = min(outcomes, key=lambda own: own.lowest)
    tokens = sourced(tokens_shown(least.lowest), AGENTS_CSV, least.agent_id, "lowest")
    return f"lowest balance of any turn: {tokens} tokens, {markdown_text(least.agent_id)}"


def _names(outcomes: Sequence[AgentOutcome]) -> str:
    return names_listed([own.agent_id for own in outcomes])


def names_listed(agent_ids: Sequence[str]) -> str:
    """One or two names, or the first and how many others."""
    first, *others = (markdown_text(agent_id) for agent_id in agent_ids)
    if not others:
        return first
    return f"{first} and {others[0] if len(others) == 1 else f'{len(others):,} others'}"


def _collected(
    collected: Sequence[Collector],
    outcomes: Sequence[AgentOutcome],
    runs: Sequence[Run],
    little: float,
) -> str:
    per_run = "" if len(runs) == 1 else " a run"
    platform = next(own for own in collected if own.role == PLATFORM)
    least = max(0.0, little * platform.tokens)
    agents = next((own for own in collected if own.role != PLATFORM and own.tokens > least), None)
    kept = _kept(platform, runs, per_run)
    if agents is None:
        return kept
    gained = _gained(agents, {own.agent_id: own.policy for own in outcomes}, per_run)
    first, second = (kept, gained) if platform.tokens >= agents.tokens else (gained, kept)
    return f"{first}, and {second}"


def _kept(platform: Collector, runs: Sequence[Run], per_run: str) -> str:
    if not platform.tokens:
        return "the platform keeps nothing"
    shown = sourced(tokens_shown(abs(platform.tokens)), COLLECTORS_CSV, PLATFORM, "tokens")
    if platform.tokens < 0:
        return f"the platform pays out {shown} tokens{per_run} more than it takes"
    lost = platform.tokens + sum(run.series.destroyed[-1] for run in runs) / len(runs)
    # What expires is lost too, but nobody is paid with it.
    verb = "lost" if runs[0].income is UNSET else "paid"
    return f"the platform keeps {shown} tokens{per_run}, {_share(platform.tokens / lost, verb)}"


def _share(kept: float, verb: str) -> str:
    if kept == 1:
        return f"all that agents {verb}"
    percent = number(100 * kept, 0)
    shown = "over 99 %" if percent == "100" else f"{percent} %"
    return f"{shown} of what agents {verb}"


def _gained(collector: Collector, policies: Mapping[str, str | None], per_run: str) -> str:
    tokens = sourced(tokens_shown(collector.tokens), COLLECTORS_CSV, collector.role, "tokens")
    return f"{collector.role} collect {tokens} tokens{per_run} ({_whose(collector, policies)})"


def _whose(collector: Collector, policies: Mapping[str, str | None]) -> str:
    """The agents that collected most of it."""
    most, *_ = collector.by_agent.values()
    top = [agent_id for agent_id, tokens in collector.by_agent.items() if tokens == most]
    names = names_listed(top)
    if len(top) == 1 and (policy := policies[top[0]]):
        names += f", {markdown_text(policy)},"
    gained = sum(tokens for tokens in collector.by_agent.values() if tokens > 0)
    if len(top) == len(collector.by_agent):
        return f"all of it {names}" if len(top) == 1 else f"{names} alike"
    return f"{names} {'most of it' if 2 * most > gained else 'the most'}"


def tokens_shown(value: float) -> str:
    """Tokens as they are read: whole, but for means of a few."""
    digits = 0 if float(value).is_integer() or abs(value) >= 10 else 1
    return number(value, digits)
