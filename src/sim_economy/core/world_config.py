"""The rules' parameters and variants, checked once and then trusted.

Source: docs/spec/economy.md, section 1.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache, partial
from typing import Annotated, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.errors import InputError, ScenarioError
from sim_economy.core.governance_config import (
    GovernanceConfig,
    governance_values,
    parse_governance,
)
from sim_economy.core.income_config import (
    EmptyRule,
    IncomeConfig,
    core_owners_problems,
    income_values,
    parse_income,
)
from sim_economy.core.randomness import Key, seed_key
from sim_economy.core.rules_version import RULES_VERSION, RulesVersion, known_rules_version
from sim_economy.core.table_reader import (
    Kind,
    Parameter,
    described_parameters,
    read_stated,
    read_struct,
    written,
)
from sim_economy.core.units import MILLION, Millionths


class JobRule(StrEnum):
    """The pay of a job (J1 to J3)."""

    CREDIT_USAGE = "credit_usage"
    WAIVE_USAGE = "waive_usage"


class SigningBonusRule(StrEnum):
    """The occasion of the signing bonus (J4, L5)."""

    FIRST_JOB = "first_job"
    PER_BLOCK = "per_block"


class LotteryRule(StrEnum):
    """The holders of tickets (L2)."""

    MINERS = "miners"
    MINE_STAKE_BURN = "mine_stake_burn"


class UnstakeWithoutAmount(StrEnum):
    """The effect of an unstake without an amount (S2)."""

    REJECT = "reject"
    ALL = "all"


class DividendRule(StrEnum):
    """The recipients of the covered fees (C3)."""

    CORE_OWNERS = "core_owners"
    STAKE_AND_BURN = "stake_and_burn"


class UsageRule(StrEnum):
    """The source of billed usage (T1)."""

    DECLARED = "declared"
    OPERATOR = "operator"
    FIXED = "fixed"


_added = partial(Parameter, in_paper=False)
"""A parameter that the paper's table does not have."""

_later = partial(_added, stated_at_default=False)
"""A parameter that came after rules version 2."""

RULE_TABLES: Final = ("income", "cores", "governance")
"""Tables beside `[world]` whose rules are off, and nowhere written, where they are missing."""

_AGENTS_MAX = 1_000_000
_SEED_MAX = 2**63 - 1


