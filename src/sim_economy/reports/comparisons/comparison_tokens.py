"""Where the tokens went under each treatment: by agent, by role, by reason."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Final

from sim_economy.ledger.readers.plain_text import markdown_text, visible
from sim_economy.ledger.sidecars.run_folder import folder_name
from sim_economy.reports.comparisons.comparison import (
    TreatmentComparison,
    TreatmentRuns,
    paired,
    unpaired_by,
)
from sim_economy.reports.comparisons.comparison_differences import amount
from sim_economy.reports.comparisons.insolvency import AGENTS_CSV
from sim_economy.reports.drawings import comparison_figures as drawn
from sim_economy.reports.drawings.drawing import short
from sim_economy.reports.page.document import Block, Figure, Section
from sim_economy.reports.tables import Table, Value
from sim_economy.runs.agent_outcomes import agent_outcomes
from sim_economy.runs.extended_metrics import supply_changes
from sim_economy.runs.run import Run

COLLECTORS_CSV: Final = "collectors.csv"
_ROLES: Final = (
    "What those in a role gained by it, less what they paid for it; means of the runs. The "
    "platform keeps fees and prices of core shares, less what it paid out. By agent: "
    f"[{AGENTS_CSV}]({AGENTS_CSV})."
)
_REASONS: Final = (
    "Means of the runs. Fees are those that agents paid out of balances and out of forwards; what "
    "agents gave one another changes nothing here."
)


def before_and_after(found: TreatmentComparison) -> Section:
    """What each agent has at the end under each treatment, with an arrow from the first."""
    first, *others = found.sides
    blocks: list[Block] = []
    for side in others:
        ours, its = paired(first, side)
        if ours.runs:
            blocks.append(_dumbbells(ours, its))
        else:
            reason = " and ".join(unpaired_by(first, side)) or "seeds"
            blocks.append(
                f"Agents of {markdown_text(side.name)} are not set against those of "
                f"{markdown_text(first.name)}: the two differ in {markdown_text(reason)}."
            )
    return Section(title="Before and after, by agent", blocks=blocks)


def _dumbbells(first: TreatmentRuns, other: TreatmentRuns) -> Figure:
    before, after = (agent_outcomes(side.runs, side.treatment) for side in (first, other))
    changes = [(its.final - own.final, own, its) for own, its in zip(before, after, strict=True)]
    changes.sort(key=lambda change: -abs(change[0]))
    shown = sorted(changes[: drawn.DUMBBELLS_MAX], key=lambda change: change[0])
    rows = [drawn.BeforeAfter(visible(own.agent_id), own.final, its.final) for _, own, its in shown]
    names = (visible(first.name), visible(other.name))
    across = "final balance (tokens, mean of the runs)"
    more = f"; the {len(rows)} of {len(changes):,} that change most" * (len(rows) < len(changes))
    return Figure(
        name=f"before-and-after-{folder_name(other.name)}",
        caption=f"The final balance of each agent under {first.name} and under {other.name}{more}",
        drawing=drawn.before_after(rows, names, across),
        narrow=drawn.before_after(rows, names, across, drawn.NARROW),
        rows=[
            {
                "agent_id": own.agent_id,
                "policy": own.policy,
                "first": first.name,
                "first_final": own.final,
                "treatment": other.name,
                "treatment_final": its.final,
                "change": change,
            }
            for change, own, its in sorted(changes, key=lambda change: change[0])
        ],
    )


def collected(found: TreatmentComparison) -> Section:
    """Who collected what under each treatment: roles, and who leads in them."""
    by_side = {name: {own.role: own for own in roles} for name, roles in found.collectors.items()}
    roles = dict.fromkeys(role for own in by_side.values() for role in own)
    rows: list[tuple[Value, ...]] = []
    for role in roles:
        cells: list[Value] = [role]
        for own in by_side.values():
            known = own.get(role)
            leader = next(iter(known.by_agent.items()), None) if known else None
            cells.append(known.tokens if known else None)
            cells.append(f"{leader[0]}: {amount(leader[1])}" if leader else None)
        rows.append(tuple(cells))
    columns = [
        f"{short(name)}{what}" for name in by_side for what in (": tokens a run", ": who leads")
    ]
    title = "Who collected what"
    return Section(
        title=title,
        blocks=[
            _ROLES,
            Table("collectors", title, ("role", *columns), tuple(rows), csv=COLLECTORS_CSV),
        ],
    )


def tokens_section(found: TreatmentComparison) -> Section:
    """The flows of tokens to agents and from them, side by side."""
    names = [side.name for side in found.sides]
    flows = token_flows(found.sides)
    ends = [statistics.fmean(side.values("token_supply_final").values()) for side in found.sides]
    starts = [statistics.fmean(map(_supply_at_start, side.runs)) for side in found.sides]
    rows: list[tuple[Value, ...]] = [("at the start", *starts)]
    rows += [(reason, *amounts) for reason, amounts in flows.items()]
    rows.append(("at the end", *ends))
    title = "Where the tokens went"
    figure = Figure(
        name="tokens",
        caption="What each reason added to the tokens that agents own, or took from them, "
        "under each treatment",
        drawing=drawn.token_flows(flows, [*map(visible, names)]),
        narrow=drawn.token_flows(flows, [*map(visible, names)], drawn.NARROW),
        rows=[
            {"reason": reason, "treatment": name, "tokens": own}
            for reason, amounts in flows.items()
            for name, own in zip(names, amounts, strict=True)
        ],
    )
    return Section(
        title=title,
        blocks=[
            _REASONS,
            *([figure] if flows else []),
            Table("tokens", "Tokens that agents own", ("reason", *names), tuple(rows)),
        ],
    )


def token_flows(sides: Sequence[TreatmentRuns]) -> dict[str, list[float]]:
    """Tokens that each reason added to the supply in a run, `[treatment]`; the largest first."""
    moved: Counter[tuple[str, int]] = Counter()
    for index, side in enumerate(sides):
        for changes in map(supply_changes, side.runs):
            for reason, tokens in changes.items():
                moved[_FEES.get(reason, reason).replace("_", " "), index] += tokens
    flows = {
        reason: [moved[reason, index] / len(side.runs) for index, side in enumerate(sides)]
        for reason in dict.fromkeys(reason for reason, _ in moved)
    }
    ranked = sorted(flows, key=lambda reason: -max(map(abs, flows[reason])))
    return {reason: flows[reason] for reason in ranked if any(flows[reason])}


def _supply_at_start(run: Run) -> int:
    return run.series.token_supply[-1] - sum(supply_changes(run).values())


_FEES: Final = {"inference_fee": "fees", "forward_fee": "fees"}
