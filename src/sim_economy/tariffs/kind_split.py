"""Fees of agent-turns shared out over models and kinds of tokens, so that they add up.

Source: docs/spec/usage.md, Q13.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from msgspec.structs import astuple

from sim_economy.core.units import MILLION
from sim_economy.tariffs.logged_turns import LoggedTurns
from sim_economy.tariffs.tariff_run import TariffRun
from sim_economy.usage.counted_usage import Counts, added
from sim_economy.usage.usage_form import KINDS

_THINKING: Final = KINDS.index("thinking")


class KindFee(NamedTuple):
    """Tokens of one kind that a team used of a model on a day, and what it pays for them.

    Attributes:
        day: The number of the day, from 0.
    """

    day: int
    team: str
    model: str
    kind: str
    tokens: int
    fee: int


def days_of(log: LoggedTurns) -> list[range]:
    """The turns of each day; a turn is one where it is longer, or has no date."""
    turns = range(1, log.turns + 1)
    if log.dates is None or not log.dates.length.minutes:
        return [range(turn, turn + 1) for turn in turns]
    days = [[*own] for _, own in groupby(turns, key=log.dates.date_of)]
    return [range(own[0], own[-1] + 1) for own in days]


def kind_fees(log: LoggedTurns, run: TariffRun) -> Iterator[KindFee]:
    """Every day's use of every team, model and kind, in that order; kinds without use left out.

    The fee of an agent-turn is split by weight with largest remainder, ties in the order of kinds.
    """
    column = {agent: index for index, agent in enumerate(log.agents)}
    team_of = {log.agents[index]: team for team, own in log.teams.items() for index in own}
    for day, turns in enumerate(days_of(log)):
        fees: dict[tuple[str, str], list[int]] = {}
        used: dict[tuple[str, str], Counts] = {}
        for turn in turns:
            for agent, models in log.counted.counts.get(turn, {}).items():
                names = sorted(models)
                fee = int(run.bills.fees[turn - 1, column[agent]])
                for name, own in zip(names, _parts(run, fee, names, models), strict=True):
                    key = team_of[agent], name
                    held = fees.get(key, [0] * len(KINDS))
                    fees[key] = [one + other for one, other in zip(held, own, strict=True)]
                    used[key] = added(used.get(key), models[name])
        for (team, name), own in sorted(fees.items()):
            for kind, tokens, fee in zip(KINDS, used[team, name], own, strict=True):
                if tokens:
                    yield KindFee(day, team, name, kind, tokens, fee)


def _parts(
    run: TariffRun, fee: int, names: Sequence[str], models: dict[str, Counts]
) -> list[list[int]]:
    """The fee of an agent-turn, `[model][kind]`."""
    weights = [_weights(run, name, models[name]) for name in names]
    by_kind = [own[kind] for kind in range(len(KINDS)) for own in weights]
    parts = shared_out(fee, by_kind)
    return [parts[index :: len(names)] for index in range(len(names))]


def _weights(run: TariffRun, model: str, counts: Counts) -> list[int]:
    """What each kind counts for, `[kind]`; thinking after its discount."""
    own = run.tariff.units.of_model(model)
    assert own is not None, model
    discounts = [MILLION] * len(KINDS)
    discounts[_THINKING] = int(run.config.thinking_layer_discount)
    weighted = zip(counts, astuple(own), discounts, strict=True)
    return [tokens * int(weight) * discount for tokens, weight, discount in weighted]


def shared_out(amount: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of an amount that add up to it: by weight, largest remainder, ties in order.

    Where nothing has a weight the amount must be 0.
    """
    total = sum(weights)
    if not total:
        assert not amount, amount
        return [0] * len(weights)
    parts = [amount * weight // total for weight in weights]
    lost = [amount * weight % total for weight in weights]
    order = sorted(range(len(weights)), key=lambda index: (-lost[index], index))
    for index in order[: amount - sum(parts)]:
        parts[index] += 1
    return parts
