"""Bills for other programs: use by team and day, and rows of FOCUS.

Source: docs/spec/usage.md, Q12 to Q14.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any, Final

from sim_economy.tariffs.bill_rows import PlayedTariff, decimal_text
from sim_economy.tariffs.kind_split import KindFee, days_of
from sim_economy.tariffs.logged_turns import LoggedTurns
from sim_economy.usage.civil_time import first_instant, local
from sim_economy.usage.usage_form import KINDS

BY_DAY_COLUMNS: Final = (
    "tariff", "day", "team", *KINDS, "units_asked", "units_billed", "units_denied",
    "fee", "fee_money", "currency",
)  # fmt: skip


def usage_by_day(played: Sequence[PlayedTariff]) -> Iterator[dict[str, Any]]:
    """What each team used and owed on each day under each tariff, idle days too."""
    log = played[0].log
    days = days_of(log)
    teams = log.teams
    tokens = _tokens(log, days)
    for own in played:
        run = own.run
        for day, turns in enumerate(days):
            some = slice(turns.start - 1, turns.stop - 1)
            for team, columns in teams.items():
                asked, billed, denied, fee = (
                    sum(int(value) for value in table[some][:, columns].sum(axis=0))
                    for table in (
                        run.asked.units, run.bills.billed, run.bills.denied, run.bills.fees
                    )
                )  # fmt: skip
                money = run.tariff.money(fee)
                yield {
                    "tariff": own.name,
                    "day": day_label(log, turns),
                    "team": team,
                    **dict(zip(KINDS, tokens.get((day, team), [0] * len(KINDS)), strict=True)),
                    "units_asked": asked,
                    "units_billed": billed,
                    "units_denied": denied,
                    "fee": fee,
                    "fee_money": None if money is None else decimal_text(money),
                    "currency": run.tariff.currency,
                }


def day_label(log: LoggedTurns, turns: range) -> str:
    """A day's date; the number of its turn where it has none."""
    return str(turns.start) if log.dates is None else f"{log.dates.date_of(turns.start)}"


def _tokens(log: LoggedTurns, days: Sequence[range]) -> dict[tuple[int, str], list[int]]:
    """Tokens by kind, by day and team."""
    team_of = {log.agents[index]: team for team, own in log.teams.items() for index in own}
    found: dict[tuple[int, str], list[int]] = {}
    for day, turns in enumerate(days):
        for turn in turns:
            for agent, models in log.counted.counts.get(turn, {}).items():
                held = found.setdefault((day, team_of[agent]), [0] * len(KINDS))
                for counts in models.values():
                    for kind, tokens in enumerate(counts):
                        held[kind] += tokens
    return found


FOCUS_VERSION: Final = "1.4"
FOCUS_COLUMNS: Final = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency",
    "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "EffectiveCost", "HostProviderName", "InvoiceIssuerName", "ListCost", "PricingCategory",
    "PricingCurrency", "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice", "PricingQuantity", "PricingUnit", "ServiceCategory",
    "ServiceName", "ServiceProviderName", "ServiceSubcategory", "SkuId", "SkuMeter",
    "SkuPriceDetails", "SkuPriceId", "SubAccountId", "SubAccountName",
)  # fmt: skip
"""Columns of the specification's Cost and Usage dataset, in its order."""

PRICING_CURRENCY: Final = "FeeTokens"
_US: Final = "sim-economy"
_DETAILS: Final = {
    "input": {"TokenDirection": "Input", "TokenCacheAction": "Uncached"},
    "cache_read": {"TokenDirection": "Input", "TokenCacheAction": "Read"},
    "cache_write": {"TokenDirection": "Input", "TokenCacheAction": "Write"},
    "thinking": {"TokenDirection": "Output", "TokenCacheAction": "Uncached"},
    "output": {"TokenDirection": "Output", "TokenCacheAction": "Uncached"},
}
_METERS: Final = {
    "input": "Input Tokens",
    "cache_read": "Cache Read Input Tokens",
    "cache_write": "Cache Write Input Tokens",
    "thinking": "Thinking Output Tokens",
    "output": "Output Tokens",
}


def has_focus_rows(own: PlayedTariff) -> bool:
    """Test whether a bill has the dates and the national currency that FOCUS asks for."""
    return own.log.dates is not None and own.run.tariff.token_price is not None


def focus_rows(own: PlayedTariff) -> Iterator[dict[str, Any]]:
    """A row of FOCUS for each day, team, model and kind of tokens.

    Source: FOCUS 1.4, Cost and Usage.
    """
    periods = [_periods(own.log, turns) for turns in days_of(own.log)]
    for part in own.kind_fees:
        yield _focus_row(own, part) | periods[part.day]


def _focus_row(own: PlayedTariff, part: KindFee) -> dict[str, Any]:
    tariff = own.run.tariff
    money = tariff.money(part.fee)
    assert money is not None, tariff
    model = part.model or "unnamed model"
    cost = decimal_text(money)
    details = {"ModelId": model, **_DETAILS[part.kind], "x_TokenKind": part.kind}
    return {
        **dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), cost),
        "BillingAccountId": "what-if",
        "BillingAccountName": tariff.name,
        "BillingCurrency": tariff.currency,
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeDescription": f"{_METERS[part.kind]} of {model} under {tariff.name}",
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": part.tokens,
        "ConsumedUnit": "Tokens",
        **dict.fromkeys(("HostProviderName", "InvoiceIssuerName", "ServiceProviderName"), _US),
        "PricingCategory": "Standard",
        "PricingCurrency": PRICING_CURRENCY,
        "PricingCurrencyContractedUnitPrice": None,
        "PricingCurrencyEffectiveCost": part.fee,
        "PricingCurrencyListUnitPrice": None,
        "PricingQuantity": part.tokens,
        "PricingUnit": "Tokens",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Language models",
        "ServiceSubcategory": "Generative AI",
        "SkuId": f"{model}/{part.kind}",
        "SkuMeter": _METERS[part.kind],
        "SkuPriceDetails": json.dumps(details, ensure_ascii=False),
        "SkuPriceId": f"{tariff.name}/{model}/{part.kind}",
        "SubAccountId": part.team,
        "SubAccountName": part.team,
    }


def _periods(log: LoggedTurns, turns: range) -> dict[str, str]:
    """A day, and the month it lies in, in UTC."""
    assert log.dates is not None
    zone = log.dates.zone
    month = log.dates.date_of(turns.start).replace(day=1)
    after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return {
        "BillingPeriodStart": _rfc3339(first_instant(month, zone)),
        "BillingPeriodEnd": _rfc3339(first_instant(after, zone)),
        "ChargePeriodStart": _rfc3339(log.dates.bounds[turns.start - 1]),
        "ChargePeriodEnd": _rfc3339(log.dates.bounds[turns.stop - 1]),
    }


def _rfc3339(instant: int) -> str:
    return local(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def kind_totals(own: PlayedTariff) -> dict[str, int]:
    """What all pay for each kind of tokens."""
    found = dict.fromkeys(KINDS, 0)
    for part in own.kind_fees:
        found[part.kind] += part.fee
    return found


def total_money(own: PlayedTariff) -> Decimal | None:
    """All fees in the tariff's currency."""
    return own.run.tariff.money(own.run.fees_total)
