from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from sim_economy.core.errors import FolderError, ScenarioError
from sim_economy.reports.drawings.map_figures import CLASS_COLOURS, MapPanel, class_maps
from sim_economy.reports.maps.border_causes import Axis, borders_of
from sim_economy.reports.maps.border_sentences import border_sentence, border_summary
from sim_economy.reports.maps.map_report import (
    border_answers,
    map_answer,
    map_report,
    write_map,
)
from sim_economy.reports.maps.map_sentences import map_of_sweeps, read_map, window_sentence
from sim_economy.reports.maps.marked_world import MarkedWorld
from sim_economy.reports.maps.solvency_cells import Facet, Solvency, facets_of, solvency_of
from sim_economy.reports.maps.solvency_window import WindowSpan, window_of
from sim_economy.reports.page.document import plain
from sim_economy.reports.page.html import html_page
from sim_economy.reports.sweep_files import read_sweep
from tests.reports.swept_rows import ACROSS, UP, made_up_rows, played_rows, write_sweep_folder

TARIFFS = (0.5, 1.0, 1.5, 2.0)
CAUTIONS = (-180, 0, 120, 240, 360)


def by_rule(tariff: float, caution: int, replicate: int) -> tuple[float, int]:
    """Agents are insolvent below a line, the platform above one; nobody is in between."""
    below = 30.0 if caution < 100 * tariff else 1.0
    return below + replicate / 10, -500 if caution > 340 - 60 * tariff else 900


def facet(frame: pl.DataFrame | None = None) -> Facet:
    frame = made_up_rows(TARIFFS, CAUTIONS, by_rule) if frame is None else frame
    (found,) = facets_of(frame, ACROSS, UP, folder="out/map/turns-60", agents=8)
    return found


@pytest.mark.parametrize(
    ("percent", "platform", "who"),
    [
        (0, 0, Solvency.WINDOW),
        (4.999, 0, Solvency.WINDOW),
        (5.0, 0, Solvency.AGENTS),
        (4.9999999999, 0, Solvency.AGENTS),
        (5.0, -0.001, Solvency.BOTH),
        (4.9, -0.001, Solvency.PLATFORM),
    ],
)
def test_five_percent_of_agent_turns_and_a_platform_below_zero_decide(
    percent: float, platform: float, who: Solvency
) -> None:
    assert solvency_of(percent, platform) is who


def test_cells_are_where_their_values_are_whatever_the_order_of_the_rows() -> None:
    frame = made_up_rows(TARIFFS, CAUTIONS, by_rule)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=4)
    for found in (facet(frame), facet(shuffled)):
        assert (found.across, found.up) == ([*TARIFFS], [*CAUTIONS])
        for row, caution in enumerate(CAUTIONS):
            for column, tariff in enumerate(TARIFFS):
                cell = found.cells[row][column]
                assert (cell.across, cell.up) == (tariff, caution)
                percent = sum(by_rule(tariff, caution, each)[0] for each in range(1, 5)) / 4
                assert cell.insolvent_percent == pytest.approx(percent)


def test_a_cells_row_is_one_of_its_own_runs_that_agrees_with_it() -> None:
    def wavering(tariff: float, caution: int, replicate: int) -> tuple[float, int]:
        percent, platform = by_rule(tariff, caution, replicate)
        return (percent, platform) if replicate > 2 else (99.0 - percent, platform)

    frame = made_up_rows(TARIFFS, CAUTIONS, wavering, replicates=9)
    for cell in facet(frame).flat():
        row = frame.row(cell.row, named=True)
        assert (row[ACROSS], row[UP]) == (cell.across, cell.up)
        assert solvency_of(row["insolvent_percent"], row["platform_final"]) is cell.solvency
        own = frame.filter((pl.col(ACROSS) == cell.across) & (pl.col(UP) == cell.up))
        numbers = own.select("insolvent_percent", "platform_final").iter_rows()
        agreeing = [solvency_of(*each) is cell.solvency for each in numbers]
        assert cell.agreement == pytest.approx(sum(agreeing) / 9)


