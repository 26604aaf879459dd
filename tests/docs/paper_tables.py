"""The tables of the paper, from its data."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import combinations

from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.statistics.interaction import factorial_contrasts
from sim_economy.statistics.intervals import student_interval
from sim_economy.studies.findings.study_decisions import verdict_text
from sim_economy.studies.study_arms import together_name
from sim_economy.studies.treatment_study import StudyBehaviour
from tests.docs.paper_data import INSOLVENT, NET, Data, market_of, signed, span


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def without_table(data: Data) -> str:
    rows = []
    for behaviour in data.study.behaviours:
        for horizon in behaviour.horizons:
            key = behaviour.name, "off", horizon.turns
            rows.append(
                [
                    behaviour.name,
                    f"{horizon.turns:,}",
                    str(len(data.arms[key])),
                    number(data.mean(*key, "insolvent_percent"), 1),
                    number(data.mean(*key, "insolvent_at_end"), 1),
                    number(data.mean(*key, "mean_depth"), 1),
                    number(data.mean(*key, "platform"), 0),
                    number(data.mean(*key, "gini_absolute"), 1),
                    number(data.mean(*key, "action_diversity"), 2),
                ]
            )
    heads = (
        "behaviour", "turns", "runs", "agent-turns below zero (%)", "agents at the end (%)",
        "mean depth of debt",
        "platform's balance", "absolute Gini", "effective actions",
    )  # fmt: skip
    return table(heads, rows)


def rules_table(data: Data) -> str:
    rows = []
    for arm in data.tried():
        for horizon in data.first.horizons:
            key = data.first.name, arm, horizon.turns
            rows.append(
                [
                    arm,
                    f"{horizon.turns:,}",
                    data.effect(*key, "insolvent_percent"),
                    data.effect(*key, "worst_wealth"),
                    data.effect(*key, "platform"),
                    data.effect(*key, "platform_net"),
                    data.effect(*key, "gini_absolute"),
                ]
            )
    heads = (
        "rule", "turns", "agent-turns below zero (points)", "poorest agent's wealth",
        "platform's balance", "platform, net", "absolute Gini",
    )  # fmt: skip
    return table(heads, rows)


def behaviours_table(data: Data) -> str:
    own = [each for each in data.study.behaviours if each.scenario.source == "as-run"]
    heads = ["rule", *(f"{each.name}, {each.horizons[-1].turns:,} turns" for each in own)]
    rows = [
        [
            arm,
            *(
                data.effect(each.name, arm, each.horizons[-1].turns, "insolvent_percent")
                for each in own
            ),
        ]
        for arm in data.tried()
    ]
    return table(heads, rows)


def equal_table(data: Data) -> str:
    rows = []
    for arm in data.tried():
        for horizon in data.first.horizons:
            ends = [number(data.mean(data.first.name, arm, horizon.turns, "insolvent_percent"), 1)]
            for reference in data.study.references:
                name = f"{reference.name} as much as {arm} by turn {horizon.turns}"
                key = data.first.name, name, horizon.turns
                ends.append(
                    number(data.mean(*key, "insolvent_percent"), 1)
                    if key in data.arms
                    else "not comparable"
                )
            tokens = number(data.mean(data.first.name, arm, horizon.turns, "granted"), 0)
            rows.append([arm, f"{horizon.turns:,}", tokens, *ends])
    heads = ("rule", "turns", "tokens spared or given, a run", "rule", "tariff cut", "grant")
    return table(heads, rows)


def modes_table(data: Data) -> str:
    rows = []
    for arm in data.tried():
        fixed = f"{arm}, behaviour held fixed"
        displaced = data.facts["displaced"][f"{data.first.name} / {fixed} / {data.last}"]
        by_training = data.trained(arm, data.last, INSOLVENT)
        worlds = [statistics.fmean(run) for run in zip(*by_training, strict=True)]
        trainings = [statistics.fmean(each) for each in by_training]
        rows.append(
            [
                arm,
                data.effect(data.first.name, fixed, data.last, INSOLVENT),
                f"{number(displaced, 1)} %",
                data.effect(data.first.name, arm, data.last, INSOLVENT),
                data.said(worlds, INSOLVENT),
                span(student_interval(trainings)),
            ]
        )
    heads = (
        "rule", "behaviour held fixed", "inputs it displaced", "agents decide again",
        "trained (interval over worlds)", f"interval over {data.repeats} trainings",
    )  # fmt: skip
    return table(heads, rows)


def trained_table(data: Data) -> str:
    """What rules do to wealth and to the platform where agents are trained against them."""
    rows = []
    for arm in data.tried():
        cells = []
        for outcome in ("worst_wealth", NET):
            by_training = data.trained(arm, data.last, outcome)
            worlds = [statistics.fmean(run) for run in zip(*by_training, strict=True)]
            trainings = [statistics.fmean(each) for each in by_training]
            cells += [data.said(worlds, outcome), span(student_interval(trainings))]
        rows.append([arm, *cells])
    over = f"over {data.repeats} trainings"
    heads = ("rule", "poorest agent's wealth (over worlds)", over, "platform, net", over)
    return table(heads, rows)


def wages_table(data: Data) -> str:
    rows = []
    for treatment in data.study.treatments:
        if not treatment.wages:
            continue
        arm = f"{treatment.name} {treatment.dose}"
        for behaviour in data.study.behaviours:
            turns = behaviour.horizons[-1].turns
            rows.append(
                [
                    arm,
                    f"{behaviour.name}, {turns:,} turns",
                    number(data.mean(behaviour.name, "off", turns, "insolvent_percent"), 1),
                    number(data.mean(behaviour.name, arm, turns, "insolvent_percent"), 1),
                    number(
                        data.mean(behaviour.name, f"{arm}, full wages", turns, "insolvent_percent"),
                        1,
                    ),
                ]
            )
    heads = ("rule", "behaviour", "without", "wages follow", "full wages")
    return table(heads, rows)


def together_table(data: Data) -> str:
    rows = []
    doses = {own.name: f"{own.name} {own.dose}" for own in data.study.treatments}
    for (behaviour, arm, turns), runs in data.arms.items():
        parts = arm.split(" + ")
        if runs[0].kind != "together" or turns != data.last or len(parts) != 2:
            continue
        both, one, other, off = (
            {row.seed: row.values["insolvent_percent"] for row in data.arms[behaviour, name, turns]}
            for name in (arm, doses[parts[0]], doses[parts[1]], "off")
        )
        halves = [(both[seed] - one[seed] - other[seed] + off[seed]) / 2 for seed in both]
        rows.append(
            [
                arm,
                data.effect(behaviour, arm, turns, "insolvent_percent"),
                data.said(halves, ""),
            ]
        )
    return table(("together", "both change", "interaction"), sorted(rows))


def market_table(data: Data) -> str:
    behaviour = market_of(data.study)
    turns = behaviour.horizons[-1].turns
    rows = [
        [
            arm,
            data.effect(behaviour.name, arm, turns, "contracts_started"),
            data.effect(behaviour.name, arm, turns, "insolvent_percent"),
            data.effect(behaviour.name, arm, turns, "platform_net"),
        ]
        for arm in data.tried(behaviour.name)
    ]
    heads = ("rule", "contracts started", "agent-turns below zero (points)", "platform, net")
    return table(heads, rows)


def claims_table(data: Data) -> str:
    return table(("claim", "verdict", "what the runs say", "a run"), data.facts["claims"])


def decisions_table(data: Data) -> str:
    """The first screen: each rule at its dose and horizon, and what it comes to elsewhere."""
    first = data.first.name
    others = [own for own in data.study.behaviours if own.name != first]
    rows = []
    for arm in data.tried():
        for horizon in data.first.horizons:
            turns = horizon.turns
            kinds = (data.kind(first, arm, turns, outcome) for outcome in (INSOLVENT, NET))
            rows.append(
                [
                    arm,
                    f"{turns:,}",
                    shares(data, first, arm, turns),
                    signed(statistics.fmean(data.differences(first, arm, turns, NET))),
                    verdict_text(*kinds),
                    *(_elsewhere(data, own.name, arm, turns) for own in others),
                ]
            )
    heads = (
        "rule", "turns", "below zero, %", "platform, net", "verdict",
        *(own.name for own in others),
    )  # fmt: skip
    return table(heads, rows)


def shares(data: Data, behaviour: str, arm: str, turns: int) -> str:
    """Agent-turns below zero without a rule and with it."""
    ends = (data.mean(behaviour, name, turns, INSOLVENT) for name in ("off", arm))
    return " → ".join(number(value, 1) for value in ends)


def _elsewhere(data: Data, behaviour: str, arm: str, turns: int) -> str:
    if (behaviour, arm, turns) not in data.arms:
        return ""
    return str(data.kind(behaviour, arm, turns, INSOLVENT))


def robustness_table(data: Data) -> str:
    """Each rule in worlds with one factor changed, at the horizons that they play."""
    rows = [
        [
            check.name,
            f"{horizon.turns:,}",
            number(data.mean(check.behaviour.name, "off", horizon.turns, INSOLVENT), 1),
            *(
                data.effect(check.behaviour.name, arm, horizon.turns, INSOLVENT)
                for arm in data.tried()
            ),
        ]
        for check in data.study.robustness
        for horizon in check.behaviour.horizons
    ]
    return table(("world", "turns", "without, %", *data.tried()), rows)


def contrasts(
    data: Data, behaviour: StudyBehaviour, turns: int
) -> dict[tuple[str, ...], list[float]]:
    """Contrasts of agent-turns below zero of the full factorial, run by run."""
    combined = data.study.combined(behaviour)
    groups = [group for size in range(len(combined) + 1) for group in combinations(combined, size)]
    cells = {
        frozenset(own.name for own in group): data.values(
            behaviour.name, together_name(group), turns, INSOLVENT
        )
        for group in groups
    }
    names = [tuple(own.name for own in group) for group in groups[1:]]
    return {each: factorial_contrasts(cells, each) for each in names}


def factorial_table(data: Data) -> str:
    """Main effects, and of each order the contrasts that are farthest from zero."""
    rows = []
    for behaviour in (data.first, market_of(data.study)):
        turns = behaviour.horizons[-1].turns
        found = contrasts(data, behaviour, turns)
        for order in range(1, len(data.study.combined(behaviour)) + 1):
            same = {names: runs for names, runs in found.items() if len(names) == order}
            ranked = sorted(same, key=lambda names: -abs(statistics.fmean(same[names])))
            rows += [
                [
                    f"{behaviour.name}, {turns:,} turns",
                    str(order),
                    " x ".join(names),
                    data.said(same[names], ""),
                ]
                for names in (ranked if order == 1 else ranked[:2])
            ]
    return table(("behaviour", "order", "rules", "contrast (points)"), rows)


def shocks_table(data: Data) -> str:
    """After each shock: levels without and with it, differences, and the way back."""
    rows = [
        [
            str(shock), str(arm), number(without, 1), str(level), str(depth),
            number(total_without, 0), str(total), str(area), f"{number(back, 0)} %", str(turns),
        ]
        for (
            _, shock, arm, _, _, without, level, depth, total_without, total, area, back, turns,
        ) in data.facts["shocks"]
    ]  # fmt: skip
    heads = (
        "shock", "rule", "agents below zero at the deepest, without", "with", "difference",
        "agent-turns below zero from the shock on, without", "with", "difference",
        "runs back inside the band", "turns until half are",
    )  # fmt: skip
    return table(heads, rows)


def incidence_table(data: Data) -> str:
    """Who paid for each rule, and who received."""
    rows = [
        [str(arm), str(what), str(payer), str(taker), number(tokens, 0), f"{number(part, 1)} %"]
        for _, _, arm, what, payer, taker, tokens, _, part in data.facts["incidence"]
    ]
    heads = ("rule", "what", "paid by", "received by", "tokens a run", "turns in which it acts")
    return table(heads, rows)


def sources_table(data: Data) -> str:
    """Sources and uses of tokens of the platform and of the agents, by arm."""
    heads, *rows = data.facts["sources"]
    return table(heads, [[*row[:3], *(number(own, 0) for own in row[3:])] for row in rows])
