"""The story a notebook tells: a world by hand, a run as data frames."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from msgspec.structs import replace

import sim_economy as se
from sim_economy.core.actions import Action
from sim_economy.core.errors import InputError, ScenarioError
from sim_economy.core.table_reader import described_parameters
from sim_economy.core.world_config import parameters
from sim_economy.ledger.readers.export import COLUMNS
from sim_economy.runs.extended_metrics import extended_metrics
from sim_economy.runs.run_metrics import run_metrics
from sim_economy.scenarios.changes import ScenarioChanges
from sim_economy.scenarios.scenario import ScenarioTable

API: Any = se
Actions = dict[str, Action]


@pytest.fixture(scope="module")
def played() -> se.Played:
    """The example of the package's own docstring."""
    return se.play("as-run", seed=1001)


# A run


def test_a_played_preset_is_the_published_run(played: se.Played) -> None:
    assert played.metrics["token_supply_final"] == -546
    assert played.metrics["fees_total"] == 24753
    assert (played.run.run, played.run.seed, played.run.turns) == (1, 1001, 60)


@pytest.mark.parametrize("table", COLUMNS)
def test_every_table_is_a_data_frame(played: se.Played, table: str) -> None:
    frame = played.frame(table)
    assert isinstance(frame, polars.DataFrame)
    assert tuple(frame.columns) == COLUMNS[table]
    assert frame.height > 0 or table == "contracts"


@pytest.mark.parametrize("table", ["transactions", "inputs"])
def test_a_table_without_rows_keeps_its_columns(table: str) -> None:
    with se.World() as world:
        assert tuple(se.frame(world.store, table).columns) == COLUMNS[table]
        assert se.frame(world.store, table).height == 0


@pytest.mark.parametrize("table", COLUMNS)
def test_a_column_is_of_one_type_in_every_ledger(played: se.Played, table: str) -> None:
    assert {*played.frame(table).dtypes} <= {polars.Int64, polars.String}
    assert se.frame(se.World(), table).schema == played.frame(table).schema
    assert se.play("market", turns=30).frame(table).schema == played.frame(table).schema


def test_balances_are_the_table_shown_first(played: se.Played) -> None:
    frame = played.frame()
    assert frame.equals(played.frame("balances"))
    assert frame.height == 61 * 8
    assert frame.filter(polars.col("turn") == 0)["balance"].to_list() == [1000] * 8
    last = frame.filter(polars.col("turn") == 60)["balance"].to_list()
    assert last == played.run.series.balances[-1]


def test_an_unknown_table_is_refused_with_those_there_are(played: se.Played) -> None:
    with pytest.raises(InputError) as caught:
        played.frame("balance")
    assert str(caught.value) == f"table: must be one of {', '.join(COLUMNS)}"


def test_a_statement_leads_from_genesis_to_the_last_balance(played: se.Played) -> None:
    statement = played.statement("agent_3")
    assert (statement.first_turn, statement.last_turn) == (0, 60)
    assert statement.opening == {"balance": 0}
    assert statement.lines[0].reason == "genesis"
    assert sum(statement.totals.values()) == statement.closing["balance"]
    assert statement.closing["balance"] == played.run.series.balances[-1][3]


def test_a_statement_of_an_unknown_agent_is_refused(played: se.Played) -> None:
    with pytest.raises(InputError, match="its agents are agent_0, agent_1"):
        played.statement("agent_8")


def test_a_run_is_verified_and_replayed(played: se.Played) -> None:
    assert se.verify(played.store).holds
    assert se.replay(played.store).hash == played.run.head


def test_a_run_is_the_scenarios_first_where_no_seed_is_given(played: se.Played) -> None:
    assert se.play().run.head == played.run.head
    assert se.play(se.load_scenario("as-run")).run.head == played.run.head