class WorldConfig(Struct, frozen=True, kw_only=True):
    """One world's parameters, variants, agents and seed; the defaults are `as-run`.

    Rates, weights and prices are held in millionths. Build it with
    `parse_world_config`, which checks. The two factors differ from 1 in a turn of a shock alone.
    """

    num_agents: Annotated[
        int, Parameter(Kind.COUNT, "agents in the world, fixed at genesis", 1, _AGENTS_MAX)
    ] = 8
    num_cores: Annotated[
        int, Parameter(Kind.COUNT, "core shares; each is entitled to an equal part of the pool", 1)
    ] = 4
    genesis_tokens_per_agent: Annotated[
        int, Parameter(Kind.COUNT, "tokens each agent starts with", 1)
    ] = 1000
    commons_threshold_per_turn: Annotated[
        int, Parameter(Kind.COUNT, "usage units an agent has free each turn")
    ] = 100
    base_inference_rate: Annotated[
        Millionths, Parameter(Kind.PRICE, "tokens per billable usage unit")
    ] = Millionths(1_000_000)
    thinking_layer_discount: Annotated[
        Millionths, Parameter(Kind.RATE, "part of the thinking units that counts as usage")
    ] = Millionths(100_000)
    mine_base_weight: Annotated[
        Millionths, Parameter(Kind.WEIGHT, "lottery weight of having mined")
    ] = Millionths(10_000_000)
    stake_weight_per_token: Annotated[
        Millionths, Parameter(Kind.WEIGHT, "lottery weight of one staked token")
    ] = Millionths(10_000)
    burn_weight_per_token: Annotated[
        Millionths, Parameter(Kind.WEIGHT, "lottery weight of one burned token, before decay")
    ] = Millionths(50_000)
    burn_decay_rate: Annotated[
        Millionths, Parameter(Kind.RATE, "part of its weight a mature burn loses each turn")
    ] = Millionths(20_000)
    burn_maturity_turns: Annotated[
        int, Parameter(Kind.COUNT, "turns until a finalised burn weighs")
    ] = 3
    unstake_delay_turns: Annotated[
        int, Parameter(Kind.COUNT, "turns from unstaking to the tokens' return", 1)
    ] = 5
    interest_rate_per_turn: Annotated[
        Millionths, Parameter(Kind.RATE, "interest on a balance below zero, destroyed")
    ] = Millionths(10_000)
    signing_bonus: Annotated[
        int, Parameter(Kind.COUNT, "tokens for a first job or for each block won")
    ] = 50
    block_threshold: Annotated[
        Millionths, Parameter(Kind.WEIGHT, "ticket weight needed to make a block")
    ] = Millionths(20_000_000)
    attested_confirmation_window: Annotated[
        int, Parameter(Kind.COUNT, "turns to confirm or dispute an attested delivery", 1)
    ] = 3
    slash_both_on_timeout: Annotated[
        bool, Parameter(Kind.FLAG, "destroy both collaterals when both parties stay silent")
    ] = True

    study_cost: Annotated[int, _added(Kind.COUNT, "tokens one study destroys")] = 50
    study_discount: Annotated[Millionths, _added(Kind.RATE, "part of the fee each study saves")] = (
        Millionths(50_000)
    )
    job_credit_max: Annotated[int, _added(Kind.COUNT, "most tokens a job credits in a turn")] = 1000
    signature_window: Annotated[
        int,
        _added(
            Kind.COUNT,
            "turns to sign a proposal; blockless turns until stake and burn tickets count alone",
            1,
        ),
    ] = 5
    speech_length_max: Annotated[int, _added(Kind.COUNT, "characters of one speech")] = 500
    payload_length_max: Annotated[int, _added(Kind.COUNT, "characters of one information good")] = (
        10_000
    )
    reputation_value_min: Annotated[
        int, _added(Kind.COUNT, "least value of a contract that counts")
    ] = 20
    reputation_window_turns: Annotated[
        int, _added(Kind.COUNT, "turns until a pair's next contract counts", 1)
    ] = 10
    thinking_length_max: Annotated[int, _later(Kind.COUNT, "characters of one thinking kept")] = (
        20_000
    )
    action_name_length_max: Annotated[int, _later(Kind.COUNT, "characters of an action's name")] = (
        64
    )
    contract_ids_max: Annotated[
        int, _later(Kind.COUNT, "contracts that one action may name", 1)
    ] = 100
    payload_visible_turns: Annotated[
        int, _later(Kind.COUNT, "turns that a delivered information good is seen", 1)
    ] = 20
    seed: Annotated[int, _added(Kind.COUNT, "key of every draw", 0, _SEED_MAX)] = 0

    job_rule: Annotated[JobRule, _added(Kind.VARIANT, "what a job earns")] = JobRule.CREDIT_USAGE
    signing_bonus_rule: Annotated[
        SigningBonusRule, _added(Kind.VARIANT, "when the signing bonus is paid")
    ] = SigningBonusRule.FIRST_JOB
    lottery_rule: Annotated[LotteryRule, _added(Kind.VARIANT, "who holds lottery tickets")] = (
        LotteryRule.MINERS
    )
    unstake_without_amount: Annotated[
        UnstakeWithoutAmount, _added(Kind.VARIANT, "what an unstake without amount does")
    ] = UnstakeWithoutAmount.REJECT
    dividend_rule: Annotated[DividendRule, _added(Kind.VARIANT, "who shares the covered fees")] = (
        DividendRule.CORE_OWNERS
    )
    usage_source: Annotated[UsageRule, _added(Kind.VARIANT, "whose word on usage is billed")] = (
        UsageRule.DECLARED
    )
    fixed_thinking_units: Annotated[
        int, _added(Kind.COUNT, "thinking units of every input under fixed")
    ] = 0
    fixed_output_units: Annotated[
        int, _added(Kind.COUNT, "output units of every input under fixed")
    ] = 0
    secret: Annotated[str, _added(Kind.KEY, "key of every draw instead of the seed")] = ""

    income: IncomeConfig | None = None
    core_owners: tuple[tuple[str, int], ...] | None = None
    governance: GovernanceConfig | None = None
    usage_factor: Millionths = Millionths(MILLION)
    job_pay_factor: Millionths = Millionths(MILLION)
    agent_ids: tuple[str, ...] = tuple(f"agent_{i}" for i in range(8))
    rules_version: RulesVersion = RULES_VERSION

    @property
    def when_empty(self) -> EmptyRule:
        """What an agent without tokens may use (I7, I8)."""
        return EmptyRule.DEBT if self.income is None else self.income.when_empty

    @property
    def seed_key(self) -> Key:
        """The key under which every draw is made (L8)."""
        return seed_key(self.seed, self.secret, self.rules_version)

    def __repr__(self) -> str:
        """What differs from the defaults, as a file writes it; never the secret."""
        ours, usual = (config_values(own, seed=True, every=True) for own in (self, WorldConfig()))
        changed = [f"{name}={ours[name]}" for name in ours if ours[name] != usual.get(name)]
        shown = [text for text in changed if not text.startswith("secret=")]
        if self.agent_ids != tuple(f"agent_{i}" for i in range(self.num_agents)):
            shown.append(f"agent_ids={list(self.agent_ids)}")
        return f"WorldConfig({', '.join(shown)})"

    def in_force(self, turn: int) -> WorldConfig:
        """The same as it is in a turn: with the shocks of that turn (G6)."""
        shocks = () if self.governance is None else self.governance.shocks
        changes = {own.changed: own.value for own in shocks if own.changed and own.acts_in(turn)}
        return replace(self, **changes) if changes else self

    def as_seen(self, turn: int) -> WorldConfig:
        """The same as agents see it after a turn: as it was in it, without what is to come (O3)."""
        if self.governance is None or not self.governance.shocks:
            return self
        rules: GovernanceConfig | None = replace(self.governance, shocks=())
        if rules == GovernanceConfig():
            rules = None
        return replace(self.in_force(turn), governance=rules)

    def under_rules(self, version: str) -> WorldConfig:
        """The same under another version of the rules; as it is where that is not known."""
        known = known_rules_version(version)
        return self if known is None else replace(self, rules_version=known)


