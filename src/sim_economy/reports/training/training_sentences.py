"""What a training reached, and what its policy does, in sentences."""

from __future__ import annotations

from typing import Final

from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_code, markdown_text
from sim_economy.reports.page.document import sourced
from sim_economy.reports.tables import shown
from sim_economy.reports.training.training_frames import TrainingFrames

OUTCOMES_CSV: Final = "tables/outcomes.csv"
_WEIGHTS_NAMED: Final = 6


def answer(frames: TrainingFrames) -> str:
    """What the trained policy reaches on fresh seeds, in one sentence; Markdown."""
    count = len(frames.generations)
    trained = f"Trained for {count:,} generation{'' if count == 1 else 's'}"
    against = f" against {' and '.join(map(markdown_text, frames.rules))}" if frames.rules else ""
    new, old = (
        sourced(_shown(value), OUTCOMES_CSV, row, "mean")
        for value, row in ((frames.trained_mean, "trained"), (frames.own_mean, "own"))
    )
    return (
        f"{trained}{against}, {frames.who} {new}{frames.unit} instead of {old} "
        f"{frames.before}, on {len(frames.own):,} fresh seeds ({difference(frames)})."
    )


def difference(frames: TrainingFrames) -> str:
    """The mean difference with its interval, or that it is a certain one."""
    mean = number(frames.trained_mean - frames.own_mean, 1)
    low, high = frames.interval
    if len({*frames.differences}) == 1:
        return f"difference {mean}, the same on every seed"
    assert low is not None, frames.name
    assert high is not None, frames.name
    unsure = ": no difference that is clear" if low <= 0 <= high else ""
    return f"difference {mean}, 95 % {number(low, 1)} to {number(high, 1)}{unsure}"


def _shown(value: float) -> str:
    return number(value, 0 if abs(value) >= 100 else 2)


def deeds(frames: TrainingFrames) -> list[str]:
    """What the trained policy does, a sentence each; Markdown."""
    said = [f"Rule: {markdown_code(text)}." for text in frames.rule_texts]
    if frames.weights:
        largest = sorted(frames.numbers, key=lambda own: -abs(own.value))[:_WEIGHTS_NAMED]
        said += [
            f"{markdown_code(own.name)} weighs {markdown_text(shown(own.value))}."
            for own in largest
            if own.value
        ]
    else:
        said += [
            f"{markdown_code(f'{own.name} = {own.value:g}')}"
            f"{f': {markdown_text(own.meaning)}' if own.meaning else ''} "
            f"({shown(own.start)} before)."
            for own in frames.numbers
        ]
    return [*said, _shares(frames)]


def _shares(frames: TrainingFrames) -> str:
    """How often each action was sent, of all agents of the world."""
    parts = [
        f"{name.removeprefix('actions_')} {_percent(new, frames)} (before {_percent(old, frames)})"
        for name, (old, new) in frames.metrics.items()
        if name.startswith("actions_") and (old or new)
    ]
    return f"Of all agents' turns: {', '.join(parts)}."


def _percent(count: float, frames: TrainingFrames) -> str:
    return f"{number(100 * count / frames.agent_turns, 1)} %"
