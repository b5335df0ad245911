"""What options of several data kinds can get wrong, for a task of some geometry."""

from __future__ import annotations

from img2imgkit.data_kind import OptionProblems
from img2imgkit.task import Geometry


def enlarges(kind: str, geometry: Geometry) -> OptionProblems:
    """What is wrong with a kind whose pictures keep their size, for a task that changes it."""
    message = f"{kind} data have one size before and after, but this task enlarges {geometry.scale} times"
    return [("kind", message)] if geometry.scale != 1 else []


def not_a_multiple(size: int, geometry: Geometry) -> str | None:
    """What is wrong with a side of pictures or crops that a task writes, if anything is."""
    unit = geometry.scale * geometry.multiple
    if size % unit:
        return f"expected a multiple of {unit} for this task, got {size}"
    if size < geometry.minimum * geometry.scale:
        return f"expected at least {geometry.minimum * geometry.scale} for this task, got {size}"
    return None
