"""Training: one loop for every task, on one or many devices, resumable to the bit. Imports TensorFlow, quietly."""

from img2imgkit import backend

backend.load()

from img2imgkit.training.events import (  # noqa: E402
    Alarmed,
    Event,
    Finished,
    Progress,
    Sampled,
    Saved,
    Started,
    Waiting,
)
from img2imgkit.training.file import Recipe, TrainingFile, check_training_file, read_recipe  # noqa: E402
from img2imgkit.training.run import train  # noqa: E402

__all__ = [
    "Alarmed",
    "Event",
    "Finished",
    "Progress",
    "Recipe",
    "Sampled",
    "Saved",
    "Started",
    "TrainingFile",
    "Waiting",
    "check_training_file",
    "read_recipe",
    "train",
]
