"""Random worlds played with random actions, fast, with every invariant after every turn.

Run it with `python -m tests.properties.random_play --actions 1000000`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from msgspec.structs import replace

from sim_economy.core.actions import (
    Action,
    Burn,
    ConfirmDelivery,
    Idle,
    Input,
    Job,
    Mine,
    Speak,
    Stake,
    Study,
    Transfer,
    Unrecognised,
    Unstake,
    action_name,
)
from sim_economy.core.codec import check_input
from sim_economy.core.contracts import ContractKind
from sim_economy.core.errors import AmountOutOfRangeError
from sim_economy.core.events import RejectionReason
from sim_economy.core.needs import Need, NeedSide
from sim_economy.core.state import State, encode_state, genesis
from sim_economy.core.text_limits import within_limits
from sim_economy.core.turn import play_turn
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig, genesis_order, parse_world_config
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
from sim_economy.world.world import World
from tests.properties import contract_play
from tests.properties.invariants import (
    check_genesis,
    check_refusals_change_nothing,
    check_turn,
)

AS_WRITTEN: Mapping[str, Any] = {
    "job_rule": "waive_usage",
    "signing_bonus_rule": "per_block",
    "lottery_rule": "mine_stake_burn",
    "unstake_without_amount": "all",
    "dividend_rule": "stake_and_burn",
}
PRESETS: Mapping[str, Mapping[str, Any]] = {"as-run": {}, "as-written": AS_WRITTEN}

Tally = Counter[tuple[str, str]]
"""How often an action, by its name, had an outcome: a rejection reason, or `applied`."""

CHUNK = 20_000
"""Actions of one seeded piece of a run; pieces are what processes share out."""

LONG = 6000
"""Characters of the longest speech tried."""

RATES = ("0.0", "1.0", "0.000001", "0.02", "0.5", "0.999999")
WEIGHTS = ("0.0", "0.01", "1.0", "10.0", "1000000.0")
EXTREMES: Mapping[str, tuple[Any, ...]] = {
    "num_cores": (1, 3, 7),
    "genesis_tokens_per_agent": (1, 20, 1000, 100_000, INPUT_LIMIT),
    "commons_threshold_per_turn": (0, 1, 1000, INPUT_LIMIT),
    "base_inference_rate": ("0.0", "0.5", "3.0", "1000000.0"),
    "thinking_layer_discount": RATES,
    "mine_base_weight": WEIGHTS,
    "stake_weight_per_token": WEIGHTS,
    "burn_weight_per_token": WEIGHTS,
    "burn_decay_rate": RATES,
    "burn_maturity_turns": (0, 1, 10, INPUT_LIMIT),
    "unstake_delay_turns": (1, 2, 40, INPUT_LIMIT),
    "interest_rate_per_turn": RATES,
    "signing_bonus": (0, 1, INPUT_LIMIT),
    "block_threshold": ("0.0", "0.000001", "10.0", "100.0", "1000000.0"),
    "study_cost": (0, 1, 1000, INPUT_LIMIT),
    "study_discount": RATES,
    "job_credit_max": (0, 1, 200, INPUT_LIMIT),
    "signature_window": (1, 2, INPUT_LIMIT),
    "speech_length_max": (0, 1, 20, 5000),
    "attested_confirmation_window": (1, 2, INPUT_LIMIT),
    "slash_both_on_timeout": (False, True),
    "payload_length_max": (0, 5, INPUT_LIMIT),
    "reputation_value_min": (0, 1, INPUT_LIMIT),
    "reputation_window_turns": (1, 2, INPUT_LIMIT),
}


def random_config(random: Random) -> WorldConfig:
    """Either preset; a few parameters, often none, pushed to an extreme."""
    given: dict[str, Any] = dict(random.choice(list(PRESETS.values())))
    given["num_agents"] = random.choice((1, 2, 3, 3, 4, 6, 6, 8))
    given["seed"] = random.randrange(2**63)
    for name in random.sample(list(EXTREMES), random.choice((0, 1, 2, 4, len(EXTREMES)))):
        value = random.choice(EXTREMES[name])
        given[name] = Decimal(value) if isinstance(value, str) else value
    if random.random() < 0.4:
        given["income"] = random_income(random, given["num_agents"])
        given["interest_rate_per_turn"] = Decimal(random.choice(RATES))
        if random.random() < 0.3:
            given["genesis_tokens_per_agent"] = 0
    if random.random() < 0.1:
        given["cores"] = {"owners": {"agent_0": random.randint(1, given.get("num_cores", 4))}}
    if random.random() < 0.4:
        given["governance"] = random_governance(random, given["num_agents"])
    return parse_world_config(given)


def random_governance(random: Random, num_agents: int) -> dict[str, Any]:
    """Any interventions that a world may have, often several."""
    rules: dict[str, Any] = {
        "shocks": random_shocks(random, num_agents),
        "fee_cap": {
            "cap_ratio": Decimal(
                random.choice(("0.0", "0.000001", "0.5", "1.5", "5.0", "1000000.0"))
            ),
            "base": random.choice(("block_revenue", "productive_surplus")),
            "window_turns": random.choice((1, 2, 10, INPUT_LIMIT)),
        },
        "reinvestment_rebate": {
            "rebate_share": Decimal(random.choice(RATES)),
            "window_turns": random.choice((1, 2, 10, INPUT_LIMIT)),
            "stake_min": random.choice((1, 20, 100)),
            "stake_turns": random.choice((1, 2, 5)),
        },
        "contract_matching": {
            "matches": random.choice(("shown", "counted")),
            "needs_max": random.choice((1, 2, 50)),
        },
        "arbitration_subsidy": {"small_value": random.choice((0, 20, 100, INPUT_LIMIT))},
        "debt_rails": {
            "debt_cap": random.choice((0, 1, 50, 500, INPUT_LIMIT)),
            "cooldown_turns": random.choice((0, 1, 3, 20)),
            "repayment_share": Decimal(random.choice(RATES)),
        },
        "concentration_monitor": {
            "gini_max": Decimal(random.choice((*RATES, "0.1", "0.4"))),
            "from_turn": random.choice((1, 2, 20)),
            "response": random.choice(("none", "relief", "levy", "levy")),
            "levy_share": Decimal(random.choice((*RATES, "0.1"))),
        },
    }
    chosen = random.sample(list(rules), random.randint(1, len(rules)))
    return {"wages": random.choice(("follow", "full"))} | {name: rules[name] for name in chosen}


def random_shocks(random: Random, num_agents: int) -> list[dict[str, Any]]:
    """Shocks to usage, pay, parameters and balances, each target once."""
    shocks: list[dict[str, Any]] = [
        {"target": target, "factor": Decimal(random.choice(("0.0", "0.5", "2.0", "1000.0")))}
        for target in random.sample(("usage", "job_pay"), random.choice((0, 1, 2)))
    ]
    targets = [name for name in EXTREMES if name not in ("num_cores", "genesis_tokens_per_agent")]
    for name in random.sample(targets, random.choice((0, 1, 4))):
        value = random.choice(EXTREMES[name])
        shocks.append(
            {"target": name, "value": Decimal(value) if isinstance(value, str) else value}
        )
    for shock in shocks:
        shock["turn"] = random.randint(1, 20)
        if random.random() < 0.7:
            shock["until"] = shock["turn"] + random.choice((0, 1, 10))
    names = [f"agent_{agent}" for agent in range(num_agents)]
    for turn in random.sample(range(1, 20), random.choice((1, 3))):
        hit = random.sample(names, random.randint(1, num_agents))
        target, tokens = random.choice(("gain", "loss")), random.choice((1, 300, INPUT_LIMIT))
        shocks.append({"turn": turn, "target": target, "agents": hit, "tokens": tokens})
    return shocks


def random_income(random: Random, num_agents: int) -> dict[str, Any]:
    """Any income that a world of so many agents may have."""
    names = [f"agent_{agent}" for agent in range(num_agents)]
    tokens = (1, 30, 300, 300, 1000, INPUT_LIMIT)
    income: dict[str, Any] = {
        "allowance": random.choice((0, *tokens)),
        "allowances": {name: random.choice((0, *tokens)) for name in random.sample(names, 1)},
        "carryover_max": random.choice((0, 0, 50, INPUT_LIMIT)),
        "overdraft": random.choice(("carried", "forgiven")),
        "when_empty": random.choice(("debt", "stop", "stop", "clip", "clip")),
    }
    if random.random() < 0.5:
        income["period_turns"] = random.choice((2, 3, 10, INPUT_LIMIT))
    else:
        income["period_starts"] = sorted(random.sample(range(1, 60, 2), random.choice((1, 4, 20))))
    if random.random() < 0.5:
        income["top_ups"] = [
            {
                "turn": random.randint(1, 30),
                "agent": random.choice(names),
                "tokens": random.choice(tokens),
            }
            for _ in range(random.choice((1, 5)))
        ]
    return income


def random_input(random: Random, agent: int, state: State, config: WorldConfig) -> Input:
    """An input of an agent: three times in four one that should apply."""
    frugal = random.random() < (0.99 if _trades(config) else 0.8)
    action, speech = (
        _sound(random, agent, state, config)
        if random.random() < 0.75
        else random.choice(_FAULTS)(random, agent, state, config)
    )
    if speech is None and random.random() < 0.1 and config.speech_length_max:
        speech = random.choice(("hello", "", "é\n\u2028😀"))[: config.speech_length_max]
    thought = "as I thought" if random.random() < 0.1 else None
    thinking, output = _usage(random, frugal), _usage(random, frugal)
    return Input(
        config.agent_ids[agent],
        action,
        thinking_units=thinking,
        output_units=output,
        thinking=thought,
        speech=speech,
    )


def random_inputs(random: Random, state: State, config: WorldConfig) -> list[Input]:
    """The inputs of one turn in a random order; some agents idle, some act twice."""
    inputs = [
        random_input(random, agent, state, config)
        for agent in range(config.num_agents)
        if random.random() < 0.9
    ]
    if inputs and random.random() < 0.12:
        inputs.append(random_input(random, random.randrange(len(inputs)), state, config))
    if random.random() < 0.09:
        inputs.append(Input(random.choice(("nobody", "agent_01", "Agent_0", "")), Mine(), 5, 5))
    random.shuffle(inputs)
    rules = config.governance
    if rules is not None and rules.contract_matching is not None:
        return [replace(sent, needs=random_needs(random)) for sent in inputs]
    return inputs


def random_needs(random: Random) -> tuple[Need, ...]:
    """Needs of a few kinds and sides, their prices close enough to fit and to tie."""
    pairs = [(kind, side) for kind in ContractKind for side in NeedSide]
    return tuple(
        Need(kind, side, random.choice((1, 2, 300)), random.choice((0, 1, 2, 30, INPUT_LIMIT)))
        for kind, side in random.sample(pairs, random.choice((0, 1, 2, 5)))
    )


def with_some_too_long(random: Random, inputs: list[Input], config: WorldConfig) -> list[Input]:
    """The inputs as a batch keeps them, a few of them with too long a name or list."""
    too_long = (Unrecognised("x" * 65), ConfirmDelivery((1,) * 101))
    return [
        within_limits(replace(sent, action=random.choice(too_long)), config)
        if random.random() < 0.005
        else sent
        for sent in inputs
    ]


def play(actions: int, seed: str) -> Tally:
    """Play random worlds until so many actions were sent.

    Raises:
        AssertionError: An invariant does not hold.
    """
    random = Random(seed)
    tally: Tally = Counter()
    sent = 0
    while sent < actions:
        sent += _play_world(random, tally)
    return tally


def play_parallel(actions: int, seed: str, processes: int = 2) -> Tally:
    """The same in seeded pieces, shared out over processes."""
    pieces = [f"{seed}/{piece}" for piece in range(-(-actions // CHUNK))]
    tally: Tally = Counter()
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for part in pool.imap_unordered(partial(play, CHUNK), pieces):
            tally.update(part)
    return tally


def table(tally: Tally) -> str:
    """Actions by outcome, in percent of all."""
    total = tally.total()
    actions = sorted({action for action, _ in tally})
    outcomes = ["applied", *RejectionReason]
    lines = ["".ljust(20) + "".join(action[:9].rjust(10) for action in actions) + "       all"]
    for outcome in outcomes:
        counts = [tally[action, str(outcome)] for action in actions]
        lines.append(
            str(outcome).ljust(20)
            + "".join(f"{100 * count / total:10.2f}" for count in [*counts, sum(counts)])
        )
    sums = [sum(tally[action, str(outcome)] for outcome in outcomes) for action in actions]
    lines.append(
        "all".ljust(20) + "".join(f"{100 * count / total:10.2f}" for count in [*sums, total])
    )
    return "\n".join([*lines, f"{total} actions; percent"])


def share_by_action(tally: Tally) -> Counter[str]:
    """How often each action was sent; unknown names count as one."""
    shares: Counter[str] = Counter()
    for (action, _), count in tally.items():
        shares[action] += count
    return shares


def share_by_outcome(tally: Tally) -> Counter[str]:
    """How often each outcome came."""
    shares: Counter[str] = Counter()
    for (_, outcome), count in tally.items():
        shares[outcome] += count
    return shares


def check_records(world: World, state: State) -> None:
    """What a world kept holds, replays, and restores to the same state."""
    verified = verify(world.store)
    assert verified.holds, verified.finding
    assert verified.turns == state.turn
    assert verified.head == world.head == replay(world.store)
    assert encode_state(world.state) == encode_state(state)
    restored = World.open(world.store)
    assert encode_state(restored.state) == encode_state(state)
    assert restored.head == world.head


def _play_world(random: Random, tally: Tally) -> int:
    config = random_config(random)
    agent_indices = genesis_order(config)
    state, _ = genesis(config)
    check_genesis(state, config)
    turns = random.choice((3, 10, 30, 70))
    ends = random.random() < 0.5
    governed = config.income or config.governance
    recorded = World(config) if governed or random.random() < 0.1 else None
    sent = 0
    for turn_number in range(1, turns + 1):
        inputs = with_some_too_long(random, random_inputs(random, state, config), config)
        for given in inputs:
            check_input(given)
        before = encode_state(state)
        last = ends and turn_number == turns
        try:
            played, turn = play_turn(state, inputs, config, agent_indices, ends=last)
        except AmountOutOfRangeError:
            assert encode_state(state) == before
            break
        assert encode_state(state) == before, "a turn must leave the state before it alone"
        check_turn(state, inputs, played, turn, config)
        check_refusals_change_nothing(state, inputs, played, turn, config)
        for given, reason in zip(inputs, turn.outcomes, strict=True):
            unrecognised = isinstance(given.action, Unrecognised)
            name = "unrecognised" if unrecognised else action_name(given.action)
            tally[name, "applied" if reason is None else str(reason)] += 1
        sent += len(inputs)
        state = played
        if recorded:
            recorded.turn(inputs, ends=last)
    if recorded:
        check_records(recorded, state)
    return sent


Move = tuple[Action, str | None]
Maker = Callable[[Random, int, State, WorldConfig], Move]


def _sound(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    """An action that the agent's accounts allow, as far as one can know before the turn."""
    if random.random() < (0.9 if _trades(config) else 0.2):
        action = contract_play.sound(random, agent, state, config)
        if action is not None:
            return action, None
    balance = min(state.balances[agent], INPUT_LIMIT)
    if _trades(config):
        balance //= 10
    staked = min(state.staked[agent], INPUT_LIMIT)
    moves: list[Callable[[], Move]] = [
        lambda: (Mine(), None),
        lambda: (Job(), None),
        lambda: (Idle(), None),
    ]
    if config.speech_length_max:
        said = random.choice(("a", "w" * min(config.speech_length_max, LONG)))
        moves.append(lambda: (Speak(), said))
    if staked > 0:
        moves += [lambda: (Unstake(_up_to(random, staked)), None)] * 3
    if balance > 0:
        fee = random.choice((0, 0, _up_to(random, balance)))
        amount = _up_to(random, balance - fee) if fee < balance else balance
        tip = fee if fee < balance else 0
        moves += [lambda: (Stake(amount, tip), None)] * 4
        moves += [lambda: (Burn(amount, tip), None)] * 3
        if config.num_agents > 1:
            other = (agent + random.randrange(1, config.num_agents)) % config.num_agents
            moves += [lambda: (Transfer(config.agent_ids[other], amount, tip), None)] * 3
    if balance >= config.study_cost:
        moves += [lambda: (Study(), None)] * 2
    return random.choice(moves)()


