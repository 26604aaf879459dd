"""The paper's tables, for any scenario.

Source: docs/spec/experiment.md.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct

from sim_economy.core.errors import ExtraMissingError
from sim_economy.core.world_config import config_values, parameters
from sim_economy.ledger.readers.plain_numbers import MINUS, number
from sim_economy.ledger.readers.plain_text import markdown_code, markdown_text
from sim_economy.runs.run_metrics import Row, aggregate
from sim_economy.scenarios.scenario import Scenario
from sim_economy.statistics.descriptive import (
    coefficient_of_variation,
    correlation,
    interquartile_range,
)

if TYPE_CHECKING:
    import polars


class Code(Struct, frozen=True):
    """A text that is typed, such as a command."""

    text: str


Value: TypeAlias = str | bool | int | float | Code | None
"""A table's cell; None where there is nothing to say."""

"""The sign before a negative number in text."""

AGGREGATED: Final[Mapping[str, str]] = {
    "token_supply_final": "final token supply",
    "fees_total": "total fees",
    "turns_with_block": "turns with a block",
    "negative_balance_agents": "agents below zero",
    "mean_balance_final": "mean balance",
    "median_balance_final": "median balance",
    "min_balance_final": "least balance",
    "max_balance_final": "greatest balance",
    "gini_wealth_shifted": "shifted Gini coefficient",
    "top1_wealth_shifted_share_final": "shifted top-1 share",
}
"""The metrics the paper aggregates, with their names in text."""

_PER_RUN: Final[Mapping[str, str]] = {
    "run_id": "run",
    "token_supply_final": "final token supply",
    "fees_total": "total fees",
    "turns_with_block": "blocks",
    "negative_balance_agents": "agents below zero",
    "gini_wealth_shifted": "shifted Gini",
    "top1_wealth_shifted_share_final": "shifted top-1 share",
    "actions_mine": "mine",
    "actions_job": "job",
}
_ACTION_PREFIX: Final = "actions_"

PRINTED: Final[Mapping[str, str]] = {
    "fees over endowment": "3.04",
    "variation of fees (%)": "2.9",
    "variation of final supply (%)": "25.0",
    "turns with a block (%)": "91.3",
    "variation of the shifted Gini (%)": "23.2",
    "correlation of shifted Gini and shifted top-1 share": "0.872",
    "correlation of shifted Gini and fees": "0.251",
}
"""Figures the paper prints in its text, with the signs it prints."""


