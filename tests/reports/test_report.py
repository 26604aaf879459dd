from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from sim_economy.core.errors import ExtraMissingError
from sim_economy.reports.page.document import plain
from sim_economy.reports.published.rows import CellDifference
from sim_economy.reports.report import write_report
from tests.reports.played import played

CUSTOM_FIGURES = ["balances", "tokens", "rent", "actions", "lorenz"]
FIGURES = ["agreement", "solvency", *CUSTOM_FIGURES]
CUSTOM = ('name="mine <own> & | _this_"', 'policy="worker"', "runs=2", "turns=12")


def report(folder: Path, *, published: bool = True) -> tuple[str, str]:
    if published:
        scenario, runs, rows = played()
        others = [played("as-written")]
        comparison = played().comparison
        write_report(folder, scenario, runs, rows, comparison=comparison, others=others)
    else:
        scenario, runs, rows = played("as-run", *CUSTOM)
        write_report(folder, scenario, runs, rows, comparison=None)
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("report.md", "report.html")]
    return texts[0], texts[1]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return report(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def custom(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return report(tmp_path_factory.mktemp("custom"), published=False)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_report_twice_is_the_same_bytes(tmp_path: Path) -> None:
    report(tmp_path / "a", published=False)
    report(tmp_path / "b", published=False)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_the_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.reports.test_report import report; "
        "report(Path(sys.argv[1]), published=False)"
    )
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / seed)],
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "", "HOME": str(tmp_path)},
            cwd=Path(__file__).parents[2],
        )
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_the_files_are_named_with_the_page_last(tmp_path: Path) -> None:
    scenario, runs, rows = played("as-run", *CUSTOM)
    written = write_report(tmp_path, scenario, runs, rows, comparison=None)
    names = [str(path.relative_to(tmp_path)) for path in written]
    drawn = [f"figures/{name}.{kind}" for name in CUSTOM_FIGURES for kind in ("svg", "png", "csv")]
    assert [name for name in names if name.startswith("figures/")] == drawn
    assert (names[0], names[-1]) == ("report.md", "report.html")
    assert all(path.is_file() for path in written)


