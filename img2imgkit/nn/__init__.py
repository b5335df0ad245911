"""Networks as functions that return a ``keras.Model``; ``keras.ops`` only, no files."""

from img2imgkit.nn.generators import srvgg
from img2imgkit.nn.luma import enlarge_bicubic, luma, with_luma

__all__ = ["enlarge_bicubic", "luma", "srvgg", "with_luma"]
