"""SPADE's styles: the options of the code and its encoder, and how codes and seeds are drawn."""

from __future__ import annotations

from typing import Any

from pydantic import Field

import img2imgkit as kit
from img2imgkit import ops
from img2imgkit.architectures import StyleEncoder

WRITTEN = 3  # channels of photographs


class StyleOptions(kit.Config):
    """The style code, and the network that encodes a photograph as one."""

    code: int = Field(default=256, ge=1, description="length of the style code")
    size: tuple[int, int] = Field(
        default=(256, 256),
        description="height and width of training pictures; for other sizes the generator's initial feature map is "
        "resized",
    )
    encoder: kit.ArchitectureChoice = kit.choice("style-encoder", StyleEncoder(), "architecture of the style encoder")

    @property
    def encoder_spec(self) -> kit.NetworkSpec:
        """The spec of the style encoder."""
        return kit.NetworkSpec(WRITTEN, code=self.code, size=self.size)

    def check_choices(self) -> None:
        self.encoder.check(self.encoder_spec, "encoder")


def reparameterized(mean: Any, log_variance: Any, eps: Any) -> Any:
    """Draw a code from its distribution (Kingma and Welling 2013, https://arxiv.org/abs/1312.6114, section 2.4).

    Shapes:
        (N, D) each, ``eps`` standard normal -> (N, D)
    """
    return mean + eps * ops.exp(0.5 * log_variance)


def parsed_seed(value: Any) -> int:
    """Parse a whole number from 0. Raises ValueError for other values."""
    if isinstance(value, bool) or not str(value).isdecimal():
        raise ValueError(f"expected a whole number, 0 or more, got {value!r}")
    return int(value)
