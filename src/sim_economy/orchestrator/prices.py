"""Prices of tokens, from a table that the user owns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.core.world_config import NumberText, unknown_key
from sim_economy.orchestrator.dialogue.messages import ModelUsage, Money
from sim_economy.scenarios.presets import read_toml

_MILLION: Final = Decimal(1_000_000)
_KEYS: Final = ("input", "output", "cached_input")
_AMOUNT: Final = re.compile(r"\d{1,6}(\.\d{1,9})?")


class Price(Struct, frozen=True):
    """Of a million tokens; what is read from the provider's cache costs as input if not said."""

    input: Decimal
    output: Decimal
    cached_input: Decimal

    def of(self, usage: ModelUsage) -> Money:
        """The exact cost of a call."""
        cached = min(usage.cached_tokens, usage.input_tokens)
        fresh = usage.input_tokens - cached
        total = fresh * self.input + cached * self.cached_input + usage.output_tokens * self.output
        return total / _MILLION

    def most(self, input_tokens: int, output_tokens: int) -> Money:
        """The most that a call can cost."""
        dearest = max(self.input, self.cached_input)
        return (input_tokens * dearest + output_tokens * self.output) / _MILLION


class PriceTable(Struct, frozen=True):
    """Prices by the name of a model."""

    currency: str = ""
    prices: dict[str, Price] = {}


def read_prices(path: Path, field: str) -> PriceTable:
    """The table of a TOML file: `currency`, and a table for each model.

    Raises:
        ScenarioError: With every problem found.
    """
    try:
        given = read_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError([f"{field}: {path} cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ScenarioError([f"{field}: {path} must be UTF-8"]) from None
    except ScenarioError as error:
        raise ScenarioError([f"{field}: {path}: {error}"]) from None
    return _parsed(given, f"{field}: {path}")


def _parsed(given: Mapping[str, Any], source: str) -> PriceTable:
    problems = []
    currency = given.get("currency")
    if not isinstance(currency, str) or not currency:
        problems.append(f"{source}: currency must be a text, such as USD")
    prices = {}
    for model, row in given.items():
        if model == "currency":
            continue
        if not isinstance(row, Mapping):
            problems.append(f"{source}: {model} must be a table")
            continue
        where = f"{source}: {model}"
        problems += [f"{where}.{unknown_key(key, _KEYS)}" for key in row if key not in _KEYS]
        problems += [f"{where}.{key}: is missing" for key in _KEYS[:2] if key not in row]
        figures = {key: parse_money(row[key]) for key in _KEYS if key in row}
        problems += [
            f"{where}.{key}: must be an amount for a million tokens, such as 0.15"
            for key, figure in figures.items()
            if figure is None
        ]
        known = {key: figure for key, figure in figures.items() if figure is not None}
        if {"input", "output"} <= known.keys():
            cached = known.get("cached_input", known["input"])
            prices[model] = Price(known["input"], known["output"], cached)
    if problems:
        raise ScenarioError(problems)
    return PriceTable(str(currency), prices)


def parse_money(value: Any) -> Money | None:
    """An amount of money as a scenario writes it, or None for anything else."""
    plain = isinstance(value, int | NumberText) and not isinstance(value, bool)
    return Decimal(str(value)) if plain and _AMOUNT.fullmatch(str(value)) else None
