"""One run: resumed in its middle, its seed, its usage, its series beside its ledger."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import DecodeError
from msgspec.structs import replace

from sim_economy.agents.policies.simple import Miner
from sim_economy.core.errors import RunEndedError
from sim_economy.core.world_config import WorldConfig
from sim_economy.ledger.readers.export import table_rows
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.runs.policy_loop import play, play_run
from sim_economy.runs.run import Run, chosen, decode_run, encode_run, total
from sim_economy.scenarios.scenario import Scenario, load_scenario
from sim_economy.world.replay import replay
from sim_economy.world.world import World

SHORT: Final = load_scenario("as-run", {"turns": 20, "runs": 2})


@pytest.fixture(scope="module")
def recorded() -> tuple[Run, MemoryStore]:
    """A whole published run and its records."""
    store = MemoryStore()
    return play_run(load_scenario("as-run"), 1, store), store


def played_turns(world: World, scenario: Scenario, stop: int | None = None) -> list[int]:
    usage = scenario.usage.turns(world.config)
    played = play(world, scenario.policies, usage, scenario.turns)
    return [turn.turn for turn, _ in islice(played, stop)]


@pytest.mark.parametrize("stop", [1, 7, 19])
def test_a_run_resumed_in_its_middle_ends_with_the_same_head(tmp_path: Path, stop: int) -> None:
    config = SHORT.config_of_run(1)
    path = tmp_path / "run.sqlite"
    with World.create(path, config, world_id=f"{SHORT.name}/{config.seed}") as world:
        assert played_turns(world, SHORT, stop) == [*range(1, stop + 1)]
    with World.open(path) as world:
        assert played_turns(world, SHORT) == [*range(stop + 1, 21)]
        assert world.head.hash == play_run(SHORT, 1).head
        assert world.state.ended


def test_a_run_past_a_kept_state_resumes_with_the_same_head(tmp_path: Path) -> None:
    scenario = load_scenario("as-run", {"turns": 70, "policy": "random"})
    path = tmp_path / "run.sqlite"
    with World.create(path, scenario.config_of_run(1), world_id="as-run/1001") as world:
        played_turns(world, scenario, 66)
    with World.open(path) as world:
        played_turns(world, scenario)
        assert world.head.hash == play_run(scenario, 1).head


def test_the_end_of_a_run_is_declared_and_nothing_follows(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    store = SQLiteStore.new(path)
    play_run(SHORT, 1, store)
    store.close()
    with World.open(path) as world:
        assert played_turns(world, SHORT) == []
        with pytest.raises(RunEndedError):
            played_turns(world, replace(SHORT, turns=21))


def test_a_run_is_the_same_in_memory_and_on_disk(tmp_path: Path) -> None:
    store = SQLiteStore.new(tmp_path / "run.sqlite")
    assert play_run(SHORT, 2, store) == play_run(SHORT, 2)
    assert verify(store).holds
    assert replay(store).hash == play_run(SHORT, 2).head
    store.close()


def test_two_runs_differ_by_their_seed_alone() -> None:
    first, second = play_run(SHORT, 1), play_run(SHORT, 2)
    assert (first.seed, second.seed) == (1001, 1002)
    assert first.head != second.head
    earlier = replace(SHORT, seed=1001)
    assert replace(play_run(earlier, 1), run=2) == second


def test_progress_hears_of_each_turn() -> None:
    heard: list[int] = []
    play_run(SHORT, 1, progress=heard.append)
    assert heard == [*range(1, 21)]


def test_a_finished_run_survives_its_json(recorded: tuple[Run, MemoryStore]) -> None:
    run, _ = recorded
    assert decode_run(encode_run(run)) == run


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'{"run": "1"}', b"\xff"])
def test_a_text_that_is_no_run_is_refused(text: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_run(text)


# The series beside the ledger


def test_the_series_are_what_the_ledger_says(recorded: tuple[Run, MemoryStore]) -> None:
    run, store = recorded
    turns = [row for row in table_rows(store, "turns") if row["turn"]]
    series = run.series
    assert run.turns == len(turns) == 60
    assert series.token_supply == [row["token_supply"] for row in turns]
    assert series.winners == [row["block_winner"] for row in turns]
    assert series.fees_covered == [row["fees_covered"] for row in turns]
    assert series.fees_waived == [row["fees_waived"] for row in turns]
    assert [flows.get("inference_fee", 0) for flows in series.flows] == [
        row["fees_collected"] for row in turns
    ]
    assert turns[-1]["head"] == run.head
    assert turns[-1]["state_digest"] == run.state_digest


@pytest.mark.parametrize("holding", ["balance", "staked"])
def test_the_accounts_of_each_turn_are_what_the_ledger_says(
    recorded: tuple[Run, MemoryStore], holding: str
) -> None:
    run, store = recorded
    series = {"balance": run.series.balances, "staked": run.series.staked}[holding]
    rows = [row for row in table_rows(store, "balances") if row["turn"]]
    found = [[row[holding] for row in rows[index : index + 8]] for index in range(0, 480, 8)]
    assert series == found


def test_totals_are_sums_of_postings_and_choices(recorded: tuple[Run, MemoryStore]) -> None:
    run, store = recorded
    moved: Counter[str] = Counter()
    for row in table_rows(store, "postings"):
        if row["turn"]:
            moved[str(row["reason"])] += int(row["amount"] or 0)
    assert {reason: total(run.series, reason) for reason in moved} == moved
    actions = Counter(str(row["action"]) for row in table_rows(store, "inputs"))
    assert {name: chosen(run.series, name) for name in actions} == actions
    assert sum(actions.values()) == 480
    assert total(run.series, "nothing") == chosen(run.series, "nothing") == 0


def test_system_accounts_follow_from_the_postings(recorded: tuple[Run, MemoryStore]) -> None:
    run, store = recorded
    for name, series in (("platform", run.series.platform), ("destroyed", run.series.destroyed)):
        held = 0
        for row in table_rows(store, "postings"):
            held += int(row["amount"] or 0) * ((row["target"] == name) - (row["source"] == name))
        assert series[-1] == held


def test_counts_are_those_of_the_ledgers_blocks_and_transactions(
    recorded: tuple[Run, MemoryStore],
) -> None:
    run, store = recorded
    blocks = [row for row in table_rows(store, "blocks") if row["turn"]]
    assert run.counts.blocks == len(blocks)
    kinds = Counter(str(row["validator_type"]) for row in blocks)
    assert {kind: tally for kind, tally in run.counts.validators.items() if tally} == kinds
    finalised = Counter(str(row["tx_type"]) for row in table_rows(store, "transactions"))
    assert {kind: tally for kind, tally in run.counts.transactions.items() if tally} == finalised


# Usage sources


def billed(scenario: Scenario) -> list[tuple[Any, ...]]:
    store = MemoryStore()
    play_run(scenario, 1, store)
    columns = ("turn", "agent_id", "thinking_units", "output_units")
    return [tuple(row[column] for column in columns) for row in table_rows(store, "inputs")]


def test_a_run_is_billed_what_its_trace_measured(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("turn,agent,thinking,output\n1,b,7,300\n2,a,10,20\n")
    config = tmp_path / "traced.toml"
    config.write_text(
        'turns = 3\n[usage]\nsource = "trace"\npath = "trace.csv"\nrepeat = true\n'
        '[world]\nagent_ids = ["a", "b"]\n'
    )
    assert billed(load_scenario(config)) == [
        (1, "a", 0, 0),
        (1, "b", 7, 300),
        (2, "a", 10, 20),
        (2, "b", 0, 0),
        (3, "a", 0, 0),
        (3, "b", 7, 300),
    ]


def test_a_run_is_billed_what_its_distributions_draw() -> None:
    usage = {
        "source": "distribution",
        "thinking": {"distribution": "constant", "value": 5},
        "output": {"distribution": "uniform", "low": 10, "high": 12},
    }
    scenario = load_scenario("as-run", {"turns": 4, "num_agents": 2, "usage": usage})
    found = billed(scenario)
    assert {row[2] for row in found} == {5}
    assert {row[3] for row in found} <= {10, 11, 12}
    drawn = islice(scenario.usage.turns(scenario.config_of_run(1)), 4)
    assert [row[2:] for row in found] == [used for turn in drawn for used in turn]


def test_a_run_is_billed_the_published_draws_of_its_seed() -> None:
    drawn = islice(SHORT.usage.turns(SHORT.config_of_run(1)), 20)
    assert [row[2:] for row in billed(SHORT)] == [used for turn in drawn for used in turn]


def test_a_usage_source_that_leaves_agents_out_is_no_turn() -> None:
    world = World(WorldConfig(), world_id="short")
    with pytest.raises(ValueError, match="zip"):
        list(play(world, [Miner()] * 8, [[(1, 1)] * 7], 1))
    assert world.turn_number == 0
