"""Anthropic: the Admin API's usage report, and the Console's export of tokens."""

from __future__ import annotations

from typing import Final

from sim_economy.usage.usage_form import UsageForm

FORMS: Final = (
    UsageForm(
        name="anthropic",
        signs=(("starting_at", "uncached_input_tokens", "output_tokens"),),
        levels=("data", "results"),
        time=("starting_at",),
        end=("ending_at",),
        team=("workspace_id",),
        key=("api_key_id",),
        model=("model",),
        input=("uncached_input_tokens",),
        cache_read=("cache_read_input_tokens",),
        cache_write=(
            (
                "cache_creation/ephemeral_5m_input_tokens",
                "cache_creation/ephemeral_1h_input_tokens",
            ),
        ),
        cache_write_1h=("cache_creation/ephemeral_1h_input_tokens",),
        output=("output_tokens",),
        tiers={
            "service_tier": ("standard",),
            "context_window": ("0-200k",),
            "inference_geo": ("global", "not_available"),
            "speed": ("standard",),
        },
        timezone="UTC",
        cache_apart=True,
    ),
    UsageForm(
        name="anthropic",
        signs=(("usage_date_utc", "usage_input_tokens_no_cache", "usage_output_tokens"),),
        time=("usage_date_utc",),
        team=("workspace",),
        key=("api_key",),
        model=("model_version",),
        input=("usage_input_tokens_no_cache",),
        cache_read=("usage_input_tokens_cache_read",),
        cache_write=(("usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h"),),
        cache_write_1h=("usage_input_tokens_cache_write_1h",),
        output=("usage_output_tokens",),
        tiers={
            "usage_type": ("standard",),
            "context_window": ("≤ 200k", "<= 200k", "0-200k"),
            "inference_geo": ("global", "not_available"),
            "speed": ("standard",),
        },
        timezone="UTC",
        cache_apart=True,
        seconds=3600,
    ),
)
