"""A run's folder: its settings, its record, its ledger; one writer, resumed only as it began."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from sim_economy.core.errors import FolderError, ScenarioError
from sim_economy.core.rules_version import KNOWN, known_rules_version
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.readers.diff import changes_of
from sim_economy.ledger.readers.reading import STUMBLES
from sim_economy.ledger.records import digest
from sim_economy.ledger.sidecars.ledger_files import remove_ledger
from sim_economy.ledger.sidecars.run_folder import claimed, write_whole
from sim_economy.ledger.stores.backup import convert
from sim_economy.orchestrator.dialogue.reply_parser import REPLY_VERSION
from sim_economy.orchestrator.dialogue.system_prompt import prompt_versions
from sim_economy.orchestrator.record.call_log import (
    FORMAT,
    CallLog,
    CallLogWriter,
    RunStarted,
    damaged,
    read_call_log,
)
from sim_economy.orchestrator.settings import plan_of
from sim_economy.orchestrator.task import Task
from sim_economy.world.world import World

SETTINGS: Final = "settings.json"
CALL_LOG: Final = "calls.jsonl"
LEDGER: Final = "ledger.sqlite"


@asynccontextmanager
async def session(folder: Path, task: Task, *, fresh: bool = False) -> AsyncIterator[CallLogWriter]:
    """The call log of a run, new or resumed.

    Raises:
        FolderError: In use, another program's, of other settings, damaged or not writable.
    """
    with claimed(folder, "run", _is_ours):
        _check_settings(folder, task, fresh=fresh)
        path = folder / CALL_LOG
        log, whole = read_call_log(path)
        _check_decisions(log, task, path)
        writer = CallLogWriter(path, log, whole)
        try:
            if log.began is None:
                kept = digest((folder / SETTINGS).read_bytes())
                currency = task.plan.limits.prices.currency
                await writer.append(
                    RunStarted(FORMAT, uuid4().hex[:16], kept, REPLY_VERSION, currency)
                )
            yield writer
        finally:
            await writer.close()


def open_world(folder: Path, task: Task) -> World:
    """The world of a run's own ledger; one of the old layout is converted first.

    Raises:
        StoreError, ReplayError: It cannot be opened.
    """
    path = folder / LEDGER
    if path.exists():
        convert(path)
        return World.open(path)
    return World.create(path, task.config, world_id=task.world_id)


def read_task(folder: Path) -> Task:
    """The task of a run, from the settings in its folder.

    Raises:
        FolderError: There is no run in it, or one of another version.
    """
    kept = _kept_settings(folder)
    if kept is None:
        raise FolderError("folder_foreign", str(folder), "holds no orchestrated run")
    rules = known_rules_version(str(kept.get("rules_version")))
    prompts = _kept_prompt_version(kept)
    ours = {"format": FORMAT, "rules_version": rules or KNOWN, "prompt_version": prompts}
    for key, value in ours.items():
        if kept.get(key) != value:
            raise FolderError(
                "settings_changed",
                str(folder),
                f"{key} was {kept.get(key)}, is now {value}; "
                "read it with the release that wrote it",
            )
    try:
        return _task_of(kept)
    except (ScenarioError, *STUMBLES) as error:
        raise damaged(folder / SETTINGS, f"is damaged ({error})") from error


class _Named(Struct):
    name: str
    turns: int
    usage: dict[str, Any]
    world_backend: str = field(name="door")


def _task_of(kept: dict[str, Any]) -> Task:
    """The task that settings describe; raises whatever comes of settings that describe none."""
    named = msgspec.convert(kept, _Named)
    config = parse_world_config(kept["world"], agent_ids=kept["agent_ids"])
    plan = plan_of({key: kept[key] for key in _DECIDING})
    if plan.backends.keys() != set(config.agent_ids):
        raise ValueError("minds: are not those of the agents")
    asked = {backend.model for backend in plan.backends.values() if backend.model}
    if not asked <= plan.models.keys():
        raise ValueError("minds: name models that are not there")
    return Task(
        name=named.name,
        turns=named.turns,
        config=config.under_rules(kept["rules_version"]),
        plan=plan,
        usage=named.usage,
        world_backend=named.world_backend,
        prompt_version=_kept_prompt_version(kept),
    )


def under_kept_versions(folder: Path, task: Task) -> Task:
    """The task under the versions of rules and prompts that the run in its folder began with."""
    kept = _kept_settings(folder)
    if kept is None:
        return task
    rules_version = str(kept.get("rules_version", ""))
    return replace(
        task,
        config=task.config.under_rules(rules_version),
        prompt_version=_kept_prompt_version(kept),
    )


def _kept_prompt_version(kept: Mapping[str, Any]) -> int:
    """The version of a run's prompts; that of new runs where this release knows no such one."""
    world = kept.get("world")
    earlier, newest = prompt_versions(world if isinstance(world, dict) else {})
    return earlier if kept.get("prompt_version") == earlier else newest


def read_run(folder: Path) -> tuple[Task, CallLog]:
    """A run's task and its record.

    Raises:
        FolderError: There is none, or it is damaged.
    """
    task = read_task(folder)
    log, _ = read_call_log(folder / CALL_LOG)
    _check_decisions(log, task, folder / CALL_LOG)
    return task, log


def _check_decisions(log: CallLog, task: Task, path: Path) -> None:
    """Hold a log to its agents: each has decided in every closed turn."""
    for turn in log.closed:
        for agent_id in task.config.agent_ids:
            if (turn, agent_id) not in log.decided:
                raise damaged(path, f"the decision of {agent_id} in turn {turn} is missing")


_DECIDING: Final = ("orchestrator", "models", "minds")


def _is_ours(folder: Path) -> bool:
    """Test whether the folder is empty, or a run's."""
    if (folder / SETTINGS).exists():
        return _has_record(folder) or _kept_settings(folder) is not None
    return {path.name for path in folder.iterdir()} <= {".lock", f"{SETTINGS}.part"}


def _kept_settings(folder: Path) -> dict[str, Any] | None:
    """The settings a run left, or None where the file is another program's.

    Raises:
        FolderError: They are damaged.
    """
    kept = None
    with suppress(OSError, ValueError, RecursionError):
        kept = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    if isinstance(kept, dict) and {"prompt_version", *_DECIDING} <= kept.keys():
        return kept
    if _has_record(folder):
        raise damaged(folder / SETTINGS, "does not hold the settings of the run beside it")
    return None


def _has_record(folder: Path) -> bool:
    """Test whether a run's record begins here."""
    with suppress(OSError), (folder / CALL_LOG).open("rb") as file:
        return file.read(len(_BEGINNING)) == _BEGINNING
    return False


_BEGINNING: Final = b'{"line":"began",'


def _check_settings(folder: Path, task: Task, *, fresh: bool) -> None:
    """Keep the settings of a new run, or compare those that are there with the ones asked for."""
    path = folder / SETTINGS
    kept = None if fresh else _kept_settings(folder)
    if kept is None:
        (folder / CALL_LOG).unlink(missing_ok=True)
        remove_ledger(folder / LEDGER)
        write_whole(path, (json.dumps(task.settings, indent=2) + "\n").encode())
        return
    changes = "; ".join(
        f"{key} was {was}, is now {now}" for key, was, now in changes_of(kept, task.settings)
    )
    if changes:
        raise FolderError(
            "settings_changed",
            str(folder),
            f"holds a run with other settings: {changes}; "
            "name another folder, or start over with --fresh",
        )
