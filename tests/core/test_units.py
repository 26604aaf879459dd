"""Exact numbers: what is written is what is counted with."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_economy.core.units import (
    FACTOR_ONE,
    MILLION,
    Millionths,
    compounded,
    decimal_text,
    millionths,
    portion,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1", 1_000_000),
        ("0.1", 100_000),
        ("0.02", 20_000),
        ("0.000001", 1),
        ("0.999999", 999_999),
        ("1000000", 10**12),
        ("0001.500000", 1_500_000),
        ("-0", 0),
        ("-0.5", -500_000),
        ("+2", 2_000_000),
    ],
)
def test_a_decimal_is_read_in_exact_millionths(text: str, value: int) -> None:
    assert millionths(text) == value


@pytest.mark.parametrize("text", ["0.0000001", "0.1000000", "1.1234567"])
def test_a_seventh_decimal_is_refused_even_if_it_is_zero(text: str) -> None:
    with pytest.raises(ValueError, match="6 decimal places"):
        millionths(text)


@pytest.mark.parametrize(
    "text",
    [
        *("1e-3", "1E2", "1e999", "", " ", ".5", "5.", "1.2.3", "1_000", "0x1", "nan", "inf"),
        *("--1", "1,5", " 1", "1\n", "\u0663", "1" * 41, "0." + "0" * 5000),
    ],
)
def test_anything_but_a_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        millionths(text)


@given(st.decimals(-(10**6), 10**6, places=6))
def test_millionths_are_those_of_decimal_arithmetic(value: Decimal) -> None:
    assert millionths(format(value, "f")) == int(value * MILLION)


@given(st.integers(-(2**70), 2**70), st.integers(0, 18))
def test_a_decimal_text_is_exact_and_the_shortest(value: int, decimals: int) -> None:
    text = decimal_text(value, decimals)
    with localcontext() as context:
        context.prec = 60
        assert Decimal(text) == Decimal(value).scaleb(-decimals)
    assert "." not in text or text[-1] not in "0."


@given(st.integers(0, MILLION), st.integers(0, 300))
def test_compounding_rounds_down_after_each_turn(rate: int, times: int) -> None:
    with localcontext() as context:
        context.prec = 60
        factor, kept = Decimal(FACTOR_ONE), Decimal(MILLION - rate) / MILLION
        for _ in range(times):
            factor = (factor * kept).to_integral_value(ROUND_FLOOR)
    assert compounded(Millionths(rate), times) == factor


def test_compounding_nothing_changes_nothing_and_all_leaves_nothing() -> None:
    assert compounded(Millionths(123_456), 0) == FACTOR_ONE
    assert [compounded(Millionths(0), times) for times in (1, 999)] == [FACTOR_ONE] * 2
    assert [compounded(Millionths(MILLION), times) for times in (1, 999)] == [0, 0]


@given(st.integers(0, MILLION))
def test_compounding_never_grows(rate: int) -> None:
    factors = [compounded(Millionths(rate), times) for times in range(40)]
    assert factors == sorted(factors, reverse=True)
    assert min(factors) >= 0


@given(st.integers(0, 2**62), st.integers(0, MILLION))
def test_a_portion_is_rounded_down_and_never_more_than_the_whole(amount: int, rate: int) -> None:
    part = portion(amount, Millionths(rate))
    assert 0 <= part <= amount
    assert 0 <= amount * rate - part * MILLION < MILLION
