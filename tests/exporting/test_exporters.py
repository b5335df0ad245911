"""Each format: the written file runs in its own software like the networks, and describes itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_tasks import Directed, Normed, Painted, Plain, Tinted, loaded

from img2imgkit import backend
from img2imgkit.bundle import EXPORTED_FILE, EXPORTED_KEY, read_exported
from img2imgkit.catalog import Catalog
from img2imgkit.errors import ConfigError
from img2imgkit.exporting import ExportOptions, export_bundle
from img2imgkit.images import to_unit

FORMATS = ("onnx", "saved-model", "tflite", "keras")
LEVELS = np.random.default_rng(0).integers(0, 256, (2, 11, 18, 3)).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def keras() -> None:
    backend.load()


@pytest.fixture(scope="module")
def exporters() -> Any:
    return Catalog.installed({"IMG2IMG_PLUGINS": ""}).exporters


def test_four_formats_are_built_in(exporters: Any) -> None:
    assert set(exporters) == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_the_written_file_matches_the_networks_and_describes_itself(name: str, exporters: Any, tmp_path: Path) -> None:
    bundle, exporter = loaded(Normed), exporters[name]()
    path = tmp_path / f"model{exporter.suffix}"
    written = export_bundle(bundle, exporter, path, ExportOptions())
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    program = "network_generator" if name == "keras" else "translate"
    assert written.differences[program] < 1e-4
    assert written.size > 1000
    port = "input" if name == "keras" else "image"
    made = exporter.open(path)(program, {port: to_unit(LEVELS)})["output"]
    np.testing.assert_allclose(made, bundle.task.translate(bundle.nets, {"source": to_unit(LEVELS)}), atol=1e-4)
    about = read_exported(exporter.about(path), str(path))
    assert about.manifest == bundle.manifest
    assert [each.name for each in about.programs] == list(written.differences)


class TestOnnx:
    def test_axes_are_named_and_metadata_have_plain_keys(self, exporters: Any, tmp_path: Path) -> None:
        import onnx

        path = tmp_path / "m.onnx"
        export_bundle(loaded(Plain), exporters["onnx"](), path, ExportOptions(image_io="uint8", opset=17))
        model = onnx.load(path)
        dims = [each.dim_param or each.dim_value for each in model.graph.input[0].type.tensor_type.shape.dim]
        assert dims == ["batch", "height", "width", 3]
        dims = [each.dim_param or each.dim_value for each in model.graph.output[0].type.tensor_type.shape.dim]
        assert dims == ["batch", "height_times_2", "width_times_2", 3]
        assert [each.version for each in model.opset_import if not each.domain] == [17]
        metadata = {each.key: each.value for each in model.metadata_props}
        assert (metadata["task"], metadata["scale"], metadata["size_multiple"]) == ("tiny-plain", "2", "1")
        assert (metadata["value_range"], metadata["channel_order"], metadata["layout"]) == ("[0, 255]", "RGB", "NHWC")
        assert json.loads(metadata[EXPORTED_KEY])["image_io"] == "uint8"

    @pytest.mark.parametrize("precision", ["float32", "float16"])
    def test_later_opsets_keep_names_and_axes(self, exporters: Any, tmp_path: Path, precision: Any) -> None:
        import onnx

        path = tmp_path / "m.onnx"
        written = export_bundle(loaded(Normed), exporters["onnx"](), path, ExportOptions(opset=21, precision=precision))
        model = onnx.load(path)
        assert [each.version for each in model.opset_import if not each.domain] == [21]
        (given,) = model.graph.input
        dims = [each.dim_param or each.dim_value for each in given.type.tensor_type.shape.dim]
        assert (given.name, dims) == ("image", ["batch", "height", "width", 3])
        assert written.differences["translate"] < (1e-4 if precision == "float32" else 2e-2)

    def test_a_folder_contains_all_programs(self, exporters: Any, tmp_path: Path) -> None:
        written = export_bundle(loaded(Tinted), exporters["onnx"](), tmp_path / "all", ExportOptions(program="all"))
        names = {"translate.onnx", "encode_style.onnx", "network_generator.onnx", EXPORTED_FILE}
        assert {each.name for each in (tmp_path / "all").iterdir()} == names
        assert max(written.differences.values()) < 1e-4

    def test_fixed_size_with_channels_first(self, exporters: Any, tmp_path: Path) -> None:
        settings = ExportOptions(size=(8, 12), layout="nchw", choices={"direction": "b_to_a"})
        written = export_bundle(loaded(Directed), exporters["onnx"](), tmp_path / "m.onnx", settings)
        assert written.about.programs[0].inputs[0].shape == (1, 3, 8, 12)
        assert written.about.programs[0].outputs[0].shape == (1, 1, 8, 12)
        assert written.about.choices == {"direction": "b_to_a"}

    def test_float16_keeps_float32_inputs_and_outputs(self, exporters: Any, tmp_path: Path) -> None:
        import onnx

        path = tmp_path / "m.onnx"
        written = export_bundle(loaded(Normed), exporters["onnx"](), path, ExportOptions(precision="float16"))
        model = onnx.load(path)
        kinds = {each.data_type for each in model.graph.initializer if len(each.dims) == 4 and each.dims[2] == 3}
        assert kinds == {onnx.TensorProto.FLOAT16}
        assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        assert 1e-6 < written.differences["translate"] < 2e-2
        made = exporters["onnx"]().open(path)("translate", {"image": to_unit(LEVELS)})["output"]
        assert len(np.unique(made)) > 2000  # not rounded to 11 bits

    def test_int8_is_calibrated_with_pictures_and_records_its_loss(self, exporters: Any, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        for number in range(4):
            ramp = np.linspace(0, 255 - number, 40)[None, :, None] * np.ones((30, 1, 3))
            Image.fromarray(ramp.astype(np.uint8)).save(tmp_path / "in" / f"{number}.png")
        exporter, path = exporters["onnx"](), tmp_path / "m.onnx"
        settings = ExportOptions(precision="int8", calibrate=tmp_path / "in")
        written = export_bundle(loaded(Plain), exporter, path, settings)
        assert written.about.int8 is not None
        assert written.about.int8.pictures == 2
        assert written.about.int8.psnr > 30
        import onnx

        assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in onnx.load(path).graph.node}

    def test_int8_of_label_maps_is_refused(self, exporters: Any, tmp_path: Path) -> None:
        Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
        settings = ExportOptions(precision="int8", calibrate=tmp_path)
        with pytest.raises(ConfigError, match="task 'tiny-painted' reads no pictures to calibrate it with"):
            export_bundle(loaded(Painted), exporters["onnx"](), tmp_path / "m.onnx", settings)


class TestOthers:
    def test_a_saved_model_has_a_signature_for_each_program(self, exporters: Any, tmp_path: Path) -> None:
        import tensorflow as tf

        export_bundle(loaded(Tinted), exporters["saved-model"](), tmp_path / "m", ExportOptions())
        model = tf.saved_model.load(str(tmp_path / "m"))
        assert set(model.signatures) == {"translate", "encode_style", "network_generator", "serving_default"}
        named = model.signatures["serving_default"].structured_input_signature[1]
        assert set(named) == {"image", "hidden", "colour", "style"}

    def test_the_first_subgraph_of_tensorflow_lite_is_the_translation(self, exporters: Any, tmp_path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        exporter, path = exporters["tflite"](), tmp_path / "m.tflite"
        written = export_bundle(loaded(Tinted), exporter, path, ExportOptions(image_io="uint8", size=(8, 12)))
        interpreter = Interpreter(model_path=str(path))
        given = {tuple(each["shape_signature"].tolist()): each["dtype"] for each in interpreter.get_input_details()}
        assert given == {(1, 8, 12, 3): np.uint8, (1, 8, 12, 1): np.float32, (1, 3): np.float32}
        assert [each["shape_signature"].tolist() for each in interpreter.get_output_details()] == [[1, 8, 12, 3]]
        names = [each.name for each in written.about.programs]
        assert names[0] == "translate"
        assert set(interpreter.get_signature_list()) == set(names) >= {"encode_style", "network_generator"}

    @pytest.mark.parametrize("name", ["saved-model", "tflite"])
    def test_float16(self, name: str, exporters: Any, tmp_path: Path) -> None:
        exporter = exporters[name]()
        path = tmp_path / f"m{exporter.suffix}"
        written = export_bundle(loaded(Plain), exporter, path, ExportOptions(precision="float16"))
        assert 1e-6 < written.differences["translate"] < 2e-2

    def test_each_network_gets_its_own_keras_file(self, exporters: Any, tmp_path: Path) -> None:
        export_bundle(loaded(Directed), exporters["keras"](), tmp_path / "m", ExportOptions())
        assert {each.name for each in (tmp_path / "m").iterdir()} == {"a_to_b.keras", "b_to_a.keras", EXPORTED_FILE}

    def test_keras_supports_float32_only(self, exporters: Any, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="keras cannot be written in float16; it supports float32"):
            export_bundle(loaded(Plain), exporters["keras"](), tmp_path / "m.keras", ExportOptions(precision="float16"))


SMALL = {
    "cut": "{generator: {blocks: 1, width: 4}, taps: [0, 4], projection: {width: 8}}",
    "cyclegan": "{generator: {kind: resnet, width: 4, blocks: 1}}",
    "funit": "{content_encoder: {kind: content-encoder, downs: 2, blocks: 1, width: 4}, class_encoder: {kind:"
    " class-encoder, downs: 2, width: 4}, decoder: {kind: adain-decoder, blocks: 1, mlp_width: 8}, classes: 3, code: 6,"
    " size: 16}",
    "pix2pix": "{generator: {kind: unet, width: 4, depth: 3}}",
    "pix2pixhd": "{classes: 4, generator: {kind: pix2pixhd, width: 4, downs: 2, blocks: 1, enhancers: 1,"
    " local_blocks: 1}, encoder: {network: {kind: instance-encoder, width: 4, downs: 2}, clusters: 3}}",
    "pix2pixhd-photo": "{generator: {kind: pix2pixhd, width: 4, downs: 2, blocks: 1}}",
    "spade": "{classes: 5, generator: {kind: spade, width: 1}, spectral: false, style: {code: 8, size: [32, 32],"
    " encoder: {kind: style-encoder, width: 1}}}",
    "stargan": "{generator: {kind: stargan, width: 4, blocks: 1}, size: 64,"
    " labels: [{names: [a, b]}, {names: [c, d], kind: attributes}]}",
    "super-resolution": "{scale: 2, generator: {kind: residual, width: 4, blocks: 1}}",
    "super-resolution rrdb": "{scale: 4, generator: {kind: rrdb, width: 4, blocks: 1, growth: 4}, space: rgb}",
    "super-resolution rgba": "{scale: 2, generator: {kind: srvgg, width: 4, depth: 1}, space: rgba, values: unit}",
    "super-resolution span": "{scale: 2, generator: {kind: span, width: 4}, space: rgb, values: unit}",
    "super-resolution rcan": "{scale: 2, generator: {kind: rcan, width: 4, groups: 1, blocks: 1, reduction: 2, levels:"
    " true}, space: rgb, values: levels}",
    "super-resolution realplksr": "{scale: 2, generator: {kind: realplksr, width: 4, blocks: 1, kernel_size: 5,"
    " large: 1, layer_norm: false, upsampler: dysample}, space: rgb, values: unit}",
}
CASES = [
    *(("onnx", name) for name in SMALL),
    *(("tflite", name) for name in SMALL if name not in ("spade", "cyclegan", "pix2pixhd-photo")),
    *((form, name) for form in ("saved-model", "keras") for name in ("funit", "pix2pixhd")),
]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: Any) -> Any:
    """Bundles of every task, with weights large enough that every layer affects the output."""
    from img2imgkit import bundle
    from img2imgkit.components import resolve
    from img2imgkit.config import parse_yaml, validate

    catalog, folder = Catalog.installed(), tmp_path_factory.mktemp("bundles")

    def made(name: str) -> Any:
        place = folder / name.replace(" ", "-")
        if not place.exists():
            task_class = catalog.get("tasks", name.partition(" ")[0])
            task = task_class(resolve(validate(task_class.Options, parse_yaml(SMALL[name])), catalog))
            nets, random = task.build(), np.random.default_rng(0)
            spread = 0.8 if name == "spade" else 1.2  # larger weights saturate SPADE's outputs
            for network in nets.generators.values():
                for variable in network.weights:
                    if variable.path.endswith("kernel"):
                        fan = max(1, int(np.prod(variable.shape[:-1])))
                        variable.assign(random.normal(0, spread / np.sqrt(fan), variable.shape))
            bundle.save(place, task, nets, place.name, catalog)
        return bundle.load(place, catalog)

    return made


@pytest.mark.slow
@pytest.mark.parametrize(("form", "name"), CASES)
def test_every_task(form: str, name: str, bundles: Any, exporters: Any, tmp_path: Path) -> None:
    bundle, exporter = bundles(name), exporters[form]()
    program = "all" if form == "onnx" and name != "spade" else None
    path = tmp_path / (f"m{exporter.suffix}" if exporter.several or name == "spade" else "m")
    written = export_bundle(bundle, exporter, path, ExportOptions(program=program))
    roles = {f"network_{role}" for role in bundle.nets.generators} if name != "spade" else set()
    assert roles | ({"translate"} if form != "keras" else set()) <= set(written.differences)


@pytest.mark.slow
def test_a_keras_file_loads_in_a_process_that_imports_the_layers(bundles: Any, exporters: Any, tmp_path: Path) -> None:
    export_bundle(bundles("cut"), exporters["keras"](), tmp_path / "m", ExportOptions())
    code = (
        "import keras, img2imgkit.nn, numpy\n"
        f"model = keras.saving.load_model({str(tmp_path / 'm' / 'generator.keras')!r})\n"
        "print(model(numpy.zeros((1, 12, 16, 3))).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ.copy(), check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("(1, 12, 16, 3)")
