"""Who pays what, who runs dry, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim_economy.core.errors import ScenarioError
from sim_economy.tariffs.bill_rows import BillRow
from sim_economy.tariffs.tariff_comparison import TariffComparison, compare_tariffs
from tests.whatif.logs import compared, march, written


def row(found: TariffComparison, tariff: str, agent: str = "", team: str = "") -> BillRow:
    level = "agent" if agent else "team" if team else "all"
    (own,) = [
        each
        for each in found.rows
        if (each.tariff, each.level) == (tariff, level)
        and agent in {"", each.agent}
        and team in {"", each.team}
    ]
    return own


USE = {(1, "red/ann"): 60, (1, "red/bob"): 10, (2, "red/ann"): 70, (4, "blue/cat"): 5}
MONTHLY = 'allowance = 100\nperiod = "month"\nwhen_empty = "{when_empty}"\n'


def test_fees_shares_and_changes_are_those_of_the_tariffs(tmp_path: Path) -> None:
    found = compared(tmp_path, USE, ["", "base_inference_rate = 2"])
    assert row(found, "A").fee == 145
    assert row(found, "B").fee == 290
    assert row(found, "B").change_percent == 100
    assert row(found, "A").change_percent is None
    assert row(found, "A", team="red").share_percent == pytest.approx(100 * 140 / 145)
    assert row(found, "B", agent="bob").fee == 20


def test_the_first_dry_turn_has_its_date_and_a_team_is_dry_when_one_agent_is(
    tmp_path: Path,
) -> None:
    found = compared(tmp_path, USE, [""], MONTHLY.format(when_empty="clip"))
    ann, red = row(found, "A", agent="ann"), row(found, "A", team="red")
    assert (ann.first_dry_turn, ann.first_dry_date, ann.turns_dry) == (2, "2026-03-02", 1)
    assert (ann.units_denied, ann.units_billed, ann.lowest_balance) == (30, 100, 0)
    assert (red.first_dry_turn, red.turns_dry, red.lowest_balance) == (2, 1, 90)
    assert row(found, "A", team="blue").first_dry_turn is None
    assert found.is_dry


def test_without_allowances_nobody_is_dry_and_that_is_said(tmp_path: Path) -> None:
    found = compared(tmp_path, USE)
    assert not found.is_dry
    assert {(own.turns_dry, own.lowest_balance) for own in found.rows} == {(0, None)}
    assert any("nobody has an allowance" in warning for warning in found.warnings)


def test_the_logs_own_cost_is_added_up_by_agent(tmp_path: Path) -> None:
    log = march(tmp_path / "log.csv", USE, cost="0.1")
    found = compare_tariffs(log, [written(tmp_path / "A.toml", "")])
    assert row(found, "A", agent="ann").plain["logged_cost"] == "0.2"
    assert row(found, "A").plain["logged_cost"] == "0.4"
    assert row(compared(tmp_path, USE), "A").logged_cost is None


def test_money_is_exact_and_changes_are_compared_in_it(tmp_path: Path) -> None:
    tariffs = [
        'currency = "EUR"\ntoken_price = 0.003',
        'currency = "EUR"\ntoken_price = 0.001\nbase_inference_rate = 2',
    ]
    found = compared(tmp_path, USE, tariffs)
    assert row(found, "A").plain["fee_money"] == "0.435"
    assert row(found, "B").plain["change_percent"] == pytest.approx(-33.33)


def test_allowances_in_money_are_worth_the_same_under_every_tariff(tmp_path: Path) -> None:
    tariffs = [
        'currency = "EUR"\ntoken_price = 0.01',
        'currency = "EUR"\ntoken_price = 0.1\n[units]\nper = 10',
    ]
    allowances = 'currency = "EUR"\nperiod = "month"\nwhen_empty = "clip"\n[teams]\nred = 1.205\n'
    found = compared(tmp_path, USE, tariffs, allowances)
    assert row(found, "A", agent="ann").units_billed == 120
    assert row(found, "B", agent="ann").units_billed == 12


def test_the_present_rate_is_projected_over_later_grants(tmp_path: Path) -> None:
    use = {(day, "ann"): 10 for day in range(1, 32)}
    enough = compared(tmp_path, use, [""], MONTHLY.format(when_empty="clip"))
    assert row(enough, "A", agent="ann").next_dry_date == "2026-04-11"
    ample = compared(tmp_path, use, [""], 'allowance = 310\nperiod = "month"\n')
    assert row(ample, "A", agent="ann").next_dry_date == ""


def test_turns_without_dates_are_named_by_their_number(tmp_path: Path) -> None:
    log = written(
        tmp_path / "log.csv",
        "turn,agent,thinking,output,calls,input\n1,ann,0,9,1,0\n3,ann,0,9,1,0\n",
    )
    allowances = written(tmp_path / "allowances.toml", "allowance = 10\nperiod_turns = 4\n")
    found = compare_tariffs(log, [written(tmp_path / "A.toml", "")], allowances)
    assert row(found, "A", agent="ann").first_dry_date == "3"
    with pytest.raises(ScenarioError, match="turns without dates"):
        compare_tariffs(log, [tmp_path / "A.toml"], allowances, start="2026-03-01")


def test_rows_after_the_end_are_left_out_and_days_without_use_are_turns(tmp_path: Path) -> None:
    short = compared(tmp_path, USE, end="2026-03-03")
    assert row(short, "A").fee == 140
    assert any("1 after turn 3" in warning for warning in short.warnings)
    assert compared(tmp_path, USE, start="2026-02-27", end="2026-03-31").log.turns == 33


_EURO = 'currency = "EUR"\ntoken_price = 0.01'


@pytest.mark.parametrize(
    ("tariff", "allowances", "complaint"),
    [
        ("rate = 1", None, "rate: unknown key"),
        ("[governance.fee_cap]\ncap_ratio = 1.5", None, "sim-economy experiment FILE"),
        ("", "[governance.debt_rails]", "a what-if plays no interventions"),
        ('prices = "x.toml"\n[units]\noutput = 1', None, "not both"),
        ('currency = "EUR"', None, "token_price"),
        ('currency = "EUR"\ntoken_price = 0', None, "token_price: must be above 0"),
        ("[units]\noutputs = 1", None, "units.outputs"),
        (_EURO, 'allowance = inf\nperiod = "month"\ncurrency = "EUR"', "amount of money"),
        (_EURO, 'allowance = "5"\nperiod = "month"\ncurrency = "EUR"', "amount of money"),
        (_EURO, 'allowance = -5\nperiod = "month"\ncurrency = "EUR"', "amount of money"),
        (_EURO, "[teams]\nred = true\n", "integer"),
        ('name = "a\u202eb"', None, "name: must be"),
        ("", "allowance = 5", "period_turns: is missing"),
        ("", 'allowance = 5\nperiod = "year"', "period"),
        ("", 'allowance = 5\nperiod = "month"\n[teams]\ngreen = 1', "no team green"),
        ("", 'period = "month"\n[allowances]\nzoe = 1', "no agent zoe"),
        ("", 'allowance = 5\nperiod = "month"\ncurrency = "EUR"', "currency"),
        ("", 'allowance = 5\nperiod = "month"\nallowence = 5', "unknown key"),
        ("", 'top_ups = [{date = 2025-01-01, agent = "ann", tokens = 1}]', "must be in a turn"),
    ],
)
def test_what_is_wrong_is_said_with_its_file(
    tmp_path: Path, tariff: str, allowances: str | None, complaint: str
) -> None:
    with pytest.raises(ScenarioError, match=complaint) as raised:
        compared(tmp_path, USE, [tariff], allowances)
    assert str(tmp_path) in str(raised.value)


def test_a_log_that_was_not_imported_is_refused_with_what_to_do(tmp_path: Path) -> None:
    log = written(tmp_path / "log.csv", "startTime,prompt_tokens\n")
    with pytest.raises(ScenarioError, match="import it: sim-economy usage"):
        compare_tariffs(log, [written(tmp_path / "A.toml", "")])


def test_two_tariffs_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="two are named X"):
        compared(tmp_path, USE, ['name = "X"', 'name = "X"'])


def test_a_tariff_may_be_a_list_of_prices(tmp_path: Path) -> None:
    log = march(tmp_path / "log.csv", USE)
    prices = '{"m": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}'
    found = compare_tariffs(log, [written(tmp_path / "list.json", prices)])
    assert row(found, "list").fee == 290
    assert row(found, "list").plain["fee_money"] == "0.00029"


def test_a_token_of_prices_grows_until_the_log_and_the_allowances_fit(tmp_path: Path) -> None:
    prices = 'currency = "USD"\n[m]\ninput = 1\noutput = 900000\n'
    (tmp_path / "prices.toml").write_text(prices, encoding="utf-8")
    found = compared(tmp_path, {(1, "ann"): 60_000}, ['prices = "prices.toml"'])
    assert row(found, "A").plain["fee_money"] == "54000"
    assert found.played[0].run.tariff.units.per == 100
