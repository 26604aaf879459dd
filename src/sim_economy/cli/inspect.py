"""`inspect`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
from msgspec import to_builtins

from sim_economy.cli.agent_tables import show_interventions
from sim_economy.cli.options import json_option
from sim_economy.cli.output import print_json, print_table, say, say_wrapped
from sim_economy.orchestrator.record.run_totals import AgentTotals
from sim_economy.orchestrator.record.transcript import AgentTurn, Transcript, read_transcript


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--turn", "turns", type=(click.IntRange(1)), multiple=True, help="Show this turn.")
@click.option("--agent", metavar="ID", help="Show this agent alone.")
@click.option("--observations", is_flag=True, help="Show what it saw, as tables.")
@click.option("--prompts", is_flag=True, help="Show what it saw, word for word.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path), help="Write the whole run as one HTML file."
)
@click.option(
    "--summary",
    is_flag=True,
    help="The sums of the run: with --json too, which else has its turns.",
)
@json_option
def inspect(
    run: Path,
    turns: tuple[int, ...],
    agent: str | None,
    observations: bool,
    prompts: bool,
    page: Path | None,
    summary: bool,
    as_json: bool,
) -> int:
    """Read the orchestrated run in folder RUN: what each agent saw, thought, said, did and paid.

    Without --turn or --agent it shows who is below zero, what thinking cost, contracts, and who
    paid whom.
    """
    if summary and (turns or agent is not None):
        raise click.UsageError("--summary is of the whole run; leave out --turn and --agent")
    transcript = read_transcript(run)
    _check_agent(transcript, agent)
    if page is not None:
        from sim_economy.reports.transcripts.transcript_page import write_page  # noqa: PLC0415

        write_page(transcript, page)
        say(f"wrote {page}")
    elif as_json and not summary:
        print_json(to_builtins(_agent_turns(transcript, turns, agent)))
    elif turns or agent is not None:
        for agent_turn in _agent_turns(transcript, turns, agent):
            _show_agent_turn(agent_turn, prompts=prompts)
            if observations:
                _show_observation(agent_turn)
    else:
        _show_run(transcript, as_json=as_json)
    return 0


def _check_agent(transcript: Transcript, agent: str | None) -> None:
    known = transcript.task.config.agent_ids
    if agent is not None and agent not in known:
        listed = ", ".join(known[:8])
        raise click.UsageError(f"there is no {agent} in this run; there are {listed}")


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


def _show_run(transcript: Transcript, *, as_json: bool) -> None:
    """The run's answer, then its sums, contracts and flows."""
    from sim_economy.reports.page.document import plain  # noqa: PLC0415
    from sim_economy.reports.transcripts.run_reading import plain_reading, run_reading  # noqa: PLC0415

    reading = run_reading(transcript)
    if as_json:
        print_json(plain_reading(transcript, reading))
        return
    say_wrapped(plain(reading.answer))
    _show_sums(transcript, reading.totals.agents)
    for table in (reading.cached, reading.kinds, reading.trade, reading.platform):
        if table is not None and table.rows:
            left = len(table.rows) - _ROWS_MAX
            more = f" (the first {_ROWS_MAX} of {len(table.rows):,})" if left > 0 else ""
            print_table(table.title + more, table.columns, table.rows[:_ROWS_MAX])
    show_interventions([transcript.played] if transcript.played else [])
    say("see `--turn N`, `--agent ID`, or the whole run with `--html FILE`")


_ROWS_MAX: Final = 12


def _show_sums(transcript: Transcript, agents: Sequence[AgentTotals]) -> None:
    columns = {name: [cell(own) for own in agents] for name, cell in _SUMS.items()}
    columns["balance"] = [transcript.balances.get(own.agent_id, "-") for own in agents]
    filled = {name: cells for name, cells in columns.items() if set(cells) != {None}}
    state = f", stopped: {transcript.stopped}" if transcript.stopped else ""
    title = (
        f"{transcript.task.name}: {len(transcript.heads)} of {transcript.task.turns} turns{state}"
    )
    print_table(title, [*filled], [*zip(*filled.values(), strict=True)])


_SUMS: Final[Mapping[str, Callable[[AgentTotals], Any]]] = {
    "agent": lambda own: own.agent_id,
    "mind": lambda own: own.backend,
    "could not act": lambda own: own.could_not_act,
    "refused": lambda own: own.refused,
    "spoke": lambda own: own.spoke,
    "calls": lambda own: own.calls,
    "tokens": lambda own: own.model_tokens,
    "money": lambda own: f"{own.money}" if own.money else None,
    "fees": lambda own: own.fees,
    "below zero since": lambda own: own.below_since,
}


def _show_observation(agent_turn: AgentTurn) -> None:
    """What an agent saw of the economy, in tables."""
    from sim_economy.reports.transcripts.observation_tables import observation_tables  # noqa: PLC0415

    for table in observation_tables(agent_turn.observation):
        print_table(table.title, table.columns, table.rows)


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
