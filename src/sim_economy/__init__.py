"""A laboratory for economies of AI agents that pay for their own thinking.

import sim_economy as se

played = se.play("as-run", seed=1001, turns=60)  # one run, in memory
played.metrics
played.frame("balances")
played.statement("agent_3")

se.experiment("as-run", runs=24).summary         # many runs, in a folder
se.compare("baseline", "coordination_push").differences

class Saver(se.Policy):                          # a policy of your own
    def decide(self, view):
        return se.Mine() if view.observation.accounts["balance"] > 500 else se.Job()

se.play("as-run", policy=Saver)

Play      play, experiment, compare, sweep: scenarios, with any setting by name
          treatment_study: which rule keeps whom solvent; PlayedStudy
          World: turn by turn, by hand; Played.of(world) measures it
Settings  load_scenario, preset, parse_world_config, WorldConfig
Usage     read_usage: logs of real usage as usage rows; ImportedUsage
          whatif: the same under tariffs, who runs dry and when; PlayedTariffs
Read      Played, PlayedExperiment, PlayedComparison, PlayedSweep; frame, statement, SQLiteStore
Prove     verify, replay
Policies  Policy, View, Move, WorldAccounts; Parameter, Kind for what a file may set
          Published, Rules, Linear; policy_function, which makes one of a function that
          returns mine(), job(), study(), idle(), stake(80), unstake(), burn(50), bid(9),
          transfer_to_poorest(20), transfer_to_next(20)
Actions   Action, Input; Mine, Job, Idle, Study, Stake, Unstake, Burn, Transfer, BidCore, Speak
          ProposeContract, SignContract, Terms, ConfirmDelivery, DisputeDelivery,
          ArbitratorRuling, SellInformation
Explain   sensitivity: what decides a sweep's outcomes; PlayedSensitivity
          train: a policy trained against the rules; PlayedTraining
          search: the best points that keep constraints; PlayedSearch
          solvency_map: where agents and platform are both solvent; PlayedMap
Errors    SimEconomyError: every mistake of a caller, with a code

help(se.play) and so on say what each takes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim_economy.agents.policies.linear_policy import Linear as Linear
    from sim_economy.agents.policies.published_policy import Published as Published
    from sim_economy.agents.policies.rule_policy import Rules as Rules
    from sim_economy.agents.policy import Move as Move
    from sim_economy.agents.policy import Policy as Policy
    from sim_economy.agents.policy import View as View
    from sim_economy.agents.policy_function import policy_function as policy_function
    from sim_economy.batch.decisions.policy_choices import bid as bid
    from sim_economy.batch.decisions.policy_choices import burn as burn
    from sim_economy.batch.decisions.policy_choices import idle as idle
    from sim_economy.batch.decisions.policy_choices import job as job
    from sim_economy.batch.decisions.policy_choices import mine as mine
    from sim_economy.batch.decisions.policy_choices import stake as stake
    from sim_economy.batch.decisions.policy_choices import study as study
    from sim_economy.batch.decisions.policy_choices import transfer_to_next as transfer_to_next
    from sim_economy.batch.decisions.policy_choices import (
        transfer_to_poorest as transfer_to_poorest,
    )
    from sim_economy.batch.decisions.policy_choices import unstake as unstake
    from sim_economy.core.actions import Action as Action
    from sim_economy.core.actions import ArbitratorRuling as ArbitratorRuling
    from sim_economy.core.actions import BidCore as BidCore
    from sim_economy.core.actions import Burn as Burn
    from sim_economy.core.actions import ConfirmDelivery as ConfirmDelivery
    from sim_economy.core.actions import DisputeDelivery as DisputeDelivery
    from sim_economy.core.actions import Idle as Idle
    from sim_economy.core.actions import Input as Input
    from sim_economy.core.actions import Job as Job
    from sim_economy.core.actions import Mine as Mine
    from sim_economy.core.actions import ProposeContract as ProposeContract
    from sim_economy.core.actions import SellInformation as SellInformation
    from sim_economy.core.actions import SignContract as SignContract
    from sim_economy.core.actions import Speak as Speak
    from sim_economy.core.actions import Stake as Stake
    from sim_economy.core.actions import Study as Study
    from sim_economy.core.actions import Transfer as Transfer
    from sim_economy.core.actions import Unstake as Unstake
    from sim_economy.core.contracts import Terms as Terms
    from sim_economy.core.errors import SimEconomyError as SimEconomyError
    from sim_economy.core.table_reader import Kind as Kind
    from sim_economy.core.table_reader import Parameter as Parameter
    from sim_economy.core.world_config import WorldConfig as WorldConfig
    from sim_economy.core.world_config import parse_world_config as parse_world_config
    from sim_economy.experiments.played_experiment import PlayedExperiment as PlayedExperiment
    from sim_economy.experiments.played_experiment import compare as compare
    from sim_economy.experiments.played_experiment import experiment as experiment
    from sim_economy.experiments.search.played_search import PlayedSearch as PlayedSearch
    from sim_economy.experiments.search.played_search import search as search
    from sim_economy.experiments.sweeps.played_sweep import PlayedSweep as PlayedSweep
    from sim_economy.experiments.sweeps.played_sweep import sweep as sweep
    from sim_economy.experiments.training.played_training import PlayedTraining as PlayedTraining
    from sim_economy.experiments.training.played_training import train as train
    from sim_economy.ledger.readers.export import frame as frame
    from sim_economy.ledger.readers.statement import statement as statement
    from sim_economy.ledger.stores.sqlite import SQLiteStore as SQLiteStore
    from sim_economy.ledger.verify import verify as verify
    from sim_economy.reports.comparisons.played_comparison import (
        PlayedComparison as PlayedComparison,
    )
    from sim_economy.reports.maps.played_map import PlayedMap as PlayedMap
    from sim_economy.reports.maps.played_map import solvency_map as solvency_map
    from sim_economy.reports.played_run import Played as Played
    from sim_economy.reports.played_run import play as play
    from sim_economy.reports.played_tariffs import PlayedTariffs as PlayedTariffs
    from sim_economy.reports.played_tariffs import whatif as whatif
    from sim_economy.reports.sensitivity.played_sensitivity import (
        PlayedSensitivity as PlayedSensitivity,
    )
    from sim_economy.reports.sensitivity.played_sensitivity import sensitivity as sensitivity
    from sim_economy.scenarios.presets import preset as preset
    from sim_economy.scenarios.scenario import load_scenario as load_scenario
    from sim_economy.studies.findings.played_study import PlayedStudy as PlayedStudy
    from sim_economy.studies.findings.played_study import treatment_study as treatment_study
    from sim_economy.usage.usage_import import ImportedUsage as ImportedUsage
    from sim_economy.usage.usage_import import read_usage as read_usage
    from sim_economy.world.replay import replay as replay
    from sim_economy.world.world import World as World

_HOMES = {
    **dict.fromkeys(
        (
            "Action",
            "Burn",
            "SignContract",
            "SellInformation",
            "ProposeContract",
            "DisputeDelivery",
            "ConfirmDelivery",
            "BidCore",
            "ArbitratorRuling",
            "Idle",
            "Input",
            "Job",
            "Mine",
            "Speak",
            "Stake",
            "Study",
            "Transfer",
            "Unstake",
        ),
        "core.actions",
    ),
    **dict.fromkeys(("Move", "Policy", "View", "WorldAccounts"), "agents.policy"),
    "Published": "agents.policies.published_policy",
    "Rules": "agents.policies.rule_policy",
    "Linear": "agents.policies.linear_policy",
    "policy_function": "agents.policy_function",
    **dict.fromkeys(
        (
            "bid",
            "burn",
            "idle",
            "job",
            "mine",
            "stake",
            "study",
            "transfer_to_next",
            "transfer_to_poorest",
            "unstake",
        ),
        "batch.decisions.policy_choices",
    ),
    **dict.fromkeys(("Kind", "Parameter"), "core.table_reader"),
    "Terms": "core.contracts",
    "SimEconomyError": "core.errors",
    "WorldConfig": "core.world_config",
    "PlayedComparison": "reports.comparisons.played_comparison",
    "parse_world_config": "core.world_config",
    "Played": "reports.played_run",
    "play": "reports.played_run",
    **dict.fromkeys(
        ("PlayedExperiment", "compare", "experiment"),
        "experiments.played_experiment",
    ),
    **dict.fromkeys(("PlayedSweep", "sweep"), "experiments.sweeps.played_sweep"),
    **dict.fromkeys(("PlayedStudy", "treatment_study"), "studies.findings.played_study"),
    **dict.fromkeys(("PlayedTraining", "train"), "experiments.training.played_training"),
    **dict.fromkeys(("PlayedSearch", "search"), "experiments.search.played_search"),
    "load_scenario": "scenarios.scenario",
    "frame": "ledger.readers.export",
    "preset": "scenarios.presets",
    **dict.fromkeys(("ImportedUsage", "read_usage"), "usage.usage_import"),
    **dict.fromkeys(("PlayedTariffs", "whatif"), "reports.played_tariffs"),
    **dict.fromkeys(("PlayedMap", "solvency_map"), "reports.maps.played_map"),
    **dict.fromkeys(("PlayedSensitivity", "sensitivity"), "reports.sensitivity.played_sensitivity"),
    "replay": "world.replay",
    "statement": "ledger.readers.statement",
    "verify": "ledger.verify",
    "World": "world.world",
    "SQLiteStore": "ledger.stores.sqlite",
}
_RENAMED = {
    "Scenario": "the [world] table is WorldConfig now; a scenario file is read by load_scenario",
    "load_treatment": "a scenario file is read by load_scenario now",
    "parse_scenario": "the values of a [world] table are read by parse_world_config now",
}
"""Names of the release before, with their successors; gone after this one."""

__all__ = [name for name in _HOMES if name.islower() and "policy_choices" not in _HOMES[name]]
"""The functions alone, so that `help` fits on a screen; classes are public all the same, and so is
what a policy function returns."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that starting costs little."""
    if name in _RENAMED:
        raise AttributeError(f"{__name__}.{name}: {_RENAMED[name]}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES[name]}")
    value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOMES)
