"""Enlargers in ncnn's files: computed by ncnn as by the networks, read again by the importer, or refused by name."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from img2imgkit_plugins.ncnn.exporter import NcnnExporter
from img2imgkit_plugins.ncnn.graph import graph_text, read_graph
from img2imgkit_plugins.ncnn.importer import Ncnn
from img2imgkit_plugins.ncnn.made_layers import finished
from img2imgkit_plugins.ncnn.operators import drawn
from img2imgkit_plugins.ncnn.weights import weights_bytes
from onnx.reference import ReferenceEvaluator
from tiny_tasks import Tinted, bundle_of, loaded

from img2imgkit import Catalog, backend, resolve
from img2imgkit.bundle import EXPORTED_FILE, Bundle, read_exported
from img2imgkit.errors import ConfigError, ExportError
from img2imgkit.exporting import ExportedFile, ExportOptions, export_bundle
from img2imgkit.importing import network_of

AGAIN = ("srvgg", "srvgg, leaky", "rrdb", "rrdb, unshuffled", "upconv7", "vgg7")
PICTURE = np.random.default_rng(1).random((2, 3, 9, 14), np.float32)
RESIDUAL = {"kind": "residual", "width": 4, "blocks": 1}
RRDB = {"kind": "rrdb", "width": 4, "blocks": 1, "growth": 2}
NETWORKS: dict[str, dict[str, Any]] = {
    "the one that ships": {
        "kind": "residual",
        "width": 4,
        "blocks": 1,
        "scale": 2,
        "space": "luma",
        "values": "signed",
    },
    "residual, colours": {"kind": "residual", "width": 4, "blocks": 1, "scale": 3},
    "srvgg": {"kind": "srvgg", "width": 4, "depth": 1, "scale": 4},
    "srvgg, leaky": {"kind": "srvgg", "width": 4, "depth": 1, "activation": "leaky_relu", "scale": 2},
    "rrdb": {**RRDB, "scale": 4},
    "rrdb, unshuffled": {**RRDB, "scale": 2, "unshuffle": 2},
    "esrgan+": {**RRDB, "scale": 4, "inner": True},
    "upconv7": {"kind": "upconv7", "filters": [4, 4, 4, 4, 4, 4], "scale": 2},
    "vgg7": {"kind": "upconv7", "filters": [4, 4, 4, 4, 4, 4], "scale": 1},
    "span": {"kind": "span", "width": 4, "scale": 2},
    "srresnet": {"kind": "srresnet", "width": 4, "blocks": 1, "scale": 3},
    "edsr, levels": {"kind": "edsr", "width": 4, "blocks": 1, "levels": True, "scale": 2, "values": "levels"},
    "rcan": {"kind": "rcan", "width": 8, "groups": 1, "blocks": 1, "reduction": 4, "scale": 2},
}


@pytest.fixture(scope="module", autouse=True)
def keras() -> None:
    backend.load()


def enlarger(scale: int, space: str = "rgb", values: str = "unit", **generator: Any) -> Bundle:
    """A bundle of an enlarger with random weights, of a size that keeps its outputs small."""
    catalog = Catalog.installed()
    task = catalog.get("tasks", "super-resolution")
    options = task.Options(scale=scale, space=space, values=values, generator=generator)
    found, random = bundle_of(task(resolve(options, catalog))), np.random.default_rng(0)
    for variable in found.nets["generator"].weights:
        size = 1 / np.sqrt(np.prod(variable.shape[:-1])) if len(variable.shape) == 4 else 0.1
        variable.assign(random.normal(0, size, variable.shape))
    return found


def exported(path: Path, which: str, **options: Any) -> ExportedFile:
    return export_bundle(enlarger(**NETWORKS[which]), NcnnExporter(), path, ExportOptions(**options))


def some_fast(names: Iterable[str], *fast: str) -> list[Any]:
    """Exports take a second each; those that are proved at all run in any case."""
    return [name if name in fast else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("which", some_fast(NETWORKS))
def test_ncnn_computes_what_the_networks_compute(which: str, tmp_path: Path) -> None:
    written = exported(tmp_path / "out", which)
    assert written.unproved == ""
    assert written.differences["translate"] < 5e-5
    assert {each.suffix for each in (tmp_path / "out").iterdir()} == {".param", ".bin", ".json"}


@pytest.mark.slow
@pytest.mark.parametrize("which", ["the one that ships", "rcan", "upconv7"])
def test_a_fixed_size_is_proved_too(which: str, tmp_path: Path) -> None:
    assert exported(tmp_path / "out", which, size=(16, 24)).differences["translate"] < 5e-5


def test_programs_find_the_blobs_and_the_scale(tmp_path: Path) -> None:
    """Real-ESRGAN's programs and upscayl read the blobs "data" and "output", and the scale from the name."""
    exported(tmp_path / "out", "srvgg")
    (graph,) = (tmp_path / "out").glob("*.param")
    assert graph.stem == "super-resolution-x4"
    layers = read_graph(graph)
    assert layers[0].gives == ("data",) or layers[1].reads == ("data",)
    assert layers[-1].gives == ("output",)
    about = read_exported((tmp_path / "out" / EXPORTED_FILE).read_text(), "out")
    assert (about.image_io, about.layout) == ("unit", "nchw")


