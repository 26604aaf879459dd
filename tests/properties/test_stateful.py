"""Worlds driven by Hypothesis: any actions in any order, and shrunk when something breaks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sim_economy.core.accounts import DESTROYED, ISSUANCE, PLATFORM
from sim_economy.core.actions import Input, Mine
from sim_economy.core.errors import AmountOutOfRangeError, RunEndedError
from sim_economy.core.state import encode_state
from sim_economy.core.text_limits import within_limits
from sim_economy.core.world_config import WorldConfig
from sim_economy.world.world import World
from tests.properties.invariants import (
    ROUTES,
    check_genesis,
    check_refusals_change_nothing,
    check_turn,
)
from tests.properties.random_play import PRESETS, check_records, random_inputs
from tests.properties.strategies import inputs, worlds

CI_EXAMPLES = 40
NIGHTLY_ACTIONS = int(os.environ.get("STATEFUL_ACTIONS", "1_000_000"))
"""Over both presets together."""

rounds = st.lists(inputs, max_size=10)


class Economy(RuleBasedStateMachine):
    """One world; a preset's subclass says which."""

    preset: ClassVar[Mapping[str, Any]]
    sent: ClassVar[Counter[str]] = Counter()

    world: World
    moved: Counter[str]
    repaid_by_issuance: int
    accepted: list[Input]

    def begin(self, config: WorldConfig) -> None:
        self.world = World(config)
        self.moved = Counter()
        self.repaid_by_issuance = 0
        self.accepted = []
        check_genesis(self.world.state, config)

    @precondition(lambda self: not self.world.state.ended)
    @rule(given=rounds)
    def close_a_turn(self, given: list[Input]) -> None:
        self._play(given, ends=False, submitted=False)

    @precondition(lambda self: not self.world.state.ended)
    @rule(given=rounds)
    def submit_and_close_a_turn(self, given: list[Input]) -> None:
        self._play(given, ends=False, submitted=True)

    @precondition(lambda self: not self.world.state.ended)
    @rule(given=st.lists(inputs.map(lambda sent: Input(sent.agent_id, Mine())), max_size=6))
    def close_a_turn_of_miners(self, given: list[Input]) -> None:
        self._play(given, ends=False, submitted=False)

    @precondition(lambda self: not self.world.state.ended)
    @rule(turns=st.sampled_from((1, 5, 70)))
    def let_turns_pass(self, turns: int) -> None:
        for _ in range(turns):
            self._play([], ends=False, submitted=False)

    @precondition(lambda self: self.world.state.turn > 5 and not self.world.state.ended)
    @rule(given=rounds, ends=st.sampled_from((False, False, False, True)))
    def perhaps_end_the_run(self, given: list[Input], ends: bool) -> None:
        self._play(given, ends=ends, submitted=False)

    @precondition(lambda self: not self.world.state.ended)
    @rule(key=st.integers(0, 2**32), turns=st.integers(1, 30))
    def play_some_turns_at_random(self, key: int, turns: int) -> None:
        random = Random(key)
        for _ in range(turns):
            given = random_inputs(random, self.world.state, self.world.config)
            self._play(given, ends=False, submitted=False)

    @rule()
    def open_it_again(self) -> None:
        before = encode_state(self.world.state)
        self.world = World.open(self.world.store)
        assert encode_state(self.world.state) == before

    @precondition(lambda self: self.world.state.ended)
    @rule(given=rounds)
    def nothing_happens_after_the_end(self, given: list[Input]) -> None:
        head = self.world.head
        with pytest.raises(RunEndedError):
            self.world.turn([within_limits(sent, self.world.config) for sent in given])
        assert self.world.head == head == self.world.store.head()

    def _play(self, given: list[Input], *, ends: bool, submitted: bool) -> None:
        world, before = self.world, self.world.state
        text, head = encode_state(before), world.head
        given = [within_limits(sent, world.config) for sent in given]
        try:
            if submitted:
                for one in given:
                    world.submit(one)
                given = self.accepted = [*self.accepted, *given]
                turn = world.turn(ends=ends)
            else:
                turn = world.turn(given, ends=ends)
        except AmountOutOfRangeError:
            assert encode_state(world.state) == text
            assert world.head == head == world.store.head()
            assert len(world.store.submissions()) == len(self.accepted)
            return
        self.accepted = []
        assert encode_state(before) == text, "a turn must leave the state before it alone"
        check_turn(before, given, world.state, turn, world.config)
        check_refusals_change_nothing(before, given, world.state, turn, world.config)
        for posting in turn.postings:
            self.moved[posting.reason] += posting.amount
            if posting.reason == "debt_repayment" and posting.source == ISSUANCE:
                self.repaid_by_issuance += posting.amount
        self._check_totals()
        type(self).sent[type(self).__name__] += len(given)

    def _check_totals(self) -> None:
        """From genesis on, every token is where the reasons say."""
        config, state = self.world.config, self.world.state
        genesis = config.num_agents * config.genesis_tokens_per_agent
        into = {
            account: sum(
                self.moved[reason] for reason, (_, target) in ROUTES.items() if target == account
            )
            - sum(self.moved[reason] for reason, (source, _) in ROUTES.items() if source == account)
            for account in (PLATFORM, DESTROYED, ISSUANCE)
        }
        into[ISSUANCE] -= self.repaid_by_issuance
        assert state.accounts[ISSUANCE] == into[ISSUANCE] - genesis
        assert state.accounts[PLATFORM] == into[PLATFORM]
        assert state.accounts[DESTROYED] == into[DESTROYED]
        assert state.token_supply == genesis - sum(into.values())

    def teardown(self) -> None:
        if hasattr(self, "world"):
            check_records(self.world, self.world.state)


class AsRun(Economy):
    """The economy of the published rows."""

    preset = PRESETS["as-run"]

    @initialize(config=worlds(preset))
    def start(self, config: WorldConfig) -> None:
        self.begin(config)


class AsWritten(Economy):
    """The economy of the paper's text."""

    preset = PRESETS["as-written"]

    @initialize(config=worlds(preset))
    def start(self, config: WorldConfig) -> None:
        self.begin(config)


ECONOMIES = pytest.mark.parametrize("economy", [AsRun, AsWritten])


@ECONOMIES
def test_any_actions_in_any_order_keep_every_invariant(economy: type[Economy]) -> None:
    run_state_machine_as_test(
        economy,
        settings=settings(
            max_examples=CI_EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.nightly
@ECONOMIES
def test_a_million_actions_in_any_order_keep_every_invariant(economy: type[Economy]) -> None:
    batch = 0
    start = Economy.sent[economy.__name__]
    while Economy.sent[economy.__name__] - start < NIGHTLY_ACTIONS / 2:
        batch += 1
        run_state_machine_as_test(
            seed(batch)(type(economy.__name__, (economy,), {})),
            settings=settings(
                max_examples=200,
                stateful_step_count=50,
                deadline=None,
                database=None,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )
