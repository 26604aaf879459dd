"""Who may spend how much: a file with the keys of `[income]`, names as the log has them.

Source: docs/spec/usage.md, Q4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_DOWN, Context, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import NumberText, read_toml
from sim_economy.scenarios.dated_income import dated_income
from sim_economy.tariffs.tariff import Tariff, without_interventions
from sim_economy.usage.civil_time import Period
from sim_economy.usage.traced_usage import TracedUsage

_EXACT: Final = Context(prec=60)
_OWN_KEYS: Final = ("currency", "genesis_tokens_per_agent", "teams")


class AllowanceFile(Struct, frozen=True, kw_only=True):
    """Allowances as they are written, before a tariff says what a token is worth.

    Attributes:
        currency: Of its amounts; they are tokens where it is empty.
        opening: What each agent holds before turn 1.
        teams: What each agent of a team is granted, where its own name has no allowance.
        table: The keys of `[income]`.
    """

    path: str
    currency: str = ""
    opening: Any = 0
    teams: Mapping[str, Any] = {}
    table: Mapping[str, Any] = {}

    @property
    def period(self) -> Period | None:
        """The civil period of its grants; None where it is counted in turns."""
        stated = self.table.get("period")
        return Period(str(stated)) if stated in [*Period] else None

    @property
    def most(self) -> Decimal:
        """The largest amount of money in it; 0 where amounts are tokens."""
        if not self.currency:
            return Decimal(0)
        return max(_money(amount) or Decimal(0) for amount in self._amounts())

    def _amounts(self) -> Iterator[Any]:
        yield from (self.opening, *self.teams.values())
        yield from (self.table.get(key, 0) for key in _AMOUNTS)
        named, top_ups = self.table.get("allowances"), self.table.get("top_ups")
        yield from named.values() if isinstance(named, Mapping) else ()
        for top_up in top_ups if isinstance(top_ups, Sequence) else ():
            yield top_up.get("tokens", 0) if isinstance(top_up, Mapping) else 0


_AMOUNTS: Final = ("allowance", "carryover_max")


def read_allowances(path: Path) -> AllowanceFile:
    """The file as it is written; what it says is checked with a log and a tariff.

    Raises:
        ScenarioError: It cannot be read, is not TOML, or states what no allowance is.
    """
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
    teams, currency = given.get("teams", {}), given.get("currency", "")
    if not isinstance(teams, Mapping) or not isinstance(currency, str):
        problems.append("teams: must be a table, and currency a text")
    if problems:
        raise ScenarioError(problems, str(path))
    return AllowanceFile(
        path=str(path),
        currency=currency,
        opening=given.get("genesis_tokens_per_agent", 0),
        teams=teams,
        table={key: value for key, value in given.items() if key not in _OWN_KEYS},
    )


def income_table(
    file: AllowanceFile, tariff: Tariff, usage: TracedUsage, turns: int
) -> dict[str, Any]:
    """What a world under a tariff states of its income: genesis tokens and `[income]`.

    Args:
        turns: Up to which periods are worked out.

    Raises:
        ScenarioError: With every problem of the file found here; the rules find the others.
    """
    problems: list[str] = []
    if file.currency and file.currency != tariff.currency:
        problems.append(
            f"currency: is {file.currency}, of {tariff.name} {tariff.currency or 'none'}"
        )
        raise ScenarioError(problems, file.path)
    amounts = _Amounts(tariff if file.currency else None, problems)
    table = amounts.converted(file.table)
    table["allowances"] = _by_agent(file, usage, amounts, problems)
    found = dated_income(_with_ids(table, usage), usage, turns, problems)
    if problems:
        raise ScenarioError([problem.removeprefix("income.") for problem in problems], file.path)
    plain = {key: value for key, value in found.items() if value not in ({}, [])}
    return {"genesis_tokens_per_agent": amounts.tokens(file.opening, "opening"), "income": plain}


class _Amounts:
    """Amounts of a file as tokens of a tariff."""

    def __init__(self, tariff: Tariff | None, problems: list[str]) -> None:
        self._price = None if tariff is None else tariff.token_price
        self._problems = problems

    def tokens(self, amount: Any, key: str) -> Any:
        """Whole tokens for an amount of money; what is no amount stays for the rules to refuse."""
        if self._price is None:
            return amount
        money = _money(amount)
        if money is None:
            self._problems.append(f"{key}: must be an amount of money below a million millions")
            return 0
        return int(_EXACT.divide(money, self._price).to_integral_value(ROUND_DOWN))

    def converted(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """The table with amounts as tokens."""
        found = dict(table)
        for key in _AMOUNTS:
            if key in found:
                found[key] = self.tokens(found[key], key)
        if isinstance(found.get("top_ups"), list):
            found["top_ups"] = [
                {**top_up, "tokens": self.tokens(top_up["tokens"], "top_ups")}
                if isinstance(top_up, Mapping) and "tokens" in top_up
                else top_up
                for top_up in found["top_ups"]
            ]
        return found


def _money(amount: Any) -> Decimal | None:
    """An amount of money as it is written; None where it is none."""
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal | NumberText):
        return None
    try:
        money = Decimal(amount)
    except InvalidOperation:
        return None
    return money if money.is_finite() and 0 <= money < _MONEY_LIMIT else None


_MONEY_LIMIT: Final = 10**12


def _by_agent(
    file: AllowanceFile, usage: TracedUsage, amounts: _Amounts, problems: list[str]
) -> dict[str, Any]:
    """The allowance of each agent that is named, or whose team is, by agent id."""
    ids = _ids(usage)
    log = usage.log
    teams = {} if log is None else {own: agent.team for own, agent in log.agents.items()}
    unknown = sorted({*file.teams} - {*teams.values()})
    problems += [f"teams: there is no team {name} in the log" for name in unknown[:5]]
    found = {
        own: amounts.tokens(file.teams[team], "teams")
        for own, team in teams.items()
        if team in file.teams
    }
    named = file.table.get("allowances", {})
    if not isinstance(named, Mapping):
        problems.append("allowances: must be a table")
        return found
    strangers = [name for name in named if name not in ids]
    problems += [f"allowances: there is no agent {name} in the log" for name in strangers[:5]]
    return found | {
        ids[name]: amounts.tokens(amount, "allowances")
        for name, amount in named.items()
        if name in ids
    }


def _ids(usage: TracedUsage) -> dict[str, str]:
    """Agent ids, by id and by the name that the log has."""
    shown = {} if usage.log is None else {name: own for own, name in usage.log.names.items()}
    return {**{own: own for own in usage.agent_ids}, **shown}


def _with_ids(table: Mapping[str, Any], usage: TracedUsage) -> dict[str, Any]:
    """The table whose top-ups name agents by id."""
    ids, top_ups = _ids(usage), table.get("top_ups")
    if not isinstance(top_ups, list):
        return dict(table)
    named = [
        {**top_up, "agent": ids.get(str(top_up.get("agent")), top_up.get("agent"))}
        if isinstance(top_up, Mapping)
        else top_up
        for top_up in top_ups
    ]
    return {**table, "top_ups": named}
