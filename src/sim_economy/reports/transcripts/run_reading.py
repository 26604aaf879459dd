"""An orchestrated run in words and tables: its answer, its key figures, who traded with whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct, to_builtins

from sim_economy.core.contracts import Stage
from sim_economy.ledger.readers.counts import Flow, Made, owner_name
from sim_economy.ledger.readers.plain_numbers import MINUS
from sim_economy.ledger.readers.plain_text import markdown_text, visible
from sim_economy.orchestrator.record.run_totals import RunTotals, run_totals
from sim_economy.orchestrator.record.transcript import Transcript
from sim_economy.reports.interventions import interventions_json
from sim_economy.reports.page.document import KeyFigure, plain
from sim_economy.reports.tables import Table, Value

BALANCES: Final = "Balances over turns"
CONTRACTS: Final = "Contracts"
TRADE: Final = "Who traded with whom"
THINKING: Final = "Thinking paid"
"""Titles of sections, which sentences lead to."""

_NAMED: Final = 8


class RunReading(Struct, frozen=True, kw_only=True):
    """A run as it is read, on a page, in a terminal and as JSON.

    Attributes:
        answer: One sentence; Markdown.
        cached: Input that providers read from caches, by turn; None where they read none.
        contracts: One row each; None where the ledger is elsewhere, as are those after it.
        kinds: Contracts by kind and end.
        trade: Tokens from agent to agent, by reason.
        platform: Tokens from and to the platform and what is not an agent, by reason.
    """

    totals: RunTotals
    answer: str
    key_figures: list[KeyFigure]
    balances: Table
    thinking: Table
    cached: Table | None
    contracts: Table | None
    kinds: Table | None
    trade: Table | None
    platform: Table | None


def run_reading(transcript: Transcript) -> RunReading:
    """The reading of a run."""
    totals = run_totals(transcript)
    currency = transcript.currency
    names = transcript.task.config.agent_ids
    counts = transcript.played.counts if transcript.played else None
    return RunReading(
        totals=totals,
        answer=_answer(transcript, totals, currency),
        key_figures=[
            _below_zero_figure(totals),
            _thinking_figure(totals, currency),
            _contracts_figure(counts.made) if counts else _calls_figure(totals),
        ],
        balances=_balances_table(totals),
        thinking=_thinking_table(totals, currency),
        cached=_cached_table(transcript, currency),
        contracts=_contracts_table(counts.made, names) if counts else None,
        kinds=_kinds_table(counts.made) if counts else None,
        trade=_trade_table(counts.flows, names) if counts else None,
        platform=_platform_table(counts.flows, names) if counts else None,
    )


def plain_reading(transcript: Transcript, reading: RunReading) -> dict[str, Any]:
    """The reading as plain values."""
    task = transcript.task
    return {
        "name": task.name,
        "seed": task.config.seed,
        "turns": task.turns,
        "turns_closed": len(transcript.heads),
        "stopped": transcript.stopped or None,
        "head": transcript.heads[max(transcript.heads)] if transcript.heads else None,
        "answer": plain(reading.answer),
        "key_figures": [
            {"value": plain(own.value), "label": own.label, "note": plain(own.note)}
            for own in reading.key_figures
        ],
        "currency": transcript.currency or None,
        "fees": reading.totals.fees,
        "fees_covered": reading.totals.fees_covered,
        "model_tokens": reading.totals.model_tokens,
        "money": str(reading.totals.money),
        "agents": to_builtins(reading.totals.agents),
        "balances": balance_rows(transcript, reading.totals),
        "cached_input": cached_rows(transcript),
        "contracts": _plain_rows(reading.contracts),
        "flows": _plain_flows(transcript),
        **interventions_json([transcript.played] if transcript.played else []),
    }


def balance_rows(transcript: Transcript, totals: RunTotals) -> list[dict[str, Any]]:
    """Each agent's balance after each turn, from genesis, turn 0, on."""
    names = transcript.task.config.agent_ids
    return [
        {"turn": turn, "agent": name, "balance": held}
        for turn, row in enumerate(totals.balances)
        for name, held in zip(names, row, strict=True)
    ]


def amount(money: Decimal, currency: str) -> str:
    """Money as people read it."""
    return f"{money.normalize():,f} {visible(currency) or 'of money'}"