def test_a_failed_run_counts_nowhere_and_is_reported() -> None:
    frame = made_up_rows(TARIFFS, CAUTIONS, by_rule)
    damaged = frame.with_columns(
        pl.when(pl.col("replicate") == 2)
        .then(pl.lit("failed"))
        .otherwise("status")
        .alias("status"),
        pl.when(pl.col("replicate") == 2)
        .then(pl.lit(1e6))
        .otherwise("insolvent_percent")
        .alias("insolvent_percent"),
    )
    found = facet(damaged)
    assert found.failed == len(TARIFFS) * len(CAUTIONS)
    assert {cell.runs for cell in found.flat()} == {3}
    assert [cell.solvency for cell in found.flat()] == [cell.solvency for cell in facet().flat()]


def test_a_cell_is_within_noise_exactly_if_its_interval_covers_a_threshold() -> None:
    def outcome(tariff: float, caution: int, replicate: int) -> tuple[float, int]:
        swing = 4.0 if caution == 0 else 0.5
        return (4.0 + swing * (-1) ** replicate, 900)

    cells = facet(made_up_rows(TARIFFS, CAUTIONS, outcome, replicates=8)).flat()
    assert {cell.is_noisy for cell in cells if cell.up == 0} == {True}
    assert {cell.is_noisy for cell in cells if cell.up != 0} == {False}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda frame: frame.drop("platform_final"), "the rows have no column platform_final"),
        (lambda frame: frame.drop("turns"), "the rows have no column turns"),
        (lambda frame: frame.filter(pl.col("point") > 0), "1 of 20 cells have no run"),
        (lambda frame: frame.clear(), "there are no rows"),
        (
            lambda frame: frame.with_columns(pl.lit("miners").alias(UP)),
            f"{UP}: an axis of a map is numeric",
        ),
    ],
)
def test_rows_that_are_no_map_are_refused_with_the_reason(change: object, problem: str) -> None:
    assert callable(change)
    with pytest.raises(ScenarioError, match=re.escape(problem)):
        facet(change(made_up_rows(TARIFFS, CAUTIONS, by_rule)))


def test_the_window_is_counted_and_its_border_named_by_tariff() -> None:
    window = window_of(facet())
    assert (window.cells, window.plane, window.share) == (5, 20, 0.25)
    assert dict(window.spans) == {
        0.5: [WindowSpan(120, 240)],
        1.0: [WindowSpan(120, 240)],
        1.5: [WindowSpan(240, 240)],
        2.0: [],
    }
    assert (window.closes, window.closes_interval, window.is_open) == (1.5, (1.5, 2.0), False)
    assert window.share_interval == (0.25, 0.25)
    assert window.agreement_least == 1


def test_the_interval_of_the_share_draws_the_same_seeds_for_all_cells() -> None:
    def by_seed(tariff: float, caution: int, replicate: int) -> tuple[float, int]:
        return (9.0 if replicate <= 2 else 0.0), 900

    low, high = window_of(facet(made_up_rows(TARIFFS, CAUTIONS, by_seed))).share_interval
    assert (low, high) == (0, 1)


def test_a_map_without_a_window_says_so() -> None:
    frame = made_up_rows(TARIFFS, CAUTIONS, lambda *_: (50.0, -3))
    found = read_map([facet(frame)], ACROSS, UP)
    assert found.planes[0].window.closes is None
    assert map_answer(found) == (
        "After 60 turns agents and platform are nowhere both solvent in the plane (tariff 0.5 to "
        "2, caution \u2212180 to 360); in the paper's world both are insolvent."
    )
    assert "no cell of 20 is in the window" in window_sentence(found, found.planes[0])
    assert html_page(map_report(found))


