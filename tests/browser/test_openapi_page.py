"""The page of an engine's routes in a real browser: everything of the description, searched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.api.wire_client import EngineProcess
from tests.browser.chromium import OpenPage


@pytest.fixture(scope="module")
def engine(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """An engine without a world."""
    with EngineProcess(tmp_path_factory.mktemp("docs") / "none.sqlite") as found:
        found.wait()
        yield found


@pytest.fixture
def shown(browser: Browser, engine: EngineProcess) -> Iterator[OpenPage]:
    """The page; whatever is done with it, nothing is complained of and no other host asked."""
    own = f"http://127.0.0.1:{engine.port}/"
    opened = OpenPage(browser, f"{own}docs", "light")
    expect(opened.page.locator(".operation").first).to_be_visible()
    yield opened
    assert opened.complaints == []
    assert {url.startswith(own) for url in opened.requests} == {True}
    opened.page.close()


def operations(engine: EngineProcess) -> list[tuple[str, str, dict[str, Any]]]:
    described = engine.call("/openapi.json")
    return [
        (method.upper(), path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_is_listed_with_what_it_takes_and_answers(
    shown: OpenPage, engine: EngineProcess
) -> None:
    shown.page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    parts = {
        part["heading"]: part["text"]
        for part in shown.page.evaluate(
            """[...document.querySelectorAll('.operation:has(.method)')].map((part) => ({
              heading: [...part.querySelectorAll('.method, summary code')]
                .map((each) => each.textContent).join(' '),
              text: part.innerText }))"""
        )
    }
    described = engine.call("/openapi.json")
    errors = described["components"]["responses"]
    for method, path, operation in operations(engine):
        second = path.startswith("/worlds/{world_id}/")
        heading = f"{method} {path.removeprefix('/worlds/{world_id}') if second else path}"
        text = parts[heading]
        assert path in text
        if not second:
            assert operation["description"] in text
        assert operation["summary"].removesuffix(", of a world") in text
        for parameter in operation.get("parameters", []):
            assert parameter["name"] in text
        for status in operation["responses"].keys() - {"200"}:
            assert f"{status} {errors[status]['description']}" in text
        for reference in references(operation):
            assert reference in text
    types = shown.page.locator(".operation:not(:has(.method)) > summary code").all_inner_texts()
    assert sorted(types) == sorted(described["components"]["schemas"])


def references(value: Any) -> list[str]:
    """The types that an operation refers to."""
    if isinstance(value, dict):
        own = value.get("$ref", "")
        found = [own.rpartition("/")[2]] if own.startswith("#/components/schemas/") else []
        return found + [name for held in value.values() for name in references(held)]
    return [name for held in value for name in references(held)] if isinstance(value, list) else []


def test_one_field_searches_routes_fields_and_errors(shown: OpenPage) -> None:
    search, routes = shown.page.get_by_role("searchbox"), shown.page.locator(".method")
    every = routes.count()
    for words, first in (
        ("idempotency", "/turn"),
        ("body took too long", "/init"),
        ("post submission", "/agents/{agent_id}/action"),
    ):
        search.fill(words)
        expect(shown.page.locator("summary code").first).to_have_text(first)
        assert 0 < routes.count() < every
    search.fill("nothing has this <b>name</b>")
    expect(shown.page.locator("[role=status]")).to_have_text("0 routes and 0 types found.")


def test_a_route_and_a_type_have_addresses(browser: Browser, engine: EngineProcess) -> None:
    address = f"http://127.0.0.1:{engine.port}/docs"
    page = OpenPage(browser, f"{address}#post_turn", "light").page
    opened = page.locator("#post_turn")
    expect(opened.get_by_text("For the world's operator.")).to_be_visible()
    expect(opened).to_be_in_viewport()
    opened.get_by_role("link", name="Turn", exact=True).click()
    expect(page.locator("#type-Turn").get_by_text("inputs")).to_be_visible()
    assert page.url == f"{address}#type-Turn"
    page.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280), ("light", 1920)])
def test_the_page_fits_every_width_and_axe_finds_nothing_serious(
    browser: Browser, engine: EngineProcess, scheme: Literal["light", "dark"], width: int
) -> None:
    opened = OpenPage(browser, f"http://127.0.0.1:{engine.port}/docs#post_run", scheme)
    page = opened.page
    page.set_viewport_size({"width": width, "height": 900})
    expect(page.locator("#post_run table").first).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    assert opened.violations() == []
    assert opened.complaints == []
    page.close()


def test_a_program_that_asks_for_json_finds_no_page(engine: EngineProcess) -> None:
    reply = engine.ask("GET", "/docs", None, Accept="application/json")
    assert (reply.status, reply.error["code"]) == (404, "path_unknown")
