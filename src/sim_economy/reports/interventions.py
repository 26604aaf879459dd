"""What interventions did in runs: a sentence each, a table by agent, a section of a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, Final

from msgspec import UNSET

from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_text, visible
from sim_economy.reports.page.document import Block, Section, plain, sourced
from sim_economy.reports.sentences import SUMMARY_CSV, names_listed, tokens_shown
from sim_economy.reports.tables import Table, Value
from sim_economy.runs.intervention_metrics import (
    EFFECT_TOTALS,
    TURNS_FIRED,
    incidence_rows,
    incidences,
    intervention_metrics,
)
from sim_economy.runs.run import Run, fees

INCIDENCE_CSV: Final = "interventions.csv"


def what_interventions_did(runs: Sequence[Run]) -> list[str]:
    """A sentence of each intervention that is on, then what all of them cost the platform.

    Means over the runs; Markdown. Nothing in worlds without interventions.
    """
    if not incidences(runs):
        return []
    did = _Did(runs)
    found = [sentence(did) for name, sentence in _SENTENCES.items() if name in did.on]
    return [text for text in (*found, _wages(did), _all_together(did)) if text]


def interventions_json(runs: Sequence[Run]) -> dict[str, Any]:
    """The same as `--json` has it, under `interventions`; nothing without interventions."""
    if not incidences(runs):
        return {}
    by_run = [intervention_metrics(run) for run in runs]
    means = {name: fmean(own[name] for own in by_run) for name in by_run[0]}
    sentences = [plain(text) for text in what_interventions_did(runs)]
    agents = incidence_rows(runs)
    return {"interventions": {"answers": sentences, "measures": means, "agents": agents}}


def incidence_table(runs: Sequence[Run], rows_max: int | None = None) -> Table:
    """Who received and who paid, the platform last; without effects that nobody had.

    Args:
        rows_max: Of many agents those whose net is furthest from 0; all when None.
    """
    *agents, platform = incidence_rows(runs)
    if rows_max is not None and len(agents) > rows_max:
        agents = sorted(agents, key=lambda row: -abs(row["net"]))[:rows_max]
    columns = [name for name in _COLUMNS if any(row.get(name) for row in (*agents, platform))]
    rows: list[tuple[Value, ...]] = [
        (visible(row["agent_id"]), *(row[name] for name in columns)) for row in (*agents, platform)
    ]
    title = f"What interventions gave and took{', a run' if len(runs) > 1 else ''}, in tokens"
    heads = ("agent", *(_COLUMNS[name] for name in columns))
    return Table("interventions", title, heads, tuple(rows), csv=INCIDENCE_CSV)


def interventions_section(runs: Sequence[Run], *, files: bool = True) -> Section:
    """The section of a report; without blocks where no intervention is on.

    Args:
        files: Whether there are files that its numbers can lead back to.
    """
    sentences = what_interventions_did(runs)
    if not files:
        sentences = [markdown_text(plain(text)) for text in sentences]
    blocks: list[Block] = []
    if sentences:
        blocks = ["\n".join(f"- {text}" for text in sentences), incidence_table(runs), _BOOKS]
    return Section(title="What interventions did", blocks=blocks)


_BOOKS: Final = (
    "By the books: what was posted, and what was not posted because a rule said so, everything "
    "else unchanged. A fee that is waived or halved is the platform's loss, and what jobs were not "
    "credited for it is its gain. Rebates come out of the pool that dividends are paid from. "
    "Levies pass between agents; gains are issued, and losses destroyed."
)

_COLUMNS: Final[Mapping[str, str]] = {
    "waived": "fees waived",
    "halved": "fees halved",
    "wages_lowered": "job credits lost",
    "rebated": "rebates",
    "subsidised": "subsidies",
    "lent": "lent",
    "repaid": "repaid",
    "withheld": "withheld",
    "receivable": "owed at the end",
    "levied": "levies paid",
    "levy_received": "levies received",
    "given": "gains by shocks",
    "taken": "losses by shocks",
    "unmet": "losses unmet",
    "net": "net",
}
"""Columns of `incidence_rows` with their heads."""


class _Did:
    """Means over runs, as sentences need them."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        self.incidences = incidences(runs)
        self.on = self.incidences[0].fired.keys()
        self.effects = self.incidences[0].tokens.keys()
        self.a_run = "" if len(runs) == 1 else " a run"

    def total(self, effect: str) -> float:
        """Tokens of an effect on all agents."""
        return fmean(sum(own.tokens[effect]) for own in self.incidences)

    def tokens(self, effect: str) -> str:
        """The same as text that leads back to its metric."""
        cells = (EFFECT_TOTALS[effect], "mean")
        return sourced(tokens_shown(self.total(effect)), SUMMARY_CSV, *cells)

    def turns(self, name: str, of: float | None = None) -> str:
        """In how many turns an intervention fired, of how many."""
        fired = fmean(own.fired[name] for own in self.incidences)
        all_of = fmean(run.turns for run in self.runs) if of is None else of
        shown = sourced(_turns(fired), SUMMARY_CSV, TURNS_FIRED[name], "mean")
        return f"in {shown} of {_turns(all_of)} turns"

    def most(self, effect: str, verb: str, verbs: str = "") -> str:
        """Who has most of an effect.

        Args:
            verbs: The verb of several; the same when empty.
        """
        agents = range(self.incidences[0].agents)
        means = [fmean(own.tokens[effect][agent] for own in self.incidences) for agent in agents]
        return self.first(means, effect, verb, verbs)

    def first(self, means: Sequence[float], column: str, verb: str, verbs: str = "") -> str:
        """Who has most of something, `[agent]`, in a column of `interventions.csv`."""
        most = max(means)
        those = [self.runs[0].agent_ids[agent] for agent, own in enumerate(means) if own == most]
        shown = sourced(tokens_shown(abs(most)), INCIDENCE_CSV, those[0], column)
        has_all = most * len(those) == sum(own for own in means if own > 0)
        if len(those) == 1:
            return f"{names_listed(those)} {verb} {'all of it' if has_all else f'most, {shown}'}"
        part = "all of it" if has_all else "most"
        return f"{names_listed(those)} {verbs or verb} {part}, {shown} each"


