"""The report of a study of treatments: the answer first, then figures, then every effect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sim_economy.core.errors import needing
from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_code, markdown_text
from sim_economy.reports.page.document import KeyFigure, Report, Section
from sim_economy.reports.page.files import write_files
from sim_economy.reports.tables import Table, Value
from sim_economy.studies.findings.study_claims import claims_table
from sim_economy.studies.findings.study_decisions import (
    all_decisions_table,
    decision_table,
)
from sim_economy.studies.findings.study_effects import (
    Verdict,
    treatments_of,
)
from sim_economy.studies.findings.study_factorial import (
    factorial_sentences,
)
from sim_economy.studies.findings.study_findings import StudyFindings
from sim_economy.studies.findings.study_flows import incidence_table, sources_table
from sim_economy.studies.findings.study_pictures import (
    dose_picture,
    flow_picture,
    forest_picture,
    impulse_picture,
    interaction_picture,
    survival_picture,
)
from sim_economy.studies.findings.study_result_tables import (
    effects_table,
    factorial_table,
    fixed_table,
    interaction_table,
    known_table,
    matched_table,
    power_table,
    shock_table,
    shortfall_table,
    spread_table,
    trained_table,
)
from sim_economy.studies.findings.study_robustness import (
    robustness_sentence,
    robustness_table,
)
from sim_economy.studies.findings.study_sentences import (
    INSOLVENT,
    answer,
    between,
    change,
    rule_sentence,
    trained_sentence,
)
from sim_economy.studies.findings.study_window import (
    threshold_picture,
    threshold_points,
    window_sentence,
)
from sim_economy.studies.treatment_study import RobustnessCheck, TreatmentStudy


def write_study(folder: Path, found: StudyFindings) -> list[Path]:
    """Write `study.md`, `study.html`, figures and tables, the page last.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
        FolderError: The folder cannot be written.
    """
    with needing("the report", "report"):
        return write_files(folder, "study", study_report(found))


def study_report(found: StudyFindings) -> Report:
    """A study as a report."""
    results, study = found.results, found.results.study
    return Report(
        title=f"{study.question} (a slice of the study)" if study.is_slice else study.question,
        answer=answer(results, found.effects, found.matched),
        lead=[decision_table(results, found.decisions)] if found.decisions else [],
        picture=dose_picture(results),
        key_figures=_key_figures(found),
        evidence=[*_evidence(found)],
        provenance=[_design(study), _statistics(found), _reading()],
    )


def _evidence(found: StudyFindings) -> Iterator[Section]:
    results, study = found.results, found.results.study
    first = study.behaviours[0]
    last = first.horizons[-1].turns
    if results.thresholds:
        yield Section(
            title="Before any rule",
            blocks=[_before(found), threshold_picture(results), known_table(results)],
        )
    yield Section(
        title="Each rule",
        blocks=[
            *(
                rule_sentence(name, [own for own in found.effects if own.treatment == name])
                for name in treatments_of(study)
            ),
            forest_picture(found.effects, found.fixed, study, first.name, last),
            all_decisions_table(study, found.decisions),
            effects_table(found.effects),
            spread_table(results),
        ],
    )
    if found.robustness:
        yield Section(
            title="Does the answer hold elsewhere?",
            blocks=[robustness_sentence(found.robustness), robustness_table(found.robustness)],
        )
    yield Section(
        title="At equal tokens",
        blocks=[_matched_sentence(found), matched_table(found.matched)],
    )
    yield Section(
        title="With what agents decide held fixed",
        blocks=[*_fixed_sentences(found), fixed_table(found.effects, found.fixed)],
    )
    if found.trained:
        yield Section(
            title="Agents trained against the rule",
            blocks=[
                trained_sentence(found.effects, found.trained),
                trained_table(found.effects, found.trained),
            ],
        )
    if found.interactions:
        yield Section(
            title="Two together",
            blocks=[
                _interaction_sentence(found),
                interaction_picture(results, found.interactions, first.name, last),
                interaction_table(found.interactions),
            ],
        )
    if found.factorial:
        yield Section(
            title="Every combination",
            blocks=[*factorial_sentences(found.factorial), factorial_table(found.factorial)],
        )
    yield Section(
        title="Who stays solvent, and how long",
        blocks=[survival_picture(results, first.name, last), shortfall_table(results)],
    )
    if found.responses:
        yield Section(
            title="Shocks",
            blocks=[
                impulse_picture(found.responses, first.name),
                shock_table(found.responses),
            ],
        )
    yield Section(
        title="Where tokens went",
        blocks=[
            flow_picture(results, first.name, last),
            incidence_table(results),
            sources_table(results, first.name, last),
        ],
    )
    yield Section(title="The paper's five claims", blocks=[claims_table(results)])


def _key_figures(found: StudyFindings) -> list[KeyFigure]:
    study = found.results.study
    first = study.behaviours[0]
    figures = []
    for horizon in (first.horizons[0], first.horizons[-1])[: len(first.horizons)]:
        off = found.results.off(first.name, horizon.turns)
        figures.append(
            KeyFigure(
                value=f"{number(off.mean(INSOLVENT), 1)} %",
                label=f"of agent-turns below zero after {horizon.turns:,} turns, without a rule",
                note=f"platform {number(off.mean('platform'), 0)} tokens",
            )
        )
    verdicts = [own.verdict for own in found.effects]
    large = verdicts.count(Verdict.LARGE)
    figures.append(
        KeyFigure(
            value=f"{large} of {len(verdicts)}",
            label="primary effects are beyond the smallest one worth acting on",
            note=f"{verdicts.count(Verdict.NOTHING)} are smaller, "
            f"{verdicts.count(Verdict.INERT)} rules never acted on the outcome, "
            f"{verdicts.count(Verdict.NO_ROOM)} had no room",
        )
    )
    return figures[:3]


def _before(found: StudyFindings) -> str:
    results = found.results
    curve = results.study.threshold
    assert curve is not None
    shares = dict(results.thresholds)
    own = shares[float(curve.published)]
    return (
        f"With nothing else changed, `{curve.key}` decides: {number(own, 1)} % of agent-turns end "
        f"below zero at the published {curve.published}, {number(max(shares.values()), 1)} % at "
        f"most, {number(min(shares.values()), 1)} % at least, over {curve.seeds} seeds and "
        f"{curve.turns} turns ([thresholds.csv](thresholds.csv)). "
        f"{window_sentence(threshold_points(results), curve.key)}"
    )


def _matched_sentence(found: StudyFindings) -> str:
    own = [each.difference for each in found.matched if each.outcome == INSOLVENT]
    verdicts = [None if difference is None else difference.verdict for difference in own]
    alike, missing = verdicts.count(Verdict.NOTHING), verdicts.count(None)
    return (
        f"Beside a reference that spares or gives as many tokens, {alike} of {len(own) - missing} "
        "treatments differ from it in agent-turns below zero by nothing that matters; "
        f"{missing} spare or give nothing, and are compared with nothing."
    )


def _fixed_sentences(found: StudyFindings) -> Iterator[str]:
    displaced = [
        (own.displaced_percent, own) for own in found.results.of() if own.arm.kind.value == "fixed"
    ]
    if not displaced:
        return
    most, arm = max(displaced, key=lambda each: each[0])
    text = (
        f"What agents decided without a rule is played again under it. At most "
        f"{number(most, 1)} % of inputs came to nothing there ({markdown_text(arm.arm.name)}, "
        f"{markdown_text(arm.behaviour)}, {arm.turns:,} turns)."
    )
    if most > 5:
        text += " **Above 5 % such a replay says little of what the rule would do.**"
    yield text


def _interaction_sentence(found: StudyFindings) -> str:
    own = [each for each in found.interactions if each.outcome == INSOLVENT]
    strongest = min(own, key=lambda each: each.together)
    one, other = strongest.treatments
    return (
        f"Together, {markdown_text(one)} and {markdown_text(other)} lower agent-turns below zero "
        f"most: {change(strongest.together, INSOLVENT)} under {markdown_text(strongest.behaviour)} "
        f"after {strongest.turns:,} turns; their interaction, half of (both - one - other + "
        f"neither), is {change(strongest.mean, INSOLVENT)} "
        f"({between(strongest.interval, INSOLVENT)}; agents decide again; {strongest.pairs} pairs)."
    )


def _design(study: TreatmentStudy) -> Section:
    """What was decided before anything was played."""
    rows: list[tuple[Value, ...]] = [
        ("hash of the study", study.hash),
        ("horizons", ", ".join(f"{own.turns:,} turns x {own.seeds}" for own in study.horizons)),
        ("behaviours", ", ".join(own.name for own in study.behaviours)),
        *(
            (f"treatment {own.name}", f"{own.key} = {', '.join(own.doses)}; compared at {own.dose}")
            for own in study.treatments
        ),
        *(
            (f"primary outcome {own.name}", f"smallest effect {own.smallest_effect:g}")
            for own in study.outcomes
        ),
        *(
            (f"shock {own.name}", json.dumps(list(own.entries), default=str))
            for own in study.shocks
        ),
        ("each with each", ", ".join(study.factorial)),
        ("in every combination", ", ".join(study.full_factorial)),
        *(
            (f"world {own.name}", json.dumps(_changed(study, own), default=str))
            for own in study.robustness
        ),
    ]
    table = Table(
        "design", "Decided beforehand, in the study's file", ("what", "value"), tuple(rows)
    )
    return Section(title="Design", blocks=[table])


def _changed(study: TreatmentStudy, check: RobustnessCheck) -> dict[str, Any]:
    """What a robustness check changes of the study's world, as its file states it."""
    given = next(own for own in study.given["robustness"] if own["name"] == check.name)
    return {key: value for key, value in given.items() if key != "name"}


