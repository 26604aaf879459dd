"""Contract matching, once more from genesis and the records alone.

It is found here along paths of single exchanges, each the best there is, until none is better.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import json

from sim_economy.ledger.records import TurnRecord

_KINDS = ("service", "information_sale", "loan", "insurance", "forward")


class MatchFold:
    """What contracts must have been matched in each turn.

    Attributes:
        is_shown: Whether agents see their matches, so that the state has them.
    """

    def __init__(self, rule: Mapping[str, Any]) -> None:
        self.is_shown = rule["matches"] == "shown"
        self._needs_max = rule["needs_max"]

    def problems(
        self,
        record: TurnRecord,
        needs: Mapping[int, Sequence[Mapping[str, Any]]],
        state: Mapping[str, Any],
    ) -> Iterator[str]:
        """Fold a turn in, and name what in it no needs call for.

        Args:
            needs: By agent index, of inputs that applied.
            state: With the turn's reputations in it.
        """
        expected = [] if record.ends else list(self._matches(needs, state["reputations"]))
        governance = json.decode(json.encode(record.governance))
        if governance.get("matches", []) != expected:
            yield "the matches are not those of the needs"
        if self.is_shown:
            state["governance"]["matches"] = expected

    def _matches(
        self, needs: Mapping[int, Sequence[Mapping[str, Any]]], records: Sequence[Sequence[int]]
    ) -> Iterator[list[Any]]:
        shares = {agent: 10**6 * (1 + good) // (2 + good + bad) for agent, good, bad, *_ in records}
        for kind in _KINDS:
            offers = self._side(needs, kind, "offer")
            seeks = self._side(needs, kind, "seek")
            worth = {}
            for column, (seeker, sought) in enumerate(seeks):
                for row, (agent, offered) in enumerate(offers):
                    low = _least(offered, sought)
                    more = sought["limit_price"] - low
                    if agent != seeker and more >= 0 and sought["amount"] <= offered["amount"]:
                        kept = shares.get(agent, 500_000) * shares.get(seeker, 500_000)
                        worth[row, column] = (more + 1) * kept
            for column, row in _best(worth, len(offers), len(seeks)):
                (agent, offered), (seeker, sought) = offers[row], seeks[column]
                price = (_least(offered, sought) + sought["limit_price"]) // 2
                yield [kind, agent, seeker, sought["amount"], price]

    def _side(
        self, needs: Mapping[int, Sequence[Mapping[str, Any]]], kind: str, side: str
    ) -> list[tuple[int, Mapping[str, Any]]]:
        found = [
            (agent, need)
            for agent in sorted(needs)
            for need in needs[agent]
            if (need["kind"], need["side"]) == (kind, side)
        ]
        rates = [Fraction(need["limit_price"], need["amount"]) for _, need in found]
        if side == "seek":
            rates = [-rate for rate in rates]
        chosen = sorted(range(len(found)), key=lambda index: (rates[index], index))
        return [found[index] for index in sorted(chosen[: self._needs_max])]


def _least(offered: Mapping[str, Any], sought: Mapping[str, Any]) -> int:
    """The least price of the amount sought, rounded up."""
    whole, rest = divmod(offered["limit_price"] * sought["amount"], offered["amount"])
    return int(whole + (rest > 0))


def _best(worth: Mapping[tuple[int, int], int], rows: int, columns: int) -> list[tuple[int, int]]:
    """The pairs of most worth among the most pairs there can be, first columns served first.

    Returns:
        Columns with their rows, in order.
    """
    radix = rows + 1
    unit = radix**columns
    gains: list[dict[int, int]] = [{} for _ in range(columns)]
    for (row, column), tokens in worth.items():
        gains[column][row] = tokens * unit + (rows - row) * radix ** (columns - 1 - column)
    partner: dict[int, int] = {}
    while (found := _exchange(gains, partner)) is not None:
        partner |= dict(found)
    return sorted(partner.items())


def _exchange(
    gains: Sequence[Mapping[int, int]], partner: Mapping[int, int]
) -> list[tuple[int, int]] | None:
    """The best chain of exchanges that gives one more column a row; None where there is none.

    Args:
        gains: By row, `[column]`.
    """
    of_row = {row: column for column, row in partner.items()}
    best = {column: 0 for column in range(len(gains)) if column not in partner}
    came: dict[int, tuple[int, int]] = {}
    changed = set(best)
    while changed:
        column = min(changed)
        changed.remove(column)
        for row, gain in gains[column].items():
            holder = of_row.get(row)
            if holder is None or holder == column:
                continue
            total = best[column] + gain - gains[holder][row]
            if holder not in best or total > best[holder]:
                best[holder], came[holder] = total, (column, row)
                changed.add(holder)
    free = [
        (total + gain, column, row)
        for column, total in best.items()
        for row, gain in gains[column].items()
        if row not in of_row
    ]
    if not free:
        return None
    _, column, row = max(free)
    chain = [(column, row)]
    while column in came:
        column, row = came[column]
        chain.append((column, row))
    return chain
