"""Who goes broke under each treatment, and when: by agent and by policy, over the runs.

An agent is broke from the first turn after which its balance is below zero; where the
rules refuse usage, it runs out of tokens as soon as some of it is refused or its balance is so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, TypeAlias

from msgspec.structs import asdict

from sim_economy.ledger.readers.plain_text import csv_cell, markdown_text
from sim_economy.reports.drawings.drawing import short
from sim_economy.reports.page.document import plain, sourced
from sim_economy.reports.tables import Table, Value
from sim_economy.runs.agent_outcomes import AgentOutcome, by_first_out, by_first_turn

ROWS_MAX: Final = 40
"""Agents in a table or a figure; `agents.csv` has all."""

AGENTS_CSV: Final = "agents.csv"
TREATMENTS_CSV: Final = "tables/treatments.csv"
_BROKE: Final = "go broke"
_RUN_OUT: Final = "run out of tokens"
_NAMED: Final = 8
_TIED: Final = 3

Outcomes: TypeAlias = Mapping[str, Sequence[AgentOutcome]]
"""What became of the agents, by treatment."""


def answer(outcomes: Outcomes) -> str:
    """Who goes broke under which treatment, who first and when, as Markdown.

    One sentence, and one more where treatments refuse usage.
    """
    return " ".join(filter(None, [_answer(outcomes), _refusals(outcomes)]))


def _answer(outcomes: Outcomes) -> str:
    often = _how_often(outcomes)
    if not any(map(by_first_turn, outcomes.values())):
        several = f"any of {len(outcomes)} treatments"
        under = _listed([*outcomes], " or ") if len(outcomes) == 2 else several
        return f"Nobody goes broke{often} under {under}."
    if len(outcomes) == 2:
        return _answer_of_two(outcomes, often)
    return _answer_of_many(outcomes, often)


def _refusals(outcomes: Outcomes) -> str:
    """Under which treatments agents run out of tokens, and who first; empty where nobody does."""
    out = {name: those for name, own in outcomes.items() if (those := by_first_out(own))}
    clauses = [
        f"under {markdown_text(name)} {_out(name, those, outcomes[name], often='')}"
        for name, those in [*out.items()][:_TIED]
    ]
    if not clauses:
        return ""
    more = f", and some under {len(out) - _TIED} more" if len(out) > _TIED else ""
    return f"Where usage is refused{_how_often(outcomes)}: {'; '.join(clauses)}{more}."


def _out(name: str, out: Sequence[AgentOutcome], own: Sequence[AgentOutcome], often: str) -> str:
    """Such as `3 of 8 agents run out of tokens, coder first, in turn 9`."""
    count = sourced(f"{len(out):,}", TREATMENTS_CSV, csv_text(name), _RUN_OUT)
    first = [each.agent_id for each in out if each.first_out == out[0].first_out]
    keys = (csv_text(name), csv_text(out[0].agent_id), "first_out")
    turn = sourced(_turn_text(out[0].first_out), AGENTS_CSV, *keys)
    verb = "run" if len(out) > 1 else "runs"
    said = f"{count} of {len(own):,} agents {verb} out of tokens{often}"
    return f"{said}, {_listed(first)} first, in turn {turn}"


def _answer_of_two(outcomes: Outcomes, often: str) -> str:
    """The other treatment, then the one that it is set against."""
    (base, ours), (other, its) = outcomes.items()
    same = _broke_ids(ours) == _broke_ids(its) and len(ours) == len(its)
    clauses = (
        _clause(other, its, _count(other, its), (f"go broke{often}", f"goes broke{often}")),
        _clause(base, ours, _same(base, ours) if same else _count(base, ours), ("do", "does")),
    )
    return f"Under {markdown_text(other)} {clauses[0]}; under {markdown_text(base)} {clauses[1]}."


def _answer_of_many(outcomes: Outcomes, often: str) -> str:
    """The treatments under which most agents go broke, and those under which fewest do."""
    shares = {name: Fraction(len(by_first_turn(own)), len(own)) for name, own in outcomes.items()}
    most, fewest = (
        {name: outcomes[name] for name, share in shares.items() if share == bound}
        for bound in (max(shares.values()), min(shares.values()))
    )
    if len(most) == len(outcomes):
        return (
            f"Under each of {len(outcomes)} treatments {_counts(most)} agents go broke{often}"
            f"{_earliest(most)}."
        )
    return (
        f"Of {len(outcomes)} treatments, most agents go broke{often} under {_listed([*most])}: "
        f"{_counts(most)}{_earliest(most)}; fewest under {_listed([*fewest])}: "
        f"{_counts(fewest)}{_earliest(fewest)}."
    )


def _clause(name: str, own: Sequence[AgentOutcome], count: str, verbs: tuple[str, str]) -> str:
    """Such as `4 of 12 agents go broke, coder first, in turn 9`; verbs for several and for one."""
    broke = by_first_turn(own)
    if not broke:
        return f"nobody {verbs[1]}"
    return f"{count} {verbs[len(broke) == 1]}{_first(name, broke)}"


def _count(name: str, own: Sequence[AgentOutcome]) -> str:
    broke = len(by_first_turn(own))
    if broke == len(own) == 1:
        return "its only agent"
    number = sourced(f"{broke:,}", TREATMENTS_CSV, csv_text(name), _BROKE)
    return f"all {number} agents" if broke == len(own) else f"{number} of {len(own):,} agents"


def _same(name: str, own: Sequence[AgentOutcome]) -> str:
    number = sourced(f"{len(by_first_turn(own)):,}", TREATMENTS_CSV, csv_text(name), _BROKE)
    return f"the same {number}"


def _counts(group: Outcomes) -> str:
    """How many agents go broke under treatments that are alike in their share of them."""
    texts: dict[tuple[int, int], str] = {}
    for name, own in group.items():
        broke = len(by_first_turn(own))
        number = sourced(f"{broke:,}", TREATMENTS_CSV, csv_text(name), _BROKE)
        texts.setdefault((broke, len(own)), f"{number} of {len(own):,}")
    return "nobody" if not any(broke for broke, _ in texts) else " and ".join(texts.values())


def _first(name: str, broke: Sequence[AgentOutcome]) -> str:
    """Who of those that go broke is first, and when; all of them if several are."""
    tied = [own.agent_id for own in broke if own.first_turn == broke[0].first_turn]
    when = _when(name, broke[0])
    median = " (median)" if broke[0].runs > 1 else ""
    if len(tied) == len(broke):
        who = markdown_text(tied[0]) if len(tied) == 1 else "all"
        return f", {who} in turn {when}{median}"
    return f", {_listed(tied)} first, in turn {when}{median}"


def _earliest(group: Outcomes) -> str:
    """Who is first over several treatments, and under which of them."""
    firsts = {name: by_first_turn(own) for name, own in group.items()}
    firsts = {name: broke for name, broke in firsts.items() if broke}
    if not firsts:
        return ""
    name = min(firsts, key=lambda name: firsts[name][0].first_turn or 0)
    under = f" under {markdown_text(name)}" if len(group) > 1 else ""
    return f"{_first(name, firsts[name])}{under}"


def _broke_ids(own: Sequence[AgentOutcome]) -> set[str]:
    return {each.agent_id for each in by_first_turn(own)}


def _how_often(outcomes: Outcomes) -> str:
    runs = {own[0].runs for own in outcomes.values()}
    if runs == {1}:
        return ""
    return f" in at least half of the {f'{runs.pop()} ' if len(runs) == 1 else ''}runs"


def _listed(names: Sequence[str], last: str = " and ") -> str:
    """Names as Markdown; of many the first two and how many are left."""
    shown = [markdown_text(name) for name in names]
    if len(shown) > _TIED:
        shown = [*shown[:2], f"{len(shown) - 2} more"]
    return last.join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def csv_text(text: str) -> str:
    """A text as its cell of a CSV file has it."""
    return str(csv_cell(text))


def _when(name: str, own: AgentOutcome) -> str:
    """The turn in which an agent goes broke; Markdown that leads to its cell."""
    text = _turn_text(own.first_turn)
    return sourced(text, AGENTS_CSV, csv_text(name), csv_text(own.agent_id), "first_turn")


def _turn_text(turn: float | None) -> str:
    assert turn is not None
    return f"{turn:,.0f}" if turn == int(turn) else f"{turn:,.1f}"


def insolvency_sentence(name: str, outcomes: Sequence[AgentOutcome]) -> str:
    """Who goes broke under a treatment, and each one's turn, in one sentence; Markdown."""
    broke = by_first_turn(outcomes)
    runs = outcomes[0].runs
    often = "" if runs == 1 else f" in at least half of the {runs} runs"
    out = by_first_out(outcomes)
    refused = f" {_out(name, out, outcomes, often)}." if out else ""
    if not broke:
        return f"Under {markdown_text(name)} nobody goes broke{often}.{refused}"
    listed = [f"{markdown_text(own.agent_id)} in turn {_when(name, own)}" for own in broke[:_NAMED]]
    if left := len(broke) - len(listed):
        listed.append(f"{left} more by turn {_when(name, broke[-1])}")
    verb = "goes" if len(broke) == 1 else "go"
    count = _count(name, outcomes)
    return f"Under {markdown_text(name)} {count} {verb} broke{often}: {', '.join(listed)}.{refused}"


