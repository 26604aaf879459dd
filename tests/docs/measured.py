"""What pages and images tell of runs, as the runs give it now.

`make figures` writes it anew, after a change of the rules that is meant to change ledgers.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sim_economy.reports import society
from sim_economy.reports.comparisons.comparison import TreatmentRuns, compared
from sim_economy.reports.comparisons.comparison_report import comparison_report
from sim_economy.reports.page.document import Report
from sim_economy.reports.report import write_report
from sim_economy.reports.tables import Table, table_markdown
from sim_economy.scenarios.shipped import REGIMES
from tests.docs.blocks import ROOT
from tests.reports.played import played

PAGE: Final = ROOT / "docs/scenarios.md"
IMAGES: Final = {"tokens.svg": "as-run", "contracts.svg": "market"}
"""Images of the README, and the scenarios whose reports have them."""

_MEASURED: Final = re.compile(r"(<!-- measured: (.+?) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)


def contracts_of_the_market() -> Iterator[str]:
    scenario, runs, _ = played("market")
    yield society.reading_of_contracts(runs)
    yield table_markdown(society.contracts_table(runs))
    yield society.reading_of_trade(scenario, runs)
    yield table_markdown(society.earnings_table(scenario, runs))


def dividends_of_the_rentiers() -> Iterator[str]:
    scenario, runs, _ = played("rentiers")
    yield society.reading_of_dividends(runs)
    yield table_markdown(society.earnings_table(scenario, runs))
    yield table_markdown(society.dividends_table(scenario, runs))


@cache
def comparison() -> Report:
    return comparison_report(compared([TreatmentRuns(*played(name)[:2]) for name in REGIMES]))


def section(title: str) -> Iterator[str]:
    """The texts and tables of a section of the comparison of the regimes."""
    (own,) = (section for section in comparison().evidence if section.title == title)
    for block in own.blocks:
        if isinstance(block, Table):
            yield table_markdown(block)
        elif isinstance(block, str):
            yield block


PARTS: Final[dict[str, Callable[[], Iterator[str]]]] = {
    "the market": contracts_of_the_market,
    "the rentiers": dividends_of_the_rentiers,
    "the regimes": lambda: section("Side by side"),
    "a later report": lambda: section("Beside a later report"),
}


def current(page: str) -> str:
    """The page with what is measured as it should be."""
    return _MEASURED.sub(
        lambda found: found[1] + "\n\n".join(map(str.strip, PARTS[found[2]]())) + found[3], page
    )


def drawn(scenario: str, folder: Path) -> Path:
    """The figures of a scenario's report."""
    write_report(folder, *played(scenario), comparison=None)
    return folder / "figures"


def main() -> None:
    """Write pages and images."""
    PAGE.write_text(current(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for image, scenario in IMAGES.items():
        with TemporaryDirectory() as folder:
            shutil.copyfile(drawn(scenario, Path(folder)) / image, ROOT / "docs/images" / image)


if __name__ == "__main__":
    main()
