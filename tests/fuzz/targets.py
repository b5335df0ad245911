"""What is fuzzed: each reader of files that strangers may have made, with sound files to start from."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import bombs
import numpy as np
from mat_files import mat_file
from ncnn_files import rrdb_model, rrdb_state
from PIL import Image
from pipelines_for_tests import CATALOG
from torch_files import save_torch

from img2imgkit import bundle, images
from img2imgkit.config import load_yaml
from img2imgkit.data.picture_files import header
from img2imgkit.errors import BundleError, ConfigError, DataError, DecodeError, ImageError, InteropError, ToolkitError
from img2imgkit.formats import onnx_reader, onnx_safety
from img2imgkit.formats.mat_file import read_mat
from img2imgkit.formats.safetensors_file import read_safetensors
from img2imgkit.formats.torch_file import read_torch
from img2imgkit.images import bounds
from img2imgkit.images.decode import decode_here
from img2imgkit.images.decoders import Wanted
from img2imgkit.inference import Describe
from img2imgkit.inference.exported.onnx_description import described
from img2imgkit.item import Entry
from img2imgkit.pipeline import pipeline_of
from img2imgkit.pipeline.ledger import Ledger

ENTRY = Entry("in/a.png", PurePosixPath("a.png"), 0, 1, "1")
PIPELINE = """
name: test
steps:
  - uses: read
    with: {folder: in, recursive: true, include: ["*.png"]}
  - uses: resize
    with: {scale: 0.5}
  - uses: write
    with: &out {folder: out, name: "{stem}.png"}
"""


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        seeds: makes sound files in a folder and returns their bytes
        read: reads bytes in a folder of its own
        allowed: the errors that say what is wrong with a file
        tokens: words of the format
    """

    seeds: Callable[[Path], Sequence[bytes]]
    read: Callable[[Path, bytes], object]
    allowed: tuple[type[Exception], ...]
    tokens: tuple[bytes, ...] = (b"\0",)


def _image(mode: str = "RGB") -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    return Image.fromarray(levels).convert(mode)


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, format, **options)
    return target.getvalue()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x011A] = 6, "a description", 72.0
    exif.get_ifd(0x8769).update({0xA002: 11, 0xA003: 9, 0x9286: b"comment"})
    exif.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0)})
    return exif.tobytes()


def _pictures(folder: Path) -> list[bytes]:
    exif = _exif()
    found = [_saved(_image(mode), "PNG") for mode in ("RGB", "P", "LA", "1")]
    found += [_saved(_image(), "JPEG", exif=exif), _saved(_image("L"), "JPEG", progressive=True)]
    found += [_saved(_image("CMYK"), "JPEG"), _saved(_image(), "WEBP", exif=exif), _saved(_image("RGBA"), "WEBP")]
    found += [_saved(_image(), "TIFF", compression=name) for name in ("raw", "tiff_lzw", "tiff_deflate", "jpeg")]
    found += [_saved(_image(), name) for name in ("BMP", "GIF", "TGA", "PPM", "QOI", "SGI", "ICO", "PCX", "AVIF")]
    found += [_saved(_image(), "JPEG2000"), _saved(_image("P"), "GIF", save_all=True, append_images=[_image("P")])]
    return found


def _decode(folder: Path, data: bytes) -> None:
    path = folder / "picture"
    path.write_bytes(data)
    with path.open("rb") as file:
        bounds.check(file)
    picture = decode_here(path, Wanted(1 << 20))
    assert picture.color.size
    if picture.space != "cmyk":
        header(path)


def _metadata(folder: Path, data: bytes) -> None:
    """EXIF, XMP, a profile and a text of a sound PNG; then written as other formats."""
    path = folder / "picture.png"
    third = len(data) // 3
    chunks = bombs.chunk(b"eXIf", data) + bombs.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + data[:third])
    chunks += bombs.chunk(b"iCCP", data[third:]) + bombs.chunk(b"zTXt", data) + bombs.chunk(b"pHYs", data[:9])
    path.write_bytes(bombs.png_with(chunks + bombs.chunk(b"tEXt", data[third:])))
    picture = images.decode(path)
    for format in ("JPEG", "TIFF", "PNG", "WEBP"):
        images.encode(picture, format)


def _ledger_lines(folder: Path) -> list[bytes]:
    line = {"entry": "a.png", "sink": "0", "by": "b" * 64, "target": "a.png", "size": 1, "version": "1"}
    line["file"] = {"path": "a.png", "size": 1, "mtime_ns": 1, "sha256": "c" * 64}
    recipe = {"recipe": "b" * 64, "steps": [{"uses": "read", "with": {"folder": "in"}}]}
    both = f"{json.dumps(recipe)}\n{json.dumps(line)}\n".encode()
    return [both, both * 3]


