"""Training: one loop for every task, on one or many devices, resumable to the bit. Imports TensorFlow."""

from img2imgkit.training.events import Event, Finished, Progress, Sampled, Saved, Started
from img2imgkit.training.file import Recipe, TrainingFile, read_recipe
from img2imgkit.training.run import train

__all__ = [
    "Event",
    "Finished",
    "Progress",
    "Recipe",
    "Sampled",
    "Saved",
    "Started",
    "TrainingFile",
    "read_recipe",
    "train",
]
