"""Starting from a bundle: weights whose network and shape fit are taken, the others are named."""

from __future__ import annotations

from pathlib import Path

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.task import Networks


def take_weights(folder: Path, catalog: Catalog, nets: Networks) -> tuple[str, ...]:
    """Put a bundle's weights into the generators of the same role, where their shapes fit.

    Returns:
        one line for each network: how many weights were taken, and which were not
    """
    given = bundle.load(folder, catalog)
    notes = []
    for role, net in nets.generators.items():
        source = given.nets.generators.get(role)
        if source is None:
            notes.append(f"{given.manifest.name} has no {role}: it starts from fresh weights")
            continue
        theirs = {variable.path: variable for variable in source.weights}
        left = []
        for variable in net.weights:
            other = theirs.get(variable.path)
            if other is None or tuple(other.shape) != tuple(variable.shape):
                left.append(variable.path)
            else:
                variable.assign(other)
        fresh = f"; fresh: {', '.join(left)}" if left else ""
        notes.append(
            f"{role}: {len(net.weights) - len(left)} of {len(net.weights)} weights from {given.manifest.name}{fresh}"
        )
    return tuple(notes)
