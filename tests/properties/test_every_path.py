"""Every path of every kind of contract comes to exactly one end, and escrow to nothing."""

from __future__ import annotations

from functools import cache
from typing import Final

import pytest

from sim_economy.core.contracts import (
    ENDS,
    TRANSITIONS,
    Cause,
    Happened,
    Role,
    Stage,
    after,
    allows,
)
from tests.properties.exploring import CONTRACTS, Explored, explore

P, C, A = Role

UNSIGNED: Final = {
    (Stage.LAPSED, Cause.NOT_SIGNED, ()),
    (Stage.LAPSED, None, ()),
    (Stage.LAPSED, Cause.RUN_ENDED, ()),
    (Stage.VOID, Cause.UNDERFUNDED, ()),
}
ATTESTED: Final = {
    (Stage.VOID, Cause.RUN_ENDED, ()),
    (Stage.SETTLED, Cause.CONFIRMED, ()),
    (Stage.SETTLED, Cause.CLAIM_STOOD, ()),
    (Stage.SETTLED, Cause.RULING, ()),
    (Stage.DEFAULTED, Cause.BOTH_SILENT, (P, C)),
    (Stage.DEFAULTED, Cause.RULING, (P,)),
    (Stage.DEFAULTED, Cause.NO_RULING, (A,)),
}
NOT_DELIVERED: Final = (Stage.DEFAULTED, Cause.NOT_DELIVERED, (P,))
RAN_OUT: Final = (Stage.SETTLED, Cause.RAN_OUT, ())
RUN_ENDED: Final = (Stage.VOID, Cause.RUN_ENDED, ())

EXPECTED: Final = {
    ("service", None): UNSIGNED | ATTESTED,
    ("information_sale", "automatic"): UNSIGNED
    | {RUN_ENDED, NOT_DELIVERED, (Stage.SETTLED, Cause.DELIVERED, ())},
    ("information_sale", "attested"): UNSIGNED | ATTESTED | {NOT_DELIVERED},
    ("loan", None): UNSIGNED
    | {(Stage.SETTLED, Cause.REPAID, ()), (Stage.DEFAULTED, Cause.NOT_REPAID, (C,))},
    ("insurance", None): UNSIGNED | {RUN_ENDED, RAN_OUT, (Stage.SETTLED, Cause.PAID_OUT, ())},
    ("forward", None): UNSIGNED | {RUN_ENDED, RAN_OUT},
}
"""Every end that each contract can come to here, and no other."""


@cache
def explored(kind: str, settlement: str | None, seats: tuple[int, ...]) -> Explored:
    return explore(kind, settlement, seats)


@pytest.mark.parametrize("seats", [(0, 1, 2), (2, 1, 0)])
@pytest.mark.parametrize(("kind", "settlement"), CONTRACTS)
def test_every_path_comes_to_one_of_the_ends_of_its_kind(
    kind: str, settlement: str | None, seats: tuple[int, ...]
) -> None:
    assert explored(kind, settlement, seats).ends == EXPECTED[kind, settlement]


def test_all_paths_together_take_every_step_of_the_table_and_no_other() -> None:
    taken = {step for contract in CONTRACTS for step in explored(*contract, (0, 1, 2)).steps}
    assert taken | {(None, Happened.PROPOSED)} == set(TRANSITIONS)


def test_nothing_leaves_an_end_and_everything_else_leads_to_one() -> None:
    assert {stage for stage, _ in TRANSITIONS if stage is not None} == set(Stage) - ENDS
    for stage in set(Stage) - ENDS:
        reached, new = set(), {stage}
        while new:
            reached |= new
            new = {TRANSITIONS[step] for step in TRANSITIONS if step[0] in reached} - reached
        assert reached & ENDS, stage


def test_the_table_is_asked_before_anything_happens() -> None:
    for stage in Stage:
        for happened in Happened:
            if allows(stage, happened):
                assert after(stage, happened) is TRANSITIONS[stage, happened]
            else:
                with pytest.raises(AssertionError):
                    after(stage, happened)
