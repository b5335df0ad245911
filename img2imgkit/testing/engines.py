"""Contract tests for engines: open a small model and compare it with numpy, or with the networks themselves."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np

from img2imgkit.engine import Arrays, Engine, EngineDevice, LoadedNetworks, Precision, Session
from img2imgkit.errors import BundleError
from img2imgkit.testing.claims import check_docstring, check_name, check_source, expect

_SEED, _WIDTH = 17, 3
_SIZES = ((8, 12), (16, 8), (8, 12))
_LARGEST_DIFFERENCE = 1e-4  # of outputs about 1


def check_engine(engine_class: type[Engine], networks: LoadedNetworks | None = None) -> None:
    """Verify the contract of an engine on the first of its devices.

    Args:
        networks: a loaded bundle that scales by 1 or more and reads a picture of 3 channels only, for an engine of the
            form "networks"; engines for ONNX files get a small file

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    check_name(engine_class)
    check_docstring(engine_class)
    check_source(engine_class)
    expect(engine_class.form in ("networks", "onnx"), f"form {engine_class.form!r} is neither 'networks' nor 'onnx'")
    engine = engine_class()
    version = engine.version()
    expect(
        isinstance(version, str) and bool(version),
        f"version() must be that of {engine.distribution!r}, got {version!r}",
    )
    device = _checked_device(engine)
    if engine.form == "networks":
        assert networks is not None, "an engine of the form 'networks' needs a loaded bundle"
        _check_runs(lambda: engine.open(networks, device), "source", lambda x: _by_keras(networks, x))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        kernel = _write_model(path)
        _check_runs(lambda: engine.open(path, device), "image", lambda x: np.asarray(np.tanh(x @ kernel), np.float32))
        _check_nan(engine.open(path, device))
        _check_damage(engine, device, Path(folder) / "damaged.onnx")


def _checked_device(engine: Engine) -> EngineDevice:
    there = engine.devices()
    expect(len(there) > 0, f"{engine.name}: devices() returned none")
    places = [(each.kind, each.number) for each in there]
    expect(len(set(places)) == len(places), f"{engine.name}: two devices have the same kind and number: {places}")
    for each in there:
        expect({*each.precisions} <= {*get_args(Precision)}, f"{each.name}: unknown precisions in {each.precisions}")
        expect("float32" in each.precisions, f"{each.name}: every device computes in float32, got {each.precisions}")
        free = engine.free_bytes(each)
        expect(free is None or free >= 0, f"{each.name}: free_bytes returned {free}")
    return there[0]


def _check_runs(opened: Callable[[], Session], name: str, expected: Callable[[np.ndarray], np.ndarray]) -> None:
    session, random = opened(), np.random.default_rng(_SEED)
    made: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for height, width in _SIZES:
        x = random.uniform(-1, 1, (1, height, width, 3)).astype(np.float32)
        one = _output(session({name: x}))
        known = expected(x)
        expect(one.shape == known.shape, f"the output for {x.shape} has the shape {one.shape}, not {known.shape}")
        far = float(np.abs(one - known).max())
        expect(far <= _LARGEST_DIFFERENCE, f"the output for {x.shape} differs by {far} from the expected one")
        expect((_output(session({name: x})) == one).all(), f"a second call with {x.shape} gave other values")
        made.append((x, one, one.copy()))
    expect(all((one == kept).all() for _, one, kept in made), "an output changed after it was returned")
    session.close()
    again, (first, _, before) = opened(), made[0]
    expect((_output(again({name: first})) == before).all(), "a second session gave other values")
    again.close()


def _check_nan(session: Session) -> None:
    x = np.random.default_rng(_SEED).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
    before, spoilt = _output(session({"image": x})), x.copy()
    spoilt[0, 0, 0] = np.nan
    expect(not np.isfinite(_output(session({"image": spoilt}))).all(), "NaN in the input must reach the output")
    expect((_output(session({"image": x})) == before).all(), "after an input with NaN, outputs are others than before")
    session.close()


def _check_damage(engine: Engine, device: EngineDevice, path: Path) -> None:
    path.write_bytes(b"not a model")
    try:
        engine.open(path, device)
    except BundleError:
        return
    raise AssertionError(f"{engine.name}: opening a damaged file must raise BundleError")


def _output(made: Arrays) -> np.ndarray:
    expect([*made] == ["output"], f"expected one array, 'output', got {[*made]}")
    return made["output"]


def _by_keras(model: LoadedNetworks, x: np.ndarray) -> np.ndarray:
    return np.asarray(model.task.translate(model.nets, {"source": x}))


def _write_model(path: Path) -> np.ndarray:
    """Write an ONNX file that mixes channels and takes the hyperbolic tangent. Shapes: -> (3, 3) float32."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.random.default_rng(_SEED).normal(size=(_WIDTH, _WIDTH)).astype(np.float32)
    axes: Any = ["batch", "height", "width", _WIDTH]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, axes) for name in ("image", "output")]
    nodes = [
        helper.make_node("MatMul", ["image", "kernel"], ["mixed"]),
        helper.make_node("Tanh", ["mixed"], ["output"]),
    ]
    graph = helper.make_graph(nodes, "check", ports[:1], ports[1:], [numpy_helper.from_array(kernel, "kernel")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(made, str(path))
    return kernel
