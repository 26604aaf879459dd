"""Logs of real usage as usage rows: read, judged, deduplicated, added up, written whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from sim_economy.core.errors import FolderError, UsageLogError
from sim_economy.ledger.readers.html_table import html_table
from sim_economy.ledger.sidecars.run_folder import writing_into
from sim_economy.usage.duplicates import Corrections, keys_with_all
from sim_economy.usage.intake import ImportOptions, Intake, LogFile, dropped_reasons
from sim_economy.usage.kept_sums import KeptSums
from sim_economy.usage.normalising import BAD, REPEATED
from sim_economy.usage.reckoning import REASONS, FileReckoning, Reckoning, counted
from sim_economy.usage.usage_rows import (
    is_usage_file,
    polars_module,
    row_types,
    write_rows_csv,
)

if TYPE_CHECKING:
    import polars


_MAY_LACK: Final = ("cache_read", "cache_write", "thinking")
"""Kinds that a form may not tell apart."""


class ImportedUsage(Struct, frozen=True):
    """Usage rows of logs, and the account of their import.

    Attributes:
        frame: The rows, in the order of the logs.
    """

    frame: polars.DataFrame
    reckoning: Reckoning

    def __repr__(self) -> str:
        """The account in a sentence."""
        return f"<ImportedUsage: {self.reckoning.sentence()}>"

    def _repr_html_(self) -> str:
        """The account and the first rows as tables, for a notebook."""
        rows = html_table("First rows", self.frame.columns, self.frame.head(20).rows())
        return self.reckoning._repr_html_() + rows


def read_usage(
    *paths: str | Path,
    form: str | None = None,
    columns: Mapping[str, str] | None = None,
    agent: str | None = None,
    timezone: str | None = None,
    cache_apart: bool = False,
    thinking_apart: bool = False,
    skip_bad: bool = False,
    pseudonyms: bool = False,
) -> ImportedUsage:
    """Read logs of real usage into memory.

    Args:
        form: Such as `litellm`; reported from the content when None.
        columns: The columns of usage rows, each with the log's, where no form is right.
        agent: The field that names the agent; also `team`, `key` or `model`.
        timezone: Of times without a zone, such as `Europe/Berlin`.
        cache_apart: Input is without cached tokens, whatever the form says.
        thinking_apart: Output is without reasoning, whatever the form says.
        skip_bad: Leave bad records out instead of refusing all.
        pseudonyms: Replace the names of agents and teams, and leave ids out.

    Raises:
        UsageLogError: With every bad record counted, and the first of them named.
        ExtraMissingError: polars is not installed.
    """
    options = ImportOptions(
        form=form,
        columns=columns,
        agent=agent,
        timezone=timezone,
        cache_apart=cache_apart,
        thinking_apart=thinking_apart,
        skip_bad=skip_bad,
        pseudonyms=pseudonyms,
    )
    with TemporaryDirectory() as scratch, imported(paths, options, Path(scratch)) as found:
        rows, reckoning = found
        return ImportedUsage(rows.collect(), reckoning)


def write_usage(paths: Sequence[str | Path], out: Path, options: ImportOptions) -> Reckoning:
    """Import logs into a file, `.csv` or Parquet; it is written whole or not at all.

    Raises:
        UsageLogError: With every bad record counted, and the first of them named.
        FolderError: Something else is there, or it cannot be written.
        ExtraMissingError: polars is not installed.
    """
    _check_target(paths, out)
    with writing_into(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with (
            TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch,
            imported(paths, options, Path(scratch)) as (rows, reckoning),
        ):
            part = Path(scratch) / "whole"
            if out.suffix.lower() == ".csv":
                write_rows_csv(rows, part)
            else:
                rows.sink_parquet(part, row_group_size=1 << 18, maintain_order=True)
            part.replace(out)
    return reckoning


def _check_target(paths: Sequence[str | Path], out: Path) -> None:
    if out.suffix.lower() not in {".csv", ".parquet"}:
        raise UsageLogError([f"{out}: must end in .parquet or .csv"])
    if out.resolve() in {Path(path).resolve() for path in paths}:
        raise UsageLogError([f"{out}: is one of the logs; name another file"])
    if out.exists() and not is_usage_file(out):
        raise FolderError(
            "folder_foreign", str(out), "is there already and holds no usage rows; name a new file"
        )


@contextmanager
def imported(
    paths: Sequence[str | Path], options: ImportOptions, scratch: Path
) -> Iterator[tuple[polars.LazyFrame, Reckoning]]:
    """The usage rows of logs, on the disk, and their account.

    Args:
        scratch: A folder for them, for as long as they are read.
    """
    if not paths:
        raise UsageLogError(["name at least one log"])
    intake = Intake(options, scratch)
    for path in paths:
        intake.take_in(Path(path))
    intake.finish()
    sums = KeptSums(pseudonyms=options.pseudonyms)
    corrections = Corrections.of(intake.ids)
    for part in intake.parts:
        _correct(part, corrections, intake, sums)
    yield _rows(intake), _reckoning(intake, sums)


def _correct(part: Path, corrections: Corrections, intake: Intake, sums: KeptSums) -> None:
    """Drop the repeated records of a part, and add up the others."""
    pl = polars_module()
    rows = pl.read_parquet(part)
    changes = corrections.within(rows["at"][0], rows["at"][-1])
    if not changes.is_empty():
        rows = rows.join(changes, on="at", how="left", maintain_order="left")
        repeats = pl.col("stays").not_().fill_null(value=False)
        dropped = rows.filter(repeats & ~pl.col("part")).group_by("file").len()
        for file, count in dropped.iter_rows():
            intake.files[file].dropped[REPEATED] += count
        rows = rows.filter(~repeats)
        if "time" in rows.columns:
            rows = rows.with_columns(pl.coalesce("first", "time").alias("time"))
        rows = rows.drop("stays", "first")
    kept = sums.add(rows)
    if not changes.is_empty() or kept is not rows:
        kept.write_parquet(part, compression="lz4", statistics=False)


def _rows(intake: Intake) -> polars.LazyFrame:
    pl = polars_module()
    dated = next((log.dated for log in intake.files if log.dated is not None), True)
    types = row_types(dated=dated)
    if not intake.parts:
        empty: polars.LazyFrame = pl.LazyFrame(schema=types)
        return empty
    rows: polars.LazyFrame = pl.scan_parquet(intake.parts, glob=False).select(*types)
    return rows


def _reckoning(intake: Intake, sums: KeptSums) -> Reckoning:
    dropped = dropped_reasons(intake.files, [*REASONS])
    bad = dropped.get(BAD, 0)
    first, last = sums.span()
    return Reckoning(
        read=sum(log.read for log in intake.files),
        kept=sum(sums.records.values()),
        dropped=dropped,
        first=first,
        last=last,
        agents=len(sums.agents),
        teams=len({team for team, _ in sums.agents if team is not None}),
        sums=sums.total(),
        cost=sums.cost_text(),
        models=sums.by_model(),
        files=[
            FileReckoning(
                path=str(log.path),
                form=log.form,
                read=log.read,
                kept=sums.records[index],
                dropped={reason: log.dropped[reason] for reason in dropped if log.dropped[reason]},
            )
            for index, log in enumerate(intake.files)
        ],
        notes=[*_notes(intake, sums)],
        bad=intake.bad_shown(bad) if bad else [],
    )


def _notes(intake: Intake, sums: KeptSums) -> Iterator[str]:
    """What the logs do not tell, form by form, and what looks wrong."""
    read = [log for log in intake.files if log.read and log.form]
    for form in sorted({log.form for log in read}):
        yield from _notes_of_form(form, [log for log in read if log.form == form])
    if sums.unattributed:
        yield f"{counted(sums.unattributed, 'record')} without an agent: counted as unattributed"
    if shared := sums.names_in_several_teams():
        yield f"{counted(shared, 'name')} in several teams: an agent of its own in each"
    if only_sums := keys_with_all(intake.traces):
        yield f"{counted(only_sums, 'trace')} with usage only in spans that repeat their children"
    yield from intake.suspicions()


def _notes_of_form(form: str, logs: Sequence[LogFile]) -> Iterator[str]:
    untold = [kind for kind in _MAY_LACK if not all(kind in log.reported for log in logs)]
    if untold:
        which = f"{' and '.join(untold)} of {form} {'is' if len(untold) == 1 else 'are'}"
        yield f"{which} not in every log: 0 there stands for unknown"
    if without := sum(log.without_id for log in logs):
        yield f"{form} has no id in {counted(without, 'record')}: repeats are not found there"
