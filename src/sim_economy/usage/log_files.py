"""Files of logs, read block by block: CSV, JSON, JSON Lines, Parquet, each also compressed."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from sim_economy.core.errors import UsageLogError
from sim_economy.usage.record_fields import DECODER
from sim_economy.usage.usage_rows import LINE, polars_module

if TYPE_CHECKING:
    import polars

_TABLE_ROWS: Final = 1 << 17
"""Rows of a block of a table."""

_LINES: Final = 1 << 12
"""Lines of a block of JSON Lines."""

_LINE_MAX: Final = 1 << 26
_DOCUMENT_MAX: Final = 1 << 30
_BLANK: Final = b" \t\r\n"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class LogBlock(Struct, frozen=True, kw_only=True):
    """A part of a file.

    Attributes:
        unit: What its numbers count: line, row or record.
        frame: Rows of a table; the column `LINE` is their number.
        documents: Values of JSON, each with its number.
        bad: Numbers of what cannot be read, each with the reason.
    """

    unit: str
    frame: polars.DataFrame | None = None
    documents: Sequence[tuple[int, Any]] = ()
    bad: Sequence[tuple[int, str]] = ()


def blocks(path: Path, scratch: Path) -> Generator[LogBlock, None, None]:
    """The blocks of a file, in order; its kind is told from its content.

    Args:
        scratch: A folder for what must be decompressed before it can be read.

    Raises:
        UsageLogError: The file is missing, cut off, or of no kind that is read.
    """
    if not path.is_file():
        raise UsageLogError([f"{path}: there is no such file"])
    try:
        yield from _blocks(path, scratch)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        problem = "its compressed data is damaged or cut off; fetch it again"
        raise UsageLogError([f"{path}: {problem}"]) from None


def _blocks(path: Path, scratch: Path) -> Iterator[LogBlock]:
    with _opened(path) as file:
        beginning = file.peek(1 << 12)
        if beginning.startswith(b"PAR1"):
            yield from _parquet(path, file, scratch)
            return
        if beginning.startswith(_BYTE_ORDER_MARK):
            file.read(len(_BYTE_ORDER_MARK))
        if beginning.removeprefix(_BYTE_ORDER_MARK).lstrip(_BLANK)[:1] in {b"{", b"["}:
            yield from _json(path, file)
        else:
            yield from _csv(path, file)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The bytes of a file, decompressed."""
    with path.open("rb") as file:
        if file.peek(2).startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=file) as unpacked, io.BufferedReader(unpacked) as inner:
                yield inner
        else:
            yield file


def _parquet(path: Path, file: Any, scratch: Path) -> Iterator[LogBlock]:
    pl = polars_module()
    source = path
    if isinstance(file.raw, gzip.GzipFile):
        source = scratch / "unpacked.parquet"
        with source.open("wb") as unpacked:
            shutil.copyfileobj(file, unpacked)
    try:
        rows = pl.scan_parquet(source, glob=False)
        rows = rows.drop(name for name in rows.collect_schema().names() if "\x00" in name)
        start = 1
        for frame in rows.collect_batches(chunk_size=_TABLE_ROWS, maintain_order=True):
            yield LogBlock(unit="row", frame=frame.with_row_index(LINE, offset=start))
            start += frame.height
    except pl.exceptions.PolarsError:
        raise UsageLogError([f"{path}: is a damaged Parquet file"]) from None


def _json(path: Path, file: IO[bytes]) -> Iterator[LogBlock]:
    """Lines of JSON, or one document of several lines."""
    lines = _numbered_lines(path, file)
    first = next(lines)
    if not _is_line(path, first[1]):
        yield _document(path, first[1] + file.read(_DOCUMENT_MAX + 1))
        return
    batch = [first, *islice(lines, _LINES - 1)]
    while batch:
        documents, bad = [], []
        for number, line in batch:
            value, problem = _decoded(line)
            if problem:
                bad.append((number, problem))
            else:
                documents.append((number, value))
        yield LogBlock(unit="line", documents=documents, bad=bad)
        batch = list(islice(lines, _LINES))


