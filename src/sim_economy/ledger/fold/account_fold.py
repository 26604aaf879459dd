"""Postings folded into accounts: the one fold of the proof and of every reader."""

from __future__ import annotations

from collections.abc import Iterable

from sim_economy.core.accounts import Posting


def fold_postings(accounts: list[int], postings: Iterable[Posting]) -> None:
    """Move the tokens of postings, in order."""
    for posting in postings:
        accounts[posting.source] -= posting.amount
        accounts[posting.target] += posting.amount
