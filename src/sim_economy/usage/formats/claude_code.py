"""Claude Code: the session files under `~/.claude/projects`."""

from __future__ import annotations

from typing import Final

from sim_economy.usage.usage_form import UsageForm

_USAGE: Final = "message/usage"
_HOUR: Final = f"{_USAGE}/cache_creation/ephemeral_1h_input_tokens"

FORMS: Final = (
    UsageForm(
        name="claude-code",
        signs=(("timestamp", "message/id", f"{_USAGE}/input_tokens"),),
        time=("timestamp",),
        key=("sessionId",),
        model=("message/model",),
        id=("message/id", "requestId"),
        cost=("costUSD",),
        input=(f"{_USAGE}/input_tokens",),
        cache_read=(f"{_USAGE}/cache_read_input_tokens",),
        cache_write=(f"{_USAGE}/cache_creation_input_tokens",),
        cache_write_1h=(_HOUR,),
        thinking=(f"{_USAGE}/output_tokens_details/thinking_tokens",),
        output=(f"{_USAGE}/output_tokens",),
        tiers={
            f"{_USAGE}/service_tier": ("standard",),
            f"{_USAGE}/speed": ("standard",),
            f"{_USAGE}/inference_geo": ("global", "not_available"),
        },
        failed={"isApiErrorMessage": ("true",)},
        cache_apart=True,
    ),
)
