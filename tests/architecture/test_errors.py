"""Every failure a caller can handle: a code of its own, and a message that says what to do."""

from __future__ import annotations

import pickle
import re
from collections import Counter
from importlib import import_module
from pkgutil import walk_packages
from typing import Final

import pytest

import sim_economy
from sim_economy.core import errors
from sim_economy.core.errors import (
    AlreadySubmittedError,
    AmountOutOfRangeError,
    ExtraMissingError,
    FolderError,
    InputError,
    KeyReusedError,
    PolicyFailedError,
    ReplayError,
    RunEndedError,
    ScenarioError,
    SignatureError,
    SimEconomyError,
    StoreError,
    TurnConflictError,
    UsageLogError,
    WorldExistsError,
    WorldMissingError,
    WorldUnknownError,
)

EXAMPLES: Final[dict[type[SimEconomyError], SimEconomyError]] = {
    ScenarioError: ScenarioError(["turns: must be an integer", "policy: is missing"]),
    UsageLogError: UsageLogError(["a.csv, line 3: is not JSON", "b.csv: is empty"]),
    InputError: InputError("inputs[2].action.amount", "must be an integer"),
    PolicyFailedError: PolicyFailedError("Thrifty", "agent_3", 7, "ValueError: no money"),
    AmountOutOfRangeError: AmountOutOfRangeError(7, "destroyed"),
    RunEndedError: RunEndedError(60),
    StoreError: StoreError("ledger_missing", "run.sqlite", "there is no ledger"),
    ReplayError: ReplayError(3, "the rules give another posting"),
    FolderError: FolderError("folder_in_use", "out", "another experiment is writing here"),
    ExtraMissingError: ExtraMissingError("Parquet", "polars", "report"),
    WorldMissingError: WorldMissingError(),
    WorldExistsError: WorldExistsError(5),
    WorldUnknownError: WorldUnknownError(),
    TurnConflictError: TurnConflictError(4, 6),
    KeyReusedError: KeyReusedError(5),
    SignatureError: SignatureError(2, 5),
    AlreadySubmittedError: AlreadySubmittedError(5),
}
MESSAGES: Final = {
    ScenarioError: "turns: must be an integer; policy: is missing",
    UsageLogError: "a.csv, line 3: is not JSON; b.csv: is empty",
    InputError: "inputs[2].action.amount: must be an integer",
    PolicyFailedError: "the policy Thrifty failed for agent_3 in turn 7: ValueError: no money",
    AmountOutOfRangeError: (
        "turn 7 would take destroyed beyond 2^62 tokens; nothing was written; "
        "lower the rates or amounts, leave out the input that does it (an engine's operator: "
        "`without` of POST /close), or end the run by a turn without inputs"
    ),
    RunEndedError: "the run ended with turn 60; start a new world to play on",
    StoreError: "run.sqlite: there is no ledger",
    ReplayError: "turn 3: the rules give another posting",
    FolderError: "out: another experiment is writing here",
    ExtraMissingError: (
        "Parquet needs polars; pip install 'sim-economy[report]', "
        "or in a clone: pip install -e '.[report]'"
    ),
    WorldMissingError: "there is no world yet; start one with POST /init",
    WorldExistsError: ("there is a world already, at turn 5; name another ledger for a new one"),
    WorldUnknownError: (
        "there is no world of this name; see GET /worlds, or start it: a name begins with a "
        "small letter or digit, has up to 39 more, - or _ among them, and is not default"
    ),
    TurnConflictError: "turn 4 is not open; send inputs for turn 6",
    SignatureError: (
        "input 2 is not signed by its agent for turn 5 of this world; sign world, turn, agent_id, "
        "action and speech as docs/spec/ledger.md says"
    ),
    AlreadySubmittedError: "this agent has acted in turn 5; wait until it is closed",
    KeyReusedError: "this key closed turn 5 with another request; use a new key",
}


def subclasses(error: type[SimEconomyError]) -> set[type[SimEconomyError]]:
    return {error}.union(*map(subclasses, error.__subclasses__()))


def test_every_error_of_the_core_is_an_example_here() -> None:
    core = {error for error in subclasses(SimEconomyError) if error.__module__ == errors.__name__}
    assert core == {*EXAMPLES, SimEconomyError}


def test_every_error_of_every_module_has_a_code_of_its_own() -> None:
    for module in walk_packages(sim_economy.__path__, "sim_economy."):
        import_module(module.name)
    codes: Counter[str] = Counter()
    for error in subclasses(SimEconomyError):
        several = getattr(error, "CODES", None)
        codes.update([error.code] if several is None else several)
    assert set(codes.values()) == {1}
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.__name__)
def test_an_error_says_what_is_wrong(error: type[SimEconomyError]) -> None:
    example = EXAMPLES[error]
    assert str(example) == MESSAGES[error]
    assert example.code != SimEconomyError.code


@pytest.mark.parametrize("error", [StoreError, FolderError])
def test_an_error_takes_only_codes_it_lists(error: type[StoreError] | type[FolderError]) -> None:
    with pytest.raises(AssertionError):
        error("out_of_luck", "x", "y")


@pytest.mark.parametrize("error", EXAMPLES.values(), ids=lambda error: type(error).__name__)
def test_an_error_comes_whole_out_of_another_process(error: SimEconomyError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.code, vars(again)) == (str(error), error.code, vars(error))
