"""The JSON schema of an answer: one object for each action, made of what its agent can do.

It is as strict as the server takes it (`schema_dialects`). What no schema can say stands in the
descriptions: how two numbers must be to each other, and bounds that a server does not take.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.contracts import ContractKind
from sim_economy.core.options import (
    ActionOption,
    Argument,
    FreeText,
    OneOf,
    Options,
    SomeOf,
    WholeNumber,
)
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.orchestrator.dialogue.reply_parser import THINKING_MOST
from sim_economy.orchestrator.dialogue.schema_dialects import SchemaDialect

SPEAK: Final = "speak"
NEEDS_MOST: Final = 10
"""One for each kind and side."""


class _Manner(Struct, frozen=True):
    """How much of the options is spelled out.

    Attributes:
        pairs: An object for each pair of kind and counterparty, so that no party stands twice.
        names: Names and numbers of contracts as enumerations.
    """

    pairs: bool
    names: bool


_MANNERS: Final = (_Manner(True, True), _Manner(False, True), _Manner(False, False))
"""The strictest first; the first within the limits of a server is taken."""


def answer_schema(
    options: Options, dialect: SchemaDialect, tokens_most: int, *, words: bool = True
) -> str:
    """The schema of an answer as JSON text, the strictest that a server takes.

    Args:
        tokens_most: Of the reply; its texts leave room for all else, a token for each character.
        words: Whether the model reads the schema, so that descriptions help it.
    """
    for manner in _MANNERS:
        if manner.pairs and not (dialect.pairs and _pairs(options) <= dialect.union_most):
            continue
        schema = _Writer(dialect, manner, tokens_most, words=words).answer(options)
        if not list(excesses(schema, dialect)):
            break
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def _pairs(options: Options) -> int:
    """How many pairs of kind and counterparty a proposal can have."""
    proposal = options.of("propose_contract")
    if proposal is None:
        return 0
    others = proposal.arguments["counterparty"]
    assert isinstance(others, OneOf), proposal
    return len(proposal.terms) * len(others.values)


class _Writer:
    """Writes options as a schema in one dialect and manner."""

    def __init__(
        self, dialect: SchemaDialect, manner: _Manner, tokens_most: int, *, words: bool
    ) -> None:
        self._words = words
        self._tokens_most = tokens_most
        self._dialect = dialect
        self._manner = manner
        self._definitions: dict[str, Any] = {}

    def answer(self, options: Options) -> dict[str, Any]:
        """The whole schema; its root is an object, which every server takes."""
        properties = {"thinking": self._argument("thinking", FreeText(0, THINKING_MOST))}
        if options.need:
            properties["needs"] = self._needs(options.need)
        choices = [
            self._choice(named, option, options.speech)
            for option in options.actions
            for named in self._named(option)
        ]
        properties["action"] = choices[0] if len(choices) == 1 else {"anyOf": choices}
        whole = _object(properties)
        return {**whole, "$defs": self._definitions} if self._definitions else whole

    def _named(self, option: ActionOption) -> Iterator[dict[str, Any]]:
        """The objects of an action without its speech: one, or one for each kind of proposal."""
        action = {"action": _enumeration([option.action])}
        if not option.terms:
            yield action | {name: self._argument(name, of) for name, of in option.arguments.items()}
            return
        for kind, terms in option.terms.items():
            kinds = {"kind": _enumeration([kind.value])}
            named = {**kinds, **action} if self._dialect.first_keys_differ else {**action, **kinds}
            for parties in self._parties(option.arguments):
                yield {**named, **parties, "terms": self._terms(kind, terms)}

    def _parties(self, arguments: Mapping[str, Argument]) -> Iterator[dict[str, Any]]:
        """Counterparty and arbitrator; in pairs they are never the same."""
        others = arguments["counterparty"]
        assert isinstance(others, OneOf), arguments
        if not self._manner.pairs:
            yield {name: self._argument(name, of) for name, of in arguments.items()}
            return
        for other in others.values:
            rest = [name for name in others.values if name != other]
            yield {"counterparty": _enumeration([other]), "arbitrator": _enumeration(rest)}

    def _terms(self, kind: ContractKind, terms: Mapping[str, Argument]) -> dict[str, Any]:
        written = _object({name: self._argument(name, of) for name, of in terms.items()})
        return self._shared(f"{kind}_terms", written) if self._manner.pairs else written

    def _shared(self, name: str, written: dict[str, Any]) -> dict[str, Any]:
        """A part that stands in several objects, stated once where the server takes references."""
        if not self._dialect.references:
            return written
        self._definitions[name] = written
        return {"$ref": f"#/$defs/{name}"}

    def _choice(
        self, named: dict[str, Any], option: ActionOption, speech: FreeText | None
    ) -> dict[str, Any]:
        """The object of an action, with what is said along with it."""
        if speech is None:
            return _object(named)
        if option.action == SPEAK:
            said = self._argument("speech", replace(speech, least=1))
        else:
            said = self._shared("speech", self._argument("speech", speech))
        return _object({**named, "speech": said})

    def _needs(self, need: Mapping[str, Argument]) -> dict[str, Any]:
        items = _object({name: self._argument(name, of) for name, of in need.items()})
        needs: dict[str, Any] = {"type": "array", "items": items}
        if self._words:
            needs["description"] = _WORDS["needs"]
        if self._dialect.list_length_most >= NEEDS_MOST:
            needs["maxItems"] = NEEDS_MOST
        return needs

    def _argument(self, name: str, argument: Argument) -> dict[str, Any]:
        """An argument, with what the schema cannot say of it in words."""
        if name in _ROOM:
            assert isinstance(argument, FreeText), argument
            most = max(1, (self._tokens_most - _ACTION_TOKENS) // _ROOM[name])
            argument = replace(argument, most=min(argument.most, most))
        written = self._written(argument, named=name in _NAMING)
        if not self._words:
            return written
        notes = [_WORDS[name]] if name in _WORDS else []
        if isinstance(argument, WholeNumber) and "minimum" not in written:
            least, most = argument.least, argument.most
            notes.append(f"at least {least}" if most == INPUT_LIMIT else f"from {least} to {most}")
        elif isinstance(argument, FreeText) and "maxLength" not in written and not argument.pattern:
            notes.append(f"{argument.most} characters at most")
        return {**written, "description": "; ".join(notes)} if notes else written

    def _written(self, argument: Argument, *, named: bool) -> dict[str, Any]:
        """An argument without words.

        Args:
            named: Whether it names an agent or a contract, of which there can be many.
        """
        match argument:
            case WholeNumber(least, most):
                bounds = {"minimum": least, "maximum": most} if self._dialect.number_bounds else {}
                return {"type": "integer", **bounds}
            case OneOf(values):
                return self._one_of(values, named=named)
            case SomeOf(values, most):
                bound = {"maxItems": most} if most <= self._dialect.list_length_most else {}
                known = self._one_of(values, named=named) if values else {"type": "integer"}
                return {"type": "array", "items": known, "minItems": 1, **bound}
            case FreeText(_, _, pattern) if pattern:
                shown = {"pattern": f"^{pattern}$"} if self._dialect.patterns else {}
                return {"type": "string", **shown}
            case FreeText(least, most):
                return {"type": "string", **self._lengths(least, most)}

    def _one_of(self, values: tuple[str, ...] | tuple[int, ...], *, named: bool) -> dict[str, Any]:
        if self._manner.names or not named:
            return _enumeration(list(values))
        return {"type": _type(values[0])}

    def _lengths(self, least: int, most: int) -> dict[str, int]:
        if not self._dialect.text_length_most:
            return {}
        lengths = {"minLength": least} if least else {}
        return lengths | ({"maxLength": most} if most <= self._dialect.text_length_most else {})


_NAMING: Final = frozenset({"to", "counterparty", "arbitrator", "contract_id"})
"""Arguments that name agents or contracts."""

_ROOM: Final[Mapping[str, int]] = {"thinking": 6, "speech": 6, "payload": 2}
"""Texts with the part that each may fill of what an action leaves: one of so many."""
_ACTION_TOKENS: Final = 192
"""Of a proposal with all its terms and the blanks that a small model adds, without its texts."""

_WORDS: Final[Mapping[str, str]] = {
    "thinking": "your reasoning, briefly; nobody else sees it",
    "speech": "what all agents hear next turn; empty to say nothing",
    "fee": "a tip to the winner of the block; amount and fee together at most your balance",
    "to": "the id of another agent",
    "counterparty": "the id of another agent",
    "arbitrator": "the id of a third agent",
    "contract_id": "of your contracts",
    "arbitrator_fee": "at most the smaller of proposer_collateral and counterparty_collateral",
    "arbitrator_collateral": "at least the price, if the arbitrator may have to rule",
    "due_turn": "the turn in which it ends",
    "start_turn": "at most due_turn",
    "payload_hash": "SHA-256 of the text that is sold, in lowercase hex",
    "payload": "the text whose hash the contract names",
    "needs": "contracts that you would make; one at most of each kind and side, or none",
    "limit_price": "the least you take if you offer, the most you pay if you seek",
}


def _enumeration(values: list[Any]) -> dict[str, Any]:
    return {"type": _type(values[0]), "enum": values}


def _type(value: str | int) -> str:
    return "integer" if isinstance(value, int) else "string"


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """An object of exactly these properties."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def excesses(schema: Mapping[str, Any], dialect: SchemaDialect) -> Iterator[str]:
    """What of a schema is beyond the sizes that a server takes; references count each time."""
    size = _Size()
    size.add(schema, schema.get("$defs", {}))
    if size.values > dialect.enum_values_most:
        yield f"{size.values} enumerated values; {dialect.enum_values_most} is the most"
    if size.properties > dialect.properties_most:
        yield f"{size.properties} properties; {dialect.properties_most} is the most"
    if size.depth > dialect.depth_most:
        yield f"{size.depth} levels; {dialect.depth_most} is the most"
    if size.characters > dialect.characters_most:
        yield f"{size.characters} characters; {dialect.characters_most} is the most"
    if size.union > dialect.union_most:
        yield f"a union of {size.union}; {dialect.union_most} is the most"
    above, most = dialect.long_enum
    if above and any(count > above and length > most for count, length in size.enumerations):
        yield f"an enumeration of more than {most} characters"


class _Size:
    """The sizes of a schema, as servers count them."""

    def __init__(self) -> None:
        self.values = self.properties = self.characters = self.depth = self.union = 0
        self.enumerations: list[tuple[int, int]] = []

    def add(self, part: Mapping[str, Any], definitions: Mapping[str, Any], depth: int = 0) -> None:
        """Count a part of a schema."""
        if "$ref" in part:
            name = str(part["$ref"]).rpartition("/")[2]
            self.add(definitions[name], definitions, depth)
            return
        if "enum" in part:
            texts = [value for value in part["enum"] if isinstance(value, str)]
            length = sum(map(len, texts))
            self.values += len(part["enum"])
            self.characters += length
            self.enumerations.append((len(texts), length))
        depth += "properties" in part or "items" in part
        self.depth = max(self.depth, depth)
        for name, own in part.get("properties", {}).items():
            self.properties += 1
            self.characters += len(name)
            self.add(own, definitions, depth)
        self.union = max(self.union, len(part.get("anyOf", ())))
        for own in part.get("anyOf", ()):
            self.add(own, definitions, depth)
        if "items" in part:
            self.add(part["items"], definitions, depth)
