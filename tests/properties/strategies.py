"""Hypothesis strategies for worlds and for inputs a caller may send."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any

from hypothesis import strategies as st

from sim_economy.core.actions import (
    RECOGNISED,
    Action,
    ArbitratorRuling,
    BidCore,
    Burn,
    ConfirmDelivery,
    DisputeDelivery,
    Idle,
    Input,
    Job,
    Mine,
    ProposeContract,
    SellInformation,
    SignContract,
    Speak,
    Stake,
    Study,
    Transfer,
    Unrecognised,
    Unstake,
)
from sim_economy.core.contracts import OWN_TERMS, ContractKind, Terms
from sim_economy.core.table_reader import Kind, Parameter
from sim_economy.core.units import INPUT_LIMIT, MILLION
from sim_economy.core.world_config import WorldConfig, parameters, parse_world_config

AGENTS_MAX = 6
STRANGERS = ("nobody", "agent_06", "Agent_0", "", "platform")

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
"""Text that any field may hold: no NUL, no lone surrogate."""

units = st.one_of(
    st.sampled_from((0, 0, 50, 100, 101, 300, 1000, INPUT_LIMIT)), st.integers(0, INPUT_LIMIT)
)
amounts = st.one_of(st.integers(1, 1000), st.sampled_from((0, -1, 1, -INPUT_LIMIT, INPUT_LIMIT)))
tips = st.one_of(st.just(0), st.integers(-1, 30), st.sampled_from((INPUT_LIMIT, -INPUT_LIMIT)))
names = st.one_of(
    st.sampled_from([f"agent_{agent}" for agent in range(AGENTS_MAX)]), st.sampled_from(STRANGERS)
)
unrecognised = texts.filter(lambda name: name not in RECOGNISED).map(Unrecognised)


GOOD = "a map"
contract_ids = st.one_of(st.integers(1, 12), st.integers(-1, INPUT_LIMIT))
one_or_many = st.one_of(st.none(), contract_ids, st.lists(contract_ids, max_size=5).map(tuple))
goods = st.sampled_from((GOOD, GOOD, "another", None))
hashes = st.sampled_from((sha256(GOOD.encode()).hexdigest(), "ab", None))
figures = st.one_of(st.none(), st.integers(0, 60), amounts)
any_terms = st.builds(
    Terms,
    due_turn=st.one_of(st.none(), st.integers(1, 40), amounts),
    settlement=st.sampled_from((None, "attested", "automatic", "never")),
    payload_hash=hashes,
    **{
        term: figures
        for term in Terms.__struct_fields__
        if term not in ("due_turn", "settlement", "payload_hash")
    },
)
"""Terms of no kind in particular; nearly all proposals with them are refused."""


@st.composite
def sound_terms(draw: st.DrawFn, kind: ContractKind) -> Terms:
    """Terms of a kind that a proposal in one of the first turns may have."""
    due_turn = draw(st.integers(3, 30))
    collaterals = [draw(st.integers(0, 30)) for _ in range(3)]
    price = draw(st.integers(0, 40))
    values: dict[str, Any] = {
        "price": price,
        "payload_hash": sha256(GOOD.encode()).hexdigest(),
        "principal": draw(st.integers(1, 100)),
        "premium": draw(st.integers(0, 30)),
        "payout": draw(st.integers(1, 100)),
        "trigger": draw(st.integers(-100, 1100)),
        "cap": draw(st.integers(1, 100)),
        "start_turn": draw(st.integers(max(1, due_turn - 3), due_turn)),
    }
    return Terms(
        due_turn=due_turn,
        proposer_collateral=collaterals[0],
        counterparty_collateral=collaterals[1],
        arbitrator_collateral=max(collaterals[2], price),
        arbitrator_fee=draw(st.integers(0, min(collaterals[:2]))),
        **{term: values[term] for term in OWN_TERMS[kind]},
    )


def proposals(parties: st.SearchStrategy[str]) -> st.SearchStrategy[Action]:
    """Proposals, most of them sound but for their parties."""
    sound = st.sampled_from(list(ContractKind)).flatmap(
        lambda kind: st.builds(
            ProposeContract, st.just(kind.value), parties, parties, sound_terms(kind)
        )
    )
    kinds = st.one_of(st.none(), st.sampled_from([*map(str, ContractKind), "gift"]))
    party = st.one_of(st.none(), parties)
    return st.one_of(
        sound, sound, sound, st.builds(ProposeContract, kinds, party, party, any_terms)
    )


def actions(recipients: st.SearchStrategy[str]) -> st.SearchStrategy[Action]:
    """Any action a caller may send, well-formed but not always allowed."""
    amount = st.one_of(amounts, amounts, amounts, st.none())
    return st.one_of(
        st.sampled_from((Mine(), Mine(), Job(), Study(), Speak(), Idle())),
        st.builds(Stake, amount, tips),
        st.builds(Burn, amount, tips),
        st.builds(Unstake, amount),
        st.builds(Transfer, st.one_of(st.none(), recipients), amount, tips),
        unrecognised,
        proposals(recipients),
        st.builds(SignContract, st.one_of(st.none(), contract_ids)),
        st.builds(SignContract, st.integers(1, 6)),
        st.builds(ConfirmDelivery, one_or_many),
        st.builds(DisputeDelivery, one_or_many),
        st.builds(
            ArbitratorRuling,
            one_or_many,
            st.sampled_from((None, "proposer", "counterparty", "agent_0")),
        ),
        st.builds(SellInformation, st.one_of(st.none(), contract_ids), goods),
        st.builds(BidCore, amount),
    )


inputs = st.builds(
    Input,
    names,
    actions(names),
    units,
    units,
    st.one_of(st.none(), texts),
    st.one_of(st.none(), texts),
)
"""Inputs that a world of at most six agents may meet."""

any_inputs = st.builds(
    Input,
    texts,
    actions(texts),
    units,
    units,
    st.one_of(st.none(), texts),
    st.one_of(st.none(), texts),
)
"""Inputs whose every text is arbitrary."""


def values(parameter: Parameter, default: object) -> st.SearchStrategy[Any]:
    """Every value a parameter may have, as a configuration would hold it."""
    match parameter.kind:
        case Kind.FLAG:
            return st.booleans()
        case Kind.VARIANT:
            return st.sampled_from([str(choice) for choice in type(default)])  # type: ignore[attr-defined]
        case Kind.KEY:
            return st.binary(min_size=16, max_size=64).map(bytes.hex) | st.just("")
        case Kind.COUNT:
            bounds = (parameter.low, parameter.low + 1, parameter.high)
            return st.one_of(st.sampled_from(bounds), st.integers(parameter.low, parameter.high))
        case Kind.RATE | Kind.WEIGHT | Kind.PRICE:
            high = 1 if parameter.kind is Kind.RATE else MILLION
            return st.one_of(
                st.sampled_from((Decimal(0), Decimal("0.000001"), Decimal(high))),
                st.decimals(0, high, places=6),
            )
        case _:
            raise AssertionError(parameter)


def configurations(**fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Flat partial configurations; `fixed` replaces what a parameter may be."""
    defaults = WorldConfig()
    optional = {
        name: values(parameter, getattr(defaults, name)) for name, parameter in parameters().items()
    }
    return st.fixed_dictionaries({}, optional={**optional, **fixed})


