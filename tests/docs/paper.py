"""The paper on the shipped study, written from the small data that ships with it.

`python -m tests.docs.paper out/paper-questions` takes the data out of a finished study and writes
the page; without a folder it writes the page from the data that is there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sim_economy.studies.study_reader import read_treatment_study
from sim_economy.studies.treatment_study import TreatmentStudy
from tests.docs import paper_sentences as sentences
from tests.docs import paper_tables as tables
from tests.docs.blocks import ROOT
from tests.docs.paper_data import Data, collect

PAPER: Final = ROOT / "docs/paper"
PAGE: Final = PAPER / "README.md"


def shipped() -> TreatmentStudy:
    """The study that the paper is on."""
    return read_treatment_study("paper-questions")


def page(data: Data) -> str:
    """The paper, every number from the data."""
    text = (PAPER / "paper.md.in").read_text(encoding="utf-8")
    study = data.study
    values = {
        "answer": data.facts["answer"],
        "decisions": tables.decisions_table(data),
        "first": data.first.name,
        "hash": data.facts["study_hash"],
        "horizons": ", ".join(
            f"{own.turns:,} turns ({own.seeds} seeds)" for own in data.first.horizons
        ),
        "repeats": str(data.repeats),
        "shock_names": " and ".join(f"({own.name})" for own in study.shocks),
        "checks": ", ".join(own.name for own in study.robustness),
        "checked_turns": " and ".join(
            f"{own.turns:,}" for own in study.robustness[0].behaviour.horizons
        ),
        "smallest": sentences.smallest_sentence(data),
        "last": f"{data.last:,}",
        "off": sentences.off_sentence(data),
        "window": data.facts["window"],
        "without": tables.without_table(data),
        "rules": tables.rules_table(data),
        "loans": sentences.loans_sentence(data),
        "behaviours": tables.behaviours_table(data),
        "elsewhere": sentences.robustness_sentence(data),
        "robustness": tables.robustness_table(data),
        "equal": tables.equal_table(data),
        "matched": sentences.matched_sentence(data),
        "modes": tables.modes_table(data),
        "trained_table": tables.trained_table(data),
        "again": sentences.modes_sentence(data),
        "trained": sentences.trained_sentence(data),
        "wages": tables.wages_table(data),
        "together": tables.together_table(data),
        "factorial": tables.factorial_table(data),
        "shocks": tables.shocks_table(data),
        "incidence": tables.incidence_table(data),
        "sources": tables.sources_table(data),
        "market": tables.market_table(data),
        "claims": tables.claims_table(data),
    }
    for name, value in values.items():
        marked = f"{{{{{name}}}}}"
        assert marked in text, name
        text = text.replace(marked, value)
    assert "{{" not in text, text[text.index("{{") :][:60]
    return text


def main(arguments: Sequence[str]) -> None:
    study = shipped()
    if arguments:
        collect(study, Path(arguments[0]), PAPER)
    PAGE.write_text(page(Data(study, PAPER)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
