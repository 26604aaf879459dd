"""Treatments compared: paired by seed, honest about what they have in common."""

from __future__ import annotations

import csv
import json
import re
import statistics
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from click.shell_completion import ShellComplete

from sim_economy.cli import cli
from sim_economy.core.errors import InputError
from sim_economy.ledger.sidecars.run_folder import folder_name
from sim_economy.reports.comparisons.comparison import (
    MetricDifference,
    TreatmentRuns,
    compared,
    differences,
    unpaired_sides,
)
from sim_economy.reports.comparisons.comparison_differences import (
    COMPARISON_CSV,
    amount,
    percent_text,
)
from sim_economy.reports.comparisons.comparison_report import comparison_report, write_comparison
from sim_economy.reports.comparisons.comparison_tokens import token_flows
from sim_economy.reports.comparisons.metric_names import COMPARED_METRICS, METRIC_NAMES, unit_of
from sim_economy.reports.comparisons.played_comparison import PlayedComparison
from sim_economy.reports.page.document import plain
from sim_economy.reports.published.later_report import LATER
from sim_economy.reports.tables import Table
from sim_economy.runs.intervention_metrics import incidence_rows
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.scenarios.shipped import REGIMES
from sim_economy.statistics.multiple_testing import holm
from tests.cli.shell import complaint, json_of, sim_economy
from tests.reports.played import played


def side(name: str, *changes: str) -> TreatmentRuns:
    here = played(name, *changes)
    return TreatmentRuns(here.scenario, here.runs)


def test_a_treatment_does_not_differ_from_itself() -> None:
    own = side("baseline")
    for row in differences([own, own]):
        assert (row.mean, row.low, row.high, row.is_clear) == (0, 0, 0, False)


def test_who_paid_for_interventions_is_in_the_report_of_treatments_that_have_some(
    tmp_path: Path,
) -> None:
    plain_side = side("baseline")
    capped = side("baseline", "name=capped", "governance.fee_cap.cap_ratio=1.5")
    without = comparison_report(compared([plain_side, side("high_compute_cost")]))
    title = "Who paid for interventions, and who received"
    assert title not in [section.title for section in without.evidence]
    report = comparison_report(compared([plain_side, capped]))
    (section,) = (own for own in report.evidence if own.title == title)
    sentences, table = section.blocks
    assert isinstance(sentences, str)
    assert isinstance(table, Table)
    assert sentences.startswith(f"Under {capped.name}:")
    assert "](" not in sentences
    rows = {row["agent_id"]: row for row in incidence_rows(capped.runs)}
    net = table.columns.index("net")
    assert {row[0]: row[net] for row in table.rows} == {name: rows[name]["net"] for name in rows}
    assert rows["platform"]["net"] == pytest.approx(
        -sum(row["net"] for name, row in rows.items() if name != "platform")
    )
    written = write_comparison(tmp_path, [plain_side, capped])
    assert tmp_path / "tables/incidence-2.csv" in written


def test_differences_are_of_runs_with_the_same_seed() -> None:
    first, second = side("baseline"), side("high_compute_cost")
    (fees,) = [row for row in differences([first, second]) if row.column == "fees"]
    ours = [
        b - a
        for a, b in zip(first.values("fees").values(), second.values("fees").values(), strict=True)
    ]
    assert fees.pairs == 12
    assert fees.mean == statistics.mean(ours)
    assert fees.low is not None
    assert fees.high is not None
    assert fees.low < fees.mean < fees.high
    assert fees.is_clear


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("num_agents=4", "agents"),
        ('agent_ids=["a", "b", "c", "d", "e", "f", "g", "h"]', "agents"),
        ("turns=4", "turns"),
        ('usage.source="distribution"', "usage"),
    ],
)
def test_runs_that_cannot_be_paired_are_not(tmp_path: Path, change: str, part: str) -> None:
    usage = ['usage.thinking={distribution="constant", value=1}'] * (part == "usage")
    outputs = ['usage.output={distribution="constant", value=1}'] * (part == "usage")
    first = side("baseline", "turns=5", "runs=2")
    everyone = ['population=[{policy="published"}]'] * ("num_agents" in change)
    settings = (change, *usage, *outputs, *everyone)
    other = side("coordination_push", "turns=5", "runs=2", *settings)
    like = side("high_compute_cost", "turns=5", "runs=2")
    found = differences([first, other, like])
    assert {(row.treatment, row.pairs) for row in found} == {
        ("coordination_push", 0),
        ("high_compute_cost", 2),
    }
    assert {row.mean for row in found if not row.pairs} == {None}
    said = f"coordination_push differs from baseline in {part}, so their runs are not paired"
    assert unpaired_sides([first, other, like]) == {"coordination_push": said}
    write_comparison(tmp_path, [first, other, like])
    text = (tmp_path / "comparison.md").read_text()
    assert said in text.replace("\\", "")
    assert "**high_compute_cost against baseline**, 2 pairs of runs" in text.replace("\\", "")
    assert "are not set against those of baseline: the two differ in" in text.replace("\\", "")
    drawn = {path.name for path in (tmp_path / "figures").glob("*.svg")}
    assert "differences-high_compute_cost.svg" in drawn
    assert not {name for name in drawn if "coordination_push" in name}


