"""Encode a picture in a format, at full depth and with metadata as far as the format supports them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import IO, Annotated, Literal

from pydantic import Field

from img2imgkit.config import Config, suggestion
from img2imgkit.errors import EncodeError
from img2imgkit.images import colour_numbers, format_support, pixel_metadata, profiles, scratch, writers
from img2imgkit.images.formats import readable, writable
from img2imgkit.images.picture import Metadata, Picture

_NAMES = {"exif": "EXIF data", "xmp": "XMP data", "iptc": "IPTC data", "text": "texts"}
DEFAULT_QUALITY = 92
_JPEG_SEGMENT = 65_000  # 64 KiB of a segment, minus its identifiers


class EncodeOptions(Config):
    """How to write a picture; options that do not apply to a format are ignored."""

    metadata: Literal["keep", "strip"] = Field(
        default="keep", description="EXIF, XMP, IPTC, texts and resolution: keep or remove them"
    )
    icc: Literal["keep", "srgb", "strip"] = Field(
        default="keep",
        description="the meaning of the colours (ICC profile, or numbers): keep it, convert the colours to sRGB, or "
        "remove it without converting",
    )
    quality: Annotated[int, Field(ge=1, le=100)] | Literal["same"] = Field(
        default=DEFAULT_QUALITY,
        description="for JPEG, AVIF and lossy WebP, from 1 to 100; from 90, colours are stored at full resolution. "
        "'same': that of the input, estimated from its quantizers, for JPEG, WebP and AVIF that keep their format; "
        "lossless AVIF stays lossless",
    )
    lossless: bool | Literal["same"] = Field(
        default="same",
        description="write lossless WebP and AVIF, ignoring quality; 'same': WebP unless the input is lossy WebP, and "
        "AVIF if the input is lossless AVIF and 'quality' is 'same'",
    )
    compression: int = Field(
        default=4,  # for photographs, a quarter of the time of 6 with files 5 % larger
        ge=0,
        le=9,
        description="for PNG and TIFF: 0 is fast with large files, 9 slow with small ones",
    )


@dataclass(frozen=True)
class Encoded:
    """An encoded file: its bytes, its mode, and notes on losses and conversions."""

    data: bytes
    mode: str
    notes: tuple[str, ...] = ()


def encode(picture: Picture, format: str, options: EncodeOptions | None = None) -> Encoded:
    """Encode a picture as the bytes of a file.

    Raises:
        EncodeError: the format is not supported, or cannot store the picture; the message suggests a remedy.
    """
    options = options or EncodeOptions()
    if format not in writable():
        raise EncodeError(_unsupported(format))
    fresh = replace(picture, notes=())
    try:
        fitted = _with_metadata(format_support.fit(_by_policy(fresh, options), format), format)
        return _written(fitted, format, options)
    except EncodeError:
        raise
    except MemoryError as error:
        raise EncodeError(f"not enough memory to write it as {format}") from error
    except Exception as error:
        raise EncodeError(f"cannot be written as {format}: {' '.join(str(error).split())}") from error


@dataclass(frozen=True)
class EncodedFile:
    """An encoded file of a large picture: an unnamed temporary file, its mode, and notes on losses and conversions."""

    file: IO[bytes]
    mode: str
    notes: tuple[str, ...] = ()


def encode_in_bands(picture: Picture, format: str, options: EncodeOptions) -> EncodedFile | None:
    """Encode a large picture as PNG or TIFF, few rows at a time; None if it is not large, or ``encode`` must do it.

    The pixels in the file are those that ``encode`` writes.

    Raises:
        EncodeError: the format cannot store the picture, or the temporary folder is full.
    """
    size = picture.color.nbytes + (0 if picture.alpha is None else picture.alpha.nbytes)
    if format not in writers.IN_BANDS or picture.mode in ("1", "P") or not scratch.is_large(size):
        return None
    fresh = replace(picture, notes=())
    try:
        fitted = _with_metadata(format_support.fit(_by_policy(fresh, options), format), format)
        with ExitStack() as opened:
            file = opened.enter_context(scratch.temporary_file())
            mode, notes = writers.write_in_bands(fitted, format, options.compression, file)
            opened.pop_all()
        return EncodedFile(file, mode, (*fitted.notes, *notes))
    except EncodeError:
        raise
    except OSError as error:
        raise EncodeError(f"cannot be written as {format} to the temporary folder: {error.strerror}") from error
    except Exception as error:
        raise EncodeError(f"cannot be written as {format}: {' '.join(str(error).split())}") from error


def _written(picture: Picture, format: str, options: EncodeOptions) -> Encoded:
    """Encode it; if that fails only because of metadata, leave them out rather than fail."""
    quality, unknown = _quality(picture, format, options)
    lossless, compression = _lossless(picture, format, options), options.compression
    try:
        data, mode, notes = writers.write(picture, format, quality, lossless, compression)
    except Exception as error:
        bare = replace(picture, metadata=Metadata(icc=picture.metadata.icc))
        if bare.metadata == picture.metadata:
            raise
        data, mode, notes = writers.write(bare, format, quality, lossless, compression)
        notes = (*notes, f"EXIF, XMP, IPTC, texts and resolution were left out: {_reason(error)}")
    used = unknown if format == "JPEG" or (format in ("AVIF", "WEBP") and not lossless) else ()
    return Encoded(data, mode, (*picture.notes, *notes, *used))


def _quality(picture: Picture, format: str, options: EncodeOptions) -> tuple[int, tuple[str, ...]]:
    """Return the quality to write, and a note if that of the input is wanted, but not known."""
    if options.quality != "same":
        return options.quality, ()
    if picture.quality is not None and picture.format == format:
        return picture.quality, ()
    return DEFAULT_QUALITY, (f"the input states no quality of {format}, the default was used: {DEFAULT_QUALITY}",)


def _lossless(picture: Picture, format: str, options: EncodeOptions) -> bool:
    if options.lossless != "same":
        return options.lossless
    if format == "AVIF":
        return options.quality == "same" and picture.format == format and not picture.lossy
    return not (picture.lossy and picture.format == format)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).replace("; ", ", ")  # "; " separates notes


def _unsupported(format: str) -> str:
    if format in readable():
        return f"{format} can be read but not written; choose one of {', '.join(sorted(writable()))}"
    return f"unknown format {format!r}{suggestion(format, writable())}"


def _by_policy(picture: Picture, options: EncodeOptions) -> Picture:
    if options.metadata == "strip":
        colours = Metadata(icc=picture.metadata.icc, colour_chunks=picture.metadata.colour_chunks)
        picture = replace(picture, metadata=colours)
    if options.icc == "srgb":
        return profiles.to_srgb(picture)
    return profiles.without_profile(picture) if options.icc == "strip" else picture


def _with_metadata(picture: Picture, format: str) -> Picture:
    """Remove metadata that the format or the converted picture cannot have; each loss is a note."""
    kept, support = picture.metadata, format_support.FORMATS[format]
    losses: list[str] = []
    if kept.icc is not None and (loss := _profile_loss(kept.icc, picture, format)):
        losses, kept = [*losses, loss], replace(kept, icc=None)
    kept, notes = _with_colours(kept, picture, format)
    losses += notes
    for field, name in _NAMES.items():
        if getattr(kept, field) and not getattr(support, field):
            losses, kept = [*losses, f"{format} cannot store {name}"], _cleared(kept, field)
        elif format == "JPEG" and _length(getattr(kept, field)) > _JPEG_SEGMENT:
            losses, kept = [*losses, f"the {name} were left out: too large for JPEG"], _cleared(kept, field)
    kept, left_out = pixel_metadata.converted(replace(picture, metadata=kept))
    return replace(picture, metadata=kept, notes=(*picture.notes, *losses, *left_out))


def _with_colours(kept: Metadata, picture: Picture, format: str) -> tuple[Metadata, list[str]]:
    """Store colours that are stated as numbers as such, or as a profile; what neither can say is noted."""
    colours = colour_numbers.stated(kept)
    support = format_support.FORMATS[format]
    if colours is None:
        return (kept if format == "PNG" else replace(kept, colour_chunks=())), []
    has_numbers = colour_numbers.numbers(kept) is not None
    if format == "PNG" or (format == "AVIF" and has_numbers):
        hdr = f"{colours.hdr} (HDR) has only 8 bits per channel: gradients may show steps"
        return kept, [hdr] if colours.hdr and (picture.depth == 8 or not support.high_depth) else []
    icc = colour_numbers.profile(colours, picture.space) if support.icc else None
    kept = replace(kept, icc=icc or kept.icc, colour_chunks=())
    if icc is not None:
        return kept, [f"{format} states the colours by an ICC profile instead of numbers: {colours.name}"]
    kind = f"HDR colours ({colours.hdr})" if colours.hdr else "colours stated by numbers"
    return kept, [f"{format} cannot store {kind}, they will look different (icc: srgb converts them): {colours.name}"]


def _profile_loss(icc: bytes, picture: Picture, format: str) -> str:
    if not format_support.FORMATS[format].icc:
        return f"{format} cannot store an ICC profile, colours may look different (icc: srgb converts them)"
    space = profiles.space_of(icc)
    if space is None:
        return "the ICC profile is damaged and was left out"
    return "" if space == picture.space else "the ICC profile does not match the colour space and was left out"


def _length(value: bytes | Mapping[str, str] | None) -> int:
    return len(value) if isinstance(value, bytes) else len((value or {}).get("Comment", "").encode())


def _cleared(kept: Metadata, field: str) -> Metadata:
    return replace(kept, **{field: {} if field == "text" else None})  # type: ignore[arg-type]
