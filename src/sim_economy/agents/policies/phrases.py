"""Phrases in which shipped policies trade, joined by semicolons.

docs/policies.md lists them. Whatever else is said, nobody here understands it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, TypeAlias

from msgspec import Struct

from sim_economy.core.contracts import ContractKind

ARBITRATION: Final = "arbitration"
"""Things offered besides contracts."""

SERVICE: Final = "service"
INFORMATION: Final = "information"
LOAN: Final = "loan"
INSURANCE: Final = "insurance"
FORWARD: Final = "forward"
KINDS: Final[Mapping[str, ContractKind]] = {
    SERVICE: ContractKind.SERVICE,
    INFORMATION: ContractKind.INFORMATION_SALE,
    LOAN: ContractKind.LOAN,
    INSURANCE: ContractKind.INSURANCE,
    FORWARD: ContractKind.FORWARD,
}
"""The kinds of contract by the word for them."""

SOUGHT: Final[Mapping[str, int]] = {
    SERVICE: 2,
    INFORMATION: 1,
    LOAN: 2,
    INSURANCE: 3,
    FORWARD: 2,
}
"""Numbers that follow `seek`, by the thing sought."""


class Seek(Struct, frozen=True):
    """Something is wanted, on these terms.

    Attributes:
        figures: Service: highest price, turns. Information: highest price. Loan: principal, turns.
            Insurance: payout, trigger, turns. Forward: cap, turns.
    """

    what: str
    figures: tuple[int, ...]


class Offer(Struct, frozen=True):
    """Something is for sale.

    Attributes:
        price: Tokens; of a loan, an insurance or a forward for each hundred that it is about.
    """

    what: str
    price: int


class Done(Struct, frozen=True):
    """A service was rendered.

    Attributes:
        proof: What only its result shows.
    """

    contract_id: int
    proof: str


Phrase = Seek | Offer | Done


def proof(contract_id: int) -> str:
    """Proof that a service was rendered; anyone can check it.

    It stands for a result that can be seen: the economy itself knows no services.
    """
    return sha256(f"service {contract_id}".encode()).hexdigest()[:16]


def spoken(phrases: Iterable[Phrase], longest: int) -> str | None:
    """As many of the phrases as fit, as one speech; None where there is nothing to say."""
    said = ""
    for phrase in phrases:
        longer = f"{said}; {_words(phrase)}" if said else _words(phrase)
        if len(longer) <= longest:
            said = longer
    return said or None


@lru_cache(maxsize=4096)
def understood(speech: str) -> tuple[Phrase, ...]:
    """The phrases of a speech."""
    found = (_phrase(part.strip()) for part in speech.split(";"))
    return tuple(phrase for phrase in found if phrase is not None)


Heard: TypeAlias = Mapping[tuple[type[Seek | Offer], str], Sequence[tuple[str, Any]]]
"""Speakers with what they seek or offer, in genesis order."""


@lru_cache(maxsize=4)
def gathered(speeches: tuple[tuple[str, str], ...]) -> Heard:
    """Everything sought and offered in the speeches of a turn, by verb and thing."""
    found: dict[tuple[type[Seek | Offer], str], list[tuple[str, Any]]] = {}
    for speaker, speech in speeches:
        for phrase in understood(speech):
            if not isinstance(phrase, Done):
                found.setdefault((type(phrase), phrase.what), []).append((speaker, phrase))
    return found


def _words(phrase: Phrase) -> str:
    match phrase:
        case Seek(what, figures):
            return f"seek {what} {' '.join(map(str, figures))}"
        case Offer(what, price):
            return f"offer {what} {price}"
        case Done(contract_id, shown):
            return f"done {contract_id} {shown}"


_SEEK: Final = re.compile(rf"seek ({'|'.join(SOUGHT)})((?: -?[0-9]{{1,10}})+)")
_OFFER: Final = re.compile(rf"offer ({'|'.join(SOUGHT)}|{ARBITRATION}) ([0-9]{{1,10}})")
_DONE: Final = re.compile(r"done ([0-9]{1,10}) ([0-9a-f]{16})")


def _phrase(text: str) -> Phrase | None:
    if (found := _SEEK.fullmatch(text)) is not None:
        figures = tuple(map(int, found[2].split()))
        return Seek(found[1], figures) if len(figures) == SOUGHT[found[1]] else None
    if (found := _OFFER.fullmatch(text)) is not None:
        return Offer(found[1], int(found[2]))
    if (found := _DONE.fullmatch(text)) is not None:
        return Done(int(found[1]), found[2])
    return None
