"""Why a border of the window is where it is, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sim_economy.reports.drawings.drawing import exact
from sim_economy.reports.maps.border_causes import Axis, Border, FlowChange
from sim_economy.reports.maps.map_sentences import BROUGHT, word_of
from sim_economy.reports.maps.solvency_cells import INSOLVENT_MIN, Solvency

_REASONS: Final[Mapping[str, str]] = {
    "fees": "inference_fee",
    "dividends": "dividend",
    "job credits": "job_credit",
    "relief": "interest_relief",
    "signing bonuses": "signing_bonus",
    "interest": "interest",
    "studies and burns": "burn",
}
"""Reasons of postings in a ledger, by the words used here."""
_COMPARABLE: Final = 0.5
"""Share of one change from which another one of jobs is named beside it."""


def border_summary(border: Border, across: str, up: str) -> str:
    """A border and the posting that changes most across it, in one sentence; Markdown."""
    word = word_of(across if border.crossed is Axis.ACROSS else up)
    towards = "higher" if border.is_above else "lower"
    inside, beyond = map(exact, _rounded(border.values))
    return (
        f"Towards {towards} {word} ({inside} inside, {beyond} beyond) "
        f"{BROUGHT[border.beyond]}{_named(border)}."
    )


def border_sentence(border: Border, across: str, up: str) -> str:
    """Why a border is where it is, with the numbers of both sides; Markdown.

    Args:
        across: The key of the first axis; as `up` that of the second.
    """
    crossed, other = (across, up) if border.crossed is Axis.ACROSS else (up, across)
    word = word_of(crossed)
    towards = "higher" if border.is_above else "lower"
    inside, beyond = map(exact, _rounded(border.values))
    apart = f"; {border.others:,} differ in {word_of(other)}, and are left out"
    where = (
        f"**Towards {towards} {word} {BROUGHT[border.beyond]}.** Compared "
        f"{_pairs(border.compared)} of neighbouring cells that differ in {word} alone: on average "
        f"{inside} inside and {beyond} beyond{apart if border.others else ''}. "
    )
    cause = _agents_cause if border.beyond is Solvency.AGENTS else _platform_cause
    return f"{where}{cause(border)}"


def _pairs(count: int) -> str:
    return "is one pair" if count == 1 else f"are {count:,} pairs"


def _rounded(values: tuple[float, float]) -> list[float]:
    """Means of an axis, with a digit more than tell them apart."""
    inside, beyond = values
    digits = 6 if inside == beyond else max(0, 1 - _magnitude(abs(beyond - inside)))
    return [round(inside, digits) + 0.0, round(beyond, digits) + 0.0]


def _magnitude(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def _agents_cause(border: Border) -> str:
    inside, outside = border.insolvent
    flows = {flow.posting: flow for flow in border.flows}
    fees, earned, interest = flows["fees"], flows["job credits"], flows["interest"]
    return (
        f"{_made_by(border)} Agent-turns below zero go from {inside:.1f} % to {outside:.1f} %, "
        f"where {INSOLVENT_MIN:g} % decides. Fees take {_tokens(-fees.outside)} an agent-turn "
        f"beyond ({_tokens(-fees.inside)} inside), job credits give {_tokens(earned.outside)} "
        f"({_tokens(earned.inside)}), interest takes {_tokens(-interest.outside)} "
        f"({_tokens(-interest.inside)}). {_turn_without_job(border)}"
    )


def _turn_without_job(border: Border) -> str:
    near, far = border.paid_turn
    idle, busy = border.jobs
    return (
        f"A turn without a job costs {_tokens(far)} in fees ({_tokens(near)} inside); jobs are "
        f"{_percent(busy)} of agent-turns ({_percent(idle)} inside)."
    )


def _platform_cause(border: Border) -> str:
    flows = {flow.posting: flow for flow in border.flows}
    fees = flows.pop("fees")
    paid = min(flows.values(), key=lambda flow: flow.outside)
    near, far = border.net
    turn = "changes sign" if near >= 0 > far else "falls" if far < near else "does not fall"
    return (
        f"{_made_by(border)} Inside, the platform takes {_tokens(fees.inside)} an agent-turn in "
        f"fees and pays {_tokens(-paid.inside)} in {paid.posting}; beyond, it takes "
        f"{_tokens(fees.outside)} and pays {_tokens(-paid.outside)}. Its net {turn}, from "
        f"{_signed(near)} to {_signed(far)} tokens an agent-turn. {_turn_without_job(border)}"
    )


def _named(border: Border) -> str:
    """The posting that changes most to the harm of whoever is insolvent beyond."""
    first = border.flows[0]
    if first.change >= 0:
        return f", though no posting changes to {_whose(border)} harm on average"
    change = f"{_signed(first.change)} tokens an agent-turn"
    together = _other_of_jobs(border)
    if together is None:
        return f"; the posting that changes most to that is `{_REASONS[first.posting]}`, {change}"
    how = "with" if together.change < 0 else "against"
    return (
        f"; the posting that changes most to that is `{_REASONS[first.posting]}`, {change}, "
        f"{how} `{_REASONS[together.posting]}`, {_signed(together.change)}"
    )


def _whose(border: Border) -> str:
    return "the agents'" if border.beyond is Solvency.AGENTS else "the platform's"


def _made_by(border: Border) -> str:
    """The same as sentences, and what fees and job credits leave where both change."""
    first = border.flows[0]
    if first.change >= 0:
        return f"No posting changes to {_whose(border)} harm on average."
    made = (
        f"The posting that changes most to {_whose(border)} harm is "
        f"`{_REASONS[first.posting]}`, by {_signed(first.change)} tokens an agent-turn."
    )
    together = _other_of_jobs(border)
    if together is None:
        return made
    reason, total = f"`{_REASONS[together.posting]}`", first.change + together.change
    other = (
        f"{reason} adds {_signed(together.change)}"
        if together.change < 0
        else f"{reason} makes up for {100 * together.change / -first.change:.0f} % of it, by "
        f"{_signed(together.change)}"
    )
    return f"{made} {other}, which leaves {_signed(total)}."


def _other_of_jobs(border: Border) -> FlowChange | None:
    """Fees or job credits, where the other one leads and these change comparably."""
    first = border.flows[0]
    pair = {"fees": "job credits", "job credits": "fees"}
    if first.posting not in pair:
        return None
    other = next(flow for flow in border.flows if flow.posting == pair[first.posting])
    return other if abs(other.change) >= _COMPARABLE * abs(first.change) else None


def _tokens(value: float) -> str:
    return f"{value + 0.0:,.1f}".replace("-", "\u2212")


def _signed(value: float) -> str:
    return f"{value:+,.2f}".replace("-", "\u2212")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
