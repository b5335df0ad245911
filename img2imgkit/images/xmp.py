"""Read and change single properties of an XMP packet, so that all its other bytes are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
ITEM = "li"  # of lists, in RDF
XMLNS = "http://www.w3.org/2000/xmlns/"  # of properties that are declarations: their text is a namespace
_TAG = re.compile(rb"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(rb"""\s([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
# Bounds of the work on a packet.
MAX_BYTES, MAX_ELEMENTS, MAX_DEPTH, MAX_PREFIXES = 4 << 20, 50_000, 64, 1000
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")


class Property(NamedTuple):
    """A property: its namespace and name, its text, and its places in the packet as pairs of offsets.

    ``whole`` is the place of the attribute or element, ``value`` that of its text; ``text`` is empty for structures.
    ``within`` are the names of the elements around it. The items of lists are properties as well.
    """

    namespace: str
    name: str
    text: str
    whole: tuple[int, int]
    value: tuple[int, int]
    within: tuple[str, ...]


@dataclass
class _Open:
    """An element that has not ended yet."""

    namespace: str
    name: str
    start: int
    tag_end: int
    text: list[str] = field(default_factory=list)
    has_children: bool = False


class Packet:
    """An XMP packet, parsed once.

    Raises:
        ValueError: it is not well-formed XML, has a DOCTYPE, which XMP does not allow, or is too large.
    """

    def __init__(self, data: bytes) -> None:
        self.data = as_utf8(data)
        if len(self.data) > MAX_BYTES:
            raise ValueError(f"it has {len(self.data)} bytes, more than {MAX_BYTES}")
        self.properties: tuple[Property, ...] = tuple(_Scan(self.data).run())

    def find(self, namespace: str, names: Callable[[str], object] = lambda _: True) -> list[Property]:
        """Return the properties of a namespace whose names are accepted."""
        return [each for each in self.properties if each.namespace == namespace and names(each.name)]

    def edited(self, texts: Iterable[tuple[Property, str]], removed: Iterable[Property] = ()) -> bytes:
        """Return the packet with other texts for some properties, and without others."""
        edits = [(*each.whole, b"") for each in removed]
        edits += [(*each.value, escape(text, {'"': "&quot;", "'": "&apos;"}).encode()) for each, text in texts]
        parts, done = list[bytes](), 0
        for start, end, new in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
            if start >= done:  # otherwise it is inside a removed property
                parts += [self.data[done:start], new]
                done = end
        return b"".join([*parts, self.data[done:]])


def as_utf8(data: bytes) -> bytes:
    """Return a packet in UTF-8, without padding of zeros. Raises ValueError if its UTF-16 is damaged."""
    data = data if data.startswith(_UTF16) else data.rstrip(b"\0")
    if data.startswith(_UTF16):
        order = "utf-16" if data[:2] in _UTF16[:2] else "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
        data = data.decode(order).rstrip("\0").encode()
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()


class _Scan:
    """One pass of expat over a packet, which collects its properties."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.found: list[Property] = []
        self._scopes: list[dict[str, str]] = [{}]
        self._open: list[_Open] = []
        self._left = MAX_ELEMENTS  # and attributes
        self._parser = expat.ParserCreate("utf-8")
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler, self._parser.EndElementHandler = self._start, self._end
        self._parser.CharacterDataHandler, self._parser.StartDoctypeDeclHandler = self._text, self._doctype

    def run(self) -> list[Property]:
        """Return all properties. Raises ValueError."""
        try:
            self._parser.Parse(self.data, True)
        except (expat.ExpatError, KeyError) as error:
            raise ValueError(f"it is not well-formed XML: {error}") from error
        return self.found

    def _start(self, qname: str, attributes: list[str]) -> None:
        pairs = list(zip(attributes[::2], attributes[1::2], strict=True))
        self._left -= 1 + len(pairs)
        if self._left < 0 or len(self._open) > MAX_DEPTH or len(self._scopes[-1]) > MAX_PREFIXES:
            raise ValueError("it has too many elements or prefixes, or is nested too deeply")
        declared = {name[6:]: value for name, value in pairs if name == "xmlns" or name.startswith("xmlns:")}
        scope = {**self._scopes[-1], **declared} if declared else self._scopes[-1]
        at = self._parser.CurrentByteIndex
        tag = _TAG.match(self.data, at)
        if tag is None:
            raise ValueError("it is not well-formed XML: a tag does not end")
        if self._open:
            self._open[-1].has_children = True
        element = _Open(*_resolved(qname, scope), at, tag.end())
        self._open.append(element)
        self._scopes.append(scope)
        if pairs:
            self._attributes(pairs, element)

    def _attributes(self, pairs: list[tuple[str, str]], element: _Open) -> None:
        places = {each[1]: each for each in _ATTRIBUTE.finditer(self.data, element.start, element.tag_end)}
        within = tuple(each.name for each in self._open)
        for attribute, text in pairs:
            if ":" in attribute:
                place = places[attribute.encode()]
                value = place.span(3 if place[2] is None else 2)
                declares = attribute.startswith("xmlns:")
                key = (XMLNS, attribute[6:]) if declares else _resolved(attribute, self._scopes[-1])
                self.found.append(Property(*key, text, place.span(), value, within))

    def _end(self, _qname: str) -> None:
        element = self._open.pop()
        self._scopes.pop()
        at = self._parser.CurrentByteIndex
        empty = self.data[element.tag_end - 2 : element.tag_end] == b"/>"
        inner, stop = (element.tag_end, element.tag_end) if empty else (at, self.data.find(b">", at) + 1)
        if element.namespace != RDF or element.name == ITEM:
            text = "" if element.has_children else "".join(element.text).strip()
            places = (element.start, stop), (element.tag_end, inner)
            names = tuple(each.name for each in self._open)
            self.found.append(Property(element.namespace, element.name, text, *places, names))

    def _text(self, text: str) -> None:
        self._open[-1].text.append(text)

    def _doctype(self, *_: object) -> None:
        raise ValueError("it has a DOCTYPE")


def _resolved(qname: str, scope: dict[str, str]) -> tuple[str, str]:
    prefix, _, name = qname.rpartition(":")
    return scope.get(prefix, ""), name
