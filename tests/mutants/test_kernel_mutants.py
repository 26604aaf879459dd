"""Break the kernel's safeguards one at a time, and see kernel and core differ.

Each mutant is one replacement in a copy of the source, and names the directed worlds that find it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.mutants.test_mutants import ROOT, copied_source

pytest.importorskip("numba")


class KernelMutant(NamedTuple):
    """A safeguard that is taken out.

    Attributes:
        old: Once in `batch/`.
        family: Of directed worlds that tell.
    """

    safeguard: str
    old: str
    new: str
    family: str


MUTANTS = [
    KernelMutant(
        "B3 the remainder does not correct the fee",
        "return np.int32(whole - np.int32(short < HALF_UNIT))",
        "return whole",
        "fees",
    ),
    KernelMutant(
        "range: nothing is given back",
        "guards[lane] |= np.uint8((work.turn[GUARD + lane] & ~IN_RANGE) != 0)",
        "guards[lane] |= np.uint8(0)",
        "balances",
    ),
    KernelMutant(
        "L8 draws have no error band",
        "band = margin + total * tickets * ROUNDING",
        "band = 0.0",
        "tickets",
    ),
    KernelMutant(
        "L8 draws in 32 bits have no error band",
        "band = lost + total * roundings",
        "band = lost",
        "tickets",
    ),
    KernelMutant(
        "L4 a threshold in 32 bits has no error band",
        "margin = lost if whole else band",
        "margin = lost",
        "thresholds",
    ),
    KernelMutant(
        "L3 burns in 64 bits do not catch up",
        "            catch_up(weights, worlds.rates, np.int64(work.behind[agent]))\n",
        "",
        "decayed_thresholds",
    ),
    KernelMutant(
        "sums over many turns have 32 bits",
        "return ZERO <= bits < ROOM_FOR_A_TURN",
        "return True",
        "long_sums",
    ),
    KernelMutant(
        "all lanes read the list of the last one",
        "reads_first = parameters[USAGE_INDEX + lane] == first",
        "reads_first = parameters[USAGE_INDEX + lane] != parameters[USAGE_INDEX + lane]",
        "two_lists",
    ),
    KernelMutant(
        "three lists are read as two",
        "others |= np.int32((index != first) & (index != last))",
        "others |= np.int32(0)",
        "two_lists",
    ),
    KernelMutant(
        "B3 the fee is not biased up before it is cut off",
        "whole = np.int32(fused(product, UP, product))",
        "whole = np.int32(product)",
        "fees",
    ),
    KernelMutant(
        "B3 a price has 53 bits",
        "short = fused(count, price, -np.float64(whole)) + count * rest",
        "short = fused(count, price, -np.float64(whole))",
        "fees",
    ),
    KernelMutant(
        "B3 every price is scaled",
        "usable = (rate <= SCALED_RATE_MAX) & (left == 0.0) & (scaled <= most)",
        "usable = (rate <= SCALED_RATE_MAX) & (scaled <= most)",
        "scaled_fees",
    ),
    KernelMutant(
        "B3 a scaled price is rounded down",
        "scaled += np.float64(rest > 0.0)",
        "scaled += 0.0",
        "scaled_fees",
    ),
    KernelMutant(
        "B3 a quotient is not corrected",
        "quotient += np.float64(over) - np.float64(short)",
        "quotient += 0.0",
        "fees",
    ),
    KernelMutant(
        "B1 parts of thinking are rounded down",
        "part = -(-(np.asarray(rate, np.int64) << PART_BITS) // MILLION)",
        "part = (np.asarray(rate, np.int64) << PART_BITS) // MILLION",
        "scaled_fees",
    ),
    KernelMutant(
        "B3 studies do not compound",
        "        weights[STUDY_FACTOR + lane] = factor\n",
        "",
        "fees",
    ),
    KernelMutant(
        "B5 rates are not biased up",
        "return np.float64(rate) / MILLION * (1.0 + UP)",
        "return np.float64(rate) / MILLION",
        "interest",
    ),
    KernelMutant(
        "B6 fees are covered by debts",
        "turn[COVERED + lane] += min(charged, max(balance, ZERO))",
        "turn[COVERED + lane] += charged",
        "dividends",
    ),
    KernelMutant(
        "J1 no limit on the job credit",
        "credit = min(turn[FEE + lane], parameters[CREDIT_MAX + lane])",
        "credit = turn[FEE + lane]",
        "first_jobs",
    ),
    KernelMutant(
        "J4 a bonus for every job",
        " & (rows[EMPLOYED + lane] == ZERO)",
        "",
        "first_jobs",
    ),
    KernelMutant(
        "C3 the remainder does not correct a share",
        "    if left < 0:\n        share -= 1\n    elif left >= whole:",
        "    if left >= whole:",
        "uneven_pools",
    ),
    KernelMutant(
        "C3 the part of a core is not biased up",
        "inverse = 1.0 / np.float64(cores) * (1.0 + UP)",
        "inverse = 1.0 / np.float64(cores)",
        "dividends",
    ),
    KernelMutant(
        "L3 burns mature a turn late",
        "matures = work.burns[flag] != 0 and number > maturity",
        "matures = work.burns[flag] != 0 and number > maturity + 1",
        "burns",
    ),
    KernelMutant(
        "L3 burns keep their weight",
        "weights[BURN_WEIGHT + lane] *= rates[BURN_KEEP + lane]",
        "weights[BURN_WEIGHT + lane] *= 1.0",
        "thresholds",
    ),
    KernelMutant(
        "L3 a burn that has decayed to nothing stays in the state",
        "kept = burned[lane] if age < parameters[SPENT_AGE + lane] else ZERO",
        "kept = burned[lane]",
        "burns",
    ),
    KernelMutant(
        "L4 the threshold must be passed, not reached",
        "block = (total > 0.0) & (short >= 0.0)",
        "block = (total > 0.0) & (short > 0.0)",
        "thresholds",
    ),
    KernelMutant(
        "L4 a threshold has no error band",
        "if (abs(short) < margin) & ~alone:",
        "if (abs(short) < 0.0) & ~alone:",
        "decayed_thresholds",
    ),
    KernelMutant(
        "L2 stake counts a turn early",
        "waited = np.int32(number - turn[BLOCK_TURN + lane]) > window",
        "waited = np.int32(number - turn[BLOCK_TURN + lane]) >= window",
        "windows",
    ),
    KernelMutant(
        "L5 tips are paid to nobody",
        "+ BALANCE + lane] += turn[TIPS_WAITING + lane]",
        "+ BALANCE + lane] += ZERO",
        "transfers",
    ),
    KernelMutant(
        "S3 stake returns a turn early",
        "flag = (number + shape[at.DELAY]) % slots * agents + agent",
        "flag = (number + shape[at.DELAY] - 1) % slots * agents + agent",
        "releases",
    ),
    KernelMutant(
        "I8 an agent keeps its last token",
        "while fee_of(units, price, rest) > funds:",
        "while fee_of(units, price, rest) >= funds:",
        "clipped",
    ),
    KernelMutant(
        "the poorest is the last of equals",
        "lower = rows[BALANCE + lane] < turn[TARGET + lane]",
        "lower = rows[BALANCE + lane] <= turn[TARGET + lane]",
        "transfers",
    ),
    KernelMutant(
        "T9 what waits is lost",
        "            give_back(work.rows[agent * ROWS : (agent + 1) * ROWS])",
        "            pass",
        "thresholds",
    ),
    KernelMutant(
        "relief costs the platform nothing",
        "            - totals[RELIEF - FLOWS + lane]\n",
        "",
        "relief",
    ),
    KernelMutant(
        "sums over many agents have 32 bits",
        "return agent % GROUP == GROUP - 1 and agents > GROUP",
        "return False",
        "crowds",
    ),
    KernelMutant(
        "digest: the winner of the newest block is left out",
        "            + of_winner * np.uint64(np.int64(turn[BLOCK_WINNER + lane]))\n",
        "",
        "transfers",
    ),
    KernelMutant(
        "digest: stake on its way back is due whenever",
        "factor = coefficient(RELEASE, agent, started + delay)",
        "factor = coefficient(RELEASE, agent, turns)",
        "releases",
    ),
    KernelMutant(
        "a large world's lanes beyond the last agent hold tickets",
        "    rates[lanes.MINE_WEIGHT + agents : lanes.MINE_WEIGHT + LANES] = 0.0\n",
        "",
        "large_thresholds",
    ),
    KernelMutant(
        "a large world's lanes beyond the last agent hold tokens",
        "[(groups - 1) * ROWS + BALANCE + agent % LANES] = np.int32(0)",
        "[(groups - 1) * ROWS + BALANCE + agent % LANES] += np.int32(0)",
        "large_workers",
    ),
    KernelMutant(
        "L8 draws of a large world have no error band",
        "band = point * ROUNDING if is_exact else margin + rounding",
        "band = 0.0",
        "large_tickets",
    ),
    KernelMutant(
        "a transfer of a large world arrives in the giver's lane",
        "at = group * ROWS + WAITING_IN + own",
        "at = group * ROWS + WAITING_IN + lane",
        "large_transfers",
    ),
    KernelMutant(
        "G1 of equal remainders the last come first",
        "        elif remainder == bound and equal > 0:",
        "        elif remainder == bound and equal > 1:",
        "waivers",
    ),
    KernelMutant(
        "G1 what is left over goes to nobody",
        "        if remainder > bound:\n            all_own[at + PART] += 1",
        "        if remainder > bound:\n            all_own[at + PART] += 0",
        "waivers",
    ),
    KernelMutant(
        "G1 a fee of the turn before the window counts",
        "charged = sums[FEES_KEPT + lane] - oldest[FEES_KEPT + lane]",
        "charged = sums[FEES_KEPT + lane]",
        "cap_windows",
    ),
    KernelMutant(
        "G1 the winner's own tips count",
        "            if agent != turn[WINNER + lane]:",
        "            if agent >= 0:",
        "cap_windows",
    ),
    KernelMutant(
        "G1 wages are bounded by fees alone",
        "fee = fee * allowed // (fees + fee)",
        "fee = fee * allowed // max(fees, np.int64(1))",
        "wages",
    ),
    KernelMutant(
        "G6 products of usage wrap",
        "if factor > 0 and units > PRODUCT_MAX // factor:",
        "if False:",
        "capped_limits",
    ),
    KernelMutant(
        "G6 products of job pay wrap",
        "if factor > 0 and wage > PRODUCT_MAX // factor:",
        "if False:",
        "capped_limits",
    ),
    KernelMutant(
        "G5 the Gini coefficient may be at its limit",
        "return high > high_bound or (high == high_bound and low > low_bound)",
        "return high > high_bound or (high == high_bound and low >= low_bound)",
        "ginis",
    ),
    KernelMutant(
        "G5 both sides of the Gini coefficient take 64 bits",
        "return high > high_bound or (high == high_bound and low > low_bound)",
        "return np.int64(spread * MILLION) > np.int64(whole * gini_max)",
        "wide_ginis",
    ),
    KernelMutant(
        "G5 wealth is not shifted",
        "shift = max(NOTHING, np.int64(1) - (ranked[0] >> INDEX_BITS))",
        "shift = NOTHING",
        "ginis",
    ),
    KernelMutant(
        "G5 the last of several wealthiest pays",
        "ranked[first - 1] >> INDEX_BITS == most:",
        "ranked[first - 1] >> INDEX_BITS > most:",
        "levies",
    ),
    KernelMutant(
        "G5 the median of an even number is rounded first",
        "above = (2 * most - twice_median) * governance.doses[LEVY_SHARE + lane]",
        "above = 2 * (most - twice_median // 2) * governance.doses[LEVY_SHARE + lane]",
        "levies",
    ),
    KernelMutant(
        "G5 a levy takes more than a balance",
        "tokens = min(above, max(NOTHING, np.int64(all_rows[payer + BALANCE])))",
        "tokens = above",
        "levies",
    ),
    KernelMutant(
        "G5 what is left over of a levy is lost",
        "part = each + np.int64(rank < left)",
        "part = each",
        "levies",
    ),
    KernelMutant(
        "G5 a run that ends leaves relief",
        "if rules[RELIEVES] and not ends:",
        "if rules[RELIEVES]:",
        "relieved",
    ),
    KernelMutant(
        "G3 what repays is rounded down",
        "return (amount * share + (MILLION - 1)) // MILLION",
        "return amount * share // MILLION",
        "repayments",
    ),
    KernelMutant(
        "G3 the winner repays from its own tips",
        "            if agent != winner:",
        "            if agent >= 0:",
        "repayments",
    ),
    KernelMutant(
        "G3 more is repaid than is owed",
        "tokens = min(parts, governance.agents[at + RECEIVABLE])",
        "tokens = parts",
        "repayments",
    ),
    KernelMutant(
        "G3 lifted debts are lent for",
        "own[GIVEN + lane] += max(NOTHING, -np.int64(rows[BALANCE + lane]))",
        "own[GIVEN + lane] += NOTHING",
        "repayments",
    ),
    KernelMutant(
        "G3 the cooldown is a turn longer",
        "number - last < doses[COOLDOWN + lane]",
        "number - last <= doses[COOLDOWN + lane]",
        "loans",
    ),
    KernelMutant(
        "G3 interest is lent for",
        "tokens = min(depth, own[UNCOVERED + lane] - own[GIVEN + lane])",
        "tokens = depth",
        "loans",
    ),
    KernelMutant(
        "G2 points for studies never end",
        "own[STUDY_POINTS + lane] += studies - np.int64(studied[lane])",
        "own[STUDY_POINTS + lane] += studies",
        "rebates",
    ),
    KernelMutant(
        "G2 a stake of the least has no point",
        "rows[STAKED + lane] >= doses[STAKE_MIN + lane]",
        "rows[STAKED + lane] > doses[STAKE_MIN + lane]",
        "rebates",
    ),
    KernelMutant(
        "G2 dividends are shares of the whole pool",
        "            totals[POOL + lane] -= part\n",
        "",
        "rebates",
    ),
    KernelMutant(
        "G6 a parameter stays changed in the worlds that are packed next",
        "    set_parameters(worlds, work, governance.shocks, shape[at.AGENTS], np.int64(0))\n",
        "",
        "second_chunks",
    ),
    KernelMutant(
        "G6 prices are those of genesis",
        "reprice(work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS], worlds.rates)",
        "pass",
        "shocks",
    ),
    KernelMutant(
        "G6 a price is scaled whatever shocks do",
        "                self.shared.shape[at.PRICE_MOST] = LONG_PRICE",
        "                pass",
        "shocks",
    ),
    KernelMutant(
        "G6 a loss takes what is not there",
        "taken = min(tokens, max(rows[BALANCE + lane], ZERO))",
        "taken = tokens",
        "shocks",
    ),
    KernelMutant(
        "digest: receivables are left out",
        "    (np.uint64(Part.RECEIVABLE), RECEIVABLE),\n",
        "",
        "loans",
    ),
]
IN_CI = MUTANTS[:3]


def first_difference(source: Path, families: Iterable[str]) -> str:
    """The first difference in directed worlds that a copy of the source plays; empty if none."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants.interpreted_kernel", *families],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{ROOT}"},
        capture_output=True,
        check=False,
        text=True,
        timeout=600,
    )
    assert not done.stderr, done.stderr
    assert done.returncode == bool(done.stdout.strip()), done
    return done.stdout.strip()


