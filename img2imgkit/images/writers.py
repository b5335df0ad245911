"""One writer per format, for pictures whose space, depth, alpha and metadata the format supports."""

from __future__ import annotations

import io
import struct
from typing import IO, Any, NamedTuple

import imagecodecs
import numpy as np
from PIL import Image, TiffImagePlugin

from img2imgkit.images import (
    colour_numbers,
    heif_boxes,
    metadata,
    png_chunks,
    png_rows,
    png_write,
    tiff,
    tiff_strips,
    tiff_tags,
)
from img2imgkit.images.format_support import FORMATS
from img2imgkit.images.palette import indexed, quantised
from img2imgkit.images.picture import Picture

_LOSSLESS_EFFORT = 20  # of WebP: half the time of 80 with files up to 3 % larger
_BMP_HEADER = 124
_BMP_BITFIELDS = 3
_BMP_MASKS = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
_BMP_SRGB = b"BGRs"
_AVIF_SPEED = 6  # as Pillow; slower levels save some percent


def bmp_bytes(pixels: np.ndarray, dpi: tuple[float, float] | None) -> bytes:
    """Return the bytes of a BMP file.

    Shapes:
        pixels: (H, W, 4), uint8: red, green, blue, alpha
    """
    height, width, _ = pixels.shape
    data = np.ascontiguousarray(pixels[::-1, :, [2, 1, 0, 3]]).tobytes()
    across, down = (round(dots / 0.0254) for dots in dpi or (96, 96))
    offset = 14 + _BMP_HEADER
    info = struct.pack(
        "<IiiHHIIiiII", _BMP_HEADER, width, height, 1, 32, _BMP_BITFIELDS, len(data), across, down, 0, 0
    ) + struct.pack("<4I4s", *_BMP_MASKS, _BMP_SRGB)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + info.ljust(_BMP_HEADER, b"\0") + data


_MODES = {
    ("grey", False): "L",
    ("grey", True): "LA",
    ("rgb", False): "RGB",
    ("rgb", True): "RGBA",
    ("cmyk", False): "CMYK",
}


class Encoding(NamedTuple):
    """The bytes of a file, its mode, and notes on losses."""

    data: bytes
    mode: str
    notes: tuple[str, ...] = ()


def write(picture: Picture, format: str, quality: int, lossless: bool, compression: int) -> Encoding:
    """Encode a picture as the bytes of a file."""
    if format == "PNG":
        return _png(picture, compression)
    if format == "TIFF":
        return _tiff(picture, compression)
    if format == "GIF":
        return _gif(picture)
    if picture.depth == 16:
        return {"PPM": _netpbm, "JPEG2000": _jpeg2000, "SGI": _sgi}[format](picture)
    if format == "BMP" and picture.alpha is not None:
        return Encoding(bmp_bytes(_stacked(picture), picture.metadata.dpi), "RGBA")
    image = _image(picture, format)
    exact = lossless and format == "AVIF"
    shell = Image.new(image.mode, image.size) if exact else image
    data = _saved(shell, format, _pillow_options(picture, format, quality, lossless))
    if exact:  # Pillow stores AVIF as YCbCr only, which rounds
        coded = imagecodecs.avif_encode(_stacked(picture), level=100, speed=_AVIF_SPEED)
        data = heif_boxes.with_coded_pictures(data, bytes(coded))
    if format == "JPEG" and picture.metadata.iptc:
        data = metadata.with_iptc(data, picture.metadata.iptc)
    if format == "AVIF" and (numbers := colour_numbers.numbers(picture.metadata)):
        data = heif_boxes.with_numbers(data, *numbers)
    return Encoding(data, image.mode)


IN_BANDS = ("PNG", "TIFF")


