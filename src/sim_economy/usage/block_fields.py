"""The named fields of a block of records as a table; whatever else is in them is left behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sim_economy.usage.log_files import LogBlock
from sim_economy.usage.record_fields import FieldReader, records_in
from sim_economy.usage.usage_rows import AT, LINE, REPEATS, polars_module

if TYPE_CHECKING:
    import polars


def fields_of(block: LogBlock, reader: FieldReader, first: int) -> polars.DataFrame:
    """A column for each name that the block has, with `LINE`, `AT` and `REPEATS`.

    Args:
        first: The number of the block's first record among all.
    """
    if block.frame is not None:
        fields = _of_table(block.frame, reader)
    else:
        fields = _of_documents(block, reader, first)
    pl = polars_module()
    return fields.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(AT) + first)


def _of_documents(block: LogBlock, reader: FieldReader, first: int) -> polars.DataFrame:
    pl = polars_module()
    lines, repeats, rows = [], [], []
    for number, document in block.documents:
        for record in records_in(document, reader.form.levels):
            texts, repeated = reader.read(record)
            rows.append(texts)
            repeats.append(repeated)
            lines.append(first + len(rows) if block.unit == "record" else number)
    columns = zip(*rows, strict=True) if rows else [()] * len(reader.names)
    named = {
        name: pl.Series(name, texts, pl.String)
        for name, texts in zip(reader.names, columns, strict=True)
    }
    fields: polars.DataFrame = pl.DataFrame(
        {
            **named,
            LINE: pl.Series(LINE, lines, pl.Int64),
            REPEATS: pl.Series(REPEATS, repeats, pl.Boolean),
        }
    )
    return fields


def _of_table(frame: polars.DataFrame, reader: FieldReader) -> polars.DataFrame:
    """Columns as they are; what lies inside a column is looked up row by row."""
    pl = polars_module()
    plain = [name for name in reader.names if name in frame.columns and _is_plain(frame, name)]
    inside = {name: _holders(frame.columns, name) for name in reader.names if name not in plain}
    inside = {name: holders for name, holders in inside.items() if holders}
    fields = frame.select(pl.col(LINE).cast(pl.Int64), pl.lit(value=False).alias(REPEATS), *plain)
    if not inside:
        return fields
    needed = list(dict.fromkeys(holder for holders in inside.values() for holder in holders))
    rows = [
        reader.read(reader.opened(row))[0] for row in frame.select(needed).iter_rows(named=True)
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(reader.names)
    found = dict(zip(reader.names, columns, strict=True))
    return fields.with_columns(pl.Series(name, found[name], pl.String) for name in inside)


def _is_plain(frame: polars.DataFrame, name: str) -> bool:
    pl = polars_module()
    held: Any = frame.schema[name]
    return not (held.is_nested() or held in {pl.Binary, pl.Object})


def _holders(columns: Sequence[str], name: str) -> list[str]:
    """The columns in which a path may end."""
    dotted = name.removesuffix("*").replace("/", ".")
    return [
        column
        for column in columns
        if column != LINE and (dotted == column or dotted.startswith(f"{column}."))
    ]
