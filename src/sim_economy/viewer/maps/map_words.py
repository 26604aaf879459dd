"""What a plane of a sweep and a cell of it say, in sentences."""

from __future__ import annotations

from typing import Final

from sim_economy.reports.drawings.drawing import grouped
from sim_economy.reports.maps.map_sentences import BROUGHT, percent, word_of
from sim_economy.reports.maps.solvency_cells import Solvency
from sim_economy.runs.row_metrics import ROW_METRICS
from sim_economy.viewer.maps.own_values import mark_of, own_step
from sim_economy.viewer.maps.planes import UNPLAYED, MetricCells, PlaneChoice, SweptPlane
from sim_economy.viewer.maps.swept_rows import SEED, SweptRows
from sim_economy.viewer.pages.words import named

CLASSES: Final = (Solvency.WINDOW, Solvency.AGENTS, Solvency.PLATFORM, Solvency.BOTH)
"""By their number."""


def plane_answer(rows: SweptRows, choice: PlaneChoice, plane: SweptPlane) -> str:
    """Who is insolvent in which share of the plane, in one sentence."""
    played = int((plane.classes != UNPLAYED).sum())
    where = _where(rows, choice)
    if not played:
        return f"{where} nothing has been played yet."
    shares = [int((plane.classes == number).sum()) / played for number in range(len(CLASSES))]
    cells = "the runs" if SEED in {choice.across, choice.up} else "the plane"
    solvent = f"agents and platform are both solvent in {percent(shares[0])} of {cells}"
    said: list[str] = []
    for (who, verb), share in zip(_INSOLVENT, shares[1:], strict=True):
        if share:
            said.append(f"{who}{'' if said else f' {verb} insolvent'} in {percent(share)}")
    insolvent = f"; {named(said)}" if said else ""
    return f"{where} {solvent}{insolvent}{_at_mark(rows, choice, plane)}."


_INSOLVENT: Final = (("agents alone", "are"), ("the platform alone", "is"), ("both", "are"))


def _where(rows: SweptRows, choice: PlaneChoice) -> str:
    """The steps that are held, as the beginning of a sentence."""
    study = rows.plan.study
    turns = f"{study.scenario.base.turns:,}"
    held = []
    for axis in rows.axes:
        step = choice.held.get(axis.name, 0 if len(axis.texts) == 1 else None)
        if axis.name == "turns":
            turns = "all" if step is None else f"{int(axis.texts[step]):,}"
        elif step is not None and len(axis.texts) > 1:
            held.append(f"{word_of(axis.name)} {signed_text(axis.texts[step])}")
    return f"After {turns} turns{', with ' + ' and '.join(held) + ',' if held else ''}"


def _at_mark(rows: SweptRows, choice: PlaneChoice, plane: SweptPlane) -> str:
    """What becomes of the scenario's own world, where it is a cell of the plane."""
    steps = {}
    for axis in rows.axes:
        if axis.name in {SEED, "turns"} and axis.name not in {choice.across, choice.up}:
            continue
        step = own_step(rows, axis)
        if step is None or step != int(step):
            return ""
        if choice.held.get(axis.name, int(step)) != int(step):
            return ""
        steps[axis.name] = int(step)
    if not steps:
        return ""
    cell = steps.get(choice.up, 0) * plane.width + steps.get(choice.across, 0)
    number = int(plane.classes[cell])
    return "" if number == UNPLAYED else f"; in {mark_of(rows)} {BROUGHT[CLASSES[number]]}"


def metric_answer(
    rows: SweptRows, choice: PlaneChoice, plane: SweptPlane, cells: MetricCells
) -> str:
    """Where a metric is least and where it is greatest, in one sentence."""
    import numpy as np  # noqa: PLC0415 - not for a command that opens something else

    if not plane.runs.any():
        return ""
    least, greatest = int(np.nanargmin(cells.means)), int(np.nanargmax(cells.means))
    meaning = ROW_METRICS[cells.name]
    low, high = (grouped(float(cells.means[cell])) for cell in (least, greatest))
    if low == high:
        return f"{meaning[:1].upper()}{meaning[1:]}: {low} in every cell."
    ends = [
        f"{text} at {cell_words(rows, choice, cell)}"
        for text, cell in ((low, least), (high, greatest))
    ]
    return f"{meaning[:1].upper()}{meaning[1:]}: from {' to '.join(ends)}."


def signed_text(text: str) -> str:
    """A step as people read it, its minus as long as its plus."""
    return f"\u2212{text[1:]}".replace(" -", " \u2212") if text.startswith("-") else text


def cell_words(rows: SweptRows, choice: PlaneChoice, cell: int) -> str:
    """Where a cell is."""
    width = len(rows.axis(choice.across).texts) if choice.across else 1
    steps = {choice.across: cell % width, choice.up: cell // width}
    named = [
        f"{word_of(name)} {signed_text(rows.axis(name).texts[step])}"
        for name, step in steps.items()
        if name
    ]
    return ", ".join(named) or "the only point"


def cell_answer(rows: SweptRows, choice: PlaneChoice, plane: SweptPlane, cell: int) -> str:
    """What a cell holds, in one sentence."""
    runs, number = int(plane.runs[cell]), int(plane.classes[cell])
    where = cell_words(rows, choice, cell)
    if number == UNPLAYED:
        return f"At {where} nothing has been played."
    if runs == 1:
        return f"At {where} {BROUGHT[CLASSES[number]]}, in the one run there is."
    noise = ", within noise" if plane.noisy[cell] else ""
    return (
        f"At {where} {BROUGHT[CLASSES[number]]}: {int(plane.agreement[cell])} % of {runs:,} runs "
        f"agree{noise}."
    )