def test_one_trace_in_two_folders_is_one_usage(tmp_path: Path) -> None:
    sides = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.csv").write_text("turn,agent,thinking,output\n1,agent_0,1,1\n")
        file = tmp_path / name / f"{name}.toml"
        file.write_text('turns = 1\nruns = 2\n[usage]\nsource = "trace"\npath = "t.csv"\n')
        sides.append(side(str(file)))
        sides[0].treatment.settings["usage"]["path"] = "elsewhere.csv"
    assert {row.pairs for row in differences(sides)} == {2}


def test_a_constant_difference_that_is_not_zero_is_certain() -> None:
    def difference(low: float | None, high: float | None) -> MetricDifference:
        return MetricDifference(
            column="fees", treatment="other", pairs=3, mean=low, low=low, high=high
        )

    clear = [(2.0, 2.0), (-2.0, -2.0), (1.0, 3.0)]
    unclear = [(0.0, 0.0), (-1.0, 3.0), (None, None)]
    assert [difference(*bounds).is_clear for bounds in clear] == [True] * 3
    assert [difference(*bounds).is_clear for bounds in unclear] == [False] * 3


def test_differences_have_a_test_and_its_correction_over_the_metrics_of_a_treatment() -> None:
    found = differences([side("baseline"), side("coordination_push"), side("high_compute_cost")])
    for name in ("coordination_push", "high_compute_cost"):
        rows = [row for row in found if row.treatment == name]
        tested = [row for row in rows if row.p_value is not None]
        assert len(tested) == 15
        assert [row.p_holm for row in tested] == holm([row.p_value or 0.0 for row in tested])
        assert {row.certainty for row in rows if row.p_value is None} == {"equal"}
    (fees,) = [row for row in found if row.column == "fees" and row.treatment == name]
    assert fees.p_value == 2 / 2**12
    assert fees.plain["p_holm"] == pytest.approx(15 * 2 / 2**12)


def test_a_report_says_what_a_correction_leaves_and_which_intervals_cover_less(
    tmp_path: Path,
) -> None:
    write_comparison(tmp_path, [side("baseline"), side("high_compute_cost")])
    text = (tmp_path / "comparison.md").read_text()
    assert "with Holm's correction 2 of the 15 that vary are left" in text
    assert "less often than it says: rejected inputs 85 %, contracts void 75 %." in text
    with (tmp_path / COMPARISON_CSV).open(encoding="utf-8") as file:
        rows = {row["measure"]: row for row in csv.DictReader(file)}
    assert float(rows["rejections"]["coverage"]) < 0.9
    assert rows["dividends"]["p_value"] == rows["dividends"]["coverage"] == ""


def test_few_pairs_have_no_correction_that_could_leave_anything(tmp_path: Path) -> None:
    sides = [side(name, "runs=5") for name in ("baseline", "high_compute_cost")]
    write_comparison(tmp_path, sides)
    assert "Holm" not in (tmp_path / "comparison.md").read_text()


def test_runs_without_a_common_seed_are_not_paired(tmp_path: Path) -> None:
    other = side("baseline", "seed=9000", "runs=2", "turns=60", 'name="later"')
    rows = differences([side("baseline"), other])
    assert {(row.pairs, row.mean, row.low, row.is_clear) for row in rows} == {
        (0, None, None, False)
    }
    write_comparison(tmp_path, [side("baseline"), other])
    text = (tmp_path / "comparison.md").read_text()
    assert "nothing can be paired" in text
    assert "the two differ in seeds" in text


