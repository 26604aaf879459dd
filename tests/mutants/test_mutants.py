"""Break the rules one at a time and see the tests go red.

Each mutant is one replacement in a copy of the source; the tests of the rules, the published rows
and the session run against the copy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SUITES = (
    "tests/core",
    "tests/requirements",
    "tests/properties/test_views.py",
    "tests/world/test_text_limits.py",
    "tests/properties/test_every_path.py",
    "tests/properties/test_insured_value.py",
    "tests/world/test_same_bytes.py",
    "tests/published",
)
"""The quickest first: most mutants are found by them."""


class Mutant(NamedTuple):
    rule: str
    file: str
    old: str
    new: str


MUTANTS = [
    Mutant(
        "B1 the discounted thinking is not floored",
        "rules/usage_fees.py",
        "return thinking * config.thinking_layer_discount // MILLION, output",
        "return -(-thinking * config.thinking_layer_discount // MILLION), output",
    ),
    Mutant(
        "B2 the free threshold is passed by one",
        "rules/usage_fees.py",
        "max(0, thinking + output - config.commons_threshold_per_turn)",
        "max(0, thinking + output - config.commons_threshold_per_turn - 1)",
    ),
    Mutant(
        "B3 a study counts from the next turn on",
        "turn.py",
        "fee = usage_fees.fee(*usage, state.studies[agent], config)",
        "fee = usage_fees.fee(*usage, state.studies[agent] - isinstance(action, Study), config)",
    ),
    Mutant(
        "B4 an agent on a job pays its fee",
        "turn.py",
        "        else:\n            acted.fees[agent] = fee",
        "        if True:\n            acted.fees[agent] = fee",
    ),
    Mutant(
        "B5 interest before fees",
        "turn.py",
        "interest.interest(state.accounts[balance], state.accounts[DESTROYED], config)",
        "interest.interest(\n"
        "                state.accounts[balance] + fees[(balance - BALANCE) // WIDTH],\n"
        "                state.accounts[DESTROYED],\n"
        "                config,\n"
        "            )",
    ),
    Mutant(
        "B6 uncovered fees count as covered",
        "rules/usage_fees.py",
        "return min(fee_tokens, max(0, balance))",
        "return fee_tokens",
    ),
    Mutant(
        "J1 no limit on the job credit",
        "rules/jobs.py",
        "min(portion(fee_tokens, config.job_pay_factor), config.job_credit_max)\n            owed",
        "fee_tokens\n            owed",
    ),
    Mutant(
        "J2 relief on the balance before the credit",
        "rules/jobs.py",
        "owed = max(0, -(balance + credit))",
        "owed = max(0, -balance)",
    ),
    Mutant(
        "J4 a bonus for every job",
        "turn.py",
        "    state.employed[agent] = True\n",
        "",
    ),
    Mutant(
        "L2 stake and burn tickets always count",
        "rules/block_lottery.py",
        "            if _stake_and_burn_count(newest_block, turn, config):",
        "            if True:",
    ),
    Mutant(
        "L3 a burn weighs at once",
        "rules/block_lottery.py",
        "    decayed_turns = turns_since - config.burn_maturity_turns",
        "    decayed_turns = turns_since",
    ),
    Mutant(
        "L4 the threshold must be passed, not reached",
        "rules/block_lottery.py",
        "total < config.block_threshold * FACTOR_ONE",
        "total <= config.block_threshold * FACTOR_ONE",
    ),
    Mutant(
        "L5 the newest_block goes back to the payer",
        "turn.py",
        "        ledger.post(payer, winner_balance, waiting.fee, PostingReason.TIP)",
        "        own = BALANCE + WIDTH * agent_indices[waiting.agent_id]\n"
        "        ledger.post(payer, own, waiting.fee, PostingReason.TIP)",
    ),
    Mutant(
        "L6 transactions do not wait for a block",
        "turn.py",
        "    if won is None:\n        return None, []",
        "    if won is None:\n        state.mempool = []\n        return None, []",
    ),
    Mutant(
        "L8 the draw forgets the turn",
        "rules/block_lottery.py",
        'draw_below(total, config.seed_key, turn, "lottery", 0)',
        'draw_below(total, config.seed_key, 0, "lottery", 0)',
    ),
    Mutant(
        "S2 unstaking takes the whole stake without an amount as-run",
        "rules/refusals.py",
        "if config.unstake_without_amount is UnstakeWithoutAmount.REJECT:",
        "if False:",
    ),
    Mutant(
        "S3 stake returns a turn late",
        "turn.py",
        "due = state.turn + config.unstake_delay_turns",
        "due = state.turn + config.unstake_delay_turns + 1",
    ),
    Mutant(
        "C3 burns earn no dividend",
        "rules/dividends.py",
        "claims = [kept + gone for kept, gone in zip(staked, burned, strict=True)]",
        "claims = list(staked)",
    ),
    Mutant(
        "A1 the newest_block may pass the balance",
        "rules/refusals.py",
        "return _cost_refusal(amount + fee, balance)",
        "return _cost_refusal(amount, balance)",
    ),
    Mutant(
        "T1 the last input of an agent counts",
        "turn.py",
        "        elif agent in admitted:",
        "        elif False:",
    ),
    Mutant(
        "T9 the run's end keeps what is pending",
        "turn.py",
        "    for waiting in state.mempool:\n        base",
        "    for waiting in state.mempool[:0]:\n        base",
    ),
    Mutant(
        "1.3 a posting is dropped",
        "turn.py",
        "            ledger.post(balance, DESTROYED, charge, PostingReason.INTEREST)",
        "            state.accounts[balance] -= charge",
    ),
    Mutant(
        "0 factors are not rounded down at each step",
        "units.py",
        "            lambda factor, kept: factor * kept // MILLION,",
        "            lambda factor, kept: -(-factor * kept // MILLION),",
    ),
    Mutant(
        "section 0 a text at its limit is too long",
        "text_limits.py",
        "        if len(value) > limits.get(field, NAME):",
        "        if len(value) >= limits.get(field, NAME):",
    ),
    Mutant(
        "section 0 the beginning of a refused speech is kept",
        "text_limits.py",
        "            outer[name] = left\n",
        "            outer[name] = submitted.speech and submitted.speech[:100]\n",
    ),
    Mutant(
        "section 0 an action whose contracts were too many applies to none",
        "rules/refusals.py",
        "    if ACTION_NAME in too_long or CONTRACT_IDS in too_long:",
        "    if ACTION_NAME in too_long:",
    ),
    Mutant(
        "section 0 interest passes what can be destroyed",
        "rules/interest.py",
        "return charge if held and destroyed + charge <= ACCOUNT_LIMIT else 0",
        "return charge if held else 0",
    ),
    Mutant(
        "O1 a payload is seen one turn longer",
        "contract_steps.py",
        "first_seen = state.turn - self._config.payload_visible_turns + 1",
        "first_seen = state.turn - self._config.payload_visible_turns",
    ),
    Mutant(
        "O2 agents see the seed",
        "world_config.py",
        "        if (seed or name not in HIDDEN)",
        "        if (True)",
    ),
    Mutant(
        "C1 winners pay the lowest winning bid",
        "rules/core_auction.py",
        "return winners, bids[losers[0]] if losers else 1",
        "return winners, bids[winners[-1]]",
    ),
    Mutant(
        "C1 of equal bids the later wins",
        "rules/core_auction.py",
        "(-bids[agent], agent)",
        "(-bids[agent], -agent)",
    ),
    Mutant(
        "C1 there is an auction every turn",
        "rules/refusals.py",
        "closed = turn > AUCTION_TURN",
        "closed = False",
    ),
    Mutant(
        "K1 due the turn after the proposal",
        "rules/proposals.py",
        "if offered.due_turn < offered.proposed + DUE_TURNS_LEAST:",
        "if offered.due_turn < offered.proposed + 1:",
    ),
    Mutant(
        "K1 the fee may pass the smaller collateral",
        "rules/proposals.py",
        "if offered.arbitrator_fee > min(",
        "if offered.arbitrator_fee > max(",
    ),
    Mutant(
        "K1 an arbitrator may risk less than the price",
        "rules/proposals.py",
        "attested = offered.settlement is Settlement.ATTESTED",
        "attested = False",
    ),
    Mutant(
        "K2 signing is open until the due turn",
        "rules/agreement.py",
        "min(deal.proposed + config.signature_window, deal.due_turn - 1)",
        "min(deal.proposed + config.signature_window, deal.due_turn)",
    ),
    Mutant(
        "K2 a proposal can be signed in its own turn",
        "rules/party_actions.py",
        "turn <= contract.deal.proposed:",
        "turn < contract.deal.proposed:",
    ),
    Mutant(
        "K2 the proposer cannot withdraw",
        "rules/party_actions.py",
        "return Happened.WITHDRAWN if role is Role.PROPOSER else Happened.SIGNED",
        "return None if role is Role.PROPOSER else Happened.SIGNED",
    ),
    Mutant(
        "K3 a payment needs no funds",
        "rules/agreement.py",
        "        needed[payer] += payment(deal)",
        "        pass",
    ),
    Mutant(
        "K3 a debtor cannot fund nothing",
        "rules/agreement.py",
        "if need and need > balance:",
        "if need > balance:",
    ),
    Mutant(
        "K3 the premium does not count against the trigger",
        "rules/agreement.py",
        "wealth - deal.premium < deal.trigger",
        "wealth < deal.trigger",
    ),
    Mutant(
        "K3 a forward may start in the turn of the last signature",
        "rules/agreement.py",
        "deal.start_turn <= turn",
        "deal.start_turn < turn",
    ),
    Mutant(
        "K4 a loan is repaid out of the collateral",
        "rules/settlement.py",
        "    if balance >= owed:",
        "    if balance + deal.collaterals[Role.COUNTERPARTY] >= owed:",
    ),
    Mutant(
        "K4 a balance of just the debt does not repay it",
        "rules/settlement.py",
        "    if balance >= owed:",
        "    if balance > owed:",
    ),
    Mutant(
        "K4 the lender gets no collateral",
        "rules/settlement.py",
        "    seized = min(owed, deal.collaterals[Role.COUNTERPARTY])",
        "    seized = 0",
    ),
    Mutant(
        "K4 a payout has no limit",
        "rules/settlement.py",
        "Payment(min(deal.payout, missing), PostingReason.INSURANCE_PAYOUT)",
        "Payment(missing, PostingReason.INSURANCE_PAYOUT)",
    ),
    Mutant(
        "K4 an insurance pays at its due turn too",
        "contract_steps.py",
        "    if turn < deal.due_turn:\n        return settlement",
        "    if turn < deal.due_turn + (deal.kind is ContractKind.INSURANCE):\n"
        "        return settlement",
    ),
    Mutant(
        "K4 interest does not lower an insured value",
        "rules/insurance.py",
        "frozenset({PostingReason.INFERENCE_FEE, PostingReason.INTEREST})",
        "frozenset({PostingReason.INFERENCE_FEE})",
    ),
    Mutant(
        "K4 a forward pays before its start turn",
        "rules/forwards.py",
        "and turn >= contract.deal.start_turn",
        "and turn >= 0",
    ),
    Mutant(
        "K4 any payload will do",
        "rules/party_actions.py",
        "!= contract.deal.payload_hash",
        "== str()",
    ),
    Mutant(
        "K4 the buyer of what never came gets no collateral",
        "rules/delivery.py",
        "released(contract, taken={Role.PROPOSER: [to_buyer]})",
        "released(contract)",
    ),
    Mutant(
        "B6 what a forward pays is not covered",
        "turn.py",
        "covered = sum(drawn.values())",
        "covered = 0",
    ),
    Mutant(
        "K5 disputes before an arbitrator give it no more time",
        "rules/arbitration.py",
        "until=turn + config.attested_confirmation_window + disputes",
        "until=turn + config.attested_confirmation_window",
    ),
    Mutant(
        "K5 disputes of the same turn do not count",
        "contract_steps.py",
        "                disputes[arbitrator] += 1",
        "                pass",
    ),
    Mutant(
        "K5 the proposer's word does not stand",
        "rules/delivery.py",
        "    if contract.claimed:",
        "    if False:",
    ),
    Mutant(
        "K5 a window closes a turn early",
        "contract_steps.py",
        "Stage.REFERRED if turn < contract.until:",
        "Stage.REFERRED if turn < contract.until - 1:",
    ),
    Mutant(
        "K6 silence always costs the collateral",
        "rules/delivery.py",
        "    if config.slash_both_on_timeout:",
        "    if True:",
    ),
    Mutant(
        "K7 a missed ruling costs the proposer",
        "rules/arbitration.py",
        "taken = {Role.ARBITRATOR: [slashed(contract, Role.ARBITRATOR)]}",
        "taken = {Role.PROPOSER: [slashed(contract, Role.PROPOSER)]}",
    ),
    Mutant(
        "K8 a ruling earns no fee",
        "rules/arbitration.py",
        "    fee = contract.deal.arbitrator_fee",
        "    fee = 0",
    ),
    Mutant(
        "K8 the winner gets no collateral",
        "rules/arbitration.py",
        "(account, collateral - fee, reason),",
        "(account, 0, reason),",
    ),
    Mutant(
        "K11 the value must be passed, not reached",
        "contract_steps.py",
        "< config.reputation_value_min",
        "<= config.reputation_value_min",
    ),
    Mutant(
        "K11 the window is a turn longer",
        "contract_steps.py",
        "if state.turn - pair.turn < config.reputation_window_turns",
        "if state.turn - pair.turn <= config.reputation_window_turns",
    ),
    Mutant(
        "K11 the loser of a ruling has settled",
        "rules/reputation.py",
        "        if favoured is None:",
        "        if True:",
    ),
    Mutant(
        "T9 contracts outlive the run",
        "turn.py",
        "    contract_steps.end_run()",
        "    pass",
    ),
    Mutant(
        "3 a list with one bad contract is refused whole",
        "contract_steps.py",
        "if len(refusals) == len(outcomes):",
        "if refusals:",
    ),
    Mutant(
        "O3 payloads are seen by all",
        "observation.py",
        "            payloads=self._payloads.get(agent, {}).copy(),",
        "            payloads={sold.contract_id: sold.text for sold in state.payloads},",
    ),
    Mutant(
        "C5 owners at genesis own nothing",
        "state.py",
        "        cores=[shares.get(agent_id, 0) for agent_id in config.agent_ids],",
        "        cores=[0 for agent_id in config.agent_ids],",
    ),
    Mutant(
        "C5 shares are auctioned though genesis states their owners",
        "rules/refusals.py",
        "closed = turn > AUCTION_TURN or config.core_owners is not None",
        "closed = turn > AUCTION_TURN",
    ),
    Mutant(
        "I1 nothing is granted after the first period",
        "income_steps.py",
        "        for agent, allowance in enumerate(allowances):\n"
        "            balance = BALANCE + WIDTH * agent\n"
        "            ledger.post(ISSUANCE, balance, allowance",
        "        for agent, allowance in enumerate(allowances if period == 1 else ()):\n"
        "            balance = BALANCE + WIDTH * agent\n"
        "            ledger.post(ISSUANCE, balance, allowance",
    ),
    Mutant(
        "I1 a period is a turn longer",
        "income_config.py",
        "before, rest = divmod(turn - 1, self.period_turns)",
        "before, rest = divmod(turn - 1, self.period_turns + 1)",
    ),
    Mutant(
        "I2 income before the return of stake",
        "turn.py",
        "    released = _release_stake(state, ledger, config)  # T2\n"
        "    income_steps.pay(state, ledger, config, agent_indices)\n",
        "    income_steps.pay(state, ledger, config, agent_indices)\n"
        "    released = _release_stake(state, ledger, config)  # T2\n",
    ),
    Mutant(
        "I3 allowances expire in the first period too",
        "income_steps.py",
        "        if period > 1:\n",
        "        if period > 0:\n",
    ),
    Mutant(
        "I3 nothing is carried over",
        "rules/income.py",
        "return max(0, balance - income.carryover_max)",
        "return max(0, balance)",
    ),
    Mutant(
        "I3 balances of agents without an allowance expire",
        "income_steps.py",
        "        if not allowance:\n            continue\n",
        "",
    ),
    Mutant(
        "I4 a debt is lifted under carried",
        "rules/income.py",
        "        case OverdraftRule.CARRIED:\n            return 0\n",
        "        case OverdraftRule.CARRIED:\n            return max(0, -balance)\n",
    ),
    Mutant(
        "I5 a top-up comes a turn late",
        "income_steps.py",
        "rules.top_ups_in(state.turn)",
        "rules.top_ups_in(state.turn - 1)",
    ),
    Mutant(
        "I7 an agent with nothing at all goes on",
        "income_steps.py",
        "+ held.get(agent, 0) > 0:",
        "+ held.get(agent, 0) >= 0:",
    ),
    Mutant(
        "I7 forwards do not count under stop",
        "income_steps.py",
        "        if state.accounts[BALANCE + WIDTH * agent] + held.get(agent, 0) > 0:",
        "        if state.accounts[BALANCE + WIDTH * agent] > 0:",
    ),
    Mutant(
        "I7 the usage of a stopped agent is not refused",
        "income_steps.py",
        "    return [refused for refused in denied if refused.units]",
        "    return []",
    ),
    Mutant(
        "I8 one unit too many",
        "rules/income.py",
        "((funds + 1) * MILLION * FACTOR_ONE - 1) // rate",
        "((funds + 1) * MILLION * FACTOR_ONE) // rate",
    ),
    Mutant(
        "I8 the last token is kept",
        "rules/income.py",
        "((funds + 1) * MILLION * FACTOR_ONE - 1) // rate",
        "(funds * MILLION * FACTOR_ONE) // rate",
    ),
    Mutant(
        "I8 a debtor pays with what it does not have",
        "rules/income.py",
        "    if funds < 0:\n        return 0\n",
        "    if funds < 0:\n        return billable\n",
    ),
    Mutant(
        "I8 thinking is cut before output",
        "rules/income.py",
        "    of_output = min(output, units)\n",
        "    of_output = max(0, units - thinking)\n",
    ),
    Mutant(
        "I8 an agent on a job is clipped",
        "turn.py",
        "acted.fees[agent] = fee\n            acted.used[agent] = usage\n",
        "acted.fees[agent] = fee\n        acted.used[agent] = usage\n",
    ),
    Mutant(
        "I8 free units are refused with the others",
        "income_steps.py",
        "income.cut(*usage, asked - paid)",
        "income.cut(*usage, sum(usage) - paid)",
    ),
    Mutant(
        "G1 a waiver is paid back while the base falls",
        "rules/fee_cap.py",
        "max(0, portion(base, rule.cap_ratio) - charged)",
        "portion(base, rule.cap_ratio) - charged",
    ),
    Mutant(
        "G1 a turn too many counts as charged",
        "rules/fee_cap.py",
        "if held.turn > turn - turns",
        "if held.turn >= turn - turns",
    ),
    Mutant(
        "G1 what is left over goes to the last",
        "rules/apportionment.py",
        "-(total * weights[agent] % whole)",
        "total * weights[agent] % whole",
    ),
    Mutant(
        "G1 wages do not follow",
        "governance_steps.py",
        "        if self._rules.wages is WagesRule.FOLLOW:\n            borne = ",
        "        if self._rules.wages is WagesRule.FULL:\n            borne = ",
    ),
    Mutant(
        "G1 the winner's own tips count",
        "governance_steps.py",
        "if sent.agent_id != winner",
        "if sent.agent_id == winner",
    ),
    Mutant(
        "G3 interest is lent for",
        "rules/debt_rails.py",
        "max(0, min(depth, debt.uncovered - debt.given))",
        "max(0, depth)",
    ),
    Mutant(
        "G3 what is staked counts as debt",
        "rules/debt_rails.py",
        "depth = -balance - rule.debt_cap - locked",
        "depth = -balance - rule.debt_cap",
    ),
    Mutant(
        "G3 the cooldown is a turn longer",
        "rules/debt_rails.py",
        "turn - debt.last_loan < rule.cooldown_turns",
        "turn - debt.last_loan <= rule.cooldown_turns",
    ),
    Mutant(
        "G3 repayments are rounded down",
        "rules/debt_rails.py",
        "min(receivable, -(-amount * share // MILLION))",
        "min(receivable, amount * share // MILLION)",
    ),
    Mutant(
        "G3 the agent itself repays",
        "governance_steps.py",
        "super().post(source, PLATFORM, repaid, PostingReason.DEBT_REPAYMENT)",
        "super().post(target, PLATFORM, repaid, PostingReason.DEBT_REPAYMENT)",
    ),
    Mutant(
        "G3 insured values count inflows after repayment",
        "rules/insurance.py",
        "        if taken.reason in EARNED:",
        "        if not taken.reason:",
    ),
    Mutant(
        "G5 the wealth is not shifted",
        "rules/concentration_monitor.py",
        "shift = max(0, 1 - min(wealth))",
        "shift = 0",
    ),
    Mutant(
        "G5 the limit itself is too high",
        "rules/concentration_monitor.py",
        "* MILLION > gini_max",
        "* MILLION >= gini_max",
    ),
    Mutant(
        "G5 the median of an even number is the upper one",
        "rules/concentration_monitor.py",
        "ranked[(n - 1) // 2] + ranked[n // 2]",
        "2 * ranked[n // 2]",
    ),
    Mutant(
        "G5 the last of the wealthiest pays",
        "rules/concentration_monitor.py",
        "(wealth[agent], -agent)",
        "(wealth[agent], agent)",
    ),
    Mutant(
        "G5 relief rounds up",
        "governance_steps.py",
        "spared := fees[agent] - fees[agent] // 2",
        "spared := fees[agent] // 2",
    ),
    Mutant(
        "G5 wages do not follow relief",
        "governance_steps.py",
        "return fee // 2 if follows and agent in self._relieved else fee",
        "return fee",
    ),
    Mutant(
        "G6 a shock lasts a turn longer",
        "shock_config.py",
        "turn <= self.until",
        "turn <= self.until + 1",
    ),
    Mutant(
        "G6 a loss makes a debt",
        "rules/shocks.py",
        "taken = min(tokens, max(0, balance))",
        "taken = tokens",
    ),
    Mutant(
        "G6 usage is multiplied after its discount",
        "rules/usage_fees.py",
        "return portion(thinking_units, factor), portion(output_units, factor)",
        "return thinking_units, portion(output_units, factor)",
    ),
    Mutant(
        "G6 job pay is multiplied after its limit",
        "rules/jobs.py",
        "min(portion(fee_tokens, config.job_pay_factor), config.job_credit_max)",
        "portion(min(fee_tokens, config.job_credit_max), config.job_pay_factor)",
    ),
    Mutant(
        "G6 agents see what is to come",
        "world_config.py",
        "replace(self.governance, shocks=())",
        "self.governance",
    ),
    Mutant(
        "G2 a study has points for a turn too many",
        "rules/reinvestment_rebate.py",
        "if studied.turn > first",
        "if studied.turn >= first",
    ),
    Mutant(
        "G2 a contract has points for a turn too few",
        "rules/reinvestment_rebate.py",
        "if settled.turn >= first",
        "if settled.turn > first",
    ),
    Mutant(
        "G2 a contract to and fro has points",
        "rules/reinvestment_rebate.py",
        "is_new = net > known.high or net < known.low",
        "is_new = True",
    ),
    Mutant(
        "G2 the loser of a ruling has points",
        "governance_steps.py",
        "event.counted and role is not lost",
        "event.counted",
    ),
    Mutant(
        "G2 a contract that does not count has points",
        "governance_steps.py",
        "event.counted and role is not lost",
        "role is not lost",
    ),
    Mutant(
        "G2 dividends are shares of the whole pool",
        "turn.py",
        "_pay_dividends(state, ledger, config, covered - rebated)",
        "_pay_dividends(state, ledger, config, covered)",
    ),
    Mutant(
        "G4 a contract that does not count is subsidised",
        "governance_steps.py",
        "if not event.counted:\n                continue\n            contract = ending",
        "if event.happened is not Happened.SETTLED:\n                continue\n"
        "            contract = ending",
    ),
    Mutant(
        "G4 an arbitrator that misses its ruling is subsidised",
        "governance_steps.py",
        "if contract.deal.parties[Role.ARBITRATOR] in event.fault:",
        "if False:",
    ),
    Mutant(
        "G4 a subsidy passes the turn's rent",
        "rules/arbitration_subsidy.py",
        "return min(min(arbitrator_fee, value) // 2, rent_left)",
        "return min(arbitrator_fee, value) // 2",
    ),
    Mutant(
        "G4 dividends leave the whole pool to subsidies",
        "turn.py",
        "covered - rebated - dividends_paid",
        "covered - rebated",
    ),
    Mutant(
        "G4 more gain comes before more matches",
        "rules/contract_matching.py",
        "one_more = orders * (1 + sum(max(row) for row in gains))",
        "one_more = 0",
    ),
    Mutant(
        "G4 the last of equal seekers is served",
        "rules/contract_matching.py",
        "first = orders // base**rank",
        "first = base ** (rank - 1)",
    ),
    Mutant(
        "G4 the seeker pays its limit",
        "rules/contract_matching.py",
        "(low + high) // 2",
        "high",
    ),
    Mutant(
        "G4 reputations play no part",
        "rules/contract_matching.py",
        "(high - low + 1) * kept.get(one, unknown) * kept.get(other, unknown)",
        "high - low + 1",
    ),
    Mutant(
        "G4 a rejected action states needs",
        "turn.py",
        "if submitted.needs and outcomes[index] is None",
        "if submitted.needs",
    ),
    Mutant(
        "G4 an agent sees the matches of others",
        "observation.py",
        "if agent not in (match.proposer, match.counterparty):",
        "if False:",
    ),
    Mutant(
        "G1 jobs are paid twice",
        "turn.py",
        "            if not governance.caps_fees:\n",
        "            if True:\n",
    ),
    Mutant(
        "O3 the insurer sees the insured value",
        "observation.py",
        "    return replace(contract, insured_value=None)",
        "    return contract",
    ),
    Mutant(
        "O3 contracts are seen by all",
        "observation.py",
        "for own in self._contracts.get(agent, ())",
        "for own in state.contracts",
    ),
]


def suites_exit_status(source: Path) -> int:
    environment = {**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not nightly", *SUITES],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
        timeout=600,
    )
    return done.returncode


def copied_source(folder: Path) -> Path:
    shutil.copytree(
        ROOT / "src" / "sim_economy",
        folder / "sim_economy",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return folder


@pytest.mark.nightly
def test_an_unbroken_copy_passes(tmp_path: Path) -> None:
    assert suites_exit_status(copied_source(tmp_path)) == 0


@pytest.mark.nightly
@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.rule for mutant in MUTANTS])
def test_a_broken_rule_turns_a_test_red(mutant: Mutant, tmp_path: Path) -> None:
    file = copied_source(tmp_path) / "sim_economy" / "core" / mutant.file
    text = file.read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, "the rule has moved; update the mutant"
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    assert suites_exit_status(tmp_path) == 1


def test_every_mutant_still_finds_its_rule() -> None:
    for mutant in MUTANTS:
        text = (ROOT / "src" / "sim_economy" / "core" / mutant.file).read_text(encoding="utf-8")
        assert text.count(mutant.old) == 1, mutant.rule
