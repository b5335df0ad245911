"""The U-Nets of waifu2x and Real-CUGAN, and SRMD, in ncnn's two files, as early and recent converters lay them out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ncnn_files import FLOAT16, Model, convolutions, floats, padded, random_state

State = Mapping[str, np.ndarray]
SLOPE = 0.1


class Unets(Model):
    """The layers of the U-Nets.

    Attributes:
        early: as the converters of waifu2x's time: sums as Eltwise, weighted channels as Scale, crops by a second input
    """

    early: bool = False

    def weighted(self, kind: str, x: int, state: State, name: str, more: str, activation: str = "") -> int:
        """A layer with a kernel, and its activation: "leaky", "relu", "sigmoid" or none."""
        kernel, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        stored = kernel.swapaxes(0, 1) if kind == "Deconvolution" else kernel  # ncnn's layout has the outputs first
        weights = FLOAT16 + padded(stored.astype("<f2").tobytes()) + floats(bias)
        slope = f"{SLOPE:f}" if self.early else f"{SLOPE:e}"
        ends = {"leaky": f" 9=2 -23310=1,{slope}", "relu": " 9=1", "sigmoid": " 9=4", "": ""}
        sizes = f"1=1 2={kernel.size}" if kind == "InnerProduct" else f"1={kernel.shape[-1]} 5=1 6={kernel.size}"
        return self.add(kind, [x], f"0={len(bias)} {sizes}{more}{ends[activation]}", weights)

    def valid(self, x: int, state: State, name: str, activation: str = "leaky") -> int:
        return self.weighted("Convolution", x, state, name, "", activation)

    def halved(self, x: int, state: State, name: str) -> int:
        return self.weighted("Convolution", x, state, name, " 3=2", "leaky")

    def doubled(self, x: int, state: State, name: str) -> int:
        return self.weighted("Deconvolution", x, state, name, " 3=2", "leaky")

    def pair(self, x: int, state: State, name: str) -> int:
        """Two convolutions, and attention if the state has it."""
        x = self.valid(self.valid(x, state, f"{name}.conv.0"), state, f"{name}.conv.2")
        if f"{name}.seblock.conv1.weight" not in state:
            return x
        mean = self.add("Pooling", [x], "0=1 4=1")
        few = self.weighted("InnerProduct", mean, state, f"{name}.seblock.conv1", "", "relu")
        many = self.weighted("InnerProduct", few, state, f"{name}.seblock.conv2", "", "sigmoid")
        return self.add("Scale", [x, many], "0=-233") if self.early else self.add("BinaryOp", [x, many], "0=2")

    def joined(self, large: int, width: int, small: int) -> int:
        """A map without its border, plus another one."""
        if self.early:
            cut = self.add("Crop", [large, small], f"0={width} 1={width}")
            return self.add("Eltwise", [cut, small], "0=1")
        return self.add("BinaryOp", [self.cut(large, width), small])

    def cut(self, x: int, width: int) -> int:
        return self.add("Crop", [x], f"-23309=2,{width},{width} -23310=2,{-width},{-width} -23311=2,-2,-1")


def cunet_state(scale: int = 2, width: int = 4, attention: bool = True) -> dict[str, np.ndarray]:
    inside = 2 * width if scale == 4 else 3
    pairs = {"unet1.conv1": (3, 1, 2), "unet1.conv2": (2, 4, 2), "unet2.conv1": (inside, 1, 2)}
    pairs |= {"unet2.conv2": (2, 2, 4), "unet2.conv3": (4, 8, 4), "unet2.conv4": (4, 2, 2)}
    widths = {}
    for name, (read, middle, written) in pairs.items():
        first = read if name.endswith("conv1") else read * width
        widths |= {f"{name}.conv.0": (first, middle * width), f"{name}.conv.2": (middle * width, written * width)}
    widths |= {f"{name}.conv{5 if name == 'unet2' else 3}": (2 * width, 2 * width) for name in ("unet1", "unet2")}
    widths |= {"unet2.conv_bottom": (2 * width, inside)} | ({"conv_final": (2 * width, 12)} if scale == 4 else {})
    shapes = convolutions(widths)
    steps = {"unet1.conv1_down": 2, "unet1.conv2_up": 2, "unet2.conv1_down": 2, "unet2.conv2_down": 4}
    for name, factor in (steps | {"unet2.conv3_up": 4, "unet2.conv4_up": 2}).items():
        shapes |= {f"{name}.weight": (factor * width, factor * width, 2, 2), f"{name}.bias": (factor * width,)}
    size = {1: 3, 3: 5}.get(scale, 4)
    bottom = (3, 2 * width, 3, 3) if scale == 1 else (2 * width, inside, size, size)
    shapes |= {"unet1.conv_bottom.weight": bottom, "unet1.conv_bottom.bias": (inside,)}
    for name in ("unet1.conv2", "unet2.conv2", "unet2.conv3", "unet2.conv4") if attention else ():
        read, few = pairs[name][2] * width, pairs[name][2] * width // 8
        shapes |= {f"{name}.seblock.conv1.weight": (few, read, 1, 1), f"{name}.seblock.conv1.bias": (few,)}
        shapes |= {f"{name}.seblock.conv2.weight": (read, few, 1, 1), f"{name}.seblock.conv2.bias": (read,)}
    return random_state(shapes)


def cunet_model(state: State, early: bool = False) -> Model:
    """The graph of a state's U-Nets; at scale 4 without the picture that the program adds."""
    model = Unets()
    model.early = early
    high = model.pair(model.add("Input"), state, "unet1.conv1")
    low = model.pair(model.halved(high, state, "unet1.conv1_down"), state, "unet1.conv2")
    x = model.valid(model.joined(high, 4, model.doubled(low, state, "unet1.conv2_up")), state, "unet1.conv3")
    more = {3: "", 4: " 3=2 4=3", 5: " 3=3 4=2"}[state["unet1.conv_bottom.weight"].shape[-1]]
    first = model.weighted("Deconvolution" if more else "Convolution", x, state, "unet1.conv_bottom", more)
    high = model.pair(first, state, "unet2.conv1")
    middle = model.pair(model.halved(high, state, "unet2.conv1_down"), state, "unet2.conv2")
    low = model.pair(model.halved(middle, state, "unet2.conv2_down"), state, "unet2.conv3")
    middle = model.pair(model.joined(middle, 4, model.doubled(low, state, "unet2.conv3_up")), state, "unet2.conv4")
    x = model.valid(model.joined(high, 16, model.doubled(middle, state, "unet2.conv4_up")), state, "unet2.conv5")
    x = model.joined(first, 20, model.valid(x, state, "unet2.conv_bottom", ""))
    if "conv_final.weight" in state:
        x = model.add("PixelShuffle", [model.cut(model.valid(x, state, "conv_final", ""), 1)], "0=2")
    return model


def srmd_state(scale: int = 2, code: int = 16, width: int = 4, depth: int = 3) -> dict[str, np.ndarray]:
    widths = {f"model.{2 * number}": (width if number else 3 + code, width) for number in range(depth - 1)}
    return random_state(convolutions(widths | {f"model.{2 * depth - 2}": (width, 3 * scale**2)}))


def srmd_model(state: State) -> Model:
    """SRMD, which reads maps beside the picture."""
    model = Unets()
    x, names = model.add("Input"), [name.removesuffix(".bias") for name in state if name.endswith(".bias")]
    for name in names:
        x = model.weighted("Convolution", x, state, name, " 4=1", "" if name == names[-1] else "relu")
    model.add("PixelShuffle", [x], f"0={int(np.sqrt(len(state[f'{names[-1]}.bias']) // 3))}")
    return model