@pytest.mark.parametrize("which", some_fast(AGAIN, "srvgg"))
def test_the_importer_reads_the_same_network_again(which: str, tmp_path: Path) -> None:
    exported(tmp_path / "out", which)
    (graph,) = (tmp_path / "out").glob("*.param")
    found = network_of(Ncnn().read(graph), Catalog.installed().architectures)
    assert found.assumptions == ()
    given = PICTURE[:, :, :8]
    made = np.clip(np.asarray(found.model(given.transpose(0, 2, 3, 1))), 0, 1).transpose(0, 3, 1, 2)
    assert ((made > 0) & (made < 1)).mean() > 0.1  # not all are clipped
    run = NcnnExporter().open(tmp_path / "out")
    np.testing.assert_allclose(run("translate", {"image": given})["output"], made, atol=1e-5)


@pytest.mark.slow
def test_half_weights_take_half_the_space(tmp_path: Path) -> None:
    whole, half = (exported(tmp_path / kind, "rrdb", precision=kind) for kind in ("float32", "float16"))
    sizes = [next(each.path.glob("*.bin")).stat().st_size for each in (whole, half)]
    assert sizes[1] < 0.6 * sizes[0]
    assert 1e-6 < half.differences["translate"] < 2e-2
    (graph,) = half.path.glob("*.param")
    assert network_of(Ncnn().read(graph), Catalog.installed().architectures).kind == "rrdb"


def test_without_ncnn_the_export_is_written_and_called_unproved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ncnn", None)
    monkeypatch.setattr("img2imgkit_plugins.ncnn.exporter.find_spec", lambda name: None)
    written = exported(tmp_path / "out", "srvgg")
    assert (written.unproved, dict(written.differences)) == ("ncnn (the extra 'ncnn')", {})
    assert len([*(tmp_path / "out").iterdir()]) == 3


@pytest.mark.parametrize(("name", "value", "only"), [("image_io", "uint8", "unit"), ("layout", "nhwc", "nchw")])
def test_pictures_have_one_form(name: str, value: str, only: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"ncnn cannot be written with {name} '{value}'; it has '{only}' only"):
        exported(tmp_path / "out", "srvgg", **{name: value})


@pytest.mark.slow
def test_what_ncnn_lacks_is_refused_by_its_name(tmp_path: Path) -> None:
    swinir = {"kind": "swinir", "width": 4, "depths": [1], "heads": [1], "window": 4}
    with pytest.raises(ExportError, match=r"ncnn: the operator \w+ is not supported; supported are Add, Clip"):
        export_bundle(enlarger(2, **swinir), NcnnExporter(), tmp_path / "out")
    assert [*tmp_path.iterdir()] == []


def test_models_that_read_more_than_a_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ExportError, match=r"translate reads image, hidden, colour, style; a model of ncnn reads one picture"
    ):
        export_bundle(loaded(Tinted), NcnnExporter(), tmp_path / "out")


