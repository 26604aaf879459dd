"""Bills for other programs: they add up, and name their columns as published."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

import sim_economy as se
from sim_economy.ledger.readers.plain_text import write_csv_rows
from sim_economy.tariffs.kind_split import shared_out
from sim_economy.tariffs.takeaways import (
    BY_DAY_COLUMNS,
    FOCUS_COLUMNS,
    FOCUS_VERSION,
    focus_rows,
    has_focus_rows,
    kind_totals,
    usage_by_day,
)
from sim_economy.tariffs.tariff_comparison import TariffComparison, compare_tariffs
from tests.usage.logs import csv_log, log_row
from tests.whatif.logs import compared, written

PUBLISHED: Final = {
    "mandatory": """
        BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd
        BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargePeriodEnd
        ChargePeriodStart ContractedCost EffectiveCost HostProviderName InvoiceIssuerName ListCost
        PricingQuantity PricingUnit ServiceCategory ServiceName ServiceProviderName""",
    "recommended": "AllocatedMethodDetails AvailabilityZone ChargeFrequency ServiceSubcategory",
    "conditional": """
        AllocatedMethodId AllocatedResourceId AllocatedResourceName AllocatedTags
        BillingAccountType CapacityReservationId CapacityReservationStatus
        CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName
        CommitmentDiscountQuantity CommitmentDiscountStatus CommitmentDiscountType
        CommitmentDiscountUnit CommitmentProgramEligibilityDetails ConsumedQuantity ConsumedUnit
        ContractApplied ContractedUnitPrice InvoiceDetailId InvoiceId ListUnitPrice PricingCategory
        PricingCurrency PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost
        PricingCurrencyListUnitPrice RegionId RegionName ResourceId ResourceName ResourceType SkuId
        SkuMeter SkuPriceDetails SkuPriceId SubAccountId SubAccountName SubAccountType Tags""",
}
"""The columns of the Cost and Usage dataset of FOCUS 1.4, of 4 June 2026, by feature level.

