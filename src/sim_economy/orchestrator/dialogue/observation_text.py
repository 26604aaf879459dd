"""An observation in words: one fact on a line; what is empty or zero is left out.

What other agents wrote comes as JSON strings, each on a line of its own that nothing in it can end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sim_economy.core.events import RejectionReason, ValidatorType
from sim_economy.orchestrator.dialogue.contract_words import (
    contract_line,
    ended_line,
    match_line,
    transaction_words,
)
from sim_economy.orchestrator.dialogue.messages import Shown, json_line
from sim_economy.orchestrator.dialogue.option_words import CAN
from sim_economy.orchestrator.dialogue.refusal_words import NOT_USED, REFUSALS
from sim_economy.orchestrator.record.call_log import IdleReason


def introduction(agent_id: str, agent_ids: Sequence[str], persona: str) -> str:
    """Who an agent is, at the beginning of its conversation."""
    others = [name for name in agent_ids if name != agent_id]
    named = ", ".join(others[:_NAMED_MOST]) or "nobody"
    more = "" if len(others) <= _NAMED_MOST else f" and {len(others) - _NAMED_MOST} more"
    who = f"You are {agent_id}. The other agents: {named}{more}."
    return f"{who}\nWho you are: {persona}" if persona else who


_NAMED_MOST: Final = 200


def observation_text(
    shown: Shown,
    agent_ids: Sequence[str],
    options: Sequence[str] = (),
    *,
    earlier: Sequence[str] = (),
    goods_most: int = 0,
) -> str:
    """The message of a turn.

    Args:
        agent_ids: In genesis order.
        options: What the agent can do now, in lines.
        earlier: What it was shown before and still sees; lasting lines and information goods
            of it are not said again.
        goods_most: Characters of information goods, newest first.
    """
    known = [line for text in earlier for line in text.split("\n")]
    lines = [f"Turn {shown.seen['turn'] + 1}."]
    lines += _news(shown)
    lines += _unless_known([*_own(shown, agent_ids), *_public(shown.seen)], known)
    if shown.full_state is not None:
        lines += _accounts_of_all(shown.full_state)
    lines += _speech(shown.seen, known)
    lines += _goods(shown.seen["payloads"], known, goods_most)
    lines += _unless_known(options, known)
    return "\n".join(lines)


_LASTING: Final = re.compile(rf"(?:Core shares|Records|{CAN}):|Contract \d+ \(")
"""Begins a line that is said again only where it has changed."""


def _unless_known(lines: Iterable[str], known: Sequence[str]) -> Iterator[str]:
    """Lines without those lasting ones that stand unchanged in earlier messages."""
    for line in lines:
        label = _LASTING.match(line)
        if label is None or line != _newest(known, label[0]):
            yield line


def _newest(known: Sequence[str], label: str) -> str | None:
    """The newest line that begins with a label."""
    return next((line for line in reversed(known) if line.startswith(label)), None)


def _news(shown: Shown) -> Iterator[str]:
    """What came of the last answer, and what the rules have become."""
    if shown.idle_reason is not None:
        reason = IdleReason(shown.idle_reason)
        yield f"Your last answer was not used: {reason}. {NOT_USED[reason]} You did nothing."
    elif shown.seen["rejection"] is not None:
        refusal = RejectionReason(shown.seen["rejection"])
        yield f"Your last action was refused: {refusal}. {REFUSALS[refusal]}"
    if shown.changed:
        yield f"Parameters that are not as in the rules: {_named(shown.changed)}."
    if shown.restored:
        yield f"Parameters that are as in the rules again: {_named(shown.restored)}."


def _named(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json_line(value)}"
        for name, value in values.items()
    )


def _own(shown: Shown, agent_ids: Sequence[str]) -> Iterator[str]:
    """What is the agent's own."""
    seen = shown.seen
    yield _accounts(seen, shown.balance_before)
    if "income" in seen:
        coming = seen["income"]["next_period"]
        begins = "no further period" if coming is None else f"next period in turn {coming}"
        yield f"Your allowance: {seen['income']['allowance']}; {begins}."
    governance = seen.get("governance", {})
    if "receivable" in governance:
        yield f"You owe the platform {governance['receivable']} that it lent you."
    if "relieved" in governance:
        fees = "halved" if governance["relieved"] else "not halved"
        yield f"Your fees of this turn are {fees}."
    if seen["transactions"]:
        waiting = "; ".join(map(transaction_words, seen["transactions"]))
        yield f"Yours, waiting for a block: {waiting}."
    if seen["releases"]:
        returns = (
            f"{amount} in turn {due}, unstaked in turn {started}"
            for _, amount, started, due in seen["releases"]
        )
        yield f"Your stake on its way back: {'; '.join(returns)}."
    if seen["contracts"]:
        numbers = (str(contract["contract_id"]) for contract in seen["contracts"])
        yield f"Contracts: {', '.join(numbers)}."
    yield from map(contract_line, seen["contracts"])
    for ended in seen["contracts_ended"]:
        yield ended_line(ended, agent_ids)
    if "matches" in governance:
        yield from map(match_line, governance["matches"]) if governance["matches"] else [_NO_MATCH]


