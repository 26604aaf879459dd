"""Draws: the same for the same question, different for any other."""

from __future__ import annotations

import hmac
from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_economy.core.randomness import draw, draw_below, seed_key
from sim_economy.core.rules_version import RulesVersion

OLD = RulesVersion.V2


def test_a_draw_of_rules_version_2_is_the_documented_function() -> None:
    expected = hmac.new(b"42", b"7/lottery/3", sha256).digest()[:8]
    assert draw(seed_key(42, "", OLD), 7, "lottery", 3) == int.from_bytes(expected, "big")
    assert [draw(seed_key(0, "", OLD), turn, "lottery", 0) for turn in (1, 2)] == [
        9490300359592693469,
        6724709179070300765,
    ]


@pytest.mark.parametrize(
    ("seed", "turn", "purpose", "drawn"),
    [
        (0, 1, "usage", 0x6D60BBEB998A315F),
        (1001, 1, "usage", 0xAFEE802E0F59B98A),
        (1001, 60, "lottery", 0x306474D690F2235C),
    ],
)
def test_draws_stay_what_they_are_from_release_to_release(
    seed: int, turn: int, purpose: str, drawn: int
) -> None:
    assert draw(seed_key(seed), turn, purpose, 0) == drawn


@pytest.mark.parametrize("version", RulesVersion)
def test_of_a_secret_seed_every_draw_is_hashed_whatever_the_version(version: RulesVersion) -> None:
    key = seed_key(5, "00ff" * 8, version)
    expected = hmac.new(bytes.fromhex("00ff" * 8), b"7/lottery/3", sha256).digest()[:8]
    assert draw(key, 7, "lottery", 3) == int.from_bytes(expected, "big")


def test_draws_are_spread_evenly_over_turns_indices_and_purposes() -> None:
    for key in (seed_key(0), seed_key(0, "", OLD)):
        for drawn in (
            [draw(key, turn, "lottery", 0) for turn in range(4096)],
            [draw(key, 1, "usage", index) for index in range(4096)],
            [draw(key, 1, f"policy.{index}", 0) for index in range(4096)],
        ):
            for shift in (0, 32, 60):
                counts = Counter(number >> shift & 15 for number in drawn)
                assert sum((n - 256) ** 2 / 256 for n in counts.values()) < 44.3, "p < 0.0001"


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
