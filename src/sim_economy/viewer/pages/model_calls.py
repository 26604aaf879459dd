"""Calls of models, where the record of a run has them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sim_economy.viewer.answer_rows import CallRow, DecisionRow
from sim_economy.viewer.sources import WorldSource

if TYPE_CHECKING:
    from sim_economy.orchestrator.record.transcript import AgentTurn


class ModelCalls:
    """What models saw and replied, by turn and agent id.

    Attributes:
        currency: Of all money; empty where the record does not say.
    """

    def __init__(self, turns: Mapping[tuple[int, str], AgentTurn], currency: str) -> None:
        self._turns = turns
        self.currency = currency

    def counted(self, row: DecisionRow) -> DecisionRow:
        """A decision with how many calls it took."""
        found = self._turns.get((row.turn, row.agent_id))
        return row if found is None else replace(row, calls=len(found.calls))

    def saw(self, turn: int, agent_id: str) -> str | None:
        """The prompt of an agent in a turn; None where it is not here to be read."""
        found = self._turns.get((turn, agent_id))
        return None if found is None else found.saw

    def idle_because(self, turn: int, agent_id: str) -> str:
        """Why an agent could not act; empty where it could."""
        found = self._turns.get((turn, agent_id))
        return "" if found is None else found.idle_because

    def rows(self, turn: int, agent_id: str) -> tuple[CallRow, ...]:
        """The calls of an agent in a turn, in order."""
        found = self._turns.get((turn, agent_id))
        if found is None:
            return ()
        return tuple(
            CallRow(
                attempt=call.attempt,
                outcome=call.outcome,
                detail=call.detail,
                thinking=call.thinking,
                reply=call.reply,
                seconds=call.seconds,
                tokens=call.tokens,
                money=call.money,
            )
            for call in found.calls
        )


NO_CALLS = ModelCalls({}, "")


def calls_of(source: WorldSource) -> ModelCalls:
    """The calls of a world's models; none where it has none.

    Raises:
        FolderError, StoreError: They cannot be read.
    """
    if source.calls_folder is None:
        return NO_CALLS
    from sim_economy.orchestrator.record.call_folder import CALL_LOG  # noqa: PLC0415 - weighs

    log = (source.calls_folder / CALL_LOG).stat()
    return _read(source.calls_folder, log.st_size, log.st_mtime_ns)


@lru_cache(maxsize=4)
def _read(folder: Path, *_seen: int) -> ModelCalls:
    from sim_economy.orchestrator.record.transcript import read_agent_turns  # noqa: PLC0415

    agent_turns, currency = read_agent_turns(folder)
    return ModelCalls(
        {(own.turn, own.agent_id): own for of_turn in agent_turns.values() for own in of_turn},
        currency,
    )
