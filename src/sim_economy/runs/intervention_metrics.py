"""What interventions did in runs, as metrics of each run and as means by agent.

A world without interventions has none of it, and others have only what belongs to their rules.
Source: docs/spec/experiment.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Final

from msgspec import UNSET

from sim_economy.ledger.readers.incidence import Incidence
from sim_economy.runs.run import Run

TURNS_FIRED: Final[Mapping[str, str]] = {
    "fee_cap": "fee_cap_turns",
    "reinvestment_rebate": "rebate_turns",
    "arbitration_subsidy": "subsidy_turns",
    "contract_matching": "matched_turns",
    "debt_rails": "loan_turns",
    "concentration_monitor": "concentrated_turns",
    "shocks": "shock_turns",
}
"""The column of the turns in which an intervention fired, by its key."""

EFFECT_TOTALS: Final[Mapping[str, str]] = {
    "waived": "fee_cap_waived",
    "wages_lowered": "wages_lowered",
    "rebated": "rebates",
    "subsidised": "arbitration_subsidies",
    "lent": "tokens_lent",
    "repaid": "tokens_repaid",
    "withheld": "tokens_withheld",
    "receivable": "receivables",
    "halved": "fees_halved",
    "levied": "levies",
    "given": "shock_gains",
    "taken": "shock_losses",
    "unmet": "shock_losses_unmet",
}
"""The column of the tokens of an effect on all agents; levies are received as they are paid."""

INTERVENTION_METRICS: Final[Mapping[str, str]] = {
    "fee_cap_turns": "turns in which the fee cap bound",
    "rebate_turns": "turns in which fees were rebated",
    "subsidy_turns": "turns in which an arbitrator was subsidised",
    "loan_turns": "turns in which debt rails lent",
    "concentrated_turns": "turns in which the monitor found wealth concentrated",
    "shock_turns": "turns in which a shock acted",
    "fee_cap_waived": "fees that the fee cap waived",
    "wages_lowered": "job credits that agents did not get because fees were lowered",
    "rebates": "rebates",
    "arbitration_subsidies": "subsidies of arbitrators",
    "tokens_lent": "tokens that debt rails lent",
    "tokens_repaid": "tokens of it that were repaid out of what agents received",
    "tokens_withheld": "tokens of it that the platform withheld of what it paid",
    "receivables": "tokens of it that are owed at the end",
    "fees_halved": "fees that relief spared",
    "levies": "levies",
    "shock_gains": "gains by shocks",
    "shock_losses": "losses by shocks",
    "shock_losses_unmet": "tokens of losses by shocks that were not there to be lost",
    "interventions_platform": "what the platform received by interventions less what they cost it",
}
"""The metrics of interventions by column, with their names in text."""


def intervention_metrics(run: Run) -> dict[str, int]:
    """The metrics of the interventions that are on in a run."""
    if (found := run.incidence) is UNSET:
        return {}
    turns = {TURNS_FIRED[name]: fired for name, fired in found.fired.items()}
    tokens = {
        EFFECT_TOTALS[effect]: sum(by_agent)
        for effect, by_agent in found.tokens.items()
        if effect in EFFECT_TOTALS
    }
    return {**turns, **tokens, "interventions_platform": found.platform_net()}


def incidences(runs: Sequence[Run]) -> list[Incidence]:
    """The incidence of each run; nothing of worlds without interventions."""
    return [run.incidence for run in runs if run.incidence is not UNSET]


def incidence_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Who received and who paid by interventions: means over the runs, in tokens.

    Returns:
        A row for each agent with a column for each effect, and `net`: what it received less what
        it paid. Then one for the platform, of `net` alone. Nothing without interventions.
    """
    if not (found := incidences(runs)):
        return []
    nets = [own.net() for own in found]
    rows: list[dict[str, Any]] = [
        {
            "agent_id": agent_id,
            **{
                effect: fmean(own.tokens[effect][agent] for own in found)
                for effect in found[0].tokens
            },
            "net": fmean(net[agent] for net in nets),
        }
        for agent, agent_id in enumerate(runs[0].agent_ids)
    ]
    platform = {**dict.fromkeys(rows[0]), "agent_id": "platform"}
    return [*rows, {**platform, "net": fmean(own.platform_net() for own in found)}]
