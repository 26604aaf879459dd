"""Models behind an API, one request at a time, through pydantic-ai's direct interface.

Nothing is sent twice here: the retries of the libraries are off, so that every attempt is the
loop's own.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Iterator
from typing import Any, Final

from sim_economy.core.errors import ExtraMissingError, ScenarioError
from sim_economy.orchestrator.dialogue.messages import (
    CallFailed,
    CallFailure,
    Message,
    ModelCall,
    ModelOutput,
    Request,
)
from sim_economy.orchestrator.dialogue.reply_parser import THOUGHT_END
from sim_economy.orchestrator.settings import ModelSetting

try:
    import httpx2
    from openai import AsyncOpenAI
    from pydantic_ai import exceptions
    from pydantic_ai.direct import model_request, model_request_stream
    from pydantic_ai.messages import (
        ModelMessage,
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        ThinkingPart,
        UserPromptPart,
    )
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.tools import ToolDefinition
except ModuleNotFoundError:
    raise ExtraMissingError("asking a model", "pydantic-ai-slim", "models") from None

from sim_economy.orchestrator.dialogue.providers.cache_settings import cache_settings
from sim_economy.orchestrator.dialogue.providers.usage_report import usage_in
from sim_economy.orchestrator.dialogue.providers.wire import WIRE, Wire, watched_client

_TOOL: Final = "act"
_NO_KEY: Final = "none"
"""The key sent to a server that needs none; the client library insists on one."""


class HostedProvider:
    """One model's API."""

    def __init__(self, setting: ModelSetting) -> None:
        """Connect with the first request.

        Raises:
            ExtraMissingError: The library of this provider is not installed.
            ScenarioError: The key is not in the environment, or its proxies cannot be used.
        """
        # Its complaints about a server's figures are not for the screen: the record has them.
        warnings.filterwarnings("ignore", module="pydantic_ai")
        key = _key(setting)
        self._http = watched_client(setting.base_url or "", f"models.{setting.name}")
        self._setting = setting
        self._model = _model(setting, key, self._http)

    async def ask(self, request: Request, call: ModelCall) -> ModelOutput:
        """The reply to one request, sent once.

        Raises:
            CallFailed: There is none.
        """
        wire = Wire()
        WIRE.set(wire)
        asked: dict[str, Any] = {
            "model": self._model,
            "messages": _messages(request),
            "model_settings": _settings(request, call, cache_settings(self._setting, call)),
            "model_request_parameters": _parameters(request),
        }
        try:
            if request.settings.get("stream"):
                async with model_request_stream(**asked) as stream:
                    async for _ in stream:
                        pass
                    response = stream.get()
                if response.finish_reason is None:
                    raise exceptions.UnexpectedModelBehavior("the stream broke off")
            else:
                response = await model_request(**asked)
            return _answer(response, wire, request.provider)
        except Exception as error:
            raise _failed(error, wire, request.provider) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _key(setting: ModelSetting) -> str:
    if setting.api_key_variable is None:
        return _NO_KEY
    key = os.environ.get(setting.api_key_variable)
    if not key:
        raise ScenarioError(
            [f"models.{setting.name}: the environment has no {setting.api_key_variable}"]
        )
    return key


def _model(setting: ModelSetting, key: str, http: httpx2.AsyncClient) -> Model[Any]:
    match setting.provider:
        case "openai-compatible" | "openai":
            client = AsyncOpenAI(
                api_key=key, base_url=setting.base_url, max_retries=0, http_client=http
            )
            if setting.provider == "openai":
                return OpenAIChatModel(setting.model, provider=OpenAIProvider(openai_client=client))
            profile = OpenAIModelProfile(
                supports_json_schema_output=True,
                supports_json_object_output=False,
                openai_chat_supports_max_completion_tokens=False,
            )
            provider = OpenAICompatibleProvider(setting.provider, openai_client=client)
            return OpenAIChatModel(setting.model, provider=provider, profile=profile)
        case "anthropic":
            return _anthropic(setting, key, http)
        case "google":
            return _google(setting, key, http)
        case _:
            raise AssertionError(setting)


def _anthropic(setting: ModelSetting, key: str, http: httpx2.AsyncClient) -> Model[Any]:
    try:
        from anthropic import AsyncAnthropic  # noqa: PLC0415
        from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
        from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415
    except ImportError:
        raise ExtraMissingError(
            "asking a model of Anthropic", "anthropic", "models-anthropic"
        ) from None
    client = AsyncAnthropic(api_key=key, base_url=setting.base_url, max_retries=0, http_client=http)
    return AnthropicModel(setting.model, provider=AnthropicProvider(anthropic_client=client))


def _google(setting: ModelSetting, key: str, http: httpx2.AsyncClient) -> Model[Any]:
    try:
        from google.genai.types import HttpRetryOptions  # noqa: PLC0415
        from pydantic_ai.models.google import GoogleModel  # noqa: PLC0415
        from pydantic_ai.providers.google import GoogleProvider  # noqa: PLC0415
    except ImportError:
        raise ExtraMissingError(
            "asking a model of Google", "google-genai", "models-google"
        ) from None
    once = HttpRetryOptions(attempts=1)
    provider = GoogleProvider(
        api_key=key, base_url=setting.base_url, http_client=http, retry_options=once
    )
    return GoogleModel(setting.model, provider=provider)


