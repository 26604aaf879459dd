"""Settings of orchestrated runs: the `[orchestrator]`, `[models]` and `[[minds]]` tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from json import loads
from pathlib import Path
from typing import Any, Final

from msgspec import DecodeError, Struct, convert, field, to_builtins
from msgspec.json import decode
from msgspec.structs import fields

from sim_economy.agents.catalogue import policy_named, settings_of
from sim_economy.core.codec import canonical
from sim_economy.core.errors import ScenarioError
from sim_economy.core.world_config import WorldConfig, unknown_key
from sim_economy.orchestrator import checks
from sim_economy.orchestrator.checks import Check
from sim_economy.orchestrator.dialogue.messages import CallFailure, ModelUsage, Money
from sim_economy.orchestrator.prices import PriceTable, read_prices

TABLES: Final = ("orchestrator", "models", "minds")
"""The tables of a scenario file that are read here."""

PROVIDERS: Final = ("mock", "openai-compatible", "openai", "anthropic", "google")
OUTPUTS: Final = ("prompted", "tool", "native")


class ScriptLine(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """One line of a mock's script.

    Attributes:
        reply: The text; None where the call fails.
        fails: With which failure.
        usage: What it took; None where the provider does not say.
    """

    turn: int
    agent: str
    attempt: int = 0
    reply: str | None = None
    fails: CallFailure | None = None
    retry_after: float | None = None
    stop_reason: str = field(default="stop", name="ended")
    usage: ModelUsage | None = field(default=None, name="tokens")


class ModelSetting(Struct, frozen=True, kw_only=True):
    """One `[models.NAME]` table.

    Attributes:
        model: The provider's name for it.
        api_key_variable: The environment variable that holds the key.
        plays: Of a mock: `talk` or the name of a policy.
        script: Of a mock: replies by (turn, agent id) that go before what it plays.
        extra: Sent as it is, for settings of one server alone.
    """

    name: str
    provider: str
    model: str
    base_url: str | None = None
    api_key_variable: str | None = None
    output: str = "prompted"
    stream: bool = False
    max_output_tokens: int = 1024
    temperature: str | None = None
    reasoning_effort: str | None = None
    plays: str = "talk"
    script: tuple[ScriptLine, ...] = ()
    extra: dict[str, Any] = {}


class AgentBackend(Struct, frozen=True, kw_only=True):
    """The backend of one agent: a model, or a scripted policy that is not asked.

    Attributes:
        parameters: All those of the policy, as a file writes them.
    """

    model: str | None = None
    policy: str | None = None
    parameters: dict[str, Any] = {}
    persona: str = ""


class RunLimits(Struct, frozen=True, kw_only=True):
    """Settings that may change between two sessions of a run: they decide nothing recorded.

    Attributes:
        agent_budget_ends: Whether an agent without budget stops the run, or is idle from then on.
    """

    max_connections: int = field(default=20, name="in_flight")
    calls_per_minute: int | None = None
    budget_tokens: int | None = None
    budget_money: Money | None = None
    agent_budget_tokens: int | None = None
    agent_budget_money: Money | None = None
    agent_budget_ends: str = "stop"
    prices: PriceTable = PriceTable()


class Plan(Struct, frozen=True, kw_only=True):
    """The settings of a run, checked.

    Attributes:
        backends: By agent id.
        limits: What may change when the run is resumed.
        cache: Folder of cached replies.
        deciding: All else, as plain values: a run is resumed only under the same.
    """

    models: dict[str, ModelSetting]
    backends: dict[str, AgentBackend]
    observation: str
    memory_turns: int
    memory_characters: int
    call_deadline: Decimal
    turn_deadline: Decimal
    retries: int
    repairs: int
    backoff: Decimal
    limits: RunLimits
    cache: Path | None
    deciding: dict[str, Any]


def parse_plan(given: Mapping[str, Any], config: WorldConfig | None, folder: Path) -> Plan:
    """A plan from the tables of a scenario file.

    Args:
        config: None where the world itself is not known; then agents are not checked.
        folder: Where relative paths start.

    Raises:
        ScenarioError: With every problem found.
    """
    reader = _Reader(folder)
    loop = reader.table(given.get("orchestrator", {}), _LOOP, "orchestrator")
    models = reader.models(given.get("models", {}))
    backends = reader.backends(given.get("minds", []), models, config)
    limits = reader.limits(loop, models, backends)
    if loop["observation"] != "full":
        reader.problems += [
            f'models.{name}.plays: a policy needs observation = "full" under [orchestrator]'
            for name, model in models.items()
            if model.plays != "talk"
        ]
    if reader.problems:
        raise ScenarioError(reader.problems)
    decided = {key: value for key, value in loop.items() if key not in _OPERATIONAL}
    deciding = {
        "orchestrator": {key: _plain(value) for key, value in decided.items()},
        "models": {name: to_builtins(model) for name, model in models.items()},
        "minds": {agent_id: to_builtins(backend) for agent_id, backend in backends.items()},
    }
    cache = folder / loop["cache"] if loop["cache"] else None
    return plan_of(deciding, limits, cache)


def plan_of(
    deciding: dict[str, Any], limits: RunLimits | None = None, cache: Path | None = None
) -> Plan:
    """A plan from the plain values that decide it, as a run's folder keeps them."""
    loop = deciding["orchestrator"]
    return Plan(
        models=convert(deciding["models"], dict[str, ModelSetting]),
        backends=convert(deciding["minds"], dict[str, AgentBackend]),
        observation=loop["observation"],
        memory_turns=loop["memory_turns"],
        memory_characters=loop["memory_characters"],
        call_deadline=Decimal(loop["call_deadline_seconds"]),
        turn_deadline=Decimal(loop["turn_deadline_seconds"]),
        retries=loop["retries"],
        repairs=loop["repairs"],
        backoff=Decimal(loop["backoff_seconds"]),
        limits=limits or RunLimits(),
        cache=cache,
        deciding=deciding,
    )


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


