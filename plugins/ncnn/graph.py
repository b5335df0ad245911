"""ncnn's text format of a network: one layer per line, with its input and output blobs.

Format: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from img2imgkit_plugins.ncnn.parameters import ARRAYS, FRACTIONS, NOTHING, Numbers, default_of, keys_of

import img2imgkit as kit

MAGIC = "7767517"
MAX_BYTES = 4 << 20  # of text; the largest supported network has 70 kB
FIRST_ARRAY = -23300  # keys from here down are arrays, written as their length and numbers
WHOLE = re.compile(r"[-+]?\d{1,18}")
COUNT = re.compile(r"\d{1,18}")


@dataclass(frozen=True)
class Layer:
    """One line of the file.

    Attributes:
        kind: the type of layer, such as "Convolution"
        reads: input blobs, which are outputs of layers before
        gives: output blobs
        stated: the stated parameters by key; scalars have one number
    """

    kind: str
    name: str
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    stated: Mapping[int, Numbers]

    def whole(self, key: int) -> int:
        """Return a parameter that must be a whole number, 0 or more.

        Raises:
            InteropError: it is not.
        """
        number = self.number(key)
        if number < 0 or number != int(number):
            raise kit.InteropError(f"{self}: parameter {key} is {number:g}, expected a whole number, 0 or more")
        return int(number)

    def number(self, key: int) -> float:
        """Return a parameter that must be one number."""
        found = self.numbers(key)
        if len(found) != 1:
            raise kit.InteropError(f"{self}: parameter {key} has {len(found)} numbers, expected one")
        return found[0]

    def numbers(self, key: int) -> Numbers:
        """Return a parameter, which may be an array: as stated, or ncnn's default."""
        return self.stated[key] if key in self.stated else default_of(self.kind, key, self.numbers)

    def expect(self, fixed: Mapping[int, float] = NOTHING, free: Collection[int] = ()) -> None:
        """Refuse parameters with which the layer computes something unsupported, stated or by default.

        Args:
            fixed: the only supported value, where it is not ncnn's default
            free: parameters that may have any value

        Raises:
            InteropError: a parameter is unknown or has another value.
        """
        known = keys_of(self.kind)
        if unknown := [key for key in self.stated if key not in known]:
            raise kit.InteropError(f"{self}: parameter {unknown[0]} is not supported")
        for key in (key for key in known if key not in free):
            numbers, only = self.numbers(key), (fixed[key],) if key in fixed else default_of(self.kind, key)
            if numbers != only:
                found = ", ".join(f"{each:g}" for each in numbers)
                raise kit.InteropError(f"{self}: parameter {key} is {found}; only {only[0]:g} is supported")

    def __str__(self) -> str:
        return f"layer {self.name!r} ({self.kind})"


def read_graph(path: Path) -> tuple[Layer, ...]:
    """Read the layers of a ``.param`` file, in order. Each reads outputs of layers before it only.

    Raises:
        InteropError: the file cannot be read or is not a valid graph.
    """
    lines = _text_of(path).splitlines()
    if not lines or lines[0].strip() != MAGIC:
        raise kit.InteropError(f"not a text graph of ncnn: the first line is not {MAGIC}")
    counts = lines[1].split() if len(lines) > 1 else []
    if len(counts) != 2 or not all(COUNT.fullmatch(count) for count in counts):
        raise kit.InteropError("line 2: expected the numbers of layers and blobs")
    rows = [(number, line.split()) for number, line in enumerate(lines[2:], 3) if line.strip()]
    if int(counts[0]) != len(rows):
        raise kit.InteropError(f"line 2 states {counts[0]} layers, but {len(rows)} lines follow")
    layers = tuple(_layer(number, words) for number, words in rows)
    _check(layers, int(counts[1]))
    return layers


def graph_text(layers: Sequence[Layer]) -> str:
    """The text of a ``.param`` file. Each parameter is stated as a whole number or as a fraction, as ncnn reads it."""
    blobs = sum(len(layer.gives) for layer in layers)
    return "".join(f"{line}\n" for line in (MAGIC, f"{len(layers)} {blobs}", *map(_line, layers)))