def _trades(config: WorldConfig) -> bool:
    """Whether agents of this world mostly make contracts and keep the tokens for them."""
    return config.seed % 3 > 0


def _up_to(random: Random, most: int) -> int:
    """From 1 to `most`, small ones more often."""
    return min(most, random.choice((1, 7, max(1, most // 10), most, random.randint(1, most))))


def _usage(random: Random, frugal: bool) -> int:
    if frugal:
        return random.choice((0, 10, 40, 95, 130))
    return random.choice((150, 300, 300, 300, random.choice((2000, 10**5, INPUT_LIMIT))))


def _unknown_action(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    return Unrecognised(random.choice(("", "mined", "MINE", "give_all", "m\u0456ne"))), None


def _speech_too_long(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    said = "x" * min(config.speech_length_max + random.choice((1, 100)), LONG)
    return random.choice((Speak(), Mine(), Stake(1))), said


def _speech_missing(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    return Speak(), random.choice((None, ""))


def _recipient_missing(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    return Transfer(None, random.choice((None, 0, 5))), None


def _recipient_unknown(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    return Transfer(random.choice(("", "nobody", "platform", "agent_99")), 5), None


def _recipient_is_sender(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    return Transfer(config.agent_ids[agent], 5), None


def _amount_missing(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    return _amounts(random, config, None, random.choice((0, 3, -1))), None


def _amount_too_low(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    amount = random.choice((0, -1, -INPUT_LIMIT))
    action = _amounts(random, config, amount, random.choice((0, -1)))
    return random.choice((action, Unstake(amount))), None


def _fee_too_low(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    return _amounts(random, config, 5, random.choice((-1, -INPUT_LIMIT))), None


def _stake_too_low(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    amount = min(INPUT_LIMIT, state.staked[agent] + random.choice((1, INPUT_LIMIT)))
    return Unstake(random.choice((amount, amount, None))), None


def _balance_too_low(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    balance = max(0, state.balances[agent])
    if balance < config.study_cost and random.random() < 0.3:
        return Study(), None
    if random.random() < 0.5:
        return _amounts(random, config, max(1, min(balance, INPUT_LIMIT)), 1), None
    return _amounts(random, config, min(balance + 1, INPUT_LIMIT), INPUT_LIMIT), None


def _contract_fault(random: Random, agent: int, state: State, config: WorldConfig) -> Move:
    return random.choice(contract_play.FAULTS)(random, agent, state, config), None


def _amounts(random: Random, config: WorldConfig, amount: int | None, fee: int) -> Action:
    if config.num_agents == 1 or random.random() < 0.6:
        return random.choice((Stake(amount, fee), Burn(amount, fee)))
    # The agent may be among these; then the refusal is another one, which is fine.
    return Transfer(random.choice(config.agent_ids), amount, fee)


_FAULTS: tuple[Maker, ...] = (
    _unknown_action,
    _speech_too_long,
    _speech_missing,
    _recipient_missing,
    _recipient_unknown,
    _recipient_is_sender,
    _amount_missing,
    _amount_too_low,
    _fee_too_low,
    _stake_too_low,
    _balance_too_low,
    *[_contract_fault] * 18,
)


def main() -> None:
    """Play and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=1_000_000)
    parser.add_argument("--seed", default="random-play")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    sys.stdout.write(table(play_parallel(asked.actions, asked.seed, asked.processes)) + "\n")


if __name__ == "__main__":
    main()