_NO_MATCH: Final = "You have no match."


def _accounts(seen: Mapping[str, Any], before: int | None) -> str:
    accounts = seen["accounts"]
    change = 0 if before is None else accounts["balance"] - before
    balance = f"balance {accounts['balance']}" + (f" ({change:+})" if change else "")
    rest = [f"{name} {held}" for name, held in accounts.items() if held and name != "balance"]
    studies = [f"studies {seen['studies']}"] if seen["studies"] else []
    return f"Yours: {', '.join([balance, *rest, *studies])}."


def _public(seen: Mapping[str, Any]) -> Iterator[str]:
    """What all agents see."""
    turn, winner, ticket = seen["tip"]
    by = "" if ticket == ValidatorType.MINE else f" ({ticket})"
    block = f"Block {turn}: {winner}{by}. " if winner else ""
    yield f"{block}Fees of all {seen['fees_collected']}, tokens of all {seen['token_supply']}."
    owners = (
        owner if shares == 1 else f"{owner} {shares}"
        for owner, shares in seen["core_owners"].items()
    )
    if named := ", ".join(owners):
        yield f"Core shares: {named}."
    if known := "; ".join(map(_record, seen["reputations"].items())):
        yield f"Records: {known}."


def _record(known: tuple[str, Sequence[int]]) -> str:
    """The public record of an agent, without its zeros."""
    agent_id, (_, *counts) = known
    named = [f"{name} {count}" for name, count in zip(_COUNTS, counts, strict=True) if count]
    return f"{agent_id} {', '.join(named) or 'nothing'}"


_COUNTS: Final = (
    "settled", "defaulted", "ruled for proposers", "ruled for counterparties", "disputes missed",
)  # fmt: skip


def _accounts_of_all(full_state: Mapping[str, Any]) -> Iterator[str]:
    """The accounts of all agents, a row each."""
    _, *names = full_state["agents"][0]
    yield f"Accounts of all agents ({' '.join(names)}):"
    for row in full_state["agents"]:
        yield f"{row['agent_id']} {' '.join(str(row[name]) for name in names)}"


def _speech(seen: Mapping[str, Any], known: Sequence[str]) -> Iterator[str]:
    """What others said, each text once, as a JSON string after those who said it.

    Who says again what it was last quoted with is named alone.
    """
    quoted = _quoted(known)
    speakers: dict[str, list[str]] = {}
    again = []
    for name, said in seen["speech"].items():
        words = json_line(said)
        if name == seen["agent_id"]:
            continue
        if quoted.get(name) == words:
            again.append(name)
        else:
            speakers.setdefault(words, []).append(name)
    if again:
        yield f"Said again: {', '.join(again)}."
    if speakers:
        yield _HEARD
        yield from (f"{', '.join(names)}: {words}" for words, names in speakers.items())


def _quoted(known: Iterable[str]) -> dict[str, str]:
    """The newest words of each agent that stand in earlier messages, as JSON strings."""
    words: dict[str, str] = {}
    heard = False
    for line in known:
        names, quotes, said = line.partition(': "')
        heard = line == _HEARD or (heard and bool(quotes))
        if heard and quotes:
            words |= dict.fromkeys(names.split(", "), f'"{said}')
    return words


def _goods(payloads: Mapping[str, str], known: Sequence[str], most: int) -> Iterator[str]:
    """Information goods, each a JSON string, newest first; those shown before only by number."""
    if not payloads:
        return
    yield f"Information goods by contract {_DATA}:"
    before = frozenset(known)
    for number in sorted(payloads, key=int, reverse=True):
        line = f"{number}: {json_line(payloads[number])}"
        most -= len(payloads[number])
        if line in before:
            yield f"{number}: (as shown above)"
        else:
            yield line if most >= 0 else f"{number}: (left out: no room)"


_DATA: Final = "(data)"
_HEARD: Final = f"Said {_DATA}:"


def repair(problem: str) -> str:
    """The message to a model about an unusable reply."""
    return (
        f"That could not be used: {problem}. Nothing was done. "
        "Answer again with the one JSON object alone."
    )
