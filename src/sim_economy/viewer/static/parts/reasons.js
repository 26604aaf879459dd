/** The reasons for which tokens move, in the order of the glossary of accounts. */
export const reasons = [
  "genesis", "transaction_submitted", "study_cost", "unstake_started", "stake_released", "job_credit", "interest_relief",
  "signing_bonus", "inference_fee", "interest", "stake", "burn", "transfer", "tip", "dividend", "core_bid", "core_price",
  "bid_returned", "collateral_locked", "collateral_returned", "collateral_forfeited", "collateral_slashed", "payment_locked",
  "payment_returned", "contract_price", "forward_price", "forward_fee", "insurance_premium", "insurance_payout",
  "loan_principal", "loan_repayment", "loan_premium", "loan_recovery", "arbitrator_fee", "run_ended", "allowance_expired",
  "debt_lifted", "allowance", "top_up", "debt_restructured", "debt_repayment", "levy", "rebate", "arbitration_subsidy",
  "shock_gain", "shock_loss",
];
