"""Worlds of a batch, shared out over threads."""

from __future__ import annotations

import ctypes
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from sim_economy.batch.worker_threads import Player, play_in_threads


def played(parts: int, threads: int, play: Player) -> None:
    play_in_threads(range(parts), threads, lambda: play, uuid4().hex)


@pytest.mark.parametrize(("parts", "threads"), [(0, 2), (1, 4), (7, 1), (50, 3)])
def test_every_part_is_played_once(parts: int, threads: int) -> None:
    found: Counter[int] = Counter()
    made = []

    def player() -> Player:
        made.append(found)
        return lambda first: found.update([first])

    play_in_threads(range(parts), threads, player, uuid4().hex)
    assert found == Counter(range(parts))
    assert len(made) <= 1 + max(1, min(threads, parts))


def test_an_error_in_one_thread_ends_all() -> None:
    found = []

    def play(first: int) -> None:
        if first == 5:
            raise ValueError(first)
        found.append(first)

    with pytest.raises(ValueError, match="5"):
        played(100_000, 2, play)
    assert len(found) < 100_000


def lost_interrupt() -> None:
    """Press Ctrl-C where an exception cannot pass."""
    callback = ctypes.CFUNCTYPE(None)(lambda: os.kill(os.getpid(), signal.SIGINT))
    callback()


def failed_after_interrupt() -> None:
    lost_interrupt()
    raise RuntimeError("no compiled object yet")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as a terminal has it; who starts tests in the background may have turned it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("work", [lost_interrupt, failed_after_interrupt])
def test_ctrl_c_ends_a_compilation_that_lost_it(work: Callable[[], None]) -> None:
    with pytest.raises(KeyboardInterrupt):
        played(9, 2, lambda _: work())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_error_stays_what_it_is() -> None:
    def play(first: int) -> None:
        raise RuntimeError(first)

    with pytest.raises(RuntimeError):
        played(9, 2, play)