def reading_of_insolvency(name: str, outcomes: Sequence[AgentOutcome]) -> str:
    """The same sentence as plain text."""
    return plain(insolvency_sentence(name, outcomes))


def outcome_rows(outcomes: Outcomes) -> list[dict[str, Any]]:
    """What became of each agent under each treatment, one row each."""
    return [
        {"treatment": name, **asdict(each), "goes_broke": each.goes_broke}
        for name, own in outcomes.items()
        for each in own
    ]


def treatments_table(outcomes: Outcomes) -> Table:
    """How many agents go broke under each treatment, who first and when."""
    refuses = _refuse(outcomes)
    rows = [
        (name, own[0].runs, *_summary(own), *([_run_out(own)] if refuses else []))
        for name, own in outcomes.items()
    ]
    columns = ("treatment", "runs", *_SUMMARY, *([_RUN_OUT] if refuses else []))
    return Table("treatments", "Who goes broke, by treatment", columns, tuple(rows))


_SUMMARY: Final = ("agents", _BROKE, "first", "in turn", "lowest balance")


def _summary(own: Sequence[AgentOutcome]) -> tuple[Value, ...]:
    broke = by_first_turn(own)
    first, turn = (broke[0].agent_id, broke[0].first_turn) if broke else (None, None)
    return len(own), len(broke), first, turn, min(each.lowest for each in own)


