"""One turn of the economy, from the inputs to the closed books.

Read it from top to bottom: `play_turn` is the order of things, each step below it one section of
docs/spec/economy.md. The arithmetic is in `rules`; every change of state is here, and of contracts
in `contract_steps`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, get_args

from msgspec import UNSET, Struct, field
from msgspec.structs import replace

from sim_economy.core import income_steps
from sim_economy.core.accounts import (
    BALANCE,
    DESTROYED,
    PENDING,
    PLATFORM,
    STAKED,
    UNSTAKING,
    WIDTH,
    Ledger,
    PostingReason,
    account_name,
)
from sim_economy.core.actions import (
    Action,
    BidCore,
    Burn,
    ContractAction,
    Idle,
    Input,
    Job,
    Mine,
    Speak,
    Stake,
    Study,
    Transfer,
    Unstake,
    action_name,
)
from sim_economy.core.contract_steps import ContractSteps
from sim_economy.core.errors import AmountOutOfRangeError, RunEndedError
from sim_economy.core.events import (
    Bill,
    Block,
    RejectionReason,
    Transaction,
    TransactionType,
    Turn,
)
from sim_economy.core.governance_steps import GovernanceSteps, ledger_of
from sim_economy.core.needs import Need
from sim_economy.core.rules import (
    block_lottery,
    core_auction,
    dividends,
    interest,
    jobs,
    refusals,
    usage_fees,
)
from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.state import FinalisedBurn, NewestBlock, Release, State
from sim_economy.core.units import ACCOUNT_LIMIT
from sim_economy.core.world_config import SigningBonusRule, WorldConfig

ON_CONTRACTS: Final = frozenset(get_args(ContractAction))
BY_THEMSELVES: Final = ON_CONTRACTS | {Job, Speak, Idle}
"""Actions that change nothing at T3, or have done so elsewhere."""


def play_turn(
    before: State,
    inputs: Sequence[Input],
    config: WorldConfig,
    agent_indices: Mapping[str, int],
    *,
    ends: bool = False,
) -> tuple[State, Turn]:
    """Close one turn.

    Args:
        before: The world after the last turn; it stays as it is, whatever happens here.
        inputs: In order of arrival; checked values (see `codec`).
        agent_indices: Genesis order by agent id.
        ends: Whether the run declares its end with this turn.

    Raises:
        RunEndedError: The run has ended before.
        AmountOutOfRangeError: An account would pass 2^62; a turn that ends a run without inputs
            never raises it (from rules version 3 on).

    Source: docs/spec/economy.md, section 2.
    """
    if before.ended:
        raise RunEndedError(before.turn)
    state = before.successor()
    config = config.in_force(state.turn)
    ledger = ledger_of(state, config)
    contract_steps = ContractSteps(state, ledger, config, agent_indices)
    governance = GovernanceSteps(state, ledger, config)

    admitted, outcomes = _admit(inputs, agent_indices)  # T1
    released = _release_stake(state, ledger, config)  # T2
    income_steps.pay(state, ledger, config, agent_indices)
    governance.strike(agent_indices)
    denied = income_steps.stop(state, config, admitted, outcomes)
    acted = _act(  # T3
        state, ledger, contract_steps, governance, config, agent_indices, admitted, outcomes
    )
    denied += income_steps.clip(state, config, acted.used, acted.fees)  # T4
    governance.relieve(acted.fees)
    for agent, wage in governance.cap(acted.fees, acted.jobs).items():
        _work(state, ledger, governance, config, agent, acted.jobs[agent], wage)
    covered = _bill(state, ledger, contract_steps, governance, config, acted.fees)
    block, finalised = _make_block(state, ledger, config, agent_indices, acted.miners)  # T5
    rebated = governance.rebate(covered, before.studies)  # T6
    dividends_paid = _pay_dividends(state, ledger, config, covered - rebated)
    ending = {held.contract_id: held for held in state.contracts}
    contract_steps.close()  # T7
    governance.count_ends(contract_steps.events, ending)
    governance.subsidise(contract_steps.events, ending, covered - rebated - dividends_paid)
    governance.intervene(ends=ends)  # T8
    governance.match(_needs(admitted, outcomes), ends=ends)
    if ends:  # T9
        _end_run(state, ledger, contract_steps, agent_indices)
    charged = sum(acted.fees)
    intervened = governance.close(charged, block, finalised)
    if inputs or not ends or config.rules_version is RulesVersion.V2:
        _check_range(state, config, acted.waived)

    state.fees_charged = charged
    turn = Turn(
        turn=state.turn,
        outcomes=tuple(outcomes),
        postings=tuple(ledger.postings),
        transactions=tuple(released + finalised),
        contracts=tuple(contract_steps.events),
        block=block,
        bill=Bill(state.fees_charged, covered, acted.waived, dividends_paid),
        token_supply=state.token_supply,
        ends=ends,
        units_denied=tuple(denied) or UNSET,
        governance=intervened,
    )
    return state, turn


class Acted(Struct, kw_only=True):
    """What actions leave for the bill and the lottery.

    Attributes:
        fees: Tokens owed, `[agent]`.
        used: Counted thinking and output of those who are billed for them, by agent index.
        jobs: What the usage of those on a job would have cost, by agent index.
        waived: Fees that jobs spared.
        miners: Indices of the agents that mined.
    """

    fees: list[int]
    used: dict[int, tuple[int, int]] = field(default_factory=dict)
    jobs: dict[int, int] = field(default_factory=dict)
    waived: int = 0
    miners: list[int] = field(default_factory=list)


Admitted = dict[int, tuple[int, Input]]
Outcomes = list[RejectionReason | None]


def _admit(inputs: Sequence[Input], agent_indices: Mapping[str, int]) -> tuple[Admitted, Outcomes]:
    """T1: the first input of each agent, with its place among all inputs."""
    admitted: Admitted = {}
    outcomes: Outcomes = [None] * len(inputs)
    for index, submitted in enumerate(inputs):
        agent = agent_indices.get(submitted.agent_id)
        if agent is None:
            outcomes[index] = RejectionReason.UNKNOWN_AGENT
        elif agent in admitted:
            outcomes[index] = RejectionReason.ALREADY_ACTED
        else:
            admitted[agent] = (index, submitted)
    return admitted, outcomes


def _release_stake(state: State, ledger: Ledger, config: WorldConfig) -> list[Transaction]:
    """T2: unstaked tokens that are due return to their balance (S3)."""
    due = [release for release in state.releases if release.due <= state.turn]
    if not due:
        return []
    state.releases = [release for release in state.releases if release.due > state.turn]
    released = []
    for release in due:
        base = WIDTH * release.agent
        ledger.post(UNSTAKING + base, BALANCE + base, release.amount, PostingReason.STAKE_RELEASED)
        released.append(
            Transaction(
                tx_type=TransactionType.UNSTAKE,
                agent_id=config.agent_ids[release.agent],
                amount=release.amount,
                fee=0,
                submitted=release.started,
                finalised=state.turn,
            )
        )
    return released


def _act(
    state: State,
    ledger: Ledger,
    contract_steps: ContractSteps,
    governance: GovernanceSteps,
    config: WorldConfig,
    agent_indices: Mapping[str, int],
    admitted: Admitted,
    outcomes: Outcomes,
) -> Acted:
    """T3: actions apply in genesis order; then the opening auction is closed."""
    acted = Acted(fees=[0] * config.num_agents)
    bids: dict[int, int] = {}
    for agent, (index, submitted) in sorted(admitted.items()):
        action = submitted.action
        reason = _refusal(state, contract_steps, config, agent_indices, agent, submitted)
        if reason is not None:
            state.rejections[agent] = outcomes[index] = reason
            action = Idle()
        elif submitted.speech:
            state.speech[agent] = submitted.speech
        match action:
            case Mine():
                acted.miners.append(agent)
            case BidCore():
                bids[agent] = _bid(ledger, agent, action)
            case _ if type(action) not in BY_THEMSELVES:
                _apply(state, ledger, config, agent, action)
        usage = usage_fees.counted(submitted.thinking_units, submitted.output_units, config)
        fee = usage_fees.fee(*usage, state.studies[agent], config)
        if isinstance(action, Job):
            acted.jobs[agent] = fee
            acted.waived += fee
            if not governance.caps_fees:
                _work(state, ledger, governance, config, agent, fee, governance.wage(agent, fee))
        else:
            acted.fees[agent] = fee
            acted.used[agent] = usage
    if bids:
        _sell_cores(state, ledger, config, bids)
    return acted


def _needs(admitted: Admitted, outcomes: Outcomes) -> dict[int, tuple[Need, ...]]:
    """What agents whose input applied would make contracts about, by agent index."""
    return {
        agent: submitted.needs
        for agent, (index, submitted) in admitted.items()
        if submitted.needs and outcomes[index] is None
    }


def _refusal(
    state: State,
    contract_steps: ContractSteps,
    config: WorldConfig,
    agent_indices: Mapping[str, int],
    agent: int,
    submitted: Input,
) -> RejectionReason | None:
    """Why an action is refused; on contracts it applies here if it is not."""
    base = WIDTH * agent
    reason = refusals.rejection_reason(
        submitted,
        state.accounts[BALANCE + base],
        state.accounts[STAKED + base],
        agent_indices,
        state.turn,
        config,
    )
    if reason is None and type(submitted.action) in ON_CONTRACTS:
        return contract_steps.act(agent, submitted.action)  # type: ignore[arg-type]
    return reason


def _work(
    state: State,
    ledger: Ledger,
    governance: GovernanceSteps,
    config: WorldConfig,
    agent: int,
    fee: int,
    wage: int,
) -> None:
    """J1 to J4: the platform pays for a job, on the balance it finds.

    Args:
        fee: What its usage costs where no rule lowers it.
        wage: What of it the job credits, up to its limit.
    """
    balance = BALANCE + WIDTH * agent
    first_job = not state.employed[agent]
    pay = jobs.pay(state.accounts[balance], wage, first_job, config)
    full = pay if wage == fee else jobs.pay(state.accounts[balance], fee, first_job, config)
    governance.note_pay(agent, pay, full.credit)
    ledger.post(PLATFORM, balance, pay.credit, PostingReason.JOB_CREDIT)
    ledger.post(PLATFORM, balance, pay.relief, PostingReason.INTEREST_RELIEF)
    ledger.post(PLATFORM, balance, pay.bonus, PostingReason.SIGNING_BONUS)
    state.employed[agent] = True


def _bid(ledger: Ledger, agent: int, action: BidCore) -> int:
    """C1: a bid waits for the end of the auction, out of its bidder's reach."""
    assert action.amount is not None, action
    base = WIDTH * agent
    ledger.post(BALANCE + base, PENDING + base, action.amount, PostingReason.CORE_BID)
    return action.amount


