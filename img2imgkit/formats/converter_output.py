"""Capture what converters log, warn and print. Only the errors that they log are passed on."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from img2imgkit.backend import quiet_stderr

LOGGERS = ("tensorflow", "absl", "tf2onnx", "onnxruntime", "onnx", "root")


@contextmanager
def quietly() -> Iterator[list[str]]:
    """Suppress logs, warnings and the output of native code; yields the list of logged errors, which grows."""
    errors: list[str] = []
    failed: BaseException | None = None
    with warnings.catch_warnings(), quiet_stderr(), _captured(errors):
        warnings.simplefilter("ignore")
        try:
            yield errors
        except BaseException as error:  # raised again below: inside, quiet_stderr would print what it captured
            failed = error
    if failed is not None:
        raise failed


@contextmanager
def _captured(errors: list[str]) -> Iterator[None]:
    """Append the loggers' errors to a list, and discard everything else."""
    handler = _ErrorList(errors)
    before = {}
    for name in LOGGERS:
        logger = logging.getLogger(name)
        before[logger] = (list(logger.handlers), logger.propagate, logger.level)
        logger.handlers, logger.propagate = [handler], False
    try:
        yield
    finally:
        for logger, (handlers, propagate, level) in before.items():
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


class _ErrorList(logging.Handler):
    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.ERROR)
        self.errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        self.errors.append(record.getMessage())
