"""One word for one thing: retired words stay away, and no name stands twice."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.architecture.source import PACKAGE, ROOT, modules, tree

TESTS: Final = ROOT / "tests"
GLOSSARY: Final = ROOT / "docs" / "glossary.md"
STEMS_SHARED: Final = frozenset({"answers", "errors", "events", "server"})
"""Module names that a reader expects in more than one package."""


class Retired(NamedTuple):
    """A word that is not used any more.

    Attributes:
        where: `everywhere`, `source`, or packages and test folders, comma-separated.
        but: Files or packages in which it stays.
    """

    word: str
    where: str
    but: tuple[str, ...]

    def concerns(self, path: str) -> bool:
        """Test whether it is retired in a file, named from the checkout on."""
        inside = re.sub(r"^(src/sim_economy|tests)/", "", path)
        if any(inside.startswith(stays) for stays in self.but):
            return False
        if self.where == "source":
            return path.startswith("src/")
        return self.where == "everywhere" or any(
            inside.startswith(f"{package.strip()}/") for package in self.where.split(",")
        )


def retired() -> list[Retired]:
    """The words of the glossary's second table."""
    _, _, text = GLOSSARY.read_text(encoding="utf-8").partition("## Retired words")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)
    found = []
    for word, scope in rows:
        where, _, but = scope.strip().partition(" but ")
        found.append(Retired(word, where, tuple(name for name in but.split(", ") if name)))
    return found


def words(name: str) -> list[str]:
    """The words of an identifier, small and singular."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return [part.lower().removesuffix("s") for part in parts]


def uses(name: str, word: str) -> bool:
    """Test whether an identifier contains a retired word; one in capitals is compared whole."""
    if word[0].isupper():
        return name == word
    own, sought = words(name), words(word)
    return any(own[at : at + len(sought)] == sought for at in range(len(own)))


def identifiers(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Every name that a module defines or uses, with its line."""
    for node in ast.walk(module):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name, line
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, line
            case ast.ClassDef(name=name) | ast.alias(asname=str(name)):
                yield name, line
            case ast.keyword(arg=str(name)):
                yield name, line


def classes(module: ast.Module) -> Iterator[tuple[str, int]]:
    """The classes that a module defines; other libraries may name theirs as they like."""
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            yield node.name, node.lineno


RETIRED: Final = retired()


def test_the_glossary_lists_retired_words() -> None:
    assert len(RETIRED) > 30
    assert len({(one.word, one.where) for one in RETIRED}) == len(RETIRED)


@pytest.mark.parametrize("one", RETIRED, ids=lambda one: f"{one.word} {one.where}")
def test_a_retired_word_is_in_no_identifier(one: Retired) -> None:
    found = []
    for path in [*modules(PACKAGE), *modules(TESTS)]:
        name = path.relative_to(ROOT).as_posix()
        if one.concerns(name) and path != Path(__file__):
            names = classes(tree(path)) if one.word[0].isupper() else identifiers(tree(path))
            found += [f"{name}:{line}: {used}" for used, line in names if uses(used, one.word)]
    assert found == []


@pytest.mark.parametrize(
    ("name", "word", "found"),
    [
        ("SQLitePlace", "place", True),
        ("_places", "place", True),
        ("replaced", "place", False),
        ("fees_collected_tokens", "fees_collected", True),
        ("fees_were_collected", "fees_collected", False),
        ("Tip", "Tip", True),
        ("TIP", "Tip", False),
    ],
)
def test_a_retired_word_would_be_seen(name: str, word: str, found: bool) -> None:
    assert uses(name, word) is found


def test_a_retired_word_would_be_seen_in_code() -> None:
    code = "def door(seat, *, purse=1): return call(voice=seat.mind)"
    assert {name for name, _ in identifiers(ast.parse(code))} >= {
        "door", "seat", "purse", "voice", "mind",
    }  # fmt: skip


def test_every_module_name_stands_once() -> None:
    stems = Counter(
        path.stem
        for path in modules(PACKAGE)
        if path.stem != "__init__"
        and path.stem not in STEMS_SHARED
        and path.parent != PACKAGE / "cli"  # named after its command
    )
    assert {stem for stem, count in stems.items() if count > 1} == set()


def test_every_public_class_stands_once() -> None:
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for path in modules(PACKAGE):
        for name, _ in classes(tree(path)):
            if not name.startswith("_"):
                homes[name].append(path.relative_to(PACKAGE).as_posix())
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


def test_what_the_engine_answers_ends_in_answer() -> None:
    answers = [name for name, _ in classes(tree(PACKAGE / "client" / "answers.py"))]
    assert answers
    assert [name for name in answers if not name.endswith("Answer")] == []
