"""Training: one loop for every task, on one or more devices, with bit-exact resume. Imports TensorFlow."""

from img2imgkit import backend

backend.load()

from img2imgkit.training.plan.training_file import TrainingFile, TrainingPlan, check_training_file, read_training_plan  # noqa: E402
from img2imgkit.training.record.events import (  # noqa: E402
    Alarmed,
    Event,
    Finished,
    Progress,
    Sampled,
    Saved,
    Started,
    Waiting,
)
from img2imgkit.training.training_run import train  # noqa: E402

__all__ = [
    "Alarmed",
    "Event",
    "Finished",
    "Progress",
    "Sampled",
    "Saved",
    "Started",
    "TrainingFile",
    "TrainingPlan",
    "Waiting",
    "check_training_file",
    "read_training_plan",
    "train",
]
