"""What is to be said of a trace beside its numbers: gaps, rows left out, rounding, turn length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from sim_economy.core.units import MILLION
from sim_economy.core.world_config import WorldConfig
from sim_economy.usage.civil_time import TurnCalendar
from sim_economy.usage.traced_usage import TracedUsage, UsageLog

_LOSS_WARNED: Final = 1000
"""Losses above one in so many are warned of."""
_INTEREST_TURNS: Final = 100
_DAY_SECONDS: Final = 86_400


def usage_warnings(
    usage: object, agent_ids: Sequence[str], turns: int, config: WorldConfig
) -> list[str]:
    """What a run says less for than it seems to, in words with the trace's file.

    Args:
        usage: Any source; only of a trace there is something to say.
        agent_ids: Those whose usage the trace gives.
    """
    if not isinstance(usage, TracedUsage):
        return []
    found = _gaps(usage, agent_ids, turns)
    if usage.log is not None:
        found += [*_rows_outside(usage, usage.log, turns), *_unweighted(usage, usage.log)]
        if usage.log.sums.lost * _LOSS_WARNED > usage.log.sums.exact:
            found.append(_loss(usage, usage.log))
        if (calendar := usage.calendar(turns)) is not None:
            found += per_turn_warnings(calendar, turns, config)
    return found


def usage_facts(usage: object, config: WorldConfig) -> list[str]:
    """What a report states of a trace of usage rows beside the warnings."""
    if not isinstance(usage, TracedUsage) or usage.log is None:
        return []
    log = usage.log
    found = [_unit_of(log)]
    if log.calendar is not None:
        calendar = log.calendar
        found.append(
            f"turns of {calendar.length.text} in {calendar.zone.key}: turn 1 is "
            f"{calendar.name_of(1)}, turn {usage.last} is {calendar.name_of(usage.last)}"
        )
    if log.sums.lost:
        found.append(_loss(usage, log))
    if log.calendar is not None and (log.sums.lost or _rounds(config)):
        found.append(_turn_length_bound(usage, config))
    return [fact[0].upper() + fact[1:] for fact in found]


def _rounds(config: WorldConfig) -> bool:
    """Test whether the rules round what whole units cost."""
    rate, discount = config.base_inference_rate, config.thinking_layer_discount
    return rate % MILLION != 0 or discount % MILLION != 0


def _gaps(usage: TracedUsage, agent_ids: Sequence[str], turns: int) -> list[str]:
    missing = usage.gaps(agent_ids, turns)
    every = turns * len(agent_ids)
    said = f"{usage.path} has no row for {missing} of {every} agent-turns; they count as no usage"
    return [said] if missing else []


def _rows_outside(usage: TracedUsage, log: UsageLog, turns: int) -> Iterator[str]:
    after = sum(rows for turn, rows in log.rows_by_turn.items() if turn > turns)
    every = log.rows_before + sum(log.rows_by_turn.values())
    where = [
        f"{rows:,} {side}"
        for rows, side in ((log.rows_before, "before turn 1"), (after, f"after turn {turns}"))
        if rows
    ]
    if where:
        yield f"of the {every:,} rows of {usage.path}, {' and '.join(where)} are left out"


def _unweighted(usage: TracedUsage, log: UsageLog) -> Iterator[str]:
    kinds = [f"{tokens:,} {kind}" for kind, tokens in log.sums.unweighted.items()]
    if kinds:
        yield (
            f"{usage.path} has tokens whose weight in [usage.units] is 0, so that what they cost "
            f"is left out: {' and '.join(kinds)}"
        )


def _loss(usage: TracedUsage, log: UsageLog) -> str:
    sums = log.sums
    lost, exact = (_decimal(part, sums.scale) for part in (sums.lost, sums.exact))
    share = _rounded(Decimal(100 * sums.lost) / sums.exact)
    return (
        f"rounding down to whole units once an agent-turn leaves out {lost} of the {exact} units "
        f"of {usage.path} ({share} %)"
    )


def _turn_length_bound(usage: TracedUsage, config: WorldConfig) -> str:
    used = sum(len(own) for own in usage.rows.values())
    most = used * (3 * Decimal(config.base_inference_rate) / MILLION + 1)
    return (
        "fees at a longer turn length differ from these by less than 3 times the rate + 1 tokens "
        f"for each agent-turn with use, at most {_rounded(most)} tokens here, where nothing else "
        "is counted by turn"
    )


def _unit_of(log: UsageLog) -> str:
    table = log.table
    if table.currency:
        unit = "a millionth" if table.per == 1 else f"{table.per:,} millionths"
        return f"a unit is {unit} of {table.currency}"
    tokens = "weighted token" if table.per == 1 else f"{table.per:,} weighted tokens"
    return f"a unit is one {tokens}" if table.per == 1 else f"a unit is {tokens}"


def per_turn_warnings(calendar: TurnCalendar, turns: int, config: WorldConfig) -> list[str]:
    """Parameters counted by turn that come to something else at another turn length."""
    found = []
    if config.interest_rate_per_turn and turns > _INTEREST_TURNS:
        rate = Decimal(config.interest_rate_per_turn)
        grown = _SHORT.power(1 + rate / MILLION, turns)
        found.append(
            f"interest of {_rounded(rate / 10_000)} % a turn of {calendar.length.text} makes a "
            f"debt {_rounded(grown)} times as large over {turns:,} turns; set "
            "interest_rate_per_turn = 0, or a rate for this turn length"
        )
    if free := config.commons_threshold_per_turn:
        days = Decimal(calendar.length.shortest_seconds) / _DAY_SECONDS
        found.append(
            f"{free:,} free units a turn of {calendar.length.text} come to "
            f"{_rounded(free / days)} a day for each agent; at another turn length they come to "
            "another amount (commons_threshold_per_turn)"
        )
    return found


_SHORT: Final = Context(prec=4, rounding=ROUND_HALF_UP)


def _decimal(part: int, scale: int) -> str:
    return _rounded(Decimal(part) / scale)


def _rounded(value: Decimal) -> str:
    """Four digits of a number; whole ones stay whole up to a billion."""
    if value == value.to_integral_value() and abs(value) < 10**9:
        return f"{int(value):,}"
    short = _SHORT.plus(value)
    return f"{short:,f}" if -4 <= short.adjusted() < 9 else f"{short:.3E}"
