"""PNG files of the corpus, written byte by byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from corpus import Case, good, noise

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(name: bytes, data: bytes) -> bytes:
    """A PNG chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    width: int, height: int, bits: int, colour: int, rows: bytes, *before: bytes, interlaced: bool = False
) -> bytes:
    """A PNG file; ``before`` are chunks that precede the pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(before)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def unfiltered(pixels: np.ndarray) -> bytes:
    """Rows of (H, W, C) or (H, bytes) levels, each preceded by filter type 0."""
    return b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels)


def plain(pixels: np.ndarray, *before: bytes) -> bytes:
    """A PNG file of 8- or 16-bit pixels."""
    height, width, channels = pixels.shape
    colour = {1: GREY, 2: GREY_ALPHA, 3: RGB, 4: RGB_ALPHA}[channels]
    return png(width, height, pixels.dtype.itemsize * 8, colour, unfiltered(pixels), *before)


def packed(indices: np.ndarray, bits: int) -> bytes:
    """Rows of (H, W) indices of 1, 2, 4 or 8 bits."""
    spread = np.unpackbits(indices.astype(np.uint8)[..., None], axis=2)[..., 8 - bits :]
    return unfiltered(np.packbits(spread.reshape(len(indices), -1), axis=1))


def files(folder: Path) -> Iterator[Case]:
    """All kinds of PNG files."""
    for number, (channels, dtype) in enumerate((c, d) for c in (1, 2, 3, 4) for d in (np.uint8, np.uint16)):
        pixels = noise(number, 7, 5, channels, dtype)
        path = folder / f"png-{channels}x{dtype(0).itemsize * 8}.png"
        path.write_bytes(plain(pixels))
        yield good(path, pixels)
    yield from _special(folder)
    yield from _few_bits(folder)
    yield from _colour_keyed(folder)
    yield from _palettes(folder)


def _special(folder: Path) -> Iterator[Case]:
    dark = noise(20, 9, 9, 3, np.uint16) >> 8  # a 16-bit picture that looks like an 8-bit one
    yield _put(folder / "png-dark-rgb16.png", plain(dark), dark)
    dark = noise(21, 9, 9, 1, np.uint16) >> 9
    yield _put(folder / "png-dark-grey16.png", plain(dark), dark)
    deep = noise(22, 11, 13, 3, np.uint16)
    rows = b"".join(unfiltered(deep[y::dy, x::dx]) for x, y, dx, dy in ADAM7)
    yield _put(folder / "png-interlaced16.png", png(13, 11, 16, RGB, rows, interlaced=1), deep)
    for width, height in ((1, 1), (1, 300), (300, 1), (2, 3)):
        pixels = noise(width, height, width)
        yield _put(folder / f"png-{width}by{height}.png", plain(pixels), pixels)
    pixels = noise(23, 6, 6)
    texts = (
        chunk(b"gAMA", struct.pack(">I", 100000))
        + chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1))
        + chunk(b"tEXt", b"Author\0J\xfcrgen")
        + chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"packed"))
        + chunk(b"iTXt", b"Title\0\0\0de\0Titel\0" + "ἀρχή".encode())
    )
    yield _put(folder / "png-many-texts.png", plain(pixels, texts), pixels)
    yield _put(folder / "png-odd-icc.png", plain(pixels, chunk(b"iCCP", b"x\0\0junk")), pixels, "ICC profile")
    yield _put(folder / "png-odd-exif.png", plain(pixels, chunk(b"eXIf", b"no block at all")), pixels, "EXIF")
    huge = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(20 << 20), 9))  # 20 MiB of text in 20 KiB
    yield _put(folder / "png-text-bomb.png", plain(noise(24, 6, 6, 3, np.uint16), huge), noise(24, 6, 6, 3, np.uint16))


def _few_bits(folder: Path) -> Iterator[Case]:
    for bits in (1, 2, 4):
        levels = noise(30 + bits, 9, 11, 1)[..., 0] >> (8 - bits)
        pixels = (levels * (255 // ((1 << bits) - 1)))[..., None].astype(np.uint8)
        yield _put(folder / f"png-grey{bits}.png", png(11, 9, bits, GREY, packed(levels, bits)), pixels)
        key = int(levels[3, 4])
        alpha = np.where(levels == key, 0, 255)[..., None].astype(np.uint8)
        data = png(11, 9, bits, GREY, packed(levels, bits), chunk(b"tRNS", struct.pack(">H", key)))
        yield _put(folder / f"png-grey{bits}-keyed.png", data, np.concatenate([pixels, alpha], axis=2))


def _colour_keyed(folder: Path) -> Iterator[Case]:
    for channels, dtype in ((1, np.uint8), (3, np.uint8), (1, np.uint16), (3, np.uint16)):
        pixels = noise(40 + channels, 8, 8, channels, dtype)
        pixels[2:4, 2:4] = pixels[0, 0]
        key = struct.pack(f">{channels}H", *pixels[0, 0].tolist())
        hidden = (pixels == pixels[0, 0]).all(axis=2, keepdims=True)
        alpha = np.where(hidden, 0, np.iinfo(dtype).max).astype(dtype)
        path = folder / f"png-{channels}x{dtype(0).itemsize * 8}-keyed.png"
        yield _put(path, plain(pixels, chunk(b"tRNS", key)), np.concatenate([pixels, alpha], axis=2))


def _palettes(folder: Path) -> Iterator[Case]:
    table = noise(50, 256, 1)[:, 0]
    for bits in (1, 2, 4, 8):
        indices = noise(51 + bits, 10, 13, 1)[..., 0] >> (8 - bits)
        colours = chunk(b"PLTE", table[: 1 << bits].tobytes())
        data = png(13, 10, bits, PALETTE, packed(indices, bits), colours)
        yield _put(folder / f"png-palette{bits}.png", data, table[indices])
    indices = noise(60, 10, 13, 1)[..., 0]
    colours, alphas = chunk(b"PLTE", table.tobytes()), noise(61, 200, 1, 1)[:, 0, 0]
    data = png(13, 10, 8, PALETTE, packed(indices, 8), colours, chunk(b"tRNS", alphas.tobytes()))
    alpha = np.append(alphas, np.full(56, 255, np.uint8))[indices][..., None]
    yield _put(folder / "png-palette-alphas.png", data, np.concatenate([table[indices], alpha], axis=2))
    single = np.where(np.arange(256) == 7, 0, 255).astype(np.uint8)
    indices[0, :3] = 7
    data = png(13, 10, 8, PALETTE, packed(indices, 8), colours, chunk(b"tRNS", single[:8].tobytes()))
    both = np.concatenate([table[indices], single[indices][..., None]], axis=2)
    yield _put(folder / "png-palette-one-clear.png", data, both)
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    data = png(13, 10, 8, PALETTE, packed(indices, 8), chunk(b"PLTE", greys.tobytes()))
    yield _put(folder / "png-palette-greys.png", data, indices[..., None])


def _put(path: Path, data: bytes, pixels: np.ndarray, note: str = "") -> Case:
    path.write_bytes(data)
    return good(path, pixels, note=note)