def write_in_bands(picture: Picture, format: str, compression: int, file: IO[bytes]) -> tuple[str, tuple[str, ...]]:
    """Encode a picture as PNG or TIFF to an empty file; return its mode, and notes on losses."""
    if format == "TIFF":
        tiff_strips.write(file, picture, _tiff_tags(picture), compression)
        return _mode(picture), ()
    chunks, notes = _png_chunks(picture)
    png_rows.write(file, picture, chunks, compression)
    return _mode(picture), notes


def _mode(picture: Picture) -> str:
    mode = {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}[picture.space] + ("" if picture.alpha is None else "A")
    if picture.depth == 8:
        return mode
    return "I;16" if mode == "L" else f"{mode};16"


def _is_bilevel(picture: Picture) -> bool:
    """Whether a picture was read with 1 bit per pixel and still needs no more."""
    if picture.mode != "1" or picture.space != "grey" or picture.alpha is not None or picture.depth != 8:
        return False
    return bool(((picture.color == 0) | (picture.color == 255)).all())


def _stacked(picture: Picture) -> np.ndarray:
    stacked = picture.color if picture.alpha is None else np.concatenate([picture.color, picture.alpha], axis=2)
    return np.ascontiguousarray(stacked)  # codecs do not support views


def _image(picture: Picture, format: str) -> Image.Image:
    """Convert to a Pillow image, in the mode of the original file if possible."""
    small = _small_image(picture, format)
    if small is not None:
        return small
    mode = _MODES[picture.space, picture.alpha is not None]
    return Image.frombuffer(mode, (picture.width, picture.height), _stacked(picture), "raw", mode, 0, 1)


def _small_image(picture: Picture, format: str) -> Image.Image | None:
    """Return a 1-bit or palette image if the original was one, it still suffices, and the format supports it."""
    if FORMATS[format].bilevel and _is_bilevel(picture):
        return Image.fromarray(np.ascontiguousarray(picture.color[..., 0])).convert("1")
    may_be_palette = FORMATS[format].palette and (picture.alpha is None or format == "PNG")
    if may_be_palette and picture.mode == "P" and (found := indexed(picture)):
        return found.image(picture.alpha is not None)
    return None


