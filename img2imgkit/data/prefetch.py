"""Batches made ahead of time by a thread, and how long the trainer had to wait for them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

from img2imgkit.data.reader import Arrays, Reader


class Prefetch:
    """Iterates the batches from a first step on; use it as a context so that its thread ends."""

    def __init__(self, reader: Reader, seed: int, first: int, last: int, depth: int = 8) -> None:
        self.waited = 0.0  # seconds that the consumer stood still
        self._ready: queue.Queue[Arrays | BaseException] = queue.Queue(depth)
        self._stop = threading.Event()
        self._work = (reader, seed, first, last)
        self._thread = threading.Thread(target=self._fill, name="img2img-data", daemon=True)

    def __enter__(self) -> Prefetch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Arrays]:
        _, _, first, last = self._work
        for _ in range(first, last):
            began = time.perf_counter()
            batch = self._ready.get()
            self.waited += time.perf_counter() - began
            if isinstance(batch, BaseException):
                raise batch
            yield batch

    def _fill(self) -> None:
        reader, seed, first, last = self._work
        for step in range(first, last):
            try:
                batch: Arrays | BaseException = reader.batch(seed, step)
            except Exception as error:
                batch = error
            if not self._offer(batch) or isinstance(batch, BaseException):
                return

    def _offer(self, batch: Arrays | BaseException) -> bool:
        while not self._stop.is_set():
            try:
                self._ready.put(batch, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
