"""The worked example of a fleet, run from top to bottom; its prose has the numbers of its runs."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.docs.blocks import ROOT, follow

PAGE = ROOT / "docs/which-rule-for-my-fleet.md"
RULES = ("fee_cap", "reinvestment_rebate", "debt_rails", "earlier_jobs")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every block of the page was run and printed what the page says."""
    folder = tmp_path_factory.mktemp("fleet")
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("COLUMNS", raising=False)  # a pipe is as wide as its lines
        follow(PAGE, folder, [])
    return folder


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    """Each row of the page's tables, by its first cell."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return {line.split("|")[1].strip(): line for line in lines if line.startswith("|")}


def test_the_answer_and_the_costs_are_those_of_the_runs(folder: Path, rows: dict[str, str]) -> None:
    answer = PAGE.read_text(encoding="utf-8").split("**")[1]
    collected = pl.read_csv(folder / "out/compare/collectors.csv")
    rents = dict(collected.select("treatment", "tokens").rows())
    plain = rents["plain"]
    cap, rebate, rails, earlier = (plain - rents[rule] for rule in RULES)
    assert f"keeps {plain / 100:.2f} USD before it pays the provider" in answer
    invoice = pl.read_csv(folder / "usage.csv")["cost"].sum()
    assert f"invoice**, {invoice:.2f} USD here" in PAGE.read_text(encoding="utf-8")
    assert plain / 100 < invoice  # so that it does not pay it
    assert f"cost the platform {cap / 100:.2f} USD" in answer
    assert f"would cost it {earlier / 100:.2f} USD" in answer
    assert f"keeps {plain:,.0f} tokens" in rows["no rule"]
    assert f"{cap:,.0f} tokens" in rows["fee cap"]
    assert f"{rebate:,.0f} tokens" in rows["rebate"]
    assert f"{-rails:,.0f} tokens more" in rows["debt rails"]
    assert f"{earlier:,.0f} tokens" in rows["earlier jobs"]


def test_who_goes_broke_is_said_as_it_is(folder: Path, rows: dict[str, str]) -> None:
    agents = pl.read_csv(folder / "out/compare/agents.csv")
    by_rule = agents.partition_by("treatment", as_dict=True)
    broke = {key[0]: set(of.filter("goes_broke")["agent_id"]) for key, of in by_rule.items()}
    assert broke["plain"] == {"researcher", "coder", "reviewer"}
    assert broke["reinvestment_rebate"] == broke["debt_rails"] == broke["plain"]
    assert broke["fee_cap"] == broke["earlier_jobs"] == set()
    lowest = dict(agents.group_by("treatment").agg(pl.col("lowest").min()).rows())
    said = f"at most {-lowest['debt_rails']} tokens instead of {-lowest['plain']}"
    assert said in rows["debt rails"]


def test_who_is_spared_and_who_receives(folder: Path) -> None:
    tables = folder / "out/compare/tables"
    names = set(pl.read_csv(folder / "out/compare/agents.csv")["agent_id"])
    spared = pl.read_csv(tables / "incidence-2.csv").filter(pl.col("agent").is_in(names))
    assert spared.filter(pl.col("fees waived") > 0).height == len(names) == 10
    rebates = pl.read_csv(tables / "incidence-3.csv").filter(pl.col("agent").is_in(names))
    received = set(rebates.filter(pl.col("rebates") > 0)["agent"])
    assert received
    assert not received & {"researcher", "coder", "reviewer"}
