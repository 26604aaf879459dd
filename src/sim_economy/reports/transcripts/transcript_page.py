"""The page of an orchestrated run: its answer, its numbers, then every agent in every turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from msgspec import Struct

from sim_economy.core.errors import ExtraMissingError
from sim_economy.core.world_config import config_values
from sim_economy.ledger.readers.plain_numbers import MINUS
from sim_economy.ledger.readers.plain_text import html_text, visible
from sim_economy.ledger.sidecars.run_folder import refuse_foreign_file, writing_into
from sim_economy.orchestrator.record.run_totals import actions_in, actions_of
from sim_economy.orchestrator.record.transcript import AgentTurn, Transcript, TranscriptCall
from sim_economy.reports.drawings import agent_figures
from sim_economy.reports.interventions import interventions_section
from sim_economy.reports.page.document import Block, Figure, Pieces, Report, Section
from sim_economy.reports.page.html import BEGINNING, page_pieces
from sim_economy.reports.tables import Code, Table, Value
from sim_economy.reports.transcripts.observation_tables import observation_tables
from sim_economy.reports.transcripts.run_reading import (
    BALANCES,
    CONTRACTS,
    THINKING,
    TRADE,
    RunReading,
    balance_rows,
    run_reading,
)

TURNS: Final = "Turn by turn"
_ELSEWHERE: Final = "The ledger is not in this folder, and these are read from it."


def write_page(transcript: Transcript, path: Path) -> None:
    """Write the page; turn by turn, so that a long run needs no more memory than its record.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
        FolderError: It cannot be written, or something else is there.
    """
    refuse_foreign_file(path, BEGINNING)
    pieces = page_pieces(transcript_report(transcript))
    first = next(pieces)
    with writing_into(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            file.write(first)
            file.writelines(pieces)


def transcript_report(transcript: Transcript) -> Report:
    """The report of a run, as a page that stands alone.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    reading = run_reading(transcript)
    task = transcript.task
    return Report(
        title=f"{task.name}, seed {task.config.seed}",
        answer=reading.answer,
        picture=_picture(transcript, reading),
        key_figures=reading.key_figures,
        evidence=[
            Section(title=BALANCES, blocks=[reading.balances]),
            Section(title=CONTRACTS, blocks=_filled([reading.kinds, reading.contracts])),
            Section(title=TRADE, blocks=_filled([reading.trade, reading.platform])),
            Section(title=THINKING, blocks=[*filter(None, [reading.thinking, reading.cached])]),
            *_interventions(transcript),
            Section(title=TURNS, blocks=[Pieces(TurnPieces(transcript))]),
        ],
        provenance=[
            Section(title="The run", blocks=[_provenance(transcript)]),
            Section(title="Parameters", blocks=[_parameters(transcript)]),
        ],
        script=_resource("transcript_page.js"),
        style=_resource("transcript_page.css"),
        files=False,
    )


def _picture(transcript: Transcript, reading: RunReading) -> Figure:
    names = [visible(agent_id) for agent_id in transcript.task.config.agent_ids]
    held = [reading.totals.balances]
    try:
        wide, narrow = (
            agent_figures.balances(held, names, narrow=narrow) for narrow in (False, True)
        )
    except ModuleNotFoundError as error:
        raise ExtraMissingError("a page", str(error.name), "report") from None
    return Figure(
        name="balances",
        caption="The balance of each agent after each turn, from genesis on, in tokens.",
        drawing=wide,
        narrow=narrow,
        rows=balance_rows(transcript, reading.totals),
    )


def _interventions(transcript: Transcript) -> list[Section]:
    """The section on interventions; none in a world without them, or without its ledger."""
    runs = [transcript.played] if transcript.played else []
    section = interventions_section(runs, files=False)
    return [section] if section.blocks else []


def _filled(tables: Sequence[Table | None]) -> list[Block]:
    """The tables that have rows, or why there are none."""
    if None in tables:
        return [_ELSEWHERE]
    return [table for table in tables if table and table.rows] or ["There are none."]


