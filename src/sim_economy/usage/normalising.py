"""Fields of records as usage rows: subsets subtracted, times as instants, every record judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.usage.record_fields import UNUSABLE
from sim_economy.usage.times import Instants, instants
from sim_economy.usage.usage_form import KINDS, Field, UsageForm, Values
from sim_economy.usage.usage_rows import (
    AT,
    COUNT_MAX,
    LINE,
    REPEATS,
    UNATTRIBUTED,
    polars_module,
    row_types,
)

if TYPE_CHECKING:
    import polars

BAD: Final = "bad"
REPEATED: Final = "repeated"
SUMMED: Final = "sum_of_children"
FAILED: Final = "failed"
WITHOUT_USAGE: Final = "without_usage"
NOT_A_CALL: Final = "not_a_call"

CACHE_ABOVE_INPUT: Final = "has more cached tokens than input"
NAIVE: Final = "has a time without a zone"
RELATIVE: Final = "has a time that does not count from 1970"
_COUNT: Final = f"is not a whole number from 0 to {COUNT_MAX}"
_COST: Final = r"^-?\d{1,18}(\.\d{1,30})?([eE][+-]?\d{1,2})?$"


class Normalised(Struct, frozen=True, kw_only=True):
    """A block of records, judged.

    Attributes:
        rows: Usage rows of the kept ones, with `at`, `key` (what tells duplicates), `trace`, and
            `part` (whether a row holds a part of a record that another row counts).
        dropped: The others: `line`, `at`, `reason`, `problem`, `trace`, `provider`.
        reported: The kinds that some record reports.
    """

    rows: polars.DataFrame
    dropped: polars.DataFrame
    reported: frozenset[str]


class Normaliser(Struct, frozen=True, kw_only=True):
    """What decides how the records of one file are read.

    Attributes:
        zone: Of times without one.
        names_agents: Whether the file has a field for the agent.
        dated: Whether its records have times; else they have turns.
        escaped: Whether a text may have an apostrophe before it, for spreadsheets.
    """

    form: UsageForm
    zone: str | None
    names_agents: bool
    dated: bool
    escaped: bool = False

    def normalised(self, fields: polars.DataFrame) -> Normalised:
        """Usage rows from the fields of records.

        Args:
            fields: A column for each name that the file has, with `LINE`, `AT` and `REPEATS`.
        """
        pl = polars_module()
        values = fields.select(
            pl.col(LINE).alias("line"),
            pl.col(AT).alias("at"),
            pl.col(REPEATS).alias("repeats"),
            *self._values(fields.schema),
        )
        values = values.with_columns(self._kinds())
        values = values.with_columns(self._problem().alias("problem"))
        values = values.with_columns(self._reason().alias("reason"))
        kept = values.filter(pl.col("reason").is_null())
        dropped = values.filter(pl.col("reason").is_not_null())
        return Normalised(
            rows=self._rows(kept),
            dropped=dropped.select("line", "at", "reason", "problem", "trace", "provider"),
            reported=frozenset(name for name in KINDS if values[f"told_{name}"].count()),
        )

    # What the fields say

    def _values(self, schema: Mapping[str, Any]) -> Iterable[polars.Expr]:
        """The values of each field, whatever the type of its columns."""
        pl = polars_module()
        form = self.form
        for name in (*KINDS, "cache_write_1h", "calls", "length", "turn"):
            value, wrong = self._count(name, schema)
            yield value.alias(f"told_{name}")
            yield wrong.alias(f"wrong_{name}")
        texts = {name: _text(form.field(name), schema) for name in ("team", "key", "id", "trace")}
        stand_in = pl.coalesce(texts["team"], texts["key"])
        agent = _text(form.agent, schema) if self.names_agents else stand_in
        agent = pl.coalesce(agent, pl.lit(UNATTRIBUTED))
        named = {**texts, "agent": agent, "model": self._model(schema)}
        for name, text in named.items():
            yield (text.str.strip_prefix("'") if self.escaped else text).alias(name)
        yield _text(form.provider, schema).alias("provider")
        cost = _text(form.cost, schema)
        yield _plain_decimal(cost).alias("cost")
        yield (cost.is_not_null() & ~cost.str.contains(_COST)).alias("wrong_cost")
        start, end = (_instants(field, schema, self.zone) for field in (form.time, form.end))
        yield start.time.alias("time")
        yield (start.naive | end.naive).fill_null(value=False).alias("naive")
        yield start.relative.fill_null(value=False).alias("relative")
        length = (end.time - start.time).dt.total_seconds()
        yield pl.coalesce(length, start.day_seconds).alias("span")
        for name, values in (("only", form.only), ("sums", form.sums), ("failed", form.failed)):
            yield _matches(values, schema).alias(f"in_{name}")

    def _count(self, name: str, schema: Mapping[str, Any]) -> tuple[polars.Expr, polars.Expr]:
        pl = polars_module()
        if self.form.long is None or name not in KINDS:
            return _count(self.form.field(name), schema)
        long = self.form.long
        value, wrong = _count((long.quantity,), schema)
        stated = [_text((field,), schema).fill_null("") for field in long.fields]
        chosen = pl.lit(value=False)
        for values, kind in long.kinds.items():
            if kind == name:
                pairs = zip(stated, values, strict=True)
                chosen |= pl.all_horizontal([text == one for text, one in pairs])
        return pl.when(chosen).then(value), wrong & chosen

    def _model(self, schema: Mapping[str, Any]) -> polars.Expr:
        """The model, with each tier that changes its price."""
        pl = polars_module()
        model = _text(self.form.model, schema)
        if self.form.vendor_prefix:
            model = model.str.replace(r"^[^/]+/", "")
        for name, plain in self.form.tiers.items():
            tier = _text((name,), schema).str.strip_chars()
            shown = pl.when(tier == "true").then(pl.lit(name.rpartition("/")[2])).otherwise(tier)
            changes = tier.is_not_null() & ~tier.str.to_lowercase().is_in(
                [value.lower() for value in plain]
            )
            model = pl.when(changes).then(pl.format("{}+{}", model, shown)).otherwise(model)
        return model

    # What they come to

    def _kinds(self) -> list[polars.Expr]:
        """The five counts without overlap."""
        pl = polars_module()
        reported = {name: pl.col(f"told_{name}").fill_null(0) for name in KINDS}
        cached = reported["cache_read"] + reported["cache_write"]
        if not self.form.cache_apart:
            reported["input"] = reported["input"] - cached
        if not self.form.thinking_apart:
            reported["output"] = reported["output"] - reported["thinking"]
        return [value.alias(name) for name, value in reported.items()]

    def _problem(self) -> polars.Expr:
        """What is wrong with a record of usage; null where nothing is."""
        pl = polars_module()
        timed = [
            (pl.col("naive"), NAIVE),
            (pl.col("relative"), RELATIVE),
            (pl.col("time").is_null(), "has no time, or one that no clock shows in 2000 to 2100"),
            (pl.col("span") <= 0, "ends before it starts"),
        ]
        turned = [(pl.col("told_turn").is_null(), "has no turn")]
        below = "has a turn below 1; if the log counts from 0, import it with turn=NAME+1"
        turned += [(pl.col("told_turn") + self.form.turn_offset < 1, below)]
        counts = (*KINDS, "cache_write_1h", "calls", "length", "turn")
        checks = [
            *((pl.col(f"wrong_{name}"), f"{name} {_COUNT}") for name in counts),
            (pl.col("wrong_cost"), "cost is not a number"),
            (_unusable(), "a name is not text"),
            *(timed if self.dated else turned),
            (pl.col("input") < 0, CACHE_ABOVE_INPUT),
            (pl.col("output") < 0, "has more reasoning than output"),
            (
                pl.col("told_cache_write_1h") > pl.col("cache_write"),
                "cache_write is below its part",
            ),
            (pl.max_horizontal(*KINDS) > COUNT_MAX, f"a sum {_COUNT}"),
        ]
        return _first_of(checks)

    def _reason(self) -> polars.Expr:
        """Why a record is dropped; null where it is kept."""
        pl = polars_module()
        wrong = pl.any_horizontal([f"wrong_{name}" for name in (*KINDS, "cost")])
        used = pl.any_horizontal([pl.col(f"told_{name}") > 0 for name in KINDS])
        paid = pl.col("cost").cast(pl.Float64, strict=False) != 0
        has_usage = (wrong | used | paid).fill_null(value=False)
        checks = [
            (pl.col("in_sums") & has_usage, SUMMED),
            (~pl.col("in_only") if self.form.only else pl.lit(value=False), NOT_A_CALL),
            (~has_usage & pl.col("in_failed"), FAILED),
            (~has_usage, WITHOUT_USAGE),
            (pl.col("repeats"), REPEATED),
            (pl.col("problem").is_not_null(), BAD),
        ]
        return _first_of(checks)

    def _rows(self, kept: polars.DataFrame) -> polars.DataFrame:
        pl = polars_module()
        types = row_types(dated=self.dated)
        turn = (pl.col("told_turn") + self.form.turn_offset).alias("turn")
        known = pl.coalesce("told_length", "span", pl.lit(self.form.seconds, pl.Int64))
        seconds = known if self.dated else pl.lit(None, pl.Int64)
        single = known.is_null() if self.dated and self.form.long is None else pl.lit(value=False)
        calls = pl.coalesce("told_calls", single.cast(pl.Int64))
        key = pl.concat_str(
            pl.lit(self.form.name), pl.col("trace").fill_null(""), "id", separator=UNUSABLE
        )
        rows = kept.with_columns(
            turn, seconds.alias("seconds"), calls.alias("calls"), key.alias("key"),
            pl.lit(value=False).alias("part"),
        )  # fmt: skip
        rows = self._parted(rows)
        result: polars.DataFrame = rows.select(
            "at", "part", "key", "trace", *(pl.col(name).cast(held) for name, held in types.items())
        )
        return result

    def _parted(self, rows: polars.DataFrame) -> polars.DataFrame:
        """Rows whose model says that they hold what is kept in the cache for an hour."""
        pl = polars_module()
        hour = pl.col("told_cache_write_1h").fill_null(0)
        of_the_hour = pl.format("{}+1h", "model").alias("model")
        whole = rows.filter((hour == 0) | (hour == pl.col("cache_write")))
        mixed = rows.filter((hour > 0) & (hour < pl.col("cache_write")))
        whole = whole.with_columns(
            pl.when(hour > 0).then(of_the_hour).otherwise("model").alias("model")
        )
        if mixed.is_empty():
            return whole
        none = [
            pl.lit(0, pl.Int64).alias(name) for name in (*KINDS, "calls") if name != "cache_write"
        ]
        parts = mixed.with_columns(
            of_the_hour, hour.alias("cache_write"), *none,
            pl.lit(None, pl.String).alias("cost"), pl.lit(value=True).alias("part"),
        )  # fmt: skip
        mixed = mixed.with_columns(pl.col("cache_write") - hour)
        parted: polars.DataFrame = pl.concat([whole, mixed, parts]).sort("at", "part")
        return parted


def _first_of(checks: Sequence[tuple[polars.Expr, str]]) -> polars.Expr:
    """The text of the first check that is true; null where none is."""
    pl = polars_module()
    first: polars.Expr = pl.coalesce([pl.when(true).then(pl.lit(text)) for true, text in checks])
    return first


def _present(field: Field, schema: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The names of a field that the file has, those of a sum together."""
    choices = [(choice,) if isinstance(choice, str) else choice for choice in field]
    present = [tuple(name for name in names if name in schema) for names in choices]
    return [names for names in present if names]


