from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from sim_economy.core.actions import RECOGNISED
from sim_economy.reports.drawings import agent_figures, figures
from sim_economy.reports.drawings.drawing import Drawing

BALANCES = [[[10.0, 20.0], [5.0, -3.0], [0.0, -9.0]], [[10.0, 20.0], [7.0, 1.0], [2.0, -4.0]]]
FIGURES: dict[str, Callable[[], Drawing]] = {
    "balances": lambda: agent_figures.balances(BALANCES, ["ann", "bob"], (-4, "works below")),
    "bands": lambda: agent_figures.balances(
        [[[float(agent) for agent in range(20)]] * 3], [f"agent_{i}" for i in range(20)]
    ),
    "rent": lambda: figures.rent([[0, 5, 9], [0, 4, 8]], [[0, 1, 2]] * 2, [[0, 4, 7]] * 2),
    "tokens": lambda: figures.tokens([("genesis", 100), ("fees", -150)], "genesis", "at the end"),
    "lorenz": lambda: figures.lorenz([0, 0.5, 1], [[0, 0.2, 1], [0, 0.4, 1]], [0, 0.3, 1]),
    "actions": lambda: figures.actions({"mine": [1, 0.5], "job": [0, 0.25], "zap": [0, 0.25]}),
    "solvency": lambda: agent_figures.solvency(
        [[0, 0.5, 1], [0, 0, 0]], ["ann", "bob"], ["turn 2", "-"]
    ),
    "agreement": lambda: agent_figures.agreement(
        {"fees": ([1, 2, 3], [1, 2, 4]), "gini": ([1], [1])}
    ),
}


@pytest.fixture(params=FIGURES)
def figure(request: pytest.FixtureRequest) -> Callable[[], Drawing]:
    return FIGURES[request.param]


def test_a_figure_is_the_same_bytes_every_time(figure: Callable[[], Drawing]) -> None:
    assert figure() == figure()


def test_a_figure_is_well_formed_and_names_no_date_or_maker(
    figure: Callable[[], Drawing],
) -> None:
    text = figure().svg
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert "<title>" in text
    assert not re.search(r"<dc:date>|<dc:creator>|matplotlib\.org", text)
    assert "nan" not in text.lower()


def test_a_figure_does_not_depend_on_the_readers_settings(
    figure: Callable[[], Drawing],
) -> None:
    expected = figure()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path"}):
        assert figure() == expected
        assert mpl.rcParams["font.size"] == 30


def labels(text: str) -> set[str]:
    return set(re.findall(r"<text[^>]*>([^<]*)</text>", text))


def test_each_agent_has_a_panel_with_its_name() -> None:
    assert {"ann", "bob", "balance (tokens)", "turn", "works below"} <= labels(
        FIGURES["balances"]().svg
    )


def test_many_agents_share_one_panel() -> None:
    shown = labels(FIGURES["bands"]().svg)
    assert "median" in shown
    assert "agent_3" not in shown


def test_many_agents_are_drawn_by_group_each_on_its_own_scale() -> None:
    held = [[[1_000_000.0] * 5 + [float(agent) for agent in range(20)]] * 3]
    names = [f"agent_{index}" for index in range(25)]
    groups = {"rich": range(5), "poor": range(5, 25)}
    shown = labels(agent_figures.balances(held, names, groups=groups).svg)
    assert {"rich (5 agents)", "poor (20 agents)", "10"} <= shown


def test_one_giant_does_not_flatten_the_band_of_the_others() -> None:
    held = [[[float(agent) for agent in range(99)] + [1e9]] * 3]
    names = [f"agent_{index}" for index in range(100)]
    numerals = {label.replace(",", "") for label in labels(agent_figures.balances(held, names).svg)}
    assert max(int(numeral) for numeral in numerals if numeral.isdigit()) <= 200


def test_a_row_ends_with_what_is_said_of_its_agent() -> None:
    assert {"ann", "bob", "turn 2", "-"} <= labels(FIGURES["solvency"]().svg)


def test_a_figure_is_a_png_too(figure: Callable[[], Drawing]) -> None:
    assert figure().png.startswith(b"\x89PNG\r\n")


def test_the_waterfall_says_what_each_step_added() -> None:
    shown = labels(FIGURES["tokens"]().svg)
    assert {"100", "\u2212150", "\u221250"} <= shown


def test_the_ends_of_the_rent_curves_are_labelled() -> None:
    assert {"8.5", "2", "7", "kept by the platform (rent)"} <= labels(FIGURES["rent"]().svg)


def fills(text: str) -> set[str]:
    """Every colour that an area of a figure is filled with, but white."""
    return set(re.findall(r"fill: (#[0-9a-f]{6})", text)) - {"#ffffff"}


@pytest.mark.parametrize("count", [13, 16, 20])
def test_no_two_actions_and_no_two_groups_have_one_colour(count: int) -> None:
    names = [*RECOGNISED, *(f"action {index}" for index in range(count))][:count]
    drawn = figures.actions({name: [1 / count] for name in names})
    assert len(fills(drawn.svg)) >= count
    bars = figures.earnings({"miner": {f"reason {index}": 1.0 for index in range(count)}})
    assert len(fills(bars.svg)) >= count


def test_an_unknown_action_gets_a_colour_of_its_own() -> None:
    text = FIGURES["actions"]().svg
    assert {"mine", "job", "zap"} <= labels(text)
    assert len(set(re.findall(r"fill: (#[0-9a-f]{6})", text)) - {"#ffffff"}) >= 3


def test_signs_of_markup_stay_text() -> None:
    text = agent_figures.balances(BALANCES, ["$a_b$", "<b>&"]).svg
    assert {"$a_b$", "&lt;b&gt;&amp;"} <= labels(text)


@pytest.mark.parametrize("turns", [1, 2, 5000])
def test_long_and_short_runs_are_drawn_within_bounds(turns: int) -> None:
    table = [[float(turn % 7) for turn in range(turns + 1)]]
    assert len(figures.rent(table, table, table).svg) < 300_000
    assert len(figures.actions({"mine": [1.0] * turns}).svg) < 300_000
    assert len(agent_figures.balances([[[value] for value in table[0]]], ["only"]).svg) < 300_000
    shares = [[turn % 2 for turn in range(turns)]]
    assert len(agent_figures.solvency(shares, ["only"], ["never"]).svg) < 60_000


def test_a_thousand_agents_are_drawn() -> None:
    shares = [index / 1000 for index in range(1001)]
    drawn = figures.lorenz(shares, [shares] * 20, shares)
    assert len(drawn.svg) < 600_000
    held = [[[float(agent) for agent in range(1000)]] * 3] * 2
    assert (
        len(agent_figures.balances(held, [f"agent_{index}" for index in range(1000)]).svg) < 60_000
    )


@pytest.mark.parametrize("backend", ["module://not_there.backend_inline", "nonsense", "svg"])
def test_a_notebooks_backend_changes_nothing(backend: str) -> None:
    code = (
        "import os; from sim_economy.reports.drawings import figures\n"
        "print(len(figures.lorenz([0, 1], [[0, 1]], [0, 1]).svg) > 999, os.environ['MPLBACKEND'])\n"
        "import matplotlib; print(matplotlib.rcParams._get('backend'))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MPLBACKEND": backend},
        check=True,
        capture_output=True,
        text=True,
    )
    drawn, chosen = ended.stdout.splitlines()
    assert drawn == f"True {backend}"
    assert (chosen == "svg") is (backend == "svg")
