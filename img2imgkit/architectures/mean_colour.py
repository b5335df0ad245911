"""The mean colour that networks for super-resolution subtract from their input: options, places, what files leave open.

Networks of the first official codes of EDSR and RCAN map levels from 0 to 255, and have the mean in weights; later ones
scale values from 0 to 1.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from img2imgkit.architectures.contract import Arguments, Assumption, OfficialValues, Places, State

DIV2K = (0.4488, 0.4371, 0.4040)  # mean R, G and B of the data set, in [0, 1]: rgb_mean of the official code
STORED = ("sub_mean", "add_mean")  # the mean in weights
Gain = Annotated[float, Field(gt=0, description="scale of the mean-subtracted input (img_range)")]
Colour = Annotated[tuple[float, float, float], Field(description="mean R, G and B, for values in [0, 1]")]
Levels = Annotated[
    bool, Field(description="values from 0 to gain, and a mean in weights, as in the first official code")
]


def found_mean(state: State) -> dict[str, object]:
    """The arguments ``gain``, ``mean`` and ``levels`` of EDSR and RCAN."""
    return {"gain": 255.0, "mean": DIV2K, "levels": f"{STORED[0]}.weight" in state}


def mean_places(options: Arguments) -> Places:
    """Yield the modules of a mean in weights, and their layers."""
    yield from ((name, name) for name in STORED if options["levels"])


def values_of(levels: bool) -> OfficialValues:
    """The official range of values."""
    return "levels" if levels else "unit"


def colour_assumptions(arguments: Arguments) -> tuple[Assumption, ...]:
    """What files do not state: how the input is scaled and centred."""
    if arguments.get("levels"):
        return ()
    gain, mean = arguments["gain"], tuple(arguments["mean"])
    scaled = f"values are scaled by {gain:g}, the official img_range of such networks"
    colours = f"the mean colour is {', '.join(map(str, mean))}, as in the official code"
    return (Assumption("gain", gain, (), scaled), Assumption("mean", mean, (), colours))
