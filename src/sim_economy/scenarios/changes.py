"""What a call may change in a scenario, as types: every key of a scenario file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypedDict

from sim_economy.agents.given_policy import GivenPolicy

Rate: TypeAlias = int | float | Decimal
"""A number with at most six decimals, as a file writes it."""


class ScenarioChanges(TypedDict, total=False):
    """Settings that go over a scenario's; those of its world by their own names."""

    name: str
    turns: int
    runs: int
    policy: str | GivenPolicy | Mapping[str, Any]
    population: Sequence[Mapping[str, Any]]
    usage: Mapping[str, Any]
    income: Mapping[str, Any]
    cores: Mapping[str, Any]
    governance: Mapping[str, Any]
    preset: Literal["as-run", "as-written"]
    agent_ids: Sequence[str] | Literal["from usage"]
    num_agents: int
    num_cores: int
    genesis_tokens_per_agent: int
    commons_threshold_per_turn: int
    base_inference_rate: Rate
    thinking_layer_discount: Rate
    mine_base_weight: Rate
    stake_weight_per_token: Rate
    burn_weight_per_token: Rate
    burn_decay_rate: Rate
    burn_maturity_turns: int
    unstake_delay_turns: int
    interest_rate_per_turn: Rate
    signing_bonus: int
    block_threshold: Rate
    attested_confirmation_window: int
    slash_both_on_timeout: bool
    study_cost: int
    study_discount: Rate
    job_credit_max: int
    signature_window: int
    speech_length_max: int
    payload_length_max: int
    reputation_value_min: int
    reputation_window_turns: int
    thinking_length_max: int
    action_name_length_max: int
    contract_ids_max: int
    payload_visible_turns: int
    job_rule: str
    signing_bonus_rule: str
    lottery_rule: str
    unstake_without_amount: str
    dividend_rule: str
    usage_source: str
    fixed_thinking_units: int
    fixed_output_units: int
