"""The answer to a closed turn, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET
from msgspec.json import decode

from sim_economy.core.contracts import Happened
from sim_economy.core.events import contracts_that
from sim_economy.core.world_config import WorldConfig
from sim_economy.ledger.records import TurnRecord


def turn_answer(record: TurnRecord, head: str, config: WorldConfig) -> dict[str, Any]:
    """The result of a turn, from its record."""
    block = record.block
    return {
        "turn": record.turn,
        "inference_fees_collected": record.bill.charged,
        "fees_covered": record.bill.covered,
        "fees_waived": record.bill.waived,
        "dividends": record.bill.dividends,
        "block_winner": block.winner if block else None,
        "validator_type": block.validator_type if block else None,
        "contracts_settled": contracts_that(Happened.SETTLED, record.contracts),
        "contracts_defaulted": contracts_that(Happened.DEFAULTED, record.contracts),
        "inputs": len(record.inputs),
        "rejections": list(rejections(record)),
        "cut": list(_cut(record)),
        "transactions": record.transactions,
        "token_supply": record.token_supply,
        "ended": record.ends,
        "usage_source": config.usage_source,
        "state_digest": record.state_digest,
        "head": head,
        **_denied(record, config),
        **({} if record.governance is UNSET else {"governance": record.governance}),
    }


def _denied(record: TurnRecord, config: WorldConfig) -> dict[str, Any]:
    """The units that agents were refused for want of tokens; nothing where none was."""
    if record.units_denied is UNSET:
        return {}
    units = {config.agent_ids[refused.agent]: refused.units for refused in record.units_denied}
    return {"units_denied": units}


def rejections(record: TurnRecord) -> Iterator[dict[str, Any]]:
    """The inputs of a turn that no rule applied, each with its reason."""
    for index, reason in enumerate(record.outcomes):
        if reason is not None:
            sent = decode(record.inputs[index])
            yield {
                "turn": record.turn,
                "position": index,
                "agent_id": sent["agent_id"],
                "action": sent["action"]["action"],
                "reason": reason,
            }


def _cut(record: TurnRecord) -> Iterator[dict[str, Any]]:
    """What was too long to be kept of the inputs of a turn."""
    for index, text in enumerate(record.inputs):
        if b'"cut"' not in bytes(text):
            continue
        sent = decode(text)
        for field, length in sent.get("cut", ()):
            yield {
                "position": index,
                "agent_id": sent["agent_id"],
                "field": field,
                "length": length,
            }
