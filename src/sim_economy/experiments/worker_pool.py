"""Worker processes that leave interrupts to the process that started them, and end with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def worker_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """So many worker processes; whatever is raised meanwhile ends them at once."""
    with ProcessPoolExecutor(jobs, initializer=_leave_with, initargs=(os.getpid(),)) as pool:
        try:
            yield pool
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def core_executor(jobs: int) -> Iterator[ProcessPoolExecutor | None]:
    """Where the core plays: so many worker processes, or None for this process alone."""
    if jobs == 1:
        yield None
    else:
        with worker_pool(jobs) as pool:
            yield pool


def _leave_with(parent: int) -> None:
    """Leave interrupts to the process that started this one, and end when it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
