"""Translate one picture with TensorFlow Serving's REST interface; needs numpy and Pillow, but not img2imgkit.

img2img export sr-compact-x2 --format saved-model --image-io uint8 --out served/enlarge/1
docker run -p 8501:8501 -v "$PWD/served/enlarge:/models/enlarge" -e MODEL_NAME=enlarge tensorflow/serving
python serving_request.py http://localhost:8501/v1/models/enlarge photo.jpg larger.png
"""

from __future__ import annotations

import json
import sys
import urllib.request

import numpy as np
from PIL import Image, ImageOps


def translate(model: str, source: str, target: str) -> None:
    """Send a picture, and write the response."""
    levels = levels_of(ImageOps.exif_transpose(Image.open(source)), source)
    body = {"signature_name": "serving_default", "inputs": {"image": levels[None].tolist()}}
    request = urllib.request.Request(
        f"{model}:predict", json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        made = json.load(answer)["outputs"]  # a single output is not in a mapping
    Image.fromarray(np.asarray(made[0], np.uint8)).save(target)


def levels_of(picture: Image.Image, name: str) -> np.ndarray:
    """RGB in 8 bits; of 16 bits, Pillow's own conversion would cut off everything above 255. Shapes: -> (H, W, 3)."""
    if "A" in picture.getbands() or "transparency" in picture.info:
        sys.exit(f"{name}: has transparency, which the model does not read: remove it")
    if picture.mode.startswith(("I", "F")):
        levels = np.asarray(picture)
        if picture.mode == "F" or levels.min() < 0 or levels.max() > 65535:
            sys.exit(f"{name}: neither 8 nor 16 bits, but {picture.mode!r} in Pillow's words")
        picture = Image.fromarray(((levels.astype(np.int64) + 128) // 257).astype(np.uint8))
    return np.asarray(picture.convert("RGB"))


if __name__ == "__main__":
    translate(*sys.argv[1:4])
