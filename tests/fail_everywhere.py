"""Fail a run or a training at its first file operation, its second, and so on, with "no space" and with "I/O error".

Usage: ``python fail_everywhere.py run|train FOLDER [EVERY]``. With EVERY, only each operation of that distance fails. A
program rather than a test, because its hooks last as long as the process.

A disk that is full stays full for the rest of the run; an I/O error occurs once. Whatever fails, the run must end with
outcomes or one of our errors, must leave complete files only, and must be completed by the next run.
"""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pictures import save_pictures, tree
from pipelines_for_tests import pipeline_file, plan_of, run_plan

from img2imgkit.errors import ToolkitError
from img2imgkit.pipeline import make_report, write_report

CHANGES = {"os.rename", "os.mkdir", "os.truncate", "write", "sync", "create"}
OPERATIONS = CHANGES | {"open", "os.remove", "os.rmdir", "os.scandir", "os.listdir"}
REAL_OPEN, REAL_SYNC = io.open, os.fsync


@dataclass
class Failing:
    """Fails the file operations inside ``folder`` from the ``at``-th on, or only that one.

    Attributes:
        number: of the error, ENOSPC or EIO
        done: the operations so far
    """

    folder: str = ""
    at: int = 0
    number: int = errno.ENOSPC
    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    active: bool = False

    def __call__(self, operation: str, place: object) -> None:
        if not self.active or operation not in OPERATIONS or self.folder not in str(place):
            return
        if self.number == errno.ENOSPC and operation not in CHANGES:
            return  # a full disk can be read, and files can be removed
        self.done += 1
        if self.done == self.at or (self.done > self.at > 0 and self.number == errno.ENOSPC):
            self.failed[operation] += 1
            raise OSError(self.number, os.strerror(self.number), str(place))

    @contextmanager
    def during(self, folder: Path, at: int, number: int) -> Iterator[None]:
        self.folder, self.at, self.number, self.done, self.active = str(folder), at, number, 0, True
        self.failed = Counter()
        try:
            yield
        finally:
            self.active = False


FAILING = Failing()


def path_of(file: Any) -> Any:
    """Return the path of a file, which may be given by its descriptor."""
    return os.readlink(f"/proc/self/fd/{file}") if isinstance(file, int) else file  # noqa: PTH115


class Raw(io.FileIO):
    """A file whose writing can fail."""

    def write(self, data: Any) -> int | None:
        FAILING("write", path_of(self.name))
        return super().write(data)


