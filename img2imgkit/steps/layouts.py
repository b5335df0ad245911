"""Editable layouts: the label map of a picture, with or without an instance map.

Instance ids follow Cityscapes (arXiv:1604.01685, ``*_instanceIds.png``): 1000 times the class id plus a number for an
object, the class id itself for pixels that are not divided into objects.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from img2imgkit.errors import TranslateError

PER_CLASS = 1000


class Layout:
    """Copies of one picture's maps, changed by edits.

    Shapes:
        label, instance: (H, W) int32; all masks (H, W) bool
    """

    def __init__(self, maps: Mapping[str, np.ndarray]) -> None:
        self._maps = {name: ids.copy() for name, ids in maps.items()}
        self.label = self._maps["label"]
        self.instance = self._maps.get("instance")

    @property
    def maps(self) -> Mapping[str, np.ndarray]:
        """The current maps."""
        return self._maps

    def fill(self, mask: np.ndarray, label: int | None) -> None:
        """Set pixels to a class, without object; None: to the class and object of the nearest pixel outside the mask.

        Raises:
            TranslateError: the mask covers the whole picture.
        """
        if label is not None:
            self.paint(mask, label, label)
            return
        if mask.all():
            raise TranslateError("has no surroundings: it covers the whole picture; state a class as 'fill'")
        rows, columns = nearest_outside(mask)
        for ids in self._maps.values():
            ids[mask] = ids[rows, columns]

    def paint(self, mask: np.ndarray, label: int, instance: int) -> None:
        """Set pixels to one object of a class."""
        self.label[mask] = label
        if self.instance is not None:
            self.instance[mask] = instance

    def relabel(self, mask: np.ndarray, label: int) -> None:
        """Set pixels to another class. Each object among them gets an id of the new class."""
        if self.instance is None:
            self.label[mask] = label
            return
        for number in np.unique(self.instance[mask]):
            its = mask & (self.instance == number)
            an_object = number >= PER_CLASS
            self.paint(its, label, self.free_instance(label) if an_object else label)

    def move(self, mask: np.ndarray, by: tuple[int, int], fill: int | None) -> None:
        """Move pixels to the right and down, and fill their former place. Pixels that leave the picture are lost."""
        height, width = mask.shape
        rows, columns = np.nonzero(mask)
        moved_rows, moved_columns = rows + by[1], columns + by[0]
        inside = (moved_rows >= 0) & (moved_rows < height) & (moved_columns >= 0) & (moved_columns < width)
        values = {name: ids[rows, columns] for name, ids in self._maps.items()}
        self.fill(mask, fill)
        for name, ids in self._maps.items():
            ids[moved_rows[inside], moved_columns[inside]] = values[name][inside]

    def free_instance(self, label: int) -> int:
        """Return an unused object id above those of the class."""
        if self.instance is None:
            return label
        first = label * PER_CLASS
        taken = set(np.unique(self.instance).tolist())
        number = max((each for each in taken if first <= each < first + PER_CLASS), default=first - 1) + 1
        while number in taken:
            number += 1
        return number


def nearest_outside(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column of the nearest pixel outside a mask, for each pixel inside, in the order of ``mask[mask]``.

    The Euclidean distance is exact: first the nearest pixel in each column, then among the columns, outwards while one
    can be nearer. Ties prefer the closest column, then the left one, then the upper pixel.

    Shapes:
        mask: (H, W) bool, not all True -> 2 x (number of pixels inside,) int
    """
    inside = np.argwhere(mask)
    (top, left), (bottom, right) = np.maximum(inside.min(0) - 1, 0), inside.max(0) + 2
    window = mask[top:bottom, left:right]  # contains the nearest pixels, since these touch the mask
    height, width = window.shape
    far = height + width  # farther than any pixel
    rows = np.arange(height)[:, None]
    above = np.maximum.accumulate(np.where(window, -far, rows), axis=0)
    below = np.minimum.accumulate(np.where(window, 2 * far, rows)[::-1], axis=0)[::-1]
    own = np.where(rows - above <= below - rows, above, below)  # nearest row in the pixel's own column
    squares = np.square(np.minimum(np.abs(own - rows), far))
    best, row, column = squares.copy(), own.copy(), np.broadcast_to(np.arange(width), window.shape).copy()
    for offset in range(1, width):
        if offset**2 >= best.max():
            break
        for here, there in ((np.s_[:, offset:], np.s_[:, :-offset]), (np.s_[:, :-offset], np.s_[:, offset:])):
            candidate = squares[there] + offset**2
            nearer = candidate < best[here]
            best[here][nearer] = candidate[nearer]
            row[here][nearer] = own[there][nearer]
            column[here][nearer] = np.broadcast_to(np.arange(width), window.shape)[there][nearer]
    return row[window] + top, column[window] + left
