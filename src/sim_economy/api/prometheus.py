"""The engine's figures for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from sim_economy.api.request_log import RequestLog
from sim_economy.core.accounts import DESTROYED, PLATFORM
from sim_economy.world.world import World


class _Figures(Collector):
    def __init__(self, world: World | None, answered: Mapping[int, int]) -> None:
        self._world = world
        self._answered = answered

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "sim_engine_requests", "Requests answered, by status", labels=["status"]
        )
        for status, count in sorted(self._answered.items()):
            requests.add_metric([str(status)], count)
        yield requests
        if self._world is None:
            return
        state = self._world.state
        for name, meaning, value in (
            ("turn", "The last closed turn", state.turn),
            ("token_supply_tokens", "What agents own", state.token_supply),
            ("fees_collected_tokens", "Fees of the last turn", state.fees_charged),
            ("platform_tokens", "The platform's balance", state.accounts[PLATFORM]),
            ("destroyed_tokens", "Tokens destroyed so far", state.accounts[DESTROYED]),
            ("agents_below_zero", "Agents in debt", sum(held < 0 for held in state.balances)),
            ("transactions_waiting", "Transactions without a block", len(state.mempool)),
        ):
            yield GaugeMetricFamily(f"sim_engine_{name}", meaning, value)


def exposition(world: World | None, requests: RequestLog) -> tuple[bytes, str]:
    """The text and its media type: a world's figures, and the process's."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(world, requests.answered))
    return generate_latest(registry) + requests.exposition(), CONTENT_TYPE_LATEST