def _line(layer: Layer) -> str:
    counts = f"{len(layer.reads)} {len(layer.gives)}"
    words = [f"{layer.kind:<24}", f"{layer.name:<24}", counts, *layer.reads, *layer.gives]
    return " ".join([*words, *(_stated(layer.kind, key, layer.stated[key]) for key in sorted(layer.stated))])


def _stated(kind: str, key: int, numbers: Numbers) -> str:
    texts = [f"{each:.9e}" if key in FRACTIONS.get(kind, ()) else str(int(each)) for each in numbers]
    if key in ARRAYS.get(kind, ()):
        return f"{FIRST_ARRAY - key}={','.join([str(len(texts)), *texts])}"
    return f"{key}={texts[0]}"


def _text_of(path: Path) -> str:
    try:
        with kit.open_regular(path) as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise kit.InteropError(f"cannot be read: {error.strerror or error}") from None
    if len(raw) > MAX_BYTES:
        raise kit.InteropError(f"larger than {MAX_BYTES >> 20} MiB, the limit for graphs")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise kit.InteropError("not text: ncnn's binary graphs are not supported, only text graphs") from None


def _layer(number: int, words: Sequence[str]) -> Layer:
    """Parse a line: kind, name, numbers of input and output blobs, the blobs, and ``key=value`` for each parameter."""
    if len(words) < 4 or not all(COUNT.fullmatch(word) for word in words[2:4]):
        raise kit.InteropError(
            f"line {number}: expected a layer's kind, its name and its numbers of input and output blobs"
        )
    reads, gives = int(words[2]), int(words[3])
    blobs = [word for word in words[4 : 4 + reads + gives] if "=" not in word]
    if len(blobs) != reads + gives:
        raise kit.InteropError(f"line {number}: states {reads} + {gives} blobs, but names {len(blobs)}")
    stated: dict[int, Numbers] = {}
    for word in words[4 + reads + gives :]:
        key, numbers = _parameter(number, word)
        if key in stated:
            raise kit.InteropError(f"line {number}: parameter {key} is stated twice")
        stated[key] = numbers
    return Layer(words[0], words[1], tuple(blobs[:reads]), tuple(blobs[reads:]), stated)


def _parameter(number: int, word: str) -> tuple[int, Numbers]:
    key, sign, value = word.partition("=")
    if not sign or not WHOLE.fullmatch(key):
        raise kit.InteropError(f"line {number}: {word[:40]!r} is not a parameter, expected a number, '=' and a value")
    texts = value.split(",")
    try:
        numbers = tuple(map(float, texts))
    except ValueError:
        raise kit.InteropError(f"line {number}: {word[:40]!r} contains something that is not a number") from None
    if not all(math.isfinite(each) and abs(each) < 2**53 for each in numbers):
        raise kit.InteropError(f"line {number}: {word[:40]!r} contains a number that is too large or not finite")
    if int(key) > FIRST_ARRAY:
        if len(numbers) != 1:
            raise kit.InteropError(f"line {number}: {word[:40]!r}: only arrays have several numbers")
        return int(key), numbers
    if numbers[0] != len(numbers) - 1:
        raise kit.InteropError(f"line {number}: an array states {texts[0]} numbers, but has {len(numbers) - 1}")
    return FIRST_ARRAY - int(key), numbers[1:]


def _check(layers: Sequence[Layer], stated: int) -> None:
    """Refuse invalid graphs: duplicate names, undefined blobs (which excludes cycles), a wrong count."""
    given: set[str] = set()
    names: set[str] = set()
    for layer in layers:
        if layer.name in names:
            raise kit.InteropError(f"two layers are called {layer.name!r}")
        names.add(layer.name)
        for blob in layer.reads:
            if blob not in given:
                raise kit.InteropError(f"{layer} reads the blob {blob!r}, which is no output of a layer before it")
        for blob in layer.gives:
            if blob in given:
                raise kit.InteropError(f"{layer} outputs the blob {blob!r}, which already exists")
            given.add(blob)
    if len(given) != stated:
        raise kit.InteropError(f"line 2 states {stated} blobs, but the layers output {len(given)}")
