"""All that the next turn can depend on, as plain values.

Source: docs/spec/economy.md, section 1.3.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from sim_economy.core.accounts import (
    BALANCE,
    FIRST,
    ISSUANCE,
    STAKED,
    SYSTEM_ACCOUNTS,
    WIDTH,
    Ledger,
    PostingReason,
)
from sim_economy.core.contracts import Contract, Counted, EndedContract, Payload, Reputation
from sim_economy.core.events import RejectionReason, Transaction, ValidatorType
from sim_economy.core.governance_config import GovernanceConfig, MatchesRule
from sim_economy.core.needs import ContractMatch
from sim_economy.core.world_config import WorldConfig


class FinalisedBurn(Struct, frozen=True, array_like=True, gc=False):
    """A burn that weighs or will weigh: agent index, tokens, turn it was finalised."""

    agent: int
    amount: int
    turn: int


class Release(Struct, frozen=True, array_like=True, gc=False):
    """Stake on its way back: agent index, tokens, turn of the unstake, turn of its return."""

    agent: int
    amount: int
    started: int
    due: int


class NewestBlock(Struct, frozen=True, array_like=True, gc=False):
    """The newest block of the chain; genesis has neither winner nor validator type."""

    turn: int
    winner: str | None
    validator_type: ValidatorType | None


class WindowTurn(Struct, frozen=True, array_like=True, gc=False):
    """What a fee cap remembers of a turn: its number, and tokens (G1).

    Attributes:
        tips: Those whose payer did not win the block.
        job_pay: Credits, relief and first-job bonuses.
    """

    turn: int
    fees: int
    tips: int
    job_pay: int


class DebtRecord(Struct, frozen=True, array_like=True, gc=False):
    """What debt rails remember of an agent (G3).

    Attributes:
        uncovered: Tokens of all its fees that nothing covered.
        given: Tokens that it was lent, or that lifted debts of it.
        receivable: Tokens that it was lent and has not repaid.
        last_loan: The turn of it; 0 where there was none.
    """

    uncovered: int = 0
    given: int = 0
    receivable: int = 0
    last_loan: int = 0


class PointRecord(Struct, frozen=True, array_like=True, gc=False):
    """An agent's index, and the turn in which it did what gives points (G2)."""

    agent: int
    turn: int


class NetRecord(Struct, frozen=True, array_like=True, gc=False):
    """What an agent received less paid by contracts that ended, and its extremes so far (G2)."""

    net: int = 0
    high: int = 0
    low: int = 0


class RebateMemory(Struct, frozen=True, kw_only=True):
    """What the reinvestment rebate remembers (G2).

    Attributes:
        studies: Applied ones that still have points, oldest first.
        settled: Sides of contracts that still have points, oldest first.
        staked: Turns for which each agent has had the stake, up to those asked for, `[agent]`.
        nets: `[agent]`.
    """

    studies: tuple[PointRecord, ...] = ()
    settled: tuple[PointRecord, ...] = ()
    staked: tuple[int, ...]
    nets: tuple[NetRecord, ...]


class GovernanceState(Struct, frozen=True, kw_only=True):
    """What interventions remember; each part is absent where its rule is off.

    Attributes:
        fee_window: The last turns, at most those of the fee cap's window, oldest first.
        rebate: Points of those who reinvest (G2).
        debts: `[agent]`.
        matches: Those of the last turn; absent too where they are only counted (G4).
        relieved: Indices of the agents whose fees are halved in the next turn (G5).
    """

    fee_window: tuple[WindowTurn, ...] | UnsetType = UNSET
    rebate: RebateMemory | UnsetType = UNSET
    debts: tuple[DebtRecord, ...] | UnsetType = UNSET
    matches: tuple[ContractMatch, ...] | UnsetType = UNSET
    relieved: tuple[int, ...] | UnsetType = UNSET


