"""Failures a caller can handle: one base class, a stable code each, typed fields."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar


class SimEconomyError(Exception):
    """A failure of the caller or of the world, never a rule's refusal.

    Attributes:
        code: A stable name for programs; the message is for people.
    """

    code: str = "sim_economy_error"

    def __reduce__(self) -> tuple[Any, ...]:
        """The error as it is, for another process; its constructor takes other arguments."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[SimEconomyError], args: tuple[object, ...], fields: dict[str, Any]
) -> SimEconomyError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class ScenarioError(SimEconomyError):
    """A scenario that cannot be played; carries every problem found, not the first.

    Attributes:
        file: The file they were found in, with what was changed; empty where there is none.
    """

    code = "scenario_invalid"

    def __init__(self, problems: list[str], file: str = "") -> None:
        self.problems = problems
        self.file = file
        super().__init__("; ".join(problems))

    def __str__(self) -> str:
        """All problems, after the name of the file."""
        problems = "; ".join(self.problems)
        return f"{self.file}: {problems}" if self.file else problems


class UsageLogError(SimEconomyError):
    """Logs of usage that cannot be imported; carries every problem found, not the first.

    Attributes:
        problems: Where each was found, by file and line, and what to do; nothing of the content.
    """

    code = "usage_invalid"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class PolicyFailedError(SimEconomyError):
    """A policy that raised instead of deciding; the turn it was asked for is not played.

    Attributes:
        cause: What it raised, and where.
    """

    code = "policy_failed"

    def __init__(self, policy: str, agent_id: str, turn: int, cause: str) -> None:
        self.agent_id = agent_id
        self.turn = turn
        self.cause = cause
        super().__init__(f"the policy {policy} failed for {agent_id} in turn {turn}: {cause}")


class InputError(SimEconomyError):
    """An input of the wrong shape, type or size.

    Attributes:
        field: Where it is, as a path such as `inputs[2].action.amount`.
    """

    code = "input_invalid"

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}")


class AmountOutOfRangeError(SimEconomyError):
    """A turn that would take an account past 2^62 either way; nothing of it is kept."""

    code = "amount_out_of_range"

    def __init__(self, turn: int, account: str) -> None:
        self.turn = turn
        self.account = account
        super().__init__(
            f"turn {turn} would take {account} beyond 2^62 tokens; nothing was written; "
            "lower the rates or amounts, leave out the input that does it (an engine's operator: "
            "`without` of POST /close), or end the run by a turn without inputs"
        )


class RunEndedError(SimEconomyError):
    """A turn for a run that has declared its end."""

    code = "run_ended"

    def __init__(self, turn: int) -> None:
        self.turn = turn
        super().__init__(f"the run ended with turn {turn}; start a new world to play on")


class StoreError(SimEconomyError):
    """A ledger that cannot be created, opened, read or written.

    Attributes:
        code: `ledger_missing`, `ledger_exists`, `ledger_in_use`, `ledger_format`,
            `ledger_damaged`, `ledger_unwritable`, `ledger_unwitnessed`,
            `ledger_rolled_back`, `ledger_foreign`, `ledger_unreadable`,
            `store_unreachable`, `credentials_missing` or `access_unstated`.
        path: The ledger's file or location, or what stands for it.
    """

    CODES: ClassVar[frozenset[str]] = frozenset(
        {
            "ledger_missing",
            "ledger_exists",
            "ledger_in_use",
            "ledger_format",
            "ledger_damaged",
            "ledger_unwritable",
            "ledger_unwitnessed",
            "ledger_rolled_back",
            "ledger_foreign",
            "store_unreachable",
            "credentials_missing",
            "access_unstated",
            "ledger_unreadable",
        }
    )

    def __init__(self, code: str, path: str, problem: str) -> None:
        assert code in self.CODES, code
        self.code = code
        self.path = path
        super().__init__(f"{path}: {problem}")


class ReplayError(SimEconomyError):
    """Rules that, on the recorded inputs, do not give the recorded ledger.

    Attributes:
        turn: The first turn that differs.
    """

    code = "replay_differs"

    def __init__(self, turn: int, problem: str) -> None:
        self.turn = turn
        super().__init__(f"turn {turn}: {problem}")


class FolderError(SimEconomyError):
    """An output folder that cannot be used.

    Attributes:
        code: `folder_in_use`, `folder_foreign`, `folder_unwritable`, `folder_unfinished`,
            `settings_changed` or `record_damaged`.
        path: The folder.
    """

    CODES: ClassVar[frozenset[str]] = frozenset(
        {
            "folder_in_use",
            "folder_foreign",
            "folder_unwritable",
            "folder_unfinished",
            "settings_changed",
            "record_damaged",
        }
    )

    def __init__(self, code: str, path: str, problem: str) -> None:
        assert code in self.CODES, code
        self.code = code
        self.path = path
        super().__init__(f"{path}: {problem}")


class ExtraMissingError(SimEconomyError):
    """Work that needs a library of an optional extra that is not installed."""

    code = "extra_missing"

    def __init__(self, work: str, library: str, extra: str) -> None:
        self.extra = extra
        super().__init__(
            f"{work} needs {library}; pip install 'sim-economy[{extra}]', "
            f"or in a clone: pip install -e '.[{extra}]'"
        )


@contextmanager
def needing(work: str, extra: str) -> Iterator[None]:
    """Import what an optional extra brings, or say how to install it.

    Raises:
        ExtraMissingError: A library of it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ExtraMissingError(work, str(error.name), extra) from None


class WorldMissingError(SimEconomyError):
    """A call that needs a world before there is one."""

    code = "world_missing"

    def __init__(self) -> None:
        super().__init__("there is no world yet; start one with POST /init")


class WorldUnknownError(SimEconomyError):
    """A name that no world has, or can have."""

    code = "world_unknown"

    def __init__(self) -> None:
        super().__init__(
            "there is no world of this name; see GET /worlds, or start it: a name begins with a "
            "small letter or digit, has up to 39 more, - or _ among them, and is not default"
        )


class WorldExistsError(SimEconomyError):
    """A world where one exists already."""

    code = "world_exists"

    def __init__(self, turn: int) -> None:
        self.turn = turn
        super().__init__(
            f"there is a world already, at turn {turn}; name another ledger for a new one"
        )


class TurnConflictError(SimEconomyError):
    """A request for a turn that is not the open one.

    Attributes:
        expected: The turn the request is for.
        open_turn: The turn that can be played now.
    """

    code = "turn_conflict"

    def __init__(self, expected: int, open_turn: int) -> None:
        self.expected = expected
        self.open_turn = open_turn
        super().__init__(f"turn {expected} is not open; send inputs for turn {open_turn}")


class AlreadySubmittedError(SimEconomyError):
    """A second action of an agent for the open turn."""

    code = "already_submitted"

    def __init__(self, turn: int) -> None:
        self.turn = turn
        super().__init__(f"this agent has acted in turn {turn}; wait until it is closed")


class SignatureError(SimEconomyError):
    """An input without its agent's signature, in a world whose inputs are signed.

    Attributes:
        index: Its place among the inputs sent.
    """

    code = "signature_invalid"

    def __init__(self, index: int, turn: int) -> None:
        self.index = index
        super().__init__(
            f"input {index} is not signed by its agent for turn {turn} of this world; sign "
            "world, turn, agent_id, action and speech as docs/spec/ledger.md says"
        )


class KeyReusedError(SimEconomyError):
    """An idempotency key that came before with another request."""

    code = "idempotency_key_reused"

    def __init__(self, turn: int) -> None:
        self.turn = turn
        super().__init__(f"this key closed turn {turn} with another request; use a new key")