def _refuse(outcomes: Outcomes) -> bool:
    """Test whether any treatment may refuse usage."""
    return any(own[0].out is not None for own in outcomes.values())


def _run_out(own: Sequence[AgentOutcome]) -> int | None:
    return None if own[0].out is None else len(by_first_out(own))


def policies_table(outcomes: Outcomes) -> Table | None:
    """The same by policy; None where no treatment has agents of several policies."""
    rows: list[tuple[Value, ...]] = []
    mixed = False
    for name, own in outcomes.items():
        by_policy: dict[str | None, list[AgentOutcome]] = {}
        for each in own:
            by_policy.setdefault(each.policy, []).append(each)
        mixed |= len(by_policy) > 1
        rows += [(name, policy, *_summary(of)) for policy, of in by_policy.items()]
    columns = ("treatment", "policy", *_SUMMARY)
    return Table("policies", "Who goes broke, by policy", columns, tuple(rows)) if mixed else None


def insolvency_table(outcomes: Outcomes) -> Table:
    """Each agent beside its outcomes under each treatment; those broke earliest first."""
    needed = {_RUNS: bool(_how_often(outcomes)), _OUT_IN_TURN: _refuse(outcomes)}
    parts = [what for what in _COLUMNS if needed.get(what, True)]
    heads = [f"{short(name)}: {what}" for name in outcomes for what in parts]
    rows: list[tuple[Value, ...]] = []
    for agent_id, known in _by_agent(outcomes):
        cells = [getattr(own, _COLUMNS[what]) if own else None for own in known for what in parts]
        rows.append((agent_id, *cells, _policies(own for own in known if own)))
    title = "First turn below zero, lowest and final balance, by agent"
    return Table("agents", title, ("agent", *heads, "policy"), tuple(rows), csv=AGENTS_CSV)


_RUNS: Final = "runs in which it is broke"
_OUT_IN_TURN: Final = "out of tokens in turn"
_COLUMNS: Final[Mapping[str, str]] = {
    "broke in turn": "first_turn",
    _RUNS: "broke",
    "lowest balance": "lowest",
    "final balance": "final",
    _OUT_IN_TURN: "first_out",
}


def broke_table(outcomes: Outcomes) -> Table:
    """The agents that are ever broke, in few columns; those broke earliest first."""
    columns = ("agent", *(f"{short(name)}: {what}" for name in outcomes for what in _BRIEF))
    rows: list[tuple[Value, ...]] = []
    for agent_id, known in _by_agent(outcomes):
        if any(own and own.broke for own in known):
            rows.append((agent_id, *(cell for own in known for cell in _brief_cells(own))))
    title = "Who is broke: first turn below zero, lowest and final balance"
    return Table("broke", title, columns, tuple(rows), csv=AGENTS_CSV)


_BRIEF: Final = ("turn", "lowest", "final")


def _brief_cells(own: AgentOutcome | None) -> tuple[Value, ...]:
    if own is None:
        return (None, None, None)
    return "never" if own.first_turn is None else own.first_turn, own.lowest, own.final


def _by_agent(outcomes: Outcomes) -> Iterator[tuple[str, list[AgentOutcome | None]]]:
    """The agents that are shown, each with what became of it, `[treatment]`."""
    known = [{each.agent_id: each for each in own} for own in outcomes.values()]
    for agent_id in shown_agents(outcomes):
        yield agent_id, [own.get(agent_id) for own in known]


def _policies(known: Iterable[AgentOutcome]) -> str | None:
    """The policies that an agent has under the treatments, each once."""
    return ", ".join(dict.fromkeys(own.policy for own in known if own.policy)) or None


def shown_agents(outcomes: Outcomes) -> list[str]:
    """The agents of all treatments, those broke earliest under any of them first."""
    first: dict[str, tuple[bool, float, int]] = {}
    for under in outcomes.values():
        for index, own in enumerate(under):
            turn = float("inf") if own.first_turn is None else own.first_turn
            key = (not own.goes_broke, turn, index)
            first[own.agent_id] = min(first.get(own.agent_id, key), key)
    return sorted(first, key=first.__getitem__)[:ROWS_MAX]
