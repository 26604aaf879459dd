"""A transcript as one HTML file that needs no other and loads nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Final

from sim_economy.ledger.readers.plain_text import html_text
from sim_economy.ledger.sidecars.run_folder import refuse_foreign_file, writing_into
from sim_economy.orchestrator.record.transcript import AgentTurn, Transcript, TranscriptCall


def write_page(transcript: Transcript, path: Path) -> None:
    """Write the page; turn by turn, so that a long run needs no more memory than its record.

    Raises:
        FolderError: It cannot be written, or something else is there.
    """
    refuse_foreign_file(path, _BEGINNING.encode())
    with writing_into(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            file.writelines(pieces(transcript))


def pieces(transcript: Transcript) -> Iterator[str]:
    """The page in pieces; every word of a model in it is escaped."""
    task = transcript.task
    script = b64encode(sha256(_SCRIPT.encode()).digest()).decode()
    style = b64encode(sha256(_STYLE.encode()).digest()).decode()
    title = html_text(f"{task.name}, seed {task.config.seed}")
    yield (
        f"{_BEGINNING}{script}'; style-src 'sha256-{style}'\">\n"
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    )
    yield from _overview(transcript)
    yield from _controls(transcript)
    for turn in transcript.agent_turns:
        yield from _turn(transcript, turn)
    yield f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"


def _overview(transcript: Transcript) -> Iterator[str]:
    closed = len(transcript.heads)
    state = f"{closed} of {transcript.task.turns} turns"
    if transcript.stopped:
        state += f", stopped: {transcript.stopped}"
    yield f"<p>{html_text(state)}"
    if transcript.heads:
        yield f"; head <code>{html_text(transcript.heads[max(transcript.heads)])}</code>"
    yield '</p>\n<div class="wide"><table>\n<tr><th>agent</th><th>mind</th><th>turns</th>'
    yield "<th>could not act</th><th>calls</th><th>tokens</th><th>money</th>"
    yield "<th>balance</th></tr>\n"
    for agent_id, agent_turns in transcript.by_agent().items():
        account = transcript.spent.get(agent_id)
        spent = account.spent if account else None
        cells = (
            agent_id,
            agent_turns[0].backend,
            len(agent_turns),
            sum(bool(agent_turn.idle_because) for agent_turn in agent_turns),
            sum(len(agent_turn.calls) for agent_turn in agent_turns),
            f"{spent.tokens:,}" if spent else "",
            f"{spent.money.normalize():f}" if spent and spent.money else "",
            f"{held:,}" if (held := transcript.balances.get(agent_id)) is not None else "",
        )
        yield "<tr>" + "".join(f"<td>{html_text(str(cell))}</td>" for cell in cells) + "</tr>\n"
    yield "</table></div>\n"


def _controls(transcript: Transcript) -> Iterator[str]:
    yield '<p class="controls"><label>agent <select id="agent"><option value="">all</option>'
    for agent_id in transcript.task.config.agent_ids:
        name = html_text(agent_id)
        yield f'<option value="{name}">{name}</option>'
    yield '</select></label> <button id="open">open all turns</button> '
    yield '<button id="close">close all</button></p>\n'


def _turn(transcript: Transcript, turn: int) -> Iterator[str]:
    agent_turns = transcript.agent_turns[turn]
    failed = sum(bool(agent_turn.idle_because) for agent_turn in agent_turns)
    refused = sum(bool(agent_turn.refused) for agent_turn in agent_turns)
    spoke = sum(bool(agent_turn.said) for agent_turn in agent_turns)
    notes = [f"{spoke} spoke"]
    notes += [f"{failed} could not act"] if failed else []
    notes += [f"{refused} refused"] if refused else []
    notes += [] if turn in transcript.heads else ["not closed"]
    yield f'<details class="turn" id="turn-{turn}"><summary>turn {turn}'
    yield f' <span class="note">{", ".join(notes)}</span></summary>\n'
    for agent_turn in agent_turns:
        yield from _agent_turn(agent_turn)
    yield "</details>\n"


def _agent_turn(agent_turn: AgentTurn) -> Iterator[str]:
    name = html_text(agent_turn.agent_id)
    bad = " bad" if agent_turn.idle_because or agent_turn.refused else ""
    yield f'<section class="scene{bad}" data-agent="{name}">\n<h2>{name}'
    note = f"{html_text(agent_turn.backend)}, balance {agent_turn.balance:,}"
    yield f' <span class="note">{note}</span></h2>\n'
    yield f'<p class="did">{html_text(agent_turn.did)}</p>\n'
    if agent_turn.idle_because:
        yield f'<p class="why">could not act: {html_text(agent_turn.idle_because)}</p>\n'
    if agent_turn.refused:
        yield f'<p class="why">a rule refused it: {html_text(agent_turn.refused)}</p>\n'
    if agent_turn.said:
        yield f"<blockquote>{html_text(agent_turn.said)}</blockquote>\n"
    if agent_turn.thought:
        yield f'<p class="thought">{html_text(agent_turn.thought)}</p>\n'
    thinking, output = agent_turn.billed
    paid = "".join(
        f", {html_text(reason)} {tokens:+,}" for reason, tokens in agent_turn.paid.items()
    )
    yield f'<p class="note">used {thinking:,} thinking and {output:,} output units{paid}</p>\n'
    yield "<details><summary>what it saw</summary>"
    yield f"<pre>{html_text(agent_turn.saw)}</pre></details>\n"
    if agent_turn.calls:
        yield f"<details><summary>calls: {len(agent_turn.calls)}</summary>\n"
        for call in agent_turn.calls:
            yield from _transcript_call(call)
        yield "</details>\n"
    yield "</section>\n"


def _transcript_call(call: TranscriptCall) -> Iterator[str]:
    facts = [call.outcome, f"{call.seconds:.2f} s", f"tokens: {call.tokens}"]
    facts += [f"cost {call.money}"] if call.money else []
    yield f'<p class="note">call {call.attempt}: {html_text(", ".join(facts))}</p>\n'
    for text in (call.detail, call.thinking, call.reply):
        if text:
            yield f"<pre>{html_text(text)}</pre>\n"


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


_BEGINNING: Final = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "script-src 'sha256-"
)
_STYLE: Final = _resource("transcript.css")
_SCRIPT: Final = _resource("transcript.js")