def _saved(image: Image.Image, format: str, options: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def _pillow_options(picture: Picture, format: str, quality: int, lossless: bool) -> dict[str, Any]:
    kept, support = picture.metadata, FORMATS[format]
    options: dict[str, Any] = {}
    if kept.icc and support.icc:
        options["icc_profile"] = kept.icc
    if kept.exif and support.exif:
        options["exif"] = b"Exif\0\0" + kept.exif if format == "JPEG" else kept.exif
    if kept.xmp and support.xmp:
        options["xmp"] = kept.xmp
    if kept.dpi and support.dpi:
        options["dpi"] = kept.dpi
    if support.text and (comment := kept.text.get("Comment")):
        options["comment"] = comment.encode()
    if format == "AVIF" and lossless:
        options |= {"quality": 100, "subsampling": "4:4:4", "speed": 10}
    elif format in ("JPEG", "AVIF"):
        options |= {"quality": quality, "subsampling": ("4:4:4" if quality >= 90 else "4:2:0")}
    if format == "WEBP":
        effort = _LOSSLESS_EFFORT if lossless else quality
        options |= {"quality": effort, "lossless": lossless, "exact": True, "method": 4}
    return options


def _png(picture: Picture, compression: int) -> Encoding:
    small = _small_image(picture, "PNG") if picture.depth == 8 else None
    if small is not None:
        data, mode = _saved(small, "PNG", {"compress_level": compression}), small.mode
    else:
        data, mode = png_write.encode(_stacked(picture), compression), _mode(picture)
    chunks, notes = _png_chunks(picture)
    return Encoding(png_chunks.insert(data, chunks), mode, notes)


def _png_chunks(picture: Picture) -> tuple[list[png_chunks.Chunk], tuple[str, ...]]:
    kept, notes = picture.metadata, []
    chunks = list(kept.colour_chunks)
    if kept.icc:
        chunks = [(name, data) for name, data in chunks if name != b"sRGB"]  # PNG allows only one of the two
        chunks.append(png_chunks.profile_chunk(kept.icc))
    if kept.dpi:
        chunks.append(png_chunks.dpi_chunk(kept.dpi))
    if kept.exif:
        chunks.append((b"eXIf", kept.exif))
    if kept.xmp:
        chunks.append(png_chunks.text_chunk(png_chunks.XMP_KEY, kept.xmp.decode("utf-8", "replace")))
    for key, text in kept.text.items():
        try:
            chunks.append(png_chunks.text_chunk(key, text))
        except ValueError as error:
            notes.append(f"a text was left out: {error}")
    return chunks, tuple(notes)


def _gif(picture: Picture) -> Encoding:
    if picture.space == "grey" and picture.alpha is None and picture.mode != "P":
        image, notes = _image(picture, "GIF"), tuple[str, ...]()
    else:
        image, notes = quantised(picture)
    return Encoding(_saved(image, "GIF", _pillow_options(picture, "GIF", 0, True)), image.mode, notes)


def _tiff(picture: Picture, compression: int) -> Encoding:
    tags = _tiff_tags(picture)
    if _is_bilevel(picture):
        return Encoding(tiff.write(picture.color, "grey", tags, bits=1, alpha=False, level=compression), "1")
    found = indexed(picture) if picture.mode == "P" else None
    if found and (found.table[:, 3] == 255).all():  # a TIFF palette has no alpha
        table = np.zeros((256, 3), np.uint16)
        table[: len(found.table)] = found.table[:, :3].astype(np.uint16) * 257
        tags[320] = tuple(table.T.ravel().tolist())
        data = tiff.write(found.indices[..., None], "palette", tags, bits=8, alpha=False, level=compression)
        return Encoding(data, "P")
    alpha = picture.alpha is not None
    data = tiff.write(_stacked(picture), picture.space, tags, bits=picture.depth, alpha=alpha, level=compression)
    return Encoding(data, _mode(picture))


def _tiff_tags(picture: Picture) -> TiffImagePlugin.ImageFileDirectory_v2:
    kept = picture.metadata
    tags = tiff_tags.of_exif(kept.exif) if kept.exif else TiffImagePlugin.ImageFileDirectory_v2()
    if kept.dpi:
        tags[282], tags[283] = (TiffImagePlugin.IFDRational(round(dots * 10000), 10000) for dots in kept.dpi)
        tags[296] = 2
    if kept.icc:
        tags[tiff_tags.ICC_TAG] = kept.icc
    if kept.xmp:
        tags[tiff_tags.XMP_TAG] = kept.xmp
    if kept.iptc:
        tags[tiff_tags.IPTC_TAG] = kept.iptc
    return tags


def _netpbm(picture: Picture) -> Encoding:
    """Encode 16-bit PGM or PPM: a text header, then big-endian levels."""
    kind = "P5" if picture.space == "grey" else "P6"
    head = f"{kind}\n{picture.width} {picture.height}\n65535\n".encode()
    return Encoding(head + picture.color.astype(">u2").tobytes(), _mode(picture))


def _jpeg2000(picture: Picture) -> Encoding:
    """Encode lossless 16-bit JP2."""
    data = imagecodecs.jpeg2k_encode(_stacked(picture), level=0, codecformat="jp2", reversible=True)
    return Encoding(bytes(data), _mode(picture))


def _sgi(picture: Picture) -> Encoding:
    """Encode 16-bit SGI: a 512-byte header, then big-endian planes of rows from bottom to top."""
    planes = np.moveaxis(_stacked(picture)[::-1], -1, 0)
    sides = (2 if len(planes) == 1 else 3, picture.width, picture.height, len(planes))
    head = struct.pack(">HBBHHHHII", 474, 0, 2, *sides, 0, 65535).ljust(512, b"\0")
    return Encoding(head + planes.astype(">u2").tobytes(), _mode(picture))
