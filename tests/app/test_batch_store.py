from __future__ import annotations

from pathlib import Path

import pytest

from img2imgkit.app.batch_store import Batch, BatchStore
from img2imgkit.errors import RequestError


def batch(name: str) -> Batch:
    return Batch("", name, "model", f"name: {name}\n", "/in", "/out")


def test_batches_keep_their_order_over_a_restart(tmp_path: Path) -> None:
    store = BatchStore(tmp_path)
    ids = [store.add(batch(name)).id for name in "abc"]
    store.move_first(ids[2])
    store.want(ids[0], "cancel")
    store.close()
    again = BatchStore(tmp_path)
    assert [(each.name, each.wanted) for each in again.all()] == [("c", "run"), ("a", "cancel"), ("b", "run")]
    again.pause_all()
    assert [each.wanted for each in again.all()] == ["pause", "cancel", "pause"]


def test_the_pipeline_of_a_batch_is_a_file_for_runs(tmp_path: Path) -> None:
    store = BatchStore(tmp_path)
    made = store.add(batch("ä"))
    assert store.pipeline_file(made.id).read_text(encoding="utf-8") == store.get(made.id).pipeline == "name: ä\n"
    store.remove(made.id)
    assert not store.pipeline_file(made.id).exists()
    with pytest.raises(RequestError, match="no such batch"):
        store.get(made.id)


def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    BatchStore(tmp_path)
    assert (tmp_path / "batches.sqlite").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "pipelines").stat().st_mode & 0o777 == 0o700
