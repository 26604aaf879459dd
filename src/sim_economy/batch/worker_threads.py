"""Worlds of a batch, shared out over threads."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock, current_thread, main_thread
from types import FrameType
from typing import Final, TypeAlias

Player: TypeAlias = Callable[[int], None]
"""Plays the worlds that begin with one."""

_used: Final[set[str]] = set()


def threads_of(asked: int | None) -> int:
    """How many threads to play in: as many as there are processors where nothing is asked."""
    return asked or os.cpu_count() or 1


def play_in_threads(
    firsts: Sequence[int], threads: int, player: Callable[[], Player], code: str
) -> None:
    """Play everything once, each part in whichever thread is free next.

    Args:
        firsts: The first world of each part.
        player: Makes what plays in one thread, with arrays of its own.
        code: Names what is compiled. Where this process has not used it yet, the first part is
            played in the caller's thread, where Ctrl-C interrupts a compilation.
    """
    left = iter(firsts)
    taken, stopped = Lock(), Event()

    def play_next(play: Player) -> bool:
        with taken:
            first = next(left, None)
        if first is None or stopped.is_set():
            return False
        play(first)
        return True

    def play_part() -> None:
        play = player()
        while play_next(play):
            pass

    if code not in _used:
        with _interruptible():
            play_next(player())
        _used.add(code)
    workers = min(threads, len(firsts))
    if workers <= 1:
        play_part()
        return
    with ThreadPoolExecutor(workers) as pool:
        try:
            for done in [pool.submit(play_part) for _ in range(workers)]:
                done.result()
        finally:
            stopped.set()  # interrupted, threads end with the part that they are in


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a compilation: an exception is lost where LLVM calls back, or becomes another.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed within.
    """
    raises = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not raises or current_thread() is not main_thread():
        yield
        return
    pressed = Event()

    def press(number: int, frame: FrameType | None) -> None:
        pressed.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, press)
    try:
        yield
    except Exception as error:
        if pressed.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed.is_set():
        raise KeyboardInterrupt
