"""The numbers of the page on shipped scenarios are those of the runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sim_economy.reports import society
from sim_economy.reports.comparison import COMPARED_METRICS, TreatmentRuns, write_comparison
from sim_economy.reports.published.later_report import LATER
from sim_economy.reports.tables import table_markdown
from sim_economy.scenarios.shipped import REGIMES, SCENARIOS
from tests.docs.blocks import ROOT
from tests.reports.played import played

TEXT: Final = (ROOT / "docs/scenarios.md").read_text(encoding="utf-8")


def test_the_page_tells_what_the_market_did() -> None:
    scenario, runs, _ = played("market")
    for told in (
        society.reading_of_contracts(runs),
        society.reading_of_trade(scenario, runs),
        table_markdown(society.contracts_table(runs)),
        table_markdown(society.earnings_table(scenario, runs)),
    ):
        assert told in TEXT


def test_the_page_tells_what_the_rentiers_did() -> None:
    scenario, runs, _ = played("rentiers")
    for told in (
        society.reading_of_dividends(runs),
        table_markdown(society.earnings_table(scenario, runs)),
        table_markdown(society.dividends_table(scenario, runs)),
    ):
        assert told in TEXT


def test_the_page_shows_the_regimes_as_the_comparison_does(tmp_path: Path) -> None:
    write_comparison(tmp_path, [TreatmentRuns(*played(name)[:2]) for name in REGIMES])
    report = (tmp_path / "comparison.md").read_text()
    for title in ("## Side by side", "## Beside a later report"):
        told = report.partition(title)[2].partition("\n## ")[0].strip()
        assert told in TEXT
    assert sum(map(len, LATER.values())) == 8
    assert all(f"| {name} |" in TEXT for name in COMPARED_METRICS.values())


def test_the_page_names_every_shipped_scenario() -> None:
    assert [name for name in SCENARIOS if f"`{name}`" not in TEXT] == []
