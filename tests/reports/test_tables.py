from __future__ import annotations

import pytest

from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.reports.tables import (
    PRINTED,
    Table,
    paper_tables,
    shown,
    table_markdown,
    text_figures,
)
from tests.reports.played import played

MINUS = "\u2212"


def tables(*changes: str, published: bool = False) -> dict[str, Table]:
    scenario, _, rows = played("as-run", *changes)
    return {table.name: table for table in paper_tables(scenario, rows, published=published)}


def test_the_tables_are_the_papers_four_and_the_figures_of_its_text() -> None:
    found = tables()
    assert list(found) == ["parameters", "per_run", "aggregates", "actions", "in_text"]
    assert len(found["parameters"].rows) == 17
    assert len(found["per_run"].rows) == 24
    assert len(found["aggregates"].rows) == 10
    assert [row[0] for row in found["actions"].rows] == [
        "mine", "stake", "unstake", "burn", "study", "job", "transfer",
    ]  # fmt: skip
    for table in found.values():
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_the_parameters_are_written_as_the_scenario_gives_them() -> None:
    values = {row[0]: row[1] for row in tables()["parameters"].rows}
    assert values["thinking_layer_discount"] == "0.1"
    assert values["block_threshold"] == "20.0"
    assert values["slash_both_on_timeout"] == "true"


def test_a_runs_row_holds_its_published_measures() -> None:
    assert tables()["per_run"].rows[0] == (
        1, -546, 24753, 55, 8, 0.2963671128107075, 0.18546845124282982, 260, 197,
    )  # fmt: skip


def test_the_aggregates_have_symmetric_intervals_around_their_means() -> None:
    name, mean, low, high, least, greatest = tables()["aggregates"].rows[1]
    assert name == "total fees"
    assert mean == pytest.approx(24314.0417, abs=1e-4)
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert isinstance(mean, float)
    assert (high - low) / 2 == pytest.approx(277.5519, abs=1e-4)
    assert (high + low) / 2 == pytest.approx(mean)
    assert (least, greatest) == (22700.0, 25615.0)


def test_the_shares_of_actions_add_up_to_all_agent_turns() -> None:
    shares = [row[-1] for row in tables()["actions"].rows]
    assert sum(share for share in shares if isinstance(share, float)) == pytest.approx(100)


def test_actions_without_a_column_are_counted_as_other() -> None:
    rows = tables('policy="idle"', "runs=2")["actions"].rows
    assert rows[-1] == ("other", 480.0, 480.0, 480.0, 480.0, 480.0, 100.0)


@pytest.mark.parametrize(
    ("figure", "digits"), [(name, len(text.partition(".")[2])) for name, text in PRINTED.items()]
)
def test_the_figures_of_the_text_come_out_as_the_paper_prints_them(
    figure: str, digits: int
) -> None:
    scenario, _, rows = played()
    value = text_figures(scenario, rows)[figure]
    assert value is not None
    signed = "-" if figure == "correlation of shifted Gini and fees" else ""
    assert number(value, digits) == (signed + PRINTED[figure]).replace("-", MINUS)


def test_the_papers_figures_are_shown_with_ours_only_for_its_own_experiment() -> None:
    assert tables(published=True)["in_text"].columns == ("figure", "value", "the paper prints")
    assert tables()["in_text"].columns == ("figure", "value")


def test_one_run_has_no_variation_and_no_correlation() -> None:
    scenario, _, rows = played("as-run", "runs=1")
    figures = text_figures(scenario, rows)
    assert figures["variation of fees (%)"] is None
    assert figures["correlation of shifted Gini and fees"] is None


def test_numbers_are_rounded_half_up_and_never_negative_zero() -> None:
    assert number(91.25, 1) == "91.3"
    assert number(-0.04, 1) == "0.0"
    assert number(-1234.5, 0) == f"{MINUS}1,235"
    assert number(1e16, 0) == "10,000,000,000,000,000"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"), (True, "true"), (-1287, f"{MINUS}1,287"), (-1287.0, f"{MINUS}1,287"),
        (24314.0417, "24,314.0"), (54.75, "54.75"), (0.3731, "0.373"), (0.0, "0"),
    ],
)  # fmt: skip
def test_a_value_is_shown_with_digits_by_its_size(value: float | None, text: str) -> None:
    assert shown(value) == text


def test_markdown_cannot_be_broken_by_what_a_table_holds() -> None:
    table = Table("t", "A <b>title</b>", ("a|b", "n"), (("x | _y_\n*z* `q` $m$ job_rule", 1),))
    lines = table_markdown(table).splitlines()
    assert lines[0] == r"**A \<b\>title\</b\>**"
    assert lines[2] == r"| a\|b | n |"
    assert lines[3] == "| --- | ---: |"
    assert lines[4] == r"| x \| \_y\_ \*z\* \`q\` \$m\$ job_rule | 1 |"
