"""Interventions in words, as a prompt states them: those in force, never a shock that is to come.

Source: docs/spec/economy.md, section 13.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sim_economy.core.codec import canonical
from sim_economy.core.governance_config import (
    CapBase,
    MatchesRule,
    MonitorResponse,
    WagesRule,
)
from sim_economy.core.world_config import WorldConfig, config_values


def interventions_in_words(rules: Mapping[str, Any], world: Mapping[str, Any]) -> str:
    """A paragraph with a sentence or two for each rule that is on.

    Args:
        rules: The table `[governance]` as agents see it.
        world: The parameters.
    """
    known = {name: words for name, words in _WORDS.items() if name in rules}
    said = [words.format(**world, **rules[name], **_parts(rules)) for name, words in known.items()]
    return " ".join(["Further rules are in force.", *said])


def changed_parameters(config: WorldConfig, seen: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that shocks have changed since genesis; nothing in worlds without shocks.

    Args:
        seen: Parameters as an observation has them, as plain values.
    """
    if config.governance is None or not config.governance.shocks:
        return {}
    first = json.loads(canonical(config_values(config.as_seen(0), every=True)))
    return {name: value for name, value in seen.items() if value != first.get(name)}


def _parts(rules: Mapping[str, Any]) -> dict[str, str]:
    """What sentences say of variants."""
    base = rules.get("fee_cap", {}).get("base", CapBase.BLOCK_REVENUE)
    response = rules.get("concentration_monitor", {}).get("response", MonitorResponse.NONE)
    matches = rules.get("contract_matching", {}).get("matches", MatchesRule.SHOWN)
    wages = WagesRule(rules.get("wages", WagesRule.FOLLOW))
    return {
        "what_is_shown": _SHOWN[MatchesRule(matches)],
        "of_jobs": _BASES[CapBase(base)],
        "capped_jobs": _CAPPED_JOBS[wages],
        "halved_jobs": _HALVED_JOBS[wages],
        "what_follows": _RESPONSES[MonitorResponse(response)].format(
            **rules.get("concentration_monitor", {}), halved_jobs=_HALVED_JOBS[wages]
        ),
    }


_WORDS: Final[Mapping[str, str]] = {
    "fee_cap": (
        "Fees are capped: what all agents together are charged in {window_turns} turns is at most "
        "{cap_ratio} times the tips{of_jobs} of those turns and {signing_bonus} tokens a turn; "
        "fees beyond that are waived, in proportion to each agent's. {capped_jobs}"
    ),
    "reinvestment_rebate": (
        "A part of {rebate_share} of each turn's covered fees is given to agents in proportion to "
        "their points: 1 for each study and 2 for a contract that settled, for {window_turns} "
        "turns, and 1 for a stake of {stake_min} or more in each of the last {stake_turns} turns."
    ),
    "arbitration_subsidy": (
        "Whoever arbitrates a contract that is worth {small_value} tokens or less and ends is paid "
        "half of its fee, at most half of that worth, by the platform."
    ),
    "contract_matching": (
        "Needs that agents state with their actions are matched where they fit{what_is_shown}."
    ),
    "debt_rails": (
        "If you are more than {debt_cap} tokens below zero, all that you have locked counted, the "
        "platform lends you what is beyond that, as far as fees that nothing covered made the "
        "debt, at most once in {cooldown_turns} turns. A part of {repayment_share} of what you "
        "receive then goes to the platform until that is repaid; what you still owe is your "
        "receivable."
    ),
    "concentration_monitor": (
        "From turn {from_turn} on wealth, that is balance and stake, is watched: where its Gini "
        "coefficient is above {gini_max}, {what_follows}"
    ),
}

_SHOWN: Final[Mapping[MatchesRule, str]] = {
    MatchesRule.SHOWN: "; both sides see their match in the next turn, and are bound to nothing",
    MatchesRule.COUNTED: ", which is counted and shown to nobody",
}
_BASES: Final[Mapping[CapBase, str]] = {
    CapBase.BLOCK_REVENUE: "",
    CapBase.PRODUCTIVE_SURPLUS: ", the pay of jobs",
}
_CAPPED_JOBS: Final[Mapping[WagesRule, str]] = {
    WagesRule.FOLLOW: "A job pays no more of your usage than you would be charged for it.",
    WagesRule.FULL: "A job pays as if there were no cap.",
}
_HALVED_JOBS: Final[Mapping[WagesRule, str]] = {
    WagesRule.FOLLOW: ", and so is what a job pays it",
    WagesRule.FULL: ", but not what a job pays it",
}
_RESPONSES: Final[Mapping[MonitorResponse, str]] = {
    MonitorResponse.NONE: "that is reported, and nothing else.",
    MonitorResponse.RELIEF: "the fees of the poorer half are halved in the next turn{halved_jobs}.",
    MonitorResponse.LEVY: (
        "the wealthiest pays a part of {levy_share} of what it has above the median to the poorer "
        "half, out of its balance."
    ),
}
