"""A training run, from its first step or last checkpoint to the finished bundle."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from importlib import metadata
from pathlib import Path

from img2imgkit import __version__
from img2imgkit.catalog import Catalog
from img2imgkit.config import load_yaml
from img2imgkit.data import Prefetch, open_reader, unread_notes
from img2imgkit.data_kind import Reader
from img2imgkit.errors import ToolkitError, TrainingError
from img2imgkit.geometry_proof import prove_geometry
from img2imgkit.task import Task
from img2imgkit.training.cluster.rendezvous import Stopped
from img2imgkit.training.cluster.workers import Cluster, Workers, is_loss
from img2imgkit.training.loop.feed import Feed
from img2imgkit.training.loop.trainer import Trainer
from img2imgkit.training.plan.initial import Initial, start_from
from img2imgkit.training.plan.training_file import TrainingPlan, read_training_plan
from img2imgkit.training.record.events import Finished, Notify, Reason, Started, Waiting
from img2imgkit.training.record.failure import described, precedes_updates
from img2imgkit.training.record.fingerprint import fingerprint
from img2imgkit.training.record.journal import Journal, last_checkpoint, portable
from img2imgkit.training.record.meter import Figures, Meter
from img2imgkit.training.record.run_folder import RunFolder
from img2imgkit.training.record.run_plugin import prove_task_installed
from img2imgkit.training.state import checkpoint

AGREE_EVERY = 5  # steps between two agreements of several machines on whether to stop


def train(
    plan: TrainingPlan,
    output: Path,
    catalog: Catalog,
    notify: Notify,
    resume: bool = False,
    device: str = "auto",
    stopped: Callable[[], bool] = lambda: False,
) -> Finished:
    """Train until the last step, or until ``stopped()`` returns True; the result says which.

    If TF_CONFIG names several machines, each of them calls this with the same plan, and the first writes ``output``.
    If the training fails, a checkpoint of its last good state is written first.

    Raises:
        ConfigError: TF_CONFIG is malformed, the device does not exist, or an initial model file does not fit.
        DataError: the training data cannot be used.
        GeometryError: the task's networks map sizes otherwise than it states, so no bundle of it would be right.
        LockError: another training uses the folder.
        TrainingError: the folder contains another run, a step failed, a gradient is not finite, a machine was lost, or
            the disk is full. The text says where the last checkpoint is and what to change before resuming.
    """
    cluster, folder = Cluster.from_environment(), RunFolder(output)
    with ExitStack() as held:
        workers = None if cluster else Workers.single_machine(device)
        is_chief = cluster is None or cluster.index == 0
        locks_first = is_chief and (cluster is None or output.exists())  # a machine that only waited creates no folder
        if locks_first:
            held.enter_context(folder.locked(resume))
        try:
            workers = workers or _meet(cluster, device, notify, stopped)
        except Stopped:
            return _reported(Finished(0, None, "interrupted"), notify)
        if is_chief and not locks_first:
            held.enter_context(folder.locked(resume))
        if is_chief:
            folder.open(plan.resolved(), resume)
        with workers.explaining_losses(lambda: _last(folder, is_chief)):
            run = _Run(plan, folder, catalog, workers, notify, resume)
            return _reported(run.go(stopped), notify)


def finish(output: Path, catalog: Catalog, notify: Notify, device: str = "auto") -> Finished:
    """Write the bundle of a run that has stopped, from its newest checkpoint. The run can still be resumed.

    Raises:
        ConfigError: the device does not exist, or the run needs files or plugins that are gone.
        DataError: the training data cannot be used.
        LockError: a training uses the folder.
        TrainingError: the folder contains no run, or no step has been trained.
    """
    folder = RunFolder(output)
    with folder.locked(resume=True):
        prove_task_installed(output, catalog)
        plan = read_training_plan(load_yaml(folder.config), catalog)
        folder.open(plan.resolved(), resume=True)
        if checkpoint.step_of(checkpoint.listed(folder.checkpoints)[-1]) == 0:
            raise TrainingError(f"{output}: no step has been trained, so there is nothing to make a bundle of")
        run = _Run(plan, folder, catalog, Workers.single_machine(device), notify, True, trains=False)
        return _reported(run.finish(), notify)


def _meet(cluster: Cluster | None, device: str, notify: Notify, stopped: Callable[[], bool]) -> Workers:
    assert cluster is not None
    notify(Waiting(cluster.index + 1, len(cluster.addresses), cluster.addresses[cluster.index]))
    return Workers.join(cluster, device, stopped)


def _reported(finished: Finished, notify: Notify) -> Finished:
    notify(finished)
    return finished


def _definition(plan: TrainingPlan, reader: Reader) -> dict[str, object]:
    """What must be the same on all machines, by the names that an error uses."""
    versions = {"img2imgkit": __version__, **{name: metadata.version(name) for name in ("tensorflow", "keras")}}
    return {**portable(plan), "pictures": dict(reader.description), "versions": versions}


def _last(folder: RunFolder, is_chief: bool) -> str:
    return last_checkpoint(folder) if is_chief else "The last checkpoint is on the first machine"


class _Run:
    """The steps that one process runs.

    Attributes:
        done: the number of completed steps
        inside: whether another step is in progress
        finite: whether all figures so far were finite
    """

    def __init__(
        self,
        plan: TrainingPlan,
        folder: RunFolder,
        catalog: Catalog,
        workers: Workers,
        notify: Notify,
        resume: bool,
        trains: bool = True,
    ) -> None:
        reader = open_reader(plan.data, plan.task.geometry(), plan.task.data_problems)
        plan = plan.in_steps(reader.epoch, reader.batch_size)
        workers.prove_same(_definition(plan, reader))
        self.options, self.workers, self.folder, self.notify = plan.file.training, workers, folder, notify
        unproved = prove_geometry(plan.task)
        self.feed = Feed(reader, plan.task, self.options.seed)
        self.trainer = Trainer(
            plan.task, self.options, workers.strategy, reader.batch_size, self.feed.batch(0, range(1))
        )
        notes = [f"note: {note}" for note in (*unread_notes(plan.data.options, plan.file.probe), *unproved)]
        self.done = 0
        if workers.is_chief and resume:
            self.done = checkpoint.restore(folder.checkpoints, self.trainer.state)
        elif workers.is_chief and plan.initial:
            notes += _start_from(plan.initial, catalog, plan.task, self.trainer)
        if workers.is_chief and trains and (changed := folder.compare_pictures(fingerprint(plan), self.done)):
            notes.append(f"note: {changed}")
        self.done = workers.share(self.trainer.state, self.done)
        self.inside, self.finite, self.samples = False, True, plan.file.probe is not None
        self.meter: Meter | None = None
        devices = tuple(name.rpartition("device:")[2] for name in workers.strategy.extended.worker_devices)
        self.journal: Journal | None = None
        if workers.is_chief:
            self.journal = Journal(plan, folder, catalog, reader, self.trainer, devices, self.done, notify)
        notify(Started(devices, reader.batch_size, reader.batch_size // self.trainer.replicas, self.trainer.parameters,
                       self.done, self.options.length, tuple(notes), workers.index + 1, workers.count))  # fmt: skip

    def go(self, stopped: Callable[[], bool]) -> Finished:
        """Run all steps, then write the bundle. If something fails, save the last good state first.

        Raises:
            TrainingError: something failed; the text says what to change, and where the last checkpoint is.
        """
        try:
            if self.done == 0 and self.journal:
                self.journal.save(0)
            return self._ended(self._steps(stopped))
        except (Exception, KeyboardInterrupt, SystemExit) as error:  # a plugin may call exit()
            saved = self._secured(error)
            if isinstance(error, KeyboardInterrupt) or (self.workers.count > 1 and is_loss(error)):
                raise
            raise TrainingError(f"{described(error, self.done + 1)}. {saved}{self._traced(error)}") from error
        finally:
            if self.journal:
                self.journal.close()

    def finish(self) -> Finished:
        """Write the bundle of the state as it is."""
        assert self.journal is not None
        try:
            return Finished(self.done, self.journal.finish(self.done))
        finally:
            self.journal.close()

    def _steps(self, stopped: Callable[[], bool]) -> bool:
        """Run the steps. Returns whether all of them are done."""
        steps, trainer = self.options.length, self.trainer
        rows, first = trainer.rows, self.done
        if self.workers.any(self._settled):
            return False
        with Prefetch(lambda step: self.feed.batch(step, rows), first, steps) as batches:
            self.meter = meter = Meter(trainer.players, first, lambda: batches.waited)
            for step, batch in enumerate(batches, first):
                rates = trainer.rates(step)
                self.inside = True
                meter.add(trainer.step(step, batch))
                self.done, self.inside = step + 1, False
                stops = self.done < steps and self._stops(self.done, stopped)
                self._between(self.done, stops, rates, meter)
                if stops:
                    return False
        return True

    def _secured(self, error: BaseException) -> str:
        """Save the last good state, tell the caller that the training ends, and say where the last checkpoint is."""
        if self.journal is None:
            return _last(self.folder, is_chief=False)
        whole = not self.inside or precedes_updates(error)
        text = self.journal.secure(self.done, whole and self._is_finite(), error)
        with suppress(Exception):
            self.journal.write_report()
        with suppress(Exception):  # the caller's function may be what failed
            self.notify(Finished(self.done, None, "failed"))
        return text

    def _is_finite(self) -> bool:
        """Whether all figures are finite, also those of the steps since the last log interval."""
        try:
            figures = self.meter.take(self.done) if self.finite and self.meter else None
        except Exception:  # the device does not answer any more
            return False
        return self.finite and (figures is None or figures.finite)

    def _traced(self, error: BaseException) -> str:
        """Keep the trace of an error that is not the toolkit's own, and say where it is."""
        if isinstance(error, ToolkitError) or self.journal is None:
            return ""
        path = self.folder.write_error("".join(traceback.format_exception(error)))
        return f". The full trace is in {path}" if path else ""

    def _stops(self, done: int, stopped: Callable[[], bool]) -> bool:
        """Whether to stop after this step; all machines get the same answer."""
        if self.workers.count > 1 and done % AGREE_EVERY:
            return False
        return self.workers.any(stopped() or self._alarmed or self._settled)

    @property
    def _alarmed(self) -> bool:
        return self.journal is not None and self.journal.alarmed and self.options.alarms.stop

    @property
    def _settled(self) -> bool:
        return self.journal is not None and self.journal.settled

    def _between(self, done: int, stops: bool, rates: Mapping[str, float], meter: Meter) -> None:
        """Do what is due after a step: all machines check the figures, and the chief writes."""
        options, ends = self.options, stops or done == self.options.length
        saves = ends or done % options.checkpoint_every == 0
        samples = self.samples and (done == options.length or done % options.sample_every == 0)
        figures = meter.take(done) if saves or samples or done % options.log_every == 0 else None
        if figures:
            self._prove_finite(done, figures)
        if self.journal is None:
            return
        if figures:
            self.journal.log(done, figures, rates)
        if saves:
            self.journal.save(done)
        elif figures:
            self.journal.remember(done)
        if samples:
            with meter.paused():
                self.journal.sample(done)

    def _prove_finite(self, done: int, figures: Figures) -> None:
        if not figures.finite:
            self.finite = False
            shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.terms.items())
            raise TrainingError(
                f"step {done}: a loss or gradient is not finite ({shown}). A resumed run repeats the same steps: try a "
                "smaller learning rate, or training.generators.clip, in a new run with the last good checkpoint as "
                "'initial'"
            )

    def _ended(self, complete: bool) -> Finished:
        alarmed = self.workers.any(self._alarmed)  # also makes all machines finish together
        settled = self.workers.any(self._settled)
        path = None
        if self.journal and (complete or settled):
            path = self.journal.finish(self.done)
        elif self.journal:
            self.journal.write_report()
        self.workers.any(False)
        reason: Reason = "complete" if complete else "settled" if settled else "alarm" if alarmed else "interrupted"
        return Finished(self.done, path, reason)


def _start_from(initial: Initial, catalog: Catalog, task: Task, trainer: Trainer) -> tuple[str, ...]:
    notes = start_from(initial, catalog, task, trainer.nets)
    if trainer.average:
        trainer.average.restart()
    return notes