class Table(Struct, frozen=True):
    """Named columns and rows of values.

    Attributes:
        name: Also of its file.
        title: What the rows are.
        csv: The file that holds its numbers; `tables/NAME.csv` where it is empty.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    csv: str = ""


def paper_tables(
    scenario: Scenario, rows: Sequence[Row], *, published: bool = False
) -> tuple[Table, ...]:
    """The paper's four tables and the figures of its text, for a scenario's runs.

    Args:
        rows: From `run_metrics`, one for each run.
        published: Whether this is the published experiment, so that the paper's figures belong
            beside ours.
    """
    return (
        _parameter_table(scenario),
        _run_table(rows),
        _aggregate_table(rows),
        _action_table(scenario, rows),
        _text_table(scenario, rows, published=published),
    )


def table_markdown(table: Table) -> str:
    """A table as Markdown, its title in bold above it; numbers to the right."""
    aligned = [
        "---:" if is_numeric([row[index] for row in table.rows]) else "---"
        for index in range(len(table.columns))
    ]
    lines = [
        [markdown_text(column) for column in table.columns],
        aligned,
        *([shown(value) for value in row] for row in table.rows),
    ]
    body = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"**{markdown_text(table.title)}**\n\n{body}\n"


def data_frame(
    rows: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]],
) -> polars.DataFrame:
    """Rows, or columns, as a polars data frame.

    Raises:
        ExtraMissingError: polars is not installed.
    """
    try:
        import polars  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ExtraMissingError("a data frame", "polars", "report") from None
    return polars.DataFrame(rows, infer_schema_length=None)


def shown(value: Value) -> str:
    """A value as people read it: thousands grouped, digits by size, a dash for nothing."""
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case str():
            return markdown_text(value)
        case Code():
            return markdown_code(value.text)
        case int():
            text = f"{value:,}"
        case float():
            size = abs(value)
            digits = 0 if value.is_integer() else 1 if size >= 100 else 2 if size >= 1 else 3
            text = number(value, digits)
    return text.replace("-", MINUS)


def as_number(value: Value) -> float:
    """The number that a cell holds."""
    assert isinstance(value, int | float), value
    return float(value)


def changed_parameters(base: Scenario, other: Scenario) -> str:
    """The parameters in which a scenario is not another one, with its values, as Markdown."""
    ours, its = config_values(base.config), config_values(other.config)
    return ", ".join(f"`{name} = {its[name]}`" for name in its if its[name] != ours.get(name))


def is_numeric(values: Sequence[Value]) -> bool:
    """Test whether a column holds numbers alone."""
    texts = [str(value) for value in values if value is not None]
    return bool(texts) and all(map(_NUMERAL.fullmatch, texts))


_NUMERAL: Final = re.compile(r"-?\d[\d.e+-]*")


def _parameter_table(scenario: Scenario) -> Table:
    world = config_values(scenario.config)
    rows = tuple(
        (name, str(world[name]).lower(), parameter.meaning)
        for name, parameter in parameters().items()
        if parameter.in_paper
    )
    return Table("parameters", "Parameters", ("parameter", "value", "meaning"), rows)


def _run_table(rows: Sequence[Row]) -> Table:
    cells = tuple(tuple(row[column] for column in _PER_RUN) for row in rows)
    return Table("per_run", "Runs", tuple(_PER_RUN.values()), cells)


def _aggregate_table(rows: Sequence[Row]) -> Table:
    summary = aggregate(rows)
    cells = tuple((name, *_interval(summary[column])) for column, name in AGGREGATED.items())
    runs = f"{len(rows)} runs" if len(rows) > 1 else "1 run"
    return Table("aggregates", f"Means over {runs}", ("measure", *_INTERVAL), cells)


_INTERVAL: Final = ("mean", "95 % CI, low", "95 % CI, high", "min", "max")


def _interval(metric: Mapping[str, Any]) -> tuple[Value, ...]:
    mean, half = metric["mean"], metric["ci95"]
    bounds = (None, None) if half is None else (mean - half, mean + half)
    return mean, *bounds, metric["min"], metric["max"]


def _action_table(scenario: Scenario, rows: Sequence[Row]) -> Table:
    agent_turns = scenario.turns * scenario.config.num_agents
    columns = [column for column in rows[0] if column.startswith(_ACTION_PREFIX)]
    counted = [{column: row[column] for column in columns} for row in rows]
    for counts in counted:
        counts["actions_other"] = agent_turns - sum(counts.values())
    summary = aggregate(counted)
    if not any(counts["actions_other"] for counts in counted):
        del summary["actions_other"]
    cells = tuple(
        (
            column.removeprefix(_ACTION_PREFIX),
            *_interval(metric),
            100 * metric["mean"] / agent_turns,
        )
        for column, metric in summary.items()
    )
    share = f"share of {agent_turns} (%)"
    return Table("actions", "Actions agents chose", ("action", *_INTERVAL, share), cells)


def _text_table(scenario: Scenario, rows: Sequence[Row], *, published: bool) -> Table:
    figures = text_figures(scenario, rows)
    if not published:
        return Table("in_text", "Figures of the text", ("figure", "value"), tuple(figures.items()))
    cells = tuple((figure, value, PRINTED.get(figure)) for figure, value in figures.items())
    return Table("in_text", "Figures of the text", ("figure", "value", "the paper prints"), cells)


def text_figures(scenario: Scenario, rows: Sequence[Row]) -> dict[str, float | None]:
    """Figures of the paper's text between its tables; None where one is not defined."""
    fees, supply, gini, top, blocks = (
        [row[column] for row in rows]
        for column in (
            "fees_total",
            "token_supply_final",
            "gini_wealth_shifted",
            "top1_wealth_shifted_share_final",
            "turns_with_block",
        )
    )
    config = scenario.config
    endowment = config.num_agents * config.genesis_tokens_per_agent
    return {
        "fees over endowment": statistics.mean(fees) / endowment if endowment else None,
        "variation of fees (%)": _variation(fees),
        "variation of final supply (%)": _variation(supply),
        "median of final supply": float(statistics.median(supply)),
        "interquartile range of final supply": float(interquartile_range(supply)),
        "turns with a block (%)": 100 * statistics.mean(blocks) / scenario.turns,
        "variation of the shifted Gini (%)": _variation(gini),
        "correlation of shifted Gini and shifted top-1 share": correlation(gini, top),
        "correlation of shifted Gini and fees": correlation(gini, fees),
    }


def _variation(values: Sequence[float]) -> float | None:
    share = coefficient_of_variation(values)
    return None if share is None else 100 * share