def _fee_cap(did: _Did) -> str:
    waived = did.total("waived")
    if not waived:
        return "The fee cap never bound."
    asked = waived + fmean(fees(run.series) for run in did.runs)
    return (
        f"The fee cap bound {did.turns('fee_cap')} and waived {did.tokens('waived')} "
        f"tokens{did.a_run} ({_percent(waived, asked)} of fees): "
        f"{did.most('waived', 'was spared', 'were spared')}."
    )


def _wages(did: _Did) -> str:
    if "wages_lowered" not in did.effects or not did.total("wages_lowered"):
        return ""
    return (
        f"Job credits fell with the fees, by {did.tokens('wages_lowered')} "
        f"tokens{did.a_run}: {did.most('wages_lowered', 'lost')}."
    )


def _rebate(did: _Did) -> str:
    rebated = did.total("rebated")
    if not rebated:
        return "No fee was rebated."
    pool = fmean(sum(run.series.fees_covered) for run in did.runs)
    return (
        f"Fees were rebated {did.turns('reinvestment_rebate')}, {did.tokens('rebated')} "
        f"tokens{did.a_run} ({_percent(rebated, pool)} of covered fees): "
        f"{did.most('rebated', 'received')}."
    )


def _subsidy(did: _Did) -> str:
    if not did.total("subsidised"):
        return "No arbitrator was subsidised."
    return (
        f"Arbitrators were subsidised {did.turns('arbitration_subsidy')} with "
        f"{did.tokens('subsidised')} tokens{did.a_run}: {did.most('subsidised', 'received')}."
    )


def _matching(did: _Did) -> str:
    counts = [run.matching for run in did.runs if run.matching is not UNSET]
    matches, started = (
        fmean(getattr(own, name) for own in counts) for name in ("matches", "started")
    )
    if not matches:
        return "No needs were matched."
    paired = sourced(tokens_shown(matches), SUMMARY_CSV, "contracts_matched", "mean")
    begun = sourced(tokens_shown(started), SUMMARY_CSV, "matched_started", "mean")
    return (
        f"Needs were matched {did.turns('contract_matching')}, {paired} pairs{did.a_run}; "
        f"{begun} contracts that follow a match started."
    )


