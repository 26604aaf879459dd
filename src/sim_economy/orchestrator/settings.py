"""Settings of orchestrated runs: `[orchestrator]`, `[models]`, and who asks which model."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from decimal import Decimal
from json import dumps, loads
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import DecodeError, Struct, convert, field, to_builtins
from msgspec.json import decode
from msgspec.structs import asdict

from sim_economy.agents.catalogue import offers, settings_of
from sim_economy.agents.population import Group, ModelGroup, parse_groups
from sim_economy.core.codec import canonical
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import (
    Kind,
    NumberText,
    Parameter,
    attempt,
    read_stated,
    read_table,
)
from sim_economy.core.world_config import WorldConfig
from sim_economy.orchestrator.dialogue.messages import CallFailure, ModelUsage, Money
from sim_economy.orchestrator.dialogue.schema_dialects import DIALECTS, SchemaDialect
from sim_economy.orchestrator.prices import PriceTable, read_prices

PROVIDERS: Final = ("mock", "openai-compatible", "openai", "anthropic", "google")
OUTPUTS: Final = ("prompted", "tool", "native")
SCOPES: Final = ("turn", "run")


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


def _plays() -> tuple[str, ...]:
    return ("talk", *offers())


class ModelSetting(Struct, frozen=True, kw_only=True):
    """One `[models.NAME]` table."""

    name: str
    provider: Annotated[str, Parameter(Kind.TEXT, "who answers", choices=PROVIDERS)]
    model: Annotated[str, Parameter(Kind.TEXT, "the provider's name for the model")] = ""
    base_url: Annotated[str | None, Parameter(Kind.ADDRESS, "address of the server")] = None
    api_key_variable: Annotated[
        str | None, Parameter(Kind.VARIABLE, "environment variable that holds the key")
    ] = None
    output: Annotated[
        str, Parameter(Kind.TEXT, "form in which a reply is asked for", choices=OUTPUTS)
    ] = "prompted"
    schema: Annotated[
        str | None,
        Parameter(Kind.TEXT, "whose limits a schema keeps to", choices=tuple(DIALECTS)),
    ] = None
    schema_scope: Annotated[
        str | None,
        Parameter(
            Kind.TEXT,
            "what a schema says: what the agent can do in its turn, or in the whole run",
            choices=SCOPES,
        ),
    ] = None
    stream: Annotated[bool, Parameter(Kind.FLAG, "whether replies are streamed")] = False
    max_output_tokens: Annotated[
        int, Parameter(Kind.COUNT, "most tokens of a reply, reasoning included", 1, 1_000_000)
    ] = 1024
    temperature: Annotated[
        Decimal | None, Parameter(Kind.NUMBER, "sampling temperature", 0, 10)
    ] = None
    reasoning_effort: Annotated[
        str | None, Parameter(Kind.TEXT, "effort of a reasoning model, in the provider's words")
    ] = None
    plays: Annotated[
        str,
        Parameter(Kind.TEXT, "of a mock: talk, or a policy's name", choices=_plays),
    ] = "talk"
    script: Annotated[
        tuple[ScriptLine, ...],
        Parameter(Kind.TEXT, "of a mock: file of replies that go before what it plays"),
    ] = ()
    extra: Annotated[
        dict[str, Any], Parameter(Kind.FREE, "sent as it is, for settings of one server alone")
    ] = {}

    @property
    def dialect(self) -> SchemaDialect:
        """What its server takes of a schema."""
        own = self.provider if self.provider in DIALECTS else "openai-compatible"
        return DIALECTS[self.schema or own]

    @property
    def says_turn(self) -> bool:
        """True if its schema says what an agent can do in its turn, and changes with it."""
        if self.schema_scope is not None:
            return self.schema_scope == "turn"
        return self.output == "native" and not self.dialect.in_prompt


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
    """Keys of `[orchestrator]` that may change between two sessions: they decide nothing recorded.

    Attributes:
        cache: Folder of cached replies.
    """

    cache: Annotated[Path | None, Parameter(Kind.TEXT, "folder of cached replies")] = None
    max_connections: Annotated[int, Parameter(Kind.COUNT, "calls under way at once", 1, 10_000)] = (
        field(default=20, name="in_flight")
    )
    calls_per_minute: Annotated[
        int | None, Parameter(Kind.COUNT, "calls started in a minute", 1, 1_000_000)
    ] = None
    budget_tokens: Annotated[
        int | None, Parameter(Kind.COUNT, "most tokens of the run", 1, 2**53)
    ] = None
    budget_money: Annotated[Money | None, Parameter(Kind.MONEY, "most money of the run")] = None
    agent_budget_tokens: Annotated[
        int | None, Parameter(Kind.COUNT, "most tokens of each agent", 1, 2**53)
    ] = None
    agent_budget_money: Annotated[
        Money | None, Parameter(Kind.MONEY, "most money of each agent")
    ] = None
    agent_budget_ends: Annotated[
        str,
        Parameter(
            Kind.TEXT,
            "what an agent without budget does: stop the run, or be idle from then on",
            choices=("stop", "idle"),
        ),
    ] = "stop"
    prices: Annotated[PriceTable, Parameter(Kind.TEXT, "TOML file of prices of tokens")] = (
        PriceTable()
    )


class TurnSettings(Struct, frozen=True, kw_only=True):
    """Keys of `[orchestrator]` that decide a run: it is resumed only under the same."""

    observation: Annotated[
        str,
        Parameter(
            Kind.TEXT,
            "what a model sees: its own view, or the accounts of all",
            choices=("own", "full"),
        ),
    ] = "own"
    memory_turns: Annotated[
        int, Parameter(Kind.COUNT, "earlier turns a model is shown, on average", 0, 1000)
    ] = 5
    memory_characters: Annotated[
        int, Parameter(Kind.COUNT, "characters of them; at most twice as many", 0, 1_000_000)
    ] = 4000
    call_deadline: Annotated[Decimal, Parameter(Kind.SECONDS, "after which a call has failed")] = (
        field(default=Decimal(60), name="call_deadline_seconds")
    )
    turn_deadline: Annotated[Decimal, Parameter(Kind.SECONDS, "after which an agent is idle")] = (
        field(default=Decimal(300), name="turn_deadline_seconds")
    )
    retries: Annotated[
        int, Parameter(Kind.COUNT, "failed calls tried again, in a turn, for an agent", 0, 20)
    ] = 3
    repairs: Annotated[
        int, Parameter(Kind.COUNT, "unusable replies tried again, likewise", 0, 10)
    ] = 1
    backoff: Annotated[Decimal, Parameter(Kind.SECONDS, "before the first retry; doubles")] = field(
        default=Decimal(1), name="backoff_seconds"
    )


class Plan(TurnSettings, frozen=True, kw_only=True):
    """The settings of a run, checked.

    Attributes:
        backends: By agent id.
        limits: What may change when the run is resumed.
        deciding: All else, as plain values: a run is resumed only under the same.
    """

    models: dict[str, ModelSetting]
    backends: dict[str, AgentBackend]
    limits: RunLimits
    deciding: dict[str, Any]


def parse_plan(given: Mapping[str, Any], config: WorldConfig | None, folder: Path) -> Plan:
    """A plan from the tables of a scenario file.

    Args:
        config: None where the world itself is not known; then agents are not checked.
        folder: Where relative paths start.

    Raises:
        ScenarioError: With every problem found.
    """
    problems: list[str] = []
    loop = read_table(
        (TurnSettings, RunLimits), given.get("orchestrator", {}), "orchestrator", problems
    )
    tables = given.get("models", {})
    if not isinstance(tables, Mapping):
        problems.append("models: must be tables, such as [models.small]")
        tables = {}
    models = {name: _read_model(name, table, folder, problems) for name, table in tables.items()}
    backends = _read_backends(given, models, config, problems)
    limits = _read_limits(loop, models, backends, folder, problems)
    if loop["observation"] != "full":
        problems += [
            f'models.{name}.plays: a policy needs observation = "full" under [orchestrator]'
            for name, model in models.items()
            if model.plays != "talk"
        ]
    if problems:
        raise ScenarioError(problems)
    turns = TurnSettings(**{name: loop[name] for name in TurnSettings.__struct_fields__})
    deciding = to_builtins({"orchestrator": turns, "models": models, "minds": backends})
    for table in deciding["models"].values():
        for key in _LATER:
            if table[key] is None:
                del table[key]
    return plan_of(deciding, limits)


def plan_of(deciding: dict[str, Any], limits: RunLimits | None = None) -> Plan:
    """A plan from the plain values that decide it, as a run's folder keeps them."""
    return Plan(
        **asdict(convert(deciding["orchestrator"], TurnSettings)),
        models=convert(deciding["models"], dict[str, ModelSetting]),
        backends=convert(deciding["minds"], dict[str, AgentBackend]),
        limits=limits or RunLimits(),
        deciding=deciding,
    )


