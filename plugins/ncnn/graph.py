"""ncnn's text form of a network: one layer a line, with the blobs that it reads and those that it gives.

Format: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import img2imgkit as kit

MAGIC = "7767517"
MAX_BYTES = 4 << 20  # of text; the largest network that is known here has 70 kB
FIRST_ARRAY = -23300  # a key at or below: an array, stated as its length and its numbers
WHOLE = re.compile(r"[-+]?\d{1,18}")
COUNT = re.compile(r"\d{1,18}")

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Layer:
    """One line of the file.

    Attributes:
        kind: what it computes, such as "Convolution"
        reads: blobs that layers before it give
        gives: its own blobs
        stated: its parameters by number; one that is no array has one number
    """

    kind: str
    name: str
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    stated: Mapping[int, Numbers]

    def whole(self, key: int, default: int = 0) -> int:
        """A parameter that is a whole number, from 0 on.

        Raises:
            InteropError: it is none.
        """
        number = self.number(key, default)
        if number < 0 or number != int(number):
            raise kit.InteropError(f"{self}: parameter {key} is {number:g}, and must be a whole number from 0 on")
        return int(number)

    def number(self, key: int, default: float = 0.0) -> float:
        """A parameter that is one number."""
        found = self.numbers(key, (default,))
        if len(found) != 1:
            raise kit.InteropError(f"{self}: parameter {key} has {len(found)} numbers, and must have one")
        return found[0]

    def numbers(self, key: int, default: Numbers = ()) -> Numbers:
        """A parameter that may be an array."""
        return self.stated.get(key, default)

    def expect(self, usual: Mapping[int, float], free: Collection[int] = (), needed: Collection[int] = ()) -> None:
        """Refuse parameters with which the layer computes something that no network here does.

        Args:
            usual: what each must be, where it is stated
            free: those that may be anything
            needed: those that must be stated, since ncnn's default is another

        Raises:
            InteropError: one is not so, or stands in neither list.
        """
        if missing := [key for key in needed if key not in self.stated]:
            raise kit.InteropError(f"{self}: parameter {missing[0]} is missing")
        for key, numbers in self.stated.items():
            if key in free:
                continue
            if key not in usual:
                raise kit.InteropError(f"{self}: parameter {key} is not known here")
            if numbers != (usual[key],):
                found = ", ".join(f"{each:g}" for each in numbers)
                raise kit.InteropError(f"{self}: parameter {key} is {found}; only {usual[key]:g} is known here")

    def __str__(self) -> str:
        return f"layer {self.name!r} ({self.kind})"


def read_graph(path: Path) -> tuple[Layer, ...]:
    """The layers of a ``.param`` file, in its order. Each reads only what layers before it give.

    Raises:
        InteropError: it cannot be read, or is no such file.
    """
    lines = _text_of(path).splitlines()
    if not lines or lines[0].strip() != MAGIC:
        raise kit.InteropError(f"no text graph of ncnn: the first line is not {MAGIC}")
    counts = lines[1].split() if len(lines) > 1 else []
    if len(counts) != 2 or not all(COUNT.fullmatch(count) for count in counts):
        raise kit.InteropError("line 2 does not hold the two counts, of layers and of blobs")
    rows = [(number, line.split()) for number, line in enumerate(lines[2:], 3) if line.strip()]
    if int(counts[0]) != len(rows):
        raise kit.InteropError(f"line 2 states {counts[0]} layers, and {len(rows)} lines follow")
    layers = tuple(_layer(number, words) for number, words in rows)
    _check(layers, int(counts[1]))
    return layers


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise kit.InteropError(f"cannot be read: {error.strerror or error}") from None
    if len(raw) > MAX_BYTES:
        raise kit.InteropError(f"more than {MAX_BYTES >> 20} MiB, which no graph needs")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise kit.InteropError("no text: ncnn's binary graphs are not read, only the text they were made of") from None


def _layer(number: int, words: Sequence[str]) -> Layer:
    """One line: kind, name, how many blobs it reads and gives, these blobs, and ``key=value`` for each parameter."""
    if len(words) < 4 or not all(COUNT.fullmatch(word) for word in words[2:4]):
        raise kit.InteropError(f"line {number}: a layer needs its kind, its name and two counts of blobs")
    reads, gives = int(words[2]), int(words[3])
    blobs = [word for word in words[4 : 4 + reads + gives] if "=" not in word]
    if len(blobs) != reads + gives:
        raise kit.InteropError(f"line {number}: it states {reads} + {gives} blobs, and names {len(blobs)}")
    stated: dict[int, Numbers] = {}
    for word in words[4 + reads + gives :]:
        key, numbers = _parameter(number, word)
        if key in stated:
            raise kit.InteropError(f"line {number}: parameter {key} stands there twice")
        stated[key] = numbers
    return Layer(words[0], words[1], tuple(blobs[:reads]), tuple(blobs[reads:]), stated)


def _parameter(number: int, word: str) -> tuple[int, Numbers]:
    key, sign, value = word.partition("=")
    if not sign or not WHOLE.fullmatch(key):
        raise kit.InteropError(f"line {number}: {word[:40]!r} is no parameter, which is a number, '=' and a value")
    texts = value.split(",")
    try:
        numbers = tuple(map(float, texts))
    except ValueError:
        raise kit.InteropError(f"line {number}: {word[:40]!r} holds what is no number") from None
    if not all(math.isfinite(each) and abs(each) < 2**53 for each in numbers):
        raise kit.InteropError(f"line {number}: {word[:40]!r} holds a number that is too large, or none")
    if int(key) > FIRST_ARRAY:
        if len(numbers) != 1:
            raise kit.InteropError(f"line {number}: {word[:40]!r}: only an array has several numbers")
        return int(key), numbers
    if numbers[0] != len(numbers) - 1:
        raise kit.InteropError(f"line {number}: an array states {texts[0]} numbers, and has {len(numbers) - 1}")
    return FIRST_ARRAY - int(key), numbers[1:]


def _check(layers: Sequence[Layer], stated: int) -> None:
    """Refuse a graph that is none: names twice, blobs out of nowhere (so no circles either), a wrong count."""
    given: set[str] = set()
    names: set[str] = set()
    for layer in layers:
        if layer.name in names:
            raise kit.InteropError(f"two layers are called {layer.name!r}")
        names.add(layer.name)
        for blob in layer.reads:
            if blob not in given:
                raise kit.InteropError(f"{layer} reads the blob {blob!r}, which no layer before it gives")
        for blob in layer.gives:
            if blob in given:
                raise kit.InteropError(f"{layer} gives the blob {blob!r}, which is there already")
            given.add(blob)
    if len(given) != stated:
        raise kit.InteropError(f"line 2 states {stated} blobs, and the layers give {len(given)}")
