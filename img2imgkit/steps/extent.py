"""How large a picture is to be: a width, a height or a number of megapixels."""

from __future__ import annotations

from pydantic import Field, model_validator

from img2imgkit.config import Config

MAX_SIDE = 1_000_000


class Extent(Config):
    """A limit for the size of pictures, stated by exactly one of ``width``, ``height`` and ``megapixels``."""

    width: int | None = Field(None, ge=1, le=MAX_SIDE, description="In pixels.")
    height: int | None = Field(None, ge=1, le=MAX_SIDE, description="In pixels.")
    megapixels: float | None = Field(None, gt=0, le=1_000_000, description="Width times height, in millions of pixels.")

    @model_validator(mode="after")
    def _one_way(self) -> Extent:
        ways = [name for name in ("width", "height", "megapixels") if getattr(self, name) is not None]
        if len(ways) != 1:
            stated = f"got {' and '.join(ways)}" if ways else "none is stated"
            raise ValueError(f"state the size by one of width, height and megapixels: {stated}")
        return self

    def __str__(self) -> str:
        if self.megapixels is not None:
            return f"{self.megapixels:g} megapixels"
        return f"a width of {self.width}" if self.width is not None else f"a height of {self.height}"

    def is_reached_by(self, width: int, height: int) -> bool:
        """Whether a picture is at least this large."""
        actual, limit = self._compared(width, height)
        return actual >= limit

    def is_exceeded_by(self, width: int, height: int) -> bool:
        """Whether a picture is larger than this."""
        actual, limit = self._compared(width, height)
        return actual > limit

    def times(self, width: int, height: int, scale: int) -> int:
        """How often a picture must be enlarged by ``scale`` to reach this."""
        often = 0
        while not self.is_reached_by(width * scale**often, height * scale**often):
            often += 1
        return often

    def _compared(self, width: int, height: int) -> tuple[float, float]:
        if self.width is not None:
            return width, self.width
        if self.height is not None:
            return height, self.height
        assert self.megapixels is not None
        return width * height, self.megapixels * 1e6