def test_the_regimes_are_compared_with_the_later_report(tmp_path: Path) -> None:
    *_, page = write_comparison(tmp_path, [side(name) for name in REGIMES])
    assert page.name == "comparison.html"
    text = (tmp_path / "comparison.md").read_text()
    section = text.partition("## Beside a later report")[2]
    for figure in ("21.40", "1.60", "3.70", "0.159", "30.50", "41,151", "2,726", "0.468"):
        assert f"| {figure} |" in section
    assert "nothing here was fitted to them" in section
    assert {column for figures in LATER.values() for column in figures} <= {*COMPARED_METRICS}


def test_a_changed_regime_is_not_compared_with_the_later_report(tmp_path: Path) -> None:
    changed = side("baseline", "runs=2", "turns=5")
    write_comparison(tmp_path, [changed, side("coordination_push", "runs=2", "turns=5")])
    assert "later report" not in (tmp_path / "comparison.md").read_text()


def test_the_command_plays_compares_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    arguments = ("compare", "--runs", "3", "--turns", "8", "--json")
    first = sim_economy(*arguments, cwd=tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    found = json.loads(first.stdout)
    assert [*found["means"]["fees"]] == [*REGIMES]
    assert {row["pairs"] for row in found["differences"]} == {3}
    shown = sim_economy(*arguments[:-1], cwd=tmp_path).stdout
    assert " ".join(shown.split()).startswith(found["answer"])
    proposed = re.findall(r"contracts proposed +(.*)", shown)
    means = found["means"]["contracts_proposed"]
    assert [line.split()[:2] for line in proposed] == [
        [amount(means["baseline"]), amount(means[name])] for name in REGIMES[1:]
    ]
    kept = tmp_path / "out/compare/baseline/runs/run-0002.json"
    before = kept.stat().st_mtime_ns
    again = sim_economy(*arguments, cwd=tmp_path)
    assert json.loads(again.stdout) == found
    assert kept.stat().st_mtime_ns == before
    run = play_run(load_scenario("baseline", ["runs=3", "turns=8"]), 2)
    assert json.loads(kept.read_text().partition("\n")[2])["head"] == run.head


def test_the_command_wants_two_different_names(tmp_path: Path) -> None:
    for names in (("baseline",), ("baseline", "baseline")):
        ended = sim_economy("compare", *names, cwd=tmp_path)
        assert ended.returncode == 2
        assert "are not two or more different names" in ended.stderr


@pytest.mark.parametrize("metric", COMPARED_METRICS)
def test_every_metric_is_there(metric: str) -> None:
    assert len(side("baseline").values(metric)) == 12


def test_every_metric_of_a_run_can_be_named() -> None:
    assert {*METRIC_NAMES} == {*side("baseline").metrics[3001]} - {"run_id"}
    assert unit_of("fees") == "tokens"
    assert unit_of("winner_hhi") == ""
    assert unit_of("negative_balance_agents") == "agents"


def test_the_outcomes_the_user_named_come_first_then_the_largest_effects() -> None:
    sides = [side("baseline"), side("high_compute_cost")]
    found = compared(sides, ["max_balance_final", "gini_wealth_shifted"])
    columns = [row.column for row in found.differences]
    assert columns[:2] == ["max_balance_final", "gini_wealth_shifted"]
    assert columns[2] == "fees"
    effects = [row.effect for row in found.differences[2:]]
    assert effects == sorted(effects, reverse=True)
    assert len(columns) == len({*columns}) == len(COMPARED_METRICS) + 1
    report = comparison_report(found)
    assert report.key_figures[2].label.startswith("greatest balance at the end, high_compute_cost")


@pytest.mark.parametrize(("name", "meant"), [("rent", "platform_rent"), ("feess", "fees")])
def test_a_metric_that_is_not_known_is_refused_with_the_likeliest(name: str, meant: str) -> None:
    sides = [side("baseline"), side("high_compute_cost")]
    with pytest.raises(InputError, match=f"did you mean {meant}"):
        compared(sides, [name])


def difference(first: float, *pairs: float) -> MetricDifference:
    low, high = (min(pairs), max(pairs)) if len(pairs) > 1 else (None, None)
    mean = statistics.mean(pairs)
    return MetricDifference(
        column="fees",
        treatment="other",
        pairs=len(pairs),
        first=first,
        other=first + mean,
        mean=mean,
        low=low,
        high=high,
    )


def test_percents_are_of_the_first_mean_and_its_size() -> None:
    assert difference(200, 50, 50).percent(50) == 25
    assert difference(-200, 50, 50).percent(50) == 25
    assert difference(0, 12, 12).percent(12) is None
    assert percent_text(difference(200, 50, 50)) == "+25 %"
    assert percent_text(difference(0, 12, 12)) == "from 0 to 12"
    assert percent_text(difference(0, 0, 0)) == "0 %"
    assert difference(0, 1, 1).effect > difference(1, 1000, 1000).effect


def test_certain_differences_are_said_as_certain() -> None:
    words = [difference(9, *pairs).certainty for pairs in ((2, 2), (0, 0), (1, 3), (-1, 3), (2,))]
    assert words == ["certain", "equal", "clear", "unclear", "one pair"]


def test_treatments_that_are_alike_are_equal_in_every_pair(tmp_path: Path) -> None:
    sides = [side("baseline", "runs=2", "turns=5")]
    sides.append(side("baseline", "runs=2", "turns=5", 'name="again"'))
    write_comparison(tmp_path, sides)
    text = (tmp_path / "comparison.md").read_text()
    assert "Equal in every pair: contracts proposed" in text
    assert "Certain" not in text
    assert not (tmp_path / "figures/differences-again.svg").exists()


def test_a_certain_difference_stands_in_the_words_and_the_figure(tmp_path: Path) -> None:
    sides = [side("as-run", "runs=2", "turns=3")]
    sides.append(
        side("as-run", "runs=2", "turns=3", 'name="poorer"', "genesis_tokens_per_agent=900")
    )
    write_comparison(tmp_path, sides)
    text = plain((tmp_path / "comparison.md").read_text())
    assert "Certain, as all pairs differ alike: final token supply \u2212800 tokens" in text
    figure = (tmp_path / "figures/differences-poorer.svg").read_text()
    assert ">certain<" in figure
    assert ">\u2212800 tokens<" in figure


def test_a_difference_from_zero_has_no_percent_and_says_so(tmp_path: Path) -> None:
    free = side("as-run", "runs=2", "turns=9", "base_inference_rate=0", 'name="free"')
    write_comparison(tmp_path, [free, side("as-run", "runs=2", "turns=9")])
    fees = statistics.mean(side("as-run", "runs=2", "turns=9").values("fees").values())
    said = f"from 0 to {amount(fees)}"
    assert said in (tmp_path / "comparison.md").read_text()
    assert said in (tmp_path / "figures/differences-as-run.svg").read_text()
    with (tmp_path / "comparison.csv").open(newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["measure"] == "fees"]
    assert (row["first_mean"], row["percent"], row["treatment_mean"]) == ("0.0", "", str(fees))


def test_numbers_of_sentences_lead_to_cells_that_hold_them(tmp_path: Path) -> None:
    write_comparison(tmp_path, [side("baseline"), side("high_compute_cost")], ["platform_rent"])
    text = (tmp_path / "comparison.md").read_text()
    links = re.findall(r"\[([^\]]+)\]\(([^)#]+\.csv)#([^)]+)\)", text)
    assert {path for _, path, _ in links} == {
        "agents.csv",
        "collectors.csv",
        "comparison.csv",
        "tables/treatments.csv",
    }
    for shown, path, cells in links:
        *keys, column = map(unquote, cells.split("/"))
        with (tmp_path / path).open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if [*row.values()][: len(keys)] == keys]
        (row,) = rows
        number = re.sub(r"[^\d.\u2212]", "", shown).replace("\u2212", "-")
        assert float(row[column]) == pytest.approx(float(number), rel=0.006), (shown, cells)