_LOOP: Final[Mapping[str, tuple[Check, Any]]] = {
    "observation": (checks.one_of("own", "full"), "own"),
    "memory_turns": (checks.whole(0, 1000), 5),
    "memory_characters": (checks.whole(0, 1_000_000), 4000),
    "call_deadline_seconds": (checks.seconds, Decimal(60)),
    "turn_deadline_seconds": (checks.seconds, Decimal(300)),
    "retries": (checks.whole(0, 20), 3),
    "repairs": (checks.whole(0, 10), 1),
    "backoff_seconds": (checks.seconds, Decimal(1)),
    "cache": (checks.text, None),
    "in_flight": (checks.whole(1, 10_000), 20),
    "calls_per_minute": (checks.whole(1, 1_000_000), None),
    "budget_tokens": (checks.whole(1, 2**53), None),
    "budget_money": (checks.money, None),
    "agent_budget_tokens": (checks.whole(1, 2**53), None),
    "agent_budget_money": (checks.money, None),
    "agent_budget_ends": (checks.one_of("stop", "idle"), "stop"),
    "prices": (checks.text, None),
}
_OPERATIONAL: Final = frozenset(
    {
        "cache", "in_flight", "calls_per_minute", "budget_tokens", "budget_money",
        "agent_budget_tokens", "agent_budget_money", "agent_budget_ends", "prices",
    }
)  # fmt: skip
_MODEL: Final[Mapping[str, tuple[Check, Any]]] = {
    "provider": (checks.one_of(*PROVIDERS), None),
    "model": (checks.text, None),
    "base_url": (checks.address, None),
    "api_key_variable": (checks.variable, None),
    "output": (checks.one_of(*OUTPUTS), "prompted"),
    "stream": (checks.flag, False),
    "max_output_tokens": (checks.whole(1, 1_000_000), 1024),
    "temperature": (checks.number, None),
    "reasoning_effort": (checks.text, None),
    "plays": (checks.plays, "talk"),
    "script": (checks.text, None),
    "extra": (checks.extra, {}),
}
_MOCK_ONLY: Final = ("plays", "script")
_HOSTED_ONLY: Final = ("base_url", "api_key_variable", "reasoning_effort", "extra", "stream")
_KEY_VARIABLES: Final[Mapping[str, str]] = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "google": "GOOGLE_API_KEY",
}
_BACKEND: Final[Mapping[str, tuple[Check, Any]]] = {
    "model": (checks.text, None),
    "policy": (checks.text, None),
    "persona": (checks.text, ""),
}


