"""The reports that commands write, each in a real browser at every width, light and dark."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser

from sim_economy.experiments.played_experiment import compare
from sim_economy.orchestrator.record.transcript import read_transcript
from sim_economy.reports.played_tariffs import whatif
from sim_economy.reports.report import write_report
from sim_economy.reports.transcripts.transcript_page import write_page
from sim_economy.reports.whatif_report import write_whatif
from tests.browser.chromium import OpenPage
from tests.orchestrator.setup import play, poor
from tests.reports.played import played
from tests.whatif.logs import compared as compared_tariffs

WIDTHS: Final = (360, 1280, 1920)
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


def reproduced(folder: Path) -> Path:
    here = played()
    others = [played("as-written")]
    return write_report(
        folder, here.scenario, here.runs, here.rows, comparison=here.comparison, others=others
    )[-1]


def market(folder: Path) -> Path:
    return write_report(folder, *played("market"), comparison=None)[-1]


def rentiers(folder: Path) -> Path:
    return write_report(folder, *played("rentiers"), comparison=None)[-1]


def two_tariffs(folder: Path) -> Path:
    """A trace under two tariffs, the second of which some cannot pay."""
    rows = [f"{turn},{name},{use},{use}" for turn in range(1, 31) for name, use in USE.items()]
    trace = folder / "trace.csv"
    trace.write_text("\n".join(["turn,agent,thinking,output", *rows]) + "\n", encoding="utf-8")
    files = [folder / "tariff_1.toml", folder / "tariff_2.toml"]
    for rate, file in enumerate(files, 1):
        file.write_text(
            f'name = "tariff_{rate}"\nturns = 30\nruns = 1\npolicy = "idle"\n'
            '[usage]\nsource = "trace"\npath = "trace.csv"\n'
            f"[world]\nagent_ids = {[*USE]}\nbase_inference_rate = {rate}\n"
            "genesis_tokens_per_agent = 4000\n",
            encoding="utf-8",
        )
    return compare(*files, folder=folder / "compared").page


USE: Final = {"research-assistant": 90, "support-bot": 60, "code-reviewer": 30}


def inspected(folder: Path) -> Path:
    with ThreadPoolExecutor(1) as apart:  # the browser's driver holds this thread's event loop
        apart.submit(play, folder / "run", poor(54)).result()
    page = folder / "run.html"
    write_page(read_transcript(folder / "run"), page)
    return page


def shipped_month(folder: Path) -> Path:
    return whatif().report(folder)


def many_agents(folder: Path) -> Path:
    """A month of 150 agents without teams, most of which run dry."""
    use = {(day, f"agent-{index:03}"): index for day in range(1, 32) for index in range(1, 151)}
    found = compared_tariffs(
        folder,
        use,
        ["", "base_inference_rate = 2"],
        'allowance = 3000\nperiod = "month"\nwhen_empty = "clip"\n',
    )
    return write_whatif(folder / "report", found)[-1]


REPORTS: Final = (
    reproduced, market, rentiers, two_tariffs, inspected, shipped_month, many_agents,
)  # fmt: skip


@pytest.fixture(scope="module", params=REPORTS, ids=lambda make: make.__name__)
def file(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path: Path = request.param(tmp_path_factory.mktemp(request.param.__name__))
    return path


@pytest.fixture(scope="module", params=SCHEMES)
def page(request: pytest.FixtureRequest, browser: Browser, file: Path) -> OpenPage:
    return OpenPage(browser, file, request.param)


def test_a_report_complains_of_nothing_and_asks_for_no_other_file(
    page: OpenPage, file: Path
) -> None:
    for width in WIDTHS:
        page.resize(width)
    assert page.complaints == []
    assert page.requests == [file.as_uri()]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_report_never_scrolls_sideways_and_its_tables_reach_their_last_column(
    page: OpenPage, width: int
) -> None:
    page.resize(width)
    assert page.value("document.scrollingElement.scrollWidth") <= width
    for table in page.value("checks.tables()"):
        assert abs(table["first"]) <= 1


def test_the_first_screen_of_a_report_has_answer_picture_and_key_figures(page: OpenPage) -> None:
    page.resize(1280, 800)
    for part in (".answer", ".first figure svg", ".key-figures"):
        assert page.value(f"checks.span('{part}')")[1] <= 800, part


def test_axe_finds_nothing_serious_in_a_report(page: OpenPage) -> None:
    page.resize(1280)
    assert page.violations() == []
