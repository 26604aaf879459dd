"""Effects, interactions and responses, from rows that are planted."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sim_economy.ledger.readers.plain_numbers import MINUS
from sim_economy.statistics.intervals import student_interval
from sim_economy.statistics.power import detectable_effect, pairs_needed
from sim_economy.studies.equal_tokens import planned_matches
from sim_economy.studies.findings.study_claims import (
    CONDITION,
    FAILS,
    HOLDS,
    UNTESTED,
    claims_table,
)
from sim_economy.studies.findings.study_decisions import decision_table
from sim_economy.studies.findings.study_effects import (
    Verdict,
    matched_effects,
    primary_effects,
)
from sim_economy.studies.findings.study_factorial import full_factorial, interactions
from sim_economy.studies.findings.study_findings import findings_of
from sim_economy.studies.findings.study_report import study_report
from sim_economy.studies.findings.study_result_tables import power_table
from sim_economy.studies.findings.study_results import StudyResults
from sim_economy.studies.findings.study_robustness import robustness_sentence, robustness_table
from sim_economy.studies.findings.study_shocks import impulse_responses
from sim_economy.studies.findings.study_window import threshold_points, window_sentence
from sim_economy.studies.run_study import THRESHOLDS_CSV
from sim_economy.studies.study_arms import planned_cells
from sim_economy.studies.study_folder import StudyFolder
from sim_economy.studies.study_rows import StudyRow
from sim_economy.studies.treatment_study import TreatmentStudy
from tests.studies.small_study import small_study

TURNS = 100
SEEDS = range(1001, 1013)
NOISE = (-3, -2, -2, -1, -1, 0, 0, 1, 1, 2, 2, 3)
"""Agent-turns below zero of each seed, off the mean; they sum to zero."""


Elsewhere = Mapping[str, dict[str, Sequence[int]]]


def planted_row(seed: int, insolvent: int, platform: int = 1000, **changes: object) -> StudyRow:
    return StudyRow(
        seed=seed,
        turns=TURNS,
        digest=f"{seed:016x}",
        insolvent_agents=0,
        insolvent_agent_turns=insolvent,
        debt_turns=10 * insolvent,
        squared_debt_turns=100 * insolvent,
        first_negative=(0,) * 8,
        wealth=(100,) * 8,
        platform=platform,
        platform_negative_turn=0 if platform >= 0 else 50,
        rent=0,
        fees_charged=1000,
        blocks_won=(10,) * 8,
        actions={"mine": 400, "job": 400},
        refused=0,
        **changes,  # type: ignore[arg-type]
    )


def planted(
    folder: Path,
    study: TreatmentStudy,
    insolvent: dict[str, Sequence[int]],
    platform: Mapping[str, int] = {},
    elsewhere: Elsewhere | None = None,
) -> None:
    """Write every cell; arms that are not named are as the one without a treatment.

    Args:
        insolvent: Agent-turns below zero by arm, `[seed]`.
        platform: The platform's balance by arm; 1,000 where it is not named.
        elsewhere: Agent-turns below zero that are others under a behaviour.
    """
    own = StudyFolder(folder, study)
    own.begin(fresh=True)
    cells = [*planned_cells(study), *(match.cell for match in planned_matches(study))]
    for cell in cells:
        there = {**insolvent, **(elsewhere or {}).get(cell.behaviour.name, {})}
        values = there.get(cell.arm.name, there["off"])
        own.keep(
            cell,
            [
                planted_row(
                    seed,
                    value,
                    platform.get(cell.arm.name, 1000),
                    insolvent_by_turn=_series(cell.arm.shock, value),
                    platform_by_turn=(1000,) * TURNS,
                )
                for seed, value in zip(SEEDS, values, strict=True)
            ],
        )
    (folder / THRESHOLDS_CSV).write_text("threshold,insolvent_percent\n-180,80.0\n200,0.0\n")


def _series(shock: str, value: int) -> tuple[int, ...]:
    """One agent is below zero in every turn; two more in turns 10 to 19 after the shock."""
    extra = 2 + value % 2 if shock else 0
    return tuple(1 + (extra if 10 <= turn < 20 else 0) for turn in range(1, TURNS + 1))


@pytest.fixture
def study() -> TreatmentStudy:
    return small_study(horizons=[{"turns": TURNS, "seeds": 12}], training=None)


def around(mean: int) -> list[int]:
    return [mean + noise for noise in NOISE]


def results_of(
    study: TreatmentStudy,
    folder: Path,
    insolvent: dict[str, Sequence[int]],
    platform: Mapping[str, int] = {},
    elsewhere: Elsewhere | None = None,
) -> StudyResults:
    planted(folder, study, insolvent, platform, elsewhere)
    return StudyResults(study, folder)


@pytest.mark.parametrize(
    ("capped", "verdict"),
    [
        (around(400), Verdict.INERT),
        ([value + noise for value, noise in zip(around(398), NOISE, strict=True)], Verdict.NOTHING),
        (around(300), Verdict.CERTAIN),
        ([value + noise for value, noise in zip(around(200), NOISE, strict=True)], Verdict.LARGE),
        ([value + 20 * n for value, n in zip(around(360), NOISE, strict=True)], Verdict.CLEAR),
        ([value + 90 * n for value, n in zip(around(380), NOISE, strict=True)], Verdict.UNCLEAR),
    ],
)
def test_a_verdict_is_the_intervals(
    study: TreatmentStudy, tmp_path: Path, capped: list[int], verdict: Verdict
) -> None:
    results = results_of(study, tmp_path, {"off": around(400), "fee cap 1.5": capped})
    effect = next(
        own
        for own in primary_effects(results)
        if (own.behaviour, own.arm, own.outcome)
        == ("published", "fee cap 1.5", "insolvent_percent")
    )
    assert effect.verdict is verdict
    assert effect.pairs == 12
    # 8 agents and 100 turns: eight agent-turns are a point.
    assert effect.mean == pytest.approx((sum(capped) - sum(around(400))) / 12 / 8)
    assert effect.off == pytest.approx(50)


def test_p_values_are_adjusted_together(study: TreatmentStudy, tmp_path: Path) -> None:
    capped = [value + noise for value, noise in zip(around(200), NOISE, strict=True)]
    results = results_of(study, tmp_path, {"off": around(400), "fee cap 1.5": capped})
    effects = [own for own in primary_effects(results) if own.p_value is not None]
    # Under two behaviours, a family each; what differs not at all, or always alike, has no test.
    assert len(effects) == 2
    assert all(own.adjusted == pytest.approx(own.p_value) for own in effects)


def test_a_contrast_is_half_of_what_two_do_more_than_each(
    study: TreatmentStudy, tmp_path: Path
) -> None:
    results = results_of(
        study,
        tmp_path,
        {
            "off": around(400),
            "fee cap 1.5": around(320),
            "rails 500": around(360),
            "fee cap + rails": around(200),
        },
    )
    own = next(each for each in interactions(results, ["insolvent_percent"]))
    assert own.treatments == ("fee cap", "rails")
    assert own.mean == pytest.approx((200 - 320 - 360 + 400) / 2 / 8)
    assert own.together == pytest.approx((200 - 400) / 8)


def test_a_full_factorial_says_what_each_does_and_what_both_do(
    study: TreatmentStudy, tmp_path: Path
) -> None:
    results = results_of(
        study,
        tmp_path,
        {
            "off": around(400),
            "fee cap 1.5": around(320),
            "rails 500": around(360),
            "fee cap + rails": around(200),
        },
    )
    found = full_factorial(results, ["insolvent_percent"])
    own = {each.treatments: each for each in found if each.behaviour == "published"}
    # Eight agent-turns are a point. A main effect is the mean over both levels of the other.
    assert own[("fee cap",)].mean == pytest.approx((320 - 400 + 200 - 360) / 2 / 8)
    assert own[("rails",)].mean == pytest.approx((360 - 400 + 200 - 320) / 2 / 8)
    assert own["fee cap", "rails"].mean == pytest.approx((200 - 320 - 360 + 400) / 2 / 8)
    assert own["fee cap", "rails"].factors == 2
    assert own["fee cap", "rails"].is_clear


def test_a_decision_says_what_agents_and_the_platform_get(
    study: TreatmentStudy, tmp_path: Path
) -> None:
    capped = [value + noise for value, noise in zip(around(200), NOISE, strict=True)]
    planted(tmp_path, study, {"off": around(400), "fee cap 1.5": capped}, {"fee cap 1.5": 400})
    found = findings_of(study, tmp_path)
    cap = next(own for own in found.decisions if own.insolvency.arm == "fee cap 1.5")
    assert cap.shares == "50.0 → 25.0"
    assert cap.verdict == "helps; platform loses"
    table = decision_table(found.results, found.decisions)
    assert table.rows == (
        ("fee cap 1.5", "100", "50.0 → 25.0", f"{MINUS}600", "helps; platform loses", "helps 1"),
        ("rails 500", "100", "50.0 → 50.0", "0", "no change", "no change 1"),
    )
    report = study_report(found)
    assert report.lead == [table]
    assert "decisions" in [own.name for own in report.tables()]


def test_an_answer_turns_where_both_worlds_say_and_say_different_things(
    study: TreatmentStudy, tmp_path: Path
) -> None:
    capped = [value + noise for value, noise in zip(around(200), NOISE, strict=True)]
    elsewhere: Elsewhere = {"published, twice the tariff": {"fee cap 1.5": around(402)}}
    planted(tmp_path, study, {"off": around(400), "fee cap 1.5": capped}, {}, elsewhere)
    found = findings_of(study, tmp_path)
    turned = [(own.check, own.there.insolvency.arm) for own in found.robustness if own.is_turned]
    assert turned == [("twice the tariff", "fee cap 1.5")]
    sentence = robustness_sentence(found.robustness)
    assert sentence.startswith("Of 4 answers on insolvency, 1 turn where")
    assert "**fee cap 1.5** turns under twice the tariff, 100 turns: helps → too small" in sentence
    rows = robustness_table(found.robustness).rows
    assert [row[2] for row in rows[:3]] == ["the study's own", "twice the tariff", "waves"]
    assert [row[12] for row in rows[:3]] == ["", "turns", ""]


def test_the_window_is_where_agents_and_platform_are_solvent(
    study: TreatmentStudy, tmp_path: Path
) -> None:
    curve: Elsewhere = {"policy.job_below 200": {"off": around(24)}}
    results = results_of(study, tmp_path, {"off": around(400)}, elsewhere=curve)
    points = threshold_points(results)
    assert [(own.value, own.insolvent, own.is_inside) for own in points] == [
        (-180, 50, False),
        (200, 3, True),
    ]
    assert all(own.platform == 1000 for own in points)
    said = window_sentence(points, "policy.job_below")
    assert "after 100 turns at 1 of 2 values of `policy.job_below`, from 200 to 200" in said
    broke = results_of(study, tmp_path, {"off": around(400)}, {"off": -5}, curve)
    assert not any(own.is_inside for own in threshold_points(broke))
    assert "nowhere" in window_sentence(threshold_points(broke), "policy.job_below")


def test_a_reference_that_nothing_matches_is_not_comparable(
    study: TreatmentStudy, tmp_path: Path
) -> None:
    planted(tmp_path, study, {"off": around(400)})
    own = StudyFolder(tmp_path, study)
    unmatched = next(iter(planned_matches(study))).cell
    own.keep(unmatched, [])
    found = matched_effects(StudyResults(study, tmp_path), ["insolvent_percent"])
    none = [each for each in found if each.difference is None]
    assert len(none) == 1
    assert none[0].reference_tokens is None
    assert (none[0].behaviour, none[0].reference) == ("published", "tariff cut")


def test_a_response_is_the_difference_from_its_pair(study: TreatmentStudy, tmp_path: Path) -> None:
    results = results_of(study, tmp_path, {"off": around(400)})
    responses = impulse_responses(results)
    own = next(each for each in responses if (each.behaviour, each.arm) == ("published", "off"))
    extra = [2 + value % 2 for value in around(400)]
    assert own.peak == pytest.approx(sum(extra) / 12)
    assert own.area == pytest.approx(10 * sum(extra) / 12)
    assert own.first_turn == own.last_turn == 10
    # From turn 20 on every run is as the unshocked ones are.
    assert (own.back_percent, own.back_turns) == (100, 10)
    assert own.means[8] == 0
    # One agent is below zero without the shock, in every turn.
    assert own.level_without == pytest.approx(1)
    assert own.level == pytest.approx(1 + sum(extra) / 12)
    assert own.level_interval == pytest.approx(student_interval([1 + each for each in extra]))
    assert own.peak_interval == pytest.approx(student_interval(extra))
    assert own.total_without == pytest.approx(TURNS - 9)
    assert own.total == pytest.approx(TURNS - 9 + own.area)
    assert own.area_interval == pytest.approx(student_interval([10 * each for each in extra]))
    assert own.back_interval == (10, 10)


def test_claims_follow_what_the_runs_say(study: TreatmentStudy, tmp_path: Path) -> None:
    claims = claims_table(_claims(study, tmp_path / "a", 700)).rows
    verdicts = [row[1] for row in claims]
    assert "Where it is dearer: twice the tariff 87.5 % after 100 turns, beside 87.5 %" in str(
        claims[0][2]
    )
    assert verdicts == [FAILS, CONDITION, HOLDS, UNTESTED, HOLDS]
    # Few insolvent agent-turns: blocks are made, and the economy is well.
    solvent = [row[1] for row in claims_table(_claims(study, tmp_path / "b", 40)).rows]
    assert solvent[2] == FAILS


def _claims(study: TreatmentStudy, folder: Path, insolvent: int) -> StudyResults:
    return results_of(study, folder, {"off": around(insolvent)})


def test_the_report_opens_with_the_answer_and_ends_with_parameters(
    study: TreatmentStudy, tmp_path: Path
) -> None:
    capped = [value + noise for value, noise in zip(around(200), NOISE, strict=True)]
    planted(tmp_path, study, {"off": around(400), "fee cap 1.5": capped})
    found = findings_of(study, tmp_path)
    report = study_report(found)
    assert "from 80.0 % to 0.0 %" in found.answer
    assert "fee cap 1.5 lowers them most, from 50.0 to 25.0 % over 100 turns" in found.answer
    assert "the platform from 1,000 to 1,000 tokens" in found.answer
    assert report.picture is not None
    titles = [section.title for section in report.evidence]
    assert titles[:3] == ["Before any rule", "Each rule", "Does the answer hold elsewhere?"]
    assert titles[-1] == "The paper's five claims"
    assert report.provenance[0].title == "Design"


def test_where_no_rule_helps_the_answer_says_so(study: TreatmentStudy, tmp_path: Path) -> None:
    planted(tmp_path, study, {"off": around(400)})
    assert "no rule lowers them by more" in findings_of(study, tmp_path).answer


def test_power_is_that_of_the_noisiest_treatment(study: TreatmentStudy, tmp_path: Path) -> None:
    noisy = [value + 40 * n for value, n in zip(around(380), NOISE, strict=True)]
    results = results_of(study, tmp_path, {"off": around(400), "fee cap 1.5": noisy})
    (own, _) = power_table(primary_effects(results)).rows
    # 40 times the noise of a seed, eight agent-turns a point.
    deviation = 40 * statistics.stdev(NOISE) / 8
    assert own[4] == "fee cap 1.5"
    assert own[5] == pytest.approx(deviation, abs=0.01)
    assert own[6] == pytest.approx(detectable_effect(deviation, 12), abs=0.01)
    assert own[8] == pairs_needed(5, deviation)


def test_what_could_not_fall_by_as_much_as_matters_has_no_room(
    study: TreatmentStudy, tmp_path: Path
) -> None:
    # 24 of 800 agent-turns are 3 %, less than the smallest effect of 5 points.
    results = results_of(study, tmp_path, {"off": around(24), "fee cap 1.5": [0] * 12})
    effect = next(own for own in primary_effects(results) if own.outcome == "insolvent_percent")
    assert effect.verdict is Verdict.NO_ROOM