class _Reader:
    """Tables into values, every problem into one list."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[str] = []

    def table(
        self, given: Any, known: Mapping[str, tuple[Check, Any]], key_path: str
    ) -> dict[str, Any]:
        """The values of a table, defaults where it is silent or wrong."""
        values = {key: default for key, (_, default) in known.items()}
        if not isinstance(given, Mapping):
            self.problems.append(f"{key_path}: must be a table")
            return values
        for key, value in given.items():
            if key not in known:
                self.problems.append(f"{key_path}.{unknown_key(key, known)}")
                continue
            try:
                values[key] = known[key][0](value)
            except ValueError as error:
                self.problems.append(f"{key_path}.{key}: {error}")
        return values

    def models(self, given: Any) -> dict[str, ModelSetting]:
        """The `[models.NAME]` tables."""
        if not isinstance(given, Mapping):
            self.problems.append("models: must be tables, such as [models.small]")
            return {}
        return {name: self._model(name, table) for name, table in given.items()}

    def _model(self, name: str, table: Any) -> ModelSetting:
        key_path = f"models.{name}"
        values = self.table(table, _MODEL, key_path)
        stated = table if isinstance(table, Mapping) else {}
        provider = values["provider"]
        if provider is None:
            if "provider" not in stated:
                self.problems.append(f"{key_path}.provider: is missing")
            provider = "mock"
        mock = provider == "mock"
        if mock:
            values["model"] = values["model"] or "mock"
        elif values["model"] is None and "model" not in stated:
            self.problems.append(f"{key_path}.model: is missing")
        if provider == "openai-compatible" and "base_url" not in stated:
            self.problems.append(f"{key_path}.base_url: is missing")
        if provider == "openai" and values["base_url"] is None:
            values["base_url"] = "https://api.openai.com/v1"
        misplaced = _HOSTED_ONLY if mock else _MOCK_ONLY
        self.problems += [
            f"{key_path}.{key}: is not of the {provider} provider"
            for key in misplaced
            if key in stated
        ]
        if values["api_key_variable"] is None:
            values["api_key_variable"] = _KEY_VARIABLES.get(provider)
        values["script"] = self._script(values["script"], f"{key_path}.script")
        return ModelSetting(
            name=name, **{**values, "provider": provider, "model": values["model"] or ""}
        )

    def _script(self, name: str | None, key_path: str) -> tuple[ScriptLine, ...]:
        """The replies of a mock's script, a JSON value on each line."""
        if name is None:
            return ()
        try:
            lines = (self.folder / name).read_bytes().splitlines()
            return tuple(decode(line, type=ScriptLine) for line in lines if line.strip())
        except OSError as error:
            self.problems.append(f"{key_path}: {name} cannot be read: {error.strerror}")
        except (DecodeError, UnicodeDecodeError) as error:
            self.problems.append(f"{key_path}: {name} is not a script: {error}")
        return ()

    def backends(
        self, given: Any, models: Mapping[str, ModelSetting], config: WorldConfig | None
    ) -> dict[str, AgentBackend]:
        """One mind for every agent, from the `[[minds]]` tables in order."""
        if not isinstance(given, Sequence) or isinstance(given, str):
            self.problems.append("minds: must be tables, such as [[minds]]")
            return {}
        if not given:
            self.problems.append("minds: is missing; say [[minds]] model = NAME or policy = NAME")
        taken: dict[str, AgentBackend] = {}
        for number, table in enumerate(given, 1):
            key_path = f"minds[{number}]"
            stated = dict(table) if isinstance(table, Mapping) else {}
            agents = stated.pop("agents", None)
            parameters = self._parameters(stated, key_path)
            values = self.table(stated if isinstance(table, Mapping) else table, _BACKEND, key_path)
            values["parameters"] = parameters
            if ("model" in stated) == ("policy" in stated):
                self.problems.append(f"{key_path}: must name a model or a policy, not both")
            elif values["model"] is not None and values["model"] not in models:
                self.problems.append(f"{key_path}.model: there is no [models.{values['model']}]")
            for agent_id in self._agents(agents, key_path, taken, config) if config else ():
                taken[agent_id] = AgentBackend(**values)
        if config is None:
            return {}
        without = [agent_id for agent_id in config.agent_ids if agent_id not in taken]
        if without and given:
            shown = ", ".join(without[:5]) + (", ..." if len(without) > 5 else "")
            self.problems.append(
                f"minds: no model or policy for {shown}; a last table without agents has all"
            )
        return {agent_id: taken[agent_id] for agent_id in config.agent_ids if agent_id in taken}

    def _parameters(self, stated: dict[str, Any], key_path: str) -> dict[str, Any]:
        """The parameters of a policy's table, which they are taken out of."""
        name = stated.get("policy")
        if not isinstance(name, str):
            return {}
        given = {key: stated.pop(key) for key in list(stated) if key not in _BACKEND}
        try:
            written = settings_of(policy_named(name, given))
        except ScenarioError as error:
            self.problems += [f"{key_path}.{problem}" for problem in error.problems]
            return {}
        plain: dict[str, Any] = loads(canonical(written))
        return plain

    def _agents(
        self, agents: Any, key_path: str, taken: Mapping[str, AgentBackend], config: WorldConfig
    ) -> list[str]:
        """The agents of one table: those it names, or all that are left."""
        if agents is None:
            return [agent_id for agent_id in config.agent_ids if agent_id not in taken]
        if not isinstance(agents, list) or not all(isinstance(name, str) for name in agents):
            self.problems.append(f"{key_path}.agents: must be a list of agent ids")
            return []
        self.problems += [
            f"{key_path}.agents: there is no {name} in this world"
            for name in agents
            if name not in config.agent_ids
        ]
        self.problems += [
            f"{key_path}.agents: {name} is named before" for name in agents if name in taken
        ]
        return [name for name in agents if name in config.agent_ids and name not in taken]

    def limits(
        self,
        loop: Mapping[str, Any],
        models: Mapping[str, ModelSetting],
        backends: Mapping[str, AgentBackend],
    ) -> RunLimits:
        """The limits; a budget of money needs a price for every model that is asked."""
        prices = PriceTable()
        if loop["prices"] is not None:
            try:
                prices = read_prices(self.folder / loop["prices"], "orchestrator.prices")
            except ScenarioError as error:
                self.problems += error.problems
        asked = {backend.model for backend in backends.values() if backend.model in models}
        if loop["budget_money"] is not None or loop["agent_budget_money"] is not None:
            for name in sorted(str(name) for name in asked):
                wanted = models[name].model
                if models[name].provider != "mock" and wanted not in prices.prices:
                    self.problems.append(
                        f"orchestrator.prices: a budget of money needs the price of {wanted}"
                    )
        given: dict[str, Any] = {
            limit.name: loop.get(limit.encode_name) for limit in fields(RunLimits)
        }
        return RunLimits(**{**given, "prices": prices})
