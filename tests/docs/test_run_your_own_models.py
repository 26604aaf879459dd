"""The page for people with models of their own, run from top to bottom."""

from __future__ import annotations

import json
import os
import re
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from sim_economy.core.table_reader import described_parameters
from sim_economy.orchestrator.record.call_log import IdleReason
from sim_economy.orchestrator.settings import (
    PROVIDERS,
    AgentBackend,
    ModelSetting,
    RunLimits,
    TurnSettings,
)
from tests.api.wire_client import free_port
from tests.docs.blocks import ROOT, Block, fenced, run
from tests.orchestrator.server import ModelServer

PAGE = ROOT / "docs/run-your-own-models.md"
SPECIFICATION = ROOT / "docs/spec/orchestrator.md"


def brain(turn: int, agent: int, agent_id: str, shown: dict[str, Any]) -> str:
    return f"I mine.\n{json.dumps({'action': 'mine', 'speech': f'{agent_id} mines'})}"


def test_every_block_does_what_the_page_says(tmp_path: Path) -> None:
    blocks = fenced(PAGE)
    assert {block.language for block in blocks} == {"bash", "sh", "text"}
    port = str(free_port())
    try:
        with ModelServer(brain=brain) as server:
            for block, following in zip(blocks, [*blocks[1:], Block("", "", 0)], strict=True):
                if block.language != "bash":
                    continue
                text = block.text.replace("11434", str(server.port)).replace("8123", port)
                printed = run("bash", text, tmp_path)
                if following.language == "text":
                    assert printed.strip() == following.text.strip(), (
                        f"{PAGE.name}:{following.line}"
                    )
            models = {call.body["model"] for call in server.log}
            keys = {call.headers["authorization"] for call in server.log}
    finally:
        with suppress(OSError, ValueError):
            os.kill(int((tmp_path / "engine.pid").read_text()), signal.SIGKILL)
    assert models == {"qwen3:8b", "gpt-5-mini"}
    assert keys == {"Bearer none", "Bearer not-a-real-key"}


def test_what_is_only_shown_installs_what_there_is() -> None:
    shown = "".join(block.text for block in fenced(PAGE) if block.language == "sh")
    extras = re.findall(r"sim-economy\[([\w-]+)\]", shown + PAGE.read_text(encoding="utf-8"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert {f"{extra} = [" in project for extra in extras} == {True}


def test_the_specification_names_every_key_and_reason() -> None:
    text = SPECIFICATION.read_text(encoding="utf-8")
    keys = [
        key
        for table in (TurnSettings, RunLimits, ModelSetting, AgentBackend)
        for key in described_parameters(table)
    ] + [*PROVIDERS]
    reasons = set(IdleReason) - {
        IdleReason.RATE_LIMITED,
        IdleReason.SERVER_FAILED,
        IdleReason.CONNECTION_FAILED,
        IdleReason.CALL_DEADLINE,
        IdleReason.UNREADABLE,
        IdleReason.AGENT_BUDGET,
    }
    assert [name for name in [*keys, *reasons] if f"`{name}`" not in text] == []
    marked = {
        key
        for row in re.findall(r"^\| (.*?) \* \|", text, re.MULTILINE)
        for key in re.findall(r"`(\w+)`", row)
    }
    assert marked == set(described_parameters(RunLimits))
    for table in (TurnSettings, RunLimits):
        for key, (_, field) in described_parameters(table).items():
            (row,) = re.findall(rf"^\| [^|]*`{key}`.*$", text, re.MULTILINE)
            default = field.default
            assert default is None or key == "prices" or str(default) in row, key
