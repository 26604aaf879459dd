"""A Markdown report as one HTML file that needs no other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Final

from sim_economy.core.errors import ExtraMissingError
from sim_economy.ledger.readers.plain_text import html_text


def html_page(title: str, markdown: str, figures: Mapping[str, str]) -> str:
    """The report as a self-contained page.

    Args:
        figures: SVG text by the path under which the Markdown links it.

    Raises:
        ExtraMissingError: markdown-it-py is not installed.
    """
    body = _rendered(markdown)
    body = body.replace("<table>", '<div class="wide"><table>').replace(
        "</table>", "</table></div>"
    )
    body = _IMAGE.sub(lambda image: _figure(image, figures), body)
    return _PAGE.format(title=html_text(title), style=_STYLE, body=body)


def _rendered(markdown: str) -> str:
    try:
        from markdown_it import MarkdownIt  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ExtraMissingError("report.html", "markdown-it-py", "report") from None
    text: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return text


_IMAGE: Final = re.compile(r'<p><img src="(?P<path>[^"]*)" alt="(?P<alt>[^"]*)" /></p>')


def _figure(image: re.Match[str], figures: Mapping[str, str]) -> str:
    label = html_text(unescape(image["alt"]))
    svg = _inline_svg(figures[unescape(image["path"])])
    named = svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return f"<figure>{named}</figure>"


def _inline_svg(text: str) -> str:
    """An SVG file's drawing alone: no prologue, namespaces, fixed size or unused names."""
    drawing = text[text.index("<svg") :].strip()
    drawing = re.sub(r"\s*<metadata>.*?</metadata>", "", drawing, count=1, flags=re.DOTALL)
    head, rest = drawing.split(">", 1)
    head = re.sub(r'\s(?:xmlns(?::\w+)?|width|height|version)="[^"]*"', "", head)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', rest))
    rest = re.sub(r'\sid="([^"]*)"', lambda found: found[0] if found[1] in used else "", rest)
    return f"{head}>{rest}"


_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1f2933; --paper: #fff; --line: #cbd2d9; --soft: #f5f7fa;
  --link: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --paper: #161b22; --line: #3e4c59; --soft: #1f2630; --link: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem 1.25rem 4rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.25; }
h2 { font-size: 1.25rem; margin-top: 2.5rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin-top: 1.75rem; }
p, li { max-width: 44rem; }
code { font-family: ui-monospace, monospace; font-size: .92em; background: var(--soft);
  padding: .1em .3em; border-radius: 3px; }
a { color: var(--link); }
.wide { overflow-x: auto; margin: .75rem 0 1.5rem; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top;
  text-align: left; }
th { background: var(--soft); border-bottom-width: 2px; overflow-wrap: normal; }
figure { margin: 1rem 0 1.5rem; padding: .5rem; background: #fff; border-radius: 6px;
  border: 1px solid var(--line); overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 34rem; height: auto; max-height: 38rem; }
@media print { body { max-width: none; } figure { break-inside: avoid; } }
"""

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}</body>
</html>
"""
