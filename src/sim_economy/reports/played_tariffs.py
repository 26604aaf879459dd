"""A log under tariffs for a notebook: rows as data frames, the report when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from sim_economy.core.errors import ScenarioError
from sim_economy.ledger.readers.html_table import html_table
from sim_economy.reports.page.document import plain
from sim_economy.reports.tables import data_frame
from sim_economy.reports.whatif_report import answer_text, write_whatif
from sim_economy.reports.whatif_sentences import with_less_use
from sim_economy.tariffs.bill_rows import AGENT
from sim_economy.tariffs.example import example_files
from sim_economy.tariffs.takeaways import usage_by_day
from sim_economy.tariffs.tariff_comparison import TariffComparison, compare_tariffs

if TYPE_CHECKING:
    import polars


class PlayedTariffs:
    """What a log comes to under tariffs, the first of which the others are compared with."""

    def __init__(self, found: TariffComparison) -> None:
        self._found = found

    @property
    def answer(self) -> str:
        """Who runs dry under which tariff, and what each collects, in one sentence."""
        return answer_text(self._found)

    @property
    def warnings(self) -> list[str]:
        """Why the answer says less than it seems to."""
        return self._found.warnings

    @property
    def is_dry(self) -> bool:
        """True if somebody runs dry under some tariff."""
        return self._found.is_dry

    @property
    def bills(self) -> polars.DataFrame:
        """A row for each tariff and agent, team, and all: the rows of `whatif.csv`."""
        return data_frame([row.plain for row in self._found.rows])

    @property
    def by_day(self) -> polars.DataFrame:
        """What each team used and owed on each day, idle days too."""
        return data_frame([*usage_by_day(self._found.played)])

    @property
    def chances(self) -> polars.DataFrame:
        """The chance of each team to run dry in the 30 days after the log; "" is anybody."""
        return data_frame(chance_rows(self._found))

    def report(self, folder: str | Path = "out/whatif") -> Path:
        """Write the report, the bills and the charts into a folder.

        Returns:
            The page.

        Raises:
            ExtraMissingError: A library of the extra `report` is not installed.
            FolderError: The folder cannot be written.
        """
        return write_whatif(Path(folder), self._found)[-1]

    def __repr__(self) -> str:
        """The answer."""
        return f"<PlayedTariffs: {self.answer}>"

    def _repr_html_(self) -> str:
        """The answer and the bills of agents as a table, for a notebook."""
        rows = [row.plain for row in self._found.rows if row.level == AGENT]
        return html_table(self.answer, [*rows[0]], [row.values() for row in rows])


def chance_rows(found: TariffComparison) -> list[dict[str, Any]]:
    """The chances of all tariffs, as plain values."""
    return [
        {"tariff": own.name, **to_builtins(chance), "chance": chance.share}
        for own in found.played
        for chance in own.chances or ()
    ]


def plain_whatif(found: TariffComparison) -> dict[str, Any]:
    """The answer as plain values, for JSON."""
    return {
        "answer": answer_text(found),
        "dry": found.is_dry,
        "with_less_use": plain(with_less_use(found)),
        "warnings": found.warnings,
        "bills": [row.plain for row in found.rows],
        "chances": chance_rows(found),
    }


def whatif(
    usage: str | Path | None = None,
    tariffs: str | Path | Sequence[str | Path] = (),
    allowances: str | Path | None = None,
    *,
    turn_length: str = "1d",
    timezone: str = "UTC",
    start: str | None = None,
    end: str | None = None,
) -> PlayedTariffs:
    """Play measured usage under tariffs: who pays what, who runs dry, and when.

    Args:
        usage: Usage rows, as `sim-economy usage` writes them; the shipped example when None.
        tariffs: Files, at least one; the first is what the others are compared with.
        allowances: A file with the keys of `[income]`.
        turn_length: Of dated rows: 10m, 1h, 1d, 1w, 1mo.
        timezone: Whose days turns follow.
        start: A date in turn 1; that of the first row when None.
        end: The last date; that of the last row when None.

    Raises:
        ScenarioError: A file is wrong, or they do not go together.
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    options: dict[str, Any] = {
        "turn_length": turn_length, "timezone": timezone, "start": start, "end": end
    }  # fmt: skip
    with ExitStack() as held:
        if usage is None:
            if tariffs or allowances:
                raise ScenarioError(["usage: name the rows that the tariffs are for"])
            usage, tariffs, allowances = held.enter_context(example_files())
        granted = None if allowances is None else Path(allowances)
        tariffs = [tariffs] if isinstance(tariffs, str | Path) else tariffs
        return PlayedTariffs(
            compare_tariffs(Path(usage), [*map(Path, tariffs)], granted, **options)
        )
