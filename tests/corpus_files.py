"""Pictures of the corpus in formats other than PNG and TIFF: orientations, profiles, animations, 16 bits."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from corpus import Case, good, noise
from PIL import Image, ImageCms, ImageOps

ORIENTATION = 0x0112


def smooth(height: int, width: int, channels: int = 3) -> np.ndarray:
    """A gradient that JPEG preserves well, and whose corners differ."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [rows * 200 // height + 20, columns * 200 // width + 20, (rows + columns) * 100 // (height + width)]
    return np.stack([planes[channel % 3] for channel in range(channels)], axis=2).astype(np.uint8)


def turned(orientation: int) -> Image.Exif:
    """An EXIF block of a camera, with an orientation."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "Camera & Söhne"
    exif.get_ifd(0x8769)[0xA002] = 17
    exif.get_ifd(0x8769)[0x829A] = 1 / 250
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def files(folder: Path) -> Iterator[Case]:
    """All kinds of JPEG, then the other formats."""
    yield from _jpegs(folder)
    yield from _oriented(folder)
    yield from _webs(folder)
    yield from _bitmaps(folder)
    yield from _deep(folder)


def _jpegs(folder: Path) -> Iterator[Case]:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, channels, options in (
        ("rgb", 3, {}),
        ("grey", 1, {}),
        ("progressive", 3, {"progressive": True}),
        ("profile", 3, {"icc_profile": srgb}),
        ("odd-profile", 3, {"icc_profile": b"no profile" * 20}),
        ("odd-exif", 3, {"exif": b"Exif\0\0" + b"nonsense" * 9}),
    ):
        path = folder / f"jpeg-{name}.jpg"
        pixels = smooth(24, 17, channels)
        Image.fromarray(pixels.squeeze()).save(path, quality=95, **options)
        yield good(path, _shown(path), note="EXIF" if name == "odd-exif" else "")
    path = folder / "jpeg-cmyk.jpg"
    Image.frombytes("CMYK", (16, 16), smooth(16, 16, 4).tobytes()).save(path, quality=95)
    yield good(path, _shown(path), space="cmyk")
    data, marker = path.read_bytes(), b"\xff\xee\0\x0eAdobe"
    start = data.index(marker)
    path = folder / "jpeg-cmyk-not-inverted.jpg"
    path.write_bytes(data[:start] + data[start + 16 :])
    yield good(path, 255 - _shown(path), space="cmyk")
    path = folder / "jpeg-named.png"
    Image.fromarray(smooth(16, 17)).save(path, "JPEG")
    yield good(path, _shown(path))
    path = folder / "jpeg-two-pictures.mpo"
    first, second = Image.fromarray(smooth(16, 17)), Image.fromarray(255 - smooth(16, 17))
    first.save(path, "MPO", save_all=True, append_images=[second])
    yield good(path, _shown(path), note="further pages or frames in the file were left out: 1")


def _oriented(folder: Path) -> Iterator[Case]:
    for orientation in range(1, 9):
        path = folder / f"jpeg-orientation{orientation}.jpg"
        Image.fromarray(smooth(24, 17)).save(path, quality=95, exif=turned(orientation))
        yield good(path, _shown(path))
    path = folder / "png-orientation6.png"
    pixels = noise(200, 7, 5)
    Image.fromarray(pixels).save(path, exif=turned(6))
    yield good(path, np.rot90(pixels, -1))
    path = folder / "tiff-orientation8.tif"
    Image.fromarray(pixels).save(path, tiffinfo={ORIENTATION: 8})
    yield good(path, np.rot90(pixels))
    path = folder / "webp-orientation3.webp"
    Image.fromarray(pixels).save(path, lossless=True, exif=turned(3))
    yield good(path, pixels[::-1, ::-1])


def _webs(folder: Path) -> Iterator[Case]:
    for channels in (3, 4):
        pixels = noise(210 + channels, 12, 9, channels)
        path = folder / f"webp-{channels}.webp"
        yield _saved(path, pixels, lossless=True, exact=True)
        path = folder / f"avif-{channels}.avif"
        Image.fromarray(smooth(16, 24, channels)).save(path, quality=90)
        yield good(path, _shown(path))
    path = folder / "webp-lossy.webp"
    Image.fromarray(smooth(16, 24)).save(path, quality=80)
    yield good(path, _shown(path))
    frames = [Image.fromarray(noise(220 + n, 10, 10) // 64 * 64) for n in range(3)]
    for suffix in ("webp", "png", "gif"):
        path = folder / f"animated-{suffix}.{suffix}"
        options = {"lossless": True} if suffix == "webp" else {}
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, **options)
        yield good(path, _shown(path), note="further pages or frames in the file were left out: 2")


def _bitmaps(folder: Path) -> Iterator[Case]:
    bilevel = Image.fromarray(noise(230, 9, 17, 1)[..., 0]).convert("1", dither=Image.Dither.NONE)
    shown = np.asarray(bilevel.convert("L"))[..., None]
    palette = Image.fromarray(noise(231, 9, 17, 1)[..., 0])
    palette.putpalette(noise(232, 256, 1).tobytes())
    for name in ("bmp", "pcx", "pbm"):
        bilevel.save(folder / f"{name}-1bit.{name}")
        yield good(folder / f"{name}-1bit.{name}", shown)
    for suffix in ("bmp", "gif", "tga", "pcx"):
        palette.save(folder / f"{suffix}-palette.{suffix}")
        yield good(folder / f"{suffix}-palette.{suffix}", np.asarray(palette.convert("RGB")))
    palette.save(folder / "gif-one-clear.gif", transparency=int(palette.getpixel((0, 0))))
    clear = np.asarray(palette) == palette.getpixel((0, 0))
    alpha = np.where(clear, 0, 255).astype(np.uint8)[..., None]
    yield good(folder / "gif-one-clear.gif", np.concatenate([np.asarray(palette.convert("RGB")), alpha], axis=2))
    for suffix in ("bmp", "ppm", "tga", "qoi", "sgi", "pcx", "jp2", "dib"):
        yield _saved(folder / f"{suffix}-rgb.{suffix}", noise(233, 9, 17))
    for suffix in ("tga", "qoi", "sgi", "jp2", "ico", "dds"):
        pixels = noise(234, 32, 32, 4)
        options = {"sizes": [(32, 32)]} if suffix == "ico" else {}
        yield _saved(folder / f"{suffix}-rgba.{suffix}", pixels, **options)
    for suffix in ("bmp", "pgm", "tga", "sgi", "jp2"):
        yield _saved(folder / f"{suffix}-grey.{suffix}", noise(235, 9, 17, 1))


def _deep(folder: Path) -> Iterator[Case]:
    for channels, kind in ((1, "P5"), (3, "P6")):
        pixels = noise(240 + channels, 9, 7, channels, np.uint16)
        path = folder / f"{kind.lower()}-16.{'pgm' if channels == 1 else 'ppm'}"
        path.write_bytes(f"{kind} # a comment\n7 9\n65535\n".encode() + pixels.astype(">u2").tobytes())
        yield good(path, pixels)
    path = folder / "ppm-10bit.ppm"
    levels = noise(243, 9, 7, 3, np.uint16) >> 6
    path.write_bytes(b"P6\n7 9 1023\n" + levels.astype(">u2").tobytes())
    yield good(path, np.floor(levels * 65535.0 / 1023 + 0.5).astype(np.uint16))
    for channels in (1, 3, 4):
        pixels = noise(244 + channels, 32, 40, channels, np.uint16)
        path = folder / f"jp2-{channels}x16.jp2"
        path.write_bytes(imagecodecs.jpeg2k_encode(pixels.squeeze(), level=0, codecformat="jp2", reversible=True))
        yield good(path, pixels)
    pixels = np.repeat(smooth(16, 24).astype(np.uint16) << 2, 1, axis=0)
    path = folder / "avif-10bit.avif"
    path.write_bytes(imagecodecs.avif_encode(pixels, level=95, bitspersample=10))
    decoded = imagecodecs.avif_decode(path.read_bytes())
    yield good(path, np.floor(decoded * 65535.0 / 1023 + 0.5).astype(np.uint16), note="10-bit")
    pixels = noise(250, 6, 5, 3, np.uint16)
    path = folder / "sgi-16.sgi"
    header = struct.pack(">HBBHHHHII", 474, 0, 2, 3, 5, 6, 3, 0, 65535).ljust(512, b"\0")
    path.write_bytes(header + np.moveaxis(pixels[::-1], -1, 0).astype(">u2").tobytes())
    yield good(path, pixels)


def _shown(path: Path) -> np.ndarray:
    """A file's pixels as decoded by Pillow, upright."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        shown = upright.convert("RGB") if upright.mode == "P" else upright
        pixels = np.asarray(shown)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _saved(path: Path, pixels: np.ndarray, **options: Any) -> Case:
    Image.fromarray(pixels.squeeze() if pixels.shape[2] == 1 else pixels).save(path, **options)
    return good(path, pixels)