def _plain_rows(table: Table | None) -> list[dict[str, Any]] | None:
    if table is None:
        return None
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _plain_flows(transcript: Transcript) -> list[dict[str, Any]] | None:
    if transcript.played is None:
        return None
    names = transcript.task.config.agent_ids
    return [
        {
            "payer": owner_name(flow.payer, names),
            "payee": owner_name(flow.payee, names),
            "reason": flow.reason,
            "tokens": flow.tokens,
        }
        for flow in transcript.played.counts.flows
    ]


def _answer(transcript: Transcript, totals: RunTotals, currency: str) -> str:
    closed, turns = len(transcript.heads), transcript.task.turns
    stopped = f", stopped ({markdown_text(transcript.stopped)})," if transcript.stopped else ""
    return (
        f"After {closed:,} of {turns:,} turns{stopped} {_who_is_below(totals)}; "
        f"{_what_thinking_cost(totals, currency)}."
    )


def _who_is_below(totals: RunTotals) -> str:
    below, all_of = totals.below_zero, len(totals.agents)
    if not below:
        return f"{_led(f'none of {all_of:,} agents', BALANCES)} is below zero"
    listed = [
        f"{markdown_text(own.agent_id)}, since turn {own.below_since:,}" for own in below[:_NAMED]
    ]
    listed += [f"{left:,} more"] if (left := len(below) - len(listed)) else []
    verb = "is" if len(below) == 1 else "are"
    count = _led(f"{len(below):,} of {all_of:,} agents", BALANCES)
    return f"{count} {verb} below zero: {'; '.join(listed)}"


def _what_thinking_cost(totals: RunTotals, currency: str) -> str:
    tokens = f"{totals.model_tokens:,} model tokens"
    money = markdown_text(amount(totals.money, currency))
    models = _led(money if totals.money else tokens, THINKING)
    if totals.fees is None:
        return f"thinking cost {models}"
    return f"thinking cost {_led(f'{totals.fees:,} tokens', THINKING)} in fees and {models}"


def _led(text: str, title: str) -> str:
    """A number that leads to the section with its numbers; Markdown."""
    return f"[{text}](#{title.lower().replace(' ', '-')})"


def _below_zero_figure(totals: RunTotals) -> KeyFigure:
    at_some_time = sum(own.turns_below > 0 for own in totals.agents)
    return KeyFigure(
        value=f"{len(totals.below_zero):,} of {len(totals.agents):,}",
        label="agents below zero after the last turn",
        note=f"{at_some_time:,} after some turn",
    )


def _thinking_figure(totals: RunTotals, currency: str) -> KeyFigure:
    spent = f"{totals.model_tokens:,} model tokens" + (
        f", {markdown_text(amount(totals.money, currency))}" if totals.money else ""
    )
    if totals.fees is None:
        return KeyFigure(value=spent, label="used by models")
    covered = totals.fees_covered or 0
    share = f"{100 * covered // totals.fees} % of them out of balances; " if totals.fees else ""
    return KeyFigure(
        value=f"{totals.fees:,} tokens", label="fees for thinking", note=f"{share}{spent}"
    )


def _contracts_figure(made: Sequence[Made]) -> KeyFigure:
    ends = Counter(own.end or "open" for own in made)
    settled = ends.pop(Stage.SETTLED.value, 0)
    return KeyFigure(
        value=f"{settled:,} of {len(made):,}",
        label="contracts settled",
        note=", ".join(f"{ends[end]:,} {end}" for end in sorted(ends)),
    )


def _calls_figure(totals: RunTotals) -> KeyFigure:
    idle = sum(own.could_not_act for own in totals.agents)
    return KeyFigure(
        value=f"{sum(own.calls for own in totals.agents):,}",
        label="calls of models",
        note=f"{idle:,} times an agent could not act",
    )


def _balances_table(totals: RunTotals) -> Table:
    columns = (
        "agent", "decided by", "genesis", "lowest", "last", "turns below zero", "below zero since",
    )  # fmt: skip
    rows = tuple(
        (
            own.agent_id,
            own.backend,
            held,
            own.lowest,
            own.balance,
            own.turns_below,
            own.below_since,
        )
        for own, held in zip(totals.agents, totals.balances[0], strict=True)
    )
    return Table("agents", "Balance of each agent, in tokens", columns, rows)


