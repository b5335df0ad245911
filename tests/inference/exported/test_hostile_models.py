"""Damaged and hostile exported models are refused with a reason before a runtime opens them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_tasks import Plain, loaded, tiny_catalog

from img2imgkit.errors import BundleError
from img2imgkit.inference import Describe, TranslateOptions, Translator, find_model

CATALOG = tiny_catalog()
Change = Callable[[Any], None]


@pytest.fixture(autouse=True)
def unopened(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail if a refused file reaches ONNX Runtime."""
    import onnxruntime

    opened: list[Any] = []
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *given, **_: opened.append(given))
    yield
    assert opened == []


def model() -> Any:
    from onnx import TensorProto, helper, numpy_helper

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, "h", "w"]) for name in "xy"]
    weights = numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "w")
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "g", values[:1], values[1:], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def stored_in(location: str, **more: int) -> Change:
    def change(made: Any) -> None:
        weights = made.graph.initializer[0]
        weights.ClearField("raw_data")
        weights.data_location = 1
        for key, value in {"location": location, **more}.items():
            weights.external_data.add(key=key, value=str(value))

    return change


def another_domain(made: Any) -> None:
    made.graph.node[0].domain = "com.evil"


def inside_a_branch(made: Any) -> None:
    from onnx import helper

    out = helper.make_graph([helper.make_node("Run", ["x"], ["y"], domain="sh")], "b", [], [made.graph.output[0]])
    made.graph.node.append(helper.make_node("If", ["c"], ["z"], then_branch=out, else_branch=out))


def huge_weights(made: Any) -> None:
    made.graph.initializer[0].dims[:] = [1 << 40, 3, 1, 1]


def negative(made: Any) -> None:
    made.graph.initializer[0].dims[0] = -3


def huge_result(made: Any) -> None:
    from onnx import helper, numpy_helper

    made.graph.initializer.append(numpy_helper.from_array(np.array([1 << 20, 1 << 20], np.int64), "shape"))
    made.graph.node.append(helper.make_node("ConstantOfShape", ["shape"], ["ones"]))


def functions(*calls: str) -> Change:
    """One function for each body, which calls others by name."""

    def change(made: Any) -> None:
        from onnx import helper

        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
        made.opset_import.append(opsets[1])
        for number, called in enumerate(calls):
            nodes = [helper.make_node(name, ["a"], ["b"], domain="own") for name in called.split()]
            made.functions.append(helper.make_function("own", f"F{number}", ["a"], ["b"], nodes, opsets))
        made.graph.node.append(helper.make_node("F0", ["x"], ["z"], domain="own"))

    return change


def default_of_a_function(made: Any) -> None:
    from onnx import helper

    function = helper.make_function("own", "F", ["a"], ["b"], [], [helper.make_opsetid("", 18)])
    held = function.attribute_proto.add(name="k", type=4).t
    held.CopyFrom(made.graph.initializer[0])

    held.data_location = 1
    held.external_data.add(key="location", value="../weights.bin")
    made.functions.append(function)


