"""The upsampling steps of SPADE's generator."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Upsampling = Literal["normal", "more", "most"]
DOUBLINGS: Mapping[Upsampling, int] = MappingProxyType({"normal": 5, "more": 6, "most": 7})