def test_the_answer_names_share_closing_tariff_and_marked_world() -> None:
    def closing(tariff: float, caution: int, replicate: int) -> tuple[float, int]:
        return (0.0 if tariff < 1.2 and caution > 0 else 9.0), 900

    found = read_map([facet(made_up_rows(TARIFFS, CAUTIONS, closing))], ACROSS, UP)
    assert map_answer(found) == (
        "After 60 turns agents and platform are both solvent in 30.0 % of the plane (tariff 0.5 to "
        "2, caution \u2212180 to 360), for tariff 0.5 to 1 (at 1, caution 120 to 360); in the "
        "paper's world agents are insolvent."
    )


def played_facet() -> Facet:
    """A plane that the core plays: the tariff across, free units up."""
    points = [
        {"base_inference_rate": rate, "commons_threshold_per_turn": free}
        for rate in (0.5, 2.0)
        for free in (0, 150, 300)
    ]
    (found,) = facets_of(
        played_rows(points),
        "base_inference_rate",
        "commons_threshold_per_turn",
        turns=12,
        agents=8,
    )
    return found


def test_flows_of_played_worlds_add_up_to_what_the_platform_and_agents_have() -> None:
    for cell in played_facet().flat():
        own, agent_turns = cell.flows, 8 * 12
        paid = own["job_credits_total"] + own["relief_total"] + own["bonuses_total"]
        kept = own["fees_total"] - own["dividends_total"] - paid
        assert kept * agent_turns == pytest.approx(cell.platform_final)


def test_a_border_compares_neighbours_and_names_the_posting_that_changes_most() -> None:
    plane = played_facet()
    assert {cell.solvency for cell in plane.flat()} == {Solvency.WINDOW, Solvency.AGENTS}
    (border,) = borders_of(plane)
    assert border.beyond is Solvency.AGENTS
    inside = [cell for cell in plane.flat() if cell.solvency is Solvency.WINDOW]
    fees = next(flow for flow in border.flows if flow.posting == "fees")
    assert border.flows[0] is fees
    assert fees.inside < 0
    assert fees.outside < fees.inside
    assert -fees.inside <= max(cell.flows["fees_total"] for cell in inside)
    sentence = border_sentence(border, "base_inference_rate", "commons_threshold_per_turn")
    assert "The posting that changes most to the agents' harm is `inference_fee`" in sentence
    assert f"from {border.insolvent[0]:.1f} % to {border.insolvent[1]:.1f} %" in sentence


def test_the_platforms_border_says_whether_its_net_changes_sign() -> None:
    frame = made_up_rows((1.0,), (0, 100), lambda _, caution, __: (0.0, 900 - 18 * caution))
    moved = pl.when(pl.col(UP) == 100)
    frame = frame.with_columns(moved.then(6000).otherwise(2400).alias("job_credits_total"))
    plane = facet(frame)
    (border,) = borders_of(plane)
    assert (border.beyond, border.is_above) == (Solvency.PLATFORM, True)
    assert border.net == pytest.approx(((4800 - 2400 - 400) / 480, (4800 - 6000 - 400) / 480))
    sentence = border_sentence(border, ACROSS, UP)
    assert "The posting that changes most to the platform's harm is `job_credit`" in sentence
    assert "changes sign, from +4.17 to \u22123.33 tokens" in sentence


def crossed_facet(across: str = ACROSS, up: str = UP) -> Facet:
    """A plane whose second axis decides nothing: neighbours across the border differ in tariff."""
    frame = made_up_rows((0.2, 0.4, 0.6), (0, 1, 2), lambda tariff, *_: (40 * (tariff > 0.5), 900))
    moved = pl.when(pl.col(ACROSS) > 0.5)
    frame = frame.with_columns(
        moved.then(9600).otherwise(4800).alias("fees_total"),
        moved.then(6720).otherwise(2400).alias("job_credits_total"),
        moved.then(240).otherwise(120).alias("actions_job"),
        (pl.col(UP) / 200).alias(UP),
    ).rename({ACROSS: across, UP: up})
    (found,) = facets_of(frame, across, up, agents=8)
    return found


