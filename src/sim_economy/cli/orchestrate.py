"""`orchestrate`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from sim_economy.cli.experiment_output import show_warnings
from sim_economy.cli.options import (
    fresh_option,
    json_option,
    numbers_as_changes,
    seed_option,
    set_option,
)
from sim_economy.cli.output import print_json, print_table, say
from sim_economy.core.codec import canonical, parse_json
from sim_economy.core.errors import needing
from sim_economy.core.rules_version import RULES_VERSION
from sim_economy.core.table_reader import NumberText
from sim_economy.core.world_config import config_values
from sim_economy.ledger.sidecars.run_folder import output_folder
from sim_economy.orchestrator.model_call import ModelCaller
from sim_economy.orchestrator.orchestrated_run import OrchestratedRun, load_orchestrated
from sim_economy.orchestrator.record.call_log import IdleReason
from sim_economy.orchestrator.session import NoReplyError, SessionResult
from sim_economy.orchestrator.session import orchestrate as play
from sim_economy.orchestrator.settings import Plan
from sim_economy.orchestrator.task import Task
from sim_economy.orchestrator.turn_loop import Progress
from sim_economy.orchestrator.world_backend import EngineBackend, WorldBackend
from sim_economy.usage.usage_notes import usage_warnings

_TOKEN_VARIABLE = "SIM_ENGINE_ADMIN_TOKEN"  # noqa: S105


@click.command()
@click.argument("scenario", default="as-run")
@click.option("--mock", is_flag=True, help="Let every model be a mock; no key, no network.")
@click.option("--turns", type=int, help="Turns of the run.")
@seed_option
@set_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the run.  [default: out/NAME]"
)
@click.option("--engine", metavar="URL", help="Play on the engine at this address.")
@fresh_option
@json_option
def orchestrate(
    scenario: str,
    mock: bool,
    turns: int | None,
    seed: int | None,
    changes: tuple[str, ...],
    out: Path | None,
    engine: str | None,
    fresh: bool,
    as_json: bool,
) -> int:
    """Play a run of SCENARIO, a file or a preset, whose agents are language models.

    The same command resumes an interrupted one. Exits with 3 when a budget is spent,
    with 4 when no call of the whole run had a reply, and with 130 when it was
    interrupted; what is paid for is kept.
    """
    given = [*changes, *numbers_as_changes(turns=turns, seed=seed)]
    asked = load_orchestrated(
        scenario, given, mock=mock, world_backend="engine" if engine else "world"
    )
    if asked.replaced_policy and not as_json:
        say(f"mocks decide, not the policy {asked.replaced_policy}", err=True)
    fed, task = _fed_by_usage(asked.task.plan), asked.task
    show_warnings(usage_warnings(asked.usage, fed, task.turns, task.config))
    folder = out or output_folder(asked.task.name, "models", foreign="manifest.json")
    ending = asyncio.run(_play(folder, asked, engine, fresh=fresh))
    _show_result(folder, asked.task, ending, as_json=as_json)
    if ending.unanswered is not None:
        failed = NoReplyError(ending.unanswered)
        if ending.unanswered.idle_reason is not IdleReason.RATE_LIMITED:
            raise failed
        say(f"note: {failed}", err=True)
    return 0


def _fed_by_usage(plan: Plan) -> list[str]:
    """The agents whose usage is the scenario's: those of policies and of mocks."""
    return [
        agent_id
        for agent_id, backend in plan.backends.items()
        if backend.model is None or plan.models[backend.model].provider == "mock"
    ]


async def _play(
    folder: Path, asked: OrchestratedRun, engine: str | None, *, fresh: bool
) -> SessionResult:
    with _watched(asked.task) as show, _interruptible() as started:
        return await play(
            folder,
            asked.task,
            asked.usage,
            open_world_backend=partial(_engine_backend, engine) if engine else None,
            fresh=fresh,
            show=show,
            started=started,
        )


