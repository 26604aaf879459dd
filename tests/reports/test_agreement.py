"""A figure, a table and a sentence about one quantity say the same."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

import pytest

from sim_economy.experiments.experiment import write_results
from sim_economy.ledger.readers.plain_numbers import MINUS
from sim_economy.reports.report import write_report
from sim_economy.runs.extended_metrics import EXTENDED_METRICS
from tests.reports.played import played

LINK = re.compile(r"\[((?:\\.|[^\[\]\\])*)\]\(([^()#\s]+\.csv)#([^()\s]+)\)")
NUMERAL = re.compile(r"[\u2212-]?\d[\d,]*(?:\.\d+)?")


class Said(NamedTuple):
    """A number of a sentence, and the cell that it leads back to."""

    text: str
    file: str
    cells: tuple[str, ...]


GOVERNED: Final = (
    "runs=3",
    "genesis_tokens_per_agent=200",
    "governance.fee_cap.cap_ratio=12",
    "governance.reinvestment_rebate.stake_min=40",
    "governance.debt_rails.debt_cap=0",
    "governance.concentration_monitor.gini_max=0.2",
    "governance.concentration_monitor.response=levy",
)
"""All interventions but shocks, over the population of `market`."""


@pytest.fixture(scope="module", params=["market", "rentiers", "baseline", "as-run", "governed"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    governed = request.param == "governed"
    here = played("market", *GOVERNED) if governed else played(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    write_results(folder, here.scenario, here.runs, here.rows)
    found = here.comparison if request.param == "as-run" else None
    write_report(folder, here.scenario, here.runs, here.rows, comparison=found)
    return folder


def said(folder: Path) -> Iterator[Said]:
    for text, file, cells in LINK.findall((folder / "report.md").read_text(encoding="utf-8")):
        yield Said(text, file, tuple(map(unquote, cells.split("/"))))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cell(folder: Path, number: Said) -> str:
    """The cell that a number names: of the first row that begins with its other cells."""
    *keys, column = number.cells
    found = (row for row in table(folder / number.file) if [*row.values()][: len(keys)] == keys)
    row = next(found, None)
    assert row is not None, number
    return row[column]


def shown(text: str) -> tuple[Decimal, Decimal]:
    """The first number of a text, and half of its last printed digit."""
    numeral = NUMERAL.search(text)
    assert numeral is not None, text
    number = Decimal(numeral[0].replace(MINUS, "-").replace(",", ""))
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return number, Decimal(1).scaleb(exponent) / 2


def agrees(text: str, value: str) -> bool:
    number, half = shown(text)
    return abs(abs(number) - abs(Decimal(value))) <= half


def test_every_number_of_a_sentence_is_in_the_file_it_leads_to(folder: Path) -> None:
    numbers = list(said(folder))
    assert len(numbers) >= 5
    for number in numbers:
        value = cell(folder, number)
        if len(number.cells) > 1:
            assert agrees(number.text, value), number


def test_a_number_without_a_cell_counts_the_rows_of_its_file(folder: Path) -> None:
    text = (folder / "report.md").read_text(encoding="utf-8")
    counts = re.findall(r"\[(\d+)\]\(([^()#\s]+\.csv)\)", text)
    assert (folder.name.startswith("as-run")) == bool(counts)
    assert all(int(count) == len(table(folder / file)) for count, file in counts)


def test_as_many_agents_are_called_broke_as_the_file_has(folder: Path) -> None:
    agents = table(folder / "agents.csv")
    broke = sum(2 * int(row["broke"]) >= int(row["runs"]) > 0 for row in agents)
    counts = [number for number in said(folder) if number.cells == ("broke",)]
    assert counts
    assert all(shown(number.text)[0] == broke for number in counts)


def rows_of_tables(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Every cell of every table of the report: the row's name, the column, the text."""
    columns: list[str] = []
    for line in (folder / "report.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("| "):
            columns = []
            continue
        cells = [part.strip() for part in line.strip("|").split(" | ")]
        if not columns:
            columns = cells
        elif not set(line) <= {"|", " ", "-", ":"}:
            yield from ((cells[0], *pair) for pair in zip(columns, cells, strict=True))


def test_a_metric_has_one_mean_in_all_tables(folder: Path) -> None:
    summary = {row["measure"]: row["mean"] for row in table(folder / "measures_summary.csv")}
    checked = 0
    for column, name in EXTENDED_METRICS.items():
        for row, heading, text in rows_of_tables(folder):
            if row == name and heading in {"mean", "final supply"} and text != "-":
                assert agrees(text, summary[column]), (name, text)
                checked += 1
    assert checked >= 20


def test_fees_are_one_quantity_in_figures_tables_and_sentences(folder: Path) -> None:
    summary = {row["measure"]: row["mean"] for row in table(folder / "measures_summary.csv")}
    fees = float(summary["fees"])
    steps = {row["step"]: float(row["tokens"]) for row in table(folder / "figures/tokens.csv")}
    assert -steps["fees"] == pytest.approx(fees)
    assert float(table(folder / "figures/rent.csv")[-1]["fees"]) == pytest.approx(fees)
    agents = sum(float(row["fees"]) for row in table(folder / "agents.csv"))
    assert agents == pytest.approx(fees)
    text = (folder / "report.md").read_text(encoding="utf-8")
    for stated in re.findall(r"([\d,.]+)\]?(?:\([^)]*\))? (?:tokens )?in fees", text):
        assert agrees(stated, str(fees)), stated


def test_what_agents_own_adds_up_to_the_final_supply(folder: Path) -> None:
    steps = [float(row["tokens"]) for row in table(folder / "figures/tokens.csv")]
    final = [float(row["token_supply_final"]) for row in table(folder / "run_metrics.csv")]
    assert sum(steps) == pytest.approx(sum(final) / len(final))


def test_what_the_platform_keeps_is_one_quantity(folder: Path) -> None:
    summary = {row["measure"]: row["mean"] for row in table(folder / "measures_summary.csv")}
    rent = float(summary["platform_rent"])
    assert float(table(folder / "figures/rent.csv")[-1]["kept"]) == pytest.approx(rent)
    collected = [row for row in table(folder / "collectors.csv") if row["role"] == "platform"]
    assert float(collected[0]["tokens"]) == pytest.approx(rent)


def test_what_interventions_did_is_told_where_some_are_on(folder: Path) -> None:
    text = (folder / "report.md").read_text(encoding="utf-8")
    governed = folder.name.startswith("governed")
    assert governed == (folder / "interventions.csv").exists()
    assert governed == ("## What interventions did" in text)
    if governed:
        *agents, platform = table(folder / "interventions.csv")
        net = sum(float(row["net"]) for row in agents)
        assert net == pytest.approx(-float(platform["net"]))
        # Who was spared, rebated, lent to and levied most, and for whom the levy was.
        assert len(re.findall(r"interventions\.csv#", text)) >= 5