HIDDEN: Final = frozenset({"seed", "secret"})
"""Parameters that decide the draws; no agent may see them (O3)."""


@cache
def parameters() -> dict[str, Parameter]:
    """Every parameter and variant by name, in the order of the specification."""
    return {name: parameter for name, (parameter, _) in described_parameters(WorldConfig).items()}


@cache
def shockable() -> Mapping[str, tuple[Parameter, Any]]:
    """The parameters that a shock may change, each with its default (G6)."""
    return {
        name: (parameter, field.default)
        for name, (parameter, field) in described_parameters(WorldConfig).items()
        if parameter.kind is not Kind.VARIANT and name not in _AT_GENESIS | HIDDEN
    }


_AT_GENESIS: Final = frozenset({"num_agents", "num_cores", "genesis_tokens_per_agent"})


def config_values(
    config: WorldConfig, *, seed: bool = False, every: bool = False
) -> dict[str, Any]:
    """The values of a configuration that `parse_world_config` reads back unchanged.

    They are flat but for the tables of `RULE_TABLES`, each there only where its rules are on.

    Args:
        seed: Whether to include seed and secret, which agents must not see.
        every: Whether to include later parameters that are at their defaults; what is hashed or
            exported never has them.
    """
    values = {
        name: written(parameter, getattr(config, name))
        for name, (parameter, field) in described_parameters(WorldConfig).items()
        if (seed or name not in HIDDEN)
        and (every or parameter.stated_at_default or getattr(config, name) != field.default)
    }
    return values | _rule_tables(config)


def _rule_tables(config: WorldConfig) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    if config.income is not None:
        tables["income"] = income_values(config.income)
    if config.core_owners is not None:
        tables["cores"] = {"owners": dict(config.core_owners)}
    if config.governance is not None:
        tables["governance"] = governance_values(config.governance, shockable())
    return tables


