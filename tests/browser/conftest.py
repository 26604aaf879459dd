"""The browser of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import MISSING, program, running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module, or a line that says why there is none."""
    if program() is None:
        pytest.skip(MISSING)
    with running() as browser:
        yield browser
