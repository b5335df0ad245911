"""Translate one picture with an exported model; needs numpy, Pillow and onnxruntime, but not img2imgkit.

img2img export sr-compact-x2 --format onnx --image-io uint8 --out model.onnx
python onnx_picture.py model.onnx photo.jpg larger.png
"""

from __future__ import annotations

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def translate(model: str, source: str, target: str) -> None:
    """Read a picture, run the model on it, and write the result with 8 bits. Transparency is resized."""
    session = onnxruntime.InferenceSession(model, providers=onnxruntime.get_available_providers())
    about = json.loads(session.get_modelmeta().custom_metadata_map["img2imgkit"])
    program = about["programs"][0]
    if about["image_io"] != "uint8" or about["layout"] != "nhwc" or len(program["inputs"]) != 1:
        sys.exit(f"{model}: export a task that reads only a picture, with --image-io uint8 --layout nhwc")
    if program["inputs"][0]["name"] != "image":
        sys.exit(f"{model}: reads {program['inputs'][0]['name']!r} and no picture")
    picture = in_8_bits(ImageOps.exif_transpose(Image.open(source)), source)
    alpha = picture.convert("RGBA").getchannel("A") if is_transparent(picture) else None
    channels = program["inputs"][0]["shape"][-1]
    levels = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    levels = levels.reshape(picture.height, picture.width, channels)
    made = session.run(["output"], {"image": padded(levels, program, about["size"])[None]})[0][0]
    height, width = (program["scale"] * side for side in levels.shape[:2])
    made = made[:height, :width]  # crop the padding
    result = Image.fromarray(made[..., 0] if made.shape[-1] == 1 else made)
    if alpha is not None:
        result.putalpha(alpha.resize(result.size, Image.Resampling.BICUBIC))
    try:
        result.save(target)
    except OSError as error:
        sys.exit(f"{target}: {error}; PNG holds every picture")


def in_8_bits(picture: Image.Image, name: str) -> Image.Image:
    """A picture of 16 bits in 8: Pillow's own conversion would cut off everything above 255."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    levels = np.asarray(picture)
    if picture.mode == "F" or levels.min() < 0 or levels.max() > 65535:
        sys.exit(f"{name}: neither 8 nor 16 bits, but {picture.mode!r} in Pillow's words")
    return Image.fromarray(((levels.astype(np.int64) + 128) // 257).astype(np.uint8))


def is_transparent(picture: Image.Image) -> bool:
    """Whether a picture has alpha, or a colour that stands for it."""
    return "A" in picture.getbands() or "transparency" in picture.info


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