def counted(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


# One operator each: name, inputs besides the picture, attributes.
OPERATORS: dict[str, tuple[str, list[np.ndarray], dict[str, Any]]] = {
    "number minus picture": ("Sub", [np.float32(2)], {"reverse": True}),
    "picture by a number": ("Div", [np.float32(3)], {}),
    "one number for each channel": ("Mul", [np.array([1, 2, 3], np.float32).reshape(3, 1, 1)], {}),
    "minimum": ("Min", [np.float32(0.4)], {}),
    "clip": ("Clip", [np.float32(0.2), np.float32(0.7)], {}),
    "mean over pixels": ("GlobalAveragePool", [], {}),
    "mean over channels": ("ReduceMean", [np.array([1])], {}),
    "mirrored edge": ("Pad", [np.array([0, 0, 2, 1, 0, 0, 1, 2])], {"mode": "reflect"}),
    "zeros around": ("Pad", [np.array([0, 0, 2, 1, 0, 0, 1, 2])], {}),
    "a part": ("Slice", [np.array([1, 2]), np.array([3, -1]), np.array([1, 3])], {}),
    "space to depth": ("SpaceToDepth", [], {"blocksize": 2}),
    "bilinear": (
        "Resize",
        [np.zeros(0, np.float32), np.array([1, 1, 2, 2], np.float32)],
        {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
    ),
    "grouped convolution": (
        "Conv",
        [np.arange(27, dtype=np.float32).reshape(3, 1, 3, 3)],
        {"group": 3, "pads": [1] * 4},
    ),
    "tall stride": (
        "Conv",
        [np.arange(24, dtype=np.float32).reshape(2, 3, 1, 4)],
        {"strides": [2, 1], "pads": [0, 1, 0, 2]},
    ),
    "transposed, odd": (
        "ConvTranspose",
        [np.arange(54, dtype=np.float32).reshape(3, 2, 3, 3)],
        {"strides": [2, 2], "pads": [1, 0, 0, 1]},
    ),
    "slopes": ("PRelu", [np.array([0.1, 0.2, 0.3], np.float32).reshape(3, 1, 1)], {}),
    "sigmoid": ("Sigmoid", [], {}),
    "tanh": ("Tanh", [], {}),
}


def graph_of(which: str) -> onnx.ModelProto:
    """A graph of one operator on (picture - 0.5), so that numbers of both signs meet it."""
    kind, constants, how = OPERATORS[which]
    how = dict(how)
    names = ["shifted", *(f"c{number}" for number in range(len(constants)))]
    names = names[::-1] if how.pop("reverse", False) else names
    nodes = [
        onnx.helper.make_node("Sub", ["image", "half"], ["shifted"]),
        onnx.helper.make_node(kind, names, ["made"], **how),
    ]
    port = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["n", 3, "h", "w"])
    arrays = {"half": np.float32(0.5), **dict(zip([n for n in names if n != "shifted"], constants, strict=True))}
    weights = [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    graph = onnx.helper.make_graph(nodes, "g", [port], [onnx.helper.make_empty_tensor_value_info("made")], weights)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])


@pytest.mark.parametrize("which", OPERATORS)
def test_each_operator_is_computed_as_onnx_defines_it(which: str, tmp_path: Path) -> None:
    model = graph_of(which)
    layers, arrays = finished(*drawn(model, 3))
    (tmp_path / "a.param").write_text(graph_text(layers))
    (tmp_path / "a.bin").write_bytes(b"".join(weights_bytes(layers, arrays)))
    given = PICTURE[:1, :, :8]
    (wanted,) = ReferenceEvaluator(model).run(None, {"image": given})
    made = NcnnExporter().open(tmp_path)("translate", {"image": given})["output"]
    np.testing.assert_allclose(made, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "constants", "how", "why"),
    [
        ("Pow", [np.float32(2)], {}, "the operator Pow is not supported"),
        ("Pad", [np.array([0, 1, 0, 0, 0, 0, 0, 0])], {}, "cannot represent Pad here: along the axis C"),
        ("Slice", [np.array([0]), np.array([8]), np.array([2]), np.array([2])], {}, "Slice here: with steps"),
        (
            "Resize",
            [np.zeros(0, np.float32), np.array([1, 1, 2, 2], np.float32)],
            {"mode": "cubic"},
            "Resize here: cubic",
        ),
        ("ReduceSum", [np.array([2, 3])], {}, "ReduceSum here: over H, W"),
        ("Add", [np.ones((1, 3, 8, 1), np.float32)], {}, r"Add here: with a constant of shape \(1, 3, 8, 1\)"),
        ("Unsqueeze", [np.array([0])], {}, "the output has the axes 1NCHW"),
        ("Reshape", [np.array([0, 3, -1, 8])], {}, "cannot represent Reshape here: of the axes NCHW"),
    ],
)
def test_uses_without_a_counterpart_are_refused_with_the_reason(
    kind: str, constants: list[np.ndarray], how: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OPERATORS, "made up", (kind, constants, how))
    with pytest.raises(ExportError, match=why):
        drawn(graph_of("made up"), 3)


@pytest.mark.slow
def test_the_text_states_fractions_as_fractions(tmp_path: Path) -> None:
    """ncnn reads "2=2" as a whole number even where it expects a fraction, and then takes its bits for one."""
    exported(tmp_path / "out", "rrdb")
    (graph,) = (tmp_path / "out").glob("*.param")
    scalars = [line for line in graph.read_text().splitlines() if line.startswith("BinaryOp") and " 1=1 " in line]
    assert scalars
    assert all(re.search(r" 2=-?\d\.\d+e[+-]\d\d$", line) for line in scalars)
