"""What `import sim_economy` gives, and how little it takes."""

from __future__ import annotations

import pydoc
import re
import subprocess
import sys

import pytest

import sim_economy


@pytest.mark.parametrize("name", dir(sim_economy))
def test_a_public_name_resolves_to_what_it_names(name: str) -> None:
    value = getattr(sim_economy, name)
    assert getattr(value, "__name__", name) == name
    assert name in (sim_economy.__doc__ or "")


def test_help_fits_on_a_few_screens() -> None:
    text = pydoc.plain(pydoc.render_doc(sim_economy))
    assert len(text.splitlines()) < 320
    for name in ("play", "experiment", "compare", "load_scenario", "verify"):
        assert re.search(rf"^    {name}\(", text, re.MULTILINE), name


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Wrold'"):
        _ = sim_economy.Wrold


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys; before = {*sys.modules}; import sim_economy; "
        "print(*sorted({name.partition('.')[0] for name in {*sys.modules} - before}))"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"msgspec", "numpy", "polars", "matplotlib", "scipy", "rich", "click", "sqlite3"}
    assert {*ended.stdout.split()} & heavy == set()
    assert "sim_economy" in ended.stdout.split()
