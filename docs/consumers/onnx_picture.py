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
    """Read a picture, run the model on it, and write the result."""
    session = onnxruntime.InferenceSession(model, providers=onnxruntime.get_available_providers())
    about = json.loads(session.get_modelmeta().custom_metadata_map["img2imgkit"])
    program = about["programs"][0]
    if about["image_io"] != "uint8" or about["layout"] != "nhwc" or len(program["inputs"]) != 1:
        sys.exit(f"{model}: export a task that reads only a picture, with --image-io uint8 --layout nhwc")
    channels = program["inputs"][0]["shape"][-1]
    picture = ImageOps.exif_transpose(Image.open(source)).convert("L" if channels == 1 else "RGB")
    levels = np.asarray(picture).reshape(picture.height, picture.width, channels)
    made = session.run(["output"], {"image": padded(levels, program)[None]})[0][0]
    scale = program["scale"]
    made = made[: scale * picture.height, : scale * picture.width]  # crop the padding
    Image.fromarray(made[..., 0] if made.shape[-1] == 1 else made).save(target)


def padded(levels: np.ndarray, program: dict) -> np.ndarray:
    """Pad a picture at its right and bottom to a size that the model supports. Shapes: (H, W, C) -> (H', W', C)."""
    multiple = program["multiple"]
    sizes = [max(program["minimum"], -(-side // multiple) * multiple) for side in levels.shape[:2]]
    more = [(0, size - side) for size, side in zip(sizes, levels.shape[:2], strict=True)]
    return np.pad(levels, [*more, (0, 0)], mode="symmetric")


if __name__ == "__main__":
    translate(*sys.argv[1:4])
