"""What each server is sent so that it reads the beginning of a conversation from its cache.

It decides no reply, so it is no part of a recorded request.

Sources:
    Anthropic: https://platform.claude.com/docs/en/build-with-claude/prompt-caching; breakpoints are
        set by who asks, and hold what lies before them.
    OpenAI: https://developers.openai.com/api/docs/guides/prompt-caching; automatic, the key sends
        calls that begin alike to one machine.
    Google: https://ai.google.dev/gemini-api/docs/caching; implicit, nothing is sent.
    llama.cpp: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md; a slot
        keeps its last prompt. Numbers beyond the last slot begin again with the first
        (https://github.com/ggml-org/llama.cpp/pull/19207).
"""

from __future__ import annotations

from typing import Any, Final

from sim_economy.orchestrator.dialogue.messages import ModelCall
from sim_economy.orchestrator.settings import ModelSetting

LLAMA_CPP: Final = "llama.cpp"


def cache_settings(setting: ModelSetting, call: ModelCall) -> dict[str, Any]:
    """Settings of the client library; none where calls do not begin alike."""
    match setting.provider:
        case _ if call.conversation is None:
            return {}
        case "anthropic":
            return {"anthropic_cache_instructions": True, "anthropic_cache_messages": True}
        case "openai":
            return {"openai_prompt_cache_key": call.conversation}
        case "openai-compatible" if setting.schema == LLAMA_CPP:
            return {"extra_body": {"cache_prompt": True, "id_slot": call.agent}}
        case _:
            return {}
