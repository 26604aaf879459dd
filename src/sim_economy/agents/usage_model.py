"""Models of usage: the published draws, a measured trace, or a distribution."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, TypeAlias

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.core.randomness import draw, draw_below, seed_key
from sim_economy.core.table_reader import (
    Kind,
    NumberText,
    Parameter,
    read_table,
    suggestion,
    unknown_key,
)
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig, genesis_order

Usage: TypeAlias = tuple[int, int]
"""Thinking units and output units of one agent in one turn."""


class UsageSource(Protocol):
    """The source of a run's usage."""

    def turns(self, config: WorldConfig) -> Iterator[list[Usage]]:
        """Usage `[agent]` of turn 1, 2, 3, ... for as long as the source lasts."""

    def problems(self, config: WorldConfig, turns: int) -> list[str]:
        """Reasons it cannot serve so many turns of this world; none where it can."""


class PublishedUsage(Struct, frozen=True):
    """The published experiment's draws, from the world's seed.

    Source: docs/spec/experiment.md.
    """

    def turns(self, config: WorldConfig) -> Iterator[list[Usage]]:
        """Thinking from 50 to 350, then output from 40 to 280, agent by agent."""
        randint = random.Random(config.seed).randint  # noqa: S311
        agents = range(config.num_agents)
        while True:
            yield [(randint(50, 350), randint(40, 280)) for _ in agents]

    def problems(self, config: WorldConfig, turns: int) -> list[str]:  # noqa: ARG002
        """It serves any."""
        return []


class Distribution(Struct, frozen=True):
    """A named distribution of usage units.

    Attributes:
        name: `constant` (value), `uniform` (low, high: whole units, both included), `exponential`
            (mean) or `lognormal` (median, sigma).
        arguments: Exact decimals by name.
    """

    name: str
    arguments: dict[str, Decimal]


class DistributedUsage(Struct, frozen=True):
    """Independent draws, thinking and output from a distribution each; exact on every machine."""

    thinking: Distribution
    output: Distribution

    def turns(self, config: WorldConfig) -> Iterator[list[Usage]]:
        """Draws keyed with the world's seed."""
        thinking = _sampler(self.thinking, config, "usage.thinking")
        output = _sampler(self.output, config, "usage.output")
        agents = range(config.num_agents)
        for turn in count(1):
            yield [(thinking(turn, agent), output(turn, agent)) for agent in agents]

    def problems(self, config: WorldConfig, turns: int) -> list[str]:  # noqa: ARG002
        """It serves any."""
        return []


class TracedUsage(Struct, frozen=True):
    """Usage measured elsewhere; an agent without a row in a turn used nothing.

    Attributes:
        rows: By turn, agent id.
        last: The last turn with a row.
        repeat: Whether turn last + 1 is turn 1 again.
    """

    path: str
    rows: dict[int, dict[str, Usage]]
    last: int
    repeat: bool

    def turns(self, config: WorldConfig) -> Iterator[list[Usage]]:
        """The trace, once or again and again."""
        for turn in count(1):
            if turn > self.last and not self.repeat:
                return
            row = self.rows.get((turn - 1) % self.last + 1, {})
            yield [row.get(agent_id, (0, 0)) for agent_id in config.agent_ids]

    def gaps(self, config: WorldConfig, turns: int) -> int:
        """Agent-turns of a run that no row speaks of; they count as no usage."""
        known = config.agent_ids
        return sum(
            agent_id not in self.rows.get((turn - 1) % self.last + 1, {})
            for turn in range(1, turns + 1)
            for agent_id in known
        )

    def problems(self, config: WorldConfig, turns: int) -> list[str]:
        """Agents that are not in the world; fewer turns than the run has."""
        agent_indices = genesis_order(config)
        unknown = sorted(
            {name for row in self.rows.values() for name in row} - agent_indices.keys()
        )
        problems = []
        if unknown:
            shown = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
            problems.append(
                f"usage.path: {self.path} names agents that are not in the world: {shown}; "
                "name the world's agents with agent_ids = [...] under [world]"
            )
        if turns > self.last and not self.repeat:
            short = f"the trace ends with turn {self.last} and the run has {turns}"
            problems.append(f"usage.path: {short}; set turns, or repeat = true")
        return problems


