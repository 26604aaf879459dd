"""The answer in a sentence, the report, the command, and the shipped example."""

from __future__ import annotations

import csv
import json
import re
from html import unescape
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import sim_economy as se
from sim_economy.cli import cli
from sim_economy.core.errors import ScenarioError
from sim_economy.reports.played_tariffs import PlayedTariffs
from sim_economy.reports.whatif_report import answer_text, whatif_report, write_whatif
from sim_economy.tariffs.example.fleet_month import fleet_csv
from sim_economy.tariffs.tariff_comparison import compare_tariffs
from tests.whatif.logs import compared, march, written

CLIPPED = 'allowance = 100\nperiod = "month"\nwhen_empty = "clip"\n'
USE = {(1, "red/ann"): 60, (9, "red/ann"): 70, (9, "blue/cat"): 5, (31, "green/dan"): 40}


@pytest.mark.parametrize(
    ("tariffs", "allowances", "answer"),
    [
        (
            ["", "base_inference_rate = 0.5"],
            CLIPPED,
            (
                "Under A, ann runs dry on 9 March; under B nobody does; B collects 40 % less, "
                "98 % of it from two teams (red and green)."
            ),
        ),
        (
            ["", "base_inference_rate = 3"],
            CLIPPED,
            (
                "Under A, ann runs dry on 9 March; under B, ann runs dry on 1 March and dan runs "
                "dry on 31 March; B collects 47 % more, 93 % of it from two teams (green and red)."
            ),
        ),
        (
            ["base_inference_rate = 21"],
            CLIPPED,
            (
                "Under A, 3 of 3 agents run dry, ann first, on 1 March; A collects 252 tokens, "
                "67 % of it from two teams (blue and green)."
            ),
        ),
        (
            ["", "commons_threshold_per_turn = 0"],
            CLIPPED.replace("100", "1000"),
            (
                "Under A or B nobody runs dry; B collects about the same, 97 % of it from two "
                "teams (red and green)."
            ),
        ),
        ([""], None, "A collects 175 tokens, 97 % of it from two teams (red and green)."),
    ],
)
def test_the_answer_is_one_sentence_with_who_when_and_how_much(
    tmp_path: Path, tariffs: list[str], allowances: str | None, answer: str
) -> None:
    assert answer_text(compared(tmp_path, USE, tariffs, allowances)) == answer


def test_every_number_of_the_answer_leads_to_its_cell(tmp_path: Path) -> None:
    found = compared(tmp_path, USE, ["", "base_inference_rate = 3"], CLIPPED)
    write_whatif(tmp_path / "out", found)
    with (tmp_path / "out/whatif.csv").open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    report = whatif_report(found)
    links = re.findall(r"\]\(whatif\.csv#([^)]*)\)", report.answer + str(report.key_figures))
    assert len(links) >= 5
    for link in links:
        *cells, column = link.split("/")
        (row,) = [row for row in rows if [*row.values()][: len(cells)] == cells]
        assert row[column]