_LATER: Final = ("schema", "schema_scope")
"""Keys of a model that settings state only where they say something; older runs lack them."""

_MOCK_ONLY: Final = ("plays", "script")
_HOSTED_ONLY: Final = (
    "base_url",
    "api_key_variable",
    "reasoning_effort",
    "extra",
    "stream",
    *_LATER,
)
_KEY_VARIABLES: Final[Mapping[str, str]] = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "google": "GOOGLE_API_KEY",
}


def _read_model(name: str, table: Any, folder: Path, problems: list[str]) -> ModelSetting:
    """One `[models.NAME]` table."""
    path = f"models.{name}"
    values = read_table(ModelSetting, table, path, problems)
    stated = table if isinstance(table, Mapping) else {}
    provider = values.setdefault("provider", "mock")
    if "provider" in stated:
        problems += _provider_problems(provider, stated, path)
    if provider == "mock":
        values["model"] = values["model"] or "mock"
    if provider == "openai" and values["base_url"] is None:
        values["base_url"] = "https://api.openai.com/v1"
    if values["api_key_variable"] is None:
        values["api_key_variable"] = _KEY_VARIABLES.get(provider)
    if values["script"]:
        values["script"] = _read_script(folder, values["script"], f"{path}.script", problems)
    values["extra"] = _as_json(values["extra"])
    try:
        dumps(values["extra"], allow_nan=False)
    except ValueError:
        problems.append(f"{path}.extra: must not hold nan or inf")
    return ModelSetting(name=name, **values)


