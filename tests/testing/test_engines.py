"""Contract tests for engines: the built-in ones pass, and each clause catches its violation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiny_tasks import Plain, loaded

import img2imgkit as kit
from img2imgkit.errors import BundleError
from img2imgkit.inference import BUILT_IN
from img2imgkit.testing import check_engine


@pytest.mark.parametrize("name", ["tensorflow", "onnxruntime", "openvino"])
def test_the_built_in_engines_keep_their_contract(name: str) -> None:
    check_engine(BUILT_IN[name], loaded(Plain) if name == "tensorflow" else None)


class Numpy(kit.Engine):
    """Computes a matrix product and its hyperbolic tangent with numpy (https://numpy.org)."""

    name = "numpy"
    form = "onnx"
    distribution = "numpy"

    def devices(self) -> list[kit.EngineDevice]:
        return [kit.EngineDevice("cpu", 0, "numpy")]

    def open(self, model: Any, device: kit.EngineDevice, precision: Any = "float32", batch: int = 1) -> kit.Session:
        import onnx
        from onnx import numpy_helper

        try:
            kernel = numpy_helper.to_array(onnx.load(str(model)).graph.initializer[0])
        except Exception as error:
            raise BundleError(f"{model}: {error}") from None
        return Product(kernel)


class Product(kit.Session):
    def __init__(self, kernel: np.ndarray) -> None:
        self.kernel = kernel

    def __call__(self, inputs: Any) -> Any:
        return {"output": np.tanh(inputs["image"] @ self.kernel)}


def test_an_engine_of_a_plugin_passes() -> None:
    check_engine(Numpy)


def changed(session: Any = None, **changes: Any) -> type[kit.Engine]:
    made = type("Changed", (Numpy,), {"__doc__": Numpy.__doc__, **changes})
    if session is not None:
        made.open = lambda self, *given, **more: session(Numpy.open(self, *given, **more))  # type: ignore[method-assign]
    return made


class Sharing(Product):
    """Returns the same array each time."""

    def __call__(self, inputs: Any) -> Any:
        made = super().__call__(inputs)["output"]
        self.kept = getattr(self, "kept", {})
        kept = self.kept.setdefault(made.shape, made)
        kept[...] = made
        return {"output": kept}


class Counting(Product):
    """Its results depend on earlier calls."""

    def __call__(self, inputs: Any) -> Any:
        self.kernel = self.kernel + np.float32(1e-6)
        return super().__call__(inputs)


class Hiding(Product):
    def __call__(self, inputs: Any) -> Any:
        return {"output": np.nan_to_num(super().__call__(inputs)["output"])}


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (changed(name="Numpy 2"), "name is 'Numpy 2'"),
        (changed(form="torch"), "form 'torch'"),
        (changed(distribution="numpy-of-nobody"), "version\\(\\) must be that of 'numpy-of-nobody', got None"),
        (changed(devices=lambda _: []), "returned none"),
        (changed(devices=lambda _: [kit.EngineDevice("cpu", 0, "a")] * 2), "same kind and number"),
        (changed(devices=lambda _: [kit.EngineDevice("cpu", 0, "a", ("float16",))]), "computes in float32"),
        (changed(devices=lambda _: [kit.EngineDevice("cpu", 0, "a", ("float64",))]), "unknown precisions"),  # type: ignore[arg-type]
        (changed(free_bytes=lambda *_: -1), "free_bytes returned -1"),
        (changed(lambda made: Product(made.kernel * 2)), "differs by"),
        (changed(lambda made: Product(made.kernel[:, :2])), "has the shape"),
        (changed(lambda made: Sharing(made.kernel)), "changed after it was returned"),
        (changed(lambda made: Counting(made.kernel)), "a second call"),
        (changed(lambda made: Hiding(made.kernel)), "NaN in the input"),
        (changed(open=lambda *_, **__: Product(np.eye(3))), "differs by"),
    ],
)
def test_each_clause_catches_its_violation(engine: type[kit.Engine], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_engine(engine)
