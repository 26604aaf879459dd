"""OpenRouter: the export of activity, call by call and by day."""

from __future__ import annotations

from typing import Final

from sim_economy.usage.usage_form import UsageForm

FORMS: Final = (
    UsageForm(
        name="openrouter",
        signs=(("generation_id", "created_at", "tokens_prompt", "tokens_completion"),),
        levels=("data",),
        time=("created_at",),
        agent=("app_name",),
        team=("api_key_name",),
        model=("model_permaslug",),
        provider=("provider_name",),
        id=("generation_id",),
        cost=("cost_total",),
        input=("tokens_prompt",),
        cache_read=("tokens_cached",),
        thinking=("tokens_reasoning",),
        output=("tokens_completion",),
        tiers={"variant": ("standard",)},
        failed={"cancelled": ("true",), "finish_reason_normalized": ("error",)},
        timezone="UTC",
        vendor_prefix=True,
    ),
    UsageForm(
        name="openrouter",
        signs=(("Date", "Slug", "Prompt Tokens", "Completion Tokens"),),
        levels=("data",),
        time=("Date",),
        model=("Slug",),
        cost=("Usage",),
        calls=("Requests",),
        input=("Prompt Tokens",),
        thinking=("Reasoning Tokens",),
        output=("Completion Tokens",),
        timezone="UTC",
        seconds=86400,
        vendor_prefix=True,
    ),
)