def opened(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
    """``open``, with writing that can fail."""
    writes = set(mode) & set("wax+")
    if not writes or not FAILING.active or FAILING.folder not in str(path_of(file)):
        return REAL_OPEN(file, mode, buffering, *rest, **named)
    if not isinstance(file, int):
        FAILING("create", file)
    raw = Raw(file, mode.replace("b", "").replace("t", ""))
    buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
    if "b" in mode:
        return buffered
    return io.TextIOWrapper(buffered, *rest, **named)


def install() -> None:
    """Observe every file operation of this process from now on."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in OPERATIONS or not arguments:
            return
        place = " ".join(map(str, arguments))
        if isinstance(arguments[0], str) and not Path(arguments[0]).is_absolute():
            place = f"{FAILING.folder}: {place}"  # a name in a folder that is open, as only this one is
            event = "create" if event == "open" and arguments[2] & os.O_CREAT else event
        FAILING(event, place)

    def synced(handle: int) -> None:
        FAILING("sync", path_of(handle))
        REAL_SYNC(handle)

    io.open = builtins.open = opened  # type: ignore[assignment]
    os.fsync = synced  # type: ignore[assignment]
    sys.addaudithook(hook)


def run_once(file: Path) -> str:
    """Return how a run ends: "done", "failed" pictures, or "refused"."""
    try:
        plan = plan_of(file)
        result = run_plan(plan, threads=1)
    except ToolkitError:
        return "refused"
    bad = [outcome for outcome in result.outcomes if outcome.status == "failed"]
    reasons = (os.strerror(errno.ENOSPC), os.strerror(errno.EIO))
    assert all(any(reason in outcome.reason for reason in reasons) for outcome in bad), [each.reason for each in bad]
    assert not any("trace" in outcome.notes for outcome in bad), [each.notes for each in bad]
    try:
        write_report(make_report(plan, result, 0.0), plan)
    except OSError:
        return "without a report"
    return "failed" if bad else "done"


def fail_runs(folder: Path, number: int, every: int) -> Counter[str]:
    """Fail runs at each operation, and return how they ended."""
    save_pictures(folder / "in", "a.png", "deep/b.png")
    assert run_once(pipeline_file(folder, write={"folder": "whole"})) == "done"
    file, out, expected = pipeline_file(folder, write={"folder": "tried"}), folder / "tried", tree(folder / "whole")
    ends: Counter[str] = Counter()
    for at in range(1, 10_000, every):
        with FAILING.during(out, at, number):
            ended = run_once(file)
        if not FAILING.failed:
            break
        place = f"operation {at}: {dict(FAILING.failed)}: {ended}"
        print(place, file=sys.stderr, flush=True)
        ends[ended] += 1
        assert not out.exists() or tree(out).items() <= expected.items(), f"{place}: a partial file"
        assert run_once(file) == "done", f"{place}: the next run does not complete it"
        assert tree(out) == expected, f"{place}: the tree differs"
        assert not list((out / ".img2img" / "unfinished").iterdir()), f"{place}: files left"
        shutil.rmtree(out)
    return ends


def fail_trainings(folder: Path, number: int, every: int) -> Counter[str]:
    """Fail trainings at each operation, resume them, and return how they ended."""
    from small_gan_runs import TEXT, make_place
    from small_gan_task import catalog

    from img2imgkit.config import load_yaml
    from img2imgkit.training import read_training_plan, train
    from img2imgkit.training.state import checkpoint

    make_place(folder)
    text = TEXT.replace("steps: 40", "steps: 3").replace("checkpoint_every: 4", "checkpoint_every: 1")
    (folder / "train.yaml").write_text(text.replace("sample_every: 20", "sample_every: 2"))
    known = catalog()

    def train_once(out: Path, resume: bool = False) -> str:
        plan = read_training_plan(load_yaml(folder / "train.yaml"), known)
        try:
            return train(plan, out, known, lambda event: None, resume, "cpu", lambda: False).reason
        except ToolkitError:
            return "refused"

    def last(out: Path) -> str:
        return checkpoint.digest(checkpoint.listed(out / "checkpoints")[-1])

    assert train_once(folder / "whole") == "complete"
    ends: Counter[str] = Counter()
    for at in range(1, 10_000, every):
        out = folder / f"tried-{number}-{at}"
        with FAILING.during(out, at, number):
            ended = train_once(out)
        if not FAILING.failed:
            break
        place = f"operation {at}: {dict(FAILING.failed)}: {ended}"
        print(place, file=sys.stderr, flush=True)
        ends[ended] += 1
        if ended == "complete":
            assert last(out) == last(folder / "whole"), f"{place}: another training"
            continue
        kept = (out / "checkpoints").is_dir() and checkpoint.listed(out / "checkpoints")
        again = train_once(out, resume=True) if kept else _from_start(out, train_once)
        assert again == "complete", f"{place}: cannot be resumed: {again}"
        assert last(out) == last(folder / "whole"), f"{place}: the resumed training differs"
        shutil.rmtree(out)
    return ends


def _from_start(out: Path, train_once: Callable[[Path], str]) -> str:
    shutil.rmtree(out, ignore_errors=True)
    return train_once(out)


def main(kind: str, folder: Path, every: int) -> None:
    """Print how often each end was seen, as JSON. Fails with an assertion if something is lost."""
    install()
    fail = {"run": fail_runs, "train": fail_trainings}[kind]
    (folder / "ENOSPC").mkdir(parents=True), (folder / "EIO").mkdir()
    ends = {name: fail(folder / name, getattr(errno, name), every) for name in ("ENOSPC", "EIO")}
    print(json.dumps(ends))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
