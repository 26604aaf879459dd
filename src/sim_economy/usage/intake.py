"""Files of logs into parts of usage rows on the disk; what is dropped is counted on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from sim_economy.core.errors import UsageLogError
from sim_economy.usage.block_fields import fields_of
from sim_economy.usage.duplicates import HashedRows
from sim_economy.usage.form_catalogue import agent_field, form_of, form_of_columns, forms_named
from sim_economy.usage.log_files import LogBlock, blocks
from sim_economy.usage.normalising import (
    BAD,
    CACHE_ABOVE_INPUT,
    NAIVE,
    RELATIVE,
    SUMMED,
    Normalised,
    Normaliser,
)
from sim_economy.usage.reckoning import counted
from sim_economy.usage.record_fields import FieldReader
from sim_economy.usage.times import check_zone
from sim_economy.usage.usage_form import UsageForm
from sim_economy.usage.usage_rows import polars_module

if TYPE_CHECKING:
    import polars

BAD_SHOWN: Final = 20
"""Bad records that are named."""


class ImportOptions(Struct, frozen=True, kw_only=True):
    """How logs are read.

    Attributes:
        form: The name of their form; reported from their content when None.
        columns: The columns of usage rows, each with the log's; no form is looked for then.
        agent: The field that names the agent, in place of the form's.
        timezone: Of times without one.
        cache_apart: Whether the logs' input is without cached tokens, whatever their form says.
        thinking_apart: The same of output and reasoning.
        skip_bad: Leave bad records out instead of refusing the logs.
        pseudonyms: Replace the names of agents and teams.
    """

    form: str | None = None
    columns: Mapping[str, str] | None = None
    agent: str | None = None
    timezone: str | None = None
    cache_apart: bool = False
    thinking_apart: bool = False
    skip_bad: bool = False
    pseudonyms: bool = False


class LogFile(Struct):
    """What is known of one file; its records by what became of them."""

    path: Path
    form: str = ""
    dated: bool | None = None
    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    reported: frozenset[str] = frozenset()
    without_id: int = 0


class Intake:
    """The state of an import while its files are read.

    Attributes:
        parts: Files of usage rows with `at`, `part`, `key` and `file` before them, in order.
        ids: Of records that have one.
        traces: Records with usage by their trace; marked are those that repeat their children.
    """

    def __init__(self, options: ImportOptions, scratch: Path) -> None:
        self.options = options
        self.scratch = scratch
        self.files: list[LogFile] = []
        self.parts: list[Path] = []
        self.ids = HashedRows(scratch / "ids")
        self.traces = HashedRows(scratch / "traces")
        self.bad: list[str] = []
        self.suspects: Counter[str] = Counter()
        self._found: set[str] = set()
        self._records = 0
        if options.timezone is not None:
            check_zone(options.timezone)
        if options.columns is not None:
            self._forms: Sequence[UsageForm] = (form_of_columns(options.columns),)
        else:
            self._forms = forms_named(options.form)

    def take_in(self, path: Path) -> None:
        """Read a file.

        Raises:
            UsageLogError: It cannot be read, or its times cannot.
        """
        log = LogFile(path)
        self.files.append(log)
        form = self._form(path)
        if form is None:
            return
        log.form = form.name
        reader = FieldReader(form, form.names())
        normaliser: Normaliser | None = None
        with closing(blocks(path, self.scratch)) as parts:
            for block in parts:
                fields = fields_of(block, reader, self._records)
                normaliser = normaliser or self._normaliser(log, form, block, fields)
                self._take_block(log, block, normaliser.normalised(fields))
                self._found |= {name for name in fields.columns if fields[name].count()}
                log.read += fields.height + len(block.bad)
                self._records += fields.height

    def finish(self) -> None:
        """Refuse what only all files together show.

        Raises:
            UsageLogError: A named column that no record has, bad records that may not be skipped,
                or files of which some have times and some turns.
        """
        columns = self.options.columns
        if columns is not None and self._records:
            (form,) = self._forms
            missing = [name for name in form.names() if name not in self._found]
            if missing:
                raise UsageLogError([f"columns: no record has {', '.join(missing)}"])
        if len({log.dated for log in self.files} - {None}) > 1:
            raise UsageLogError(["some of the logs have times, others turns; import them apart"])
        bad = sum(log.dropped[BAD] for log in self.files)
        if bad and not self.options.skip_bad:
            raise UsageLogError([*self.bad_shown(bad), *self.suspicions(), _SKIP])

    def bad_shown(self, bad: int) -> list[str]:
        """The first bad records, and how many more there are."""
        more = [f"and {bad - len(self.bad)} more bad records"] if bad > len(self.bad) else []
        return [*self.bad, *more]

    def suspicions(self) -> list[str]:
        """Providers whose input seems to be without cached tokens."""
        return [
            f"{counted(count, 'record')} of {provider} with more cached tokens than input: if its "
            "input is without them, import its logs with --cache apart"
            for provider, count in sorted(self.suspects.items())
        ]

    def _form(self, path: Path) -> UsageForm | None:
        if self.options.columns is not None:
            found: UsageForm | None = self._forms[0]
        else:
            found = form_of(path, self.scratch, self._forms)
        if found is None:
            return None
        found = agent_field(found, self.options.agent)
        return replace(
            found,
            cache_apart=found.cache_apart or self.options.cache_apart,
            thinking_apart=found.thinking_apart or self.options.thinking_apart,
        )

    def _normaliser(
        self, log: LogFile, form: UsageForm, block: LogBlock, fields: polars.DataFrame
    ) -> Normaliser:
        """How the file's records are read, from the fields of its first block."""
        is_table = block.frame is not None
        names_agents = bool(form.agent) and (not is_table or _has(form.agent, fields))
        if self.options.agent is not None and not names_agents:
            raise UsageLogError([f"{log.path}: has no {self.options.agent} to take agents from"])
        log.dated = not form.turn or (bool(form.time) and _has_value(form.time, fields))
        return Normaliser(
            form=form,
            zone=form.timezone or self.options.timezone,
            names_agents=names_agents,
            dated=log.dated,
            escaped=form.escaped and block.unit == "line",
        )

    def _take_block(self, log: LogFile, block: LogBlock, found: Normalised) -> None:
        log.reported |= found.reported
        self._take_dropped(log, block, found.dropped)
        pl = polars_module()
        rows = found.rows.with_columns(pl.lit(len(self.files) - 1, pl.Int32).alias("file"))
        if rows.is_empty():
            return
        whole = rows.filter(~pl.col("part"))
        log.without_id += whole["key"].null_count()
        time = pl.col("time") if log.dated else pl.lit(None, pl.Datetime("us", "UTC"))
        self.ids.add(
            whole.filter(pl.col("key").is_not_null()).select("key", "at", time.alias("time"))
        )
        self._take_traces(whole, marked=False)
        part = self.scratch / f"rows-{len(self.parts):06}.parquet"
        rows.drop("trace").write_parquet(part, compression="lz4", statistics=False)
        self.parts.append(part)

    def _take_dropped(self, log: LogFile, block: LogBlock, dropped: polars.DataFrame) -> None:
        pl = polars_module()
        log.dropped.update(dict(dropped["reason"].value_counts().iter_rows()))
        self._take_traces(dropped.filter(pl.col("reason") == SUMMED), marked=True)
        bad = dropped.filter(pl.col("reason") == BAD)
        problems = set(bad["problem"].unique())
        if NAIVE in problems:
            advice = "say which with --timezone, such as UTC or Europe/Berlin"
            raise UsageLogError([f"{log.path}: its times have no zone; {advice}"])
        if RELATIVE in problems:
            raise UsageLogError(
                [f"{log.path}: its times are relative: they do not count from 1970"]
            )
        above = bad.filter(pl.col("problem") == CACHE_ABOVE_INPUT)
        providers = above["provider"].fill_null(log.form).value_counts()
        self.suspects.update(dict(providers.iter_rows()))
        log.dropped[BAD] += len(block.bad)
        numbered = sorted([*block.bad, *bad.select("line", "problem").head(BAD_SHOWN).iter_rows()])
        for line, problem in numbered[: BAD_SHOWN - len(self.bad)]:
            self.bad.append(f"{log.path}, {block.unit} {line}: {problem}")

    def _take_traces(self, rows: polars.DataFrame, *, marked: bool) -> None:
        pl = polars_module()
        traced = rows.filter(pl.col("trace").is_not_null())
        self.traces.add(
            traced.select(pl.col("trace").alias("key"), pl.lit(marked).alias("is_marked")).unique()
        )


_SKIP: Final = "nothing is written; --skip-bad leaves bad records out"


def _names(choices: Sequence[str | tuple[str, ...]]) -> Iterator[str]:
    for choice in choices:
        yield from (choice,) if isinstance(choice, str) else choice


def _has(choices: Sequence[str | tuple[str, ...]], fields: polars.DataFrame) -> bool:
    return any(name in fields.columns for name in _names(choices))


def _has_value(choices: Sequence[str | tuple[str, ...]], fields: polars.DataFrame) -> bool:
    """Test whether the fields have a value of this name."""
    return any(name in fields.columns and fields[name].count() for name in _names(choices))


def dropped_reasons(files: Sequence[LogFile], order: Sequence[str]) -> dict[str, int]:
    """Dropped records by reason, in a fixed order; reasons without a record are left out."""
    total: Counter[Any] = Counter()
    for log in files:
        total.update(log.dropped)
    return {reason: total[reason] for reason in order if total[reason]}
