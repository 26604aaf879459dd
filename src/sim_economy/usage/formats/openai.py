"""OpenAI: the organization's usage of completions, page by page."""

from __future__ import annotations

from typing import Final

from sim_economy.usage.usage_form import UsageForm

FORMS: Final = (
    UsageForm(
        name="openai",
        signs=(("start_time", "input_tokens", "output_tokens", "num_model_requests"),),
        levels=("data", "results"),
        time=("start_time",),
        end=("end_time",),
        team=("project_id",),
        key=("api_key_id", "user_id"),
        model=("model",),
        calls=("num_model_requests",),
        input=("input_tokens",),
        cache_read=("input_cached_tokens",),
        cache_write=("input_cache_write_tokens",),
        output=("output_tokens",),
        tiers={"batch": ("false",), "service_tier": ("default", "auto", "standard")},
        timezone="UTC",
    ),
    UsageForm(
        name="openai",
        signs=(("start_time", "amount/value"),),
        levels=("data", "results"),
        refused="it holds costs and no tokens; export the usage of completions",
    ),
)
