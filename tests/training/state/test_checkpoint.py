"""Checkpoints: complete restore, atomic writes, and no change on errors."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from img2imgkit.errors import TrainingError
from img2imgkit.training.state import checkpoint


def state_of(seed: int) -> dict[str, tf.Variable]:
    random = np.random.default_rng(seed)
    return {
        "generators/net/0000": tf.Variable(random.normal(size=(3, 2)).astype(np.float32)),
        "optimizer/generators/0000": tf.Variable(seed, dtype=tf.int64),
        "generators/net/0001": tf.Variable(np.uint32([seed, 9])),
    }


def test_restores_every_variable_and_the_step(tmp_path: Path) -> None:
    saved, fresh = state_of(1), state_of(2)
    checkpoint.save(tmp_path, 7, checkpoint.copied(saved), keep=2)
    assert checkpoint.restore(tmp_path, fresh) == 7
    for name, variable in saved.items():
        np.testing.assert_array_equal(fresh[name].numpy(), variable.numpy())
        assert fresh[name].dtype == variable.dtype


def test_nothing_to_restore_is_step_zero(tmp_path: Path) -> None:
    assert checkpoint.restore(tmp_path / "none", state_of(1)) == 0


def test_keeps_the_newest_in_numeric_order(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        checkpoint.save(tmp_path, step, checkpoint.copied(state_of(step)), keep=2)
    assert [path.name for path in checkpoint.listed(tmp_path)] == ["step-000000010.npz", "step-000000100.npz"]


def test_a_partially_written_checkpoint_is_ignored(tmp_path: Path) -> None:
    whole = checkpoint.save(tmp_path, 5, checkpoint.copied(state_of(5)), keep=2)
    (tmp_path / "step-000000006.tmp").write_bytes(whole.read_bytes()[:100])
    fresh = state_of(0)
    assert checkpoint.restore(tmp_path, fresh) == 5


def test_a_failed_write_keeps_the_previous_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.save(tmp_path, 5, checkpoint.copied(state_of(5)), keep=1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TrainingError, match=r"step-000000006\.npz: cannot write it: No space .*resume the run"):
        checkpoint.save(tmp_path, 6, checkpoint.copied(state_of(6)), keep=1)
    assert [path.name for path in checkpoint.listed(tmp_path)] == ["step-000000005.npz"]


class FullDisk:
    """Lets the n-th operation on a file fail with an error, and all later ones if it lasts."""

    def __init__(self, moment: int, lasting: bool, patch: pytest.MonkeyPatch) -> None:
        self.left, self.lasting, self.failed = moment, lasting, 0
        for owner, name in ((Path, "mkdir"), (Path, "replace"), (Path, "unlink"), (os, "fsync"), (os, "open")):
            patch.setattr(owner, name, self.counted(getattr(owner, name)))
        opened = self.counted(Path.open)
        patch.setattr(
            Path, "open", lambda path, *how: Handle(opened(path, *how), self) if how == ("xb",) else opened(path, *how)
        )

    def counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **more: Any) -> Any:
            self.left -= 1
            if self.left == 0 or (self.lasting and self.left < 0):
                self.failed += 1
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*arguments, **more)

        return counting


class Handle:
    """A file whose writes count as operations, and its closing, which may write what is buffered."""

    def __init__(self, handle: Any, disk: FullDisk) -> None:
        self._handle = handle
        self.write, self.flush = disk.counted(handle.write), disk.counted(handle.flush)
        self._closed = disk.counted(lambda: None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()
        self._closed()


@pytest.mark.parametrize("lasting", [False, True])
def test_a_disk_that_is_full_at_any_operation_leaves_the_last_good_checkpoint(tmp_path: Path, lasting: bool) -> None:
    checkpoint.save(tmp_path / "one", 5, checkpoint.copied(state_of(5)), keep=1)
    wanted = {5: checkpoint.digest(tmp_path / "one" / "step-000000005.npz")}
    wanted[6] = checkpoint.digest(checkpoint.save(tmp_path / "two", 6, checkpoint.copied(state_of(6)), keep=1))
    for moment in itertools.count(1):
        folder = tmp_path / f"{moment}"
        shutil.copytree(tmp_path / "one", folder)
        with pytest.MonkeyPatch.context() as patch:
            disk = FullDisk(moment, lasting, patch)
            with suppress(TrainingError):
                checkpoint.save(folder, 6, checkpoint.copied(state_of(6)), keep=1)
        found = checkpoint.listed(folder)
        for path in found:
            assert checkpoint.digest(path) == wanted[checkpoint.step_of(path)]
        assert found
        checkpoint.save(folder, 6, checkpoint.copied(state_of(6)), keep=1)  # when there is space again
        assert [path.name for path in folder.iterdir()] == ["step-000000006.npz"]
        if not disk.failed:
            break
    assert moment > 30


def test_a_damaged_checkpoint_is_named_with_a_remedy(tmp_path: Path) -> None:
    path = checkpoint.save(tmp_path, 5, checkpoint.copied(state_of(5)), keep=2)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TrainingError, match=r"step-000000005\.npz: cannot read.*delete it to resume"):
        checkpoint.restore(tmp_path, state_of(0))


def test_a_checkpoint_of_other_networks_changes_nothing(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 5, checkpoint.copied(state_of(5)), keep=2)
    other = {**state_of(0), "generators/net/0000": tf.Variable(np.zeros((4, 4), np.float32))}
    before = {name: variable.numpy() for name, variable in other.items()}
    with pytest.raises(TrainingError, match=r"'generators/net/0000' has shape \(3, 2\), expected \(4, 4\)"):
        checkpoint.restore(tmp_path, other)
    more = {**state_of(0), "average/net/0000": tf.Variable(0.0)}
    with pytest.raises(TrainingError, match="'average/net/0000' is only in one of them"):
        checkpoint.restore(tmp_path, more)
    for name, value in before.items():
        np.testing.assert_array_equal(other[name].numpy(), value)


def test_the_digest_depends_on_the_content_only(tmp_path: Path) -> None:
    one = checkpoint.save(tmp_path / "one", 5, checkpoint.copied(state_of(5)), keep=2)
    again = checkpoint.save(tmp_path / "again", 5, checkpoint.copied(dict(reversed(state_of(5).items()))), keep=2)
    assert checkpoint.digest(one) == checkpoint.digest(again)
    changed, renamed, reshaped = state_of(5), state_of(5), state_of(5)
    changed["generators/net/0000"][0, 0].assign(np.nextafter(changed["generators/net/0000"][0, 0], np.float32(9)))
    renamed["other"] = renamed.pop("generators/net/0001")
    reshaped["generators/net/0000"] = tf.reshape(reshaped["generators/net/0000"], (2, 3))
    others = [
        checkpoint.save(tmp_path / str(number), step, checkpoint.copied(state), keep=2)
        for number, (step, state) in enumerate([(6, state_of(5)), (5, changed), (5, renamed), (5, reshaped)])
    ]
    assert len({checkpoint.digest(path) for path in (one, *others)}) == 5