def _parameters(request: Request) -> ModelRequestParameters:
    match request.output:
        case "tool":
            tool = ToolDefinition(
                name=_TOOL,
                description="Do this, and nothing else, in this turn.",
                parameters_json_schema=json.loads(request.schema),
                kind="output",
                strict=request.settings.get("strict", False),
            )
            return ModelRequestParameters(
                output_mode="tool", output_tools=[tool], allow_text_output=False
            )
        case "native":
            shape = OutputObjectDefinition(
                json_schema=json.loads(request.schema),
                name=_TOOL,
                strict=request.settings.get("strict", False),
            )
            return ModelRequestParameters(output_mode="native", output_object=shape)
        case _:
            return ModelRequestParameters(output_mode="text")


def _settings(request: Request, call: ModelCall, cached: dict[str, Any]) -> ModelSettings:
    given = request.settings
    settings: Any = {
        "max_tokens": given["max_output_tokens"],
        "max_retries": 0,
        "extra_headers": {"Idempotency-Key": call.key},
        **cached,
    }
    if given.get("one_call"):
        settings["parallel_tool_calls"] = False
    if "temperature" in given:
        settings["temperature"] = float(given["temperature"])
    if "reasoning_effort" in given:
        settings["openai_reasoning_effort"] = given["reasoning_effort"]
    if "extra" in given:
        settings["extra_body"] = {**cached.get("extra_body", {}), **given["extra"]}
    return settings  # type: ignore[no-any-return]


def _messages(request: Request) -> list[ModelMessage]:
    first, *rest = (_message(message) for message in request.messages)
    assert isinstance(first, ModelRequest), request
    return [ModelRequest([SystemPromptPart(request.instructions), *first.parts]), *rest]


def _message(message: Message) -> ModelMessage:
    if message.role == "user":
        return ModelRequest([UserPromptPart(THOUGHT_END.sub(_broken_up, message.text))])
    return ModelResponse([TextPart(message.text)])


def _broken_up(tag: re.Match[str]) -> str:
    """A think tag that others wrote, as the library breaks up markers of chat templates.

    Repeated by a model after its own answer, it would make thinking of that answer.
    """
    return f"{tag[0][0]}\u200d{tag[0][1:]}"


def _answer(response: ModelResponse, wire: Wire, provider: str) -> ModelOutput:
    thoughts = [part.content or "" for part in response.parts if isinstance(part, ThinkingPart)]
    stop_reasons = {"content_filter": "refusal", "length": "length"}
    stop_reason = stop_reasons.get(response.finish_reason or "", "stop")
    usage = usage_in(bytes(wire.body), provider, complete=wire.complete)
    return ModelOutput(_text_of(response), "\n".join(thoughts), usage, stop_reason)


def _text_of(response: ModelResponse) -> str:
    """The text of a reply, or what it calls the tool with; several calls as an array."""
    match [call.args_as_json_str() for call in response.tool_calls]:
        case []:
            texts = [part.content for part in response.parts if isinstance(part, TextPart)]
            return "".join(text or "" for text in texts)
        case [arguments]:
            return arguments
        case calls:
            return f"[{', '.join(calls)}]"


def _failed(error: Exception, wire: Wire, provider: str) -> CallFailed:
    """The failure behind an exception; usage is read from the bytes that arrived."""
    charged = wire.accepted
    usage = usage_in(bytes(wire.body), provider, complete=wire.complete) if charged else None
    detail = _detail(error)
    match error:
        case _ if wire.redirected:
            detail = f"HTTP {wire.status}: {wire.location or 'elsewhere'} is the server's address"
            return CallFailed(CallFailure.REJECTED, detail, charged=False)
        case (
            exceptions.ModelAuthenticationError()
            | exceptions.ModelNotFoundError()
            | exceptions.ModelQuotaExceededError()
        ):
            return CallFailed(CallFailure.NOT_ALLOWED, detail, charged=charged, usage=usage)
        case exceptions.ModelHTTPError(status_code=status, retry_after=pause):
            failure = _of_status(status)
            return CallFailed(failure, detail, charged=charged, retry_after=pause, usage=usage)
        case exceptions.ModelConnectionError() | httpx2.TransportError():
            reached = charged if wire.status is not None else not _unreached(error)
            return CallFailed(CallFailure.CONNECTION_FAILED, detail, charged=reached, usage=usage)
        case _:
            return CallFailed(CallFailure.UNREADABLE, detail, charged=True, usage=usage)


def _of_status(status: int) -> CallFailure:
    if status in {401, 403, 404}:
        return CallFailure.NOT_ALLOWED
    if status == 429:
        return CallFailure.RATE_LIMITED
    again = status >= 500 or status in {408, 409, 425}
    return CallFailure.SERVER_FAILED if again else CallFailure.REJECTED


_NEVER_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
)


def _unreached(error: Exception) -> bool:
    """Test whether no server was reached, so that nothing can have been charged."""
    return any(isinstance(cause, _NEVER_SENT) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those behind it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _detail(error: Exception) -> str:
    if isinstance(error, exceptions.ModelHTTPError):
        return f"HTTP {error.status_code}: {error.body}"
    lost = (cause for cause in _causes(error) if isinstance(cause, httpx2.TransportError))
    cause = next(lost, error)
    return f"{type(cause).__name__}: {cause}"
