"""The grammar of rules: conditions and actions as texts into a table of whole numbers.

    condition   term and term ...
    term        employed | poorest | not employed | not poorest
                FEATURE < NUMBER, and so with <= > >= == !=
                FEATURE % NUMBER == NUMBER | (turn + agent) % NUMBER == NUMBER
    action      mine | job | study | idle | stake NUMBER [fee NUMBER] | unstake [NUMBER]
                burn NUMBER [fee NUMBER] | transfer NUMBER to poorest [fee NUMBER], or to next
                bid NUMBER

A NUMBER is a whole number or the name of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sim_economy.agents.catalogue import RESERVED
from sim_economy.batch.decisions.behaviour_tables import (
    ABSENT,
    RuleCondition,
    RuleTable,
    TableRule,
    rule_action,
)
from sim_economy.batch.decisions.decision_codes import (
    FEATURES,
    ActionCode,
    CompareCode,
    Decision,
    Feature,
    Target,
)
from sim_economy.core.errors import ScenarioError
from sim_economy.core.suggestions import suggestion
from sim_economy.core.units import INPUT_LIMIT

_COMPARISONS: Final = {
    "<": CompareCode.BELOW,
    "<=": CompareCode.AT_MOST,
    ">": CompareCode.ABOVE,
    ">=": CompareCode.AT_LEAST,
    "==": CompareCode.EQUAL,
    "!=": CompareCode.UNEQUAL,
}
_FLAGS: Final = {"employed": Feature.EMPLOYED, "poorest": Feature.POOREST}
_QUANTITIES: Final = {name: FEATURES[name] for name in FEATURES if name not in _FLAGS}
_ACTIONS: Final = {code.name.lower(): code for code in ActionCode}
_TARGETS: Final = {target.name.lower(): target for target in Target}
_WORDS: Final = ("and", "or", "not", "to", "fee", "next", "when", "do", "name", "rules", "numbers")
_RESERVED: Final = frozenset({*FEATURES, *_ACTIONS, *RESERVED, *_WORDS})
"""Words that no number may have for a name."""

_TOKEN: Final = re.compile(r"[A-Za-z_]\w*|-?\d+|[<>=!]=|[<>%+()]|\S+?(?=[\s\w]|$)")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_END: Final = "the end"

_AMOUNT, _FEE, _DIVISOR = "an amount", "a fee", "a divisor or remainder"
_LEAST: Final = {_AMOUNT: 1, _FEE: 0, _DIVISOR: 0}
"""The least value of a number that is used so; divided by 0, nothing has a remainder."""


def _least(use: str) -> int:
    return _LEAST.get(use, -INPUT_LIMIT)


class _Numbers:
    """The numbers of a table: those that have names first, then constants, each once.

    Attributes:
        uses: How the rules use each name.
    """

    def __init__(self, named: Mapping[str, int]) -> None:
        self.named = named
        self.names = tuple(named)
        self.constants: dict[int, int] = {}
        self.uses: dict[str, set[str]] = {}

    @property
    def values(self) -> tuple[int, ...]:
        """All values by index."""
        return (*self.named.values(), *self.constants)

    def index(self, token: str, use: str) -> int:
        """The index of the number that a token is or names.

        Raises:
            ValueError: It is neither, or out of range.
        """
        if token in self.named:
            self.uses.setdefault(token, set()).add(use)
            return self.names.index(token)
        if not re.fullmatch(r"-?\d{1,10}", token):
            known = f"one by name ({', '.join(self.names) or 'there are none'})"
            raise _unexpected(token, f"a whole number or {known}", self.names)
        least = _least(use)
        if not least <= int(token) <= INPUT_LIMIT:
            raise ValueError(f"{use} must be from {least} to {INPUT_LIMIT}, not {token}")
        return len(self.names) + self.constants.setdefault(int(token), len(self.constants))


class _Words:
    """The words of a text, taken from left to right."""

    def __init__(self, text: str) -> None:
        self._words = _TOKEN.findall(text)

    @property
    def next(self) -> str:
        """The next word, not yet taken."""
        return self._words[0] if self._words else _END

    def take(self) -> str:
        """Take the next word."""
        return self._words.pop(0) if self._words else _END

    def taken(self, word: str) -> bool:
        """Take the next word if it is this one."""
        if self.next != word:
            return False
        self.take()
        return True

    def expect(self, *words: str) -> str:
        """Take the next word.

        Raises:
            ValueError: It is none of these.
        """
        found = self.take()
        if found not in words:
            wanted = words[0] if len(words) == 1 else f"one of {', '.join(words)}"
            raise _unexpected(found, wanted, words)
        return found


def _unexpected(word: str, wanted: str, known: Iterable[str]) -> ValueError:
    """The complaint about a word that stands where another must."""
    near = suggestion(word, known) if word.isidentifier() else ""
    near = "; did you mean ==?" if word == "=" else near
    shown = word if word == _END else f'"{word}"'
    return ValueError(f"expected {wanted}, found {shown}{near}")


def read_action(text: str) -> Decision:
    """The decision that an action without names of numbers stands for.

    Raises:
        ValueError: It is no action.
    """
    numbers = _Numbers({})
    rule = _rule(text, numbers, 0, 0)
    return rule_action(rule, numbers.values)


def read_rules(rules: Sequence[tuple[str, str]], numbers: Mapping[str, int]) -> RuleTable:
    """The table of a policy of rules.

    Args:
        rules: Condition and action of each; the condition of the last is empty.
        numbers: By name.

    Raises:
        ScenarioError: With every problem found.
    """
    known = _Numbers(numbers)
    problems = _name_problems(numbers)
    conditions: list[RuleCondition] = []
    read: list[TableRule] = []
    for index, (when, do) in enumerate(rules):
        path = f"rules[{index}]"
        first = len(conditions)
        try:
            if when:
                conditions += _conditions(when, known)
        except ValueError as error:
            problems.append(f"{path}.when: {error}")
        try:
            read.append(_rule(do, known, first, len(conditions)))
        except ValueError as error:
            problems.append(f"{path}.do: {error}")
        problems += _order_problems(path, when, is_last=index == len(rules) - 1)
    problems += _use_problems(known)
    if problems:
        raise ScenarioError(problems)
    fixed = frozenset(name for name, uses in known.uses.items() if _DIVISOR in uses)
    return RuleTable(
        names=known.names,
        numbers=known.values,
        least=tuple(max(map(_least, known.uses[name])) for name in known.names),
        conditions=tuple(conditions),
        rules=tuple(read),
        structural=fixed,
    )


def _name_problems(names: Iterable[str]) -> list[str]:
    must = "must be small letters, digits and _, and no word that rules or populations use"
    return [
        f"numbers.{name}: the name {must}"
        for name in names
        if name in _RESERVED or not _NAME.fullmatch(name)
    ]


def _order_problems(path: str, when: str, *, is_last: bool) -> list[str]:
    if is_last and when:
        return [f"{path}.when: must be left out of the last rule, which holds where no other does"]
    if not is_last and not when:
        return [f"{path}: must have a when, or be the last: no rule after it could match"]
    return []


def _use_problems(known: _Numbers) -> list[str]:
    problems = [
        f"numbers.{name}: no rule reads it" for name in known.names if name not in known.uses
    ]
    for name, uses in known.uses.items():
        problems += [
            f"numbers.{name}: is {use} in a rule, and must be from {least} to {INPUT_LIMIT}"
            for use, least in _LEAST.items()
            if use in uses and not least <= known.named[name] <= INPUT_LIMIT
        ]
    return problems


def _conditions(text: str, numbers: _Numbers) -> list[RuleCondition]:
    words = _Words(text)
    found = [_condition(words, numbers)]
    while words.next != _END:
        words.expect("and")
        found.append(_condition(words, numbers))
    return found


def _condition(words: _Words, numbers: _Numbers) -> RuleCondition:
    if words.taken("not"):
        flag = _FLAGS[words.expect(*_FLAGS)]
        return RuleCondition(flag, CompareCode.EQUAL, numbers.index("0", "a number"))
    if words.next in _FLAGS:
        flag = _FLAGS[words.take()]
        return RuleCondition(flag, CompareCode.UNEQUAL, numbers.index("0", "a number"))
    if words.taken("("):
        for word in ("turn", "+", "agent", ")"):
            words.expect(word)
        words.expect("%")
        return _remainder(Feature.TURN_PLUS_AGENT, words, numbers)
    feature = _quantity(words.take())
    if words.taken("%"):
        return _remainder(feature, words, numbers)
    comparison = _COMPARISONS[words.expect(*_COMPARISONS)]
    return RuleCondition(feature, comparison, numbers.index(words.take(), "a number"))


def _quantity(word: str) -> Feature:
    if word not in _QUANTITIES:
        known = ", ".join((*FEATURES, "(turn + agent) %", "not"))
        raise _unexpected(word, f"one of {known}", FEATURES)
    return _QUANTITIES[word]


def _remainder(feature: Feature, words: _Words, numbers: _Numbers) -> RuleCondition:
    modulus = numbers.index(words.take(), _DIVISOR)
    words.expect("==")
    operand = numbers.index(words.take(), _DIVISOR)
    return RuleCondition(feature, CompareCode.EQUAL, operand, modulus)


def _rule(text: str, numbers: _Numbers, first: int, end: int) -> TableRule:
    words = _Words(text)
    action = _ACTIONS[words.expect(*_ACTIONS)]
    amount = fee = ABSENT
    target = Target.POOREST
    without = action is ActionCode.UNSTAKE and words.next == _END
    if action in _WITH_AMOUNT and not without:
        amount = numbers.index(words.take(), _AMOUNT)
    if action is ActionCode.TRANSFER:
        words.expect("to")
        target = _TARGETS[words.expect(*_TARGETS)]
    if action in _WITH_FEE and words.taken("fee"):
        fee = numbers.index(words.take(), _FEE)
    if words.next != _END:
        if action in _WITH_FEE and fee == ABSENT:
            raise _unexpected(words.next, "fee or the end", ["fee"])
        raise _unexpected(words.next, _END, ())
    return TableRule(first, end, action, amount, fee, target)


_WITH_AMOUNT: Final = frozenset(
    {
        ActionCode.STAKE,
        ActionCode.UNSTAKE,
        ActionCode.BURN,
        ActionCode.TRANSFER,
        ActionCode.BID,
    }
)
_WITH_FEE: Final = frozenset({ActionCode.STAKE, ActionCode.BURN, ActionCode.TRANSFER})
