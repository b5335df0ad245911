"""Networks that make images."""

from img2imgkit.nn.generators.residual_sr import residual_sr
from img2imgkit.nn.generators.srvgg import srvgg

__all__ = ["residual_sr", "srvgg"]
