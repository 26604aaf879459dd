"""Linear policies: scores of whole numbers, and what is wrong with weights."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import sim_economy as se
from sim_economy.agents.catalogue import policy_named, settings_of
from sim_economy.agents.policies.linear_policy import Linear
from sim_economy.batch.decisions.decision_codes import LINEAR_LIMIT, LINEAR_SCALES
from sim_economy.core.actions import Burn, Idle, Job, Mine, Stake, Transfer, Unstake
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import NumberText
from sim_economy.scenarios.scenario import load_scenario
from tests.agents.test_rules import view_of

COLUMNS: Final = [*LINEAR_SCALES]


def linear(actions: list[str], *rows: dict[str, Any]) -> Linear:
    policy = policy_named("linear", {"actions": actions, "weights": list(rows)})
    assert isinstance(policy, Linear)
    return policy


def test_the_highest_score_wins_and_of_equals_the_first() -> None:
    balance = {"balance": 1}
    assert linear(["mine", "job"], {}, {}).decide(view_of()) == Mine()
    assert linear(["mine", "job"], {}, balance).decide(view_of()) == Job()
    assert linear(["mine", "job"], balance, {"bias": Decimal("0.1")}).decide(view_of()) == Mine()
    assert linear(["mine", "job"], {"bias": -1}, {}).decide(view_of()) == Job()


@pytest.mark.parametrize(
    ("feature", "held", "scaled"),
    [
        ("bias", {}, 1000),
        ("balance", {"balance": -7}, -7),
        ("staked", {"staked": 9}, 9),
        ("unstaking", {"unstaking": 4}, 4),
        ("pending", {"pending": 3}, 3),
        ("studies", {"studies": 2}, 200),
        ("burned", {"burned": 6}, 6),
        ("cores", {"cores": 2}, 2000),
        ("employed", {"employed": True}, 1000),
        ("poorest", {"balance": 5}, 1000),
        ("turn", {"turn": 12}, 12),
        ("agent", {}, 1),
        ("num_agents", {}, 4),
        ("balance", {"balance": 10**12}, LINEAR_LIMIT),
        ("balance", {"balance": -(10**12)}, -LINEAR_LIMIT),
        ("cores", {"cores": 5000}, LINEAR_LIMIT),
    ],
)
def test_a_feature_is_scaled_as_the_page_says(
    feature: str, held: dict[str, Any], scaled: int
) -> None:
    """The bias, at a weight of so many thousandths, is just as much; one more is more."""

    def beaten(thousandths: int) -> bool:
        rival = {"bias": Decimal(thousandths) / 1000}
        if abs(thousandths) > 1000 * 1000:
            rival = {"bias": Decimal(thousandths) / 1_000_000}
        return linear(["mine", "job"], {feature: 1}, rival).decide(view_of(**held)) == Mine()

    if abs(scaled) == LINEAR_LIMIT:
        near = {"bias": 1000 if scaled > 0 else -1000}
        chosen = linear(["mine", "job"], {feature: 1}, near).decide(view_of(**held))
        assert chosen == Mine()
        more = {"bias": 1000} if scaled > 0 else {"bias": Decimal("-999.999")}
        less = {feature: Decimal("0.999999")} if scaled > 0 else {feature: 1}
        assert linear(["mine", "job"], less, more).decide(view_of(**held)) == Job()
    else:
        assert beaten(scaled)
        assert not beaten(scaled + 1)


def test_every_feature_has_a_scale_on_the_page() -> None:
    text = (Path(__file__).parents[2] / "docs/policies.md").read_text(encoding="utf-8")
    section = text.partition("### `linear`\n")[2].partition("\n### ")[0]
    for name, scale in LINEAR_SCALES.items():
        assert f"| `{name}` | {scale:,} |" in section, name
    assert f"{LINEAR_LIMIT:,}" in section


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("stake 5 fee 1", Stake(5, 1)),
        ("unstake", Unstake()),
        ("burn 3", Burn(3)),
        ("idle", Idle()),
        ("transfer 4 to poorest", Transfer("agent_0", 4)),
    ],
)
def test_an_action_is_written_as_in_a_rule(text: str, action: se.Action) -> None:
    assert linear([text], {}).decide(view_of()) == action


def test_weights_come_in_rows_in_tables_and_from_numpy() -> None:
    row: list[Any] = [0] * len(COLUMNS)
    row[COLUMNS.index("balance")] = NumberText("0.25")
    table = linear(["mine", "job"], {"balance": Decimal("0.25")}, {})
    rows = policy_named("linear", {"actions": ["mine", "job"], "weights": [row, {}]})
    matrix = np.zeros((2, len(COLUMNS)), np.int64)
    matrix[0, COLUMNS.index("balance")] = 250_000
    actions: Any = ["mine", "job"]
    assert table == rows == Linear(actions, matrix)  # type: ignore[arg-type]
    assert policy_named("linear", settings_of(table)) == table


def test_a_folder_keeps_the_weights(tmp_path: Path) -> None:
    table = {"name": "linear", "actions": ["mine", "job"], "weights": [{}, {"turn": 0.125}]}
    played = se.experiment("as-run", tmp_path / "out", turns=2, runs=1, policy=table)
    assert played.runs[0].series.actions == [{"job": 8}] * 2
    kept = json.loads((tmp_path / "out/manifest.json").read_text())["settings"]["population"][0]
    assert kept["weights"][1][COLUMNS.index("turn")] == "0.125"
    assert (
        load_scenario(tmp_path / "out").policies
        == load_scenario("as-run", {"policy": table}).policies
    )


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"actions": ["mine"], "weights": [{}, {}]},
         "weights: 2 rows for 1 actions; each action needs its row"),
        ({"actions": ["mine", "jog"]}, "actions[1]: expected one of mine, job,"),
        ({"actions": "mine"}, "actions: must be a list of texts"),
        ({"actions": ["stake size"]}, "actions[0]: expected a whole number"),
        ({"weights": [[1]]}, "weights: a row must have 13 numbers: bias, balance,"),
        ({"weights": [{"balanc": 1}]}, "weights: balanc: unknown key; did you mean balance?"),
        ({"weights": [{"balance": 1001}]}, "weights: must be rows of numbers from -1000 to 1000"),
        ({"weights": [{"balance": Decimal("0.0000001")}]}, "weights: must have at most 6 decimal"),
        ({"weights": 3}, "weights: must be rows of numbers"),
        ({"weights": [{"balance": "much"}]}, "weights: must be a number"),
    ],
)  # fmt: skip
def test_wrong_weights_are_named(given: dict[str, Any], found: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        policy_named("linear", given)
    (problem,) = caught.value.problems
    assert problem.startswith(found)


@pytest.mark.parametrize("weights", [3, [[0.5] * 13], [["x"] * 13], [[1] * 12], "abc"])
def test_weights_from_python_are_whole_millionths(weights: Any) -> None:
    with pytest.raises(ScenarioError, match="weights: "):
        Linear(("mine",), weights)