def _apply(state: State, ledger: Ledger, config: WorldConfig, agent: int, action: Action) -> None:
    """L6 and S2: stake, burn and transfer wait for a block; unstaking waits for its turn."""
    base = WIDTH * agent
    match action:
        case Study():
            ledger.post(BALANCE + base, DESTROYED, config.study_cost, PostingReason.STUDY_COST)
            state.studies[agent] += 1
        case Unstake(amount):
            amount = state.accounts[STAKED + base] if amount is None else amount
            ledger.post(STAKED + base, UNSTAKING + base, amount, PostingReason.UNSTAKE_STARTED)
            due = state.turn + config.unstake_delay_turns
            state.releases.append(Release(agent, amount, state.turn, due))
        case Stake(amount, fee) | Burn(amount, fee) | Transfer(_, amount, fee):
            assert amount is not None, action
            ledger.post(
                BALANCE + base, PENDING + base, amount + fee, PostingReason.TRANSACTION_SUBMITTED
            )
            kind = TransactionType(action_name(action))
            to = action.to if isinstance(action, Transfer) else None
            state.mempool.append(
                Transaction(
                    tx_type=kind,
                    agent_id=config.agent_ids[agent],
                    amount=amount,
                    fee=fee,
                    submitted=state.turn,
                    to=to,
                )
            )
        case _:
            raise AssertionError(action)


