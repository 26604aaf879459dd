"""What decides an outcome, in sentences with numbers and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sim_economy.ledger.readers.plain_text import markdown_code
from sim_economy.reports.page.document import sourced
from sim_economy.reports.sensitivity.swept_outcomes import (
    OUTCOMES,
    OutcomeSensitivity,
    SweepSensitivity,
)
from sim_economy.runs.row_metrics import ROW_METRICS
from sim_economy.statistics.elementary_effects import ElementaryEffect
from sim_economy.statistics.variance_indices import SobolIndex

INDICES_CSV: Final = "tables/indices.csv"
EFFECTS_CSV: Final = "tables/effects.csv"
_DECIDES: Final = 0.5
"""Share of the variance from which an input alone decides an outcome, its whole interval above."""


def outcome_word(metric: str) -> str:
    """An outcome in a sentence."""
    return OUTCOMES.get(metric, (metric, metric))[0]


def outcome_meaning(metric: str) -> str:
    """What an outcome is, with its unit."""
    return OUTCOMES.get(metric, ("", ROW_METRICS.get(metric, metric)))[1]


def ranked(own: OutcomeSensitivity) -> list[int]:
    """Inputs from the one that matters most: by total index, or by mean size of effects."""
    if own.sobol is not None:
        sobol = own.sobol
        return sorted(range(len(sobol)), key=lambda index: -sobol[index].total)
    effects = own.morris or ()
    return sorted(range(len(effects)), key=lambda index: -effects[index].size)


def answer(found: SweepSensitivity) -> str:
    """What decides the first outcome, in one sentence."""
    return conclusion(found, found.outcomes[0])


def conclusion(found: SweepSensitivity, own: OutcomeSensitivity) -> str:
    """What decides an outcome, in one sentence with its number and interval."""
    word = outcome_word(own.metric)
    order = ranked(own)
    if not order:
        return f"Nothing that was varied changes {word}."
    name = markdown_code(found.inputs[order[0]])
    if own.sobol is not None:
        return f"{name} {_sobol_claim(found, own.sobol, order, own.metric)}."
    assert own.morris is not None
    effect = own.morris[order[0]]
    size = sourced(number(effect.size), EFFECTS_CSV, own.metric, found.inputs[order[0]], "size")
    return (
        f"{name} changes {word} most: by {size} on average, scaled to its whole range "
        f"(95 % {_span(effect.size, effect.size_half)})."
    )


def _sobol_claim(
    found: SweepSensitivity, sobol: Sequence[SobolIndex], order: Sequence[int], metric: str
) -> str:
    index = sobol[order[0]]
    word, name = outcome_word(metric), found.inputs[order[0]]
    if index.first - index.first_half >= _DECIDES:
        share = sourced(_percent(index.first), INDICES_CSV, metric, name, "first %")
        return (
            f"decides {word}: {share} of its variance alone "
            f"(95 % {_percents(index.first, index.first_half)})"
        )
    share = sourced(_percent(index.total), INDICES_CSV, metric, name, "total %")
    verb = "matters most" if _leads(sobol, order) else "seems to matter most"
    return (
        f"{verb} for {word}: {share} of its variance with interactions "
        f"(95 % {_percents(index.total, index.total_half)}), "
        f"{_percent(index.first)} alone "
        f"({_percents(index.first, index.first_half)})"
    )


def _leads(sobol: Sequence[SobolIndex], order: Sequence[int]) -> bool:
    """Test whether the intervals of the two greatest total indices do not overlap."""
    if len(order) < 2:
        return True
    first, second = (sobol[index] for index in order[:2])
    return second.total + second.total_half < first.total - first.total_half


def details(found: SweepSensitivity, own: OutcomeSensitivity) -> str:
    """The inputs behind the first one, interactions, and noise between seeds."""
    order = ranked(own)
    parts = []
    if own.sobol is not None:
        parts = [*_sobol_details(found, own.sobol, order)]
    elif own.morris is not None:
        parts = [*_morris_details(found, own.morris, order)]
    if own.noise is not None:
        low, high = own.noise.interval
        sure = ""
        if low is not None and high is not None:
            sure = f" (95 % {100 * low:.1f} to {100 * high:.1f})"
        parts.append(
            f"Noise between seeds is {100 * own.noise.share:.1f} %{sure} of the variance of a "
            "single run; the indices are of means over seeds."
        )
    return " ".join(parts)


def _sobol_details(
    found: SweepSensitivity, sobol: Sequence[SobolIndex], order: Sequence[int]
) -> list[str]:
    parts = []
    after = [index for index in order[1:3] if sobol[index].total >= _SEEN]
    if after:
        listed = " and ".join(
            f"{markdown_code(found.inputs[index])} ({_percent(sobol[index].total)} with "
            f"interactions, 95 % {_percents(sobol[index].total, sobol[index].total_half)})"
            for index in after
        )
        parts.append(f"Next {'are' if len(after) > 1 else 'is'} {listed}.")
        if not _leads(sobol, order):
            parts.append("The intervals of the first two overlap: their order is not certain.")
    alone = sum(max(0.0, own.first) for own in sobol)
    parts.append(f"All inputs one by one account for {_percent(alone)}; the rest is interactions.")
    small = [index for index in order if sobol[index].total + sobol[index].total_half < _SEEN]
    if small:
        names = ", ".join(markdown_code(found.inputs[index]) for index in small)
        parts.append(f"Hardly any part is played by {names} (below {_percent(_SEEN)} each).")
    return parts


def _morris_details(
    found: SweepSensitivity, effects: Sequence[ElementaryEffect], order: Sequence[int]
) -> list[str]:
    first = effects[order[0]]
    way = "mostly upwards" if first.mean > 0 else "mostly downwards"
    if abs(first.mean) < first.size / 2:
        way = "in both directions"
    parts = [f"It acts {way}, with a spread of {number(first.spread)}."]
    listed = " and ".join(
        f"{markdown_code(found.inputs[index])} ({number(effects[index].size)}, "
        f"95 % {_span(effects[index].size, effects[index].size_half)})"
        for index in order[1:3]
    )
    return [*parts, *([f"Next: {listed}."] if listed else [])]


_SEEN: Final = 0.05


def _percent(share: float) -> str:
    """A share as it is read: an estimate beyond 0 or 1 is one of 0 or 1."""
    return f"{100 * min(1.0, max(0.0, share)):.0f} %"


def share_text(share: float, half: float) -> str:
    """A share with its interval, in percent, in a cell of a table."""
    return f"{_percent(share).removesuffix(' %')} ({_percents(share, half)})"


def _percents(value: float, half: float) -> str:
    low, high = (min(1.0, max(0.0, end)) for end in (value - half, value + half))
    return f"{100 * low:.0f} to {100 * high:.0f}"


def number(value: float) -> str:
    """An effect with as many digits as say something."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}".replace("-", "\u2212")


def _span(value: float, half: float) -> str:
    return f"{number(max(0.0, value - half))} to {number(value + half)}"
