"""A form of another package, by an entry point; it names fields and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.cli.shell import CALL

ACME: Final = '''\
"""The gateway of Acme: a line for each call."""

from sim_economy.usage.usage_form import UsageForm

FORM = UsageForm(
    name="acme",
    signs=(("acme_version", "at"),),
    time=("at",),
    agent=("caller/robot", "caller/service"),
    team=("caller/cost_centre",),
    model=("deployment",),
    id=("call",),
    cost=("price/usd",),
    input=("tokens/in",),
    cache_read=("tokens/in_cached",),
    thinking=("tokens/reasoning",),
    output=("tokens/out",),
    tiers={"priority": ("normal",)},
    failed={"ok": ("false",)},
    timezone="UTC",
)
'''


def called(folder: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command where a distribution brings the form."""
    site = folder / "site"
    info = site / "acme_usage-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-usage\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sim_economy.usage_formats]\nacme = acme_usage:FORM\n")
    (site / "acme_usage.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-c", CALL, "usage", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_form_is_added_in_under_forty_lines(tmp_path: Path) -> None:
    assert len(ACME.splitlines()) < 40
    call = {
        "acme_version": 3, "at": "2026-10-01 09:00:05", "call": "1", "deployment": "gpt-x",
        "caller": {"robot": "planner", "cost_centre": "search"}, "price": {"usd": 0.00077},
        "tokens": {"in": 1200, "in_cached": 1024, "out": 350, "reasoning": 256},
        "priority": "high", "ok": True,
    }  # fmt: skip
    failed = {**call, "call": "2", "tokens": None, "price": None, "ok": False}
    lines = "\n".join(map(json.dumps, [call, failed, call]))
    (tmp_path / "acme.log").write_text(lines, encoding="utf-8")
    ended = called(tmp_path, ACME, "acme.log", "--out", "usage.csv", "--json")
    assert ended.returncode == 0, ended.stderr
    account = json.loads(ended.stdout)
    assert account["files"][0]["form"] == "acme"
    assert account["dropped"] == {"repeated": 1, "failed": 1}
    assert (tmp_path / "usage.csv").read_text().splitlines()[1] == (
        "2026-10-01T09:00:05Z,planner,search,gpt-x+high,1,1,176,1024,0,256,94,0.00077,"
    )


def test_a_form_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    (tmp_path / "acme.log").write_text("{}")
    ended = called(tmp_path, "raise RuntimeError('no luck')", "acme.log", "--out", "usage.csv")
    assert ended.returncode == 2
    assert "form: acme cannot be loaded: RuntimeError: no luck" in ended.stderr
    ended = called(tmp_path, "FORM = 5", "acme.log", "--out", "usage.csv")
    assert "form: acme names no UsageForm" in ended.stderr