def _numbered_lines(path: Path, file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank."""
    number = 0
    while line := file.readline(_LINE_MAX + 1):
        number += 1
        if len(line) > _LINE_MAX:
            raise UsageLogError([f"{path}, line {number}: has more than {_LINE_MAX} bytes"])
        if line.strip(_BLANK):
            yield number, line


def _is_line(path: Path, line: bytes) -> bool:
    """Test whether a file that begins with this line is one of JSON Lines."""
    suffixes = {suffix.lower() for suffix in path.suffixes}
    return bool(suffixes & {".jsonl", ".ndjson"}) or not _decoded(line)[1]


def _decoded(line: bytes) -> tuple[Any, str]:
    """A value, or why there is none."""
    try:
        return DECODER.decode(line), ""
    except RecursionError:
        return None, "is nested too deep"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, "is not JSON"


def _document(path: Path, content: bytes) -> LogBlock:
    if len(content) > _DOCUMENT_MAX:
        raise UsageLogError(
            [f"{path}: is one JSON document of more than {_DOCUMENT_MAX} bytes; export JSON Lines"]
        )
    value, problem = _decoded(content)
    if problem:
        raise UsageLogError([f"{path}: {problem}; nothing of it can be read"])
    documents = list(enumerate(value, 1)) if isinstance(value, list) else [(0, value)]
    return LogBlock(unit="record", documents=documents)


def _csv(path: Path, file: IO[bytes]) -> Iterator[LogBlock]:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    reader = csv.reader(_text_lines(path, text), strict=True)
    limit = csv.field_size_limit(_LINE_MAX)
    try:
        header = next(filter(None, reader), [])
        if not header:
            return
        _check_header(path, header)
        while batch := _csv_rows(reader):
            good, bad = _sorted_out(batch, len(header))
            yield LogBlock(unit="line", frame=_table(header, good), bad=bad)
    except csv.Error as error:
        problem = f"is not CSV: {error}"
        raise UsageLogError([f"{path}, line {reader.line_num}: {problem}"]) from None
    finally:
        text.detach()
        csv.field_size_limit(limit)


def _text_lines(path: Path, text: io.TextIOWrapper) -> Iterator[str]:
    """The lines of a text, none of them longer than what is held."""
    while line := text.readline(_LINE_MAX + 1):
        if len(line) > _LINE_MAX:
            raise UsageLogError([f"{path}: has a line of more than {_LINE_MAX} characters"])
        yield line


def _csv_rows(reader: Any) -> list[tuple[int, list[str]]]:
    """The next rows that are not blank, each with its last line; none at the end."""
    return [(reader.line_num, row) for row in islice(filter(None, reader), _TABLE_ROWS)]


def _check_header(path: Path, header: Sequence[str]) -> None:
    if any(cell.strip().replace(".", "", 1).isdigit() for cell in header):
        raise UsageLogError([f"{path}: its first line holds numbers, not names of columns"])
    if len(set(header)) < len(header):
        raise UsageLogError([f"{path}: two of its columns have the same name"])


_Row = tuple[int, list[str]]


def _sorted_out(rows: Sequence[_Row], width: int) -> tuple[list[_Row], list[tuple[int, str]]]:
    """The rows of the header's width whose text is UTF-8, and what is wrong with the others."""
    good, bad = [], []
    for number, row in rows:
        if len(row) != width:
            bad.append((number, f"has {len(row)} cells, the header {width}"))
        elif not all(map(str.isascii, row)) and not _is_utf8(row):
            bad.append((number, "is not UTF-8"))
        else:
            good.append((number, row))
    return good, bad


def _is_utf8(row: Sequence[str]) -> bool:
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return False
    return True


def _table(header: Sequence[str], rows: Sequence[_Row]) -> polars.DataFrame:
    pl = polars_module()
    columns = zip(*(row for _, row in rows), strict=True) if rows else [()] * len(header)
    named = {LINE: pl.Series(LINE, [number for number, _ in rows], pl.Int64)}
    for name, cells in zip(header, columns, strict=True):
        if "\x00" not in name:
            named[name] = pl.Series(name, cells, pl.String)
    table: polars.DataFrame = pl.DataFrame(named)
    return table
