"""A run's story as one HTML file that needs no other and loads nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from importlib import resources
from pathlib import Path
from typing import Final

from sim_economy.core.errors import FolderError
from sim_economy.orchestrator.record.transcript import Part, Scene, Story


def write_page(story: Story, path: Path) -> None:
    """Write the page; turn by turn, so that a long run needs no more memory than its record.

    Raises:
        FolderError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            file.writelines(pieces(story))
    except OSError as error:
        raise FolderError(
            "folder_unwritable", str(path), f"cannot be written: {error.strerror}"
        ) from None


def pieces(story: Story) -> Iterator[str]:
    """The page in pieces; every word of a model in it is escaped."""
    task = story.task
    script = b64encode(sha256(_SCRIPT.encode()).digest()).decode()
    style = b64encode(sha256(_STYLE.encode()).digest()).decode()
    title = escape(f"{task.name}, seed {task.config.seed}")
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        f"script-src 'sha256-{script}'; style-src 'sha256-{style}'\">\n"
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    )
    yield from _overview(story)
    yield from _controls(story)
    for turn in story.scenes:
        yield from _turn(story, turn)
    yield f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"


def _overview(story: Story) -> Iterator[str]:
    closed = len(story.heads)
    state = f"{closed} of {story.task.turns} turns"
    if story.stopped:
        state += f", stopped: {story.stopped}"
    yield f"<p>{escape(state)}"
    if story.heads:
        yield f"; head <code>{escape(story.heads[max(story.heads)])}</code>"
    yield '</p>\n<div class="wide"><table>\n<tr><th>agent</th><th>mind</th><th>turns</th>'
    yield "<th>could not act</th><th>calls</th><th>tokens</th><th>money</th>"
    yield "<th>balance before the last turn</th></tr>\n"
    by_agent: dict[str, list[Scene]] = {}
    for scenes in story.scenes.values():
        for scene in scenes:
            by_agent.setdefault(scene.agent_id, []).append(scene)
    for agent_id, scenes in by_agent.items():
        account = story.spent.get(agent_id)
        spent = account.spent if account else None
        cells = (
            agent_id,
            scenes[0].backend,
            len(scenes),
            sum(bool(scene.idle_because) for scene in scenes),
            sum(len(scene.parts) for scene in scenes),
            f"{spent.tokens:,}" if spent else "",
            f"{spent.money.normalize():f}" if spent and spent.money else "",
            f"{scenes[-1].balance:,}",
        )
        yield "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>\n"
    yield "</table></div>\n"


def _controls(story: Story) -> Iterator[str]:
    yield '<p class="controls"><label>agent <select id="agent"><option value="">all</option>'
    for agent_id in story.task.config.agent_ids:
        name = escape(agent_id, quote=True)
        yield f'<option value="{name}">{name}</option>'
    yield '</select></label> <button id="open">open all turns</button> '
    yield '<button id="close">close all</button></p>\n'


def _turn(story: Story, turn: int) -> Iterator[str]:
    scenes = story.scenes[turn]
    failed = sum(bool(scene.idle_because) for scene in scenes)
    refused = sum(bool(scene.refused) for scene in scenes)
    spoke = sum(bool(scene.said) for scene in scenes)
    notes = [f"{spoke} spoke"]
    notes += [f"{failed} could not act"] if failed else []
    notes += [f"{refused} refused"] if refused else []
    notes += [] if turn in story.heads else ["not closed"]
    yield f'<details class="turn" id="turn-{turn}"><summary>turn {turn}'
    yield f' <span class="note">{", ".join(notes)}</span></summary>\n'
    for scene in scenes:
        yield from _scene(scene)
    yield "</details>\n"


def _scene(scene: Scene) -> Iterator[str]:
    name = escape(scene.agent_id, quote=True)
    bad = " bad" if scene.idle_because or scene.refused else ""
    yield f'<section class="scene{bad}" data-agent="{name}">\n<h2>{name}'
    yield f' <span class="note">{escape(scene.backend)}, balance {scene.balance:,}</span></h2>\n'
    yield f'<p class="did">{escape(scene.did)}</p>\n'
    if scene.idle_because:
        yield f'<p class="why">could not act: {escape(scene.idle_because)}</p>\n'
    if scene.refused:
        yield f'<p class="why">a rule refused it: {escape(scene.refused)}</p>\n'
    if scene.said:
        yield f"<blockquote>{escape(scene.said)}</blockquote>\n"
    if scene.thought:
        yield f'<p class="thought">{escape(scene.thought)}</p>\n'
    thinking, output = scene.billed
    paid = "".join(f", {escape(reason)} {tokens:+,}" for reason, tokens in scene.paid.items())
    yield f'<p class="note">used {thinking:,} thinking and {output:,} output units{paid}</p>\n'
    yield f"<details><summary>what it saw</summary><pre>{escape(scene.saw)}</pre></details>\n"
    if scene.parts:
        yield f"<details><summary>calls: {len(scene.parts)}</summary>\n"
        for part in scene.parts:
            yield from _part(part)
        yield "</details>\n"
    yield "</section>\n"


def _part(part: Part) -> Iterator[str]:
    facts = [part.outcome, f"{part.seconds:.2f} s", f"tokens: {part.tokens}"]
    facts += [f"cost {part.money}"] if part.money else []
    yield f'<p class="note">call {part.attempt}: {escape(", ".join(facts))}</p>\n'
    for text in (part.detail, part.thinking, part.reply):
        if text:
            yield f"<pre>{escape(text)}</pre>\n"


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


_STYLE: Final = _resource("transcript.css")
_SCRIPT: Final = _resource("transcript.js")
