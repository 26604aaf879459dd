"""Random groups of worlds with interventions: each rule alone, and all that mix.

A group is a pure function of its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from msgspec.structs import replace

from sim_economy.core.governance_config import (
    CapBase,
    ConcentrationMonitor,
    DebtRails,
    FeeCap,
    GovernanceConfig,
    MonitorResponse,
    ReinvestmentRebate,
    WagesRule,
)
from sim_economy.core.shock_config import GAIN, JOB_PAY, LOSS, USAGE, Shock
from sim_economy.core.units import INPUT_LIMIT, MILLION, Millionths
from tests.equivalence.random_worlds import VALUES, random_group
from tests.equivalence.world_groups import WorldGroup

WINDOWS: Final = (1, 2, 3, 5, 10, 2**31 - 1)
WEIGHT_MAX: Final = MILLION * MILLION


def random_governed_group(number: int) -> WorldGroup:
    """The group of a number, with some interventions; doses vary in half of the groups."""
    random = Random(f"interventions {number}")
    group = random_group(number)
    given = {name: rule(random) for name, rule in RULES.items() if random.random() < SHARE}
    if not given or random.random() < 0.2:
        name = random.choice(tuple(RULES))
        given = {name: RULES[name](random)}
    shocks = _shocks(random, group) if random.random() < SHARE else ()
    governance = GovernanceConfig(**given, shocks=shocks)
    if governance.lowers_fees:
        governance = replace(governance, wages=random.choice(tuple(WagesRule)))
    return replace(
        group,
        name=f"random_governed_group({number})",
        config=replace(group.config, governance=governance),
        varied={**group.varied, **_doses(random, governance, len(group.seeds))},
    )


def random_governed_groups(first: int, worlds: int) -> Iterator[WorldGroup]:
    """Groups from a number on, until they hold so many worlds together."""
    number, left = first, worlds
    while left > 0:
        group = random_governed_group(number)
        yield group
        number += 1
        left -= len(group.seeds)


def _cap_ratio(random: Random) -> Millionths:
    odd = (0, 1, MILLION, 1_500_000, WEIGHT_MAX)
    return Millionths(
        random.choice(odd) if random.random() < 0.3 else random.randrange(8 * MILLION)
    )


def _fee_cap(random: Random) -> FeeCap:
    return FeeCap(
        cap_ratio=_cap_ratio(random),
        base=random.choice(tuple(CapBase)),
        window_turns=random.choice(WINDOWS),
    )


def _rate(random: Random) -> Millionths:
    odd = (0, 1, 250_000, 500_000, 999_999, MILLION)
    return Millionths(random.choice(odd) if random.random() < 0.4 else random.randrange(MILLION))


def _gini_max(random: Random) -> Millionths:
    return Millionths(random.choice((0, 1, 100_000, 250_000, 333_333, 400_000, 500_000, MILLION)))


def _turns(random: Random) -> int:
    return random.choice((1, 1, 2, 3, 5, 20))


def _tokens(random: Random) -> int:
    if random.random() < 0.05:
        return INPUT_LIMIT
    return random.choice((1, 1, 20, 100, random.randint(1, 600)))


def _monitor(random: Random) -> ConcentrationMonitor:
    return ConcentrationMonitor(
        gini_max=_gini_max(random),
        from_turn=_turns(random),
        response=random.choice(tuple(MonitorResponse)),
        levy_share=_rate(random),
    )


def _debt_cap(random: Random) -> int:
    return random.choice((0, 0, 1, random.randint(0, 300)))


def _cooldown(random: Random) -> int:
    return random.choice((0, 1, 2, 3, 20))


def _rails(random: Random) -> DebtRails:
    return DebtRails(
        debt_cap=_debt_cap(random),
        cooldown_turns=_cooldown(random),
        repayment_share=_rate(random),
    )


def _rebate(random: Random) -> ReinvestmentRebate:
    return ReinvestmentRebate(
        rebate_share=_rate(random),
        window_turns=random.choice(WINDOWS),
        stake_min=_tokens(random),
        stake_turns=_turns(random),
    )


SHARE: Final = 0.5
"""How often a rule is on."""
RULES: Final[dict[str, Callable[[Random], Any]]] = {
    "fee_cap": _fee_cap,
    "concentration_monitor": _monitor,
    "debt_rails": _rails,
    "reinvestment_rebate": _rebate,
}
DOSES: Final[dict[str, Callable[[Random], int]]] = {
    "governance.fee_cap.cap_ratio": _cap_ratio,
    "governance.concentration_monitor.gini_max": _gini_max,
    "governance.concentration_monitor.from_turn": _turns,
    "governance.concentration_monitor.levy_share": _rate,
    "governance.debt_rails.debt_cap": _debt_cap,
    "governance.debt_rails.cooldown_turns": _cooldown,
    "governance.debt_rails.repayment_share": _rate,
    "governance.reinvestment_rebate.rebate_share": _rate,
    "governance.reinvestment_rebate.stake_min": _tokens,
    "governance.reinvestment_rebate.stake_turns": _turns,
}
SHOCKED: Final = (
    "commons_threshold_per_turn", "signing_bonus", "study_cost", "job_credit_max",
    "base_inference_rate", "thinking_layer_discount", "interest_rate_per_turn",
    "mine_base_weight", "stake_weight_per_token", "block_threshold",
)  # fmt: skip
"""Parameters that shocks change in the kernel."""


def _shocks(random: Random, group: WorldGroup) -> tuple[Shock, ...]:
    """A gain or loss in some turns, and of some targets two entries that follow each other."""
    shocks = []
    names = group.config.agent_ids
    for turn in range(1, group.turns + 1):
        if random.random() < 0.3:
            struck = tuple(name for name in names if random.random() < 0.5)
            target = random.choice((GAIN, LOSS))
            tokens = _tokens(random)
            shocks.append(Shock(turn=turn, until=turn, target=target, agents=struck, tokens=tokens))
    for target in (USAGE, JOB_PAY, *SHOCKED):
        if random.random() < 0.25:
            first = random.randint(1, group.turns)
            until = random.choice((None, random.randint(first, group.turns)))
            shocks.append(
                Shock(turn=first, until=until, target=target, value=_value(random, target))
            )
            if until is not None and until < group.turns and random.random() < 0.5:
                value = _value(random, target)
                shocks.append(Shock(turn=until + 1, target=target, value=value))
    return tuple(shocks)


def _value(random: Random, target: str) -> int:
    if target not in VALUES:
        odd = (0, 1, 500_000, 2 * MILLION, 999_999)
        return random.choice(odd) if random.random() < 0.5 else random.randrange(3 * MILLION)
    value = VALUES[target](random)
    return min(value, 2**27 - 1) if target == "signing_bonus" else value


def _doses(random: Random, governance: GovernanceConfig, worlds: int) -> dict[str, tuple[int, ...]]:
    """Doses by world: of no rule, of some, or of all."""
    share = random.choice((0, 0.5, 1))
    return {
        name: tuple(dose(random) for _ in range(worlds))
        for name, dose in DOSES.items()
        if getattr(governance, name.split(".")[1]) is not None and random.random() < share
    }