def files_with(mutant: KernelMutant, source: Path) -> list[Path]:
    """The files of the kernel that hold a safeguard, each as often as it does."""
    files = sorted((source / "sim_economy" / "batch").rglob("*.py"))
    return [path for path in files for _ in range(path.read_text("utf-8").count(mutant.old))]


def check_that_it_is_found(mutant: KernelMutant, folder: Path) -> None:
    (file,) = files_with(mutant, copied_source(folder))
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    assert first_difference(folder, [mutant.family])


@pytest.mark.parametrize("mutant", IN_CI, ids=[mutant.safeguard for mutant in IN_CI])
def test_a_safeguard_taken_out_is_found(mutant: KernelMutant, tmp_path: Path) -> None:
    check_that_it_is_found(mutant, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("mutant", MUTANTS[3:], ids=[mutant.safeguard for mutant in MUTANTS[3:]])
def test_every_safeguard_taken_out_is_found(mutant: KernelMutant, tmp_path: Path) -> None:
    check_that_it_is_found(mutant, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("family", sorted({mutant.family for mutant in MUTANTS}))
def test_a_copy_without_a_mutant_is_equal(family: str, tmp_path: Path) -> None:
    assert first_difference(copied_source(tmp_path), [family]) == ""


def test_every_kernel_mutant_still_finds_its_safeguard() -> None:
    found = {mutant.safeguard: len(files_with(mutant, ROOT / "src")) for mutant in MUTANTS}
    assert found == {mutant.safeguard: 1 for mutant in MUTANTS}
