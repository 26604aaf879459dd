from __future__ import annotations

import csv
import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from SALib.sample import morris as morris_sample
from SALib.sample import sobol as sobol_sample

from sim_economy.core.errors import ExtraMissingError, ScenarioError
from sim_economy.reports.page.document import plain
from sim_economy.reports.sensitivity.sensitivity_report import (
    conclusions,
    sensitivity_answer,
    sensitivity_report,
    write_sensitivity,
)
from sim_economy.reports.sensitivity.sensitivity_sentences import (
    details,
    outcome_meaning,
    share_text,
)
from sim_economy.reports.sensitivity.swept_outcomes import (
    OUTCOMES,
    SensitivityMethod,
    SweepSensitivity,
    sensitivity_of,
    sensitivity_of_sweep,
)
from sim_economy.reports.sweep_files import read_sweep
from tests.reports.swept_rows import played_rows, write_sweep_folder

INPUTS = ("base_inference_rate", "commons_threshold_per_turn", "lottery_rule")
SOBOL = SensitivityMethod.SOBOL
MORRIS = SensitivityMethod.MORRIS


def design(method: SensitivityMethod, size: int) -> list[list[float]]:
    problem = {"num_vars": 3, "names": [*INPUTS], "bounds": [[0.0, 1.0]] * 3}
    if method is SOBOL:
        drawn = sobol_sample.sample(problem, size, calc_second_order=False, seed=2)
    else:
        drawn = morris_sample.sample(problem, size, num_levels=4, seed=2)
    rows: list[list[float]] = drawn.tolist()
    return rows


def made_up_frame(method: SensitivityMethod, size: int = 256, noise: float = 1.0) -> pl.DataFrame:
    """Rows whose outcomes are known functions of what was varied, with noise between seeds."""
    chance = np.random.default_rng(3)
    rows: list[dict[str, object]] = []
    for point, (rate, free, rule) in enumerate(design(method, size)):
        for replicate in (1, 2, 3):
            shake = noise * float(chance.normal())
            rows.append(
                {
                    "row": len(rows),
                    "point": point,
                    "replicate": replicate,
                    "base_inference_rate": 0.5 + 2 * rate,
                    "commons_threshold_per_turn": round(300 * free),
                    "lottery_rule": "miners" if rule < 0.5 else "mine_stake_burn",
                    "insolvent_percent": 40 + 30 * rate + 8 * free + shake,
                    "mean_debt": 400 * (rate - 0.5) * (free - 0.5) + shake,
                    "rent_total": 7,
                    "platform_final": -1000 * free + 100 * rate + 50 * shake,
                    "gini_wealth_shifted": 0.3 + 0.01 * shake,
                    "status": "kernel",
                }
            )
    return pl.DataFrame(rows)


def made_up_sensitivity(method: SensitivityMethod) -> SweepSensitivity:
    return sensitivity_of(made_up_frame(method, 256 if method is SOBOL else 40), INPUTS, method)


def test_the_input_that_decides_is_named_with_its_share_and_interval() -> None:
    found = made_up_sensitivity(SOBOL)
    own = found.outcomes[0].sobol
    assert own is not None
    exact = 30**2 / (30**2 + 8**2)
    assert own[0].first == pytest.approx(exact, abs=0.06)
    low, high = own[0].first - own[0].first_half, min(1, own[0].first + own[0].first_half)
    assert sensitivity_answer(found) == (
        f"base_inference_rate decides insolvency: {100 * own[0].first:.0f} % of its variance alone "
        f"(95 % {100 * low:.0f} to {100 * high:.0f})."
    )


def test_each_outcome_has_its_conclusion() -> None:
    found = made_up_sensitivity(SOBOL)
    insolvency, depth, rent, solvency, _ = conclusions(found)
    assert insolvency.startswith("base_inference_rate decides insolvency: ")
    assert " for depth of debt: " in depth
    assert "of its variance with interactions" in depth
    assert rent == "Nothing that was varied changes platform rent."
    assert solvency.startswith("commons_threshold_per_turn decides platform solvency: ")


