"""Write the style that the page shares with reports: `python -m tests.viewer.shared_style`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from sim_economy.reports.drawings.colours import switched_theme_css


def main() -> None:
    base = resources.files("sim_economy.reports.page") / "base.css"
    shared = Path(str(resources.files("sim_economy.viewer"))) / "static" / "shared.css"
    shared.write_text(switched_theme_css() + base.read_text())


if __name__ == "__main__":
    main()
