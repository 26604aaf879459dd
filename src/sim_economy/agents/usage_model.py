"""Models of usage: the published draws, a measured trace, or a distribution."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import partial
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, TypeAlias, assert_never

from msgspec import Struct

from sim_economy.agents import quantiles
from sim_economy.core.errors import ScenarioError
from sim_economy.core.randomness import Key, draw, draw_below
from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.table_reader import Kind, Parameter, read_tagged
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig, genesis_order
from sim_economy.ledger.readers.plain_text import write_csv_rows

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


class Constant(Struct, frozen=True):
    """The same units every time."""

    value: Annotated[int, Parameter(Kind.COUNT, "units every time")]

    def units(self, key: Key, turn: int, purpose: str, agent: int) -> int:  # noqa: ARG002
        """Units of one agent in one turn."""
        return self.value

    def quantile(self, half: int) -> int:  # noqa: ARG002
        """Units at the probability half / 2^32."""
        return self.value


class Uniform(Struct, frozen=True):
    """Whole units, each as likely as the other; both bounds included."""

    low: Annotated[int, Parameter(Kind.COUNT, "fewest units")]
    high: Annotated[int, Parameter(Kind.COUNT, "most units")]

    def __post_init__(self) -> None:
        """Check what the bounds say together."""
        if self.low > self.high:
            raise ValueError("low must not be above high")

    def units(self, key: Key, turn: int, purpose: str, agent: int) -> int:
        """Units of one agent in one turn."""
        return self.low + draw_below(self.high - self.low + 1, key, turn, purpose, agent)

    def quantile(self, half: int) -> int:
        """Units at the probability half / 2^32."""
        return self.low + (half * (self.high - self.low + 1) >> 32)


class Exponential(Struct, frozen=True):
    """Units that are often few and seldom many."""

    mean: Annotated[Decimal, Parameter(Kind.NUMBER, "mean of the units")]

    def units(self, key: Key, turn: int, purpose: str, agent: int) -> int:
        """Units of one agent in one turn."""
        with localcontext(_EXACT):
            chance = Decimal(draw(key, turn, purpose, agent) + 1) / 2**64
            return min(INPUT_LIMIT, int(-chance.ln() * self.mean))

    def quantile(self, half: int) -> int:
        """Units at the probability half / 2^32."""
        return quantiles.quantile(quantiles.exponential(self.mean), half)


class Lognormal(Struct, frozen=True):
    """Units whose logarithm is normal."""

    median: Annotated[Decimal, Parameter(Kind.NUMBER, "median of the units")]
    sigma: Annotated[Decimal, Parameter(Kind.NUMBER, "deviation of their logarithm", 0, 10)]

    def units(self, key: Key, turn: int, purpose: str, agent: int) -> int:
        """Units of one agent in one turn."""
        with localcontext(_EXACT):
            deviate = _normal(lambda attempt: draw(key, turn, f"{purpose}.{attempt}", agent))
            return min(INPUT_LIMIT, int((self.sigma * deviate).exp() * self.median))

    def quantile(self, half: int) -> int:
        """Units at the probability half / 2^32."""
        return quantiles.quantile(quantiles.lognormal(self.median, self.sigma), half)


Distribution: TypeAlias = Constant | Uniform | Exponential | Lognormal

_LOWER: Final = 2**32 - 1
_EXACT: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
_DISTRIBUTIONS: Final[Mapping[str, type[Distribution]]] = {
    "constant": Constant,
    "uniform": Uniform,
    "exponential": Exponential,
    "lognormal": Lognormal,
}


class DistributedUsage(Struct, frozen=True):
    """Independent draws, thinking and output from a distribution each; exact on every machine."""

    thinking: Distribution
    output: Distribution

    def turns(self, config: WorldConfig) -> Iterator[list[Usage]]:
        """Draws keyed with the world's seed; from rules version 3 on one gives both."""
        match config.rules_version:
            case RulesVersion.V2:
                return self._drawn_apart(config)
            case RulesVersion.V3:
                return self._drawn_once(config)
        assert_never(config.rules_version)

    def _drawn_apart(self, config: WorldConfig) -> Iterator[list[Usage]]:
        key = config.seed_key
        thinking, output = self.thinking.units, self.output.units
        agents = range(config.num_agents)
        for turn in count(1):
            thought = [thinking(key, turn, "usage.thinking", agent) for agent in agents]
            written = [output(key, turn, "usage.output", agent) for agent in agents]
            yield list(zip(thought, written, strict=True))

    def _drawn_once(self, config: WorldConfig) -> Iterator[list[Usage]]:
        key = config.seed_key
        thinking, output = self.thinking.quantile, self.output.quantile
        agents = range(config.num_agents)
        for turn in count(1):
            draws = [draw(key, turn, "usage", agent) for agent in agents]
            yield [(thinking(drawn >> 32), output(drawn & _LOWER)) for drawn in draws]

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

    def gaps(self, agent_ids: Sequence[str], turns: int) -> int:
        """Agent-turns of a run that no row speaks of; they count as no usage."""
        lacking = [
            sum(agent_id not in self.rows.get(turn, {}) for agent_id in agent_ids)
            for turn in range(1, min(turns, self.last) + 1)
        ]
        repeats, rest = divmod(turns, self.last)
        return repeats * sum(lacking) + sum(lacking[:rest])

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


