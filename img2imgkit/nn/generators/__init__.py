"""Networks that make images."""

from img2imgkit.nn.generators.srvgg import srvgg

__all__ = ["srvgg"]
