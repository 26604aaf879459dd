"""A report with a block of every kind, for tests of whatever it becomes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Final

from sim_economy.ledger.readers.plain_text import html_text, markdown_text, visible
from sim_economy.reports.drawings import agent_figures, comparison_figures, drawing, figures
from sim_economy.reports.drawings.colours import INK, PALETTE
from sim_economy.reports.drawings.comparison_figures import FirstTurn
from sim_economy.reports.drawings.drawing import Drawing
from sim_economy.reports.page.document import Figure, KeyFigure, Pieces, Report, Section, sourced
from sim_economy.reports.tables import Code, Table, Value

Word = Callable[[str], str]
"""What becomes of each text that agents, models and scenario files could have written."""

HOSTILE: Final = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror=window.pwned=1>',
    "' onmouseover=window.pwned=1 x='",
    "</style></svg></title><svg onload=window.pwned=1>",
    "[here](javascript:window.pwned=1)",
    "![x](http://evil.example/x.png)",
    "` <b>bold</b> `` |",
    ' style="fill: red" id="m1" href="#m1" ',
    "{{ 7 * 7 }}{% raw %}",
    "\u202eturned\u2066 \x1b[31m\x00",
    "&lt;script&gt; &#x3c;b&#x3e;",
)

_TREATMENTS: Final = ("as-run", "cheap-credit", "core-owners")
_AGENTS: Final = tuple(f"agent_{index}" for index in range(1, 13))


def hostile(text: str) -> str:
    """A text with attacks on its reader; which, depends on the text."""
    first = sum(map(ord, text)) % len(HOSTILE)
    return f"{text} {HOSTILE[first]} {HOSTILE[(first + 3) % len(HOSTILE)]}"


def example_report(word: Word = str) -> Report:
    """A report such as an experiment's, its texts as `word` makes them."""
    agents = tuple(map(word, _AGENTS))
    treatments = tuple(map(word, _TREATMENTS))
    table = "tables/agents.csv"
    first = markdown_text(treatments[0])
    return Report(
        title=word("Who goes broke under dearer thinking"),
        answer=f"Under {first} **{sourced('9 of 12', table, treatments[0], 'broke')}** agents go"
        f" broke, the first in turn {sourced('7', table, treatments[0], 'first turn')}.",
        lead=(word("What stands first"), Table("lead", word("Lead"), ("agent",), ((agents[0],),))),
        picture=_figure("balances", word, narrow=True),
        key_figures=(
            KeyFigure(
                value=sourced("9 of 12", table, treatments[0], "broke"),
                label=word("agents broke"),
                note=f"in at least half of 12 runs of {first}",
            ),
            KeyFigure(
                value=sourced("3.04", table, "fees"), label=word("fees over what agents began with")
            ),
            KeyFigure(
                value=sourced("\u22121,204", table, "least"),
                label=word("least balance, in tokens"),
                note=f"of {markdown_text(agents[4])} in turn 60",
            ),
        ),
        evidence=(
            Section(
                title=word("Who goes broke, and when"),
                blocks=(
                    f"Of {first} the worst is `fee_rate`; {markdown_text(word('speech'))}.",
                    _figure("insolvency", word),
                    _narrow_table(agents, treatments),
                ),
            ),
            Section(
                title="Where the tokens went", blocks=(_figure("tokens", word), wide_table(word))
            ),
            Section(
                title="What agents choose",
                blocks=(
                    "### By turn",
                    _figure("actions", word),
                    _figure("bands", word),
                    _policies(word),
                ),
            ),
            Section(
                title="What one agent earns",
                blocks=(_figure("earnings", word), _figure("contracts", word), long_table(word)),
            ),
            Section(
                title=word("How unequal agents end"),
                blocks=(_figure("lorenz", word), _figure("rent", word)),
            ),
            Section(
                title=word("How unequal agents end"),
                blocks=(
                    Pieces([f"<blockquote>{html_text(word('said'))}</blockquote>", "<p>so</p>"]),
                ),
            ),
        ),
        provenance=(
            Section(
                title="Parameters",
                blocks=(
                    Table(
                        "parameters",
                        "Parameters",
                        ("parameter", "value", "meaning"),
                        (
                            (Code("fee_rate"), 0.25, "tokens for a thinking unit"),
                            (Code("turns_max"), 60, word("turns of a run")),
                        ),
                    ),
                ),
            ),
            Section(title="Versions", blocks=(f"Seed 7; {markdown_text(word('scenario.toml'))}.",)),
        ),
    )


def _policies(word: Word) -> str:
    """A table in Markdown."""
    thrifty, miner = (markdown_text(word(policy)) for policy in ("thrifty", "miner"))
    rows = (f"| {thrifty} | thinks where it pays |", f"| {miner} | mines in every turn |")
    return "\n".join(("| policy | meaning |", "|---|---|", *rows))


def _narrow_table(agents: tuple[str, ...], treatments: tuple[str, ...]) -> Table:
    columns = ("agent", *(f"{each}: broke in turn" for each in treatments))
    rows = tuple(
        (agent, *(None if (index + own) % 3 == 0 else 7 + 4 * index + own for own in range(3)))
        for index, agent in enumerate(agents)
    )
    return Table("agents", "First turn below zero, by agent", columns, rows)


