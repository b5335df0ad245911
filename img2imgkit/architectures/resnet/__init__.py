"""The residual generator of the official code of CycleGAN and CUT: ``ResnetGenerator``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from img2imgkit.architectures.contract import (
    Arguments,
    Assumption,
    Checkpoint,
    FeatureGenerator,
    NetworkSpec,
    Places,
    State,
)
from img2imgkit.architectures.state_dict import (
    has_batch_norm,
    if_complete,
    layer_index,
    statistics_assumption,
    without_instance_statistics,
)
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["Resnet"]

BLOCK = re.compile(r"model\.(\d+)\.conv_block\.(\d+)\.weight")


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``resnet``. Padding is reflection by default; replication looks the same."""
    first = state.get("model.1.weight")
    found = [match for name in state if (match := BLOCK.fullmatch(name)) and state[name].ndim == 4]
    last = max((name for name in state if re.fullmatch(r"model\.\d+\.weight", name)), key=layer_index, default="")
    if first is None or first.ndim != 4 or not found:
        return None
    blocks = sorted({int(match[1]) for match in found})
    inside = sorted({int(match[2]) for match in found})
    padded = inside[0] == 1
    filters = [layer_index(name) for name in state if re.fullmatch(r"model\.\d+\.filt", name)]
    options = {
        "blocks": len(blocks),
        "width": first.shape[0],
        "norm": "batch" if has_batch_norm(state) else "instance" if "model.1.bias" in state else "none",
        "dropout": 0.5 if inside[-1] - inside[0] == (5 if padded else 4) else 0.0,
        "channels": first.shape[1],
        "out_channels": state[last].shape[0],
        "antialias": any(index < blocks[0] for index in filters),
        "antialias_up": any(index > blocks[-1] for index in filters),
        "padding": "reflect" if padded else "zero",
    }
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    index = 1  # after the padding
    for part in ("stem", "down0", "down1"):
        yield from _step(f"model.{index}", f"model.{index + 1}", part, options)
        index += 4 if options["antialias"] and part != "stem" else 3
    padded = int(options["padding"] != "zero")
    smooth_up = options["antialias"] if options["antialias_up"] is None else options["antialias_up"]
    second = 3 + 2 * padded + int(options["dropout"] > 0)
    for number in range(options["blocks"]):
        for inside, position in enumerate((padded, second)):
            block = f"model.{index}.conv_block"
            yield f"{block}.{position}", f"block{number}_conv{inside}"
            if options["norm"] == "batch":
                yield f"{block}.{position + 1}", f"block{number}_norm{inside}"
        index += 1
    for part in ("up0", "up1"):
        index += int(smooth_up)
        yield from _step(f"model.{index}", f"model.{index + 1}", part, options)
        index += 3
    yield f"model.{index + 1}", "last_conv"


def assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What checkpoint files do not state."""
    found = list(statistics_assumption(arguments))
    if arguments["padding"] == "reflect":
        text = "residual blocks pad by reflection; files with replication padding look the same"
        found.append(Assumption("padding", "reflect", ("replicate",), text))
    if arguments["dropout"]:
        text = "each residual block has dropout of 0.5, in training only; the file does not state the rate"
        found.append(Assumption("dropout", arguments["dropout"], (), text))
    return tuple(found)


def _step(conv: str, norm: str, part: str, options: Arguments) -> Places:
    yield conv, f"{part}_conv"
    if options["norm"] == "batch":
        yield norm, f"{part}_norm"


class Resnet(FeatureGenerator):
    """The residual generator of CycleGAN (Zhu et al. 2017, https://arxiv.org/abs/1703.10593)."""

    name = "resnet"
    roles = ("generator", "feature-generator")
    uses = ("channels", "out_channels", "norm", "statistics")
    checkpoint = Checkpoint(recognise, places, without_instance_statistics, assumptions)

    blocks: int = Field(default=9, ge=0, description="residual blocks: 6 for 128x128 images, 9 for 256x256 and larger")
    width: int = Field(default=64, ge=1, description="filters of the first layer")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout rate inside each block")
    antialias: bool = Field(default=False, description="anti-aliased down- and upsampling")
    antialias_up: bool | None = Field(
        default=None, description="anti-aliased upsampling; null: the same as 'antialias'"
    )
    padding: Literal["reflect", "replicate", "zero"] = Field(
        default="reflect", description="padding of the residual blocks"
    )
    init: Literal["normal", "xavier"] = Field(default="normal", description="initializer of the kernels; xavier in CUT")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        """Reflection padding needs 3 pixels at full resolution and 1 at a quarter: 8 pixels at least."""
        blurs = self.antialias or bool(self.antialias_up)
        radius = None if spec.uses_image_statistics else 16 + 8 * self.blocks + 8 * blurs
        return Geometry(1, 4, radius, spec.channels, spec.out_channels, minimum=8)

    def build(self, spec: NetworkSpec) -> keras.Model:
        from img2imgkit.architectures.resnet.network import resnet

        return resnet(**self.arguments(spec))

    @property
    def taps(self) -> int:
        """The number of modules in the official code up to the last residual block."""
        return (12 if self.antialias else 10) + self.blocks

    def feature_sizes(self, taps: Sequence[int], size: tuple[int, int]) -> Sequence[tuple[int, int]]:
        found = []
        for tap in taps:
            height, width = (side + 6 for side in size) if tap == 0 else size  # 0: the padded image
            for halving in (7, 11) if self.antialias else (4, 7):
                height, width = (-(-side // 2) for side in (height, width)) if tap >= halving else (height, width)
            found.append((height, width))
        return found

    def features(self, model: keras.Model, taps: Sequence[int]) -> keras.Model:
        from img2imgkit.architectures.resnet.network import resnet_features

        return resnet_features(model, taps)
