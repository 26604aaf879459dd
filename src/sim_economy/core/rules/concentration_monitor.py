"""The concentration monitor: whether wealth is concentrated, in whose hands, and what is levied.

Source: docs/spec/economy.md, G5.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim_economy.core.units import MILLION, Millionths


def is_concentrated(wealth: Sequence[int], gini_max: Millionths) -> bool:
    """Test whether the shifted Gini coefficient is above a rate, exactly.

    Args:
        wealth: Balance and stake, `[agent]`; shifted so that the least is 1 where it is below.

    Source: docs/spec/economy.md, G5.
    """
    shift = max(0, 1 - min(wealth))
    ranked = sorted(held + shift for held in wealth)
    n, total = len(ranked), sum(ranked)
    weighted = sum(rank * held for rank, held in enumerate(ranked, 1))
    return (2 * weighted - (n + 1) * total) * MILLION > gini_max * n * total


def lower_half(wealth: Sequence[int]) -> list[int]:
    """The floor(n / 2) poorest agents, the poorest first.

    Source: docs/spec/economy.md, G5.
    """
    return sorted(range(len(wealth)), key=lambda agent: (wealth[agent], agent))[: len(wealth) // 2]


def levy(wealth: Sequence[int], balances: Sequence[int], share: Millionths) -> tuple[int, int]:
    """The wealthiest agent, and the tokens of its balance that are levied.

    Source: docs/spec/economy.md, G5.
    """
    ranked = sorted(wealth)
    n = len(ranked)
    twice_median = ranked[(n - 1) // 2] + ranked[n // 2]
    wealthiest = max(range(n), key=lambda agent: (wealth[agent], -agent))
    above = (2 * wealth[wealthiest] - twice_median) * share // (2 * MILLION)
    return wealthiest, min(above, max(0, balances[wealthiest]))


def equal_parts(tokens: int, agents: int) -> list[int]:
    """Tokens in equal parts; what is left over one each, the first first.

    Source: docs/spec/economy.md, G5.
    """
    each, left = divmod(tokens, agents)
    return [each + (index < left) for index in range(agents)]
