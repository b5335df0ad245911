"""Networks as functions that return a ``keras.Model``; ``keras.ops`` only, no files."""

from img2imgkit.nn.generators import residual_sr, srvgg
from img2imgkit.nn.luma import enlarge_bicubic, luma, with_luma

__all__ = ["enlarge_bicubic", "luma", "residual_sr", "srvgg", "with_luma"]
