"""Palettes: names and colours of the classes of label maps; and label maps drawn in colour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.config import load_yaml
from img2imgkit.errors import ConfigError, DataError

MAX_ID = 65535  # the largest 16-bit id
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """The classes of a data set.

    Attributes:
        ids: by class name
        colours: by id, including ``alike``
        alike: ids that are drawn in the colour of another class, and never read from a colour
    """

    ids: Mapping[str, int]
    colours: Mapping[int, Colour]
    alike: frozenset[int] = field(default_factory=frozenset)

    @property
    def names(self) -> list[str]:
        """The name of each id from 0 to the last; an id without a name is named by its number."""
        names = {number: name for name, number in self.ids.items()}
        return [names.get(number, str(number)) for number in range(max(names) + 1)]

    @property
    def readable(self) -> Mapping[int, Colour]:
        """The colours of the ids that can be read from their colour."""
        return {number: colour for number, colour in self.colours.items() if number not in self.alike}

    def stated(self) -> dict[str, list[int]]:
        """Id and colour of each class by name, as plain JSON data."""
        return {name: [number, *self.colours[number]] for name, number in self.ids.items()}


def read_palette(path: Path) -> Palette:
    """Read a palette file: YAML with the name and colour of each class, ``road: [128, 64, 128]``, in the order of ids.

    Ids count from 0. ``road: {id: 7, colour: [128, 64, 128]}`` sets an id, and counting continues from it.
    ``tunnel: {colour_of: road}`` is drawn as another class; a map in colours cannot represent it.

    Raises:
        DataError: the file cannot be read, an entry is invalid, or an id or colour occurs twice.
    """
    try:
        data = load_yaml(path).data
    except ConfigError as error:
        raise DataError(str(error)) from error
    if not isinstance(data, dict) or not data:
        raise DataError(f"{path}: expected the names and colours of classes, such as road: [128, 64, 128]")
    ids: dict[str, int] = {}
    colours: dict[int, Colour] = {}
    alike = set()
    for name, number, stated, other in _entries(path, data):
        if number in colours:
            raise DataError(f"{path}: {name}: the id {number} is already used by another class")
        if other is not None and other not in ids:
            raise DataError(f"{path}: {name}: colour_of: {other!r} is not an earlier class")
        colour = _colour(path, name, stated) if other is None else colours[ids[other]]
        if other is None and colour in colours.values():
            raise DataError(f"{path}: {name}: the colour {stated} is already used by another class")
        if other is not None:
            alike.add(number)
        ids[name], colours[number] = number, colour
    return Palette(ids, colours, frozenset(alike))


def drawn(labels: np.ndarray, palette: Palette | None = None) -> np.ndarray:
    """Draw a label map: each class in its colour of the palette, or else in a unique default colour.

    Default colours are those of the PASCAL VOC development kit (VOClabelcolormap), which distributes the bits of the
    id over red, green and blue: the lowest three bits become the highest bit of each, and so on.

    Shapes:
        labels: (H, W) int32, 0 to 65535 -> (H, W, 3) uint8
    """
    numbers = np.arange(int(labels.max(initial=0)) + 1)
    table = np.zeros((len(numbers), 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            table[:, channel] |= ((numbers >> (3 * bit + channel) & 1) << (7 - bit)).astype(np.uint8)
    for number, colour in (palette.colours if palette else {}).items():
        if number < len(table):
            table[number] = colour
    return table[labels]


def _entries(path: Path, data: Mapping[str, Any]) -> Iterator[tuple[str, int, Any, str | None]]:
    """Yield each class's name, id, stated colour, and the class whose colour it shares."""
    number = -1
    for name, stated in data.items():
        entry = stated if isinstance(stated, dict) else {"colour": stated}
        number = entry.get("id", number + 1)
        if type(number) is not int or not 0 <= number <= MAX_ID:
            raise DataError(f"{path}: {name}: id: expected 0 to {MAX_ID}, got {number!r}")
        if unknown := sorted(map(str, entry.keys() - {"id", "colour", "colour_of"})):
            raise DataError(f"{path}: {name}: unknown key {unknown[0]!r}; expected id, colour or colour_of")
        if ("colour" in entry) == ("colour_of" in entry):
            raise DataError(f"{path}: {name}: expected either colour: [red, green, blue], or colour_of: a class")
        yield name, number, entry.get("colour"), entry.get("colour_of")


def _colour(path: Path, name: str, stated: Any) -> Colour:
    levels = stated if isinstance(stated, list) else []
    if len(levels) != 3 or not all(type(level) is int and 0 <= level <= 255 for level in levels):
        raise DataError(f"{path}: {name}: expected [red, green, blue], each 0 to 255, got {stated!r}")
    return levels[0], levels[1], levels[2]
