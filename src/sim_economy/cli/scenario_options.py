"""The scenario argument of a command, and the options that change it."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from sim_economy.agents import catalogue
from sim_economy.cli.options import numbers_as_changes
from sim_economy.scenarios.scenario import SHIPPED, Scenario, load_scenario


def scenario_names(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Shipped scenarios, and files, for completion in a shell."""
    del ctx, param
    shipped = [CompletionItem(name) for name in SHIPPED if name.startswith(begun)]
    return [*shipped, CompletionItem(begun, type="file")]


scenario_argument = click.argument("scenario", default="as-run", shell_complete=scenario_names)


policy_option = click.option(
    "--policy", metavar="NAME", help=f"What the agents do: {', '.join(catalogue.SHIPPED)}."
)


def chosen_scenario(
    scenario: str, changes: tuple[str, ...], policy: str | None, **numbers: int | None
) -> Scenario:
    """The scenario with what the options change."""
    given = numbers_as_changes(**numbers)
    if policy is not None:
        given.append(f'policy="{policy}"')
    return load_scenario(scenario, [*changes, *given])
