"""A task's geometry, measured on its built networks: sizes, channels and the receptive radius.

made_inputs  random inputs for ``Task.translate``
weights      weights with which no path through a network is hidden
sizes        the sizes and channels that a task promises
reach        the receptive radius, by gradients, or by changing distant pixels
proof        all of them within a limit of time

Only the structure of the networks counts: they are measured with positive random weights, because weights that are
zero before training, such as those of a last layer, would hide how far a trained network sees.
"""

from img2imgkit.geometry_proof.made_inputs import random_inputs, training_side
from img2imgkit.geometry_proof.proof import SECONDS, prove_geometry
from img2imgkit.geometry_proof.reach import (
    measured_reach,
    measuring_side,
    measuring_strips,
    phases,
    prove_radius,
    reach_of,
    reach_problem,
)
from img2imgkit.geometry_proof.sizes import allowed_sizes, least_side, prove_sizes
from img2imgkit.geometry_proof.weights import set_positive_weights

__all__ = [
    "SECONDS",
    "allowed_sizes",
    "least_side",
    "measured_reach",
    "measuring_side",
    "measuring_strips",
    "phases",
    "prove_geometry",
    "prove_radius",
    "prove_sizes",
    "random_inputs",
    "reach_of",
    "reach_problem",
    "set_positive_weights",
    "training_side",
]