Source: specification/datasets/cost_and_usage/dataset.md of the repository
FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec (CC-BY 4.0), without the three columns that version 1.5
introduces (CredentialDetails, CredentialId, PrincipalId).
"""


def test_every_focus_column_is_published_and_no_mandatory_one_is_missing() -> None:
    published = {level: names.split() for level, names in PUBLISHED.items()}
    every = {name for names in published.values() for name in names}
    assert FOCUS_VERSION == "1.4"
    assert len(every) == 65
    assert {*published["mandatory"]} <= {*FOCUS_COLUMNS} <= every
    assert [*FOCUS_COLUMNS] == sorted(FOCUS_COLUMNS)
    # A billing currency that is not the pricing currency asks for these.
    assert {name for name in every if name.startswith("PricingCurrency")} <= {*FOCUS_COLUMNS}


TARIFF = """
currency = "EUR"
token_price = 0.0003
base_inference_rate = 0.7
thinking_layer_discount = 0.5
[units.default]
input = 0.1
cache_read = 0.01
cache_write = 0.12
thinking = 1
output = 1
[units."big*"]
input = 3
output = 9
"""


def priced(folder: Path, **options: Any) -> TariffComparison:
    log = csv_log(
        folder / "log.csv",
        [
            log_row("2026-03-31T23:30:00Z", "ann", team="red", model="big-1", input=7, output=3),
            log_row("2026-03-31T23:40:00Z", "ann", team="red", model="small", output=5, thinking=9),
            log_row("2026-04-02T10:00:00Z", "=bob", team="red", model="", input=900, cache_read=40),
            log_row("2026-04-02T10:00:00Z", "cat", team="blue", model="small", cache_write=50),
        ],
    )
    return compare_tariffs(log, [written(folder / "A.toml", TARIFF)], **options)


def test_the_rows_of_focus_add_up_to_the_fees_in_tokens_and_in_money(tmp_path: Path) -> None:
    (own,) = priced(tmp_path, turn_length="1h").played
    rows = [*focus_rows(own)]
    assert all({*row} == {*FOCUS_COLUMNS} for row in rows)
    assert sum(row["PricingCurrencyEffectiveCost"] for row in rows) == own.run.fees_total
    assert sum(Decimal(row["BilledCost"]) for row in rows) == own.run.tariff.money(
        own.run.fees_total
    )
    assert sum(kind_totals(own).values()) == own.run.fees_total


def test_days_and_months_of_focus_are_those_of_the_zone(tmp_path: Path) -> None:
    (own,) = priced(tmp_path, turn_length="1h", timezone="Europe/Berlin").played
    first = next(iter(focus_rows(own)))
    assert first["ChargePeriodStart"] == "2026-03-31T23:00:00Z"
    assert first["ChargePeriodEnd"] == "2026-04-01T22:00:00Z"
    assert first["BillingPeriodStart"] == "2026-03-31T22:00:00Z"
    assert first["BillingPeriodEnd"] == "2026-04-30T22:00:00Z"


def test_rows_of_focus_are_read_back_as_the_usage_they_came_from(tmp_path: Path) -> None:
    (own,) = priced(tmp_path).played
    path = tmp_path / "focus.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        write_csv_rows(file, FOCUS_COLUMNS, focus_rows(own))
    sums = se.read_usage(path, form="focus").reckoning.sums
    assert sums["input"] == 907
    assert sums["cache_read"] == 40
    assert sums["cache_write"] == 50
    assert sums["output"] == 17  # thinking is output there


def test_without_money_or_dates_there_are_no_rows_of_focus(tmp_path: Path) -> None:
    assert not has_focus_rows(compared(tmp_path, {(1, "ann"): 1}).played[0])


def test_idle_days_are_days_and_days_add_up(tmp_path: Path) -> None:
    found = priced(tmp_path, turn_length="1h")
    rows = [*usage_by_day(found.played)]
    assert all([*row] == [*BY_DAY_COLUMNS] for row in rows)
    assert {row["day"] for row in rows} == {"2026-03-31", "2026-04-01", "2026-04-02"}
    assert len(rows) == 3 * 2
    idle = [row for row in rows if row["day"] == "2026-04-01"]
    assert all(not row["fee"] and not row["input"] for row in idle)
    assert sum(row["fee"] for row in rows) == found.played[0].run.fees_total
    assert sum(row["input"] for row in rows) == 907


def test_parts_of_a_turn_follow_kinds_where_remainders_tie() -> None:
    assert shared_out(1, [5, 5, 5]) == [1, 0, 0]
    assert shared_out(5, [1, 0, 1]) == [3, 0, 2]
    assert shared_out(7, [1, 2, 4]) == [1, 2, 4]
    assert shared_out(0, [0, 0]) == [0, 0]


@given(
    st.integers(0, 10**12),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=8).filter(any),
)
def test_parts_add_up_and_none_is_a_token_away_from_its_share(
    amount: int, weights: list[int]
) -> None:
    parts = shared_out(amount, weights)
    total = sum(weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * total - amount * weight) < total


def test_a_fee_is_split_within_its_own_team(tmp_path: Path) -> None:
    (own,) = priced(tmp_path).played
    by_team: Counter[str] = Counter()
    for part in own.kind_fees:
        by_team[part.team] += part.fee
    assert by_team == {row.team: row.fee for row in own.rows if row.level == "team"}


def test_thinking_pays_for_what_its_discount_leaves(tmp_path: Path) -> None:
    log = csv_log(tmp_path / "log.csv", [log_row("2026-03-01T00:00:00Z", thinking=10, output=10)])
    tariff = written(tmp_path / "A.toml", "thinking_layer_discount = 0.5")
    (own,) = compare_tariffs(log, [tariff]).played
    assert {part.kind: part.fee for part in own.kind_fees} == {"thinking": 5, "output": 10}