def _provenance(transcript: Transcript) -> Table:
    task, heads = transcript.task, transcript.heads
    rows: list[tuple[Value, ...]] = [
        ("scenario", task.name),
        ("seed", task.config.seed),
        ("turns", task.turns),
        ("turns closed", len(heads)),
        ("head", Code(heads[max(heads)]) if heads else None),
        ("rules version", task.config.rules_version),
        ("written by sim-economy", str(task.settings["sim_economy"])),
        ("prompt version", str(task.settings["prompt_version"])),
    ]
    rows += [(f"model {name}", model.model) for name, model in task.plan.models.items()]
    return Table("run", "What was played", ("name", "value"), tuple(rows))


def _parameters(transcript: Transcript) -> Table:
    values = config_values(transcript.task.config)
    rows = tuple((name, str(value).lower()) for name, value in values.items())
    return Table("parameters", "Parameters of the world", ("parameter", "value"), rows)


class TurnPieces(Struct, frozen=True):
    """Every turn of a transcript as HTML, piece by piece, after the controls that filter them."""

    transcript: Transcript

    def __iter__(self) -> Iterator[str]:
        yield from _controls(self.transcript)
        yield '<div id="turns">\n'
        for turn in self.transcript.agent_turns:
            yield from turn_pieces(self.transcript, turn)
        yield "</div>\n"


def _controls(transcript: Transcript) -> Iterator[str]:
    """The search and the filters; hidden until the page's script is there to serve them."""
    agents = enumerate(transcript.task.config.agent_ids)
    yield '<div class="controls" role="search" aria-label="Agent turns" hidden>\n'
    yield '<label class="words">search <input type="search" id="words"></label>\n'
    yield _choice("agent", "agent", [(str(index), agent_id) for index, agent_id in agents])
    yield _choice("action", "action", [(name, name) for name in actions_in(transcript)])
    yield _choice("mark", "only", list(_MARKS.items()))
    yield '<span class="buttons"><button type="button" id="open">open all turns</button>\n'
    yield '<button type="button" id="close">close all</button></span>\n'
    yield '<output id="hits" role="status"></output></div>\n'


_MARKS: Final = {
    "spoke": "those who spoke",
    "bad": "refused or could not act",
    "refused": "refused by a rule",
    "idle": "could not act",
}


def _choice(name: str, label: str, options: Sequence[tuple[str, str]]) -> str:
    shown = "".join(
        f'<option value="{html_text(value)}">{html_text(text)}</option>' for value, text in options
    )
    first = '<option value="">all</option>'
    return f'<label>{label} <select id="{name}">{first}{shown}</select></label>\n'


def turn_pieces(transcript: Transcript, turn: int) -> Iterator[str]:
    """A turn as HTML, folded; every word of a model in it is escaped."""
    agent_turns = transcript.agent_turns[turn]
    refused = sum(bool(agent_turn.refused) for agent_turn in agent_turns)
    failed = sum(bool(agent_turn.idle_because) for agent_turn in agent_turns)
    notes = [f"{name} {count}" for name, count in actions_of(agent_turns).items()]
    bad = [f"{refused} refused"] if refused else []
    bad += [f"{failed} could not act"] if failed else []
    bad += [] if turn in transcript.heads else ["not closed"]
    yield f'<details class="turn" id="turn-{turn}"><summary>turn {turn}'
    yield f' <span class="note">{html_text(", ".join(notes))}</span>'
    yield f' <span class="why">{", ".join(bad)}</span></summary>\n' if bad else "</summary>\n"
    indices = {name: index for index, name in enumerate(transcript.task.config.agent_ids)}
    for agent_turn in agent_turns:
        yield from _agent_turn(agent_turn, indices[agent_turn.agent_id])
    yield "</details>\n"