class State(Struct, kw_only=True):
    """The economy between two turns; lists are by agent in genesis order where not noted.

    Attributes:
        turn: The last closed turn; 0 is genesis.
        accounts: By account number; see `ledger`.
        studies: Studies paid for.
        employed: Whether the agent ever had a job.
        burned: Tokens of finalised burns, undecayed.
        cores: Core shares owned.
        burns: Finalised burns that have not decayed to nothing, oldest first.
        mempool: Submitted transactions waiting for a block, oldest first.
        releases: Stake on its way back, oldest first.
        contracts: Open ones, in order of their ids.
        contracts_proposed: How many ever were; the next id is one more.
        contracts_ended: Those that ended in the last turn.
        payloads: Information goods that were delivered, oldest first.
        reputations: Of agents that have one, in genesis order.
        counted: Pairs whose next contract does not count yet, oldest first.
        speech: What was said in the last turn.
        rejections: Why the last turn's action was refused.
        fees_charged: Fees of the last turn.
        ended: Whether the run has declared its end.
        governance: What interventions remember; absent where none is on.
        payloads_hash: SHA-256 over the information goods no longer in `payloads`; absent as long
            as there is none.
    """

    turn: int
    accounts: list[int]
    studies: list[int]
    employed: list[bool]
    burned: list[int]
    cores: list[int]
    burns: list[FinalisedBurn]
    mempool: list[Transaction]
    releases: list[Release]
    contracts: list[Contract]
    contracts_proposed: int
    contracts_ended: list[EndedContract]
    payloads: list[Payload]
    reputations: list[Reputation]
    counted: list[Counted]
    newest_block: NewestBlock = field(name="tip")
    speech: list[str | None]
    rejections: list[RejectionReason | None]
    fees_charged: int = field(name="fees_collected")
    ended: bool
    governance: GovernanceState | UnsetType = UNSET
    payloads_hash: str | UnsetType = UNSET

    @property
    def balances(self) -> list[int]:
        """Tokens free to use, or owed."""
        return self.accounts[BALANCE::WIDTH]

    @property
    def staked(self) -> list[int]:
        """Tokens locked as stake."""
        return self.accounts[STAKED::WIDTH]

    @property
    def token_supply(self) -> int:
        """Tokens that agents own: all five accounts of all agents."""
        return sum(self.accounts[FIRST:])

    def wealth(self, agent: int) -> int:
        """All five accounts of one agent."""
        first = FIRST + WIDTH * agent
        return sum(self.accounts[first : first + WIDTH])

    def successor(self) -> State:
        """A copy to play the next turn on; nothing of it is shared that a turn changes."""
        quiet = [None] * len(self.studies)
        return State(
            turn=self.turn + 1,
            accounts=self.accounts.copy(),
            studies=self.studies.copy(),
            employed=self.employed.copy(),
            burned=self.burned.copy(),
            cores=self.cores.copy(),
            burns=self.burns.copy(),
            mempool=self.mempool.copy(),
            releases=self.releases.copy(),
            contracts=self.contracts.copy(),
            contracts_proposed=self.contracts_proposed,
            contracts_ended=[],
            payloads=self.payloads.copy(),
            reputations=self.reputations.copy(),
            counted=self.counted.copy(),
            newest_block=self.newest_block,
            speech=list(quiet),
            rejections=list(quiet),
            fees_charged=self.fees_charged,
            ended=self.ended,
            governance=self.governance,
            payloads_hash=self.payloads_hash,
        )


def genesis(config: WorldConfig) -> tuple[State, Ledger]:
    """The world before turn 1, and the ledger of its first postings."""
    agents = config.num_agents
    ledger = Ledger([0] * (len(SYSTEM_ACCOUNTS) + WIDTH * agents))
    for agent in range(agents):
        ledger.post(
            ISSUANCE,
            BALANCE + WIDTH * agent,
            config.genesis_tokens_per_agent,
            PostingReason.GENESIS,
        )
    shares = dict(config.core_owners or ())
    state = State(
        turn=0,
        accounts=ledger.accounts,
        studies=[0] * agents,
        employed=[False] * agents,
        burned=[0] * agents,
        cores=[shares.get(agent_id, 0) for agent_id in config.agent_ids],
        burns=[],
        mempool=[],
        releases=[],
        contracts=[],
        contracts_proposed=0,
        contracts_ended=[],
        payloads=[],
        reputations=[],
        counted=[],
        newest_block=NewestBlock(0, None, None),
        speech=[None] * agents,
        rejections=[None] * agents,
        fees_charged=0,
        ended=False,
        governance=UNSET if config.governance is None else _governance(config.governance, agents),
    )
    return state, ledger


def _governance(rules: GovernanceConfig, agents: int) -> GovernanceState:
    """What interventions remember before turn 1."""
    matching = rules.contract_matching
    shows = matching is not None and matching.matches is MatchesRule.SHOWN
    return GovernanceState(
        fee_window=UNSET if rules.fee_cap is None else (),
        rebate=UNSET
        if rules.reinvestment_rebate is None
        else RebateMemory(staked=(0,) * agents, nets=(NetRecord(),) * agents),
        debts=UNSET if rules.debt_rails is None else (DebtRecord(),) * agents,
        matches=() if shows else UNSET,
        relieved=UNSET if rules.concentration_monitor is None else (),
    )


_encode = msgspec.json.Encoder().encode
# Made here, once: threads that look up a type's fields for the first time together crash msgspec.
_decode = msgspec.json.Decoder(State).decode


def encode_state(state: State) -> bytes:
    """The canonical JSON text of a state; its digest is taken over these bytes."""
    return _encode(state)


def decode_state(text: bytes | str) -> State:
    """The state of a canonical JSON text."""
    return _decode(text)
