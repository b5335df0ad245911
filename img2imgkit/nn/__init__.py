"""Networks as functions that return a ``keras.Model``; ``keras.ops`` only, no files."""

from img2imgkit.nn.generators import srvgg

__all__ = ["srvgg"]
