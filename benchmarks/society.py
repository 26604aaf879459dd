"""What a turn costs with 8 and with 1,000 agents: `python -m benchmarks.society`."""

from __future__ import annotations

import time

from sim_economy.core.table_reader import read_toml
from sim_economy.runs.policy_loop import play
from sim_economy.scenarios.scenario import Scenario, load_scenario
from sim_economy.scenarios.shipped import scenario_text
from sim_economy.world.world import World


def market(agents: int) -> Scenario:
    """The shipped market with so many agents, in the same proportions."""
    given = read_toml(scenario_text("market"))
    times = agents // given["world"]["num_agents"]
    groups = [{**group, "agents": group["agents"] * times} for group in given["population"]]
    return load_scenario("market", {"population": groups, "num_agents": agents})


def milliseconds(scenario: Scenario, turns: int, *, recorded: bool, rounds: int) -> float:
    """Processor time of one turn, the least of several rounds."""
    taken = []
    for _ in range(rounds):
        config = scenario.config_of_run(1)
        world = World(config, recorded=recorded)
        start = time.process_time()
        for _ in play(world, scenario.policies, scenario.usage.turns(config), turns):
            pass
        taken.append((time.process_time() - start) / turns * 1000)
    return min(taken)


def main() -> None:
    worlds = {
        "published policy, 8 agents": (load_scenario("as-run"), 60, 9),
        "coordination_push, 8 agents": (load_scenario("coordination_push"), 60, 9),
        "market, 20 agents": (load_scenario("market"), 60, 5),
        "published policy, 1,000 agents": (load_scenario("as-run", {"num_agents": 1000}), 20, 3),
        "market, 1,000 agents": (market(1000), 20, 3),
    }
    for name, (scenario, turns, rounds) in worlds.items():
        plain, kept = (
            milliseconds(scenario, turns, recorded=recorded, rounds=rounds)
            for recorded in (False, True)
        )
        print(f"{name:32} {plain:9.3f} ms a turn  {kept:9.3f} ms with digests and chain")


if __name__ == "__main__":
    main()
