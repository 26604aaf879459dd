"""The files of the viewer's page: whole, as published, in the style of reports."""

from __future__ import annotations

import re
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct, json

from sim_economy.core.accounts import PostingReason
from sim_economy.reports.drawings.colours import switched_theme_css

STATIC: Final = (Path(str(resources.files("sim_economy.viewer"))) / "static").resolve()
VENDOR: Final = STATIC / "vendor"
OWN: Final = sorted(file for file in STATIC.rglob("*.js") if VENDOR not in file.parents)
LINES_MOST: Final = 200
INDEX: Final = STATIC / "index.html"
IMPORT: Final = re.compile(r'^(?:import|export)\b[^";=]*"([^"]+)";', re.MULTILINE)


class Library(Struct, forbid_unknown_fields=True):
    """A vendored library, as the manifest states it."""

    version: str
    source: str
    licence: str
    files: dict[str, str]


MANIFEST: Final = json.decode((VENDOR / "manifest.json").read_bytes(), type=dict[str, Library])


def test_vendored_files_are_those_that_were_published() -> None:
    stated = {file: found for library in MANIFEST.values() for file, found in library.files.items()}
    found = {
        file.name: sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.iterdir()
        if file.name != "manifest.json"
    }
    assert found == stated


def test_every_library_has_its_licence() -> None:
    for name, library in MANIFEST.items():
        assert f"{name}.LICENSE.txt" in library.files
        assert library.licence in {"MIT", "Apache-2.0"}
        assert library.version in library.source


@pytest.mark.parametrize("file", OWN, ids=lambda file: str(file.relative_to(STATIC)))
def test_a_module_imports_what_is_there_and_is_short(file: Path) -> None:
    text = file.read_text()
    assert text.startswith("/**")
    assert text.count("\n") <= LINES_MOST
    for imported in IMPORT.findall(text):
        assert imported.startswith("."), "a bare name would need an import map, an inline script"
        assert (file.parent / imported).is_file()


def test_the_page_names_files_that_are_there_and_no_other_host() -> None:
    for page in STATIC.rglob("*.html"):
        text = page.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=", text)
        for named in re.findall(r'<(?:link|script|img)[^>]*(?:src|href)="([^"#]+)"', text):
            assert "//" not in named
            assert (STATIC / named.removeprefix("/").removeprefix("view/static/")).is_file()


def test_colours_and_base_style_are_those_of_the_reports() -> None:
    base = resources.files("sim_economy.reports.page") / "base.css"
    expected = switched_theme_css() + base.read_text()
    assert (STATIC / "shared.css").read_text() == expected, (
        "write it anew: python -m tests.viewer.shared_style"
    )


def test_a_statement_is_filtered_by_every_reason_there_is() -> None:
    listed = re.findall(r'"([a-z_]+)"', (STATIC / "parts" / "reasons.js").read_text())
    assert listed == [reason.value for reason in PostingReason]


def test_style_names_only_colours_that_are_there() -> None:
    theme = set(re.findall(r"--([a-z]+):", switched_theme_css()))
    for file in STATIC.rglob("*.css"):
        if VENDOR not in file.parents:
            assert set(re.findall(r"var\(--([a-z]+)\)", file.read_text())) <= theme


def test_the_page_names_at_once_all_modules_that_its_first_screen_needs() -> None:
    needed = _imported(STATIC / "app.js", set())
    named = re.findall(r'modulepreload" href="view/static/([^"]+)"', INDEX.read_text())
    assert named == sorted(str(file.relative_to(STATIC)) for file in needed)


def _imported(file: Path, found: set[Path]) -> set[Path]:
    """What a module imports, and what those import."""
    for named in IMPORT.findall(file.read_text()):
        imported = (file.parent / named).resolve()
        if imported not in found:
            found.add(imported)
            _imported(imported, found)
    return found
