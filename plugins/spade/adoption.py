"""SPADE of networks from the official code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from img2imgkit_plugins.spade.options import CriticPart, Options, StylePart
from pydantic import ValidationError

import img2imgkit as kit
from img2imgkit.adversary import Adversary
from img2imgkit.exchange import by_use

# the official code's data sets by the channels of their maps: classes, whether there are pixels of none, and borders
OFFICIAL: Mapping[int, tuple[str, int, bool, bool]] = {
    36: ("Cityscapes", 35, False, True),
    184: ("COCO-Stuff", 182, True, True),
    151: ("ADE20K", 150, True, False),
    13: ("the facades", 13, False, False),
}


def adoption(networks: Sequence[kit.Foreign]) -> kit.Adoption | None:
    """How a bundle is made of them, see ``Task.adopt``."""
    found = by_use(networks, generator=("spade_generator",), encoder=("style_encoder",), critic=("multiscale_critic",))
    if found is None or any(len(some) > 1 for some in found.values()):
        return None
    roles = {use: kit.Taken(found[use][0]) for use in ("generator", "encoder") if found[use]}
    generator, encoder, critic = (networks[some[0]] if some else None for some in found.values())
    if generator is None:
        lacking = ("the generator, officially latest_net_G.pth",)
        return kit.Adoption({}, roles, lacking=lacking) if encoder else None
    classes, note = _classes(generator.arguments["channels"])
    options = _options(generator, encoder, critic, classes) if _fit(generator, encoder, critic) else None
    if options is None:
        return None
    notes = (note, _doublings(options)) if options.upsampling == "normal" else (note,)
    return kit.Adoption(options.model_dump(mode="json"), roles, lacking=_lacking(generator, encoder), notes=notes)


def _fit(generator: kit.Foreign, encoder: kit.Foreign | None, critic: kit.Foreign | None) -> bool:
    """Whether they write and read pictures in colours, and the critics see what the generator does."""
    if generator.arguments["out_channels"] != 3 or (encoder and encoder.arguments["channels"] != 3):
        return False
    if critic is None:
        return True
    own = critic.arguments
    seen = generator.arguments["channels"] + 3
    return (own["channels"], own["use_bias"], own["norm"]) == (seen, False, "instance")


def _options(
    generator: kit.Foreign, encoder: kit.Foreign | None, critic: kit.Foreign | None, classes: Mapping[str, Any]
) -> Options | None:
    """None: no such networks are built here, such as of 300 classes."""
    names = {"width": "width", "norm": "norm", "spectral": "spectral", "kernel": "kernel_size"}
    stated = {option: generator.arguments[argument] for option, argument in names.items()}
    stated |= {**classes, "upsampling": generator.arguments["upsampling"]}
    try:
        if critic is not None:
            sizes = {name: critic.arguments[name] for name in ("scales", "layers", "width")}
            stated |= {"critic": CriticPart(**sizes)}
            stated |= {"adversary": Adversary(loss="hinge", spectral=critic.arguments["spectral"])}
        return Options(style=_style(generator, encoder), **stated)
    except ValidationError:
        return None


def _classes(channels: int) -> tuple[dict[str, Any], str]:
    """What the channels that a generator reads may be, and in words that nobody has stated it."""
    usual = ("maps with borders", max(1, channels - 1), False, channels > 1)
    whose, classes, unknown, edges = OFFICIAL.get(channels, usual)
    parts = [
        f"{classes} classes",
        *(["1 for pixels of none"] if unknown else []),
        *(["1 for borders"] if edges else []),
    ]
    note = (
        f"the {channels} channels that the generator reads are taken for those of {whose}: {', '.join(parts)}; "
        "state otherwise, which must give as many: --set classes=... --set unknown=true --set edges=false"
    )
    return {"classes": classes, "unknown": unknown, "edges": edges}, note


def _style(generator: kit.Foreign, encoder: kit.Foreign | None) -> StylePart | None:
    """The size is that of the training, as far as the file tells; an encoder's width is its own."""
    if generator.arguments.get("latent") is None:
        return None
    multiple = Options(upsampling=generator.arguments["upsampling"]).multiple
    height, width = generator.arguments["size"]
    own = {} if encoder is None else {"width": encoder.arguments["width"]}
    return StylePart(latent=generator.arguments["latent"], size=(height * multiple, width * multiple), **own)


def _lacking(generator: kit.Foreign, encoder: kit.Foreign | None) -> tuple[str, ...]:
    latent = generator.arguments.get("latent")
    if latent is None and encoder is not None:
        return (f"a generator that reads a style, as --use_vae makes it: without one, leave {encoder.source} out",)
    if latent is not None and encoder is None:
        return ("the encoder of styles that belongs to this generator, officially latest_net_E.pth",)
    if encoder is not None and encoder.arguments["latent"] != latent:
        own = encoder.arguments["latent"]
        return (f"an encoder of styles of {latent} numbers, which the generator reads: {encoder.source} makes {own}",)
    return ()


def _doublings(options: Options) -> str:
    said = "5 doublings are assumed; 6 leave the same file: --set upsampling=more"
    if options.style is None:
        return said
    height, width = options.style.size
    shape = f"training pictures of {height} x {width} pixels are assumed, since the file only tells their area"
    return f"{said} --set 'style.size=[{2 * height}, {2 * width}]'; {shape}: others by style.size"
