"""The sentences of the paper that say what came out, from its data."""

from __future__ import annotations

import statistics
from itertools import product

from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.statistics.equivalence import paired_equivalence
from sim_economy.studies.findings.study_effects import is_turned, settled_kind
from sim_economy.studies.study_outcomes import OUTCOMES
from tests.docs.paper_data import INSOLVENT, Data, share, signed
from tests.docs.paper_tables import shares


def off_sentence(data: Data) -> str:
    """Insolvency without a rule at each horizon."""
    said = [
        f"{number(data.mean(data.first.name, 'off', own.turns, INSOLVENT), 1)} % over "
        f"{own.turns:,} turns"
        for own in data.first.horizons
    ]
    return ", ".join(said)


def smallest_sentence(data: Data) -> str:
    """The smallest differences worth acting on, as the study states them."""
    said = []
    for own in data.study.outcomes:
        unit = "points" if OUTCOMES[own.name].unit == "%" else OUTCOMES[own.name].unit
        said.append(f"{own.smallest_effect:g} {unit} of {OUTCOMES[own.name].text}")
    return ", ".join(said)


def loans_sentence(data: Data) -> str:
    """What was lent and is owed at each horizon, under rules at their doses."""
    said = [
        f"{arm}, {turn:,} turns: of {number(lent, 0)} tokens lent a run "
        f"{number(100 * owed / lent, 1)} % are owed at the end"
        for arm, turn, lent, owed in data.facts["loans"]
    ]
    return f"{'; '.join(said)}." if said else "No rule lent anything."


def matched_sentence(data: Data) -> str:
    """How often a rule and a reference at equal tokens differ by nothing that matters."""
    first = data.first.name
    said = []
    for reference in data.study.references:
        alike = compared = 0
        for arm, horizon in product(data.tried(), data.first.horizons):
            name = f"{reference.name} as much as {arm} by turn {horizon.turns}"
            if (first, name, horizon.turns) not in data.arms:
                continue
            differences = data.differences(first, arm, horizon.turns, INSOLVENT, name)
            compared += 1
            smallest = data.smallest[INSOLVENT]
            alike += paired_equivalence(differences, smallest).is_equivalent
        said.append(f"a {reference.name} in {alike} of {compared}")
    text = " and ".join(said)
    return f"A rule ends as near as makes no difference (two one-sided tests) to {text} cells."


def modes_sentence(data: Data) -> str:
    """What rules change with behaviour held fixed, and with agents deciding again."""
    first, last = data.first.name, data.last
    fixed = [
        statistics.fmean(data.differences(first, f"{arm}, behaviour held fixed", last, INSOLVENT))
        for arm in data.tried()
    ]
    again = [
        statistics.fmean(data.differences(first, arm, last, INSOLVENT)) for arm in data.tried()
    ]
    return (
        f"With what agents decided held fixed the rules change agent-turns below zero by "
        f"{signed(min(fixed))} to {signed(max(fixed))} points; with agents deciding again by "
        f"{signed(min(again))} to {signed(max(again))}."
    )


def trained_sentence(data: Data) -> str:
    """How trained agents end, under every rule and under none, and the platform."""
    arms = [(arm, repeat) for arm in ("off", *data.tried()) for repeat in _repeats(data)]
    if not arms:
        return ""
    insolvent = [data.trained_mean(*own, INSOLVENT) for own in arms]
    platform = [data.trained_mean(*own, "platform") for own in arms]
    return (
        f"Trained agents are below zero in {share(insolvent)} % of agent-turns after {data.last:,} "
        f"turns, over all {len(arms)} trainings, against a rule or against none; the platform ends "
        f"with {number(min(platform), 0)} to {number(max(platform), 0)} tokens."
    )


def _repeats(data: Data) -> range:
    return range(1, data.repeats + 1)


def robustness_sentence(data: Data) -> str:
    """Which answers turn where one factor of the world is changed."""
    turned, told, answers = [], 0, 0
    for check in data.study.robustness:
        for horizon, arm in product(check.behaviour.horizons, data.tried()):
            own = data.kind(data.first.name, arm, horizon.turns, INSOLVENT)
            there = data.kind(check.behaviour.name, arm, horizon.turns, INSOLVENT)
            answers += 1
            told += None not in {settled_kind(own), settled_kind(there)}
            if is_turned(own, there):
                ends = shares(data, check.behaviour.name, arm, horizon.turns)
                turned.append(
                    f"{arm} under {check.name} after {horizon.turns:,} turns, {own} → {there} "
                    f"({ends} %)"
                )
    text = (
        f"Of {answers} answers on insolvency {told} can be compared with those of the study's own "
        f"world (the others are unclear, or leave no room to matter); {len(turned)} turn"
    )
    return f"{text}: {'; '.join(turned)}." if turned else f"{text}."