def test_a_border_names_the_axis_that_neighbours_across_it_differ_in() -> None:
    key = "interest_rate_per_turn"
    plane = crossed_facet(ACROSS, key)
    (border,) = borders_of(plane)
    assert (border.crossed, border.is_above, border.compared) == (Axis.ACROSS, True, 3)
    assert border.values == pytest.approx((0.4, 0.6))
    sentence = border_sentence(border, ACROSS, key)
    assert sentence.startswith("**Towards higher tariff agents are insolvent.** Compared are 3 ")
    assert "differ in tariff alone: on average 0.4 inside and 0.6 beyond" in sentence
    assert key not in sentence
    ((turns, summary),) = border_answers(read_map([plane], ACROSS, key))
    assert turns == 60
    assert "the posting that changes most to that is inference_fee, \u221210.00" in summary


def test_fees_and_job_credits_that_nearly_cancel_are_given_with_what_they_leave() -> None:
    (border,) = borders_of(crossed_facet())
    sentence = border_sentence(border, ACROSS, UP)
    assert "`job_credit` makes up for 90 % of it, by +9.00, which leaves \u22121.00." in sentence
    assert "jobs are 50 % of agent-turns (25 % inside)" in sentence


def test_each_side_of_a_window_is_a_border_of_its_own() -> None:
    frame = made_up_rows((1.0,), (0, 1, 2), lambda _, caution, __: (40 * (caution != 1), 900))
    borders = borders_of(facet(frame))
    assert [border.is_above for border in borders] == [False, True]
    assert [border_summary(border, ACROSS, UP).partition(" agents")[0] for border in borders] == [
        "Towards lower caution (1 inside, 0 beyond)",
        "Towards higher caution (1 inside, 2 beyond)",
    ]


def test_rates_keep_the_digits_that_tell_them_apart() -> None:
    key = "interest_rate_per_turn"
    found = read_map([crossed_facet(ACROSS, key)], ACROSS, key)
    ticks = re.findall(r">(0\.0\d+)</text>", html_page(map_report(found)))
    assert {"0.005", "0.01"} <= {*ticks}
    assert f"{key} may be: 0 to 0.01 at 0.2" in window_sentence(found, found.planes[0])
    assert f"{key} 0 to 0.01" in map_answer(found)


def test_the_window_closes_between_two_values_of_the_grid() -> None:
    def by_seed(tariff: float, caution: int, replicate: int) -> tuple[float, int]:
        return (9.0 if tariff > 1.6 or (tariff > 1.2 and replicate == 1) else 0.0), 900

    found = read_map([facet(made_up_rows(TARIFFS, CAUTIONS, by_seed))], ACROSS, UP)
    window = found.planes[0].window
    assert (window.closes, window.next_value, window.closes_interval) == (1.5, 2.0, (1.0, 2.0))
    said = "It closes between tariff 1.5 and 2, a step of the grid (other seeds: from 1 up to 2"
    assert said in window_sentence(found, found.planes[0])


def test_the_papers_world_is_marked_on_its_own_axes_alone() -> None:
    key = "interest_rate_per_turn"
    own = read_map([facet()], ACROSS, UP)
    other = read_map([crossed_facet(ACROSS, key)], ACROSS, key)
    turned = facets_of(made_up_rows(TARIFFS, CAUTIONS, by_rule), UP, ACROSS, agents=8)
    (plane,) = read_map(turned, UP, ACROSS).planes
    assert plane.marked is not None
    assert (plane.marked.across, plane.marked.up) == (-180, 1)
    for found, said in (
        (own, "Marked: the paper's world."),
        (other, "Nothing is marked: the paper's world is no cell of this plane."),
    ):
        assert said in str(map_report(found).provenance[0].blocks[1])


def test_a_sweep_of_another_world_than_the_papers_marks_nothing(tmp_path: Path) -> None:
    frame = made_up_rows(TARIFFS, CAUTIONS, by_rule)
    marked = []
    for rate in ("0.01", "0.05"):
        folder = write_sweep_folder(tmp_path / rate, frame, ["turns", UP, ACROSS])
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        manifest["settings"]["scenario"]["world"]["interest_rate_per_turn"] = rate
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        marked.append(map_of_sweeps([read_sweep(folder)], ACROSS, UP).planes[0].marked is not None)
    assert marked == [True, False]


