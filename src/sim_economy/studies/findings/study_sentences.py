"""What a study says, in sentences with their numbers, intervals, modes, horizons and runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from sim_economy.ledger.readers.plain_numbers import MINUS, number
from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.statistics.intervals import Interval
from sim_economy.studies.findings.study_effects import (
    Effect,
    EffectKind,
    MatchedEffect,
    Mode,
    Verdict,
    is_turned,
)
from sim_economy.studies.findings.study_results import StudyResults
from sim_economy.studies.study_outcomes import OUTCOMES

INSOLVENT: Final = "insolvent_percent"
PLATFORM: Final = "platform"


def amount(value: float, outcome: str) -> str:
    """A value of an outcome with as many digits as its unit asks for."""
    unit = OUTCOMES[outcome].unit
    if unit == "%":
        return f"{number(value, 1)} %"
    digits = 3 if not unit else 0 if abs(value) >= 100 else 1
    return f"{number(value, digits)} {unit}".strip()


def change(value: float, outcome: str) -> str:
    """A difference in an outcome, with its sign; of percent in points."""
    unit = OUTCOMES[outcome].unit
    digits = 1 if unit == "%" else 3 if not unit else 0 if abs(value) >= 100 else 1
    text = number(value, digits)
    signed = text if text.startswith(MINUS) else f"+{text}"
    return f"{signed} {'points' if unit == '%' else unit}".strip()


def between(interval: Interval, outcome: str) -> str:
    """An interval as `95 % 1.2 to 3.4`; unknown where it is."""
    low, high = interval
    if low is None or high is None:
        return "interval unknown"
    unit = OUTCOMES[outcome].unit
    largest = max(abs(low), abs(high))
    digits = 1 if unit == "%" else 3 if not unit else 0 if largest >= 100 else 1
    return f"95 % {number(low, digits)} to {number(high, digits)}"


def answer(
    results: StudyResults, effects: Sequence[Effect], matched: Sequence[MatchedEffect]
) -> str:
    """The answer to the study's question in one sentence; Markdown."""
    parts = []
    curve = results.thresholds
    if curve:
        shares = [share for _, share in curve]
        parts.append(
            "who is insolvent hangs on how agents behave: at one tariff, one number of the policy "
            f"takes agent-turns below zero from {number(max(shares), 1)} % to "
            f"{number(min(shares), 1)} %"
        )
    horizons = results.study.behaviours[0].horizons
    best = _best(results, effects, horizons[-1].turns)
    if best is not None:
        parts.append(_best_text(results, best, matched))
    else:
        parts.append(
            f"over {horizons[-1].turns:,} turns no rule lowers them by more than is worth acting "
            "on in the published world"
        )
        if (early := _best(results, effects, horizons[0].turns)) is not None:
            parts.append(_best_text(results, early, matched))
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _best(results: StudyResults, effects: Sequence[Effect], turns: int) -> Effect | None:
    """The rule that lowers insolvency most in the first behaviour, at a horizon."""
    behaviour = results.study.behaviours[0]
    own = [
        effect
        for effect in effects
        if (effect.behaviour, effect.turns, effect.outcome) == (behaviour.name, turns, INSOLVENT)
        and effect.is_better
        and effect.verdict in {Verdict.LARGE, Verdict.CERTAIN, Verdict.CLEAR}
    ]
    return min(own, key=lambda effect: effect.mean, default=None)


