"""Talkative traders: seeded programs that mine, speak, and make and keep contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from sim_economy.core.contracts import Role
from sim_economy.core.randomness import draw_below, seed_key
from sim_economy.core.world_config import WorldConfig
from sim_economy.orchestrator.dialogue.messages import ModelCall


class _Dice:
    """Draws that are a function of the seed, the turn and the agent."""

    def __init__(self, call: ModelCall, config: WorldConfig) -> None:
        self._key = seed_key(call.seed, "", config.rules_version)
        self._turn = call.turn
        self._agent = call.agent

    def below(self, bound: int, purpose: str) -> int:
        """A whole number from 0 to below a bound."""
        return draw_below(bound, self._key, self._turn, f"trader.{purpose}", self._agent)

    def one(self, choices: Sequence[Any], purpose: str) -> Any:
        """One of several."""
        return choices[self.below(len(choices), purpose)]


def trade(call: ModelCall, config: WorldConfig) -> dict[str, Any]:
    """A trader's answer to what it is shown, as plain values."""
    dice = _Dice(call, config)
    own = call.shown.seen
    reason, action = _chosen(call, dice, own, config)
    answer: dict[str, Any] = {"thinking": reason, "action": action}
    if (speech := _speech(dice, action, config, call)) is not None:
        answer["speech"] = speech
    return answer


def _chosen(
    call: ModelCall, dice: _Dice, own: Mapping[str, Any], config: WorldConfig
) -> tuple[str, dict[str, Any]]:
    balance = own["accounts"]["balance"]
    if call.turn == 1 and balance > 1:
        amount = 1 + dice.below(min(40, balance - 1), "bid")
        return "A share in the fees pays every turn.", {"action": "bid_core", "amount": amount}
    for waiting in _waiting(dice, own, balance):
        return waiting
    if balance < -40:
        return "I am in debt, so I work.", {"action": "job"}
    if balance > 100 and len(config.agent_ids) > 2 and dice.below(4, "propose") == 0:
        return "A contract may bring more than mining.", _proposal(call, dice, config)
    match dice.below(10, "choice"):
        case 0 if balance > 200:
            amount = 20 + dice.below(60, "stake")
            return "Stake adds weight.", {"action": "stake", "amount": amount}
        case 1 if balance > config.study_cost + 100:
            return "Lower fees from now on.", {"action": "study"}
        case 2 if own["accounts"]["staked"] > 0:
            amount = own["accounts"]["staked"]
            return "I want my stake back.", {"action": "unstake", "amount": amount}
        case 3:
            return "Nothing pays more than talking now.", {"action": "speak"}
        case _:
            return "Mining is cheap.", {"action": "mine"}


def _waiting(
    dice: _Dice, own: Mapping[str, Any], balance: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Actions that the agent's contracts wait for, the oldest first."""
    for contract in own["contracts"]:
        number = contract["contract_id"]
        deal = contract["deal"]
        role = Role(deal["parties"].index(own["agent_id"]))
        match contract["stage"], role:
            case "proposed", Role.COUNTERPARTY | Role.ARBITRATOR:
                signed = contract[f"{role.name.lower()}_signed"]
                needed = deal["collaterals"][role] + deal.get("price", 0)
                if not signed and balance >= needed and dice.below(5, f"sign.{number}"):
                    yield "The terms are fair.", {"action": "sign_contract", "contract_id": number}
            case "active", Role.PROPOSER if deal["kind"] == "information_sale":
                payload = _good(own["agent_id"], deal["proposed"])
                yield (
                    "I deliver what I sold.",
                    {"action": "sell_information", "contract_id": number, "payload": payload},
                )
            case "attesting", Role.PROPOSER if not contract["claimed"]:
                yield "I did my part.", {"action": "confirm_delivery", "contract_id": number}
            case "attesting", Role.COUNTERPARTY:
                kept = dice.below(4, f"kept.{number}") > 0
                name = "confirm_delivery" if kept else "dispute_delivery"
                yield "I say how it was.", {"action": name, "contract_id": number}
            case "referred", Role.ARBITRATOR:
                favoured = dice.one(("proposer", "counterparty"), f"rule.{number}")
                ruling = {"action": "arbitrator_ruling", "contract_id": number}
                yield "I have heard both.", {**ruling, "in_favour_of": favoured}


def _proposal(call: ModelCall, dice: _Dice, config: WorldConfig) -> dict[str, Any]:
    others = [name for name in config.agent_ids if name != call.agent_id]
    first = dice.below(len(others), "counterparty")
    second = (first + 1 + dice.below(len(others) - 1, "arbitrator")) % len(others)
    price = 5 + dice.below(30, "price")
    terms: dict[str, Any] = {"price": price, "due_turn": call.turn + 2 + dice.below(3, "due")}
    kind = dice.one(("service", "information_sale"), "kind")
    if kind == "service":
        collaterals = {"proposer_collateral": 5, "counterparty_collateral": 5}
        terms |= {**collaterals, "arbitrator_collateral": price, "arbitrator_fee": 2}
    else:
        terms["payload_hash"] = sha256(_good(call.agent_id, call.turn).encode()).hexdigest()
    return {
        "action": "propose_contract",
        "kind": kind,
        "counterparty": others[first],
        "arbitrator": others[second],
        "terms": terms,
    }


def _good(agent_id: str, turn: int) -> str:
    """The information an agent sells in a turn."""
    return f"{agent_id} on turn {turn}: blocks go to whoever mines while others talk."


_SAID: Final[Mapping[str, tuple[str, ...]]] = {
    "bid_core": ("I bid for a share. May the highest win.",),
    "propose_contract": (
        "{to}, I have an offer for you; {third} may judge us.",
        "Business, {to}? The terms are on the table, and {third} decides if we fall out.",
    ),
    "sign_contract": ("Signed. I keep my word.", "You have my signature on {number}."),
    "confirm_delivery": ("Contract {number} was kept.",),
    "dispute_delivery": ("Contract {number} was not kept, and I said so.",),
    "arbitrator_ruling": ("I have ruled on {number}. Take it as it is.",),
    "sell_information": ("Delivered as promised under {number}.",),
    "job": ("Out of tokens, off to work.",),
    "study": ("I study now, so I pay less later.",),
    "speak": ("Who needs a service done?", "Is anyone selling what they know?"),
    "mine": ("Mining again.", "{other}, the block is mine this time."),
    "stake": ("I lock tokens; that is trust.",),
}


def _speech(
    dice: _Dice,
    action: Mapping[str, Any],
    config: WorldConfig,
    call: ModelCall,
) -> str | None:
    """Its speech; traders answer those who spoke."""
    known = _SAID.get(action["action"])
    if known is None or (action["action"] == "mine" and dice.below(3, "talk")):
        return "Hm." if action["action"] == "speak" else None
    others = [name for name in config.agent_ids if name != call.agent_id]
    spoke = [name for name in call.shown.seen["speech"] if name != call.agent_id]
    heard = spoke or others or ["Nobody"]
    text = str(dice.one(known, "words")).format(
        to=action.get("counterparty", ""),
        third=action.get("arbitrator", ""),
        number=action.get("contract_id", ""),
        other=dice.one(heard, "other"),
    )
    return text[: config.speech_length_max] or None
