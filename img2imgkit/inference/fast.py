"""``precision: fast``: the fastest number format that a device computes natively, if it hardly changes a picture.

The difference from float32 is measured on three photographs of 128x128 pixels, in the 8-bit levels that would be
written. Beyond ``LEAST_PSNR`` or ``MOST_LEVELS`` float32 is used. A bundle of a task that reads more than a picture
cannot be measured, and uses float32, too. int8 is not among the formats: no bundle carries a calibrated form.

A measured difference is kept in the user's cache folder, in a file named by what it depends on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, ValidationError

from img2imgkit.bundle import Bundle
from img2imgkit.config import Config
from img2imgkit.engine import Engine, OutOfMemory, Precision
from img2imgkit.errors import TranslateError
from img2imgkit.files import read_text, sha256, write_whole
from img2imgkit.images import Picture, decode, to_levels
from img2imgkit.inference.engines import devices
from img2imgkit.inference.engines.selection import FAST, Selected
from img2imgkit.inference.exported.exported_model import ExportedModel
from img2imgkit.inference.inputs.channels import levels_read, to_model
from img2imgkit.inference.inputs.conditions import Translates, conditions_of
from img2imgkit.inference.inputs.translate_options import TranslateOptions
from img2imgkit.inference.model import Model, Opening
from img2imgkit.inference.tiles.grid import padded, region
from img2imgkit.places import Places

LEAST_PSNR, MOST_LEVELS = 45.0, 8
"""Bounds on the difference from float32: about what a photograph loses when it is saved as JPEG at quality 98 without
chroma subsampling. Trained enlargers in bfloat16 are within 54 dB and 4 levels."""

FOLDER = "fast-precision"  # in the user's cache folder
PICTURES = Path(__file__).parent / "pictures"
SIDE = 128  # pixels, or the network's minimum size if that is larger
_IDENTICAL = 100.0  # dB, in place of infinity
_MAX_RECORD = 4096  # bytes


class Difference(Config):
    """How far a number format is from float32."""

    levels: int = Field(ge=0, description="The largest difference, in levels of 255.")
    psnr: float = Field(description="The peak signal-to-noise ratio in dB over all pictures, at most 100.")

    @property
    def is_small(self) -> bool:
        """Whether it is within the bounds."""
        return self.psnr >= LEAST_PSNR and self.levels <= MOST_LEVELS

    def __str__(self) -> str:
        unit = "level" if self.levels == 1 else "levels"
        return f"differs from float32 by up to {self.levels} {unit} (PSNR {self.psnr:.1f} dB)"


class Decision(Config):
    """What "fast" means for one model on one device, as the recipe of outputs records it."""

    candidate: str = Field(description="The fastest number format that the device computes natively.")
    difference: Difference | None = Field(default=None, description="The candidate's difference; null: not measured.")
    reason: str = Field(default="", description="Why float32 is used, apart from the difference.")
    is_final: bool = Field(default=True, description="False in a dry run that has not measured the difference.")

    @property
    def is_candidate(self) -> bool:
        """Whether the candidate is used, and not float32 in its place."""
        return not self.reason and (self.difference is None or self.difference.is_small)

    def __str__(self) -> str:
        if self.reason:
            return f"fast: {self.reason}"
        if not self.is_final:
            return f"fast: not decided yet, the run first measures how much {self.candidate} differs from float32"
        if self.difference is None:
            return "fast: the outputs that exist use it"
        limits = "" if self.difference.is_small else f", beyond {MOST_LEVELS} levels or {LEAST_PSNR:g} dB"
        return f"fast: {self.candidate} {self.difference}{limits}"


class Decided(NamedTuple):
    """A selected engine with the precision to use, and why."""

    selected: Selected
    decision: Decision


@dataclass(frozen=True)
class Subject:
    """A model that is to run on a device.

    Attributes:
        digests: of the bundle, and of its ONNX form if the engine opens it
        choices: of the task, those that differ from the defaults
        task: its task, unless a picture is known to be its only input
        device: the requested device
        engines: the installed engines
    """

    digests: tuple[str, str]
    choices: Mapping[str, Any]
    task: Translates | None
    device: str
    engines: Mapping[str, type[Engine]]

    def entry(self, candidate: Selected, places: Places) -> Path:
        """The file in the cache for an engine and a number format, whether or not it exists.

        It is named by the pictures, the digests, the choices, the engine, its version, and the kind of processor.
        """
        stated = [self.digests, self.choices, candidate.record(), self._processor(candidate)]
        hashed = json.dumps([*stated, [sha256(path) for path in _pictures()]], sort_keys=True)
        return places.cache / FOLDER / f"{hashlib.sha256(hashed.encode()).hexdigest()[:32]}.json"

    def _processor(self, candidate: Selected) -> list[str]:
        """The products' names of the devices, and what they compute natively."""
        there = devices.chosen(self.device, candidate.device, self.engines[candidate.name]().devices())
        return sorted({text for each in there for text in (each.description or each.name, *each.precisions)})

    def measured(self, candidate: Selected, load: Callable[[], Bundle | ExportedModel]) -> Difference:
        """See ``measured``."""
        options = TranslateOptions(choices=dict(self.choices))
        model = load().choosing(options.choices)
        return measured(model, Opening.chosen(model, options, self.device, candidate, self.engines))


