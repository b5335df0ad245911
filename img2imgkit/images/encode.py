"""Write a picture in a format: at its full depth where the format holds it, with everything that was said beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from img2imgkit.config import Config, suggestion
from img2imgkit.errors import EncodeError
from img2imgkit.images import holds, profiles, writers
from img2imgkit.images.exif_block import sized
from img2imgkit.images.formats import readable, writable
from img2imgkit.images.holds import noted
from img2imgkit.images.picture import Metadata, Picture


class EncodeOptions(Config):
    """How a picture is written; what does not concern a format is ignored there."""

    metadata: Literal["keep", "strip"] = Field(
        default="keep", description="EXIF, XMP, texts and resolution: keep them, or leave them out"
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
    lossless: bool = Field(default=True, description="write WebP without loss")
    compression: int = Field(
        default=6, ge=0, le=9, description="effort for PNG and TIFF: 0 is fast and large, 9 slow and small"
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
        fitted = holds.fit(_by_policy(fresh, options), format)
        fitted = _with_metadata(fitted, format)
        data, mode = writers.write(fitted, format, options.quality, options.lossless, options.compression)
    except EncodeError:
        raise
    except MemoryError as error:
        raise EncodeError(f"not enough memory to write it as {format}") from error
    except Exception as error:
        raise EncodeError(f"cannot be written as {format}: {' '.join(str(error).split())}") from error
    return Encoded(data, mode, fitted.notes)


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
    said, can = picture.metadata, holds.FORMATS[format]
    if said.icc is not None:
        if not can.icc:
            picture, said = (
                noted(picture, f"{format} holds no ICC profile; colours may look different"),
                replace(said, icc=None),
            )
        elif profiles.space_of(said.icc) not in (picture.space, None):
            picture, said = noted(picture, "the ICC profile no longer fits and was left out"), replace(said, icc=None)
    if said.colour_chunks and format != "PNG":
        meaningful = [name.decode() for name, _ in said.colour_chunks if name != b"sRGB"]
        if meaningful:
            picture = noted(
                picture, f"{format} has no place for PNG's {', '.join(meaningful)}; colours may look different"
            )
        said = replace(said, colour_chunks=())
    for field in ("exif", "xmp", "text"):
        if getattr(said, field) and not getattr(can, field):
            picture, said = noted(picture, f"{format} holds no {field.upper()}; it was left out"), _cleared(said, field)
    if said.exif:
        try:
            said = replace(said, exif=sized(said.exif, picture.width, picture.height))
        except ValueError as error:
            picture, said = noted(picture, f"EXIF was left out: {error}"), replace(said, exif=None)
    return replace(picture, metadata=said)


def _cleared(said: Metadata, field: str) -> Metadata:
    return replace(said, **{field: {} if field == "text" else None})  # type: ignore[arg-type]
