"""Mutations of sound files, as a strategy of hypothesis: what it finds, it shrinks."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 31, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)
WIDTHS = (1, 2, 4, 8)
KINDS = ("byte", "number", "cut", "remove", "repeat", "insert", "splice", "token")


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes], tokens: Sequence[bytes] = (b"\0",)) -> bytes:
    """One of the seeds with one to six changes; ``tokens`` are words of the format."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        kind, at = draw(st.sampled_from(KINDS)), draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(1, 64))
        if kind == "byte":
            data[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif kind == "number":
            width, order = draw(st.sampled_from(WIDTHS)), draw(st.sampled_from(("little", "big")))
            number = draw(st.sampled_from(NUMBERS)) % (1 << (8 * width))
            data[at : at + width] = number.to_bytes(width, order)  # type: ignore[arg-type]
        elif kind == "cut":
            del data[at:]
        elif kind == "remove":
            del data[at : at + length]
        elif kind == "repeat":
            data[at:at] = data[at : at + length] * draw(st.integers(1, 20))
        elif kind == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=16))
        elif kind == "splice":
            other = draw(st.sampled_from(seeds))
            start = draw(st.integers(0, max(len(other) - 1, 0)))
            data[at : at + length] = other[start : start + length]
        else:
            data[at:at] = draw(st.sampled_from(tokens))
    return bytes(data)
