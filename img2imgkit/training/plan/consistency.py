"""Whether a training's options and its task's go together: what would be accepted and have no effect, or no sense."""

from __future__ import annotations

from collections.abc import Iterator

from img2imgkit.adversary import Adversary
from img2imgkit.config import Document, validate
from img2imgkit.errors import ConfigError, Problem
from img2imgkit.task import Task
from img2imgkit.training.plan.training_options import TrainingOptions


def inconsistencies(training: TrainingOptions, task: Task, document: Document) -> Iterator[Problem]:
    """Every problem, where it stands in the file."""
    adversary = getattr(task.options, "adversary", None)
    if isinstance(adversary, Adversary):
        yield from _of_the_adversary(adversary, training, task, document)
    for number, stage in enumerate(training.stages):
        yield from _of_the_weights(number, stage.weights, task, document)


def _of_the_adversary(
    adversary: Adversary, training: TrainingOptions, task: Task, document: Document
) -> Iterator[Problem]:
    penalty = adversary.penalty
    if adversary.loss.chosen.unbounded and penalty is None and training.critics.clip_weights is None:
        message = f"{adversary.loss.kind} needs a penalty such as wgan_gp, or training.critics.clip_weights"
        yield document.problem(("options", "adversary", "loss"), message)
    penalties = {name: weight for name, weight in task.weights.model_dump().items() if name.startswith("penalty")}
    raised = any(stage.weights.get(name) for stage in training.stages for name in penalties)
    if penalty is not None and penalties and not any(penalties.values()) and not raised:
        message = f"{penalty.kind} has no effect, because weights.{next(iter(penalties))} is 0"
        yield document.problem(("options", "adversary", "penalty"), message)
    if penalty is None and training.critics.penalty_every > 1:
        message = "has no effect, because options.adversary.penalty is null"
        yield document.problem(("training", "critics", "penalty_every"), message)


def _of_the_weights(number: int, stated: dict[str, float], task: Task, document: Document) -> Iterator[Problem]:
    """A stage's weights are the task's own, within the same bounds; a term that is left out cannot be raised."""
    place = ("training", "stages", number, "weights")
    own = task.weights.model_dump()
    try:
        validate(type(task.weights), document, place, {**own, **stated})
    except ConfigError as error:
        yield from error.problems
        return
    for name, weight in stated.items():
        if weight and not own[name]:
            message = (
                "cannot be raised from 0, where its term is left out; state it in 'weights', and 0 in other stages"
            )
            yield document.problem((*place, name), message)