class TraceTable(Struct, frozen=True):
    """The keys of `[usage]` for a trace."""

    path: Annotated[str, Parameter(Kind.TEXT, "file of turn, agent, thinking, output")]
    repeat: Annotated[bool, Parameter(Kind.FLAG, "start over when it ends")] = False


def parse_usage(given: Mapping[str, Any], folder: Path) -> UsageSource:
    """A usage source from the `[usage]` table of a scenario.

    Args:
        folder: Where a relative path starts.

    Raises:
        ScenarioError: With every problem found.
    """
    source = given.get("source")
    known = _KEYS.get(source) if isinstance(source, str) else None
    if known is None:
        close = suggestion(source, _KEYS) if isinstance(source, str) else ""
        raise ScenarioError([f"usage.source: must be one of {', '.join(_KEYS)}{close}"])
    problems: list[str] = []
    stated = {key: value for key, value in given.items() if key != "source"}
    if source == "trace":
        values = read_table(TraceTable, stated, "usage", problems)
    else:
        problems += [f"usage.{unknown_key(key, known)}" for key in stated if key not in known]
        problems += [f"usage.{key}: is missing" for key in known if key not in given]
    if problems:
        raise ScenarioError(problems)
    match source:
        case "trace":
            return read_trace(folder / values["path"], repeat=values["repeat"])
        case "distribution":
            parsed = [_parse_distribution(given[key], f"usage.{key}") for key in known]
            wrong = [problem for _, found in parsed for problem in found]
            if wrong:
                raise ScenarioError(wrong)
            thinking, output = [distribution for distribution, _ in parsed]
            return DistributedUsage(thinking, output)
        case _:
            return PublishedUsage()


_EXACT: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "published": (),
    "trace": ("path", "repeat"),
    "distribution": ("thinking", "output"),
}
_SHAPES: Final[Mapping[str, tuple[str, ...]]] = {
    "constant": ("value",),
    "uniform": ("low", "high"),
    "exponential": ("mean",),
    "lognormal": ("median", "sigma"),
}


def _parse_distribution(given: Any, field: str) -> tuple[Distribution, list[str]]:
    nothing = Distribution("constant", {})
    name = given.get("distribution") if isinstance(given, Mapping) else None
    if not isinstance(name, str) or name not in _SHAPES:
        close = suggestion(name, _SHAPES) if isinstance(name, str) else ""
        return nothing, [f"{field}.distribution: must be one of {', '.join(_SHAPES)}{close}"]
    shape = _SHAPES[name]
    if {*given} != {"distribution", *shape}:
        return nothing, [f"{field}: a {name} distribution takes {' and '.join(shape)}"]
    problems = []
    arguments = {}
    for key in shape:
        value = given[key]
        if isinstance(value, bool) or not isinstance(value, int | float | NumberText | Decimal):
            problems.append(f"{field}.{key}: must be a number")
            continue
        number = Decimal(str(value))
        whole = name in {"constant", "uniform"}
        bounded = number.is_finite() and 0 <= number <= INPUT_LIMIT
        if not bounded or (whole and number % 1):
            kind = "an integer" if whole else "a number"
            problems.append(f"{field}.{key}: must be {kind} from 0 to {INPUT_LIMIT}")
        arguments[key] = number
    if not problems and name == "uniform" and arguments["low"] > arguments["high"]:
        problems.append(f"{field}: low must not be above high")
    if not problems and name == "lognormal" and arguments["sigma"] > 10:
        problems.append(f"{field}.sigma: must be from 0 to 10")
    return Distribution(name, arguments), problems


