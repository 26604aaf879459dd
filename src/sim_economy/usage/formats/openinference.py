"""OpenInference: spans of the conventions that Phoenix and others write."""

from __future__ import annotations

from typing import Final

from sim_economy.usage.usage_form import UsageForm

_KIND: Final = "attributes/openinference.span.kind"
_COUNT: Final = "attributes/llm.token_count"

FORMS: Final = (
    UsageForm(
        name="openinference",
        signs=((_KIND,),),
        levels=("resourceSpans", "scopeSpans", "spans"),
        time=("start_time", "startTimeUnixNano", "startTime"),
        agent=("attributes/agent.name",),
        team=("attributes/user.id", "resource/attributes/service.name"),
        model=("attributes/llm.model_name",),
        provider=("attributes/llm.provider",),
        id=("context/span_id", "context.span_id", "spanId", "span_id"),
        trace=("context/trace_id", "context.trace_id", "traceId", "trace_id"),
        cost=("attributes/llm.cost.total",),
        input=(f"{_COUNT}.prompt",),
        cache_read=(f"{_COUNT}.prompt_details.cache_read",),
        cache_write=(f"{_COUNT}.prompt_details.cache_write",),
        thinking=(f"{_COUNT}.completion_details.reasoning",),
        output=(f"{_COUNT}.completion",),
        only={_KIND: ("LLM", "EMBEDDING")},
        sums={_KIND: ("AGENT", "CHAIN", "TOOL")},
        failed={"status_code": ("ERROR",), "status/code": ("2", "STATUS_CODE_ERROR")},
    ),
)
