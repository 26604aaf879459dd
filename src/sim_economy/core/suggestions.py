"""What a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

_SPOKEN: Final[Mapping[str, Sequence[str]]] = {
    "tariff": ["base_inference_rate"],
    "caution": ["policy.job_below", "job_below"],
}
"""Keys by the words that the documentation has for them."""
_WITHIN: Final = 3
"""Characters from which on a part of a word suggests it."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """The likeliest of the known words, as the end of a message; empty if none is close.

    Words that are equally close are all named: nobody knows which was meant.
    """
    name, known = str(name), list(dict.fromkeys(known))
    spoken = [word for word in _SPOKEN.get(name, ()) if word in known]
    whole = [word for word in known if name in word.split("_")]
    within = [word for word in known if len(name) >= _WITHIN and name in word]
    close = spoken or whole[:1] or _nearest(name, known) or within[:1]
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    """Those of the similar words that fewest changes of a letter lead to."""
    similar = get_close_matches(name, known, 3)
    least = min((_changes(name, word) for word in similar), default=0)
    return [word for word in similar if _changes(name, word) == least]


def _changes(one: str, other: str) -> int:
    """How many letters must be put in, left out, replaced or swapped with the next one.

    Source: the distance of Damerau, 10.1145/363958.363994.
    """
    rows: list[list[int]] = [[*range(len(other) + 1)]]
    for row, letter in enumerate(one, 1):
        counts = [row]
        for column, own in enumerate(other, 1):
            least = min(
                rows[-1][column - 1] + int(letter != own), rows[-1][column] + 1, counts[-1] + 1
            )
            swapped = (one[row - 2 : row], other[column - 2 : column])
            if row > 1 and column > 1 and swapped[0] == swapped[1][::-1]:
                least = min(least, rows[-2][column - 2] + 1)
            counts.append(least)
        rows.append(counts)
    return rows[-1][-1]
