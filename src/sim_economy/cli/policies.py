"""`policies`."""

from __future__ import annotations

from typing import Any

import click

from sim_economy.agents import catalogue
from sim_economy.cli.options import json_option
from sim_economy.cli.output import print_json, print_table
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import written


@click.command()
@click.argument("name", required=False)
@json_option
def policies(name: str | None, as_json: bool) -> int:
    """List the policies that are shipped or installed; with NAME, one of them.

    Exits with 1 if one of them cannot be loaded.
    """
    known = catalogue.offers()
    if name is not None:
        catalogue.policy_class(name)
        known = {name: known[name]}
    listed = [_described(offer, len(same) > 1) for same in known.values() for offer in same]
    if as_json:
        print_json(listed)
    else:
        rows = [
            [offer["policy"], offer["distribution"], offer.get("problem") or offer["summary"]]
            for offer in listed
        ]
        print_table("policies", ("policy", "distribution", "what it does"), rows)
        parameters = [
            [offer["policy"], parameter["name"], parameter["default"], parameter["meaning"]]
            for offer in listed
            for parameter in offer["parameters"]
        ]
        if parameters:
            columns = ("policy", "parameter", "default", "meaning")
            print_table("their parameters", columns, parameters)
    return 1 if any("problem" in offer for offer in listed) else 0


def _described(offer: catalogue.PolicyEntryPoint, several: bool) -> dict[str, Any]:
    """One policy as plain values; with a `problem` where it cannot be used."""
    described: dict[str, Any] = {
        "policy": offer.name,
        "distribution": offer.distribution,
        "summary": "",
        "parameters": [],
    }
    try:
        found = catalogue.policy_class(offer.name) if several else offer.load()
    except ScenarioError as error:
        return {**described, "problem": str(error)}
    described["summary"] = next(iter((found.__doc__ or "").strip().splitlines()), "")
    described["parameters"] = [
        {
            "name": name,
            "default": written(parameter, default),
            "kind": catalogue.choices(parameter, default),
            "meaning": parameter.meaning,
        }
        for name, (parameter, default) in catalogue.policy_parameters(found).items()
    ]
    return described
