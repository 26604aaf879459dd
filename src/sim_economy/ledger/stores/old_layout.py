"""The layout before lines were kept, a turn in rows of seven tables: only read, and copied from.

Source: docs/adr/0023-lines.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

OLD_LAYOUT: Final = 2

NUMBERED: Final = ("inputs", "postings", "transactions", "contracts")
"""Tables whose rows have a position in their turn, from 0 on."""

STRAYS: Final = " UNION ALL ".join(
    [
        f"SELECT turn FROM {table} WHERE turn NOT IN (SELECT turn FROM turns)"
        for table in (*NUMBERED, "blocks")
    ]
    + [
        f"SELECT turn FROM {table} GROUP BY turn "
        "HAVING MIN(position) <> 0 OR MAX(position) <> COUNT(*) - 1"
        for table in NUMBERED
    ]
)
"""Finds rows of turns that were never closed, and numbering with gaps."""


def lines_of_rows(listed: Callable[[str, str], str], quoted: Callable[[str], str]) -> str:
    """A query for turn, line and head of every turn, each line composed from its rows.

    Args:
        listed: SQL that joins the values of an expression over a table's rows of turn `t.turn`,
            in order, with commas.
        quoted: SQL that writes a text as JSON, NULL as null.
    """
    signature = (
        "CASE WHEN public_key IS NULL AND signature IS NULL THEN 'null' "
        f"ELSE '[' || {quoted('public_key')} || ',' || {quoted('signature')} || ']' END"
    )
    signed = "public_key IS NOT NULL OR signature IS NOT NULL"
    posting = f"'[' || source || ',' || target || ',' || amount || ',' || {quoted('reason')} || ']'"
    return f"""
SELECT turn, '{{"turn":' || turn
    || ',"ends":' || CASE ends WHEN 0 THEN 'false' WHEN 1 THEN 'true' END
    || ',"inputs":[' || {listed("inputs", "data")}
    || '],"outcomes":[' || {listed("inputs", quoted("rejection"))}
    || '],"signatures":[' || CASE WHEN EXISTS
        (SELECT 1 FROM inputs WHERE inputs.turn = t.turn AND ({signed}))
        THEN {listed("inputs", signature)} ELSE '' END
    || '],"postings":[' || {listed("postings", posting)}
    || '],"transactions":[' || {listed("transactions", "data")}
    || '],"contracts":[' || {listed("contracts", "data")}
    || '],"block":' || COALESCE((SELECT data FROM blocks WHERE blocks.turn = t.turn), 'null')
    || ',"block_signature":'
    || COALESCE((SELECT {signature} FROM blocks WHERE blocks.turn = t.turn), 'null')
    || ',"bill":{{"collected":' || fees_collected || ',"covered":' || fees_covered
    || ',"waived":' || fees_waived || ',"dividends":' || dividends
    || '}},"token_supply":' || token_supply || ',"state_digest":' || {quoted("state_digest")}
    || '}}' AS line, head
FROM turns AS t"""
