"""The built-in steps, registered through the same hook as a plugin's."""

from __future__ import annotations

from collections.abc import Callable

from img2imgkit.hooks import hookimpl
from img2imgkit.step import Step
from img2imgkit.steps.compare import Compare
from img2imgkit.steps.convert import Convert
from img2imgkit.steps.crop import Crop
from img2imgkit.steps.edit_objects import EditObjects
from img2imgkit.steps.read import Read
from img2imgkit.steps.read_labels import ReadLabels
from img2imgkit.steps.resize import Resize
from img2imgkit.steps.translate import Translate
from img2imgkit.steps.write import Write


@hookimpl
def register_steps(register: Callable[[type[Step]], None]) -> None:
    """Register the built-in steps."""
    for step in (Read, ReadLabels, EditObjects, Translate, Resize, Crop, Convert, Compare, Write):
        register(step)
