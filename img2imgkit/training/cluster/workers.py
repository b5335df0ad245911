"""Several machines that train together: who they are, by TF_CONFIG, and what they must agree upon.

The first machine is the chief: it alone reads and writes the run's folder, and hands its state to the others.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from img2imgkit import backend
from img2imgkit.errors import ConfigError, TrainingError
from img2imgkit.training.cluster.rendezvous import meet

VARIABLE = "TF_CONFIG"
EXAMPLE = '{"cluster": {"worker": ["first:2222", "second:2222"]}, "task": {"type": "worker", "index": 0}}'
_JOBS = ("chief", "worker")
_PIECE = 1 << 22  # numbers that are handed over at once
_LOST = (  # what a collective operation raises when a machine is gone
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


@dataclass(frozen=True)
class Cluster:
    """The machines' addresses, the chief's first, and which of them this is, from 0."""

    addresses: tuple[str, ...]
    index: int

    @classmethod
    def from_environment(cls) -> Cluster | None:
        """What TF_CONFIG says; None where it is not set, or names this machine only.

        Raises:
            ConfigError: it is malformed.
        """
        text = os.environ.get(VARIABLE, "")
        if not text.strip():
            os.environ.pop(VARIABLE, None)  # TensorFlow fails on a blank one
            return None
        try:
            stated = json.loads(text)
        except ValueError as error:
            raise _wrong(f"no valid JSON: {error}") from None
        jobs, kind, number = _parts(stated)
        if kind not in jobs or number not in range(len(jobs[kind])):
            raise _wrong(f"task {kind} {number} is not in the cluster, which has {_counted(jobs)}")
        addresses = tuple(address for job in _JOBS for address in jobs.get(job, ()))
        before = len(jobs.get("chief", ())) if kind == "worker" else 0
        return cls(addresses, before + number) if len(addresses) > 1 else None


def _parts(stated: Any) -> tuple[dict[str, list[str]], str, int]:
    """The addresses by job, and this machine's job and number in it."""
    match stated:
        case {"cluster": dict(jobs), "task": {"type": str(kind), "index": int(number)}}:
            pass
        case _:
            raise _wrong("expected the keys cluster, task.type and task.index (a whole number)")
    odd = sorted(set(jobs) - set(_JOBS))
    if odd:
        raise _wrong(f"cluster has {odd[0]!r}; this training knows {' and '.join(_JOBS)} only")
    for job, addresses in jobs.items():
        if not isinstance(addresses, list) or not all(map(_is_address, addresses)):
            raise _wrong(f"cluster.{job} is {addresses!r}, expected a list of host:port")
    everyone = [address for addresses in jobs.values() for address in addresses]
    twice = sorted({address for address in everyone if everyone.count(address) > 1})
    if twice:
        raise _wrong(f"{twice[0]} is there twice")
    if len(jobs.get("chief", ())) > 1:
        raise _wrong("cluster has more than one chief")
    return jobs, kind, number


def _is_address(stated: Any) -> bool:
    host, _, port = stated.rpartition(":") if isinstance(stated, str) else ("", "", "")
    return bool(host) and port.isdecimal() and 0 < int(port) < 1 << 16


def _counted(jobs: Mapping[str, list[str]]) -> str:
    return " and ".join(f"{len(addresses)} {job}(s)" for job, addresses in jobs.items()) or "nobody"


def _wrong(what: str) -> ConfigError:
    return ConfigError(f"{VARIABLE}: {what}; it looks like this: {EXAMPLE}")


