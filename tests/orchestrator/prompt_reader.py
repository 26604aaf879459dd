"""Reads prompts of version 3 back into the values they say; what it cannot read fails."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sim_economy.core.contracts import OWN_TERMS, SETTLEMENTS, ContractKind, Role, Stage
from sim_economy.orchestrator.dialogue.messages import Shown
from sim_economy.orchestrator.dialogue.refusal_words import NOT_USED, REFUSALS

_ACCOUNTS: Final = ("balance", "staked", "unstaking", "pending", "escrow")
_COUNTS: Final = (
    "settled", "defaulted", "ruled for proposers", "ruled for counterparties", "disputes missed",
)  # fmt: skip
_HEARD: Final = "Said (data):"
_GOODS: Final = "Information goods by contract (data):"
_INCOME: Final = r"Your allowance: (\d+); (?:no further period|next period in turn (\d+))\."
_DEBTS: Final = r"You owe the platform (\d+) that it lent you\."


def read_prompt(messages: Sequence[Mapping[str, str]], agent_ids: Sequence[str]) -> Shown:
    """What the last message of a conversation shows, with what still stands of earlier ones."""
    texts = [part["content"] for part in messages if part["role"] == "user"]
    who, _, texts[0] = texts[0].partition("\n\n")
    found = re.match(r"You are (\S+)\. The other agents: ", who)
    assert found, who
    return _Reader(found[1], agent_ids, [text.split("\n") for text in texts]).shown()


class _Reader:
    def __init__(self, agent_id: str, agent_ids: Sequence[str], texts: list[list[str]]) -> None:
        self._agent_id = agent_id
        self._agent_ids = list(agent_ids)
        self._earlier = [line for text in texts[:-1] for line in text]
        self._lines = texts[-1]

    def shown(self) -> Shown:
        self.turn = int(self._taken(r"Turn (\d+)\.")[0]) - 1
        seen: dict[str, Any] = {"agent_id": self._agent_id, "turn": self.turn}
        idle_reason, seen["rejection"] = self._refusal()
        changed = self._named("Parameters that are not as in the rules")
        restored = self._named("Parameters that are as in the rules again")
        accounts, before = self._accounts()
        seen |= accounts
        seen |= self._own()
        seen |= self._public()
        full_state = self._full_state(seen)
        seen["speech"] = self._speech()
        seen["payloads"] = self._goods()
        self._options()
        assert not self._lines, self._lines
        return Shown(
            seen=seen,
            full_state=full_state,
            balance_before=before,
            idle_reason=idle_reason,
            changed=changed,
            restored=restored,
        )

    def _taken(self, pattern: str) -> tuple[str, ...]:
        """The groups of the next line, which must be of the pattern."""
        found = re.fullmatch(pattern, self._lines[0])
        assert found, (pattern, self._lines[0])
        self._lines = self._lines[1:]
        return found.groups("")

    def _maybe(self, pattern: str) -> tuple[str, ...] | None:
        """The groups of the next line, if it is of the pattern."""
        is_so = bool(self._lines) and re.fullmatch(pattern, self._lines[0])
        return self._taken(pattern) if is_so else None

    def _all(self, pattern: str) -> list[tuple[str, ...]]:
        taken = []
        while (groups := self._maybe(pattern)) is not None:
            taken.append(groups)
        return taken

    def _refusal(self) -> tuple[str | None, str | None]:
        if unused := self._maybe(r"Your last answer was not used: (\w+)\. (.+) You did nothing\."):
            assert unused[1] in NOT_USED.values()
            return unused[0], None
        if refused := self._maybe(r"Your last action was refused: (\w+)\. (.+)"):
            assert refused[1] in REFUSALS.values()
            return None, refused[0]
        return None, None

    def _named(self, label: str) -> dict[str, Any]:
        found = self._maybe(rf"{label}: (.+)\.")
        pairs = (part.split(" ", 1) for part in found[0].split(", ")) if found else ()
        return {name: _value(text) for name, text in pairs}

    def _accounts(self) -> tuple[dict[str, Any], int | None]:
        (listed,) = self._taken(r"Yours: (.+)\.")
        held = dict.fromkeys((*_ACCOUNTS, "studies"), 0)
        before = None
        for part in listed.split(", "):
            name, count, *change = part.split(" ")
            held[name] = int(count)
            if change:
                before = int(count) - int(change[0].strip("()"))
        if before is None and self.turn:
            before = held["balance"]
        return {"studies": held.pop("studies"), "accounts": held}, before

    def _own(self) -> dict[str, Any]:
        own: dict[str, Any] = {}
        income = self._maybe(
            r"Your allowance: (\d+); (?:no further period|next period in turn (\d+))\."
        )
        if income:
            own["income"] = {"allowance": int(income[0]), "next_period": _whole(income[1])}
        governance: dict[str, Any] = {}
        if owed := self._maybe(_DEBTS):
            governance["receivable"] = int(owed[0])
        if relieved := self._maybe(r"Your fees of this turn are (not )?halved\."):
            governance["relieved"] = not relieved[0]
        waiting = self._maybe(r"Yours, waiting for a block: (.+)\.")
        own["transactions"] = [self._transaction(part) for part in _parts(waiting)]
        back = self._maybe(r"Your stake on its way back: (.+)\.")
        own["releases"] = [self._release(part) for part in _parts(back)]
        own["contracts"] = self._contracts()
        own["contracts_ended"] = [self._ended(groups) for groups in self._all(_ENDED)]
        matches = [_match(groups) for groups in self._all(_MATCH)]
        if matches or self._maybe(r"You have no match\.") is not None:
            governance["matches"] = matches
        return own | ({"governance": governance} if governance else {})

    def _transaction(self, part: str) -> dict[str, Any]:
        pattern = r"(\w+) (\d+)(?: to (\S+?))?(?:, fee (\d+))? since turn (\d+)"
        found = re.fullmatch(pattern, part)
        assert found, part
        kind, amount, to, fee, submitted = found.groups()
        return {
            "tx_type": kind,
            "agent_id": self._agent_id,
            "amount": int(amount),
            "fee": int(fee or 0),
            "submitted": int(submitted),
            **({} if to is None else {"to": to}),
        }

    def _release(self, part: str) -> list[int]:
        found = re.fullmatch(r"(\d+) in turn (\d+), unstaked in turn (\d+)", part)
        assert found, part
        amount, due, started = map(int, found.groups())
        return [self._agent_ids.index(self._agent_id), amount, started, due]

    def _contracts(self) -> list[dict[str, Any]]:
        """The open contracts, unchanged ones as they stood last."""
        named = self._maybe(r"Contracts: (.+)\.")
        earlier = (re.fullmatch(_CONTRACT, line) for line in self._earlier)
        told = {found[1]: found.groups("") for found in earlier if found}
        told |= {groups[0]: groups for groups in self._all(_CONTRACT)}
        numbers = named[0].split(", ") if named else []
        return [self._contract(told[number]) for number in numbers]

    def _contract(self, groups: tuple[str, ...]) -> dict[str, Any]:
        number, kind, stage, until, *parties, listed = groups
        deal: dict[str, Any] = {
            "kind": kind, "parties": parties, "collaterals": [0, 0, 0], "arbitrator_fee": 0,
            "settlement": str(SETTLEMENTS[ContractKind(kind)][0]),
        }  # fmt: skip
        contract: dict[str, Any] = {
            "contract_id": int(number),
            "deal": deal,
            "seats": [self._agent_ids.index(name) for name in parties],
            "stage": stage,
            "until": int(until),
            "counterparty_signed": stage != Stage.PROPOSED,
            "arbitrator_signed": stage != Stage.PROPOSED,
            "payment": 0,
            "claimed": False,
            "favoured": None,
            "insured_value": None,
        }
        for part in listed.split(", "):
            _fill(contract, deal, part)
        return contract

    def _ended(self, groups: tuple[str, ...]) -> dict[str, Any]:
        number, *parties, stage, reason = groups
        return {
            "contract_id": int(number),
            "seats": [self._agent_ids.index(name) for name in parties],
            "stage": stage,
            "reason": reason or None,
        }

    def _public(self) -> dict[str, Any]:
        turn, winner, ticket, fees, supply = self._taken(
            r"(?:Block (\d+): (\S+?)(?: \((\w+)\))?\. )?"
            r"Fees of all (\d+), tokens of all (-?\d+)\."
        )
        owners = self._lasting("Core shares").split(", ")
        records = self._lasting("Records").split("; ")
        return {
            "tip": [int(turn or 0), winner or None, ticket or ("mine" if winner else None)],
            "fees_collected": int(fees),
            "token_supply": int(supply),
            "core_owners": dict(_shares(owner) for owner in owners if owner),
            "reputations": dict(self._record(known) for known in records if known),
        }

    def _lasting(self, label: str) -> str:
        """What stands under a label in this message, or last stood there."""
        found = self._maybe(rf"{label}: (.+)\.")
        if found:
            return found[0]
        old = [line for line in self._earlier if line.startswith(f"{label}: ")]
        return old[-1].removeprefix(f"{label}: ").removesuffix(".") if old else ""

    def _record(self, known: str) -> tuple[str, list[int]]:
        agent_id, _, listed = known.partition(" ")
        counts = dict.fromkeys(_COUNTS, 0)
        for part in listed.split(", ") if listed != "nothing" else ():
            name, _, count = part.rpartition(" ")
            assert name in counts, part
            counts[name] = int(count)
        return agent_id, [self._agent_ids.index(agent_id), *counts.values()]

    def _full_state(self, seen: Mapping[str, Any]) -> dict[str, Any] | None:
        found = self._maybe(r"Accounts of all agents \((.+)\):")
        if found is None:
            return None
        names = found[0].split(" ")
        agents = []
        for agent_id in self._agent_ids:
            (row,) = self._taken(rf"{re.escape(agent_id)} ([-\d ]+)")
            counts = map(int, row.split(" "))
            agents.append({"agent_id": agent_id, **dict(zip(names, counts, strict=True))})
        return {
            "turn": seen["turn"],
            "token_supply": seen["token_supply"],
            "fees_collected": seen["fees_collected"],
            "agents": agents,
        }

    def _speech(self) -> dict[str, str]:
        again = self._maybe(r"Said again: (.+)\.")
        said = {name: self._last_words(name) for name in again[0].split(", ")} if again else {}
        if self._lines and self._lines[0] == _HEARD:
            self._lines = self._lines[1:]
            for names, words in self._all(_QUOTED):
                said |= dict.fromkeys(names.split(", "), json.loads(words))
        return {name: said[name] for name in self._agent_ids if name in said}

    def _last_words(self, name: str) -> str:
        """What an agent is quoted with in the newest earlier message that quotes it."""
        for index, line in reversed([*enumerate(self._earlier)]):
            found = re.fullmatch(_QUOTED, line)
            if found and name in found[1].split(", ") and self._heading(index) == _HEARD:
                words: str = json.loads(found[2])
                return words
        raise AssertionError(name)

    def _heading(self, index: int) -> str:
        """The line that stands over quoted ones."""
        while re.fullmatch(_QUOTED, self._earlier[index]):
            index -= 1
        return self._earlier[index]

    def _goods(self) -> dict[str, str]:
        if not self._lines or self._lines[0] != _GOODS:
            return {}
        self._lines = self._lines[1:]
        goods = {}
        for number, words in self._all(r'(\d+): (".*"|\(.+\))'):
            old = (line for line in reversed(self._earlier) if line.startswith(f'{number}: "'))
            shown = next(old).partition(" ")[2] if words == "(as shown above)" else words
            goods[number] = shown if shown.startswith("(") else json.loads(shown)
        return goods

    def _options(self) -> None:
        assert self._lasting("You can"), "an agent is told what it can do"
        self._maybe(r"With what reaches you first you can spend \d+\.")
        self._maybe(r"On contracts you can: (.+)\.")


_QUOTED: Final = r'([\w.:, -]+): (".*")'
_ID: Final = r"[\w.:-]+"
_CONTRACT: Final = (
    rf"Contract (\d+) \((\w+), (\w+) until turn (\d+); proposer ({_ID}), "
    rf"counterparty ({_ID}), arbitrator ({_ID})\): (.+)\."
)
_ENDED: Final = rf"Contract (\d+) of ({_ID}), ({_ID}), ({_ID}) has (\w+)(?:: (\w+))?\."
_MATCH: Final = (
    rf"Match: (\w+), you (offer|seek), ({_ID}) (?:offers|seeks); amount (\d+), price (\d+); "
    r"usual terms: (.+)\."
)
_SAID: Final[Mapping[str, tuple[str, Any]]] = {
    "counterparty has signed": ("counterparty_signed", True),
    "arbitrator has signed": ("arbitrator_signed", True),
    "proposer has confirmed": ("claimed", True),
    "ruled for the proposer": ("favoured", "proposer"),
    "ruled for the counterparty": ("favoured", "counterparty"),
}


def _fill(contract: dict[str, Any], deal: dict[str, Any], part: str) -> None:
    """Enter one part of what a line says of a contract."""
    name, _, value = part.partition(" ")
    if part in _SAID:
        key, stated = _SAID[part]
        contract[key] = stated
    elif part in ("attested", "automatic"):
        deal["settlement"] = part
    elif part.endswith(" paid into escrow"):
        contract["payment"] = int(name)
    elif part.startswith("insured value "):
        contract["insured_value"] = int(part.removeprefix("insured value "))
    elif part.startswith("proposed in turn "):
        deal["proposed"] = int(part.removeprefix("proposed in turn "))
    elif name == "collaterals":
        deal["collaterals"] = [int(held) for held in value.split(" ")]
    else:
        own = (*OWN_TERMS[ContractKind(deal["kind"])], "arbitrator_fee", "due_turn")
        assert name in own, part
        stated = value if name == "payload_hash" else int(value)
        if stated or name in ("arbitrator_fee", "due_turn"):
            deal[name] = stated


def _match(groups: tuple[str, ...]) -> dict[str, Any]:
    kind, side, partner, amount, price, terms = groups
    named = (part.split(" ") for part in terms.split(", "))
    return {
        "kind": kind,
        "side": side,
        "partner": partner,
        "amount": int(amount),
        "price": int(price),
        "terms": {name: int(value) for name, value in named},
    }


def _parts(found: tuple[str, ...] | None) -> list[str]:
    return found[0].split("; ") if found else []


def _shares(owner: str) -> tuple[str, int]:
    name, _, shares = owner.partition(" ")
    return name, int(shares or 1)


def _whole(text: str) -> int | None:
    return int(text) if text else None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


assert len(Role) == 3, "a line of a contract names three parties"
