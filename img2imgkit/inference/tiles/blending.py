"""Blend tiles to a picture, one row of tiles at a time, so that only one row is in float."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from img2imgkit.inference.tiles.grid import Span


def ramp(width: int) -> np.ndarray:
    """Blending weights of the second of two neighbours over the pixels that they share.

    Shapes:
        -> (width,), float32, strictly between 0 and 1 and rising
    """
    return (np.arange(1, width + 1, dtype=np.float32)) / np.float32(width + 1)


class TileRow:
    """One row of tiles, filled from left to right.

    Shapes:
        pixels: (scale * kept rows, scale * W, C), float32
    """

    def __init__(self, row: Span, width: int, channels: int, scale: int) -> None:
        self.row, self.scale = row, scale
        self.pixels = np.empty((scale * (row.keep_stop - row.keep_start), scale * width, channels), np.float32)

    def put(self, column: Span, tile: np.ndarray) -> None:
        """Add the used region of a tile; tiles must be added from left to right.

        Shapes:
            tile: (scale * rows, scale * columns, C), float32: the network's output for the tile's whole input
        """
        scale, row = self.scale, self.row
        top, left = (scale * (span.keep_start - span.start) for span in (row, column))
        bottom, right = (scale * (span.keep_stop - span.start) for span in (row, column))
        start, fade = scale * column.keep_start, scale * column.fade_in
        kept = tile[top:bottom, left:right]
        if fade:
            _mix(self.pixels[:, start : start + fade], kept[:, :fade], ramp(fade)[None, :, None])
        width = min(kept.shape[1], self.pixels.shape[1] - start)  # drops padding beyond the picture
        if width == self.pixels.shape[1] and not row.fade_in:
            self.pixels = kept[:, :width]  # the only tile, which no blending will change
            return
        self.pixels[:, start + fade : start + width] = kept[:, fade:width]


class RowBlender:
    """Blends each row of tiles with the one above, and yields finished rows of pixels."""

    def __init__(self, height: int) -> None:
        self.height = height  # of the output
        self.done = 0
        self._tail: np.ndarray | None = None

    def push(self, tiles: TileRow) -> Iterator[tuple[int, np.ndarray]]:
        """Add the next row of tiles; yields (first row, rows) that no later tile affects.

        Rows are yielded only once: after a restart with other tiles, only the missing ones follow.
        """
        start, pixels = tiles.scale * tiles.row.keep_start, tiles.pixels
        fade_in, fade_out = tiles.scale * tiles.row.fade_in, tiles.scale * tiles.row.fade_out
        if fade_in and self._tail is not None:
            head = pixels[:fade_in]
            head[:] = self._tail + (head - self._tail) * ramp(fade_in)[:, None, None]
        self._tail = pixels[pixels.shape[0] - fade_out :].copy() if fade_out else None
        stop = min(start + pixels.shape[0] - fade_out, self.height)
        if stop > self.done:
            first = max(self.done, start)
            yield first, pixels[first - start : stop - start]
            self.done = stop  # after the yield: if the consumer fails, the rows are not done

    def restart(self, keep: bool) -> None:
        """Continue with another grid. Finished rows are kept if ``keep``; unfinished ones are dropped."""
        self._tail = None
        if not keep:
            self.done = 0


def _mix(before: np.ndarray, behind: np.ndarray, weight: np.ndarray) -> None:
    before += (behind[:, : before.shape[1]] - before) * weight[:, : before.shape[1]]
