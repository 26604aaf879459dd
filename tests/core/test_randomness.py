"""Draws: the same for the same question, different for any other."""

from __future__ import annotations

import hmac
from collections import Counter
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from sim_economy.core.randomness import draw, draw_below, seed_key


def test_a_draw_is_the_documented_function_of_seed_turn_purpose_and_index() -> None:
    expected = hmac.new(b"42", b"7/lottery/3", sha256).digest()[:8]
    assert draw(seed_key(42), 7, "lottery", 3) == int.from_bytes(expected, "big")


def test_draws_stay_what_they_are_from_release_to_release() -> None:
    assert [draw(seed_key(0), turn, "lottery", 0) for turn in (1, 2)] == [
        9490300359592693469,
        6724709179070300765,
    ]


def test_seed_turn_purpose_and_index_each_give_another_draw() -> None:
    key = seed_key(1)
    draws = [
        draw(key, 1, "lottery", 0),
        draw(seed_key(2), 1, "lottery", 0),
        draw(key, 2, "lottery", 0),
        draw(key, 1, "other", 0),
        draw(key, 1, "lottery", 1),
    ]
    assert len(set(draws)) == len(draws)


@given(st.integers(1, 2**130), st.integers(0, 2**63 - 1), st.integers(0, 10**6))
def test_a_scaled_draw_is_below_its_bound_and_the_same_twice(
    bound: int, seed: int, turn: int
) -> None:
    point = draw_below(bound, seed_key(seed), turn, "lottery", 0)
    assert 0 <= point < bound
    assert point == draw(seed_key(seed), turn, "lottery", 0) * bound // 2**64
    assert point == draw_below(bound, seed_key(seed), turn, "lottery", 0)


def test_draws_fall_evenly() -> None:
    counts = Counter(draw_below(10, seed_key(5), turn, "lottery", 0) for turn in range(10_000))
    # Chi-squared with 9 degrees of freedom passes 27.9 once in a thousand.
    assert sum((counts[face] - 1000) ** 2 / 1000 for face in range(10)) < 27.9