def test_a_sweep_of_another_design_is_refused_with_what_to_do(tmp_path: Path) -> None:
    frame = made_up_rows(TARIFFS, CAUTIONS, by_rule)
    folder = write_sweep_folder(tmp_path / "a", frame, ["turns", UP, ACROSS], "sobol")
    with pytest.raises(ScenarioError, match=r'design = "grid" .*`sim-economy sensitivity`'):
        map_of_sweeps([read_sweep(folder)], ACROSS, UP)


def test_a_sweep_without_flows_has_a_map_without_causes() -> None:
    plane = facet(made_up_rows(TARIFFS, CAUTIONS, by_rule).drop("job_credits_total"))
    assert borders_of(plane) == []
    titles = [part.title for part in map_report(read_map([plane], ACROSS, UP)).evidence]
    assert "Why each border is where it is" not in titles


def test_the_files_hold_every_cell_and_the_page_every_command(tmp_path: Path) -> None:
    found = read_map([facet()], ACROSS, UP)
    written = write_map(tmp_path, found)
    assert written[-1] == tmp_path / "map.html"
    for name in ("map.md", "figures/map.svg", "figures/map.png", "figures/map.csv"):
        assert (tmp_path / name).stat().st_size > 0
    rows = [*csv.DictReader(io.StringIO((tmp_path / "figures/map.csv").read_text("utf-8")))]
    assert len(rows) == 20
    assert {row["insolvent"] for row in rows} <= {str(each) for each in Solvency}
    page = written[-1].read_text("utf-8")
    maps = json.loads(re.search(r"const maps = (\{.*\});\n", page)[1])  # type: ignore[index]
    assert maps["planes"][0]["rows"] == [cell.row for cell in facet().flat()]
    assert maps["planes"][0]["folder"] == "out/map/turns-60"


def test_a_folder_with_a_hostile_name_becomes_neither_script_nor_command() -> None:
    plane = facets_of(
        made_up_rows(TARIFFS, CAUTIONS, by_rule), ACROSS, UP, folder="a</script>;rm b", agents=8
    )
    page = html_page(map_report(read_map(plane, ACROSS, UP)))
    assert page.count("</script>") == 1
    assert r"'a\u003c/script>;rm b'" in page


def test_two_sweeps_are_two_horizons_and_one_horizon_twice_is_refused(tmp_path: Path) -> None:
    frame = made_up_rows(TARIFFS, CAUTIONS, by_rule)
    folders = [
        write_sweep_folder(tmp_path / str(turns), frame.drop("turns"), [UP, ACROSS], turns=turns)
        for turns in (1500, 60)
    ]
    sweeps = [read_sweep(folder) for folder in folders]
    found = map_of_sweeps(sweeps, ACROSS, UP)
    assert [plane.facet.turns for plane in found.planes] == [60, 1500]
    assert found.planes[0].facet.folder == folders[1].as_posix()
    with pytest.raises(ScenarioError, match="turns: 60 are in more than one sweep"):
        map_of_sweeps([sweeps[1], sweeps[1]], ACROSS, UP)


def test_a_sweep_with_a_third_axis_is_refused(tmp_path: Path) -> None:
    frame = made_up_rows(TARIFFS, CAUTIONS, by_rule).with_columns(pl.lit(3).alias("study_cost"))
    folder = write_sweep_folder(tmp_path / "a", frame, ["turns", UP, ACROSS, "study_cost"])
    with pytest.raises(ScenarioError, match="varies study_cost too"):
        map_of_sweeps([read_sweep(folder)], ACROSS, UP)


def test_a_folder_that_holds_no_finished_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="holds no sweep"):
        read_sweep(tmp_path)
    frame = made_up_rows(TARIFFS, CAUTIONS, by_rule)
    folder = write_sweep_folder(tmp_path / "a", frame, ["turns", UP, ACROSS], finished=False)
    with pytest.raises(FolderError, match="the sweep is not finished"):
        read_sweep(folder)


