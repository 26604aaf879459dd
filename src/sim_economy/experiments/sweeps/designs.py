"""Designs: the points of a study as columns of whole numbers, the same on every machine.

Chance is drawn in [0, 1) and becomes a whole number of the key's units once.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sim_economy.core.errors import needing
from sim_economy.core.units import MILLION
from sim_economy.experiments.sweeps.swept_keys import SweptKey

if TYPE_CHECKING:
    import numpy as np

    from sim_economy.experiments.sweeps.study import SweepStudy

    Columns = dict[str, np.ndarray[Any, np.dtype[np.int64]]]


def points_count(study: SweepStudy) -> int:
    """How many points a study has; nothing is drawn for it."""
    keys = len(study.keys)
    match study.design:
        case "grid":
            return math.prod(key.size for key in study.keys)
        case "list":
            return len(study.keys[0].values) if keys else 1
        case "sobol":
            return study.size * (keys + 2)
        case "morris":
            return study.size * (keys + 1)
        case _:
            return study.size


def design_columns(study: SweepStudy) -> Columns:
    """The points of a study, a column for each key, `[point]`.

    Raises:
        ExtraMissingError: A library that draws the design is not installed.
    """
    return _DESIGNS[study.design](study)


def salib_problem(study: SweepStudy) -> dict[str, Any]:
    """The problem as SALib's analyses take it, in the units of the key itself."""
    return {
        "num_vars": len(study.keys),
        "names": [key.name for key in study.keys],
        "bounds": [[key.low / key.scale, key.high / key.scale] for key in study.keys],
        "labels": {key.name: list(map(str, key.labels)) for key in study.keys if key.labels},
        "design": study.design,
        "size": study.size,
        "num_levels": study.levels,
        "calc_second_order": False,
        "seed": study.seed,
    }


def _grid(study: SweepStudy) -> Columns:
    """Every combination; the last key changes fastest."""
    import numpy as np  # noqa: PLC0415 - not for a study that is refused

    points = points_count(study)
    columns, block = {}, points
    for key in study.keys:
        values = np.asarray(key.values, np.int64)
        block //= len(values)
        columns[key.name] = np.tile(np.repeat(values, block), points // (block * len(values)))
    return columns


def _list(study: SweepStudy) -> Columns:
    import numpy as np  # noqa: PLC0415

    return {key.name: np.asarray(key.values, np.int64) for key in study.keys}


def _latin_hypercube(study: SweepStudy) -> Columns:
    with needing("a Latin hypercube", "report"):
        from scipy.stats import qmc  # noqa: PLC0415

        sampler = qmc.LatinHypercube(len(study.keys), rng=study.seed)
    return _drawn(study.keys, sampler.random(study.size))


def _sobol_sequence(study: SweepStudy) -> Columns:
    with needing("a Sobol sequence", "report"):
        from scipy.stats import qmc  # noqa: PLC0415

        sampler = qmc.Sobol(len(study.keys), scramble=True, rng=study.seed)
    return _drawn(study.keys, sampler.random(study.size))


def _sobol(study: SweepStudy) -> Columns:
    """Saltelli's sample, from which Sobol indices are estimated."""
    with needing("a Sobol design", "sensitivity"):
        from SALib.sample import sobol  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn = sobol.sample(
            _unit_problem(study), study.size, calc_second_order=False, seed=study.seed
        )
    return _drawn(study.keys, drawn)


def _morris(study: SweepStudy) -> Columns:
    with needing("a Morris design", "sensitivity"):
        from SALib.sample import morris  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn = morris.sample(
            _unit_problem(study), study.size, num_levels=study.levels, seed=study.seed
        )
    return _drawn(study.keys, drawn, _nearest)


_DESIGNS: Final[Mapping[str, Callable[[SweepStudy], Columns]]] = {
    "grid": _grid,
    "list": _list,
    "latin_hypercube": _latin_hypercube,
    "sobol_sequence": _sobol_sequence,
    "sobol": _sobol,
    "morris": _morris,
}


def _unit_problem(study: SweepStudy) -> dict[str, Any]:
    count = len(study.keys)
    names = [key.name for key in study.keys]
    return {"num_vars": count, "names": names, "bounds": [[0.0, 1.0]] * count}


def _equal_shares(drawn: Any, size: int) -> Any:
    """Numbers from 0 to `size` - 1, each with an equal share of [0, 1)."""
    import numpy as np  # noqa: PLC0415

    return np.minimum(np.floor(drawn * size), size - 1).astype(np.int64)


def _nearest(drawn: Any, size: int) -> Any:
    """The number from 0 to `size` - 1 nearest to a level of [0, 1], both ends included."""
    import numpy as np  # noqa: PLC0415

    return np.floor(drawn * (size - 1) + 0.5).astype(np.int64)


def _drawn(
    keys: Sequence[SweptKey], drawn: Any, whole: Callable[[Any, int], Any] = _equal_shares
) -> Columns:
    """Points of the unit cube `[point, key]` as columns of whole numbers."""
    import numpy as np  # noqa: PLC0415

    columns = {}
    for index, key in enumerate(keys):
        numbers = whole(drawn[:, index], key.size)
        listed = np.asarray(key.values, np.int64)
        columns[key.name] = listed[numbers] if key.is_listed else key.low + numbers
    return columns


def shown_column(key: SweptKey, held: Any) -> Any:
    """A column as a data frame has it: rates as floats, labels as texts.

    Raises:
        ExtraMissingError: polars is not installed.
    """
    with needing("a sweep", "report"):
        import polars  # noqa: PLC0415

    if key.labels:
        labels = polars.Series([key.text(index) for index in range(len(key.labels))])
        return labels.gather(polars.Series(held))
    return polars.Series(held / MILLION if key.scale == MILLION else held)
