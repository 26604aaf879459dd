"""Changes of a study's values, as `--set` makes them, and files of studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.core.suggestions import suggestion
from sim_economy.core.table_reader import described_parameters, read_toml
from sim_economy.experiments.sweeps.swept_keys import flat_keys
from sim_economy.scenarios.studies import study_text


def read_study_file(
    source: str | Path | Mapping[str, Any], what: str, shipped: Sequence[str] = ()
) -> tuple[dict[str, Any], Path, str]:
    """The plain values of a study, the folder of its file, and the file's name.

    Args:
        what: The kind of study, in messages.
        shipped: Names of those that need no file.

    Raises:
        ScenarioError: It cannot be read.
    """
    if isinstance(source, Mapping):
        return dict(source), Path(), what
    if not isinstance(source, str | Path):
        kind = type(source).__name__
        raise ScenarioError([f"{what}: must be a file or values, not {kind}"])
    if str(source) in shipped:
        return read_toml(study_text(str(source))), Path(), str(source)
    path = Path(source)
    known = f"name the {what}'s"
    if shipped:
        known = f"shipped are {', '.join(shipped)}{suggestion(str(source), shipped)}"
    try:
        return read_toml(path.read_text(encoding="utf-8-sig")), path.parent, path.stem
    except FileNotFoundError:
        raise ScenarioError([f"{source}: no such file; {known}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ScenarioError([f"{str(source)[:100]}: cannot be read: {reason}"]) from None
    except ScenarioError as error:
        error.file = str(source)
        raise


def changed_study(
    given: Mapping[str, Any], changes: Sequence[str] | Mapping[str, Any], table: type[Struct]
) -> dict[str, Any]:
    """The values of a study with changes.

    Args:
        changes: As `key=value` texts, or values by key: keys of the study, `vary.KEY`, and any
            other as a setting of its scenario.
        table: The keys of the study.

    Raises:
        ScenarioError: A change is no `key=value`.
    """
    changed = {**given}
    own = described_parameters(table)
    for key, value in _by_key(changes).items():
        path, _, rest = key.partition(".")
        varied = flat_keys(changed.get("vary", {}))
        if path == "vary" and rest:
            changed["vary"] = {**varied, rest: value}
            continue
        name = key.removeprefix("world.")
        if varied.pop(name, None) is not None:
            changed["vary"] = varied
        if key in own:
            changed[key] = value
        else:
            changed["set"] = {**changed.get("set", {}), name: value}
    return changed


def _by_key(changes: Sequence[str] | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(changes, Mapping):
        return {str(key): value for key, value in changes.items()}
    found = {}
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key.strip():
            raise ScenarioError([f"--set {change}: must be key=value"])
        try:
            found[key.strip()] = read_toml(f"value = {text.strip()}")["value"]
        except ScenarioError:
            found[key.strip()] = text.strip()
    return found
