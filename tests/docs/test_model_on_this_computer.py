"""The page for a model on one's own computer: every night with the model, else with a stub."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.api.wire_client import free_port
from tests.docs.blocks import ROOT, Block, fenced, run
from tests.orchestrator.server import ModelServer
from tests.realmodel.llama_server import MISSING, is_available

PAGE = ROOT / "docs/a-model-on-this-computer.md"
PORT = "8080"


def brain(turn: int, agent: int, agent_id: str, shown: dict[str, Any]) -> str:
    return json.dumps({"action": {"action": "mine"}, "speech": f"{agent_id} mines"})


def follow(folder: Path, port: int, *, with_model: bool) -> None:
    """Run the page; without the model, all but what starts its server."""
    blocks = fenced(PAGE)
    assert {block.language for block in blocks} == {"bash", "sh", "text"}
    for block, following in zip(blocks, [*blocks[1:], Block("", "", 0)], strict=True):
        if block.language != "bash" or ("xllamacpp" in block.text and not with_model):
            continue
        printed = run("bash", block.text.replace(PORT, str(port)), folder, seconds=1800)
        if following.language == "text":
            assert printed.strip() == following.text.strip(), f"{PAGE.name}:{following.line}"


def test_every_block_that_needs_no_model_does_what_the_page_says(tmp_path: Path) -> None:
    with ModelServer(brain=brain) as server:
        follow(tmp_path, server.port, with_model=False)
        assert {call.body["model"] for call in server.log} == {"gemma-3-270m"}


@pytest.mark.nightly
def test_every_block_does_what_the_page_says(tmp_path: Path) -> None:
    if not is_available():
        pytest.skip(MISSING)
    try:
        follow(tmp_path, free_port(), with_model=True)
    finally:
        with suppress(OSError, ValueError):
            os.kill(int((tmp_path / "serve.pid").read_text()), signal.SIGKILL)
