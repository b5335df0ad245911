"""Small pictures for tests, made from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def levels(seed: int, height: int = 12, width: int = 16, channels: int = 3) -> np.ndarray:
    """Random 8-bit levels, (H, W, C)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def save_pictures(folder: Path, *names: str, size: tuple[int, int] = (16, 12)) -> list[Path]:
    """Random RGB pictures of those names, each different."""
    paths = []
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(levels(seed, size[1], size[0])).save(path)
        paths.append(path)
    return paths


def tree(folder: Path) -> dict[str, bytes]:
    """Every picture below a folder with its bytes; the tool's own files left out."""
    files = (path for path in folder.rglob("*") if path.is_file())
    ours = {".img2img", "report.json", "report.html"}
    return {str(p.relative_to(folder)): p.read_bytes() for p in files if not ours & set(p.relative_to(folder).parts)}
