"""The agent that does what the successful do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from sim_economy.agents.policies.arbitrators import Arbitrator
from sim_economy.agents.policies.information import Buyer, Seller
from sim_economy.agents.policies.insurers import Insured, Insurer
from sim_economy.agents.policies.lending import Borrower, Lender
from sim_economy.agents.policies.phrases import (
    ARBITRATION,
    FORWARD,
    INFORMATION,
    INSURANCE,
    LOAN,
    SERVICE,
    Offer,
    Seek,
    understood,
)
from sim_economy.agents.policies.pools import Member, Organiser
from sim_economy.agents.policies.services import ServiceClient, ServiceProvider
from sim_economy.agents.policies.trader import Trader
from sim_economy.agents.policy import Move, Policy, View
from sim_economy.core.contracts import Reputation
from sim_economy.core.observation import Observation
from sim_economy.core.table_reader import Kind, Parameter

OFFERERS: Final[Mapping[str, Trader]] = {
    ARBITRATION: Arbitrator(),
    SERVICE: ServiceProvider(),
    INFORMATION: Seller(),
    LOAN: Lender(),
    INSURANCE: Insurer(),
    FORWARD: Organiser(),
}
SEEKERS: Final[Mapping[str, Trader]] = {
    SERVICE: ServiceClient(),
    INFORMATION: Buyer(),
    LOAN: Borrower(),
    INSURANCE: Insured(),
    FORWARD: Member(),
}


class Imitator(Policy, frozen=True):
    """Takes the agent with the best public record for its model and does what that one speaks of.

    All it knows of others is public: records, core owners, the last winner, speech. Without a model
    that spoke it keeps its word and makes a living.
    """

    core_value: Annotated[
        int, Parameter(Kind.COUNT, "settled contracts that owning a core counts for")
    ] = 1
    default_cost: Annotated[
        int, Parameter(Kind.COUNT, "settled contracts that a default takes away")
    ] = 2

    def decide(self, view: View) -> Move:
        """The action its model would choose for it."""
        return self.model(view).decide(view)

    def model(self, view: View) -> Trader:
        """The policy that what the most successful agent said last turn sounds like."""
        seen = view.observation
        others = [name for name in seen.speech if name != view.agent_id]
        for name in sorted(others, key=lambda name: -self.success(seen, name)):
            for phrase in understood(seen.speech[name]):
                match phrase:
                    case Offer(what, _):
                        return OFFERERS[what]
                    case Seek(what, _):
                        return SEEKERS[what]
        return Trader()

    def success(self, seen: Observation, agent_id: str) -> int:
        """The success of an agent, by public facts alone."""
        record = seen.reputations.get(agent_id) or Reputation(agent=-1)
        rulings = record.for_proposers + record.for_counterparties
        failures = self.default_cost * (record.defaulted + record.missed)
        cores = self.core_value * seen.core_owners.get(agent_id, 0)
        return record.settled + rulings + cores + (seen.newest_block.winner == agent_id) - failures
