"""Prices of tokens, from a table that the user owns."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.core.suggestions import suggestion
from sim_economy.core.table_reader import Kind, Parameter, read_table, read_toml
from sim_economy.orchestrator.dialogue.messages import ModelUsage, Money

_MILLION: Final = Decimal(1_000_000)


class Price(Struct, frozen=True):
    """The price of a million tokens; a cache's cost as input where the table is silent."""

    input: Annotated[Decimal, Parameter(Kind.MONEY, "of a million input tokens")]
    output: Annotated[Decimal, Parameter(Kind.MONEY, "of a million output tokens")]
    cached_input: Annotated[
        Decimal | None, Parameter(Kind.MONEY, "of a million input tokens read from a cache")
    ] = None
    cache_write: Annotated[
        Decimal | None, Parameter(Kind.MONEY, "of a million input tokens written into a cache")
    ] = None

    @property
    def _of_cached(self) -> Decimal:
        return self.input if self.cached_input is None else self.cached_input

    @property
    def _of_written(self) -> Decimal:
        return self.input if self.cache_write is None else self.cache_write

    def of(self, usage: ModelUsage) -> Money:
        """The exact cost of a call."""
        written = min(usage.cache_write_tokens, usage.input_tokens)
        cached = min(usage.cached_tokens, usage.input_tokens - written)
        fresh = usage.input_tokens - written - cached
        total = fresh * self.input + cached * self._of_cached + written * self._of_written
        return (total + usage.output_tokens * self.output) / _MILLION

    def saved(self, usage: ModelUsage) -> Money:
        """What the input read from a cache would have cost more as other input."""
        written = min(usage.cache_write_tokens, usage.input_tokens)
        cached = min(usage.cached_tokens, usage.input_tokens - written)
        return cached * (self.input - self._of_cached) / _MILLION

    def most(self, input_tokens: int, output_tokens: int) -> Money:
        """The most that a call can cost."""
        dearest = max(self.input, self._of_cached, self._of_written)
        return (input_tokens * dearest + output_tokens * self.output) / _MILLION


class PriceTable(Struct, frozen=True):
    """Prices by the name of a model."""

    currency: Annotated[str, Parameter(Kind.TEXT, "such as USD")] = ""
    prices: dict[str, Price] = {}


def read_prices(path: Path, field: str, problems: list[str]) -> PriceTable:
    """The table of a TOML file: `currency`, and a table for each model.

    Args:
        field: The key that names the file, for messages.
        problems: Gets everything that is wrong.
    """
    where = f"{field}: {path}"
    try:
        given = read_toml(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        problems.append(f"{where} cannot be read: {error.strerror}")
        return PriceTable()
    except UnicodeDecodeError:
        problems.append(f"{where} must be UTF-8")
        return PriceTable()
    except ScenarioError as error:
        problems += [f"{where}: {problem}" for problem in error.problems]
        return PriceTable()
    if "currency" not in given:
        problems.append(f"{where}: currency must be a text, such as USD")
    head = {"currency": given.get("currency", "none")}
    currency = read_table(PriceTable, head, where, problems)["currency"]
    prices = {}
    for model, row in given.items():
        if not isinstance(row, Mapping) and model != "currency":
            problems.append(f"{where}: {model}: must be a table{suggestion(model, ['currency'])}")
        elif model != "currency":
            values = read_table(Price, row, f"{where}: {model}", problems)
            if {"input", "output"} <= values.keys():
                prices[model] = Price(**values)
    return PriceTable(currency, prices)
