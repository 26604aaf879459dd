from __future__ import annotations

import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import unescape
from itertools import pairwise

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from sim_economy.reports.page.document import KeyFigure, Pieces, Report, Section
from sim_economy.reports.page.html import BEGINNING, html_page, page_pieces
from sim_economy.reports.page.markdown import report_markdown
from tests.reports.page.examples import Word, example_report, hostile, long_table, wide_table

EMPTY = Report(title="t", answer="a", picture=None, key_figures=(), evidence=(), provenance=())


def of_sections(*titles: str) -> Report:
    return replace(EMPTY, evidence=[Section(title=title, blocks=()) for title in titles])


def letters(html: str) -> str:
    """What a page says, drawings and links to files left out."""
    for unread in ("head", "svg", "nav", 'span class="files"'):
        html = re.sub(rf"<{unread}(?: [^>]*)?>.*?</{unread.split()[0]}>", "", html, flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]*>", " ", html))


def test_a_page_is_the_same_bytes_every_time_and_begins_as_every_page() -> None:
    page = html_page(example_report(hostile))
    assert page == html_page(example_report(hostile))
    assert page.encode().startswith(BEGINNING)


@pytest.mark.parametrize("word", [str, hostile])
def test_markdown_and_page_carry_the_same_numbers_in_the_same_order(word: Word) -> None:
    whole = example_report(word)
    report = replace(whole, evidence=[each for each in whole.evidence if not _has_pieces(each)])
    markdown = _IMAGE.sub(r"\1", re.sub(r"(?m)^\[(CSV|SVG)\]\(.*$", "", report_markdown(report)))
    rendered = MarkdownIt("commonmark").enable("table").render(markdown)
    numbers = [_NUMBER.findall(letters(text)) for text in (html_page(report), rendered)]
    assert len(numbers[0]) > 400
    assert numbers[0] == numbers[1]


def _has_pieces(section: Section) -> bool:
    return any(isinstance(block, Pieces) for block in section.blocks)


_IMAGE = re.compile(r"!\[((?:\\.|[^\]\\])*)\]\(figures/[a-z]+\.svg\)")
_NUMBER = re.compile(r"\u2212?\d[\d.,]*")


def test_sections_alike_or_named_as_the_page_names_its_parts_have_anchors_of_their_own() -> None:
    page = html_page(of_sections("Evidence", "Provenance", "Same", "Same", "same!", "", "!?"))
    names = re.findall(r'\bid="([^"]*)"', page)
    assert len(names) == len(set(names)) == 8
    assert set(re.findall(r'<li><a href="#([^"]*)"', page)) <= set(names)


def test_a_browser_may_use_the_pages_own_style_and_script_and_nothing_else() -> None:
    page = html_page(replace(EMPTY, script="let x = '<b>' && 1;"))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    allowed = unescape(policy[1])
    assert "default-src 'none'" in allowed
    assert "unsafe" not in allowed
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert text is not None
        digest = b64encode(sha256(text[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in allowed


def test_a_page_without_a_script_allows_none() -> None:
    assert "script" not in html_page(EMPTY)


@pytest.mark.parametrize("part", ["evidence", "provenance"])
def test_long_pieces_are_not_held_whole(part: str) -> None:
    taken: list[int] = []

    def pieces() -> Iterator[str]:
        for number in range(1000):
            taken.append(number)
            yield "<p>said</p>"

    section = Section(title="Talk", blocks=[Pieces(pieces())])
    seen = [len(taken) for _ in page_pieces(replace(EMPTY, **{part: [section]}))]
    assert seen[-1] == 1000
    assert max(later - earlier for earlier, later in pairwise(seen)) == 1


def test_a_key_figure_reads_as_a_sentence() -> None:
    own = KeyFigure(value="**9** of 12", label="agents <b>", note="in `a`")
    page = html_page(replace(EMPTY, key_figures=[own]))
    item = re.search(r"<li><span.*?</li>", page, re.DOTALL)
    assert item is not None
    assert re.findall(r"<span[^>]*>(.*?)</span>", item[0]) == [
        "<strong>9</strong> of 12",
        "agents &lt;b&gt;",
        "in <code>a</code>",
    ]


def test_a_thousand_agents_and_many_metrics_stay_a_small_page() -> None:
    tables = [long_table(str, 1000), *(wide_table(hostile) for _ in range(20))]
    section = Section(title="All", blocks=tables)
    report = example_report()
    page = html_page(replace(report, evidence=[*report.evidence, section]))
    assert len(page) < 1_000_000


def test_a_missing_library_is_named() -> None:
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from tests.reports.page.test_html import EMPTY, html_page\n"
        "from sim_economy.core.errors import ExtraMissingError\n"
        "try: html_page(EMPTY)\n"
        "except ExtraMissingError as error: print(error)"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "jinja2" in ended.stdout
    assert "sim-economy[report]" in ended.stdout
