"""Contract matching: which needs fit, and who is matched with whom.

Source: docs/spec/economy.md, G4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from sim_economy.core.contracts import ContractKind, Reputation
from sim_economy.core.needs import ContractMatch, Need, NeedSide
from sim_economy.core.units import MILLION

Stated = Sequence[tuple[int, Need]]
"""Needs of one kind and side with their agents' indices, in genesis order."""


def matches(
    needs: Mapping[int, Sequence[Need]], reputations: Sequence[Reputation], needs_max: int
) -> Iterator[ContractMatch]:
    """The matches of a turn, kind after kind, seekers in genesis order.

    Args:
        needs: By agent index.
        reputations: Of the agents that have one.
        needs_max: Of each kind and side, those with the best prices take part.

    Source: docs/spec/economy.md, G4.
    """
    kept = {known.agent: kept_share(known) for known in reputations}
    for kind in ContractKind:
        offers, seeks = (_of(needs, kind, side, needs_max) for side in NeedSide)
        if not (offers and seeks):
            continue
        partners = assigned(_weights(offers, seeks, kept))
        for (seeker, sought), partner in zip(seeks, partners, strict=True):
            if partner is not None:
                agent, offered = offers[partner]
                low, high = limits(offered, sought)
                yield ContractMatch(kind, agent, seeker, sought.amount, (low + high) // 2)


def kept_share(known: Reputation | None) -> int:
    """The share of its contracts that an agent is expected to keep, in millionths.

    Source: docs/spec/economy.md, G4; Laplace's rule of succession.
    """
    if known is None:
        return MILLION // 2
    return MILLION * (known.settled + 1) // (known.settled + known.defaulted + 2)


def limits(offered: Need, sought: Need) -> tuple[int, int]:
    """The least and the highest price of the amount sought, in tokens.

    Source: docs/spec/economy.md, G4.
    """
    return -(-offered.limit_price * sought.amount // offered.amount), sought.limit_price


def _of(
    needs: Mapping[int, Sequence[Need]], kind: ContractKind, side: NeedSide, needs_max: int
) -> Stated:
    """The needs that take part: all, or of too many the cheapest offers or best-paid seeks."""
    found = [
        (agent, need)
        for agent, own in sorted(needs.items())
        for need in own
        if need.kind is kind and need.side is side
    ]
    if len(found) <= needs_max:
        return found
    sign = 1 if side is NeedSide.OFFER else -1
    best = sorted(found, key=lambda own: sign * Fraction(own[1].limit_price, own[1].amount))
    return sorted(best[:needs_max], key=lambda own: own[0])


def _weights(offers: Stated, seeks: Stated, kept: Mapping[int, int]) -> list[list[int]]:
    """What each pair is worth to the assignment, `[seek, offer]`; 0 where it does not fit.

    One more match outweighs all gains, and any gain the order of agents: so one assignment is best.
    """
    base = len(offers) + 1
    orders = base ** len(seeks)
    gains = [[_gain(offer, seek, kept) for offer in offers] for seek in seeks]
    one_more = orders * (1 + sum(max(row) for row in gains))
    weights = []
    for rank, row in enumerate(gains, 1):
        first = orders // base**rank
        weights.append(
            [
                one_more + gain * orders + first * (base - 1 - index) if gain else 0
                for index, gain in enumerate(row)
            ]
        )
    return weights


def _gain(offer: tuple[int, Need], seek: tuple[int, Need], kept: Mapping[int, int]) -> int:
    """What both gain by a contract, weighted by how likely they keep it; 0 where they do not fit.

    Source: docs/spec/economy.md, G4.
    """
    (one, offered), (other, sought) = offer, seek
    low, high = limits(offered, sought)
    if one == other or offered.amount < sought.amount or low > high:
        return 0
    unknown = kept_share(None)
    return (high - low + 1) * kept.get(one, unknown) * kept.get(other, unknown)


def assigned(weights: Sequence[Sequence[int]]) -> list[int | None]:
    """The column of each row, so that the sum of weights is greatest; None for a weight of 0.

    Args:
        weights: `[row, column]`, not below 0; of pairs that are not to be, 0.

    Source: the Hungarian method with shortest augmenting paths; Jonker and Volgenant 1987,
        doi:10.1007/BF02278710.
    """
    rows, columns = len(weights), len(weights[0])
    if rows > columns:
        turned = assigned([[row[column] for row in weights] for column in range(columns)])
        of_row = {row: column for column, row in enumerate(turned)}
        return [of_row.get(row) for row in range(rows)]
    row_of: list[int] = [-1] * columns
    row_price, column_price = [0] * rows, [0] * columns
    for row in range(rows):
        _augment(row, weights, row_of, row_price, column_price)
    column_of = {row: column for column, row in enumerate(row_of)}
    return [column_of[row] if weights[row][column_of[row]] else None for row in range(rows)]


def _augment(
    start: int,
    weights: Sequence[Sequence[int]],
    row_of: list[int],
    row_price: list[int],
    column_price: list[int],
) -> None:
    """Give one more row a column, along the cheapest path of columns that change their rows."""
    columns = range(len(row_of))
    row, left = start, set(columns)
    cost: dict[int, int] = {}
    before: dict[int, int] = {}
    reached: list[int] = []
    done, last = 0, -1
    while True:
        own, base = weights[row], done - row_price[row]
        for column in left:
            along = base - own[column] - column_price[column]
            if column not in cost or along < cost[column]:
                cost[column] = along
                before[column] = last
        done, last = min((cost[column], column) for column in left)
        left.remove(last)
        if row_of[last] < 0:
            break
        reached.append(last)
        row = row_of[last]
    for column in reached:
        row_price[row_of[column]] += done - cost[column]
        column_price[column] -= done - cost[column]
    row_price[start] += done
    while before[last] >= 0:
        row_of[last] = row_of[before[last]]
        last = before[last]
    row_of[last] = start
