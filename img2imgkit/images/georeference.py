"""GeoTIFF: where a picture lies on the ground, converted when its pixels are resized, cropped or turned.

OGC GeoTIFF Standard 1.1, section 7.1.2 ("Raster to Model coordinate transformation").
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from img2imgkit.images import exif_block
from img2imgkit.images.affine import Affine

PIXEL_SCALE, TIE_POINTS, TRANSFORMATION, KEYS = 33550, 33922, 34264, 34735
# Intergraph's matrix and rational polynomial coefficients, in pixels as well; they are not converted.
_UNCONVERTED = frozenset({33920, 50844})
TAGS = frozenset({PIXEL_SCALE, TIE_POINTS, TRANSFORMATION}) | _UNCONVERTED
KEY_TAGS = frozenset({KEYS, 34736, 34737})
_RASTER_TYPE, _PIXEL_IS_POINT = 1025, 2


def moved(exif: bytes, by: Affine | None) -> tuple[bytes, bool]:
    """Return an EXIF block whose georeference is that of the moved picture, and whether it lost it instead.

    Raises:
        ValueError: it is not an EXIF block.
    """
    stated = exif_block.numbers(exif, TAGS | {KEYS})
    if not TAGS & stated.keys() or by == Affine():
        return exif, False
    changes = None if by is None or _UNCONVERTED & stated.keys() else _changes(stated, _in_raster(by, stated))
    if changes is None:
        return exif_block.without(exif, TAGS | KEY_TAGS), True
    if TRANSFORMATION in changes and TRANSFORMATION not in stated:
        return _with_transformation(exif, changes[TRANSFORMATION]), False
    return exif_block.with_numbers(exif, changes), False


def _in_raster(by: Affine, stated: Mapping[int, tuple[float, ...]]) -> Affine:
    """Return the transform in raster coordinates, in which (0, 0) may be the centre of the first pixel."""
    keys = stated.get(KEYS, ())
    is_point = any(keys[at] == _RASTER_TYPE and keys[at + 3] == _PIXEL_IS_POINT for at in range(4, len(keys) - 3, 4))
    return Affine.shift(0.5, 0.5).then(by).then(Affine.shift(-0.5, -0.5)) if is_point else by


def _changes(stated: Mapping[int, tuple[float, ...]], by: Affine) -> dict[int, tuple[float, ...]] | None:
    """Return other values of the tags; None if what is stated is not understood."""
    matrix, scale, points = (stated.get(tag) for tag in (TRANSFORMATION, PIXEL_SCALE, TIE_POINTS))
    if points is not None and (len(points) < 6 or len(points) % 6):
        return None
    changes: dict[int, tuple[float, ...]] = {}
    if points is not None:
        changes[TIE_POINTS] = _tie_points(points, by)
    if matrix is not None:
        if len(matrix) != 16:
            return None
        changes[TRANSFORMATION] = _transformation(np.array(matrix).reshape(4, 4), by)
    if scale is not None:
        if len(scale) != 3 or points is None:
            return None
        if not by.keeps_axes:
            return {TRANSFORMATION: _transformation(_matrix(scale, points), by)}
        changes[PIXEL_SCALE] = (scale[0] / by.a, scale[1] / by.e, scale[2])
    return changes


def _tie_points(points: tuple[float, ...], by: Affine) -> tuple[float, ...]:
    moved = [(*by.point(*points[at : at + 2]), *points[at + 2 : at + 6]) for at in range(0, len(points), 6)]
    return tuple(value for point in moved for value in point)


def _matrix(scale: tuple[float, ...], points: tuple[float, ...]) -> np.ndarray:
    """Return the transformation that a scale and a tie point mean."""
    matrix = np.diag([scale[0], -scale[1], scale[2], 1.0])
    matrix[:3, 3] = np.array(points[3:6]) - matrix[:3, :3] @ np.array(points[:3])
    return matrix


def _transformation(matrix: np.ndarray, by: Affine) -> tuple[float, ...]:
    back = by.inverse()
    raster = np.eye(4)
    raster[0, [0, 1, 3]] = back.a, back.b, back.c
    raster[1, [0, 1, 3]] = back.d, back.e, back.f
    return tuple(float(value) for value in (matrix @ raster).ravel())


def _with_transformation(exif: bytes, matrix: tuple[float, ...]) -> bytes:
    """Replace scale and tie points by a matrix: a turned picture has no scale along its rows and columns."""
    tags = Image.Exif()
    tags.load(exif)
    for tag in (PIXEL_SCALE, TIE_POINTS):
        tags.pop(tag, None)
    tags[TRANSFORMATION] = matrix
    return tags.tobytes().removeprefix(b"Exif\0\0")
