"""OpenTelemetry: spans of the `gen_ai` conventions, newer and older names."""

from __future__ import annotations

from typing import Final

from sim_economy.usage.usage_form import UsageForm

_USAGE: Final = "attributes/gen_ai.usage"
_OPERATION: Final = "attributes/gen_ai.operation.name"

FORMS: Final = (
    UsageForm(
        name="otel",
        signs=(
            ("attributes/gen_ai.operation.name",),
            ("attributes/gen_ai.request.model",),
            (f"{_USAGE}.input_tokens",),
            (f"{_USAGE}.prompt_tokens",),
        ),
        levels=("resourceSpans", "scopeSpans", "spans"),
        time=("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime"),
        agent=("attributes/gen_ai.agent.name", "attributes/gen_ai.agent.id"),
        team=(
            "resource/attributes/service.name",
            "attributes/service.name",
            "resource/service.name",
        ),
        model=("attributes/gen_ai.response.model", "attributes/gen_ai.request.model"),
        provider=("attributes/gen_ai.provider.name", "attributes/gen_ai.system"),
        id=("spanId", "span_id", "context/span_id"),
        trace=("traceId", "trace_id", "context/trace_id"),
        input=(f"{_USAGE}.input_tokens", f"{_USAGE}.prompt_tokens"),
        cache_read=(
            f"{_USAGE}.cache_read.input_tokens",
            f"{_USAGE}.cache_read_input_tokens",
            f"{_USAGE}.cached_input_tokens",
        ),
        cache_write=(
            f"{_USAGE}.cache_write.input_tokens",
            f"{_USAGE}.cache_creation.input_tokens",
            f"{_USAGE}.cache_creation_input_tokens",
        ),
        thinking=(f"{_USAGE}.reasoning.output_tokens", f"{_USAGE}.reasoning_tokens"),
        output=(f"{_USAGE}.output_tokens", f"{_USAGE}.completion_tokens"),
        sums={
            _OPERATION: ("invoke_agent", "create_agent", "execute_tool", "invoke_workflow"),
        },
        failed={"attributes/error.type": ("*",), "status/code": ("2", "STATUS_CODE_ERROR")},
    ),
)