def test_two_inputs_whose_intervals_overlap_have_no_certain_order() -> None:
    found = made_up_sensitivity(SOBOL)
    depth = found.outcomes[1]
    assert "seems to matter most for depth of debt" in conclusions(found)[1]
    assert "The intervals of the first two overlap" in details(found, depth)
    assert "The intervals of the first two overlap" not in details(found, found.outcomes[0])


def test_too_few_points_decide_nothing() -> None:
    frame = made_up_frame(SOBOL, 4, noise=40)
    assert " decides " not in conclusions(sensitivity_of(frame, INPUTS, SOBOL))[0]


def test_noise_between_seeds_is_its_share_of_a_single_runs_variance() -> None:
    found = made_up_sensitivity(SOBOL)
    noise = found.outcomes[0].noise
    assert noise is not None
    between = (30**2 + 8**2) / 12
    assert noise.share == pytest.approx(1 / (1 + between), rel=0.15)
    assert "of the variance of a single run" in details(found, found.outcomes[0])
    pure = found.outcomes[4].noise
    assert pure is not None
    assert pure.share > 0.9


def test_morris_names_the_greatest_effect_and_its_way() -> None:
    found = made_up_sensitivity(MORRIS)
    effects = found.outcomes[3].morris
    assert effects is not None
    assert effects[1].mean == pytest.approx(-1000, abs=60)
    sentence = conclusions(found)[3]
    assert sentence.startswith("commons_threshold_per_turn changes platform solvency most: by ")
    assert "It acts mostly downwards" in details(found, found.outcomes[3])


@pytest.mark.parametrize("method", [SOBOL, MORRIS])
def test_the_order_of_rows_changes_nothing(method: SensitivityMethod) -> None:
    frame = made_up_frame(method, 32)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    one, other = (sensitivity_of(each, INPUTS, method) for each in (frame, shuffled))
    for own, again in zip(one.outcomes, other.outcomes, strict=True):
        assert own.mean == pytest.approx(again.mean)
        estimates = own.sobol or own.morris
        if estimates is not None:
            assert np.asarray(estimates) == pytest.approx(
                np.asarray(again.sobol or again.morris), rel=1e-6, abs=1e-9
            )


def test_a_played_sweep_has_indices_that_say_what_its_points_do() -> None:
    problem = {"num_vars": 2, "names": ["a", "b"], "bounds": [[0.0, 1.0]] * 2}
    drawn = sobol_sample.sample(problem, 8, calc_second_order=False, seed=2).tolist()
    points = [
        {"base_inference_rate": round(0.2 + 2 * rate, 3), "study_cost": 40 + round(20 * cost)}
        for rate, cost in drawn
    ]
    frame = played_rows(points, replicates=1)
    found = sensitivity_of(
        frame, ["base_inference_rate", "study_cost"], SOBOL, outcomes=["insolvent_percent"]
    )
    (own,) = found.outcomes
    assert own.sobol is not None
    assert own.sobol[0].total > 0.8 > 0.2 > own.sobol[1].total
    assert own.noise is None
    assert own.mean == pytest.approx(frame["insolvent_percent"].mean())


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (made_up_frame(SOBOL, 8).drop("mean_debt"), "the rows have no column mean_debt"),
        (made_up_frame(SOBOL, 8).filter(pl.col("point") != 3), "39 points are no Saltelli design"),
        (
            made_up_frame(SOBOL, 8).with_columns(
                pl.when(pl.col("point") == 3)
                .then(pl.lit("failed"))
                .otherwise("status")
                .alias("status")
            ),
            "1 points have no run that was played",
        ),
    ],
)
def test_rows_of_no_whole_design_are_refused_with_the_reason(
    frame: pl.DataFrame, problem: str
) -> None:
    with pytest.raises(ScenarioError, match=problem):
        sensitivity_of(frame, INPUTS, SOBOL)


def test_a_grid_has_no_indices(tmp_path: Path) -> None:
    folder = write_sweep_folder(tmp_path / "a", made_up_frame(SOBOL, 8), INPUTS)
    with pytest.raises(ScenarioError, match="grid gives no indices; it must be sobol or morris"):
        sensitivity_of_sweep(read_sweep(folder))


