"""The steps of interventions in a turn: every change of what they remember is here.

`turn` calls it where section 2 says; the arithmetic of each rule is in `rules`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from sim_economy.core.accounts import Ledger
from sim_economy.core.events import AgentTokens, Block, GovernanceTurn, Transaction
from sim_economy.core.governance_config import GovernanceConfig, WagesRule
from sim_economy.core.rules import apportionment, fee_cap
from sim_economy.core.rules.jobs import Pay
from sim_economy.core.state import GovernanceState, State, WindowTurn
from sim_economy.core.world_config import WorldConfig

_OFF = GovernanceConfig()


class GovernanceSteps:
    """Keeps the interventions of one turn; where none is on, nothing of it does anything."""

    __slots__ = ("_config", "_job_pay", "_ledger", "_lowered", "_report", "_rules", "_state")

    def __init__(self, state: State, ledger: Ledger, config: WorldConfig) -> None:
        self._state = state
        self._ledger = ledger
        self._config = config
        self._rules = config.governance or _OFF
        self._report = GovernanceTurn()
        self._job_pay = 0
        self._lowered: dict[int, int] = {}

    @property
    def caps_fees(self) -> bool:
        """True if jobs are paid at T4, with the fees they are part of (G1)."""
        return self._rules.fee_cap is not None

    def note_pay(self, agent: int, pay: Pay, full_credit: int) -> None:
        """Note what a job earned.

        Args:
            full_credit: Tokens that it would have been credited if no rule lowered fees.
        """
        self._job_pay += pay.credit + pay.relief + pay.bonus
        if pay.credit < full_credit:
            self._lowered[agent] = full_credit - pay.credit

    def cap(self, fees: list[int], jobs: Mapping[int, int]) -> dict[int, int]:
        """T4: what of the fees passes the cap is waived, and wages follow (G1).

        Args:
            fees: Tokens owed, `[agent]`; lowered here.
            jobs: What the usage of workers costs, by agent index.

        Returns:
            The fee that each worker is credited, by agent index.
        """
        if (rule := self._rules.fee_cap) is None:
            return {}
        window = self._memory.fee_window
        assert window is not UNSET
        turn, bonus = self._state.turn, self._config.signing_bonus
        allowed = fee_cap.fees_allowed(rule, window, turn, bonus)
        total = sum(fees)
        wages = dict(jobs)
        if self._rules.wages is WagesRule.FOLLOW:
            wages = {agent: fee_cap.credited(fee, total, allowed) for agent, fee in jobs.items()}
        self._report = replace(self._report, fees_allowed=allowed)
        if total > allowed:
            waived = apportionment.by_largest_remainder(total - allowed, fees)
            fees[:] = [fee - spared for fee, spared in zip(fees, waived, strict=True)]
            self._report = replace(self._report, fees_waived=_by_agent(waived))
        return wages

    def close(
        self, fees: int, block: Block | None, finalised: Sequence[Transaction]
    ) -> GovernanceTurn | UnsetType:
        """Remember the turn.

        Args:
            fees: Charged in it.
            finalised: Transactions of its block.

        Returns:
            What the interventions did in it.
        """
        if self._config.governance is None:
            return UNSET
        if (rule := self._rules.fee_cap) is not None:
            winner = None if block is None else block.winner
            tips = sum(sent.fee for sent in finalised if sent.agent_id != winner)
            closed = WindowTurn(self._state.turn, fees, tips, self._job_pay)
            window = self._memory.fee_window
            assert window is not UNSET
            kept = (*window, closed)[-rule.window_turns :]
            self._state.governance = replace(self._memory, fee_window=kept)
        lowered = tuple(AgentTokens(*own) for own in sorted(self._lowered.items()))
        return replace(self._report, wages_lowered=lowered)

    @property
    def _memory(self) -> GovernanceState:
        memory = self._state.governance
        assert memory is not UNSET
        return memory


def _by_agent(tokens: Sequence[int]) -> tuple[AgentTokens, ...]:
    """Those that have some, in genesis order."""
    return tuple(AgentTokens(agent, amount) for agent, amount in enumerate(tokens) if amount)
