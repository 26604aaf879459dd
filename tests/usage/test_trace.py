"""Usage measured elsewhere: traces as CSV and Parquet, good and bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import polars
import pytest

from sim_economy.core.errors import ScenarioError
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.usage.traced_usage import TracedUsage, read_trace
from sim_economy.usage.unit_weights import Usage
from sim_economy.usage.usage_notes import usage_warnings

HEADER: Final = "turn,agent,thinking,output\n"
TWO: Final = parse_world_config({"num_agents": 2}, agent_ids=["ann", "bob"])
GOOD: Final = HEADER + "1,ann,10,20\n1,bob,30,40\n3,bob,50,60\n"
TURNS: Final[Sequence[list[Usage]]] = (
    [(10, 20), (30, 40)],
    [(0, 0), (0, 0)],
    [(0, 0), (50, 60)],
)
TURN: Final = f"turn must be an integer from 1 to {INPUT_LIMIT}"
THINKING: Final = f"thinking must be an integer from 0 to {INPUT_LIMIT}"
OUTPUT: Final = f"output must be an integer from 0 to {INPUT_LIMIT}"


def csv_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "trace.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def parquet_file(folder: Path, columns: Mapping[str, Sequence[Any]]) -> Path:
    path = folder / "trace.parquet"
    polars.DataFrame(columns).write_parquet(path)
    return path


def used(trace: TracedUsage, turns: int = 10, config: WorldConfig = TWO) -> list[list[Usage]]:
    return list(islice(trace.turns(config), turns))


def problems(path: Path) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        read_trace(path)
    return caught.value.problems


def test_who_has_no_row_in_a_turn_used_nothing(tmp_path: Path) -> None:
    trace = read_trace(csv_file(tmp_path, GOOD))
    assert used(trace) == [*TURNS]
    assert trace.problems(TWO, 3) == []
    assert len(trace.problems(TWO, 4)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        HEADER + "3,bob,50,60\n1,bob,30,40\n1,ann,10,20\n",
        "agent,output,thinking,note,turn\nann,20,10,x,1\nbob,40,30,y,1\nbob,60,50,,3\n",
        HEADER + "1,ann, 10 ,020\n1,bob,30,40\n3,bob,50,60",
    ],
    ids=["byte order mark", "CRLF", "any order of rows", "further columns", "spaces and zeros"],
)
def test_the_way_a_file_is_written_does_not_matter(tmp_path: Path, text: str) -> None:
    assert used(read_trace(csv_file(tmp_path, text))) == [*TURNS]


def test_a_repeated_trace_starts_again_after_its_last_turn(tmp_path: Path) -> None:
    trace = read_trace(csv_file(tmp_path, GOOD), repeat=True)
    assert used(trace, 7) == [*TURNS, *TURNS, TURNS[0]]
    assert trace.problems(TWO, 10**6) == []


def test_the_largest_usage_is_accepted(tmp_path: Path) -> None:
    text = f"{HEADER}1,ann,{INPUT_LIMIT},{INPUT_LIMIT}\n"
    assert used(read_trace(csv_file(tmp_path, text)))[0][0] == (INPUT_LIMIT, INPUT_LIMIT)


def test_a_parquet_trace_is_read_as_the_same_csv_trace(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "turn": [1, 1, 3],
        "agent": ["ann", "bob", "bob"],
        "thinking": [10, 30, 50],
        "output": [20, 40, 60],
    }
    assert used(read_trace(parquet_file(tmp_path, columns))) == [*TURNS]


@pytest.mark.parametrize(
    ("row", "index", "problem"),
    [
        ("0,ann,1,1", 2, TURN),
        ("-1,ann,1,1", 2, TURN),
        (",ann,1,1", 2, TURN),
        ("1.0,ann,1,1", 2, TURN),
        ("one,ann,1,1", 2, TURN),
        (f"{INPUT_LIMIT + 1},ann,1,1", 2, TURN),
        ("1,ann,-1,1", 2, THINKING),
        ("1,ann,5.5,1", 2, THINKING),
        ("1,ann,1e3,1", 2, THINKING),
        ("1,ann,NaN,1", 2, THINKING),
        ("1,ann,+1,1", 2, THINKING),
        ("1,ann,1_000,1", 2, THINKING),
        ("1,ann,\u0663,1", 2, THINKING),
        ("1,ann,true,1", 2, THINKING),
        ("1,ann,1,", 2, OUTPUT),
        ("1,ann,1", 2, "has 3 cells, the header 4"),
        ("1,ann,1,1,200", 2, "has 5 cells, the header 4"),
        ("1,ann,1,1,", 2, "has 5 cells, the header 4"),
        ("1,ann,1,1\n\n2", 4, "has 1 cells, the header 4"),
        (f"1,ann,1,{INPUT_LIMIT + 1}", 2, OUTPUT),
        (f"1,ann,1,{'9' * 5000}", 2, OUTPUT),
        ("1,ann,1,1\n1,ann,2,2", 3, "ann has turn 1 twice"),
        ("1,ann,1,1\n2,ann,2,2\n\n1,ann,1,1", 5, "ann has turn 1 twice"),
        pytest.param(f"1,ann,1,000000000000{INPUT_LIMIT + 1}", 2, OUTPUT),
    ],
)
def test_a_bad_row_is_named_with_its_line(
    tmp_path: Path, row: str, index: int, problem: str
) -> None:
    path = csv_file(tmp_path, f"{HEADER}{row}\n")
    assert problems(path) == [f"usage.path: {path}, line {index}: {problem}"]


@pytest.mark.parametrize(
    ("column", "values", "problem"),
    [
        ("turn", [1, 0], TURN),
        ("thinking", [1, -1], THINKING),
        ("thinking", [1, None], THINKING),
        ("thinking", [1.0, 2.5], THINKING),
        ("thinking", [1.0, float("nan")], THINKING),
        ("output", [1.0, float("inf")], OUTPUT),
        ("turn", [1.0, 1.5], TURN),
        ("agent", ["ann", None], "agent must be a name"),
        ("output", ["1", "x"], OUTPUT),
        ("output", [1, INPUT_LIMIT + 1], OUTPUT),
        ("agent", ["ann", "ann"], "ann has turn 1 twice"),
    ],
)
def test_a_bad_row_of_a_parquet_file_is_named_with_its_number(
    tmp_path: Path, column: str, values: list[Any], problem: str
) -> None:
    columns: dict[str, list[Any]] = {"turn": [1, 1], "thinking": [1, 1], "output": [1, 1]}
    path = parquet_file(tmp_path, {**columns, "agent": ["ann", "bob"], column: values})
    assert f"usage.path: {path}, row 2: {problem}" in problems(path)


def test_whole_floats_of_a_parquet_file_are_integers(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "turn": [1.0, 1.0, 3.0],
        "agent": ["ann", "bob", "bob"],
        "thinking": [10.0, 30.0, 50.0],
        "output": [20, 40, 60],
    }
    assert used(read_trace(parquet_file(tmp_path, columns))) == [*TURNS]


@pytest.mark.parametrize("value", [0.5, True, "x", None, [1]])
def test_a_wrong_column_of_a_parquet_file_is_named_once(tmp_path: Path, value: Any) -> None:
    columns = {"turn": [*range(1, 31)], "agent": ["ann"] * 30, "output": [1] * 30}
    path = parquet_file(tmp_path, {**columns, "thinking": [value] * 30})
    assert problems(path) == [f"usage.path: {path}, row 1: {THINKING}, so too in 29 more rows"]


@pytest.mark.parametrize(
    ("header", "twice"),
    [("turn,agent,thinking,output,output", "output"), ("a,turn,agent,thinking,output,a", "a")],
)
def test_a_column_that_is_there_twice_is_refused(tmp_path: Path, header: str, twice: str) -> None:
    path = csv_file(tmp_path, f"{header}\n1,ann,1,1,1\n")
    assert problems(path) == [f"usage.path: {path} has the columns {twice} twice"]


def test_an_open_quote_swallows_no_rows(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEADER + '1,"ann,1,1\n1,bob,1,1\n')
    (problem,) = problems(path)
    assert problem.startswith(f"usage.path: {path} is not a CSV file, line 3: ")


def test_gaps_are_counted_over_repeats(tmp_path: Path) -> None:
    path = csv_file(tmp_path, GOOD)
    once, again = read_trace(path), read_trace(path, repeat=True)
    assert [once.gaps(TWO.agent_ids, turns) for turns in (1, 2, 3)] == [0, 2, 3]
    assert [again.gaps(TWO.agent_ids, turns) for turns in (3, 4, 5, 6, 300)] == [3, 3, 5, 6, 300]
    (said,) = usage_warnings(again, TWO.agent_ids, 5, TWO)
    assert said == f"{path} has no row for 5 of 10 agent-turns; they count as no usage"
    assert usage_warnings(again, ["ann"], 1, TWO) == []


def test_all_bad_rows_are_named_up_to_twenty_and_the_rest_counted(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEADER + "0,ann,1,1\n" * 25)
    found = problems(path)
    assert len(found) == 21
    assert found[19] == f"usage.path: {path}, line 21: {TURN}"
    assert found[20] == "usage.path: and 5 more"


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("", "turn, agent, thinking, output"),
        ("turn;agent;thinking;output\n1;ann;1;1\n", "turn, agent, thinking, output"),
        ("turn,agent,thinking\n1,ann,1\n", "output"),
        ("Turn,agent,thinking,output\n1,ann,1,1\n", "turn"),
        ("1,ann,1,1\n", "turn, agent, thinking, output"),
    ],
)
def test_missing_columns_are_named(tmp_path: Path, text: str, lacks: str) -> None:
    path = csv_file(tmp_path, text)
    assert problems(path) == [f"usage.path: {path} lacks the columns {lacks}"]


def test_missing_columns_of_a_parquet_file_are_named(tmp_path: Path) -> None:
    path = parquet_file(tmp_path, {"turn": [1], "agent": ["ann"], "tokens": [1]})
    assert problems(path) == [f"usage.path: {path} lacks the columns thinking, output"]


def test_a_trace_without_rows_is_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEADER)
    assert problems(path) == [f"usage.path: {path} has no rows"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.csv"
    assert problems(path) == [f"usage.path: there is no file {path}"]
    assert problems(tmp_path) == [f"usage.path: there is no file {tmp_path}"]


@pytest.mark.parametrize("text", [HEADER.encode() + b"1,\xff\xfe,1,1\n", b"\x1f\x8b\x08\x00"])
def test_a_file_that_is_no_text_is_no_csv_file(tmp_path: Path, text: bytes) -> None:
    path = csv_file(tmp_path, text)
    (problem,) = problems(path)
    assert problem.startswith(f"usage.path: {path} is not a CSV file")


def test_a_damaged_parquet_file_is_no_parquet_file(tmp_path: Path) -> None:
    path = parquet_file(tmp_path, {"turn": [1], "agent": ["a"], "thinking": [1], "output": [1]})
    path.write_bytes(path.read_bytes()[:-8])
    (problem,) = problems(path)
    assert problem.startswith(f"usage.path: {path} is not a Parquet file: ")


def test_agents_that_are_not_in_the_world_are_named(tmp_path: Path) -> None:
    names = ["ann", "cid", "dan", "eve", "fay", "gus", "hal"]
    text = HEADER + "".join(f"1,{name},1,1\n" for name in names)
    trace = read_trace(csv_file(tmp_path, text))
    (problem,) = trace.problems(TWO, 1)
    assert "names agents that are not in the world: cid, dan, eve, fay, gus, ...; " in problem
    assert "agent_ids" in problem
