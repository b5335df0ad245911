"""ONNX files, one for each program, beside each other."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from img2imgkit.bundle import EXPORTED_KEY, Manifest, read_exported
from img2imgkit.engine import Precision, Session
from img2imgkit.errors import BundleError
from img2imgkit.exchange import ENCODER
from img2imgkit.formats import onnx_reader
from img2imgkit.inference.engines.devices import PROBE, WORKSPACE
from img2imgkit.inference.engines.interface import Interface
from img2imgkit.inference.engines.runner import Place
from img2imgkit.inference.engines.selection import ModelFacts
from img2imgkit.inference.exported.exported_model import FileFormat
from img2imgkit.inference.tiles.grid import padded

OWN, FOREIGN = (ModelFacts(frozenset({"onnx"}), foreign=foreign) for foreign in (False, True))
"""Files that img2imgkit has exported, and those of other software."""


RESIZED_BYTES = 64.0  # per pixel of a picture in floats, resized and back; the model's memory does not grow with it


@dataclass(frozen=True)
class OnnxFile(FileFormat):
    """ONNX files, which several engines can run."""

    facts: ModelFacts = OWN

    def session(self, path: Path, place: Place, precision: Precision) -> Session:
        return place.engine.open(path, place.device, precision, place.batch)

    def encoder(self, path: Path, place: Place, condition: str) -> Session:
        text = onnx_reader.metadata_of(onnx_reader.read_graph(path))[EXPORTED_KEY]
        encoder = path.with_name(f"{ENCODER}{condition}.onnx")
        if not encoder.is_file() or not _is_of(encoder, read_exported(text, str(path)).manifest):
            raise BundleError(
                f"{path}: pictures for {condition!r} need {encoder.name} of the same bundle in its folder: export with "
                f"program 'all', or provide a code file, written by 'img2img encode BUNDLE {condition} ...'"
            )
        return place.engine.open(encoder, place.device)

    def bytes_per_pixel(self, path: Path, interface: Interface) -> float:
        if interface.fit is not None:
            return RESIZED_BYTES
        model = onnx_reader.read_graph(path)
        height, width = interface.size or (padded(PROBE, interface.geometry),) * 2
        sizes = {}
        for value in onnx_reader.inputs_of(model):
            shape = [length or 1 for length in onnx_reader.shape_of(value) or ()]
            if value.name == interface.image:
                for letter, side in zip("hw", interface.read_size(height, width), strict=True):
                    shape[interface.layout.index(letter)] = side
            elif len(shape) == 4 and value.name not in interface.constants:
                shape[1:3] = height, width
            sizes[value.name] = shape
        for name, constant in interface.constants.items():
            sizes[name] = list(constant.array((1, *interface.read_size(height, width))).shape)
        known = onnx_reader.inferred(path, model, sizes)
        batch = interface.batch or 1
        return WORKSPACE * onnx_reader.peak_bytes(model, known) / (height * width * batch)


def encoders_beside(path: Path, manifest: Manifest) -> list[Path]:
    """The encoders in a model's folder that were exported from the same bundle; other and damaged files are ignored."""
    found = []
    for each in sorted(path.parent.glob(f"{ENCODER}*.onnx")):
        with suppress(BundleError):
            if each != path and each.is_file() and _is_of(each, manifest):
                found.append(each)
    return found


def _is_of(path: Path, manifest: Manifest) -> bool:
    """Whether a model was exported from that bundle. Raises BundleError: the model is refused."""
    text = onnx_reader.metadata_of(onnx_reader.read_graph(path)).get(EXPORTED_KEY)
    return bool(text) and read_exported(text or "", str(path)).manifest.digest == manifest.digest
