"""Decode in processes that can be ended: a picture that needs too much time or memory fails, and nothing else.

The processes are started when they are needed, and kept. They are separate programs, neither forks of this process,
which would be unsafe once TensorFlow has threads, nor copies of its main module. Pixels come back in a file in memory
that has no name, so nothing is left of it after a kill.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from img2imgkit.errors import DamagedError, DecodeError
from img2imgkit.images import affine as affine_module
from img2imgkit.images import picture as picture_module
from img2imgkit.images.decoders import Wanted
from img2imgkit.images.limits import limits
from img2imgkit.images.picture import Picture
from img2imgkit.places import Limits

START_SECONDS = 60.0
_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from img2imgkit.images.decoder_process import serve
serve(sys.argv[2], sys.argv[3])
"""
_LENGTH, _MAX_MESSAGE = 8, 1 << 30


class Lost(Exception):
    """The process that decoded a picture was ended, or could not be started. The text is the reason."""


class DecoderPool:
    """Up to one process per CPU; each decodes one picture at a time.

    Args:
        limits: of each picture
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.owner = os.getpid()
        self._idle: list[_Decoder] = []
        self._slots = threading.Semaphore(max(2, os.cpu_count() or 1))

    def decode(self, path: Path, wanted: Wanted) -> Picture:
        """Decode a picture.

        Raises:
            DecodeError: it cannot be decoded.
            Lost: it took too much time or memory, or the process ended for another reason.
        """
        stated = {"folder": str(Path.cwd()), "path": str(path), "wanted": wanted._asdict()}
        request = json.dumps(stated).encode("ascii") + b"\n"
        with self._slots:
            decoder = self._started()
            try:
                answer = decoder.ask(request, self.limits.seconds)
            except BaseException:
                decoder.close()
                raise
            self._idle.append(decoder)
        if isinstance(answer, DecodeError):
            raise answer
        return answer

    def close(self) -> None:
        """End the idle processes."""
        while self._idle:
            self._idle.pop().close()

    def _started(self) -> _Decoder:
        with suppress(IndexError):
            while True:
                decoder = self._idle.pop()
                if decoder.is_alive():
                    return decoder
                decoder.close()
        return _Decoder(self.limits)


class _Decoder:
    """One process."""

    def __init__(self, limits: Limits) -> None:
        self._shared = _shared_file()
        descriptor = "" if self._shared is None else str(self._shared.fileno())
        paths = [path or str(Path.cwd()) for path in sys.path]
        command = [sys.executable, "-P", "-c", _PROGRAM, json.dumps(paths), limits.model_dump_json(), descriptor]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # each thread of it would count as memory
                **_in_own_group(descriptor),
            )
        except OSError as error:
            if self._shared is not None:
                self._shared.close()
            raise Lost(f"the process that decodes it cannot be started: {error.strerror or error}") from error
        try:
            self._exchange(b"", START_SECONDS, "start")
        except Lost:
            self.close()
            raise

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: bytes, seconds: float) -> Picture | DecodeError:
        message = self._exchange(request, seconds, "decode it")
        if error := message.get("error"):
            kind, reason = map(str, error)
            return DamagedError(reason) if kind == DamagedError.__name__ else DecodeError(reason)
        source = self._shared
        if source is None:
            assert self._process.stdout is not None
            return _picture(message, self._process.stdout)
        source.seek(0)
        made = _picture(message, source)
        source.truncate(0)
        return made

    def _exchange(self, request: bytes, seconds: float, purpose: str) -> dict[str, Any]:
        """Send a request and return the answer. The process is ended if it takes too long."""
        assert self._process.stdin is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
            message = self._received()
        except (OSError, EOFError) as error:
            if late.is_set():
                text = f"needs more than {seconds:g} s to {purpose}"
                raise Lost(f"{text}; raise `limits.seconds` if you trust the file") from error
            raise Lost(f"the process that decodes it ended ({self._status()})") from error
        finally:
            timer.cancel()
        return message

    def _received(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = int.from_bytes(_exactly(self._process.stdout, _LENGTH), "big")
        if length > _MAX_MESSAGE:
            raise EOFError
        try:
            message = _Metadata(io.BytesIO(_exactly(self._process.stdout, length))).load()
        except pickle.UnpicklingError as error:
            raise EOFError from error
        return message if isinstance(message, dict) else {}

    def _status(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(5)
            with suppress(ValueError):
                return signal.Signals(-code).name
            return f"exit code {code}"
        return "without an answer"

    def close(self) -> None:
        """End the process and free what it shares."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._shared):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()


class _Metadata(pickle.Unpickler):
    """Reads only plain data and the classes that pictures consist of: a file may have taken over the process."""

    def find_class(self, module: str, name: str) -> Any:
        for known in (picture_module, affine_module):
            found = getattr(known, name, None)
            if module == known.__name__ and isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name}")


def _picture(message: dict[str, Any], source: IO[bytes]) -> Picture:
    arrays: dict[str, Any] = {}
    try:
        for name, (shape, kind) in message["pixels"].items():
            array: Any = np.empty(shape, {"uint8": np.uint8, "uint16": np.uint16}[kind])
            _fill(memoryview(array).cast("B"), source)
            arrays[name] = array
        return Picture(**arrays, **message["rest"])
    except (KeyError, TypeError, ValueError, EOFError) as error:
        raise Lost("the process that decodes it is broken") from error


def _fill(target: memoryview, source: IO[bytes]) -> None:
    while target:
        count = source.readinto(target)  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        target = target[count:]


def _exactly(source: IO[bytes], count: int) -> bytes:
    data = source.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _shared_file() -> BinaryIO | None:
    """Return a file in memory that a child process can inherit; None where there is none, and pixels use the pipe."""
    if os.name == "nt":
        return None
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("img2img-pixels"), "r+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def _in_own_group(descriptor: str) -> dict[str, Any]:
    """Ctrl-C must not reach the process: the picture in progress is finished."""
    if os.name == "nt":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
    return {"start_new_session": True, "pass_fds": (int(descriptor),)}


class _Process:
    """Process-wide state: the pool of this process."""

    pool: DecoderPool | None = None
    lock = threading.Lock()


def pool() -> DecoderPool:
    """Return the pool of this process, under its limits. It is closed when the process ends."""
    with _Process.lock:
        old = _Process.pool
        if old is None or old.limits != limits() or old.owner != os.getpid():
            if old is not None and old.owner == os.getpid():
                old.close()
            elif old is None:
                atexit.register(close)
            _Process.pool = DecoderPool(limits())
        assert _Process.pool is not None
        return _Process.pool


def close() -> None:
    """End the idle processes of this process's pool, if it has one. A later picture starts another one."""
    pool = _Process.pool
    if pool is not None and pool.owner == os.getpid():
        pool.close()
