"""Converters talk on every channel; what they say is kept from users, and what counts of it is told as an error."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from img2imgkit.backend import quiet_stderr

TALKERS = ("tensorflow", "absl", "tf2onnx", "onnxruntime", "onnx", "root")


@contextmanager
def quietly() -> Iterator[list[str]]:
    """Hold back logs, warnings and what native code prints; gives the errors that were logged, as far as they came."""
    told: list[str] = []
    failed: BaseException | None = None
    with warnings.catch_warnings(), quiet_stderr(), _kept(told):
        warnings.simplefilter("ignore")
        try:
            yield told
        except BaseException as error:  # outside of quiet_stderr, which would show all that it holds
            failed = error
    if failed is not None:
        raise failed


@contextmanager
def _kept(told: list[str]) -> Iterator[None]:
    """Send the talkers' errors to a list, and the rest nowhere."""
    handler = _Keeping(told)
    before = {}
    for name in TALKERS:
        logger = logging.getLogger(name)
        before[logger] = (list(logger.handlers), logger.propagate, logger.level)
        logger.handlers, logger.propagate = [handler], False
    try:
        yield
    finally:
        for logger, (handlers, propagate, level) in before.items():
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


class _Keeping(logging.Handler):
    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.ERROR)
        self.told = told

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())
