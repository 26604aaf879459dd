"""Providers: a mock that needs no key, and hosted models."""

from __future__ import annotations

from sim_economy.agents.usage_model import UsageSource
from sim_economy.core.world_config import WorldConfig
from sim_economy.orchestrator.dialogue.messages import Provider
from sim_economy.orchestrator.dialogue.providers.mock import MockProvider
from sim_economy.orchestrator.settings import ModelSetting


def provider_for(setting: ModelSetting, config: WorldConfig, usage: UsageSource) -> Provider:
    """The provider that a model's table names.

    Raises:
        ExtraMissingError: Its library is not installed.
        ScenarioError: Its key is not in the environment.
    """
    if setting.provider == "mock":
        return MockProvider(setting, config, usage)
    from sim_economy.orchestrator.dialogue.providers.hosted import HostedProvider  # noqa: PLC0415

    return HostedProvider(setting)
