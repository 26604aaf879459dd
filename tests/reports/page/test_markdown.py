from __future__ import annotations

import re

from markdown_it import MarkdownIt
from msgspec.structs import replace

from sim_economy.reports.page.document import Pieces, Section
from sim_economy.reports.page.html import html_page
from sim_economy.reports.page.markdown import report_markdown
from tests.reports.page.examples import HOSTILE, example_report, hostile, long_table
from tests.reports.page.test_html import EMPTY


def test_markdown_opens_with_the_question_and_the_answer() -> None:
    lines = report_markdown(example_report()).split("\n")
    assert lines[0] == "# Who goes broke under dearer thinking"
    assert lines[2].startswith("**Under as-run [9 of 12](tables/agents.csv#as-run/broke)")


def test_what_leads_stands_between_the_answer_and_the_picture() -> None:
    for text in (report_markdown(example_report()), html_page(example_report())):
        marks = (
            "the first in turn",
            "What stands first",
            "lead.csv",
            "balances.svg",
            "agents broke",
        )
        found = [text.index(mark) for mark in marks]
        assert found == sorted(found)
    assert "lead" in [table.name for table in example_report().tables()]


def test_what_agents_wrote_is_text_in_markdown() -> None:
    html = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(report_markdown(example_report(hostile)))
    )
    assert not re.search(r"<(script|svg|b|iframe|style)\b", html)
    assert not re.search(r'(href|src)="(javascript|data|http)', html)
    assert set(re.findall(r'<img src="([^"]*)"', html)) == {
        f"figures/{figure.name}.svg" for figure in example_report().figures()
    }
    for words in HOSTILE[:2]:
        assert words.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") in html


def test_a_long_table_is_shown_in_part_and_says_so() -> None:
    section = Section(title="All", blocks=[long_table(str, 250), Pieces(["<p>left out</p>"])])
    text = report_markdown(replace(EMPTY, evidence=[section]))
    assert text.count("| agent\\_") + text.count("| agent_") == 100
    assert "[CSV](tables/long.csv) The first 100 of 250." in text
    assert "left out" not in text
