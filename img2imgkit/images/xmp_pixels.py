"""Properties of XMP that are stated in pixels, converted to those of another picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from img2imgkit.images.affine import Affine, Change
from img2imgkit.images.xmp import Packet, Property, as_utf8

TIFF, EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
MICROSOFT = "http://ns.microsoft.com/photo/1.2/"
ACDSEE = "http://ns.acdsee.com/regions/"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
DJI = "http://www.dji.com/drone-dji/1.0/"
_NAMESPACES = (TIFF, EXIF, PANORAMA, REGIONS, MICROSOFT, ACDSEE, IPTC, DJI)
_SIDES = {"ImageWidth": 0, "ImageLength": 1, "PixelXDimension": 0, "PixelYDimension": 1}
_FACES = {REGIONS: ("Regions",), MICROSOFT: ("RegionInfo",), ACDSEE: ("Regions",), IPTC: ("ImageRegion",)}
_LEFT, _TOP = "CroppedAreaLeftPixels", "CroppedAreaTopPixels"
_INTERIOR = tuple(f"LargestValidInteriorRect{side}" for side in ("Left", "Top", "Width", "Height"))


@dataclass
class _Edits:
    texts: list[tuple[Property, str]] = field(default_factory=list)
    gone: list[Property] = field(default_factory=list)


def converted(data: bytes, change: Change) -> bytes:
    """Return an XMP packet with values for the pixels of a changed picture.

    Raises:
        ValueError: it has such values, and is damaged.
    """
    text = as_utf8(data)
    if not any(namespace.encode() in text for namespace in _NAMESPACES):
        return data
    try:
        packet = Packet(text)
    except ValueError:
        if change.by == Affine():
            return data
        raise
    edits = _Edits()
    for each in (*packet.find(TIFF, _SIDES.__contains__), *packet.find(EXIF, _SIDES.__contains__)):
        edits.texts.append((each, str(change.size[_SIDES[each.name]])))
    if change.by != Affine():
        for convert in (_panorama, _focal_plane, _subjects, _faces, _calibration):
            convert(packet, change, edits)
    return packet.edited(edits.texts, edits.gone) if edits.texts or edits.gone else data


def _panorama(packet: Packet, change: Change, edits: _Edits) -> None:
    """Convert Google's description of a panorama, of which the picture may be a part."""
    found = packet.find(PANORAMA)
    stated = {each.name: _number(each.text) for each in found if each.name.endswith("Pixels") or each.name in _INTERIOR}
    if not found:
        return
    made = _panorama_numbers(stated, change)
    if made is None:
        change.lose("panorama")
        edits.gone += found
    else:
        edits.texts += [(each, str(made[each.name])) for each in found if each.name in made]


def _panorama_numbers(stated: Mapping[str, float], change: Change) -> dict[str, int] | None:
    """Return the numbers for a resized or cropped picture; None if they are unknown."""
    by, (width, height) = change.by, change.size
    if by is None or not by.keeps_axes or any(map(math.isnan, stated.values())):
        return None
    if not by.is_scaling and not {_LEFT, _TOP} <= stated.keys():
        return None
    left = max(0, round(stated.get(_LEFT, 0) * by.a - by.c))
    top = max(0, round(stated.get(_TOP, 0) * by.e - by.f))
    made = {"CroppedAreaImageWidthPixels": width, "CroppedAreaImageHeightPixels": height, _LEFT: left, _TOP: top}
    made["FullPanoWidthPixels"] = max(left + width, round(stated.get("FullPanoWidthPixels", 0) * by.a))
    made["FullPanoHeightPixels"] = max(top + height, round(stated.get("FullPanoHeightPixels", 0) * by.e))
    x, y, across, down = (stated.get(name, 0) for name in _INTERIOR)
    x, y, right, bottom = *by.point(x, y), *by.point(x + across, y + down)
    x, y, right, bottom = (
        min(max(0, at), most) for at, most in zip((x, y, right, bottom), change.size * 2, strict=True)
    )
    made |= zip(_INTERIOR, map(round, (x, y, right - x, bottom - y)), strict=True)
    return {name: value for name, value in made.items() if name in stated}


def _number(text: str) -> float:
    """Return a number or fraction of a text; not a number if it is none, or not one of pixels."""
    above, _, below = text.partition("/")
    try:
        value = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return math.nan
    return value if abs(value) < 1e9 else math.nan


def _focal_plane(packet: Packet, change: Change, edits: _Edits) -> None:
    axes = ("FocalPlaneXResolution", "FocalPlaneYResolution")
    found = packet.find(EXIF, axes.__contains__)
    values = {each.name: _number(each.text) for each in found}
    if not found:
        return
    if change.by is None or len(values) < 2 or any(map(math.isnan, values.values())):
        edits.gone += packet.find(EXIF, lambda name: name.startswith("FocalPlane"))
        change.lose("focal-plane resolution")
        return
    made = dict(zip(axes, change.by.extent(*(values[axis] for axis in axes)), strict=True))
    for each in found:
        ratio = Fraction(made[each.name]).limit_denominator(10_000)
        edits.texts.append((each, f"{ratio.numerator}/{ratio.denominator}"))


def _subjects(packet: Packet, change: Change, edits: _Edits) -> None:
    """Remove XMP's copy of the subject's place; EXIF's is converted."""
    if found := packet.find(EXIF, ("SubjectArea", "SubjectLocation").__contains__):
        edits.gone += found
        change.lose("subject area in XMP")


def _faces(packet: Packet, change: Change, edits: _Edits) -> None:
    """Keep regions, such as faces, if the picture was only resized: they are in fractions of its sides."""
    found = [each for namespace, names in _FACES.items() for each in packet.find(namespace, names.__contains__)]
    if not found:
        return
    in_pixels = any(b"pixel" in packet.data[slice(*each.whole)] for each in found if each.namespace == IPTC)
    if change.by is None or not change.by.is_scaling or in_pixels:
        edits.gone += found
        change.lose("regions")
        return
    sides = packet.find(DIMENSIONS, ("w", "h").__contains__)
    edits.texts += [
        (each, str(change.size["wh".index(each.name)])) for each in sides if "AppliedToDimensions" in each.within
    ]


def _calibration(packet: Packet, change: Change, edits: _Edits) -> None:
    """Remove a drone camera's focal length, optical centre and distortion in pixels."""
    if found := packet.find(DJI, lambda name: name.startswith(("Calibrated", "Dewarp"))):
        edits.gone += found
        change.lose("camera calibration")
