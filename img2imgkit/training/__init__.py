"""Training: one loop for every task, on one or more devices, with bit-exact resume. ``train`` imports TensorFlow."""

from typing import TYPE_CHECKING, Any

from img2imgkit import backend
from img2imgkit.training.plan.training_file import TrainingFile, TrainingPlan, read_training_plan
from img2imgkit.training.record.events import Alarmed, Event, Finished, Progress, Sampled, Saved, Started, Waiting
from img2imgkit.training.rehearsal import check_training_file

if TYPE_CHECKING:
    from img2imgkit.training.training_run import train
else:

    def __getattr__(name: str) -> Any:
        if name != "train":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        backend.load()
        from img2imgkit.training.training_run import train

        return train


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
