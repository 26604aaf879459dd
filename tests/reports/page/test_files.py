from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from sim_economy.reports.page.document import Section
from sim_economy.reports.page.files import write_files
from sim_economy.reports.tables import Code, Table
from tests.reports.page.examples import example_report, hostile
from tests.reports.page.test_html import EMPTY


def test_every_figure_and_table_is_a_file_and_every_link_leads_to_one(tmp_path: Path) -> None:
    written = write_files(tmp_path, "report", example_report(hostile))
    assert written[-1] == tmp_path / "report.html"
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(written)
    page, markdown = ((tmp_path / name).read_text("utf-8") for name in ("report.html", "report.md"))
    links = Links()
    links.feed(page)
    links.feed(MarkdownIt("commonmark").enable("table").render(markdown))
    files = {unquote(each.partition("#")[0]) for each in links.found if not each.startswith("#")}
    assert len(files) == 9 * 3 + 5
    assert {tmp_path / name for name in files} <= set(written)


class Links(HTMLParser):
    """Where the links of HTML lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if (tag, name) == ("a", "href")]


def test_a_file_of_a_table_has_every_row_and_no_formula(tmp_path: Path) -> None:
    rows = tuple((f"=1+{index}", Code("fee"), index, None, 0.1) for index in range(250))
    table = Table("all", "All", ("agent", "kind", "count", "none", "share"), rows)
    write_files(tmp_path, "r", replace(EMPTY, evidence=[Section(title="All", blocks=[table])]))
    with (tmp_path / "tables" / "all.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.reader(file))
    assert read[0] == ["agent", "kind", "count", "none", "share"]
    assert read[1:] == [[f"'=1+{index}", "fee", str(index), "", "0.1"] for index in range(250)]


def test_a_table_with_a_file_of_its_own_is_not_written_twice(tmp_path: Path) -> None:
    table = Table("runs", "Runs", ("run",), ((1,),), csv="run_metrics.csv")
    report = replace(EMPTY, evidence=[Section(title="Runs", blocks=[table])])
    write_files(tmp_path, "r", report, {"run_metrics.csv": "run\n1\n"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.md", "run_metrics.csv"]
    assert 'href="run_metrics.csv"' in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a b", "x.", "", "a\n"])
def test_a_name_that_leads_out_of_the_folder_is_a_bug(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssertionError):
        write_files(tmp_path, "r", EMPTY, {name: ""})
    assert not list(tmp_path.iterdir())


def test_files_that_are_not_of_the_report_stay(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "mine.svg").write_text("mine", encoding="utf-8")
    write_files(tmp_path, "r", example_report())
    assert (tmp_path / "figures" / "mine.svg").read_text(encoding="utf-8") == "mine"
