"""What a prompt says of interventions: those in force in words, shocks once they have come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.core.errors import FolderError
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.orchestrator.dialogue.system_prompt import instructions
from sim_economy.orchestrator.record.call_folder import read_run
from sim_economy.orchestrator.record.transcript import read_transcript
from tests.orchestrator.setup import mocked, play


def prompt(governance: dict[str, Any]) -> str:
    given = {"num_agents": 3, **({"governance": governance} if governance else {})}
    return instructions(parse_world_config(given), 9, "prompted")


RULES: Final[dict[str, dict[str, Any]]] = {
    "fee_cap": {"cap_ratio": 3, "window_turns": 7},
    "reinvestment_rebate": {"stake_min": 77},
    "debt_rails": {"debt_cap": 444},
    "concentration_monitor": {"from_turn": 33},
}
SAYS: Final = {
    "fee_cap": "in 7 turns is at most 3.0 times the tips of those turns and 50 tokens a turn",
    "reinvestment_rebate": "1 for a stake of 77 or more in each of the last 5 turns",
    "debt_rails": "If you are more than 444 tokens below zero",
    "concentration_monitor": "From turn 33 on wealth",
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_that_is_on_is_stated_in_words_and_no_other_is(name: str) -> None:
    text = prompt({name: RULES[name]})
    assert [other for other, words in SAYS.items() if words in text] == [name]


def test_all_rules_are_one_paragraph_before_the_parameters() -> None:
    parts = prompt(RULES).split("\n\n")
    (index,) = (index for index, part in enumerate(parts) if part.startswith("Further rules"))
    assert all(words in parts[index] for words in SAYS.values())
    assert parts[index + 1].startswith("Further parameters: ")
    assert "{" not in parts[index]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"fee_cap": {"cap_ratio": 1}}, "A job pays no more of your usage"),
        ({"fee_cap": {"cap_ratio": 1}, "wages": "full"}, "A job pays as if there were no cap"),
        (
            {"fee_cap": {"cap_ratio": 1, "base": "productive_surplus"}},
            "times the tips, the pay of jobs of those turns and 50 tokens a turn",
        ),
        ({"concentration_monitor": {}}, "above 0.4, that is reported, and nothing else."),
        (
            {"concentration_monitor": {"response": "relief"}},
            "halved in the next turn, and so is what a job pays it.",
        ),
        (
            {"concentration_monitor": {"response": "relief"}, "wages": "full"},
            "halved in the next turn, but not what a job pays it.",
        ),
        (
            {"concentration_monitor": {"response": "levy", "levy_share": 0.3}},
            "the wealthiest pays a part of 0.3 of what it has above the median",
        ),
    ],
)
def test_variants_are_stated_as_they_are(rules: dict[str, Any], words: str) -> None:
    assert words in prompt(rules)


SHOCKED: Final[WorldConfig] = parse_world_config(
    {
        "num_agents": 2,
        "seed": 7,
        "governance": {
            "shocks": [
                {"turn": 3, "until": 4, "target": "study_cost", "value": 61},
                {"turn": 4, "target": "usage", "factor": 2},
            ]
        },
    }
)


TOLD: Final = {
    4: ["Parameters that are not as in the rules: study_cost 61."],
    5: ["Parameters that are not as in the rules: study_cost 61."],
    6: ["Parameters that are as in the rules again: study_cost 50."],
}


def test_a_shock_is_seen_the_turn_after_it_came_and_never_before(tmp_path: Path) -> None:
    """It changes turns 3 and 4, so models see it in their questions of turns 4 and 5."""
    assert prompt({}) == prompt({"shocks": [{"turn": 3, "target": "study_cost", "value": 61}]})
    play(tmp_path, mocked(7, SHOCKED))
    transcript = read_transcript(tmp_path)
    for turn, asked in transcript.agent_turns.items():
        for own in asked:
            told = [line for line in own.saw.split("\n") if line.startswith("Parameters that")]
            assert told == TOLD.get(turn, [])


def test_a_world_with_interventions_never_had_prompts_of_version_1(tmp_path: Path) -> None:
    play(tmp_path, mocked(2, SHOCKED))
    path = tmp_path / "settings.json"
    kept = json.loads(path.read_text())
    assert kept["prompt_version"] == 3
    path.write_text(json.dumps({**kept, "prompt_version": 1}))
    with pytest.raises(FolderError, match="prompt_version was 1, is now 3"):
        read_run(tmp_path)
