from __future__ import annotations

import re
from html import unescape
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sim_economy.ledger.readers.plain_text import markdown_code, markdown_text, visible
from sim_economy.reports.page.document import Section, plain, sourced
from tests.reports.page.examples import HOSTILE

TEXTS = st.one_of(st.text(max_size=40), st.sampled_from(HOSTILE))
FILES = st.sampled_from(["run_metrics.csv", "tables/agents.csv", "figures/a b.csv"])


def shown(markdown: str) -> str:
    """What a browser shows of Markdown on one line."""
    return unescape(re.sub(r"<[^>]*>", "", MarkdownIt("commonmark").renderInline(markdown)))


def one_line(text: str) -> str:
    return visible(re.sub(r"[^\S\u00a0]+", " ", text)).strip()


@given(TEXTS)
def test_a_text_of_others_is_shown_plainly_as_it_was_written(text: str) -> None:
    assert plain(markdown_text(text)) == one_line(text)


PARTS = st.one_of(
    TEXTS.map(markdown_text),
    TEXTS.filter(lambda text: bool(one_line(text))).map(lambda text: markdown_code(text.strip())),
    st.builds(sourced, TEXTS.map(one_line).filter(bool), FILES, TEXTS, TEXTS),
    st.just("**9 of 12**"),
)


@given(st.lists(PARTS, max_size=6))
def test_a_terminal_shows_the_letters_of_a_sentence_that_a_page_shows(parts: list[str]) -> None:
    sentence = " of ".join(["Under", *parts, "agents."])
    assert plain(sentence) == shown(sentence)


@given(TEXTS.map(one_line).filter(bool), FILES, st.lists(TEXTS, min_size=1, max_size=4))
def test_a_number_leads_to_its_cell_whatever_its_row_is_called(
    text: str, csv: str, cells: list[str]
) -> None:
    html = MarkdownIt("commonmark").renderInline(f"see {sourced(text, csv, *cells)}.")
    links = re.findall(r'<a href="([^"]*)">(.*?)</a>', html)
    assert [unescape(label) for _, label in links] == [text]
    file, _, cell = unescape(links[0][0]).partition("#")
    assert unquote(file) == csv
    assert [unquote(each) for each in cell.split("/")] == cells


def test_a_sentence_keeps_its_links_code_and_signs_as_text() -> None:
    sentence = r"Under **[9 of 12](a.csv#as-run/broke)** of `a_b*` go \[broke\]; 2 \* 3 is 6."
    assert plain(sentence) == "Under 9 of 12 of a_b* go [broke]; 2 * 3 is 6."


@given(TEXTS)
def test_a_section_has_an_anchor_whatever_its_title(title: str) -> None:
    assert re.fullmatch(r"[\w-]+", Section(title=title, blocks=()).anchor)
