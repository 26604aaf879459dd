"""Every parameter matters: with it alone changed, something comes out otherwise, as stated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.core.accounts import DESTROYED, PostingReason
from sim_economy.core.actions import (
    BidCore,
    Burn,
    DisputeDelivery,
    Idle,
    Input,
    Job,
    Mine,
    ProposeContract,
    SellInformation,
    SignContract,
    Speak,
    Stake,
    Study,
    Unstake,
)
from sim_economy.core.contracts import Terms
from sim_economy.core.errors import ScenarioError
from sim_economy.core.events import Block
from sim_economy.core.rules.dividends import dividends
from sim_economy.core.table_reader import NumberText
from sim_economy.core.units import WEIGHT_DECIMALS, decimal_text
from sim_economy.core.world_config import config_values, parameters, parse_world_config
from sim_economy.scenarios.presets import preset
from sim_economy.world.world import World
from tests.requirements.worlds import Move, config, played

ALONE: Final[Mapping[str, Any]] = {"num_agents": 1}
"""One agent, agent_0."""
PAIR: Final[Mapping[str, Any]] = {"num_agents": 2, "block_threshold": 10, "signing_bonus": 0}
"""Two agents; one miner makes a block."""


def balances_after(preset: str, world: Mapping[str, Any], *turns: list[Move]) -> list[int]:
    return played(preset, world, *turns).state.balances


def last_block(preset: str, world: Mapping[str, Any], *turns: list[Move]) -> Block | None:
    *before, last = turns
    return played(preset, world, *before).act({f"agent_{move[0]}": move[1] for move in last}).block


def weights(preset: str, world: Mapping[str, Any], *turns: list[Move]) -> list[str]:
    block = last_block(preset, world, *turns)
    assert block is not None
    return [decimal_text(ticket.weight, WEIGHT_DECIMALS) for ticket in block.tickets]


def test_num_agents_is_how_many_agents_there_are() -> None:
    assert balances_after("as-run", {}) == [1000] * 8
    assert balances_after("as-run", {"num_agents": 3}) == [1000] * 3


@pytest.mark.parametrize(("cores", "each"), [(4, 25), (3, 33)])
def test_num_cores_divides_the_pool(cores: int, each: int) -> None:
    world = config("as-run", {"num_agents": 2, "num_cores": cores})
    assert dividends(100, [1, 2], [0, 0], [0, 0], world) == [each, 2 * each]


@pytest.mark.parametrize("tokens", [1000, 70])
def test_genesis_tokens_per_agent_is_what_each_starts_with(tokens: int) -> None:
    world = {"num_agents": 2, "genesis_tokens_per_agent": tokens}
    assert balances_after("as-run", world) == [tokens, tokens]


@pytest.mark.parametrize(("free", "fee"), [(100, 50), (99, 51), (0, 150)])
def test_commons_threshold_per_turn_is_free(free: int, fee: int) -> None:
    world = {**ALONE, "commons_threshold_per_turn": free}
    assert balances_after("as-run", world, [(0, Idle(), 150)]) == [1000 - fee]


@pytest.mark.parametrize(("price", "fee"), [(1, 50), (2, 100), (0.5, 25), (0, 0)])
def test_base_inference_rate_is_the_price_of_a_unit(price: float, fee: int) -> None:
    world = {**ALONE, "base_inference_rate": price}
    assert balances_after("as-run", world, [(0, Idle(), 150)]) == [1000 - fee]


@pytest.mark.parametrize(("part", "fee"), [(0.1, 19), (0.5, 99), (0, 0), (1, 199)])
def test_thinking_layer_discount_is_the_part_of_thinking_that_counts(part: float, fee: int) -> None:
    world = World(config("as-run", {**ALONE, "thinking_layer_discount": part}))
    world.turn([Input("agent_0", Idle(), thinking_units=199, output_units=100)])
    assert world.state.balances == [1000 - fee]


@pytest.mark.parametrize(("weight", "ticket"), [(10, "10"), (12.5, "12.5")])
@pytest.mark.parametrize("preset", ["as-run", "as-written"])
def test_mine_base_weight_is_the_weight_of_a_miner(preset: str, weight: float, ticket: str) -> None:
    assert weights(preset, {**PAIR, "mine_base_weight": weight}, [(0, Mine())]) == [ticket]


@pytest.mark.parametrize(("weight", "ticket"), [(0.01, "10.8"), (0.02, "11.6")])
def test_stake_weight_per_token_adds_to_a_miners_ticket(weight: float, ticket: str) -> None:
    world = {**PAIR, "stake_weight_per_token": weight}
    assert weights("as-run", world, [(0, Stake(80)), (1, Mine())], [(0, Mine())]) == [ticket]


@pytest.mark.parametrize(("weight", "ticket"), [(0.01, "0.8"), (0.02, "1.6")])
def test_stake_weight_per_token_makes_a_ticket_of_its_own(weight: float, ticket: str) -> None:
    world = {**PAIR, "block_threshold": 0.5, "stake_weight_per_token": weight}
    assert weights("as-written", world, [(0, Stake(80)), (1, Mine())], []) == [ticket]


@pytest.mark.parametrize(("weight", "ticket"), [(0.05, "15"), (0.5, "60")])
def test_burn_weight_per_token_is_the_weight_of_a_burned_token(weight: float, ticket: str) -> None:
    world = {**PAIR, "burn_weight_per_token": weight, "burn_maturity_turns": 1}
    assert weights("as-run", world, [(0, Burn(100)), (1, Mine())], [(0, Mine())]) == [ticket]


@pytest.mark.parametrize(("rate", "ticket"), [(0.02, "14.9"), (0.5, "12.5"), (0, "15")])
def test_burn_decay_rate_is_what_a_mature_burn_loses(rate: float, ticket: str) -> None:
    world = {**PAIR, "burn_decay_rate": rate, "burn_maturity_turns": 1}
    turns: list[list[Move]] = [[(0, Burn(100)), (1, Mine())], [], [(0, Mine())]]
    assert weights("as-run", world, *turns) == [ticket]


@pytest.mark.parametrize(("maturity", "tickets"), [(1, ["15", "14.9"]), (2, ["10", "15"])])
def test_burn_maturity_turns_pass_before_a_burn_weighs(maturity: int, tickets: list[str]) -> None:
    world = {**PAIR, "burn_maturity_turns": maturity}
    burn: list[Move] = [(0, Burn(100)), (1, Mine())]
    mine: list[Move] = [(0, Mine())]
    assert weights("as-run", world, burn, mine) == tickets[:1]
    assert weights("as-run", world, burn, mine, mine) == tickets[1:]


@pytest.mark.parametrize("delay", [1, 3, 5])
def test_unstake_delay_turns_pass_before_stake_returns(delay: int) -> None:
    world = played(
        "as-run",
        {**PAIR, "unstake_delay_turns": delay},
        [(0, Stake(80)), (1, Mine())],
        [(0, Unstake(80))],
        *[[]] * (delay - 1),
    )
    assert world.state.balances == [920, 1000]
    world.turn([])
    assert world.state.balances == [1000, 1000]


@pytest.mark.parametrize(("rate", "balance"), [(0.01, -202), (0.1, -220), (0, -200)])
def test_interest_rate_per_turn_is_charged_on_a_debt(rate: float, balance: int) -> None:
    world = {**ALONE, "interest_rate_per_turn": rate}
    assert balances_after("as-run", world, [(0, Idle(), 1300)]) == [balance]


@pytest.mark.parametrize(("rate", "relief"), [(0.01, 10), (0.02, 20)])
def test_interest_rate_per_turn_is_relieved_on_a_job(rate: float, relief: int) -> None:
    world = {**ALONE, "genesis_tokens_per_agent": 1, "interest_rate_per_turn": rate}
    indebted = played("as-run", world, [(0, Idle(), 1101)])
    assert indebted.state.balances == [-1000 - relief]
    assert relief == sum(
        posting.amount
        for posting in indebted.act({"agent_0": Job()}).postings
        if posting.reason is PostingReason.INTEREST_RELIEF
    )


@pytest.mark.parametrize("bonus", [50, 7, 0])
def test_signing_bonus_is_paid_for_a_first_job(bonus: int) -> None:
    world = {**ALONE, "signing_bonus": bonus}
    assert balances_after("as-run", world, [(0, Job())], [(0, Job())]) == [1000 + bonus]


@pytest.mark.parametrize("bonus", [50, 7, 0])
def test_signing_bonus_is_paid_for_each_block(bonus: int) -> None:
    world = {**PAIR, "signing_bonus": bonus}
    turns: list[list[Move]] = [[(0, Mine())], [(0, Mine())]]
    assert balances_after("as-written", world, *turns) == [1000 + 2 * bonus, 1000]


@pytest.mark.parametrize("preset", ["as-run", "as-written"])
@pytest.mark.parametrize(("threshold", "made"), [(10, True), (10.000001, False), (20, False)])
def test_block_threshold_is_what_tickets_must_reach(
    preset: str, threshold: float, made: bool
) -> None:
    block = last_block(preset, {**PAIR, "block_threshold": threshold}, [(0, Mine())])
    assert (block is not None) is made


@pytest.mark.parametrize("cost", [50, 20, 0])
def test_study_cost_is_destroyed(cost: int) -> None:
    assert balances_after("as-run", {**ALONE, "study_cost": cost}, [(0, Study())]) == [1000 - cost]


@pytest.mark.parametrize(("cost", "studied"), [(1000, 1), (1001, 0)])
def test_study_cost_must_be_there(cost: int, studied: int) -> None:
    assert played("as-run", {**ALONE, "study_cost": cost}, [(0, Study())]).state.studies == [
        studied
    ]


@pytest.mark.parametrize(("discount", "fee"), [(0.05, 95), (0.2, 80), (0, 100), (1, 0)])
def test_study_discount_lowers_the_fee(discount: float, fee: int) -> None:
    world = {**ALONE, "study_discount": discount}
    assert balances_after("as-run", world, [(0, Study(), 200)]) == [950 - fee]


@pytest.mark.parametrize(
    ("most", "credit"), [(1000, 1000), (999, 999), (60, 60), (0, 0), (2000, 1200)]
)
def test_job_credit_max_limits_the_credit(most: int, credit: int) -> None:
    world = {**ALONE, "job_credit_max": most, "signing_bonus": 0}
    assert balances_after("as-run", world, [(0, Job(), 1300)]) == [1000 + credit]


@pytest.mark.parametrize("window", [5, 2, 1])
def test_signature_window_is_how_long_a_stake_block_can_stall_the_chain(window: int) -> None:
    world = played(
        "as-written",
        {**PAIR, "block_threshold": 0.5, "signature_window": window},
        [(0, Stake(80)), (1, Mine())],
    )
    blocks = [world.turn([]).block is not None for _ in range(window + 2)]
    assert blocks == [True, *[False] * window, True]


@pytest.mark.parametrize(("longest", "heard"), [(500, True), (4, True), (3, False)])
def test_speech_length_max_is_the_longest_speech_heard(longest: int, heard: bool) -> None:
    world = World(config("as-run", {**ALONE, "speech_length_max": longest}))
    world.turn([Input("agent_0", Speak(), speech="word")])
    assert world.observe("agent_0").speech == ({"agent_0": "word"} if heard else {})


@pytest.mark.parametrize(("seed", "winner"), [(0, "agent_0"), (3, "agent_1")])
def test_seed_decides_who_wins(seed: int, winner: str) -> None:
    # The draw of turn 1 begins with 1a under seed 0 and with 89 under seed 3: below and above
    # 80, the half of the range, where the ticket of agent_1 begins.
    block = last_block("as-run", {"num_agents": 2, "seed": seed}, [(0, Mine()), (1, Mine())])
    assert block is not None
    assert block.winner == winner


def test_job_rule_decides_what_a_job_pays() -> None:
    turns: list[list[Move]] = [[(0, Job(), 170)]]
    assert balances_after("as-run", {**ALONE, "signing_bonus": 0}, *turns) == [1070]
    waived = {**ALONE, "signing_bonus": 0, "job_rule": "waive_usage"}
    assert balances_after("as-run", waived, *turns) == [1000]


def test_signing_bonus_rule_decides_what_earns_the_bonus() -> None:
    world = {"num_agents": 2, "block_threshold": 10}
    turns: list[list[Move]] = [[(0, Job()), (1, Mine())]]
    assert balances_after("as-run", world, *turns) == [1050, 1000]
    per_block = {**world, "signing_bonus_rule": "per_block"}
    assert balances_after("as-run", per_block, *turns) == [1000, 1050]


def test_lottery_rule_decides_who_holds_tickets() -> None:
    turns: list[list[Move]] = [[(0, Stake(80)), (1, Mine())], [(0, Mine())]]
    assert weights("as-run", PAIR, *turns) == ["10.8"]
    assert weights("as-run", {**PAIR, "lottery_rule": "mine_stake_burn"}, *turns) == ["10", "0.8"]


def test_unstake_without_amount_decides_what_a_bare_unstake_does() -> None:
    turns: list[list[Move]] = [[(0, Stake(80)), (1, Mine())], [(0, Unstake())]]
    assert played("as-run", PAIR, *turns).state.staked == [80, 0]
    everything = {**PAIR, "unstake_without_amount": "all"}
    assert played("as-run", everything, *turns).state.staked == [0, 0]


def test_dividend_rule_decides_who_shares_the_pool() -> None:
    turns: list[list[Move]] = [[(0, Stake(1000)), (1, Mine())], [(1, Idle(), 200)]]
    assert balances_after("as-run", PAIR, *turns) == [0, 900]
    shared = {**PAIR, "dividend_rule": "stake_and_burn"}
    assert balances_after("as-run", shared, *turns) == [50, 900]


def test_usage_source_decides_whose_word_on_usage_is_billed() -> None:
    spent: list[Move] = [(0, Idle(), 150)]
    assert balances_after("as-run", ALONE, spent) == [950]
    fixed = {**ALONE, "usage_source": "fixed", "fixed_output_units": 130}
    assert balances_after("as-run", fixed, spent) == [970]


@pytest.mark.parametrize(("units", "fee"), [(130, 30), (100, 0)])
def test_fixed_output_units_are_billed_for_every_input(units: int, fee: int) -> None:
    world = {**ALONE, "usage_source": "fixed", "fixed_output_units": units}
    assert balances_after("as-run", world, [(0, Idle(), 999)]) == [1000 - fee]
    assert balances_after("as-run", world, []) == [1000]


@pytest.mark.parametrize(("units", "fee"), [(1500, 50), (1000, 0)])
def test_fixed_thinking_units_are_billed_for_every_input(units: int, fee: int) -> None:
    world = {**ALONE, "usage_source": "fixed", "fixed_thinking_units": units}
    assert balances_after("as-run", world, [(0, Idle(), 999)]) == [1000 - fee]


@pytest.mark.parametrize(("secret", "same"), [("", True), ("0123456789abcdef" * 2, False)])
def test_secret_stands_instead_of_the_seed(secret: str, same: bool) -> None:
    everyone = [Input(f"agent_{agent}", Mine()) for agent in range(8)]

    def winners(world: dict[str, object]) -> list[str | None]:
        played_world = World(config("as-run", world))
        blocks = [played_world.turn(everyone).block for _ in range(8)]
        return [block.winner if block else None for block in blocks]

    assert (winners({"secret": secret}) == winners({})) is same
    assert (winners({"secret": secret, "seed": 5}) == winners({"secret": secret})) is not same


TRIO: Final[Mapping[str, Any]] = {"num_agents": 3}
"""Proposer, counterparty and arbitrator, in genesis order."""
SERVICE: Final = {
    "due_turn": 3,
    "price": 40,
    "proposer_collateral": 20,
    "counterparty_collateral": 30,
    "arbitrator_collateral": 40,
}
SALE: Final = {"due_turn": 9, "price": 20, "payload_hash": sha256(b"map").hexdigest()}
SIGNED: Final[list[Move]] = [(1, SignContract(1)), (2, SignContract(1))]


def offer(kind: str, terms: Mapping[str, Any]) -> list[Move]:
    return [(0, ProposeContract(kind, "agent_1", "agent_2", Terms(**terms)))]


def ended_in(preset: str, world: Mapping[str, Any], *turns: list[Move]) -> tuple[int, World]:
    """The turn in which the only contract ends by itself, and the world then."""
    economy = played(preset, {**TRIO, **world}, *turns)
    while not economy.state.contracts_ended:
        economy.turn([])
    return economy.turn_number, economy


@pytest.mark.parametrize(("cores", "price"), [(1, 20), (2, 10), (3, 1)])
def test_num_cores_is_how_many_shares_the_auction_sells(cores: int, price: int) -> None:
    bids: list[Move] = [(0, BidCore(30)), (1, BidCore(20)), (2, BidCore(10))]
    world = played("as-run", {**TRIO, "num_cores": cores}, bids)
    assert world.state.cores == [1] * cores + [0] * (3 - cores)
    assert world.state.balances == [1000 - price] * cores + [1000] * (3 - cores)


@pytest.mark.parametrize("preset", ["as-run", "as-written"])
@pytest.mark.parametrize("window", [3, 1, 7])
def test_attested_confirmation_window_is_how_long_parties_may_be_silent(
    preset: str, window: int
) -> None:
    changed = {"attested_confirmation_window": window}
    ended, world = ended_in(preset, changed, offer("service", SERVICE), SIGNED)
    assert ended == 3 + window
    assert world.state.balances == [980, 970, 1000]


@pytest.mark.parametrize("preset", ["as-run", "as-written"])
@pytest.mark.parametrize("window", [3, 1, 7])
def test_attested_confirmation_window_is_how_long_an_arbitrator_may_take(
    preset: str, window: int
) -> None:
    changed = {"attested_confirmation_window": window}
    disputed: list[Move] = [(1, DisputeDelivery(1))]
    turns: list[list[Move]] = [offer("service", SERVICE), SIGNED, [], disputed]
    ended, world = ended_in(preset, changed, *turns)
    assert ended == 4 + window
    assert world.state.balances == [1000, 1000, 960]


@pytest.mark.parametrize("preset", ["as-run", "as-written"])
@pytest.mark.parametrize(("slashed", "left"), [(True, [980, 970]), (False, [1000, 1000])])
def test_slash_both_on_timeout_destroys_the_collateral_of_the_silent(
    preset: str, slashed: bool, left: list[int]
) -> None:
    changed = {"slash_both_on_timeout": slashed}
    _, world = ended_in(preset, changed, offer("service", SERVICE), SIGNED)
    assert world.state.balances == [*left, 1000]
    assert world.state.accounts[DESTROYED] == (50 if slashed else 0)


@pytest.mark.parametrize(("window", "ended"), [(5, 6), (2, 3), (1, 2)])
def test_signature_window_is_how_long_a_proposal_waits(window: int, ended: int) -> None:
    changed = {"signature_window": window}
    assert ended_in("as-run", changed, offer("information_sale", SALE))[0] == ended


@pytest.mark.parametrize(("longest", "sold"), [(10_000, True), (3, True), (2, False)])
def test_payload_length_max_is_the_longest_good_that_can_be_sold(longest: int, sold: bool) -> None:
    world = {**TRIO, "payload_length_max": longest}
    sale: list[Move] = [(0, SellInformation(1, "map"))]
    economy = played("as-run", world, offer("information_sale", SALE), SIGNED, sale)
    assert economy.state.balances == ([1020, 980, 1000] if sold else [1000, 980, 1000])


@pytest.mark.parametrize(("least", "counted"), [(20, 1), (0, 1), (21, 0)])
def test_reputation_value_min_is_what_a_contract_must_be_worth(least: int, counted: int) -> None:
    world = {**TRIO, "reputation_value_min": least}
    sale: list[Move] = [(0, SellInformation(1, "map"))]
    economy = played("as-run", world, offer("information_sale", SALE), SIGNED, sale)
    assert sum(known.settled for known in economy.state.reputations) == 2 * counted


@pytest.mark.parametrize(("window", "counted"), [(10, 1), (4, 1), (3, 2), (1, 2)])
def test_reputation_window_turns_pass_before_a_pair_counts_again(window: int, counted: int) -> None:
    world = {**TRIO, "reputation_window_turns": window}
    again: list[Move] = [(1, SignContract(2)), (2, SignContract(2))]
    economy = played(
        "as-run",
        world,
        offer("information_sale", SALE),
        SIGNED,
        [(0, SellInformation(1, "map"))],
        offer("information_sale", SALE),
        again,
        [(0, SellInformation(2, "map"))],
    )
    assert [known.settled for known in economy.state.reputations] == [counted, counted]


SPEC: Final = Path(__file__).parents[2] / "docs" / "spec" / "economy.md"
ROW: Final = re.compile(
    r"^\| `(\w+)` \| (\S+) \| (?:(rate|weight|price), )?(.+?) \| ", re.MULTILINE
)


def _documented() -> list[tuple[str, str, str, str]]:
    section = SPEC.read_text(encoding="utf-8").partition("### 1.1")[2].partition("### 1.2")[0]
    return ROW.findall(section)


DOCUMENTED: Final = _documented()
NUMBERS: Final = [row for row in DOCUMENTED if " to " in row[3]]


def _complaints(name: str, value: int | NumberText) -> list[str]:
    try:
        parse_world_config({name: value})
    except ScenarioError as error:
        return [problem.partition(":")[0] for problem in error.problems]
    return []


def test_the_specification_lists_every_parameter_with_its_default() -> None:
    written = config_values(config("as-run", {}), seed=True, every=True)
    numbers = {name: value for name, value in written.items() if not isinstance(value, str)}
    listed = {
        name: default == "true" if default in ("true", "false") else Decimal(default)
        for name, default, *_ in DOCUMENTED
    }
    assert listed == numbers
    assert list(listed) == list(numbers)
    in_paper = [parameters()[name].in_paper for name in listed]
    assert in_paper == [True] * 17 + [False] * (len(listed) - 17)


@pytest.mark.parametrize(("name", "kind", "bounds"), [(n, k, b) for n, _, k, b in NUMBERS])
def test_a_parameter_is_accepted_within_its_range_and_refused_beyond(
    name: str, kind: str, bounds: str
) -> None:
    low, high = map(int, bounds.split(" to "))
    assert _complaints(name, low) == _complaints(name, high) == []
    if kind:
        assert low == 0
        assert _complaints(name, NumberText("-0.000001")) == [name]
        assert _complaints(name, NumberText(f"{high}.000001")) == [name]
    else:
        assert _complaints(name, low - 1) == [name]
        assert _complaints(name, high + 1) == [name]
        assert _complaints(name, NumberText(f"{high}.0")) == [name]


@pytest.mark.parametrize(("name", "column"), [("as-run", 1), ("as-written", 2)])
def test_the_specification_lists_the_variants_of_each_preset(name: str, column: int) -> None:
    section = SPEC.read_text(encoding="utf-8").partition("### 1.2")[2].partition("### 1.3")[0]
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|", section, re.MULTILINE)
    variants = {
        key: value for key, value in config_values(preset(name)).items() if isinstance(value, str)
    }
    assert {row[0]: row[column] for row in rows} == variants
    assert preset(name) == config(name, {})
