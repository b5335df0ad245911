"""Parse the metadata of every format into a ``Metadata``, with the orientation removed."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import BinaryIO, NamedTuple, TypeVar

from PIL import Image

from img2imgkit.images import (
    colour_headers,
    colour_numbers,
    exif_block,
    left_behind,
    png_chunks,
    tiff_pages,
    tiff_tags,
)
from img2imgkit.images.affine import Placement
from img2imgkit.images.picture import Metadata
from img2imgkit.images.tiff_tags import ICC_TAG, IPTC_TAG, LAYOUT_TAGS, RESOLUTION_TAGS, XMP_TAG

COLOUR_CHUNKS = (b"cICP", b"sRGB", b"gAMA", b"cHRM")
_PHOTOSHOP_THUMBNAILS = frozenset({0x0409, 0x040C})
_IPTC_RESOURCE = 0x0404  # among Photoshop's resources, which JPEG files store in the APP13 segment
_C2PA_TAG = 52545
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>\s*))([1-8])")
_RAW_PROFILES = ("Raw profile type exif", "Raw profile type APP1", "Raw profile type xmp", "Raw profile type icc")


class ParsedMetadata(NamedTuple):
    """Metadata with the orientation reset.

    Attributes:
        orientation: the original one
        notes: on what could not be kept
        placement: of the decoded pixels, if it is more than the orientation
    """

    metadata: Metadata
    orientation: int = 1
    notes: tuple[str, ...] = ()
    placement: Placement | None = None


Source = TypeVar("Source")


def parsed_or_empty(reader: Callable[[Source], ParsedMetadata], source: Source) -> ParsedMetadata:
    """Return the parsed metadata; on failure empty metadata and a note, so that the picture can still be read."""
    try:
        return reader(source)
    except Exception as error:
        reason = " ".join(str(error).split()).replace("; ", ", ")  # "; " separates notes
        return ParsedMetadata(Metadata(), 1, (f"its metadata were left out: {reason}",))


def of_png(chunks: list[png_chunks.Chunk]) -> ParsedMetadata:
    """Parse the metadata chunks of a PNG file."""
    by_name = dict(reversed(chunks))
    text = dict(png_chunks.texts(chunks))
    xmp = text.pop(png_chunks.XMP_KEY, None)
    exif = by_name.get(b"eXIf") or _raw_profile(text.get("Raw profile type exif") or text.get("Raw profile type APP1"))
    icc, notes = None, tuple[str, ...]()
    if b"iCCP" in by_name:
        icc = png_chunks.profile(by_name[b"iCCP"])
        notes = () if icc else ("its ICC profile is damaged and was left out",)
    notes += (left_behind.CREDENTIALS,) if b"caBX" in by_name else ()
    return _upright(
        Metadata(
            icc=icc,
            exif=exif,
            xmp=xmp.encode() if xmp is not None else None,
            text={key: value for key, value in text.items() if key not in _RAW_PROFILES},
            dpi=_dots(png_chunks.dpi(by_name.get(b"pHYs", b""))),
            colour_chunks=tuple((name, by_name[name]) for name in COLOUR_CHUNKS if name in by_name),
        ),
        notes,
    )


def of_tiff(file: BinaryIO, whole: BinaryIO | None = None, alone: bool = True) -> ParsedMetadata:
    """Parse the tags of a TIFF file's picture.

    Args:
        file: the file with its picture as first page
        whole: the file as it is, if its first page is a thumbnail: the tags of that page are used as well, because
            cameras and scanners describe the picture there
        alone: whether there are no further pictures
    """
    notes: list[str] = []
    tags = tiff_tags.first_tags(file, notes)
    icc, xmp, iptc, dpi = tags.get(ICC_TAG), tags.get(XMP_TAG), tags.get(IPTC_TAG), _tiff_dots(tags)
    notes += _left_out(tags)
    if whole is not None:
        described = tiff_tags.first_tags(whole, notes)
        xmp, iptc = xmp or described.get(XMP_TAG), iptc or described.get(IPTC_TAG)
        tiff_tags.add_missing(tags, described)
    gamma, about_gamma = colour_headers.gamma_of(tags)
    notes += about_gamma
    if not alone and tiff_pages.states_pages(str(tags.get(270, "")).encode("utf-8", "replace")):
        del tags[270]
    for tag in (*LAYOUT_TAGS, *RESOLUTION_TAGS, _C2PA_TAG):
        tags.pop(tag, None)
    block = tiff_tags.block_of(tags, notes)
    return _upright(
        Metadata(icc=_bytes(icc), exif=block, xmp=_bytes(xmp), iptc=_bytes(iptc), dpi=dpi), tuple(notes), gamma
    )


def _left_out(tags: Image.Exif) -> tuple[str, ...]:
    notes = {37724: left_behind.LAYERS, _C2PA_TAG: left_behind.CREDENTIALS}
    return tuple(note for tag, note in notes.items() if tag in tags)


def of_image(image: Image.Image) -> ParsedMetadata:
    """Collect the metadata that Pillow found in a file of another format."""
    info = image.info
    exif, xmp, comment = info.get("exif"), info.get("xmp"), info.get("comment")
    resources = info.get("photoshop")
    notes = _resource_notes(resources) if isinstance(resources, dict) else ()
    if isinstance(comment, bytes):
        comment = _text(comment)
    return _upright(
        Metadata(
            icc=_bytes(info.get("icc_profile")),
            exif=exif.removeprefix(b"Exif\0\0") if isinstance(exif, bytes) and exif else None,
            xmp=_bytes(xmp),
            iptc=_bytes(resources.get(_IPTC_RESOURCE)) if isinstance(resources, dict) else None,
            text={"Comment": comment} if isinstance(comment, str) and comment else {},
            dpi=_dots(info.get("dpi")),
        ),
        notes,
    )


def of_blocks(icc: bytes | None, exif: bytes | None, xmp: bytes | None) -> ParsedMetadata:
    """Collect metadata that a decoder returned separately."""
    return _upright(Metadata(icc=icc or None, exif=exif or None, xmp=xmp or None))


def _resource_notes(resources: Mapping[int, object]) -> tuple[str, ...]:
    """Return notes on Photoshop's resources, of which only IPTC data are kept."""
    thumbnail = (left_behind.THUMBNAIL,) if not _PHOTOSHOP_THUMBNAILS.isdisjoint(resources) else ()
    has_paths = any(2000 <= number <= 2997 for number in resources if isinstance(number, int))
    return (*thumbnail, "the clipping paths were left out") if has_paths else thumbnail


