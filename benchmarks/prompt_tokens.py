"""Input tokens of a decision by turn, under the prompts of this checkout and of another.

    python -m benchmarks.prompt_tokens CHECKOUT [--agents 8] [--turns 14]

Needs `requirements/realmodel.lock`, for the tokenizer; no model is asked. Both sides are given the
same replies, most of them with something said to all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.realmodel.llama_server import LlamaServer, weights
from tests.realmodel.token_meter import Measured, TokenMeter

HERE = Path(__file__).resolve().parent


def measured(checkout: Path, folder: Path, tokenizer: str, agents: int, turns: int) -> list[str]:
    """Input, its uncached part and the cached share of each turn."""
    with TokenMeter(tokenizer) as meter:
        work = HERE / "models_work.py"
        subprocess.run(
            [sys.executable, work, folder, meter.address, "native", str(agents), str(turns), "1"],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": f"{checkout / 'src'}{os.pathsep}{checkout}"},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return [_row(meter.turns[turn + 1]) for turn in range(turns)]


def _row(prompts: list[Measured]) -> str:
    tokens = sum(prompt.tokens for prompt in prompts) / len(prompts)
    cached = sum(prompt.cached for prompt in prompts) / len(prompts)
    return f"{tokens:7.0f} {tokens - cached:9.0f} {100 * cached / tokens:6.1f}%"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path, help="of the commit to compare with")
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--turns", type=int, default=14)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LlamaServer(weights(folder), slots=1, context=512) as server:
            before, after = (
                measured(checkout, folder / side, server.root, options.agents, options.turns)
                for side, checkout in (("b", options.checkout.resolve()), ("a", HERE.parent))
            )
    print(
        f"{'':4} {'before':>7} {'uncached':>9} {'cached':>7}  {'after':>7} {'uncached':>9} cached"
    )
    for turn, (one, other) in enumerate(zip(before, after, strict=True), 1):
        print(f"{turn:4} {one}  {other}")


if __name__ == "__main__":
    main()
