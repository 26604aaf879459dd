"""The policy that weighs what it sees: for learning."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Final

from msgspec.structs import force_setattr

from sim_economy.agents.decisions import action_of, linear_decision
from sim_economy.agents.policy import Policy, View
from sim_economy.agents.rule_grammar import read_action
from sim_economy.batch.decisions.behaviour_tables import WeightTable
from sim_economy.batch.decisions.decision_codes import LINEAR_SCALES, Decision
from sim_economy.core.actions import Action
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import Kind, Parameter, read_parameter, written
from sim_economy.core.units import Millionths

_ACTIONS: Final = Parameter(Kind.TEXTS, "what it chooses among")
_WEIGHTS: Final = Parameter(
    Kind.MATRIX, "a row for each action, a number for each feature", choices=(*LINEAR_SCALES,)
)


class Linear(Policy, frozen=True, dict=True):
    """Does what has the highest score: weights times what it sees; the first of equals.

    Attributes:
        weights: In millionths, `[action][feature]`; without rows all are 0.
    """

    actions: Annotated[tuple[str, ...], _ACTIONS] = (
        "mine",
        "job",
        "study",
        "stake 80",
        "unstake",
        "burn 50",
        "idle",
    )
    weights: Annotated[tuple[tuple[Millionths, ...], ...], _WEIGHTS] = ()

    def __post_init__(self) -> None:
        """Hold actions and weights as a file's would be.

        Raises:
            ScenarioError: With every problem found.
        """
        problems: list[str] = []
        try:
            force_setattr(self, "actions", read_parameter(_ACTIONS, self.actions, None))
            _read_actions(self.actions, problems)
        except ValueError as error:
            problems.append(f"actions: {error}")
        try:
            rows = written(_WEIGHTS, _plain(self.weights))
            force_setattr(self, "weights", read_parameter(_WEIGHTS, rows, None))
        except ValueError as error:
            problems.append(f"weights: {error}")
        if not problems and self.weights and len(self.weights) != len(self.actions):
            found = f"{len(self.weights)} rows for {len(self.actions)} actions"
            problems.append(f"weights: {found}; each action needs its row")
        if problems:
            raise ScenarioError(problems)

    @cached_property
    def table(self) -> WeightTable:
        """Actions and weights as whole numbers."""
        none = ((0,) * len(LINEAR_SCALES),) * len(self.actions)
        return WeightTable(actions=_read_actions(self.actions, []), weights=self.weights or none)

    def decide(self, view: View) -> Action:
        """What has the highest score."""
        return action_of(linear_decision(self.table, view), view)


def _read_actions(actions: tuple[str, ...], problems: list[str]) -> tuple[Decision, ...]:
    read = []
    for index, text in enumerate(actions):
        try:
            read.append(read_action(text))
        except ValueError as error:
            problems.append(f"actions[{index}]: {error}")
    return tuple(read)


def _plain(weights: Any) -> Any:
    """Rows of whole millionths, of NumPy too.

    Raises:
        ValueError: They are not that.
    """
    rows = weights.tolist() if hasattr(weights, "tolist") else weights
    try:
        plain = [[int(number) for number in row] for row in rows]
    except (TypeError, ValueError):
        plain = None
    if plain is None or any(
        number != own
        for row, held in zip(rows, plain, strict=True)
        for number, own in zip(row, held, strict=True)
    ):
        raise ValueError("must be rows of whole millionths; 1000000 is 1")
    return plain
