"""Floating-point types of weights that numpy lacks, widened to float32 without loss: bfloat16 and five float8 types.

The float8 types are those of "FP8 Formats for Deep Learning" (Micikevicius et al. 2022,
https://arxiv.org/abs/2209.05433), their variants without negative zero, and powers of two.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

BFLOAT16 = "bfloat16"
POWERS = "float8_e8m0fnu"  # exponents alone
FLOAT8 = {  # bits of the exponent and of the fraction, and the exponent's bias
    "float8_e4m3fn": (4, 3, 7),
    "float8_e5m2": (5, 2, 15),
    "float8_e4m3fnuz": (4, 3, 8),
    "float8_e5m2fnuz": (5, 2, 16),
    POWERS: (8, 0, 127),
}
WIDTHS = {BFLOAT16: 2, **dict.fromkeys(FLOAT8, 1)}
"""Bytes per number, by the type's name in PyTorch."""


def widened(codes: np.ndarray, kind: str) -> np.ndarray:
    """The numbers of a type in ``WIDTHS``.

    Args:
        codes: their bits as unsigned integers, 16 bits for bfloat16 and 8 for the others
    Shapes:
        any -> the same, float32
    """
    if kind == BFLOAT16:
        return (codes.astype("u4") << 16).view("f4")
    return _values(kind)[codes]


@lru_cache
def _values(kind: str) -> np.ndarray:
    """The value of each code. Shapes: (256,)."""
    exponents, fractions, bias = FLOAT8[kind]
    codes = np.arange(256)
    exponent = codes >> fractions & (1 << exponents) - 1
    fraction = (codes & (1 << fractions) - 1) / (1 << fractions)
    if kind == POWERS:
        values = np.ldexp(1.0, codes - bias)
        values[0xFF] = np.nan
        return values.astype("f4")
    values = np.where(exponent, np.ldexp(1 + fraction, exponent - bias), np.ldexp(fraction, 1 - bias))
    values = np.where(codes & 0x80, -values, values)
    if kind.endswith("fnuz"):
        values[0x80] = np.nan
    elif kind == "float8_e5m2":  # as IEEE 754 has it
        special = exponent == (1 << exponents) - 1
        values[special] = np.where(fraction, np.nan, np.copysign(np.inf, values))[special]
    else:
        values[[0x7F, 0xFF]] = np.nan
    return values.astype("f4")
