"""What converters need: programs as TensorFlow graphs, and quiet."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from img2imgkit.backend import quiet_stderr
from img2imgkit.errors import ExportError
from img2imgkit.exchange import Program


def signature(program: Program) -> dict[str, Any]:
    """The ``tf.TensorSpec`` of each input."""
    import tensorflow as tf

    return {port.name: tf.TensorSpec(port.shape, port.dtype, port.name) for port in program.inputs}


def traceable(program: Program) -> Any:
    """The program as a ``tf.function`` of one mapping, with its signature."""
    import tensorflow as tf

    def call(given: Any) -> Any:
        found = program.call(given)
        return {port.name: tf.identity(found[port.name], port.name) for port in program.outputs}

    return tf.function(call, input_signature=[signature(program)], autograph=False)


def traced(program: Program) -> Any:
    """The program's concrete function.

    Raises:
        ExportError: the program cannot be traced.
    """
    try:
        return traceable(program).get_concrete_function()
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        message = f"{program.name} cannot be traced for any batch and size: {type(error).__name__}: {lines[-1]}"
        raise ExportError(message) from error


def unread(program: Program) -> set[str]:
    """Names of the inputs on which no output depends. Raises ExportError: the program cannot be traced."""
    graph = traced(program).graph
    reached, waiting = set(), [tensor.op for tensor in graph.outputs]
    while waiting:
        operation = waiting.pop()
        if operation.name not in reached:
            reached.add(operation.name)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    names = sorted(port.name for port in program.inputs)  # as TensorFlow orders a mapping
    given = graph.inputs[: len(names)]
    return {name for name, tensor in zip(names, given, strict=True) if tensor.op.name not in reached}


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
