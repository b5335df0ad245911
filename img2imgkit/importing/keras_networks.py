"""Networks of other programs as Keras' configurations describe them, rebuilt from plain layers only.

Reads the forms of Keras 2 (whole models in ``.h5``, TensorFlow.js) and of Keras 3 (``.keras``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit import backend
from img2imgkit.errors import InteropError
from img2imgkit.exchange import Statistics
from img2imgkit.importing.keras_layers import SHOWN, rebuilt_layer
from img2imgkit.importing.torch_weights import in_shapes

if TYPE_CHECKING:
    import keras

NETWORKS = ("Functional", "Model", "Sequential")
MAX_LAYERS = 5_000
MAX_DEPTH = 8  # of networks inside networks
LISTS = ("__tuple__", "TensorShape")
OLD_NAME = ("/kernel", "/depthwise_kernel")  # in DepthwiseConv2D of Keras 2
SEED = "seed_generator"  # state of a random layer
UNNAMED_CALL = ("mask", "training")  # arguments of a layer's call that inference decides


def network_from_config(config: Any, arrays: Mapping[str, np.ndarray], statistics: Statistics) -> keras.Model:
    """Rebuild a network with its weights.

    Args:
        config: its class and configuration, as Keras writes them as JSON
        arrays: weights by names that end in those of a layer and its variable, such as "conv2d/kernel"
        statistics: those that batch normalization uses: "running", as Keras in inference, or "image", those of each
            image, as a call with ``training=True`` on one picture

    Raises:
        InteropError: the configuration is malformed, or has a layer or a setting that is not known; or the weights are
            not those of the network.
    """
    short = _by_layer(arrays)
    model = rebuilt(config, lambda model: _fitted(model, short), statistics)
    for variable, array in _fitted(model, short):
        variable.assign(array)
    return model


def rebuilt(config: Any, fits: Callable[[keras.Model], object], statistics: Statistics = "running") -> keras.Model:
    """Rebuild a network with fresh weights, see ``network_from_config``.

    Args:
        fits: called with the network before it has weights; raises InteropError if the file does not contain them
    """
    backend.load()

    def build() -> keras.Model:
        try:
            return _network(_untyped(config), statistics, 0)
        except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise InteropError(f"its configuration is malformed: {type(error).__name__}: {str(error)[:200]}") from None

    in_shapes(lambda: fits(build()))  # so that a configuration cannot claim memory that the file does not fill
    return build()


def named_arrays(model: keras.Model) -> dict[str, np.ndarray]:
    """The weights of a network by the names of their layers and variables."""
    return {name: np.asarray(variable) for name, variable in _variables(model)}


def _variables(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """Each variable with the name of its layer, a slash and its own."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _variables(layer)
        else:
            yield from ((f"{layer.name}/{each.name}", each) for each in layer.weights if SEED not in each.path)


