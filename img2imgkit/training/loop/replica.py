"""One replica's part in a step: forward, losses, gradients and updates of every player that moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from img2imgkit.errors import TrainingError
from img2imgkit.task import Batch, Networks, Task, Terms
from img2imgkit.training.loop.objective import Objective
from img2imgkit.training.loop.optimizers import reduced_apply
from img2imgkit.training.loop.players import Moves, Player

Tensors = dict[str, Any]
Remember = Callable[[Mapping[str, Any]], Mapping[str, Any]]
FIGURES = ("total", "gradient", "scale")  # a player's own, logged beside its terms


@dataclass
class _Pass:
    """The images of one part of a batch, and the tape that can take the generators' gradient through them."""

    batch: Batch
    tape: tf.GradientTape
    out: Mapping[str, Any]


class ReplicaStep:
    """One step of one replica, made once for each graph.

    With several parts a batch's share is computed part by part, each after the one before it, and gradients add up.
    """

    def __init__(
        self,
        task: Task,
        nets: Networks,
        players: Mapping[str, Player],
        objective: Objective,
        moves: Moves,
        penalty_every: int,
        remember: Remember,
    ) -> None:
        self.task, self.nets, self.players, self.objective = task, nets, players, objective
        self.moves, self.penalty_every, self.remember = moves, penalty_every, remember
        self.logs: Tensors = {}
        self._finite: list[Any] = []
        self._replicas = tf.distribute.get_replica_context().num_replicas_in_sync

    def run(self, parts: Sequence[Batch]) -> Tensors:
        """Move the players, and return this replica's share of each scalar."""
        if self.moves.players[:1] == ("critics",):
            passes = self._critics_first(parts)
        else:
            passes = []
        if "generators" in self.moves.players:
            shown = self._move("generators", parts, lambda i: self._generators(parts[i], passes[i] if passes else None))
            if "critics" in self.moves.players[1:]:
                self._move("critics", parts, lambda i: self._critics(parts[i], self._seen(parts[i], shown[i])))
        self._prove_complete()
        return {**self.logs, "finite": tf.reduce_min(tf.stack(self._finite)) / self._replicas}

    def _critics_first(self, parts: Sequence[Batch]) -> list[_Pass]:
        """The critics' move on images that the generators, if they move at all, use again; one part only is kept."""
        kept: list[_Pass] = []

        def one(i: int) -> tuple[Any, Tensors, Any]:
            made = self._forward(parts[i])
            if len(parts) == 1:
                kept.append(made)
            return self._critics(parts[i], made.out)

        self._move("critics", parts, one)
        return kept

    def _move(self, name: str, parts: Sequence[Batch], one: Callable[[int], tuple[Any, Tensors, Any]]) -> list[Any]:
        """Update a player by the summed gradients of all parts; returns what the parts gave beside them."""
        player = self.players[name]
        gradients: list[Any] = []
        figures: Tensors = {}
        shown = []
        for i in range(len(parts)):
            with tf.control_dependencies(gradients):  # a part begins when the one before is done: that bounds memory
                new, means, images = one(i)
            gradients = [a + b for a, b in zip(gradients, new, strict=True)] if gradients else new
            figures = {key: figures[key] + mean if key in figures else mean for key, mean in means.items()}
            shown.append(images)
        lowered = player.scale is None or player.scale.scale.value > 1  # read before the step changes it
        finite, norm = reduced_apply(player.parts(self.moves.standing), gradients, player.options.clip, player.scale)
        figures[f"{name}_gradient"] = norm / self._replicas
        if player.scale is not None:  # an overflow is no failure while the scale can still be lowered
            finite = tf.maximum(finite, tf.cast(lowered, tf.float32))
            figures[f"{name}_scale"] = player.scale.scale.value / self._replicas
        self._finite.append(finite)
        self.logs = self._joined(self.logs, figures)
        return shown

    def _forward(self, batch: Batch) -> _Pass:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            self._watch(tape, "generators")
            return _Pass(batch, tape, self.task.forward(self.nets, batch))

    def _generators(self, batch: Batch, made: _Pass | None) -> tuple[Any, Tensors, Any]:
        made = made or self._forward(batch)
        with made.tape:
            terms = self.task.generator_losses(self.nets, batch, made.out)
            total, means = self._reduce(terms, batch)
            scaled = self._scaled("generators", total)
        gradients = self._gradients("generators", made.tape, scaled)
        return gradients, means | {"generators_total": total}, _stopped(made.out)

    def _seen(self, batch: Batch, shown: Mapping[str, Any]) -> Mapping[str, Any]:
        """What critics that move second judge."""
        return self.task.forward(self.nets, batch) if self.task.refresh_fakes else shown

    def _critics(self, batch: Batch, out: Mapping[str, Any]) -> tuple[Any, Tensors, Any]:
        shown = self.remember(_stopped(out))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            self._watch(tape, "critics")
            total, means = self._reduce(self.task.critic_losses(self.nets, batch, shown), batch)
            if self.moves.penalise:
                penalties = self.task.critic_penalties(self.nets, batch, shown)
                more, further = self._reduce(penalties, batch, float(self.penalty_every))
                total, means = total + more, self._joined(means, further)
            scaled = self._scaled("critics", total)
        return self._gradients("critics", tape, scaled), means | {"critics_total": total}, None

    def _reduce(self, terms: Terms, batch: Batch, factor: float = 1.0) -> tuple[Any, Tensors]:
        images = next(iter(batch.values())).shape[0]
        return self.objective.reduce(terms, images, dict(self.moves.weights), factor)

    def _scaled(self, name: str, total: Any) -> Any:
        scale = self.players[name].scale
        return total if scale is None else total * scale.scale.value

    def _watch(self, tape: tf.GradientTape, name: str) -> None:
        for variable in self.players[name].moving(self.moves.standing) if name in self.moves.players else ():
            tape.watch(variable.value)

    def _gradients(self, name: str, tape: tf.GradientTape, total: Any) -> list[Any]:
        variables = self.players[name].moving(self.moves.standing)
        gradients = tape.gradient(total, [variable.value for variable in variables])
        for variable, gradient in zip(variables, gradients, strict=True):
            if gradient is None:
                raise TrainingError(f"task {self.task.name!r}: no term of the {name} depends on {variable.path}")
        return list(gradients)

    def _prove_complete(self) -> None:
        if set(self.moves.players) == set(self.players) and (self.moves.penalise or "critics" not in self.players):
            own = {f"{name}_{figure}" for name in self.players for figure in FIGURES}
            self.objective.prove_complete(self.logs.keys() - own, dict(self.moves.weights))

    def _joined(self, first: Tensors, second: Tensors) -> Tensors:
        twice = sorted(first.keys() & second.keys())
        if twice:
            raise TrainingError(f"task {self.task.name!r}: term {twice[0]!r} is given twice")
        return first | second


def _stopped(out: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tf.stop_gradient(image) for key, image in out.items()}
