"""An executor of two worker processes, which may be killed: each opens the steps of the pipeline file by itself."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from pipelines_for_tests import CATALOG

from img2imgkit.errors import ToolkitError
from img2imgkit.pipeline import Done, Executor, Job, ThreadExecutor, prepare, read_pipeline
from img2imgkit.step import Resources

SHARD = 3  # entries that a worker is given at a time


def work(orders: Connection, file: Path, dies: bool) -> None:
    """A worker process: takes lists of jobs until there is None, and returns each job when it is done.

    One that ``dies`` is killed when it has returned its first job, before it can return another one.
    """
    pipeline = read_pipeline(file, CATALOG)
    prepare(pipeline, CATALOG)
    executor = ThreadExecutor(pipeline, Resources("cpu"), 1)
    while (shard := orders.recv()) is not None:
        for done in executor.run(shard, threading.Event()):
            orders.send(done)
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
    executor.close()


class _Worker:
    def __init__(self, file: Path, dies: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self.orders, theirs = context.Pipe()
        self.process: Any = context.Process(target=work, args=(theirs, file, dies), daemon=True)
        self.process.start()
        theirs.close()
        self.shard: list[Job] = []

    def give(self, shard: list[Job]) -> None:
        self.shard = list(shard)
        self.orders.send(shard)


class ProcessExecutor(Executor):
    """Gives shards of jobs to workers, and those of a worker that has died to another one.

    Args:
        kill: how many workers are killed when they have returned their first job
    """

    def __init__(self, file: Path, kill: int = 0, workers: int = 2) -> None:
        self.workers = [_Worker(file, dies=number < kill) for number in range(workers)]
        self.given_again = list[Job]()

    def run(self, jobs: Iterable[Job], stop: threading.Event) -> Iterator[Done]:
        groups = (list(group) for _, group in groupby(jobs, key=lambda job: job.entry.index))
        back: deque[Job] = deque()
        idle = list(self.workers)
        while True:
            while idle and not stop.is_set():
                shard = list(back) or [job for group in islice(groups, SHARD) for job in group]
                back.clear()
                if not shard:
                    break
                idle.pop().give(shard)
            busy = [worker for worker in self.workers if worker.shard]
            if not busy and not (back and not stop.is_set()):
                return
            if not self.workers:
                raise ToolkitError("all workers have died")
            for ready in wait([worker.orders for worker in busy]):
                worker = next(worker for worker in busy if worker.orders is ready)
                try:
                    done = worker.orders.recv()
                except (EOFError, OSError):
                    back.extend(worker.shard)
                    self.given_again += worker.shard
                    self.workers.remove(worker)
                    worker.process.join()
                    worker.orders.close()
                    continue
                worker.shard.remove(done.job)
                if not worker.shard:
                    idle.append(worker)
                yield done

    def close(self) -> None:
        for worker in self.workers:
            worker.orders.send(None)
            worker.process.join()
            worker.orders.close()
