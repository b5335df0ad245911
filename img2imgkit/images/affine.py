"""Where the pixels that metadata describe lie in the current picture."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Affine:
    """An affine transform of pixel coordinates: x' = a x + b y + c, y' = d x + e y + f.

    Coordinates are continuous: (0, 0) is the outer corner of the top left pixel, whose centre is (0.5, 0.5).
    """

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 1.0
    f: float = 0.0

    @classmethod
    def shift(cls, x: float, y: float) -> Affine:
        """Return a translation. A crop whose top left corner is (left, top) shifts by (-left, -top)."""
        return cls(c=x, f=y)

    @classmethod
    def scaling(cls, before: tuple[int, int], after: tuple[int, int]) -> Affine:
        """Return the transform that resizes a whole picture. Sizes are (width, height)."""
        return cls(a=after[0] / before[0], e=after[1] / before[1])

    @classmethod
    def turn(cls, orientation: int, width: int, height: int) -> Affine:
        """Return the transform that an EXIF orientation (TIFF 6.0, tag 274) asks for, of a picture of this size."""
        w, h = float(width), float(height)
        turns = {2: (-1, 0, w, 0, 1, 0), 3: (-1, 0, w, 0, -1, h), 4: (1, 0, 0, 0, -1, h), 5: (0, 1, 0, 1, 0, 0)}
        turns |= {6: (0, -1, h, 1, 0, 0), 7: (0, -1, h, -1, 0, w), 8: (0, 1, 0, -1, 0, w)}
        return cls(*turns[orientation]) if orientation in turns else cls()

    def then(self, later: Affine) -> Affine:
        """Return this transform followed by another."""
        return Affine(
            later.a * self.a + later.b * self.d,
            later.a * self.b + later.b * self.e,
            later.a * self.c + later.b * self.f + later.c,
            later.d * self.a + later.e * self.d,
            later.d * self.b + later.e * self.e,
            later.d * self.c + later.e * self.f + later.f,
        )

    def inverse(self) -> Affine:
        """Return the transform back. Raises ZeroDivisionError if there is none."""
        whole = self.a * self.e - self.b * self.d
        a, b, d, e = self.e / whole, -self.b / whole, -self.d / whole, self.a / whole
        return Affine(a, b, -(a * self.c + b * self.f), d, e, -(d * self.c + e * self.f))

    def box(self, left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of the box around a transformed box."""
        corners = [self.point(x, y) for x in (left, left + width) for y in (top, top + height)]
        across, down = zip(*corners, strict=True)
        return min(across), min(down), max(across), max(down)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point goes."""
        return self.a * x + self.b * y + self.c, self.d * x + self.e * y + self.f

    def extent(self, width: float, height: float) -> tuple[float, float]:
        """Return the width and height of the box around a transformed box of this size."""
        return abs(self.a) * width + abs(self.b) * height, abs(self.d) * width + abs(self.e) * height

    @property
    def keeps_axes(self) -> bool:
        """Whether it neither turns nor mirrors."""
        return self.b == self.d == 0 and self.a > 0 and self.e > 0

    @property
    def swaps_axes(self) -> bool:
        """Whether it turns by a quarter, so that rows become columns."""
        return self.a == self.e == 0

    @property
    def keeps_rectangles(self) -> bool:
        """Whether rectangles along the axes stay so: it only resizes, crops, mirrors, or turns by quarters."""
        return self.b == self.d == 0 or self.swaps_axes

    @property
    def is_scaling(self) -> bool:
        """Whether it only resizes."""
        return self.keeps_axes and self.c == self.f == 0


@dataclass(frozen=True)
class Placement:
    """Where the pixels that metadata describe lie in the picture that has the metadata.

    Attributes:
        size: width and height of the picture for which it holds; a picture of another size was changed by something
            that did not state the transform
        transform: from the pixels of the file, as stored, to those of the picture; None if unknown
        stored: width and height of the pixels in the file; None: ``size``
    """

    size: tuple[int, int]
    transform: Affine | None = Affine()
    stored: tuple[int, int] | None = None

    def moved(self, before: tuple[int, int], by: Affine | None, after: tuple[int, int]) -> Placement:
        """Return the placement after a transform of a picture of size ``before`` to one of size ``after``."""
        known = self.in_picture(before)
        return Placement(after, None if known is None or by is None else known.then(by), self.stored or self.size)

    def in_picture(self, size: tuple[int, int]) -> Affine | None:
        """Return the transform if it is known for a picture of this size."""
        return self.transform if size == self.size else None


@dataclass
class Change:
    """What happened to the pixels that metadata describe, and the names of metadata that could not follow.

    Attributes:
        by: from the file's pixels to the picture's; None if unknown
        size: width and height of the picture
        stored: width and height of the pixels in the file
    """

    by: Affine | None
    size: tuple[int, int]
    stored: tuple[int, int]
    lost: list[str] = field(default_factory=list)

    def lose(self, name: str) -> None:
        """Note metadata that are left out."""
        if name not in self.lost:
            self.lost.append(name)
