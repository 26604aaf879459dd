"""The check of a world's signatures against its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import json

from sim_economy.ledger.credentials.signatures import action_message, block_message, is_signed
from sim_economy.ledger.records import Keys, Signature, TurnRecord, head_unsigned


class SignedWorld:
    """One world's keys, and what is held against them.

    Attributes:
        good: Signatures found good so far.
    """

    def __init__(self, genesis_hash: str, keys: Keys) -> None:
        self.genesis_hash = genesis_hash
        self.keys = keys
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
            return key is None or _is_silence(sent)
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
        block, signature = record.block, record.block_signature
        if block is not None and not (
            signature is not None
            and signature.public_key == self.keys.engine
            and self._holds(
                signature,
                block_message(self.genesis_hash, block, head_unsigned(previous_hash, record)),
            )
        ):
            yield "the block is not signed by the engine"

    def _holds(self, signature: Signature, message: bytes) -> bool:
        good = is_signed(signature.public_key, signature.signature, message)
        self.good += good
        return good


def _is_silence(sent: Mapping[str, Any]) -> bool:
    return sent["action"] == {"action": "idle"} and "speech" not in sent
