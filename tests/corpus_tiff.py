"""TIFF files of the corpus, written by tifffile and Pillow."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from corpus import Case, good, noise
from PIL import Image


def files(folder: Path) -> Iterator[Case]:
    """Colour spaces, depths, byte orders, compressions, layouts."""
    for space, channels in (("minisblack", 1), ("rgb", 3), ("separated", 4)):
        for dtype in (np.uint8, np.uint16):
            for order in "<>":
                pixels = noise(channels, 9, 7, channels, dtype)
                name = f"tiff-{space}{dtype(0).itemsize * 8}-{'little' if order == '<' else 'big'}.tif"
                yield _put(folder / name, pixels, photometric=space, byteorder=order)
    yield from _compressed(folder)
    yield from _transparent(folder)
    yield from _laid_out(folder)
    yield from _by_pillow(folder)
    yield from _refused(folder)
    yield from _garbled(folder)


def _compressed(folder: Path) -> Iterator[Case]:
    for number, compression in enumerate(("lzw", "zlib", "zstd", "packbits")):
        for dtype in (np.uint8, np.uint16):
            predictor = compression != "packbits" and (compression != "zstd" or dtype is np.uint16)
            pixels = noise(100 + number, 40, 30, 3, dtype)
            path = folder / f"tiff-{compression}{dtype(0).itemsize * 8}.tif"
            yield _put(path, pixels, photometric="rgb", compression=compression, predictor=predictor, rowsperstrip=7)


def _transparent(folder: Path) -> Iterator[Case]:
    for space, channels in (("minisblack", 2), ("rgb", 4)):
        for dtype in (np.uint8, np.uint16):
            pixels = noise(110 + channels, 8, 9, channels, dtype)
            path = folder / f"tiff-{space}-alpha{dtype(0).itemsize * 8}.tif"
            yield _put(path, pixels, photometric=space, extrasamples=["unassalpha"])
    pixels = noise(115, 8, 9, 5, np.uint16)
    yield _put(folder / "tiff-cmyk-alpha16.tif", pixels, photometric="separated", extrasamples=["unassalpha"])
    pixels = noise(116, 8, 9, 5, np.uint8)
    yield _put(folder / "tiff-cmyk-alpha8.tif", pixels, photometric="separated", extrasamples=["unassalpha"])
    straight = noise(117, 8, 9, 4, np.uint16)
    straight[..., 3] |= 0x8000  # at least half opaque, so that premultiplying and back is exact to about a level
    premultiplied = straight.astype(np.uint64)
    premultiplied[..., :3] = (premultiplied[..., :3] * premultiplied[..., 3:] + 32767) // 65535
    path = folder / "tiff-premultiplied16.tif"
    tifffile.imwrite(path, premultiplied.astype(np.uint16), photometric="rgb", extrasamples=["assocalpha"])
    quotients = premultiplied[..., :3] * 65535 / premultiplied[..., 3:]
    straight[..., :3] = np.minimum(np.floor(quotients + 0.5), 65535)
    yield good(path, straight)


def _laid_out(folder: Path) -> Iterator[Case]:
    deep = noise(120, 50, 70, 3, np.uint16)
    yield _put(folder / "tiff-tiled16.tif", deep, photometric="rgb", tile=(16, 32), compression="zlib")
    path = folder / "tiff-planar16.tif"
    tifffile.imwrite(path, np.moveaxis(deep, -1, 0), photometric="rgb", planarconfig="separate")
    yield good(path, deep)
    path = folder / "tiff-planar8.tif"
    tifffile.imwrite(path, np.moveaxis(deep >> 8, -1, 0).astype(np.uint8), photometric="rgb", planarconfig="separate")
    yield good(path, (deep >> 8).astype(np.uint8))
    yield _put(folder / "tiff-big.tif", deep, photometric="rgb", bigtiff=True)
    dark = noise(121, 9, 9, 1, np.uint16) >> 8
    yield _put(folder / "tiff-dark16.tif", dark, photometric="minisblack")
    path = folder / "tiff-white-is-zero16.tif"
    tifffile.imwrite(path, 65535 - dark, photometric="miniswhite")
    yield good(path, dark)
    levels = noise(122, 9, 10, 1, np.uint16) >> 4
    path = folder / "tiff-12bit.tif"
    path.write_bytes(_twelve_bits(levels[..., 0]))
    yield good(path, np.floor(levels * 65535.0 / 4095 + 0.5).astype(np.uint16), note="12-bit")
    path = folder / "tiff-unstated-alpha16.tif"
    clear = noise(124, 6, 6, 4, np.uint16)
    tifffile.imwrite(path, clear, photometric="rgb", extrasamples=["unassalpha"])
    path.write_bytes(path.read_bytes().replace(struct.pack("<HHI", 338, 3, 1), struct.pack("<HHI", 65000, 3, 1)))
    yield good(path, clear)
    path = folder / "tiff-extra-channel16.tif"
    many = noise(123, 6, 6, 4, np.uint16)
    tifffile.imwrite(path, many, photometric="rgb", extrasamples=["unspecified"])
    yield good(path, many[..., :3], note="extra channels")
    path = folder / "tiff-pages.tif"
    for page in (deep, 65535 - deep, deep // 2):
        tifffile.imwrite(path, page, photometric="rgb", append=path.exists())
    yield good(path, deep, note="further pages or frames in the file were left out: 2")


def _twelve_bits(levels: np.ndarray) -> bytes:
    """A handwritten TIFF file: two levels in three bytes."""
    height, width = levels.shape
    high, low = levels[:, ::2], levels[:, 1::2]
    data = np.stack([high >> 4, (high & 15) << 4 | low >> 8, low & 255], axis=2).astype(np.uint8).tobytes()
    tags = (
        (256, width),
        (257, height),
        (258, 12),
        (259, 1),
        (262, 1),
        (273, 122),
        (277, 1),
        (278, height),
        (279, len(data)),
    )
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + bytes(4) + data


def _by_pillow(folder: Path) -> Iterator[Case]:
    bilevel = Image.fromarray(noise(130, 20, 30, 1)[..., 0]).convert("1", dither=Image.Dither.NONE)
    for quality in (80, 95):  # YCbCr inside, with colours at half size or not
        path = folder / f"tiff-jpeg{quality}.tif"
        Image.fromarray(noise(134, 32, 32)).save(path, compression="jpeg", quality=quality)
        with Image.open(path) as image:
            yield good(path, np.asarray(image.convert("RGB")))
    for compression in ("raw", "group4"):
        path = folder / f"tiff-1bit-{compression}.tif"
        bilevel.save(path, compression=compression)
        yield good(path, np.asarray(bilevel.convert("L"))[..., None])
    palette = Image.fromarray(noise(131, 20, 30, 1)[..., 0])
    palette.putpalette(noise(132, 256, 1).tobytes())
    palette.save(folder / "tiff-palette.tif")
    yield good(folder / "tiff-palette.tif", np.asarray(palette.convert("RGB")))
    whole = Image.fromarray(noise(133, 5, 5, 1)[..., 0].astype(np.int32) * 200)
    whole.save(folder / "tiff-int32.tif")
    yield good(folder / "tiff-int32.tif", np.asarray(whole).astype(np.uint16)[..., None], note="32-bit integers")


def _refused(folder: Path) -> Iterator[Case]:
    path = folder / "tiff-float.tif"
    tifffile.imwrite(path, np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8))
    yield Case(path, reason="white point")
    path = folder / "tiff-float-rgb.tif"
    tifffile.imwrite(path, np.zeros((8, 8, 3), np.float32), photometric="rgb")
    yield Case(path, reason="white point")
    path = folder / "tiff-negative.tif"
    tifffile.imwrite(path, np.arange(-32, 32, dtype=np.int32).reshape(8, 8))
    yield Case(path, reason="white point")
    path = folder / "tiff-many-channels.tif"
    tifffile.imwrite(path, np.zeros((5, 5, 12), np.uint16), photometric="minisblack", planarconfig="contig")
    yield Case(path, reason="12 channels")


def _garbled(folder: Path) -> Iterator[Case]:
    """A tiled file whose stated width exceeds its tiles."""
    path = folder / "tiff-few-tiles.tif"
    tifffile.imwrite(path, noise(140, 50, 70, 3, np.uint16), photometric="rgb", tile=(16, 32), compression="zlib")
    stated, wrong = (struct.pack("<HHII", 256, 4, 1, width) for width in (70, 700))
    short = struct.pack("<HHIHH", 256, 3, 1, 70, 0)
    data = path.read_bytes()
    assert (stated in data) != (short in data)
    path.write_bytes(data.replace(stated, wrong).replace(short, wrong))
    yield Case(path, reason="missing")


def _put(path: Path, pixels: np.ndarray, **options: Any) -> Case:
    grey = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    tifffile.imwrite(path, grey, planarconfig=None if pixels.shape[2] == 1 else "contig", metadata=None, **options)
    space = {"minisblack": "grey", "rgb": "rgb", "separated": "cmyk"}[options["photometric"]]
    return good(path, pixels, space=space)