def parse_world_config(
    given: Mapping[str, Any],
    base: WorldConfig | None = None,
    agent_ids: Sequence[str] | None = None,
) -> WorldConfig:
    """A checked configuration from partial values.

    Args:
        given: Parameters and variants by name, and the tables of `RULE_TABLES`. Numbers are ints,
            Decimals, the decimal text of a number in a file (`NumberText`), or floats, read as
            their shortest decimal text.
        base: What stands where `given` is silent; the defaults when None.
        agent_ids: Names in genesis order; `agent_0`, `agent_1`, ... when None.

    Raises:
        ScenarioError: With every problem found.
    """
    if not isinstance(given, Mapping):
        raise ScenarioError([f"world: must be parameters by name, not {type(given).__name__}"])
    base = base or WorldConfig()
    tables = _rule_tables(base) | {name: given[name] for name in RULE_TABLES if name in given}
    problems: list[str] = []
    flat = {name: value for name, value in given.items() if name not in RULE_TABLES}
    values = read_stated(_known(with_income="income" in tables), flat, "", problems)
    num_agents = values.get("num_agents", base.num_agents)
    if agent_ids is None:
        agent_ids = _agent_ids(base, num_agents)
    unnamed = _agent_id_problems(agent_ids, num_agents)
    problems += unnamed
    num_cores = values.get("num_cores", base.num_cores)
    values |= _read_rule_tables(tables, () if unnamed else agent_ids, num_cores, problems)
    if problems:
        raise ScenarioError(problems)
    config = replace(base, **values, agent_ids=tuple(agent_ids))
    binds = "income" in given and config.when_empty is not EmptyRule.DEBT
    if binds and "interest_rate_per_turn" not in given:
        return replace(config, interest_rate_per_turn=Millionths(0))
    return config


def _agent_ids(base: WorldConfig, num_agents: int) -> tuple[str, ...]:
    if len(base.agent_ids) == num_agents:
        return base.agent_ids
    return tuple(f"agent_{index}" for index in range(num_agents))


def _known(*, with_income: bool) -> dict[str, tuple[Parameter, Any]]:
    """Each parameter with its default; agents that have an income may begin without tokens."""
    described = described_parameters(WorldConfig).items()
    known = {name: (parameter, held.default) for name, (parameter, held) in described}
    if with_income:
        endowment, default = known["genesis_tokens_per_agent"]
        known["genesis_tokens_per_agent"] = (dataclasses.replace(endowment, low=0), default)
    return known


class _CoresTable(Struct, frozen=True):
    """The keys of `[cores]`."""

    owners: Annotated[
        tuple[tuple[str, int], ...], Parameter(Kind.BY_NAME, "core shares at genesis", 1)
    ]


def _read_rule_tables(
    tables: Mapping[str, Any], agent_ids: Sequence[str], num_cores: int, problems: list[str]
) -> dict[str, Any]:
    """The fields that the tables of `RULE_TABLES` fill; names are checked where they are known."""
    values: dict[str, Any] = {}
    if "income" in tables:
        values["income"] = parse_income(tables["income"], agent_ids, problems)
    if "cores" in tables:
        cores = read_struct(_CoresTable, tables["cores"], "cores", problems)
        if cores is not None:
            problems += core_owners_problems(dict(cores.owners), agent_ids, num_cores)
            values["core_owners"] = cores.owners
    if "governance" in tables:
        values["governance"] = parse_governance(
            tables["governance"], agent_ids, shockable(), problems
        )
    return values


def genesis_order(config: WorldConfig) -> dict[str, int]:
    """Each agent's index by its id."""
    return {agent_id: index for index, agent_id in enumerate(config.agent_ids)}


def agent_index(agent_indices: Mapping[str, int], agent_id: str) -> int:
    """An agent's index in genesis order.

    Raises:
        InputError: No such agent.
    """
    if not isinstance(agent_id, str) or agent_id not in agent_indices:
        known = list(agent_indices)
        shown = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
        raise InputError("agent_id", f"is not in this world; its agents are {shown}")
    return agent_indices[agent_id]


_AGENT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def _agent_id_problems(agent_ids: Sequence[str], num_agents: int) -> list[str]:
    listed = isinstance(agent_ids, Sequence) and not isinstance(agent_ids, str)
    if not listed or not all(isinstance(name, str) for name in agent_ids):
        return ["agent_ids: must be a list of names"]
    problems = []
    if len(agent_ids) != num_agents:
        problems.append(f"agent_ids: {len(agent_ids)} names for num_agents = {num_agents}")
    if len(set(agent_ids)) != len(agent_ids):
        problems.append("agent_ids: names must be distinct")
    if not all(map(_AGENT_ID.fullmatch, agent_ids)):
        problems.append("agent_ids: a name is 1 to 64 ASCII letters, digits or _ . : -")
    return problems
