"""Small random pictures in folders, as examples of how a data kind's pictures are organised."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from img2imgkit.files import write_whole
from img2imgkit.images import Picture, encode

COUNT = 4  # pictures in each folder
_WIDER = 8  # pixels by which they are wider than high


def write_pictures(folder: Path, side: int, seed: int = 0) -> Path:
    """Write a few RGB pictures of that height, all different, as ``0.png``, ``1.png``, ... Returns the folder."""
    return _written(folder, np.random.default_rng(seed).integers(0, 256, (COUNT, side, side + _WIDER, 3)))


def write_label_maps(folder: Path, side: int, ids: int, seed: int = 0) -> Path:
    """Write as many maps of ids below ``ids``, of the same names and sizes, in blocks. Returns the folder."""
    blocks = np.random.default_rng(seed).integers(0, ids, (COUNT, side // 4 + 1, side // 4 + 3, 1))
    return _written(folder, blocks.repeat(4, axis=1).repeat(4, axis=2)[:, :side, : side + _WIDER])


def _written(folder: Path, pictures: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    space = "grey" if pictures.shape[3] == 1 else "rgb"
    for number, levels in enumerate(pictures.astype(np.uint8)):
        write_whole(folder / f"{number}.png", encode(Picture(levels, None, space), "PNG").data)  # type: ignore[arg-type]
    return folder