def test_fees_are_one_number_everywhere() -> None:
    sides = [side("market", "runs=2", "turns=40"), side("rentiers", "runs=2", "turns=40")]
    fees = [-tokens for tokens in token_flows(sides)["fees"]]
    assert fees == [own.means()["fees"] for own in sides]
    assert fees == [
        pytest.approx(sum(each.fees for each in outcomes))
        for outcomes in compared(sides).outcomes.values()
    ]


def test_what_reasons_added_is_what_the_supply_changed_by(tmp_path: Path) -> None:
    write_comparison(tmp_path, [side("baseline"), side("coordination_push")])
    with (tmp_path / "tables/tokens.csv").open(newline="") as file:
        first, *reasons, last = csv.DictReader(file)
    for name in ("baseline", "coordination_push"):
        assert float(first[name]) == 8000
        moved = sum(float(row[name]) for row in reasons)
        assert 8000 + moved == pytest.approx(float(last[name]))


def test_each_run_stands_with_the_command_that_plays_it_again(tmp_path: Path) -> None:
    sides = [side("baseline", "runs=2", "turns=5")]
    sides.append(side("baseline", "runs=2", "turns=5", 'name="two words"'))
    write_comparison(tmp_path, sides)
    with (tmp_path / "tables/runs.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [(row["treatment"], row["seed"]) for row in rows] == [
        (name, seed) for name in ("baseline", "two words") for seed in ("3001", "3002")
    ]
    folder = folder_name("two words")
    command = rows[-1]["command that plays it again"]
    assert command.startswith(f"sim-economy run ./{folder} --seed 3002 --ledger {folder}-3002.")
    assert len({row["command that plays it again"] for row in rows}) == 4