def wide_table(word: Word) -> Table:
    """Thirty columns."""
    columns = (word("treatment"), *(f"metric {index}" for index in range(1, 30)))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (word(name), *(round(1000 * Random(f"{name}{index}").random(), 2) for index in range(29)))
        for name in (*_TREATMENTS, "a treatment with a name as long as a whole sentence may be")
    )
    return Table("wide", "Metrics by treatment", columns, rows)


def long_table(word: Word, count: int = 1000) -> Table:
    """A row for each of many agents."""
    rows = tuple(
        (word(f"agent_{index}"), word("thrifty"), 37 * index - 9000, index % 60, index % 2 == 0)
        for index in range(count)
    )
    return Table("long", word("Agents"), ("agent", "policy", "balance", "turn", "broke"), rows)


def _figure(name: str, word: Word, *, narrow: bool = False) -> Figure:
    return Figure(
        name=name,
        caption=word(_CAPTIONS[name]),
        drawing=drawn(name, word),
        narrow=_narrow(word) if narrow else None,
        rows=[{"turn": turn, word("agent_1"): 100 - 3 * turn} for turn in range(3)],
    )


_CAPTIONS: Final = {
    "balances": "What each agent holds, turn by turn, over 12 runs",
    "bands": "What twenty agents hold",
    "insolvency": "The turn in which each agent goes broke, under each treatment",
    "tokens": "From the genesis supply to the final supply",
    "actions": "What agents choose, as shares",
    "earnings": "What one agent of each policy gains and loses in a run",
    "contracts": "How contracts of each kind ended",
    "lorenz": "Lorenz curves of final shifted wealth",
    "rent": "Fees paid, returned, and kept by the platform",
}


@cache
def drawn(name: str, word: Word = str) -> Drawing:
    """A drawing of this project's, from small made-up numbers."""
    return DRAWN[name](lambda text: visible(word(text))[:40])


def _walks(agents: int) -> list[list[list[float]]]:
    """Balances that mostly fall, `[run, turn, agent]`."""
    runs = []
    for run in range(4):
        chance = Random(run)
        held = [[1000.0] * agents]
        for _ in range(60):
            held.append(
                [own + chance.uniform(-45, 22 + index) for index, own in enumerate(held[-1])]
            )
        runs.append(held)
    return runs


def _cumulative(rate: float) -> list[list[float]]:
    return [[rate * turn * (1 + run / 20) for turn in range(61)] for run in range(3)]


def _contracts(word: Word) -> Drawing:
    kinds = [
        (word(kind), [8.0 - at, 3.0 + at, 2.0, 1.5]) for at, kind in enumerate(("loan", "forward"))
    ]
    return figures.contracts(kinds, ["settled", "defaulted", "void", "open"])


def _earnings(word: Word) -> Drawing:
    reasons = [word(f"reason {index}") for index in range(16)]
    gains = {
        word(policy): {each: (-1) ** at * (10.0 + at) for at, each in enumerate(reasons)}
        for policy in ("thrifty", "miner", "lender")
    }
    return figures.earnings(gains)


def _actions(word: Word) -> Drawing:
    names = (
        "mine",
        "job",
        "stake",
        "unstake",
        "burn",
        "study",
        "transfer",
        word("zap"),
        "nap",
        "hum",
        "sit",
    )
    return figures.actions({each: [1 / len(names)] * 60 for each in names})


def _lorenz(word: Word) -> Drawing:
    shares = [index / 12 for index in range(13)]
    curves = [[share ** (2 + run / 4) for share in shares] for run in range(6)]
    return figures.lorenz(shares, curves, [share**2.6 for share in shares])


def _insolvency(word: Word) -> Drawing:
    firsts = {
        word(name): [
            FirstTurn(None if (at + own) % 4 == 0 else 7.0 + 4 * at + own) for at in range(12)
        ]
        for own, name in enumerate(_TREATMENTS)
    }
    return comparison_figures.insolvency(firsts, [word(each) for each in _AGENTS], 60)


_STEPS: Final = (
    ("genesis supply", 12000.0),
    ("fees", -36480.0),
    ("job credits", 21000.0),
    ("signing bonuses", 1200.0),
    ("interest", -900.0),
)

DRAWN: Final[dict[str, Callable[[Word], Drawing]]] = {
    "balances": lambda word: agent_figures.balances(
        _walks(12), [word(each) for each in _AGENTS], (200, word("works below"))
    ),
    "bands": lambda word: agent_figures.balances(
        _walks(20), [word(f"{each}") for each in range(20)]
    ),
    "insolvency": _insolvency,
    "tokens": lambda word: figures.tokens(
        [(word(name), amount) for name, amount in _STEPS], "genesis", "at the end"
    ),
    "actions": _actions,
    "earnings": _earnings,
    "contracts": _contracts,
    "lorenz": _lorenz,
    "rent": lambda word: figures.rent(_cumulative(600), _cumulative(350), _cumulative(250)),
}


@cache
def _narrow(word: Word) -> Drawing:
    """Balances for a phone."""
    with drawing.styled():
        figure, axes = drawing.titled_axes(
            "What agents hold", "turn", "tokens", width=4.3, height=3.6
        )
        for index, colour in enumerate(PALETTE):
            axes.plot(
                [run[index] for run in _walks(12)[0]],
                color=colour,
                label=visible(word(_AGENTS[index]))[:40],
            )
        axes.axhline(0, color=INK, linewidth=0.8)
        return drawing.finished(figure, visible(word("Balances"))[:40])
