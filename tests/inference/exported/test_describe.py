"""Third-party ONNX files: facts from the graph, the user's description, and contradictions between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit.catalog import Catalog
from img2imgkit.errors import BundleError, ConfigError, TranslateError
from img2imgkit.images import Picture, resize
from img2imgkit.inference import Describe, TranslateOptions, Translator, find_model
from img2imgkit.inference.engines.interface import Interface
from img2imgkit.task import Geometry

NONE = Catalog(())
RNG = np.random.default_rng(0)
Axis = int | str


def enlarging(
    path: Path,
    shape: Sequence[Axis] = ("n", 3, "h", "w"),
    scale: int = 2,
    kind: str = "float32",
    before: str = "",
    inputs: int = 1,
) -> Path:
    """An ONNX file that repeats pixels ``scale`` times, with an operator ``before`` that, such as Sigmoid."""
    from onnx import TensorProto, helper, numpy_helper, save

    element = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8}[kind]
    first = [1, 1, scale, scale] if shape[1] in (1, 3) else [1, scale, scale, 1]
    nodes = [helper.make_node("Resize", ["x1" if before else "x", "", "scales"], ["y"], mode="nearest", name="up")]
    if before:
        nodes.insert(0, helper.make_node(before, ["x"], ["x1"]))
    given = [helper.make_tensor_value_info(name, element, list(shape)) for name in ("x", "mask")[:inputs]]
    out = helper.make_tensor_value_info("y", element, [None] * len(shape))
    scales = numpy_helper.from_array(np.array(first, np.float32), "scales")
    graph = helper.make_graph(nodes, "g", given, [out], [scales])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


def picture(height: int = 21, width: int = 30, channels: int = 3, dtype: Any = np.uint8) -> Picture:
    color = RNG.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)
    return Picture(color, None, "rgb" if channels == 3 else "grey")


def opened(path: Path, settings: TranslateOptions | None = None, **said: Any) -> Translator:
    return Translator(find_model(str(path), Path.cwd(), NONE, Describe(**said)).load(), settings, "cpu")


def repeated(given: Picture, scale: int = 2) -> np.ndarray:
    return given.color.repeat(scale, 0).repeat(scale, 1)


@pytest.mark.parametrize(
    "shape",
    [("n", 3, "h", "w"), ("n", "h", "w", 3), (1, 3, "h", "w"), (-1, 3, -1, -1), (2, 3, 16, 16), (1, 12, 20, 3)],
)
@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_facts_from_the_graph_need_not_be_stated(tmp_path: Path, shape: Sequence[Axis], kind: str) -> None:
    given = picture()
    for settings in (TranslateOptions(), TranslateOptions(batch=3)):
        made = opened(enlarging(tmp_path / "x2.onnx", shape, 2, kind), settings, radius=1).translate(given)
        assert (made.picture.color == repeated(given)).all()
    assert made.notes["taken"] == {
        "layout": "nchw" if shape[1] == 3 else "nhwc",
        "channels": "rgb",
        "values": "levels" if kind == "uint8" else "unit",
        "scale": 2,
    }


def test_the_manifest_is_like_that_of_a_bundle(tmp_path: Path) -> None:
    found = find_model("my x4.onnx", enlarging(tmp_path / "my x4.onnx", scale=4).parent, NONE, Describe())
    assert (found.manifest.name, found.manifest.task, found.scale, found.picture_alone) == (
        "my-x4",
        "described",
        4,
        True,
    )
    other = find_model(str(enlarging(tmp_path / "other.onnx", scale=3)), Path.cwd(), NONE, Describe())
    assert found.digest != other.digest


def test_depths_greys_and_types(tmp_path: Path) -> None:
    half = opened(enlarging(tmp_path / "half.onnx", kind="float16"))
    given = picture()
    assert (half.translate(given).picture.color == repeated(given)).all()
    model = opened(enlarging(tmp_path / "x2.onnx"))
    for each in (picture(dtype=np.uint16), picture(channels=1)):
        assert (model.translate(each).picture.color == repeated(each)).all()


@pytest.mark.parametrize(("values", "low", "high"), [("unit", 0, 1), ("signed", -1, 1), ("levels", 0, 255)])
def test_values(tmp_path: Path, values: Any, low: float, high: float) -> None:
    path, given = enlarging(tmp_path / "abs.onnx", before="Abs", scale=1), picture()
    numbers = low + (high - low) * (given.color.astype(float) / 255)
    expected = np.rint((np.abs(numbers) - low) / (high - low) * 255)
    assert (opened(path, values=values).translate(given).picture.color == expected).all()


def casting(path: Path, before: Any, after: Any, factor: float) -> Path:
    """An ONNX file that multiplies, with inputs and outputs of other types than it computes in."""
    from onnx import TensorProto, helper, numpy_helper, save

    nodes = [
        helper.make_node("Cast", ["x"], ["a"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["a", "k"], ["b"]),
        helper.make_node("Round", ["b"], ["c"]) if after == "UINT8" else helper.make_node("Identity", ["b"], ["c"]),
        helper.make_node("Cast", ["c"], ["y"], to=getattr(TensorProto, after)),
    ]
    given, made = (
        helper.make_tensor_value_info(name, getattr(TensorProto, kind), ["n", 3, "h", "w"])
        for name, kind in (("x", before), ("y", after))
    )
    graph = helper.make_graph(nodes, "g", [given], [made], [numpy_helper.from_array(np.float32(factor), "k")])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


def test_integers_are_levels_and_values_describes_floats(tmp_path: Path) -> None:
    given = picture()
    out = casting(tmp_path / "out.onnx", "FLOAT", "UINT8", 255)
    assert (opened(out).translate(given).picture.color == given.color).all()
    into = casting(tmp_path / "in.onnx", "UINT8", "FLOAT", 1 / 255)
    assert (opened(into, values="unit").translate(given).picture.color == given.color).all()
    with pytest.raises(
        ConfigError, match=r"describe\.values: in\.onnx reads uint8 and writes float32: state the range"
    ):
        opened(into)


def test_channel_orders(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper, save

    axes = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, "h", "w"]) for name in "xy")
    weights = numpy_helper.from_array(np.array([1, 0, 0], np.float32).reshape(1, 3, 1, 1), "w")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"])], "first", *([each] for each in axes), [weights]
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), tmp_path / "m.onnx")
    given = picture()
    for order, kept in (("rgb", 0), ("bgr", 2)):
        made = opened(tmp_path / "m.onnx", channels=order).translate(given).picture.color
        assert (made == given.color * (np.arange(3) == kept)).all()


def test_luma_is_translated_and_chroma_upsampled(tmp_path: Path) -> None:
    path, given = enlarging(tmp_path / "y.onnx", ("n", 1, "h", "w")), picture()
    made = opened(path).translate(given).picture.color.astype(float)
    weights = np.array([0.299, 0.587, 0.114])
    smooth = resize(given, 60, 42, "bicubic").color.astype(float)
    inside = (made > 0) & (made < 255) & (smooth > 0) & (smooth < 255)
    inside = inside.all(axis=2)
    assert inside.sum() > 500
    assert np.abs(made @ weights - repeated(given) @ weights)[inside].max() <= 1.5
    assert np.abs((made - made[..., :1]) - (smooth - smooth[..., :1]))[inside].max() <= 2
    assert (opened(path, channels="grey").translate(given).picture.color == repeated(given)).all()
    grey = picture(channels=1)
    assert opened(path).translate(grey).picture.color.shape == (42, 60, 1)


def test_assumed_channels_are_noted_in_the_report(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, save

    axes = (helper.make_tensor_value_info(name, TensorProto.FLOAT, list("nchw")) for name in "xy")
    graph = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "g", *([each] for each in axes))
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), tmp_path / "m.onnx")
    made = opened(tmp_path / "m.onnx", layout="nchw").translate(picture())
    assert made.notes["taken"] == {"channels": "rgb", "values": "unit", "scale": 1}


def test_a_fixed_batch_size_is_filled_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    translator, given = opened(enlarging(tmp_path / "four.onnx", (4, 3, 16, 16)), radius=1), picture(16, 56)
    calls: list[int] = []

    def counted(self: Interface, inputs: Any) -> Any:
        calls.append(len(inputs["source"]))
        return feeds(self, inputs)

    feeds = Interface.feeds
    monkeypatch.setattr(Interface, "feeds", counted)
    assert (translator.translate(given).picture.color == repeated(given)).all()
    assert calls == [4]


def test_tiles_have_the_fixed_size_and_are_exact_if_the_radius_is_stated(tmp_path: Path) -> None:
    path, given = enlarging(tmp_path / "x2.onnx"), picture(70, 90)
    said = opened(path, TranslateOptions(tile=24), radius=2, multiple=4, minimum=12).translate(given)
    assert (said.picture.color == repeated(given)).all()
    assert "inexact" not in said.notes
    assert (
        "'radius' under 'describe'"
        in opened(path, TranslateOptions(tile=128)).translate(picture(200, 200)).notes["inexact"]
    )


@pytest.mark.parametrize(
    ("model", "said", "match"),
    [
        ({}, {"scale": 3}, r"describe\.scale: m\.onnx has 2, not 3"),
        ({}, {"layout": "nhwc"}, r"describe\.layout: m\.onnx has 'nchw', not 'nhwc'"),
        ({"shape": ("n", "c", "h", "w")}, {}, r"describe\.layout: .*state nchw or nhwc"),
        ({}, {"channels": "y"}, r"describe\.channels: m\.onnx reads 3"),
        ({"kind": "uint8"}, {"values": "unit"}, r"describe\.values: m\.onnx reads and writes uint8"),
        ({"shape": (1, 3, -2, 30)}, {}, "both must be fixed or both dynamic"),
        ({"shape": (1, 3, 30, 30)}, {"multiple": 4}, r"describe\.multiple: m\.onnx requires 30x30"),
        ({"shape": (1, 3, 30, "w")}, {}, "both must be fixed or both dynamic"),
        ({"shape": (1, 3, 9000, 9000)}, {}, "its input is 9000 x 9000"),
        ({"shape": ("n", 3)}, {}, "its input is None x 3, but both must be fixed or both dynamic"),
        ({"inputs": 2}, {}, r"describe\.input: m\.onnx has several inputs that could be the picture: x .*, mask"),
        ({}, {"output": "z"}, r"describe\.output: m\.onnx has the outputs y"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, model: Any, said: Any, match: str) -> None:
    if model.get("shape") == ("n", 3):
        path = tmp_path / "m.onnx"
        from onnx import TensorProto, helper, save

        value = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in "xy")
        graph = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "g", *([each] for each in value))
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    else:
        path = enlarging(tmp_path / "m.onnx", **model)
    with pytest.raises(ConfigError, match=match):
        find_model(str(path), Path.cwd(), NONE, Describe(**said))


def test_only_a_model_without_a_description_must_be_described(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"describe: m\.onnx was not exported by img2imgkit: describe it"):
        find_model(str(enlarging(tmp_path / "m.onnx")), Path.cwd(), NONE)
    for said in (None, Describe()):
        with pytest.raises(BundleError, match=r"m2\.onnx: no such file$"):
            find_model("m2.onnx", tmp_path, NONE, said)
        with pytest.raises(BundleError, match="no such folder"):
            find_model("./somewhere", tmp_path, NONE, said)


def test_an_output_of_another_size_is_reported(tmp_path: Path) -> None:
    path = enlarging(tmp_path / "m.onnx", ("n", "c", "h", "w"))  # upsamples the two middle axes
    with pytest.raises(ConfigError, match=r"maps 49x50 to 98x50 pixels, which is not an integer scale"):
        opened(path, layout="nchw", channels="rgb")
    four = np.zeros((1, 4, 4, 3), np.float32)
    with pytest.raises(TranslateError, match="returned 1 x 4 x 4 x 3 for 1 x 4 x 4 x 3, not 1 x 8 x 8 x 3"):
        Interface(Geometry(scale=2)).image_of(four, four)


def test_planning_and_running_need_no_tensorflow(tmp_path: Path) -> None:
    import subprocess
    import sys

    enlarging(tmp_path / "x2.onnx")
    code = (
        "import sys, numpy as np; from pathlib import Path; from img2imgkit.catalog import Catalog;"
        "from img2imgkit.images import Picture; from img2imgkit.inference import Describe, Translator, find_model;"
        f"found = find_model({str(tmp_path / 'x2.onnx')!r}, Path.cwd(), Catalog(()), Describe(radius=0));"
        "assert not {'keras', 'tensorflow', 'onnxruntime'} & sys.modules.keys();"
        "made = Translator(found.load(), device='auto').translate(Picture(np.zeros((4, 5, 3), np.uint8)));"
        "assert not {'keras', 'tensorflow'} & sys.modules.keys();"
        "print(made.picture.color.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(8, 10, 3)", done.stderr
