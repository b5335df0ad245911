"""Programs as TensorFlow graphs that take any batch, height and width."""

from __future__ import annotations

from typing import Any

from img2imgkit.errors import ExportError
from img2imgkit.exchange import Program


def signature(program: Program) -> dict[str, Any]:
    """The inputs, as TensorFlow describes them."""
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
    """Its graph.

    Raises:
        ExportError: the program cannot be traced.
    """
    try:
        return traceable(program).get_concrete_function()
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        message = f"{program.name} cannot be made a graph of any batch and size: {type(error).__name__}: {lines[-1]}"
        raise ExportError(message) from error


def unread(program: Program) -> set[str]:
    """The inputs that nothing of the outputs depends on. Raises ExportError: it cannot be traced."""
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
