"""Programs as TensorFlow graphs with dynamic batch size, height and width."""

from __future__ import annotations

from typing import Any

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