def with_numbers(parsed: ParsedMetadata, numbers: tuple[int, int, int, bool] | None) -> ParsedMetadata:
    """Add the colours that an AVIF or HEIF file states as numbers, which precede those of EXIF.

    A profile has precedence, except over HDR.
    """
    if numbers is None or 2 in numbers[:2]:  # unspecified
        added = numbers and colour_numbers.chunk(*numbers[:2])
    elif (added := colour_numbers.chunk(*numbers[:2])) is None:
        return parsed._replace(metadata=replace(parsed.metadata, colour_chunks=()))
    if not added:
        return parsed
    metadata = replace(parsed.metadata, colour_chunks=(added,))
    colours = colour_numbers.stated(metadata)
    if parsed.metadata.icc is not None and not (colours and colours.hdr):
        return parsed
    return parsed._replace(metadata=metadata)


def with_stated(parsed: ParsedMetadata, stated: colour_headers.Stated) -> ParsedMetadata:
    """Add the colours that a header states, if any."""
    if stated == colour_headers.Stated():
        return parsed
    icc = stated.icc or parsed.metadata.icc
    return parsed._replace(
        metadata=replace(parsed.metadata, icc=icc, colour_chunks=() if icc else stated.chunks),
        notes=(*parsed.notes, *(() if icc else stated.notes)),
    )


def _with_exif_colours(metadata: Metadata, gamma: float | None) -> ParsedMetadata:
    """Add the colours that EXIF states, unless a profile or numbers of the format state them."""
    if metadata.icc or metadata.colour_chunks:
        return ParsedMetadata(metadata)
    try:
        stated = colour_headers.of_exif(metadata.exif, gamma) if metadata.exif else colour_headers.of_gamma(gamma)
    except ValueError:  # told where the orientation is read
        return ParsedMetadata(metadata)
    return ParsedMetadata(replace(metadata, colour_chunks=stated.chunks), notes=stated.notes)


def _upright(metadata: Metadata, notes: tuple[str, ...] = (), gamma: float | None = None) -> ParsedMetadata:
    """Remove the orientation, and traces of what is not read; EXIF takes precedence if both it and XMP state one."""
    coloured = _with_exif_colours(metadata, gamma)
    metadata, notes = coloured.metadata, notes + coloured.notes
    stated, exif, xmp = None, metadata.exif, metadata.xmp
    if exif:
        try:
            notes += (left_behind.THUMBNAIL,) if exif_block.has_thumbnail(exif) else ()
            stated, exif = exif_block.orientation(exif), exif_block.upright(exif)
        except ValueError as error:
            exif, notes = None, (*notes, f"its EXIF data were left out: {error}")
    if xmp and (found := _XMP_ORIENTATION.search(xmp)):
        stated = stated or int(found[2])
        xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
    if xmp:
        try:
            xmp, traces = left_behind.clean_xmp(xmp)
            notes += traces
        except ValueError as error:
            xmp, notes = None, (*notes, f"its XMP data were left out: {error}")
    orientation, dpi = stated or 1, metadata.dpi
    if dpi and orientation >= 5:
        dpi = (dpi[1], dpi[0])
    return ParsedMetadata(replace(metadata, exif=exif, xmp=xmp, dpi=dpi), orientation, notes)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _bytes(value: object) -> bytes | None:
    if isinstance(value, tuple) and value and all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
        return bytes(value)
    return value if isinstance(value, bytes) and value else None


def _dots(value: object) -> tuple[float, float] | None:
    try:
        across, down = (float(dots) for dots in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    good = all(math.isfinite(dots) and 0 < dots < 1e6 for dots in (across, down))
    return (across, down) if good else None


def _tiff_dots(tags: Mapping[int, object]) -> tuple[float, float] | None:
    per_inch = {2: 1.0, 3: 2.54}.get(int(tags.get(296, 2)))  # type: ignore[call-overload]
    dots = _dots((tags.get(282), tags.get(283)))
    return (dots[0] * per_inch, dots[1] * per_inch) if dots and per_inch else None


def _raw_profile(text: str | None) -> bytes | None:
    """Decode EXIF that ImageMagick wrote as text: a name, a length, and lines of hexadecimal digits."""
    if not text:
        return None
    try:
        data = bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return None
    return data.removeprefix(b"Exif\0\0") or None


def with_iptc(jpeg: bytes, iptc: bytes) -> bytes:
    """Insert IPTC data, as the only Photoshop resource, after the first segment (JFIF) of an encoded JPEG file."""
    resource = b"8BIM" + struct.pack(">HHI", _IPTC_RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
    payload = b"Photoshop 3.0\0" + resource
    at = 2 + 2 + int.from_bytes(jpeg[4:6], "big") if jpeg[2:4] == b"\xff\xe0" else 2
    return jpeg[:at] + b"\xff\xed" + struct.pack(">H", len(payload) + 2) + payload + jpeg[at:]
