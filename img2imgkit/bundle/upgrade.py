"""Upgrade manifests of older formats to the current one, with one function per older format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Plain = dict[str, Any]


def upgraded(stated: Any) -> Any:
    """Upgrade a manifest, or an exported model's description that contains one, to the current format.

    Anything else, including unknown formats, is returned unchanged for validation to report.
    """
    if not isinstance(stated, dict):
        return stated
    if isinstance(stated.get("manifest"), dict):
        return {**stated, "manifest": upgraded(stated["manifest"])}
    while "task" in stated and type(stated.get("format")) is int and (step := _STEPS.get(stated["format"])):
        stated = step(stated)
    return stated


def _from_1(stated: Plain) -> Plain:
    """In format 1, many components were not chosen by name: most networks of some tasks, and parts of adversaries."""
    options = stated.get("options")
    if isinstance(options, dict):
        options = _with_components(options)
        if convert := _OPTIONS_OF_1.get(stated.get("task", "")):
            options = convert(options)
    return {**stated, "format": 2, "options": options}


def _spade_from_1(options: Plain) -> Plain:
    options = _with_named_critic(options, use_bias=False, init="xavier")
    own = {"width": "width", "kernel": "kernel_size", "upsampling": "upsampling"}
    options["generator"] = _moved(options, "spade", own)
    if isinstance(style := options.get("style"), dict):
        encoder = _moved(style, "style-encoder", {"width": "width"})
        renamed = {"code" if name == "latent" else name: value for name, value in style.items()}
        options["style"] = {**renamed, "encoder": encoder}
    return options


def _pix2pixhd_from_1(options: Plain) -> Plain:
    """The generator had two names."""
    options, generator = _with_named_critic(options), options.get("generator")
    if isinstance(generator, dict) and generator.get("kind") in ("global", "local"):
        enhancers = 0 if generator["kind"] == "global" else generator.get("enhancers", 1)
        options["generator"] = {**generator, "kind": "pix2pixhd", "enhancers": enhancers}
    if isinstance(encoder := options.get("encoder"), dict):
        network = _moved(encoder, "instance-encoder", {"width": "width", "downs": "downs"})
        options["encoder"] = {**encoder, "network": network}
    return options


def _cut_from_1(options: Plain) -> Plain:
    both = {"antialias": options.get("antialias", True), "init": "xavier"}
    names = {name: name for name in ("blocks", "width", "dropout", "antialias_up")}
    generator = _moved(options, "resnet", names, **both)
    critic = _moved(options, "patch", {"critic_width": "width", "critic_layers": "layers"}, **both)
    projection = _moved(options, "patch-projection", {"projection": "width"})
    options.pop("antialias", None)
    return {**options, "generator": generator, "critic": critic, "projection": projection}


def _stargan_from_1(options: Plain) -> Plain:
    generator = _moved(options, "stargan", {"width": "width", "blocks": "blocks"})
    critic = _moved(options, "stargan-critic", {"critic_width": "width", "critic_layers": "layers"})
    return {**options, "generator": generator, "critic": critic}


def _funit_from_1(options: Plain) -> Plain:
    """The encoders had the same width, and the content encoder as many blocks as the decoder."""
    width, blocks = ({name: options.pop(name)} if name in options else {} for name in ("width", "blocks"))
    networks = {
        "content_encoder": _moved(options, "content-encoder", {"content_downs": "downs"}, **width, **blocks),
        "class_encoder": _moved(options, "class-encoder", {"class_downs": "downs"}, **width),
        "decoder": _moved(options, "adain-decoder", {name: name for name in ("mlp_width", "mlp_layers")}, **blocks),
        "critic": _moved(options, "class-critic", {"critic_width": "width", "critic_blocks": "blocks"}),
    }
    return {**options, **networks}


def _with_named_critic(options: Plain, **more: Any) -> Plain:
    critic = options.get("critic")
    if isinstance(critic, dict) and "kind" not in critic:
        return {**options, "critic": {"kind": "multiscale", **critic, **more}}
    return options


def _moved(options: Plain, kind: str, names: Mapping[str, str], **more: Any) -> Plain:
    """Remove a task's options and return them as a component's: its names by those of the task, and ``more``."""
    return {"kind": kind, **{new: options.pop(old) for old, new in names.items() if old in options}, **more}


def _with_components(options: Any) -> Any:
    """Convert every adversary of format 1 in the options, at any depth, to format 2."""
    if isinstance(options, dict):
        options = {key: _with_components(value) for key, value in options.items()}
        return _adversary_from_1(options) if options.keys() == _ADVERSARY_OF_1 else options
    return [_with_components(each) for each in options] if isinstance(options, list) else options


def _adversary_from_1(stated: Plain) -> Plain:
    """Move label smoothing into the losses that use labels; a relativistic loss wraps another loss."""
    loss: Plain = {"kind": stated["loss"]}
    if stated["loss"] in ("vanilla", "lsgan"):
        loss["smoothing"] = stated["smoothing"]
    if stated["relativistic"]:
        loss = {"kind": "relativistic", "loss": loss}
    return {
        "loss": loss,
        "penalty": None if stated["penalty"] == "none" else stated["penalty"],
        "augment": stated["augment"],
        "spectral": stated["spectral"],
    }


_ADVERSARY_OF_1 = {"loss", "relativistic", "smoothing", "penalty", "augment", "spectral"}
_OPTIONS_OF_1: Mapping[str, Callable[[Plain], Plain]] = {
    "cut": _cut_from_1,
    "spade": _spade_from_1,
    "pix2pixhd": _pix2pixhd_from_1,
    "pix2pixhd-photo": _pix2pixhd_from_1,
    "stargan": _stargan_from_1,
    "funit": _funit_from_1,
}
_STEPS: Mapping[int, Callable[[Plain], Plain]] = {1: _from_1}