def _ledger(folder: Path, data: bytes) -> None:
    (folder / "ledger.jsonl").write_bytes(data)
    ledger = Ledger(folder)
    ledger.latest(ENTRY, "0")
    ledger.knows("a.png")
    ledger.close()


def _yaml(folder: Path, data: bytes) -> None:
    (folder / "in").mkdir(exist_ok=True)
    (folder / "pipeline.yaml").write_bytes(data)
    pipeline_of(load_yaml(folder / "pipeline.yaml"), CATALOG)


def _manifests(folder: Path) -> list[bytes]:
    found = Path(__file__).parents[2].glob("plugins/*/bundles/*/bundle.json")
    return [path.read_bytes() for path in sorted(found)]


def _bundle(folder: Path, data: bytes) -> None:
    (folder / "bundle.json").write_bytes(data)
    bundle.describe(folder)


def _torch_files(folder: Path) -> list[bytes]:
    state = {"0.weight": np.ones((2, 3, 3, 3), np.float32), "0.bias": np.zeros(2, np.float32)}
    return [save_torch(folder / "seed.pth", state).read_bytes()]


def _torch(folder: Path, data: bytes) -> None:
    (folder / "weights.pth").write_bytes(data)
    read_torch(folder / "weights.pth")


def _safetensors_files(folder: Path) -> list[bytes]:
    from safetensors.numpy import save

    return [save({"a": np.ones((2, 3), np.float32), "b": np.zeros(4, np.float16)}, {"format": "pt"})]


def _safetensors(folder: Path, data: bytes) -> None:
    (folder / "weights.safetensors").write_bytes(data)
    read_safetensors(folder / "weights.safetensors")


def _mat_files(folder: Path) -> list[bytes]:
    return [mat_file(packed, P=np.arange(6.0).reshape(2, 3)) for packed in (False, True)]


def _mat(folder: Path, data: bytes) -> None:
    (folder / "matrix.mat").write_bytes(data)
    read_mat(folder / "matrix.mat")


@cache
def _ncnn_weights() -> bytes:
    return rrdb_model(rrdb_state()).weights


def _ncnn_files(folder: Path) -> list[bytes]:
    return [rrdb_model(rrdb_state(), plain).text().encode() for plain in (False, True)]


def _ncnn(folder: Path, data: bytes) -> None:
    from img2imgkit_plugins.ncnn.importer import Ncnn

    (folder / "model.param").write_bytes(data)
    (folder / "model.bin").write_bytes(_ncnn_weights())
    Ncnn().read(folder / "model.param")


def _onnx_files(folder: Path) -> list[bytes]:
    from onnx import TensorProto, helper, numpy_helper

    nodes = [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest")]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, "h", "w"]) for name in "xy"]
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [scales])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return [model.SerializeToString()]


def _onnx(folder: Path, data: bytes) -> None:
    path = folder / "model.onnx"
    path.write_bytes(data)
    model = onnx_reader.read_graph(path)
    onnx_safety.prove(path, model)
    described(path, model, Describe())


YAML_WORDS = (b"&a ", b"*a", b"<<: ", b"!!python/object", b"\t", b"? ", b"{", b"[", b"- ", b": ", b"1e999")
JSON_WORDS = (b"null", b"1e999", b"NaN", b"-1", b"[", b"{", b'"\\ud800"', b'"', b"9" * 5000, b"true")
TARGETS = {
    "decode": Target(_pictures, _decode, (DecodeError, DataError), (b"\xff\xda", b"IDAT", b"\xff\xd8", b"\0")),
    "metadata": Target(lambda folder: [_exif(), _exif()[6:]], _metadata, (ImageError,)),
    "ledger": Target(_ledger_lines, _ledger, (), JSON_WORDS),
    "yaml": Target(lambda folder: [PIPELINE.encode()], _yaml, (ToolkitError,), YAML_WORDS),
    "bundle": Target(_manifests, _bundle, (BundleError,), JSON_WORDS),
    "torch": Target(_torch_files, _torch, (InteropError,), (b"c", b"(", b"R", b"t", b"Q", b"0", b"2", b"os\nsystem\n")),
    "safetensors": Target(_safetensors_files, _safetensors, (InteropError,), JSON_WORDS),
    "mat": Target(_mat_files, _mat, (InteropError,), (b"\xff\xff\xff\xff", b"\x0e\0\0\0", b"\x0f\0\0\0", b"\0" * 8)),
    "ncnn": Target(_ncnn_files, _ncnn, (InteropError,), (b"-23310=1,", b"0=", b"nan", b"1e999", b"9" * 5000, b"\n")),
    "onnx": Target(_onnx_files, _onnx, (BundleError, ConfigError), (b"\x0a", b"\x12", b"\xff" * 9)),
}
