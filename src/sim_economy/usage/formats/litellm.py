"""LiteLLM: the log of calls (`LiteLLM_SpendLogs`) and the daily tables."""

from __future__ import annotations

from typing import Final

from sim_economy.usage.usage_form import UsageForm

_REPORTED: Final = "metadata/usage_object"
_INPUT_DETAILS: Final = f"{_REPORTED}/prompt_tokens_details"

FORMS: Final = (
    UsageForm(
        name="litellm",
        signs=(("request_id", "startTime", "prompt_tokens"),),
        levels=("data",),
        time=("startTime",),
        agent=("agent_id",),
        team=("team_id",),
        key=("api_key",),
        model=("model",),
        provider=("custom_llm_provider",),
        id=("request_id",),
        cost=("spend",),
        input=("prompt_tokens",),
        cache_read=(f"{_INPUT_DETAILS}/cached_tokens", f"{_REPORTED}/cache_read_input_tokens"),
        cache_write=(
            f"{_INPUT_DETAILS}/cache_creation_tokens",
            f"{_REPORTED}/cache_creation_input_tokens",
        ),
        thinking=(f"{_REPORTED}/completion_tokens_details/reasoning_tokens",),
        output=("completion_tokens",),
        failed={"status": ("failure",), "metadata/status": ("failure",)},
        timezone="UTC",
    ),
    UsageForm(
        name="litellm",
        signs=(("date", "prompt_tokens", "completion_tokens", "api_requests"),),
        levels=("data",),
        time=("date",),
        agent=("agent_id", "tag", "user_id"),
        team=("team_id", "organization_id"),
        key=("api_key",),
        model=("model",),
        provider=("custom_llm_provider",),
        cost=("spend",),
        calls=("successful_requests", "api_requests"),
        input=("prompt_tokens",),
        cache_read=("cache_read_input_tokens",),
        cache_write=("cache_creation_input_tokens",),
        output=("completion_tokens",),
        timezone="UTC",
    ),
)