def _as_json(value: Any) -> Any:
    """A free table as a server gets it, its numbers as JSON has them."""
    match value:
        case NumberText():
            return float(value)
        case Mapping():
            return {str(key): _as_json(part) for key, part in value.items()}
        case list():
            return [_as_json(part) for part in value]
        case _:
            return value


def _provider_problems(provider: str, stated: Mapping[str, Any], path: str) -> Iterator[str]:
    """Keys that a provider needs and that are not stated, and stated ones that it does not know."""
    if provider != "mock" and "model" not in stated:
        yield f"{path}.model: is missing"
    if provider == "openai-compatible" and "base_url" not in stated:
        yield f"{path}.base_url: is missing"
    if provider in DIALECTS and provider != "openai-compatible" and "schema" in stated:
        yield f"{path}.schema: is known of the {provider} provider; leave it out"
    for key in _HOSTED_ONLY if provider == "mock" else _MOCK_ONLY:
        if key in stated:
            yield f"{path}.{key}: is not of the {provider} provider"


def _read_script(folder: Path, name: str, path: str, problems: list[str]) -> tuple[ScriptLine, ...]:
    """The replies of a mock's script, a JSON value on each line."""
    try:
        text = (folder / name).read_bytes().removeprefix(BOM_UTF8)
    except OSError as error:
        problems.append(f"{path}: {name} cannot be read: {error.strerror}")
        return ()
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            lines += [decode(line, type=ScriptLine)] if line.strip() else []
        except (DecodeError, UnicodeDecodeError, RecursionError) as error:
            problems.append(f"{path}: {name} is not a script, line {number}: {error}")
    return tuple(lines)


def _read_backends(
    given: Mapping[str, Any],
    models: Mapping[str, ModelSetting],
    config: WorldConfig | None,
    problems: list[str],
) -> dict[str, AgentBackend]:
    """The backend of every agent, from `[[population]]`, or from `[[minds]]`, its older name."""
    path, tables = _stated_groups(given, problems)
    groups = tables and attempt(problems, "", parse_groups, tables, config, models, path)
    if not groups or config is None:
        return {}
    backends = {agent: _backend(group) for group in groups for agent in group.agents}
    return {config.agent_ids[agent]: backends[agent] for agent in sorted(backends)}


def _stated_groups(given: Mapping[str, Any], problems: list[str]) -> tuple[str, list[Any] | None]:
    """The tables that say who decides, after the name they stand under."""
    path = "minds" if "minds" in given and "population" not in given else "population"
    if path != "minds" and "minds" in given:
        problems.append("minds: is the older name of population; put its entries there")
    if path not in given:
        what = "policy: gives no agent a model" if "policy" in given else "population: is missing"
        problems.append(f"{what}; say model = NAME in [[population]], or use --mock")
        return path, None
    if "policy" in given:
        problems.append(f"policy: leave it out where {path} says who decides")
    return path, read_stated({path: (_GROUPS, None)}, {path: given[path]}, "", problems).get(path)


_GROUPS: Final = Parameter(Kind.TABLES, "what decides for whom")


def _backend(group: Group | ModelGroup) -> AgentBackend:
    if isinstance(group, ModelGroup):
        return AgentBackend(model=group.model, persona=group.persona)
    parameters = loads(canonical(settings_of(group.policy)))
    return AgentBackend(policy=group.policy_name, parameters=parameters)


def _read_limits(
    loop: Mapping[str, Any],
    models: Mapping[str, ModelSetting],
    backends: Mapping[str, AgentBackend],
    folder: Path,
    problems: list[str],
) -> RunLimits:
    """The limits; a budget of money needs a price for every model that is asked."""
    values = {name: loop[name] for name in RunLimits.__struct_fields__}
    if isinstance(values["prices"], str):
        values["prices"] = read_prices(folder / values["prices"], "orchestrator.prices", problems)
    if values["cache"] is not None:
        values["cache"] = folder / values["cache"]
    limits = RunLimits(**values)
    if limits.budget_money is not None or limits.agent_budget_money is not None:
        asked = {backend.model for backend in backends.values() if backend.model} & models.keys()
        paid = {models[name].model for name in asked if models[name].provider != "mock"}
        problems += [
            f"orchestrator.prices: a budget of money needs the price of {model}"
            for model in sorted(paid - limits.prices.prices.keys())
        ]
    return limits
