"""Frozen TensorFlow graphs, as an export format."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import img2imgkit as kit
from img2imgkit.exchange import Arrays, Form

ABOUT = "img2imgkit_about"


class GraphDef(kit.Exporter):
    """A frozen TensorFlow graph: operations and weights in one file, without variables."""

    name = "graphdef"
    suffix = ".pb"

    def write(self, programs: Sequence[kit.Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
        import tensorflow as tf
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        (program,) = programs

        @tf.function(autograph=False)
        def call(**given: Any) -> Any:
            found = program.call(given)
            return [tf.identity(found[port.name], port.name) for port in program.outputs]

        specs = {port.name: tf.TensorSpec(port.shape, port.dtype, port.name) for port in program.inputs}
        frozen = convert_variables_to_constants_v2(call.get_concrete_function(**specs)).graph
        with frozen.as_default():
            tf.constant(json.dumps(about), name=ABOUT)
        path.write_bytes(frozen.as_graph_def().SerializeToString())

    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        import tensorflow as tf

        graph, ports = _read(path), json.loads(self.about(path))["programs"][0]
        inputs, outputs = ([f"{port['name']}:0" for port in ports[side]] for side in ("inputs", "outputs"))
        wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
        run = wrapped.prune(*([wrapped.graph.get_tensor_by_name(name) for name in side] for side in (inputs, outputs)))

        def call(_: str, arrays: Arrays) -> Arrays:
            found = run(*(tf.constant(arrays[name.removesuffix(":0")]) for name in inputs))
            return {name.removesuffix(":0"): tensor.numpy() for name, tensor in zip(outputs, found, strict=True)}

        return call

    def about(self, path: Path) -> str:
        [node] = [each for each in _read(path).node if each.name == ABOUT]
        return str(node.attr["value"].tensor.string_val[0].decode())


def _read(path: Path) -> Any:
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef()
    with kit.open_regular(path) as file:
        graph.ParseFromString(file.read())
    return graph


@kit.hookimpl
def register_exporters(register: Callable[[type[kit.Exporter]], None]) -> None:
    """Add the format."""
    register(GraphDef)