@contextmanager
def _interruptible() -> Iterator[Callable[[ModelCaller], None]]:
    """Let the first Ctrl-C wait for the calls under way, and the second cut them off."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    callers: list[ModelCaller] = []

    def interrupted() -> None:
        if callers:
            say("finishing the calls under way; Ctrl-C again cuts them off", err=True)
            callers.pop().stop()
        else:
            task.cancel()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        yield callers.append
    finally:
        loop.remove_signal_handler(signal.SIGINT)


@asynccontextmanager
async def _engine_backend(address: str, task: Task) -> AsyncIterator[WorldBackend]:
    """An engine's world, started if there is none."""
    with needing("playing on an engine", "client"):
        from sim_economy.client import AsyncEngineClient, EngineError  # noqa: PLC0415
    token = os.environ.get(_TOKEN_VARIABLE) or None
    try:
        async with AsyncEngineClient(address, token=token) as client:
            try:
                await client.head()
            except EngineError as error:
                if error.code != "world_missing":
                    raise
                _check_rules(RULES_VERSION, task, address)
                world = parse_json(canonical(config_values(task.config, seed=True)))
                # Decimal texts become JSON numbers; each is short enough to come out as it was.
                numbers = {
                    name: float(value) if isinstance(value, NumberText) else value
                    for name, value in world.items()
                    if value != ""
                }
                await client.init(numbers, list(task.config.agent_ids))
            genesis = await client.genesis()
            _check_rules(genesis["rules_version"], task, address)
            yield EngineBackend(client, task.config)
    except EngineError as error:
        raise click.ClickException(f"{address}: {error}") from None


def _check_rules(version: str, task: Task, address: str) -> None:
    """Refuse an engine whose world is played under other rules than the run."""
    if version != task.config.rules_version:
        raise click.ClickException(
            f"{address}: its world is played under rules version {version}, this run under "
            f"{task.config.rules_version}; use the engine the run began with, or a new folder"
        )


@contextmanager
def _watched(task: Task) -> Iterator[Callable[[Progress], None]]:
    """Turn, calls and spending, live on a terminal; silence elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    with Live(console=Console(stderr=True), transient=True, refresh_per_second=8) as live:
        yield lambda progress: live.update(Text(_line(progress, task)))


def _line(progress: Progress, task: Task) -> str:
    limits = task.plan.limits
    spent = f"{progress.tokens:,} tokens"
    if limits.budget_tokens is not None:
        spent += f" of {limits.budget_tokens:,}"
    if limits.prices.currency:
        most = "" if limits.budget_money is None else f" of {limits.budget_money}"
        spent += f", {progress.money}{most} {limits.prices.currency}"
    return (
        f"turn {progress.turn}/{progress.turns}  "
        f"{progress.decided} of {task.config.num_agents} decided  "
        f"{progress.connections} in flight  "
        f"{progress.calls} calls, {progress.failed} failed\n{spent}"
    )


def _show_result(folder: Path, task: Task, ending: SessionResult, *, as_json: bool) -> None:
    currency = task.plan.limits.prices.currency
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "turns": ending.world_head.turn,
                "head": ending.world_head.head,
                "calls": ending.calls,
                "failed": ending.failed,
                "tokens": ending.spent.tokens,
                "tokens_unknown": ending.unknown.tokens,
                "input_tokens": ending.cached.input_tokens,
                "cached_tokens": ending.cached.cached_tokens,
                "money": str(ending.spent.money),
                "money_saved": str(ending.cached.saved),
                "money_unknown": str(ending.unknown.money),
                "currency": currency,
            }
        )
        return
    rows: list[list[Any]] = [
        ["turns", ending.world_head.turn],
        ["calls in this session", f"{ending.calls}, {ending.failed} failed"],
        ["tokens", f"{ending.spent.tokens:,}"],
    ]
    cached = ending.cached
    if cached.share:
        of_input = f"{cached.cached_tokens:,}, {cached.share:.0%} of the input"
        rows.append(["tokens read from caches", of_input])
        if cached.saved:
            rows.append(["saved by caches", f"{cached.saved.normalize():f} {currency}"])
    if ending.unknown.tokens:
        rows.append(["tokens nobody reported", f"at most {ending.unknown.tokens:,}"])
    if currency:
        rows.append(["money", f"{ending.spent.money} {currency}"])
    print_table(f"{task.name}, seed {task.config.seed}", ("", ""), rows)
    say(f"head {ending.world_head.head}")
    say(f"folder {folder}; read it with `sim-economy inspect {folder}`")
