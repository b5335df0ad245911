"""The patch projection of CUT's official code: ``PatchSampleF``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from img2imgkit.architectures.contract import Architecture, Arguments, Checkpoint, NetworkSpec, Places, State
from img2imgkit.architectures.state_dict import if_complete

if TYPE_CHECKING:
    import keras

    from img2imgkit.nn.layers.convolution import Init

__all__ = ["PatchProjection"]


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``patch_sample``."""
    widths: list[int] = []
    while (kernel := state.get(f"mlp_{len(widths)}.0.weight")) is not None and kernel.ndim == 2:
        widths.append(kernel.shape[1])
    if not widths:
        return None
    options = {"widths": tuple(widths), "width": state["mlp_0.0.weight"].shape[0]}
    return if_complete(state, options, places)


def places(options: Arguments) -> Places:
    """Yield each module and its layer."""
    for number in range(len(options["widths"])):
        yield f"mlp_{number}.0", f"mlp{number}_dense0"
        yield f"mlp_{number}.2", f"mlp{number}_dense1"


class PatchProjection(Architecture):
    """The patch projection of CUT (Park et al. 2020, https://arxiv.org/abs/2007.15651)."""

    name = "patch-projection"
    roles = ("projection",)
    uses = ("widths",)
    makes_pictures = False
    checkpoint = Checkpoint(recognise, places)

    width: int = Field(default=256, ge=1, description="dimensions of a patch's embedding")
    init: Literal["normal", "xavier"] = Field(default="xavier", description="initializer of the kernels")

    def problem(self, spec: NetworkSpec) -> str:
        return "" if spec.widths else "widths: the channels of each tap's features are required"

    def build(self, spec: NetworkSpec) -> keras.Model:
        return patch_sample(**self.arguments(spec))


def patch_sample(widths: Sequence[int], width: int = 256, init: Init = "xavier") -> keras.Model:
    """A two-layer MLP for each layer of features (Park et al. 2020, https://arxiv.org/abs/2007.15651, eq. 2).

    Shapes:
        a list of (N, P, widths[i]) -> a list of (N, P, width), float32, unit vectors

    Args:
        widths: channels of each layer's features
        init: kernel initializer, see ``initializer``

    >>> first, second = patch_sample([3, 8], width=4)([ops.ones((1, 5, 3)), ops.ones((1, 7, 8))])
    >>> ops.shape(first), ops.shape(second)
    ((1, 5, 4), (1, 7, 4))
    """
    import keras
    from keras import layers

    from img2imgkit.nn.layers import ListModel, UnitLength, initializer

    sources, projected = [], []
    for number, channels in enumerate(widths):
        source = keras.Input((None, channels), name=f"features{number}")
        options: dict[str, Any] = {"kernel_initializer": initializer(init), "name": f"mlp{number}_dense0"}
        x = layers.Dense(width, activation="relu", **options)(source)
        options = {"kernel_initializer": initializer(init), "name": f"mlp{number}_dense1", "dtype": "float32"}
        x = layers.Dense(width, **options)(x)
        sources.append(source)
        projected.append(UnitLength(dtype="float32", name=f"mlp{number}_unit")(x))
    return ListModel(sources, projected, name="patch_sample")
