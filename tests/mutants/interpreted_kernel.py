"""The kernel without its compiler, on directed worlds.

What is compiled are plain Python functions. Run as such they are slow and need no compiler, which
takes longer over a broken kernel than a few worlds do. `python -m tests.mutants.interpreted_kernel`
ends with 1 at the first difference.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from fractions import Fraction
from typing import Any


def fused(first: float, second: float, third: float) -> Any:
    """`first * second + third`, rounded once, as the instruction does."""
    return float(Fraction(float(first)) * Fraction(float(second)) + Fraction(float(third)))


def first_difference(families: Sequence[str]) -> str:
    """The first difference between kernel and core in the worlds of some families."""
    # Numba reads this as it is imported, and it is not imported before.
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    warnings.simplefilter("ignore")
    import numpy as np  # noqa: PLC0415

    np.seterr(all="ignore")
    from sim_economy.batch import compiling  # noqa: PLC0415

    vars(compiling)["fused"] = lambda *numbers: np.float64(fused(*numbers))
    from tests.equivalence import test_interventions as of_rules  # noqa: PLC0415
    from tests.equivalence.kernel_comparison import compared  # noqa: PLC0415
    from tests.equivalence.test_directed_worlds import AT_THE_ENDS, WITHIN_RANGE  # noqa: PLC0415
    from tests.equivalence.test_large_worlds import FAMILIES  # noqa: PLC0415

    under_rules = (*of_rules.WITHIN_RANGE, *of_rules.AT_THE_ENDS)
    for family in (*WITHIN_RANGE, *AT_THE_ENDS, *FAMILIES, *under_rules):
        if family.__name__ not in families:
            continue
        for group in family():
            found = compared(group, large=family in FAMILIES)
            if found.differences:
                return found.differences[0]
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="+")
    found = first_difference(parser.parse_args().families)
    sys.stdout.write(f"{found}\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
