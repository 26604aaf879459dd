"""The notebooks of the docs, executed cell by cell; `make figures` stores what they give."""

from __future__ import annotations

import ast
import io
import json
import linecache
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.docs.blocks import ROOT

NOTEBOOKS: Final = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))
_SHOWN: Final = {"text/html": "_repr_html_", "image/svg+xml": "_repr_svg_"}
"""What a notebook shows of a value besides its text, and the method that gives it."""


def read(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def executed(notebook: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The notebook with the outputs of its cells, run from top to bottom in a folder."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells, number = [], 0
    with _inside(folder):
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                number += 1
                outputs = [*_outputs("".join(cell["source"]), number, namespace)]
                cells.append({**cell, "execution_count": number, "outputs": outputs})
            else:
                cells.append(cell)
    return {**notebook, "cells": cells}


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _outputs(source: str, number: int, namespace: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a cell prints, and what its last line is."""
    file = f"<cell {number}>"
    # Where `inspect` finds the text of a function, as in a notebook.
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    tree = ast.parse(source, file)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    value, printed = None, io.StringIO()
    with redirect_stdout(printed):
        exec(compile(tree, file, "exec"), namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), file, "eval"), namespace)
    if printed.getvalue():
        yield {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
    if value is not None:
        texts = {"text/plain": repr(value)}
        texts |= {
            kind: getattr(value, name)() for kind, name in _SHOWN.items() if hasattr(value, name)
        }
        yield {
            "data": {kind: _lines(text) for kind, text in sorted(texts.items())},
            "execution_count": number,
            "metadata": {},
            "output_type": "execute_result",
        }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> None:
    """Execute every notebook, and keep what its cells give."""
    for path in NOTEBOOKS:
        with TemporaryDirectory() as folder:
            notebook = executed(read(path), Path(folder))
        text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
