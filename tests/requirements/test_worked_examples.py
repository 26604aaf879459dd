"""Plays every example of docs/spec/examples.md, and holds the examples against the rules."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import UNSET
from msgspec.structs import astuple

from sim_economy.core.accounts import (
    DESTROYED,
    FIRST,
    ISSUANCE,
    PLATFORM,
    WIDTH,
    Holding,
    PostingReason,
)
from sim_economy.core.codec import canonical, parse_inputs
from sim_economy.core.contracts import Happened
from sim_economy.core.errors import ScenarioError, SimEconomyError
from sim_economy.core.events import ContractEvent, GovernanceTurn, Ticket, Turn, contracts_that
from sim_economy.core.table_reader import NumberText
from sim_economy.core.units import WEIGHT_DECIMALS, decimal_text
from sim_economy.world.world import World
from tests.requirements.worlds import VARIANTS, config

SPEC: Final = Path(__file__).parents[2] / "docs" / "spec"
PRESETS: Final = tuple(VARIANTS)

Example = dict[str, Any]
Seen = Callable[[World, Turn], Any]


def _examples() -> list[Example]:
    text = (SPEC / "examples.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [tomllib.loads(block, parse_float=NumberText) for block in blocks]


def _presets_of(example: Example) -> tuple[str, ...]:
    return PRESETS if example["preset"] == "both" else (example["preset"],)


EXAMPLES: Final = [
    pytest.param(example, preset, id=f"{'+'.join(example['rules'])}-{preset}".replace(" ", "_"))
    for example in _examples()
    for preset in _presets_of(example)
]


def _held(holding: Holding) -> Seen:
    return lambda world, _: world.state.accounts[FIRST + holding :: WIDTH]


def _account(account: int) -> Seen:
    return lambda world, _: world.state.accounts[account]


def _moved(reason: PostingReason, *, paid: bool = False) -> Seen:
    def moved(world: World, turn: Turn) -> list[int]:
        tokens = [0] * world.config.num_agents
        for posting in turn.postings:
            if posting.reason is reason:
                account = posting.source if paid else posting.target
                tokens[(account - FIRST) // WIDTH] += posting.amount
        return tokens

    return moved


def _denied(world: World, turn: Turn) -> list[list[int]]:
    units = [[0, 0] for _ in world.config.agent_ids]
    for refused in () if turn.units_denied is UNSET else turn.units_denied:
        units[refused.agent] = [refused.thinking, refused.output]
    return units


def _governance(turn: Turn) -> GovernanceTurn:
    return GovernanceTurn() if turn.governance is UNSET else turn.governance


def _intervened(name: str) -> Seen:
    def tokens(world: World, turn: Turn) -> list[int]:
        found = {own.agent: own.tokens for own in getattr(_governance(turn), name)}
        return [found.get(agent, 0) for agent in range(world.config.num_agents)]

    return tokens


def _block(turn: Turn) -> Any:
    return turn.block or pytest.fail(f"turn {turn.turn} has no block")


def _ticket(ticket: Ticket, world: World) -> str:
    agent_id = world.config.agent_ids[ticket.agent]
    return f"{agent_id} {ticket.validator_type} {decimal_text(ticket.weight, WEIGHT_DECIMALS)}"


def _event(event: ContractEvent) -> str:
    why = event.refusal or event.reason
    return f"{event.contract_id} {event.happened}" + (f" {why}" if why else "")


def _plain(value: Any) -> Any:
    return json.loads(canonical(value))


SEEN: Final[Mapping[str, Seen]] = {
    "turn": lambda world, _: world.turn_number,
    "balances": _held(Holding.BALANCE),
    "staked": _held(Holding.STAKED),
    "unstaking": _held(Holding.UNSTAKING),
    "pending": _held(Holding.PENDING),
    "escrow": _held(Holding.ESCROW),
    "cores": lambda world, _: world.state.cores,
    "burned": lambda world, _: world.state.burned,
    "studies": lambda world, _: world.state.studies,
    "issuance": _account(ISSUANCE),
    "platform": _account(PLATFORM),
    "destroyed": _account(DESTROYED),
    "supply": lambda _, turn: turn.token_supply,
    "fees": _moved(PostingReason.INFERENCE_FEE, paid=True),
    "interest": _moved(PostingReason.INTEREST, paid=True),
    "credits": _moved(PostingReason.JOB_CREDIT),
    "relief": _moved(PostingReason.INTEREST_RELIEF),
    "bonuses": _moved(PostingReason.SIGNING_BONUS),
    "tips": _moved(PostingReason.TIP),
    "dividends": _moved(PostingReason.DIVIDEND),
    "returned": _moved(PostingReason.RUN_ENDED),
    "bids_returned": _moved(PostingReason.BID_RETURNED),
    "slashed": _moved(PostingReason.COLLATERAL_SLASHED, paid=True),
    "forward_fees": _moved(PostingReason.FORWARD_FEE, paid=True),
    "granted": _moved(PostingReason.ALLOWANCE),
    "expired": _moved(PostingReason.ALLOWANCE_EXPIRED, paid=True),
    "lifted": _moved(PostingReason.DEBT_LIFTED),
    "topped_up": _moved(PostingReason.TOP_UP),
    "denied": _denied,
    "restructured": _moved(PostingReason.DEBT_RESTRUCTURED),
    "levied": _moved(PostingReason.LEVY),
    "debts": lambda _, turn: _plain(_governance(turn).debts),
    "shocks": lambda _, turn: list(_governance(turn).shocks),
    "gained": _moved(PostingReason.SHOCK_GAIN),
    "losses": _moved(PostingReason.SHOCK_LOSS, paid=True),
    "losses_unmet": _intervened("losses_unmet"),
    "points": _intervened("points"),
    "rebates": _moved(PostingReason.REBATE),
    "matches": lambda _, turn: _plain(_governance(turn).matches),
    "subsidies": _moved(PostingReason.ARBITRATION_SUBSIDY),
    "concentrated": lambda _, turn: _governance(turn).concentrated,
    "fees_halved": _intervened("fees_halved"),
    "fees_allowed": lambda _, turn: _governance(turn).fees_allowed,
    "fees_waived": _intervened("fees_waived"),
    "wages_lowered": _intervened("wages_lowered"),
    "contracts": lambda _, turn: [_event(event) for event in turn.contracts],
    "settled": lambda _, turn: contracts_that(Happened.SETTLED, turn.contracts),
    "defaulted": lambda _, turn: contracts_that(Happened.DEFAULTED, turn.contracts),
    "fault": lambda _, turn: [agent_id for event in turn.contracts for agent_id in event.fault],
    "insured": lambda world, _: [held.insured_value for held in world.state.contracts],
    "reputations": lambda world, _: {
        agent_id: list(astuple(record)[1:])
        for agent_id, record in world.observe(world.config.agent_ids[0]).reputations.items()
    },
    "collected": lambda _, turn: turn.bill.charged,
    "covered": lambda _, turn: turn.bill.covered,
    "waived": lambda _, turn: turn.bill.waived,
    "rejections": lambda _, turn: [reason or "" for reason in turn.outcomes],
    "speech": lambda world, _: world.observe(world.config.agent_ids[0]).speech,
    "block_winner": lambda _, turn: turn.block.winner if turn.block else "",
    "validator_type": lambda _, turn: _block(turn).validator_type,
    "tickets": lambda world, turn: [_ticket(held, world) for held in _block(turn).tickets],
    "block": lambda _, turn: _plain(_block(turn)),
    "transactions": lambda _, turn: _plain(turn.transactions),
    "chain_turn": lambda world, _: world.head.turn,
    "tip_turn": lambda world, _: world.state.newest_block.turn,
}
"""How each key of an example is read off a world and the turn just played."""

PARTIAL: Final = ("block", "transactions")
"""Keys of which an example may leave fields out."""


def _matches(seen: Any, stated: Any) -> bool:
    """Equality, but fields that the example leaves out are free, and "" stands for nothing."""
    if isinstance(stated, dict) and isinstance(seen, dict):
        return all(name in seen and _matches(seen[name], stated[name]) for name in stated)
    if isinstance(stated, list) and isinstance(seen, list):
        return len(seen) == len(stated) and all(map(_matches, seen, stated))
    return bool(seen == stated) or (seen is None and stated == "")


def _check_view(world: World, view: dict[str, Any]) -> None:
    observed = _plain(world.observe(view["agent_id"]))
    for name, stated in view["sees"].items():
        exact = name in ("speech", "core_owners", "accounts")
        same = observed[name] == stated if exact else _matches(observed[name], stated)
        assert same, (view["agent_id"], name, observed[name])
    text = json.dumps(observed)
    for secret in view.get("unseen", []):
        shown = re.search(rf"\b{re.escape(secret)}\b", text)
        assert shown is None, (view["agent_id"], secret)


def _play_refused(world: World, inputs: list[Any], ends: bool, code: str) -> None:
    before = world.state
    with pytest.raises(SimEconomyError) as caught:
        world.turn(parse_inputs(inputs), ends=ends)
    assert caught.value.code == code
    assert world.state is before


def _play(world: World, stated: dict[str, Any]) -> None:
    inputs, ends = stated.pop("inputs", []), stated.pop("ends", False)
    if "error" in stated:
        _play_refused(world, inputs, ends, stated.pop("error"))
        assert not stated, "a turn that is not played has no outcome"
        return
    views = stated.pop("views", [])
    for _ in range(stated.pop("repeat", 1)):
        turn = world.turn(parse_inputs(inputs), ends=ends)
        assert sum(world.state.accounts) == 0
        assert turn.token_supply == sum(world.state.accounts[FIRST:])
    for key, expected in stated.items():
        seen = SEEN[key](world, turn)
        same = _matches(seen, expected) if key in PARTIAL else seen == expected
        assert same, f"turn {turn.turn}, {key}: {seen}, by hand {expected}"
    for view in views:
        _check_view(world, view)


@pytest.mark.parametrize(("example", "preset"), EXAMPLES)
def test_a_worked_example_comes_out_as_calculated_by_hand(example: Example, preset: str) -> None:
    names = example.get("agent_ids")
    if "refused" in example:
        with pytest.raises(ScenarioError) as caught:
            config(preset, example["world"], names)
        complaints = [problem.partition(":")[0] for problem in caught.value.problems]
        assert complaints == example["refused"]
        return
    world = World(config(preset, example.get("world", {}), names))
    assert example["turns"]
    for stated in example["turns"]:
        _play(world, dict(stated))


RULE: Final = re.compile(r"^(?:- )?\*\*([A-Z]\d+)\*\*( \(not built\)| \(`(\w+)`\))?", re.MULTILINE)


def _rules_in_scope() -> dict[str, tuple[str, ...]]:
    """Each built rule of the specification, and the presets to which it applies."""
    applies: dict[str, tuple[str, ...]] = {}
    text = (SPEC / "economy.md").read_text(encoding="utf-8")
    for rule, mark, variant in RULE.findall(text):
        assert rule not in applies, f"{rule} stands twice"
        if mark == " (not built)":
            continue
        applies[rule] = tuple(
            preset for preset in PRESETS if not variant or variant in map(str, _variants(preset))
        )
        assert applies[rule], f"{rule} applies to no preset"
    return applies


def _variants(preset: str) -> list[Any]:
    chosen = config(preset, {})
    return [getattr(chosen, name) for name in VARIANTS["as-written"]]


def _exemplified(preset: str) -> set[str]:
    return {
        rule
        for example in _examples()
        if preset in _presets_of(example)
        for rule in example["rules"]
    }


@pytest.mark.parametrize("preset", PRESETS)
def test_every_built_rule_has_an_example_for_each_preset_it_applies_to(preset: str) -> None:
    wanted = {rule for rule, presets in _rules_in_scope().items() if preset in presets}
    assert wanted - _exemplified(preset) == set()


def test_every_example_cites_a_rule_or_section_of_the_specification() -> None:
    text = (SPEC / "economy.md").read_text(encoding="utf-8")
    sections = re.findall(r"^##+ (\d(?:\.\d)?)", text, re.MULTILINE)
    known = _rules_in_scope().keys() | {f"section {number}" for number in sections}
    assert {rule for example in _examples() for rule in example["rules"]} <= known


def test_the_specification_numbers_all_rules_that_are_built() -> None:
    numbers = {"T": 9, "A": 3, "B": 6, "J": 4, "L": 8, "S": 3, "C": 5, "K": 11, "O": 3}
    numbers |= {"I": 8, "G": 6}
    expected = {f"{letter}{n}" for letter, last in numbers.items() for n in range(1, last + 1)}
    assert _rules_in_scope().keys() == expected


def test_rules_of_one_variant_apply_to_the_preset_that_has_it() -> None:
    rules = _rules_in_scope()
    assert rules["J1"] == rules["J2"] == ("as-run",)
    assert rules["J3"] == ("as-written",)
    assert rules["J4"] == PRESETS
