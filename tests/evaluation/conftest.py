from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from img2imgkit.images.matlab import imresize


def scene(height, width, seed):
    """Smooth shapes with edges, RGB bytes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / rng.uniform(2, 9) + y / rng.uniform(2, 9) + c) for c in range(3)]
    return np.floor((np.stack(waves, -1) + 1) * 127.5 + (x > y)[..., np.newaxis] * 20).clip(0, 255).astype(np.uint8)


@pytest.fixture
def scenes(tmp_path):
    """A set of high-resolution pictures only: two in colour of odd sizes, and a grey one."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    Image.fromarray(scene(41, 50, 1)).save(folder / "a.png")
    Image.fromarray(scene(37, 33, 2)).save(folder / "b.png")
    Image.fromarray(scene(40, 40, 3)[..., 1]).save(folder / "grey.bmp")
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


@pytest.fixture
def published(tmp_path):
    """A set with the folders of Set5: HR and LR_bicubic/X2."""
    folder = tmp_path / "Published"
    (folder / "HR").mkdir(parents=True)
    (folder / "LR_bicubic" / "X2").mkdir(parents=True)
    for name, seed in (("boat", 4), ("tree", 5)):
        sharp = scene(36, 44, seed)
        Image.fromarray(sharp).save(folder / "HR" / f"{name}.png")
        Image.fromarray(imresize(sharp, Fraction(1, 2))).save(folder / "LR_bicubic" / "X2" / f"{name}x2.png")
    return folder
