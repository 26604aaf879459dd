"""What a month costs does not depend on the length of a turn."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from sim_economy.core.rules.usage_fees import fee
from sim_economy.core.world_config import WorldConfig
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import Scenario, load_scenario
from tests.usage.logs import csv_log, log_row

LENGTHS: Final = ("1d", "1h", "10m")
WORLD: Final = """
[world]
agent_ids = "from usage"
commons_threshold_per_turn = 0
interest_rate_per_turn = 0
"""


def rows_of(cells: list[Any]) -> list[dict[str, Any]]:
    return [
        log_row(
            f"2026-03-{28 + minute // 1440}T{minute % 1440 // 60:02}:{minute % 60:02}:00Z", agent,
            input=fresh, thinking=thinking, output=output,
        )
        for minute, agent, fresh, thinking, output in cells
    ]  # fmt: skip


def scenarios(cells: list[Any], text: str) -> list[Scenario]:
    with TemporaryDirectory() as folder:
        csv_log(Path(folder) / "log.csv", rows_of(cells))
        path = Path(folder) / "s.toml"
        path.write_text(
            f'policy = "idle"\nruns = 1\n[usage]\nsource = "trace"\npath = "log.csv"\n{text}'
        )
        zone = {"usage.timezone": "Europe/Berlin"}
        return [load_scenario(path, {**zone, "usage.turn_length": length}) for length in LENGTHS]


TOKENS: Final = st.integers(0, 10**6)
CELLS: Final = st.lists(
    st.tuples(st.integers(0, 3 * 1440), st.sampled_from("ab"), TOKENS, TOKENS, TOKENS),
    min_size=1, max_size=25,
)  # fmt: skip


@settings(max_examples=5, deadline=None)
@given(CELLS, st.integers(0, 9), st.integers(0, 9))
def test_with_whole_numbers_fees_are_the_same_to_the_token(
    cells: list[Any], weight: int, rate: int
) -> None:
    text = f"[usage.units]\ninput = {weight}\nthinking = 3\noutput = 5\n{WORLD}"
    text += f"base_inference_rate = {rate}\nthinking_layer_discount = 1\n"
    played = [play_run(scenario, 1) for scenario in scenarios(cells, text)]
    fees = [[sum(turn) for turn in zip(*run.series.balances[-1:], strict=True)] for run in played]
    assert fees[0] == fees[1] == fees[2]
    billed = sum(weight * fresh + 3 * thought + 5 * out for _, _, fresh, thought, out in cells)
    agents = len(fees[0])
    assert sum(fees[0]) == 1000 * agents - rate * billed


def fees_of(scenario: Scenario) -> tuple[dict[str, int], dict[str, int]]:
    """What each agent pays by the rules, and its agent-turns with use."""
    config: WorldConfig = scenario.config
    fees = dict.fromkeys(config.agent_ids, 0)
    used = dict.fromkeys(config.agent_ids, 0)
    for row in scenario.usage.turns(config):
        for agent_id, (thinking, output) in zip(config.agent_ids, row, strict=True):
            fees[agent_id] += fee(thinking, output, 0, config)
    for agents in scenario.usage.rows.values():  # type: ignore[attr-defined]
        for agent_id in agents:
            used[agent_id] += 1
    return fees, used


@settings(max_examples=30, deadline=None)
@given(
    CELLS,
    st.integers(0, 3 * 10**6),
    st.integers(1, 5000),
    st.integers(0, 5 * 10**6),
    st.integers(0, 10**6),
)
def test_with_fractions_fees_differ_by_less_than_3_rates_and_a_token_for_each_agent_turn_with_use(
    cells: list[Any], weight: int, per: int, rate: int, discount: int
) -> None:
    text = f"[usage.units]\ninput = {Decimal(weight).scaleb(-6):f}\nper = {per}\n{WORLD}"
    text += f"base_inference_rate = {Decimal(rate).scaleb(-6):f}\n"
    text += f"thinking_layer_discount = {Decimal(discount).scaleb(-6):f}\n"
    found = [fees_of(scenario) for scenario in scenarios(cells, text)]
    for fees, used in found:
        for other, further in found:
            for agent_id, paid in fees.items():
                turns = max(used[agent_id], further[agent_id])
                allowed = (3 * Fraction(rate, 10**6) + 1) * turns
                assert abs(paid - other[agent_id]) < allowed


def test_parameters_that_are_counted_by_turn_are_warned_of() -> None:
    cells = [(0, "a", 1, 1, 1), (2 * 1440, "a", 1, 1, 1)]
    text = "[usage.units]\ninput = 1\n[world]\nagent_ids = 'from usage'\n"
    text += "commons_threshold_per_turn = 100\ninterest_rate_per_turn = 0.01\n"
    days, _, short = scenarios(cells, text)
    free = "100 free units a turn of {} come to {} a day for each agent"
    assert any(free.format("1d", "100") in said for said in days.usage_warnings)
    assert any(free.format("10m", "14,400") in said for said in short.usage_warnings)
    interest = "interest of 1 % a turn of 10m makes a debt "
    assert any(interest in said for said in short.usage_warnings)
    assert not any("interest" in said for said in days.usage_warnings)