@pytest.mark.parametrize("runs", [1, 2])
def test_a_comparison_is_the_same_bytes_every_time(tmp_path: Path, runs: int) -> None:
    sides = [side(name, f"runs={runs}", "turns=9") for name in REGIMES]
    for folder in ("a", "b"):
        write_comparison(tmp_path / folder, sides)
    paths = [path for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(paths) > 20
    for path in paths:
        again = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == again.read_bytes()


def test_names_of_treatments_are_text_wherever_they_stand(tmp_path: Path) -> None:
    odd = "<b>x</b> | [l](http://e) \u202e"
    sides = [side("baseline", "runs=2", "turns=5", 'name="_first"')]
    sides.append(side("high_compute_cost", "runs=2", "turns=5", f"name={json.dumps(odd)}"))
    write_comparison(tmp_path, sides)
    page = (tmp_path / "comparison.html").read_text()
    assert "<b>x" not in page
    assert 'href="http://e"' not in page
    assert "\u202e" not in page
    for path in (tmp_path / "figures").glob("*.svg"):
        ElementTree.fromstring(path.read_text())
    assert ">_first<" in (tmp_path / "figures/insolvency.svg").read_text()


def test_the_command_names_metrics_first(tmp_path: Path) -> None:
    call = ("compare", "--runs", "2", "--turns", "8", "--metric", "platform_rent")
    found = json_of(sim_economy(*call, "--json", cwd=tmp_path))
    assert next(iter(found["means"])) == "platform_rent"
    assert [row["measure"] for row in found["differences"][:2]] == ["platform_rent"] * 2
    assert {row["role"] for row in found["collectors"]} >= {"platform"}
    shown = sim_economy(*call, cwd=tmp_path).stdout
    metric = re.search(r"metric .*\n[^\n]*\n +(\w+)", shown)
    assert metric is not None
    assert metric[1] == "platform"
    refused = complaint(sim_economy(*call, "--metric", "fess", cwd=tmp_path))
    assert "'fess' is not known; did you mean fees?" in refused


def test_a_shell_completes_the_names_of_metrics() -> None:
    completed = ShellComplete(cli, {}, "sim-economy", "_SIM_ECONOMY_COMPLETE")
    found = completed.get_completions(["compare", "--metric"], "platf")
    assert [item.value for item in found] == ["platform_rent"]


def test_a_notebook_has_frames_and_the_answer_first(tmp_path: Path) -> None:
    scenarios = [load_scenario(name, ["runs=2", "turns=9"]) for name in REGIMES[:2]]
    played_runs = [(own, [play_run(own, run) for run in (1, 2)]) for own in scenarios]
    found = PlayedComparison(played_runs, tmp_path, ["min_balance_final"])
    assert found.means["measure"][0] == "min_balance_final"
    assert found.differences["measure"][0] == "min_balance_final"
    assert {*found.agents["treatment"]} == {*REGIMES[:2]}
    assert "goes_broke" in found.agents.columns
    assert "platform" in found.collectors["role"].to_list()
    assert found._repr_html_().startswith(f"<p><b>{found.answer} ")
