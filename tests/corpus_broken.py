"""Files of the corpus that must fail, each with a reason: truncated, inconsistent, or not pictures."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from corpus import Case, noise
from corpus_png import PALETTE, RGB, chunk, plain, png, unfiltered
from PIL import Image


def files(folder: Path) -> Iterator[Case]:
    """All broken files."""
    yield from _not_pictures(folder)
    yield from _cut_off(folder)
    yield from _bombs(folder)
    yield from _inconsistent(folder)


def _not_pictures(folder: Path) -> Iterator[Case]:
    for name, data, reason in (
        ("empty.png", b"", "empty"),
        ("empty.jpg", b"", "empty"),
        ("empty.tif", b"", "empty"),
        ("text.png", b"This is not a picture.\nIt only claims to be one.\n", "text"),
        ("page.jpg", b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "text"),
        ("drawing.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "text"),
        ("pointer.jpg", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "text"),
        ("script.eps.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "text"),
        ("zeros.png", bytes(5000), "not a picture"),
        ("noise.jpg", noise(400, 1, 5000).tobytes(), "not a picture"),
        ("program.png", b"\x7fELF\x02\x01\x01" + bytes(200), "not a picture"),
        ("one-byte.png", b"\x89", "not a picture"),
        ("signature-only.png", b"\x89PNG\r\n\x1a\n", "damaged"),
        ("start-only.jpg", b"\xff\xd8\xff", "damaged"),
        ("header-only.webp", b"RIFF\x24\0\0\0WEBPVP8 ", "damaged"),
        ("start-only.tif", b"II*\0", "damaged"),
        ("nowhere.tif", b"II*\0" + struct.pack("<I", 1 << 30) + bytes(64), "damaged"),
    ):
        (folder / name).write_bytes(data)
        yield Case(folder / name, reason=reason)


def _cut_off(folder: Path) -> Iterator[Case]:
    big = Image.fromarray(noise(410, 120, 100))
    for suffix in ("png", "jpg", "webp", "gif", "bmp", "tga", "jp2", "avif", "ppm", "qoi"):
        path = folder / f"cut-off.{suffix}"
        big.save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
        yield Case(path, reason=".")
    deep = noise(411, 120, 100, 3, np.uint16)
    (folder / "cut-off16.png").write_bytes(plain(deep)[:50_000])
    yield Case(folder / "cut-off16.png", reason="damaged")
    (folder / "cut-off16.jp2").write_bytes(imagecodecs.jpeg2k_encode(deep, level=0, codecformat="jp2")[:30_000])
    yield Case(folder / "cut-off16.jp2", reason=".")
    (folder / "cut-off16.ppm").write_bytes(b"P6 100 120 65535\n" + deep.astype(">u2").tobytes()[:50_000])
    yield Case(folder / "cut-off16.ppm", reason="cut off")
    for compression in (None, "zlib", "lzw"):
        for pixels in (deep, (deep >> 8).astype(np.uint8)):
            path = folder / f"cut-off-{compression}{pixels.itemsize * 8}.tif"
            tifffile.imwrite(path, pixels, photometric="rgb", compression=compression)
            path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
            yield Case(path, reason=".")


def _bombs(folder: Path) -> Iterator[Case]:
    rows = zlib.compress(bytes(100_000), 9)
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, RGB, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    (folder / "bomb.png").write_bytes(bomb)
    yield Case(folder / "bomb.png", reason="60000x60000")
    (folder / "bomb16.png").write_bytes(png(50_000, 50_000, 16, RGB, bytes(10)))
    yield Case(folder / "bomb16.png", reason="50000x50000")
    (folder / "bomb.gif").write_bytes(_gif(65535, 65535))
    yield Case(folder / "bomb.gif", reason="65535x65535")
    (folder / "bomb.ppm").write_bytes(b"P6\n99999 99999\n255\n")
    yield Case(folder / "bomb.ppm", reason="99999x99999")
    for name, bits in (("bomb.tif", 8), ("bomb16.tif", 16)):
        (folder / name).write_bytes(_tiff(100_000, 100_000, bits, 3))
        yield Case(folder / name, reason="100000x100000")
    bmp = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, 40_000, 40_000, 1, 24, 0, 0, 0, 0, 0, 0)
    (folder / "bomb.bmp").write_bytes(bmp)
    yield Case(folder / "bomb.bmp", reason="40000x40000")


def _inconsistent(folder: Path) -> Iterator[Case]:
    pixels = noise(420, 30, 30)
    sound = plain(pixels)
    for name, data in (
        ("bad-checksum.png", sound[:20] + b"\xff" + sound[21:]),
        ("no-pixels.png", sound[:33] + chunk(b"IEND", b"")),
        ("garbled.png", sound[:200] + b"\0" * 300 + sound[500:]),
        ("no-palette.png", png(4, 4, 8, PALETTE, unfiltered(noise(421, 4, 4, 1)))),
        ("few-rows.png", png(30, 300, 8, RGB, unfiltered(pixels))),
        ("few-rows16.png", png(30, 300, 16, RGB, unfiltered(noise(422, 30, 30, 3, np.uint16)))),
        ("no-size.png", png(0, 5, 8, RGB, b"")),
        ("odd-depth.png", png(5, 5, 7, RGB, bytes(200))),
        ("no-size.tif", _tiff(0, 0, 16, 3)),
        ("short16.tif", _tiff(1000, 1000, 16, 3)),
        ("short8.tif", _tiff(1000, 1000, 8, 3)),
        ("many-samples.tif", _tiff(10, 10, 16, 60_000)),
    ):
        (folder / name).write_bytes(data)
        yield Case(folder / name, reason=".")


def _gif(width: int, height: int) -> bytes:
    """Return a GIF file of that stated size with one black pixel."""
    pixel = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0;"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + pixel


def _tiff(width: int, height: int, bits: int, samples: int) -> bytes:
    """Return a TIFF header with 16 bytes of pixels, regardless of the stated size."""
    entries = (
        (256, 4, width),
        (257, 4, height),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, 2),
        (273, 4, 200),
        (277, 3, samples),
        (278, 4, height),
        (279, 4, 16),
    )
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return (b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)).ljust(200, b"\0") + bytes(16)
