"""Each checkpoint is read by `load_torch`. Differences are the largest over an output, relative to the output's
largest value; the last column is the difference between the official float32 and float64 outputs. Inputs with
"training" use the statistics of the batch. Options that leave no trace in a file are stated: the additional upsampling
of the SPADE generator with a style and the size of its training images, the residual scale of 0.1 of one EDSR, and that
waifu2x's UpCUNet repeats the edge and clips values inside. StarGAN's official code never uses running statistics, and
neither does this toolkit. The official networks of waifu2x have no padding, and clip values after training: outputs are
compared inside their margin, and clipped likewise."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from img2imgkit.architectures import BUILT_IN
from img2imgkit.architectures.resnet.network import resnet_features
from img2imgkit.architectures.upconv7 import MARGIN
from img2imgkit.errors import InteropError
from img2imgkit.importing import load_torch

INSTALLED = {each.name: each for each in BUILT_IN}
COLUMNS = ("fixture", "official class", "recognised as", "input", "output", "difference", "official rounding")
MOST_ROWS = 6  # of one case; the maps of critics at several scales become one row
STATED = {
    "spade_more_vae_nospectral": {"upsampling": "more", "size": (64, 64)},
    "sr_edsr_x4": {"residual_scale": 0.1},
    "waifu2x_upcunet": {"edge": "replicate", "clipped": True},
}


def rows(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield one row per network, case and output."""
    for path in sorted(folder.glob("*/weights.pth")):
        config = json.loads((path.parent / "config.json").read_text(encoding="utf-8"))
        stated = STATED.get(path.parent.name, {})
        for case in config["cases"] if is_known(path) else ():
            if "mode" not in case or (path.parent.name, case["name"]) == ("stargan_G", "square_eval"):
                continue
            without = {"dropout": 0.0} if case["mode"] == "train_nodropout" else {}
            model = load_torch(path, INSTALLED, **stated, **without)
            with np.load(path.parent / "io.npz") as stored:
                inputs, outputs = (
                    {name: channels_last(stored[entry["key"]]) for name, entry in case[side].items()}
                    for side in ("inputs", "outputs")
                )
            training = case["mode"].startswith("train")
            results = computed(model, inputs, list(outputs), training)
            if model.name == "upconv7":
                results = {name: inside(result, outputs[name], training) for name, result in results.items()}
            floors = config.get("noise_floor_float32_vs_float64", {}).get(case["name"], {})
            beside = f"`{config['name']}`", config["official"]["class"], f"`{model.name}`", described(case, inputs)
            found = [
                (
                    name,
                    apart(result, outputs[name], config.get("every", 1)),
                    floors.get(name, 0) / np.abs(outputs[name]).max(),
                )
                for name, result in results.items()
            ]
            if len(found) > MOST_ROWS:
                found = [
                    (f"{len(found)} maps, the worst", max(each[1] for each in found), max(each[2] for each in found))
                ]
            for name, difference, floor in found:
                yield (*beside, name, f"{difference:.1e}", f"{floor:.1e}")


def left_out(folder: Path) -> str:
    """Return a sentence about the fixtures of networks that no installed architecture recognises."""
    names = [f"`{path.parent.name}`" for path in sorted(folder.glob("*/weights.pth")) if not is_known(path)]
    text = f"Fixtures of networks that this toolkit does not have: {', '.join(names)}."
    return textwrap.fill(text, 120, break_on_hyphens=False) if names else ""


def inside(result: Any, wanted: np.ndarray, training: bool) -> np.ndarray:
    """Return what the official network without padding makes: less at the border, clipped except in training."""
    shown = np.asarray(result)
    cut = (shown.shape[1] - wanted.shape[1]) // 2
    assert cut % MARGIN == 0, f"{shown.shape} and {wanted.shape} differ by {cut} pixels on each side"
    shown = shown[:, cut:-cut, cut:-cut]
    return shown if training else shown.clip(0, 1)


def apart(result: Any, wanted: np.ndarray, every: int) -> float:
    """Return the largest difference, relative to the largest value; fixtures of large outputs have every n-th pixel."""
    shown = np.asarray(result)
    shown = shown[:, ::every, ::every] if shown.ndim == 4 else shown
    shown = shown.reshape(wanted.shape)  # the official score map has no channel axis
    return float(np.abs(shown - wanted).max() / np.abs(wanted).max())


def is_known(path: Path) -> bool:
    """Return whether an installed architecture recognises the checkpoint."""
    try:
        load_torch(path, INSTALLED)
    except InteropError:
        return False
    return True


def computed(model: Any, inputs: dict[str, np.ndarray], names: list[str], training: bool) -> dict[str, Any]:
    """Return our outputs under the fixture's names."""
    if model.name == "patch_sample":
        layers = range(len(inputs) // 2)
        flat = [inputs[f"feat{i}"].reshape(1, -1, inputs[f"feat{i}"].shape[-1])[:, inputs[f"ids{i}"]] for i in layers]
        return {name: rows[0] for name, rows in zip(names, model(flat), strict=True)}
    given = list(inputs.values())
    if len(given) < len(model.inputs):  # SRMD's constant maps lie behind the picture's channels
        channels = model.inputs[0].shape[-1]
        given = [given[0][..., :channels], given[0][:, 0, 0, channels:]]
    made = keras.tree.flatten(model(given if len(given) > 1 else given[0], training=training))
    taps = [name for name in names if name.startswith("feat_layer")]
    if taps:
        features = resnet_features(model, [int(name.removeprefix("feat_layer")) for name in taps])(inputs["input"])
        return {names[0]: made[0], **dict(zip(taps, features, strict=True))}
    return dict(zip(names, made, strict=False))


def described(case: dict[str, Any], inputs: dict[str, np.ndarray]) -> str:
    first = "x".join(map(str, next(iter(inputs.values())).shape))
    return f"{first}, training" if case["mode"].startswith("train") else first


def channels_last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
