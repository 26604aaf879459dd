"""The steps of income in a turn: grants and expiry at T2, and what is refused to an empty agent.

`turn` calls them where section 2 says; the arithmetic is in `rules.income`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim_economy.core.accounts import BALANCE, ISSUANCE, WIDTH, Ledger, PostingReason
from sim_economy.core.actions import Input
from sim_economy.core.events import DeniedUsage, RejectionReason
from sim_economy.core.income_config import EmptyRule, IncomeConfig
from sim_economy.core.rules import forwards, income, usage_fees
from sim_economy.core.state import State
from sim_economy.core.world_config import WorldConfig


def pay(
    state: State, ledger: Ledger, config: WorldConfig, agent_indices: Mapping[str, int]
) -> None:
    """T2: allowances expire and debts are lifted as a period begins; grants, then top-ups."""
    if (rules := config.income) is None:
        return
    if (period := rules.period_in(state.turn)) is not None:
        allowances = rules.granted(config.agent_ids)
        if period > 1:
            _close_period(ledger, rules, allowances)
        for agent, allowance in enumerate(allowances):
            balance = BALANCE + WIDTH * agent
            ledger.post(ISSUANCE, balance, allowance, PostingReason.ALLOWANCE)
    for top_up in rules.top_ups_in(state.turn):
        balance = BALANCE + WIDTH * agent_indices[top_up.agent]
        ledger.post(ISSUANCE, balance, top_up.tokens, PostingReason.TOP_UP)


def _close_period(ledger: Ledger, rules: IncomeConfig, allowances: Sequence[int]) -> None:
    """I3 and I4: what is left of a period's allowance goes back, what it lacked may be lifted."""
    for agent, allowance in enumerate(allowances):
        if not allowance:
            continue
        balance = BALANCE + WIDTH * agent
        held = ledger.accounts[balance]
        ledger.post(balance, ISSUANCE, income.expired(held, rules), PostingReason.ALLOWANCE_EXPIRED)
        ledger.post(ISSUANCE, balance, income.lifted(held, rules), PostingReason.DEBT_LIFTED)


def stop(
    state: State,
    config: WorldConfig,
    admitted: dict[int, tuple[int, Input]],
    outcomes: list[RejectionReason | None],
) -> list[DeniedUsage]:
    """I7: an agent that has nothing to pay with as actions begin uses and does nothing.

    Args:
        admitted: By agent index, with its place among all inputs; the stopped ones leave it.
    """
    if config.when_empty is not EmptyRule.STOP:
        return []
    held = forwards.held(state.contracts, state.turn)
    denied = []
    for agent in sorted(admitted):
        if state.accounts[BALANCE + WIDTH * agent] + held.get(agent, 0) > 0:
            continue
        index, submitted = admitted.pop(agent)
        state.rejections[agent] = outcomes[index] = RejectionReason.BALANCE_EMPTY
        asked = usage_fees.counted(submitted.thinking_units, submitted.output_units, config)
        denied.append(DeniedUsage(agent, *asked))
    return [refused for refused in denied if refused.units]


def clip(
    state: State, config: WorldConfig, used: Mapping[int, tuple[int, int]], fees: list[int]
) -> list[DeniedUsage]:
    """I8: nobody uses more than balance and forwards can pay; free units are always used.

    Args:
        used: Counted thinking and output of those who are billed for them, by agent index.
        fees: Tokens owed, `[agent]`; lowered here.
    """
    if config.when_empty is not EmptyRule.CLIP:
        return []
    held = forwards.held(state.contracts, state.turn)
    denied = []
    for agent, usage in used.items():
        funds = state.accounts[BALANCE + WIDTH * agent] + held.get(agent, 0)
        studies = state.studies[agent]
        asked = usage_fees.billable(*usage, config)
        paid = income.payable(asked, funds, studies, config)
        if paid < asked:
            fees[agent] = usage_fees.price(paid, studies, config)
            denied.append(DeniedUsage(agent, *income.cut(*usage, asked - paid)))
    return denied
