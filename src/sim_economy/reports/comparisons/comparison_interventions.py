"""Who paid for the interventions of each treatment that is compared, and who received."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from sim_economy.ledger.readers.plain_text import markdown_text, visible
from sim_economy.reports.comparisons.comparison import TreatmentComparison
from sim_economy.reports.interventions import incidence_table, what_interventions_did
from sim_economy.reports.page.document import Block, Section, plain

_AGENTS_SHOWN: Final = 30
"""Agents of a table, at most: those whose net is furthest from 0."""


def incidence_sections(found: TreatmentComparison) -> list[Section]:
    """What interventions gave and took under each treatment; none where all are off."""
    blocks: list[Block] = []
    for number, side in enumerate(found.sides, 1):
        sentences = what_interventions_did(side.runs)
        if not sentences:
            continue
        # Their links lead into the folder of an experiment, which a comparison does not have.
        listed = "\n".join(f"- {markdown_text(plain(text))}" for text in sentences)
        table = incidence_table(side.runs, _AGENTS_SHOWN)
        named = f"{table.title}, under {visible(side.name)}"
        blocks += [
            f"Under {markdown_text(side.name)}:\n\n{listed}",
            replace(table, name=f"incidence-{number}", title=named, csv=""),
        ]
    title = "Who paid for interventions, and who received"
    return [Section(title=title, blocks=blocks)] if blocks else []