allowances = st.one_of(st.sampled_from((0, 1, 300, INPUT_LIMIT)), st.integers(0, INPUT_LIMIT))
schedules = st.one_of(
    st.one_of(st.integers(2, 12), st.just(INPUT_LIMIT)).map(lambda turns: {"period_turns": turns}),
    st.lists(st.integers(1, 40).map(lambda turn: 2 * turn), min_size=1, unique=True).map(
        lambda turns: {"period_starts": sorted(turns)}
    ),
)
"""Periods of two turns or more."""


def incomes(agents: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Every table of income that a world of these agents may have."""
    top_up = st.fixed_dictionaries(
        {"turn": st.integers(1, 30), "agent": agents, "tokens": st.integers(1, INPUT_LIMIT)}
    )
    keys = {
        "allowance": allowances,
        "allowances": st.dictionaries(agents, allowances),
        "carryover_max": allowances,
        "overdraft": st.sampled_from(("carried", "forgiven")),
        "when_empty": st.sampled_from(("debt", "stop", "clip")),
        "top_ups": st.lists(top_up, min_size=1, max_size=5),
    }
    rest = st.fixed_dictionaries({}, optional=keys)
    return st.builds(lambda schedule, given: {**schedule, **given}, schedules, rest)


weights = st.one_of(
    st.sampled_from((Decimal(0), Decimal("0.5"), Decimal("1.5"), Decimal(MILLION))),
    st.decimals(0, MILLION, places=6),
)
rates = st.one_of(
    st.sampled_from((Decimal(0), Decimal("0.25"), Decimal(1))), st.decimals(0, 1, places=6)
)
windows = st.sampled_from((1, 2, 10, INPUT_LIMIT))
wages = st.sampled_from(("follow", "full"))


turns = st.integers(1, 30)
shocks = st.builds(
    lambda *entries: list(entries),
    st.fixed_dictionaries(
        {"turn": turns, "target": st.just("usage"), "factor": weights},
        optional={"until": st.just(30)},
    ),
    st.fixed_dictionaries({"turn": turns, "target": st.just("job_pay"), "factor": weights}),
    st.fixed_dictionaries({"turn": turns, "target": st.just("study_discount"), "value": rates}),
    st.fixed_dictionaries(
        {
            "turn": turns,
            "target": st.sampled_from(("gain", "loss")),
            "agents": st.just(["agent_0"]),
            "tokens": st.integers(1, INPUT_LIMIT),
        }
    ),
)
"""An entry of each sort."""


def governances() -> st.SearchStrategy[dict[str, Any]]:
    """Every table of interventions that a world may have."""
    fee_cap = st.fixed_dictionaries(
        {"cap_ratio": weights},
        optional={
            "base": st.sampled_from(("block_revenue", "productive_surplus")),
            "window_turns": windows,
        },
    )
    debt_rails = {"debt_cap": allowances, "cooldown_turns": windows, "repayment_share": rates}
    monitor = {
        "gini_max": rates,
        "from_turn": windows,
        "response": st.sampled_from(("none", "relief", "levy")),
        "levy_share": rates,
    }
    rules = {
        "wages": wages,
        "fee_cap": fee_cap,
        "shocks": shocks,
        "reinvestment_rebate": st.fixed_dictionaries(
            {}, optional={"rebate_share": rates, "window_turns": windows, "stake_turns": windows}
        ),
        "contract_matching": st.fixed_dictionaries(
            {}, optional={"matches": st.sampled_from(("shown", "counted")), "term_turns": windows}
        ),
        "arbitration_subsidy": st.fixed_dictionaries({}, optional={"small_value": allowances}),
        "debt_rails": st.fixed_dictionaries({}, optional=debt_rails),
        "concentration_monitor": st.fixed_dictionaries({}, optional=monitor),
    }
    return st.fixed_dictionaries({}, optional=rules)


def worlds(preset: Mapping[str, Any]) -> st.SearchStrategy[WorldConfig]:
    """Small worlds of a preset, parameters moved, often to an extreme; half have an income."""
    kept: Mapping[str, st.SearchStrategy[Any]] = {
        "num_agents": st.integers(1, AGENTS_MAX),
        "burn_maturity_turns": st.sampled_from((0, 1, 3, INPUT_LIMIT)),
        "unstake_delay_turns": st.sampled_from((1, 2, 5, INPUT_LIMIT)),
        **{name: st.just(value) for name, value in preset.items()},
        "income": incomes(st.just("agent_0")),
        "cores": st.just({"owners": {"agent_0": 1}}),
        "governance": governances(),
    }
    return st.one_of(
        st.just(parse_world_config(preset)),
        configurations(**kept).map(
            lambda given: parse_world_config(
                {**preset, "num_agents": 3, **given},
            )
        ),
    )
