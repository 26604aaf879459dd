"""Prices of tokens as weights of units: a unit is a millionth of the currency.

Source: docs/spec/usage.md, W7.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sim_economy.core.errors import ScenarioError
from sim_economy.core.units import MILLION, Millionths
from sim_economy.orchestrator.prices import Price, read_prices
from sim_economy.usage.unit_weights import KindWeights, UnitTable

_LISTED: Final = {
    "input": ("input_cost_per_token",),
    "cache_read": ("cache_read_input_token_cost", "input_cost_per_token"),
    "cache_write": ("cache_creation_input_token_cost", "input_cost_per_token"),
    "thinking": ("output_cost_per_reasoning_token", "output_cost_per_token"),
    "output": ("output_cost_per_token",),
}
"""The fields of LiteLLM's list, for each kind the first that a model has."""
_TIERS: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "1h": ("_above_1hr", "cache_write", ()),
    "batch": ("_batches", "output", ("input", "thinking")),
    "flex": ("_flex", "output", ("input", "cache_read", "cache_write", "thinking")),
    "priority": ("_priority", "output", ("input", "cache_read", "cache_write", "thinking")),
}
"""A tier, written behind a model as `+batch`: the end of its fields, the kind that must have one
and those that may."""


def price_weights(path: Path, models: Iterable[str]) -> UnitTable:
    """The weights of a log's models, from a price table (TOML) or LiteLLM's list (JSON).

    Raises:
        ScenarioError: The file is none of both, or has no price for some of the models.
    """
    if path.suffix == ".json":
        currency, found = "USD", _listed_weights(path, models)
    else:
        currency, found = _table_weights(path, models)
    lacking = [model or "rows without a model" for model, weights in found.items() if not weights]
    if lacking:
        names = ", ".join(lacking)
        raise ScenarioError(
            [f"prices: {path} has no price for {names}; add it, in a file of yours"]
        )
    # Rows without a model have no name that a table could have.
    named = {model: weights for model, weights in found.items() if weights is not None}
    return UnitTable(currency=currency, by_model=named)


def _table_weights(path: Path, models: Iterable[str]) -> tuple[str, dict[str, KindWeights | None]]:
    problems: list[str] = []
    table = read_prices(path, "prices", problems)
    if problems:
        raise ScenarioError(problems)
    found: dict[str, KindWeights | None] = {}
    for model in models:
        price = table.prices.get(model) or table.prices.get(model.rpartition("/")[2])
        found[model] = None if price is None else _weights(model, _by_kind(price))
    return table.currency, found


def _by_kind(price: Price) -> dict[str, Decimal]:
    read, written = price.cached_input, price.cache_write
    return {
        "input": price.input,
        "cache_read": price.input if read is None else read,
        "cache_write": price.input if written is None else written,
        "thinking": price.output,
        "output": price.output,
    }


def _listed_weights(path: Path, models: Iterable[str]) -> dict[str, KindWeights | None]:
    try:
        listed = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise ScenarioError([f"prices: {path} cannot be read: {error.strerror}"]) from None
    except (ValueError, RecursionError) as error:
        raise ScenarioError([f"prices: {path} is not JSON: {error}"]) from None
    if not isinstance(listed, Mapping):
        raise ScenarioError([f"prices: {path} must be a table of models"])
    return {model: _listed_weight(listed, model) for model in models}


def _listed_weight(listed: Mapping[str, Any], model: str) -> KindWeights | None:
    name, _, tier = model.partition("+")
    row = listed.get(name) or listed.get(name.rpartition("/")[2])
    if not isinstance(row, Mapping) or (tier and tier not in _TIERS):
        return None
    suffix, needed, others = _TIERS.get(tier, ("", "", ()))
    prices = {}
    for kind, fields in _LISTED.items():
        own = [f"{field}{suffix}" for field in fields] if kind in {needed, *others} else []
        usual = [] if kind == needed else fields
        stated = [row[field] for field in (*own, *usual) if row.get(field) is not None]
        if not stated:
            return None
        prices[kind] = _of_million(model, stated[0])
    return _weights(model, prices)


def _of_million(model: str, price: object) -> Decimal:
    if isinstance(price, bool) or not isinstance(price, int | Decimal):
        raise ScenarioError([f"prices: {model}: a price must be a number"])
    return Decimal(price) * MILLION


def _weights(model: str, prices: Mapping[str, Decimal]) -> KindWeights:
    """Weights from prices of a million tokens, to six places."""
    by_kind = {}
    for kind, price in prices.items():
        if not 0 <= price <= MILLION:
            raise ScenarioError([f"prices: {model}: a million tokens must cost 0 to {MILLION}"])
        by_kind[kind] = Millionths(int((price * MILLION).to_integral_value()))
    return KindWeights(**by_kind)