def test_a_folders_sensitivity_is_that_of_its_rows(tmp_path: Path) -> None:
    frame = made_up_frame(SOBOL, 16).drop("gini_wealth_shifted")
    folder = write_sweep_folder(tmp_path / "a", frame, INPUTS, "sobol")
    found = sensitivity_of_sweep(read_sweep(folder))
    kept = [name for name in OUTCOMES if name != "gini_wealth_shifted"]
    assert [own.metric for own in found.outcomes] == kept
    assert found == sensitivity_of(frame, INPUTS, SOBOL, outcomes=kept)


@pytest.mark.parametrize("method", [SOBOL, MORRIS])
def test_the_files_hold_every_estimate_and_sentences_link_to_theirs(
    tmp_path: Path, method: SensitivityMethod
) -> None:
    found = made_up_sensitivity(method)
    written = write_sensitivity(tmp_path, found)
    assert written[-1] == tmp_path / "sensitivity.html"
    name = "indices" if method is SOBOL else "effects"
    for each in (f"figures/{name}.svg", f"figures/{name}.png", f"figures/{name}.csv"):
        assert (tmp_path / each).stat().st_size > 0
    rows = [*csv.DictReader(io.StringIO((tmp_path / f"tables/{name}.csv").read_text("utf-8")))]
    assert len(rows) == 5 * 3
    text = (tmp_path / "sensitivity.md").read_text("utf-8")
    column = "first%20%25" if method is SOBOL else "size"
    assert f"(tables/{name}.csv#insolvent_percent/base_inference_rate/{column})" in text
    for sentence in conclusions(found):
        assert sentence in plain(text)


def test_a_report_of_one_outcome_is_whole(tmp_path: Path) -> None:
    found = sensitivity_of(made_up_frame(SOBOL, 16), INPUTS, SOBOL, outcomes=["insolvent_percent"])
    write_sensitivity(tmp_path, found)
    text = (tmp_path / "sensitivity.md").read_text("utf-8")
    assert text.startswith("# What decides insolvency\n")
    assert not math.isnan(found.outcomes[0].deviation)


def test_shares_are_within_their_intervals_and_every_one_names_its_base() -> None:
    assert share_text(1.01, 0.24) == "100 (77 to 100)"
    assert share_text(-0.02, 0.05) == "0 (0 to 3)"
    report = sensitivity_report(made_up_sensitivity(SOBOL))
    first, *_ = report.key_figures
    assert first.label == "of the variance of insolvency: base_inference_rate alone"
    assert "with interactions" in first.note


def test_what_was_varied_is_what_the_study_states(tmp_path: Path) -> None:
    folder = write_sweep_folder(tmp_path / "a", made_up_frame(SOBOL, 16), INPUTS, "sobol")
    problem = json.loads((folder / "problem.json").read_text("utf-8"))
    problem["bounds"] = [[0.125, 77], *([[0, 1]] * (len(INPUTS) - 1))]
    (folder / "problem.json").write_text(json.dumps(problem), encoding="utf-8")
    assert sensitivity_of_sweep(read_sweep(folder)).ranges[0] == (0.125, 77)


def test_a_further_outcome_stands_with_the_others_under_its_name(tmp_path: Path) -> None:
    frame = made_up_frame(SOBOL, 16).with_columns(pl.lit(1).alias("negative_balance_agents"))
    folder = write_sweep_folder(tmp_path / "a", frame, INPUTS, "sobol")
    found = sensitivity_of_sweep(read_sweep(folder), ["negative_balance_agents"])
    assert [own.metric for own in found.outcomes] == [*OUTCOMES, "negative_balance_agents"]
    assert outcome_meaning("negative_balance_agents") == "agents below zero at the end"


def test_without_salib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = made_up_frame(SOBOL, 8)
    monkeypatch.setitem(sys.modules, "SALib.analyze", None)
    with pytest.raises(ExtraMissingError, match=r"sensitivity needs SALib.*\[sensitivity\]"):
        sensitivity_of(frame, INPUTS, SOBOL)
