"""Prepare batches ahead of time in threads, and measure how long the trainer waits for them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from img2imgkit.data_kind import Arrays


class Prefetch:
    """Iterates over the batches of steps ``first`` to ``last - 1`` in order. A context manager that ends its threads.

    Decoding releases the interpreter lock, so threads prepare several batches in parallel. An error is raised in place
    of its batch.

    Attributes:
        waited: seconds that the consumer has waited
    """

    def __init__(self, make: Callable[[int], Arrays], first: int, last: int, depth: int = 8, threads: int = 2) -> None:
        self.waited = 0.0
        self._make, self._steps, self._depth = make, iter(range(first, last)), depth
        self._ahead: deque[Future[Arrays]] = deque()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="img2img-data")

    def __enter__(self) -> Prefetch:
        self._fill()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __iter__(self) -> Iterator[Arrays]:
        while self._ahead:
            began = time.perf_counter()
            batch = self._ahead.popleft().result()
            self.waited += time.perf_counter() - began
            self._fill()
            yield batch

    def _fill(self) -> None:
        """Submit batches until ``depth`` of them are ready or in progress."""
        while len(self._ahead) < self._depth and (step := next(self._steps, None)) is not None:
            self._ahead.append(self._pool.submit(self._make, step))
