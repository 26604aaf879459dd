"""FOCUS: bills of the FinOps specification, a record for each kind of tokens."""

from __future__ import annotations

from typing import Final

from sim_economy.usage.usage_form import LongForm, UsageForm

_DETAILS: Final = "SkuPriceDetails"

FORMS: Final = (
    UsageForm(
        name="focus",
        signs=(("ChargePeriodStart", "ConsumedQuantity", _DETAILS),),
        time=("ChargePeriodStart",),
        end=("ChargePeriodEnd",),
        team=("SubAccountId", "BillingAccountId"),
        model=(f"{_DETAILS}/ModelId", "SkuId"),
        provider=("ServiceProviderName", "ProviderName"),
        cost=("BilledCost",),
        long=LongForm(
            quantity="ConsumedQuantity",
            fields=(f"{_DETAILS}/TokenDirection", f"{_DETAILS}/TokenCacheAction"),
            kinds={
                ("Input", ""): "input",
                ("Input", "Uncached"): "input",
                ("Input", "Read"): "cache_read",
                ("Input", "Write"): "cache_write",
                ("Output", ""): "output",
                ("Output", "Uncached"): "output",
            },
        ),
        only={"ConsumedUnit": ("Tokens", "Token", "tokens")},
        tiers={"PricingCategory": ("Standard",)},
        timezone="UTC",
        cache_apart=True,
        thinking_apart=True,
    ),
)