def _agent_turn(agent_turn: AgentTurn, index: int) -> Iterator[str]:
    marks = {
        "spoke": agent_turn.said,
        "refused": agent_turn.refused,
        "idle": agent_turn.idle_because,
        "bad": agent_turn.refused or agent_turn.idle_because,
    }
    shown = " ".join(name for name, true in marks.items() if true)
    action = html_text(agent_turn.action)
    yield f'<section class="agent-turn" data-agent="{index}" data-action="{action}"'
    yield f' data-marks="{shown}">\n<h3>{html_text(agent_turn.agent_id)}</h3>\n'
    note = f"{html_text(agent_turn.backend)}, balance {_signed(agent_turn.balance)}"
    yield f'<p class="note">{note}</p>\n<p class="did">{html_text(agent_turn.did)}</p>\n'
    if agent_turn.idle_because:
        yield f'<p class="why">could not act: {html_text(agent_turn.idle_because)}</p>\n'
    if agent_turn.refused:
        yield f'<p class="why">a rule refused it: {html_text(agent_turn.refused)}</p>\n'
    if agent_turn.said:
        yield f'<blockquote class="said">{html_text(agent_turn.said)}</blockquote>\n'
    if agent_turn.thought:
        yield f'<p class="thought">{html_text(agent_turn.thought)}</p>\n'
    thinking, output = agent_turn.billed
    paid = "".join(
        f", {html_text(reason)} {_signed(tokens, plus='+')}"
        for reason, tokens in agent_turn.paid.items()
    )
    yield f'<p class="note">used {thinking:,} thinking and {output:,} output units{paid}</p>\n'
    yield from _observation(agent_turn)
    yield from _calls(agent_turn)
    yield "</section>\n"


def _observation(agent_turn: AgentTurn) -> Iterator[str]:
    """What an agent saw as tables, and one level deeper the prompt in its words."""
    label = html_text(f"What {agent_turn.agent_id} saw in turn {agent_turn.turn}")
    yield "<details><summary>what it saw</summary>\n"
    yield f'<div class="seen" role="group" tabindex="0" aria-label="{label}">\n'
    yield from map(_table, observation_tables(agent_turn.observation))
    yield "</div>\n"
    if agent_turn.calls:
        yield "<details><summary>the prompt, word for word</summary>\n"
        yield f"{_written(agent_turn.saw)}</details>\n"
    yield "</details>\n"


def _table(table: Table) -> str:
    rows = "".join(f"<tr>{_cells(row)}</tr>\n" for row in table.rows)
    head = ""
    if table.columns != ("name", "value"):
        names = "".join(f'<th scope="col">{html_text(name)}</th>' for name in table.columns)
        head = f"<tr>{names}</tr>\n"
    return f"<table><caption>{html_text(table.title)}</caption>\n{head}{rows}</table>\n"


def _cells(row: Sequence[Value]) -> str:
    first, *rest = map(_cell, row)
    return f'<th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest)


def _cell(value: Value) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return _signed(value)
        case _:
            return html_text(str(value))


def _calls(agent_turn: AgentTurn) -> Iterator[str]:
    if not agent_turn.calls:
        return
    yield f"<details><summary>calls: {len(agent_turn.calls)}</summary>\n"
    for call in agent_turn.calls:
        yield from _transcript_call(call)
    yield "</details>\n"


def _transcript_call(call: TranscriptCall) -> Iterator[str]:
    facts = [call.outcome, f"{call.seconds:.2f} s", f"tokens: {call.tokens}"]
    facts += [f"cost {call.money}"] if call.money else []
    yield f'<p class="note">call {call.attempt}: {html_text(", ".join(facts))}</p>\n'
    for text in (call.detail, call.thinking, call.reply):
        if text:
            yield _written(text)


def _written(text: str) -> str:
    """A text as it was written; within an element quotes stay, which saves a fifth of a page."""
    shown = html_text(text).replace("&quot;", '"')
    return f"<pre>{shown}</pre>\n"


def _signed(tokens: int, plus: str = "") -> str:
    """Whole tokens with thousands grouped, and a sign before them."""
    return (plus if tokens >= 0 else MINUS) + f"{abs(tokens):,}"


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
