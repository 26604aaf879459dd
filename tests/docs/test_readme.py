"""The README's examples, run in a folder of their own."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, fenced, run
from tests.usage.raw_logs import SAMPLES

PAGE = ROOT / "README.md"
NOT_RUN = {"serve", "study", "view"}
"""Two that don't end by themselves, which pages of their own have; one that tests/studies plays."""
FINDINGS = {"diff"}
"""Commands whose status says what they found."""


def bring_a_log_and_prices(folder: Path) -> None:
    """The files that a reader has: a log of calls, and what its models cost."""
    log = (SAMPLES / "shapes/langfuse_observations.jsonl").read_bytes()
    (folder / "requests.jsonl.gz").write_bytes(gzip.compress(log))
    price = {"input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05}
    prices = dict.fromkeys(("gpt-5-mini", "claude-sonnet-4-5"), price)
    (folder / "prices.json").write_text(json.dumps(prices), encoding="utf-8")


STUDY = """
turns = 5
seeds = 2
design = "sobol"
size = 8

[vary]
base_inference_rate = { from = 0.5, to = 2.0 }
interest_rate_per_turn = { from = 0.0, to = 0.02 }
"""


TRAINING = """
turns = 5
generations = 1
seeds = 2
holdout_seeds = 2

[numbers]
job_below = { from = -400, to = 1000 }
"""

SEARCH = """
turns = 5
generations = 1
points = 4
seeds = 2
holdout_seeds = 2

[[objectives]]
metric = "insolvent_percent"
direction = "min"

[vary]
base_inference_rate = { from = 0.5, to = 3.0 }
"""


def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^    (sim-economy (\w+)[^#\n]*)", text, re.MULTILINE)
    commands = [(line, name) for line, name in found if name not in NOT_RUN]
    assert {name for _, name in commands} >= {"init", "experiment", "run", "statement", "verify"}
    bring_a_log_and_prices(tmp_path)
    for name, content in (("study", STUDY), ("training", TRAINING), ("search", SEARCH)):
        (tmp_path / f"{name}.toml").write_text(content, encoding="utf-8")
    for line, name in commands:
        fewer = line.replace("--runs 100", "--runs 2 --no-report")
        fewer = fewer.replace("sim-economy map", "sim-economy map --seeds 4 --turns 60")
        run("bash", f"{fewer} || [ $? = 1 ]" if name in FINDINGS else fewer, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(block.text, id=f"line-{block.line}")
        for block in fenced(PAGE)
        if block.language == "python"
    ],
)
def test_every_python_example_of_the_readme_runs(text: str, tmp_path: Path) -> None:
    printed = run("python", text, tmp_path).splitlines()
    said = re.findall(r"^print\(.*\)  # (-?\d+)$", text, re.MULTILINE)
    assert [line for line in said if line not in printed] == []
