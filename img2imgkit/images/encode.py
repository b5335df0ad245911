"""Write a picture in a format: at its full depth where the format holds it, with everything that was said beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from img2imgkit.config import Config, suggestion
from img2imgkit.errors import EncodeError
from img2imgkit.images import format_support, profiles, writers
from img2imgkit.images.exif_block import sized
from img2imgkit.images.formats import readable, writable
from img2imgkit.images.picture import Metadata, Picture

_NAMES = {"exif": "EXIF data", "xmp": "XMP data", "iptc": "IPTC data", "text": "texts"}
_JPEG_SEGMENT = 65_000  # a segment's 64 KiB less its names


class EncodeOptions(Config):
    """How a picture is written; what does not concern a format is ignored there."""

    metadata: Literal["keep", "strip"] = Field(
        default="keep", description="EXIF, XMP, IPTC, texts and resolution: keep them, or leave them out"
    )
    icc: Literal["keep", "srgb", "strip"] = Field(
        default="keep",
        description="the ICC profile: keep it, convert the colours to sRGB, or leave it out without converting",
    )
    quality: int = Field(
        default=92,
        ge=1,
        le=100,
        description="of JPEG, AVIF and lossy WebP; from 90 on, JPEG keeps colours at full size",
    )
    lossless: bool = Field(default=True, description="write WebP without loss; quality does not count then")
    compression: int = Field(
        default=4,  # on photographs a quarter of the time of 6, for files 5 % larger
        ge=0,
        le=9,
        description="effort for PNG and TIFF: 0 is fast and large, 9 slow and small",
    )


@dataclass(frozen=True)
class Encoded:
    """A finished file: its bytes, the mode it was written in, and what was left out or changed."""

    data: bytes
    mode: str
    notes: tuple[str, ...] = ()


def encode(picture: Picture, format: str, options: EncodeOptions | None = None) -> Encoded:
    """The picture as the bytes of a file.

    Raises:
        EncodeError: the format is not written here, or cannot hold the picture; the text names the way out.
    """
    options = options or EncodeOptions()
    if format not in writable():
        raise EncodeError(_no_such(format))
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


def _written(picture: Picture, format: str, options: EncodeOptions) -> Encoded:
    """Write it; where that fails with metadata and works without, they are the loss, not the picture."""
    quality, lossless, compression = options.quality, options.lossless, options.compression
    try:
        data, mode, notes = writers.write(picture, format, quality, lossless, compression)
    except Exception as error:
        bare = replace(picture, metadata=Metadata(icc=picture.metadata.icc))
        if bare.metadata == picture.metadata:
            raise
        data, mode, notes = writers.write(bare, format, quality, lossless, compression)
        notes = (*notes, f"EXIF, XMP, IPTC, texts and resolution were left out: {' '.join(str(error).split())}")
    return Encoded(data, mode, (*picture.notes, *notes))


def _no_such(format: str) -> str:
    if format in readable():
        return f"{format} can be read but not written here; choose one of {', '.join(sorted(writable()))}"
    return f"unknown format {format!r}{suggestion(format, writable())}"


def _by_policy(picture: Picture, options: EncodeOptions) -> Picture:
    if options.metadata == "strip":
        said = picture.metadata
        picture = replace(picture, metadata=Metadata(icc=said.icc, colour_chunks=said.colour_chunks))
    if options.icc == "srgb":
        return profiles.to_srgb(picture)
    return profiles.without_profile(picture) if options.icc == "strip" else picture


def _with_metadata(picture: Picture, format: str) -> Picture:
    """Leave out what the format, or the picture as it has become, cannot carry; every loss is a note."""
    said, can = picture.metadata, format_support.FORMATS[format]
    losses: list[str] = []
    if said.icc is not None and (loss := _profile_loss(said.icc, picture, format)):
        losses, said = [*losses, loss], replace(said, icc=None)
    if format != "PNG":
        meaning = ", ".join(name.decode() for name, _ in said.colour_chunks if name != b"sRGB")
        losses += [f"{format} has no place for PNG's {meaning}; colours may look different"] if meaning else []
        said = replace(said, colour_chunks=())
    for field, name in _NAMES.items():
        if getattr(said, field) and not getattr(can, field):
            losses, said = [*losses, f"{format} holds no {name}"], _cleared(said, field)
        elif format == "JPEG" and _length(getattr(said, field)) > _JPEG_SEGMENT:
            losses, said = [*losses, f"the {name} are larger than JPEG holds"], _cleared(said, field)
    if said.exif:
        try:
            said = replace(said, exif=sized(said.exif, picture.width, picture.height))
        except ValueError as error:
            losses, said = [*losses, f"EXIF data were left out: {error}"], replace(said, exif=None)
    return replace(picture, metadata=said, notes=(*picture.notes, *losses))


def _profile_loss(icc: bytes, picture: Picture, format: str) -> str:
    if not format_support.FORMATS[format].icc:
        return f"{format} holds no ICC profile; colours may look different (icc: srgb converts them)"
    space = profiles.space_of(icc)
    if space is None:
        return "the ICC profile is damaged and was left out"
    return "" if space == picture.space else "the ICC profile does not fit the colours and was left out"


def _length(value: bytes | Mapping[str, str] | None) -> int:
    return len(value) if isinstance(value, bytes) else len((value or {}).get("Comment", "").encode())


def _cleared(said: Metadata, field: str) -> Metadata:
    return replace(said, **{field: {} if field == "text" else None})  # type: ignore[arg-type]