def _debt_rails(did: _Did) -> str:
    lent = did.total("lent")
    if not lent:
        return "Debt rails lent nothing."
    text = (
        f"Debt rails lent {did.tokens('lent')} tokens{did.a_run} {did.turns('debt_rails')}: "
        f"{did.most('lent', 'received')}."
    )
    owed = f"{did.tokens('receivable')} are owed at the end"
    if not (back := did.total("repaid") + did.total("withheld")):
        return f"{text} Nothing of that was repaid: {owed}."
    return (
        f"{text} {_percent(back, lent)} of that was repaid: {did.tokens('repaid')} out of what "
        f"others paid the debtors, {did.tokens('withheld')} withheld by the platform; {owed}."
    )


def _monitor(did: _Did) -> str:
    watched = fmean(own.watched for own in did.incidences)
    if not watched:
        return "The concentration monitor watched no turn."
    turns = did.turns("concentration_monitor", watched)
    return f"Wealth was concentrated {turns} that were watched{_response(did)}."


def _response(did: _Did) -> str:
    """What followed, as the rest of a sentence; nothing where the monitor only reports."""
    if "halved" in did.effects:
        if not did.total("halved"):
            return "; relief spared nobody a fee"
        who = did.most("halved", "was spared", "were spared")
        return f"; relief halved fees by {did.tokens('halved')} tokens{did.a_run}: {who}"
    if "levied" in did.effects:
        if not did.total("levied"):
            return "; no levy was paid"
        moved = f"levies came to {did.tokens('levied')} tokens{did.a_run}"
        paid, received = did.most("levied", "paid"), did.most("levy_received", "received")
        return f"; {moved}: {paid}, and {received}"
    return ""


def _shocks(did: _Did) -> str:
    shocked = {
        target: fmean(own.shocked[target] for own in did.incidences)
        for target in did.incidences[0].shocked
    }
    listed = ", ".join(f"{target} in {_turns(turns)}" for target, turns in shocked.items())
    text = f"Shocks acted {did.turns('shocks')} ({listed})"
    if "given" in did.effects:
        text += f"; {did.tokens('given')} tokens{did.a_run} were given"
    if "taken" in did.effects:
        text += f"; {did.tokens('taken')} tokens{did.a_run} were lost"
        if did.total("unmet"):
            text += f", and {did.tokens('unmet')} were not there to be lost"
    return f"{text}."


def _all_together(did: _Did) -> str:
    """What all interventions came to for the platform, and for whom they did most."""
    *agents, platform = incidence_rows(did.runs)
    nets = [float(row["net"]) for row in agents]
    if not any(nets):
        return ""
    cost = -float(platform["net"])
    metric = (SUMMARY_CSV, "interventions_platform", "mean")
    tokens = f"{sourced(tokens_shown(abs(cost)), *metric)} tokens{did.a_run}"
    whole = f"{'cost' if cost > 0 else 'brought'} the platform {tokens}" if cost else _NOTHING
    sides = [did.first(nets, "net", "gained")] if max(nets) > 0 else []
    sides += [did.first([-net for net in nets], "net", "lost")] if min(nets) < 0 else []
    return f"Together, by the books, interventions {whole}: {', and '.join(sides)}."


_NOTHING: Final = "cost the platform nothing"

_SENTENCES: Final[Mapping[str, Callable[[_Did], str]]] = {
    "fee_cap": _fee_cap,
    "reinvestment_rebate": _rebate,
    "arbitration_subsidy": _subsidy,
    "contract_matching": _matching,
    "debt_rails": _debt_rails,
    "concentration_monitor": _monitor,
    "shocks": _shocks,
}


def _turns(turns: float) -> str:
    return number(turns, 0 if float(turns).is_integer() else 1)


def _percent(part: float, whole: float) -> str:
    shown = number(100 * part / whole, 0)
    if shown == "0" and part:
        return "under 1 %"
    return "over 99 %" if shown == "100" and part < whole else f"{shown} %"
