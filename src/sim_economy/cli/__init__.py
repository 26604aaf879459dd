"""The command line: `sim-economy COMMAND`; each command is imported when it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import click

_COMMANDS: Final = {
    "reproduce": "Run the published experiment and compare every cell.",
    "run": "Play one run of a scenario.",
    "experiment": "Play many runs of a scenario into a folder.",
    "compare": "Play several scenarios and compare them run by run.",
    "sweep": "Play a scenario at very many points of its parameters.",
    "open": "Play a row of a sweep again, with its ledger.",
    "map": "Draw who is insolvent, agents or the platform, over two axes.",
    "study": "Play treatments under behaviours and horizons: which rule keeps whom solvent.",
    "sensitivity": "Estimate which input of a sweep decides which outcome.",
    "train": "Train a policy against the rules of a scenario.",
    "search": "Search parameters for the best points that keep constraints.",
    "usage": "Import logs of real usage as usage rows.",
    "whatif": "Play measured usage under tariffs: who runs dry, and when.",
    "orchestrate": "Play a run whose agents are language models.",
    "inspect": "Read what each agent saw, thought, said, did and paid.",
    "init": "Write a commented scenario file to start from.",
    "policies": "List the policies there are, with their parameters.",
    "view": "Show a ledger, a folder or an engine in a browser.",
    "verify": "Check every hash and posting of a ledger.",
    "replay": "Play a ledger or a run again and prove the same bytes.",
    "statement": "Show every posting of one agent, with its reason.",
    "diff": "Show where two ledgers part.",
    "export": "Write a ledger as CSV, Parquet or JSON Lines.",
    "serve": "Serve a ledger over HTTP.",
    "reader": "Make a token that shows a world of an engine and changes nothing.",
    "backup": "Copy a ledger into a file while it may be written.",
    "copy": "Copy a ledger between files and databases.",
    "mcp": "Let an MCP client play one agent of an engine.",
    "key": "Make the key that an agent signs with.",
    "completion": "Print the script that completes commands in your shell.",
}


_RESUMING: Final = (
    "`train`, `search`, `experiment`, `sweep`, `map` and `study` resume, so does `run --resume`"
)
_STATUS: Final = {"budget_reached": 3, "no_reply": 4, "digest_differs": 5, "stopped": 130}
"""Exit statuses of errors that are not mistakes in the call."""


class _Commands(click.Group):
    """Commands by name, with their help at hand and their code still on disk."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command), (ctx.info_name, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from sim_economy.core.suggestions import suggestion  # noqa: PLC0415 - only a mistake

            ctx.fail(f"there is no command {args[0]}{suggestion(args[0], _COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([*_COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sim-economy")
def cli() -> None:
    """A laboratory for economies of AI agents that pay for their own thinking."""


def main() -> None:
    """Run the command line and turn what a caller can correct into one clear message.

    Exits with 0 when all is well, 1 when a check failed, 2 when the call must be corrected, 3 when
    a budget is spent, 4 when no model replied in a whole run, 5 when a row of a sweep ends in
    another state than it did, 130 when it was interrupted.
    """
    try:
        status = cli.main(standalone_mode=False)
    except click.ClickException as error:
        from sim_economy.cli.output import shown_error  # noqa: PLC0415 - only a mistake

        vars(error)["message"] = shown_error(error.message)
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt) as error:
        from sim_economy.cli.output import shown_error  # noqa: PLC0415 - only where it ends so

        kept = [note for own in (error, error.__cause__) for note in getattr(own, "__notes__", ())]
        said = "; ".join(kept) or f"what is finished is kept: {_RESUMING}"
        click.echo(f"interrupted; {shown_error(said)}", err=True)
        sys.exit(130)
    except Exception as error:
        from sim_economy.cli.output import show_error  # noqa: PLC0415

        if not show_error(error, as_json="--json" in sys.argv):
            raise
        sys.exit(_STATUS.get(getattr(error, "code", ""), 2))
    sys.exit(status if isinstance(status, int) else 0)
