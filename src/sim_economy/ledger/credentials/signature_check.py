"""The check of a world's signatures against its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import json

from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.text_limits import THINKING
from sim_economy.ledger.credentials.signatures import action_message, is_signed, turn_message
from sim_economy.ledger.records import Keys, Signature, TurnRecord, head_unsigned


class SignedWorld:
    """One world's keys, and what is held against them.

    Attributes:
        every_turn: Whether the engine signs turns without a block too.
        good: Signatures found good so far.
    """

    def __init__(self, genesis_hash: str, keys: Keys, rules_version: str) -> None:
        self.genesis_hash = genesis_hash
        self.keys = keys
        self.every_turn = rules_version != RulesVersion.V2
        self.good = 0

    def is_input_signed(
        self, turn: int, sent: Mapping[str, Any], signature: Signature | None
    ) -> bool:
        """Test whether an input is signed by its agent, or needs no signature.

        Args:
            sent: The input as it is kept.
        """
        key = self.keys.agents.get(sent["agent_id"])
        if signature is None:
            return key is None or _is_silence(sent) or is_refused_for_length(sent)
        return key == signature.public_key and self._holds(
            signature, action_message(self.genesis_hash, turn, sent)
        )

    def problems(self, record: TurnRecord, previous_hash: str) -> Iterator[str]:
        """Parts of a turn that are not signed, or by somebody else.

        Args:
            previous_hash: The chain head before it.
        """
        signatures = record.signatures or (None,) * len(record.inputs)
        for index, (text, signature) in enumerate(zip(record.inputs, signatures, strict=True)):
            if not self.is_input_signed(record.turn, json.decode(text), signature):
                yield f"input {index} is not signed by its agent"
        if (self.every_turn or record.block is not None) and not self._is_turn_signed(
            record, previous_hash
        ):
            yield f"the {'turn' if record.block is None else 'block'} is not signed by the engine"

    def _is_turn_signed(self, record: TurnRecord, previous_hash: str) -> bool:
        signature = record.block_signature
        if signature is None or signature.public_key != self.keys.engine:
            return False
        head = head_unsigned(previous_hash, record)
        message = turn_message(self.genesis_hash, record.turn, record.block, head)
        return self._holds(signature, message)

    def _holds(self, signature: Signature, message: bytes) -> bool:
        good = is_signed(signature.public_key, signature.signature, message)
        self.good += good
        return good


def _is_silence(sent: Mapping[str, Any]) -> bool:
    return sent["action"] == {"action": "idle"} and not sent.keys() & {"speech", "needs"}


def is_refused_for_length(sent: Mapping[str, Any]) -> bool:
    """Test whether an input lacks what was signed, so that no rule may apply it."""
    return any(field != THINKING for field, _ in sent.get("cut", ()))
