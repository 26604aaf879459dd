"""The shares of the covered fees.

Source: docs/spec/economy.md, C2 to C4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from sim_economy.core.world_config import DividendRule, WorldConfig


def dividends(
    pool: int,
    cores: Sequence[int],
    staked: Sequence[int],
    burned: Sequence[int],
    config: WorldConfig,
) -> list[int]:
    """Tokens each agent receives, `[agent]`; together never more than the pool.

    Args:
        pool: The turn's covered fees.
        cores: Core shares owned, `[agent]`.
        staked: Tokens, `[agent]`.
        burned: Tokens of finalised burns, undecayed, `[agent]`.

    Source: docs/spec/economy.md, C3.
    """
    match config.dividend_rule:
        case DividendRule.CORE_OWNERS:
            each = pool // config.num_cores
            return [each * shares for shares in cores]
        case DividendRule.STAKE_AND_BURN:
            claims = [kept + gone for kept, gone in zip(staked, burned, strict=True)]
            endowment = config.num_agents * config.genesis_tokens_per_agent
            whole = max(endowment, sum(claims), 1)
            return [pool * claim // whole for claim in claims]
        case _:
            assert_never(config.dividend_rule)
