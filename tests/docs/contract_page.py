"""The life of a contract, drawn from the table that the rules ask.

Run `python -m tests.docs.contract_page` to write the drawing into docs/spec/contracts.md anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sim_economy.core.contracts import ENDS, TRANSITIONS

PAGE: Final = Path(__file__).parents[2] / "docs" / "spec" / "contracts.md"
_DRAWING: Final = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)
_TABLE: Final = re.compile(r"(?<=\| from \| what happened \| to \|\n).*?(?=\n\n)", re.DOTALL)


def drawing() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for (stage, happened), then in TRANSITIONS.items():
        lines.append(f"    {stage or '[*]'} --> {then}: {happened}")
    lines += [
        f"    {stage} --> [*]" for stage in dict.fromkeys(TRANSITIONS.values()) if stage in ENDS
    ]
    return "\n".join(lines) + "\n"


def table() -> str:
    """The table as one."""
    rows = [
        f"| {f'`{stage}`' if stage else ''} | `{happened}` | `{then}` |"
        for (stage, happened), then in TRANSITIONS.items()
    ]
    return "\n".join(["|---|---|---|", *rows])


def current(page: str) -> str:
    """The page with drawing and table as they should be."""
    page = _DRAWING.sub(lambda _: drawing(), page)
    return _TABLE.sub(lambda _: table(), page)


if __name__ == "__main__":
    PAGE.write_text(current(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
