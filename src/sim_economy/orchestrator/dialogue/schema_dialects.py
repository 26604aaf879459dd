"""What servers take of a JSON schema: the one table of their limits.

docs/answers.md says the same in words. Where a server states no number, the number is ours, and
far within what its users report to be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace


class SchemaDialect(Struct, frozen=True, kw_only=True):
    """The part of JSON schema that one kind of server takes.

    Attributes:
        sources: Addresses of the pages or files that say so.
        strict: Whether a request asks to be held to its schema; others hold to every schema.
        in_prompt: Whether the schema of a native answer stands before the prompt, so that another
            one loses the server's cache.
        number_bounds: Whether `minimum` and `maximum` are taken.
        text_length_most: The most that `minLength` and `maxLength` may be; 0 if not taken.
        patterns: Whether `pattern` is taken, for all of a text.
        list_length_most: The most that `maxItems` may be; 0 if not taken.
        references: Whether `$ref` to `$defs` is taken.
        first_keys_differ: Whether objects of a union must begin with different keys, or with one
            key of different values.
        pairs: Whether a union may have an object for each pair of kind and counterparty.
        union_most: Objects of a union.
        enum_values_most: Values of all enumerations together.
        long_enum: Above how many values an enumeration of texts is long, and the characters that
            a long one may have; zeros if that does not matter.
        properties_most: Properties of all objects together.
        depth_most: Objects and lists inside one another.
        characters_most: Of all names and enumerated texts together.
    """

    sources: tuple[str, ...]
    strict: bool = False
    in_prompt: bool = True
    number_bounds: bool = False
    text_length_most: int = 0
    patterns: bool = False
    list_length_most: int = 0
    references: bool = False
    first_keys_differ: bool = False
    pairs: bool = False
    union_most: int = 64
    enum_values_most: int = 256
    long_enum: tuple[int, int] = (0, 0)
    properties_most: int = 1000
    depth_most: int = 10
    characters_most: int = 30_000


_LLAMA_CPP: Final = SchemaDialect(
    sources=(
        "https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md",
        "https://github.com/ggml-org/llama.cpp/issues/27087",
    ),
    in_prompt=False,
    number_bounds=True,
    # A repetition of 2000 is refused in some releases, a longer one in older ones.
    text_length_most=1999,
    patterns=True,
    list_length_most=256,
    references=True,
    pairs=True,
    enum_values_most=1024,
)

_VLLM_CHECKS: Final = (
    "https://github.com/vllm-project/vllm/blob/main/vllm/v1/structured_output/backend_xgrammar.py"
)

DIALECTS: Final[Mapping[str, SchemaDialect]] = {
    "openai": SchemaDialect(
        sources=(
            "https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas",
            "https://developers.openai.com/api/docs/guides/prompt-caching",
        ),
        strict=True,
        number_bounds=True,
        patterns=True,
        list_length_most=256,
        references=True,
        first_keys_differ=True,
        enum_values_most=1000,
        long_enum=(250, 15_000),
        properties_most=5000,
        depth_most=10,
        characters_most=120_000,
    ),
    "anthropic": SchemaDialect(
        sources=(
            "https://platform.claude.com/docs/en/build-with-claude/structured-outputs",
            "https://github.com/anthropics/anthropic-sdk-python/issues/1185",
        ),
        strict=True,
        references=True,
    ),
    "google": SchemaDialect(
        sources=(
            "https://ai.google.dev/gemini-api/docs/structured-output",
            "https://github.com/googleapis/python-genai/issues/2170",
            "https://radish.build/blog/gemini-undocumented-schema-limits",
        ),
        strict=True,
        number_bounds=True,
        list_length_most=100,
        references=True,
        enum_values_most=120,
    ),
    "llama.cpp": _LLAMA_CPP,
    # It compiles schemas with the code of llama.cpp.
    "ollama": replace(
        _LLAMA_CPP,
        sources=(
            "https://docs.ollama.com/capabilities/structured-outputs",
            "https://github.com/ollama/ollama/tree/main/llama/llama.cpp/common",
        ),
    ),
    "vllm": SchemaDialect(
        sources=(
            "https://docs.vllm.ai/en/latest/features/structured_outputs/",
            _VLLM_CHECKS,
        ),
        in_prompt=False,
        number_bounds=True,
        text_length_most=10_000,
        patterns=True,
        list_length_most=256,
        references=True,
        pairs=True,
        enum_values_most=1024,
    ),
    "openai-compatible": SchemaDialect(
        sources=("https://developers.openai.com/api/docs/guides/structured-outputs",),
        first_keys_differ=True,
    ),
}
"""By the name that a model's table may give; the last is for any other server."""