def _sell_cores(state: State, ledger: Ledger, config: WorldConfig, bids: Mapping[int, int]) -> None:
    """C1: the highest bids win a share each, all pay one price, the rest returns."""
    winners, price = core_auction.sale(bids, config.num_cores)
    won = set(winners)
    for agent in winners:
        ledger.post(PENDING + WIDTH * agent, PLATFORM, price, PostingReason.CORE_PRICE)
        state.cores[agent] += 1
    for agent, bid in bids.items():
        base = WIDTH * agent
        rest = bid - price if agent in won else bid
        ledger.post(PENDING + base, BALANCE + base, rest, PostingReason.BID_RETURNED)


def _bill(
    state: State,
    ledger: Ledger,
    contract_steps: ContractSteps,
    governance: GovernanceSteps,
    config: WorldConfig,
    fees: Sequence[int],
) -> int:
    """T4: everyone not on a job pays for its usage, forwards first; then debts bear interest.

    Returns:
        The covered part of the fees, in tokens.
    """
    drawn = contract_steps.draw(fees) if state.contracts else {}
    covered = sum(drawn.values())
    if drawn:
        fees = [fee - drawn.get(agent, 0) for agent, fee in enumerate(fees)]
    for agent, fee in enumerate(fees):
        balance = BALANCE + WIDTH * agent
        if fee:
            held = usage_fees.covered(fee, state.accounts[balance])
            covered += held
            governance.note_uncovered(agent, fee - held)
            ledger.post(balance, PLATFORM, fee, PostingReason.INFERENCE_FEE)
    for balance in range(BALANCE, len(state.accounts), WIDTH):
        if state.accounts[balance] < 0:
            charge = interest.interest(state.accounts[balance], state.accounts[DESTROYED], config)
            ledger.post(balance, DESTROYED, charge, PostingReason.INTEREST)
    return covered


