"""Properties of XMP that are stated in pixels, converted to those of another picture."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from img2imgkit.images.affine import Affine, Change
from img2imgkit.images.xmp import ITEM, RDF, Packet, Property, as_utf8

TIFF, EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
AREA = "http://ns.adobe.com/xmp/sType/Area#"
MICROSOFT_REGION = "http://ns.microsoft.com/photo/1.2/t/Region#"
DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
MICROSOFT = "http://ns.microsoft.com/photo/1.2/"
ACDSEE = "http://ns.acdsee.com/regions/"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
DJI = "http://www.dji.com/drone-dji/1.0/"
_NAMESPACES = (TIFF, EXIF, PANORAMA, REGIONS, MICROSOFT, ACDSEE, IPTC, DJI)
_SIDES = {"ImageWidth": 0, "ImageLength": 1, "PixelXDimension": 0, "PixelYDimension": 1}
_FACES = {REGIONS: ("Regions",), MICROSOFT: ("RegionInfo",), ACDSEE: ("Regions",), IPTC: ("ImageRegion",)}
_OUTSIDE = "regions outside the picture"
_LEFT, _TOP = "CroppedAreaLeftPixels", "CroppedAreaTopPixels"
_INTERIOR = tuple(f"LargestValidInteriorRect{side}" for side in ("Left", "Top", "Width", "Height"))
_Box = tuple[float, float, float, float]


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
    """Convert regions, such as faces, which are in fractions of the sides of the stored pixels.

    All kinds of regions follow a change of size. Those of the Metadata Working Group and of Microsoft also follow
    crops and turns; the others would need their orientation to be known.
    """
    sides = [each for each in packet.find(DIMENSIONS, "wh".__contains__) if "AppliedToDimensions" in each.within]
    for namespace, names in _FACES.items():
        if not (found := packet.find(namespace, names.__contains__)):
            continue
        in_pixels = namespace == IPTC and any(b"pixel" in packet.data[slice(*each.whole)] for each in found)
        if change.by is not None and change.by.is_scaling and not in_pixels:
            continue
        is_known = change.by is not None and change.by.keeps_rectangles and len(found) == 1
        regions = list(_regions(packet, found[0], sides, change.stored)) if is_known else []
        kept = [_follow(region, change, edits) for region in regions]
        if not any(kept):
            edits.gone += found
            change.lose(_OUTSIDE if regions and all(region.box for region in regions) else "regions")
    edits.texts += [(each, str(change.size["wh".index(each.name)])) for each in sides]


class _Region(NamedTuple):
    """An item of a list of regions: its box (left, top, width, height) in fractions, None if that is not known.

    ``texts`` returns the texts of its properties for another box.
    """

    item: Property
    box: _Box | None
    texts: Callable[[_Box], list[tuple[Property, str]]]


def _regions(packet: Packet, whole: Property, sides: list[Property], stored: tuple[int, int]) -> Iterator[_Region]:
    """Yield the regions of a structure, if its kind is known and it was made for the stored pixels."""
    start, end = whole.whole
    if whole.namespace == REGIONS and _fits([each for each in sides if start < each.whole[0] < end], stored):
        parts, names, read = packet.find(AREA), "RegionList", _area
    elif whole.namespace == MICROSOFT:
        parts, names, read = packet.find(MICROSOFT_REGION, "Rectangle".__eq__), "Regions", _rectangle
    else:
        return
    parts.sort(key=lambda part: part.whole)
    starts = [part.whole[0] for part in parts]
    for item in packet.find(RDF, ITEM.__eq__):
        if start < item.whole[0] < end and len(item.within) > 1 and item.within[-2] == names:
            inside = parts[bisect_left(starts, item.whole[0]) : bisect_left(starts, item.whole[1])]
            yield read(item, {part.name: part for part in inside})


def _fits(sides: list[Property], stored: tuple[int, int]) -> bool:
    """Whether the regions were made for a picture of the stored shape, and not for another or a turned one."""
    stated = {each.name: _number(each.text) for each in sides}
    width, height = stated.get("w", stored[0]), stated.get("h", stored[1])
    return abs(width * stored[1] - height * stored[0]) <= max(width, height, *stored)


def _area(item: Property, parts: dict[str, Property]) -> _Region:
    """Read an area of the Metadata Working Group: the centre, and width and height unless it is a point."""
    names = [name for name in ("x", "y", "w", "h") if name in parts]
    values = [_number(parts[name].text) for name in names]
    is_known = len(names) in (2, 4) and {"x", "y"} <= parts.keys() and parts.keys() <= {*names, "unit"}
    if not is_known or ("unit" in parts and parts["unit"].text != "normalized"):
        return _Region(item, None, lambda _: [])
    x, y, width, height = (*values, 0.0, 0.0)[:4]

    def texts(box: _Box) -> list[tuple[Property, str]]:
        left, top, across, down = box
        made = (left + across / 2, top + down / 2, across, down)
        return [(parts[name], _fraction(value)) for name, value in zip(names, made, strict=False)]

    return _Region(item, _usable((x - width / 2, y - height / 2, width, height)), texts)


def _rectangle(item: Property, parts: dict[str, Property]) -> _Region:
    """Read a rectangle of Microsoft: left, top, width and height."""
    values = [_number(text) for text in parts["Rectangle"].text.split(",")] if parts else []
    if len(values) != 4:
        return _Region(item, None, lambda _: [])
    left, top, width, height = values
    rectangle = parts["Rectangle"]
    return _Region(item, _usable((left, top, width, height)), lambda box: [(rectangle, ", ".join(map(_fraction, box)))])


def _usable(box: _Box) -> _Box | None:
    return box if all(-1 <= value <= 2 for value in box) and min(box[2:]) >= 0 else None  # no numbers, or of pixels


def _fraction(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _follow(region: _Region, change: Change, edits: _Edits) -> bool:
    """Convert a region, as far as it lies inside the picture; or remove it."""
    placed = _placed(region.box, change) if region.box else None
    if placed is None:
        edits.gone.append(region.item)
        change.lose(_OUTSIDE if region.box else "regions")
        return False
    edits.texts += region.texts(placed)
    return True


def _placed(box: _Box, change: Change) -> _Box | None:
    """Return a box in fractions of the picture; None if it lies outside."""
    assert change.by is not None
    (width, height), (across, down) = change.stored, change.size
    left, top, right, bottom = change.by.box(box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    columns, rows = _clipped(left, right, across), _clipped(top, bottom, down)
    if columns is None or rows is None:
        return None
    return columns[0] / across, rows[0] / down, columns[1] / across, rows[1] / down


def _clipped(start: float, end: float, most: int) -> tuple[float, float] | None:
    """Return start and length of the part of an interval within 0 to ``most``; None if it is empty, but for points."""
    low, high = max(start, 0), min(end, most)
    return (low, high - low) if low < high or low == high == start == end else None


def _calibration(packet: Packet, change: Change, edits: _Edits) -> None:
    """Remove a drone camera's focal length, optical centre and distortion in pixels."""
    if found := packet.find(DJI, lambda name: name.startswith(("Calibrated", "Dewarp"))):
        edits.gone += found
        change.lose("camera calibration")