def test_names_of_strangers_are_text_in_every_file(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>![x](y) =1+1 \u202e"
    found = compared(tmp_path, {(1, evil): 500, (2, "ann"): 5}, [""], CLIPPED)
    write_whatif(tmp_path / "out", found)
    page = (tmp_path / "out/whatif.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "\u202e" not in unescape(page)
    assert "<script>alert" not in (tmp_path / "out/whatif.md").read_text(encoding="utf-8")
    assert "<img" not in page


def test_the_report_says_what_limits_it(tmp_path: Path) -> None:
    tariff = "interest_rate_per_turn = 0.01\ncommons_threshold_per_turn = 3\n"
    log = march(tmp_path / "log.csv", {(1, "ann"): 600, (9, "ann"): 1}, input=5)
    found = compare_tariffs(
        log,
        [written(tmp_path / "A.toml", tariff)],
        written(tmp_path / "allowances.toml", CLIPPED),
        turn_length="1h",
    )
    page = write_whatif(tmp_path / "out", found)[-1]
    shown = unescape(page.read_text(encoding="utf-8"))
    for words in (
        "has no row for 191 of 193 agent-turns",
        "interest of 1 % a turn of 1h",
        "3 free units a turn of 1h come to 72",
        "10 input",
        "partial periods of the log: 1",
        "what is refused is lost",
        "Demand is replayed",
    ):
        assert words in shown


def test_the_same_question_writes_the_same_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        write_whatif(folder, compared(tmp_path, USE, ["", "base_inference_rate = 3"], CLIPPED))
    one, other = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in folders
    )
    assert one == other
    assert {Path(name) for name in ("whatif.csv", "usage_by_day.csv", "figures/burn_down.png")} <= {
        *one
    }


def test_a_log_of_many_agents_shows_some_and_the_rest_as_one(tmp_path: Path) -> None:
    use = {(day, f"agent-{index:03}"): index for day in (1, 2) for index in range(1, 151)}
    found = compared(tmp_path, use, ["", "base_inference_rate = 3"], CLIPPED)
    picture = whatif_report(found).picture
    assert picture is not None
    teams = {row["team"] for row in picture.rows}
    assert len(teams) == 12
    assert "agent-150" in teams
    assert "139 others" in teams


def called(*arguments: str | Path) -> Any:
    return CliRunner().invoke(cli, [*map(str, arguments)], standalone_mode=False)


def test_the_command_answers_the_example(tmp_path: Path) -> None:
    ended = called("whatif", "--example", "--json", "--out", tmp_path / "out")
    assert ended.return_value == 0, ended.exception
    found = json.loads(ended.stdout)
    assert found["answer"].startswith("Under by-model, research-assistant runs dry on 24 March")
    assert {row["tariff"] for row in found["bills"]} == {"flat", "by-model"}
    assert Path(found["report"][-1]).name == "whatif.html"
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"whatif.csv", "usage_by_day.csv", "focus-flat.csv", "focus-by-model.csv"} <= names


def test_a_dry_agent_fails_where_that_is_asked_for(tmp_path: Path) -> None:
    log = march(tmp_path / "log.csv", USE)
    tariff = written(tmp_path / "A.toml", "")
    call: list[str | Path] = ["whatif", log, "--tariff", tariff, "--out", tmp_path / "out"]
    granted: list[str | Path] = ["--allowances", written(tmp_path / "a.toml", CLIPPED)]
    assert called(*call, *granted).return_value == 0
    assert called(*call, *granted, "--fail-if-dry").return_value == 1
    assert called(*call, "--fail-if-dry").return_value == 0
    assert not [*(tmp_path / "out").glob("focus*.csv")]


def test_bills_of_an_earlier_question_are_gone(tmp_path: Path) -> None:
    money = 'currency = "EUR"\ntoken_price = 1\n'
    two = compared(tmp_path, USE, [money, money])
    write_whatif(tmp_path / "out", two)
    write_whatif(tmp_path / "out", compared(tmp_path, USE, [money]))
    assert [path.name for path in (tmp_path / "out").glob("focus*.csv")] == ["focus.csv"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--example"),
        (["log.csv"], "--tariff"),
        (["log.csv", "--example"], "its own"),
    ],
)
def test_a_call_that_lacks_something_says_what(arguments: list[str], complaint: str) -> None:
    assert complaint in str(called("whatif", *arguments).exception)


def test_a_folder_of_something_else_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    ended = called("whatif", "--example", "--out", tmp_path)
    assert "what-if" in str(ended.exception)
    assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == ["thesis.txt"]


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_the_terminal_shows_lines_that_fit(
    tmp_path: Path, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    ended = called("whatif", "--example", "--out", tmp_path / "out")
    lines = [line for line in ended.stdout.splitlines() if not line.startswith("read ")]
    assert max(map(len, lines)) <= int(columns)
    assert "research-assistant" in ended.stdout


def test_the_example_is_what_its_generator_makes() -> None:
    shipped = resources.files("sim_economy.tariffs.example").joinpath("usage.csv").read_bytes()
    assert shipped == fleet_csv().encode()
    assert len(shipped) < 300_000


def test_from_python_it_is_frames_and_a_page(tmp_path: Path) -> None:
    found = se.whatif()
    assert isinstance(found, PlayedTariffs)
    assert found.is_dry
    assert found.bills.filter(found.bills["level"] == "all").height == 2
    assert (
        found.by_day["fee"].sum() == found.bills.filter(found.bills["level"] == "all")["fee"].sum()
    )
    assert set(found.chances["tariff"]) == {"flat", "by-model"}
    assert found.report(tmp_path / "out").name == "whatif.html"
    assert "research-assistant" in found._repr_html_()
    with pytest.raises(ScenarioError, match="usage: name the rows"):
        se.whatif(tariffs=["A.toml"])
