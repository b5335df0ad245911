"""Descriptions of older formats in today's form: one function for each format that came before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Plain = dict[str, Any]


def upgraded(stated: Any) -> Any:
    """A bundle's description, or an exported model's with one inside, as today's format states it.

    What is no description, or of an unknown format, stays as it is: validation says what is wrong with it.
    """
    if not isinstance(stated, dict):
        return stated
    if isinstance(stated.get("manifest"), dict):
        return {**stated, "manifest": upgraded(stated["manifest"])}
    while "task" in stated and type(stated.get("format")) is int and (step := _STEPS.get(stated["format"])):
        stated = step(stated)
    return stated


def _from_1(stated: Plain) -> Plain:
    """Format 1 had components that were not chosen by name.

    These are networks of pix2pixHD and SPADE, one of which had two names, and adversarial losses, penalties and
    augmentations.
    """
    options = stated.get("options")
    if isinstance(options, dict):
        options = _with_components(options)
        generator, critic = options.get("generator"), options.get("critic")
        if isinstance(generator, dict) and generator.get("kind") in ("global", "local"):
            enhancers = 0 if generator["kind"] == "global" else generator.get("enhancers", 1)
            options["generator"] = {**generator, "kind": "pix2pixhd", "enhancers": enhancers}
        if isinstance(critic, dict) and "kind" not in critic:
            own = {"use_bias": False, "init": "xavier"} if stated.get("task") == "spade" else {}
            options["critic"] = {"kind": "multiscale", **critic, **own}
    return {**stated, "format": 2, "options": options}


def _with_components(options: Any) -> Any:
    """The options with every adversary of format 1 in them, however deeply nested, in the form of format 2."""
    if isinstance(options, dict):
        options = {key: _with_components(value) for key, value in options.items()}
        return _adversary_from_1(options) if options.keys() == _ADVERSARY_OF_1 else options
    return [_with_components(each) for each in options] if isinstance(options, list) else options


def _adversary_from_1(stated: Plain) -> Plain:
    """Label smoothing belongs to the losses that have labels; a relativistic loss is one that holds another."""
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
_STEPS: Mapping[int, Callable[[Plain], Plain]] = {1: _from_1}
