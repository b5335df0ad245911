"""Training: one loop for every task, on one or more devices, with bit-exact resume.

``train`` and ``finish`` import TensorFlow.
"""

from typing import TYPE_CHECKING, Any

from img2imgkit import backend
from img2imgkit.training.plan.training_file import TrainingFile, TrainingPlan, read_training_plan
from img2imgkit.training.record.events import Alarmed, Event, Finished, Progress, Sampled, Saved, Started, Waiting
from img2imgkit.training.record.run_plugin import prove_task_installed
from img2imgkit.training.rehearsal import check_training_file

if TYPE_CHECKING:
    from img2imgkit.training.training_run import finish, train
else:

    def __getattr__(name: str) -> Any:
        if name not in ("finish", "train"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        backend.load()
        from img2imgkit.training import training_run

        return getattr(training_run, name)


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
    "finish",
    "prove_task_installed",
    "read_training_plan",
    "train",
]