def usage_gaps(usage: UsageSource, agent_ids: Sequence[str], turns: int) -> list[str]:
    """What a trace lacks for these agents, in words with its file's name; nothing if whole."""
    missing = usage.gaps(agent_ids, turns) if isinstance(usage, TracedUsage) else 0
    if not isinstance(usage, TracedUsage) or not missing:
        return []
    every = turns * len(agent_ids)
    return [f"{usage.path} has no row for {missing} of {every} agent-turns; they count as no usage"]


class _TraceTable(Struct, frozen=True):
    """The keys of `[usage]` for a trace."""

    path: Annotated[str, Parameter(Kind.TEXT, "file of turn, agent, thinking, output")]
    repeat: Annotated[bool, Parameter(Kind.FLAG, "start over when it ends")] = False


class _DistributionTable(Struct, frozen=True):
    """The keys of `[usage]` for draws."""

    thinking: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "distribution of thinking units")
    ] = None
    output: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "distribution of output units")
    ] = None


_SOURCES: Final[Mapping[str, type[PublishedUsage | _TraceTable | _DistributionTable]]] = {
    "published": PublishedUsage,
    "trace": _TraceTable,
    "distribution": _DistributionTable,
}


def parse_usage(given: Any, folder: Path, trace: Path | None = None) -> UsageSource:
    """A usage source from the `[usage]` table of a scenario.

    Args:
        folder: Where a relative path starts.
        trace: Where a trace is read instead of the path that is stated, if it is elsewhere.

    Raises:
        ScenarioError: With every problem found.
    """
    problems: list[str] = []
    source = read_tagged("source", _SOURCES, given, "usage", problems)
    if isinstance(source, _TraceTable):
        return read_trace(trace or folder / source.path, repeat=source.repeat)
    if isinstance(source, _DistributionTable):
        draws = partial(read_tagged, "distribution", _DISTRIBUTIONS)
        thinking = draws(source.thinking, "usage.thinking", problems)
        output = draws(source.output, "usage.output", problems)
        if thinking is not None and output is not None:
            return DistributedUsage(thinking, output)
    if source is None or problems:
        raise ScenarioError(problems)
    return PublishedUsage()


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


def trace_csv(usage: TracedUsage) -> str:
    """A trace as the CSV from which `read_trace` reads the same rows, in the same order.

    The order of agents within a turn is a part of a trace's digest.
    """
    rows = (
        dict(zip(_LEAST, (turn, agent_id, *units), strict=True))
        for turn, agents in sorted(usage.rows.items())
        for agent_id, units in agents.items()
    )
    text = io.StringIO()
    write_csv_rows(text, list(_LEAST), rows, raw=True)
    return text.getvalue()


