"""References that spare or give as many tokens as another treatment does."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import product
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.units import decimal_text
from sim_economy.studies.played_cells import play_cell
from sim_economy.studies.study_arms import Cell, matched_arm
from sim_economy.studies.study_rows import StudyRow
from sim_economy.studies.treatment_study import GRANT, Treatment, TreatmentStudy

TRIES_MAX: Final = 14
"""Doses that are tried, at most."""
CLOSE: Final = 0.002
"""Part of the tokens by which a tariff misses them when no further one is tried."""
TOLERANCE: Final = 0.01
"""Part of the tokens by which a match may miss them; what misses them by more is none."""


class Match(Struct, frozen=True, kw_only=True):
    """Tokens that a reference is to spare or give by a horizon.

    Attributes:
        cell: With an arm whose dose is to be found.
        tokens: What the matched arm spared or gave all its replicates by then, together.
        fees: Charged to the same replicates without a treatment.
    """

    cell: Cell
    reference: Treatment
    tokens: int = 0
    fees: int = 0

    def of(self, *, tokens: int, fees: int) -> Match:
        """The match with what it is to reach."""
        return replace(self, tokens=tokens, fees=fees)


class MatchedCell(Struct, frozen=True):
    """A reference as it was matched, with its rows."""

    cell: Cell
    rows: Sequence[StudyRow]


def planned_matches(study: TreatmentStudy) -> list[Match]:
    """All references of a study, to be matched with each treatment at its dose and horizon."""
    found = []
    for behaviour in study.behaviours:
        agents = behaviour.scenario.base.config.agent_ids
        for treatment, horizon in product(study.tried(behaviour), behaviour.horizons):
            for reference in study.references:
                arm = matched_arm(
                    reference, reference.dose, agents, treatment.compared, horizon.turns
                )
                found.append(Match(cell=Cell(behaviour, arm), reference=reference))
    return found


def play_match(match: Match) -> MatchedCell:
    """The reference at the dose that spares or gives as many tokens; no rows where there are none.

    A grant is divided. A tariff is tried at doses by false position (Illinois), since what it
    spares rises with the cut, from nothing at none to all fees at a price of nothing.
    """
    if match.tokens <= 0:
        return MatchedCell(match.cell, [])
    if match.reference.key != GRANT:
        return _if_close(match, _matched_tariff(match))
    config = match.cell.behaviour.scenario.base.config
    shares = config.num_agents * match.cell.horizons[0].seeds
    share = (2 * match.tokens + shares) // (2 * shares)
    if abs(share * shares - match.tokens) > TOLERANCE * match.tokens:
        return MatchedCell(match.cell, [])
    return _played(match, str(share))


def _if_close(match: Match, matched: MatchedCell) -> MatchedCell:
    """What was matched, without its rows where it misses the tokens by too much.

    Fees are whole tokens: the smallest cut of a tariff spares up to a token of every bill.
    """
    over = sum(row.granted_total for row in matched.rows) - match.tokens
    return matched if abs(over) <= TOLERANCE * match.tokens else MatchedCell(match.cell, [])


def _matched_tariff(match: Match) -> MatchedCell:
    full = int(match.cell.behaviour.scenario.base.config.base_inference_rate)
    low, high = (0, match.fees), (full, -match.tokens)
    best: MatchedCell | None = None
    missed = moved = 0
    for _ in range(TRIES_MAX):
        rate = low[0] + (high[0] - low[0]) * low[1] // max(1, low[1] - high[1])
        rate = min(max(rate, low[0] + 1), high[0] - 1)
        played = _played(match, decimal_text(rate, 6))
        over = sum(row.granted_total for row in played.rows) - match.tokens
        if best is None or abs(over) < missed:
            best, missed = played, abs(over)
        if abs(over) <= CLOSE * match.tokens or high[0] - low[0] <= 2:
            break
        if over > 0:
            low, high = (rate, over), (high[0], high[1] // 2 if moved > 0 else high[1])
            moved = 1
        else:
            low, high = (low[0], low[1] // 2 if moved < 0 else low[1]), (rate, over)
            moved = -1
    assert best is not None, match
    return best


def _played(match: Match, dose: str) -> MatchedCell:
    """The reference at a dose."""
    behaviour, planned = match.cell.behaviour, match.cell.arm
    agents = behaviour.scenario.base.config.agent_ids
    number = f"{Decimal(dose).normalize():f}"
    assert planned.turns is not None
    arm = matched_arm(match.reference, number, agents, planned.matched, planned.turns)
    cell = Cell(behaviour, arm)
    return MatchedCell(cell, play_cell(cell))
