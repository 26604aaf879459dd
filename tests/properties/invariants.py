"""What holds after every turn, whatever the inputs: checked from the outside, turn by turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import UNSET
from msgspec.structs import astuple

from sim_economy.core.accounts import (
    BALANCE,
    DESTROYED,
    ESCROW,
    FIRST,
    ISSUANCE,
    PENDING,
    PLATFORM,
    STAKED,
    UNSTAKING,
    WIDTH,
    PostingReason,
)
from sim_economy.core.actions import Idle, Input
from sim_economy.core.contracts import ENDS, TRANSITIONS, Happened, Stage
from sim_economy.core.events import GovernanceTurn, RejectionReason, Transaction, Turn
from sim_economy.core.governance_config import FeeCap, MatchesRule
from sim_economy.core.income_config import EmptyRule
from sim_economy.core.needs import NeedSide
from sim_economy.core.state import GovernanceState, State
from sim_economy.core.turn import play_turn
from sim_economy.core.units import ACCOUNT_LIMIT, FACTOR_ONE
from sim_economy.core.world_config import LotteryRule, WorldConfig, genesis_order

ROUTES: Mapping[PostingReason, tuple[int, int]] = {
    PostingReason.GENESIS: (ISSUANCE, BALANCE),
    PostingReason.TRANSACTION_SUBMITTED: (BALANCE, PENDING),
    PostingReason.STUDY_COST: (BALANCE, DESTROYED),
    PostingReason.UNSTAKE_STARTED: (STAKED, UNSTAKING),
    PostingReason.STAKE_RELEASED: (UNSTAKING, BALANCE),
    PostingReason.JOB_CREDIT: (PLATFORM, BALANCE),
    PostingReason.INTEREST_RELIEF: (PLATFORM, BALANCE),
    PostingReason.SIGNING_BONUS: (PLATFORM, BALANCE),
    PostingReason.INFERENCE_FEE: (BALANCE, PLATFORM),
    PostingReason.INTEREST: (BALANCE, DESTROYED),
    PostingReason.STAKE: (PENDING, STAKED),
    PostingReason.BURN: (PENDING, DESTROYED),
    PostingReason.TRANSFER: (PENDING, BALANCE),
    PostingReason.TIP: (PENDING, BALANCE),
    PostingReason.DIVIDEND: (PLATFORM, BALANCE),
    PostingReason.CORE_BID: (BALANCE, PENDING),
    PostingReason.CORE_PRICE: (PENDING, PLATFORM),
    PostingReason.BID_RETURNED: (PENDING, BALANCE),
    PostingReason.COLLATERAL_LOCKED: (BALANCE, ESCROW),
    PostingReason.COLLATERAL_RETURNED: (ESCROW, BALANCE),
    PostingReason.COLLATERAL_FORFEITED: (ESCROW, BALANCE),
    PostingReason.COLLATERAL_SLASHED: (ESCROW, DESTROYED),
    PostingReason.PAYMENT_LOCKED: (BALANCE, ESCROW),
    PostingReason.PAYMENT_RETURNED: (ESCROW, BALANCE),
    PostingReason.CONTRACT_PRICE: (ESCROW, BALANCE),
    PostingReason.FORWARD_PRICE: (BALANCE, BALANCE),
    PostingReason.FORWARD_FEE: (ESCROW, PLATFORM),
    PostingReason.INSURANCE_PREMIUM: (BALANCE, BALANCE),
    PostingReason.INSURANCE_PAYOUT: (ESCROW, BALANCE),
    PostingReason.LOAN_PRINCIPAL: (BALANCE, BALANCE),
    PostingReason.LOAN_REPAYMENT: (BALANCE, BALANCE),
    PostingReason.LOAN_PREMIUM: (BALANCE, BALANCE),
    PostingReason.LOAN_RECOVERY: (BALANCE, BALANCE),
    PostingReason.ARBITRATOR_FEE: (ESCROW, BALANCE),
    PostingReason.RUN_ENDED: (PENDING, BALANCE),
    PostingReason.ALLOWANCE_EXPIRED: (BALANCE, ISSUANCE),
    PostingReason.DEBT_LIFTED: (ISSUANCE, BALANCE),
    PostingReason.ALLOWANCE: (ISSUANCE, BALANCE),
    PostingReason.TOP_UP: (ISSUANCE, BALANCE),
    PostingReason.DEBT_RESTRUCTURED: (PLATFORM, BALANCE),
    PostingReason.DEBT_REPAYMENT: (BALANCE, PLATFORM),
    PostingReason.LEVY: (BALANCE, BALANCE),
    PostingReason.REBATE: (PLATFORM, BALANCE),
    PostingReason.ARBITRATION_SUBSIDY: (PLATFORM, BALANCE),
    PostingReason.SHOCK_GAIN: (ISSUANCE, BALANCE),
    PostingReason.SHOCK_LOSS: (BALANCE, DESTROYED),
}
"""Between which kinds of account each reason may move tokens; the first agent stands for all."""

BETWEEN_PARTIES = frozenset(
    {
        PostingReason.COLLATERAL_FORFEITED,
        PostingReason.CONTRACT_PRICE,
        PostingReason.FORWARD_PRICE,
        PostingReason.INSURANCE_PREMIUM,
        PostingReason.INSURANCE_PAYOUT,
        PostingReason.LOAN_PRINCIPAL,
        PostingReason.LOAN_REPAYMENT,
        PostingReason.LOAN_PREMIUM,
        PostingReason.LOAN_RECOVERY,
        PostingReason.ARBITRATOR_FEE,
    }
)
"""Only a contract moves tokens for these reasons."""
OF_CONTRACTS = BETWEEN_PARTIES | {
    PostingReason.COLLATERAL_LOCKED,
    PostingReason.COLLATERAL_RETURNED,
    PostingReason.COLLATERAL_SLASHED,
    PostingReason.PAYMENT_LOCKED,
    PostingReason.PAYMENT_RETURNED,
    PostingReason.FORWARD_FEE,
}
BETWEEN_AGENTS = BETWEEN_PARTIES | {PostingReason.TRANSFER, PostingReason.TIP, PostingReason.LEVY}
REPAY_FROM = frozenset({BALANCE, PENDING, ESCROW, ISSUANCE})
"""Kinds of account from which an inflow, and so its repayment, can come."""
FEES = frozenset({PostingReason.INFERENCE_FEE, PostingReason.FORWARD_FEE})
MAY_INDEBT = frozenset({PostingReason.INFERENCE_FEE, PostingReason.INTEREST})


def check_turn(
    before: State, inputs: Sequence[Input], state: State, turn: Turn, config: WorldConfig
) -> None:
    """Every invariant of one closed turn.

    Raises:
        AssertionError: One does not hold.
    """
    assert turn.turn == state.turn == before.turn + 1
    config = config.in_force(turn.turn)
    assert not before.ended
    assert state.ended == turn.ends
    _check_postings(before, state, turn)
    _check_supply(before, state, turn)
    _check_holdings(state, config)
    _check_outcomes(inputs, state, turn, config)
    _check_bill(turn)
    _check_transactions(before, turn)
    _check_block(state, turn, config)
    _check_contracts(before, state, turn)
    _check_reputations(before, state, turn, config)
    _check_cores(state, turn, config)
    _check_denied(inputs, turn, config)
    _check_governance(before, state, turn, config)
    _check_matches(inputs, state, turn, config)
    if turn.ends:
        assert not state.mempool
        assert not state.contracts
        assert not any(state.accounts[ESCROW::WIDTH])
        assert not any(state.accounts[PENDING::WIDTH])


def check_genesis(state: State, config: WorldConfig) -> None:
    """The world before turn 1."""
    assert state.turn == 0
    assert sum(state.accounts) == 0
    assert state.balances == [config.genesis_tokens_per_agent] * config.num_agents
    assert state.token_supply == config.genesis_tokens_per_agent * config.num_agents
    _check_holdings(state, config)


def check_refusals_change_nothing(
    before: State, inputs: Sequence[Input], state: State, turn: Turn, config: WorldConfig
) -> None:
    """A rejected action costs its usage and changes nothing else.

    The turn is played again with every rejected action idle at the same usage, and inputs that
    were not admitted, or came from an agent that had nothing, left out: everything but the
    rejections themselves must be the same.
    """
    if not any(turn.outcomes):
        return
    not_billed = (
        RejectionReason.UNKNOWN_AGENT,
        RejectionReason.ALREADY_ACTED,
        RejectionReason.BALANCE_EMPTY,
    )
    instead = [
        given
        if reason is None
        else Input(given.agent_id, Idle(), given.thinking_units, given.output_units)
        for given, reason in zip(inputs, turn.outcomes, strict=True)
        if reason not in not_billed
    ]
    other, played = play_turn(before, instead, config, genesis_order(config), ends=turn.ends)
    assert not any(played.outcomes)
    assert played.postings == turn.postings
    assert (played.transactions, played.block) == (turn.transactions, turn.block)
    assert played.contracts == turn.contracts
    assert played.bill == turn.bill
    assert played.governance == turn.governance
    other.rejections = state.rejections
    assert other == state


def _check_postings(before: State, state: State, turn: Turn) -> None:
    """The postings, one by one, are the whole difference between the accounts."""
    accounts = before.accounts.copy()
    for posting in turn.postings:
        source, target, amount, reason = (
            posting.source,
            posting.target,
            posting.amount,
            posting.reason,
        )
        assert type(amount) is int
        assert amount > 0, posting
        if reason is PostingReason.DEBT_REPAYMENT:
            assert _kind(source) in REPAY_FROM
            assert target == PLATFORM
        else:
            assert (_kind(source), _kind(target)) == ROUTES[reason], posting
        assert reason is not PostingReason.GENESIS, posting
        if source >= FIRST and target >= FIRST and reason not in BETWEEN_AGENTS:
            assert (source - FIRST) // WIDTH == (target - FIRST) // WIDTH, posting
        accounts[source] -= amount
        accounts[target] += amount
        if source >= FIRST and accounts[source] < 0:
            assert _kind(source) == BALANCE, posting
            assert reason in MAY_INDEBT, posting
    assert accounts == state.accounts
    assert sum(accounts) == 0
    assert all(abs(amount) <= ACCOUNT_LIMIT for amount in accounts)


def _check_supply(before: State, state: State, turn: Turn) -> None:
    """token_supply = genesis + income + platform outflows - inflows - destroyed, by reason."""
    flows = dict.fromkeys((ISSUANCE, PLATFORM, DESTROYED), 0)
    repaid_by_issuance = 0
    for posting in turn.postings:
        source, target = ROUTES[posting.reason]
        if posting.reason is PostingReason.DEBT_REPAYMENT and posting.source == ISSUANCE:
            source, repaid_by_issuance = ISSUANCE, repaid_by_issuance + posting.amount
        for account, sign in ((source, -1), (target, 1)):
            if account in flows:
                flows[account] += sign * posting.amount
    income = -flows[ISSUANCE] - repaid_by_issuance
    received = flows[PLATFORM] - repaid_by_issuance
    assert state.token_supply == turn.token_supply
    destroyed = flows[DESTROYED]
    assert state.token_supply == before.token_supply + income - received - destroyed
    assert state.accounts[PLATFORM] == before.accounts[PLATFORM] + flows[PLATFORM]
    assert state.accounts[DESTROYED] == before.accounts[DESTROYED] + destroyed
    assert state.accounts[ISSUANCE] == before.accounts[ISSUANCE] + flows[ISSUANCE]
    assert state.token_supply == -sum(state.accounts[:FIRST])


def _check_holdings(state: State, config: WorldConfig) -> None:
    agents = config.num_agents
    agent_indices = {agent_id: agent for agent, agent_id in enumerate(config.agent_ids)}
    waiting, releasing = [0] * agents, [0] * agents
    for held in state.mempool:
        assert held.finalised is None
        assert held.submitted <= state.turn
        waiting[agent_indices[held.agent_id]] += held.amount + held.fee
    for release in state.releases:
        assert release.amount >= 1
        assert release.started <= state.turn < release.due
        releasing[release.agent] += release.amount
    assert state.accounts[PENDING::WIDTH] == waiting
    assert state.accounts[UNSTAKING::WIDTH] == releasing
    for kind in (STAKED, UNSTAKING, PENDING, ESCROW):
        assert min(state.accounts[kind::WIDTH]) >= 0
    weighing = [0] * agents
    for burn in state.burns:
        weighing[burn.agent] += burn.amount
    assert all(left <= gone for left, gone in zip(weighing, state.burned, strict=True))
    assert sum(state.burned) <= state.accounts[DESTROYED]


def _check_outcomes(inputs: Sequence[Input], state: State, turn: Turn, config: WorldConfig) -> None:
    assert len(turn.outcomes) == len(inputs)
    known = set(config.agent_ids)
    first: dict[str, tuple[Input, RejectionReason | None]] = {}
    for given, reason in zip(inputs, turn.outcomes, strict=True):
        if given.agent_id not in known:
            assert reason is RejectionReason.UNKNOWN_AGENT
        elif given.agent_id in first:
            assert reason is RejectionReason.ALREADY_ACTED
        else:
            assert reason not in (RejectionReason.UNKNOWN_AGENT, RejectionReason.ALREADY_ACTED)
            first[given.agent_id] = given, reason
    for agent, agent_id in enumerate(config.agent_ids):
        acted = first.get(agent_id)
        assert state.rejections[agent] is (acted[1] if acted else None)
        heard = acted[0].speech or None if acted and acted[1] is None else None
        assert state.speech[agent] == heard


def _check_denied(inputs: Sequence[Input], turn: Turn, config: WorldConfig) -> None:
    """Units are refused by `stop` and `clip` alone, to agents that asked; nobody pays for them."""
    denied = () if turn.units_denied is UNSET else turn.units_denied
    stopped = {
        given.agent_id
        for given, reason in zip(inputs, turn.outcomes, strict=True)
        if reason is RejectionReason.BALANCE_EMPTY
    }
    agents = [refused.agent for refused in denied]
    assert agents == sorted(set(agents))
    assert all(min(refused.thinking, refused.output) >= 0 < refused.units for refused in denied)
    refused_to = {config.agent_ids[agent] for agent in agents}
    assert refused_to <= {given.agent_id for given in inputs}
    if config.when_empty is EmptyRule.STOP:
        assert refused_to <= stopped
    else:
        assert not stopped
        assert not denied or config.when_empty is EmptyRule.CLIP
    billed = {
        config.agent_ids[(posting.source - FIRST) // WIDTH]
        for posting in turn.postings
        if posting.reason is PostingReason.INFERENCE_FEE
    }
    assert not billed & stopped
    if config.when_empty is EmptyRule.CLIP:
        assert turn.bill.covered == turn.bill.charged


def _check_bill(turn: Turn) -> None:
    collected = sum(posting.amount for posting in turn.postings if posting.reason in FEES)
    paid = sum(
        posting.amount for posting in turn.postings if posting.reason is PostingReason.DIVIDEND
    )
    repaid = () if turn.governance is UNSET else turn.governance.repayments
    paid += sum(own.tokens for own in repaid if own.reason is PostingReason.DIVIDEND)
    bill = turn.bill
    assert (bill.charged, bill.dividends) == (collected, paid)
    rebated = sum(held.amount for held in turn.postings if held.reason is PostingReason.REBATE)
    rebated += sum(own.tokens for own in repaid if own.reason is PostingReason.REBATE)
    subsidised = sum(own.tokens for own in repaid if own.reason == "arbitration_subsidy")
    subsidised += sum(own.amount for own in turn.postings if own.reason == "arbitration_subsidy")
    assert 0 <= bill.dividends + rebated + subsidised <= bill.covered <= bill.charged
    assert bill.waived >= 0


def _check_governance(before: State, state: State, turn: Turn, config: WorldConfig) -> None:
    """Interventions are noted where they are on; the cap holds, and waives no more than fees."""
    rules = config.governance
    if rules is None:
        assert turn.governance is UNSET
        assert state.governance is UNSET
        return
    assert turn.governance is not UNSET
    assert state.governance is not UNSET
    if rules.fee_cap is not None:
        _check_fee_cap(rules.fee_cap, state.governance, turn, turn.governance)
    if rules.debt_rails is not None:
        _check_debts(before, state.governance, turn, turn.governance)
    if rules.concentration_monitor is not None:
        assert state.governance.relieved is not UNSET
        half = config.num_agents // 2
        assert len(state.governance.relieved) in (0, half)
        levied = [held for held in turn.postings if held.reason is PostingReason.LEVY]
        assert len(levied) <= half
        assert len({held.source for held in levied}) <= 1
        assert turn.governance.concentrated or not (levied or state.governance.relieved)


def _check_matches(inputs: Sequence[Input], state: State, turn: Turn, config: WorldConfig) -> None:
    """Each match is of two needs that were stated and fit; nobody is matched twice for one."""
    rules = None if config.governance is None else config.governance.contract_matching
    if rules is None:
        assert turn.governance is UNSET or turn.governance.matches == ()
        return
    assert turn.governance is not UNSET
    assert state.governance is not UNSET
    found = turn.governance.matches
    assert state.governance.matches == (found if rules.matches is MatchesRule.SHOWN else UNSET)
    needs = {
        (sent.agent_id, need.kind, need.side): need
        for sent, reason in zip(inputs, turn.outcomes, strict=True)
        if reason is None
        for need in sent.needs
    }
    for match in found:
        proposer, counterparty = (
            config.agent_ids[agent] for agent in (match.proposer, match.counterparty)
        )
        offered = needs[proposer, match.kind, NeedSide.OFFER]
        sought = needs[counterparty, match.kind, NeedSide.SEEK]
        assert proposer != counterparty
        assert match.amount == sought.amount <= offered.amount
        assert match.price <= sought.limit_price
        assert match.price * offered.amount >= offered.limit_price * match.amount
    for side in ("proposer", "counterparty"):
        served = [(match.kind, getattr(match, side)) for match in found]
        assert len(set(served)) == len(served)


def _check_debts(before: State, memory: GovernanceState, turn: Turn, did: GovernanceTurn) -> None:
    """Receivables, rebuilt from what the turn lists; a loan never passes what nothing covered."""
    assert before.governance is not UNSET
    assert before.governance.debts is not UNSET
    assert memory.debts is not UNSET
    rows = {row.agent: row for row in did.debts}
    for agent, (had, has) in enumerate(zip(before.governance.debts, memory.debts, strict=True)):
        row = rows.get(agent)
        moved = 0 if row is None else row.lent - row.repaid - row.withheld
        assert has.receivable == had.receivable + moved >= 0
        assert row is None or row.receivable == has.receivable
        assert has.uncovered >= had.uncovered
        if row is not None and row.lent:
            assert has.given <= has.uncovered
            assert has.last_loan == turn.turn
    lent = sum(row.lent for row in did.debts)
    assert lent == sum(
        held.amount for held in turn.postings if held.reason is PostingReason.DEBT_RESTRUCTURED
    )
    repaid = sum(row.repaid for row in did.debts)
    assert repaid == sum(
        held.amount for held in turn.postings if held.reason is PostingReason.DEBT_REPAYMENT
    )


def _check_fee_cap(rule: FeeCap, memory: GovernanceState, turn: Turn, did: GovernanceTurn) -> None:
    assert did.fees_allowed is not UNSET
    assert memory.fee_window is not UNSET
    waived = sum(own.tokens for own in did.fees_waived)
    assert turn.bill.charged == min(turn.bill.charged + waived, max(0, did.fees_allowed))
    assert all(own.tokens > 0 for own in (*did.fees_waived, *did.wages_lowered))
    window = memory.fee_window
    assert [held.turn for held in window] == list(range(turn.turn - len(window) + 1, turn.turn + 1))
    assert len(window) == min(turn.turn, rule.window_turns)
    assert window[-1].fees == turn.bill.charged


def _check_transactions(before: State, turn: Turn) -> None:
    """Every transaction that waited is finalised by the next block, in order; none without one."""
    by_block = [held for held in turn.transactions if held.tx_type != "unstake"]
    released = [held for held in turn.transactions if held.tx_type == "unstake"]
    assert list(turn.transactions) == released + by_block
    assert all(held.finalised == turn.turn for held in turn.transactions)
    due = [release for release in before.releases if release.due == turn.turn]
    assert [held.amount for held in released] == [release.amount for release in due]
    if turn.block is None:
        assert not by_block
        return
    assert turn.block.transactions == len(by_block)
    assert turn.block.tips == sum(held.fee for held in by_block)
    assert [_submitted(held) for held in by_block[: len(before.mempool)]] == [
        _submitted(held) for held in before.mempool
    ]


def _check_block(state: State, turn: Turn, config: WorldConfig) -> None:
    block = turn.block
    if block is None:
        assert state.newest_block.turn < turn.turn
        return
    assert block.turn == turn.turn
    assert (state.newest_block.turn, state.newest_block.winner) == (turn.turn, block.winner)
    assert state.newest_block.validator_type is block.validator_type
    assert all(ticket.weight > 0 for ticket in block.tickets)
    total = sum(ticket.weight for ticket in block.tickets)
    assert total >= config.block_threshold * FACTOR_ONE
    assert (block.winner, block.validator_type) in {
        (config.agent_ids[ticket.agent], ticket.validator_type) for ticket in block.tickets
    }
    if config.lottery_rule is LotteryRule.MINERS:
        assert {ticket.validator_type for ticket in block.tickets} == {"mine"}


RESTS = frozenset({Stage.PROPOSED, Stage.ACTIVE, Stage.ATTESTING, Stage.REFERRED})
"""Stages in which a contract may be between two turns."""


def _check_contracts(before: State, state: State, turn: Turn) -> None:
    """Each contract goes along the table, ends once, and lets go of its escrow as it ends."""
    stages: dict[int, Stage | None] = {held.contract_id: held.stage for held in before.contracts}
    escrow = {held.contract_id: sum(held.escrow) for held in before.contracts}
    ended: list[int] = []
    owned: list[int] = []
    for event in turn.contracts:
        number = event.contract_id
        if event.happened is Happened.REFUSED:
            assert event.refusal is not None
            continue
        if event.happened is Happened.PROPOSED:
            assert number not in stages
            assert number > before.contracts_proposed
        assert number not in ended, "a contract has one end"
        stages[number] = TRANSITIONS[stages.get(number), event.happened]
        if event.postings is not None:
            own = range(*event.postings)
            owned += own
            for posting in turn.postings[own.start : own.stop]:
                assert posting.reason in OF_CONTRACTS | {PostingReason.DEBT_REPAYMENT}
                moved = (_kind(posting.target) == ESCROW) - (_kind(posting.source) == ESCROW)
                escrow[number] = escrow.get(number, 0) + moved * posting.amount
        if stages[number] in ENDS:
            ended.append(number)
            assert escrow.get(number, 0) == 0, event
    marked = [
        index for index, posting in enumerate(turn.postings) if posting.reason in OF_CONTRACTS
    ]
    repaid = [index for index in owned if index not in marked]
    assert all(turn.postings[index].reason is PostingReason.DEBT_REPAYMENT for index in repaid)
    assert [index for index in owned if index in marked] == marked, (
        "every movement of a contract belongs to one of its events"
    )
    assert [held.contract_id for held in state.contracts_ended] == ended
    open_ = {number for number, stage in stages.items() if stage not in ENDS}
    assert [held.contract_id for held in state.contracts] == sorted(open_)
    assert state.contracts_proposed == before.contracts_proposed + sum(
        event.happened is Happened.PROPOSED for event in turn.contracts
    )
    escrowed = [0] * len(state.studies)
    for held in state.contracts:
        assert held.stage is stages[held.contract_id]
        assert held.stage in RESTS
        assert held.until > turn.turn
        assert sum(held.escrow) == escrow.get(held.contract_id, 0)
        for seat, tokens in zip(held.seats, held.escrow, strict=True):
            escrowed[seat] += tokens
    assert state.accounts[ESCROW::WIDTH] == escrowed


def _check_reputations(before: State, state: State, turn: Turn, config: WorldConfig) -> None:
    """Only a contract that counts changes a record, and a pair counts once in a window."""
    agents = [record.agent for record in state.reputations]
    assert agents == sorted(set(agents))
    pairs = [(pair.low, pair.high, pair.stage) for pair in state.counted]
    assert len(pairs) == len(set(pairs))
    assert all(turn.turn - pair.turn < config.reputation_window_turns for pair in state.counted)
    ends = [event for event in turn.contracts if event.counted]
    assert len([pair for pair in state.counted if pair.turn == turn.turn]) == len(ends)
    added = _records(state) - _records(before)
    least = sum(1 if event.happened is Happened.DEFAULTED else 2 for event in ends)
    assert least <= added <= 2 * len(ends)
    for event in ends:
        assert event.happened in (Happened.SETTLED, Happened.DEFAULTED)


def _records(state: State) -> int:
    return sum(sum(astuple(record)[1:]) for record in state.reputations)


def _check_cores(state: State, turn: Turn, config: WorldConfig) -> None:
    assert sum(state.cores) <= config.num_cores
    auctioned = config.core_owners is None
    assert not auctioned or all(0 <= shares <= 1 for shares in state.cores)
    bids = {
        posting.source: posting.amount
        for posting in turn.postings
        if posting.reason is PostingReason.CORE_BID
    }
    prices = [
        posting.amount for posting in turn.postings if posting.reason is PostingReason.CORE_PRICE
    ]
    assert len(prices) == min(len(bids), config.num_cores)
    assert len(set(prices)) <= 1
    assert not bids or (turn.turn == 1 and auctioned)
    assert not auctioned or sum(state.cores) == len(prices) or turn.turn > 1
    returned = sum(
        posting.amount for posting in turn.postings if posting.reason is PostingReason.BID_RETURNED
    )
    assert sum(bids.values()) == sum(prices) + returned


def _kind(account: int) -> int:
    return account if account < FIRST else FIRST + (account - FIRST) % WIDTH


def _submitted(held: Transaction) -> tuple[object, ...]:
    return held.tx_type, held.agent_id, held.amount, held.fee, held.submitted, held.to