def _sampler(
    distribution: Distribution, config: WorldConfig, purpose: str
) -> Callable[[int, int], int]:
    key = seed_key(config.seed, config.secret)
    arguments = distribution.arguments

    def uniform(turn: int, agent: int) -> int:
        low, high = int(arguments["low"]), int(arguments["high"])
        return low + draw_below(high - low + 1, key, turn, purpose, agent)

    def exponential(turn: int, agent: int) -> int:
        with localcontext(_EXACT):
            chance = Decimal(draw(key, turn, purpose, agent) + 1) / 2**64
            return min(INPUT_LIMIT, int(-chance.ln() * arguments["mean"]))

    def lognormal(turn: int, agent: int) -> int:
        with localcontext(_EXACT):
            deviate = _normal(lambda attempt: draw(key, turn, f"{purpose}.{attempt}", agent))
            return min(INPUT_LIMIT, int((arguments["sigma"] * deviate).exp() * arguments["median"]))

    match distribution.name:
        case "uniform":
            return uniform
        case "exponential":
            return exponential
        case "lognormal":
            return lognormal
        case _:
            value = int(arguments["value"])
            return lambda turn, agent: value


def _normal(uniform: Callable[[int], int]) -> Decimal:
    """A standard normal deviate by the polar method; decimals make it the same everywhere.

    Args:
        uniform: The i-th 64-bit draw.

    Source: doi:10.1137/1006063.
    """
    for attempt in count(0, 2):
        across = Decimal(uniform(attempt)) / 2**63 - 1
        along = Decimal(uniform(attempt + 1)) / 2**63 - 1
        square = across * across + along * along
        if 0 < square < 1:
            return across * (-2 * square.ln() / square).sqrt()
    raise AssertionError("unreachable")


def read_trace(path: Path, *, repeat: bool = False) -> TracedUsage:
    """A trace from a CSV or Parquet file with columns turn, agent, thinking, output.

    Raises:
        ScenarioError: It is missing, has other columns, or rows that make no sense.
    """
    if not path.is_file():
        raise ScenarioError([f"usage.path: there is no file {path}"])
    try:
        rows = list(_parquet_rows(path) if path.suffix == ".parquet" else _csv_rows(path))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError([f"usage.path: {path} is not a CSV file: {error}"]) from None
    by_turn: dict[int, dict[str, Usage]] = {}
    problems: list[str] = []
    for line, row in rows:
        try:
            turn, agent_id, thinking, output = _trace_row(row)
        except ValueError as error:
            problems.append(f"usage.path: {path}, {line}: {error}")
            continue
        agents = by_turn.setdefault(turn, {})
        if agent_id in agents:
            problems.append(f"usage.path: {path}, {line}: {agent_id} has turn {turn} twice")
        agents[agent_id] = thinking, output
    if not by_turn and not problems:
        problems.append(f"usage.path: {path} has no rows")
    if problems:
        more = [f"usage.path: and {len(problems) - 20} more"] if len(problems) > 20 else []
        raise ScenarioError(problems[:20] + more)
    return TracedUsage(str(path), by_turn, max(by_turn), repeat)


_TRACE_COLUMNS: Final = ("turn", "agent", "thinking", "output")


def _trace_row(row: Mapping[str, Any]) -> tuple[int, str, int, int]:
    numbers = []
    for column in ("turn", "thinking", "output"):
        text = str(row[column]).strip()
        low = 1 if column == "turn" else 0
        whole = text.isascii() and text.isdigit() and len(text) <= 12
        if not whole or not low <= int(text) <= INPUT_LIMIT:
            raise ValueError(f"{column} must be an integer from {low} to {INPUT_LIMIT}")
        numbers.append(int(text))
    turn, thinking, output = numbers
    return turn, str(row["agent"]), thinking, output


def _csv_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        _check_columns(path, reader.fieldnames or ())
        for row in reader:
            yield f"line {reader.line_num}", row


def _parquet_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        import polars  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ScenarioError(
            [f"usage.path: {path} needs polars; pip install 'sim-economy[report]'"]
        ) from None
    try:
        frame = polars.read_parquet(path)
    except (polars.exceptions.PolarsError, OSError) as error:
        raise ScenarioError([f"usage.path: {path} is not a Parquet file: {error}"]) from None
    _check_columns(path, frame.columns)
    for index, row in enumerate(frame.iter_rows(named=True), 1):
        yield f"row {index}", row


def _check_columns(path: Path, columns: Iterable[str]) -> None:
    missing = [column for column in _TRACE_COLUMNS if column not in columns]
    if missing:
        raise ScenarioError([f"usage.path: {path} lacks the columns {', '.join(missing)}"])
