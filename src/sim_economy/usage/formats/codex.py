"""Codex: the session files under `~/.codex/sessions`."""

from __future__ import annotations

from typing import Final

from sim_economy.usage.usage_form import Carried, UsageForm

_INFO: Final = "payload/info"
_CALL: Final = f"{_INFO}/last_token_usage"

FORMS: Final = (
    UsageForm(
        name="codex",
        signs=(("timestamp", f"{_CALL}/input_tokens"),),
        time=("timestamp",),
        key=("carried key",),
        model=(f"{_INFO}/model", "carried model"),
        input=(f"{_CALL}/input_tokens",),
        cache_read=(f"{_CALL}/cached_input_tokens",),
        thinking=(f"{_CALL}/reasoning_output_tokens",),
        output=(f"{_CALL}/output_tokens",),
        running_total=f"{_INFO}/total_token_usage/total_tokens",
        carried={
            "key": Carried("session_meta", "payload/id"),
            "model": Carried("turn_context", "payload/model"),
        },
    ),
)