def _best_text(results: StudyResults, best: Effect, matched: Sequence[MatchedEffect]) -> str:
    """What the rule does to agents and to the platform, and what a plain cut of the tariff does."""
    behaviour = results.study.behaviours[0]
    spans = []
    for turns in dict.fromkeys((behaviour.horizons[0].turns, best.turns)):
        own = results.arm(behaviour.name, best.arm, turns)
        off = results.off(behaviour.name, turns)
        assert own is not None, best
        spans.append(
            f"from {number(off.mean(INSOLVENT), 1)} to {number(own.mean(INSOLVENT), 1)} % over "
            f"{turns:,} turns, the platform from {number(off.mean(PLATFORM), 0)} to "
            f"{number(own.mean(PLATFORM), 0)} tokens"
        )
    text = f"of the rules {markdown_text(best.arm)} lowers them most, {', and '.join(spans)}"
    ends = [
        own
        for own in matched
        if (own.behaviour, own.arm, own.turns, own.outcome)
        == (best.behaviour, best.arm, best.turns, INSOLVENT)
        and own.reference == "tariff cut"
        and own.means[2] is not None
    ]
    if ends and ends[0].means[2] is not None:
        text += (
            f"; a plain tariff of {float(ends[0].dose):.3g} that spares as much comes to "
            f"{number(ends[0].means[2], 1)} %"
        )
    return text


def rule_sentence(name: str, effects: Sequence[Effect]) -> str:
    """What one treatment does, harms first, each with its cell; Markdown."""
    counts = Counter(effect.kind for effect in effects if effect.outcome == INSOLVENT)
    cells = sum(counts.values())
    listed = ", ".join(f"{_KINDS[kind]} in {counts[kind]}" for kind in _KINDS if counts[kind])
    text = f"**{markdown_text(name)}**: of {cells} pairs of behaviour and horizon it {listed}."
    for kind, word in ((EffectKind.HARMS, "Harm"), (EffectKind.HELPS, "Help")):
        found = [effect for effect in effects if effect.kind == kind]
        strongest: dict[str, Effect] = {}
        for effect in found:
            most = strongest.get(effect.outcome)
            if most is None or abs(effect.mean) > abs(most.mean):
                strongest[effect.outcome] = effect
        said = [
            f"{OUTCOMES[own.outcome].text} {change(own.mean, own.outcome)} "
            f"({between(own.student, own.outcome)}; {markdown_text(own.behaviour)}, "
            f"{own.turns:,} turns)"
            for own in strongest.values()
        ]
        if said:
            text += f" {word}, at most: {'; '.join(said)}."
    return f"{text} ({Mode.DECIDING}; no correction for looking at the largest)"


def trained_sentence(effects: Sequence[Effect], trained: Sequence[Effect]) -> str:
    """Where training against a rule turns what it does to insolvency, or that it turns nothing."""
    last = max(effect.turns for effect in trained)
    own = [effect for effect in trained if (effect.outcome, effect.turns) == (INSOLVENT, last)]
    listed = "; ".join(
        f"{markdown_text(effect.base)} {change(effect.mean, INSOLVENT)} "
        f"({between(effect.student, INSOLVENT)} over worlds{_over_trainings(effect)})"
        for effect in own
    )
    decided = {effect.subject: effect for effect in effects}
    turned = 0
    for effect in own:
        other = decided.get(effect.subject)
        turned += other is not None and is_turned(other.kind, effect.kind)
    return (
        f"Agents trained against each rule, beside agents trained against none, after {last:,} "
        f"turns: {listed}. For {turned} of {len(own)} rules the answer on insolvency is another "
        f"one than where untrained agents decide ({own[0].mode}; {own[0].trainings} trainings a "
        f"rule, {own[0].pairs} worlds each). The verdict is that of the wider of two intervals: "
        "over worlds, each the mean over trainings, and over trainings, each the mean over worlds."
    )


def _over_trainings(effect: Effect) -> str:
    """The interval over trainings, where there are several."""
    if effect.over_trainings.low is None:
        return ""
    return f", {between(effect.over_trainings, INSOLVENT)} over trainings"


_KINDS: Final = {
    EffectKind.HELPS: "lowers insolvency",
    EffectKind.HARMS: "raises it",
    EffectKind.NOTHING: "changes it by less than matters",
    EffectKind.NO_ROOM: "has no room to matter",
    EffectKind.INERT: "never acts on it",
    EffectKind.UNCLEAR: "is unclear",
}
