"""The U-Net critic of Real-ESRGAN's official code: ``UNetDiscriminatorSN``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from img2imgkit.architectures.contract import (
    Architecture,
    Arguments,
    Assumption,
    Checkpoint,
    NetworkSpec,
    Places,
    State,
)
from img2imgkit.architectures.state_dict import if_complete
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["UnetCritic"]


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``unet_critic``, see ``assumptions``."""
    first = state.get("conv0.weight")
    if first is None or first.ndim != 4 or "conv1.weight_orig" not in state:
        return None
    options = {"channels": first.shape[1], "width": first.shape[0], "skip": True}
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    del options  # the modules are always the same
    for number in range(10):
        yield f"conv{number}", f"conv{number}"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    text = "skip connections are on, as in the official code; the file does not state them"
    return (Assumption("skip", arguments["skip"], (not arguments["skip"],), text),)


class UnetCritic(Architecture):
    """A U-Net with spectral normalization (Wang et al. 2021, https://arxiv.org/abs/2107.10833)."""

    name = "unet-critic"
    roles = ("critic",)
    makes_pictures = False
    checkpoint = Checkpoint(recognise, places, assumptions=assumptions)

    width: int = Field(default=64, ge=1, description="filters of the first layer")
    skip: bool = Field(default=True, description="skip connections between encoder and decoder")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(multiple=8, radius=None, channels=spec.channels, minimum=8)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.unet_critic.network import unet_critic

        return unet_critic(**self.arguments(spec))