class Page(HTMLParser):
    """Tags, references and ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in {"src", "srcset", "data", "xlink:href"} or (name == "href" and tag != "a"):
                self.loaded.append(str(value))


def test_the_page_holds_every_figure_and_loads_nothing(published: tuple[str, str]) -> None:
    page = Page(published[1])
    narrow = ("agreement", "solvency", "balances")
    assert page.tags.count("svg") == len(FIGURES) + len(narrow)
    tables = page.tags.count("table")
    assert page.tags.count("figure") == len(FIGURES) + tables
    assert not {"img", "script", "link", "iframe", "object", "image"} & set(page.tags)
    assert all(reference.startswith("#") for reference in page.loaded)
    assert {reference[1:] for reference in page.loaded} <= set(page.ids)
    assert not re.search(r"url\((?!#)|@import|<\?xml|<!DOCTYPE svg", published[1])


def test_every_clip_path_of_the_page_is_defined(published: tuple[str, str]) -> None:
    used = set(re.findall(r"url\(#([^)]+)\)", published[1]))
    assert used <= set(Page(published[1]).ids)


def test_the_sections_of_the_published_experiment_are_in_order(published: tuple[str, str]) -> None:
    assert re.findall(r"^## (.*)$", published[0], re.MULTILINE) == [
        "The verdict",
        "Where the paper's text and its data disagree",
        "Who goes broke, and when",
        "Who collected what",
        "Where the tokens went",
        "What agents hold and do",
        "Side by side",
        "The paper's tables",
        "Further metrics",
        "What was run",
        "The runs, and how to play each again",
    ]


def test_the_verdict_counts_the_published_cells(published: tuple[str, str]) -> None:
    assert "| published cells compared | 792 |" in published[0]
    assert "| equal, to the last digit | 792 |" in published[0]
    assert "| summary.json | equal byte for byte |" in published[0]
    assert "first difference" not in published[0]


def test_the_answer_stands_before_everything_else(
    published: tuple[str, str], custom: tuple[str, str]
) -> None:
    _, answer, *_ = published[0].split("\n\n")
    assert plain(answer) == (
        "Every one of the 792 published cells came out again, to the last printed digit: "
        "24 runs, played from their seeds by an independent implementation."
    )
    for _, page in (published, custom):
        first = page[page.index("<body>") : page.index("<main")]
        assert first.index('class="answer"') < first.index("<figure>") < first.index("key-figures")
        assert first.count('class="value"') == 3
    assert plain(custom[0].split("\n\n")[1]).endswith(".")


@pytest.mark.parametrize(
    "number",
    ["24,314.0 fees", "15,550.5 job credits", "217.8 interest relief", "400.0 signing bonuses",
     "503.6 interest", "129.2 studies", "93.8 burns", "= \u2212872.3 at the end", "91.8 %",
     "correlate at \u22120.251", "(15, 30, 45, 60)", "24 of 24 runs", "2.1 % of fees", "94.0 %",
     "792 of 792", "0 of 1,314 blocks", "5.25 turns without a block"],
)  # fmt: skip
def test_the_report_states_the_numbers_of_the_evidence(
    published: tuple[str, str], number: str
) -> None:
    assert number in published[0]


def test_every_disagreement_and_claim_has_its_row(published: tuple[str, str]) -> None:
    section = published[0].split("## Where the paper's text")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    assert len(rows) == (2 + 9) + (2 + 5)


def test_the_aggregates_stand_side_by_side(published: tuple[str, str]) -> None:
    assert "| metric | published | as-run | as-written |" in published[0]
    assert "`job_rule = waive_usage`" in published[0]


def test_a_report_of_another_experiment_claims_nothing_of_the_published_one(
    custom: tuple[str, str],
) -> None:
    text = custom[0].lower()
    assert "published rows" not in text
    assert "disagree" not in text
    assert "## the verdict" not in text
    assert "the paper prints |" not in text


def test_a_platform_that_pays_out_is_not_called_rent(custom: tuple[str, str]) -> None:
    section = custom[0].split("## Where the tokens went")[1].split("\n## ")[0]
    assert "tokens more than it took in" in section
    assert "No agent was charged a fee." in section


def test_a_scenarios_name_is_text_and_not_markup(custom: tuple[str, str]) -> None:
    assert "<title>mine &lt;own&gt; &amp; | _this_: 2 runs of 12 turns</title>" in custom[1]
    assert "<h1>mine &lt;own&gt; &amp; | _this_: 2 runs of 12 turns</h1>" in custom[1]


def test_rows_that_differ_are_named_and_the_findings_withheld(tmp_path: Path) -> None:
    scenario, runs, rows = played()
    found = msgspec.structs.replace(
        played().comparison,
        exact=791,
        first_difference=CellDifference("3", "fees_total", "24382", "24383"),
    )
    write_report(tmp_path, scenario, runs, rows, comparison=found)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| first difference | run 3, fees_total: 24382, here 24383 |" in text
    assert "Every one" not in text
    assert "[791](tables/verdict.csv" in text
    assert "so they cannot tell" in text
    assert "The clock" not in text


@pytest.mark.parametrize(
    "changes",
    [('policy="idle"', "runs=1", "turns=1", "num_agents=1"),
     ('policy="random"', "runs=2", "turns=30", "num_agents=13"),
     ("base_inference_rate=0", "runs=2", "turns=5")],
)  # fmt: skip
def test_small_and_odd_worlds_have_a_report(tmp_path: Path, changes: tuple[str, ...]) -> None:
    scenario, runs, rows = played("as-run", *changes)
    assert write_report(tmp_path, scenario, runs, rows, comparison=None)


@pytest.mark.parametrize("library", ["matplotlib", "scipy", "markdown_it", "jinja2"])
def test_a_library_that_is_missing_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    scenario, runs, rows = played("as-run", *CUSTOM)
    with pytest.raises(ExtraMissingError, match=r"sim-economy\[report\]"):
        write_report(tmp_path, scenario, runs, rows, comparison=None)
    assert not list(tmp_path.iterdir())


def test_missing_runs_are_said(tmp_path: Path) -> None:
    scenario, runs, rows = played()
    write_report(tmp_path, scenario, runs[1:4], rows[1:4], comparison=None)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "21 of 24 runs are missing here" in text
    assert "seeds 1002 to 1004" in text
