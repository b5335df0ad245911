"""How many attention heads the blocks of DRCT have."""

from __future__ import annotations


def heads_for(width: int, heads: int, first: int) -> int:
    """The heads of a block of some width, in a group whose first block has width ``first``, as the official code.

    The remainder of its width is subtracted from the heads of later blocks, whether or not they divide it then.
    """
    return heads if width == first else heads - width % heads
