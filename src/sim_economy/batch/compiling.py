"""Functions that Numba compiles, and the few instructions they share.

Importing this module imports Numba; nothing of the package's front does before a job is large.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from llvmlite import binding
from numba import types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

WIDE: Final = "-prefer-256-bit"
"""Without it LLVM leaves half of each 512-bit register unused."""


def _use_wide_registers() -> None:
    """Compile for this processor with its full width; what the user has set stays."""
    chosen = {"NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"} & set(os.environ)
    features = binding.get_host_cpu_features()
    if not chosen and features.get("avx512f") and numba.config.CPU_NAME is None:
        numba.config.CPU_NAME = binding.get_host_cpu_name()
        numba.config.CPU_FEATURES = f"{features.flatten()},{WIDE}"


_use_wide_registers()


def compiled(function: Function) -> Function:
    """The function compiled when it is first called, kept on disk where there is a place."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False}
    try:
        made = numba.njit(function, cache=True, **options)
    except RuntimeError:  # no folder to keep it in: neither beside the source nor in a home
        made = numba.njit(function, **options)
    return cast("Function", made)


def instruction_set() -> str:
    """The widest vector instructions that are compiled for."""
    features = str(numba.config.CPU_FEATURES or binding.get_host_cpu_features().flatten())
    known = {"avx512f": "AVX-512", "avx2": "AVX2", "neon": "NEON"}
    found = (name for flag, name in known.items() if f"+{flag}" in features.split(","))
    return next(found, "scalar")


@intrinsic  # type: ignore[untyped-decorator]
def fused(typing_context: Any, first: Any, second: Any, third: Any) -> Any:  # noqa: ARG001
    """`first * second + third`, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.fma(*arguments)

    double = types.float64
    return double(double, double, double), generate


FIRST_SHIFT: Final = np.uint64(30)
SECOND_SHIFT: Final = np.uint64(27)
THIRD_SHIFT: Final = np.uint64(31)
FIRST_FACTOR: Final = np.uint64(0xBF58476D1CE4E5B9)
SECOND_FACTOR: Final = np.uint64(0x94D049BB133111EB)


@compiled
def mixed(number: np.uint64) -> np.uint64:
    """64 bits mixed as `core.randomness.mixed` does.

    Source: docs/spec/economy.md, L8.
    """
    number = (number ^ (number >> FIRST_SHIFT)) * FIRST_FACTOR
    number = (number ^ (number >> SECOND_SHIFT)) * SECOND_FACTOR
    return number ^ (number >> THIRD_SHIFT)
