"""Sums over the kept usage rows, part by part; whole numbers and decimals, exact."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Context, Decimal, localcontext
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sim_economy.usage.reckoning import ModelSums, rfc3339
from sim_economy.usage.usage_rows import COUNTS, UNATTRIBUTED, polars_module

if TYPE_CHECKING:
    import polars

AgentOfTeam: TypeAlias = tuple[str | None, str]
"""Team and agent: who a usage row is of."""

_DECIMALS: Final = 20


class KeptSums:
    """The sums of an import; agents and models in memory, never the rows.

    Attributes:
        records: Kept records by the number of their file.
        agents: Whose rows there are.
        unattributed: Records that name no agent.
    """

    def __init__(self, *, pseudonyms: bool) -> None:
        self.records: Counter[int] = Counter()
        self.agents: dict[AgentOfTeam, None] = {}
        self.unattributed = 0
        self._pseudonyms = Pseudonyms() if pseudonyms else None
        self._models: defaultdict[str | None, list[int]] = defaultdict(lambda: [0] * len(COUNTS))
        self._first: Any = None
        self._last: Any = None
        self._cost: Decimal | None = None

    def add(self, rows: polars.DataFrame) -> polars.DataFrame:
        """Add up a part, and return it as it is to be written."""
        pl = polars_module()
        whole = rows.filter(~pl.col("part"))
        self.records.update(dict(whole["file"].value_counts().iter_rows()))
        self.unattributed += whole.filter(pl.col("agent") == UNATTRIBUTED).height
        pairs = rows.select("team", "agent").unique(maintain_order=True).rows()
        self.agents.update(dict.fromkeys(pairs))
        exact = [pl.col(name).cast(pl.Int128).sum() for name in COUNTS]
        for model, *counts in rows.group_by("model").agg(exact).iter_rows():
            self._models[model] = [
                held + count for held, count in zip(self._models[model], counts, strict=True)
            ]
        self._widen(rows["time" if "time" in rows.columns else "turn"])
        self._add_costs(rows["cost"])
        return rows if self._pseudonyms is None else self._pseudonyms.given(rows, pairs)

    def _widen(self, times: polars.Series) -> None:
        if not times.is_empty():
            found = [times.min(), times.max(), self._first, self._last]
            known: list[Any] = [time for time in found if time is not None]
            self._first, self._last = min(known), max(known)

    def _add_costs(self, costs: polars.Series) -> None:
        pl = polars_module()
        reported = costs.drop_nulls()
        if reported.is_empty():
            return
        fitting = reported.str.contains(rf"^-?\d+(\.\d{{1,{_DECIMALS}}})?$")
        short = reported.filter(fitting).cast(pl.Decimal(38, _DECIMALS)).sum()
        addends = [
            self._cost or Decimal(0),
            Decimal(short),
            *map(Decimal, reported.filter(~fitting)),
        ]
        with localcontext(Context(prec=100)):
            self._cost = sum(addends, Decimal(0))

    def span(self) -> tuple[str | int | None, str | int | None]:
        """The first and the last time or turn."""
        first, last = (
            rfc3339(time.astimezone(UTC)) if isinstance(time, datetime) else time
            for time in (self._first, self._last)
        )
        return first, last

    def total(self) -> dict[str, int]:
        """The sum of each count."""
        return {
            name: sum(counts[index] for counts in self._models.values())
            for index, name in enumerate(COUNTS)
        }

    def by_model(self) -> list[ModelSums]:
        """The sums of each model, by its name."""
        models = sorted(self._models, key=lambda model: (model is None, model or ""))
        return [
            ModelSums(model=model, **dict(zip(COUNTS, self._models[model], strict=True)))
            for model in models
        ]

    def cost_text(self) -> str | None:
        """The sum of what the logs say was paid."""
        if self._cost is None:
            return None
        text = f"{self._cost:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    def names_in_several_teams(self) -> int:
        """How many names stand for several agents."""
        named = Counter(agent for _, agent in self.agents if agent != UNATTRIBUTED)
        return sum(teams > 1 for teams in named.values())


class Pseudonyms:
    """Names in place of those of agents and teams, numbered as they come."""

    def __init__(self) -> None:
        self._agents: dict[AgentOfTeam, str] = {}
        self._teams: dict[str | None, str | None] = {None: None}

    def given(self, rows: polars.DataFrame, pairs: Iterable[AgentOfTeam]) -> polars.DataFrame:
        """The rows with other names, and without ids.

        Args:
            pairs: Whose rows they are, in order.
        """
        pl = polars_module()
        table = [(team, agent, *self._names(team, agent)) for team, agent in pairs]
        names = pl.DataFrame(
            table,
            schema=dict.fromkeys(("team", "agent", "other_team", "other_agent"), pl.String),
            orient="row",
        )
        joined = rows.join(
            names, on=["team", "agent"], how="left", nulls_equal=True, maintain_order="left"
        )
        renamed: polars.DataFrame = joined.with_columns(
            pl.col("other_team").alias("team"),
            pl.col("other_agent").alias("agent"),
            pl.lit(None, pl.String).alias("id"),
        ).drop("other_team", "other_agent")
        return renamed

    def _names(self, team: str | None, agent: str) -> tuple[str | None, str]:
        if team not in self._teams:
            self._teams[team] = f"team_{len(self._teams)}"
        if agent != UNATTRIBUTED and (team, agent) not in self._agents:
            self._agents[team, agent] = f"agent_{len(self._agents) + 1}"
        return self._teams[team], self._agents.get((team, agent), UNATTRIBUTED)