def _text(field: Field, schema: Mapping[str, Any]) -> polars.Expr:
    pl = polars_module()
    texts = []
    for name, *_ in _present(field, schema):
        text = pl.col(name).cast(pl.String, strict=False)
        texts.append(pl.when(text.str.strip_chars() != "").then(text))
    expression: polars.Expr = pl.coalesce(texts) if texts else pl.lit(None, pl.String)
    return expression


def _instants(field: Field, schema: Mapping[str, Any], zone: str | None) -> Instants:
    pl = polars_module()
    found = [instants(name, schema[name], zone) for (name, *_) in _present(field, schema)]
    nothing = pl.lit(None, pl.Datetime("us", "UTC"))
    return Instants(
        pl.coalesce([one.time for one in found] or [nothing]),
        pl.coalesce([one.day_seconds for one in found] or [pl.lit(None, pl.Int64)]),
        pl.any_horizontal([one.naive for one in found] or [pl.lit(value=False)]),
        pl.any_horizontal([one.relative for one in found] or [pl.lit(value=False)]),
    )


def _count(field: Field, schema: Mapping[str, Any]) -> tuple[polars.Expr, polars.Expr]:
    """A count, null where there is none, and whether what is there is none."""
    pl = polars_module()
    sums, wrong = [], [pl.lit(value=False)]
    for names in _present(field, schema):
        parts = [_whole(name, schema[name]) for name in names]
        empty = pl.all_horizontal([value.is_null() for value, _ in parts])
        total = pl.sum_horizontal([value for value, _ in parts])
        sums.append(pl.when(~empty).then(total))
        wrong += [bad for _, bad in parts]
    value = pl.coalesce(sums) if sums else pl.lit(None, pl.Int64)
    return value, pl.any_horizontal(wrong).fill_null(value=False)


