"""The shipped example: March 2026 of a fleet of twelve agents, two tariffs, and allowances."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

_TARIFFS: Final = ("flat.toml", "by-model.toml")


class ExampleFiles(NamedTuple):
    """The files of the example, wherever the package lies."""

    usage: Path
    tariffs: tuple[Path, ...]
    allowances: Path


@contextmanager
def example_files() -> Iterator[ExampleFiles]:
    """The files, for as long as they are read."""
    with ExitStack() as held:
        folder = held.enter_context(resources.as_file(resources.files(__package__)))
        yield ExampleFiles(
            folder / "usage.csv",
            tuple(folder / name for name in _TARIFFS),
            folder / "allowances.toml",
        )