def _by_layer(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays by the names of their layer and their own alone, without those of networks around them."""
    found: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        short = "/".join(name.split("/")[-2:]) if SEED not in name else ""
        if short in found:
            raise InteropError(f"two layers have the name {short.partition('/')[0]!r:.{SHOWN}}")
        if short:
            found[short] = array
    return found


def _fitted(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> list[tuple[Any, np.ndarray]]:
    """Pair each variable with its array. Raises InteropError: one is missing or has another shape, or one is left."""
    pairs = []
    left = dict(arrays)
    for name, variable in _variables(model):
        array = left.pop(name if name in left else name.replace(*OLD_NAME), None)
        if array is None or array.shape != tuple(variable.shape):
            stated = "is missing in the file" if array is None else f"has the shape {array.shape} in the file"
            raise InteropError(f"the weight {name!r:.{SHOWN}} of shape {tuple(variable.shape)} {stated}")
        pairs.append((variable, array))
    if left:
        raise InteropError(f"the array {next(iter(left))!r:.{SHOWN}} belongs to no layer")
    return pairs


def _untyped(value: Any) -> Any:
    """Tuples and shapes, which Keras 2 writes as objects, as lists."""
    if isinstance(value, dict):
        if value.get("class_name") in LISTS and "items" in value:
            return [_untyped(each) for each in value["items"]]
        return {key: _untyped(each) for key, each in value.items()}
    return [_untyped(each) for each in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class _Record:
    """A layer as a configuration states it, with each of its calls.

    Attributes:
        calls: for each call what it reads: (layer, number of its call, number of its output)
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    calls: tuple[tuple[tuple[str, int, int], ...], ...]


def _network(stated: Mapping[str, Any], statistics: Statistics, depth: int) -> keras.Model:
    kind, config = stated["class_name"], stated["config"]
    if kind not in NETWORKS:
        raise InteropError(f"it is a {kind!s:.{SHOWN}}; only {', '.join(NETWORKS)} networks of plain layers are read")
    layers = config["layers"] if isinstance(config, dict) else config  # a list in files of early versions
    if depth > MAX_DEPTH or len(layers) > MAX_LAYERS:
        raise InteropError("it has too many layers, or networks inside networks")
    if kind == "Sequential":
        return _sequence(stated, layers, statistics, depth)
    return _graph(config, [*map(_record, layers)], statistics, depth)


def _sequence(
    stated: Mapping[str, Any], layers: list[Mapping[str, Any]], statistics: Statistics, depth: int
) -> keras.Model:
    import keras

    config = stated["config"] if isinstance(stated["config"], dict) else {}
    records = [_record(each) for each in layers]
    shape = _input_shape(records[0], config, stated)
    made = [_layer(each, statistics, depth) for each in records if each.kind != "InputLayer"]
    return keras.Sequential([*([keras.Input(batch_shape=shape)] if shape else []), *made], name=config.get("name"))


def _input_shape(first: _Record, config: Mapping[str, Any], stated: Mapping[str, Any]) -> Any:
    """The shape that a sequence reads, with the batch; None if only its caller knows."""
    of_layer = first.config.get("batch_shape") or first.config.get("batch_input_shape")
    of_build = (stated.get("build_config") or {}).get("input_shape")
    return of_layer or config.get("build_input_shape") or of_build


def _graph(config: Mapping[str, Any], records: list[_Record], statistics: Statistics, depth: int) -> keras.Model:
    """Call each layer once what it reads is known."""
    import keras

    layers = {each.name: _layer(each, statistics, depth) for each in records if each.kind != "InputLayer"}
    made: dict[tuple[str, int], list[Any]] = {
        (each.name, 0): [keras.Input(batch_shape=_shape(each), name=each.name)]
        for each in records
        if each.kind == "InputLayer"
    }
    waiting = [(each.name, number, call) for each in records for number, call in enumerate(each.calls)]
    while waiting:
        left = []
        for name, number, call in waiting:
            if all(source[:2] in made for source in call):
                given = [made[source[:2]][source[2]] for source in call]
                found = layers[name](given if len(given) > 1 else given[0])
                made[name, number] = list(found) if isinstance(found, (list, tuple)) else [found]
            else:
                left.append((name, number, call))
        if len(left) == len(waiting):
            raise InteropError(f"layer {left[0][0]!r:.{SHOWN}} reads what no layer makes")
        waiting = left
    inputs, outputs = (
        [made[name, call][place] for name, call, place in _ends(config[key])]
        for key in ("input_layers", "output_layers")
    )
    return keras.Model(_alone(inputs), _alone(outputs), name=config.get("name"))


def _alone(tensors: list[Any]) -> Any:
    return tensors if len(tensors) > 1 else tensors[0]


def _ends(stated: list[Any]) -> list[tuple[str, int, int]]:
    """Inputs or outputs of a network, which Keras 3 writes without a list if there is one."""
    found = [stated] if isinstance(stated[0], str) else stated
    return [(str(name), int(call), int(place)) for name, call, place in found]


def _layer(record: _Record, statistics: Statistics, depth: int) -> Any:
    if record.kind in NETWORKS:
        return _network(
            {"class_name": record.kind, "config": {**record.config, "name": record.name}}, statistics, depth + 1
        )
    return rebuilt_layer(record.kind, record.name, record.config, statistics)


def _shape(record: _Record) -> Any:
    return record.config.get("batch_shape") or record.config["batch_input_shape"]


def _record(layer: Mapping[str, Any]) -> _Record:
    config = layer["config"]
    name = str(config["name"])
    if isinstance(layer.get("build_config"), dict) and layer["class_name"] == "Sequential":
        config = {"build_input_shape": layer["build_config"].get("input_shape"), **config}
    calls = tuple(tuple(_sources(name, node)) for node in layer.get("inbound_nodes", ()))
    return _Record(str(layer["class_name"]), name, config, calls)


def _sources(layer: str, node: Any) -> Iterator[tuple[str, int, int]]:
    """What one call of a layer reads."""
    if isinstance(node, dict):
        _refuse_arguments(layer, node.get("kwargs") or {})
        arguments = node["args"]
        tensors = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else arguments
        for tensor in tensors:
            name, call, place = tensor["config"]["keras_history"]
            yield str(name), int(call), int(place)
        return
    for name, call, place, *more in [node] if isinstance(node[0], str) else node:
        _refuse_arguments(layer, more[0] if more else {})
        yield str(name), int(call), int(place)


def _refuse_arguments(layer: str, stated: Mapping[str, Any]) -> None:
    """Refuse arguments that change what a layer computes."""
    for key, value in stated.items():
        if value is not None and not (key in UNNAMED_CALL and value is False):
            raise InteropError(f"layer {layer!r:.{SHOWN}} is called with {key!s:.{SHOWN}}, which is not supported")