class Workers:
    """The machines of one training, seen from one of them. Every method must be called by all of them alike."""

    def __init__(self, strategy: Any, index: int = 0, count: int = 1) -> None:
        self.strategy, self.index, self.count = strategy, index, count
        self._compiled = tf.function(self._distributed, autograph=False)

    @classmethod
    def alone(cls, device: str) -> Workers:
        """This machine only, with those of its devices."""
        return cls(backend.strategy_over(backend.devices(device)))

    @classmethod
    def joined(cls, cluster: Cluster, device: str, stopped: Callable[[], bool]) -> Workers:
        """All machines of a cluster, as soon as all are there. Nothing must have used TensorFlow's devices before.

        Raises:
            ConfigError: there is no such device.
            TrainingError: this machine's port cannot be opened, or another machine left.
            rendezvous.Stopped: ``stopped()`` before all were there.
        """
        _show_only(device)
        meet(cluster.addresses, cluster.index, stopped)
        try:
            with _own_handler(signal.SIGTERM):
                workers = cls(tf.distribute.MultiWorkerMirroredStrategy(), cluster.index, len(cluster.addresses))
                workers.any(False)
        except (tf.errors.OpError, RuntimeError) as error:
            raise TrainingError(
                f"machine {cluster.index + 1} at {cluster.addresses[cluster.index]} cannot join the others: "
                f"{_first_line(error)}"
            ) from error
        return workers

    @property
    def is_chief(self) -> bool:
        """Whether this machine owns the run's folder."""
        return self.index == 0

    def any(self, flag: bool) -> bool:
        """Whether any machine says so."""
        return flag if self.count == 1 else bool(self._sum(np.array([flag], np.int32))[0])

    def prove_same(self, parts: Mapping[str, Any]) -> None:
        """Every machine has the same of everything by which a training is defined.

        Raises:
            TrainingError: they have not; names what differs. It is raised on all machines.
        """
        if self.count == 1:
            return
        texts = [json.dumps(part, sort_keys=True, default=str).encode() for part in parts.values()]
        mine = np.stack([np.frombuffer(hashlib.sha256(text).digest(), np.int32) for text in texts])
        chiefs = self._of_the_chief(mine.reshape(-1)).reshape(mine.shape)
        differs = self._sum((mine != chiefs).any(axis=1).astype(np.int32))
        odd = [name for name, count in zip(parts, differs, strict=True) if count]
        if odd:
            raise TrainingError(
                f"the machines do not agree on: {', '.join(odd)}. Each needs the same training file, pictures and "
                "versions; only paths may differ"
            )

    def share(self, state: Mapping[str, Any], step: int) -> int:
        """Give every machine the chief's variables; returns the chief's step."""
        if self.count == 1:
            return step
        arrays = {name: np.asarray(variable.numpy()) for name, variable in state.items()}
        packed = b"".join([np.int64(step).tobytes(), *(array.tobytes() for array in arrays.values())])
        numbers = np.frombuffer(packed + bytes(-len(packed) % 4), np.int32)
        pieces = [self._of_the_chief(numbers[at : at + _PIECE]) for at in range(0, len(numbers), _PIECE)]
        received, place = np.concatenate(pieces).tobytes(), 8
        for name, array in arrays.items():
            mine = np.frombuffer(received, array.dtype, array.size, place).reshape(array.shape)
            state[name].assign(mine)
            place += array.nbytes
        return int(np.frombuffer(received, np.int64, 1)[0])

    @contextmanager
    def explaining_losses(self, last: Callable[[], str]) -> Iterator[None]:
        """Turn what TensorFlow raises when another machine is gone into an error that says how to go on.

        Raises:
            TrainingError: a machine was lost; ``last()`` says where the last checkpoint is.
        """
        try:
            yield
        except _LOST as error:
            if self.count == 1:
                raise
            raise TrainingError(
                f"another machine of this training was lost ({_first_line(error)}). {last()}; to go on, resume "
                f"the run on all {self.count} machines"
            ) from error

    def _of_the_chief(self, numbers: np.ndarray) -> np.ndarray:
        return self._sum(numbers if self.is_chief else np.zeros_like(numbers))

    def _sum(self, numbers: np.ndarray) -> np.ndarray:
        """The sum of int32 numbers over the machines; of bits and zeros it is the bits."""
        first = self.index * (self.strategy.num_replicas_in_sync // self.count)

        def share(context: Any) -> Any:
            return tf.constant(numbers if context.replica_id_in_sync_group == first else np.zeros_like(numbers))

        summed = self._compiled(self.strategy.experimental_distribute_values_from_function(share))
        return np.asarray(self.strategy.experimental_local_results(summed)[0].numpy())

    def _distributed(self, numbers: Any) -> Any:
        def add(share: Any) -> Any:
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(share))

        return self.strategy.run(add, args=(numbers,))


@contextmanager
def _own_handler(number: int) -> Iterator[None]:
    """Keep Python's handler of a signal: TensorFlow's coordination of machines puts one of its own in its place."""
    try:
        yield
    finally:
        handler = signal.getsignal(number)
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(number, handler)


def _show_only(device: str) -> None:
    """Hide the GPUs that ``device`` does not name; a strategy over several machines takes all that it sees."""
    match = backend.DEVICE.fullmatch(device)
    present = tf.config.list_physical_devices("GPU")
    if match is None or (match[1] == "gpu" and not present):
        raise ConfigError(f"device {device!r}: expected auto, cpu, gpu, or gpu:0,1; there are {len(present)} GPUs here")
    if match[1] == "cpu":
        tf.config.set_visible_devices([], "GPU")
    elif match[2]:
        numbers = sorted(set(map(int, match[2].split(","))))
        if numbers[-1] >= len(present):
            raise ConfigError(f"device {device!r}: TensorFlow sees {len(present)} GPU device(s) here")
        tf.config.set_visible_devices([present[number] for number in numbers], "GPU")


def _first_line(error: BaseException) -> str:
    """The line of TensorFlow's long text that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "aborted by" in line or "unhealthy" in line or "Could not" in line]
    return (telling or lines or [type(error).__name__])[0][:200]