def _statistics(found: StudyFindings) -> Section:
    tested = sum(own.p_value is not None for own in found.effects)
    return Section(
        title="Statistics",
        blocks=[_HOW.format(tested=tested), *_warnings(found), power_table(found.effects)],
    )


def _warnings(found: StudyFindings) -> list[str]:
    """Where intervals cover less than they say."""
    effects = [*found.effects, *found.fixed, *found.trained]
    low = [own.coverage for own in effects if own.coverage is not None]
    if not low:
        return []
    text = (
        f"**{len(low)} of {len(effects)} intervals cover less than 90 %** by what was measured of "
        "samples with as many values, or with 12 where they are fewer: their differences are few, "
        "or skewed."
    )
    return [text]


_HOW: Final = (
    "The run is the unit: differences are those of runs with the same seed; horizons are read from "
    "the same runs, so they are no replicates of one another. Intervals are Student's t (95 %, not "
    "corrected for their number) and, beside them, the BCa bootstrap; verdicts follow from these. "
    "p-values flip the signs of whole pairs and are adjusted by Holm's method within a behaviour "
    "and horizon, over all {tested} primary effects that chance has a part in; n pairs can give "
    "none below 2 / 2ⁿ. *Smaller than matters*: the 90 % interval lies within the smallest effect "
    "worth acting on (two one-sided tests). *No room to matter*: what cannot fall below zero was "
    "less than that without a rule. References, rules together, shocks and training were decided "
    "beforehand, as secondary; they carry intervals or means without p-values. Tokens spared or "
    "given are gross: at the full tariff, for the usage there was under the rule, without what "
    "jobs lost. Of trained agents there are two intervals: over worlds, and over trainings, of "
    "which there are few. The main effect of a rule in a full factorial is its mean difference "
    "over every combination of the others; the contrast of two is half of (both - one - other + "
    "neither) over the rest, of three half of how much that differs with the third."
)


def _reading() -> Section:
    command = "sim-economy study STUDY --out FOLDER"
    text = (
        f"{markdown_code(command)} with the same file writes the same bytes. A run is named by "
        "behaviour, arm, seed and turn; its row, with the digest of its state, is in "
        "`runs/BEHAVIOUR/ARM.jsonl`."
    )
    return Section(title="Every number again", blocks=[text])