def _whole(name: str, held: Any) -> tuple[polars.Expr, polars.Expr]:
    """The whole number in a cell, and whether there is something else in it."""
    pl = polars_module()
    cell = pl.col(name)
    if held.is_integer():
        value, given = cell.cast(pl.Int64, strict=False), cell.is_not_null()
    elif held.is_float():
        exact = cell.is_finite() & (cell == cell.floor()) & (cell.abs() <= float(COUNT_MAX))
        value, given = pl.when(exact).then(cell).cast(pl.Int64, strict=False), cell.is_not_null()
    else:
        text = cell.cast(pl.String, strict=False).str.strip_chars()
        value = text.str.extract(r"^(\d{1,18})(?:\.0*)?$").cast(pl.Int64, strict=False)
        given = cell.is_not_null() & (text != "").fill_null(value=True)
    value = pl.when(value.is_between(0, COUNT_MAX)).then(value)
    return value, given & value.is_null()


def _plain_decimal(cost: polars.Expr) -> polars.Expr:
    """A cost as a decimal without an exponent, with the digits it is written with."""
    pl = polars_module()
    short = cost.str.strip_chars().str.contains(r"[eE]")
    number = pl.when(cost.str.contains(_COST)).then(cost)
    spelled = (
        pl.when(short)
        .then(number)
        .map_elements(lambda text: f"{Decimal(text):f}", return_dtype=pl.String, skip_nulls=True)
    )
    expression: polars.Expr = pl.when(short).then(spelled).otherwise(number)
    return expression


def _matches(values: Values, schema: Mapping[str, Any]) -> polars.Expr:
    """Whether one of the fields has one of its values; `*` is any."""
    pl = polars_module()
    found = [pl.lit(value=False)]
    for name, known in values.items():
        text = _text((name,), schema)
        found.append(text.is_not_null() if "*" in known else text.is_in(known))
    expression: polars.Expr = pl.any_horizontal(found).fill_null(value=False)
    return expression


def _unusable() -> polars.Expr:
    pl = polars_module()
    names = ("agent", "team", "model", "id", "trace")
    marked = [pl.col(name).str.contains(UNUSABLE, literal=True) for name in names]
    expression: polars.Expr = pl.any_horizontal(marked).fill_null(value=False)
    return expression