def test_settings_are_changed_by_name() -> None:
    played = se.play("as-written", turns=3, policy="miner", num_agents=2, study_discount=0.1)
    assert (played.run.turns, played.run.agent_ids) == (3, ["agent_0", "agent_1"])
    assert played.metrics["actions_mine"] == 6


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"tunrs": 3}, "tunrs: unknown key; did you mean turns?"),
        ({"turns": 0}, "turns: must be an integer from 1 to 10000000"),
        ({"study_discount": 1.5}, "world.study_discount: must be from 0 to 1"),
    ],
)
def test_changes_that_make_no_sense_are_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        se.play("as-run", **changes)
    assert caught.value.problems == [problem]


@pytest.mark.parametrize(
    "changes",
    [
        {"turns": np.int64(3), "study_discount": np.float64(0.05), "study_cost": np.uint8(9)},
        {"turns": np.int16(3), "study_discount": np.float32(0.05), "study_cost": np.int64(9)},
    ],
)
def test_numbers_of_numpy_are_numbers(changes: dict[str, Any]) -> None:
    named = {"turns": 3, "study_discount": 0.05, "study_cost": 9}
    expected = se.load_scenario("as-run", named)
    assert se.load_scenario("as-run", changes).settings == expected.settings
    head = se.play("as-run", seed=np.int64(7), **changes).run.head  # type: ignore[arg-type]
    assert head == se.play("as-run", 7, **named).run.head  # type: ignore[arg-type]
    config = {key: value for key, value in changes.items() if key != "turns"}
    assert se.parse_world_config(config) == replace(expected.config, seed=0)


def test_lists_may_be_tuples_and_arrays() -> None:
    names = API.play(turns=1, num_agents=2, agent_ids=["ann", "bob"]).run
    for given in (("ann", "bob"), np.array(["ann", "bob"])):
        assert API.play(turns=1, num_agents=2, agent_ids=given).run.head == names.head