def decided(
    candidate: Selected,
    subject: Subject,
    places: Places,
    kept: Mapping[str, Any],
    load: Callable[[], Bundle | ExportedModel] | None,
) -> Decided:
    """Decide by the difference in the cache, or by one that is measured and put there.

    If the outputs that exist have the same precision, what was known when they were made is kept, too.

    Args:
        candidate: the engine, with the fastest precision that the device computes natively
        kept: ``Selected.record`` of outputs that exist, with the decision as ``FAST``
        load: loads the model; None: nothing may be loaded now, so the decision may be left open

    Raises:
        BundleError: the model cannot be loaded.
    """
    if earlier := _kept_decision(candidate, kept):
        return Decided(candidate, earlier)
    made = _made(candidate, subject, places, load)
    return made._replace(decision=_kept_decision(made.selected, kept) or made.decision)


def _made(
    candidate: Selected, subject: Subject, places: Places, load: Callable[[], Bundle | ExportedModel] | None
) -> Decided:
    if why := _why_exact(candidate, subject.task):
        return _decided(candidate, reason=why)
    entry = subject.entry(candidate, places)
    difference = _read(entry)
    if difference is None and load is None:
        return _decided(candidate, is_final=False)
    if difference is None and load is not None:
        try:
            difference = subject.measured(candidate, load)
        except (TranslateError, OutOfMemory, MemoryError) as error:
            return _decided(candidate, reason=f"the difference of {candidate.precision} cannot be measured: {error}")
        _keep(entry, difference)
    return _decided(candidate, difference=difference)


def opened(
    model: Bundle | ExportedModel,
    options: TranslateOptions,
    device: str,
    selected: Selected | None,
    engines: Mapping[str, type[Engine]],
) -> Opening:
    """``Opening.chosen``; without a plan, "fast" is decided by a measurement.

    Raises:
        ConfigError: see ``Opening.chosen``.
        BundleError: the model cannot be opened.
    """
    opening = Opening.chosen(model, options, device, selected, engines)
    if selected is not None or options.precision != FAST or opening.precision == "float32":
        return opening
    with suppress(TranslateError, OutOfMemory, MemoryError):
        if not _reads_more(model.task) and measured(model, opening).is_small:
            return opening
    return replace(opening, precision="float32")


def measured(model: Bundle | ExportedModel, opening: Opening) -> Difference:
    """The difference of an opening's precision from float32 on the pictures.

    Raises:
        BundleError: the model cannot be opened.
        OutOfMemory: the device ran out of memory.
        TranslateError: the output is not finite, or the model failed for another reason.
    """
    quick = Model(model.manifest.name, opening, ensemble=False)
    exact = Model(model.manifest.name, replace(opening, precision="float32"), ensemble=False)
    try:
        found = [_levels(quick, tile) - _levels(exact, tile) for tile in _tiles(model.task, quick)]
        if quick.redone:
            raise TranslateError(f"{opening.precision} returns NaN or infinite values")
    finally:
        quick.close()
        exact.close()
    square = float(np.mean(np.concatenate([each.ravel() for each in found]).astype(np.float64) ** 2))
    psnr = min(_IDENTICAL, 10 * np.log10(255**2 / square)) if square else _IDENTICAL
    return Difference(levels=max(int(np.abs(each).max()) for each in found), psnr=round(float(psnr), 2))


def _kept_decision(selected: Selected, kept: Mapping[str, Any]) -> Decision | None:
    """The decision on record with the engine of earlier outputs, if this run uses that engine as it was."""
    if FAST not in kept or any(kept.get(name) != value for name, value in selected.record().items()):
        return None
    with suppress(ValidationError):  # a ledger may have been edited
        found = Decision.model_validate(kept[FAST])
        if (found.candidate if found.is_candidate else "float32") == selected.precision:
            return found
    return Decision(candidate=selected.precision)


def _decided(candidate: Selected, **known: Any) -> Decided:
    decision = Decision(candidate=candidate.precision, **known)
    precision: Precision = candidate.precision if decision.is_candidate else "float32"
    return Decided(replace(candidate, precision=precision), decision)


def _why_exact(candidate: Selected, task: Translates | None) -> str:
    """Why float32 is used without a measurement."""
    if candidate.precision == "float32":
        return f"{candidate.name} has no faster format for this model that the device computes natively"
    if task is not None and _reads_more(task):
        return f"{candidate.precision} is not measured for a model that reads more than a picture"
    return ""


def _reads_more(task: Translates) -> bool:
    """Whether a picture is not all that a translation reads."""
    return bool(conditions_of(task)) or task.geometry().ids is not None


def _pictures() -> list[Path]:
    return sorted(PICTURES.glob("*.png"))


def _tiles(task: Translates, model: Model) -> Iterator[np.ndarray]:
    """The pictures as the networks read them. Shapes: (1, side, side, C), uint8."""
    geometry = model.runner.geometry
    side = padded(SIDE, geometry)
    for path in _pictures():
        picture: Picture = to_model(decode(path), geometry, task.keeps_grey)
        yield region(levels_read(picture, geometry), (0, side), (0, side))[None]


def _levels(model: Model, tile: np.ndarray) -> np.ndarray:
    return to_levels(model(tile)[0], np.dtype(np.uint8)).astype(np.int16)


def _read(entry: Path) -> Difference | None:
    """The difference in a file of the cache; None if there is none, or the file is incomplete."""
    try:
        return Difference.model_validate_json(read_text(entry, _MAX_RECORD))
    except (OSError, ValueError):
        return None


def _keep(entry: Path, difference: Difference) -> None:
    with suppress(OSError):  # a cache that cannot be written
        entry.parent.mkdir(parents=True, exist_ok=True)
        write_whole(entry, difference.model_dump_json() + "\n")
