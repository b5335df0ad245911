"""The machines of a training, as TF_CONFIG lists them, and how they synchronise.

The first machine is the chief: it alone reads and writes the run folder, and sends its state to the others.
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
_CHUNK = 1 << 22  # numbers sent in one all-reduce
_LOST = (  # raised by a collective operation when another machine is lost
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


@dataclass(frozen=True)
class Cluster:
    """The addresses of all machines, the chief first, and the index of this one."""

    addresses: tuple[str, ...]
    index: int

    @classmethod
    def from_environment(cls) -> Cluster | None:
        """Parse TF_CONFIG. Returns None if it is not set, or lists this machine only.

        Raises:
            ConfigError: TF_CONFIG is malformed.
        """
        text = os.environ.get(VARIABLE, "")
        if not text.strip():
            os.environ.pop(VARIABLE, None)  # TensorFlow fails on a blank one
            return None
        try:
            stated = json.loads(text)
        except ValueError as error:
            raise _malformed(f"invalid JSON: {error}") from None
        jobs, kind, number = _jobs_and_task(stated)
        if kind not in jobs or number not in range(len(jobs[kind])):
            raise _malformed(f"task {kind} {number} is not in the cluster, which has {_counted(jobs)}")
        addresses = tuple(address for job in _JOBS for address in jobs.get(job, ()))
        before = len(jobs.get("chief", ())) if kind == "worker" else 0
        return cls(addresses, before + number) if len(addresses) > 1 else None


def _jobs_and_task(stated: Any) -> tuple[dict[str, list[str]], str, int]:
    """Return the addresses by job, and this machine's job and its index there."""
    match stated:
        case {"cluster": dict(jobs), "task": {"type": str(kind), "index": int(number)}}:
            pass
        case _:
            raise _malformed("expected the keys cluster, task.type and task.index (an integer)")
    unknown = sorted(set(jobs) - set(_JOBS))
    if unknown:
        raise _malformed(f"cluster has the job {unknown[0]!r}; only {' and '.join(_JOBS)} are supported")
    for job, addresses in jobs.items():
        if not isinstance(addresses, list) or not all(map(_is_address, addresses)):
            raise _malformed(f"cluster.{job} is {addresses!r}, expected a list of host:port")
    everyone = [address for addresses in jobs.values() for address in addresses]
    twice = sorted({address for address in everyone if everyone.count(address) > 1})
    if twice:
        raise _malformed(f"{twice[0]} is listed twice")
    if len(jobs.get("chief", ())) > 1:
        raise _malformed("cluster has more than one chief")
    return jobs, kind, number


def _is_address(stated: Any) -> bool:
    host, _, port = stated.rpartition(":") if isinstance(stated, str) else ("", "", "")
    return bool(host) and port.isdecimal() and 0 < int(port) < 1 << 16


def _counted(jobs: Mapping[str, list[str]]) -> str:
    return " and ".join(f"{len(addresses)} {job}(s)" for job, addresses in jobs.items()) or "no machine"


def _malformed(problem: str) -> ConfigError:
    return ConfigError(f"{VARIABLE}: {problem}; example: {EXAMPLE}")


def is_loss(error: BaseException) -> bool:
    """Whether an error of TensorFlow may say that another machine was lost."""
    return isinstance(error, _LOST)


class Workers:
    """The machines of one training. All machines must call the same methods in the same order."""

    def __init__(self, strategy: Any, index: int = 0, count: int = 1) -> None:
        self.strategy, self.index, self.count = strategy, index, count
        self._compiled = tf.function(self._distributed, autograph=False)

    @classmethod
    def single_machine(cls, device: str) -> Workers:
        """This machine alone, with the devices that ``device`` selects."""
        return cls(backend.strategy_over(backend.devices(device)))

    @classmethod
    def join(cls, cluster: Cluster, device: str, stopped: Callable[[], bool]) -> Workers:
        """Wait for all machines of a cluster and connect to them. Call it before anything uses TensorFlow's devices.

        Raises:
            ConfigError: ``device`` does not exist.
            TrainingError: this machine's port cannot be opened, or another machine was lost.
            rendezvous.Stopped: ``stopped()`` returned True before all machines had connected.
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
        """Whether this machine reads and writes the run folder."""
        return self.index == 0

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is set on any machine."""
        return flag if self.count == 1 else bool(self._sum(np.array([flag], np.int32))[0])

    def prove_same(self, definition: Mapping[str, Any]) -> None:
        """Check that the definition of the training is the same on every machine.

        Args:
            definition: values that JSON can represent, by the names that the error uses

        Raises:
            TrainingError: a value differs. Raised on all machines; names what differs.
        """
        if self.count == 1:
            return
        texts = [json.dumps(value, sort_keys=True, default=str).encode() for value in definition.values()]
        mine = np.stack([np.frombuffer(hashlib.sha256(text).digest(), np.int32) for text in texts])
        chiefs = self._of_the_chief(mine.reshape(-1)).reshape(mine.shape)
        differs = self._sum((mine != chiefs).any(axis=1).astype(np.int32))
        names = [name for name, count in zip(definition, differs, strict=True) if count]
        if names:
            raise TrainingError(
                f"the machines differ in: {', '.join(names)}. All of them need the same training file, pictures and "
                "versions; only paths may differ"
            )

    def share(self, state: Mapping[str, Any], step: int) -> int:
        """Copy the chief's variables to every machine, and return the chief's step."""
        if self.count == 1:
            return step
        arrays = {name: np.asarray(variable.numpy()) for name, variable in state.items()}
        packed = b"".join([np.int64(step).tobytes(), *(array.tobytes() for array in arrays.values())])
        numbers = np.frombuffer(packed + bytes(-len(packed) % 4), np.int32)
        chunks = [self._of_the_chief(numbers[at : at + _CHUNK]) for at in range(0, len(numbers), _CHUNK)]
        received, offset = np.concatenate(chunks).tobytes(), 8
        for name, array in arrays.items():
            mine = np.frombuffer(received, array.dtype, array.size, offset).reshape(array.shape)
            state[name].assign(mine)
            offset += array.nbytes
        return int(np.frombuffer(received, np.int64, 1)[0])

    @contextmanager
    def explaining_losses(self, last: Callable[[], str]) -> Iterator[None]:
        """Translate TensorFlow's errors about a lost machine into one that says how to continue.

        Args:
            last: returns a sentence that says where the last checkpoint is

        Raises:
            TrainingError: another machine was lost.
        """
        try:
            yield
        except _LOST as error:
            if self.count == 1:
                raise
            raise TrainingError(
                f"another machine was lost ({_first_line(error)}). {last()}; resume "
                f"the run on all {self.count} machines to continue"
            ) from error

    def _of_the_chief(self, numbers: np.ndarray) -> np.ndarray:
        return self._sum(numbers if self.is_chief else np.zeros_like(numbers))

    def _sum(self, numbers: np.ndarray) -> np.ndarray:
        """Sum int32 numbers over the machines. If all but one send zeros, this transmits its bits unchanged."""
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
    """Restore Python's handler of a signal: TensorFlow's coordination service replaces it with its own."""
    try:
        yield
    finally:
        handler = signal.getsignal(number)
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(number, handler)


def _show_only(device: str) -> None:
    """Hide the GPUs that ``device`` does not name; a multi-worker strategy uses every visible one."""
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
    """Return the line of TensorFlow's long message that states the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if "aborted by" in line or "unhealthy" in line or "Could not" in line]
    return (causes or lines or [type(error).__name__])[0][:200]