def _make_block(
    state: State,
    ledger: Ledger,
    config: WorldConfig,
    agent_indices: Mapping[str, int],
    miners: Sequence[int],
) -> tuple[Block | None, list[Transaction]]:
    """T5: draw the block; its winner's block finalises what waits."""
    tickets = block_lottery.tickets(
        miners, state.staked, state.burns, state.newest_block, state.turn, config
    )
    won = block_lottery.winner(tickets, state.turn, config)
    while state.burns and block_lottery.is_spent(state.burns[0], state.turn, config):
        del state.burns[0]
    if won is None:
        return None, []
    winner = config.agent_ids[won.agent]
    winner_balance = BALANCE + WIDTH * won.agent
    tips = 0
    finalised = []
    for waiting in state.mempool:
        _finalise(state, ledger, agent_indices, waiting)
        tips += waiting.fee
        payer = PENDING + WIDTH * agent_indices[waiting.agent_id]
        ledger.post(payer, winner_balance, waiting.fee, PostingReason.TIP)
        finalised.append(replace(waiting, finalised=state.turn))
    state.mempool = []
    if config.signing_bonus_rule is SigningBonusRule.PER_BLOCK:
        ledger.post(PLATFORM, winner_balance, config.signing_bonus, PostingReason.SIGNING_BONUS)
    state.newest_block = NewestBlock(state.turn, winner, won.validator_type)
    return Block(
        turn=state.turn,
        winner=winner,
        validator_type=won.validator_type,
        tickets=tickets,
        transactions=len(finalised),
        tips=tips,
    ), finalised


def _finalise(
    state: State, ledger: Ledger, agent_indices: Mapping[str, int], waiting: Transaction
) -> None:
    """L6: one transaction reaches its goal."""
    agent = agent_indices[waiting.agent_id]
    base = WIDTH * agent
    match waiting.tx_type:
        case TransactionType.STAKE:
            ledger.post(PENDING + base, STAKED + base, waiting.amount, PostingReason.STAKE)
        case TransactionType.BURN:
            ledger.post(PENDING + base, DESTROYED, waiting.amount, PostingReason.BURN)
            state.burned[agent] += waiting.amount
            state.burns.append(FinalisedBurn(agent, waiting.amount, state.turn))
        case TransactionType.TRANSFER:
            assert waiting.to is not None, waiting
            recipient = BALANCE + WIDTH * agent_indices[waiting.to]
            ledger.post(PENDING + base, recipient, waiting.amount, PostingReason.TRANSFER)
        case TransactionType.UNSTAKE:
            raise AssertionError(waiting)


def _pay_dividends(state: State, ledger: Ledger, config: WorldConfig, pool: int) -> int:
    """T6: the covered fees are shared; what nobody is entitled to stays with the platform."""
    if not pool:
        return 0
    shares = dividends.dividends(pool, state.cores, state.staked, state.burned, config)
    assert sum(shares) <= pool, (shares, pool)
    for agent, share in enumerate(shares):
        ledger.post(PLATFORM, BALANCE + WIDTH * agent, share, PostingReason.DIVIDEND)
    return sum(shares)


def _end_run(
    state: State, ledger: Ledger, contract_steps: ContractSteps, agent_indices: Mapping[str, int]
) -> None:
    """T9 of the last turn: what waits for a block returns to its owner, contracts end."""
    for waiting in state.mempool:
        base = WIDTH * agent_indices[waiting.agent_id]
        ledger.post(
            PENDING + base, BALANCE + base, waiting.amount + waiting.fee, PostingReason.RUN_ENDED
        )
    state.mempool = []
    contract_steps.end_run()
    state.ended = True


def _check_range(state: State, config: WorldConfig, waived: int) -> None:
    """Section 0: no account, and no total a turn reports, may pass 2^62 either way."""
    if waived > ACCOUNT_LIMIT:
        raise AmountOutOfRangeError(state.turn, "the sum of waived fees")
    if max(state.accounts) > ACCOUNT_LIMIT or min(state.accounts) < -ACCOUNT_LIMIT:
        account = max(range(len(state.accounts)), key=lambda at: abs(state.accounts[at]))
        raise AmountOutOfRangeError(state.turn, account_name(account, config.agent_ids))
