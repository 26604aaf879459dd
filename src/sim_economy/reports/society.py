"""The society of a mixed population: contracts, flows and dividends between policies.

Source: docs/spec/experiment.md.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Final

from sim_economy.core.contracts import ContractKind, Role
from sim_economy.ledger.readers.counts import Made, owner_name
from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_code, visible
from sim_economy.reports.drawings import figures
from sim_economy.reports.page.document import Block, Figure
from sim_economy.reports.tables import Table, Value, as_number
from sim_economy.runs.agent_outcomes import policy_names
from sim_economy.runs.extended_metrics import wealth
from sim_economy.runs.run import Run, fees
from sim_economy.scenarios.scenario import Scenario

ENDS: Final = ("settled", "defaulted", "void", "lapsed")
"""The ends of contracts, the best first."""

KINDS: Final[Mapping[str, str]] = {kind: kind.replace("_", " ") for kind in ContractKind}
"""The kinds of contract, in words."""

GROUPS: Final[Mapping[str, str]] = {
    "inference_fee": "own fees",
    "forward_fee": "fees carried for others",
    "job_credit": "jobs",
    "interest_relief": "jobs",
    "signing_bonus": "jobs",
    "interest": "interest",
    "dividend": "dividends",
    "core_price": "core shares",
    "contract_price": "services and information",
    "arbitrator_fee": "arbitration",
    "loan_principal": "loans",
    "loan_repayment": "loans",
    "loan_recovery": "loans",
    "loan_premium": "loans",
    "insurance_premium": "insurance",
    "insurance_payout": "insurance",
    "forward_price": "forwards",
    "collateral_forfeited": "collateral",
    "collateral_slashed": "collateral",
    "transfer": "transfers and tips",
    "tip": "transfers and tips",
    "study_cost": "studies and burns",
    "burn": "studies and burns",
    "allowance": "income",
    "top_up": "income",
    "debt_lifted": "income",
    "allowance_expired": "income",
    "debt_restructured": "debt rails",
    "debt_repayment": "debt rails",
    "levy": "levies",
    "rebate": "rebates",
    "arbitration_subsidy": "arbitration subsidies",
    "shock_gain": "shocks",
    "shock_loss": "shocks",
}
"""Reasons of postings between owners, put together as people think of them."""

_SAFE: Final = frozenset({ContractKind.INSURANCE, ContractKind.FORWARD})
"""Kinds that cannot default (K4)."""

_ROWS_MAX: Final = 40


def contract_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Every contract of every run, one row each."""
    return [
        {
            "run_id": run.run,
            "contract_id": own.contract_id,
            "kind": own.kind,
            **{role.name.lower(): run.agent_ids[own.parties[role]] for role in Role},
            "proposed": own.proposed,
            "started": own.started,
            "ended": own.ended,
            "end": own.end,
            "cause": own.cause,
            "fault": " ".join(run.agent_ids[index] for index in own.fault),
        }
        for run in runs
        for own in run.counts.made
    ]


