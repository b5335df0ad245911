"""A network of other software becomes an ONNX file that computes the same and runs in pipelines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from keras_networks import tutorial_generator
from tfjs_files import random_arrays, rdn_layers, write_model

from img2imgkit import Catalog, backend
from img2imgkit.errors import ConfigError, ExportError, InteropError
from img2imgkit.exporting import convert_network
from img2imgkit.exporting.network_programs import network_program
from img2imgkit.formats.tflite_file import run_written, write_tflite
from img2imgkit.inference import inspect_onnx

backend.load()
import keras  # noqa: E402

from img2imgkit.nn.layers import PadToMultiple  # noqa: E402


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.installed()


def test_sizes_stay_open_and_their_multiple_is_found(catalog: Catalog, tmp_path: Path) -> None:
    generator = tutorial_generator(size=None)
    generator.save(tmp_path / "generator.h5")
    made = convert_network(tmp_path / "generator.h5", tmp_path / "generator.onnx", catalog)
    assert (made.multiple, made.inputs[0].shape) == (8, (None, None, None, 3))
    assert made.difference < 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx")
    picture = np.random.default_rng(1).uniform(-1, 1, (1, 24, 40, 3)).astype(np.float32)
    (found,) = session.run(None, {session.get_inputs()[0].name: picture})
    np.testing.assert_allclose(found, generator(picture, training=False), atol=1e-5)
    described = inspect_onnx(tmp_path / "generator.onnx", {"values": "signed"})  # as a translate step runs it
    assert (described.problem, described.proposal["multiple"]) == ("", 8)


def test_a_layers_model_of_tensorflow_js_becomes_one_too(catalog: Catalog, tmp_path: Path) -> None:
    """Any of plain layers, not only those that an architecture recognises."""
    layers = [*rdn_layers(scale=2)]
    model = write_model(tmp_path / "tfjs", layers, random_arrays(layers))
    made = convert_network(model, tmp_path / "rdn.onnx", catalog)
    assert made.difference < 1e-5
    assert made.outputs[0].axes == ("batch", "height*2", "width*2", "")


def test_huge_inputs_are_refused(catalog: Catalog, tmp_path: Path) -> None:
    picture = keras.Input((20_000, 20_000, 3))
    keras.Model(picture, keras.layers.MaxPooling2D()(keras.layers.Conv2D(1, 1)(picture))).save(tmp_path / "huge.h5")
    with pytest.raises(ExportError, match=r"reads 1,200,000,000 numbers at once"):
        convert_network(tmp_path / "huge.h5", tmp_path / "huge.onnx", catalog)


def test_places_and_formats_are_refused_before_anything_is_read(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "there.onnx").write_bytes(b"mine")
    with pytest.raises(ExportError, match=r"there\.onnx: already exists; 'replace' overwrites it"):
        convert_network(tmp_path / "x.h5", tmp_path / "there.onnx", catalog)
    with pytest.raises(ConfigError, match=r"must end in \.onnx"):
        convert_network(tmp_path / "x.h5", tmp_path / "x.pb", catalog)
    fixture = Path(__file__).parents[1] / "fixtures" / "sr_srvgg_x2_leaky" / "weights.pth"
    with pytest.raises(InteropError, match="files of the format torch do not describe their network"):
        convert_network(fixture, tmp_path / "x.onnx", catalog)
    assert (tmp_path / "there.onnx").read_bytes() == b"mine"


def test_zeros_up_to_a_multiple_keep_the_number_of_channels(tmp_path: Path) -> None:
    """TensorFlow Lite has convolutions of known numbers of channels only; Omni-SR begins with such a padding."""
    picture = keras.Input((None, None, 3))
    model = keras.Model(picture, keras.layers.Conv2D(4, 3, padding="same")(PadToMultiple(8, "zeros")(picture)))
    program = network_program(model)
    write_tflite([program], tmp_path / "padded.tflite", "float32")
    given = np.random.default_rng(0).random((1, 9, 13, 3), np.float32)
    (made,) = run_written(tmp_path / "padded.tflite")(program.name, {program.inputs[0].name: given}).values()
    np.testing.assert_allclose(made, model(given), atol=1e-6)
