"""The shipped sample of a provider's clients: dates against a plain program of its own."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from sim_economy.tariffs.tariff_comparison import compare_tariffs
from sim_economy.usage.intake import ImportOptions
from sim_economy.usage.usage_import import write_usage
from tests.usage.raw_logs import SAMPLES
from tests.whatif.logs import written

SAMPLE = SAMPLES / "servegen_m-large_daily.csv"
COLUMNS = {
    "turn": "day",
    "agent": "client",
    "calls": "requests",
    "input": "input_tokens",
    "output": "output_tokens",
}


def plain_dates(when_empty: str, allowance: int) -> dict[str, int]:
    """The first dry day of each client: a unit is a thousand tokens, output counts fourfold."""
    used: dict[str, dict[int, int]] = defaultdict(dict)
    with SAMPLE.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            tokens = int(row["input_tokens"]) + 4 * int(row["output_tokens"])
            used[row["client"]][int(row["day"])] = tokens // 1000
    dry: dict[str, int] = {}
    for client, by_day in used.items():
        left = 0
        for day in range(1, 15):
            if day in {1, 8}:
                left = min(left, 500) + allowance
            wanted = by_day.get(day, 0)
            if when_empty == "stop":
                short = wanted > left or (left <= 0 and wanted > 0)
                left -= wanted if left > 0 else 0
            else:
                short = wanted > left
                left -= min(wanted, left)
            if short:
                dry.setdefault(client, day)
    return dry


@pytest.mark.parametrize("when_empty", ["stop", "clip"])
@pytest.mark.parametrize("allowance", [20_000, 200_000, 2_000_000])
def test_clients_run_dry_on_the_days_of_a_plain_program(
    tmp_path: Path, when_empty: str, allowance: int
) -> None:
    log = tmp_path / "usage.parquet"
    write_usage([SAMPLE], log, ImportOptions(columns=COLUMNS))
    tariff = written(tmp_path / "A.toml", "[units]\nper = 1000\ninput = 1\noutput = 4\n")
    allowances = written(
        tmp_path / "allowances.toml",
        f"allowance = {allowance}\nperiod_turns = 7\ncarryover_max = 500\n"
        f'when_empty = "{when_empty}"\n',
    )
    found = compare_tariffs(log, [tariff], allowances)
    dry = {
        row.agent: row.first_dry_turn
        for row in found.rows
        if row.level == "agent" and row.first_dry_turn
    }
    assert dry == plain_dates(when_empty, allowance)
    assert dry
