"""ncnn's files: recognised and computed as by ncnn, or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from checkpoints import INSTALLED
from img2imgkit_plugins.ncnn.graph import MAX_BYTES, Layer
from img2imgkit_plugins.ncnn.importer import Ncnn
from img2imgkit_plugins.ncnn.parameters import DEFAULTS, default_of, keys_of
from ncnn_files import (
    FLOAT16,
    rrdb_model,
    rrdb_state,
    srvgg_model,
    srvgg_state,
    upconv7_model,
    upconv7_state,
)
from ncnn_unets import cunet_model, cunet_state, srmd_model, srmd_state

from img2imgkit import Catalog, ImportedNetwork, InteropError
from img2imgkit.exchange import StateDict
from img2imgkit.importing import network_of

# Written by ncnn_files.py; beside each, what ncnn 1.0.20261020 (its Python wheel, CPU, one thread, everything in
# float32, without its faster convolutions) computed of a random picture in [0, 1].
FIXTURES = Path(__file__).parents[1] / "fixtures" / "ncnn"
COLOUR = {"channels": 3, "out_channels": 3}
DENSE = {"width": 4, "blocks": 1, "growth": 2, "inner": False, **COLOUR}
COMPUTED = {
    "rrdb_x4": ("rrdb", {**DENSE, "scale": 4, "unshuffle": 1}),
    "rrdb_x2": ("rrdb", {**DENSE, "scale": 2, "unshuffle": 2}),
    "srvgg_x2": ("srvgg", {"scale": 2, "width": 4, "depth": 1, "activation": "prelu", **COLOUR}),
    "srvgg_leaky_x3": ("srvgg", {"scale": 3, "width": 4, "depth": 1, "activation": "leaky_relu", **COLOUR}),
}


def read(path: Path) -> ImportedNetwork:
    return network_of(Ncnn().read(path), INSTALLED)


@pytest.mark.parametrize("name", COMPUTED)
def test_a_model_computes_what_ncnn_computes(name: str) -> None:
    architecture, arguments = COMPUTED[name]
    found = read(FIXTURES / f"{name}.param")
    assert (found.kind, found.arguments, found.assumptions) == (architecture, arguments, ())
    assert found.source == f"{name}.param"
    with np.load(FIXTURES / f"{name}.npz") as stored:
        np.testing.assert_allclose(np.asarray(found.model(stored["input"])), stored["output"], atol=1e-6)


def test_unets_and_srmd_compute_what_ncnn_computes() -> None:
    """ncnn saw the picture mirrored beyond its edge, or the maps beside it."""
    with np.load(FIXTURES / "cunet_x3.npz") as stored:
        made = read(FIXTURES / "cunet_x3.param").model(stored["input"])
        np.testing.assert_allclose(np.asarray(made), stored["output"], atol=1e-5)
    with np.load(FIXTURES / "srmd_x2.npz") as stored:
        made = read(FIXTURES / "srmd_x2.param").model([stored["input"], stored["code"]])
        np.testing.assert_allclose(np.asarray(made), stored["output"], atol=1e-6)


def test_the_importer_is_installed_and_accepts_both_files() -> None:
    importer = Catalog.installed().get("importers", "ncnn")
    assert importer is Ncnn
    assert importer.suffixes == (".param", ".bin")


@pytest.mark.parametrize("half", [True, False], ids=["float16", "float32"])
def test_every_weight_is_unchanged(half: bool, tmp_path: Path) -> None:
    state = srvgg_state(scale=2, depth=2)
    model = read(srvgg_model(state, half).write(tmp_path / "a.param").with_suffix(".bin")).model
    for number in range(3):
        conv = model.get_layer(f"conv{number}")
        wanted = state[f"body.{2 * number}.weight"].transpose(2, 3, 1, 0)
        np.testing.assert_array_equal(conv.kernel, wanted)
        np.testing.assert_array_equal(conv.bias, state[f"body.{2 * number}.bias"])
        slopes = np.asarray(model.get_layer(f"act{number}").alpha).ravel()
        np.testing.assert_array_equal(slopes, state[f"body.{2 * number + 1}.weight"])


def test_activations_without_weights_are_those_of_the_graph(tmp_path: Path) -> None:
    state = srvgg_state(slopes=False)
    found = read(srvgg_model(state, slope=0.0).write(tmp_path / "a.param"))
    assert (found.arguments["activation"], found.assumptions) == ("relu", ())


def test_the_skip_connection_may_have_scale_1(tmp_path: Path) -> None:
    assert read(srvgg_model(srvgg_state(scale=1)).write(tmp_path / "a.param")).arguments["scale"] == 1


def test_a_resize_after_the_network_is_reported(tmp_path: Path) -> None:
    """realesr-animevideov3-x2 and -x3 are the network for 4 times, and a bicubic resize of its output."""
    found = read(srvgg_model(srvgg_state(scale=4), after=0.75).write(tmp_path / "a.param"))
    assert found.arguments["scale"] == 4
    [assumption] = found.assumptions
    assert "by 0.75 (bicubic), a bundle does not" in assumption.text


LEFT_OUT = {  # parameters by kind, in the order in which ncnn's tools write them, and a graph with all of them
    "Convolution": "2=1 12=1 3=1 13=1 15=1 14=1 16=1 18=0.0 8=0 19=0",
    "PReLU": "",
    "Split": "",
    "Input": "0=0 1=0 2=0 11=0",
    "Interp": "3=0 4=0 5=0 6=0",
    "PixelShuffle": "1=0",
    "BinaryOp": "0=0 1=0 2=0.0",
}


def test_parameters_left_at_their_default_mean_the_same_as_stated_ones(tmp_path: Path) -> None:
    """The tools of ncnn leave out each parameter that has its default, those of pnnx some."""
    state = srvgg_state(scale=2)
    path = srvgg_model(state).write(tmp_path / "a.param")
    short = read(path)
    lines = [f"{line} {LEFT_OUT.get(line.split()[0], '')}" for line in path.read_text().splitlines()]
    assert {line.split()[0] for line in lines[2:]} == {*LEFT_OUT}
    path.write_text("\n".join(lines), encoding="utf-8")
    assert read(path).arguments == short.arguments
    stated = [variable.numpy() for variable in read(path).model.weights]
    assert all(np.array_equal(a, b) for a, b in zip(stated, short.model.weights, strict=True))


@pytest.mark.parametrize("kind", DEFAULTS)
def test_each_default_is_a_number_or_that_of_another_parameter(kind: str) -> None:
    layer = Layer(kind, "layer", (), (), {})
    stated = Layer(kind, "layer", (), (), {key: default_of(kind, key) for key in keys_of(kind)})
    assert [layer.numbers(key) for key in keys_of(kind)] == [stated.numbers(key) for key in keys_of(kind)]
    assert all(number == int(number) for key in keys_of(kind) for number in layer.numbers(key))


def test_a_default_follows_the_parameter_that_is_stated() -> None:
    layer = Layer("Convolution", "layer", (), (), {1: (5.0,), 4: (2.0,)})
    assert [layer.whole(key) for key in (11, 15, 14, 16)] == [5, 2, 2, 2]


@pytest.mark.parametrize("scale", [1, 2])
def test_networks_of_waifu2x_are_recognised_with_and_without_their_defaults(scale: int, tmp_path: Path) -> None:
    state = upconv7_state(scale)
    found = read(upconv7_model(state).write(tmp_path / "a.param"))
    assert (found.kind, found.arguments) == ("upconv7", {"scale": scale, "filters": (4,) * 6, "channels": 3})
    kernel = np.asarray(found.model.get_layer("last").kernel)
    np.testing.assert_array_equal(kernel, state["net.12.weight"].transpose(2, 3, 1, 0))
    stated = upconv7_model(state, stated=True).write(tmp_path / "b.param")
    picture = np.random.default_rng(0).random((1, 9, 8, 3), np.float32)
    np.testing.assert_array_equal(np.asarray(read(stated).model(picture)), np.asarray(found.model(picture)))


@pytest.mark.parametrize("early", [False, True], ids=["recent", "early"])
@pytest.mark.parametrize(("scale", "attention"), [(1, True), (2, True), (3, True), (4, True), (2, False)])
def test_unets_are_recognised_with_all_their_weights(scale: int, attention: bool, early: bool, tmp_path: Path) -> None:
    state = cunet_state(scale, attention=attention)
    found = Ncnn().read(cunet_model(state, early).write(tmp_path / "a.param"))
    assert isinstance(found, StateDict)
    assert (found.architecture, found.arguments) == ("cunet", {"scale": scale})
    assert found.arrays.keys() == state.keys()
    assert all(np.array_equal(array, state[name]) for name, array in found.arrays.items())


def test_a_graph_for_4_times_tells_what_its_program_adds(tmp_path: Path) -> None:
    found = Ncnn().read(cunet_model(cunet_state(4)).write(tmp_path / "a.param"))
    assert isinstance(found, StateDict)
    assert [each.text for each in found.assumptions if "adds the enlarged picture itself" in each.text]


@pytest.mark.parametrize(("scale", "code"), [(2, 16), (3, 15), (4, 16)])
def test_srmd_is_recognised(scale: int, code: int, tmp_path: Path) -> None:
    state = srmd_state(scale, code)
    found = read(srmd_model(state).write(tmp_path / "a.param"))
    assert (found.kind, found.arguments) == (
        "srmd",
        {"scale": scale, "channels": 3, "code": code, "width": 4, "depth": 3},
    )
    np.testing.assert_array_equal(
        np.asarray(found.model.get_layer("conv1").kernel), state["model.2.weight"].transpose(2, 3, 1, 0)
    )


UNET = cunet_model(cunet_state())
UNET_GRAPHS: dict[str, tuple[str, str, str]] = {
    "another crop": ("-23309=2,4,4 -23310=2,-4,-4", "-23309=2,4,3 -23310=2,-4,-3", "off each side"),
    "a crop of other axes": ("-23311=2,-2,-1", "-23311=2,0,1", "off each side"),
    "another width": ("-23309=2,16,16 -23310=2,-16,-16", "-23309=2,15,15 -23310=2,-15,-15", "the expected cut after"),
    "a maximum": ("0=1 4=1", "4=1", "parameter 0 is 0; only 1 is supported"),
    "a pooling of windows": ("0=1 4=1", "0=1 1=2", "parameter 1 is 2; only 0 is supported"),
    "a kernel of 6 x 6": ("1=4 5=1 6=384 3=2 4=3", "1=6 5=1 6=864 3=2 4=3", "parameter 1 is 6; only 4 is supported"),
    "no bias of a matrix": ("1=1 2=8", "2=8", "parameter 1 is 0; only 1 is supported"),
}


@pytest.mark.parametrize("kind", UNET_GRAPHS)
def test_other_unets_are_refused(kind: str, tmp_path: Path) -> None:
    path, (old, new, reason) = UNET.write(tmp_path / "a.param"), UNET_GRAPHS[kind]
    path.write_text(instead(old, new)(UNET.text()), encoding="utf-8")
    with pytest.raises(InteropError) as caught:
        read(path)
    assert reason in str(caught.value)


GOOD = rrdb_model(rrdb_state())
Change = Callable[[str], str]


def instead(old: str, new: str) -> Change:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


def with_lines(*lines: str, blobs: int) -> Change:
    """The graph with more layers and correct counts."""

    def change(text: str) -> str:
        counts = text.splitlines()[1]
        grown = [int(count) + more for count, more in zip(counts.split(), (len(lines), blobs), strict=True)]
        return text.replace(counts, "{} {}".format(*grown), 1) + "".join(f"{line}\n" for line in lines)

    return change


GRAPHS: dict[str, tuple[Change, str]] = {
    "another file": (lambda text: "7767518\n", "first line is not 7767517"),
    "empty": (lambda text: "", "first line is not 7767517"),
    "no counts": (lambda text: "7767517\n53\n", "the numbers of layers and blobs"),
    "a billion layers": (instead("\n53 ", "\n1000000000 "), "states 1000000000 layers, but 53 lines follow"),
    "a number of many digits": (instead("\n53 ", f"\n{'9' * 5000} "), "the numbers of layers and blobs"),
    "a billion blobs": (instead("53 88", "53 1000000000"), "states 1000000000 blobs, but the layers output 88"),
    "blobs that are not named": (instead("1 1 data 101", "1 900000000 data 101"), "names 2"),
    "a negative count of blobs": (instead("1 1 data 101", "1 -1 data 101"), "numbers of input and output blobs"),
    "a circle": (instead("1 1 data 101", "1 1 102 101"), "reads the blob '102', which is no output"),
    "a blob out of nowhere": (instead("1 1 data 101", "1 1 dat 101"), "which is no output of a layer before it"),
    "a blob twice": (
        instead("102_splitncnn_0 102_splitncnn_1", "102_splitncnn_0 102_splitncnn_0"),
        "which already exists",
    ),
    "a name twice": (instead("Convolution_4 ", "Convolution_2 "), "two layers are called 'Convolution_2'"),
    "an unknown kind": (instead("Eltwise ", "Softmax "), "(Softmax): this type of layer"),
    "an unknown parameter": (instead("4=1 5=1", "4=1 5=1 77=1"), "parameter 77 is not supported"),
    "a parameter twice": (instead("4=1 5=1", "4=1 4=1 5=1"), "parameter 4 is stated twice"),
    "a parameter without a value": (instead("0=4 1=3", "0=4 1"), "'1' is not a parameter"),
    "no number": (instead("0=4 1=3", "0=4 1=three"), "not a number"),
    "infinity": (instead("1,2.000000e-01", "1,inf"), "too large or not finite"),
    "an array that claims more": (instead("-23310=1,2", "-23310=1000000000,2"), "states 1000000000 numbers, but has 1"),
    "wide padding": (instead("4=1 5=1", "4=2 5=1"), "parameter 4 is 2; only 1 is supported"),
    "padding of one side": (instead("4=1 5=1", "4=1 16=0 5=1"), "parameter 16 is 0; only 1 is supported"),
    "a product": (instead("0=1 -23301=2,2.0", "-23301=2,2.0"), "parameter 0 is 0; only 1 is supported"),
    "half a filter": (instead("0=4 1=3", "0=4.5 1=3"), "is 4.5, expected a whole number"),
    "a negative size": (instead("6=108", "6=-108"), "is -108, expected a whole number"),
    "no filters": (instead("0=4 1=3", "0=0 1=3"), "do not divide into 0 filters of 3 x 3"),
    "a kernel of 5 x 5": (instead("0=4 1=3", "0=4 1=5"), "parameter 1 is 5; only 3 is supported"),
    "a stride": (instead("4=1 5=1", "3=2 4=1 5=1"), "parameter 3 is 2; only 1 is supported"),
    "no bias": (instead("4=1 5=1", "4=1"), "parameter 5 is 0; only 1 is supported"),
    "integers": (instead("4=1 5=1", "4=1 5=1 8=2"), "parameter 8 is 2; only 0 is supported"),
    "another activation": (instead("9=2 -23310=1,2.000000e-01", "9=5"), "activation 5 with"),
    "channels that do not fit": (instead("0=2 1=3 4=1 5=1 6=72", "0=2 1=3 4=1 5=1 6=90"), "expected 5"),
    "another slope": (instead("9=2 -23310=1,2.0", "9=2 -23310=1,2.5"), "not RRDBNet: no dense block"),
    "another factor": (instead("-23301=2,2.0", "-23301=2,3.0"), "the expected sum after layer"),
    "another order": (instead("101_splitncnn_6 102_splitncnn_3 1", "102_splitncnn_3 101_splitncnn_6 1"), "dense block"),
    "another interpolation": (instead("0=1 1=2.000000e+00", "0=2 1=2.000000e+00"), "the expected resized after layer"),
    "two results": (with_lines("ReLU more 1 1 data more", blobs=1), "the graph has 2 outputs"),
    "a second input": (with_lines("Input more 0 1 more", blobs=1), "one input, which must be the first layer"),
    "a layer too many": (
        with_lines("Convolution more 1 1 output more 0=3 1=3 4=1 5=1 6=81", blobs=1),
        "layer 'more' is not part of it",
    ),
    "something behind it": (with_lines("ReLU more 1 1 output more", blobs=1), "its output is followed by leaky"),
}


@pytest.mark.parametrize("kind", GRAPHS)
def test_unknown_and_invalid_graphs_are_refused(kind: str, tmp_path: Path) -> None:
    path = GOOD.write(tmp_path / "a.param")
    change, reason = GRAPHS[kind]
    path.write_text(change(GOOD.text()), encoding="utf-8")
    with pytest.raises(InteropError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)


def test_binary_and_oversized_graphs_are_refused(tmp_path: Path) -> None:
    path = GOOD.write(tmp_path / "a.param")
    path.write_bytes(b"\x85\x81\x76\x00\xff\xfe" * 9)
    with pytest.raises(InteropError, match="binary graphs are not supported"):
        read(path)
    path.write_bytes(b"7" * (MAX_BYTES + 1))
    with pytest.raises(InteropError, match="larger than 4 MiB"):
        read(path)


NAN = np.array([np.nan], "<f4").tobytes()
WEIGHTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda raw: b"", "'Convolution_1' (Convolution) needs 4 bytes, but only 0 are left"),
    "truncated": (lambda raw: raw[:-1], "needs 12 bytes, but only 11 are left"),
    "too long": (lambda raw: raw + b"\0", "1 bytes are left"),
    "integers": (lambda raw: b"\x38\x4b\x0d\x00" + raw[4:], "quantised to int8"),
    "scaled": (lambda raw: b"\x56\xc0\x02\x00" + raw[4:], "quantised to int8"),
    "a table": (lambda raw: b"\x01\x00\x00\x00" + raw[4:], "0x00000001"),
    "claimed to be float32": (lambda raw: bytes(4) + raw[4:], "neither float32 nor float16"),
    "NaN": (lambda raw: raw[:-4] + NAN, "NaN or infinity"),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_damaged_and_quantised_weights_are_refused(kind: str, tmp_path: Path) -> None:
    path = GOOD.write(tmp_path / "a.param")
    assert GOOD.weights.startswith(FLOAT16)
    change, reason = WEIGHTS[kind]
    path.with_suffix(".bin").write_bytes(change(GOOD.weights))
    with pytest.raises(InteropError) as caught:
        read(path)
    assert reason in str(caught.value)


def test_no_memory_is_allocated_for_missing_weights(tmp_path: Path) -> None:
    """A convolution that claims 10^15 numbers, and all that follow it fit."""
    path = GOOD.write(tmp_path / "a.param")
    widths = instead("0=3 1=3 4=1 5=1 6=108", f"0={10**13} 1=3 4=1 5=1 6={36 * 10**13}")
    path.write_text(widths(GOOD.text()), encoding="utf-8")
    with pytest.raises(InteropError, match="needs 720000000000000 bytes"):
        read(path)


@pytest.mark.parametrize("missing", [".param", ".bin"])
def test_both_files_must_exist(missing: str, tmp_path: Path) -> None:
    path = GOOD.write(tmp_path / "a.param")
    path.with_suffix(missing).unlink()
    with pytest.raises(InteropError, match=f"a{missing}: no such file"):
        read(path)


def test_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InteropError, match="contain one network"):
        Ncnn().read(GOOD.write(tmp_path / "a.param"), key="params_ema")
