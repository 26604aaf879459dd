"""The forms of logs there are, shipped and installed, and which one a log is of.

A package adds a form with an entry point of the group `sim_economy.usage_formats`; it names a
`UsageForm`, or a tuple of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from itertools import islice
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from sim_economy.core.errors import UsageLogError
from sim_economy.core.suggestions import suggestion
from sim_economy.usage.log_files import LogBlock, blocks
from sim_economy.usage.record_fields import Record, records_in, value_in
from sim_economy.usage.usage_form import KINDS, UsageForm
from sim_economy.usage.usage_rows import LINE

GROUP: Final = "sim_economy.usage_formats"
"""The entry points that name forms."""

_SHIPPED: Final = (
    *("litellm", "openai", "anthropic", "openrouter", "otel", "openinference", "langfuse"),
    *("claude_code", "codex", "focus", "own_rows"),
)
_COLUMNS: Final = (
    *("time", "end", "turn", "agent", "team", "model", "id", "cost", "calls", *KINDS, "seconds"),
)
_LOOKED_AT: Final = 10_000
"""Records in which a sign of the form is looked for."""


@cache
def known_forms() -> Mapping[str, tuple[UsageForm, ...]]:
    """Every form by its name; one name may have several, told apart by their signs.

    Raises:
        UsageLogError: An installed one cannot be loaded.
    """
    known: dict[str, tuple[UsageForm, ...]] = {}
    for module in _SHIPPED:
        forms = import_module(f"{__package__}.formats.{module}").FORMS
        known[forms[0].name] = forms
    for point in sorted(entry_points(group=GROUP)):
        try:
            found = point.load()
        except Exception as error:  # what a stranger's module does on import is anyone's guess
            problem = f"form: {point.name} cannot be loaded: {type(error).__name__}: {error}"
            raise UsageLogError([problem]) from error
        forms = found if isinstance(found, tuple) else (found,)
        if not forms or not all(isinstance(form, UsageForm) for form in forms):
            raise UsageLogError([f"form: {point.name} names no UsageForm"])
        known[point.name] = (*known.get(point.name, ()), *forms)
    return known


def forms_named(name: str | None) -> tuple[UsageForm, ...]:
    """The forms that a log may be of: those of the name, or all.

    Raises:
        UsageLogError: There is no such form.
    """
    known = known_forms()
    if name is None:
        return tuple(form for forms in known.values() for form in forms)
    if name not in known:
        listed = f"there are {', '.join(known)}{suggestion(name, known)}"
        raise UsageLogError([f"form: there is no {name}; {listed}"])
    return known[name]


def form_of_columns(columns: Mapping[str, str]) -> UsageForm:
    """A form whose fields are named one by one.

    Args:
        columns: The log's columns or paths by the columns of usage rows; `turn` may end in `+N`.

    Raises:
        UsageLogError: A column that usage rows do not have, or too few to read them.
    """
    problems = [
        f"columns: there is no {name}; there are {', '.join(_COLUMNS)}{suggestion(name, _COLUMNS)}"
        for name in columns
        if name not in _COLUMNS
    ]
    if not problems and not {"time", "turn"} & columns.keys():
        problems.append("columns: name a time, or a turn")
    if not problems and not {*KINDS} & columns.keys():
        problems.append(f"columns: name at least one of {', '.join(KINDS)}")
    if problems:
        raise UsageLogError(problems)
    turn, plus, offset = columns.get("turn", "").rpartition("+")
    if not (plus and offset.isdigit()):
        turn, offset = columns.get("turn", ""), "0"
    known = {**columns, "turn": turn, "length": columns.get("seconds", "")}
    named = {name: (own,) for name, own in known.items() if own and name != "seconds"}
    return UsageForm(name="rows", turn_offset=int(offset), **named)  # type: ignore[arg-type]


def agent_field(form: UsageForm, name: str | None) -> UsageForm:
    """The form with the agent taken from another field, or from its team, key or model."""
    if name is None:
        return form
    own = name in {"team", "key", "model"} and form.field(name)
    return replace(form, agent=form.field(name) if own else (name,))


def form_of(path: Path, scratch: Path, forms: Sequence[UsageForm]) -> UsageForm | None:
    """The one form that a file is of, by the first records that have a sign of any.

    Returns:
        None where the file has no records.

    Raises:
        UsageLogError: It is of no form that can be read, or of several.
    """
    looked_at, is_empty = 0, True
    with closing(blocks(path, scratch)) as parts:
        for block in parts:
            if found := _recognised(block, forms):
                return _only(path, found)
            looked_at += len(block.documents)
            is_empty &= _is_empty(block, forms)
            if block.frame is not None or looked_at > _LOOKED_AT:
                break
    if is_empty:
        return None
    names = ", ".join(dict.fromkeys(form.name for form in forms))
    advice = "name its columns with --columns, such as time=timestamp,input=prompt_tokens"
    raise UsageLogError([f"{path}: is of none of the forms {names}; {advice}"])


def _is_empty(block: LogBlock, forms: Sequence[UsageForm]) -> bool:
    """Test whether a block has no records in the eyes of some form, and no bad ones."""
    if block.frame is not None or block.bad:
        return False
    return any(
        not any(True for _, value in block.documents for _ in records_in(value, form.levels))
        for form in forms
    )


def _only(path: Path, found: Sequence[UsageForm]) -> UsageForm:
    """The one form among those that a file shows signs of."""
    if len(names := sorted({form.name for form in found})) > 1:
        raise UsageLogError([f"{path}: may be {' or '.join(names)}; say which with --from"])
    if found[0].refused:
        raise UsageLogError([f"{path}: {found[0].refused}"])
    return found[0]


def _recognised(block: LogBlock, forms: Sequence[UsageForm]) -> list[UsageForm]:
    """The forms with a sign in the first record that has one."""
    if block.frame is not None:
        columns = {name for name in block.frame.columns if name != LINE}
        rows = block.frame.head(100).to_dicts()
        return [
            form for form in forms if any(_has_all(columns, rows, signs) for signs in form.signs)
        ]
    for _, document in block.documents:
        found = [form for form in forms if _is_of(document, form)]
        if found:
            return found
    return []


def _has_all(columns: set[str], rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> bool:
    return all(
        name in columns or any(value_in((row,), name) is not None for row in rows) for name in names
    )


def _is_of(document: object, form: UsageForm) -> bool:
    records = islice(records_in(document, form.levels), 1000)
    return any(_has_a_sign(record, form) for record in records)


def _has_a_sign(record: Record, form: UsageForm) -> bool:
    return any(all(value_in(record, name) is not None for name in names) for names in form.signs)
