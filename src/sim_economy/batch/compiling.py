"""Functions that Numba compiles, and the few instructions they share.

Importing this module imports Numba; nothing of the package's front does before a job is large.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from llvmlite import binding
from numba import types
from numba.core.cpu import CPUTargetOptions
from numba.core.options import TargetOptions
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

SETTINGS: Any = numba.config

WIDE: Final = "-prefer-256-bit"
"""Without it LLVM leaves half of each 512-bit register unused."""


def _use_wide_registers() -> None:
    """Compile for this processor with its full width; what the user has set stays."""
    chosen = {"NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"} & set(os.environ)
    features = binding.get_host_cpu_features()
    if not chosen and features.get("avx512f") and SETTINGS.CPU_NAME is None:
        SETTINGS.CPU_NAME = binding.get_host_cpu_name()
        SETTINGS.CPU_FEATURES = f"{features.flatten()},{WIDE}"


_use_wide_registers()


# Arrays that a function takes never overlap where it writes; Numba has the flag but no option.
CPUTargetOptions.noalias = TargetOptions.Mapping("noalias")  # type: ignore[no-untyped-call]


def compiled(function: Function) -> Function:
    """The function compiled when it is first called, kept on disk where there is a place.

    It allocates nothing.
    """
    return _compiled(function, OPTIONS)


def compiled_apart(function: Function) -> Function:
    """The same, called and not inlined: for what need not be fast, and compiles sooner so."""
    return _compiled(function, {**OPTIONS, "forceinline": False})


def _compiled(function: Function, options: Mapping[str, bool | str]) -> Function:
    before = SETTINGS.CACHE_DIR
    try:
        # Numba compares the time of one file only; the folder stands for all of them.
        SETTINGS.CACHE_DIR = str(_cache_folder())
        made = numba.njit(function, cache=True, **options)
    except (RuntimeError, OSError):  # nowhere to keep it
        made = numba.njit(function, **options)
    finally:
        SETTINGS.CACHE_DIR = before
    return cast("Function", made)


OPTIONS: Final[Mapping[str, bool | str]] = {
    "nogil": True,
    "error_model": "numpy",
    "boundscheck": False,
    "noalias": True,
    "forceinline": True,
    # Nothing is allocated in compiled code, and counting references costs more than a step.
    "_nrt": False,
}


@cache
def _cache_folder() -> Path:
    """The folder of compiled code of this source."""
    source = sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source.update(path.read_bytes())
    home = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    caches = Path(home) if home else Path.home() / ".cache"
    folder = caches / "sim-economy" / f"kernel-{source.hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def instruction_set() -> str:
    """The widest vector instructions that are compiled for."""
    features = str(SETTINGS.CPU_FEATURES or binding.get_host_cpu_features().flatten())
    known = {"avx512f": "AVX-512", "avx2": "AVX2", "neon": "NEON"}
    found = (name for flag, name in known.items() if f"+{flag}" in features.split(","))
    return next(found, "scalar")


def has_compiled_code(function: str) -> bool:
    """Test whether an earlier process has compiled a function of this source and kept it.

    Args:
        function: Its name; one that others call is kept before those that call it.
    """
    try:
        return any(_cache_folder().rglob(f"*.{function}-*.nbi"))
    except OSError:
        return False


@intrinsic
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


@compiled
def chosen(mask: np.int32, first: np.int32, second: np.int32) -> np.int32:
    """The first number where the mask has all bits, the second where it has none."""
    return np.int32((first & mask) | (second & ~mask))
