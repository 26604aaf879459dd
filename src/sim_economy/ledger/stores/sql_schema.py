"""The tables of a ledger file.

Clients of the original engine read `blocks` and `transactions` by these names.

Source: docs/spec/ledger.md.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

APPLICATION_ID: Final = 0x53494D45
"""Marks the file as a sim-economy ledger: "SIME"."""

SCHEMA: Final = """
CREATE TABLE genesis (data TEXT NOT NULL);
CREATE TABLE accounts (account INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE turns (
    turn INTEGER PRIMARY KEY, ends INTEGER NOT NULL, fees_collected INTEGER NOT NULL,
    fees_covered INTEGER NOT NULL, fees_waived INTEGER NOT NULL, dividends INTEGER NOT NULL,
    token_supply INTEGER NOT NULL, state_digest TEXT NOT NULL, head TEXT NOT NULL);
CREATE TABLE inputs (
    turn INTEGER NOT NULL, position INTEGER NOT NULL, data TEXT NOT NULL, rejection TEXT,
    public_key TEXT, signature TEXT, PRIMARY KEY (turn, position)) WITHOUT ROWID;
CREATE TABLE postings (
    turn INTEGER NOT NULL, position INTEGER NOT NULL, source INTEGER NOT NULL,
    target INTEGER NOT NULL, amount INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (turn, position)) WITHOUT ROWID;
CREATE TABLE transactions (
    turn INTEGER NOT NULL, position INTEGER NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (turn, position)) WITHOUT ROWID;
CREATE TABLE contracts (
    turn INTEGER NOT NULL, position INTEGER NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (turn, position)) WITHOUT ROWID;
CREATE TABLE blocks (
    turn INTEGER PRIMARY KEY, data TEXT NOT NULL, public_key TEXT, signature TEXT);
CREATE TABLE snapshots (turn INTEGER PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE receipts (
    idempotency_key TEXT PRIMARY KEY, turn INTEGER NOT NULL, request_digest TEXT NOT NULL,
    answer TEXT NOT NULL, checksum TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE submissions (
    position INTEGER PRIMARY KEY, turn INTEGER NOT NULL, data TEXT NOT NULL,
    public_key TEXT, signature TEXT, checksum TEXT NOT NULL);
CREATE VIEW journal AS
    SELECT turn, position, s.name AS source, t.name AS target, amount, reason
    FROM postings JOIN accounts s ON s.account = source JOIN accounts t ON t.account = target;
"""

STATEMENTS: Final = tuple(SCHEMA.strip().rstrip(";").split(";\n"))
"""Each as SQLite keeps it."""


class _Column(NamedTuple):
    """A column as it is declared.

    Attributes:
        kind: `INTEGER` or `TEXT`.
        required: Whether every row has a value.
    """

    name: str
    kind: str
    required: bool


COLUMNS: Final = {
    found[1]: tuple(
        _Column(name, kind, bool(rule))
        for name, kind, rule in re.findall(
            r"(\w+) (INTEGER|TEXT)( NOT NULL| PRIMARY KEY)?", found[2]
        )
    )
    for found in (re.match(r"CREATE TABLE (\w+) \((.*)\)", each, re.DOTALL) for each in STATEMENTS)
    if found is not None
}
"""The columns of each table, in order."""
