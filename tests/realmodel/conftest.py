"""The weights, or tests skipped with what to install."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.realmodel.llama_server import MISSING, is_available, weights


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of weights whose hash is the stated one."""
    if not is_available():
        pytest.skip(MISSING)
    return weights(tmp_path_factory.mktemp("weights"))
