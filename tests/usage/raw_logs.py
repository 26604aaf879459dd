"""Logs for tests: written in a line, read in a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.core.errors import UsageLogError
from sim_economy.usage.usage_import import ImportedUsage, read_usage

SAMPLES: Final = Path(__file__).parent / "samples"
SHAPES: Final = SAMPLES / "shapes"
KINDS: Final = ("input", "cache_read", "cache_write", "thinking", "output")


def csv_log(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def json_lines(path: Path, records: Iterable[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


def refused(*paths: Path, **options: Any) -> list[str]:
    """The problems for which logs are refused."""
    with pytest.raises(UsageLogError) as refusal:
        read_usage(*paths, **options)
    return refusal.value.problems


def counts(found: ImportedUsage) -> list[tuple[int, ...]]:
    """The five counts of each row."""
    return found.frame.select(KINDS).rows()


def column(found: ImportedUsage, name: str) -> list[Any]:
    values: list[Any] = found.frame[name].to_list()
    return values
