"""A real browser for the tests, where one is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect, sync_playwright

MISSING: Final = "Chromium is not installed: apt-get install chromium (or put it on PATH)"
CHECKS: Final = Path(__file__).with_name("checks.js")

# A busy machine draws a page in its own time; what never comes is found all the same.
expect.set_options(timeout=30_000)


def program() -> str | None:
    """Chromium's path."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def running() -> Iterator[Browser]:
    """One browser, gone in the end."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class OpenPage:
    """A file or address in the browser, with its complaints and requests since it was opened."""

    def __init__(
        self, browser: Browser, target: Path | str, scheme: Literal["light", "dark"]
    ) -> None:
        self.page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.add_init_script(path=CHECKS)
        self.page.goto(target if isinstance(target, str) else target.as_uri())

    def value(self, expression: str) -> Any:
        """What an expression is in the page."""
        return self.page.evaluate(expression)

    def resize(self, width: int, height: int = 800) -> None:
        """Give the window another size, and unfold what is folded."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.value("document.querySelector('details').open = true")

    def violations(self) -> list[str]:
        """What axe-core finds serious or critical, with the elements it means."""
        return [
            f"{each['id']}: {[node['html'] for node in each['nodes']]}"
            for each in Axe().run(self.page).response["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