def _thinking_table(totals: RunTotals, currency: str) -> Table:
    money = f"money ({currency})" if currency else "money"
    priced = bool(totals.money)
    columns = (
        "agent", "thinking units", "output units", "fees (tokens)", "calls", "could not act",
        "model tokens", *([money] if priced else []),
    )  # fmt: skip
    rows = tuple(
        (
            own.agent_id,
            own.thinking_units,
            own.output_units,
            own.fees,
            own.calls,
            own.could_not_act,
            own.model_tokens,
            *([f"{own.money.normalize():f}"] if priced else []),
        )
        for own in totals.agents
    )
    return Table("thinking", "What each agent's thinking cost", columns, rows)


def cached_rows(transcript: Transcript) -> list[dict[str, Any]]:
    """Input read from providers' caches, a row for each turn."""
    return [
        {
            "turn": turn,
            "calls": read.calls,
            "input_tokens": read.input_tokens,
            "cached_tokens": read.cached_tokens,
            "cached_share": None if read.share is None else round(read.share, 4),
            "money_saved": str(read.saved),
        }
        for turn, read in transcript.cached.items()
    ]


def _cached_table(transcript: Transcript, currency: str) -> Table | None:
    turns = transcript.cached
    if not any(read.cached_tokens for read in turns.values()):
        return None
    priced = any(read.saved for read in turns.values())
    saved = [f"saved ({currency})" if currency else "saved"] if priced else []
    columns = ("turn", "calls", "input tokens", "read from a cache", "share (%)", *saved)
    rows = tuple(
        (
            turn,
            read.calls,
            read.input_tokens,
            read.cached_tokens,
            None if read.share is None else round(100 * read.share),
            *([f"{read.saved.normalize():f}"] if priced else []),
        )
        for turn, read in turns.items()
    )
    return Table("cached", "Input that providers read from their caches, by turn", columns, rows)


def _contracts_table(made: Sequence[Made], names: Sequence[str]) -> Table:
    columns = (
        "contract", "kind", "proposer", "counterparty", "arbitrator", "proposed", "started",
        "ended", "end", "cause",
    )  # fmt: skip
    rows = tuple(
        (
            own.contract_id,
            own.kind,
            *(names[party] for party in own.parties),
            own.proposed,
            own.started,
            own.ended,
            own.end or "open",
            own.cause,
        )
        for own in made
    )
    return Table("contracts", "Every contract, with the turns of its stages", columns, rows)


def _kinds_table(made: Sequence[Made]) -> Table:
    counted = Counter((own.kind, own.end or "open") for own in made)
    kinds = sorted({kind for kind, _ in counted})
    ends = [end for end in _ENDS if any(counted[kind, end] for kind in kinds)]
    rows: list[tuple[Value, ...]] = [
        (kind, *(counted[kind, end] for end in ends)) for kind in kinds
    ]
    return Table("contracts_by_kind", "Contracts by kind and end", ("kind", *ends), tuple(rows))


_ENDS: Final = ("settled", "defaulted", "lapsed", "void", "open")


def _trade_table(flows: Sequence[Flow], names: Sequence[str]) -> Table:
    """The most tokens first."""
    rows = tuple(
        (names[flow.payer], names[flow.payee], flow.reason, flow.tokens)
        for flow in sorted(flows, key=lambda flow: -flow.tokens)
        if flow.payer >= 0 and flow.payee >= 0
    )
    return Table(
        "trade", "Tokens from agent to agent", ("payer", "payee", "reason", "tokens"), rows
    )


def _platform_table(flows: Sequence[Flow], names: Sequence[str]) -> Table:
    """A row for each agent, its gains with a plus and its payments with a minus."""
    moved: Counter[tuple[int, str]] = Counter()
    for flow in flows:
        if flow.payer < 0 <= flow.payee:
            moved[flow.payee, f"{flow.reason} +"] += flow.tokens
        elif flow.payee < 0 <= flow.payer:
            moved[flow.payer, f"{flow.reason} {MINUS}"] += flow.tokens
    reasons = sorted({reason for _, reason in moved})
    rows: list[tuple[Value, ...]] = [
        (name, *(moved[index, reason] for reason in reasons))
        for index, name in enumerate(names)
        if reasons
    ]
    title = "Tokens of each agent from (+) and to (\u2212) the platform, or destroyed"
    return Table("platform", title, ("agent", *reasons), tuple(rows))
