"""Enlarge one picture with an exported model of ncnn; needs numpy, Pillow and ncnn, but not img2imgkit.

img2img export sr-compact-x2 --format ncnn --out models
python ncnn_picture.py models photo.jpg larger.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ncnn
import numpy as np
from PIL import Image, ImageOps


def translate(folder: str, source: str, target: str) -> None:
    """Read a picture, run the model on it as a whole, and write the result with 8 bits. Transparency is resized."""
    graph = next(Path(folder).glob("*.param"))
    about = json.loads((Path(folder) / "img2imgkit.json").read_text(encoding="utf-8"))
    program = about["programs"][0]
    picture = ImageOps.exif_transpose(Image.open(source))
    if picture.mode.startswith(("I", "F")):
        sys.exit(f"{source}: more than 8 bits, which this program does not read")
    channels = program["inputs"][0]["shape"][1]
    if channels not in (1, 3):
        sys.exit(f"{graph}: reads {channels} channels")
    transparent = "A" in picture.getbands() or "transparency" in picture.info
    alpha = picture.convert("RGBA").getchannel("A") if transparent else None
    levels = np.asarray(picture.convert("L" if channels == 1 else "RGB")).reshape(
        picture.height, picture.width, channels
    )
    made = run(graph, padded(levels, program, about["size"]).transpose(2, 0, 1))
    height, width = (program["scale"] * side for side in levels.shape[:2])
    made = made.transpose(1, 2, 0)[:height, :width]  # crop the padding
    result = Image.fromarray(made[..., 0] if made.shape[-1] == 1 else made)
    if alpha is not None:
        result.putalpha(alpha.resize(result.size, Image.Resampling.BICUBIC))
    result.save(target)


def run(graph: Path, levels: np.ndarray) -> np.ndarray:
    """Run a model, which reads and writes [0, 1]. Shapes: (C, H, W) -> (C, H', W'), levels."""
    net = ncnn.Net()
    if net.load_param(str(graph)) or net.load_model(str(graph.with_suffix(".bin"))):
        sys.exit(f"{graph}: ncnn cannot open it")
    unit = np.ascontiguousarray(levels / np.float32(255), np.float32)  # kept until the Mat has copied it
    with net.create_extractor() as extractor:
        extractor.input("data", ncnn.Mat(unit).clone())
        failed, made = extractor.extract("output")
        if failed:
            sys.exit(f"{graph}: ncnn cannot run it on this picture")
        return np.floor(np.array(made) * 255 + 0.5).clip(0, 255).astype(np.uint8)


def padded(levels: np.ndarray, program: dict, fixed: list[int] | None) -> np.ndarray:
    """Pad a picture at its right and bottom to a size that the model supports. Shapes: (H, W, C) -> (H', W', C)."""
    multiple = program["multiple"]
    sizes = fixed or [max(program["minimum"], -(-side // multiple) * multiple) for side in levels.shape[:2]]
    if any(size < side for size, side in zip(sizes, levels.shape[:2], strict=True)):
        height, width = levels.shape[:2]
        sys.exit(f"{width}x{height} pixels: the model was exported for at most {sizes[1]}x{sizes[0]}")
    more = [(0, size - side) for size, side in zip(sizes, levels.shape[:2], strict=True)]
    return np.pad(levels, [*more, (0, 0)], mode="symmetric")


if __name__ == "__main__":
    translate(*sys.argv[1:4])