def read_trace(path: Path, *, repeat: bool = False) -> TracedUsage:
    """A trace from a CSV or Parquet file with columns turn, agent, thinking, output.

    Raises:
        ScenarioError: It is missing, has other columns, or rows that make no sense.
    """
    if not path.is_file():
        raise ScenarioError([f"usage.path: there is no file {path}"])
    problems: list[str] = []
    read = _parquet_rows if path.suffix == ".parquet" else _csv_rows
    by_turn: dict[int, dict[str, Usage]] = {}
    for row_name, (turn, agent_id, thinking, output) in read(path, problems):
        agents = by_turn.setdefault(turn, {})
        if agent_id in agents:
            problems.append(f"{row_name}: {agent_id} has turn {turn} twice")
        agents[agent_id] = thinking, output
    if not by_turn and not problems:
        raise ScenarioError([f"usage.path: {path} has no rows"])
    if problems:
        named = [f"usage.path: {path}, {problem}" for problem in problems[:20]]
        more = [f"usage.path: and {len(problems) - 20} more"] if len(problems) > 20 else []
        raise ScenarioError(named + more)
    return TracedUsage(str(path), by_turn, max(by_turn), repeat)


_Row: TypeAlias = tuple[Any, ...]
"""Turn, agent, thinking units, output units."""

_LEAST: Final[Mapping[str, int | None]] = {"turn": 1, "agent": None, "thinking": 0, "output": 0}
"""The columns of a trace, each with its least number; None where it is a text."""


def _cell(column: str, value: Any) -> Any:
    """The value of a cell.

    Raises:
        ValueError: What it must be.
    """
    low = _LEAST[column]
    if low is None:
        if not isinstance(value, str):
            raise ValueError(f"{column} must be a name")
        return value
    text = str(int(value) if _is_whole(value) else value).strip()
    whole = text.isascii() and text.isdigit() and len(text) <= 12
    if not whole or not low <= int(text) <= INPUT_LIMIT:
        raise ValueError(f"{column} must be an integer from {low} to {INPUT_LIMIT}")
    return int(text)


def _is_whole(value: Any) -> bool:
    return isinstance(value, float | Decimal) and value % 1 == 0


def _csv_rows(path: Path, problems: list[str]) -> Iterator[tuple[str, _Row]]:
    """Each row that is right, with its line."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            _check_columns(path, header)
            indices = {column: header.index(column) for column in _LEAST}
            for cells in filter(None, reader):
                line = f"line {reader.line_num}"
                try:
                    if len(cells) != len(header):
                        raise ValueError(f"has {len(cells)} cells, the header {len(header)}")
                    row = tuple(_cell(column, cells[at]) for column, at in indices.items())
                except ValueError as error:
                    problems.append(f"{line}: {error}")
                else:
                    yield line, row
        except (UnicodeDecodeError, csv.Error) as error:
            where = f", line {reader.line_num}" if reader.line_num else ""
            problem = f"usage.path: {path} is not a CSV file{where}: {error}"
            raise ScenarioError([problem]) from None


def _parquet_rows(path: Path, problems: list[str]) -> Iterator[tuple[str, _Row]]:
    """Each row with its number; nothing where a column is wrong, which is said once."""
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
    columns = [_column(column, frame[column], problems) for column in _LEAST]
    if not problems:
        for index, row in enumerate(zip(*columns, strict=True), 1):
            yield f"row {index}", row


def _column(column: str, values: Iterable[Any], problems: list[str]) -> list[Any]:
    """The cells of a column that are right; one problem where some are not."""
    cells, wrong = [], []
    for index, value in enumerate(values, 1):
        try:
            cells.append(_cell(column, value))
        except ValueError as error:
            wrong.append(f"row {index}: {error}")
    if wrong:
        more = f", so too in {len(wrong) - 1} more rows" if len(wrong) > 1 else ""
        problems.append(wrong[0] + more)
    return cells


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    missing = [column for column in _LEAST if column not in columns]
    if missing:
        raise ScenarioError([f"usage.path: {path} lacks the columns {', '.join(missing)}"])
    twice = [column for column, times in Counter(columns).items() if times > 1 and column]
    if twice:
        raise ScenarioError([f"usage.path: {path} has the columns {', '.join(twice)} twice"])
