"""`inspect`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins

from sim_economy.cli.options import json_option
from sim_economy.cli.output import print_json, print_table, say
from sim_economy.orchestrator.record.transcript import AgentTurn, Transcript, read_transcript


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--turn", "turns", type=(click.IntRange(1)), multiple=True, help="Show this turn.")
@click.option("--agent", metavar="ID", help="Show this agent alone.")
@click.option("--prompts", is_flag=True, help="Show what it saw, word for word.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path), help="Write the whole run as one HTML file."
)
@json_option
def inspect(
    run: Path,
    turns: tuple[int, ...],
    agent: str | None,
    prompts: bool,
    page: Path | None,
    as_json: bool,
) -> int:
    """Read the orchestrated run in folder RUN: what each agent saw, thought, said, did and paid.

    Without --turn or --agent it shows each agent's sums.
    """
    transcript = read_transcript(run)
    if agent is not None and agent not in transcript.task.config.agent_ids:
        known = ", ".join(transcript.task.config.agent_ids[:8])
        raise click.UsageError(f"there is no {agent} in this run; there are {known}")
    if page is not None:
        from sim_economy.orchestrator.record.transcript_html import write_page  # noqa: PLC0415

        write_page(transcript, page)
        say(f"wrote {page}")
        return 0
    shown = _agent_turns(transcript, turns, agent)
    if as_json:
        print_json(to_builtins(shown))
    elif turns or agent is not None:
        for agent_turn in shown:
            _show_agent_turn(agent_turn, prompts=prompts)
    else:
        _show_sums(transcript)
    return 0


def _agent_turns(
    transcript: Transcript, turns: Sequence[int], agent: str | None
) -> list[AgentTurn]:
    """Those of some turns, or of all, and of one agent or all."""
    wanted = set(turns or transcript.agent_turns)
    if absent := wanted - transcript.agent_turns.keys():
        last = max(transcript.agent_turns, default=0)
        raise click.UsageError(f"there is no turn {min(absent)} in this run; the last is {last}")
    return [
        agent_turn
        for turn in sorted(wanted)
        for agent_turn in transcript.agent_turns[turn]
        if agent in {None, agent_turn.agent_id}
    ]


def _show_sums(transcript: Transcript) -> None:
    rows: list[list[Any]] = []
    for agent_id, own in transcript.by_agent().items():
        account = transcript.spent.get(agent_id)
        rows.append(
            [
                agent_id,
                own[0].backend,
                sum(bool(agent_turn.idle_because) for agent_turn in own),
                sum(bool(agent_turn.refused) for agent_turn in own),
                sum(bool(agent_turn.said) for agent_turn in own),
                sum(len(agent_turn.calls) for agent_turn in own),
                account.spent.tokens if account else 0,
                f"{account.spent.money}" if account and account.spent.money else "",
                transcript.balances.get(agent_id, "-"),
            ]
        )
    columns = ("agent", "mind", "could not act", "refused", "spoke", "calls", "tokens", "money")
    state = f", stopped: {transcript.stopped}" if transcript.stopped else ""
    title = (
        f"{transcript.task.name}: {len(transcript.heads)} of {transcript.task.turns} turns{state}"
    )
    print_table(title, (*columns, "balance"), rows)
    say("see `--turn N`, `--agent ID`, or the whole run with `--html FILE`")


def _show_agent_turn(agent_turn: AgentTurn, *, prompts: bool) -> None:
    """One agent's turn in plain text; control characters of models don't reach the terminal."""
    thinking, output = agent_turn.billed
    paid = "".join(f", {reason} {tokens:+}" for reason, tokens in agent_turn.paid.items())
    who = f"{agent_turn.agent_id} ({agent_turn.backend})"
    lines = [f"turn {agent_turn.turn}, {who}, balance {agent_turn.balance}"]
    lines += [f"  saw      {agent_turn.saw}"] if prompts else []
    lines += [f"  thought  {agent_turn.thought}"] if agent_turn.thought else []
    lines += [f"  said     {agent_turn.said}"] if agent_turn.said else []
    lines.append(f"  did      {agent_turn.did}")
    lines += [f"  could not act: {agent_turn.idle_because}"] if agent_turn.idle_because else []
    lines += [f"  a rule refused it: {agent_turn.refused}"] if agent_turn.refused else []
    lines.append(f"  paid     {thinking} thinking, {output} output units{paid}")
    for call in agent_turn.calls:
        cost = f", cost {call.money}" if call.money else ""
        detail = f": {call.detail}" if call.detail else ""
        facts = f"{call.outcome}, {call.seconds:.2f} s, tokens: {call.tokens}{cost}{detail}"
        lines.append(f"  call {call.attempt}   {facts}")
    say("\n".join(line.replace("\n", "\n    ") for line in lines) + "\n")
