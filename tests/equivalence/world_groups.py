"""Worlds in groups: alike in structure, so that one batch plays them, each with its own numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.agents.catalogue import with_parameters
from sim_economy.agents.policies.published_policy import Published
from sim_economy.agents.policy import Policy
from sim_economy.agents.usage_model import UsageSource
from sim_economy.core.units import Millionths
from sim_economy.core.world_config import WorldConfig
from tests.equivalence.core_reference import Reference, reference

OF_POLICY = "policy."
OF_RULES = "governance."
OF_INCOME = frozenset({"allowance", "carryover_max"})
"""Parameters of the income table that may differ from world to world."""


class WorldGroup(Struct, frozen=True, kw_only=True):
    """Worlds that one batch plays.

    Attributes:
        name: How to make the group again.
        seeds: `[world]`.
        varied: Values of parameters by name, `[world]`: rates, weights and prices in millionths,
            and `policy.NAME` for a number of the policy. `governance.RULE.KEY` is a dose.
        policy: What decides for every agent that `others` does not name.
        others: Policies by agent index; where there are any, no number of a policy varies.
    """

    name: str
    config: WorldConfig
    turns: int
    seeds: tuple[int, ...]
    varied: Mapping[str, tuple[int, ...]] = {}
    policy: Policy = Published()
    others: Mapping[int, Policy] = {}
    usage: UsageSource

    def config_of(self, world: int) -> WorldConfig:
        """The configuration of one world."""
        own: dict[str, Any] = {
            name: Millionths(values[world])
            for name, values in self.varied.items()
            if not name.startswith(OF_POLICY)
        }
        governance = self.config.governance
        for name in [name for name in own if name.startswith(OF_RULES)]:
            _, rule, key = name.split(".")
            assert governance is not None, self.name
            dosed = replace(getattr(governance, rule), **{key: own.pop(name)})
            governance = replace(governance, **{rule: dosed})
        own["governance"] = governance
        of_income = {name: own.pop(name) for name in OF_INCOME & own.keys()}
        if of_income:
            assert self.config.income is not None, self.name
            own["income"] = replace(self.config.income, **of_income)
        return replace(self.config, seed=self.seeds[world], **own)

    def policy_of(self, world: int) -> Policy:
        """The policy of one world's agents."""
        own = {
            name.removeprefix(OF_POLICY): values[world]
            for name, values in self.varied.items()
            if name.startswith(OF_POLICY)
        }
        if own.keys() <= set(self.policy.__struct_fields__):
            return replace(self.policy, **own)
        return with_parameters(self.policy, own)

    def policies_of(self, world: int) -> list[Policy]:
        """The policy of each agent, `[agent]`."""
        usual = self.policy_of(world)
        return [self.others.get(agent, usual) for agent in range(self.config.num_agents)]

    def reference_of(self, world: int, *, every_horizon: bool = False) -> Reference:
        """One world on the core."""
        config = self.config_of(world)
        policies = self.policies_of(world)
        return reference(config, policies, self.usage, self.turns, every_horizon=every_horizon)

    def alone(self, world: int) -> WorldGroup:
        """The group of one of its worlds."""
        return replace(
            self,
            name=f"{self.name}, world {world}",
            seeds=self.seeds[world : world + 1],
            varied={name: values[world : world + 1] for name, values in self.varied.items()},
        )

    def references(self, *, every_horizon: bool = False) -> Iterator[Reference]:
        """Every world on the core."""
        for world in range(len(self.seeds)):
            yield self.reference_of(world, every_horizon=every_horizon)
