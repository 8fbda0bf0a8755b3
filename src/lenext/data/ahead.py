"""Work done ahead by threads, in order, never further than a few jobs, so that memory stays flat.

Threads, not processes: the decoders, Pillow and torch release the interpreter's lock, nothing is copied, and nothing is
left running when the process is killed.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Job = TypeVar("Job")
Done = TypeVar("Done")


def read_ahead(work: Callable[[Job], Done], jobs: Iterable[Job], workers: int) -> Iterator[Done]:
    """``work`` of every job in order, up to two jobs a thread ahead; closing the iterator stops the threads."""
    workers = min(workers, len(jobs)) if isinstance(jobs, Sized) else workers
    if workers == 0:
        yield from map(work, jobs)
        return
    pool = ThreadPoolExecutor(workers)
    _single_threaded(pool, workers)
    upcoming = iter(jobs)
    waiting = deque(pool.submit(work, job) for job in islice(upcoming, 2 * workers))
    present = waiting[0] if waiting else pool.submit(int)
    try:
        while waiting:
            present = waiting.popleft()
            done = present.result()
            waiting.extend(pool.submit(work, job) for job in islice(upcoming, 1))
            yield done
    finally:  # who is stopped while a file does not answer does not wait for that file's thread
        pool.shutdown(wait=present.done(), cancel_futures=True)


def _single_threaded(pool: ThreadPoolExecutor, workers: int) -> None:
    """One core for each reading thread; torch's own setting is per thread, but also a global that must be put back."""
    if "torch" not in sys.modules:  # prediction by an exported file
        return
    import torch

    threads = torch.get_num_threads()
    started = threading.Barrier(workers)

    def start(_: int) -> None:
        started.wait()
        torch.get_num_threads()  # torch sets up a thread at its first question, which would undo the next line
        torch.set_num_threads(1)

    list(pool.map(start, range(workers)))
    torch.set_num_threads(threads)
