"""The phrases shipped policies speak of business in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_economy.agents.policies.phrases import (
    ARBITRATION,
    SOUGHT,
    Done,
    Offer,
    Phrase,
    Seek,
    proof,
    spoken,
    understood,
)

NUMBERS = st.integers(0, 10**10 - 1)
PHRASES = st.one_of(
    st.sampled_from([*SOUGHT]).flatmap(
        lambda what: st.builds(
            Seek,
            st.just(what),
            st.tuples(*[st.integers(-(10**10) + 1, 10**10 - 1)] * SOUGHT[what]),
        )
    ),
    st.builds(Offer, st.sampled_from([*SOUGHT, ARBITRATION]), NUMBERS),
    st.builds(lambda number: Done(number, proof(number)), NUMBERS),
)


@given(st.lists(PHRASES, max_size=8))
def test_what_is_spoken_is_understood(phrases: list[Phrase]) -> None:
    said = spoken(phrases, 10_000)
    assert understood(said or "") == tuple(phrases)


@given(st.lists(PHRASES, max_size=30), st.integers(0, 500))
def test_a_speech_is_never_too_long(phrases: list[Phrase], longest: int) -> None:
    said = spoken(phrases, longest)
    assert said is None or 0 < len(said) <= longest
    assert set(understood(said or "")) <= set(phrases)


@given(st.text())
def test_nothing_that_is_said_breaks_a_listener(speech: str) -> None:
    understood(speech)


@pytest.mark.parametrize(
    ("speech", "phrases"),
    [
        ("seek loan 300 12", (Seek("loan", (300, 12)),)),
        ("seek service 40 3; offer arbitration 5", (Seek("service", (40, 3)),
                                                    Offer("arbitration", 5))),
        ("seek insurance 100 -20 8", (Seek("insurance", (100, -20, 8)),)),
        ("hello; offer information 25 ; bye", (Offer("information", 25),)),
        (f"done 7 {proof(7)}", (Done(7, proof(7)),)),
        ("seek loan 300", ()),
        ("seek loan 300 12 5", ()),
        ("seek arbitration 5", ()),
        ("offer loan -5", ()),
        ("offer loan 99999999999", ()),
        ("done 7 nothing", ()),
        ("SEEK LOAN 300 12", ()),
        ("", ()),
    ],
)  # fmt: skip
def test_phrases_are_understood_to_the_letter(speech: str, phrases: tuple[Phrase, ...]) -> None:
    assert understood(speech) == phrases


def test_a_proof_is_of_one_service_alone() -> None:
    assert len({proof(number) for number in range(1000)}) == 1000