def test_a_mark_outside_the_plane_marks_nothing() -> None:
    found = read_map([facet()], ACROSS, UP, MarkedWorld(9.0, 9.0, "elsewhere"))
    assert found.planes[0].marked is None
    assert "elsewhere" not in map_answer(found)


def test_every_number_of_the_markdown_links_to_a_row_there_is(tmp_path: Path) -> None:
    write_map(tmp_path, read_map([facet()], ACROSS, UP))
    text = (tmp_path / "map.md").read_text("utf-8")
    (link,) = re.findall(r"\]\(tables/horizons\.csv#([^)]*)\)", text.split("\n\n")[1])
    row, column = link.split("/")
    rows = [*csv.DictReader(io.StringIO((tmp_path / "tables/horizons.csv").read_text("utf-8")))]
    assert rows[0]["turns"] == row
    assert column.replace("%20", " ").replace("%25", "%") in rows[0]
    assert plain(text.split("\n\n")[1]) == map_answer(read_map([facet()], ACROSS, UP))


# Drawings


def panel(**changes: object) -> MapPanel:
    classes = [[1, 1, 2], [0, 0, 2], [3, 3, 3]]
    values = {"title": "a", "across": [1, 2, 3], "up": [1, 2, 3], "classes": classes, **changes}
    return MapPanel(**values)  # type: ignore[arg-type]


def test_a_panels_box_is_where_its_cells_are_drawn() -> None:
    drawn = class_maps([panel(), panel()], ["a", "b", "c", "d"], ("x", "y"))
    width, height = map(float, re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn.drawing.svg)[0])
    fills = "|".join(CLASS_COLOURS)
    cells = re.findall(
        rf'<path d="([^"]*)" clip-path="[^"]*" style="fill: (?:{fills})"', drawn.drawing.svg
    )
    numbers = [float(each) for path in cells for each in re.findall(r"-?[\d.]+", path)]
    corners = [*zip(numbers[::2], numbers[1::2], strict=True)]
    left = min(x for x, _ in corners) / width
    right = max(x for x, _ in corners) / width
    top, bottom = (pick(y for _, y in corners) / height for pick in (min, max))
    first, second = drawn.boxes
    assert [first.left, second.right] == pytest.approx([left, right], abs=1e-3)
    assert [first.top, first.bottom] == pytest.approx([top, bottom], abs=1e-3)
    assert first.right < second.left


def test_the_same_map_is_drawn_in_the_same_bytes() -> None:
    one, other = (class_maps([panel()], ["a", "b", "c", "d"], ("x", "y")) for _ in range(2))
    assert one == other


DEUTERANOPIA = (
    (0.367322, 0.860646, -0.227968),
    (0.280085, 0.672501, 0.047413),
    (-0.011820, 0.042940, 0.968881),
)
PROTANOPIA = (
    (0.152286, 1.052583, -0.204868),
    (0.114503, 0.786281, 0.099216),
    (-0.003882, -0.048116, 1.051998),
)
"""Source: doi:10.1109/TVCG.2009.113, severity 1."""


@pytest.mark.parametrize("seeing", [DEUTERANOPIA, PROTANOPIA], ids=["deuteranopia", "protanopia"])
def test_classes_are_told_apart_by_readers_who_see_no_red_or_no_green(
    seeing: tuple[tuple[float, ...], ...],
) -> None:
    seen = []
    for colour in CLASS_COLOURS:
        srgb = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
        linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
        seen.append(lab(np.clip(np.array(seeing) @ linear, 0, 1)))
    gaps = [
        float(np.linalg.norm(one - other))
        for index, one in enumerate(seen)
        for other in seen[index + 1 :]
    ]
    assert min(gaps) > 20


def lab(linear: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """CIE L*a*b* of linear sRGB."""
    matrix = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    ratio = matrix @ linear / np.array([0.95047, 1.0, 1.08883])
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