@pytest.mark.parametrize("rate", [1 / 3, np.float64(1 / 3), np.float32(1 / 3), 0.1 + 0.2])
def test_a_rate_beyond_six_decimals_is_refused_with_what_to_do(rate: float) -> None:
    with pytest.raises(ScenarioError) as caught:
        se.play(turns=1, study_discount=rate)
    (problem,) = caught.value.problems
    rounded = f"{float(rate):.6f}"
    assert problem.endswith(f"must have at most 6 decimal places; round it, here to {rounded}")


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: API.play(3), "scenario: must be the name of a file or a preset, not of int"),
        (lambda: API.play({}), "scenario: must be the name of a file or a preset, not of dict"),
        (lambda: API.play(seed="x"), "seed: must be an integer, not 'x'"),
        (lambda: API.play(seed=True), "seed: must be an integer, not True"),
        (lambda: API.play(seed=1.5), "seed: must be an integer, not 1.5"),
        (lambda: API.play(turns=True), "turns: must be an integer from 1 to 10000000"),
        (lambda: API.play(turns=np.bool_(True)), "turns: must be an integer from 1 to 10000000"),
        (lambda: API.play(study_discount=Fraction(1, 2)), "world.study_discount: must be a plain"),
        (lambda: API.load_scenario("as-run", 3), "changes: must be values by key, or a list of"),
        (lambda: API.load_scenario("as-run", "turns=3"), "changes: must be values by key, or a"),
        (lambda: API.load_scenario("as-run", [3]), "changes: must be values by key, or a list of"),
        (lambda: API.parse_world_config(3), "world: must be parameters by name, not int"),
        (lambda: API.World(3), "config: must be a WorldConfig, such as preset() gives, not int"),
        (lambda: API.World().turn(3), "inputs: must be a list of Input; act() takes actions by"),
        (
            lambda: API.World().turn({"a": se.Mine()}),
            "inputs: must be a list of",
        ),
        (lambda: API.World().act([se.Mine()]), "actions: must be actions by agent; turn() takes a"),
        (lambda: API.World(recorded=False).store, "world: is played without records; leave out"),
        (lambda: API.World().observe(["a"]), "agent_id: is not in this world; its agents are"),
        (lambda: API.World.open(3), "ledger: must be a ledger's file, a store, a world or a run"),
        (lambda: API.World.create(3), "path: must be a file or a URI, not int"),
        (lambda: API.parse_world_config({}, agent_ids=3), "agent_ids: must be a list of names"),
        (lambda: API.preset(["x"]), "preset: there is no ['x']; there are as-run, as-written"),
        (lambda: API.play(policy="idle", population=[]), "policy and population: set one of them"),
        (lambda: API.verify(3), "ledger: must be a ledger's file, a store, a world or a run, not"),
        (lambda: API.replay(3), "ledger: must be a ledger's file, a store, a world or a run, not"),
        (lambda: API.frame(3, "turns"), "ledger: must be a ledger's file, a store, a world or a"),
        (lambda: API.frame(se.World(), ["turns"]), "table: must be one of turns, balances"),
        (lambda: API.statement(None, "agent_0"), "ledger: must be a ledger's file, a store, a"),
        (lambda: API.Played.of(se.World()), "world: has closed no turn; play one with turn()"),
        (lambda: API.Played.of("x.sqlite"), "world: must be a world or a store; open a file with"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(call: Callable[[], Any], problem: str) -> None:
    with pytest.raises(se.SimEconomyError) as caught:
        call()
    assert str(caught.value).startswith(problem)


def test_changes_are_typed_and_complete() -> None:
    stated = {*described_parameters(ScenarioTable), "preset", "agent_ids", *parameters()}
    assert {*ScenarioChanges.__annotations__} == stated - {"world", "seed", "secret"}


def test_a_scenario_takes_no_changes() -> None:
    with pytest.raises(ScenarioError, match="a scenario takes no changes"):
        se.play(se.load_scenario("as-run"), turns=3)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_beyond_its_bounds_is_refused(seed: int) -> None:
    with pytest.raises(ScenarioError, match="seed"):
        se.play("as-run", seed=seed, turns=1)


def test_play_needs_no_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("turns = 2\nseed = 9\n[world]\nagent_ids = ['ann']\n")
    assert se.play(path).run.seed == 10
    assert se.play(str(path), seed=4).run.seed == 4


def test_a_run_has_all_measures(played: se.Played) -> None:
    assert played.metrics == run_metrics(played.run) | extended_metrics(played.run)


def test_values_are_shown_in_a_line_with_rates_as_written(played: se.Played) -> None:
    assert repr(played) == (
        f"<Played: seed 1001, 60 turns, 8 agents, -546 tokens, head {played.run.head[:12]}>"
    )
    scenario = se.load_scenario("as-run", {"study_discount": 0.25, "turns": 3})
    assert repr(scenario) == (
        "<Scenario as-run: 24 runs of 3 turns, 8 published, WorldConfig(study_discount=0.25)>"
    )
    assert repr(se.parse_world_config({"secret": "ab" * 16, "seed": 5})) == "WorldConfig(seed=5)"
    assert repr(se.World()) == "<World default: turn 0, 8 agents, 8000 tokens>"
    assert repr(played.run).startswith("<Run 1: seed 1001, 60 turns, 8 agents, head ")
    assert repr(played.statement("agent_3")).startswith("<Statement of agent_3: turns 0 to 60, ")


def test_a_run_answers_by_agent(played: se.Played) -> None:
    assert played._repr_html_().startswith("<p>All 8 agents go broke, agent_3 and agent_6 first, ")
    assert played.agents["final"].to_list() == played.run.series.balances[-1]
    assert played.agents["policy"].to_list() == ["published"] * 8
    assert played.collectors["tokens"].to_list() == [played.run.series.platform[-1]]
    types = {**se.play("market", turns=2).agents.schema}
    assert types == {**played.agents.schema}


def test_values_are_tables_in_a_notebook(played: se.Played) -> None:
    assert "<td>fees</td><td>24,753</td>" in played._repr_html_()
    scenario = se.load_scenario("as-run", {"study_discount": 0.25, "name": "<i>"})
    assert "<td>study_discount</td><td>0.25</td>" in scenario._repr_html_()
    assert "<b>&lt;i&gt;</b>" in scenario._repr_html_()
    assert "<td>genesis</td>" in played.statement("agent_3")._repr_html_()


# A world


def test_a_world_played_by_hand_has_all_measures() -> None:
    with se.World() as world:
        world.act({"agent_0": se.Job()})
        world.turn([se.Input("agent_1", se.Stake(np.int64(30), 1), np.int64(100), 200)])  # type: ignore[arg-type]
        played = se.Played.of(world)
        assert played.metrics["actions_stake"] == 1
        assert played.run.turns == 2
        assert played.frame("inputs")["amount"].to_list() == [None, 30]
        assert se.frame(world, "turns").height == 3
        assert se.verify(world).holds
        assert se.replay(played) == world.head


def test_a_world_takes_an_action_by_agent() -> None:
    with se.World(se.preset("as-run")) as world:
        actions: Actions = {"agent_0": se.Mine(), "agent_1": se.Mine(), "agent_2": se.Job()}
        turn = world.act(actions)
        assert (turn.turn, world.turn_number) == (1, 1)
        assert turn.outcomes == (None, None, None)
        assert turn.block is not None
        assert turn.block.winner in {"agent_0", "agent_1"}
        assert world.state.balances == [1000, 1000, 1050, 1000, 1000, 1000, 1000, 1000]


def test_a_world_says_why_an_action_was_refused() -> None:
    with se.World() as world:
        actions: Actions = {"agent_0": se.Transfer("agent_0", 5), "nobody": se.Mine()}
        turn = world.act(actions)
        assert turn.outcomes == ("recipient_is_sender", "unknown_agent")
        assert world.observe("agent_0").rejection == "recipient_is_sender"


def test_a_world_bills_inputs_with_usage() -> None:
    with se.World(se.parse_world_config({"num_agents": 2})) as world:
        world.turn([se.Input("agent_1", se.Idle(), thinking_units=100, output_units=200)])
        assert world.state.balances == [1000, 1000 - (200 + 10 - 100)]


def test_an_agent_observes_itself_and_what_all_may_know() -> None:
    with se.World() as world:
        world.turn([se.Input("agent_1", se.Speak(), speech="hello")])
        actions: Actions = {"agent_0": se.Stake(30, 1), "agent_2": se.Study()}
        world.act(actions)
        seen = world.observe("agent_0")
        assert (seen.agent_id, seen.last_turn, seen.studies) == ("agent_0", 2, 0)
        assert seen.accounts == {
            "balance": 969,
            "staked": 0,
            "unstaking": 0,
            "pending": 31,
            "escrow": 0,
        }
        assert [waiting.amount for waiting in seen.transactions] == [30]
        assert seen.token_supply == 7950
        assert seen.world["study_cost"] == 50
        assert "seed" not in seen.world
        assert world.observe("agent_1").transactions == ()
        with pytest.raises(InputError):
            world.observe("agent_8")


def test_a_world_on_disk_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "world.sqlite"
    with se.World.create(path) as world:
        world.act({"agent_0": se.Mine()})
        head = world.head
    with se.World.open(path) as world:
        assert world.head == head
        actions: Actions = {"agent_0": se.Burn(5), "agent_1": se.Unstake()}
        world.act(actions, ends=True)
    store = se.SQLiteStore.open(path, read_only=True)
    assert se.verify(store).turns == 2
    assert se.statement(store, "agent_0").closing == {"balance": 1000}
    store.close()


def test_every_failure_of_a_caller_is_one_class() -> None:
    with pytest.raises(se.SimEconomyError), se.World() as world:
        world.act({"agent_0": se.Stake(2**31)})
