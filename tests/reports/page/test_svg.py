from __future__ import annotations

import re
from itertools import islice
from typing import Final
from xml.etree import ElementTree

import pytest

from sim_economy.ledger.readers.plain_text import visible
from sim_economy.reports.drawings.colours import PAPER, THEMED, contrast, theme_css, unlike
from sim_economy.reports.page.svg import inline_svg
from tests.reports.page.examples import DRAWN, drawn, hostile

COLOUR: Final = re.compile(r"#[0-9a-f]{6}\b")


def variables(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", css))


LIGHT, DARK = map(variables, theme_css().split("@media"))
NIGHT: Final = DARK["paper"]


@pytest.mark.parametrize("name", DRAWN)
def test_every_colour_of_a_drawing_is_themed_or_can_be_seen_on_a_dark_page(name: str) -> None:
    left = set(COLOUR.findall(inline_svg(drawn(name).svg, name, "f.")))
    assert not left & set(THEMED)
    assert {colour for colour in left if contrast(colour, NIGHT) < 3} == set()


def test_colours_beyond_the_palette_can_be_seen_in_the_light_and_in_the_dark() -> None:
    for colour in islice(unlike(()), 24):
        assert contrast(colour, NIGHT) >= 3
        assert contrast(colour, PAPER) >= 2


def test_contrast_is_that_of_the_web_content_accessibility_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")


def test_every_theme_has_every_colour_once() -> None:
    assert LIGHT.keys() == DARK.keys() == set(THEMED.values())
    assert len(set(LIGHT.values())) == len(LIGHT)
    assert len(set(DARK.values())) == len(DARK)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "soft"])
@pytest.mark.parametrize("letters", ["ink", "muted", "link"])
def test_letters_stand_out_from_the_page(theme: dict[str, str], ground: str, letters: str) -> None:
    assert contrast(theme[letters], theme[ground]) >= 4.5


def test_shapes_stand_out_from_a_dark_page() -> None:
    lines = {"paper", "soft", "grid", "line"}
    faint = [name for name in DARK.keys() - lines if contrast(DARK[name], NIGHT) < 3]
    assert faint == []


def texts(drawing: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(drawing).iter() if _is_text(each)]


def _is_text(element: ElementTree.Element) -> bool:
    return element.tag.rpartition("}")[2] == "text"


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawing_in_a_page_has_the_letters_of_its_file_and_no_more(name: str) -> None:
    own = drawn(name, hostile).svg
    page = inline_svg(own, name, "f.")
    assert texts(page) == texts(own)
    tags = {each.tag for each in ElementTree.fromstring(page).iter()}
    assert tags <= {"svg", "g", "path", "text", "use", "defs", "clipPath", "rect"}


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawing_needs_no_style_and_no_namespace(name: str) -> None:
    page = inline_svg(drawn(name).svg, name, "f.")
    names = {key for each in ElementTree.fromstring(page).iter() for key in each.attrib}
    assert not names & {"style", "class", "font"}
    assert "xmlns" not in page
    assert {"fill", "d", "font-size"} <= names


def names_of(drawing: str) -> tuple[set[str], set[str]]:
    """Names that elements have, and those that elements refer to."""
    found = ElementTree.fromstring(drawing)
    ids = {each.attrib["id"] for each in found.iter() if "id" in each.attrib}
    values = [each.attrib for each in found.iter()]
    used = {own["href"].removeprefix("#") for own in values if "href" in own}
    used |= set(re.findall(r'"url\(#([^)]*)\)"', drawing))
    return ids, used


@pytest.mark.parametrize("name", DRAWN)
def test_two_drawings_share_no_name_and_each_has_all_it_refers_to(name: str) -> None:
    first, second = (names_of(inline_svg(drawn(name).svg, name, each)) for each in ("a.", "b."))
    assert not first[0] & second[0]
    assert first[0] == first[1]
    assert len(first[0]) == len(second[0]) > 0


def test_a_drawing_says_what_it_shows() -> None:
    label = hostile("balances")
    root = ElementTree.fromstring(inline_svg(drawn("rent").svg, label, "f."))
    assert (root.attrib["role"], root.attrib["aria-label"]) == ("img", visible(label))
    assert root.attrib["viewBox"] == "0 0 648 331.2"


def test_shorter_numbers_move_nothing_that_an_eye_could_see() -> None:
    own = drawn("rent").svg
    paths = re.findall(r'\sd="([^"]*)"', own), re.findall(r'\sd="([^"]*)"', inline_svg(own, "", ""))
    for before, after in zip(*paths, strict=True):
        exact, short = (list(map(float, re.findall(r"-?[\d.]+", each))) for each in (before, after))
        assert short == pytest.approx(exact, abs=0.0051)
    assert len("".join(paths[1])) < 0.8 * len("".join(paths[0]))


def test_what_moves_a_cursor_or_turns_a_line_round_breaks_no_drawing() -> None:
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>{}</text></svg>'
    name = "agent\x1b[31m\u202e\x00"
    assert texts(inline_svg(drawing.format(name), "one", "f.")) == [visible(name)]
