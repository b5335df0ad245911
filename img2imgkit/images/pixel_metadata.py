"""Metadata that are stated in pixels, converted to the pixels of the picture that is written.

Steps state only where pixels went (``Picture.with_pixels``); the values are converted here, once, before encoding. What
cannot be converted is left out, with a note.
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

from img2imgkit.images import exif_block, georeference, xmp_pixels
from img2imgkit.images.affine import Affine, Change, Placement
from img2imgkit.images.picture import Metadata, Picture
from img2imgkit.images.tiff_pages import states_pages

SUBJECT_AREA, SUBJECT_LOCATION, FOCAL_X, FOCAL_Y, FOCAL_UNIT = 0x9214, 0xA214, 0xA20E, 0xA20F, 0xA210
X_RESOLUTION, Y_RESOLUTION, IMAGE_DESCRIPTION = 0x011A, 0x011B, 0x010E
_DNG_AREAS = frozenset({50719, 50720, 50829, 50830})  # default crop, active area, masked areas
_PAGE_POSITION = frozenset({286, 287})
_NOTE = "metadata stated in pixels of the original were left out: "


def converted(picture: Picture) -> tuple[Metadata, tuple[str, ...]]:
    """Return the metadata with values for the picture's own pixels, and notes on what was left out."""
    size, kept = (picture.width, picture.height), picture.metadata
    placement = kept.placement or Placement(size)
    change = Change(placement.in_picture(size), size, placement.stored or placement.size)
    notes: list[str] = []
    if kept.exif:
        try:
            kept = replace(kept, exif=_exif(kept.exif, change))
        except ValueError as error:
            notes, kept = [f"EXIF data were left out: {error}"], replace(kept, exif=None)
    if kept.xmp:
        try:
            kept = replace(kept, xmp=xmp_pixels.converted(kept.xmp, change))
        except ValueError as error:
            notes, kept = [*notes, f"XMP data were left out: {error}"], replace(kept, xmp=None)
    notes += [_NOTE + ", ".join(change.lost)] if change.lost else []
    return kept, tuple(notes)


def _exif(block: bytes, change: Change) -> bytes:
    block = exif_block.sized(block, *change.size)
    if change.by == Affine():
        return block
    block, is_lost = georeference.moved(block, change.by)
    if is_lost:
        change.lose("georeference")
    block = _resolutions(_subject(block, change), change)
    if exif_block.numbers(block, _DNG_AREAS):
        change.lose("crop areas")
        block = exif_block.without(block, _DNG_AREAS)
    if exif_block.numbers(block, _PAGE_POSITION) and not (change.by and change.by.is_scaling):
        change.lose("position on the page")
        block = exif_block.without(block, _PAGE_POSITION)
    if states_pages(exif_block.text(block, IMAGE_DESCRIPTION)):
        change.lose("description of the pages")
        block = exif_block.without(block, {IMAGE_DESCRIPTION})
    return block


def _subject(block: bytes, change: Change) -> bytes:
    """Convert SubjectArea (a point, circle or rectangle) and SubjectLocation, which are in pixels as stored."""
    for tag, values in exif_block.numbers(block, {SUBJECT_AREA, SUBJECT_LOCATION}).items():
        try:
            block = exif_block.with_numbers(block, {tag: _area(values, change)})
        except ValueError:
            change.lose("subject area")
            block = exif_block.without(block, {tag})
    return block


def _area(values: tuple[float, ...], change: Change) -> tuple[float, ...]:
    """Return a converted area. Raises ValueError if it is unknown, invalid, or outside the picture."""
    by = change.by
    if by is None or len(values) not in (2, 3, 4):
        raise ValueError("unknown")
    x, y = by.point(*values[:2])
    if not all(0 <= at <= most for at, most in zip((x, y), change.size, strict=True)):
        raise ValueError("outside the picture")
    if len(values) == 3:
        return x, y, values[2] * sqrt(abs(by.a * by.e - by.b * by.d))
    return (x, y, *(by.extent(*values[2:]) if len(values) == 4 else ()))


def _resolutions(block: bytes, change: Change) -> bytes:
    """Convert pixels per unit of the sensor; swap those and the dots per inch if rows became columns."""
    by, stated = change.by, exif_block.numbers(block, {FOCAL_X, FOCAL_Y, X_RESOLUTION, Y_RESOLUTION})
    if {FOCAL_X, FOCAL_Y} & stated.keys():
        try:
            block = exif_block.with_numbers(block, _focal_plane(stated.get(FOCAL_X), stated.get(FOCAL_Y), by))
        except ValueError:
            change.lose("focal-plane resolution")
            block = exif_block.without(block, {FOCAL_X, FOCAL_Y, FOCAL_UNIT})
    across, down = stated.get(X_RESOLUTION), stated.get(Y_RESOLUTION)
    if by is not None and by.swaps_axes and across and down and across != down:
        block = exif_block.with_numbers(block, {X_RESOLUTION: down, Y_RESOLUTION: across})
    return block


def _focal_plane(
    across: tuple[float, ...] | None, down: tuple[float, ...] | None, by: Affine | None
) -> dict[int, tuple[float, ...]]:
    if not across or not down or by is None:
        raise ValueError("unknown")
    x, y = by.extent(across[0], down[0])
    return {FOCAL_X: (x,), FOCAL_Y: (y,)}
