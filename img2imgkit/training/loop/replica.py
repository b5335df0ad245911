"""One training step on one replica: forward, losses, gradients and updates of the players that move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from img2imgkit.errors import TrainingError
from img2imgkit.task import Batch, Networks, Task, Terms
from img2imgkit.training.loop.objective import Objective
from img2imgkit.training.loop.optimizers import apply_gradients
from img2imgkit.training.loop.players import Moves, Player

Tensors = dict[str, Any]
Recall = Callable[[Mapping[str, Any]], Mapping[str, Any]]
FIGURES = ("total", "gradient", "scale")  # logged for each player besides its terms


@dataclass
class _Pass:
    """The forward pass of one micro-batch, and the tape to differentiate it for the generators."""

    batch: Batch
    tape: tf.GradientTape
    out: Mapping[str, Any]


class ReplicaStep:
    """One step on one replica, built once per graph.

    Micro-batches are computed one after the other, and their gradients are summed.

    Args:
        recall: replaces the generated images that have a history, for the critics
    """

    def __init__(
        self,
        task: Task,
        nets: Networks,
        players: Mapping[str, Player],
        objective: Objective,
        moves: Moves,
        penalty_every: int,
        recall: Recall,
    ) -> None:
        self.task, self.nets, self.players, self.objective = task, nets, players, objective
        self.moves, self.penalty_every, self.recall = moves, penalty_every, recall
        self.logs: Tensors = {}
        self._finite: list[Any] = []
        self._replicas = tf.distribute.get_replica_context().num_replicas_in_sync

    def run(self, micro_batches: Sequence[Batch]) -> Tensors:
        """Update the players, and return this replica's share of each scalar."""
        if self.moves.players[:1] == ("critics",):
            passes = self._critics_first(micro_batches)
        else:
            passes = []
        if "generators" in self.moves.players:
            outputs = self._move(
                "generators",
                micro_batches,
                lambda i: self._generators(micro_batches[i], passes[i] if passes else None),
            )
            if "critics" in self.moves.players[1:]:
                self._move(
                    "critics",
                    micro_batches,
                    lambda i: self._critics(micro_batches[i], self._refreshed(micro_batches[i], outputs[i])),
                )
        self._prove_complete()
        return {**self.logs, "finite": tf.reduce_min(tf.stack(self._finite)) / self._replicas}

    def _critics_first(self, micro_batches: Sequence[Batch]) -> list[_Pass]:
        """Update the critics. Returns the forward pass for the generators to reuse, unless there are micro-batches."""
        kept: list[_Pass] = []

        def one(i: int) -> tuple[Any, Tensors, Any]:
            forward = self._forward(micro_batches[i])
            if len(micro_batches) == 1:
                kept.append(forward)
            return self._critics(micro_batches[i], forward.out)

        self._move("critics", micro_batches, one)
        return kept

    def _move(
        self, name: str, micro_batches: Sequence[Batch], one: Callable[[int], tuple[Any, Tensors, Any]]
    ) -> list[Any]:
        """Update a player with the summed gradients of the micro-batches.

        Args:
            one: returns gradients, means and outputs of the n-th micro-batch

        Returns:
            the outputs
        """
        player = self.players[name]
        gradients: list[Any] = []
        figures: Tensors = {}
        outputs = []
        for i in range(len(micro_batches)):
            with tf.control_dependencies(gradients):  # one micro-batch after the other bounds memory
                new, means, images = one(i)
            gradients = [a + b for a, b in zip(gradients, new, strict=True)] if gradients else new
            figures = {key: figures[key] + mean if key in figures else mean for key, mean in means.items()}
            outputs.append(images)
        can_shrink = player.scale is None or player.scale.scale.value > 1  # read before the step changes it
        finite, norm = apply_gradients(player.groups(self.moves.standing), gradients, player.options.clip, player.scale)
        figures[f"{name}_gradient"] = norm / self._replicas
        if player.scale is not None:  # an overflow is not an error while the scale can still shrink
            finite = tf.maximum(finite, tf.cast(can_shrink, tf.float32))
            figures[f"{name}_scale"] = player.scale.scale.value / self._replicas
        self._finite.append(finite)
        self.logs = self._merged(self.logs, figures)
        return outputs

    def _forward(self, batch: Batch) -> _Pass:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            self._watch(tape, "generators")
            return _Pass(batch, tape, self.task.forward(self.nets, batch))

    def _generators(self, batch: Batch, forward: _Pass | None) -> tuple[Any, Tensors, Any]:
        forward = forward or self._forward(batch)
        with forward.tape:
            terms = self.task.generator_losses(self.nets, batch, forward.out)
            total, means = self._reduce(terms, batch)
            scaled = self._scaled("generators", total)
        gradients = self._gradients("generators", forward.tape, scaled)
        return gradients, means | {"generators_total": total}, _detached(forward.out)

    def _refreshed(self, batch: Batch, out: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the images for critics that follow the generators: regenerated if the task asks for it."""
        return self.task.forward(self.nets, batch) if self.task.refresh_fakes else out

    def _critics(self, batch: Batch, out: Mapping[str, Any]) -> tuple[Any, Tensors, Any]:
        shown = self.recall(_detached(out))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            self._watch(tape, "critics")
            total, means = self._reduce(self.task.critic_losses(self.nets, batch, shown), batch)
            if self.moves.penalise:
                penalties = self.task.critic_penalties(self.nets, batch, shown)
                added, penalty_means = self._reduce(penalties, batch, float(self.penalty_every))
                total, means = total + added, self._merged(means, penalty_means)
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

    def _merged(self, first: Tensors, second: Tensors) -> Tensors:
        twice = sorted(first.keys() & second.keys())
        if twice:
            raise TrainingError(f"task {self.task.name!r}: term {twice[0]!r} is returned twice")
        return first | second


def _detached(out: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tf.stop_gradient(image) for key, image in out.items()}