def flow_rows(scenario: Scenario, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Flows: one row for each payer, payee and reason of a run."""
    names = policy_names(scenario)
    return [
        {
            "run_id": run.run,
            "payer": owner_name(flow.payer, run.agent_ids),
            "payer_policy": names.get(flow.payer),
            "payee": owner_name(flow.payee, run.agent_ids),
            "payee_policy": names.get(flow.payee),
            "reason": flow.reason,
            "tokens": flow.tokens,
        }
        for run in runs
        for flow in run.counts.flows
    ]


def is_mixed(scenario: Scenario, runs: Sequence[Run]) -> bool:
    """Test whether there are several policies, contracts, or owners of cores."""
    return scenario.policy_name is None or any(
        run.counts.made or any(flow.reason == "dividend" for flow in run.counts.flows)
        for run in runs
    )


def blocks(scenario: Scenario, runs: Sequence[Run]) -> list[Block]:
    """What each policy gained and lost, and who paid whom; nothing where all are alike."""
    if not is_mixed(scenario, runs):
        return []
    found: list[Block] = [
        _reading_of_earnings(scenario, runs),
        _earnings_figure(scenario, runs),
        earnings_table(scenario, runs),
        "What an agent moves among its own accounts is no gain and no loss.",
        reading_of_trade(scenario, runs),
    ]
    if (between := _flows_table(scenario, runs)).rows:
        found.append(between)
    found.append(reading_of_dividends(runs))
    if (paid := dividends_table(scenario, runs)).rows:
        found.append(paid)
    return found


def contract_blocks(runs: Sequence[Run]) -> list[Block]:
    """What became of contracts; nothing where none was proposed."""
    if not any(run.counts.made for run in runs):
        return []
    table = contracts_table(runs)
    return [reading_of_contracts(runs), _contracts_figure(table), table, causes_table(runs)]


def _earnings_figure(scenario: Scenario, runs: Sequence[Run]) -> Figure:
    incomes = {visible(name): gains for name, gains in _incomes(scenario, runs).items()}
    rows: list[dict[str, Any]] = [
        {"policy": name, "reason": group, "tokens": tokens}
        for name, gains in incomes.items()
        for group, tokens in gains.items()
    ]
    return Figure(
        name="earnings",
        caption="What one agent of each policy gains and loses a run, by what for",
        drawing=figures.earnings(incomes),
        rows=rows,
    )


def _contracts_figure(table: Table) -> Figure:
    counted = [(str(row[0]), [as_number(cell) for cell in row[3:]]) for row in table.rows[:-1]]
    rows: list[dict[str, Any]] = [
        {"kind": kind, "end": end, "contracts": count}
        for kind, counts in counted
        for end, count in zip(ENDS, counts, strict=True)
    ]
    return Figure(
        name="contracts",
        caption="Contracts a run, by kind and by how they ended",
        drawing=figures.contracts(counted, ENDS),
        rows=rows,
    )


def contracts_table(runs: Sequence[Run]) -> Table:
    """Contracts of each kind that were proposed, started, and ended each way, a run."""
    columns = ("kind", "proposed", "started", *ENDS)
    every = [own for run in runs for own in run.counts.made]
    made = {name: [own for own in every if own.kind == kind] for kind, name in KINDS.items()}
    rows: list[tuple[Value, ...]] = []
    for name, those in {**made, "all": every}.items():
        started = sum(own.started is not None for own in those)
        ends = Counter(own.end for own in those)
        counts = (len(those), started, *(ends[end] for end in ENDS))
        rows.append((name, *(count / len(runs) for count in counts)))
    return Table("contracts", "Contracts by kind and end, a run", columns, tuple(rows))


def causes_table(runs: Sequence[Run]) -> Table:
    """Causes of the ends of contracts, a run."""
    causes = Counter(
        (own.kind, str(own.end), str(own.cause))
        for run in runs
        for own in run.counts.made
        if own.end is not None
    )
    order = {kind: index for index, kind in enumerate(KINDS)}
    keys = sorted(causes, key=lambda key: (order[key[0]], ENDS.index(key[1]), key[2]))
    rows = tuple(
        (KINDS[kind], end, cause.replace("_", " "), causes[kind, end, cause] / len(runs))
        for kind, end, cause in keys
    )
    return Table("causes", "Why they ended, a run", ("kind", "end", "cause", "contracts"), rows)


def reading_of_contracts(runs: Sequence[Run]) -> str:
    """The contracts in a few sentences; it says which kinds did not form."""
    made = [own for run in runs for own in run.counts.made]
    if not made:
        return "No contract was proposed."
    count = len(runs)
    ends = Counter(own.end for own in made)
    formed = Counter(own.kind for own in made if own.started is not None)
    text = (
        f"Of {number(len(made) / count, 1)} contracts proposed a run, "
        f"{number(formed.total() / count, 1)} were signed by all and funded, "
        f"{number(ends['settled'] / count, 1)} settled and "
        f"{number(ends['defaulted'] / count, 1)} defaulted. "
        f"{number(ends['lapsed'] / count, 1)} lapsed unsigned or withdrawn and "
        f"{number(ends['void'] / count, 1)} were void."
    )
    text += _missing(KINDS.keys() - formed, "formed")
    text += _missing(formed.keys() - _ended(made, "settled"), "settled")
    text += _missing(formed.keys() - _SAFE - _ended(made, "defaulted"), "defaulted")
    if formed.keys() & _SAFE:
        text += " Insurances and forwards cannot default: all they promise is in escrow."
    return text


def _ended(made: Iterable[Made], end: str) -> Set[str]:
    return {own.kind for own in made if own.end == end}


def _missing(kinds: Set[str], verb: str) -> str:
    if not kinds:
        return ""
    *names, last = (name for kind, name in KINDS.items() if kind in kinds)
    listed = f"{', '.join(names)} or {last}" if names else last
    return f" No {listed} {verb} in any run."


def _incomes(scenario: Scenario, runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """Gains and losses of each agent of a policy in a run, by group of reasons, in tokens."""
    names = policy_names(scenario)
    heads = Counter(names.values())
    gains: dict[str, Counter[str]] = {name: Counter() for name in heads}
    for run in runs:
        for flow in run.counts.flows:
            group = GROUPS.get(flow.reason, flow.reason)
            for owner, sign in ((flow.payee, 1), (flow.payer, -1)):
                if owner >= 0:
                    gains[names[owner]][group] += sign * flow.tokens
    return {
        name: {group: tokens / (heads[name] * len(runs)) for group, tokens in own.items()}
        for name, own in gains.items()
    }


def earnings_table(scenario: Scenario, runs: Sequence[Run]) -> Table:
    """Gains, losses and final wealth of an agent of each policy, a run."""
    gains = _incomes(scenario, runs)
    names = policy_names(scenario)
    heads = Counter(names.values())
    groups = [
        group
        for group in dict.fromkeys(GROUPS.values())
        if any(own.get(group) for own in gains.values())
    ]
    rows: list[tuple[Value, ...]] = []
    for name, own in gains.items():
        final = statistics.mean(
            wealth(run, -1)[index] for run in runs for index, held in names.items() if held == name
        )
        cells = tuple(own.get(group, 0.0) for group in groups)
        rows.append((name, heads[name], *cells, final))
    title = "What one agent of each policy gains or loses a run, by what for (tokens)"
    columns = ("policy", "agents", *groups, "balance and stake at the end")
    return Table("earnings", title, columns, tuple(rows))


def _flows_table(scenario: Scenario, runs: Sequence[Run]) -> Table:
    """The largest flows from agents to agents, by their policies, a run."""
    totals = _between(scenario, runs)
    ranked = sorted(totals, key=lambda key: (-totals[key], key))[:_ROWS_MAX]
    rows = tuple((*key, totals[key] / len(runs)) for key in ranked)
    more = len(totals) - len(rows)
    rest = f"; {more} smaller ones are in flows.csv" if more else ""
    title = f"Which agents paid which, and for what: tokens a run{rest}"
    return Table("flows", title, ("from", "to", "reason", "tokens"), rows)


def _between(scenario: Scenario, runs: Sequence[Run]) -> Counter[tuple[str, str, str]]:
    """Tokens that agents gave agents over all runs, by their policies and the reason."""
    names = policy_names(scenario)
    totals: Counter[tuple[str, str, str]] = Counter()
    for run in runs:
        for flow in run.counts.flows:
            if flow.payer >= 0 and flow.payee >= 0:
                totals[names[flow.payer], names[flow.payee], flow.reason] += flow.tokens
    return totals


def reading_of_trade(scenario: Scenario, runs: Sequence[Run]) -> str:
    """A sentence on what agents paid one another, compared with their fees."""
    totals = _between(scenario, runs)
    if not totals:
        return "Agents gave one another nothing."
    whole = sum(totals.values()) / len(runs)
    charged = statistics.mean(fees(run.series) for run in runs)
    payer, payee, reason = max(totals, key=lambda key: (totals[key], key))
    most = totals[payer, payee, reason] / len(runs)
    return (
        f"Agents gave one another {number(whole, 1)} tokens a run, beside {number(charged, 1)} in "
        f"fees to the platform. The largest part, {number(most, 1)}, went from "
        f"{markdown_code(payer)} to {markdown_code(payee)} as {reason.replace('_', ' ')}."
    )


def dividends_table(scenario: Scenario, runs: Sequence[Run]) -> Table:
    """Dividends of each agent that was paid any, and the price of its share, a run."""
    names = policy_names(scenario)
    dividends, prices, owned = Counter[int](), Counter[int](), Counter[int]()
    for run in runs:
        for flow in run.counts.flows:
            if flow.reason == "dividend":
                dividends[flow.payee] += flow.tokens
                owned[flow.payee] += 1
            elif flow.reason == "core_price":
                prices[flow.payer] += flow.tokens
    count = len(runs)
    ranked = sorted(dividends, key=lambda owner: (-dividends[owner], owner))[:_ROWS_MAX]
    rows = tuple(
        (
            runs[0].agent_ids[owner],
            names[owner],
            owned[owner],
            prices[owner] / count,
            dividends[owner] / count,
            (dividends[owner] - prices[owner]) / count,
        )
        for owner in ranked
    )
    columns = ("agent", "policy", "runs with dividends", "price paid", "dividends", "gain")
    return Table("dividends", "Dividends by agent: tokens a run", columns, rows)


def _reading_of_earnings(scenario: Scenario, runs: Sequence[Run]) -> str:
    """Two sentences on who ended best and worst off, and by what."""
    table = earnings_table(scenario, runs)
    gains = _incomes(scenario, runs)
    ranked = sorted(table.rows, key=lambda row: -as_number(row[-1]))
    lines = []
    for row, how in ((ranked[0], "best"), (ranked[-1], "worst")):
        name = str(row[0])
        own = gains[name]
        by = []
        if own and own[most := max(own, key=own.__getitem__)] > 0:
            by.append(f"gained {number(own[most], 1)} most of all by {most}")
        if own and own[least := min(own, key=own.__getitem__)] < 0:
            by.append(f"lost {number(-own[least], 1)} most of all by {least}")
        lines.append(
            f"An agent of {markdown_code(name)} ends {how} off, with "
            f"{number(as_number(row[-1]), 1)} tokens: "
            f"it {' and '.join(by) or 'neither gained nor lost'}."
        )
    return " ".join(lines if len(ranked) > 1 else lines[:1])


def reading_of_dividends(runs: Sequence[Run]) -> str:
    """A sentence on what cores earned."""
    paid = statistics.mean(_moved(run, "dividend") for run in runs)
    price = statistics.mean(_moved(run, "core_price") for run in runs)
    covered = statistics.mean(sum(run.series.fees_covered) for run in runs)
    if not paid:
        return "No dividend was paid."
    share = number(100 * paid / covered, 1)
    return (
        f"Dividends of {number(paid, 1)} tokens were paid a run, {share} % of the fees that "
        f"balances covered; core shares had cost {number(price, 1)} together."
    )


def _moved(run: Run, reason: str) -> int:
    return sum(flow.tokens for flow in run.counts.flows if flow.reason == reason)
