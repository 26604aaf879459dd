"""`completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> int:
    """Print the completion script for SHELL.

    Bash: eval "$(sim-economy completion bash)"
    """
    from sim_economy.cli import cli  # noqa: PLC0415

    script = get_completion_class(shell)
    assert script is not None, shell
    click.echo(script(cli, {}, "sim-economy", "_SIM_ECONOMY_COMPLETE").source())
    return 0
