"""What the source itself promises: its rooms, its sizes, its numbers, its sources."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.source import CORE, PACKAGE, ROOT, modules, nodes, tracked, tree

LINES_MAX: Final = 500


def test_imports_point_only_where_the_contracts_let_them() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout
    assert "0 broken" in ended.stdout


def test_no_file_is_too_long_to_be_read() -> None:
    lengths = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(PACKAGE)
    }
    assert {name: lines for name, lines in lengths.items() if lines > LINES_MAX} == {}


@pytest.mark.parametrize("path", modules(PACKAGE), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree(path))


# Threads read records, and msgspec crashes where two look up a type for the first time together

READ_BY_THREADS: Final = ("core", "ledger", "world", "api", "viewer")


@pytest.mark.parametrize("package", READ_BY_THREADS)
def test_decoders_are_made_once_before_threads_read(package: str) -> None:
    assert [where for where, node in nodes(PACKAGE / package) if looks_up_late(node)] == []


def looks_up_late(node: ast.AST) -> bool:
    """Whether it is `decode(..., type=Name)`; `cls` has a decoder beside its class."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith("decode")):
        return False
    types = [keyword.value for keyword in node.keywords if keyword.arg == "type"]
    return any(isinstance(each, ast.Name) and each.id != "cls" for each in types)


# Only the ledger moves tokens

CHANGERS: Final = {
    "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "__setitem__",
}  # fmt: skip


def is_accounts(node: ast.AST | None) -> bool:
    """Whether it is `....accounts`, or a part of it."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return (isinstance(node, ast.Attribute) and node.attr == "accounts") or (
        isinstance(node, ast.Name) and node.id == "accounts"
    )


def changes_accounts(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            flat = [part for target in targets for part in ast.walk(target)]
            return any(isinstance(part, ast.Subscript) and is_accounts(part) for part in flat)
        case ast.AugAssign(target=target):
            return is_accounts(target)
        case ast.Call(func=ast.Attribute(value=value, attr=name)):
            return name in CHANGERS and is_accounts(value)
    return False


def test_only_the_ledger_changes_an_account() -> None:
    found = {index.split(":")[0] for index, node in nodes(CORE) if changes_accounts(node)}
    assert found == {"accounts.py"}


def test_the_ledger_changes_an_account_only_where_it_posts() -> None:
    posts = [
        node
        for node in ast.walk(tree(CORE / "accounts.py"))
        if isinstance(node, ast.FunctionDef)
        and any(changes_accounts(part) for part in ast.walk(node))
    ]
    assert [post.name for post in posts] == ["post"]


def test_postings_are_folded_into_accounts_once_outside_the_core() -> None:
    found = {
        index.split(":")[0]
        for index, node in nodes(PACKAGE)
        if isinstance(node, ast.AugAssign) and changes_accounts(node)
    }
    assert found == {"core/accounts.py", "ledger/fold/account_fold.py"}


@pytest.mark.parametrize(
    "text",
    [
        "state.accounts[3] = 5",
        "state.accounts[3] += 5",
        "accounts[a], accounts[b] = 1, 2",
        "ledger.accounts[3:] = []",
        "del state.accounts[0]",
        "state.accounts.append(1)",
        "world.state.accounts += [1]",
    ],
)
def test_a_change_of_an_account_would_be_seen(text: str) -> None:
    assert any(changes_accounts(node) for node in ast.walk(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    ["held = state.accounts[3]", "accounts = [0]", "accounts: list[int]", "len(accounts[3:])"],
)
def test_reading_an_account_is_no_change(text: str) -> None:
    assert not any(changes_accounts(node) for node in ast.walk(ast.parse(text)))


# Exact numbers


def test_the_core_holds_no_float() -> None:
    inexact = [
        index
        for index, node in nodes(CORE)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
        or (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div))
        or (isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"float", "round"})
    ]
    assert inexact == []


# Sources


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)]


RULES: Final = [path for path in modules(CORE / "rules") if path.name != "__init__.py"]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_rule_names_its_source(path: Path) -> None:
    whole = "Source:" in (ast.get_docstring(tree(path)) or "")
    without = [
        function.name
        for function in functions(path)
        if "Source:" not in (ast.get_docstring(function) or "")
    ]
    assert whole or without == []
    assert functions(path)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_a_rules_source_is_a_section_there_is(path: Path) -> None:
    specification = (ROOT / "docs/spec/economy.md").read_text(encoding="utf-8")
    named = re.findall(r"Source: docs/spec/economy\.md(.*)", path.read_text(encoding="utf-8"))
    numbers = {number for rest in named for number in re.findall(r"\b[A-Z][0-9]+\b", rest)}
    assert numbers
    assert {number for number in numbers if number not in specification} == set()


# What must not be in a repository

MACHINE: Final = re.compile(r"(?<![\w./~$})-])/(?:" + "|".join(("work", "root", "home")) + r")/\w")
"""A path of somebody's machine."""


def test_no_file_holds_a_path_of_a_machine() -> None:
    found = []
    for path in tracked():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line[:120]}"
            for number, line in enumerate(lines, 1)
            if MACHINE.search(line)
        ]
    assert found == []


def test_a_path_of_a_machine_would_be_seen() -> None:
    for folder in ("work", "root", "home"):
        assert MACHINE.search(f"see /{folder}/someone/notes.md")
        assert not MACHINE.search(f"https://example.org/{folder}/page")


LOCKS: Final = sorted((ROOT / "requirements").glob("*.lock"))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_pins_by_hash_and_names_no_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for word in ("://", "--index-url", "--extra-index-url", "--find-links", "--trusted-host"):
        assert word not in text
    pinned = re.findall(r"^[a-z0-9][\w.\[\]-]*==\S+", text, re.MULTILINE)
    requirements = [line for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    assert len(pinned) == len(requirements) > 0
    assert text.count("--hash=sha256:") >= len(pinned)


def test_there_is_a_lock_file_for_each_use() -> None:
    assert {path.stem for path in LOCKS} >= {"report", "dev", "bench"}
