"""A training run, from its first step or last checkpoint to the finished bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

from img2imgkit import __version__
from img2imgkit.catalog import Catalog
from img2imgkit.data import Prefetch, open_reader
from img2imgkit.data_kind import Reader
from img2imgkit.errors import TrainingError
from img2imgkit.task import Task
from img2imgkit.training.cluster.rendezvous import Stopped
from img2imgkit.training.cluster.workers import Cluster, Workers
from img2imgkit.training.loop.feed import Feed
from img2imgkit.training.loop.trainer import Trainer
from img2imgkit.training.plan.initial import Initial, start_from
from img2imgkit.training.plan.training_file import TrainingPlan
from img2imgkit.training.record.events import Finished, Notify, Started, Waiting
from img2imgkit.training.record.journal import Journal, portable
from img2imgkit.training.record.meter import Figures, Meter
from img2imgkit.training.record.run_folder import RunFolder
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

    Raises:
        ConfigError: TF_CONFIG is malformed, the device does not exist, or an initial model file does not fit.
        DataError: the training data cannot be used.
        TrainingError: the folder contains another run, a gradient is not finite, a machine was lost, or the disk is
            full.
    """
    cluster = Cluster.from_environment()
    try:
        workers = _meet(cluster, device, notify, stopped) if cluster else Workers.single_machine(device)
    except Stopped:
        return _reported(Finished(0, None, "interrupted"), notify)
    folder = RunFolder(output)
    if workers.is_chief:
        folder.open(plan.resolved(), resume)
    with workers.explaining_losses(lambda: _last(folder, workers.is_chief)):
        reader = open_reader(plan.data, plan.task.geometry(), plan.task.data_problems)
        workers.prove_same(_definition(plan, reader))
        return _reported(_Run(plan, folder, catalog, reader, workers, notify, resume).go(stopped), notify)


def _meet(cluster: Cluster, device: str, notify: Notify, stopped: Callable[[], bool]) -> Workers:
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
    found = checkpoint.listed(folder.checkpoints) if is_chief else []
    if found:
        return f"The last checkpoint is {found[-1]}"
    return "There is no checkpoint yet" if is_chief else "The last checkpoint is on the first machine"


class _Run:
    """The steps that one process runs."""

    def __init__(
        self,
        plan: TrainingPlan,
        folder: RunFolder,
        catalog: Catalog,
        reader: Reader,
        workers: Workers,
        notify: Notify,
        resume: bool,
    ) -> None:
        self.options, self.workers, self.folder = plan.file.training, workers, folder
        self.feed = Feed(reader, plan.task, self.options.seed)
        self.trainer = Trainer(
            plan.task, self.options, workers.strategy, reader.batch_size, self.feed.batch(0, range(1))
        )
        notes: tuple[str, ...] = ()
        self.first = 0
        if workers.is_chief and resume:
            self.first = checkpoint.restore(folder.checkpoints, self.trainer.state)
        elif workers.is_chief and plan.initial:
            notes = _start_from(plan.initial, catalog, plan.task, self.trainer)
        self.first = workers.share(self.trainer.state, self.first)
        self.samples = plan.file.probe is not None
        devices = tuple(name.rpartition("device:")[2] for name in workers.strategy.extended.worker_devices)
        self.journal = (
            Journal(plan, folder, catalog, reader, self.trainer, devices, self.first, notify)
            if workers.is_chief
            else None
        )
        notify(Started(devices, reader.batch_size, reader.batch_size // self.trainer.replicas, self.trainer.parameters,
                       self.first, self.options.steps, notes, workers.index + 1, workers.count))  # fmt: skip

    def go(self, stopped: Callable[[], bool]) -> Finished:
        """Run all steps, then write the bundle."""
        try:
            if self.first == 0 and self.journal:
                self.journal.save(0)
            done, complete = self._steps(stopped)
            return self._ended(done, complete)
        finally:
            if self.journal:
                self.journal.close()

    def _steps(self, stopped: Callable[[], bool]) -> tuple[int, bool]:
        """Run the steps. Returns how many are done, and whether that is all of them."""
        steps, trainer, done = self.options.steps, self.trainer, self.first
        rows = trainer.rows
        with Prefetch(lambda step: self.feed.batch(step, rows), self.first, steps) as batches:
            meter = Meter(trainer.players, self.first, lambda: batches.waited)
            for step, batch in enumerate(batches, self.first):
                rates = trainer.rates(step)
                meter.add(trainer.step(step, batch))
                done = step + 1
                stops = done < steps and self._stops(done, stopped)
                self._between(done, stops, rates, meter)
                if stops:
                    return done, False
        return done, True

    def _stops(self, done: int, stopped: Callable[[], bool]) -> bool:
        """Whether to stop after this step; all machines get the same answer."""
        if self.workers.count > 1 and done % AGREE_EVERY:
            return False
        return self.workers.any(stopped() or self._alarmed)

    @property
    def _alarmed(self) -> bool:
        return self.journal is not None and self.journal.alarmed and self.options.alarms.stop

    def _between(self, done: int, stops: bool, rates: Mapping[str, float], meter: Meter) -> None:
        """Do what is due after a step: all machines check the figures, and the chief writes."""
        options, ends = self.options, stops or done == self.options.steps
        saves = ends or done % options.checkpoint_every == 0
        samples = self.samples and (done == options.steps or done % options.sample_every == 0)
        figures = meter.take(done) if saves or samples or done % options.log_every == 0 else None
        if figures:
            self._prove_finite(done, figures)
        if self.journal is None:
            return
        if figures:
            self.journal.log(done, figures, rates)
        if saves:
            self.journal.save(done)
        if samples:
            with meter.paused():
                self.journal.sample(done)

    def _prove_finite(self, done: int, figures: Figures) -> None:
        if not figures.finite:
            shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.terms.items())
            raise TrainingError(
                f"step {done}: a loss or gradient is not finite ({shown}). The last good checkpoint is kept in "
                f"{self.folder.checkpoints}; try a smaller learning rate, or training.generators.clip"
            )

    def _ended(self, done: int, complete: bool) -> Finished:
        alarmed = self.workers.any(self._alarmed)  # also makes all machines finish together
        path = None
        if self.journal and complete:
            path = self.journal.finish(done)
        elif self.journal:
            self.journal.write_report()
        self.workers.any(False)
        return Finished(done, path, "complete" if complete else "alarm" if alarmed else "interrupted")


def _start_from(initial: Initial, catalog: Catalog, task: Task, trainer: Trainer) -> tuple[str, ...]:
    notes = start_from(initial, catalog, task, trainer.nets)
    if trainer.average:
        trainer.average.restart()
    return notes
