"""The report of sensitivity: which input decides which outcome, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from sim_economy.core.errors import needing
from sim_economy.ledger.readers.plain_text import markdown_code
from sim_economy.reports.drawings.sensitivity_figures import (
    EffectPanel,
    IndexPanel,
    effect_planes,
    index_bars,
)
from sim_economy.reports.page.document import Figure, KeyFigure, Report, Section, plain
from sim_economy.reports.page.files import write_files
from sim_economy.reports.sensitivity.sensitivity_sentences import (
    answer,
    conclusion,
    details,
    number,
    outcome_meaning,
    outcome_word,
    ranked,
    share_text,
)
from sim_economy.reports.sensitivity.swept_outcomes import (
    OutcomeSensitivity,
    SensitivityMethod,
    SweepSensitivity,
)
from sim_economy.reports.tables import Code, Table, Value

REPORT_BEGINNING: Final = b"# What decides "
"""What every `sensitivity.md` begins with."""


def write_sensitivity(
    folder: Path, found: SweepSensitivity, provenance: Sequence[Section] = ()
) -> list[Path]:
    """Write `sensitivity.md`, `sensitivity.html`, figures and tables, the page last.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
        FolderError: The folder cannot be written.
    """
    with needing("the report", "report"):
        return write_files(folder, "sensitivity", sensitivity_report(found, provenance))


def sensitivity_answer(found: SweepSensitivity) -> str:
    """The answer as plain text."""
    return plain(answer(found))


def conclusions(found: SweepSensitivity) -> list[str]:
    """What decides each outcome, as plain text."""
    return [plain(conclusion(found, own)) for own in found.outcomes]


def sensitivity_report(found: SweepSensitivity, provenance: Sequence[Section] = ()) -> Report:
    """Sensitivity as a report."""
    words = [outcome_word(own.metric) for own in found.outcomes]
    return Report(
        title=f"What decides {', '.join(words[:-1])} and {words[-1]}"
        if len(words) > 1
        else f"What decides {words[0]}",
        answer=answer(found),
        picture=sensitivity_figure(found),
        key_figures=[_key_figure(found, own) for own in found.outcomes[:3]],
        evidence=[
            Section(
                title="Conclusions",
                blocks=[_conclusion(found, own) for own in found.outcomes],
            ),
            Section(title="Every estimate", blocks=[_table(found)]),
            Section(title="How to read it", blocks=[_HOW[found.method]]),
            Section(title="Noise between seeds", blocks=[_NOISE, _noise_table(found)]),
        ],
        provenance=[_design(found), *provenance],
    )


def _conclusion(found: SweepSensitivity, own: OutcomeSensitivity) -> str:
    return f"**{conclusion(found, own)}** {details(found, own)}".strip()


def _key_figure(found: SweepSensitivity, own: OutcomeSensitivity) -> KeyFigure:
    order = ranked(own)
    word = outcome_word(own.metric)
    if not order:
        return KeyFigure(value="0 %", label=f"of {word} is decided by what was varied")
    name = found.inputs[order[0]]
    if own.sobol is not None:
        index = own.sobol[order[0]]
        alone, interval = share_text(index.first, index.first_half).split(" ", 1)
        return KeyFigure(
            value=f"{alone} %",
            label=f"of the variance of {word}: {name} alone",
            note=f"95 % {interval.strip('()')}; with interactions "
            f"{share_text(index.total, index.total_half)}",
        )
    assert own.morris is not None
    effect = own.morris[order[0]]
    return KeyFigure(value=number(effect.size), label=f"greatest effect on {word}: {name}")


def sensitivity_figure(found: SweepSensitivity) -> Figure | None:
    """What each input does to each outcome; None where no outcome varies."""
    if found.method is SensitivityMethod.SOBOL:
        indexed = [own for own in found.outcomes if own.sobol is not None]
        if not indexed:
            return None
        panels = [_index_panel(own) for own in indexed]
        drawings = [index_bars(panels, found.inputs, narrow=each) for each in (False, True)]
        caption = "How much of the variance of each outcome each input accounts for."
        name = "indices"
    else:
        moved = [own for own in found.outcomes if own.morris is not None]
        if not moved:
            return None
        planes = [_effect_panel(own) for own in moved]
        drawings = [effect_planes(planes, found.inputs, narrow=each) for each in (False, True)]
        caption = (
            "How much each input changes each outcome, and how unevenly; above the dashed line "
            "effects depend on the other inputs."
        )
        name = "effects"
    rows = [*estimate_rows(found)]
    return Figure(name=name, caption=caption, drawing=drawings[0], narrow=drawings[1], rows=rows)


def _index_panel(own: OutcomeSensitivity) -> IndexPanel:
    assert own.sobol is not None
    columns = [[100 * value for value in column] for column in zip(*own.sobol, strict=True)]
    first, first_half, total, total_half = columns
    return IndexPanel(
        title=outcome_word(own.metric),
        first=first,
        first_half=first_half,
        total=total,
        total_half=total_half,
        noise=None if own.noise is None else 100 * own.noise.share,
    )


def _effect_panel(own: OutcomeSensitivity) -> EffectPanel:
    assert own.morris is not None
    return EffectPanel(
        title=outcome_word(own.metric),
        size=[effect.size for effect in own.morris],
        size_half=[effect.size_half for effect in own.morris],
        spread=[effect.spread for effect in own.morris],
    )


def estimate_rows(found: SweepSensitivity) -> Iterable[dict[str, Any]]:
    """A row for each outcome and input, with its estimates in percent or units of the outcome."""
    for own in found.outcomes:
        for index, name in enumerate(found.inputs):
            estimates = dict.fromkeys(_COLUMNS[found.method]) | _estimates(own, index)
            yield {"outcome": own.metric, "input": name, **estimates}


_COLUMNS: Final = {
    SensitivityMethod.SOBOL: ("first %", "first half-width", "total %", "total half-width"),
    SensitivityMethod.MORRIS: ("size", "size half-width", "mean", "spread"),
}


def _estimates(own: OutcomeSensitivity, index: int) -> dict[str, float]:
    """What was estimated of one input; nothing where the outcome does not vary."""
    if own.sobol is not None:
        first, first_half, total, total_half = (100 * each for each in own.sobol[index])
        return {
            "first %": round(first, 2),
            "first half-width": round(first_half, 2),
            "total %": round(total, 2),
            "total half-width": round(total_half, 2),
        }
    if own.morris is not None:
        effect = own.morris[index]
        return {
            "size": round(effect.size, 6),
            "size half-width": round(effect.size_half, 6),
            "mean": round(effect.mean, 6),
            "spread": round(effect.spread, 6),
        }
    return {}


def _table(found: SweepSensitivity) -> Table:
    is_sobol = found.method is SensitivityMethod.SOBOL
    rows: list[tuple[Value, ...]] = [tuple(row.values()) for row in estimate_rows(found)]
    title = "Sobol indices" if is_sobol else "Elementary effects"
    name = "indices" if is_sobol else "effects"
    return Table(name, title, ("outcome", "input", *_COLUMNS[found.method]), tuple(rows))


def _noise_table(found: SweepSensitivity) -> Table:
    rows: list[tuple[Value, ...]] = [
        (
            own.metric,
            outcome_meaning(own.metric),
            round(own.mean, 4),
            round(own.deviation, 4),
            *_noise_values(own),
        )
        for own in found.outcomes
    ]
    columns = ("outcome", "what it is", "mean", "deviation between points", "noise %", "from", "to")
    return Table("noise", "Outcomes and their noise", columns, tuple(rows))


def _noise_values(own: OutcomeSensitivity) -> tuple[Value, ...]:
    if own.noise is None:
        return None, None, None
    bounds = (None if each is None else round(100 * each, 2) for each in own.noise.interval)
    return (round(100 * own.noise.share, 2), *bounds)


def _design(found: SweepSensitivity) -> Section:
    rows: list[tuple[Value, ...]] = [
        (Code(name), _end(low), _end(high))
        for name, (low, high) in zip(found.inputs, found.ranges, strict=True)
    ]
    table = Table("inputs", "What was varied", ("input", "from", "to"), tuple(rows))
    text = (
        f"Design {markdown_code(found.method)}: {found.points:,} points, {found.runs:,} runs, "
        f"{found.failed:,} failed."
    )
    return Section(title="What was varied", blocks=[text, table])


def _end(value: Any) -> Value:
    return value if isinstance(value, int | float) else str(value)


_HOW: Final = {
    SensitivityMethod.SOBOL: """
The **first-order index** of an input is the share of an outcome's variance between points that the
input accounts for by itself; the **total index** takes in every interaction with the others. An
input whose total is near zero can be fixed anywhere in its range. Where first-order indices add up
to less than 100 %, the rest is interactions; total indices may add up to more. Intervals are 95 %,
by bootstrap; a small index may come out below zero, and means zero. All shares are of the ranges
and the design stated below: a wider range makes an input matter more.
""",
    SensitivityMethod.MORRIS: """
An **elementary effect** is how much an outcome changes as one input moves, scaled to its whole
range, from a random place of the others. Its mean size (mu*) says how much the input matters; its
spread (sigma) says how unevenly. A spread above the mean size means that the effect depends on the
other inputs or on where it starts. This screens inputs with few runs; it gives no shares of
variance.
""",
}
_NOISE: Final = """
The variance of a single run is split in two: between points, which the inputs make, and between the
seeds of one point, which is noise. Indices are of means over the seeds of a point, in which that
noise is divided by the number of seeds.
"""
