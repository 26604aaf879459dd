"""`inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins

from sim_economy.cli.output import print_json, print_table
from sim_economy.orchestrator.record.transcript import Scene, Story, read_story


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--turn", "turns", type=(click.IntRange(1)), multiple=True, help="Show this turn.")
@click.option("--agent", metavar="ID", help="Show this agent alone.")
@click.option("--prompts", is_flag=True, help="Show what it saw, word for word.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path), help="Write the whole run as one HTML file."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    story = read_story(run)
    if agent is not None and agent not in story.task.config.agent_ids:
        known = ", ".join(story.task.config.agent_ids[:8])
        raise click.UsageError(f"there is no {agent} in this run; there are {known}")
    if page is not None:
        from sim_economy.orchestrator.record.transcript_html import write_page  # noqa: PLC0415

        write_page(story, page)
        click.echo(f"wrote {page}")
        return 0
    wanted = set(turns or story.scenes)
    if absent := wanted - story.scenes.keys():
        last = max(story.scenes, default=0)
        raise click.UsageError(f"there is no turn {min(absent)} in this run; the last is {last}")
    shown = [
        scene
        for turn in sorted(wanted)
        for scene in story.scenes[turn]
        if agent in {None, scene.agent_id}
    ]
    if as_json:
        print_json([to_builtins(scene) for scene in shown])
    elif turns or agent is not None:
        for scene in shown:
            _show_scene(scene, prompts=prompts)
    else:
        _show_sums(story, shown)
    return 0


def _show_sums(story: Story, scenes: list[Scene]) -> None:
    rows: list[list[Any]] = []
    for agent_id in story.task.config.agent_ids:
        own = [scene for scene in scenes if scene.agent_id == agent_id]
        if not own:
            continue
        account = story.spent.get(agent_id)
        rows.append(
            [
                agent_id,
                own[0].backend,
                sum(bool(scene.idle_because) for scene in own),
                sum(bool(scene.refused) for scene in own),
                sum(bool(scene.said) for scene in own),
                sum(len(scene.parts) for scene in own),
                account.spent.tokens if account else 0,
                f"{account.spent.money}" if account and account.spent.money else "",
                own[-1].balance,
            ]
        )
    columns = ("agent", "mind", "could not act", "refused", "spoke", "calls", "tokens", "money")
    state = f", stopped: {story.stopped}" if story.stopped else ""
    title = f"{story.task.name}: {len(story.heads)} of {story.task.turns} turns{state}"
    print_table(title, (*columns, "balance"), rows)
    click.echo("see `--turn N`, `--agent ID`, or the whole run with `--html FILE`")


def _show_scene(scene: Scene, *, prompts: bool) -> None:
    """One agent's turn in plain text; control characters of models don't reach the terminal."""
    thinking, output = scene.billed
    paid = "".join(f", {reason} {tokens:+}" for reason, tokens in scene.paid.items())
    lines = [f"turn {scene.turn}, {scene.agent_id} ({scene.backend}), balance {scene.balance}"]
    lines += [f"  saw      {scene.saw}"] if prompts else []
    lines += [f"  thought  {scene.thought}"] if scene.thought else []
    lines += [f"  said     {scene.said}"] if scene.said else []
    lines.append(f"  did      {scene.did}")
    lines += [f"  could not act: {scene.idle_because}"] if scene.idle_because else []
    lines += [f"  a rule refused it: {scene.refused}"] if scene.refused else []
    lines.append(f"  paid     {thinking} thinking, {output} output units{paid}")
    for part in scene.parts:
        cost = f", cost {part.money}" if part.money else ""
        detail = f": {part.detail}" if part.detail else ""
        facts = f"{part.outcome}, {part.seconds:.2f} s, tokens: {part.tokens}{cost}{detail}"
        lines.append(f"  call {part.attempt}   {facts}")
    click.echo("\n".join(_visible(line) for line in lines) + "\n")


def _visible(text: str) -> str:
    """A text without what could move a terminal's cursor or colour it."""
    return "".join(
        letter
        if letter.isprintable()
        else "\n    "
        if letter == "\n"
        else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )
