"""A tariff: what units of usage are made of and what they cost, as a small file.

Source: docs/spec/usage.md, Q1 and Q2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import Kind, Parameter, read_table, read_toml
from sim_economy.core.units import INPUT_LIMIT, MILLION, Millionths
from sim_economy.ledger.readers.plain_text import visible
from sim_economy.orchestrator.price_weights import price_weights
from sim_economy.usage.counted_usage import CountedUsage
from sim_economy.usage.unit_weights import UnitTable, least_per, parse_units


class TariffTable(Struct, frozen=True, kw_only=True):
    """The keys of a tariff file."""

    name: Annotated[str, Parameter(Kind.TEXT, "of the tariff; its file's if left out")] = ""
    units: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "weights, as [usage.units] has them")
    ] = None
    prices: Annotated[
        str, Parameter(Kind.TEXT, "instead: a price table, or LiteLLM's list, beside this file")
    ] = ""
    base_inference_rate: Annotated[
        Millionths, Parameter(Kind.PRICE, "tokens per billable unit")
    ] = Millionths(MILLION)
    commons_threshold_per_turn: Annotated[
        int, Parameter(Kind.COUNT, "units an agent has free each turn")
    ] = 0
    thinking_layer_discount: Annotated[
        Millionths, Parameter(Kind.RATE, "part of the thinking units that counts")
    ] = Millionths(MILLION)
    interest_rate_per_turn: Annotated[
        Millionths, Parameter(Kind.RATE, "interest on a balance below zero")
    ] = Millionths(0)
    currency: Annotated[str, Parameter(Kind.TEXT, "of money, such as USD")] = ""
    token_price: Annotated[
        Decimal | None, Parameter(Kind.MONEY, "what a token costs, in that currency")
    ] = None


class Tariff(Struct, frozen=True, kw_only=True):
    """A tariff that is right for the models of a log.

    Attributes:
        token_price: Money for a token; None where the tariff is in tokens alone.
        is_priced: Whether its weights are prices, so that a token is money already.
    """

    name: str
    units: UnitTable
    base_inference_rate: Millionths = Millionths(MILLION)
    commons_threshold_per_turn: int = 0
    thinking_layer_discount: Millionths = Millionths(MILLION)
    interest_rate_per_turn: Millionths = Millionths(0)
    currency: str = ""
    token_price: Decimal | None = None
    is_priced: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of a world under it, as a scenario states them."""
        rates = ("base_inference_rate", "thinking_layer_discount", "interest_rate_per_turn")
        stated = {name: Decimal(getattr(self, name)) / MILLION for name in rates}
        return {**stated, "commons_threshold_per_turn": self.commons_threshold_per_turn}

    def money(self, tokens: int) -> Decimal | None:
        """Tokens in its currency, exact; None where it has none."""
        price = self.token_price
        return None if price is None else _EXACT.multiply(Decimal(tokens), price)


_EXACT: Final = Context(prec=100)


def read_tariff(path: Path, models: Iterable[str]) -> Tariff:
    """The tariff of a TOML file, or of LiteLLM's list of prices (JSON).

    Args:
        models: Those of the log.

    Raises:
        ScenarioError: With every problem found.
    """
    if path.suffix == ".json":
        return _priced(path.stem, path, models, TariffTable())
    try:
        given = read_toml(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ScenarioError([f"cannot be read: {error.strerror}"], str(path)) from None
    except UnicodeDecodeError:
        raise ScenarioError(["must be UTF-8"], str(path)) from None
    except ScenarioError as error:
        raise ScenarioError(error.problems, str(path)) from None
    problems: list[str] = []
    given = without_interventions(given, problems)
    table = TariffTable(**read_table(TariffTable, given, "", problems))
    problems += _contradictions(table)
    units = parse_units(table.units, problems)
    if problems:
        shown = [problem.replace("usage.units", "units", 1) for problem in problems]
        raise ScenarioError(shown, str(path))
    name = table.name or path.stem
    if table.prices:
        return _priced(name, path.parent / table.prices, models, table)
    return Tariff(
        name=name,
        units=units,
        base_inference_rate=table.base_inference_rate,
        commons_threshold_per_turn=table.commons_threshold_per_turn,
        thinking_layer_discount=table.thinking_layer_discount,
        interest_rate_per_turn=table.interest_rate_per_turn,
        currency=table.currency,
        token_price=table.token_price,
    )


def without_interventions(given: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """A file's tables but for `[governance]`, which is none of a tariff's (Q3).

    Args:
        problems: Gets what to do instead where the file states it.
    """
    if _GOVERNANCE in given:
        problems.append(
            f"{_GOVERNANCE}: a what-if plays no interventions; play the log as [usage] of a "
            f"scenario with [{_GOVERNANCE}]: sim-economy experiment FILE"
        )
    return {key: value for key, value in given.items() if key != _GOVERNANCE}


_GOVERNANCE: Final = "governance"


def _contradictions(table: TariffTable) -> list[str]:
    problems = []
    if table.name != visible(table.name):
        problems.append("name: must be letters that can be seen")
    if table.prices and table.units is not None:
        problems.append("prices: set it or [units], not both")
    if table.prices and (table.token_price is not None or table.currency):
        problems.append("prices: leave out currency and token_price; the prices say both")
    if not table.prices and (table.token_price is None) != (not table.currency):
        problems.append("token_price: set it and currency, or neither")
    if table.token_price == 0:
        problems.append("token_price: must be above 0")
    return problems


def _priced(name: str, path: Path, models: Iterable[str], table: TariffTable) -> Tariff:
    units = price_weights(path, models)
    return Tariff(
        name=name,
        units=units,
        base_inference_rate=table.base_inference_rate,
        commons_threshold_per_turn=table.commons_threshold_per_turn,
        thinking_layer_discount=table.thinking_layer_discount,
        interest_rate_per_turn=table.interest_rate_per_turn,
        currency=units.currency,
        token_price=_UNIT_PRICE,
        is_priced=True,
    )


_UNIT_PRICE: Final = Decimal(1) / MILLION
"""Of prices of a million tokens, a unit is a millionth of the currency."""


def fitted(tariff: Tariff, counted: CountedUsage, most: Decimal = Decimal(0)) -> Tariff:
    """A tariff of prices whose token is worth enough that a log and amounts fit its numbers.

    A token becomes a millionth of the currency, or ten, a hundred, ... times as much.

    Args:
        most: The largest amount of money that must be a number of tokens.
    """
    if not tariff.is_priced:
        return tariff
    per = 1
    while per < least_per(counted, tariff.units) or most / (per * _UNIT_PRICE) > INPUT_LIMIT:
        per *= 10
    return replace(tariff, units=replace(tariff.units, per=per), token_price=per * _UNIT_PRICE)
