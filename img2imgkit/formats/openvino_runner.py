"""Run an ONNX file in OpenVINO on the processor, in float32, to compare it with its original."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from img2imgkit.errors import ExportError
from img2imgkit.exchange import Arrays
from img2imgkit.formats.converting import quietly
from img2imgkit.formats.onnx_writer import first_line

TELEMETRY = "openvino_telemetry"


def imported() -> Any:
    """The module ``openvino``, imported as if its package for telemetry were missing.

    With it, the import alone would send an event to a server on the internet, without having asked.
    """
    if "openvino" not in sys.modules:
        before = sys.modules.get(TELEMETRY)
        sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # an import of it fails
        try:
            import openvino  # noqa: F401
        finally:
            del sys.modules[TELEMETRY]
            if before is not None:
                sys.modules[TELEMETRY] = before
    return sys.modules["openvino"]


@cache
def core() -> Any:
    """OpenVINO's core, one for the life of the process.

    On processors with AMX it gives the thread that creates it a stack for signals. Freed from another thread, that
    stack would stay in use, and the next signal, such as Ctrl-C, would end the process.
    """
    return imported().Core()


def openvino_runner(path: Path) -> Callable[[Arrays], Arrays]:
    """A model as a function of its inputs. Raises ExportError: OpenVINO, which must be installed, rejects it."""
    with quietly():
        try:
            compiled = core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        except Exception as error:  # the library raises RuntimeError and its own
            raise ExportError(f"OpenVINO cannot open the written model: {first_line(error)}") from error

    def run(arrays: Arrays) -> Arrays:
        found = compiled({**arrays})
        return {port.get_any_name(): found[port] for port in compiled.outputs}

    return run