def no_graph(made: Any) -> None:
    made.ClearField("graph")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (stored_in("/etc/passwd"), "'/etc/passwd', outside the model's folder"),
        (stored_in("../weights.bin"), "outside the model's folder"),
        (stored_in("a/../../weights.bin"), "outside the model's folder"),
        (stored_in("C:\\weights.bin"), "outside the model's folder"),
        (stored_in(""), "outside the model's folder"),
        (stored_in("link.bin"), "through the link"),
        (stored_in("folder/weights.bin"), "through the link"),
        (stored_in("missing.bin"), "no such file"),
        (stored_in("short.bin"), "that file has 8"),
        (stored_in("short.bin", offset=-4), "that file has 8"),
        (another_domain, r"'Conv' of domain 'com\.evil'"),
        (inside_a_branch, "'Run' of domain 'sh'"),
        (huge_weights, "but has 36"),
        (negative, r"the shape \[-3"),
        (huge_result, "tensor 'ones' of shape"),
        (functions(*(f"F{n} F{n}" for n in range(1, 40)), "F39"), "calls itself"),
        (functions(*(f"F{n} F{n}" for n in range(1, 40)), ""), "operators once its functions are inlined"),
        (functions("F1", "F0"), "calls itself"),
        (default_of_a_function, "outside the model's folder"),
        (no_graph, "contains no graph"),
    ],
)
def test_an_onnx_file_is_refused(tmp_path: Path, change: Change, match: str) -> None:
    outside = tmp_path / "elsewhere"
    (outside / "weights.bin").parent.mkdir()
    (outside / "weights.bin").write_bytes(bytes(36))
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "link.bin").symlink_to(outside / "weights.bin")
    (folder / "folder").symlink_to(outside)
    (folder / "short.bin").write_bytes(bytes(8))
    made = model()
    change(made)
    (folder / "m.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(BundleError, match=match):
        find_model(str(folder / "m.onnx"), Path.cwd(), CATALOG, Describe())


def test_external_data_counts(tmp_path: Path) -> None:
    made = model()
    stored_in("weights.bin")(made)
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    digests = set()
    for number in range(2):
        (tmp_path / "weights.bin").write_bytes(bytes([number] * 36))
        digests.add(find_model(str(tmp_path / "m.onnx"), Path.cwd(), CATALOG, Describe()).digest)
    assert len(digests) == 2


@pytest.mark.parametrize("cut", [0, 1, 20, 100])
def test_a_truncated_onnx_file_is_refused(tmp_path: Path, cut: int) -> None:
    (tmp_path / "m.onnx").write_bytes(model().SerializeToString()[:cut])
    with pytest.raises(BundleError, match="not an ONNX file, or incomplete"):
        find_model(str(tmp_path / "m.onnx"), Path.cwd(), CATALOG, Describe())


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 99}', "[" * 9000])
def test_a_damaged_description_is_refused(tmp_path: Path, text: str) -> None:
    made = model()
    made.metadata_props.add(key="img2imgkit", value=text)
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(BundleError, match=r"m\.onnx"):
        find_model(str(tmp_path / "m.onnx"), Path.cwd(), CATALOG)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from img2imgkit.exporting import SavedModelExporter, export_bundle

    return export_bundle(loaded(Plain), SavedModelExporter(), tmp_path_factory.mktemp("saved") / "m").path


def opened(folder: Path) -> Translator:
    return Translator(find_model(str(folder), Path.cwd(), CATALOG).load(), TranslateOptions(), "cpu")


def add_operation(folder: Path, name: str) -> None:
    """Add an operation to a callable function."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    stored = SavedModel()
    stored.ParseFromString((folder / "saved_model.pb").read_bytes())
    graph = stored.meta_graphs[0]
    called = set(graph.object_graph_def.concrete_functions)
    function = next(each for each in graph.graph_def.library.function if each.signature.name in called)
    function.node_def.add(name="more", op=name)
    (folder / "saved_model.pb").write_bytes(stored.SerializeToString())


def change_description(folder: Path) -> None:
    about = json.loads((folder / "img2imgkit.json").read_text())
    about["programs"] = [each for each in about["programs"] if each["name"] != "translate"]
    (folder / "img2imgkit.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda folder: add_operation(folder, "ReadFile"), "operation 'ReadFile' is not one that networks use"),
        (lambda folder: add_operation(folder, "WriteFile"), "'WriteFile'"),
        (lambda folder: add_operation(folder, "EagerPyFunc"), "'EagerPyFunc'"),
        (lambda folder: add_operation(folder, "SaveV2"), "'SaveV2'"),
        (lambda folder: (folder / "img2imgkit.json").unlink(), "third-party SavedModel .*tf2onnx"),
        (change_description, "no program 'translate'; it has"),
        (lambda folder: (folder / "img2imgkit.json").write_text("{"), "invalid JSON"),
        (lambda folder: (folder / "more.bin").symlink_to("/etc/passwd"), "a link"),
        (lambda folder: (folder / "saved_model.pbtxt").write_text(""), "second form of the graph"),
        (lambda folder: (folder / "saved_model.pb").write_bytes(b"\x0a\xff"), "or incomplete"),
        (lambda folder: (folder / "saved_model.pb").write_bytes(b""), "not a SavedModel of TensorFlow 2"),
        (lambda folder: shutil.rmtree(folder / "variables"), "TensorFlow cannot open it"),
    ],
)
def test_a_saved_model_is_refused(saved: Path, tmp_path: Path, change: Any, match: str) -> None:
    folder = tmp_path / "m"
    shutil.copytree(saved, folder)
    change(folder)
    with pytest.raises(BundleError, match=match):
        opened(folder)


def test_a_saved_model_without_the_signature_is_refused(saved: Path, tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    archive.add_endpoint(
        "other", lambda image: {"output": image}, input_signature=[tf.TensorSpec((None, None, None, 3))]
    )
    archive.write_out(tmp_path / "m", verbose=False)
    shutil.copy(saved / "img2imgkit.json", tmp_path / "m")
    with pytest.raises(BundleError, match="no signature 'translate'; it has other, serving_default"):
        opened(tmp_path / "m")
