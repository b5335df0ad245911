"""Networks that turn pictures into codes."""

from img2imgkit.nn.encoders.class_code import class_encoder
from img2imgkit.nn.encoders.content import content_encoder
from img2imgkit.nn.encoders.instance import instance_encoder
from img2imgkit.nn.encoders.style import style_encoder

__all__ = ["class_encoder", "content_encoder", "instance_encoder", "style_encoder"]
