"""What a log was played with: its turns, the tariffs, the allowances.

Source: docs/spec/usage.md, section "What if".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from sim_economy.core.units import decimal_text
from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.reports.page.document import Section
from sim_economy.reports.tables import Table, Value
from sim_economy.reports.whatif_sentences import name_of
from sim_economy.tariffs.tariff_comparison import TariffComparison
from sim_economy.usage.usage_form import KINDS


def provenance(found: TariffComparison) -> list[Section]:
    """What was played, the tariffs, and the allowances as their file states them."""
    log = found.log
    rules = found.played[0].run.config.rules_version
    span = f"{log.turns:,} turns, {log.name(1)} to {log.name(log.turns)}"
    lines = [
        f"- **{markdown_text(log.counted.path)}**: {span}; {len(log.names):,} agents"
        + (f" in {len(log.teams):,} teams" if log.has_teams else ""),
        *(
            f"- {name_of(own)}: {markdown_text(fact)}"
            for own in found.played
            for fact in own.run.facts
        ),
        "- Everybody is idle and nothing is drawn: one run is all.",
        f"- sim-economy {version('sim-economy')}, rules version {rules}.",
    ]
    return [
        Section(title="What was played", blocks=["\n".join(lines)]),
        Section(title="The tariffs", blocks=[_parameters(found), _weights(found)]),
        *([_income(found)] if found.played[0].allowances is not None else []),
    ]


def _parameters(found: TariffComparison) -> Table:
    keys = (
        "base_inference_rate", "commons_threshold_per_turn", "thinking_layer_discount",
        "interest_rate_per_turn",
    )  # fmt: skip
    rows: list[tuple[Value, ...]] = [
        (key, *(str(own.run.tariff.parameters[key]) for own in found.played)) for key in keys
    ]
    rows.append(("currency", *(own.run.tariff.currency or None for own in found.played)))
    prices = [own.run.tariff.token_price for own in found.played]
    rows.append(("token_price", *(None if price is None else f"{price:f}" for price in prices)))
    return Table(
        "tariffs",
        "Parameters",
        ("parameter", *(f"under {name}" for name in found.names)),
        tuple(rows),
    )


def _weights(found: TariffComparison) -> Table:
    rows: list[tuple[Value, ...]] = [
        (
            own.name,
            model,
            *(decimal_text(int(getattr(weights, kind)), 6) for kind in KINDS),
            own.run.tariff.units.per,
        )
        for own in found.played
        for model, weights in own.run.tariff.units.by_model.items()
    ]
    columns = ("tariff", "model", *(kind.replace("_", " ") for kind in KINDS), "per")
    return Table("weights", "Weights of tokens, and how many make a unit", columns, tuple(rows))


def _income(found: TariffComparison) -> Section:
    file = found.played[0].allowances
    assert file is not None
    stated: Mapping[str, Any] = {
        "currency": file.currency or None,
        "genesis_tokens_per_agent": file.opening,
        **{f"teams.{team}": amount for team, amount in file.teams.items()},
        **file.table,
    }
    rows: Sequence[tuple[Value, ...]] = [
        (key, str(value)) for key, value in stated.items() if value is not None
    ]
    return Section(
        title="The allowances",
        blocks=[Table("allowances", "As their file states them", ("key", "value"), tuple(rows))],
    )
