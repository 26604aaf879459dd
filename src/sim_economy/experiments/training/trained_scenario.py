"""A scenario in which all agents, or one, follow the policy that is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict, replace

from sim_economy.agents.population import population_settings
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import REST
from sim_economy.experiments.sweeps.point_scenarios import SweptScenario


class TrainedScenario(SweptScenario, frozen=True, kw_only=True):
    """What is played, with the trained policy in its population.

    Attributes:
        policy_name: Of the trained policy.
        of_trained: Its parameters that are not trained.
        agents: Who follows it, by name; empty for all.
        others: Entries of the population for everyone else.
    """

    policy_name: str
    of_trained: dict[str, Any]
    agents: tuple[str, ...]
    others: tuple[dict[str, Any], ...]

    def _set_policy(
        self,
        given: dict[str, Any],
        of_policy: Mapping[str, Any],
        plain: Mapping[str, Any],  # noqa: ARG002 - a sweep's may name another policy
    ) -> None:
        """State who follows the trained policy, with its parameters."""
        for key in ("policy", "population"):
            given.pop(key, None)
        trained = {"policy": self.policy_name, **self.of_trained, **of_policy}
        given["population"] = [
            {**trained, "agents": [*self.agents] if self.agents else REST},
            *self.others,
        ]


def trained_scenario(
    scenario: SweptScenario,
    policy_name: str,
    settings: Mapping[str, Any],
    start: Mapping[str, Any],
    *,
    one: bool,
) -> TrainedScenario:
    """A scenario with the trained policy in its population.

    Args:
        settings: Parameters of the policy that are not trained.
        start: What is trained, as it starts, by `policy.KEY`.
        one: Whether only the first agent follows it, and the others what they did.

    Raises:
        ScenarioError: What others follow came from Python, where no file finds it.
    """
    base = scenario.base
    agents = base.config.agent_ids[:1] if one else ()
    if agents and "policy_sources" in base.settings:
        problem = "a policy of the population came from Python; state policies by name"
        raise ScenarioError([f"trained_agents: {problem}"])
    groups = population_settings(base.population, base.config)
    others = [
        {**group, "agents": [name for name in group["agents"] if name not in agents]}
        for group in groups
        if agents
    ]
    found = TrainedScenario(
        **{**asdict(scenario), "of_policy": {}},
        policy_name=policy_name,
        of_trained=dict(settings),
        agents=tuple(agents),
        others=tuple(group for group in others if group["agents"]),
    )
    return replace(found, base=found.at(start))
